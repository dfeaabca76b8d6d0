/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of members: whole, in part, as JSON, and as files of CRIU. */
#include <errno.h>
#include "archive/internal.h"
#include "archive/stream.h"
#include "base/file.h"
#include "base/json.h"

int archive_read(const struct archive *archive, const struct archive_member *member, uint64_t limit,
                 struct buffer *out, struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        ssize_t n;
        int ret;

        if (member->size > limit)
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EFBIG,
                                 "`%s`, member `%s` has %llu bytes, more than the %llu expected of it",
                                 archive->path, member->name, (unsigned long long)member->size,
                                 (unsigned long long)limit);
        ret = stream_open_member(archive, member, false, &stream, err);
        if (ret < 0)
                return ret;
        if (buffer_reserve(out, (size_t)member->size + 1) < 0)
                return error_oom(err);
        n = stream_read(stream, out->data + out->size, (size_t)member->size, err);
        if (n < 0)
                return (int)n;
        if ((uint64_t)n < member->size)
                return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG, "`%s` is cut short in `%s`",
                                 archive->path, member->name);
        out->size += (size_t)n;
        out->data[out->size] = '\0';
        return 0;
}

static bool can_seek(const struct archive *archive, const struct archive_member *member)
{
        const struct part *part;

        if (archive->form == ARCHIVE_DIRECTORY || archive->indexed)
                return true;
        part = archive_part_of(archive, member);
        return part->compression == COMPRESSION_NONE && !part->pipe;
}

int archive_read_at(const struct archive *archive, const struct archive_member *member, uint64_t offset,
                    void *data, size_t size, struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        const struct kept *kept = &archive->kept[member - archive->members];
        ssize_t n;
        int ret;

        if (offset > member->size || size > member->size - offset)
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG,
                                 "`%s`, member `%s` has only %llu bytes; %zu bytes at %llu were asked for",
                                 archive->path, member->name, (unsigned long long)member->size, size,
                                 (unsigned long long)offset);
        if (kept->bytes.data && offset >= kept->from) {
                memcpy(data, kept->bytes.data + (offset - kept->from), size);
                return 0;
        }
        if (kept->spilled && offset >= kept->from) {
                n = file_pread_full(archive->spill, data, size, kept->place + (offset - kept->from));
                return n < (ssize_t)size ? error_errno(err, n < 0 ? (int)-n : EIO,
                                                       "cannot read what was kept of `%s`", archive->path)
                                         : 0;
        }
        if (!can_seek(archive, member))
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "`%s` can only be read forward: parts of `%s` cannot be read", archive->path,
                                 member->name);
        ret = stream_open_member(archive, member, false, &stream, err);
        if (ret < 0)
                return ret;
        ret = stream_skip(stream, offset, err);
        if (ret < 0)
                return ret;
        n = stream_read(stream, data, size, err);
        if (n < 0)
                return (int)n;
        if ((size_t)n < size)
                return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG, "`%s` is cut short in `%s`",
                                 archive->path, member->name);
        return 0;
}

/* Of texts that are larger than this only one is in memory at any time. */
#define TEXT_SMALL (1 * MIB)

static int read_json(const struct archive *archive, const struct archive_member *member, yyjson_doc **out,
                     struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int ret = archive_read(archive, member, JSON_LIMIT, &text, err);

        if (ret < 0)
                return ret;
        ret = json_parse(buffer_slice(&text), member->name, out, err);
        if (ret < 0 && err && ret != -ENOMEM)
                err->kind = &ERROR_ARCHIVE_METADATA;
        return ret < 0 ? error_wrap(err, ret, "`%s`", archive->path) : 0;
}

int archive_read_json(const struct archive *archive, const char *name, yyjson_doc **out, struct error *err)
{
        static pthread_mutex_t large = PTHREAD_MUTEX_INITIALIZER;
        const struct archive_member *member = archive_find(archive, name);
        int ret;

        if (!member)
                return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT, "`%s` has no member `%s`",
                                 archive->path, name);
        if (member->size <= TEXT_SMALL)
                return read_json(archive, member, out, err);
        pthread_mutex_lock(&large);
        ret = read_json(archive, member, out, err);
        pthread_mutex_unlock(&large);
        return ret;
}

/* CRIU's own files are in "checkpoint/"; its statistics and log stand beside it in an archive. */
const struct archive_member *archive_find_image(const struct archive *archive, const char *name)
{
        char path[TAR_NAME_SIZE];
        const struct archive_member *member;

        if (strlen(name) >= sizeof(path) - strlen("checkpoint/"))
                return NULL;
        snprintf(path, sizeof(path), "checkpoint/%s", name);
        member = archive_find(archive, path);
        if (!member && (strcmp(name, "stats-dump") == 0 || strcmp(name, "dump.log") == 0))
                member = archive_find(archive, name);
        return member && member->type == TAR_FILE ? member : NULL;
}

static int missing_image(const struct archive *archive, const char *name, struct error *err)
{
        return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT, "`%s` has no member `checkpoint/%s`",
                         archive->path, name);
}

static int image_size(void *context, const char *name, uint64_t *out, struct error *err)
{
        const struct archive_member *member = archive_find_image(context, name);

        if (!member)
                return missing_image(context, name, err);
        *out = member->size;
        return 0;
}

static int image_read(void *context, const char *name, uint64_t limit, struct buffer *out, struct error *err)
{
        const struct archive_member *member = archive_find_image(context, name);

        if (!member)
                return missing_image(context, name, err);
        return archive_read(context, member, limit, out, err);
}

static int image_list(void *context, int (*each)(void *argument, const char *name, uint64_t size),
                      void *argument, struct error *err)
{
        const struct archive *archive = context;
        int ret = 0;

        for (size_t i = 0; i < archive->count && !ret; i++) {
                const struct archive_member *member = &archive->members[i];
                const char *name = member->name;

                if (text_starts_with(name, "checkpoint/"))
                        name += strlen("checkpoint/");
                else if (strcmp(name, "stats-dump") != 0 && strcmp(name, "dump.log") != 0)
                        continue;
                if (member->type == TAR_FILE && !strchr(name, '/'))
                        ret = each(argument, name, member->size);
        }
        return ret;
}

struct image_reader {
        struct criu_reader reader; /* first: it is what callers have */
        struct stream *stream;
};

static ssize_t image_reader_read(struct criu_reader *reader, void *data, size_t size, struct error *err)
{
        return stream_read(((struct image_reader *)reader)->stream, data, size, err);
}

static void image_reader_close(struct criu_reader *reader)
{
        stream_free(((struct image_reader *)reader)->stream);
        free(reader);
}

static int image_open(void *context, const char *name, struct criu_reader **out, struct error *err)
{
        const struct archive_member *member = archive_find_image(context, name);
        struct image_reader *reader;
        int ret;

        if (!member)
                return missing_image(context, name, err);
        reader = calloc(1, sizeof(*reader));
        if (!reader)
                return error_oom(err);
        reader->reader = (struct criu_reader){image_reader_read, image_reader_close};
        ret = stream_open_member(context, member, false, &reader->stream, err);
        if (ret < 0)
                free(reader);
        else
                *out = &reader->reader;
        return ret;
}

struct criu_source archive_criu_source(struct archive *archive)
{
        return (struct criu_source){.context = archive,
                                    .size = image_size,
                                    .read = image_read,
                                    .list = image_list,
                                    .open = image_open};
}
