/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "base/compress.h"
#include "base/file.h"
#include "base/process.h"

static const enum compression all[] = {COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD, COMPRESSION_LZ4};

/* Text-like at first, then noise; the same on every run. */
static void fill(struct buffer *buffer, size_t size)
{
        uint32_t state = 1;

        assert_int_equal(buffer_reserve(buffer, size), 0);
        for (size_t i = 0; i < size; i++) {
                state = state * 1664525 + 1013904223;
                buffer->data[buffer->size++] =
                        i < size / 2 ? "checkpoint "[state >> 28 & 7] : (uint8_t)(state >> 24);
        }
}

static void assert_slice_equal(struct slice a, struct slice b)
{
        assert_int_equal(a.size, b.size);
        if (a.size)
                assert_memory_equal(a.data, b.data, a.size);
}

static void test_names(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                assert_int_equal(compression_from_name(compression_name(all[i])), all[i]);
        assert_int_equal(compression_from_name("bzip2"), COMPRESSION_INVALID);
        assert_string_equal(compression_name(COMPRESSION_INVALID), "invalid");
}

static void test_round_trip(void **state)
{
        static const size_t sizes[] = {0, 1, 511, 512, 65536, 300000, 4 * MIB};

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
                        _cleanup_buffer_ struct buffer in = {}, packed = {}, out = {};
                        struct error err = {0};

                        fill(&in, sizes[j]);
                        assert_success(frame_compress(all[i], 0, buffer_slice(&in), &packed, &err), &err);
                        if (sizes[j] > 0)
                                assert_int_equal(compression_detect(buffer_slice(&packed)), all[i]);
                        assert_success(frame_expand(all[i], buffer_slice(&packed), sizes[j], &out, &err),
                                       &err);
                        assert_slice_equal(buffer_slice(&out), buffer_slice(&in));
                }
        }
}

static void test_levels(void **state)
{
        for (size_t i = 1; i < ARRAY_SIZE(all); i++) {
                for (int level = -5; level < 25; level += 3) {
                        _cleanup_buffer_ struct buffer in = {}, packed = {}, out = {};
                        struct error err = {0};

                        fill(&in, 100000);
                        assert_success(frame_compress(all[i], level, buffer_slice(&in), &packed, &err), &err);
                        assert_true(packed.size < in.size);
                        assert_success(frame_expand(all[i], buffer_slice(&packed), in.size, &out, &err),
                                       &err);
                        assert_slice_equal(buffer_slice(&out), buffer_slice(&in));
                }
        }
}

/* Ordinary, stored and ordinary frames in a row, as an archive has them. */
static void make_stream(enum compression compression, struct buffer *in, struct buffer *packed)
{
        uint8_t block[1536];
        struct error err = {0};
        struct slice part;
        size_t stored = frame_stored_size(compression, sizeof(block));

        fill(in, 200000);
        memset(block, 'x', sizeof(block));
        assert_success(frame_compress(compression, 0, buffer_slice(in), packed, &err), &err);
        assert_int_equal(buffer_append(in, block, sizeof(block)), 0);
        assert_int_equal(buffer_reserve(packed, stored), 0);
        frame_stored(compression, (struct slice){block, sizeof(block)}, packed->data + packed->size);
        packed->size += stored;
        part = (struct slice){in->data, 70000};
        assert_success(frame_compress(compression, 0, part, packed, &err), &err);
        assert_int_equal(buffer_reserve(in, part.size), 0);
        assert_int_equal(buffer_append(in, in->data, part.size), 0);
}

static void test_stored_frames(void **state)
{
        static const size_t sizes[] = {1, 255, 256, 512, 1536, 65535};

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
                        _cleanup_buffer_ struct buffer in = {}, out = {};
                        size_t size = frame_stored_size(all[i], sizes[j]);
                        uint8_t *frame =
                                malloc(size); /* exactly, so that the sanitizer sees one byte too many */
                        struct error err = {0};

                        fill(&in, sizes[j]);
                        frame_stored(all[i], buffer_slice(&in), frame);
                        assert_success(
                                frame_expand(all[i], (struct slice){frame, size}, sizes[j], &out, &err),
                                &err);
                        assert_slice_equal(buffer_slice(&out), buffer_slice(&in));
                        free(frame);
                }
        }
}

struct trickle {
        struct slice rest;
        size_t step;
};

static ssize_t trickle_source(void *context, void *data, size_t size)
{
        struct trickle *trickle = context;
        struct slice part;
        size_t n = size < trickle->step ? size : trickle->step;

        if (n > trickle->rest.size)
                n = trickle->rest.size;
        slice_take(&trickle->rest, n, &part);
        if (n)
                memcpy(data, part.data, n);
        return (ssize_t)n;
}

static void test_forward_reading(void **state)
{
        static const size_t steps[] = {1, 7, 4096, 1 << 20}, reads[] = {1, 511, 65536, 1 << 20};

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_buffer_ struct buffer in = {}, packed = {};

                make_stream(all[i], &in, &packed);
                for (size_t j = 0; j < ARRAY_SIZE(steps); j++) {
                        struct trickle trickle = {buffer_slice(&packed), steps[j]};
                        _cleanup_decompressor_ struct decompressor *d = NULL;
                        _cleanup_free_ uint8_t *data = malloc(reads[j]);
                        struct error err = {0};
                        size_t done = 0;
                        ssize_t n;

                        assert_success(decompressor_new(all[i], trickle_source, &trickle, &d, &err), &err);
                        do {
                                n = decompressor_read(d, data, reads[j], &err);
                                assert_success(n, &err);
                                assert_true(done + (size_t)n <= in.size);
                                assert_memory_equal(data, in.data + done, (size_t)n);
                                done += (size_t)n;
                        } while ((size_t)n == reads[j]);
                        assert_int_equal(done, in.size);
                        assert_int_equal(decompressor_read(d, data, 1, &err), 0);
                }
        }
}

static void test_truncation_is_refused(void **state)
{
        for (size_t i = 1; i < ARRAY_SIZE(all); i++) {
                _cleanup_buffer_ struct buffer in = {}, packed = {};
                struct error err = {0};

                fill(&in, 3000);
                assert_success(frame_compress(all[i], 0, buffer_slice(&in), &packed, &err), &err);
                for (size_t size = 1; size < packed.size; size++) {
                        _cleanup_buffer_ struct buffer out = {};

                        assert_error(frame_expand(all[i], (struct slice){packed.data, size}, MIB, &out, &err),
                                     &err, ERROR_BAD_COMPRESSION);
                }
        }
}

/* Every format carries a checksum of its contents: no flipped bit may change them unnoticed. */
static void test_flipped_bits_are_found(void **state)
{
        for (size_t i = 1; i < ARRAY_SIZE(all); i++) {
                _cleanup_buffer_ struct buffer in = {}, packed = {};
                struct error err = {0};

                fill(&in, 1000);
                assert_success(frame_compress(all[i], 0, buffer_slice(&in), &packed, &err), &err);
                for (size_t bit = 0; bit < packed.size * 8; bit++) {
                        _cleanup_buffer_ struct buffer out = {};

                        packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                        if (frame_expand(all[i], buffer_slice(&packed), MIB, &out, NULL) == 0 && out.size > 0)
                                assert_slice_equal(buffer_slice(&out), buffer_slice(&in));
                        packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                }
        }
}

static void test_limit(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_buffer_ struct buffer in = {}, packed = {}, out = {};
                struct error err = {0};

                fill(&in, 5000);
                assert_success(frame_compress(all[i], 0, buffer_slice(&in), &packed, &err), &err);
                assert_int_equal(frame_expand(all[i], buffer_slice(&packed), 4999, &out, &err), -EFBIG);
        }
}

static void test_trailing_rubbish_is_refused(void **state)
{
        for (size_t i = 1; i < ARRAY_SIZE(all); i++) {
                _cleanup_buffer_ struct buffer in = {}, packed = {}, out = {};
                struct error err = {0};

                fill(&in, 5000);
                assert_success(frame_compress(all[i], 0, buffer_slice(&in), &packed, &err), &err);
                assert_int_equal(buffer_append_text(&packed, "rubbish that is no frame"), 0);
                assert_error(frame_expand(all[i], buffer_slice(&packed), MIB, &out, &err), &err,
                             ERROR_BAD_COMPRESSION);
        }
}

static ssize_t failing_source(void *context, void *data, size_t size)
{
        return -EIO;
}

static void test_source_failure_is_passed_on(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_decompressor_ struct decompressor *d = NULL;
                struct error err = {0};
                uint8_t byte;

                assert_success(decompressor_new(all[i], failing_source, NULL, &d, &err), &err);
                assert_int_equal(decompressor_read(d, &byte, 1, &err), -EIO);
        }
}

/* The formats' own programs accept our frames. */
static void test_stock_programs_agree(void **state)
{
        for (size_t i = 1; i < ARRAY_SIZE(all); i++) {
                const char *argv[] = {compression_name(all[i]), "-dc", "packed", NULL};
                const struct process_options options = {.argv = argv};
                _cleanup_process_result_ struct process_result result = {};
                _cleanup_file_writer_ struct file_writer *writer = NULL;
                _cleanup_buffer_ struct buffer in = {}, packed = {};
                struct error err = {0};

                make_stream(all[i], &in, &packed);
                assert_success(file_writer_open("packed", true, &writer, &err), &err);
                assert_int_equal(file_write_full(file_writer_fd(writer), packed.data, packed.size), 0);
                assert_success(file_writer_commit(writer, &err), &err);
                assert_success(process_run_checked(&options, &result, &err), &err);
                assert_slice_equal(buffer_slice(&result.output), buffer_slice(&in));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_levels),
                cmocka_unit_test(test_stored_frames),
                cmocka_unit_test(test_forward_reading),
                cmocka_unit_test(test_truncation_is_refused),
                cmocka_unit_test(test_flipped_bits_are_found),
                cmocka_unit_test(test_limit),
                cmocka_unit_test(test_trailing_rubbish_is_refused),
                cmocka_unit_test(test_source_failure_is_passed_on),
                cmocka_unit_test_setup_teardown(test_stock_programs_agree, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
