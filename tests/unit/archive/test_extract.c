/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include "archive/extract.h"
#include "archive/writer.h"
#include "tarball.h"

static struct archive *open_archive(const char *path)
{
        struct archive *archive = NULL;
        struct error err = {0};

        assert_success(archive_open(path, &archive, &err), &err);
        return archive;
}

static int open_dir(const char *path)
{
        int fd;

        mkdir(path, 0755);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void assert_text(const char *path, const char *expected)
{
        _cleanup_buffer_ struct buffer text = {};

        read_bytes(path, &text);
        assert_string_equal(buffer_text(&text), expected);
}

static void assert_link(const char *path, const char *expected)
{
        char target[256] = "";

        assert_true(readlink(path, target, sizeof(target) - 1) > 0);
        assert_string_equal(target, expected);
}

static bool exists(const char *path)
{
        struct stat st;

        return lstat(path, &st) == 0;
}

/* An archive with this rootfs-diff.tar and deleted.files (either may be NULL). */
static struct archive *archive_with(const struct buffer *rootfs, const char *deleted)
{
        _cleanup_buffer_ struct buffer tar = {};

        tarball_header(&tar, "checkpoint/", TAR_DIRECTORY, 0);
        tarball_text(&tar, "config.dump", "{}");
        if (rootfs)
                tarball_file(&tar, "rootfs-diff.tar", buffer_slice(rootfs));
        if (deleted)
                tarball_text(&tar, "deleted.files", deleted);
        tarball_end(&tar);
        write_bytes("in.tar", buffer_slice(&tar));
        return open_archive("in.tar");
}

static void add_entry(struct buffer *tar, const char *name, enum tar_type type, const char *link,
                      const char *contents)
{
        struct tar_entry entry = {
                .type = type,
                .mode = type == TAR_DIRECTORY ? 0755 : 0644,
                .uid = getuid(),
                .gid = getgid(),
                .size = strlen(contents),
                .mtime = 1000000000,
        };

        strcpy(entry.name, name);
        strcpy(entry.link, link);
        assert_int_equal(tar_header_append(&entry, NULL, 0, tar), 0);
        tarball_contents(tar, SLICE_TEXT(contents));
}

/* Unpacks `tar` over the directory "root" and returns what that returned. */
static int unpack(struct buffer *tar, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_close_ int root = open_dir("root");

        tarball_end(tar);
        archive = archive_with(tar, NULL);
        return archive_extract_tree(archive, "rootfs-diff.tar", root, NULL, err);
}

static void test_checkpoint_is_extracted(void **state)
{
        static const enum compression all[] = {COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD};
        _cleanup_free_ uint8_t *pages = malloc(3 * MIB);

        for (size_t i = 0; i < 3 * MIB; i++)
                pages[i] = (uint8_t)(i * i >> 7);
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_archive_writer_ struct archive_writer *writer = NULL;
                _cleanup_archive_ struct archive *archive = NULL;
                _cleanup_buffer_ struct buffer out = {};
                _cleanup_close_ int dir = -1;
                struct error err = {0};
                char name[16];

                assert_success(archive_writer_open("out.tar", true, all[i], 0, &writer, &err), &err);
                assert_success(archive_writer_add(writer, "checkpoint/", 0700, (struct slice){}, &err), &err);
                assert_success(archive_writer_add(writer, "checkpoint/pages-1.img", 0600,
                                                  (struct slice){pages, 3 * MIB}, &err),
                               &err);
                assert_success(archive_writer_add(writer, "config.dump", 0600, SLICE_TEXT("{}"), &err), &err);
                assert_success(archive_writer_add(writer, "checkpoint/a/b.img", 0600, SLICE_TEXT("b"), &err),
                               &err);
                assert_success(archive_writer_seal(writer, SLICE_TEXT("{}"), NULL, NULL, &err), &err);
                assert_success(archive_writer_commit(writer, &err), &err);

                snprintf(name, sizeof(name), "dir%zu", i);
                dir = open_dir(name);
                archive = open_archive("out.tar");
                assert_success(archive_extract(archive, "checkpoint/", dir, NULL, &err), &err);
                assert_int_equal(chdir(name), 0);
                read_bytes("pages-1.img", &out);
                assert_int_equal(out.size, 3 * MIB);
                assert_memory_equal(out.data, pages, out.size);
                assert_text("a/b.img", "b");
                assert_false(exists("config.dump"));
                assert_int_equal(chdir(".."), 0);
                /* Files that are there already are not written over. */
                assert_error(archive_extract(archive, "checkpoint/", dir, NULL, &err), &err, ERROR_EXISTS);
                assert_success(archive_extract_member(archive, "config.dump", dir, "copy", &err), &err);
                assert_error(archive_extract_member(archive, "config.dump", dir, "../copy", &err), &err,
                             ERROR_UNSAFE_NAME);
                assert_error(archive_extract_member(archive, "absent", dir, "x", &err), &err,
                             ERROR_ARCHIVE_MEMBER_MISSING);
        }
}

static void test_directory_is_extracted(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_close_ int dir = -1;
        struct error err = {0};

        assert_int_equal(mkdir("in", 0755) | mkdir("in/checkpoint", 0755), 0);
        write_bytes("in/checkpoint/pstree.img", SLICE_TEXT("tree"));
        write_bytes("in/config.dump", SLICE_TEXT("{}"));
        archive = open_archive("in");
        dir = open_dir("out");
        assert_success(archive_extract(archive, "checkpoint/", dir, NULL, &err), &err);
        assert_text("out/pstree.img", "tree");
        assert_false(exists("out/config.dump"));
}

static void test_changed_contents_are_refused(void **state)
{
        _cleanup_archive_writer_ struct archive_writer *writer = NULL;
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_close_ int dir = open_dir("dir"), file = -1;
        struct error err = {0};

        assert_success(archive_writer_open("out.tar", false, COMPRESSION_NONE, 0, &writer, &err), &err);
        assert_success(archive_writer_add(writer, "checkpoint/", 0700, (struct slice){}, &err), &err);
        assert_success(archive_writer_add(writer, "checkpoint/a.img", 0600, SLICE_TEXT("abc"), &err), &err);
        assert_success(archive_writer_seal(writer, SLICE_TEXT("{}"), NULL, NULL, &err), &err);
        assert_success(archive_writer_commit(writer, &err), &err);
        file = open("out.tar", O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(file, "x", 1, 1024), 1);
        archive = open_archive("out.tar");
        assert_error(archive_extract(archive, "checkpoint/", dir, NULL, &err), &err, ERROR_ARCHIVE_DIGEST);
}

static void test_tree_is_made_as_it_was(void **state)
{
        const struct tar_xattr xattrs[] = {
                {"user.note", SLICE_TEXT("kept")},
                {"trusted.overlay.opaque", SLICE_TEXT("y")},
        };
        struct tar_entry entry = {.name = "etc/tool",
                                  .mode = 04755,
                                  .type = TAR_FILE,
                                  .uid = getuid(),
                                  .gid = getgid(),
                                  .mtime = 5,
                                  .size = 3};
        _cleanup_buffer_ struct buffer tar = {};
        struct error err = {0};
        char value[16] = "";
        struct stat st, other;

        add_entry(&tar, "./", TAR_DIRECTORY, "", "");
        add_entry(&tar, "./etc/", TAR_DIRECTORY, "", "");
        assert_int_equal(tar_header_append(&entry, xattrs, 2, &tar), 0);
        tarball_contents(&tar, SLICE_TEXT("abc"));
        add_entry(&tar, "etc/link", TAR_SYMLINK, "../../../etc/passwd", "");
        add_entry(&tar, "etc/hard", TAR_HARD_LINK, "etc/tool", "");
        add_entry(&tar, "etc/pipe", TAR_FIFO, "", "");
        add_entry(&tar, "deep/er/file", TAR_FILE, "", "parents are made");
        assert_success(unpack(&tar, &err), &err);

        assert_int_equal(stat("root/etc/tool", &st), 0);
        assert_int_equal(st.st_mode, S_IFREG | 04755);
        assert_int_equal(st.st_mtime, 5);
        assert_int_equal(stat("root/etc/hard", &other), 0);
        assert_int_equal(st.st_ino, other.st_ino);
        assert_link("root/etc/link", "../../../etc/passwd");
        assert_int_equal(lstat("root/etc/pipe", &st), 0);
        assert_int_equal(st.st_mode, S_IFIFO | 0644);
        assert_int_equal(stat("root/etc", &st), 0);
        assert_int_equal(st.st_mtime, 1000000000);
        assert_int_equal(st.st_mode, S_IFDIR | 0755);
        assert_text("root/deep/er/file", "parents are made");
        if (getxattr("root/etc/tool", "user.note", value, sizeof(value)) >= 0)
                assert_string_equal(value, "kept");
        else
                assert_int_equal(errno, EOPNOTSUPP);
        assert_true(getxattr("root/etc/tool", "trusted.overlay.opaque", value, sizeof(value)) < 0);
}

static void test_owners_are_kept(void **state)
{
        struct tar_entry entry = {.name = "file", .mode = 0600, .type = TAR_FILE, .uid = 1234, .gid = 65534};
        _cleanup_buffer_ struct buffer tar = {};
        struct error err = {0};
        struct stat st;

        if (geteuid() != 0)
                skip();
        assert_int_equal(tar_header_append(&entry, NULL, 0, &tar), 0);
        assert_success(unpack(&tar, &err), &err);
        assert_int_equal(stat("root/file", &st), 0);
        assert_int_equal(st.st_uid, 1234);
        assert_int_equal(st.st_gid, 65534);
}

static void test_entries_replace_what_is_there(void **state)
{
        _cleanup_buffer_ struct buffer tar = {};
        struct error err = {0};

        write_bytes("outside", SLICE_TEXT("outside"));
        open_dir("root");
        assert_int_equal(symlink("../outside", "root/was-link"), 0);
        assert_int_equal(link("outside", "root/was-hard-link"), 0);
        assert_int_equal(mkdir("root/was-directory", 0755), 0);
        write_bytes("root/was-directory/file", SLICE_TEXT("x"));
        write_bytes("root/was-file", SLICE_TEXT("x"));
        assert_int_equal(mkdir("root/kept", 0700), 0);
        write_bytes("root/kept/file", SLICE_TEXT("kept"));
        add_entry(&tar, "was-link", TAR_FILE, "", "new");
        add_entry(&tar, "was-hard-link", TAR_FILE, "", "new");
        add_entry(&tar, "was-directory", TAR_SYMLINK, "target", "");
        add_entry(&tar, "was-file/", TAR_DIRECTORY, "", "");
        add_entry(&tar, "was-file/file", TAR_FILE, "", "new");
        add_entry(&tar, "kept/", TAR_DIRECTORY, "", "");
        assert_success(unpack(&tar, &err), &err);
        assert_text("outside", "outside");
        assert_text("root/was-link", "new");
        assert_text("root/was-hard-link", "new");
        assert_link("root/was-directory", "target");
        assert_text("root/was-file/file", "new");
        assert_text("root/kept/file", "kept");
}

static void test_whiteouts_remove(void **state)
{
        _cleanup_buffer_ struct buffer tar = {};
        struct error err = {0};

        open_dir("root");
        assert_int_equal(mkdir("root/dir", 0755) | mkdir("root/dir/sub", 0755) | mkdir("root/opaque", 0755),
                         0);
        write_bytes("root/dir/sub/file", SLICE_TEXT("x"));
        write_bytes("root/dir/stays", SLICE_TEXT("x"));
        write_bytes("root/opaque/old", SLICE_TEXT("x"));
        write_bytes("root/top", SLICE_TEXT("x"));
        add_entry(&tar, "dir/.wh.sub", TAR_FILE, "", "");
        add_entry(&tar, ".wh.top", TAR_FILE, "", "");
        add_entry(&tar, "opaque/!first", TAR_FILE, "", "new"); /* before the marker, yet of this layer */
        add_entry(&tar, "opaque/.wh..wh..opq", TAR_FILE, "", "");
        add_entry(&tar, "absent/.wh.nothing", TAR_FILE, "", "");
        assert_success(unpack(&tar, &err), &err);
        assert_false(exists("root/dir/sub"));
        assert_text("root/dir/stays", "x");
        assert_false(exists("root/top"));
        assert_false(exists("root/opaque/old"));
        assert_text("root/opaque/!first", "new");
        assert_false(exists("root/dir/.wh.sub"));
}

static void test_names_that_escape_are_refused(void **state)
{
        static const struct {
                const char *name;
                enum tar_type type;
                const char *link;
        } bad[] = {
                {"../evil", TAR_FILE, ""},
                {"a/../../evil", TAR_FILE, ""},
                {"/evil", TAR_FILE, ""},
                {"./../evil", TAR_DIRECTORY, ""},
                {"..", TAR_DIRECTORY, ""},
                {"", TAR_FILE, ""},
                {"a//b", TAR_FILE, ""},
                {"hard", TAR_HARD_LINK, "../outside"},
                {"hard", TAR_HARD_LINK, "/outside"},
                {".wh...", TAR_FILE, ""}, /* ".wh." and ".." */
                {".wh.", TAR_FILE, ""},
                {"a/.wh...", TAR_FILE, ""},
        };

        write_bytes("outside", SLICE_TEXT("outside"));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_buffer_ struct buffer tar = {};
                struct error err = {0};

                add_entry(&tar, bad[i].name, bad[i].type, bad[i].link, "");
                assert_error(unpack(&tar, &err), &err, ERROR_ARCHIVE_NAME);
                assert_false(exists("evil"));
                assert_text("outside", "outside");
        }
}

/* What stands behind a link is never reached, whether the link was there or comes in the same tar. */
static void test_links_are_not_followed(void **state)
{
        static const enum tar_type types[] = {TAR_FILE, TAR_DIRECTORY, TAR_SYMLINK, TAR_HARD_LINK, TAR_FIFO};
        struct error err = {0};

        close(open_dir("outside"));
        write_bytes("outside/secret", SLICE_TEXT("secret"));
        close(open_dir("root"));
        write_bytes("root/target", SLICE_TEXT("x"));
        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                _cleanup_buffer_ struct buffer tar = {};

                add_entry(&tar, "link", TAR_SYMLINK, "../outside", "");
                add_entry(&tar, "link/evil", types[i], "target", "");
                assert_true(unpack(&tar, &err) < 0);
                assert_false(exists("outside/evil"));
        }
        for (size_t i = 0; i < 2; i++) {
                _cleanup_buffer_ struct buffer tar = {};

                add_entry(&tar, "link", TAR_SYMLINK, "../outside", "");
                add_entry(&tar, i ? "link/.wh.secret" : "link/.wh..wh..opq", TAR_FILE, "", "");
                assert_success(unpack(&tar, &err), &err);
                assert_text("outside/secret", "secret");
        }

        _cleanup_buffer_ struct buffer tar = {};
        add_entry(&tar, "stolen", TAR_HARD_LINK, "link/secret", "");
        assert_true(unpack(&tar, &err) < 0);
        assert_false(exists("root/stolen"));
}

static void test_devices_and_unknown_kinds_are_refused(void **state)
{
        static const enum tar_type types[] = {TAR_CHARACTER, TAR_BLOCK_DEVICE, (enum tar_type)'S'};

        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                _cleanup_buffer_ struct buffer tar = {};
                struct error err = {0};

                add_entry(&tar, "device", types[i], "", "");
                assert_error(unpack(&tar, &err), &err, ERROR_UNSUPPORTED);
                assert_false(exists("root/device"));
        }
}

static void test_depth_is_limited(void **state)
{
        for (int extra = 0; extra < 2; extra++) {
                _cleanup_buffer_ struct buffer tar = {};
                struct error err = {0};
                char name[1024] = "";

                for (int i = 0; i < 255 + extra; i++)
                        strcat(name, "d/");
                strcat(name, "f");
                add_entry(&tar, name, TAR_FILE, "", "");
                if (extra)
                        assert_error(unpack(&tar, &err), &err, ERROR_ARCHIVE_NAME);
                else
                        assert_success(unpack(&tar, &err), &err);
        }
}

static void test_truncated_tree_is_refused(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer tar = {};
        _cleanup_close_ int root = open_dir("root");
        struct error err = {0};

        add_entry(&tar, "file", TAR_FILE, "", "contents");
        archive = archive_with(&tar, NULL);
        assert_error(archive_extract_tree(archive, "rootfs-diff.tar", root, NULL, &err), &err,
                     ERROR_ARCHIVE_TRUNCATED);
        assert_false(exists("root/file"));
        assert_error(archive_extract_tree(archive, "absent.tar", root, NULL, &err), &err,
                     ERROR_ARCHIVE_MEMBER_MISSING);
}

/* containerd compresses rootfs-diff.tar. */
static void test_compressed_tree(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer tar = {}, packed = {};
        _cleanup_close_ int root = open_dir("root");
        struct error err = {0};

        add_entry(&tar, "file", TAR_FILE, "", "contents");
        tarball_end(&tar);
        assert_success(frame_compress(COMPRESSION_GZIP, 0, buffer_slice(&tar), &packed, &err), &err);
        archive = archive_with(&packed, NULL);
        assert_success(archive_extract_tree(archive, "rootfs-diff.tar", root, NULL, &err), &err);
        assert_text("root/file", "contents");
}

static int apply(const char *deleted, struct error *err)
{
        _cleanup_close_ int root = open_dir("root");
        _cleanup_archive_ struct archive *archive = archive_with(NULL, deleted);

        return archive_apply_deleted(archive, root, err);
}

static void test_deleted_files_are_removed(void **state)
{
        struct error err = {0};

        close(open_dir("root"));
        close(open_dir("root/bin"));
        close(open_dir("root/tree"));
        write_bytes("root/bin/busybox", SLICE_TEXT("x"));
        write_bytes("root/tree/file", SLICE_TEXT("x"));
        assert_int_equal(symlink("busybox", "root/bin/yes"), 0);
        assert_success(apply("[\"/bin/yes\", \"/tree\", \"/absent/file\", \"/bin/busybox/x\"]", &err), &err);
        assert_false(exists("root/bin/yes"));
        assert_text("root/bin/busybox", "x"); /* the link went, not its target */
        assert_false(exists("root/tree"));
        assert_success(apply("null", &err), &err);
        assert_success(apply(NULL, &err), &err);
}

static void test_deleted_files_never_escape(void **state)
{
        static const char *const bad[] = {"[\"/bin\", \"/../outside\"]",
                                          "[\"../outside\"]",
                                          "[\"/a/../../outside\"]",
                                          "[\"\"]",
                                          "[\"/\"]",
                                          "[17]",
                                          "[\"/a\\u0000b\"]"};
        struct error err = {0};

        close(open_dir("root"));
        close(open_dir("root/bin"));
        close(open_dir("outside"));
        write_bytes("outside/file", SLICE_TEXT("x"));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_error(apply(bad[i], &err), &err, ERROR_ARCHIVE_NAME);
                assert_true(exists("root/bin")); /* nothing at all was removed */
        }
        assert_int_equal(symlink("../outside", "root/link"), 0);
        assert_success(apply("[\"/link/file\"]", &err), &err);
        assert_text("outside/file", "x");
        assert_error(apply("{}", &err), &err, ERROR_ARCHIVE_METADATA);
        assert_error(apply("[", &err), &err, ERROR_ARCHIVE_METADATA);
}

#define scratch_test(function) cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                scratch_test(test_checkpoint_is_extracted),
                scratch_test(test_directory_is_extracted),
                scratch_test(test_changed_contents_are_refused),
                scratch_test(test_tree_is_made_as_it_was),
                scratch_test(test_owners_are_kept),
                scratch_test(test_entries_replace_what_is_there),
                scratch_test(test_whiteouts_remove),
                scratch_test(test_names_that_escape_are_refused),
                scratch_test(test_links_are_not_followed),
                scratch_test(test_devices_and_unknown_kinds_are_refused),
                scratch_test(test_depth_is_limited),
                scratch_test(test_truncated_tree_is_refused),
                scratch_test(test_compressed_tree),
                scratch_test(test_deleted_files_are_removed),
                scratch_test(test_deleted_files_never_escape),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
