/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "archive/encrypted_file.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/answer.h"
#include "cli/progress_bar.h"
#include "cli/text.h"
#include "program/units.h"
#include "cli/verb.h"

#define CHUNK_SIZE ENCRYPTED_FRAME_SIZE

static int copy(struct encrypted_file *from, int to, const struct progress *progress, struct error *err)
{
        _cleanup_free_ uint8_t *chunk = malloc(CHUNK_SIZE);
        uint64_t size = encrypted_file_size(from), done = 0;
        int ret = chunk ? 0 : error_oom(err);

        while (ret == 0 && done < size) {
                size_t part = size - done < CHUNK_SIZE ? (size_t)(size - done) : CHUNK_SIZE;

                ret = encrypted_file_read(from, done, chunk, part, err);
                if (ret == 0 && (ret = file_write_full(to, chunk, part)) < 0)
                        ret = error_errno(err, -ret, "cannot write the archive");
                done += part;
                progress_step(progress, "decrypt", done, size);
                if (ret == 0 && progress_cancelled(progress))
                        ret = error_set(err, &ERROR_CANCELLED, -ECANCELED, "decrypting was cancelled");
        }
        return ret;
}

static int open_encrypted(const char *path, struct encrypted_file **out, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        bool is_one = false;
        struct stat st;
        int ret;

        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno(err, errno, "cannot open `%s`", path);
        ret = encrypted_file_is_one(fd, 0, path, &is_one, err);
        if (ret == 0 && !is_one)
                ret = error_set(err, &ERROR_USAGE, -EINVAL, "`%s` is not an encrypted archive", path);
        return ret < 0 ? ret : encrypted_file_open(fd, 0, (uint64_t)st.st_size, path, out, err);
}

static int decrypt(const char *from, const char *to, const struct progress *progress, uint64_t *size,
                   struct error *err)
{
        _cleanup_encrypted_file_ struct encrypted_file *file = NULL;
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        int ret = open_encrypted(from, &file, err);

        if (ret == 0)
                ret = file_writer_open(to, false, &writer, err);
        if (ret == 0)
                ret = copy(file, file_writer_fd(writer), progress, err);
        if (ret < 0)
                return ret;
        *size = encrypted_file_size(file);
        return file_writer_commit(writer, err);
}

static int print(const struct cli *cli, const char *path, uint64_t size, uint64_t us, struct error *err)
{
        char size_text[UNIT_TEXT_SIZE], time[UNIT_TEXT_SIZE];
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        yyjson_mut_val *root;

        if (!cli->json) {
                fputs("Decrypted: ", stdout);
                text_print_safe(path, stdout);
                printf(" (%s in %s)\n", size_format(size, size_text), duration_format(us, time));
                return 0;
        }
        doc = answer_new();
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "path", path);
        yyjson_mut_obj_add_uint(doc, root, "size", size);
        yyjson_mut_obj_add_uint(doc, root, "timeUs", us);
        return answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        uint64_t start = clock_monotonic_us(), size = 0;
        int ret = decrypt(argv[0], argv[1], progress_bar_progress(bar), &size, err);

        progress_bar_finish(bar);
        return ret < 0 ? ret : print(cli, argv[1], size, clock_monotonic_us() - start, err);
}

const struct verb verb_decrypt = {
        .name = "decrypt",
        .usage = "FILE OUT",
        .summary = "write an encrypted archive in the clear",
        .description =
                "Writes the new file OUT: the archive as it was before `checkpointctl encrypt`. OUT appears "
                "only when every byte has been proven to be what was encrypted. To look into an archive, or "
                "to restore it, it need not be decrypted first.",
        .examples = "checkpointctl decrypt web.tar.enc web.tar --decryption-key alice.key:file=passphrase\t"
                    "with a key that has a passphrase\n"
                    "SNAP_DECRYPTION_KEY=alice.key checkpointctl decrypt web.tar.enc web.tar\t"
                    "with the key that the environment names",
        .argument = ARGUMENT_FILE,
        .arguments_min = 2,
        .arguments_max = 2,
        .is_long = true,
        .opens_checkpoints = true,
        .run = run,
};
