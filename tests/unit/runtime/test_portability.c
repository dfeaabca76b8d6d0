/* SPDX-License-Identifier: Apache-2.0 */
/* A real archive, and dumps made by hand beside it. */
#include <sched.h>
#include <sys/stat.h>
#include "testing.h"

#include "runtime/origin.h"
#include "archive/walk.h"
#include "runtime/portability.h"

#define ARCHIVES TEST_DATA "/archives/"

struct fixture {
        struct archive *archive;
        struct metadata *metadata;
        struct criu_dump *dump;
        struct check_list checks;
};

static void load(struct fixture *fixture, const char *path)
{
        struct criu_source source;
        struct error err = {0};

        *fixture = (struct fixture){0};
        assert_success(archive_open(path, &fixture->archive, &err), &err);
        assert_success(metadata_load(fixture->archive, &fixture->metadata, &err), &err);
        source = archive_criu_source(fixture->archive);
        assert_success(criu_dump_load(&source, PORTABILITY_LOAD, &fixture->dump, &err), &err);
}

static int take_tar(void *context, const struct archive_member *member, struct stream *contents,
                    struct error *err)
{
        _cleanup_tar_walk_ struct tar_walk walk = {.stream = contents, .what = member->name};
        int ret;

        while ((ret = tar_walk_next(&walk, err)) > 0 &&
               (ret = verify_tars_entry(context, member, &walk.entry, err)) == 0)
                ;
        return ret;
}

static void look_at_files(struct fixture *fixture, struct verify_report *out)
{
        _cleanup_verify_tars_ struct verify_tars *tars = NULL;
        struct archive_visitor visitor = {.tar = take_tar};
        struct error err = {0};

        assert_success(verify_tars_new(fixture->archive, NULL, out, &tars, &err), &err);
        visitor.context = tars;
        assert_success(archive_visit(fixture->archive, &visitor, &err), &err);
        assert_success(verify_tars_finish(tars, &err), &err);
}

static void check(struct fixture *fixture, const struct criu_dump *dump)
{
        _cleanup_verify_report_ struct verify_report files = {0};
        struct error err = {0};

        check_list_free(&fixture->checks);
        look_at_files(fixture, &files);
        assert_success(
                portability_check(fixture->archive, fixture->metadata, dump, &files, &fixture->checks, &err),
                &err);
}

static void release(struct fixture *fixture)
{
        check_list_free(&fixture->checks);
        criu_dump_free(fixture->dump);
        metadata_free(fixture->metadata);
        archive_free(fixture->archive);
}

static void assert_check(const struct fixture *fixture, const char *name, enum check_status status,
                         const char *part)
{
        for (size_t i = 0; i < fixture->checks.count; i++) {
                const struct check *each = &fixture->checks.items[i];

                if (strcmp(each->name, name) != 0)
                        continue;
                if (each->status != status || !strstr(each->reason, part))
                        fail_msg("%s is %s: %s", name, check_status_name(each->status), each->reason);
                if (status == CHECK_FAILED || status == CHECK_WARNING)
                        assert_true(*each->remedy);
                return;
        }
        fail_msg("there is no check %s", name);
}

static void test_what_the_log_tells(void **state)
{
        struct fixture fixture;

        load(&fixture, ARCHIVES "crio-1.36.3-counter.tar");
        check(&fixture, fixture.dump);
        assert_check(&fixture, "architecture", CHECK_OK, "x86_64");
        assert_check(&fixture, "kernel", CHECK_OK, "6.18.44");
        assert_check(&fixture, "criu", CHECK_WARNING, "4.2");
        assert_check(&fixture, "cpu-features", CHECK_WARNING, "AMD EPYC");
        assert_check(&fixture, "mounts", CHECK_WARNING, "/var/tmp/hostvol (on /data)");
        assert_check(&fixture, "base-image", CHECK_OK, "pinned");
        assert_check(&fixture, "seccomp", CHECK_WARNING, "without a filter");
        release(&fixture);
}

/* Without a log the images tell a little. */
static void test_what_the_images_tell(void **state)
{
        struct fixture fixture;

        load(&fixture, ARCHIVES "podman-5.4.2-counter-none.tar");
        check(&fixture, fixture.dump);
        assert_check(&fixture, "architecture", CHECK_OK, "x86_64");
        assert_check(&fixture, "criu", CHECK_UNKNOWN, "");
        assert_check(&fixture, "kernel", CHECK_UNKNOWN, "");
        assert_check(&fixture, "base-image", CHECK_WARNING, "exactly the image");
        assert_check(&fixture, "namespaces", CHECK_OK, "");
        release(&fixture);
        load(&fixture, ARCHIVES "podman-5.8.6-counter-zstd.tar");
        check(&fixture, fixture.dump);
        assert_check(&fixture, "criu", CHECK_WARNING, "4.2 or newer");
        release(&fixture);
}

static void test_files_of_another_moment(void **state)
{
        struct fixture fixture;

        load(&fixture, ARCHIVES "podman-5.8.6-BAD-leave-running-race.tar");
        check(&fixture, fixture.dump);
        assert_check(&fixture, "open-files", CHECK_FAILED, "/tmp/open.log");
        release(&fixture);
}

static void test_what_processes_hold(void **state)
{
        static struct criu_socket sockets[] = {
                {.protocol = "TCP", .state = "LISTEN", .source = "0.0.0.0", .source_port = 80},
                {.protocol = "TCP", .state = "LISTEN", .source = "127.0.0.1", .source_port = 81},
                {.protocol = "TCP", .state = "LISTEN", .source = "10.0.0.2", .source_port = 82},
                {.protocol = "UDP", .state = "CLOSE", .source = "fd00::2", .source_port = 53},
                {.protocol = "TCP",
                 .state = "ESTABLISHED",
                 .source = "10.0.0.3",
                 .source_port = 80,
                 .destination = "10.0.0.9",
                 .destination_port = 4711},
                {.protocol = "UNIX", .state = "ESTABLISHED", .source = "/run/outside", .outside = true},
        };
        static struct criu_descriptor descriptors[] = {
                {.fd = 0, .type = "REG", .path = "/dev/null", .mode = S_IFCHR | 0666},
                {.fd = 1, .type = "REG", .path = "/dev/nvidia0", .mode = S_IFCHR | 0666},
                {.fd = 2, .type = "TTY", .path = "/dev/pts/0"},
                {.fd = 3, .type = "REG", .path = "/tmp/gone", .mode = S_IFREG | 0600, .ghost = true},
                {.fd = 4, .type = "TIMERFD", .path = "", .wall_clock = true},
        };
        static struct criu_mapping mappings[] = {
                {.path = "anon_inode:[io_uring]"}, {.path = "/dev/nvidia"}, {.path = "/dev/nvidia"}};
        struct criu_process process = {.pid = 1,
                                       .command = "app",
                                       .state = "Alive",
                                       .architecture = "x86_64",
                                       .xstate = 0xe7,
                                       .sockets = sockets,
                                       .socket_count = ARRAY_SIZE(sockets),
                                       .descriptors = descriptors,
                                       .descriptor_count = ARRAY_SIZE(descriptors),
                                       .mappings = mappings,
                                       .mapping_count = ARRAY_SIZE(mappings)};
        struct criu_dump dump = {.processes = &process,
                                 .process_count = 1,
                                 .lock_count = 2,
                                 .inventory.lsm_type = 2,
                                 .host_namespaces = CLONE_NEWNET};
        struct fixture fixture;

        load(&fixture, ARCHIVES "podman-5.8.6-two-none.tar");
        check(&fixture, &dump);
        assert_check(&fixture, "established-tcp", CHECK_FAILED, "10.0.0.3:80 to 10.0.0.9:4711");
        assert_check(&fixture, "bound-address", CHECK_FAILED,
                     "addresses of the container: TCP 10.0.0.2:82, UDP "
                     "fd00::2:53");
        assert_check(&fixture, "external-unix", CHECK_FAILED, "/run/outside");
        assert_check(&fixture, "devices", CHECK_FAILED,
                     "the host: /dev/nvidia0 of process 1 (app), /dev/nvidia");
        assert_check(&fixture, "terminal", CHECK_WARNING, "/dev/pts/0");
        assert_check(&fixture, "deleted-files", CHECK_OK, "/tmp/gone");
        assert_check(&fixture, "clock", CHECK_WARNING, "descriptor 4");
        assert_check(&fixture, "io_uring", CHECK_FAILED, "process 1 (app)");
        assert_check(&fixture, "file-locks", CHECK_WARNING, "2 file locks are");
        assert_check(&fixture, "cpu-features", CHECK_WARNING, "AVX-512");
        assert_check(&fixture, "security-labels", CHECK_WARNING, "AppArmor");
        assert_check(&fixture, "namespaces", CHECK_WARNING, "network");
        dump.inventory.tcp_close = true;
        check(&fixture, &dump);
        assert_check(&fixture, "established-tcp", CHECK_WARNING, "closed");
        release(&fixture);
}

static void test_a_bare_dump(void **state)
{
        struct fixture fixture;

        load(&fixture, TEST_DATA "/criu/tiny");
        check(&fixture, fixture.dump);
        assert_check(&fixture, "seccomp", CHECK_UNKNOWN, "");
        assert_check(&fixture, "base-image", CHECK_UNKNOWN, "");
        assert_check(&fixture, "bound-address", CHECK_OK, "");
        assert_check(&fixture, "deleted-files", CHECK_OK, "/tmp/deleted");
        assert_check(&fixture, "devices", CHECK_OK, "");
        release(&fixture);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_the_log_tells),
                cmocka_unit_test(test_what_the_images_tell),
                cmocka_unit_test(test_files_of_another_moment),
                cmocka_unit_test(test_what_processes_hold),
                cmocka_unit_test(test_a_bare_dump),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
