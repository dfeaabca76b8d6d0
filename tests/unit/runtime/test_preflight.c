/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "criu/directory.h"
#include "runtime/dump_rights.h"
#include "runtime/preflight.h"

static const struct check *find(const struct check_list *list, const char *name)
{
        for (size_t i = 0; i < list->count; i++) {
                if (strcmp(list->items[i].name, name) == 0)
                        return &list->items[i];
        }
        fail_msg("there is no check %s", name);
        return NULL;
}

static void test_worst_and_error(void **state)
{
        _cleanup_check_list_ struct check_list list = {0};
        struct error err = {0};

        assert_int_equal(check_list_worst(&list), CHECK_OK);
        assert_int_equal(check_list_add(&list, "a", CHECK_OK, NULL, "fine"), 0);
        assert_int_equal(check_list_add(&list, "b", CHECK_UNKNOWN, "", "dark"), 0);
        assert_int_equal(check_list_worst(&list), CHECK_UNKNOWN);
        assert_int_equal(check_list_add(&list, "c", CHECK_WARNING, "look", "odd"), 0);
        assert_int_equal(check_list_worst(&list), CHECK_WARNING);
        assert_int_equal(check_list_error(&list, "it", &err), 0);
        assert_int_equal(check_list_add(&list, "d", CHECK_FAILED, "mend it", "%d is wrong", 7), 0);
        assert_int_equal(check_list_add(&list, "e", CHECK_FAILED, "", "so is that"), 0);
        assert_int_equal(check_list_worst(&list), CHECK_FAILED);
        assert_error(check_list_error(&list, "it", &err), &err, ERROR_PREFLIGHT);
        assert_string_equal(err.text, "it: 7 is wrong (d); so is that (e)");
        assert_string_equal(error_hint(&err), "mend it");
        assert_string_equal(check_status_name(CHECK_FAILED), "failed");
        assert_string_equal(list.items[0].remedy, "");
}

/* A process of ours stands for a container: it shares our control group, which the checks must notice. */
static pid_t child_start(void)
{
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                int fd = open("locked", O_RDWR | O_CREAT, 0600);

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)flock(fd, LOCK_EX);
                (void)!write(ready[1], "x", 1);
                for (;;)
                        pause();
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

static void test_checks_a_container(void **state)
{
        pid_t pid = child_start();
        char nothing[] = "", running[] = "running", bundle[] = ".", crun[] = "crun", name[] = "c",
             gone[] = "exited";
        struct container container = {.id = name,
                                      .name = name,
                                      .engine = crun,
                                      .runtime = crun,
                                      .runtime_root = nothing,
                                      .state = running,
                                      .bundle = bundle,
                                      .pid = pid};
        struct checkpoint_options options = {.output = "archive.tar"};
        _cleanup_check_list_ struct check_list list = {0}, again = {0}, ended = {0};
        struct error err = {0};
        FILE *config = fopen("config.json", "w");

        fputs("{\"mounts\": []}", config);
        fclose(config);
        assert_success(preflight_checkpoint(&container, &options, &list, &err), &err);
        assert_int_equal(find(&list, "state")->status, CHECK_OK);
        assert_int_equal(find(&list, "file-locks")->status, CHECK_FAILED);
        assert_non_null(strstr(find(&list, "file-locks")->reason, "/locked"));
        assert_non_null(strstr(find(&list, "file-locks")->remedy, "--file-locks"));
        assert_int_equal(find(&list, "cgroup")->status, CHECK_FAILED);
        assert_int_equal(find(&list, "io_uring")->status, CHECK_OK);
        assert_int_equal(find(&list, "established-tcp")->status, CHECK_OK);
        assert_int_equal(find(&list, "space")->status, CHECK_OK);
        assert_int_equal(find(&list, "runtime")->status, CHECK_OK);
        assert_true(find(&list, "mounts")->status != CHECK_UNKNOWN);
        options.file_locks = true;
        assert_success(preflight_checkpoint(&container, &options, &again, &err), &err);
        assert_int_equal(find(&again, "file-locks")->status, CHECK_OK);
        container.state = gone;
        assert_success(preflight_checkpoint(&container, &options, &ended, &err), &err);
        assert_int_equal(ended.count, 1);
        assert_int_equal(find(&ended, "state")->status, CHECK_FAILED);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void test_checks_this_host(void **state)
{
        _cleanup_check_list_ struct check_list list = {0};
        struct error err = {0};

        assert_success(preflight_host(&list, &err), &err);
        assert_int_equal(find(&list, "criu")->status, CHECK_OK);
        assert_int_equal(find(&list, "crun")->status, CHECK_OK);
        assert_int_equal(find(&list, "rights")->status == CHECK_FAILED, geteuid() != 0);
        for (size_t i = 0; i < list.count; i++) {
                assert_true(*list.items[i].reason);
                if (list.items[i].status == CHECK_FAILED || list.items[i].status == CHECK_WARNING)
                        assert_true(*list.items[i].remedy);
        }
}

/* Images are written as CRIU does: magic words, then a size and a message. */
static void image_write(const char *name, uint32_t magic, const uint8_t *message, uint32_t size)
{
        /* Images of the 2.0 framing begin with a common word (criu/include/magic.h). */
        uint32_t words[3] = {0x54564319, magic, size};
        FILE *file = fopen(name, "w");

        assert_non_null(file);
        assert_int_equal(fwrite(words, sizeof(words), 1, file), 1);
        assert_true(size == 0 || fwrite(message, size, 1, file) == 1);
        fclose(file);
}

#define INVENTORY_MAGIC 0x58313116
#define CORE_MAGIC      0x55053847

/* inventory: img_version 2, root_ids { pid_ns_id 1, net_ns_id 2 }. */
static const uint8_t inventory[] = {0x08, 0x02, 0x1a, 0x04, 0x28, 0x01, 0x30, 0x02};

static char *dump_demands(const char *spec_text)
{
        struct criu_source source;
        struct criu_directory *directory = NULL;
        struct finding found = {0};
        struct error err = {0};
        yyjson_doc *spec = spec_text ? yyjson_read(spec_text, strlen(spec_text), 0) : NULL;

        assert_success(criu_directory_open(".", NULL, &directory, &err), &err);
        source = criu_directory_source(directory);
        assert_success(dump_find_demands(&source, yyjson_doc_get_root(spec), &found, &err), &err);
        criu_directory_free(directory);
        yyjson_doc_free(spec);
        return found.count ? (char *)found.text.data : strdup("");
}

static void test_dump_with_ordinary_rights(void **state)
{
        /* ids { pid_ns_id 5, net_ns_id 6 }, thread_core { creds { cap_eff 0x1, 0 } } */
        static const uint8_t core[] = {0x22, 0x04, 0x28, 0x05, 0x30, 0x06, 0x2a,
                                       0x06, 0x52, 0x04, 0x58, 0x01, 0x58, 0x00};
        char *found;

        image_write("inventory.img", INVENTORY_MAGIC, inventory, sizeof(inventory));
        image_write("core-1.img", CORE_MAGIC, core, sizeof(core));
        found = dump_demands(NULL);
        assert_string_equal(found, "");
        free(found);
}

static void test_dump_that_asks_for_more(void **state)
{
        /* ids { pid_ns_id 1, net_ns_id 2 } are the host's; cap_bnd { 0x200000 (CAP_SYS_ADMIN), 0x80 (CAP_BPF)
         * } */
        static const uint8_t core[] = {0x22, 0x04, 0x28, 0x01, 0x30, 0x02, 0x2a, 0x0a, 0x52,
                                       0x08, 0x60, 0x80, 0x80, 0x80, 0x01, 0x60, 0x80, 0x01};
        char *found;

        image_write("inventory.img", INVENTORY_MAGIC, inventory, sizeof(inventory));
        image_write("core-1.img", CORE_MAGIC, core, sizeof(core));
        found = dump_demands(NULL);
        assert_string_equal(
                found, "the host's pid namespace in core-1.img, the host's network namespace in core-1.img, "
                       "capability CAP_SYS_ADMIN in core-1.img, capability CAP_BPF in core-1.img");
        free(found);
        /* What the configuration grants anyway is not the dump's demand. */
        found = dump_demands(
                "{\"process\": {\"capabilities\": {\"bounding\": [\"CAP_SYS_ADMIN\", \"CAP_BPF\"]}}, "
                "\"linux\": {\"namespaces\": [{\"type\": \"network\"}]}}");
        assert_string_equal(found, "the host's network namespace in core-1.img");
        free(found);
}

static void test_dump_in_a_user_namespace(void **state)
{
        /* root_ids { user_ns_id 9 }; ids { user_ns_id 10 }, cap_eff { 0x200000 } */
        static const uint8_t inventory_user[] = {0x08, 0x02, 0x1a, 0x02, 0x50, 0x09};
        static const uint8_t core[] = {0x22, 0x02, 0x50, 0x0a, 0x2a, 0x07, 0x52,
                                       0x05, 0x58, 0x80, 0x80, 0x80, 0x01};
        char *found;

        image_write("inventory.img", INVENTORY_MAGIC, inventory_user, sizeof(inventory_user));
        image_write("core-1.img", CORE_MAGIC, core, sizeof(core));
        found = dump_demands(NULL);
        assert_string_equal(found, "");
        free(found);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_worst_and_error),
                cmocka_unit_test_setup_teardown(test_checks_a_container, scratch_setup, scratch_teardown),
                cmocka_unit_test(test_checks_this_host),
                cmocka_unit_test_setup_teardown(test_dump_with_ordinary_rights, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_dump_that_asks_for_more, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_dump_in_a_user_namespace, scratch_setup,
                                                scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
