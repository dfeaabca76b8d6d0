/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include "base/bulk_writer.h"
#include "base/file.h"

/* Bytes in pieces of growing size, more than two blocks. */
static size_t write_pieces(int fd, size_t total)
{
        _cleanup_bulk_writer_ struct bulk_writer *writer = NULL;
        struct error err = {0};
        uint8_t piece[4096];
        size_t done = 0;

        assert_success(bulk_writer_new(fd, &writer, &err), &err);
        for (size_t size = 1; done < total; size = size % (sizeof(piece) - 7) + 7) {
                size = size < total - done ? size : total - done;
                for (size_t i = 0; i < size; i++)
                        piece[i] = (uint8_t)((done + i) * 2654435761u >> 13);
                assert_int_equal(bulk_writer_write(writer, (struct slice){piece, size}), 0);
                done += size;
        }
        assert_int_equal(bulk_writer_finish(writer), 0);
        return done;
}

static void assert_bytes(const struct buffer *bytes, size_t total)
{
        assert_int_equal(bytes->size, total);
        for (size_t i = 0; i < total; i++)
                if (bytes->data[i] != (uint8_t)(i * 2654435761u >> 13))
                        fail_msg("byte %zu", i);
}

static void test_file(void **state)
{
        static const size_t sizes[] = {0, 1, 2 << 20, (2 << 20) + 1, (5 << 20) + 86};

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                _cleanup_close_ int fd = open("file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                _cleanup_buffer_ struct buffer bytes = {0};
                struct error err = {0};
                int flags = fcntl(fd, F_GETFL);

                write_pieces(fd, sizes[i]);
                assert_int_equal(fcntl(fd, F_GETFL), flags);
                assert_success(file_read(AT_FDCWD, "file", 16 * MIB, &bytes, &err), &err);
                assert_bytes(&bytes, sizes[i]);
        }
}

static void test_pipe(void **state)
{
        _cleanup_buffer_ struct buffer bytes = {0};
        int ends[2];
        ssize_t n;

        assert_int_equal(pipe(ends), 0);
        assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 16) >= 10000);
        write_pieces(ends[1], 10000);
        assert_int_equal(buffer_reserve(&bytes, 10000), 0);
        n = file_read_full(ends[0], bytes.data, 10000);
        assert_int_equal(n, 10000);
        bytes.size = 10000;
        assert_bytes(&bytes, 10000);
        close(ends[0]);
        close(ends[1]);
}

static void test_full_disk(void **state)
{
        _cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
        _cleanup_bulk_writer_ struct bulk_writer *writer = NULL;
        struct error err = {0};

        assert_success(bulk_writer_new(fd, &writer, &err), &err);
        assert_int_equal(bulk_writer_write(writer, SLICE_TEXT("x")), 0);
        assert_int_equal(bulk_writer_finish(writer), -ENOSPC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_file, scratch_setup, scratch_teardown),
                cmocka_unit_test(test_pipe),
                cmocka_unit_test(test_full_disk),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
