/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include "archive/repair.h"
#include "archive/verify.h"
#include "tarball.h"

#define OUT  "out.tar"
#define TAIL "out.tar.tail"

static int repair_to(const char *path, const char *output, const char *tail, const struct progress *progress,
                     struct repair_report *report, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        return archive_repair(fd, path, output, tail, progress, report, err);
}

static int repair(const char *path, struct repair_report *report, struct error *err)
{
        *report = (struct repair_report){0};
        unlink(OUT);
        unlink(TAIL);
        return repair_to(path, OUT, TAIL, NULL, report, err);
}

static size_t faults_of(const char *path)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        struct error err = {0};

        assert_success(archive_verify(path, NULL, &report, &err), &err);
        return report.fault_count;
}

/* One of ours, sealed, as "whole.tar": the golden one with digests and an index. */
static void make_whole(const char *golden)
{
        _cleanup_repair_report_ struct repair_report report = {0};
        struct error err = {0};

        assert_success(repair_to(golden, "whole.tar", "whole.tail", NULL, &report, &err), &err);
        assert_true(report.written && report.complete);
        assert_int_equal(report.index, INDEX_MISSING);
        assert_int_equal(report.altered_count, 0);
        assert_int_equal(report.tail_size, 0);
        assert_int_not_equal(access("whole.tail", F_OK), 0);
        assert_int_equal(faults_of("whole.tar"), 0);
}

static bool is_own(const char *name)
{
        return text_starts_with(name, "snap.");
}

/* All of OUT is as in `whole`; returns how many members there are that are not our own. */
static size_t compare_with(const struct archive *whole)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct error err = {0};
        size_t count = 0;

        assert_success(archive_open_any(OUT, &archive, &err), &err);
        assert_true(archive_has_index(archive));
        for (size_t i = 0; i < archive_count(archive); i++) {
                const struct archive_member *member = archive_at(archive, i), *old;
                _cleanup_buffer_ struct buffer a = {0}, b = {0};

                if (is_own(member->name))
                        continue;
                count++;
                old = archive_find(whole, member->name);
                assert_non_null(old);
                assert_int_equal(member->size, old->size);
                assert_int_equal(member->mode & 07777, old->mode & 07777);
                assert_int_equal(member->type, old->type);
                if (member->type != TAR_FILE)
                        continue;
                assert_success(archive_read(archive, member, 2 * MIB, &a, &err), &err);
                assert_success(archive_read(whole, old, 2 * MIB, &b, &err), &err);
                assert_memory_equal(a.data, b.data, a.size);
        }
        return count;
}

/* Members of `whole` whose contents end before `size` bytes. */
static size_t count_before(const struct archive *whole, uint64_t size, bool *all, bool *facts)
{
        size_t count = 0;

        *all = true;
        *facts = false;
        for (size_t i = 0; i < archive_count(whole); i++) {
                const struct archive_member *member = archive_at(whole, i);
                bool complete = member->offset + member->size <= size;

                if (is_own(member->name)) {
                        *facts |= complete && strcmp(member->name, "snap.json") == 0;
                        continue;
                }
                count += complete;
                *all &= complete;
        }
        return count;
}

/* Cut at every block, every complete member is kept as it was, and what is said of the rest is true. */
static void test_every_cut(void **state)
{
        _cleanup_archive_ struct archive *whole = NULL;
        _cleanup_buffer_ struct buffer bytes = {0};
        struct error err = {0};
        size_t restorable = 0;

        make_whole(GOLDEN("podman-5.4.2-counter-none.tar"));
        assert_success(archive_open("whole.tar", &whole, &err), &err);
        read_bytes("whole.tar", &bytes);
        for (size_t size = 0; size < bytes.size; size += TAR_BLOCK) {
                _cleanup_repair_report_ struct repair_report report = {0};
                bool all, facts;
                size_t expected = count_before(whole, size, &all, &facts);

                write_bytes("cut.tar", (struct slice){bytes.data, size});
                if (!expected) {
                        assert_error(repair("cut.tar", &report, &err), &err, ERROR_ARCHIVE_TRUNCATED);
                        assert_int_not_equal(access(OUT, F_OK), 0);
                        continue;
                }
                assert_success(repair("cut.tar", &report, &err), &err);
                assert_true(report.written);
                assert_non_null(report.ended);
                assert_int_equal(report.members, expected);
                assert_int_equal(compare_with(whole), expected);
                assert_int_equal(report.tail_size > 0, access(TAIL, F_OK) == 0);
                assert_int_equal(report.altered_count, 0);
                if (!all)
                        assert_false(report.complete);
                if (facts)
                        assert_true(report.complete && report.digests && !report.facts_lost);
                if (report.incomplete) /* it stays listed, so verify says so, too */
                        assert_true(faults_of(OUT) > 0);
                if (report.complete) {
                        assert_int_equal(faults_of(OUT), 0);
                        restorable++;
                }
        }
        assert_true(restorable > 10); /* within snap.json, snap.index and the end marker */
}

/* Compressed: what was expanded before the cut counts. */
static void test_cuts_of_compressed(void **state)
{
        static const char *const paths[] = {GOLDEN("podman-5.8.6-counter-gzip.tar"),
                                            GOLDEN("podman-5.8.6-counter-zstd.tar")};

        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                _cleanup_archive_ struct archive *whole = NULL;
                _cleanup_buffer_ struct buffer bytes = {0};
                struct error err = {0};
                size_t before = 0;

                unlink("whole.tar");
                make_whole(paths[i]);
                assert_success(archive_open("whole.tar", &whole, &err), &err);
                read_bytes("whole.tar", &bytes);
                for (size_t size = 0; size < bytes.size; size += 499) {
                        _cleanup_repair_report_ struct repair_report report = {0};

                        write_bytes("cut.tar", (struct slice){bytes.data, size});
                        if (repair("cut.tar", &report, &err) < 0) {
                                assert_int_equal(error_exit_status(&err), EXIT_BAD_DATA);
                                assert_int_equal(before, 0);
                                continue;
                        }
                        assert_int_equal(compare_with(whole), report.members);
                        assert_true(report.members >= before);
                        before = report.members;
                        if (report.complete)
                                assert_int_equal(faults_of(OUT), 0);
                }
                assert_true(before > 50);
        }
}

/* Members end where frames begin, so none of them is lost that is in the file. */
static void test_cut_between_frames(void **state)
{
        _cleanup_archive_ struct archive *whole = NULL;
        _cleanup_repair_report_ struct repair_report report = {0};
        _cleanup_buffer_ struct buffer bytes = {0};
        struct error err = {0};

        make_whole(GOLDEN("podman-5.8.6-counter-zstd.tar"));
        assert_success(archive_open("whole.tar", &whole, &err), &err);
        read_bytes("whole.tar", &bytes);
        /* Without the tail: everything, snap.json too, is before it. */
        write_bytes("cut.tar",
                    (struct slice){bytes.data, bytes.size - frame_stored_size(COMPRESSION_ZSTD, 1536)});
        assert_success(repair("cut.tar", &report, &err), &err);
        assert_true(report.complete && report.digests);
        assert_int_equal(report.members + 2, archive_count(whole));
        assert_int_equal(compare_with(whole), report.members);
        assert_int_equal(faults_of(OUT), 0);
}

static void test_nothing_to_repair(void **state)
{
        _cleanup_repair_report_ struct repair_report report = {0};
        struct error err = {0};

        make_whole(GOLDEN("podman-5.8.6-counter-none.tar"));
        assert_success(repair("whole.tar", &report, &err), &err);
        assert_false(report.written);
        assert_int_equal(report.index, INDEX_GOOD);
        assert_int_not_equal(access(OUT, F_OK), 0);
}

static void flip(const char *path, size_t offset)
{
        _cleanup_buffer_ struct buffer bytes = {0};

        read_bytes(path, &bytes);
        bytes.data[offset] ^= 1;
        write_bytes("flipped.tar", buffer_slice(&bytes));
}

static void test_wrong_index(void **state)
{
        _cleanup_archive_ struct archive *whole = NULL;
        const struct archive_member *index;
        struct error err = {0};

        make_whole(GOLDEN("podman-5.8.6-counter-none.tar"));
        assert_success(archive_open("whole.tar", &whole, &err), &err);
        index = archive_find(whole, "snap.index");
        for (size_t offset = 0; offset < index->size; offset += 97) {
                _cleanup_repair_report_ struct repair_report report = {0};

                flip("whole.tar", index->offset + offset);
                assert_success(repair("flipped.tar", &report, &err), &err);
                if (!report.written) /* a byte that no reader looks at */
                        continue;
                assert_int_not_equal(report.index, INDEX_GOOD);
                assert_true(report.complete);
                assert_int_equal(compare_with(whole) + 2, archive_count(whole));
                assert_int_equal(faults_of(OUT), 0);
        }
}

/* Kept and named, and the new archive does not pass for what was captured. */
static void test_altered_contents(void **state)
{
        _cleanup_repair_report_ struct repair_report report = {0};
        _cleanup_archive_ struct archive *whole = NULL;
        _cleanup_buffer_ struct buffer bytes = {0};
        _cleanup_verify_report_ struct verify_report verified = {0};
        struct error err = {0};
        bool named = false;

        make_whole(GOLDEN("podman-5.8.6-counter-none.tar"));
        assert_success(archive_open("whole.tar", &whole, &err), &err);
        flip("whole.tar", archive_find(whole, "checkpoint/pages-1.img")->offset + 5);
        read_bytes("flipped.tar", &bytes);
        write_bytes("flipped.tar", (struct slice){bytes.data, bytes.size - TAR_BLOCK}); /* no index either */
        assert_success(repair("flipped.tar", &report, &err), &err);
        assert_true(report.written && report.complete);
        assert_int_equal(report.altered_count, 1);
        assert_string_equal(report.altered[0], "checkpoint/pages-1.img");
        assert_success(archive_verify(OUT, NULL, &verified, &err), &err);
        for (size_t i = 0; i < verified.fault_count; i++)
                named |= verified.faults[i].kind == &ERROR_ARCHIVE_DIGEST &&
                         strcmp(verified.faults[i].object, "checkpoint/pages-1.img") == 0;
        assert_true(named);
}

/* A damaged header ends what can be read; the rest is not lost but in the tail. */
static void test_damaged_header(void **state)
{
        _cleanup_repair_report_ struct repair_report report = {0};
        _cleanup_archive_ struct archive *whole = NULL;
        _cleanup_buffer_ struct buffer bytes = {0}, tail = {0};
        const struct archive_member *member;
        struct error err = {0};

        make_whole(GOLDEN("podman-5.8.6-counter-none.tar"));
        assert_success(archive_open("whole.tar", &whole, &err), &err);
        member = archive_at(whole, 20);
        flip("whole.tar", member->header);
        assert_success(repair("flipped.tar", &report, &err), &err);
        assert_false(report.complete);
        assert_int_equal(report.members, 20);
        read_bytes("flipped.tar", &bytes);
        read_bytes(TAIL, &tail);
        assert_int_equal(tail.size, bytes.size - member->header);
        assert_memory_equal(tail.data, bytes.data + member->header, tail.size);
}

static void test_bytes_behind_the_end(void **state)
{
        _cleanup_repair_report_ struct repair_report report = {0};
        _cleanup_buffer_ struct buffer bytes = {0}, tail = {0};
        struct error err = {0};

        read_bytes(GOLDEN("podman-5.8.6-counter-none.tar"), &bytes);
        assert_int_equal(buffer_append(&bytes, "garbage", 7), 0);
        write_bytes("long.tar", buffer_slice(&bytes));
        assert_success(repair("long.tar", &report, &err), &err);
        assert_true(report.complete);
        assert_null(report.ended);
        read_bytes(TAIL, &tail);
        assert_memory_equal(tail.data + tail.size - 7, "garbage", 7);
        assert_int_equal(faults_of(OUT), 0);
}

static void test_refusals(void **state)
{
        static const struct {
                const char *name;
                enum tar_type type;
        } hostile[] = {{"../x", TAR_FILE}, {"/x", TAR_FILE}, {"x", TAR_SYMLINK}};
        _cleanup_repair_report_ struct repair_report report = {0};
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
                _cleanup_buffer_ struct buffer tar = {0};

                tarball_text(&tar, "config.dump", "{}");
                tarball_header(&tar, hostile[i].name, hostile[i].type, 0);
                write_bytes("hostile.tar", buffer_slice(&tar));
                assert_error(repair("hostile.tar", &report, &err), &err, ERROR_ARCHIVE_NAME);
        }
        write_bytes("text", SLICE_TEXT("no tar at all, though longer than a header block is not needed"));
        assert_true(repair("text", &report, &err) < 0);
        assert_int_equal(error_exit_status(&err), EXIT_BAD_DATA);
        write_bytes("taken", SLICE_TEXT("precious"));
        assert_error(repair_to(GOLDEN("podman-5.8.6-counter-none.tar"), "taken", TAIL, NULL, &report, &err),
                     &err, ERROR_EXISTS);
}

static bool cancelled(void *context)
{
        return ++*(unsigned *)context > 20;
}

static void test_cancelled(void **state)
{
        _cleanup_repair_report_ struct repair_report report = {0};
        unsigned asked = 0;
        const struct progress progress = {.cancelled = cancelled, .context = &asked};
        struct error err = {0};

        assert_error(repair_to(GOLDEN("podman-5.8.6-counter-none.tar"), OUT, TAIL, &progress, &report, &err),
                     &err, ERROR_CANCELLED);
        assert_int_equal(system("test -z \"$(ls -A)\""), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_every_cut),         TEST(test_cuts_of_compressed),   TEST(test_cut_between_frames),
                TEST(test_nothing_to_repair), TEST(test_wrong_index),          TEST(test_altered_contents),
                TEST(test_damaged_header),    TEST(test_bytes_behind_the_end), TEST(test_refusals),
                TEST(test_cancelled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
