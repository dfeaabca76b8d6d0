/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include "testing.h"
#include "base/bytes.h"
#include "base/file.h"
#include "criu/errors.h"
#include "criu/image.h"
#include "criu/wire.h"

/* PSTREE: two magic words, then records of 2 and 0 bytes. */
static const uint8_t tree[] = {0x19, 0x43, 0x56, 0x54, 0x30, 0x30, 0x27, 0x50, 2, 0, 0, 0, 8, 1, 0, 0, 0, 0};

#define SLICE(array) ((struct slice){(array), sizeof(array)})

static void test_records(void **state)
{
        struct error err = {0};
        struct criu_image image;
        struct slice record;

        assert_success(criu_image_open(SLICE(tree), "pstree.img", "PSTREE", &image, &err), &err);
        assert_int_equal(image.magic, 0x50273030);
        assert_int_equal(criu_image_next(&image, &record, &err), 1);
        assert_int_equal(record.size, 2);
        assert_ptr_equal(record.data, tree + 12);
        assert_int_equal(criu_image_next(&image, &record, &err), 1);
        assert_int_equal(record.size, 0);
        assert_int_equal(criu_image_next(&image, &record, &err), 0);
}

static void test_one_magic_word(void **state)
{
        static const uint8_t inventory[] = {0x16, 0x31, 0x31, 0x58};
        struct error err = {0};
        struct criu_image image;

        assert_success(criu_image_open(SLICE(inventory), "inventory.img", "INVENTORY", &image, &err), &err);
        assert_int_equal(image.rest.size, 0);
        assert_error(criu_image_open(SLICE(inventory), "pstree.img", "PSTREE", &image, &err), &err,
                     ERROR_CRIU_IMAGE);
        assert_non_null(strstr(err.text, "pstree.img: its magic is that of INVENTORY"));
}

static void test_service_magic(void **state)
{
        static const uint8_t statistics[] = {0x40, 0x59, 0x10, 0x55, 0x06, 0x33, 0x09, 0x57};
        struct error err = {0};
        struct criu_image image;

        assert_success(criu_image_open(SLICE(statistics), "stats-dump", "STATS", &image, &err), &err);
        assert_string_equal(criu_image_kind_by_magic(image.magic)->name, "STATS");
}

static void test_unknown_magic(void **state)
{
        static const uint8_t other[] = {0x19, 0x43, 0x56, 0x54, 1, 2, 3, 4};
        struct error err = {0};
        struct criu_image image;

        assert_error(criu_image_open(SLICE(other), "x.img", NULL, &image, &err), &err, ERROR_CRIU_IMAGE);
}

/* Cut anywhere but between records, it must be refused. */
static void test_every_truncation(void **state)
{
        for (size_t size = 0; size < sizeof(tree); size++) {
                int r = criu_image_scan((struct slice){tree, size}, "pstree.img", "PSTREE", NULL);

                if (size == 8 || size == 14)
                        assert_int_equal(r, 0);
                else
                        assert_int_equal(r, -EBADMSG);
        }
        assert_int_equal(criu_image_scan(SLICE(tree), "pstree.img", "PSTREE", NULL), 0);
}

static void test_absurd_record(void **state)
{
        uint8_t bytes[sizeof(tree)];
        struct error err = {0};

        memcpy(bytes, tree, sizeof(tree));
        memset(bytes + 8, 0xff, 4);
        assert_error(criu_image_scan(SLICE(bytes), "pstree.img", "PSTREE", &err), &err, ERROR_CRIU_IMAGE);
        assert_non_null(strstr(err.text, "absurd"));
}

static void test_malformed_record(void **state)
{
        uint8_t bytes[sizeof(tree)];

        memcpy(bytes, tree, sizeof(tree));
        bytes[13] = 0x80; /* a varint without end */
        assert_int_equal(criu_image_scan(SLICE(bytes), "pstree.img", "PSTREE", NULL), -EBADMSG);
        bytes[12] = 0x0b; /* a group, which CRIU never writes */
        bytes[13] = 1;
        assert_int_equal(criu_image_scan(SLICE(bytes), "pstree.img", "PSTREE", NULL), -EBADMSG);
}

static void test_kinds_by_file(void **state)
{
        static const char *const known[][2] = {
                {"pstree.img", "PSTREE"},
                {"core-17.img", "CORE"},
                {"pagemap-1.img", "PAGEMAP"},
                {"pagemap-shmem-12.img", "PAGEMAP"},
                {"fs-1.img", "FS"},
                {"fdinfo-2.img", "FDINFO"},
                {"tty-info.img", "TTY_INFO"},
                {"netns-10.img", "NETNS"},
                {"pidns-9.img", "PIDNS"},
                {"ghost-file-1f.img", "GHOST_FILE"},
                {"pipes-data.img", "PIPES_DATA"},
                {"stats-dump", "STATS"},
        };
        static const char *const unknown[] = {
                "pages-1.img",
                "netns-ct-10.img",
                "tmpfs-dev-53.tar.gz.img",
                "iptables-10.img",
                "core-.img",
                "core-1.img.bak",
                "core-1",
                "descriptors.json",
                "amdgpu-pages-1-2.img",
                "pagemap-shmem-.img",
        };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                assert_non_null(criu_image_kind_by_file(known[i][0]));
                assert_string_equal(criu_image_kind_by_file(known[i][0])->name, known[i][1]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
                assert_null(criu_image_kind_by_file(unknown[i]));
}

struct payload_case {
        const char *kind, *file;
        size_t size;
        uint8_t rest[48];
};

/* Records with raw bytes behind them: whole they pass, and one byte short, or one over, they do not. */
static void test_payloads(void **state)
{
        static const struct payload_case cases[] = {
                {"PIPES_DATA", "pipes-data.img", 4 + 4 + 3, {4, 0, 0, 0, 8, 1, 16, 3, 'a', 'b', 'c'}},
                {"SK_QUEUES", "sk-queues.img", 4 + 4 + 2, {4, 0, 0, 0, 8, 1, 16, 2, 'a', 'b'}},
                {"TCP_STREAM", "tcp-stream-1.img", 4 + 4 + 3, {4, 0, 0, 0, 8, 1, 24, 2, 'a', 'b', 'c'}},
                {"BPFMAP_DATA", "bpfmap-data.img", 4 + 4 + 5, {4, 0, 0, 0, 16, 2, 24, 3, 1, 2, 3, 4, 5}},
                {"IPCNS_SEM", "ipcns-sem-1.img", 4 + 2 + 8, {2, 0, 0, 0, 16, 3, 1, 0, 2, 0, 3, 0, 0, 0}},
                {"IPCNS_SHM", "ipcns-shm-1.img", 4 + 2 + 4, {2, 0, 0, 0, 16, 3, 'a', 'b', 'c', 0}},
                {"IPCNS_MSG",
                 "ipcns-msg-1.img",
                 4 + 2 + 4 + 4 + 8,
                 {2, 0, 0, 0, 24, 1, 4, 0, 0, 0, 8, 1, 16, 5, 'h', 'e', 'l', 'l', 'o'}},
                {"GHOST_FILE",
                 "ghost-file-1.img",
                 4 + 2 + 4 + 4 + 2,
                 {2, 0, 0, 0, 72, 1, 4, 0, 0, 0, 8, 2, 16, 0, 'x', 'y'}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint8_t bytes[64] = {0x19, 0x43, 0x56, 0x54};
                struct error err = {0};

                store_le32(bytes + 4, criu_image_kind_by_file(cases[i].file)->magic);
                memcpy(bytes + 8, cases[i].rest, cases[i].size);
                assert_success(
                        criu_image_scan((struct slice){bytes, 8 + cases[i].size}, "x", cases[i].kind, &err),
                        &err);
                assert_error(
                        criu_image_scan((struct slice){bytes, 7 + cases[i].size}, "x", cases[i].kind, &err),
                        &err, ERROR_CRIU_IMAGE);
                assert_error(
                        criu_image_scan((struct slice){bytes, 9 + cases[i].size}, "x", cases[i].kind, &err),
                        &err, ERROR_CRIU_IMAGE);
        }
}

/* A number of bytes that wraps around must not be taken for a small one. */
static void test_payload_overflow(void **state)
{
        static const uint8_t stream[] = {0x19, 0x43, 0x56, 0x54, 0x06, 0x55, 0x46, 0x51, 13,
                                         0,    0,    0,    8,    2,    24,   0xff, 0xff, 0xff,
                                         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'a'};

        assert_int_equal(criu_image_scan(SLICE(stream), "tcp-stream-1.img", "TCP_STREAM", NULL), -EBADMSG);
}

static void test_wire(void **state)
{
        static const uint8_t bytes[] = {0x08, 0x96, 0x01, 0x12, 2, 'h', 'i', 0x1d, 1, 0, 0,
                                        0,    0x21, 2,    0,    0, 0,   0,   0,    0, 1};
        struct slice record = SLICE(bytes);
        struct wire_field field;
        uint64_t value = 0;

        assert_int_equal(wire_next(&record, &field), 1);
        assert_int_equal(field.number, 1);
        assert_int_equal(field.value, 150);
        assert_int_equal(wire_next(&record, &field), 1);
        assert_int_equal(field.bytes.size, 2);
        assert_int_equal(wire_next(&record, &field), 1);
        assert_int_equal(field.value, 1);
        assert_int_equal(wire_next(&record, &field), 1);
        assert_int_equal(field.value, UINT64_C(0x0100000000000002));
        assert_int_equal(wire_next(&record, &field), 0);
        assert_int_equal(wire_find(SLICE(bytes), 1, &value), 1);
        assert_int_equal(value, 150);
        assert_int_equal(wire_find(SLICE(bytes), 7, &value), 0);
        assert_int_equal(wire_find((struct slice){bytes, 2}, 1, &value), -EBADMSG);
        assert_int_equal(wire_find((struct slice){bytes, 6}, 1, &value), -EBADMSG);
}

static void test_every_kind_is_documented(void **state)
{
        _cleanup_buffer_ struct buffer docs = {0};
        struct error err = {0};
        size_t count = 0;

        assert_success(file_read(AT_FDCWD, TEST_DOCS "/errors.md", MIB, &docs, &err), &err);
        for (; criu_image_error_kinds[count]; count++) {
                const struct error_kind *kind = criu_image_error_kinds[count];
                char heading[256];

                snprintf(heading, sizeof(heading), "\n### %s %s\n", kind->code, kind->title);
                if (!strstr(buffer_text(&docs), heading))
                        fail_msg("docs/errors.md has no `%s`", heading + 1);
        }
        assert_int_equal(count, 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_records),
                cmocka_unit_test(test_one_magic_word),
                cmocka_unit_test(test_service_magic),
                cmocka_unit_test(test_unknown_magic),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_absurd_record),
                cmocka_unit_test(test_malformed_record),
                cmocka_unit_test(test_kinds_by_file),
                cmocka_unit_test(test_payloads),
                cmocka_unit_test(test_payload_overflow),
                cmocka_unit_test(test_wire),
                cmocka_unit_test(test_every_kind_is_documented),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
