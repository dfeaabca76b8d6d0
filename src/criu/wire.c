/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/wire.h"

#include <errno.h>

#define VARINT_BYTES 10 /* 64 bits in groups of 7 */

static bool wire_varint(struct slice *from, uint64_t *out)
{
        uint64_t value = 0;

        for (size_t i = 0; i < from->size && i < VARINT_BYTES; i++) {
                value |= (uint64_t)(from->data[i] & 0x7f) << (7 * i);
                if (from->data[i] & 0x80)
                        continue;
                from->data += i + 1;
                from->size -= i + 1;
                *out = value;
                return true;
        }
        return false;
}

static bool wire_value(struct slice *record, struct wire_field *out)
{
        struct slice raw;

        switch (out->type) {
        case WIRE_VARINT:
                return wire_varint(record, &out->value);
        case WIRE_FIXED64:
                if (!slice_take(record, 8, &raw))
                        return false;
                out->value = load_le64(raw.data);
                return true;
        case WIRE_FIXED32:
                if (!slice_take(record, 4, &raw))
                        return false;
                out->value = load_le32(raw.data);
                return true;
        case WIRE_BYTES:
                return wire_varint(record, &out->value) && slice_take(record, out->value, &out->bytes);
        }
        return false;
}

int wire_next(struct slice *record, struct wire_field *out)
{
        uint64_t tag;

        if (record->size == 0)
                return 0;
        if (!wire_varint(record, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
                return -EBADMSG;
        *out = (struct wire_field){.number = (uint32_t)(tag >> 3), .type = (enum wire_type)(tag & 7)};
        return wire_value(record, out) ? 1 : -EBADMSG;
}

int wire_find(struct slice record, uint32_t number, uint64_t *out)
{
        struct wire_field field;
        int found = 0, r;

        while ((r = wire_next(&record, &field)) > 0) {
                if (field.number != number || field.type != WIRE_VARINT)
                        continue;
                *out = field.value;
                found = 1;
        }
        return r < 0 ? r : found;
}
