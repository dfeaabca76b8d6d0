/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/sqlite.h"
#include "catalog/catalog.h"

static struct catalog *open_catalog(const char *path)
{
        struct catalog *catalog = NULL;
        struct error err = {0};

        assert_success(catalog_open(path, &catalog, &err), &err);
        return catalog;
}

static int put_checkpoint(struct catalog *catalog, const char *id, const char *namespace, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_free_ char *path = NULL;
        int r = checkpoint_new(&checkpoint, err);

        if (r < 0)
                return r;
        if (asprintf(&path, "/archives/%s.tar", id) < 0)
                path = NULL;
        (void)text_set(&checkpoint->id, id);
        (void)text_set(&checkpoint->namespace, namespace);
        (void)text_set(&checkpoint->state, "completed");
        (void)text_set(&checkpoint->path, path);
        return catalog_put_checkpoint(catalog, checkpoint, err);
}

static int put_operation(struct catalog *catalog, const char *id, enum operation_phase phase,
                         const char *journal, struct error *err)
{
        _cleanup_operation_ struct operation *operation = NULL;
        int r = operation_new(&operation, err);

        if (r < 0)
                return r;
        (void)text_set(&operation->id, id);
        (void)text_set(&operation->kind, "checkpoint");
        (void)text_set(&operation->journal, journal);
        operation->phase = phase;
        return catalog_put_operation(catalog, operation, err);
}

static unsigned count_checkpoints(struct catalog *catalog, const struct checkpoint_filter *filter)
{
        _cleanup_checkpoint_list_ struct checkpoint_list list = {0};
        struct error err = {0};

        assert_success(catalog_list_checkpoints(catalog, filter, &list, &err), &err);
        for (size_t i = 1; i < list.count; i++)
                assert_true(strcmp(list.items[i - 1]->id, list.items[i]->id) < 0);
        return (unsigned)list.count;
}

static void what_is_put_is_found(void **state)
{
        _cleanup_catalog_ struct catalog *catalog = open_catalog("deep/er/catalog.db");
        _cleanup_checkpoint_ struct checkpoint *found = NULL, *by_path = NULL, *other = NULL;
        struct error err = {0};
        struct stat st;

        assert_success(put_checkpoint(catalog, "01", "default", &err), &err);
        assert_success(catalog_get_checkpoint(catalog, "01", &found, &err), &err);
        assert_string_equal(found->namespace, "default");
        found->pinned = true;
        assert_success(catalog_put_checkpoint(catalog, found, &err), &err);
        assert_success(catalog_find_path(catalog, "/archives/01.tar", &by_path, &err), &err);
        assert_true(by_path->pinned);
        assert_error(catalog_find_path(catalog, "/archives/02.tar", &other, &err), &err,
                     ERROR_CHECKPOINT_NOT_FOUND);
        assert_error(catalog_get_checkpoint(catalog, "02", &other, &err), &err, ERROR_CHECKPOINT_NOT_FOUND);
        assert_success(catalog_remove_checkpoint(catalog, "01", &err), &err);
        assert_error(catalog_remove_checkpoint(catalog, "01", &err), &err, ERROR_CHECKPOINT_NOT_FOUND);
        assert_int_equal(stat("deep/er/catalog.db", &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(stat("deep/er/catalog.db-wal", &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(stat("deep", &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
}

static void filters_and_pages(void **state)
{
        _cleanup_catalog_ struct catalog *catalog = open_catalog("catalog.db");
        struct checkpoint_filter filter = {0};
        struct error err = {0};

        for (int i = 0; i < 40; i++) {
                char id[8];

                snprintf(id, sizeof(id), "%02d", (i * 7) % 40);
                assert_success(put_checkpoint(catalog, id, i % 4 ? "default" : "o'ther", &err), &err);
        }
        assert_int_equal(count_checkpoints(catalog, &filter), 40);
        filter.namespace = "o'ther";
        assert_int_equal(count_checkpoints(catalog, &filter), 10);
        filter.pod = "none";
        assert_int_equal(count_checkpoints(catalog, &filter), 0);
        filter = (struct checkpoint_filter){.after = "19", .limit = 15, .state = "completed"};
        assert_int_equal(count_checkpoints(catalog, &filter), 15);
        filter.after = "29";
        assert_int_equal(count_checkpoints(catalog, &filter), 10);
}

static size_t list_operations(struct catalog *catalog, bool unfinished, unsigned limit, const char *ids)
{
        _cleanup_operation_list_ struct operation_list list = {0};
        struct error err = {0};

        assert_success(catalog_list_operations(catalog, unfinished, limit, &list, &err), &err);
        assert_int_equal(list.count, strlen(ids));
        for (size_t i = 0; i < list.count; i++)
                assert_int_equal(list.items[i]->id[0], ids[i]);
        return list.count;
}

/* Ids that do not ascend: the clock was set back. */
static void operations_in_the_order_in_which_they_came(void **state)
{
        _cleanup_catalog_ struct catalog *catalog = open_catalog("catalog.db");
        _cleanup_operation_ struct operation *found = NULL, *none = NULL;
        struct error err = {0};

        assert_success(put_operation(catalog, "c", PHASE_DUMP, "{\"temporary\":\"x\"}", &err), &err);
        assert_success(put_operation(catalog, "b", PHASE_DONE, "", &err), &err);
        assert_success(put_operation(catalog, "a", PHASE_QUEUED, "", &err), &err);
        assert_success(put_operation(catalog, "d", PHASE_CANCELLED, "", &err), &err);
        /* A change leaves it where it is. */
        assert_success(put_operation(catalog, "c", PHASE_COMMIT, "{\"temporary\":\"y\"}", &err), &err);
        list_operations(catalog, false, 0, "dabc");
        list_operations(catalog, false, 2, "da");
        list_operations(catalog, true, 0, "ca");
        assert_success(catalog_get_operation(catalog, "c", &found, &err), &err);
        assert_int_equal(found->phase, PHASE_COMMIT);
        assert_string_equal(found->journal, "{\"temporary\":\"y\"}");
        assert_error(catalog_get_operation(catalog, "e", &none, &err), &err, ERROR_OPERATION_NOT_FOUND);
        assert_success(catalog_trim_operations(catalog, 1, &err), &err);
        list_operations(catalog, false, 0, "dac");
        assert_success(catalog_trim_operations(catalog, 1, &err), &err);
        list_operations(catalog, false, 0, "dac");
        assert_success(catalog_trim_operations(catalog, 0, &err), &err);
        list_operations(catalog, false, 0, "ac");
}

/* Writes until it is killed; tells what is on the disk by the time that its number is there. */
static void write_for_ever(int out)
{
        struct catalog *catalog = open_catalog("catalog.db");
        struct error err = {0};

        for (uint32_t i = 1;; i++) {
                char id[16];

                snprintf(id, sizeof(id), "%08u", i);
                if (put_checkpoint(catalog, id, "default", &err) < 0 ||
                    put_operation(catalog, "op", PHASE_DUMP, id, &err) < 0 ||
                    write(out, &i, sizeof(i)) != sizeof(i))
                        _exit(1);
        }
}

static void nothing_that_was_put_is_lost_by_a_kill(void **state)
{
        for (int round = 0; round < 10; round++) {
                _cleanup_operation_ struct operation *operation = NULL;
                const struct checkpoint_filter all = {0};
                struct catalog *catalog;
                uint32_t last = 0, next;
                struct error err = {0};
                int pipes[2];
                pid_t pid;

                assert_int_equal(pipe(pipes), 0);
                pid = fork();
                if (pid == 0)
                        write_for_ever(pipes[1]);
                close(pipes[1]);
                while (last < 20u + (unsigned)round * 7 &&
                       read(pipes[0], &next, sizeof(next)) == sizeof(next))
                        last = next;
                usleep((useconds_t)round * 331);
                kill(pid, SIGKILL);
                while (read(pipes[0], &next, sizeof(next)) == sizeof(next))
                        last = next;
                close(pipes[0]);
                waitpid(pid, NULL, 0);
                catalog = open_catalog("catalog.db");
                assert_true(count_checkpoints(catalog, &all) >= last);
                assert_success(catalog_get_operation(catalog, "op", &operation, &err), &err);
                assert_true((uint32_t)atoi(operation->journal) >= last);
                catalog_free(catalog);
                assert_int_equal(system("rm -f catalog.db*"), 0);
        }
}

static void overwrite(const char *path, off_t offset, const void *bytes, size_t size)
{
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, bytes, size, offset), size);
        close(fd);
}

static void a_damaged_file_is_refused(void **state)
{
        struct catalog *catalog = open_catalog("catalog.db"), *none = NULL;
        struct error err = {0};
        char garbage[4096];
        struct stat st;

        for (int i = 0; i < 200; i++) {
                char id[8];

                snprintf(id, sizeof(id), "%04d", i);
                assert_success(put_checkpoint(catalog, id, "default", &err), &err);
        }
        catalog_free(catalog);
        memset(garbage, 0xa5, sizeof(garbage));
        assert_int_equal(stat("catalog.db", &st), 0);
        /* Every page but the first. */
        for (off_t at = 4096; at < st.st_size; at += 4096)
                overwrite("catalog.db", at, garbage, sizeof(garbage));
        assert_error(catalog_open("catalog.db", &none, &err), &err, ERROR_CATALOG);
        overwrite("other.db", 0, "This is no database, whatever its name may say.", 47);
        assert_error(catalog_open("other.db", &none, &err), &err, ERROR_CATALOG);
        assert_int_equal(mkdir("directory.db", 0700), 0);
        assert_true(catalog_open("directory.db", &none, &err) < 0);
        assert_null(none);
}

static void change_file(const char *path, const char *sql)
{
        sqlite3 *database = NULL;

        assert_int_equal(sqlite.sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
        assert_int_equal(sqlite.sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite.sqlite3_close(database);
}

static void put_offer(struct catalog *catalog, const char *id, const char *request, int64_t ends_ns)
{
        _cleanup_offer_ struct offer *offer = NULL;
        struct error err = {0};

        assert_success(offer_new(&offer, &err), &err);
        (void)text_set(&offer->id, id);
        (void)text_set(&offer->request, request);
        offer->ends_ns = ends_ns;
        assert_success(catalog_put_offer(catalog, offer, &err), &err);
}

static void offers_are_kept_until_they_are_removed(void **state)
{
        _cleanup_catalog_ struct catalog *catalog = open_catalog("offers.db");
        _cleanup_offer_list_ struct offer_list list = {0};
        _cleanup_offer_ struct offer *offer = NULL, *none = NULL;
        struct error err = {0};

        put_offer(catalog, "a", "{\"secret\":\"before\"}", 3);
        put_offer(catalog, "b", "{}", 2);
        put_offer(catalog, "a", "{\"secret\":\"after\"}", 4);
        catalog_free(steal_ptr(catalog));
        catalog = open_catalog("offers.db");
        assert_success(catalog_get_offer(catalog, "a", &offer, &err), &err);
        assert_string_equal(offer->request, "{\"secret\":\"after\"}");
        assert_success(catalog_list_offers(catalog, 0, &list, &err), &err);
        assert_int_equal(list.count, 2);
        assert_string_equal(list.items[0]->id, "b");
        assert_int_equal(list.items[1]->ends_ns, 4);
        assert_success(catalog_remove_offer(catalog, "a", &err), &err);
        assert_int_equal(catalog_get_offer(catalog, "a", &none, &err), -ENOENT);
}

/* What was there is there still. */
static void a_file_of_the_first_version_gets_what_it_lacks(void **state)
{
        struct catalog *catalog = open_catalog("first.db");
        _cleanup_operation_ struct operation *operation = NULL, *found = NULL;
        struct error err = {0};

        assert_success(operation_new(&operation, &err), &err);
        (void)text_set(&operation->id, "01KB0000000000000000000001");
        assert_success(catalog_put_operation(catalog, operation, &err), &err);
        catalog_free(catalog);
        change_file("first.db", "DROP TABLE offers; PRAGMA user_version=1");
        for (int i = 0; i < 2; i++) {
                catalog = open_catalog("first.db");
                put_offer(catalog, "a", "{}", 1);
                assert_success(catalog_get_operation(catalog, operation->id, &found, &err), &err);
                operation_free(steal_ptr(found));
                catalog_free(catalog);
        }
}

static void a_newer_file_is_refused_and_left_alone(void **state)
{
        struct catalog *catalog = open_catalog("catalog.db"), *none = NULL;
        struct error err = {0};

        catalog_free(catalog);
        change_file("catalog.db", "PRAGMA user_version=3; DROP TABLE operations");
        assert_error(catalog_open("catalog.db", &none, &err), &err, ERROR_CATALOG_VERSION);
        assert_null(none);
}

/* A limit on the size of files, in place of a full disk. The catalog works again when there is room. */
static void a_full_disk_is_said_and_passes(void **state)
{
        _cleanup_catalog_ struct catalog *catalog = open_catalog("catalog.db");
        const struct checkpoint_filter all = {0};
        struct rlimit before, low = {.rlim_cur = 256 * KIB};
        struct error err = {0};
        unsigned put = 0;
        int r = 0;

        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        low.rlim_max = before.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
        while (r == 0 && put < 10000) {
                char id[16];

                snprintf(id, sizeof(id), "%08u", put);
                r = put_checkpoint(catalog, id, "default", &err);
                put += r == 0;
        }
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(r, -ENOSPC);
        assert_ptr_equal(err.kind, &ERROR_NO_SPACE);
        assert_int_equal(count_checkpoints(catalog, &all), put);
        assert_success(put_checkpoint(catalog, "one more", "default", &err), &err);
        assert_int_equal(count_checkpoints(catalog, &all), put + 1);
}

struct writer {
        struct catalog *catalog;
        int number, failed;
};

static void *write_and_read(void *argument)
{
        struct writer *writer = argument;
        const struct checkpoint_filter all = {.limit = 5};

        for (int i = 0; i < 25; i++) {
                _cleanup_checkpoint_list_ struct checkpoint_list list = {0};
                _cleanup_checkpoint_ struct checkpoint *found = NULL;
                char id[16];

                snprintf(id, sizeof(id), "%d-%d", writer->number, i);
                if (put_checkpoint(writer->catalog, id, "default", NULL) < 0 ||
                    catalog_get_checkpoint(writer->catalog, id, &found, NULL) < 0 ||
                    put_operation(writer->catalog, id, PHASE_DONE, "", NULL) < 0 ||
                    catalog_list_checkpoints(writer->catalog, &all, &list, NULL) < 0 || list.count == 0)
                        writer->failed++;
        }
        return NULL;
}

static void several_threads(void **state)
{
        _cleanup_catalog_ struct catalog *catalog = open_catalog("catalog.db");
        const struct checkpoint_filter all = {0};
        struct writer writers[8];
        pthread_t threads[8];

        for (int i = 0; i < 8; i++) {
                writers[i] = (struct writer){catalog, i, 0};
                assert_int_equal(pthread_create(&threads[i], NULL, write_and_read, &writers[i]), 0);
        }
        for (int i = 0; i < 8; i++) {
                pthread_join(threads[i], NULL);
                assert_int_equal(writers[i].failed, 0);
        }
        assert_int_equal(count_checkpoints(catalog, &all), 8 * 25);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_SCRATCH(what_is_put_is_found),
                IN_SCRATCH(filters_and_pages),
                IN_SCRATCH(operations_in_the_order_in_which_they_came),
                IN_SCRATCH(nothing_that_was_put_is_lost_by_a_kill),
                IN_SCRATCH(a_damaged_file_is_refused),
                IN_SCRATCH(offers_are_kept_until_they_are_removed),
                IN_SCRATCH(a_file_of_the_first_version_gets_what_it_lacks),
                IN_SCRATCH(a_newer_file_is_refused_and_left_alone),
                IN_SCRATCH(a_full_disk_is_said_and_passes),
                IN_SCRATCH(several_threads),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
