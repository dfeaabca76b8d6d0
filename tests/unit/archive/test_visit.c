/* SPDX-License-Identifier: Apache-2.0 */
/* What can only be read forward, gone through once, is what it is when all of it is known. */
#include "testing.h"
#include <dirent.h>
#include "tarball.h"
#include "archive/archive.h"
#include "archive/stream.h"
#include "archive/verify.h"
#include "archive/walk.h"
#include "base/compress.h"

/* The race's archive has faults that are seen only when files.img and rootfs-diff.tar are compared. */
#define RACE GOLDEN("podman-5.8.6-BAD-leave-running-race.tar")

static const char *const goldens[] = {
        GOLDEN("containerd-2.1.9-counter.tar"), GOLDEN("crio-1.36.3-counter.tar"),
        GOLDEN("podman-5.4.2-counter-none.tar"), GOLDEN("podman-5.8.6-two-none.tar"), RACE};

struct seen {
        struct archive *archive;
        struct sha256_stream *bytes;
        size_t index;       /* of the member whose bytes came last */
        struct buffer tars; /* names of what is in them */
        uint64_t steps, last, total, limit;
};

/* Each byte counts, and whose it is. */
static int see_bytes(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        struct seen *seen = context;
        size_t index = member ? (size_t)(member - archive_at(seen->archive, 0)) : SIZE_MAX;

        if (index != seen->index)
                assert_int_equal(sha256_update(seen->bytes, &index, sizeof(index)), 0);
        seen->index = index;
        return sha256_update(seen->bytes, raw.data, raw.size);
}

static int see_tar(void *context, const struct archive_member *member, struct stream *contents,
                   struct error *err)
{
        struct seen *seen = context;
        _cleanup_tar_walk_ struct tar_walk walk = {.stream = contents, .what = member->name};
        int ret;

        while ((ret = tar_walk_next(&walk, err)) > 0)
                assert_int_equal(buffer_printf(&seen->tars, "%s: %s %llu\n", member->name, walk.entry.name,
                                               (unsigned long long)walk.entry.size),
                                 0);
        return ret;
}

static void step(void *context, const char *phase, uint64_t done, uint64_t total)
{
        struct seen *seen = context;

        assert_string_equal(phase, "test");
        assert_true(done >= seen->last);
        seen->last = done;
        seen->total = total;
        seen->steps++;
}

static bool cancelled(void *context)
{
        const struct seen *seen = context;

        return seen->limit && seen->steps >= seen->limit;
}

static int visit(struct archive *archive, struct seen *seen, struct sha256 *digest, struct error *err)
{
        const struct progress progress = {step, cancelled, seen};
        const struct archive_visitor visitor = {
                .bytes = see_bytes, .tar = see_tar, .context = seen, .progress = &progress, .phase = "test"};
        int ret;

        seen->archive = archive;
        assert_int_equal(sha256_new(&seen->bytes, err), 0);
        ret = archive_visit(archive, &visitor, err);
        assert_int_equal(sha256_finish(seen->bytes, digest), 0);
        sha256_free(seen->bytes);
        return ret;
}

static void pack(const char *path, enum compression compression, const char *to)
{
        _cleanup_buffer_ struct buffer bytes = {0}, packed = {0};
        struct error err = {0};

        read_bytes(path, &bytes);
        assert_success(frame_compress(compression, 0, buffer_slice(&bytes), &packed, &err), &err);
        write_bytes(to, buffer_slice(&packed));
}

static void test_the_same_is_seen(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(goldens); i++)
                for (enum compression compression = COMPRESSION_GZIP; compression < COMPRESSION_MAX_;
                     compression++) {
                        _cleanup_archive_ struct archive *plain = NULL, *packed = NULL;
                        struct seen of_plain = {0}, of_packed = {0};
                        struct sha256 a, b;
                        struct error err = {0};

                        pack(goldens[i], compression, "packed.tar");
                        assert_success(archive_open(goldens[i], &plain, &err), &err);
                        assert_success(archive_open_unread("packed.tar", &packed, &err), &err);
                        assert_true(archive_is_unread(packed));
                        assert_int_equal(archive_count(packed), 0);
                        assert_success(visit(plain, &of_plain, &a, &err), &err);
                        assert_success(visit(packed, &of_packed, &b, &err), &err);
                        assert_true(sha256_equal(&a, &b));
                        assert_string_equal(buffer_text(&of_plain.tars), buffer_text(&of_packed.tars));
                        assert_false(archive_is_unread(packed));
                        assert_int_equal(archive_count(plain), archive_count(packed));
                        for (size_t j = 0; j < archive_count(plain); j++)
                                assert_int_equal(archive_at(plain, j)->offset, archive_at(packed, j)->offset);
                        assert_true(of_packed.steps > 0 && of_packed.total == archive_file_size(packed));
                        buffer_free(&of_plain.tars);
                        buffer_free(&of_packed.tars);
                }
}

/* Faults as text, in any order. */
static int compare_lines(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void faults_of(const char *path, struct buffer *out)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        struct error err = {0};
        char *lines[64];

        assert_success(archive_verify(path, NULL, &report, &err), &err);
        assert_true(report.fault_count < ARRAY_SIZE(lines));
        for (size_t i = 0; i < report.fault_count; i++)
                assert_true(asprintf(&lines[i], "%s %s\n", report.faults[i].kind->code,
                                     strstr(report.faults[i].reason, path) ? "" : report.faults[i].reason) >
                            0);
        qsort(lines, report.fault_count, sizeof(*lines), compare_lines);
        for (size_t i = 0; i < report.fault_count; i++) {
                assert_int_equal(buffer_append_text(out, lines[i]), 0);
                free(lines[i]);
        }
        if (report.members)
                assert_int_equal(buffer_printf(out, "%llu members, %llu digests, %llu bytes\n",
                                               (unsigned long long)report.members,
                                               (unsigned long long)report.digests_checked,
                                               (unsigned long long)report.bytes_read),
                                 0);
}

static void assert_same_faults(const char *path)
{
        _cleanup_buffer_ struct buffer expected = {0}, found = {0};

        pack(path, COMPRESSION_ZSTD, "packed.tar");
        faults_of(path, &expected);
        faults_of("packed.tar", &found);
        assert_string_equal(buffer_text(&expected), buffer_text(&found));
}

/* The members of an archive, those before `first` behind the others: no engine writes them so. */
static void reorder(const char *path, const char *first, const char *to)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer tar = {0};
        struct error err = {0};
        size_t start = 0;

        assert_success(archive_open(path, &archive, &err), &err);
        while (strcmp(archive_at(archive, start)->name, first) != 0)
                start++;
        for (size_t i = 0; i < archive_count(archive); i++) {
                const struct archive_member *member =
                        archive_at(archive, (i + start) % archive_count(archive));
                _cleanup_buffer_ struct buffer contents = {0};

                assert_success(archive_read(archive, member, 16 * MIB, &contents, &err), &err);
                tarball_header(&tar, member->name, member->type, member->size);
                tarball_contents(&tar, buffer_slice(&contents));
        }
        tarball_end(&tar);
        write_bytes(to, buffer_slice(&tar));
}

static void test_the_same_faults_are_found(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(goldens); i++)
                assert_same_faults(goldens[i]);
        /* Whose sizes are wrong is known only behind the tar that has them. */
        reorder(RACE, "rootfs-diff.tar", "late.tar");
        assert_same_faults("late.tar");
        reorder(RACE, "checkpoint/mountpoints-13.img", "between.tar");
        assert_same_faults("between.tar");
}

/* Each file of this folder breaks another rule. */
static void test_the_same_is_refused(void **state)
{
        DIR *dir = opendir(TEST_DATA "/malformed");
        struct dirent *entry;
        unsigned count = 0;

        assert_non_null(dir);
        while ((entry = readdir(dir))) {
                char path[512];

                if (!text_ends_with(entry->d_name, ".tar") || text_starts_with(entry->d_name, "other-"))
                        continue;
                snprintf(path, sizeof(path), "%s/malformed/%s", TEST_DATA, entry->d_name);
                assert_same_faults(path);
                count++;
        }
        closedir(dir);
        assert_true(count > 30);
}

/* More images than are kept in memory: nothing is read again for them. */
static void test_many_images_are_kept(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0}, packed = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_free_ uint8_t *image = malloc(MIB), *read = malloc(MIB);
        struct error err = {0};

        tarball_text(&tar, "config.dump", "{}");
        for (unsigned i = 0; i < 24; i++) {
                char name[64];

                memset(image, (int)i + 1, MIB);
                snprintf(name, sizeof(name), "checkpoint/mm-%u.img", i);
                tarball_file(&tar, name, (struct slice){image, MIB});
        }
        tarball_end(&tar);
        assert_success(frame_compress(COMPRESSION_LZ4, 0, buffer_slice(&tar), &packed, &err), &err);
        write_bytes("many.tar", buffer_slice(&packed));
        assert_success(archive_open("many.tar", &archive, &err), &err);
        assert_int_equal(truncate("many.tar", 0), 0);
        for (unsigned i = 0; i < 24; i++) {
                const struct archive_member *member = archive_at(archive, i + 1);
                _cleanup_buffer_ struct buffer whole = {0};

                memset(image, (int)i + 1, MIB);
                assert_success(archive_read(archive, member, MIB, &whole, &err), &err);
                assert_memory_equal(whole.data, image, MIB);
                assert_success(archive_read_at(archive, member, 12345, read, 100000, &err), &err);
                assert_memory_equal(read, image, 100000);
        }
}

/* Also in the middle of one large member. */
static void test_it_can_be_cancelled(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0}, packed = {0};
        struct slice pages = {calloc(1, 32 * MIB), 32 * MIB};
        struct error err = {0};

        tarball_text(&tar, "config.dump", "{}");
        tarball_file(&tar, "checkpoint/pages-1.img", pages);
        tarball_end(&tar);
        free((void *)(uintptr_t)pages.data);
        assert_success(frame_compress(COMPRESSION_GZIP, 0, buffer_slice(&tar), &packed, &err), &err);
        write_bytes("large.tar", buffer_slice(&packed));
        for (unsigned bytes = 0; bytes < 2; bytes++) {
                _cleanup_archive_ struct archive *archive = NULL;
                struct seen seen = {.limit = 20};
                const struct progress progress = {step, cancelled, &seen};
                const struct archive_visitor look = {.progress = &progress, .phase = "test"};
                struct sha256 digest;
                int ret;

                assert_success(archive_open_unread("large.tar", &archive, &err), &err);
                ret = bytes ? visit(archive, &seen, &digest, &err) : archive_visit(archive, &look, &err);
                assert_int_equal(ret, -ECANCELED);
                assert_true(seen.steps == seen.limit);
                buffer_free(&seen.tars);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_the_same_is_seen, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_the_same_faults_are_found, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_the_same_is_refused, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_many_images_are_kept, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_it_can_be_cancelled, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
