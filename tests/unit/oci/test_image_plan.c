/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"
#include "tarball.h"
#include "oci/image.h"
#include "oci/image_plan.h"
#include "oci/layer_reader.h"

#define GOLDEN(name) TEST_DATA "/archives/" name

static int setup(void **state)
{
        char path[4096];
        int ret = scratch_setup(state);

        return ret == 0 && getcwd(path, sizeof(path)) ? setenv("XDG_CACHE_HOME", path, 1) : -1;
}

static struct archive *opened(const char *path)
{
        struct archive *archive = NULL;
        struct error err = {0};

        assert_success(archive_open_unread(path, &archive, &err), &err);
        return archive;
}

static void plan(const struct archive *archive, struct image_plan *out)
{
        struct error err = {0};

        assert_success(image_plan_make(archive, out, &err), &err);
        assert_success(image_plan_hash(archive, out, NULL, &err), &err);
        assert_success(image_plan_describe(archive, out, &err), &err);
}

static void build(struct archive *archive, struct image_result *out)
{
        _cleanup_image_reference_ struct image_reference where = {0};
        const struct image_options plain = {.compression = COMPRESSION_NONE};
        struct error err = {0};

        assert_success(image_reference_parse("oci:layout", &where, &err), &err);
        assert_success(image_build(archive, &where, &plain, NULL, out, &err), &err);
}

static void test_it_is_the_image_that_is_built(void **state)
{
        static const char *const paths[] = {GOLDEN("crio-1.36.3-counter.tar"),
                                            GOLDEN("podman-5.4.2-counter-none.tar"), "large.tar"};
        static uint8_t pages[40 * MIB];
        _cleanup_buffer_ struct buffer large = {0};

        tarball_text(&large, "config.dump", "{\"name\":\"large\"}");
        for (int i = 0; i < 3; i++) {
                char name[64];

                snprintf(name, sizeof(name), "checkpoint/pages-%d.img", i);
                memset(pages, i + 1, sizeof(pages));
                tarball_file(&large, name, (struct slice){pages, sizeof(pages)});
                snprintf(name, sizeof(name), "checkpoint/core-%d.img", i);
                tarball_text(&large, name, "core");
        }
        tarball_end(&large);
        write_bytes("large.tar", buffer_slice(&large));
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                _cleanup_archive_ struct archive *archive = opened(paths[i]);
                _cleanup_image_result_ struct image_result built = {0};
                _cleanup_image_plan_ struct image_plan planned = {0};
                struct sha256 digest;

                plan(archive, &planned);
                build(archive, &built);
                assert_int_equal(built.layers, planned.members.count);
                assert_int_equal(sha256_of(buffer_slice(&planned.manifest), &digest, NULL), 0);
                assert_true(sha256_equal(&digest, &built.manifest));
        }
}

static void read_layer(const struct archive *archive, const struct layer_plan *members, unsigned layer,
                       uint64_t offset, struct buffer *out)
{
        _cleanup_layer_reader_ struct layer_reader *reader = NULL;
        struct error err = {0};
        struct slice bytes;
        int ret;

        assert_success(layer_reader_open(archive, members, layer, offset, &reader, &err), &err);
        while ((ret = layer_reader_next(reader, &bytes, &err)) > 0)
                assert_int_equal(buffer_append(out, bytes.data, bytes.size), 0);
        assert_success(ret, &err);
}

static void test_a_layer_is_read_from_anywhere(void **state)
{
        _cleanup_archive_ struct archive *archive = opened(GOLDEN("crio-1.36.3-counter.tar"));
        _cleanup_image_plan_ struct image_plan planned = {0};

        plan(archive, &planned);
        for (unsigned layer = 0; layer < planned.members.count; layer++) {
                _cleanup_buffer_ struct buffer whole = {0};

                read_layer(archive, &planned.members, layer, 0, &whole);
                assert_int_equal(whole.size + LAYER_END_SIZE, planned.layers[layer].blob.size);
                for (size_t offset = 0; offset <= whole.size; offset += whole.size / 7 + 1) {
                        _cleanup_buffer_ struct buffer rest = {0};

                        read_layer(archive, &planned.members, layer, offset, &rest);
                        assert_int_equal(rest.size, whole.size - offset);
                        if (rest.size)
                                assert_memory_equal(rest.data, whole.data + offset, rest.size);
                }
                {
                        _cleanup_buffer_ struct buffer none = {0};

                        read_layer(archive, &planned.members, layer, whole.size + LAYER_END_SIZE, &none);
                        assert_int_equal(none.size, 0);
                }
        }
}

static void test_what_is_compressed_has_no_plan(void **state)
{
        _cleanup_archive_ struct archive *archive = opened(GOLDEN("podman-5.8.6-counter-gzip.tar"));
        _cleanup_image_plan_ struct image_plan planned = {0};
        struct error err = {0};

        assert_error(image_plan_make(archive, &planned, &err), &err, ERROR_UNSUPPORTED);
}

static bool always(void *context)
{
        return true;
}

static void test_digests_are_remembered(void **state)
{
        _cleanup_image_plan_ struct image_plan first = {0}, second = {0};
        struct error err = {0};
        _cleanup_archive_ struct archive *archive = opened("large.tar");

        plan(archive, &first);
        assert_success(image_plan_make(archive, &second, &err), &err);
        /* Nothing is read: who asks to be interrupted is not heard. */
        assert_success(image_plan_hash(archive, &second, &(struct progress){.cancelled = always}, &err),
                       &err);
        assert_true(sha256_equal(&first.layers[1].blob.digest, &second.layers[1].blob.digest));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_is_the_image_that_is_built),
                cmocka_unit_test(test_a_layer_is_read_from_anywhere),
                cmocka_unit_test(test_what_is_compressed_has_no_plan),
                cmocka_unit_test(test_digests_are_remembered),
        };

        return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
