/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is looked into while its archive is read for the first time shows what it shows when all is
 * known, in whatever order the members stand; and where it can be, one reading is enough. */
#include "testing.h"
#include <sys/stat.h>
#include "archive/memory_search.h"
#include "archive/memory_secrets.h"
#include "base/compress.h"
#include "criu/pagemap.h"
#include "tarball.h"

/* Six processes, whose PIDs are not in the order of the tree. */
#define MADE_OF GOLDEN("containerd-2.1.9-counter.tar")
#define SECRET  "postgres://me:s3cret-in-url@example.org/"

/* Lower ranks stand first; equal ones stand as in the archive that it is made of. */
typedef int (*member_rank)(const char *name);

static int as_engines_do(const char *name)
{
        return 0;
}

static int pages_first(const char *name)
{
        return strstr(name, "/pages-") ? 0 : 1;
}

static int tree_first(const char *name)
{
        return strstr(name, "/pstree") ? 0 : 1;
}

static int files_last(const char *name)
{
        return strstr(name, "/files.img") ? 1 : 0;
}

static int a_page_map_last(const char *name)
{
        return strstr(name, "/pagemap-8.img") ? 1 : 0;
}

static int pages_backwards(const char *name)
{
        const char *pages = strstr(name, "/pages-");

        return pages ? 9 - (pages[7] - '0') : strcmp(name, "checkpoint/pstree.img") < 0 ? 0 : 10;
}

static const struct {
        member_rank rank;
        unsigned readings;
} orders[] = {{as_engines_do, 1}, {tree_first, 1}, {pages_backwards, 1},
              {pages_first, 2},   {files_last, 2}, {a_page_map_last, 2}};

static void add(struct archive *from, const char *name, const char *as, struct buffer *tar)
{
        const struct archive_member *member = archive_find(from, name);
        _cleanup_buffer_ struct buffer bytes = {0};
        struct error err = {0};

        assert_non_null(member);
        if (member->type == TAR_DIRECTORY) {
                tarball_header(tar, as, TAR_DIRECTORY, 0);
                return;
        }
        assert_success(archive_read(from, member, 64 * MIB, &bytes, &err), &err);
        if (strcmp(name, "checkpoint/pages-2.img") == 0)
                memcpy(bytes.data + CRIU_PAGE_SIZE, SECRET, sizeof(SECRET));
        tarball_file(tar, as, buffer_slice(&bytes));
}

/* A process that no tree leads to, as a dump before left it. Its page map says whose pages it has: 1 becomes
 * 9. */
static void add_left_behind(struct archive *from, struct buffer *tar)
{
        const struct archive_member *member = archive_find(from, "checkpoint/pagemap-8.img");
        _cleanup_buffer_ struct buffer bytes = {0};
        struct error err = {0};

        add(from, "checkpoint/core-8.img", "checkpoint/core-99.img", tar);
        add(from, "checkpoint/mm-8.img", "checkpoint/mm-99.img", tar);
        assert_success(archive_read(from, member, 64 * MIB, &bytes, &err), &err);
        /* Magic, size of the first record, its only field. */
        assert_true(bytes.size > 14 && bytes.data[12] == 8 && bytes.data[13] < 128);
        bytes.data[13] = 9;
        tarball_file(tar, "checkpoint/pagemap-99.img", buffer_slice(&bytes));
}

/* "plain.tar" and "packed.tar". */
static void make(member_rank rank, bool left_behind)
{
        _cleanup_archive_ struct archive *from = NULL;
        _cleanup_buffer_ struct buffer tar = {0}, packed = {0};
        struct error err = {0};

        assert_success(archive_open(MADE_OF, &from, &err), &err);
        if (left_behind)
                add_left_behind(from, &tar);
        for (int turn = 0; turn <= 10; turn++)
                for (size_t i = 0; i < archive_count(from); i++) {
                        const char *name = archive_at(from, i)->name;

                        if (left_behind && turn == 0 && strcmp(name, "checkpoint/pstree.img") == 0)
                                add(from, "checkpoint/pages-2.img", "checkpoint/pages-9.img", &tar);
                        if (rank(name) == turn)
                                add(from, name, name, &tar);
                }
        tarball_end(&tar);
        write_bytes("plain.tar", buffer_slice(&tar));
        assert_success(frame_compress(COMPRESSION_ZSTD, 0, buffer_slice(&tar), &packed, &err), &err);
        write_bytes("packed.tar", buffer_slice(&packed));
}

/* An archive in a file of which is known how much was read. */
struct counted {
        int fd;
        uint64_t size, read;
};

static int counted_read(void *context, uint64_t offset, void *data, size_t size, struct error *err)
{
        struct counted *counted = context;

        counted->read += size;
        return file_pread_full(counted->fd, data, size, offset) == (ssize_t)size
                       ? 0
                       : error_errno(err, EIO, "cannot read");
}

static void counted_release(void *context)
{
        close(((struct counted *)context)->fd);
}

static void open_counted(const char *path, struct counted *counted, struct archive **out)
{
        const struct archive_remote remote = {counted_read, counted_release, counted};
        struct error err = {0};
        struct stat st;

        *counted = (struct counted){.fd = open(path, O_RDONLY | O_CLOEXEC)};
        assert_true(counted->fd >= 0 && fstat(counted->fd, &st) == 0);
        counted->size = (uint64_t)st.st_size;
        assert_success(archive_open_remote(path, &remote, counted->size, out, &err), &err);
}

static unsigned readings(const struct counted *counted)
{
        return (unsigned)((counted->read + counted->size / 2) / counted->size);
}

/* What a scan showed: whose, where and what; and how often it began again. */
struct shown {
        struct buffer windows;
        unsigned restarts;
        uint64_t fails_at; /* an address */
};

static int look(void *context, const struct memory_window *window, struct buffer *result, struct error *err)
{
        const struct shown *shown = context;
        uint32_t crc = crc32c_update(0, window->data - window->before,
                                     window->before + window->size + window->after);

        if (window->address == shown->fails_at)
                return error_set(err, &ERROR_UNSUPPORTED, -E2BIG, "as asked for");
        return buffer_append(result, &crc, sizeof(crc));
}

static int take(void *context, const struct memory_window *window, struct slice result, struct error *err)
{
        struct shown *shown = context;
        uint32_t crc;

        assert_int_equal(result.size, sizeof(crc));
        memcpy(&crc, result.data, sizeof(crc));
        return buffer_printf(&shown->windows, "%d %s %llx %zu %x\n", (int)window->process->pid,
                             window->process->command, (unsigned long long)window->address, window->size,
                             crc);
}

static int restart(void *context, struct error *err)
{
        struct shown *shown = context;

        shown->windows.size = 0;
        shown->restarts++;
        return 0;
}

static int scan(const char *path, pid_t pid, bool restarts, struct shown *shown, unsigned *how_often,
                struct error *err)
{
        const struct memory_scan spec = {.pid = pid,
                                         .size = 4 * CRIU_PAGE_SIZE,
                                         .before = 100,
                                         .after = CRIU_PAGE_SIZE,
                                         .look = look,
                                         .take = take,
                                         .restart = restarts ? restart : NULL,
                                         .context = shown};
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_criu_dump_ struct criu_dump *dump = NULL;
        struct counted counted;
        uint64_t absent;
        int ret;

        open_counted(path, &counted, &archive);
        ret = memory_scan_run(archive, &dump, &spec, &absent, err);
        *how_often = readings(&counted);
        return ret;
}

static void assert_same(pid_t pid, bool restarts, unsigned expected)
{
        struct shown of_plain = {0}, of_packed = {0};
        struct error err = {0};
        unsigned how_often;

        assert_success(scan("plain.tar", pid, restarts, &of_plain, &how_often, &err), &err);
        assert_int_equal(of_plain.restarts, 0);
        assert_success(scan("packed.tar", pid, restarts, &of_packed, &how_often, &err), &err);
        assert_string_equal(buffer_text(&of_packed.windows), buffer_text(&of_plain.windows));
        assert_true(of_plain.windows.size > 0);
        assert_int_equal(how_often, expected);
        buffer_free(&of_plain.windows);
        buffer_free(&of_packed.windows);
}

static void test_any_order_shows_the_same(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
                make(orders[i].rank, false);
                assert_same(0, true, orders[i].readings);
                assert_same(8, true, orders[i].readings);
        }
        make(as_engines_do, false);
        assert_same(0, false, 2); /* what cannot be taken back waits for the tree */
}

static void test_what_an_earlier_dump_left_behind_is_not_shown(void **state)
{
        struct shown shown = {0};
        struct error err = {0};
        unsigned how_often;

        make(as_engines_do, true);
        assert_same(0, true, 2);
        assert_same(8, true, 1);
        assert_success(scan("packed.tar", 0, true, &shown, &how_often, &err), &err);
        assert_int_equal(shown.restarts, 1);
        assert_null(strstr(buffer_text(&shown.windows), "99 "));
        shown.windows.size = 0;
        assert_error(scan("packed.tar", 99, true, &shown, &how_often, &err), &err, ERROR_NOT_FOUND);
        buffer_free(&shown.windows);
}

static void test_failures_are_those_of_a_plain_archive(void **state)
{
        static const char *const paths[] = {"plain.tar", "packed.tar"};

        make(as_engines_do, false);
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                struct shown shown = {0};
                struct error err = {0};
                unsigned how_often;

                assert_error(scan(paths[i], 77, true, &shown, &how_often, &err), &err, ERROR_NOT_FOUND);
                assert_success(scan(paths[i], 8, true, &shown, &how_often, &err), &err);
                sscanf(buffer_text(&shown.windows), "%*d %*s %llx", (unsigned long long *)&shown.fails_at);
                shown.windows.size = 0;
                assert_error(scan(paths[i], 8, true, &shown, &how_often, &err), &err, ERROR_UNSUPPORTED);
                assert_string_equal(err.text, "as asked for");
                buffer_free(&shown.windows);
        }
}

static void secrets_of(const char *path, struct buffer *out, unsigned *how_often)
{
        _cleanup_memory_secrets_ struct memory_secrets secrets = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_criu_dump_ struct criu_dump *dump = NULL;
        struct counted counted;
        struct error err = {0};

        open_counted(path, &counted, &archive);
        assert_success(memory_secrets_find(archive, &dump, true, NULL, &secrets, &err), &err);
        for (size_t i = 0; i < secrets.count; i++) {
                const struct memory_secret *secret = &secrets.items[i];

                assert_true(secret->process >= dump->processes &&
                            secret->process < dump->processes + dump->process_count);
                assert_non_null(secret->mapping);
                assert_int_equal(buffer_printf(out, "%d %s %llx %s %llu\n", (int)secret->process->pid,
                                               secret->kind, (unsigned long long)secret->address,
                                               criu_mapping_name(secret->mapping),
                                               (unsigned long long)secret->count),
                                 0);
        }
        *how_often = readings(&counted);
}

static void test_secrets(void **state)
{
        for (int left_behind = 0; left_behind < 2; left_behind++) {
                _cleanup_buffer_ struct buffer of_plain = {0}, of_packed = {0};
                unsigned how_often;

                make(as_engines_do, left_behind);
                secrets_of("plain.tar", &of_plain, &how_often);
                secrets_of("packed.tar", &of_packed, &how_often);
                assert_int_equal(how_often, left_behind ? 2 : 1);
                assert_non_null(strstr(buffer_text(&of_plain), "URL with a password"));
                assert_string_equal(buffer_text(&of_packed), buffer_text(&of_plain));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_any_order_shows_the_same, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_what_an_earlier_dump_left_behind_is_not_shown,
                                                scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_failures_are_those_of_a_plain_archive, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_secrets, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
