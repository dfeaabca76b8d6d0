/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a translation as a tar. */
#include <errno.h>
#include "archive/stream.h"
#include "archive/tar.h"
#include "oci/translate_private.h"

#define COPY_SIZE (64 * KIB)

static int write_header(const char *name, uint32_t mode, uint64_t size, translation_sink sink, void *context,
                        struct error *err)
{
        struct tar_entry entry = {.type = TAR_FILE, .mode = mode, .size = size};
        _cleanup_buffer_ struct buffer header = {0};

        snprintf(entry.name, sizeof(entry.name), "%s", name);
        if (tar_header_append(&entry, NULL, 0, &header) < 0)
                return error_oom(err);
        return sink(context, buffer_slice(&header), err);
}

static int write_padding(uint64_t size, translation_sink sink, void *context, struct error *err)
{
        static const uint8_t zeros[TAR_BLOCK];

        return sink(context, (struct slice){zeros, (size_t)(tar_padded(size) - size)}, err);
}

static int write_copy(const struct translation *translation, const struct archive_member *member,
                      translation_sink sink, void *context, struct error *err)
{
        _cleanup_free_ uint8_t *copy = malloc(COPY_SIZE);
        _cleanup_stream_ struct stream *stream = NULL;
        uint64_t left = member->size;
        int ret =
                copy ? stream_open_member(translation->archive, member, false, &stream, err) : error_oom(err);

        while (ret == 0 && left) {
                ssize_t n = stream_read(stream, copy, left < COPY_SIZE ? (size_t)left : COPY_SIZE, err);

                if (n < 0)
                        return (int)n;
                if (n == 0)
                        return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG, "`%s` is cut short",
                                         archive_path(translation->archive));
                left -= (uint64_t)n;
                ret = sink(context, (struct slice){copy, (size_t)n}, err);
        }
        return ret;
}

static int write_member(const struct translation *translation, const struct translated_member *member,
                        translation_sink sink, void *context, struct error *err)
{
        uint64_t size = member->from ? member->from->size : member->bytes.size;
        int ret = write_header(member->name, member->from ? member->from->mode : 0600, size, sink, context,
                               err);

        if (ret == 0)
                ret = member->from ? write_copy(translation, member->from, sink, context, err)
                                   : sink(context, buffer_slice(&member->bytes), err);
        return ret == 0 ? write_padding(size, sink, context, err) : ret;
}

int translation_write(const struct translation *translation, translation_sink sink, void *context,
                      struct error *err)
{
        int ret = 0;

        for (size_t i = 0; i < translation->count && ret == 0; i++)
                ret = write_member(translation, &translation->members[i], sink, context, err);
        if (ret < 0 || !translation->diff.size)
                return ret;
        ret = write_header("rootfs-diff.tar", 0600, translation->diff.size, sink, context, err);
        if (ret == 0)
                ret = translate_diff_write(translation, sink, context, err);
        return ret == 0 ? write_padding(translation->diff.size, sink, context, err) : ret;
}
