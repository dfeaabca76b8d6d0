/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <sys/utsname.h>
#include "base/json.h"
#include "runtime/host.h"

static void test_reads_this_machine(void **state)
{
        _cleanup_host_facts_ struct host_facts *facts = NULL;
        struct utsname uts;
        struct error err = {0};

        assert_success(host_facts_read(&facts, &err), &err);
        assert_int_equal(uname(&uts), 0);
        assert_string_equal(facts->kernel, uts.release);
        assert_string_equal(facts->architecture, uts.machine);
        assert_string_equal(facts->hostname, uts.nodename);
        assert_true(strlen(facts->distribution) > 0);
        assert_non_null(facts->cpu_features[0]);
        for (char **feature = facts->cpu_features; feature[1]; feature++)
                assert_true(strcmp(feature[0], feature[1]) <= 0);
        assert_true(facts->cgroup_version == 1 || facts->cgroup_version == 2);
#ifdef __x86_64__
        /* The legacy area and the header of XSAVE alone are 576 bytes. */
        assert_true(facts->cpu_xsave_size >= 576);
#endif
}

static void test_goes_through_json_and_back(void **state)
{
        _cleanup_host_facts_ struct host_facts *facts = NULL, *again = NULL;
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_json_ yyjson_doc *parsed = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        assert_success(host_facts_read(&facts, &err), &err);
        yyjson_mut_doc_set_root(doc, host_facts_to_json(facts, doc));
        assert_success(json_write(doc, true, &text, &err), &err);
        assert_success(json_parse(buffer_slice(&text), "facts", &parsed, &err), &err);
        assert_success(host_facts_from_json(yyjson_doc_get_root(parsed), &again, &err), &err);
        assert_string_equal(again->hostname, facts->hostname);
        assert_string_equal(again->kernel, facts->kernel);
        assert_string_equal(again->architecture, facts->architecture);
        assert_string_equal(again->distribution, facts->distribution);
        assert_string_equal(again->cpu_model, facts->cpu_model);
        assert_int_equal(again->cpu_xsave_size, facts->cpu_xsave_size);
        assert_int_equal(again->cgroup_version, facts->cgroup_version);
        for (size_t i = 0; facts->cpu_features[i] || again->cpu_features[i]; i++)
                assert_string_equal(again->cpu_features[i], facts->cpu_features[i]);
}

static void test_refuses_other_json(void **state)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct host_facts *facts = NULL;
        struct error err = {0};

        assert_success(json_parse(SLICE_TEXT("[1]"), "facts", &doc, &err), &err);
        assert_error(host_facts_from_json(yyjson_doc_get_root(doc), &facts, &err), &err, ERROR_BAD_JSON);
        assert_error(host_facts_from_json(NULL, &facts, &err), &err, ERROR_BAD_JSON);
}

/* Wrong types inside are as good as absent. */
static void test_tolerates_strange_members(void **state)
{
        _cleanup_host_facts_ struct host_facts *facts = NULL;
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct error err = {0};

        assert_success(
                json_parse(
                        SLICE_TEXT(
                                "{\"kernel\": 7, \"cpuFeatures\": [\"b\", 3, \"a\"], \"xsaveSize\": \"x\"}"),
                        "facts", &doc, &err),
                &err);
        assert_success(host_facts_from_json(yyjson_doc_get_root(doc), &facts, &err), &err);
        assert_string_equal(facts->kernel, "");
        assert_string_equal(facts->cpu_features[0], "a");
        assert_string_equal(facts->cpu_features[1], "b");
        assert_null(facts->cpu_features[2]);
        assert_int_equal(facts->cpu_xsave_size, 0);
}

static void test_compares_kernels(void **state)
{
        assert_true(host_kernel_at_least("6.18.2-amd64", 6, 16));
        assert_true(host_kernel_at_least("6.16.0", 6, 16));
        assert_true(host_kernel_at_least("7.0", 6, 16));
        assert_false(host_kernel_at_least("6.9.0", 6, 16));
        assert_false(host_kernel_at_least("5.99", 6, 0));
        assert_false(host_kernel_at_least("strange", 1, 0));
}

static void test_probes_a_runtime(void **state)
{
        struct host_runtime runtime;

        host_runtime_probe("crun", &runtime);
        assert_true(runtime.checkpoint);
        assert_true(runtime.version[0] >= '0' && runtime.version[0] <= '9');
        host_runtime_probe("no-such-runtime", &runtime);
        assert_false(runtime.checkpoint);
        assert_non_null(strstr(runtime.reason, "no-such-runtime"));
        assert_true(host_criu_version() >= 40000);
        assert_true(host_memory_available() > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_this_machine), cmocka_unit_test(test_goes_through_json_and_back),
                cmocka_unit_test(test_refuses_other_json), cmocka_unit_test(test_tolerates_strange_members),
                cmocka_unit_test(test_compares_kernels),   cmocka_unit_test(test_probes_a_runtime),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
