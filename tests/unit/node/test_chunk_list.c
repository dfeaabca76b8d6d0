/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include "archive/errors.h"
#include "base/file.h"
#include "node/chunk_list.h"

/* A file of `size` bytes that differ from chunk to chunk. */
static int file_make(uint64_t size)
{
        int fd = open("file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        const uint64_t step = CHUNK_SIZE_MIN / 2;

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
        for (uint64_t at = 0; at < size; at += step)
                assert_int_equal(
                        file_pwrite_full(fd, &at, size - at < sizeof(at) ? size - at : sizeof(at), at), 0);
        return fd;
}

static void assert_same(const struct chunk_list *a, const struct chunk_list *b)
{
        assert_int_equal(a->size, b->size);
        assert_int_equal(a->chunk_size, b->chunk_size);
        assert_int_equal(a->count, b->count);
        assert_memory_equal(a->digests, b->digests, a->count * sizeof(*a->digests));
}

static void test_makes_and_reads(void **state)
{
        static const uint64_t sizes[] = {1, CHUNK_SIZE_MIN - 1, CHUNK_SIZE_MIN, CHUNK_SIZE_MIN + 1,
                                         5 * CHUNK_SIZE_MIN + 12345};

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                _cleanup_chunk_list_ struct chunk_list list = {0}, again = {0};
                _cleanup_buffer_ struct buffer text = {0}, bytes = {0};
                _cleanup_close_ int fd = file_make(sizes[i]);
                struct error err = {0};
                uint64_t sum = 0;

                assert_success(chunk_list_make(fd, sizes[i], "file", NULL, &list, &err), &err);
                assert_int_equal(list.count, (sizes[i] + CHUNK_SIZE_MIN - 1) / CHUNK_SIZE_MIN);
                assert_success(file_read(AT_FDCWD, "file", 64 * MIB, &bytes, &err), &err);
                for (size_t k = 0; k < list.count; k++) {
                        struct sha256 expected;

                        assert_success(sha256_of((struct slice){bytes.data + k * CHUNK_SIZE_MIN,
                                                                chunk_list_size_at(&list, k)},
                                                 &expected, &err),
                                       &err);
                        assert_true(sha256_equal(&expected, &list.digests[k]));
                        sum += chunk_list_size_at(&list, k);
                }
                assert_int_equal(sum, sizes[i]);
                assert_success(chunk_list_write(&list, &text, &err), &err);
                assert_success(chunk_list_parse(buffer_slice(&text), "file", &again, &err), &err);
                assert_same(&list, &again);
        }
}

static void test_a_file_that_is_shorter(void **state)
{
        _cleanup_chunk_list_ struct chunk_list list = {0};
        _cleanup_close_ int fd = file_make(1000);
        struct error err = {0};

        assert_error(chunk_list_make(fd, 1001, "file", NULL, &list, &err), &err, ERROR_ARCHIVE_TRUNCATED);
        assert_null(list.digests);
}

/* The digest of a list depends on everything in it. */
static void test_the_digest_of_a_list(void **state)
{
        struct sha256 digests[2] = {{{1}}, {{2}}}, first, other;
        struct chunk_list list = {CHUNK_SIZE_MIN + 1, CHUNK_SIZE_MIN, digests, 2};
        struct error err = {0};

        assert_success(chunk_list_digest(&list, &first, &err), &err);
        list.size++;
        assert_success(chunk_list_digest(&list, &other, &err), &err);
        assert_false(sha256_equal(&first, &other));
        list.size--;
        digests[1].bytes[31] ^= 1;
        assert_success(chunk_list_digest(&list, &other, &err), &err);
        assert_false(sha256_equal(&first, &other));
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void test_refuses_what_does_not_fit(void **state)
{
        static const char *const texts[] = {
                "[]",
                "{}",
                "{\"size\":1,\"chunkSize\":4194304,\"chunks\":[]}",
                "{\"size\":1,\"chunkSize\":4194304,\"chunks\":[\"" ZEROS "\",\"" ZEROS "\"]}",
                "{\"size\":1,\"chunkSize\":1,\"chunks\":[\"" ZEROS "\"]}",
                "{\"size\":1,\"chunkSize\":4194304,\"chunks\":[\"sha256:" ZEROS "\"]}",
                "{\"size\":1,\"chunkSize\":4194304,\"chunks\":[\"g" ZEROS "\"]}",
                "{\"size\":1,\"chunkSize\":4194304,\"chunks\":[7]}",
                "{\"size\":0,\"chunkSize\":4194304,\"chunks\":[]}",
                "{\"size\":18446744073709551615,\"chunkSize\":4194304,\"chunks\":[]}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_chunk_list_ struct chunk_list list = {0};
                struct error err = {0};

                assert_error(chunk_list_parse(SLICE_TEXT(texts[i]), "peer", &list, &err), &err,
                             ERROR_BAD_JSON);
                assert_null(list.digests);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_makes_and_reads, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_a_file_that_is_shorter, scratch_setup, scratch_teardown),
                cmocka_unit_test(test_the_digest_of_a_list),
                cmocka_unit_test(test_refuses_what_does_not_fit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
