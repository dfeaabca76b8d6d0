/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/location.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include "base/file.h"
#include "oci/image.h"

/* Where what comes through a pipe is kept: it may be larger than memory. */
#define SPOOL_DIRECTORY "/var/tmp"
#define SPOOL_CHUNK     (1 * MIB)

/* How long a pipe may be silent until we look whether we are still wanted. */
#define POLL_MS 200

static const char standard_input[] = "standard input";

/* Some bytes of what may keep us waiting; 0: the end. */
static ssize_t read_patiently(int fd, void *data, size_t size, const struct progress *progress,
                              struct error *err)
{
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t n;

        do {
                if (progress_cancelled(progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "reading `%s` was interrupted",
                                         standard_input);
                n = poll(&ready, 1, POLL_MS);
        } while (n == 0 || (n < 0 && errno == EINTR));
        n = read(fd, data, size);
        return n < 0 ? error_errno(err, errno, "cannot read `%s`", standard_input) : n;
}

static int copy_to_file(int from, int to, const struct progress *progress, struct error *err)
{
        _cleanup_free_ uint8_t *chunk = malloc(SPOOL_CHUNK);
        uint64_t done = 0;
        ssize_t n;
        int ret;

        if (!chunk)
                return error_oom(err);
        while ((n = read_patiently(from, chunk, SPOOL_CHUNK, progress, err)) > 0) {
                ret = file_write_full(to, chunk, (size_t)n);
                if (ret < 0)
                        return error_errno(err, -ret, "cannot keep `%s` in a file", standard_input);
                done += (uint64_t)n;
                progress_step(progress, "receive", done, 0);
        }
        return (int)n;
}

/* Returns a descriptor of the file, which stands at its begin. */
static int spool(int fd, const struct progress *progress, struct error *err)
{
        _cleanup_close_ int file = open(SPOOL_DIRECTORY, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        int ret;

        if (file < 0)
                return error_errno(err, errno, "cannot make a file in %s", SPOOL_DIRECTORY);
        ret = copy_to_file(fd, file, progress, err);
        if (ret == 0 && lseek(file, 0, SEEK_SET) < 0)
                ret = error_errno(err, errno, "cannot read a file in %s", SPOOL_DIRECTORY);
        return ret < 0 ? ret : steal_fd(&file);
}

static int open_spooled(int fd, const struct progress *progress, struct archive **out, struct error *err)
{
        _cleanup_close_ int file = spool(fd, progress, err);

        return file < 0 ? file : archive_open_file(file, standard_input, out, err);
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

static int open_standard_input(bool look, const struct progress *progress, struct archive **out,
                               struct error *err)
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
        return look ? archive_open_pipe(STDIN_FILENO, standard_input, progress, out, err)
                    : open_spooled(STDIN_FILENO, progress, out, err);
}

static const struct registry_access *registry_access;

void location_use_registries(const struct registry_access *access)
{
        registry_access = access;
}

/* The number N of "/dev/fd/N", when that is a file or a directory; -1. Opened by its name, it would have to
 * be one that we may open; whoever gave it to us may. */
static int descriptor_of(const char *text)
{
        static const char prefix[] = "/dev/fd/";
        struct stat st;
        char *end;
        long fd;

        if (!text_starts_with(text, prefix))
                return -1;
        fd = strtol(text + strlen(prefix), &end, 10);
        return !*end && fd >= 0 && fd <= INT_MAX && fstat((int)fd, &st) == 0 &&
                               (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
                       ? (int)fd
                       : -1;
}

static int open_image(const char *text, bool look, struct archive **out, struct error *err)
{
        _cleanup_image_reference_ struct image_reference reference = {0};
        int ret = image_reference_parse(text, &reference, err);

        return ret < 0 ? ret : (look ? image_look : image_open)(&reference, registry_access, out, err);
}

static location_opener open_name;

void location_use(location_opener opener)
{
        open_name = opener;
}

static bool is_standard_input(const char *text)
{
        return strcmp(text, "-") == 0;
}

static int open_unread(const char *text, bool look, const struct progress *progress, struct archive **out,
                       struct error *err)
{
        int fd = descriptor_of(text);

        if (fd >= 0)
                return archive_open_file(fd, text, out, err);
        if (is_standard_input(text))
                return open_standard_input(look, progress, out, err);
        if (image_reference_is_one(text))
                return open_image(text, look, out, err);
        return open_name ? open_name(text, out, err) : archive_open_unread(text, out, err);
}

static int open_and_load(const char *text, bool look, const struct progress *progress, struct archive **out,
                         struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        int ret = open_unread(text, look, progress, &archive, err);

        if (ret == 0)
                ret = archive_load(archive, progress, err);
        if (ret == 0)
                *out = steal_ptr(archive);
        return ret;
}

int location_open(const char *text, const struct progress *progress, struct archive **out, struct error *err)
{
        return open_and_load(text, false, progress, out, err);
}

int location_open_unread(const char *text, const struct progress *progress, struct archive **out,
                         struct error *err)
{
        return open_unread(text, false, progress, out, err);
}

int location_look(const char *text, const struct progress *progress, struct archive **out, struct error *err)
{
        return open_and_load(text, true, progress, out, err);
}

int location_open_bytes(const char *text, const struct progress *progress, struct error *err)
{
        struct stat st;
        int fd, ret;

        if (image_reference_is_one(text))
                return error_set(err, &ERROR_USAGE, -EINVAL, "`%s` is an image, not a file", text);
        if (!is_standard_input(text)) {
                fd = open(text, O_RDONLY | O_CLOEXEC);
                return fd < 0 ? error_errno(err, errno, "cannot open `%s`", text) : fd;
        }
        if (fstat(STDIN_FILENO, &st) < 0)
                return error_errno(err, errno, "cannot read `%s`", standard_input);
        if (S_ISREG(st.st_mode)) {
                fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
                return fd < 0 ? error_errno(err, errno, "cannot read `%s`", standard_input) : fd;
        }
        ret = refuse_terminal(err);
        return ret < 0 ? ret : spool(STDIN_FILENO, progress, err);
}

bool location_is_path(const char *text)
{
        return !is_standard_input(text) && !image_reference_is_one(text) && !open_name;
}
