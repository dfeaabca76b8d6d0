/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "archive/archive.h"
#include "base/file.h"
#include "oci/errors.h"
#include "oci/image.h"
#include "tarball.h"

static const struct image_options plain = {.compression = COMPRESSION_NONE};

static void reference(const char *text, struct image_reference *out)
{
        struct error err = {0};

        assert_success(image_reference_parse(text, out, &err), &err);
}

static int build(const char *archive_path, const char *to, const struct image_options *options,
                 struct image_result *result, struct error *err)
{
        _cleanup_image_reference_ struct image_reference where = {0};
        _cleanup_archive_ struct archive *archive = NULL;

        reference(to, &where);
        assert_success(archive_open(archive_path, &archive, err), err);
        return image_build(archive, &where, options, NULL, result, err);
}

static void test_references(void **state)
{
        _cleanup_image_reference_ struct image_reference r = {0};
        struct error err = {0};

        reference("oci:/a/b:v1.0", &r);
        assert_int_equal(r.transport, IMAGE_OCI);
        assert_string_equal(r.path, "/a/b");
        assert_string_equal(r.tag, "v1.0");
        image_reference_free(&r);
        reference("oci-archive:x.tar", &r);
        assert_int_equal(r.transport, IMAGE_OCI_ARCHIVE);
        assert_string_equal(r.path, "x.tar");
        assert_string_equal(r.tag, "latest");
        image_reference_free(&r);
        reference("oci:/a:b/c", &r);
        assert_string_equal(r.path, "/a:b/c");
        assert_true(image_reference_is_one("oci:x"));
        assert_false(image_reference_is_one("x.tar"));
        image_reference_free(&r);
        assert_error(image_reference_parse("oci:", &r, &err), &err, ERROR_IMAGE_REFERENCE);
        assert_error(image_reference_parse("oci::tag", &r, &err), &err, ERROR_IMAGE_REFERENCE);
        assert_error(image_reference_parse("oci:x:", &r, &err), &err, ERROR_IMAGE_REFERENCE);
        assert_error(image_reference_parse("oci:x:-y", &r, &err), &err, ERROR_IMAGE_REFERENCE);
}

/* Members of two archives, compared by name, mode and contents. */
static void assert_same_members(const char *one, const char *other)
{
        _cleanup_archive_ struct archive *a = NULL, *b = NULL;
        struct error err = {0};

        assert_success(archive_open(one, &a, &err), &err);
        assert_success(archive_open(other, &b, &err), &err);
        assert_int_equal(archive_count(a), archive_count(b));
        for (size_t i = 0; i < archive_count(a); i++) {
                const struct archive_member *left = archive_at(a, i);
                const struct archive_member *right = archive_find(b, left->name);
                _cleanup_buffer_ struct buffer x = {0}, y = {0};

                if (!right)
                        fail_msg("%s has no %s", other, left->name);
                assert_int_equal(left->type, right->type);
                assert_int_equal(left->mode, right->mode);
                assert_success(archive_read(a, left, 64 * MIB, &x, &err), &err);
                assert_success(archive_read(b, right, 64 * MIB, &y, &err), &err);
                assert_int_equal(x.size, y.size);
                assert_memory_equal(x.data, y.data, x.size);
        }
}

/* A directory has modes of its own, and a directory for every name with a '/'. */
static void assert_same_files(const char *file, const char *directory)
{
        _cleanup_archive_ struct archive *a = NULL, *b = NULL;
        struct error err = {0};

        assert_success(archive_open(file, &a, &err), &err);
        assert_success(archive_open(directory, &b, &err), &err);
        assert_true(archive_count(b) >= archive_count(a));
        for (size_t i = 0; i < archive_count(b); i++) {
                const struct archive_member *right = archive_at(b, i);
                const struct archive_member *left = archive_find(a, right->name);
                _cleanup_buffer_ struct buffer x = {0}, y = {0};

                if (!left && right->type == TAR_DIRECTORY)
                        continue;
                assert_non_null(left);
                assert_int_equal(left->type, right->type);
                if (left->type == TAR_DIRECTORY)
                        continue;
                assert_success(archive_read(a, left, 64 * MIB, &x, &err), &err);
                assert_success(archive_read(b, right, 64 * MIB, &y, &err), &err);
                assert_int_equal(x.size, y.size);
                assert_memory_equal(x.data, y.data, x.size);
        }
}

/* As a file, and again as a directory, which must come to the same. */
static int unpack(const char *from, const char *path, struct error *err)
{
        _cleanup_image_reference_ struct image_reference where = {0};
        _cleanup_close_ int dir = -1;
        struct error same = {0};
        int ret, other;

        reference(from, &where);
        ret = image_to_archive(&where, NULL, path, NULL, err);
        assert_success(file_remove_tree(AT_FDCWD, "unpacked", err), err);
        assert_int_equal(mkdir("unpacked", 0700), 0);
        dir = open("unpacked", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        other = image_to_directory(&where, NULL, dir, NULL, &same);
        if (ret == 0) {
                assert_success(other, &same);
                assert_same_files(path, "unpacked");
        }
        return ret;
}

static void round_trip(const char *archive, const char *to, enum compression compression)
{
        const struct image_options options = {.compression = compression};
        struct image_result result;
        struct error err = {0};

        assert_success(build(archive, to, &options, &result, &err), &err);
        assert_int_equal(result.layers, 2);
        unlink("back.tar");
        assert_success(unpack(to, "back.tar", &err), &err);
        assert_same_members(archive, "back.tar");
}

static void test_round_trips(void **state)
{
        round_trip(GOLDEN("podman-5.8.6-two-none.tar"), "oci:layout:two", COMPRESSION_NONE);
        round_trip(GOLDEN("podman-5.8.6-two-none.tar"), "oci:layout:gz", COMPRESSION_GZIP);
        round_trip(GOLDEN("podman-5.8.6-two-none.tar"), "oci:layout:zstd", COMPRESSION_ZSTD);
        round_trip(GOLDEN("podman-5.8.6-counter-zstd.tar"), "oci:layout:c", COMPRESSION_NONE);
        round_trip(GOLDEN("crio-1.36.3-counter.tar"), "oci-archive:crio.tar:x", COMPRESSION_NONE);
        round_trip(GOLDEN("containerd-2.1.9-counter.tar"), "oci-archive:containerd.tar", COMPRESSION_GZIP);
}

/* Larger than all chunks and frames together, so that they are used again and again. */
static void test_large_archive(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0}, pages = {0};

        assert_int_equal(buffer_reserve(&pages, 29 * MIB + 4096), 0);
        pages.size = 29 * MIB + 4096;
        for (size_t i = 0; i < pages.size; i += 4)
                store_le32(pages.data + i, (uint32_t)(i * 2654435761u));
        tarball_header(&tar, "checkpoint/", TAR_DIRECTORY, 0);
        tarball_file(&tar, "checkpoint/pages-1.img", buffer_slice(&pages));
        tarball_text(&tar, "config.dump", "{\"name\":\"large\"}");
        tarball_file(&tar, "rootfs-diff.tar", (struct slice){pages.data, 9 * MIB + 1});
        tarball_end(&tar);
        write_bytes("large.tar", buffer_slice(&tar));
        round_trip("large.tar", "oci:layout:none", COMPRESSION_NONE);
        round_trip("large.tar", "oci:layout:gzip", COMPRESSION_GZIP);
        round_trip("large.tar", "oci-archive:large-image.tar", COMPRESSION_ZSTD);
}

static unsigned count_files(const char *path)
{
        DIR *dir = opendir(path);
        unsigned n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n - 2;
}

static void test_building_twice_gives_the_same(void **state)
{
        struct image_result one, other;
        struct error err = {0};

        assert_success(build(GOLDEN("crio-1.36.3-counter.tar"), "oci:layout:a", &plain, &one, &err), &err);
        assert_int_equal(count_files("layout/blobs/sha256"), 4);
        assert_success(build(GOLDEN("crio-1.36.3-counter.tar"), "oci:layout:b", &plain, &other, &err), &err);
        assert_int_equal(count_files("layout/blobs/sha256"), 4);
        assert_true(sha256_equal(&one.manifest, &other.manifest));
        assert_success(unpack("oci:layout:a", "a.tar", &err), &err);
        assert_success(unpack("oci:layout:b", "b.tar", &err), &err);
        assert_error(unpack("oci:layout:c", "c.tar", &err), &err, ERROR_IMAGE_NOT_FOUND);
        /* Two images: "latest" is ambiguous. */
        assert_error(unpack("oci:layout", "c.tar", &err), &err, ERROR_IMAGE_NOT_FOUND);
}

/* A tag moves; what it named before is no longer named. */
static void test_a_tag_moves(void **state)
{
        struct image_result result;
        struct error err = {0};

        assert_success(build(GOLDEN("crio-1.36.3-counter.tar"), "oci:layout:t", &plain, &result, &err), &err);
        assert_success(build(GOLDEN("podman-5.8.6-two-none.tar"), "oci:layout:t", &plain, &result, &err),
                       &err);
        assert_success(unpack("oci:layout", "t.tar", &err), &err);
        assert_same_members(GOLDEN("podman-5.8.6-two-none.tar"), "t.tar");
}

/* Processes that build into one layout at once: none loses another's entry in the index. */
static void test_builds_at_once(void **state)
{
        struct error err = {0};
        pid_t pids[8];

        for (unsigned i = 0; i < ARRAY_SIZE(pids); i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        struct image_result result;
                        char to[32];

                        snprintf(to, sizeof(to), "oci:layout:t%u", i);
                        _exit(build(GOLDEN("podman-5.4.2-counter-none.tar"), to, &plain, &result, &err) < 0);
                }
        }
        for (unsigned i = 0; i < ARRAY_SIZE(pids); i++) {
                int status;

                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                assert_int_equal(status, 0);
        }
        for (unsigned i = 0; i < ARRAY_SIZE(pids); i++) {
                char from[32], path[32];

                snprintf(from, sizeof(from), "oci:layout:t%u", i);
                snprintf(path, sizeof(path), "t%u.tar", i);
                assert_success(unpack(from, path, &err), &err);
        }
}

static void largest_blob(char out[128])
{
        DIR *dir = opendir("layout/blobs/sha256");
        const struct dirent *entry;
        off_t largest = 0;

        while ((entry = readdir(dir))) {
                char path[128];
                struct stat st;

                snprintf(path, sizeof(path), "layout/blobs/sha256/%.70s", entry->d_name);
                if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > largest) {
                        largest = st.st_size;
                        strcpy(out, path);
                }
        }
        closedir(dir);
}

static void test_damaged_blobs_are_refused(void **state)
{
        _cleanup_buffer_ struct buffer bytes = {0};
        struct image_result result;
        struct error err = {0};
        char path[128];

        assert_success(build(GOLDEN("crio-1.36.3-counter.tar"), "oci:layout", &plain, &result, &err), &err);
        largest_blob(path);
        read_bytes(path, &bytes);
        bytes.data[bytes.size / 2] ^= 1;
        write_bytes(path, buffer_slice(&bytes));
        assert_error(unpack("oci:layout", "x.tar", &err), &err, ERROR_IMAGE_DIGEST);
        write_bytes(path, (struct slice){bytes.data, bytes.size - TAR_BLOCK});
        assert_error(unpack("oci:layout", "x.tar", &err), &err, ERROR_IMAGE_DIGEST);
        assert_int_equal(unlink(path), 0);
        assert_error(unpack("oci:layout", "x.tar", &err), &err, ERROR_IMAGE_LAYOUT);
        assert_int_equal(access("x.tar", F_OK), -1);
}

static void test_existing_files_stay(void **state)
{
        struct image_result result;
        struct error err = {0};

        write_bytes("mine", SLICE_TEXT("precious"));
        assert_error(build(GOLDEN("crio-1.36.3-counter.tar"), "oci-archive:mine", &plain, &result, &err),
                     &err, ERROR_EXISTS);
        assert_success(build(GOLDEN("crio-1.36.3-counter.tar"), "oci:layout", &plain, &result, &err), &err);
        assert_error(unpack("oci:layout", "mine", &err), &err, ERROR_EXISTS);
}

/* ".wh." would make the engine that unpacks the layer remove another member. */
static void test_whiteouts_are_refused(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0};
        struct image_result result;
        struct error err = {0};

        tarball_text(&tar, "config.dump", "{}");
        tarball_text(&tar, "checkpoint/.wh.pages-1.img", "");
        tarball_end(&tar);
        write_bytes("w.tar", buffer_slice(&tar));
        assert_error(build("w.tar", "oci:layout", &plain, &result, &err), &err, ERROR_ARCHIVE_NAME);
}

static void test_lz4_is_no_layer(void **state)
{
        const struct image_options lz4 = {.compression = COMPRESSION_LZ4};
        struct image_result result;
        struct error err = {0};

        assert_error(build(GOLDEN("crio-1.36.3-counter.tar"), "oci:layout", &lz4, &result, &err), &err,
                     ERROR_USAGE);
}

static bool cancel_now(void *context)
{
        return true;
}

static void test_cancel_leaves_no_image(void **state)
{
        const struct progress progress = {.cancelled = cancel_now};
        _cleanup_image_reference_ struct image_reference where = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        struct image_result result;
        struct error err = {0};

        reference("oci-archive:image.tar", &where);
        assert_success(archive_open(GOLDEN("crio-1.36.3-counter.tar"), &archive, &err), &err);
        assert_error(image_build(archive, &where, &plain, &progress, &result, &err), &err, ERROR_CANCELLED);
        assert_int_equal(count_files("."), 0);
}

int main(void)
{
#define scratch_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_references),
                scratch_test(test_round_trips),
                scratch_test(test_large_archive),
                scratch_test(test_building_twice_gives_the_same),
                scratch_test(test_a_tag_moves),
                scratch_test(test_builds_at_once),
                scratch_test(test_damaged_blobs_are_refused),
                scratch_test(test_existing_files_stay),
                scratch_test(test_whiteouts_are_refused),
                scratch_test(test_lz4_is_no_layer),
                scratch_test(test_cancel_leaves_no_image),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
