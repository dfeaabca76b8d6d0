/* SPDX-License-Identifier: Apache-2.0 */
/* The dump is that of tests/data/criu/tiny.c, taken with crun 1.28 and CRIU 4.2.1. */
#include <fcntl.h>
#include <sys/stat.h>
#include "memory_dump.h"
#include "criu/capability.h"
#include "criu/check.h"
#include "criu/dump.h"
#include "criu/errors.h"

#define TINY TEST_DATA "/criu/tiny"

struct fixture {
        struct criu_directory *directory;
        struct criu_source source;
        struct criu_dump *dump;
};

static int setup(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct error err = {0};

        assert_success(criu_directory_open(TINY, NULL, &fixture->directory, &err), &err);
        fixture->source = criu_directory_source(fixture->directory);
        assert_success(criu_dump_load(&fixture->source, CRIU_LOAD_ALL, &fixture->dump, &err), &err);
        *state = fixture;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *fixture = *state;

        criu_dump_free(fixture->dump);
        criu_directory_free(fixture->directory);
        free(fixture);
        return 0;
}

static void test_inventory(void **state)
{
        const struct fixture *fixture = *state;

        assert_int_equal(fixture->dump->inventory.version, 2);
        assert_true(fixture->dump->inventory.has_root_ids);
        assert_false(fixture->dump->inventory.tcp_close);
        assert_int_equal(fixture->dump->pages_size, 4096 + 20480 + 20480);
}

static void test_statistics(void **state)
{
        const struct criu_statistics *statistics = &((const struct fixture *)*state)->dump->statistics;

        assert_true(statistics->present);
        assert_int_equal(statistics->freezing_time, 101053);
        assert_int_equal(statistics->frozen_time, 127156);
        assert_int_equal(statistics->pages_written, 10);
        assert_int_equal(statistics->shmem_pages_written, 1);
}

static void test_processes(void **state)
{
        const struct criu_dump *dump = ((const struct fixture *)*state)->dump;
        const struct criu_process *p = dump->processes;

        assert_int_equal(dump->process_count, 3);
        assert_int_equal(p[0].pid, 1);
        assert_int_equal(p[0].ppid, 0);
        assert_int_equal(p[0].threads, 2);
        assert_int_equal(p[0].memory, 20480);
        assert_string_equal(p[0].command, "tiny");
        assert_string_equal(p[0].state, "Alive");
        assert_string_equal(p[0].exe, "/bin/tiny");
        assert_string_equal(p[0].cwd, "/");
        assert_string_equal(p[1].state, "Dead");
        assert_int_equal(p[1].ppid, 1);
        assert_int_equal(p[1].memory, 0);
        assert_int_equal(p[1].descriptor_count, 0);
        assert_string_equal(p[1].exe, "");
        assert_int_equal(p[2].pid, 4);
        assert_string_equal(p[2].cwd, "/tmp");
        assert_string_equal(p[2].root, "/");
        assert_int_equal(p[2].descriptor_count, 2);
        assert_string_equal(p[0].architecture, "x86_64");
        assert_int_equal(dump->host_namespaces, 0);
        assert_int_equal(dump->lock_count, 0);
}

static void test_kernel(void **state)
{
        const struct criu_dump *dump = ((const struct fixture *)*state)->dump;
        const struct criu_task *task = dump->processes[0].task;

        assert_non_null(task);
        assert_null(dump->processes[1].task); /* it is dead */
        assert_non_null(task->credentials);
        assert_int_equal(task->credentials->euid, 0);
        assert_true(task->credentials->no_new_privileges);
        assert_int_equal(task->credentials->effective, 1 << 5 | 1 << 10 | 1 << 29);
        assert_string_equal(criu_capability_name(29), "CAP_AUDIT_WRITE");
        assert_null(criu_capability_name(63));
        assert_int_equal(task->seccomp_mode, 0);
        assert_int_equal(task->timer_count, 0);
        assert_int_equal(task->pending_count, 0);
        assert_int_equal(task->cgroup_set, 2);
        assert_int_equal(dump->processes[2].task->cgroup_set, 3);
        assert_int_equal(dump->cgroup_count, 20);
        assert_string_equal(dump->cgroups[7].hierarchy, "memory");
        assert_string_equal(dump->cgroups[7].path, "/tiny");
        assert_int_equal(dump->device_count, 1);
        assert_string_equal(dump->devices[0].name, "lo");
        assert_string_equal(dump->devices[0].kind, "loopback");
        assert_string_equal(dump->devices[0].hardware_address, "");
        assert_int_equal(dump->devices[0].address_count, 2);
        assert_string_equal(dump->devices[0].addresses[0].text, "127.0.0.1/8");
        assert_string_equal(dump->devices[0].addresses[1].text, "::1/128");
}

/* Addresses that are cut off or lie about their length are left out, and all before them stay. */
static void test_damaged_addresses(void **state)
{
        struct memory_dump *memory = memory_dump_load(TINY);
        struct criu_source source = memory_dump_source(memory);
        _cleanup_buffer_ struct buffer bytes = {0};
        struct error err = {0};
        size_t first, second;

        assert_success(source.read(source.context, "ifaddr-10.img", MIB, &bytes, &err), &err);
        first = 4 + load_le32(bytes.data + 4); /* it needs no padding */
        second = first + load_le32(bytes.data + first);
        for (size_t size = 0; size <= bytes.size; size++) {
                _cleanup_criu_dump_ struct criu_dump *dump = NULL;

                memory_dump_put(memory, "ifaddr-10.img", bytes.data, size);
                assert_success(criu_dump_load(&source, CRIU_LOAD_KERNEL, &dump, &err), &err);
                assert_int_equal(dump->devices[0].address_count, (size >= first) + (size >= second));
        }
        memory_dump_free(memory);
}

static void test_descriptors(void **state)
{
        static const struct {
                const char *type, *path;
        } expected[] = {
                {"REG", "/dev/null"},
                {"REG", "/dev/null"},
                {"REG", "/dev/null"},
                {"REG", "/tmp/kept"},
                {"REG", "/tmp/deleted"},
                {"PIPE", "pipe:[181599]"},
                {"PIPE", "pipe:[181599]"},
                {"EVENTPOLL", ""},
                {"EVENTFD", ""},
                {"UNIXSK", ""},
                {"UNIXSK", ""},
                {"UNIXSK", "@tiny"},
                {"INETSK", ""},
                {"MEMFD", "memfd:shared"},
                {"REG", "/"},
                {"REG", "/"},
        };
        const struct criu_process *process = ((const struct fixture *)*state)->dump->processes;
        const struct criu_descriptor *d = process->descriptors;

        assert_int_equal(process->descriptor_count, ARRAY_SIZE(expected));
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                assert_string_equal(d[i].type, expected[i].type);
                assert_string_equal(d[i].path, expected[i].path);
                assert_int_equal(d[i].fd, i < 14 ? (int)i : 13 - (int)i);
        }
        assert_true(d[3].has_size);
        assert_int_equal(d[3].size, 4);
        assert_int_equal(d[3].flags & O_ACCMODE, O_RDWR);
        assert_false(d[3].ghost);
        assert_true(d[4].ghost);
        assert_int_equal(d[4].size, 12);
        assert_int_equal(d[3].mode, S_IFREG | 0644);
        assert_true(S_ISCHR(d[0].mode));
        assert_false(d[0].has_size);
        assert_int_equal(d[6].flags, O_WRONLY);
        assert_int_equal(d[8].flags, O_RDWR);
}

static void test_sockets(void **state)
{
        const struct criu_process *process = ((const struct fixture *)*state)->dump->processes;
        const struct criu_socket *s = process->sockets;

        assert_int_equal(process->socket_count, 4);
        assert_int_equal(s[0].fd, 9);
        assert_string_equal(s[0].protocol, "UNIX");
        assert_string_equal(s[0].state, "ESTABLISHED");
        assert_string_equal(s[2].type, "DGRAM");
        assert_string_equal(s[2].source, "@tiny");
        assert_string_equal(s[3].protocol, "TCP");
        assert_string_equal(s[3].type, "STREAM");
        assert_string_equal(s[3].state, "LISTEN");
        assert_string_equal(s[3].source, "0.0.0.0");
        assert_int_equal(s[3].source_port, 8080);
        assert_int_equal(s[3].send_buffer, 16384);
        assert_int_equal(s[3].receive_buffer, 131072);
}

static void test_mappings_and_mounts(void **state)
{
        const struct criu_dump *dump = ((const struct fixture *)*state)->dump;
        const struct criu_mapping *m = dump->processes->mappings;
        bool root = false, external = false;

        assert_int_equal(dump->processes->mapping_count, 8);
        assert_int_equal(m[1].start, 0x401000);
        assert_int_equal(m[1].end, 0x402000);
        assert_int_equal(m[1].protection, 5);
        assert_int_equal(m[1].file_offset, 0x1000);
        assert_string_equal(m[1].path, "/bin/tiny");
        assert_string_equal(m[3].path, "");
        assert_int_equal(dump->mount_count, 25);
        for (size_t i = 0; i < dump->mount_count; i++) {
                root = root || strcmp(dump->mounts[i].destination, "/") == 0;
                if (strcmp(dump->mounts[i].destination, "/proc/keys") == 0) {
                        assert_string_equal(dump->mounts[i].type, "devtmpfs");
                        external = dump->mounts[i].external;
                }
        }
        assert_true(root && external);
}

static void assert_memory(const struct fixture *fixture, uint64_t start, uint64_t end, const char *text,
                          size_t size)
{
        struct error err = {0};
        char bytes[128];

        assert_int_equal(end - start, size);
        assert_success(criu_memory_read(&fixture->source, criu_directory_read_pages, fixture->directory, 1,
                                        start, bytes, size, &err),
                       &err);
        assert_memory_equal(bytes, text, size);
}

static void test_arguments_and_environment(void **state)
{
        static const char arguments[] = "/bin/tiny\0first argument\0-x";
        static const char environment[] = "HOME=/\0TINY=yes";
        const struct fixture *fixture = *state;
        const struct criu_process *process = fixture->dump->processes;

        assert_memory(fixture, process->argument_start, process->argument_end, arguments, sizeof(arguments));
        assert_memory(fixture, process->environment_start, process->environment_end, environment,
                      sizeof(environment));
}

static void test_expected_files(void **state)
{
        const struct fixture *fixture = *state;
        struct criu_expected_file *files;
        struct error err = {0};
        size_t count;

        /* Not the deleted one, which comes from the dump, nor the device. */
        assert_success(criu_expected_files(&fixture->source, &files, &count, &err), &err);
        assert_int_equal(count, 2);
        assert_string_equal(files[0].path, "/bin/tiny");
        assert_int_equal(files[0].size, 9488);
        assert_int_equal(files[0].mount_id, 124);
        assert_string_equal(files[1].path, "/tmp/kept");
        assert_int_equal(files[1].size, 4);
        criu_expected_files_free(files, count);
}

/* Without options only what is asked for is read. */
static void test_load_little(void **state)
{
        struct memory_dump *memory = memory_dump_load(TINY);
        struct criu_source source = memory_dump_source(memory);
        _cleanup_criu_dump_ struct criu_dump *dump = NULL;
        struct error err = {0};

        memory_dump_remove(memory, "files.img");
        memory_dump_remove(memory, "fs-1.img");
        memory_dump_remove(memory, "mountpoints-13.img");
        memory_dump_remove(memory, "stats-dump");
        assert_success(criu_dump_load(&source, 0, &dump, &err), &err);
        assert_int_equal(dump->process_count, 3);
        assert_false(dump->statistics.present);
        assert_string_equal(dump->processes[0].exe, "");
        assert_int_equal(dump->processes[0].mapping_count, 0);
        memory_dump_free(memory);
}

/* Whatever is missing is named. */
static void test_missing(void **state)
{
        static const char *const names[] = {"inventory.img", "pstree.img", "core-1.img", "mm-1.img",
                                            "pagemap-4.img", "files.img",  "fs-4.img",   "ids-1.img"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct memory_dump *memory = memory_dump_load(TINY);
                struct criu_source source = memory_dump_source(memory);
                struct criu_dump *dump = NULL;
                struct error err = {0};

                memory_dump_remove(memory, names[i]);
                assert_error(criu_dump_load(&source, CRIU_LOAD_ALL, &dump, &err), &err,
                             ERROR_CRIU_IMAGE_MISSING);
                assert_true(text_starts_with(err.text, names[i]));
                memory_dump_free(memory);
        }
}

/* A tree whose second process has a parent that is not there, or no record for its first. */
static void test_tree(void **state)
{
        static const uint8_t orphan[] = {0x19, 0x43, 0x56, 0x54, 0x30, 0x30, 0x27, 0x50, 8,  0, 0,
                                         0,    8,    1,    16,   0,    24,   1,    32,   1,  8, 0,
                                         0,    0,    8,    2,    16,   3,    24,   1,    32, 1};
        static const uint8_t twice[] = {0x19, 0x43, 0x56, 0x54, 0x30, 0x30, 0x27, 0x50, 8,  0, 0,
                                        0,    8,    1,    16,   0,    24,   1,    32,   1,  8, 0,
                                        0,    0,    8,    1,    16,   1,    24,   1,    32, 1};
        static const struct slice trees[] = {{orphan, sizeof(orphan)}, {twice, sizeof(twice)}, {orphan, 8}};
        static const char *const reasons[] = {"parent 3", "twice", "no process"};

        for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
                struct memory_dump *memory = memory_dump_load(TINY);
                struct criu_source source = memory_dump_source(memory);
                struct criu_dump *dump = NULL;
                struct error err = {0};

                memory_dump_put(memory, "pstree.img", trees[i].data, trees[i].size);
                assert_error(criu_dump_load(&source, 0, &dump, &err), &err, ERROR_CRIU_IMAGE);
                assert_non_null(strstr(err.text, reasons[i]));
                memory_dump_free(memory);
        }
}

/* What a newer CRIU may write: a descriptor of a type, and objects, that have no name here. */
static void test_unknown_type(void **state)
{
        static const uint8_t descriptors[] = {0x19, 0x43, 0x56, 0x54, 0x32, 0x37, 0x21, 0x56, 8,  0,
                                              0,    0,    8,    1,    16,   0,    24,   99,   32, 7};
        struct memory_dump *memory = memory_dump_load(TINY);
        struct criu_source source = memory_dump_source(memory);
        struct criu_dump *dump = NULL;
        struct error err = {0};

        memory_dump_put(memory, "fdinfo-2.img", descriptors, sizeof(descriptors));
        assert_success(criu_dump_load(&source, CRIU_LOAD_ALL, &dump, &err), &err);
        assert_int_equal(dump->processes[0].descriptors[0].fd, 7);
        assert_string_equal(dump->processes[0].descriptors[0].type, "UNKNOWN");
        assert_string_equal(dump->processes[0].descriptors[0].path, "");
        criu_dump_free(dump);
        memory_dump_free(memory);
}

#define LOADED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                LOADED(test_inventory),
                LOADED(test_statistics),
                LOADED(test_processes),
                LOADED(test_kernel),
                LOADED(test_descriptors),
                LOADED(test_sockets),
                LOADED(test_mappings_and_mounts),
                LOADED(test_arguments_and_environment),
                LOADED(test_expected_files),
                cmocka_unit_test(test_load_little),
                cmocka_unit_test(test_missing),
                cmocka_unit_test(test_tree),
                cmocka_unit_test(test_unknown_type),
                cmocka_unit_test(test_damaged_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
