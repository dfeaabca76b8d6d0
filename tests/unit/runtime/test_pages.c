/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "archive/archive.h"
#include "base/clock.h"
#include "base/file.h"
#include "runtime/pages.h"

struct dump {
        int dir, done;
        pid_t pid;
        struct pages *pages;
        struct archive_writer *writer;
};

/* What plays CRIU: runs in a child; `done` becomes readable when it ends. */
typedef void (*criu_function)(int dir);

static void dump_start(struct dump *dump, unsigned count, criu_function criu)
{
        struct error err = {0};
        int done[2];

        *dump = (struct dump){0};
        assert_int_equal(mkdir("images", 0700), 0);
        dump->dir = open("images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(dump->dir >= 0);
        assert_success(pages_open(dump->dir, count, &dump->pages, &err), &err);
        assert_success(archive_writer_open("out.tar", false, COMPRESSION_NONE, 0, &dump->writer, &err), &err);
        assert_int_equal(pipe2(done, O_CLOEXEC), 0);
        dump->pid = fork();
        assert_true(dump->pid >= 0);
        if (dump->pid == 0) {
                int dir = openat(dump->dir, ".", O_RDONLY | O_DIRECTORY);

                pages_free(dump->pages);
                signal(SIGPIPE, SIG_IGN);
                criu(dir);
                _exit(0);
        }
        close(done[1]);
        dump->done = done[0];
}

static int dump_end(struct dump *dump)
{
        int status;

        assert_int_equal(waitpid(dump->pid, &status, 0), dump->pid);
        close(dump->done);
        close(dump->dir);
        if (dump->pages)
                pages_free(dump->pages);
        archive_writer_free(dump->writer);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int image_open(int dir, unsigned number)
{
        char name[32];

        snprintf(name, sizeof(name), "pages-%u.img", number);
        return openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
}

static void image_fill(int fd, char byte, size_t size)
{
        char block[5000];

        memset(block, byte, sizeof(block));
        while (size) {
                size_t part = size < sizeof(block) ? size : sizeof(block);

                if (file_write_full(fd, block, part) < 0)
                        _exit(1);
                size -= part;
        }
}

static void assert_member(const struct archive *archive, const char *name, char byte, size_t size)
{
        const struct archive_member *member = archive_find(archive, name);
        _cleanup_buffer_ struct buffer contents = {0};
        struct error err = {0};

        assert_non_null(member);
        assert_int_equal(member->size, size);
        assert_success(archive_read(archive, member, 64 * MIB, &contents, &err), &err);
        for (size_t i = 0; i < size; i++)
                assert_int_equal(contents.data[i], byte);
}

static void finish(struct dump *dump, struct archive **out)
{
        struct error err = {0};

        assert_success(pages_copy(dump->pages, dump->writer, dump->done, 0, NULL, &err), &err);
        assert_success(pages_remove(dump->pages, &err), &err);
        assert_success(archive_writer_seal(dump->writer, SLICE_TEXT("{}"), NULL, NULL, &err), &err);
        assert_success(archive_writer_commit(dump->writer, &err), &err);
        assert_int_equal(dump_end(dump), 0);
        assert_success(archive_open("out.tar", out, &err), &err);
}

static void criu_in_turn(int dir)
{
        static const size_t sizes[] = {3 * MIB + 4096, 0, 4096};

        for (unsigned i = 0; i < 3; i++) {
                int fd = image_open(dir, i + 1);

                image_fill(fd, (char)('a' + i), sizes[i]);
                close(fd);
        }
}

static void takes_images_in_turn(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct dump dump;

        dump_start(&dump, 5, criu_in_turn);
        finish(&dump, &archive);
        assert_member(archive, "checkpoint/pages-1.img", 'a', 3 * MIB + 4096);
        assert_member(archive, "checkpoint/pages-2.img", 'b', 0);
        assert_member(archive, "checkpoint/pages-3.img", 'c', 4096);
        /* Never opened. */
        assert_null(archive_find(archive, "checkpoint/pages-4.img"));
        assert_int_equal(access("images/pages-4.img", F_OK), -1);
}

/* Both open, and the second filled with more than a pipe holds before the first goes on. */
static void criu_out_of_turn(int dir)
{
        int first = image_open(dir, 1), second;

        image_fill(first, 'a', 100);
        second = image_open(dir, 2);
        image_fill(second, 'b', 4 * MIB);
        image_fill(first, 'a', 2 * MIB);
        close(first);
        image_fill(second, 'b', 100);
        close(second);
}

static void takes_images_that_are_open_at_once(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct dump dump;

        dump_start(&dump, 2, criu_out_of_turn);
        finish(&dump, &archive);
        assert_member(archive, "checkpoint/pages-1.img", 'a', 2 * MIB + 100);
        assert_member(archive, "checkpoint/pages-2.img", 'b', 4 * MIB + 100);
}

static void criu_beyond(int dir)
{
        for (unsigned i = 1; i <= 3; i++) {
                int fd = image_open(dir, i);

                image_fill(fd, 'x', 10);
                close(fd);
        }
}

static void leaves_images_beyond_its_pipes_as_files(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct stat status;
        struct dump dump;

        dump_start(&dump, 2, criu_beyond);
        finish(&dump, &archive);
        assert_null(archive_find(archive, "checkpoint/pages-3.img"));
        assert_int_equal(stat("images/pages-3.img", &status), 0);
        assert_true(S_ISREG(status.st_mode));
        assert_int_equal(status.st_size, 10);
}

/* 0: the dump went through; 2: broken off in an image; 3: broken off at the next one. */
static void criu_endless(int dir)
{
        char block[4096] = {0};

        for (unsigned i = 1; i <= 3; i++) {
                int fd = image_open(dir, i);

                if (fd < 0)
                        _exit(errno == EISDIR ? 3 : 1);
                for (;;)
                        if (write(fd, block, sizeof(block)) < 0)
                                _exit(errno == EPIPE ? 2 : 1);
        }
}

static bool cancel(void *context)
{
        return true;
}

static void breaks_off_in_an_image(void **state)
{
        const struct progress progress = {.cancelled = cancel};
        struct error err = {0};
        struct dump dump;

        dump_start(&dump, 2, criu_endless);
        assert_error(pages_copy(dump.pages, dump.writer, dump.done, 0, &progress, &err), &err,
                     ERROR_CANCELLED);
        pages_break(dump.pages);
        assert_int_equal(dump_end(&dump), 2);
}

static void criu_late(int dir)
{
        /* Until the names have been exchanged. */
        for (struct stat status = {0}; !S_ISDIR(status.st_mode);) {
                usleep(1000);
                if (fstatat(dir, "pages-2.img", &status, AT_SYMLINK_NOFOLLOW) < 0)
                        _exit(1);
        }
        criu_endless(dir);
}

static void breaks_off_before_an_image(void **state)
{
        struct error err = {0};
        struct dump dump;

        dump_start(&dump, 2, criu_late);
        assert_error(pages_copy(dump.pages, dump.writer, dump.done, clock_monotonic_us() + 50000, NULL, &err),
                     &err, ERROR_TIMEOUT);
        pages_break(dump.pages);
        assert_int_equal(dump_end(&dump), 3);
}

static void criu_waiting(int dir)
{
        while (faccessat(dir, "alone", F_OK, 0) < 0)
                usleep(1000);
        criu_endless(dir);
}

/* Whoever read the pipes was killed: CRIU waits for a reader, and somebody else has to end that. */
static void breaks_off_what_another_left(void **state)
{
        struct error err = {0};
        struct pages *adopted;
        struct dump dump;
        int result;

        dump_start(&dump, 2, criu_waiting);
        pages_free(dump.pages);
        dump.pages = NULL;
        assert_int_equal(mkdir("images/alone", 0700), 0);
        usleep(50000); /* so that it waits in open; if it does not yet, it finds a directory there */
        assert_success(pages_adopt(dump.dir, &adopted, &err), &err);
        assert_int_equal(pages_descriptors(adopted, (int[PAGES_MOST + 1]){0}), 3);
        pages_break(adopted);
        pages_free(adopted);
        result = dump_end(&dump);
        assert_true(result == 2 || result == 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(takes_images_in_turn, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(takes_images_that_are_open_at_once, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(leaves_images_beyond_its_pipes_as_files, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(breaks_off_in_an_image, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(breaks_off_before_an_image, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(breaks_off_what_another_left, scratch_setup,
                                                scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
