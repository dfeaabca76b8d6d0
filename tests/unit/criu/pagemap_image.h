/* SPDX-License-Identifier: Apache-2.0 */
/* Page maps made by hand, field by field. Include after testing.h. */
#ifndef SNAP_TESTS_CRIU_PAGEMAP_IMAGE_H
#define SNAP_TESTS_CRIU_PAGEMAP_IMAGE_H

#include "base/bytes.h"

/* A pagemap, made of the protobuf fields of its records. */
struct builder {
        struct buffer bytes;
};

static inline void builder_field(struct buffer *record, uint8_t number, uint64_t value)
{
        uint8_t tag = (uint8_t)(number << 3);

        assert_int_equal(buffer_append(record, &tag, 1), 0);
        do {
                uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

                assert_int_equal(buffer_append(record, &byte, 1), 0);
                value >>= 7;
        } while (value);
}

/* Pairs of field number and value, ended by 0. */
static inline void builder_record(struct builder *builder, const uint64_t *fields)
{
        _cleanup_buffer_ struct buffer record = {0};
        uint8_t size[4];

        for (; *fields; fields += 2)
                builder_field(&record, (uint8_t)fields[0], fields[1]);
        store_le32(size, (uint32_t)record.size);
        assert_int_equal(buffer_append(&builder->bytes, size, 4), 0);
        if (record.size)
                assert_int_equal(buffer_append(&builder->bytes, record.data, record.size), 0);
}

#define RECORD(builder, ...) builder_record(builder, (const uint64_t[]){__VA_ARGS__ __VA_OPT__(, ) 0})

static inline void builder_start(struct builder *builder, uint64_t pages_id)
{
        static const uint8_t magic[] = {0x19, 0x43, 0x56, 0x54, 0x25, 0x40, 0x08, 0x56};

        *builder = (struct builder){0};
        assert_int_equal(buffer_append(&builder->bytes, magic, sizeof(magic)), 0);
        RECORD(builder, 1, pages_id);
}

#endif
