/* SPDX-License-Identifier: Apache-2.0 */
/* Records of pax extended headers (POSIX.1-2017 pax, "pax Header Block"). */
#include "archive/tar.h"

#include <errno.h>
#include "archive/errors.h"

static int malformed(struct error *err)
{
        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "a pax header is malformed");
}

int tar_pax_next(struct slice *records, struct slice *key, struct slice *value, struct error *err)
{
        struct slice record;
        size_t length = 0, i = 0;

        if (records->size == 0)
                return 0;
        for (; i < records->size && records->data[i] >= '0' && records->data[i] <= '9'; i++) {
                length = length * 10 + (size_t)(records->data[i] - '0');
                if (length > records->size)
                        return malformed(err);
        }
        if (i == 0 || i == records->size || records->data[i] != ' ' || length < i + 3 ||
            !slice_take(records, length, &record) || record.data[length - 1] != '\n')
                return malformed(err);

        struct slice text = {record.data + i + 1, length - i - 2};
        const uint8_t *equals = memchr(text.data, '=', text.size);
        if (!equals || equals == text.data)
                return malformed(err);
        *key = (struct slice){text.data, (size_t)(equals - text.data)};
        *value = (struct slice){equals + 1, text.size - key->size - 1};
        return 1;
}

static bool slice_is(struct slice slice, const char *text)
{
        return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

static bool text_apply(struct slice value, char out[TAR_NAME_SIZE])
{
        if (value.size == 0 || value.size >= TAR_NAME_SIZE || memchr(value.data, '\0', value.size))
                return false;
        memcpy(out, value.data, value.size);
        out[value.size] = '\0';
        return true;
}

static bool number_apply(struct slice value, uint64_t limit, uint64_t *out)
{
        uint64_t number = 0;

        if (value.size == 0)
                return false;
        for (size_t i = 0; i < value.size; i++) {
                uint8_t digit = (uint8_t)(value.data[i] - '0');

                if (digit > 9 || mul_overflow(number, 10, &number) || add_overflow(number, digit, &number) ||
                    number > limit)
                        return false;
        }
        *out = number;
        return true;
}

static bool id_apply(struct slice value, uint32_t *out)
{
        uint64_t number;

        if (!number_apply(value, UINT32_MAX, &number))
                return false;
        *out = (uint32_t)number;
        return true;
}

/* Seconds, perhaps negative, perhaps with a fraction, which is rounded down. */
static bool time_apply(struct slice value, int64_t *out)
{
        struct slice sign, fraction;
        bool negative = value.size > 0 && value.data[0] == '-';
        uint64_t seconds, ignored;
        bool exact = true;

        if (negative)
                slice_take(&value, 1, &sign);
        const uint8_t *dot = value.size ? memchr(value.data, '.', value.size) : NULL;
        if (dot) {
                fraction = (struct slice){dot + 1, (size_t)(value.data + value.size - dot - 1)};
                value.size = (size_t)(dot - value.data);
                while (fraction.size > 0 && fraction.data[fraction.size - 1] == '0')
                        fraction.size--;
                exact = fraction.size == 0;
                if (!exact && (fraction.size > 18 || !number_apply(fraction, UINT64_MAX, &ignored)))
                        return false;
        }
        if (!number_apply(value, INT64_MAX - 1, &seconds))
                return false;
        *out = negative ? -(int64_t)seconds - !exact : (int64_t)seconds;
        return true;
}

int tar_pax_apply(struct slice records, struct tar_entry *entry, struct error *err)
{
        struct slice key, value;
        uint64_t size;
        int r;

        while ((r = tar_pax_next(&records, &key, &value, err)) > 0) {
                bool good = true;

                if (slice_is(key, "path"))
                        good = text_apply(value, entry->name);
                else if (slice_is(key, "linkpath"))
                        good = text_apply(value, entry->link);
                else if (slice_is(key, "uid"))
                        good = id_apply(value, &entry->uid);
                else if (slice_is(key, "gid"))
                        good = id_apply(value, &entry->gid);
                else if (slice_is(key, "mtime"))
                        good = time_apply(value, &entry->mtime);
                else if (slice_is(key, "size")) {
                        good = number_apply(value, TAR_SIZE_LIMIT, &size);
                        if (good && tar_type_has_contents(entry->type))
                                entry->size = size;
                } else if (key.size > 10 && memcmp(key.data, "GNU.sparse", 10) == 0)
                        /* The contents would be a map and fragments, not the file. */
                        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG,
                                         "'%s' is stored as a GNU sparse file, which is not understood",
                                         entry->name);
                if (!good)
                        return malformed(err);
        }
        return r;
}
