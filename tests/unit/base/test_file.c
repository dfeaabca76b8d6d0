/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include "base/file.h"

static void write_file(const char *path, const char *text)
{
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_int_equal(fputs(text, file) >= 0, 1);
        assert_int_equal(fclose(file), 0);
}

static unsigned count_entries(void)
{
        DIR *dir = opendir(".");
        unsigned n = 0;

        while (readdir(dir))
                n++;
        closedir(dir);
        return n - 2;
}

static void test_writer_appears_whole(void **state)
{
        struct file_writer *writer = NULL;
        struct error err = {0};
        struct stat st;

        assert_success(file_writer_open("out", false, &writer, &err), &err);
        assert_int_equal(access("out", F_OK), -1);
        assert_int_equal(file_write_full(file_writer_fd(writer), "abc", 3), 0);
        assert_success(file_writer_commit(writer, &err), &err);
        file_writer_free(writer);
        assert_int_equal(stat("out", &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(st.st_size, 3);
        assert_int_equal(count_entries(), 1);
}

static void test_writer_abandoned_leaves_nothing(void **state)
{
        struct file_writer *writer = NULL;
        struct error err = {0};

        assert_success(file_writer_open("out", false, &writer, &err), &err);
        file_writer_free(writer);
        assert_int_equal(count_entries(), 0);
}

static void test_writer_never_overwrites(void **state)
{
        struct file_writer *writer = NULL;
        struct error err = {0};

        assert_success(file_writer_open("out", false, &writer, &err), &err);
        write_file("out", "theirs");
        assert_error(file_writer_commit(writer, &err), &err, ERROR_EXISTS);
        file_writer_free(writer);
        assert_int_equal(count_entries(), 1);
        assert_error(file_writer_open("out", false, &writer, &err), &err, ERROR_EXISTS);
        assert_success(file_writer_open("out", true, &writer, &err), &err);
        assert_success(file_writer_commit(writer, &err), &err);
        file_writer_free(writer);
}

static void test_install(void **state)
{
        struct error err = {0};
        struct stat st;

        write_file("from", "new");
        write_file("there", "old");
        assert_error(file_install("from", "there", false, &err), &err, ERROR_EXISTS);
        assert_int_equal(access("from", F_OK), 0);
        assert_int_equal(chmod("from", 0644), 0);
        assert_success(file_install("from", "there", true, &err), &err);
        assert_int_equal(access("from", F_OK), -1);
        assert_int_equal(stat("there", &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(st.st_size, 3);
        /* What another program put there may be a link. */
        assert_int_equal(symlink("there", "link"), 0);
        assert_true(file_install("link", "out", false, &err) < 0);
        assert_int_equal(access("out", F_OK), -1);
}

static void test_read_limit(void **state)
{
        struct buffer out = {0};
        struct error err = {0};

        write_file("f", "12345");
        assert_success(file_read(AT_FDCWD, "f", 5, &out, &err), &err);
        assert_string_equal(buffer_text(&out), "12345");
        assert_int_equal(file_read(AT_FDCWD, "f", 4, &out, &err), -EFBIG);
        assert_int_equal(file_read(AT_FDCWD, ".", 4, &out, &err), -EINVAL);
        buffer_free(&out);
        /* Files of /proc say they are empty. */
        assert_success(file_read(AT_FDCWD, "/proc/self/status", MIB, &out, &err), &err);
        assert_non_null(strstr(buffer_text(&out), "Pid:"));
        buffer_free(&out);
}

static void test_open_beneath_refuses_escapes(void **state)
{
        _cleanup_close_ int dir = -1;
        int fd;

        assert_int_equal(mkdir("d", 0700), 0);
        write_file("secret", "x");
        assert_int_equal(symlink("../secret", "d/link"), 0);
        assert_int_equal(symlink("..", "d/up"), 0);
        dir = open("d", O_PATH | O_DIRECTORY);
        assert_int_equal(file_open_beneath(dir, "../secret", O_RDONLY, 0), -EXDEV);
        assert_int_equal(file_open_beneath(dir, "link", O_RDONLY, 0), -ELOOP);
        assert_int_equal(file_open_beneath(dir, "up/secret", O_RDONLY, 0), -ELOOP);
        assert_int_equal(file_open_beneath(dir, "/etc/passwd", O_RDONLY, 0), -EXDEV);
        fd = file_open_beneath(dir, "new", O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0);
        close(fd);
}

static void test_mkdir_beneath(void **state)
{
        _cleanup_close_ int dir = open(".", O_PATH | O_DIRECTORY);
        struct error err = {0};

        assert_success(file_mkdir_beneath(dir, "a/b/c", &err), &err);
        assert_int_equal(access("a/b/c", F_OK), 0);
        assert_int_equal(symlink("/tmp", "link"), 0);
        assert_true(file_mkdir_beneath(dir, "link/x", &err) < 0);
        assert_error(file_mkdir_beneath(dir, "a/../b", &err), &err, ERROR_UNSAFE_NAME);
}

static void test_safe_names(void **state)
{
        static const char *const good[] = {"a", "./a", "a/b", "a/b/", "..a", "a..", "..."};
        static const char *const bad[] = {"",       "/",    "/a", "..", "../a", "a/..",
                                          "a/../b", "a//b", ".",  "./", "./.",  "a/./b"};

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                if (!file_name_is_safe(good[i]))
                        fail_msg("`%s` was refused", good[i]);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (file_name_is_safe(bad[i]))
                        fail_msg("`%s` was accepted", bad[i]);
}

static void test_remove_tree_keeps_link_targets(void **state)
{
        struct error err = {0};

        assert_int_equal(mkdir("keep", 0700), 0);
        write_file("keep/file", "x");
        assert_success(file_mkdir_all("gone/deep/er", 0700, &err), &err);
        assert_int_equal(symlink("../keep", "gone/link"), 0);
        write_file("gone/deep/file", "x");
        assert_success(file_remove_tree(AT_FDCWD, "gone", &err), &err);
        assert_int_equal(access("gone", F_OK), -1);
        assert_int_equal(access("keep/file", F_OK), 0);
        assert_success(file_remove_tree(AT_FDCWD, "gone", &err), &err);
}

static void test_free_space_of_a_path_to_be(void **state)
{
        struct error err = {0};
        uint64_t here, there;

        assert_success(file_free_space(".", &here, &err), &err);
        assert_success(file_free_space("not/yet/there", &there, &err), &err);
        assert_true(here > 0 && there > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_writer_appears_whole, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_writer_abandoned_leaves_nothing, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_writer_never_overwrites, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_install, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_read_limit, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_open_beneath_refuses_escapes, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_mkdir_beneath, scratch_setup, scratch_teardown),
                cmocka_unit_test(test_safe_names),
                cmocka_unit_test_setup_teardown(test_remove_tree_keeps_link_targets, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_free_space_of_a_path_to_be, scratch_setup,
                                                scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
