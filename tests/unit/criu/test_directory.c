/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include "testing.h"
#include "criu/directory.h"
#include "criu/errors.h"

static void write_file(const char *name, const char *text)
{
        FILE *file = fopen(name, "w");

        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
}

static int count_files(void *argument, const char *name, uint64_t size)
{
        uint64_t *total = argument;

        *total += size;
        return strcmp(name, "stop") == 0 ? 7 : 0;
}

static void test_files(void **state)
{
        _cleanup_criu_directory_ struct criu_directory *directory = NULL;
        _cleanup_buffer_ struct buffer bytes = {0};
        struct criu_source source;
        struct error err = {0};
        uint64_t size = 0;
        char two[2];

        mkdir("images", 0700);
        mkdir("images/inner", 0700);
        write_file("images/pages-1.img", "0123456789");
        assert_success(criu_directory_open("images", NULL, &directory, &err), &err);
        source = criu_directory_source(directory);
        assert_success(source.size(source.context, "pages-1.img", &size, &err), &err);
        assert_int_equal(size, 10);
        assert_success(source.read(source.context, "pages-1.img", 10, &bytes, &err), &err);
        assert_string_equal(buffer_text(&bytes), "0123456789");
        assert_int_equal(source.read(source.context, "pages-1.img", 9, &bytes, &err), -EFBIG);
        assert_error(source.size(source.context, "pages-2.img", &size, &err), &err, ERROR_CRIU_IMAGE_MISSING);
        assert_error(source.size(source.context, "inner", &size, &err), &err, ERROR_CRIU_IMAGE);
        size = 0;
        assert_int_equal(source.list(source.context, count_files, &size, &err), 0);
        assert_int_equal(size, 10);
        write_file("images/stop", "");
        assert_int_equal(source.list(source.context, count_files, &size, &err), 7);
        assert_success(criu_directory_read_pages(directory, "pages-1.img", 8, two, 2, &err), &err);
        assert_memory_equal(two, "89", 2);
        assert_error(criu_directory_read_pages(directory, "pages-1.img", 9, two, 2, &err), &err,
                     ERROR_CRIU_IMAGE);
}

static void test_statistics_elsewhere(void **state)
{
        _cleanup_criu_directory_ struct criu_directory *directory = NULL;
        struct criu_source source;
        struct error err = {0};
        uint64_t size = 0;

        mkdir("images", 0700);
        write_file("stats-dump", "12345");
        write_file("pstree.img", "not among the images");
        assert_success(criu_directory_open("images", ".", &directory, &err), &err);
        source = criu_directory_source(directory);
        assert_success(source.size(source.context, "stats-dump", &size, &err), &err);
        assert_int_equal(size, 5);
        assert_int_equal(source.size(source.context, "pstree.img", &size, &err), -ENOENT);
}

/* A dump is somebody else's: its names lead nowhere but into it, and never block. */
static void test_escapes(void **state)
{
        static const char *const names[] = {"link", "../secret", "up/secret", "/etc/passwd", "fifo"};
        _cleanup_criu_directory_ struct criu_directory *directory = NULL;
        struct criu_source source;
        struct error err = {0};
        uint64_t size = 0;

        mkdir("images", 0700);
        write_file("secret", "x");
        assert_int_equal(symlink("../secret", "images/link"), 0);
        assert_int_equal(symlink("..", "images/up"), 0);
        assert_int_equal(mkfifo("images/fifo", 0600), 0);
        assert_success(criu_directory_open("images", NULL, &directory, &err), &err);
        source = criu_directory_source(directory);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                int r = source.size(source.context, names[i], &size, &err);

                assert_true(r < 0 && r != -ENOENT);
        }
        assert_int_equal(source.list(source.context, count_files, &size, &err), 0);
        assert_int_equal(size, 0);
}

static void test_no_directory(void **state)
{
        struct criu_directory *directory = NULL;
        struct error err = {0};

        assert_error(criu_directory_open("nowhere", NULL, &directory, &err), &err, ERROR_NOT_FOUND);
        assert_error(criu_directory_open(".", "nowhere", &directory, &err), &err, ERROR_NOT_FOUND);
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                SCRATCH(test_files),
                SCRATCH(test_statistics_elsewhere),
                SCRATCH(test_escapes),
                SCRATCH(test_no_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
