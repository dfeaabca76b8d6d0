/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "archive/errors.h"
#include "archive/tar.h"
#include "base/file.h"
#include "base/process.h"

static const struct tar_entry plain = {
        .name = "checkpoint/pages-1.img",
        .type = TAR_FILE,
        .mode = 0600,
        .size = 4096,
        .mtime = 1700000000,
};

static void checksum_repair(uint8_t block[TAR_BLOCK])
{
        unsigned sum = 0;
        char text[16];

        memset(block + 148, ' ', 8);
        for (size_t i = 0; i < TAR_BLOCK; i++)
                sum += block[i];
        snprintf(text, sizeof(text), "%06o", sum);
        memcpy(block + 148, text, 7);
}

static void test_ustar_round_trip(void **state)
{
        struct tar_entry in = plain, out;
        uint8_t block[TAR_BLOCK];
        struct error err = {0};

        in.uid = 07777777;
        in.gid = 100;
        assert_true(tar_header_write(&in, block));
        assert_int_equal(tar_header_parse(block, &out, &err), 1);
        assert_string_equal(out.name, in.name);
        assert_string_equal(out.link, "");
        assert_int_equal(out.type, TAR_FILE);
        assert_int_equal(out.mode, 0600);
        assert_int_equal(out.uid, 07777777);
        assert_int_equal(out.gid, 100);
        assert_int_equal(out.size, 4096);
        assert_int_equal(out.mtime, 1700000000);
}

/* Byte for byte what Go's archive/tar writes for a USTAR header, as in archives of Podman 5.8. */
static void test_fields_as_podman_writes_them(void **state)
{
        static const char numbers[] = "0000600\0"
                                      "0000000\0"
                                      "0000000\0"
                                      "00000060650\0"
                                      "00000000000";
        const struct tar_entry entry = {.name = "config.dump", .type = TAR_FILE, .mode = 0600, .size = 25000};
        uint8_t block[TAR_BLOCK];

        assert_true(tar_header_write(&entry, block));
        assert_memory_equal(block + 100, numbers, sizeof(numbers));
        assert_int_equal(block[154], 0);
        assert_int_equal(block[155], ' ');
        assert_int_equal(block[156], '0');
        assert_memory_equal(block + 257, "ustar", 6);
        assert_memory_equal(block + 263, "00", 2);
        assert_memory_equal(block + 329, "0000000", 8);
        assert_memory_equal(block + 337, "0000000", 8);
}

static void test_large_numbers(void **state)
{
        static const uint64_t sizes[] = {8 * GIB - 1, 8 * GIB, 100 * GIB, TAR_SIZE_LIMIT};
        static const int64_t times[] = {0, -1, -86400, 8589934591, 8589934592};
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                for (size_t j = 0; j < ARRAY_SIZE(times); j++) {
                        struct tar_entry in = plain, out;
                        uint8_t block[TAR_BLOCK];

                        in.size = sizes[i];
                        in.mtime = times[j];
                        in.uid = UINT32_MAX;
                        assert_true(tar_header_write(&in, block));
                        assert_int_equal(tar_header_parse(block, &out, &err), 1);
                        assert_true(out.size == in.size);
                        assert_true(out.mtime == in.mtime);
                        assert_int_equal(out.uid, UINT32_MAX);
                }
        }
}

static void test_prefix_splits_long_names(void **state)
{
        struct tar_entry in = plain, out;
        uint8_t block[TAR_BLOCK];
        struct error err = {0};

        memset(in.name, 'd', 155);
        in.name[155] = '/';
        memset(in.name + 156, 'f', 100);
        in.name[256] = '\0';
        assert_true(tar_header_write(&in, block));
        assert_int_equal(tar_header_parse(block, &out, &err), 1);
        assert_string_equal(out.name, in.name);

        memset(in.name + 156, 'f', 101);
        in.name[257] = '\0';
        assert_false(tar_header_write(&in, block));
        in.name[256] = '/'; /* a split there would leave nothing for the name */
        assert_false(tar_header_write(&in, block));
        memset(in.link, 'l', 101);
        strcpy(in.name, "short");
        assert_false(tar_header_write(&in, block));
}

/* Walks a stream with pax headers; its last entry is left in `out`. Returns the number of entries. */
static unsigned walk(struct slice stream, struct tar_entry *out)
{
        struct slice block, contents, records = {};
        struct error err = {0};
        unsigned n = 0;

        while (slice_take(&stream, TAR_BLOCK, &block) && tar_header_parse(block.data, out, &err) == 1) {
                assert_true(slice_take(&stream, tar_padded(out->size), &contents));
                contents.size = out->size;
                if (out->type == TAR_PAX) {
                        records = contents;
                        continue;
                }
                assert_success(tar_pax_apply(records, out, &err), &err);
                records.size = 0;
                n++;
        }
        return n;
}

static void test_names_that_need_pax(void **state)
{
        static const size_t lengths[] = {99, 100, 101, 256, 257, 900, 990, 4095};

        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                _cleanup_buffer_ struct buffer stream = {};
                struct tar_entry in = {.type = TAR_SYMLINK, .mode = 0777}, out;

                memset(in.name, 'n', lengths[i]);
                memset(in.link, 'l', lengths[i]);
                assert_int_equal(tar_header_append(&in, NULL, 0, &stream), 0);
                assert_int_equal(stream.size == TAR_BLOCK, lengths[i] <= 100);
                assert_int_equal(walk(buffer_slice(&stream), &out), 1);
                assert_string_equal(out.name, in.name);
                assert_string_equal(out.link, in.link);
                assert_int_equal(out.type, TAR_SYMLINK);
        }
}

static void test_xattrs(void **state)
{
        const struct tar_xattr xattrs[] = {
                {"user.note", SLICE_TEXT("line\nline=2")},
                {"security.capability", {(const uint8_t *)"\1\0\0\2", 4}},
        };
        const struct tar_xattr bad = {"user.a=b", SLICE_TEXT("x")};
        _cleanup_buffer_ struct buffer stream = {};
        struct slice records, key, value;
        struct tar_entry header;
        struct error err = {0};

        assert_int_equal(tar_header_append(&plain, xattrs, 2, &stream), 0);
        assert_int_equal(tar_header_parse(stream.data, &header, &err), 1);
        assert_int_equal(header.type, TAR_PAX);
        records = (struct slice){stream.data + TAR_BLOCK, header.size};
        for (size_t i = 0; i < ARRAY_SIZE(xattrs); i++) {
                char name[64];

                assert_int_equal(tar_pax_next(&records, &key, &value, &err), 1);
                snprintf(name, sizeof(name), "%.*s", (int)key.size, (const char *)key.data);
                assert_true(text_starts_with(name, TAR_PAX_XATTR));
                assert_string_equal(name + strlen(TAR_PAX_XATTR), xattrs[i].name);
                assert_int_equal(value.size, xattrs[i].value.size);
                assert_memory_equal(value.data, xattrs[i].value.data, value.size);
        }
        assert_int_equal(tar_pax_next(&records, &key, &value, &err), 0);
        assert_int_equal(tar_header_append(&plain, &bad, 1, &stream), -EINVAL);
}

static void test_pax_records(void **state)
{
        static const char records[] = "9 path=a\n"
                                      "14 size=12345\n"
                                      "13 uid=70000\n"
                                      "21 mtime=-2.50000000\n"
                                      "14 comment=hi\n";
        struct tar_entry entry = plain;
        struct error err = {0};

        assert_success(tar_pax_apply(SLICE_TEXT(records), &entry, &err), &err);
        assert_string_equal(entry.name, "a");
        assert_int_equal(entry.size, 12345);
        assert_int_equal(entry.uid, 70000);
        assert_int_equal(entry.mtime, -3);
}

static void test_malformed_pax_is_refused(void **state)
{
        static const char *const bad[] = {
                "x",
                "9",
                "9 ",
                " 9 path=a\n",
                "11 path=a\n",
                "8 path=a\n",
                "9 path=a ",
                "3 \n",
                "6 =ab\n",
                "7 path\n",
                "8 path=\n",
                "99999999999999999999999999 path=a\n",
                "9 size=x\n",
                "11 size=-1\n",
                "28 size=9999999999999999999\n",
                "18 uid=4294967296\n",
                "11 mtime=-\n",
                "22 GNU.sparse.major=1\n",
        };
        const struct slice with_nul = {(const uint8_t *)"12 path=a\0b\n", 12};

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct tar_entry entry = plain;
                struct error err = {0};

                assert_error(tar_pax_apply(SLICE_TEXT(bad[i]), &entry, &err), &err, ERROR_ARCHIVE_CORRUPT);
        }

        struct tar_entry entry = plain;
        struct error err = {0};
        assert_error(tar_pax_apply(with_nul, &entry, &err), &err, ERROR_ARCHIVE_CORRUPT);
}

static void test_malformed_headers_are_refused(void **state)
{
        static const struct {
                size_t offset, size;
                const char *bytes;
        } faults[] = {
                {124, 12, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}, /* size -1 */
                {124, 12, "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"}, /* over 2^62 */
                {124, 12, "\x80\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}, /* over 64 bits */
                {124, 12, "0000000001x"},
                {124, 12, "00000000018"},
                {124, 12, "-0000000001"},
                {108, 8, "\xff\xff\xff\xff\xff\xff\xff\xff"}, /* uid -1 */
                {116, 8, "\x80\x00\x00\x01\x00\x00\x00\x00"}, /* gid over 32 bits */
                {100, 8, "abcdefg"},
                {136, 12, "tomorrow   "},
        };

        for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
                struct tar_entry out;
                struct error err = {0};
                uint8_t block[TAR_BLOCK];

                assert_true(tar_header_write(&plain, block));
                memcpy(block + faults[i].offset, faults[i].bytes, faults[i].size);
                checksum_repair(block);
                assert_error(tar_header_parse(block, &out, &err), &err, ERROR_ARCHIVE_CORRUPT);
        }
}

static void test_every_flipped_bit_is_found(void **state)
{
        uint8_t block[TAR_BLOCK];

        assert_true(tar_header_write(&plain, block));
        for (size_t bit = 0; bit < (size_t)TAR_BLOCK * 8; bit++) {
                struct tar_entry out;

                block[bit / 8] ^= (uint8_t)(1 << bit % 8);
                /* In the checksum a leading zero and a blank, and at its end a NUL and a blank, mean the
                 * same. */
                if (bit / 8 < 148 || bit / 8 >= 156)
                        assert_int_equal(tar_header_parse(block, &out, NULL), -EBADMSG);
                else if (tar_header_parse(block, &out, NULL) == 1)
                        assert_string_equal(out.name, plain.name);
                block[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
}

static void test_zeros_and_old_forms(void **state)
{
        uint8_t block[TAR_BLOCK] = {0};
        struct tar_entry out, in = plain;
        struct error err = {0};

        assert_int_equal(tar_header_parse(block, &out, &err), 0);

        strcpy(in.name, "directory/");
        assert_true(tar_header_write(&in, block));
        block[156] = '\0'; /* before POSIX */
        memcpy(block + 124, "        100 ", 12);
        checksum_repair(block);
        assert_int_equal(tar_header_parse(block, &out, &err), 1);
        assert_int_equal(out.type, TAR_DIRECTORY);
        assert_int_equal(out.size, 0); /* directories have no contents */

        memcpy(block + 257, "ustar  ", 8); /* GNU: times, and no prefix */
        memcpy(block + 345, "14000000000", 11);
        checksum_repair(block);
        assert_int_equal(tar_header_parse(block, &out, &err), 1);
        assert_string_equal(out.name, "directory/");

        in = plain;
        memset(in.name, 'n', 100); /* fills its field: no NUL */
        in.name[100] = '\0';
        assert_true(tar_header_write(&in, block));
        assert_int_equal(tar_header_parse(block, &out, &err), 1);
        assert_int_equal(strlen(out.name), 100);
}

/* What GNU tar lists is what we wrote. */
static void test_gnu_tar_agrees(void **state)
{
        const char *argv[] = {"tar", "--numeric-owner", "--utc", "-tvf", "out.tar", NULL};
        const struct process_options options = {.argv = argv};
        _cleanup_process_result_ struct process_result result = {};
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        _cleanup_buffer_ struct buffer stream = {};
        struct tar_entry entry = {.name = "checkpoint/", .type = TAR_DIRECTORY, .mode = 0700};
        struct error err = {0};

        assert_int_equal(tar_header_append(&entry, NULL, 0, &stream), 0);
        entry = (struct tar_entry){.name = "link",
                                   .link = "target",
                                   .type = TAR_SYMLINK,
                                   .mode = 0777,
                                   .uid = 3000000,
                                   .gid = 7,
                                   .mtime = 86400};
        assert_int_equal(tar_header_append(&entry, NULL, 0, &stream), 0);
        entry = (struct tar_entry){.type = TAR_FILE, .mode = 0640};
        memset(entry.name, 'n', 300);
        assert_int_equal(tar_header_append(&entry, NULL, 0, &stream), 0);
        assert_int_equal(buffer_reserve(&stream, 1024), 0);
        memset(stream.data + stream.size, 0, 1024);
        stream.size += 1024;

        assert_success(file_writer_open("out.tar", false, &writer, &err), &err);
        assert_int_equal(file_write_full(file_writer_fd(writer), stream.data, stream.size), 0);
        assert_success(file_writer_commit(writer, &err), &err);
        assert_success(process_run_checked(&options, &result, &err), &err);
        assert_string_equal(buffer_text(&result.errors), "");
        assert_non_null(strstr(buffer_text(&result.output), "drwx------ 0/0"));
        assert_non_null(strstr(buffer_text(&result.output), "1970-01-02 00:00 link -> target"));
        assert_non_null(strstr(buffer_text(&result.output), "lrwxrwxrwx 3000000/7"));
        assert_non_null(strstr(buffer_text(&result.output), entry.name));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ustar_round_trip),
                cmocka_unit_test(test_fields_as_podman_writes_them),
                cmocka_unit_test(test_large_numbers),
                cmocka_unit_test(test_prefix_splits_long_names),
                cmocka_unit_test(test_names_that_need_pax),
                cmocka_unit_test(test_xattrs),
                cmocka_unit_test(test_pax_records),
                cmocka_unit_test(test_malformed_pax_is_refused),
                cmocka_unit_test(test_malformed_headers_are_refused),
                cmocka_unit_test(test_every_flipped_bit_is_found),
                cmocka_unit_test(test_zeros_and_old_forms),
                cmocka_unit_test_setup_teardown(test_gnu_tar_agrees, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
