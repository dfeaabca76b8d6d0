/* SPDX-License-Identifier: Apache-2.0 */
/* Pods and containers by Kubernetes' names, with engines that only list. */
#include "testing.h"

#include <errno.h>
#include "runtime/pod.h"
#include "runtime/pod_names.h"

struct entry {
        const char *id, *name, *state, *pod, *pod_id, *labels;
};

static const struct entry *first_entries, *second_entries;

static void make(const struct entry *entry, struct container **out)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct error err = {0};

        assert_success(container_new(out, &err), &err);
        if (entry->labels)
                assert_success(json_parse(SLICE_TEXT(entry->labels), "labels", &doc, &err), &err);
        assert_true(container_set_text(&(*out)->id, entry->id) &&
                    container_set_text(&(*out)->name, entry->name) &&
                    container_set_text(&(*out)->state, entry->state));
        if (pod_names_are_of_sandbox(yyjson_doc_get_root(doc)))
                return;
        assert_true(pod_names_read(*out, yyjson_doc_get_root(doc)));
        assert_true(pod_names_complete(*out, entry->pod, entry->pod_id));
}

static int list(const struct entry *entries, struct container_list *out)
{
        size_t count = 0;

        while (entries && entries[count].id)
                count++;
        out->items = calloc(count + 1, sizeof(*out->items));
        for (out->count = 0; out->count < count; out->count++)
                make(&entries[out->count], &out->items[out->count]);
        return 0;
}

static int inspect(const struct entry *entries, const char *id, struct container **out)
{
        for (; entries->id; entries++)
                if (strcmp(entries->id, id) == 0) {
                        make(entries, out);
                        return 0;
                }
        return -ENOENT;
}

static int first_list(struct container_list *out, struct error *err)
{
        return list(first_entries, out);
}
static int second_list(struct container_list *out, struct error *err)
{
        return list(second_entries, out);
}
static int first_inspect(const char *id, struct container **out, struct error *err)
{
        return inspect(first_entries, id, out);
}
static int second_inspect(const char *id, struct container **out, struct error *err)
{
        return inspect(second_entries, id, out);
}

static const struct runtime_driver first = {.name = "first", .list = first_list, .inspect = first_inspect},
                                   second = {
                                           .name = "second", .list = second_list, .inspect = second_inspect};
static const struct runtime_driver *const both[] = {&first, &second, NULL};

#define SIDECAR                                                                                              \
        "{\"io.kubernetes.pod.name\": \"shop\", \"io.kubernetes.pod.namespace\": \"prod\","                  \
        " \"io.kubernetes.pod.uid\": \"u1\", \"io.kubernetes.container.name\": \"log\"}"
#define CONTAINERD                                                                                           \
        "{\"io.kubernetes.cri.sandbox-name\": \"shop\", \"io.kubernetes.cri.sandbox-namespace\": \"prod\","  \
        " \"io.kubernetes.cri.sandbox-uid\": \"u1\", \"io.kubernetes.cri.container-name\": \"cart\"}"
#define SANDBOX "{\"io.kubernetes.cri.container-type\": \"sandbox\"}"

static const struct entry pods[] = {
        {"i1", "alone", "running", "", "", NULL},        {"i2", "web-nginx", "running", "web", "p2", NULL},
        {"i3", "log", "running", "web", "p2", NULL},     {"i4", "old", "exited", "web", "p2", NULL},
        {"i5", "cart-1", "running", "", "", CONTAINERD}, {"i6", "log-1", "running", "", "", SIDECAR},
        {"i7", "pause", "running", "", "", SANDBOX},     {0},
};

static int find(const char *namespace, const char *pod, const char *name, const char *expected,
                struct error *err)
{
        _cleanup_container_ struct container *container = NULL;
        const struct runtime_driver *driver;
        int r = runtime_find_pod_container(namespace, pod, name, both, &driver, &container, err);

        if (r == 0)
                assert_string_equal(container->id, expected);
        return r;
}

static void finds_containers(void **state)
{
        struct error err = {0};

        first_entries = pods;
        second_entries = NULL;
        assert_success(find("default", "alone", "alone", "i1", &err), &err);
        assert_success(find("default", "web", "nginx", "i2", &err), &err);
        assert_success(find("default", "web", "web-nginx", "i2", &err), &err);
        assert_success(find("default", "web", "log", "i3", &err), &err);
        assert_success(find("default", "web", "old", "i4", &err), &err);
        assert_success(find("prod", "shop", "cart", "i5", &err), &err);
        assert_success(find("prod", "shop", "log", "i6", &err), &err);
}

static void says_what_is_not_there(void **state)
{
        struct error err = {0};

        first_entries = pods;
        second_entries = NULL;
        assert_int_equal(find("prod", "web", "nginx", "", &err), -ENOENT);
        assert_ptr_equal(err.kind, &ERROR_POD_NOT_FOUND);
        assert_string_equal(err.text, "pod does not exist");
        assert_int_equal(find("default", "web", "x", "", &err), -ENOENT);
        assert_ptr_equal(err.kind, &ERROR_POD_CONTAINER_NOT_FOUND);
        assert_string_equal(err.text, "container x does not exist");
        assert_int_equal(find("default", "pause", "pause", "", &err), -ENOENT);
        assert_ptr_equal(err.kind, &ERROR_POD_NOT_FOUND);
}

static void finds_whole_pods(void **state)
{
        struct error err = {0};
        struct pod pod;

        first_entries = pods;
        second_entries = NULL;
        assert_success(runtime_find_pod("default", "web", both, &pod, &err), &err);
        assert_ptr_equal(pod.driver, &first);
        assert_int_equal(pod.containers.count, 2);
        assert_string_equal(pod.containers.items[0]->id, "i3");
        assert_string_equal(pod.containers.items[1]->id, "i2");
        assert_string_equal(pod.containers.items[1]->pod_uid, "p2");
        pod_free(&pod);
        assert_success(runtime_find_pod("prod", "shop", both, &pod, &err), &err);
        assert_int_equal(pod.containers.count, 2);
        pod_free(&pod);
}

static void refuses_what_is_ambiguous(void **state)
{
        static const struct entry others[] = {{"j1", "log", "running", "web", "q1", NULL}, {0}},
                                  same[] = {{"i3", "log", "running", "web", "p2", NULL}, {0}};
        struct error err = {0};
        struct pod pod;

        first_entries = pods;
        second_entries = others;
        assert_int_equal(runtime_find_pod("default", "web", both, &pod, &err), -ENOTUNIQ);
        assert_ptr_equal(err.kind, &ERROR_CONTAINER_AMBIGUOUS);
        assert_non_null(strstr(err.text, "j1"));
        assert_int_equal(find("default", "web", "log", "", &err), -ENOTUNIQ);
        assert_success(find("default", "web", "nginx", "i2", &err), &err);
        /* The same container, seen by two drivers. */
        second_entries = same;
        assert_success(find("default", "web", "log", "i3", &err), &err);
        assert_success(runtime_find_pod("default", "web", both, &pod, &err), &err);
        assert_int_equal(pod.containers.count, 2);
        pod_free(&pod);
}

static void prefers_what_runs(void **state)
{
        static const struct entry twice[] = {{"k1", "web-log", "exited", "web", "p0", NULL},
                                             {"k2", "log", "running", "web", "p1", NULL},
                                             {"k3", "gone", "exited", "gone", "p3", NULL},
                                             {0}};
        struct error err = {0};
        struct pod pod;

        first_entries = twice;
        second_entries = NULL;
        assert_success(find("default", "web", "log", "k2", &err), &err);
        assert_success(runtime_find_pod("default", "web", both, &pod, &err), &err);
        assert_int_equal(pod.containers.count, 1);
        pod_free(&pod);
        assert_int_equal(runtime_find_pod("default", "gone", both, &pod, &err), -ESRCH);
        assert_ptr_equal(err.kind, &ERROR_CONTAINER_NOT_RUNNING);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_containers),  cmocka_unit_test(says_what_is_not_there),
                cmocka_unit_test(finds_whole_pods),  cmocka_unit_test(refuses_what_is_ambiguous),
                cmocka_unit_test(prefers_what_runs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
