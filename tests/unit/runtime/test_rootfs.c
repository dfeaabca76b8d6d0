/* SPDX-License-Identifier: Apache-2.0 */
/* A real overlay, changed in all the ways that a container changes one. */
#include "testing.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include "archive/archive.h"
#include "base/file.h"
#include "base/json.h"
#include "runtime/rootfs.h"

/* A process whose root directory is that of a container. */
static pid_t inhabitant(const char *root)
{
        int ready[2];
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (chroot(root) < 0 || chdir("/") < 0 || write(ready[1], "r", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }
        assert_int_equal(read(ready[0], &(char){0}, 1), 1);
        close(ready[0]);
        close(ready[1]);
        return pid;
}

struct taken {
        struct archive *archive;
        struct buffer tar;
        yyjson_doc *deleted;
        enum rootfs_form form;
};

static void taken_free(struct taken *taken)
{
        buffer_free(&taken->tar);
        yyjson_doc_free(taken->deleted);
        archive_free(taken->archive);
}

static void take(const char *root, char *upper, char **lowers, struct taken *out)
{
        struct archive_writer *writer;
        struct rootfs_result result;
        struct error err = {0};
        struct container container = {.rootfs = realpath(root, NULL), .upper = upper, .lowers = lowers};
        const struct archive_member *member;

        *out = (struct taken){0};
        container.pid = inhabitant(root);
        assert_success(archive_writer_open("out.tar", true, COMPRESSION_NONE, 0, &writer, &err), &err);
        assert_success(archive_writer_add(writer, "checkpoint/", 0700, SLICE_TEXT(""), &err), &err);
        assert_success(rootfs_add(&container, writer, NULL, &result, &err), &err);
        out->form = result.form;
        assert_success(archive_writer_seal(writer, SLICE_TEXT("{}"), NULL, NULL, &err), &err);
        assert_success(archive_writer_commit(writer, &err), &err);
        archive_writer_free(writer);
        kill(container.pid, SIGKILL);
        waitpid(container.pid, NULL, 0);
        free(container.rootfs);
        assert_success(archive_open("out.tar", &out->archive, &err), &err);
        member = archive_find(out->archive, "rootfs-diff.tar");
        assert_non_null(member);
        assert_int_equal(member->size, result.size);
        assert_success(archive_read(out->archive, member, 64 * MIB, &out->tar, &err), &err);
        if (archive_find(out->archive, "deleted.files"))
                assert_success(archive_read_json(out->archive, "deleted.files", &out->deleted, &err), &err);
}

/* The entry of that name; pax records are passed over, their text is left in `pax`. */
static bool entry_find(const struct taken *taken, const char *name, struct tar_entry *out,
                       struct slice *contents, struct slice *pax)
{
        struct slice rest = buffer_slice(&taken->tar), block, body;
        struct error err = {0};

        *pax = (struct slice){0};
        while (slice_take(&rest, TAR_BLOCK, &block)) {
                int r = tar_header_parse(block.data, out, &err);

                assert_true(r >= 0);
                if (r == 0)
                        return false;
                assert_true(slice_take(&rest, tar_padded(out->size), &body));
                if (out->type == TAR_PAX) {
                        *pax = body;
                        continue;
                }
                if (strcmp(out->name, name) == 0) {
                        *contents = (struct slice){body.data, out->size};
                        return true;
                }
                *pax = (struct slice){0};
        }
        fail_msg("the tar has no end");
        return false;
}

static bool has(const struct taken *taken, const char *name)
{
        struct slice contents, pax;
        struct tar_entry entry;

        return entry_find(taken, name, &entry, &contents, &pax);
}

static void assert_file(const struct taken *taken, const char *name, const char *text)
{
        struct slice contents, pax;
        struct tar_entry entry;

        if (!entry_find(taken, name, &entry, &contents, &pax))
                fail_msg("%s is not in the tar", name);
        assert_int_equal(entry.type, TAR_FILE);
        assert_int_equal(contents.size, strlen(text));
        assert_memory_equal(contents.data, text, contents.size);
}

static bool is_deleted(const struct taken *taken, const char *path)
{
        yyjson_val *item;
        size_t i, count;

        yyjson_arr_foreach (yyjson_doc_get_root(taken->deleted), i, count, item)
                if (strcmp(yyjson_get_str(item), path) == 0)
                        return true;
        return false;
}

static void shell(const char *script)
{
        if (system(script) != 0)
                fail_msg("failed: %s", script);
}

/* An overlay of two lower layers, changed by `script` in its merged directory. */
static void with_overlay(const char *options, const char *script, struct taken *out)
{
        char *lowers[] = {(char[]){"top"}, (char[]){"bottom"}, NULL}, upper[] = "up", text[256];

        shell("mkdir top bottom up work merged && cd bottom &&"
              "mkdir -p etc usr/bin d/sub gone hidden && echo orig > etc/conf && echo x > etc/other &&"
              "ln -s conf etc/link && echo b > usr/bin/box && ln -s box usr/bin/yes && echo 1 > d/one &&"
              "echo 2 > d/sub/two && echo g > gone/g && echo h > hidden/h && echo keep > etc/keep &&"
              "cd ../top && mkdir -p d etc && echo 3 > d/three && mknod hidden c 0 0");
        snprintf(text, sizeof(text), "lowerdir=top:bottom,upperdir=up,workdir=work%s", options);
        if (mount("overlay", "merged", "overlay", 0, text) < 0)
                skip();
        shell(script);
        take("merged", upper, lowers, out);
        assert_int_equal(umount("merged"), 0);
        assert_int_equal(out->form, ROOTFS_DIFF);
}

static void takes_changed_new_and_deleted_files(void **state)
{
        struct slice contents, pax;
        struct tar_entry entry;
        struct taken taken;

        with_overlay(
                "",
                "cd merged && echo changed > etc/conf && rm etc/other etc/link && rm -r gone &&"
                "mkdir -m 2750 new && chown 33:34 new && echo n > new/n && chmod 640 new/n &&"
                "ln -s /etc/passwd new/link && mkfifo new/fifo && mknod new/dev c 1 3 && touch temporary &&"
                "rm temporary && chmod 700 usr && mkdir -p hidden/again",
                &taken);
        assert_file(&taken, "etc/conf", "changed\n");
        assert_file(&taken, "new/n", "n\n");
        assert_true(entry_find(&taken, "new/", &entry, &contents, &pax));
        assert_int_equal(entry.type, TAR_DIRECTORY);
        assert_int_equal(entry.mode, 02750);
        assert_int_equal(entry.uid, 33);
        assert_int_equal(entry.gid, 34);
        assert_true(entry_find(&taken, "usr/", &entry, &contents, &pax));
        assert_int_equal(entry.mode, 0700);
        assert_true(entry_find(&taken, "new/link", &entry, &contents, &pax));
        assert_int_equal(entry.type, TAR_SYMLINK);
        assert_string_equal(entry.link, "/etc/passwd");
        assert_true(entry_find(&taken, "new/fifo", &entry, &contents, &pax));
        assert_int_equal(entry.type, TAR_FIFO);
        assert_true(entry_find(&taken, "new/dev", &entry, &contents, &pax));
        assert_int_equal(entry.type, TAR_CHARACTER);
        assert_int_equal(entry.device_major, 1);
        assert_int_equal(entry.device_minor, 3);
        assert_true(has(&taken, "hidden/again/"));
        /* Untouched, or gone before anybody saw it. */
        assert_false(has(&taken, "etc/keep"));
        assert_false(has(&taken, "temporary"));
        assert_true(is_deleted(&taken, "/etc/other"));
        assert_true(is_deleted(&taken, "/gone"));
        assert_false(is_deleted(&taken, "/temporary"));
        /* What a layer of the image had hidden was not there to be deleted. */
        assert_false(is_deleted(&taken, "/hidden/h"));
        taken_free(&taken);
}

static void writes_a_file_with_two_names_once(void **state)
{
        struct slice contents, pax;
        struct tar_entry a, b;
        struct taken taken;

        with_overlay("", "cd merged && echo n > a1 && ln a1 a2", &taken);
        assert_true(entry_find(&taken, "a1", &a, &contents, &pax));
        assert_true(entry_find(&taken, "a2", &b, &contents, &pax));
        assert_int_equal((a.type == TAR_HARD_LINK) + (b.type == TAR_HARD_LINK), 1);
        assert_string_equal(a.type == TAR_HARD_LINK ? a.link : b.link, a.type == TAR_HARD_LINK ? "a2" : "a1");
        taken_free(&taken);
}

/* docs/archive.md says why a deleted link is an empty file too. */
static void puts_a_file_in_the_place_of_a_deleted_link(void **state)
{
        struct taken taken;

        with_overlay("", "cd merged && rm etc/link usr/bin/yes etc/other", &taken);
        assert_true(is_deleted(&taken, "/etc/link"));
        assert_true(is_deleted(&taken, "/usr/bin/yes"));
        assert_file(&taken, "etc/link", "");
        assert_file(&taken, "usr/bin/yes", "");
        assert_false(has(&taken, "etc/other"));
        taken_free(&taken);
}

static void sees_what_a_replaced_directory_lacks(void **state)
{
        struct taken taken;

        with_overlay("", "cd merged && rm -r d && mkdir -p d/sub && echo new > d/one", &taken);
        assert_file(&taken, "d/one", "new\n");
        assert_true(has(&taken, "d/sub/"));
        assert_true(is_deleted(&taken, "/d/three"));
        assert_true(is_deleted(&taken, "/d/sub/two"));
        assert_false(is_deleted(&taken, "/d/one"));
        assert_false(is_deleted(&taken, "/d"));
        taken_free(&taken);
}

static void takes_a_renamed_directory_whole(void **state)
{
        struct taken taken;

        with_overlay(",redirect_dir=on", "cd merged && mv d moved && echo more > moved/sub/more", &taken);
        assert_file(&taken, "moved/one", "1\n");
        assert_file(&taken, "moved/three", "3\n");
        assert_file(&taken, "moved/sub/two", "2\n");
        assert_file(&taken, "moved/sub/more", "more\n");
        assert_true(is_deleted(&taken, "/d"));
        taken_free(&taken);
}

static void reads_contents_that_the_upper_layer_lacks(void **state)
{
        struct slice contents, pax;
        struct tar_entry entry;
        struct taken taken;

        with_overlay(",redirect_dir=on,metacopy=on", "chmod 4711 merged/usr/bin/box", &taken);
        assert_file(&taken, "usr/bin/box", "b\n");
        assert_true(entry_find(&taken, "usr/bin/box", &entry, &contents, &pax));
        assert_int_equal(entry.mode, 04711);
        taken_free(&taken);
}

static void keeps_attributes(void **state)
{
        /* VFS_CAP_REVISION_2 with cap_net_raw; vfs(7), capabilities(7). */
        static const uint8_t capability[20] = {1, 0, 0, 2, 0, 0x20};
        struct slice contents, pax;
        struct tar_entry entry;
        struct taken taken;

        shell("mkdir -p root/dir && echo p > root/ping");
        assert_int_equal(setxattr("root/ping", "security.capability", capability, sizeof(capability), 0), 0);
        take("root", (char[]){""}, NULL, &taken);
        assert_int_equal(taken.form, ROOTFS_FULL);
        assert_true(entry_find(&taken, "ping", &entry, &contents, &pax));
        assert_non_null(memmem(pax.data, pax.size, "SCHILY.xattr.security.capability=", 33));
        assert_null(taken.deleted);
        taken_free(&taken);
}

static void takes_a_plain_root_without_what_is_mounted_in_it(void **state)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "root/run/socket"};
        struct taken taken;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        shell("mkdir -p root/proc root/run root/data && echo below > root/data/below && echo f > root/file &&"
              "dd if=/dev/urandom of=root/big bs=1000 count=2000 status=none");
        if (mount("none", "root/data", "tmpfs", 0, NULL) < 0)
                skip();
        shell("echo above > root/data/above");
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        take("root", (char[]){""}, NULL, &taken);
        assert_int_equal(umount("root/data"), 0);
        close(fd);
        assert_file(&taken, "file", "f\n");
        assert_true(has(&taken, "proc/"));
        assert_true(has(&taken, "data/"));
        assert_false(has(&taken, "data/above"));
        assert_false(has(&taken, "run/socket"));
        assert_true(has(&taken, "big"));
        taken_free(&taken);
}

/* As in a pod's or another engine's mount namespace: the path on the host is an empty directory there. */
static void reads_the_root_of_the_process_where_the_path_shows_another(void **state)
{
        struct container container = {.rootfs = (char[]){"elsewhere"}, .upper = (char[]){""}};
        struct archive_writer *writer;
        struct rootfs_result result;
        struct error err = {0};

        shell("mkdir root elsewhere && dd if=/dev/zero of=root/file bs=100k count=1 status=none");
        container.pid = inhabitant("root");
        assert_success(archive_writer_open("out.tar", true, COMPRESSION_NONE, 0, &writer, &err), &err);
        assert_success(rootfs_add(&container, writer, NULL, &result, &err), &err);
        assert_true(result.size > 100000);
        archive_writer_free(writer);
        kill(container.pid, SIGKILL);
        waitpid(container.pid, NULL, 0);
}

/* What a failed test leaves mounted goes with this process. */
static int mounts_of_our_own(void **state)
{
        return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(takes_changed_new_and_deleted_files),
                TEST(writes_a_file_with_two_names_once),
                TEST(puts_a_file_in_the_place_of_a_deleted_link),
                TEST(sees_what_a_replaced_directory_lacks),
                TEST(takes_a_renamed_directory_whole),
                TEST(reads_contents_that_the_upper_layer_lacks),
                TEST(keeps_attributes),
                TEST(takes_a_plain_root_without_what_is_mounted_in_it),
                TEST(reads_the_root_of_the_process_where_the_path_shows_another),
        };

        return cmocka_run_group_tests(tests, mounts_of_our_own, NULL);
}
