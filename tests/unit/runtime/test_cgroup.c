/* SPDX-License-Identifier: Apache-2.0 */
#include "freezer.h"

#include "runtime/cgroup.h"
#include "runtime/runtime.h"

#define V1_MOUNTS                                                                                            \
        "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"                                  \
        "31 25 0:27 / /sys/fs/cgroup/freezer rw,nosuid shared:9 - cgroup cgroup rw,freezer\n"
#define V2_MOUNTS "29 25 0:25 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

static struct cgroup_location located;

static int locate(const char *membership, const char *mounts, const char *runtime_path, struct error *err)
{
        return cgroup_locate(membership, mounts, runtime_path, &located, err);
}

static void finds_version_1(void **state)
{
        struct error err = {0};

        assert_success(locate("9:memory:/m\n6:freezer:/pod/c1\n0::/u\n", V1_MOUNTS, "", &err), &err);
        assert_int_equal(located.version, 1);
        assert_string_equal(located.directory, "/sys/fs/cgroup/freezer/pod/c1");
        /* Controllers can share a hierarchy. */
        assert_success(locate("6:pids,freezer,cpu:/c1\n",
                              "1 2 0:3 / /cg rw - cgroup cgroup rw,cpu,freezer,pids\n", "", &err),
                       &err);
        assert_string_equal(located.directory, "/cg/c1");
}

static void finds_version_2(void **state)
{
        struct error err = {0};

        assert_success(locate("0::/machine.slice/libpod-1.scope\n", V2_MOUNTS, "", &err), &err);
        assert_int_equal(located.version, 2);
        assert_string_equal(located.directory, "/sys/fs/cgroup/machine.slice/libpod-1.scope");
}

static void prefers_the_freezer_of_version_1_in_hybrid_mode(void **state)
{
        struct error err = {0};

        assert_success(locate("6:freezer:/c1\n0::/c1\n", V2_MOUNTS V1_MOUNTS, "", &err), &err);
        assert_int_equal(located.version, 1);
        /* But not one that is not mounted here. */
        assert_success(locate("6:freezer:/c1\n0::/c1\n", V2_MOUNTS, "", &err), &err);
        assert_int_equal(located.version, 2);
}

static void honours_the_root_of_a_mount(void **state)
{
        static const char mounts[] =
                "31 25 0:27 /outer /sys/fs/cgroup/a\\040b rw - cgroup cgroup rw,freezer\n";
        struct error err = {0};

        assert_success(locate("6:freezer:/outer/c1\n", mounts, "", &err), &err);
        assert_string_equal(located.directory, "/sys/fs/cgroup/a b/c1");
        /* Another group whose name only begins alike is not shown by that mount. */
        assert_error(locate("6:freezer:/outermost/c1\n", mounts, "", &err), &err, ERROR_FREEZE);
}

static void stops_at_the_level_of_the_runtime(void **state)
{
        struct error err = {0};

        assert_success(locate("0::/pod/c1/init.scope\n", V2_MOUNTS, "/pod/c1", &err), &err);
        assert_string_equal(located.path, "/pod/c1");
        assert_success(locate("6:freezer:/pod/c1/a/b\n", V1_MOUNTS, "/sys/fs/cgroup/freezer/pod/c1", &err),
                       &err);
        assert_string_equal(located.path, "/pod/c1");
        assert_success(locate("0::/pod/c1\n", V2_MOUNTS, "/pod/c1", &err), &err);
        assert_string_equal(located.path, "/pod/c1");
        /* A path that has nothing to do with it changes nothing. */
        assert_success(locate("0::/pod/c1\n", V2_MOUNTS, "/other", &err), &err);
        assert_string_equal(located.path, "/pod/c1");
}

static void assert_dump_options(const char *membership, const char *expected)
{
        struct buffer text = {0};

        assert_int_equal(cgroup_dump_options(membership, "/pod/c1", &text), 0);
        assert_string_equal(buffer_text(&text), expected);
        buffer_free(&text);
}

static void dumps_only_groups_that_are_the_containers_own(void **state)
{
        assert_dump_options("6:freezer:/pod/c1\n4:cpu,cpuacct:/pod/c1/below\n0::/pod/c1\n", "");
        assert_dump_options("6:freezer:/pod/c1\n4:cpu,cpuacct:/pod/c1\n1:name=systemd:/pod/c1\n0::/\n",
                            "cgroup-dump-controller \"freezer\"\ncgroup-dump-controller \"cpu,cpuacct\"\n"
                            "cgroup-dump-controller \"name=systemd\"\n");
        assert_dump_options("1:name=elogind:/pod/c11\n0::/pod/c1\n", "cgroup-dump-controller \"\"\n");
        assert_dump_options("", "");
}

static void refuses_the_root_group_and_what_it_cannot_see(void **state)
{
        struct error err = {0};

        assert_error(locate("0::/\n", V2_MOUNTS, "", &err), &err, ERROR_CGROUP_SHARED);
        assert_error(locate("0::/../sibling\n", V2_MOUNTS, "", &err), &err, ERROR_FREEZE);
        assert_error(locate("0::/c1\n", "", "", &err), &err, ERROR_FREEZE);
        assert_error(locate("", V2_MOUNTS, "", &err), &err, ERROR_FREEZE);
        assert_error(locate("garbage\n:::\n", "x y - cgroup2\n - \n", "", &err), &err, ERROR_FREEZE);
}

static void freezes_and_thaws(void **state)
{
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        struct counting counting;
        enum cgroup_state seen;
        struct error err = {0};
        unsigned count;

        counting_start(&counting);
        assert_success(cgroup_open(counting.pid, "", &cgroup, &err), &err);
        assert_string_equal(cgroup_path(cgroup), counting.group);
        assert_success(cgroup_count(cgroup, &count, &err), &err);
        assert_int_equal(count, 1);
        assert_true(cgroup_has(cgroup, counting.pid));
        assert_false(cgroup_has(cgroup, getpid()));
        assert_int_equal(cgroup_freeze(cgroup, 5000), 0);
        assert_int_equal(cgroup_read_state(cgroup, &seen), 0);
        assert_int_equal(seen, CGROUP_FROZEN);
        assert_true(counting_stands(&counting));
        assert_int_equal(cgroup_thaw(cgroup), 0);
        assert_int_equal(cgroup_read_state(cgroup, &seen), 0);
        assert_int_equal(seen, CGROUP_THAWED);
        assert_true(counting_goes_on(&counting));
        counting_end(&counting);
}

static void kills_a_frozen_process_before_it_runs_on(void **state)
{
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        struct counting counting;
        struct error err = {0};
        unsigned before;

        counting_start(&counting);
        assert_success(cgroup_open(counting.pid, "", &cgroup, &err), &err);
        assert_int_equal(cgroup_freeze(cgroup, 5000), 0);
        before = *counting.count;
        assert_success(cgroup_kill(cgroup, &err), &err);
        assert_int_equal(*counting.count, before);
        counting_end(&counting);
}

static void does_not_freeze_itself(void **state)
{
        struct cgroup *cgroup = NULL;
        struct error err = {0};

        assert_true(cgroup_open(getpid(), "", &cgroup, &err) < 0);
        assert_null(cgroup);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_version_1),
                cmocka_unit_test(finds_version_2),
                cmocka_unit_test(prefers_the_freezer_of_version_1_in_hybrid_mode),
                cmocka_unit_test(honours_the_root_of_a_mount),
                cmocka_unit_test(stops_at_the_level_of_the_runtime),
                cmocka_unit_test(dumps_only_groups_that_are_the_containers_own),
                cmocka_unit_test(refuses_the_root_group_and_what_it_cannot_see),
                cmocka_unit_test(freezes_and_thaws),
                cmocka_unit_test(kills_a_frozen_process_before_it_runs_on),
                cmocka_unit_test(does_not_freeze_itself),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
