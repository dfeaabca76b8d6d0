/* SPDX-License-Identifier: Apache-2.0 */
/* An archive that lies elsewhere: what is read of it, and how much travels. */
#include "testing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include "archive/metadata.h"
#include "archive/remote_buffer.h"
#include "archive/verify.h"
#include "base/file.h"

#define ARCHIVES TEST_DATA "/archives/"

/* Elsewhere. */
struct place {
        int fd;
        uint64_t size, travelled;
        unsigned reads, releases;
        bool is_gone;
};

static int place_read(void *context, uint64_t offset, void *data, size_t size, struct error *err)
{
        struct place *place = context;

        assert_true(size > 0 && offset <= place->size && size <= place->size - offset);
        if (place->is_gone)
                return error_set(err, &ERROR_IO, -EIO, "it is gone");
        place->reads++;
        place->travelled += size;
        assert_int_equal(file_pread_full(place->fd, data, size, offset), (ssize_t)size);
        return 0;
}

static void place_release(void *context)
{
        struct place *place = context;

        place->releases++;
}

static struct archive_remote place_open(struct place *place, const char *path)
{
        const struct archive_remote direct = {place_read, place_release, place};
        struct archive_remote buffered;
        struct error err = {0};
        struct stat st;

        *place = (struct place){.fd = open(path, O_RDONLY | O_CLOEXEC)};
        assert_true(place->fd >= 0);
        assert_int_equal(fstat(place->fd, &st), 0);
        place->size = (uint64_t)st.st_size;
        assert_success(remote_buffer_new(&direct, place->size, &buffered, &err), &err);
        return buffered;
}

/* Plain, compressed without an index: all are read as if they were here. */
static void test_reads_as_if_it_were_here(void **state)
{
        static const char *const names[] = {"crio-1.36.3-counter.tar", "podman-5.8.6-counter-none.tar",
                                            "podman-5.8.6-counter-gzip.tar", "podman-5.8.6-counter-zstd.tar"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_archive_ struct archive *here = NULL, *there = NULL;
                _cleanup_verify_report_ struct verify_report report = {0};
                struct archive_remote remote;
                struct error err = {0};
                struct place place;
                char path[512];

                snprintf(path, sizeof(path), ARCHIVES "%s", names[i]);
                remote = place_open(&place, path);
                assert_success(archive_open(path, &here, &err), &err);
                assert_success(archive_open_remote("there", &remote, place.size, &there, &err), &err);
                assert_success(archive_load(there, NULL, &err), &err);
                assert_int_equal(archive_count(here), archive_count(there));
                for (size_t k = 0; k < archive_count(here); k++)
                        assert_string_equal(archive_at(here, k)->name, archive_at(there, k)->name);
                assert_int_equal(archive_file_size(there), place.size);
                assert_false(archive_is_encrypted(there));
                assert_success(archive_verify_open(there, NULL, &report, &err), &err);
                assert_int_equal(report.fault_count, 0);
                archive_free(steal_ptr(there));
                assert_int_equal(place.releases, 1);
                close(place.fd);
        }
}

static void test_headers_that_lie_together_travel_together(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *metadata = NULL;
        struct archive_remote remote;
        struct error err = {0};
        struct place place;

        remote = place_open(&place, ARCHIVES "crio-1.36.3-counter.tar");
        assert_success(archive_open_remote("there", &remote, place.size, &archive, &err), &err);
        assert_success(metadata_load(archive, &metadata, &err), &err);
        assert_true(archive_count(archive) > 20);
        assert_true(place.reads <= 2 + place.size / (256 * KIB));
        assert_true(place.travelled <= place.size);
        close(place.fd);
}

static void test_what_cannot_be_opened_is_released(void **state)
{
        struct archive *archive = NULL;
        struct archive_remote remote;
        struct error err = {0};
        struct place place;

        remote = place_open(&place, ARCHIVES "crio-1.36.3-counter.tar");
        place.is_gone = true;
        assert_error(archive_open_remote("there", &remote, place.size, &archive, &err), &err, ERROR_IO);
        assert_int_equal(place.releases, 1);
        close(place.fd);
}

static void test_an_encrypted_one_is_refused(void **state)
{
        char bytes[1024] = "SNAPENC";
        struct archive *archive = NULL;
        struct archive_remote remote;
        struct error err = {0};
        struct place place;
        int fd = open("encrypted", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
        close(fd);
        remote = place_open(&place, "encrypted");
        assert_error(archive_open_remote("there", &remote, place.size, &archive, &err), &err,
                     ERROR_UNSUPPORTED);
        assert_int_equal(place.releases, 1);
        close(place.fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_as_if_it_were_here),
                cmocka_unit_test(test_headers_that_lie_together_travel_together),
                cmocka_unit_test(test_what_cannot_be_opened_is_released),
                cmocka_unit_test_setup_teardown(test_an_encrypted_one_is_refused, scratch_setup,
                                                scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
