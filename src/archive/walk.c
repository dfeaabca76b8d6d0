/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/walk.h"

#include <errno.h>

/* Long names and pax records of one entry: attributes are at most 64 KiB each, names 4 KiB. */
#define EXTENSION_MAX (1 * MIB)

/* Header blocks before one entry: a long name, a long link, pax records, global ones. */
#define EXTENSIONS_MAX 8

static int truncated(const struct tar_walk *walk, struct error *err)
{
        return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG,
                         "`%s` is cut short: it ends at byte %llu, in the middle of `%s`", walk->what,
                         (unsigned long long)stream_position(walk->stream), walk->entry.name);
}

static int corrupt(const struct tar_walk *walk, const char *reason, struct error *err)
{
        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` is damaged at byte %llu: %s",
                         walk->what, (unsigned long long)stream_position(walk->stream), reason);
}

static bool all_zero(const uint8_t *data, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (data[i])
                        return false;
        return true;
}

ssize_t tar_walk_read(struct tar_walk *walk, void *data, size_t size, struct error *err)
{
        ssize_t n;

        if (size > walk->left)
                size = (size_t)walk->left;
        n = stream_read(walk->stream, data, size, err);
        if (n < 0)
                return n;
        if ((size_t)n < size)
                return truncated(walk, err);
        walk->left -= size;
        return n;
}

/* Did the stream end too early? Other errors of it (bad compression, a wrong digest) stand as they are. */
static bool is_cut(int ret, const struct error *err)
{
        return ret == -EBADMSG && err && err->kind == &ERROR_ARCHIVE_TRUNCATED;
}

int tar_walk_skip(struct tar_walk *walk, uint64_t size, struct error *err)
{
        int ret;

        if (size > walk->left)
                size = walk->left;
        ret = stream_skip(walk->stream, size, err);
        if (ret < 0)
                return is_cut(ret, err) ? truncated(walk, err) : ret;
        walk->left -= size;
        return 0;
}

static int skip_rest(struct tar_walk *walk, struct error *err)
{
        int ret = stream_skip(walk->stream, walk->left + walk->padding, err);

        if (ret < 0)
                return is_cut(ret, err) ? truncated(walk, err) : ret;
        walk->left = walk->padding = 0;
        return 0;
}

/* The second block of zeros. One alone is what is left of a file that was cut. */
static int read_end(struct tar_walk *walk, struct error *err)
{
        uint8_t block[TAR_BLOCK];
        ssize_t n = stream_read(walk->stream, block, sizeof(block), err);

        if (n < 0)
                return (int)n;
        if ((size_t)n < sizeof(block))
                return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG,
                                 "`%s` is cut short: its end marker is not complete", walk->what);
        if (!all_zero(block, sizeof(block)))
                return corrupt(walk, "a header follows a block of zeros", err);
        return 0;
}

/* All writers of today fill the checksum field with six octal digits, NUL, blank; the checksum does not cover
 * itself, so that a flipped bit in its last two bytes shows only here. */
static bool checksum_field_is_common(const uint8_t *block)
{
        for (int i = 148; i < 154; i++)
                if (block[i] < '0' || block[i] > '7')
                        return false;
        return block[154] == 0 && block[155] == ' ';
}

/* 1: a header; 0: the end marker. */
static int read_header(struct tar_walk *walk, struct tar_entry *entry, struct error *err)
{
        bool first = stream_position(walk->stream) == 0;
        uint8_t block[TAR_BLOCK];
        ssize_t n = stream_read(walk->stream, block, sizeof(block), err);
        int ret;

        if (n < 0)
                return (int)n;
        if (first && walk->unproven &&
            ((size_t)n < sizeof(block) || tar_header_parse(block, entry, NULL) != 1))
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EBADMSG, "`%s` is not a tar archive",
                                 walk->what);
        if (n == 0 && walk->end_optional)
                return 0;
        if (n == 0)
                return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG,
                                 "`%s` is cut short: it ends at byte %llu without an end marker", walk->what,
                                 (unsigned long long)stream_position(walk->stream));
        if ((size_t)n < sizeof(block))
                return truncated(walk, err);
        ret = tar_header_parse(block, entry, err);
        if (ret < 0)
                return error_wrap(err, ret, "`%s`, byte %llu", walk->what,
                                  (unsigned long long)(stream_position(walk->stream) - TAR_BLOCK));
        if (ret == 0)
                return read_end(walk, err);
        if (walk->strict && !checksum_field_is_common(block))
                return corrupt(walk, "the checksum field of a header is malformed", err);
        return 1;
}

/* Reads the contents of an extension header. */
static int read_extension(struct tar_walk *walk, uint64_t size, struct buffer *out, struct error *err)
{
        ssize_t n;

        if (size > EXTENSION_MAX)
                return corrupt(walk, "a long name or pax header is absurdly large", err);
        if (buffer_reserve(out, (size_t)size) < 0)
                return error_oom(err);
        walk->left = size;
        walk->padding = (unsigned)(tar_padded(size) - size);
        n = tar_walk_read(walk, out->data, (size_t)size, err);
        if (n < 0)
                return (int)n;
        out->size = (size_t)n;
        return skip_rest(walk, err);
}

static int copy_long(struct tar_walk *walk, const struct buffer *from, char to[TAR_NAME_SIZE],
                     struct error *err)
{
        size_t size = from->size ? strnlen((const char *)from->data, from->size) : 0;

        if (size >= TAR_NAME_SIZE)
                return corrupt(walk, "a name is longer than 4095 bytes", err);
        memcpy(to, from->data, size);
        to[size] = '\0';
        return 0;
}

static int apply_extensions(struct tar_walk *walk, const struct buffer *name, const struct buffer *link,
                            struct error *err)
{
        int ret;

        if (name->size && (ret = copy_long(walk, name, walk->entry.name, err)) < 0)
                return ret;
        if (link->size && (ret = copy_long(walk, link, walk->entry.link, err)) < 0)
                return ret;
        if (walk->records.size && (ret = tar_pax_apply(buffer_slice(&walk->records), &walk->entry, err)) < 0)
                return error_wrap(err, ret, "`%s`, member `%s`", walk->what, walk->entry.name);
        return 0;
}

int tar_walk_next(struct tar_walk *walk, struct error *err)
{
        _cleanup_buffer_ struct buffer name = {0}, link = {0}, ignored = {0};
        int ret = skip_rest(walk, err);

        if (ret < 0)
                return ret;
        buffer_free(&walk->records);
        walk->header = stream_position(walk->stream);
        for (unsigned extensions = 0;; extensions++) {
                struct buffer *extension;

                ret = read_header(walk, &walk->entry, err);
                if (ret == 0 && extensions)
                        return corrupt(walk, "a long name or pax header stands before the end", err);
                if (ret <= 0)
                        return ret;
                if (walk->entry.type == TAR_GNU_LONG_NAME)
                        extension = &name;
                else if (walk->entry.type == TAR_GNU_LONG_LINK)
                        extension = &link;
                else if (walk->entry.type == TAR_PAX)
                        extension = &walk->records;
                else if (walk->entry.type == TAR_PAX_GLOBAL)
                        extension = &ignored;
                else
                        break;
                if (extensions == EXTENSIONS_MAX)
                        return corrupt(walk, "too many extension headers before one member", err);
                buffer_free(extension);
                ret = read_extension(walk, walk->entry.size, extension, err);
                if (ret < 0)
                        return ret;
        }
        ret = apply_extensions(walk, &name, &link, err);
        if (ret < 0)
                return ret;
        if (!tar_type_has_contents(walk->entry.type))
                walk->entry.size = 0;
        walk->contents = stream_position(walk->stream);
        walk->left = walk->entry.size;
        walk->padding = (unsigned)(tar_padded(walk->entry.size) - walk->entry.size);
        return 1;
}

void tar_walk_done(struct tar_walk *walk)
{
        buffer_free(&walk->records);
}
