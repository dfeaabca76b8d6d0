/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "archive/verify.h"
#include "base/file.h"
#include "oci/image.h"
#include "runtime/stage.h"
#include "tarball.h"

#define COUNTER GOLDEN("podman-5.8.6-counter-zstd.tar")

static struct stage *stage_of(const char *text)
{
        struct stage *stage = NULL;
        struct error err = {0};

        assert_success(stage_open(text, NULL, NULL, &stage, &err), &err);
        return stage;
}

static void test_archives_are_unpacked_for_a_while(void **state)
{
        struct stage *stage = stage_of(COUNTER);
        _cleanup_free_ char *path = strdup(stage_path(stage));
        struct stat st;
        char pages[256];

        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_string_equal(archive_path(stage_archive(stage)), COUNTER);
        assert_int_equal(archive_form(stage_archive(stage)), ARCHIVE_DIRECTORY);
        snprintf(pages, sizeof(pages), "%s/pages-1.img", stage_images(stage));
        assert_int_equal(stat(pages, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        stage_free(stage);
        assert_int_equal(access(path, F_OK), -1);
}

/* Whatever lies at its path by then; compressed or not. */
static void test_what_was_verified_is_what_is_unpacked(void **state)
{
        static const char *const archives[] = {COUNTER, GOLDEN("podman-5.8.6-counter-none.tar")};

        for (size_t i = 0; i < ARRAY_SIZE(archives); i++) {
                _cleanup_close_ int file = open(archives[i], O_RDONLY | O_CLOEXEC);
                _cleanup_stage_ struct stage *stage = NULL, *expected = stage_of(archives[i]);
                _cleanup_verify_report_ struct verify_report report = {0};
                struct error err = {0};

                assert_success(archive_verify_file(file, "gone.tar", NULL, &report, &err), &err);
                assert_int_equal(report.fault_count, 0);
                assert_success(stage_open_verified(file, "gone.tar", NULL, &stage, &err), &err);
                assert_string_equal(archive_path(stage_archive(stage)), "gone.tar");
                assert_int_equal(archive_count(stage_archive(stage)), archive_count(stage_archive(expected)));
                assert_non_null(archive_find(stage_archive(stage), "checkpoint/pages-1.img"));
        }
}

static void test_images_are_unpacked(void **state)
{
        const struct image_options options = {.compression = COMPRESSION_ZSTD};
        char layout[] = "layout", tag[] = "a";
        const struct image_reference to = {.transport = IMAGE_OCI, .path = layout, .tag = tag};
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_image_result_ struct image_result result = {0};
        _cleanup_stage_ struct stage *stage = NULL;
        struct error err = {0};

        assert_success(archive_open(COUNTER, &archive, &err), &err);
        assert_success(image_build(archive, &to, &options, NULL, &result, &err), &err);
        stage = stage_of("oci:layout:a");
        assert_non_null(archive_find(stage_archive(stage), "checkpoint/pages-1.img"));
        assert_non_null(archive_find(stage_archive(stage), "config.dump"));
}

/* The directory of a restore that was killed: nobody holds its lock any more. */
static void test_what_was_abandoned_goes(void **state)
{
        static const char dead[] = STAGE_PARENT "/dead", alive[] = STAGE_PARENT "/alive";
        struct stage *stage = stage_of(COUNTER);
        struct error err = {0};
        int lock;

        assert_int_equal(mkdir(dead, 0700), 0);
        assert_int_equal(mkdir(alive, 0700), 0);
        lock = open(alive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(flock(lock, LOCK_EX), 0);
        assert_success(stage_recover(&err), &err);
        assert_int_equal(access(dead, F_OK), -1);
        assert_int_equal(access(alive, F_OK), 0);
        assert_int_equal(access(stage_images(stage), F_OK), 0);
        close(lock);
        stage_free(stage);
        stage_free(stage_of(COUNTER));
        assert_int_equal(access(alive, F_OK), -1);
}

/* The engine of a restore that was killed goes on: it has the directory in its arguments, or a file of it
 * open. */
static void test_what_an_engine_uses_stays(void **state)
{
        static const char named[] = STAGE_PARENT "/named", held[] = STAGE_PARENT "/held";
        struct error err = {0};
        int started[2], file;
        pid_t engine, reader;
        char byte;

        assert_success(file_mkdir_all(named, 0700, &err), &err);
        assert_success(file_mkdir_all(held, 0700, &err), &err);
        file = open(STAGE_PARENT "/held/pages-1.img", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(file >= 0);
        assert_int_equal(pipe2(started, O_CLOEXEC), 0);
        engine = fork();
        if (engine == 0) {
                execlp("sleep", STAGE_PARENT "/named/feed.tar", "1000", NULL);
                _exit(127);
        }
        reader = fork();
        if (reader == 0) {
                close(started[0]);
                close(started[1]);
                pause();
                _exit(0);
        }
        close(file);
        close(started[1]);
        assert_int_equal(read(started[0], &byte, 1), 0);
        assert_success(stage_recover(&err), &err);
        assert_int_equal(access(named, F_OK), 0);
        assert_int_equal(access(held, F_OK), 0);
        kill(engine, SIGKILL);
        kill(reader, SIGKILL);
        assert_int_equal(waitpid(engine, NULL, 0), engine);
        assert_int_equal(waitpid(reader, NULL, 0), reader);
        assert_success(stage_recover(&err), &err);
        assert_int_equal(access(named, F_OK), -1);
        assert_int_equal(access(held, F_OK), -1);
        close(started[0]);
}

static bool nothing_is_left(void)
{
        return rmdir(STAGE_PARENT) == 0;
}

static void refuse(const struct buffer *tar, const struct error_kind *kind)
{
        struct stage *stage = NULL;
        struct error err = {0};

        write_bytes("bad.tar", buffer_slice(tar));
        assert_true(stage_open("bad.tar", NULL, NULL, &stage, &err) < 0);
        assert_ptr_equal(err.kind, kind);
        assert_null(stage);
        assert_true(nothing_is_left());
}

/* CRIU would follow a link, and write and read behind it. */
static void test_links_and_escapes_are_refused(void **state)
{
        static const enum tar_type links[] = {TAR_SYMLINK, TAR_HARD_LINK, TAR_FIFO, TAR_CHARACTER};

        for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
                _cleanup_buffer_ struct buffer tar = {0};

                tarball_text(&tar, "config.dump", "{}");
                tarball_header(&tar, "checkpoint/pages-1.img", links[i], 0);
                tarball_end(&tar);
                refuse(&tar, &ERROR_ARCHIVE_NAME);
        }
        for (size_t i = 0; i < 2; i++) {
                _cleanup_buffer_ struct buffer tar = {0};

                tarball_text(&tar, "config.dump", "{}");
                tarball_text(&tar, i ? "/checkpoint/pages-1.img" : "checkpoint/../../x", "");
                tarball_end(&tar);
                refuse(&tar, &ERROR_ARCHIVE_NAME);
        }
}

static void test_what_does_not_fit_together_is_refused(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0};

        tarball_text(&tar, "config.dump", "{}");
        tarball_text(&tar, "spec.dump", "{}");
        tarball_text(&tar, "checkpoint/inventory.img", "nonsense");
        tarball_end(&tar);
        refuse(&tar, &ERROR_ARCHIVE_INCONSISTENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_archives_are_unpacked_for_a_while, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_what_was_verified_is_what_is_unpacked, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_images_are_unpacked, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_what_was_abandoned_goes, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_what_an_engine_uses_stays, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_links_and_escapes_are_refused, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_what_does_not_fit_together_is_refused, scratch_setup,
                                                scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
