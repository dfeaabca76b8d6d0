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

static size_t wire_encode(uint64_t value, uint8_t out[VARINT_BYTES])
{
        size_t size = 0;

        for (; value >= 0x80; value >>= 7)
                out[size++] = (uint8_t)(value | 0x80);
        out[size++] = (uint8_t)value;
        return size;
}

int wire_put(struct buffer *to, const struct wire_field *field)
{
        uint8_t head[2 * VARINT_BYTES + 8];
        size_t size = wire_encode((uint64_t)field->number << 3 | field->type, head);

        switch (field->type) {
        case WIRE_VARINT:
                size += wire_encode(field->value, head + size);
                break;
        case WIRE_FIXED64:
                store_le64(head + size, field->value);
                size += 8;
                break;
        case WIRE_FIXED32:
                store_le32(head + size, (uint32_t)field->value);
                size += 4;
                break;
        case WIRE_BYTES:
                size += wire_encode(field->bytes.size, head + size);
                break;
        }
        if (buffer_append(to, head, size) < 0)
                return -ENOMEM;
        return field->type == WIRE_BYTES ? buffer_append(to, field->bytes.data, field->bytes.size) : 0;
}

int wire_put_number(struct buffer *to, uint32_t number, uint64_t value)
{
        return wire_put(to, &(struct wire_field){.number = number, .type = WIRE_VARINT, .value = value});
}

int wire_put_bytes(struct buffer *to, uint32_t number, struct slice bytes)
{
        return wire_put(to, &(struct wire_field){.number = number, .type = WIRE_BYTES, .bytes = bytes});
}
