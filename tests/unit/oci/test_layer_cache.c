/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"
#include "tarball.h"
#include "oci/layer_cache.h"

static struct archive *archive_at_path(const char *path)
{
        struct archive *archive = NULL;
        struct error err = {0};

        assert_success(archive_open(path, &archive, &err), &err);
        return archive;
}

static void write_archive(const char *path, const char *text)
{
        _cleanup_buffer_ struct buffer tar = {0};

        tarball_text(&tar, "config.dump", text);
        tarball_end(&tar);
        write_bytes(path, buffer_slice(&tar));
}

static int setup(void **state)
{
        char path[4096];
        int ret = scratch_setup(state);

        return ret == 0 && getcwd(path, sizeof(path)) ? setenv("XDG_CACHE_HOME", path, 1) : -1;
}

static struct image_layer layer_of(const char *text)
{
        struct image_layer layer = {.compression = COMPRESSION_ZSTD, .blob.size = strlen(text)};

        sha256_of(SLICE_TEXT(text), &layer.blob.digest, NULL);
        sha256_of(SLICE_TEXT("x"), &layer.diff_id, NULL);
        return layer;
}

static void test_what_is_stored_is_found(void **state)
{
        struct image_layer layers[LAYERS_MAX] = {layer_of("one"), layer_of("two")}, found[LAYERS_MAX];
        const bool ready[LAYERS_MAX] = {false, true};
        bool known[LAYERS_MAX];

        write_archive("a.tar", "{}");
        for (int i = 0; i < 2; i++) {
                _cleanup_archive_ struct archive *archive = archive_at_path("a.tar");
                _cleanup_layer_cache_ struct layer_cache *cache = layer_cache_open(archive);

                assert_non_null(cache);
                if (i == 0) {
                        layer_cache_find(cache, "zstd-0", found, known);
                        assert_false(known[1]);
                        layer_cache_store(cache, "zstd-0", layers, ready, "a:5000", "team/web");
                        continue;
                }
                layer_cache_find(cache, "zstd-0", found, known);
                assert_false(known[0]);
                assert_true(known[1]);
                assert_true(sha256_equal(&found[1].blob.digest, &layers[1].blob.digest));
                assert_true(sha256_equal(&found[1].diff_id, &layers[1].diff_id));
                assert_int_equal(found[1].blob.size, 3);
                assert_int_equal(found[1].compression, COMPRESSION_ZSTD);
                assert_string_equal(layer_cache_variant(cache, 0), "zstd-0");
                assert_null(layer_cache_variant(cache, 1));
                assert_string_equal(layer_cache_repository(cache, "a:5000", 0), "team/web");
                assert_null(layer_cache_repository(cache, "a:5000", 1));
                assert_null(layer_cache_repository(cache, "b:5000", 0));
                layer_cache_find(cache, "none-0", found, known);
                assert_false(known[1]);
        }
}

static void test_a_changed_archive_is_another_one(void **state)
{
        const struct image_layer layers[LAYERS_MAX] = {layer_of("one")};
        const bool ready[LAYERS_MAX] = {true};
        struct image_layer found[LAYERS_MAX];
        bool known[LAYERS_MAX];

        for (int i = 0; i < 2; i++) {
                _cleanup_archive_ struct archive *archive = NULL;
                _cleanup_layer_cache_ struct layer_cache *cache = NULL;

                write_archive("a.tar", i ? "[]" : "{}");
                archive = archive_at_path("a.tar");
                cache = layer_cache_open(archive);
                layer_cache_find(cache, "none-0", found, known);
                assert_false(known[0]);
                layer_cache_store(cache, "none-0", layers, ready, "a", "b");
                usleep(20000); /* longer than the kernel's clock for files takes to go on */
        }
}

/* Whatever the file holds, nothing worse comes of it than that layers are built. */
static void test_rubbish_is_nothing(void **state)
{
        static const char *const texts[] = {
                "", "{", "[]", "{\"variants\":[{\"name\":\"v\",\"layers\":[7]}]}",
                "{\"variants\":[{\"name\":\"v\",\"layers\":[{\"digest\":\"sha256:0\"}]}],"
                "\"places\":{\"host\":1}}"};
        _cleanup_archive_ struct archive *archive = NULL;
        struct image_layer layers[LAYERS_MAX] = {0};
        bool known[LAYERS_MAX] = {false};
        char name[512];
        FILE *find;

        write_archive("a.tar", "{}");
        archive = archive_at_path("a.tar");
        {
                _cleanup_layer_cache_ struct layer_cache *cache = layer_cache_open(archive);

                layer_cache_store(cache, "v", layers, known, "h", "r");
        }
        find = popen("find snap -type f", "r");
        assert_non_null(fgets(name, sizeof(name), find));
        pclose(find);
        name[strcspn(name, "\n")] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_layer_cache_ struct layer_cache *cache = NULL;

                write_bytes(name, SLICE_TEXT(texts[i]));
                cache = layer_cache_open(archive);
                assert_non_null(cache);
                layer_cache_find(cache, "v", layers, known);
                assert_false(known[0]);
                assert_null(layer_cache_repository(cache, "h", 0));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_what_is_stored_is_found, setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_a_changed_archive_is_another_one, setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_rubbish_is_nothing, setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
