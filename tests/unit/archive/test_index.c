/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "archive/index.h"
#include "base/digest.h"

static void add_member(struct archive_index *index, const char *name, enum tar_type type, uint64_t size,
                       uint64_t header, uint64_t contents)
{
        struct archive_index_member member = {
                .type = type,
                .mode = 0600,
                .size = size,
                .header = header,
                .contents = contents,
                .crc = 0x12345678,
        };

        member.name = strdup(name);
        assert_int_equal(archive_index_add_member(index, &member), 0);
        free(member.name);
}

static void make(struct archive_index *index)
{
        index->compression = COMPRESSION_ZSTD;
        add_member(index, "checkpoint", TAR_DIRECTORY, 0, 0, 512);
        add_member(index, "checkpoint/pages-1.img", TAR_FILE, 9000000001, 512, 1024);
        add_member(index, "snap.json", TAR_FILE, 10, 9000001536, 9000003072);
        for (uint64_t i = 0; i < 100; i++)
                assert_int_equal(archive_index_add_frame(index, i * 4 * MIB, i * 1000, (uint32_t)i), 0);
}

static void test_round_trip(void **state)
{
        _cleanup_archive_index_ struct archive_index in = {}, out = {};
        _cleanup_buffer_ struct buffer bytes = {};
        struct error err = {0};

        make(&in);
        assert_int_equal(archive_index_encode(&in, &bytes, NULL), 0);
        assert_int_equal(bytes.size, archive_index_size(&in, in.frame_count));
        assert_success(archive_index_decode(buffer_slice(&bytes), &out, &err), &err);
        assert_int_equal(out.compression, in.compression);
        assert_int_equal(out.member_count, in.member_count);
        assert_int_equal(out.frame_count, in.frame_count);
        for (size_t i = 0; i < in.member_count; i++) {
                assert_string_equal(out.members[i].name, in.members[i].name);
                assert_int_equal(out.members[i].type, in.members[i].type);
                assert_int_equal(out.members[i].mode, in.members[i].mode);
                assert_true(out.members[i].size == in.members[i].size);
                assert_true(out.members[i].header == in.members[i].header);
                assert_true(out.members[i].contents == in.members[i].contents);
                assert_int_equal(out.members[i].crc, in.members[i].crc);
        }
        for (size_t i = 0; i < in.frame_count; i++) {
                assert_true(out.frames[i].stream == in.frames[i].stream);
                assert_true(out.frames[i].file == in.frames[i].file);
                assert_int_equal(out.frames[i].crc, in.frames[i].crc);
        }
}

/* The layout is a file format: these bytes must not change. */
static void test_bytes_are_fixed(void **state)
{
        static const uint8_t expected[] = {
                'S', 'N', 'A', 'P', 'I', 'D', 'X', '1', 0,    0, 0, 0, 1, 0, 0, 0, 0,    0,    0,    0,
                0,   0,   0,   0,   1,   0,   'a', '0', 0x80, 1, 0, 0, 5, 0, 0, 0, 0,    0,    0,    0,
                0,   2,   0,   0,   0,   0,   0,   0,   0,    4, 0, 0, 0, 0, 0, 0, 0x78, 0x56, 0x34, 0x12,
        };
        _cleanup_archive_index_ struct archive_index in = {};
        _cleanup_buffer_ struct buffer bytes = {};

        add_member(&in, "a", TAR_FILE, 5, 512, 1024);
        assert_int_equal(archive_index_encode(&in, &bytes, NULL), 0);
        assert_int_equal(bytes.size, sizeof(expected) + SHA256_SIZE);
        assert_memory_equal(bytes.data, expected, sizeof(expected));
}

static void test_truncations_and_flipped_bits_are_refused(void **state)
{
        _cleanup_archive_index_ struct archive_index in = {}, out = {};
        _cleanup_buffer_ struct buffer bytes = {};
        struct error err = {0};

        make(&in);
        assert_int_equal(archive_index_encode(&in, &bytes, NULL), 0);
        for (size_t size = 0; size < bytes.size; size++)
                assert_error(archive_index_decode((struct slice){bytes.data, size}, &out, &err), &err,
                             ERROR_ARCHIVE_CORRUPT);
        for (size_t bit = 0; bit < bytes.size * 8; bit++) {
                bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_error(archive_index_decode(buffer_slice(&bytes), &out, &err), &err,
                             ERROR_ARCHIVE_CORRUPT);
                bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
}

/* As somebody would who knows the format and makes the digest match. */
static int decode_forged(struct buffer *bytes, struct error *err)
{
        _cleanup_archive_index_ struct archive_index out = {};
        struct sha256 digest;

        assert_int_equal(sha256_of((struct slice){bytes->data, bytes->size - SHA256_SIZE}, &digest, NULL), 0);
        memcpy(bytes->data + bytes->size - SHA256_SIZE, digest.bytes, SHA256_SIZE);
        return archive_index_decode(buffer_slice(bytes), &out, err);
}

static void test_forged_fields_are_refused(void **state)
{
        static const struct {
                size_t offset, size;
                uint64_t value;
        } forged[] = {
                {8, 4, 4},                 /* compression */
                {8, 4, 0},                 /* not compressed, but frames */
                {12, 4, 4},                /* one member more */
                {12, 4, UINT32_MAX},       /* absurdly many */
                {16, 8, UINT64_MAX},       /* frames */
                {24, 2, 0xffff},           /* length of the first name */
                {24, 2, 0},                /* empty name */
                {41, 8, UINT64_MAX},       /* size of the first member */
                {49, 8, 1},                /* its header not on a block */
                {57, 8, 0},                /* its contents before the end of the header */
                {57, 8, UINT64_MAX - 511}, /* its contents beyond everything */
        };

        for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
                _cleanup_archive_index_ struct archive_index in = {};
                _cleanup_buffer_ struct buffer bytes = {};
                struct error err = {0};

                make(&in);
                assert_int_equal(archive_index_encode(&in, &bytes, NULL), 0);
                assert_success(decode_forged(&bytes, &err), &err);
                memcpy(bytes.data + forged[i].offset, &forged[i].value, forged[i].size);
                assert_error(decode_forged(&bytes, &err), &err, ERROR_ARCHIVE_CORRUPT);
        }
}

static void test_frames_must_ascend(void **state)
{
        _cleanup_archive_index_ struct archive_index in = {};
        _cleanup_buffer_ struct buffer bytes = {};
        struct error err = {0};

        in.compression = COMPRESSION_GZIP;
        assert_int_equal(archive_index_add_frame(&in, 0, 0, 1), 0);
        assert_int_equal(archive_index_add_frame(&in, 4096, 100, 2), 0);
        assert_int_equal(archive_index_add_frame(&in, 4096, 200, 3), 0);
        assert_int_equal(archive_index_encode(&in, &bytes, NULL), 0);
        assert_error(decode_forged(&bytes, &err), &err, ERROR_ARCHIVE_CORRUPT);
}

static void test_tail(void **state)
{
        const struct archive_tail in = {
                .index_file = 70000,
                .tail_file = 71000,
                .index_size = 990,
                .index_stream = 1 << 20,
                .index_crc = 0x12345678,
        };
        uint8_t bytes[ARCHIVE_TAIL_SIZE];
        struct archive_tail out;
        struct error err = {0};

        assert_int_equal(archive_tail_encode(&in, bytes, NULL), 0);
        assert_success(archive_tail_decode(bytes, &out, &err), &err);
        assert_true(out.index_file == in.index_file && out.tail_file == in.tail_file);
        assert_true(out.index_size == in.index_size && out.index_stream == in.index_stream);
        assert_int_equal(out.index_crc, in.index_crc);
        for (size_t bit = 64; bit < sizeof(bytes) * 8; bit++) {
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_error(archive_tail_decode(bytes, &out, &err), &err, ERROR_ARCHIVE_CORRUPT);
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        memset(bytes, 0, sizeof(bytes));
        err.kind = NULL;
        assert_int_equal(archive_tail_decode(bytes, &out, &err), -ENOENT);
        assert_null(err.kind);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_bytes_are_fixed),
                cmocka_unit_test(test_truncations_and_flipped_bits_are_refused),
                cmocka_unit_test(test_forged_fields_are_refused),
                cmocka_unit_test(test_frames_must_ascend),
                cmocka_unit_test(test_tail),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
