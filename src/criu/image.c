/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/image.h"

#include <errno.h>
#include "criu/errors.h"
#include "criu/wire.h"

#define MAGIC_COMMON  0x54564319
#define MAGIC_SERVICE 0x55105940 /* statistics, inode map */

bool criu_image_has_second_magic(uint32_t first)
{
        return first == MAGIC_COMMON || first == MAGIC_SERVICE;
}

static int image_bad(const struct criu_image *image, struct error *err, const char *reason)
{
        return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: %s", image->name, reason);
}

static bool image_word(struct criu_image *image, uint32_t *out)
{
        struct slice word;

        if (!slice_take(&image->rest, 4, &word))
                return false;
        *out = load_le32(word.data);
        return true;
}

int criu_image_open(struct slice bytes, const char *name, const char *expected, struct criu_image *out,
                    struct error *err)
{
        const struct criu_image_kind *kind;

        *out = (struct criu_image){.name = name, .rest = bytes};
        if (!image_word(out, &out->magic))
                return image_bad(out, err, "cut short before its magic");
        if (criu_image_has_second_magic(out->magic) && !image_word(out, &out->magic))
                return image_bad(out, err, "cut short within its magic");
        kind = criu_image_kind_by_magic(out->magic);
        if (!kind)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: unknown magic 0x%08x", name,
                                 out->magic);
        if (expected && strcmp(kind->name, expected) != 0)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: its magic is that of %s, not of %s",
                                 name, kind->name, expected);
        return 0;
}

int criu_image_next(struct criu_image *image, struct slice *record, struct error *err)
{
        uint32_t size;

        if (image->rest.size == 0)
                return 0;
        if (!image_word(image, &size))
                return image_bad(image, err, "cut short within the size of a record");
        if (size > CRIU_RECORD_LIMIT)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: a record of %u bytes is absurd",
                                 image->name, size);
        if (!slice_take(&image->rest, size, record))
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG,
                                 "%s: cut short within a record (%zu of %u bytes)", image->name,
                                 image->rest.size, size);
        image->records++;
        return 1;
}

static int image_check_record(const struct criu_image *image, struct slice record, struct error *err)
{
        struct wire_field field;
        int r;

        while ((r = wire_next(&record, &field)) > 0)
                ;
        return r < 0 ? image_bad(image, err, "a record is not well-formed") : 0;
}

int criu_image_scan(struct slice bytes, const char *name, const char *expected, struct error *err)
{
        struct criu_image image;
        struct slice record;
        int r = criu_image_open(bytes, name, expected, &image, err);

        if (r < 0)
                return r;
        while ((r = criu_image_next(&image, &record, err)) > 0) {
                r = image_check_record(&image, record, err);
                if (r < 0)
                        return r;
                r = criu_image_skip_payload(&image, record, err);
                if (r < 0)
                        return r;
        }
        return r;
}
