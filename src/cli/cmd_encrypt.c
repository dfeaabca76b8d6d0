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
#include "oci/location.h"
#include "program/units.h"
#include "cli/verb.h"
#include "crypto/key_ring.h"

static struct option_list recipient_files;
static const char *passphrase_file;

static const struct option_spec options[] = {
        {"recipient", 0, OPTION_LIST, &recipient_files, "FILE",
         "encrypt for this certificate or public key (PEM); may be repeated"},
        {"passphrase-file", 0, OPTION_TEXT, &passphrase_file, "FILE",
         "encrypt with the passphrase in FILE, in its place or as well"},
};

#define CHUNK_SIZE (1 * MIB)

struct job {
        const char *from, *to;
        const struct progress *progress;
        struct recipients recipients;
        uint64_t size; /* of what was encrypted */
};

static int copy(struct job *job, int fd, struct encrypted_writer *writer, struct error *err)
{
        _cleanup_free_ uint8_t *chunk = malloc(CHUNK_SIZE);
        struct stat st;

        if (!chunk)
                return error_oom(err);
        if (fstat(fd, &st) < 0)
                return error_errno(err, errno, "cannot read `%s`", job->from);
        for (;;) {
                ssize_t n = file_read_full(fd, chunk, CHUNK_SIZE);
                int ret;

                if (n < 0)
                        return error_errno(err, (int)-n, "cannot read `%s`", job->from);
                if (n == 0)
                        return encrypted_writer_finish(writer, err);
                ret = encrypted_writer_append(writer, (struct slice){chunk, (size_t)n}, err);
                if (ret < 0)
                        return ret;
                job->size += (uint64_t)n;
                progress_step(job->progress, "encrypt", job->size, (uint64_t)st.st_size);
                if (progress_cancelled(job->progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "encrypting was cancelled");
        }
}

static int open_plain(const char *path, const struct progress *progress, struct error *err)
{
        int fd = location_open_bytes(path, progress, err);
        bool is_one = false;
        int ret;

        if (fd < 0)
                return fd;
        ret = encrypted_file_is_one(fd, 0, path, &is_one, err);
        if (ret == 0 && is_one)
                ret = error_set(err, &ERROR_USAGE, -EINVAL, "`%s` is encrypted already", path);
        if (ret == 0)
                return fd;
        close(fd);
        return ret;
}

static int write_encrypted(struct job *job, struct error *err)
{
        _cleanup_encrypted_writer_ struct encrypted_writer *writer = NULL;
        _cleanup_file_writer_ struct file_writer *file = NULL;
        _cleanup_close_ int fd = open_plain(job->from, job->progress, err);
        int ret = fd < 0 ? fd : file_writer_open(job->to, false, &file, err);

        if (ret == 0)
                ret = encrypted_writer_new(file_writer_fd(file), &job->recipients, &writer, err);
        if (ret == 0)
                ret = copy(job, fd, writer, err);
        return ret < 0 ? ret : file_writer_commit(file, err);
}

static int load_recipients(struct key **keys, struct secret_memory *passphrase, struct recipients *out,
                           struct error *err)
{
        int ret = 0;

        for (size_t i = 0; i < recipient_files.count && ret == 0; i++) {
                ret = key_load_public(recipient_files.items[i], &keys[i], err);
                out->count += ret == 0;
        }
        if (ret == 0 && passphrase_file)
                ret = passphrase_load(passphrase_file, passphrase, err);
        out->keys = (const struct key *const *)keys;
        out->passphrase = secret_memory_slice(passphrase);
        return ret;
}

static int print(const struct cli *cli, const struct job *job, uint64_t us, struct error *err)
{
        char size[UNIT_TEXT_SIZE], time[UNIT_TEXT_SIZE], rate[UNIT_TEXT_SIZE];
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        yyjson_mut_val *root;

        if (!cli->json) {
                fputs("Encrypted: ", stdout);
                text_print_safe(job->to, stdout);
                rate_format(job->size, us, rate);
                printf(" (%s in %s%s%s)\n", size_format(job->size, size), duration_format(us, time),
                       rate[0] ? ", " : "", rate);
                return 0;
        }
        doc = answer_new();
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "path", job->to);
        yyjson_mut_obj_add_uint(doc, root, "size", job->size);
        yyjson_mut_obj_add_uint(doc, root, "timeUs", us);
        return answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        struct job job = {.from = argv[0], .to = argv[1], .progress = progress_bar_progress(bar)};
        _cleanup_secret_memory_ struct secret_memory passphrase = {0};
        struct key *keys[OPTION_LIST_MAX] = {0};
        uint64_t start = clock_monotonic_us();
        int ret;

        if (!recipient_files.count && !passphrase_file)
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "for whom? Give --recipient or --passphrase-file");
        ret = load_recipients(keys, &passphrase, &job.recipients, err);
        if (ret == 0)
                ret = write_encrypted(&job, err);
        progress_bar_finish(bar);
        for (size_t i = 0; i < job.recipients.count; i++)
                key_free(keys[i]);
        return ret < 0 ? ret : print(cli, &job, clock_monotonic_us() - start, err);
}

const struct verb verb_encrypt = {
        .name = "encrypt",
        .usage = "FILE OUT",
        .summary = "encrypt an archive for people or with a passphrase",
        .description =
                "Writes the new file OUT, which holds the archive FILE as it is, encrypted with AES-256-GCM "
                "under "
                "a key of its own. Each --recipient can open it alone with the private key. Every verb reads "
                "such "
                "an archive in place: see --decryption-key. FILE stays; remove it when it is not needed.",
        .examples = "checkpointctl encrypt web.tar web.tar.enc --recipient alice.crt --recipient bob.pub\t"
                    "for two people\n"
                    "checkpointctl inspect web.tar.enc --decryption-key alice.key\tlook into it",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 2,
        .arguments_max = 2,
        .is_long = true,
        .run = run,
};
