/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "oci/registry_store.h"
#include "oci/registry_store_collect.h"

static struct registry_store *open_store(void)
{
        struct registry_store *store;
        struct error err = {0};

        assert_success(store_open("root", &store, &err), &err);
        return store;
}

static struct sha256 digest_of(const char *text)
{
        struct sha256 digest;

        assert_int_equal(sha256_of(SLICE_TEXT(text), &digest, NULL), 0);
        return digest;
}

static void put(struct registry_store *store, const char *name, const char *text)
{
        struct sha256 digest = digest_of(text);
        struct store_upload *upload;
        char id[UNIQUE_ID_SIZE];
        struct error err = {0};

        assert_success(store_upload_begin(store, name, id, &err), &err);
        assert_success(store_upload_open(store, name, id, &upload, &err), &err);
        assert_success(store_upload_append(upload, SLICE_TEXT(text), &err), &err);
        assert_success(store_upload_commit(upload, &digest, &err), &err);
        store_upload_close(upload);
}

static bool has(struct registry_store *store, const char *name, const char *text)
{
        struct sha256 digest = digest_of(text);
        struct store_blob blob;

        if (store_blob_open(store, name, &digest, &blob, NULL) < 0)
                return false;
        close(blob.fd);
        return true;
}

static void test_names(void **state)
{
        static const char *const right[] = {"a",    "0",   "a/b",         "a.b",        "a_b",
                                            "a__b", "a-b", "a---b/c.d_e", "library/web"};
        static const char *const wrong[] = {"",      "/",    "/a",  "a/",   "a//b", "A",       "a_", "_a",
                                            "a___b", "a..b", ".",   "..",   "a/..", "a/.b",    "-a", "a-",
                                            "a.-b",  "a b",  "a\n", "a_-b", "a%b",  "\xc3\xa9"};
        char longest[257];

        for (size_t i = 0; i < ARRAY_SIZE(right); i++)
                if (!store_name_is_valid(right[i]))
                        fail_msg("`%s` is refused", right[i]);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (store_name_is_valid(wrong[i]))
                        fail_msg("`%s` is taken", wrong[i]);
        memset(longest, 'a', sizeof(longest));
        longest[255] = '\0';
        assert_true(store_name_is_valid(longest));
        longest[255] = 'a';
        longest[256] = '\0';
        assert_false(store_name_is_valid(longest));
}

static void test_uploads_go_on_in_another_process(void **state)
{
        struct registry_store *one = open_store(), *two = open_store();
        struct sha256 digest = digest_of("first and second");
        struct store_upload *upload, *other;
        char id[UNIQUE_ID_SIZE];
        struct error err = {0};

        assert_success(store_upload_begin(one, "a", id, &err), &err);
        assert_success(store_upload_open(one, "a", id, &upload, &err), &err);
        assert_error(store_upload_open(two, "a", id, &other, &err), &err, ERROR_BUSY);
        assert_success(store_upload_append(upload, SLICE_TEXT("first"), &err), &err);
        store_upload_close(upload);
        assert_success(store_upload_open(two, "a", id, &upload, &err), &err);
        assert_int_equal(store_upload_size(upload), 5);
        assert_success(store_upload_append(upload, SLICE_TEXT(" and"), &err), &err);
        store_upload_close(upload);
        /* The first has the state of its own hash still, which is behind. */
        assert_success(store_upload_open(one, "a", id, &upload, &err), &err);
        assert_success(store_upload_append(upload, SLICE_TEXT(" second"), &err), &err);
        assert_success(store_upload_commit(upload, &digest, &err), &err);
        store_upload_close(upload);
        assert_true(has(two, "a", "first and second"));
        assert_false(has(two, "b", "first and second"));
        assert_error(store_upload_open(two, "a", id, &upload, &err), &err, ERROR_STORE_UPLOAD_UNKNOWN);
        store_free(one);
        store_free(two);
}

/* Large enough for the thread that hashes. */
static void test_a_large_upload(void **state)
{
        _cleanup_store_ struct registry_store *store = open_store();
        _cleanup_sha256_ struct sha256_stream *hash = NULL;
        static uint8_t part[300000];
        struct store_upload *upload;
        char id[UNIQUE_ID_SIZE];
        struct error err = {0};
        struct sha256 digest;

        assert_success(sha256_new(&hash, &err), &err);
        assert_success(store_upload_begin(store, "a", id, &err), &err);
        for (int round = 0; round < 2; round++) {
                assert_success(store_upload_open(store, "a", id, &upload, &err), &err);
                for (uint8_t i = 0; i < 20; i++) {
                        memset(part, i, sizeof(part));
                        sha256_update(hash, part, sizeof(part));
                        assert_success(store_upload_append(upload, (struct slice){part, sizeof(part)}, &err),
                                       &err);
                }
                if (round == 0)
                        store_upload_close(upload);
        }
        sha256_finish(hash, &digest);
        assert_success(store_upload_commit(upload, &digest, &err), &err);
        store_upload_close(upload);
}

static void test_a_damaged_blob_is_moved_aside(void **state)
{
        _cleanup_store_ struct registry_store *store = open_store();
        struct sha256 digest = digest_of("content");
        char hex[SHA256_HEX_SIZE], path[256];
        struct store_blob blob;
        struct error err = {0};
        int fd;

        put(store, "a", "content");
        snprintf(path, sizeof(path), "root/blobs/sha256/%.2s/%s", sha256_hex(&digest, hex), hex);
        fd = open(path, O_WRONLY);
        assert_int_equal(pwrite(fd, "C", 1, 0), 1);
        close(fd);
        assert_success(store_blob_open(store, "a", &digest, &blob, &err), &err);
        assert_error(store_blob_verify(store, &digest, &blob, &err), &err, ERROR_IMAGE_DIGEST);
        close(blob.fd);
        assert_false(has(store, "a", "content"));
        put(store, "a", "content");
        assert_success(store_blob_open(store, "a", &digest, &blob, &err), &err);
        assert_true(blob.verified);
        close(blob.fd);
}

static void test_mounts(void **state)
{
        _cleanup_store_ struct registry_store *store = open_store();
        struct sha256 digest = digest_of("x");

        put(store, "a", "x");
        assert_false(store_blob_mount(store, "b", "c", &digest));
        assert_false(store_blob_mount(store, "b", "../a", &digest));
        assert_true(store_blob_mount(store, "b", "a", &digest));
        assert_true(has(store, "b", "x"));
}

static void test_garbage(void **state)
{
        _cleanup_store_ struct registry_store *store = open_store();
        struct collect_result result;
        struct error err = {0};
        char id[UNIQUE_ID_SIZE];

        put(store, "a", "old");
        put(store, "b", "old");
        assert_success(store_upload_begin(store, "a", id, &err), &err);
        assert_success(store_collect(store, 3600, &result, &err), &err);
        assert_int_equal(result.links + result.blobs + result.uploads, 0);
        usleep(1100000); /* what is younger than a second stays in any case */
        assert_true(has(store, "b", "old"));
        assert_success(store_collect(store, 0, &result, &err), &err);
        assert_int_equal(result.links, 1);
        assert_int_equal(result.blobs, 0);
        assert_int_equal(result.uploads, 1);
        assert_false(has(store, "a", "old"));
        assert_true(has(store, "b", "old"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test_setup_teardown(test_uploads_go_on_in_another_process, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_a_large_upload, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_a_damaged_blob_is_moved_aside, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_mounts, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_garbage, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
