/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/extract.h"

#include <errno.h>
#include <fcntl.h>
#include "archive/internal.h"
#include "archive/walk.h"
#include "base/file.h"

#define BUFFER_SIZE (1 * MIB)

struct extraction {
        const struct archive *archive; /* NULL: a layer of one */
        const char *what;              /* names it in errors */
        const char *prefix;
        int dir;
        uint8_t *buffer;
        const struct progress *progress;
        uint64_t done, total; /* bytes */
        size_t left;          /* files still to come */
};

/* Contents come from a walk over the whole tar, which reads it once, or from a file of a directory. */
struct source {
        struct tar_walk *walk;
        struct stream *stream;
};

static ssize_t source_read(const struct source *source, void *data, size_t size, struct error *err)
{
        return source->walk ? tar_walk_read(source->walk, data, size, err)
                            : stream_read(source->stream, data, size, err);
}

/* Writes the contents and looks whether they are what was captured, as far as the archive says. */
static int contents_copy(struct extraction *extraction, const struct source *source,
                         const struct archive_member *member, int fd, struct error *err)
{
        uint64_t size = 0;
        uint32_t crc = 0;
        ssize_t n;

        while ((n = source_read(source, extraction->buffer, BUFFER_SIZE, err)) > 0) {
                int ret = file_write_full(fd, extraction->buffer, (size_t)n);

                if (ret < 0)
                        return error_errno(err, -ret, "`%s`: write member `%s`", extraction->what,
                                           member->name);
                if (member->has_digest)
                        crc = crc32c_update(crc, extraction->buffer, (size_t)n);
                size += (uint64_t)n;
                extraction->done += (uint64_t)n;
                progress_step(extraction->progress, "extract", extraction->done, extraction->total);
                if (progress_cancelled(extraction->progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        }
        if (n < 0)
                return (int)n;
        if (size != member->size)
                return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG,
                                 "`%s`: member `%s` has %llu bytes, not %llu", extraction->what, member->name,
                                 (unsigned long long)size, (unsigned long long)member->size);
        if (member->has_digest && crc != member->crc)
                return error_set(err, &ERROR_ARCHIVE_DIGEST, -EBADMSG,
                                 "`%s`: member `%s` is not what was captured", extraction->what,
                                 member->name);
        return 0;
}

/* A new file beneath `dir`, with the directories before it. Returns a descriptor. */
static int file_make(int dir, const char *name, struct error *err)
{
        const char *slash = strrchr(name, '/');
        int fd;

        if (slash) {
                _cleanup_free_ char *parent = strndup(name, (size_t)(slash - name));
                int ret = parent ? file_mkdir_beneath(dir, parent, err) : error_oom(err);

                if (ret < 0)
                        return ret;
        }
        fd = file_open_beneath(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        return fd < 0 ? error_errno(err, -fd, "create `%s`", name) : fd;
}

/* The name beneath the prefix; NULL when the member is not there. */
static const char *name_beneath(const struct extraction *extraction, const struct archive_member *member)
{
        if (!text_starts_with(member->name, extraction->prefix))
                return NULL;
        return member->name + strlen(extraction->prefix);
}

/* `name` without the prefix, if there is one. */
static int member_extract(struct extraction *extraction, const struct source *source,
                          const struct archive_member *member, const char *name, struct error *err)
{
        _cleanup_close_ int fd = -1;

        if (member->type == TAR_DIRECTORY)
                return file_mkdir_beneath(extraction->dir, name, err);
        fd = file_make(extraction->dir, name, err);
        return fd < 0 ? fd : contents_copy(extraction, source, member, fd, err);
}

static int extract_tar(struct extraction *extraction, struct error *err)
{
        const struct archive *archive = extraction->archive;
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_tar_walk_ struct tar_walk walk = {.what = archive_path(archive)};
        const struct source source = {.walk = &walk};
        int ret = stream_open(archive, &stream, err);

        if (ret < 0)
                return ret;
        walk.stream = stream;
        while (extraction->left > 0 && (ret = tar_walk_next(&walk, err)) > 0) {
                size_t size;
                const char *name = archive_name_normal(walk.entry.name, &size), *beneath;
                const struct archive_member *member;

                walk.entry.name[name - walk.entry.name + (ptrdiff_t)size] = '\0';
                member = archive_find(archive, name);
                beneath = member ? name_beneath(extraction, member) : NULL;
                if (!beneath)
                        continue;
                ret = member_extract(extraction, &source, member, beneath, err);
                if (ret < 0)
                        return ret;
                extraction->left--;
        }
        if (ret < 0)
                return ret;
        return extraction->left == 0 ? 0
                                     : error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG,
                                                 "`%s` changed while it was extracted", walk.what);
}

static int extract_directory(struct extraction *extraction, struct error *err)
{
        const struct archive *archive = extraction->archive;

        for (size_t i = 0; i < archive_count(archive); i++) {
                const struct archive_member *member = archive_at(archive, i);
                _cleanup_stream_ struct stream *stream = NULL;
                const char *name = name_beneath(extraction, member);
                struct source source = {};
                int ret = 0;

                if (!name)
                        continue;
                if (member->type == TAR_FILE)
                        ret = stream_open_member(archive, member, false, &stream, err);
                source.stream = stream;
                if (ret == 0)
                        ret = member_extract(extraction, &source, member, name, err);
                if (ret < 0)
                        return ret;
        }
        return 0;
}

int archive_extract(const struct archive *archive, const char *prefix, int dir,
                    const struct progress *progress, struct error *err)
{
        _cleanup_free_ uint8_t *buffer = malloc(BUFFER_SIZE);
        struct extraction extraction = {
                .archive = archive,
                .what = archive_path(archive),
                .prefix = prefix,
                .dir = dir,
                .buffer = buffer,
                .progress = progress,
        };

        if (!buffer)
                return error_oom(err);
        for (size_t i = 0; i < archive_count(archive); i++) {
                if (!name_beneath(&extraction, archive_at(archive, i)))
                        continue;
                extraction.left++;
                extraction.total += archive_at(archive, i)->size;
        }
        return archive_form(archive) == ARCHIVE_DIRECTORY ? extract_directory(&extraction, err)
                                                          : extract_tar(&extraction, err);
}

/* The current entry of the walk of a layer. */
static int entry_extract(struct extraction *extraction, struct tar_walk *walk, struct error *err)
{
        const struct source source = {.walk = walk};
        struct archive_member member = {.type = walk->entry.type, .size = walk->entry.size};
        _cleanup_free_ char *name = NULL;
        int ret = archive_admit_name(walk->what, walk->entry.name, walk->entry.type, true, &name, err);

        if (ret < 0 || !name || strcmp(name, ARCHIVE_INDEX_NAME) == 0)
                return ret;
        member.name = name;
        ret = member_extract(extraction, &source, &member, name, err);
        return ret == -EEXIST ? error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` has two members `%s`",
                                          walk->what, name)
                              : ret;
}

int archive_extract_layer(enum compression compression, byte_source source, void *context, const char *what,
                          int dir, struct error *err)
{
        _cleanup_free_ uint8_t *buffer = malloc(BUFFER_SIZE);
        struct extraction extraction = {.what = what, .dir = dir, .buffer = buffer};
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_tar_walk_ struct tar_walk walk = {.what = what, .end_optional = true};
        int ret = buffer ? stream_open_source(compression, source, context, what, &stream, err)
                         : error_oom(err);

        if (ret < 0)
                return ret;
        walk.stream = stream;
        for (size_t count = 0; (ret = tar_walk_next(&walk, err)) > 0; count++) {
                if (count == ARCHIVE_MEMBERS_MAX)
                        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG,
                                         "`%s` has more than %d members", what, ARCHIVE_MEMBERS_MAX);
                ret = entry_extract(&extraction, &walk, err);
                if (ret < 0)
                        return ret;
        }
        return ret;
}

int archive_extract_member(const struct archive *archive, const char *name, int dir, const char *to,
                           struct error *err)
{
        const struct archive_member *member = archive_find(archive, name);
        _cleanup_free_ uint8_t *buffer = malloc(BUFFER_SIZE);
        struct extraction extraction = {.what = archive_path(archive), .buffer = buffer};
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_close_ int fd = -1;
        int ret;

        if (!buffer)
                return error_oom(err);
        if (!member)
                return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT, "`%s` has no member `%s`",
                                 archive_path(archive), name);
        ret = stream_open_member(archive, member, false, &stream, err);
        if (ret < 0)
                return ret;
        fd = file_make(dir, to, err);
        return fd < 0 ? fd : contents_copy(&extraction, &(struct source){.stream = stream}, member, fd, err);
}
