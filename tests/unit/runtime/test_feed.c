/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include "runtime/feed.h"
#include "tarball.h"

#define LARGE (3 * MIB) /* more than a pipe holds */

/* A directory of members, which is what is fed. */
static struct archive *members_make(void)
{
        _cleanup_free_ uint8_t *large = malloc(LARGE);
        struct archive *archive = NULL;
        struct error err = {0};

        for (size_t i = 0; i < LARGE; i++)
                large[i] = (uint8_t)(i * 7 + i / 251);
        assert_int_equal(mkdir("a", 0700), 0);
        assert_int_equal(mkdir("a/checkpoint", 0700), 0);
        write_bytes("a/rootfs-diff.tar", (struct slice){large, LARGE});
        write_bytes("a/spec.dump", SLICE_TEXT("{\"a\": 1}"));
        write_bytes("a/config.dump", SLICE_TEXT("{}"));
        assert_success(archive_open("a", &archive, &err), &err);
        return archive;
}

/* Copies what a reader of the feed gets to a file, and opens it as an archive. */
static struct archive *read_all(const char *from, const char *to)
{
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC),
                            out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        struct archive *archive = NULL;
        struct error err = {0};
        char part[65536];
        ssize_t n;

        assert_true(in >= 0 && out >= 0);
        while ((n = file_read_full(in, part, sizeof(part))) > 0)
                assert_int_equal(file_write_full(out, part, (size_t)n), 0);
        assert_int_equal(n, 0);
        assert_success(archive_open(to, &archive, &err), &err);
        return archive;
}

static void assert_member(const struct archive *archive, const char *name, const char *expected)
{
        const struct archive_member *member = archive_find(archive, name);
        _cleanup_buffer_ struct buffer contents = {0};
        struct error err = {0};

        assert_non_null(member);
        assert_success(archive_read(archive, member, MIB, &contents, &err), &err);
        assert_string_equal(buffer_text(&contents), expected);
}

static void test_feeds_any_number_of_readers(void **state)
{
        _cleanup_archive_ struct archive *archive = members_make();
        _cleanup_feed_ struct feed *feed = NULL;
        struct error err = {0};

        assert_success(feed_open(archive, ".", &feed, &err), &err);
        for (int reader = 0; reader < 3; reader++) {
                _cleanup_archive_ struct archive *got = read_all(feed_path(feed), "b.tar");

                assert_int_equal(archive_count(got), 4);
                assert_member(got, "spec.dump", "{\"a\": 1}");
                assert_member(got, "config.dump", "{}");
                assert_int_equal(archive_find(got, "rootfs-diff.tar")->size, LARGE);
        }
        assert_success(feed_error(feed, &err), &err);
}

/* Podman looks at the beginning and closes; that is no fault, and the next reader starts anew. */
static void test_readers_may_leave_early(void **state)
{
        _cleanup_archive_ struct archive *archive = members_make(), *got = NULL;
        _cleanup_feed_ struct feed *feed = NULL;
        struct error err = {0};
        char part[512];

        assert_success(feed_open(archive, ".", &feed, &err), &err);
        for (int reader = 0; reader < 3; reader++) {
                int fd = open(feed_path(feed), O_RDONLY | O_CLOEXEC);

                assert_true(read(fd, part, sizeof(part)) > 0);
                close(fd);
        }
        got = read_all(feed_path(feed), "b.tar");
        assert_member(got, "spec.dump", "{\"a\": 1}");
        assert_success(feed_error(feed, &err), &err);
}

static void test_leaves_nothing_behind(void **state)
{
        _cleanup_archive_ struct archive *archive = members_make();
        struct feed *feed = NULL;
        struct error err = {0};

        assert_int_equal(mkdir("place", 0700), 0);
        assert_success(feed_open(archive, "place", &feed, &err), &err);
        assert_int_equal(access(feed_path(feed), F_OK), 0);
        feed_free(feed);
        assert_int_equal(rmdir("place"), 0);
}

/* Reads as Podman does when nobody feeds it any more. */
static void *read_in_vain(void *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        char byte;

        return (void *)(intptr_t)(fd < 0 || read(fd, &byte, 1) != 0);
}

static void test_an_abandoned_reader_comes_to_the_end(void **state)
{
        _cleanup_archive_ struct archive *archive = members_make();
        _cleanup_close_ int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct feed *feed = NULL;
        struct error err = {0};
        pthread_t reader;
        void *failed;
        char path[64];

        assert_success(feed_open(archive, ".", &feed, &err), &err);
        snprintf(path, sizeof(path), "%s", feed_path(feed));
        feed_free(feed);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(pthread_create(&reader, NULL, read_in_vain, path), 0);
        usleep(50000); /* it is about a reader that waits already, but it is no fault if it does not */
        feed_abandon(here);
        pthread_join(reader, &failed);
        assert_int_equal(access(path, F_OK), -1);
        assert_null(failed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_feeds_any_number_of_readers, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_readers_may_leave_early, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_leaves_nothing_behind, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_an_abandoned_reader_comes_to_the_end, scratch_setup,
                                                scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
