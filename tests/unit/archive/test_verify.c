/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "archive/verify.h"
#include "archive/writer.h"
#include "tarball.h"

/* Verifies a file; a failure to look fails the test. */
static void verify(const char *path, struct verify_report *report)
{
        struct error err = {0};

        assert_success(archive_verify(path, NULL, report, &err), &err);
}

static void assert_sound(const char *path)
{
        _cleanup_verify_report_ struct verify_report report = {0};

        verify(path, &report);
        for (size_t i = 0; i < report.fault_count; i++)
                fail_msg("%s: %s: %s", path, report.faults[i].object, report.faults[i].reason);
        assert_true(report.members > 0);
        assert_true(report.bytes_read > 0);
}

/* Is there a fault of that kind in that object, with that text in its reason? */
static bool has_fault(const struct verify_report *report, const struct error_kind *kind, const char *object,
                      const char *text)
{
        for (size_t i = 0; i < report->fault_count; i++)
                if (report->faults[i].kind == kind && strcmp(report->faults[i].object, object) == 0 &&
                    strstr(report->faults[i].reason, text))
                        return true;
        return false;
}

static void test_golden_archives_are_sound(void **state)
{
        assert_sound(GOLDEN("containerd-2.1.9-counter.tar"));
        assert_sound(GOLDEN("crio-1.36.3-counter.tar"));
        assert_sound(GOLDEN("podman-5.4.2-counter-none.tar"));
        assert_sound(GOLDEN("podman-5.8.6-counter-gzip.tar"));
        assert_sound(GOLDEN("podman-5.8.6-counter-none.tar"));
        assert_sound(GOLDEN("podman-5.8.6-counter-zstd.tar"));
        assert_sound(GOLDEN("podman-5.8.6-two-none.tar"));
}

/* Podman let the container run on before it copied the file system: CRIU refuses such a file at restore. */
static void test_file_that_grew_is_found(void **state)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        struct error err = {0};

        verify(GOLDEN("podman-5.8.6-BAD-leave-running-race.tar"), &report);
        assert_int_equal(report.fault_count, 1);
        assert_true(has_fault(&report, &ERROR_ARCHIVE_FILE_SIZE, "rootfs-diff.tar",
                              "`/tmp/open.log` has 40 bytes"));
        assert_true(has_fault(&report, &ERROR_ARCHIVE_FILE_SIZE, "rootfs-diff.tar", "recorded 32"));
        assert_int_equal(verify_report_error(&report, "race.tar", &err), -EBADMSG);
        assert_true(err.kind == &ERROR_ARCHIVE_FILE_SIZE);
        assert_non_null(strstr(err.text, "/tmp/open.log"));
        assert_false(report.digests_present);
}

/* A golden archive as our writer would have written it. */
#define FACTS "{\"version\":1,\"source\":{\"driver\":\"podman\"}}"
static void rewrite(const char *golden, const char *path, enum compression compression, const char *facts)
{
        _cleanup_archive_writer_ struct archive_writer *writer = NULL;
        _cleanup_archive_ struct archive *archive = NULL;
        struct error err = {0};

        assert_success(archive_open(golden, &archive, &err), &err);
        assert_success(archive_writer_open(path, true, compression, 0, &writer, &err), &err);
        for (size_t i = 0; i < archive_count(archive); i++) {
                const struct archive_member *member = archive_at(archive, i);
                _cleanup_buffer_ struct buffer contents = {0};
                char name[256];

                snprintf(name, sizeof(name), "%s%s", member->name, member->type == TAR_DIRECTORY ? "/" : "");
                assert_success(archive_read(archive, member, 16 * MIB, &contents, &err), &err);
                if (member->type == TAR_DIRECTORY || member->size < 4096) {
                        assert_success(
                                archive_writer_add(writer, name, member->mode, buffer_slice(&contents), &err),
                                &err);
                        continue;
                }
                assert_success(archive_writer_begin(writer, name, member->mode, &err), &err);
                assert_success(archive_writer_append(writer, contents.data, contents.size, &err), &err);
                assert_success(archive_writer_end(writer, &err), &err);
        }
        assert_success(archive_writer_seal(writer, SLICE_TEXT(facts), NULL, NULL, &err), &err);
        assert_success(archive_writer_commit(writer, &err), &err);
}

static void test_own_archives_are_sound(void **state)
{
        for (int i = 0; i < COMPRESSION_MAX_; i++) {
                _cleanup_verify_report_ struct verify_report report = {0};
                _cleanup_archive_ struct archive *archive = NULL;
                struct error err = {0};

                rewrite(GOLDEN("podman-5.8.6-two-none.tar"), "own.tar", (enum compression)i, FACTS);
                assert_success(archive_open("own.tar", &archive, &err), &err);
                assert_true(archive_has_index(archive));
                assert_int_equal(archive_compression(archive), i);
                assert_sound("own.tar");
                verify("own.tar", &report);
                assert_true(report.digests_present);
                assert_int_equal(report.members, 77);
                assert_int_equal(report.digests_checked, 73);
        }
}

/* A plain archive of ours that somebody compressed: its index cannot be sought with, but is compared. */
static void test_archive_compressed_by_others(void **state)
{
        _cleanup_buffer_ struct buffer bytes = {0};
        size_t facts;

        rewrite(GOLDEN("podman-5.8.6-two-none.tar"), "own.tar", COMPRESSION_NONE, FACTS);
        read_bytes("own.tar", &bytes);
        facts = (size_t)((uint8_t *)memmem(bytes.data, bytes.size, "\"driver\"", 8) - bytes.data);
        for (int damage = 0; damage < 3; damage++) {
                _cleanup_verify_report_ struct verify_report report = {0};
                _cleanup_buffer_ struct buffer packed = {0};
                struct error err = {0};

                bytes.data[facts + 1] ^= damage == 1;                  /* snap.json */
                bytes.data[bytes.size - 3 * TAR_BLOCK] ^= damage == 2; /* the tail */
                assert_success(frame_compress(COMPRESSION_ZSTD, 0, buffer_slice(&bytes), &packed, &err),
                               &err);
                bytes.data[facts + 1] ^= damage == 1;
                write_bytes("packed.tar", buffer_slice(&packed));
                if (damage == 0)
                        assert_sound("packed.tar");
                verify("packed.tar", &report);
                assert_int_equal(report.digests_checked, 73);
                assert_int_equal(report.fault_count > 0, damage > 0);
        }
}

static void assert_refused(const char *path, size_t at)
{
        _cleanup_verify_report_ struct verify_report report = {0};

        verify(path, &report);
        if (!report.fault_count)
                fail_msg("the flipped bit at byte %zu of %s was not found", at, path);
        assert_true(report.faults[0].reason[0]);
}

/* One bit in every byte of the small parts, and in some of the large ones. */
static void flip_bits(enum compression compression, size_t dense, size_t stride)
{
        _cleanup_buffer_ struct buffer bytes = {0};
        _cleanup_close_ int fd = -1;

        rewrite(GOLDEN("podman-5.4.2-counter-none.tar"), "own.tar", compression, FACTS);
        read_bytes("own.tar", &bytes);
        fd = open("own.tar", O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        for (size_t i = 0; i < bytes.size; i += i < dense || i + dense >= bytes.size ? 1 : stride) {
                uint8_t flipped = bytes.data[i] ^ (uint8_t)(1 << (i * 5 % 8));

                assert_int_equal(file_pwrite_full(fd, &flipped, 1, i), 0);
                assert_refused("own.tar", i);
                assert_int_equal(file_pwrite_full(fd, &bytes.data[i], 1, i), 0);
        }
        assert_sound("own.tar");
}

static void test_every_flipped_bit_is_found_plain(void **state)
{
        flip_bits(COMPRESSION_NONE, 1600, 997);
}

static void test_every_flipped_bit_is_found_gzip(void **state)
{
        flip_bits(COMPRESSION_GZIP, 300, 197);
}

static void test_every_flipped_bit_is_found_zstd(void **state)
{
        flip_bits(COMPRESSION_ZSTD, 300, 197);
}

static void test_every_flipped_bit_is_found_lz4(void **state)
{
        flip_bits(COMPRESSION_LZ4, 300, 197);
}

static void test_every_truncation_is_found(void **state)
{
        for (int c = 0; c < COMPRESSION_MAX_; c++) {
                _cleanup_buffer_ struct buffer bytes = {0};

                rewrite(GOLDEN("podman-5.4.2-counter-none.tar"), "own.tar", (enum compression)c, FACTS);
                read_bytes("own.tar", &bytes);
                for (size_t size = 0; size < bytes.size; size += TAR_BLOCK) {
                        write_bytes("cut.tar", (struct slice){bytes.data, size});
                        assert_refused("cut.tar", size);
                }
                write_bytes("cut.tar", (struct slice){bytes.data, bytes.size - 1});
                assert_refused("cut.tar", bytes.size - 1);
        }
}

static void test_appended_bytes_are_found(void **state)
{
        for (int c = 0; c < COMPRESSION_MAX_; c++) {
                _cleanup_buffer_ struct buffer bytes = {0};
                static const uint8_t zeros[TAR_BLOCK];

                rewrite(GOLDEN("podman-5.4.2-counter-none.tar"), "own.tar", (enum compression)c, FACTS);
                read_bytes("own.tar", &bytes);
                assert_int_equal(buffer_append(&bytes, zeros, sizeof(zeros)), 0);
                write_bytes("long.tar", buffer_slice(&bytes));
                assert_refused("long.tar", bytes.size);
        }
}

/* A golden archive without one member, or with other contents for it. */
static void replace_member(const char *golden, const char *name, const char *contents)
{
        _cleanup_buffer_ struct buffer tar = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        struct error err = {0};

        assert_success(archive_open(golden, &archive, &err), &err);
        for (size_t i = 0; i < archive_count(archive); i++) {
                const struct archive_member *member = archive_at(archive, i);
                _cleanup_buffer_ struct buffer bytes = {0};

                if (strcmp(member->name, name) == 0) {
                        if (contents)
                                tarball_text(&tar, name, contents);
                        continue;
                }
                assert_success(archive_read(archive, member, 16 * MIB, &bytes, &err), &err);
                if (member->type == TAR_DIRECTORY)
                        tarball_header(&tar, member->name, TAR_DIRECTORY, 0);
                else
                        tarball_file(&tar, member->name, buffer_slice(&bytes));
        }
        tarball_end(&tar);
        write_bytes("changed.tar", buffer_slice(&tar));
}

static void test_missing_members_are_named(void **state)
{
        static const char *const names[] = {"checkpoint/pages-1.img", "checkpoint/pagemap-1.img",
                                            "checkpoint/pstree.img",  "checkpoint/inventory.img",
                                            "checkpoint/core-1.img",  "checkpoint/mm-1.img",
                                            "checkpoint/files.img"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_verify_report_ struct verify_report report = {0};

                replace_member(GOLDEN("podman-5.8.6-two-none.tar"), names[i], NULL);
                verify("changed.tar", &report);
                if (!has_fault(&report, &ERROR_ARCHIVE_MEMBER_MISSING, names[i], ""))
                        fail_msg("%s was not missed (%zu faults)", names[i], report.fault_count);
        }
}

static void test_wrong_members_are_named(void **state)
{
        _cleanup_verify_report_ struct verify_report pages = {0}, config = {0}, deleted = {0}, rootfs = {0};

        replace_member(GOLDEN("podman-5.8.6-two-none.tar"), "checkpoint/pages-1.img", "too short");
        verify("changed.tar", &pages);
        assert_true(pages.fault_count > 0);
        assert_string_equal(pages.faults[0].object, "checkpoint/pages-1.img");

        replace_member(GOLDEN("podman-5.8.6-two-none.tar"), "config.dump", "{\"id\":");
        verify("changed.tar", &config);
        assert_true(has_fault(&config, &ERROR_ARCHIVE_METADATA, "config.dump", "JSON"));

        /* podman#27977: a path that leads out, removed as root at restore. */
        replace_member(GOLDEN("podman-5.8.6-two-none.tar"), "deleted.files",
                       "[\"/etc/x\",\"/../../etc/passwd\"]");
        verify("changed.tar", &deleted);
        assert_true(has_fault(&deleted, &ERROR_ARCHIVE_NAME, "deleted.files", "/../../etc/passwd"));

        replace_member(GOLDEN("podman-5.8.6-two-none.tar"), "rootfs-diff.tar", "nonsense");
        verify("changed.tar", &rootfs);
        assert_true(has_fault(&rootfs, &ERROR_ARCHIVE_TRUNCATED, "rootfs-diff.tar", ""));
}

/* rootfs-diff.tar of a golden archive replaced by one in which the open file is a hard link to another. */
static void test_sizes_are_compared_through_hard_links(void **state)
{
        struct tar_entry link = {.name = "tmp/open.log", .link = "tmp/target", .type = TAR_HARD_LINK};

        for (size_t size = 72; size <= 73; size++) {
                _cleanup_verify_report_ struct verify_report report = {0};
                _cleanup_buffer_ struct buffer inner = {0}, tar = {0};
                char contents[80] = {0};

                memset(contents, 'x', size);
                tarball_text(&inner, "tmp/target", contents);
                assert_int_equal(tar_header_append(&link, NULL, 0, &inner), 0);
                tarball_end(&inner);
                replace_member(GOLDEN("podman-5.8.6-two-none.tar"), "rootfs-diff.tar", NULL);
                read_bytes("changed.tar", &tar);
                tar.size -= (size_t)2 * TAR_BLOCK;
                tarball_file(&tar, "rootfs-diff.tar", buffer_slice(&inner));
                tarball_end(&tar);
                write_bytes("linked.tar", buffer_slice(&tar));
                verify("linked.tar", &report);
                assert_int_equal(report.fault_count, size - 72);
                assert_int_equal(report.fault_count && !has_fault(&report, &ERROR_ARCHIVE_FILE_SIZE,
                                                                  "rootfs-diff.tar", "has 73 bytes"),
                                 0);
        }
}

/* Where all of the root should be in the archive, an open file that is not there will be missed at restore.
 */
static void test_file_missing_in_whole_root_is_found(void **state)
{
        _cleanup_verify_report_ struct verify_report report = {0};

        rewrite(GOLDEN("podman-5.8.6-two-none.tar"), "own.tar", COMPRESSION_NONE,
                "{\"rootfs\":{\"form\":\"full\"}}");
        verify("own.tar", &report);
        assert_true(has_fault(&report, &ERROR_ARCHIVE_INCONSISTENT, "rootfs-diff.tar",
                              "`/bin/busybox` is not in it"));
        assert_false(has_fault(&report, &ERROR_ARCHIVE_INCONSISTENT, "rootfs-diff.tar", "open.log"));
}

static void test_names_inside_rootfs_are_checked(void **state)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        _cleanup_buffer_ struct buffer inner = {0}, tar = {0};

        tarball_text(&inner, "../../etc/cron.d/x", "");
        tarball_end(&inner);
        replace_member(GOLDEN("podman-5.8.6-two-none.tar"), "rootfs-diff.tar", NULL);
        read_bytes("changed.tar", &tar);
        tar.size -= (size_t)2 * TAR_BLOCK;
        tarball_file(&tar, "rootfs-diff.tar", buffer_slice(&inner));
        tarball_end(&tar);
        write_bytes("escape.tar", buffer_slice(&tar));
        verify("escape.tar", &report);
        assert_true(has_fault(&report, &ERROR_ARCHIVE_NAME, "rootfs-diff.tar", "../../etc/cron.d/x"));
}

static void test_no_archive_is_a_fault_no_file_an_error(void **state)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        struct error err = {0};

        write_bytes("text", SLICE_TEXT("this is no archive"));
        verify("text", &report);
        assert_true(has_fault(&report, &ERROR_ARCHIVE_NOT_ONE, "text", ""));
        verify_report_free(&report);
        assert_error(archive_verify("absent", NULL, &report, &err), &err, ERROR_NOT_FOUND);
}

int main(void)
{
#define scratch_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden_archives_are_sound),
                cmocka_unit_test(test_file_that_grew_is_found),
                scratch_test(test_own_archives_are_sound),
                scratch_test(test_archive_compressed_by_others),
                scratch_test(test_every_flipped_bit_is_found_plain),
                scratch_test(test_every_flipped_bit_is_found_gzip),
                scratch_test(test_every_flipped_bit_is_found_zstd),
                scratch_test(test_every_flipped_bit_is_found_lz4),
                scratch_test(test_every_truncation_is_found),
                scratch_test(test_appended_bytes_are_found),
                scratch_test(test_missing_members_are_named),
                scratch_test(test_wrong_members_are_named),
                scratch_test(test_sizes_are_compared_through_hard_links),
                scratch_test(test_file_missing_in_whole_root_is_found),
                scratch_test(test_names_inside_rootfs_are_checked),
                scratch_test(test_no_archive_is_a_fault_no_file_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
