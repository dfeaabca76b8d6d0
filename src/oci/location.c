/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/location.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "oci/image.h"

/* Where what comes through a pipe is kept: it may be larger than memory. */
#define SPOOL_DIRECTORY "/var/tmp"
#define SPOOL_CHUNK     (1 * MIB)

static const char standard_input[] = "standard input";

static int copy_to_file(int from, int to, struct error *err)
{
        _cleanup_free_ uint8_t *chunk = malloc(SPOOL_CHUNK);
        ssize_t n = SPOOL_CHUNK;
        int ret;

        if (!chunk)
                return error_oom(err);
        while (n == SPOOL_CHUNK) {
                n = file_read_full(from, chunk, SPOOL_CHUNK);
                if (n < 0)
                        return error_errno(err, (int)-n, "cannot read `%s`", standard_input);
                ret = file_write_full(to, chunk, (size_t)n);
                if (ret < 0)
                        return error_errno(err, -ret, "cannot keep `%s` in a file", standard_input);
        }
        return 0;
}

static int open_spooled(int fd, struct archive **out, struct error *err)
{
        _cleanup_close_ int file = open(SPOOL_DIRECTORY, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        int ret;

        if (file < 0)
                return error_errno(err, errno, "cannot make a file in %s", SPOOL_DIRECTORY);
        ret = copy_to_file(fd, file, err);
        if (ret == 0 && lseek(file, 0, SEEK_SET) < 0)
                ret = error_errno(err, errno, "cannot read a file in %s", SPOOL_DIRECTORY);
        return ret < 0 ? ret : archive_open_file(file, standard_input, out, err);
}

static int refuse_terminal(struct error *err)
{
        int ret;

        if (!isatty(STDIN_FILENO))
                return 0;
        ret = error_set(err, &ERROR_USAGE, -EINVAL, "`%s` is a terminal, not a checkpoint", standard_input);
        error_set_hint(err, "Send one: `checkpointctl VERB - < FILE`.");
        return ret;
}

static int open_standard_input(bool look, struct archive **out, struct error *err)
{
        struct stat st;
        int ret;

        if (fstat(STDIN_FILENO, &st) < 0)
                return error_errno(err, errno, "cannot read `%s`", standard_input);
        if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
                return archive_open_file(STDIN_FILENO, standard_input, out, err);
        ret = refuse_terminal(err);
        if (ret < 0)
                return ret;
        return look ? archive_open_pipe(STDIN_FILENO, standard_input, out, err)
                    : open_spooled(STDIN_FILENO, out, err);
}

static int open_image(const char *text, struct archive **out, struct error *err)
{
        _cleanup_image_reference_ struct image_reference reference = {0};
        int ret = image_reference_parse(text, &reference, err);

        return ret < 0 ? ret : image_open(&reference, NULL, out, err);
}

static bool is_standard_input(const char *text)
{
        return strcmp(text, "-") == 0;
}

static int location_resolve(const char *text, bool look, struct archive **out, struct error *err)
{
        if (is_standard_input(text))
                return open_standard_input(look, out, err);
        if (image_reference_is_one(text))
                return open_image(text, out, err);
        return archive_open(text, out, err);
}

int location_open(const char *text, struct archive **out, struct error *err)
{
        return location_resolve(text, false, out, err);
}

int location_look(const char *text, struct archive **out, struct error *err)
{
        return location_resolve(text, true, out, err);
}

bool location_is_path(const char *text)
{
        return !is_standard_input(text) && !image_reference_is_one(text);
}
