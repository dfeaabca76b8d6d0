/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include "archive/writer.h"
#include "base/file.h"
#include "runtime/feed.h"

#define LARGE (3 * MIB) /* more than a pipe holds */

static void archive_make(const char *path, enum compression compression)
{
        _cleanup_archive_writer_ struct archive_writer *writer = NULL;
        _cleanup_free_ uint8_t *large = malloc(LARGE);
        struct error err = {0};

        for (size_t i = 0; i < LARGE; i++)
                large[i] = (uint8_t)(i * 7 + i / 251);
        assert_success(archive_writer_open(path, false, compression, 0, &writer, &err), &err);
        assert_success(archive_writer_add(writer, "checkpoint/", 0700, (struct slice){0}, &err), &err);
        assert_success(archive_writer_add(writer, "checkpoint/pages-1.img", 0600,
                                          (struct slice){large, LARGE}, &err),
                       &err);
        assert_success(archive_writer_add(writer, "spec.dump", 0600, SLICE_TEXT("{\"old\": 1}"), &err), &err);
        assert_success(archive_writer_add(writer, "config.dump", 0600, SLICE_TEXT("{}"), &err), &err);
        assert_success(archive_writer_seal(writer, SLICE_TEXT("{}"), NULL, NULL, &err), &err);
        assert_success(archive_writer_commit(writer, &err), &err);
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
        static const enum compression kinds[] = {COMPRESSION_NONE, COMPRESSION_LZ4, COMPRESSION_ZSTD};
        static const char longer[] = "{\"new\": \"and longer than what was there before\"}";

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_archive_ struct archive *archive = NULL;
                _cleanup_feed_ struct feed *feed = NULL;
                struct error err = {0};

                unlink("a.tar");
                archive_make("a.tar", kinds[i]);
                assert_success(archive_open("a.tar", &archive, &err), &err);
                assert_success(feed_open(archive, "spec.dump", SLICE_TEXT(longer), &feed, &err), &err);
                for (int reader = 0; reader < 3; reader++) {
                        _cleanup_archive_ struct archive *got = read_all(feed_path(feed), "b.tar");

                        assert_int_equal(archive_compression(got), COMPRESSION_NONE);
                        assert_member(got, "spec.dump", longer);
                        assert_member(got, "config.dump", "{}");
                        assert_int_equal(archive_find(got, "checkpoint/pages-1.img")->size, LARGE);
                }
                assert_success(feed_error(feed, &err), &err);
        }
}

/* Podman looks at the beginning and closes; that is no fault, and the next reader starts anew. */
static void test_readers_may_leave_early(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL, *got = NULL;
        _cleanup_feed_ struct feed *feed = NULL;
        struct error err = {0};
        char part[512];

        archive_make("a.tar", COMPRESSION_LZ4);
        assert_success(archive_open("a.tar", &archive, &err), &err);
        assert_success(feed_open(archive, NULL, (struct slice){0}, &feed, &err), &err);
        for (int reader = 0; reader < 3; reader++) {
                int fd = open(feed_path(feed), O_RDONLY | O_CLOEXEC);

                assert_true(read(fd, part, sizeof(part)) > 0);
                close(fd);
        }
        got = read_all(feed_path(feed), "b.tar");
        assert_member(got, "spec.dump", "{\"old\": 1}");
        assert_success(feed_error(feed, &err), &err);
}

static void test_leaves_nothing_behind(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct feed *feed = NULL;
        struct error err = {0};
        char path[128];

        archive_make("a.tar", COMPRESSION_NONE);
        assert_success(archive_open("a.tar", &archive, &err), &err);
        assert_success(feed_open(archive, NULL, (struct slice){0}, &feed, &err), &err);
        snprintf(path, sizeof(path), "%s", feed_path(feed));
        assert_int_equal(access(path, F_OK), 0);
        feed_free(feed);
        *strrchr(path, '/') = '\0';
        assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_feeds_any_number_of_readers, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_readers_may_leave_early, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_leaves_nothing_behind, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
