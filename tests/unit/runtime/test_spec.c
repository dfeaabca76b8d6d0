/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "base/json.h"
#include "runtime/spec.h"

/* What "crun spec" and Podman write for a container that asks for nothing. */
#define ORDINARY                                                                                             \
        "{\"ociVersion\": \"1.0.2\", \"root\": {\"path\": \"rootfs\"}, \"hostname\": \"c\","                 \
        "\"process\": {\"args\": [\"sh\"], \"capabilities\": {\"bounding\": [\"CAP_CHOWN\", \"CAP_KILL\"],"  \
        "\"effective\": [\"CAP_CHOWN\"]}},"                                                                  \
        "\"mounts\": [{\"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\"},"               \
        "{\"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\"},"                           \
        "{\"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\", \"options\": [\"ro\"]},"    \
        "{\"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"source\": \"c\", \"options\": "       \
        "[\"ro\"]}],"                                                                                        \
        "\"linux\": {\"resources\": {\"devices\": [{\"allow\": false, \"access\": \"rwm\"},"                 \
        "{\"allow\": true, \"type\": \"c\", \"major\": 1, \"minor\": 3, \"access\": \"rwm\"},"               \
        "{\"allow\": true, \"type\": \"c\", \"major\": 136, \"access\": \"rwm\"},"                           \
        "{\"allow\": true, \"type\": \"b\", \"access\": \"m\"}]},"                                           \
        "\"sysctl\": {\"net.ipv4.ping_group_range\": \"0 0\"},"                                              \
        "\"cgroupsPath\": \"/old/place\","                                                                   \
        "\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"network\"}, {\"type\": \"ipc\"}, {\"type\": "    \
        "\"uts\"},"                                                                                          \
        "{\"type\": \"mount\"}],"                                                                            \
        "\"maskedPaths\": [\"/proc/kcore\"], \"readonlyPaths\": [\"/proc/sys\"]}}"

static yyjson_doc *parse(const char *text)
{
        yyjson_doc *doc = NULL;
        struct error err = {0};

        assert_success(json_parse(SLICE_TEXT(text), "test", &doc, &err), &err);
        return doc;
}

/* The ordinary specification, in which `part` (a JSON pointer) is replaced or set to `value`. */
static char *demands_with(const char *part, const char *value, const char *libpod_text)
{
        _cleanup_json_ yyjson_doc *spec = parse(ORDINARY), *new_part = value ? parse(value) : NULL,
                                  *libpod = libpod_text ? parse(libpod_text) : NULL, *changed = NULL;
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_doc_mut_copy(spec, NULL);
        _cleanup_buffer_ struct buffer text = {0};
        struct finding found = {0};
        struct error err = {0};

        if (part && value)
                assert_true(yyjson_mut_doc_ptr_set(doc, part,
                                                   yyjson_val_mut_copy(doc, yyjson_doc_get_root(new_part))));
        else if (part)
                assert_non_null(yyjson_mut_doc_ptr_remove(doc, part));
        assert_success(json_write(doc, false, &text, &err), &err);
        changed = parse(buffer_text(&text));
        assert_int_equal(
                spec_find_demands(yyjson_doc_get_root(changed), yyjson_doc_get_root(libpod), false, &found),
                0);
        if (!found.count)
                return strdup("");
        return (char *)found.text.data;
}

#define assert_demand(part, value, libpod, expected)                                                         \
        do {                                                                                                 \
                char *demands_ = demands_with(part, value, libpod);                                          \
                assert_string_equal(demands_, expected);                                                     \
                free(demands_);                                                                              \
        } while (0)

static void test_ordinary_asks_for_nothing(void **state)
{
        assert_demand(NULL, NULL, NULL, "");
}

static void test_names_each_demand(void **state)
{
        assert_demand("/hooks", "{\"prestart\": [{\"path\": \"/bin/evil\"}]}", NULL,
                      "a program of the host to be run, which is never done (hook prestart: /bin/evil)");
        assert_demand("/process/capabilities/bounding/0", "\"CAP_SYS_ADMIN\"", NULL,
                      "capability CAP_SYS_ADMIN");
        assert_demand("/process/capabilities/ambient", "[\"CAP_NET_ADMIN\"]", NULL,
                      "capability CAP_NET_ADMIN");
        assert_demand("/linux/devices",
                      "[{\"path\": \"/dev/sda\", \"type\": \"b\", \"major\": 8, \"minor\": 0}]", NULL,
                      "device /dev/sda");
        assert_demand("/linux/devices",
                      "[{\"path\": \"/dev/null\", \"type\": \"c\", \"major\": 1, \"minor\": 3}]", NULL, "");
        /* /dev/mem is major 1 as well. */
        assert_demand("/linux/devices",
                      "[{\"path\": \"/dev/x\", \"type\": \"c\", \"major\": 1, \"minor\": 1}]", NULL,
                      "device /dev/x");
        assert_demand("/linux/resources/devices/0", "{\"allow\": true, \"access\": \"rwm\"}", NULL,
                      "access to all devices");
        assert_demand("/linux/resources/devices/0",
                      "{\"allow\": true, \"type\": \"c\", \"major\": 1, \"access\": \"rwm\"}", NULL,
                      "access to device c 1:0");
        assert_demand("/linux/namespaces/0", NULL, NULL, "the host's pid namespace");
        assert_demand("/linux/namespaces/1/path", "\"/proc/1/ns/net\"", NULL,
                      "the network namespace /proc/1/ns/net");
        assert_demand("/mounts/2/options", "[\"nosuid\"]", NULL, "sysfs on /sys, writable");
        assert_demand("/mounts/1/type", "\"ext4\"", NULL, "ext4 on /dev");
        assert_demand("/mounts/1", "{\"destination\": \"/host\", \"type\": \"bind\", \"source\": \"/\"}",
                      NULL, "the host's / on /host");
        /* An option makes it a bind mount, whatever the type says. */
        assert_demand("/mounts/1",
                      "{\"destination\": \"/host\", \"type\": \"tmpfs\", \"source\": \"/\", \"options\": "
                      "[\"rbind\"]}",
                      NULL, "the host's / on /host");
        assert_demand("/linux/readonlyPaths", "[]", NULL, "a writable /proc/sys");
        assert_demand("/linux/maskedPaths", NULL, NULL, "an uncovered /proc/kcore");
        assert_demand("/linux/rootfsPropagation", "\"rshared\"", NULL, "mounts that spread to the host");
        assert_demand("/linux/sysctl", "{\"kernel.core_pattern\": \"|/bin/evil\"}", NULL,
                      "the kernel setting kernel.core_pattern");
        assert_demand("/annotations", "{\"org.criu.config\": \"/tmp/x\"}", NULL,
                      "the annotation org.criu.config");
        /* Of a container that we restored; it is dropped like any other. */
        assert_demand("/annotations", "{\"org.criu.config\": \"/var/lib/snap/restore/1/criu.conf\"}", NULL,
                      "");
        assert_demand("/annotations", "{\"run.oci.hooks.stdout\": \"/etc/passwd\"}", NULL,
                      "the annotation run.oci.hooks.stdout");
}

/* Podman makes some mounts itself; those are no demand, but only where it does. */
static void test_knows_what_podman_makes(void **state)
{
        const char *hosts =
                "{\"destination\": \"/etc/hosts\", \"type\": \"bind\", \"source\": \"/run/x/hosts\"}";
        const char *data =
                "{\"destination\": \"/data\", \"type\": \"bind\", \"source\": \"/s/volumes/v/_data\"}";
        const char *libpod =
                "{\"createNetNS\": true, \"namedVolumes\": [{\"volumeName\": \"v\", \"dest\": \"/data\"}]}";

        assert_demand("/mounts/1", hosts, libpod, "");
        assert_demand("/mounts/1", hosts, NULL, "the host's /run/x/hosts on /etc/hosts");
        assert_demand("/mounts/1", data, libpod, "");
        assert_demand("/mounts/1", data, "{}", "the host's /s/volumes/v/_data on /data");
        assert_demand(
                "/mounts/1",
                "{\"destination\": \"/data\", \"type\": \"bind\", \"source\": \"/etc/../volumes/v/_data\"}",
                libpod, "the host's /etc/../volumes/v/_data on /data");
        assert_demand("/linux/namespaces/1/path", "\"/run/netns/x\"", libpod, "");
        assert_demand("/mounts/1",
                      "{\"destination\": \"/etc/passwd\", \"type\": \"bind\", \"source\": "
                      "\"/run/s/overlay-containers/12/userdata/passwd\"}",
                      "{\"id\": \"12\"}", "");
        assert_demand("/mounts/1",
                      "{\"destination\": \"/etc/passwd\", \"type\": \"bind\", \"source\": "
                      "\"/run/s/overlay-containers/13/userdata/passwd\"}",
                      "{\"id\": \"12\"}",
                      "the host's /run/s/overlay-containers/13/userdata/passwd on /etc/passwd");
        assert_demand("/linux/namespaces/0/path", "\"/proc/1/ns/pid\"", libpod,
                      "the pid namespace /proc/1/ns/pid");
}

static char *libpod_demands(const char *text)
{
        _cleanup_json_ yyjson_doc *doc = parse(text);
        struct finding found = {0};

        assert_int_equal(spec_find_libpod_demands(yyjson_doc_get_root(doc), false, &found), 0);
        return found.count ? (char *)found.text.data : strdup("");
}

#define assert_libpod(text, expected)                                                                        \
        do {                                                                                                 \
                char *demands_ = libpod_demands(text);                                                       \
                assert_string_equal(demands_, expected);                                                     \
                free(demands_);                                                                              \
        } while (0)

static void test_names_what_libpod_would_do(void **state)
{
        assert_libpod(
                "{\"conmonPidFile\": \"/run/containers/storage/x/conmon.pid\", \"mounts\": "
                "[\"/var/lib/containers/storage/overlay-containers/1/userdata/shm\"], \"privileged\": false, "
                "\"secrets\": [], \"namedVolumes\": [{\"volumeName\": \"v\", \"options\": [\"rw\"]}]}",
                "");
        assert_libpod("{\"privileged\": true}", "to be privileged");
        assert_libpod("{\"pid_file\": \"/etc/cron.d/x\"}", "the file /etc/cron.d/x to be written");
        assert_libpod("{\"conmonPidFile\": \"/run/containers/../../etc/x\"}",
                      "the file /run/containers/../../etc/x to be written");
        assert_libpod("{\"mounts\": [\"/\"]}", "/ to be unmounted");
        assert_libpod("{\"rootfs\": \"/\"}", "a directory of the host as its root /");
        assert_libpod("{\"overlayVolumes\": [{\"source\": \"/\"}]}",
                      "directories of the host as overlays (overlayVolumes)");
        assert_libpod("{\"secret_env\": {\"a\": {}}}",
                      "secrets of this host in its environment (secret_env)");
        assert_libpod("{\"baseHostsFile\": \"/etc/shadow\"}", "the host's file /etc/shadow");
        assert_libpod("{\"namedVolumes\": [{\"volumeName\": \"v\", \"options\": [\"volume-opt=device=/\"]}]}",
                      "volume v with volume-opt=device=/");
        assert_libpod("{\"cgroupsMode\": \"disabled\"}", "no control group of its own");
}

static void test_survives_strange_shapes(void **state)
{
        static const char *const texts[] = {
                "[]",
                "{}",
                "7",
                "null",
                "{\"linux\": 3, \"mounts\": {}, \"process\": []}",
                "{\"mounts\": [1, null, {}], \"hooks\": [1], \"annotations\": \"x\"}",
                "{\"linux\": {\"namespaces\": [7], \"devices\": {\"a\": 1}}}"};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_json_ yyjson_doc *doc = parse(texts[i]);
                struct finding found = {0};

                assert_int_equal(
                        spec_find_demands(yyjson_doc_get_root(doc), yyjson_doc_get_root(doc), false, &found),
                        0);
                assert_int_equal(spec_find_libpod_demands(yyjson_doc_get_root(doc), false, &found), 0);
                /* What does not say that it has namespaces of its own has the host's. */
                assert_true(found.count >= 5);
                buffer_free(&found.text);
        }
}

static void test_rewrites_without_hooks(void **state)
{
        _cleanup_json_ yyjson_doc *doc =
                parse("{\"root\": {\"path\": \"/old\", \"readonly\": true}, \"hooks\": {\"poststop\": "
                      "[{\"path\": \"/bin/evil\"}]}, \"annotations\": {\"org.criu.config\": \"/x\", "
                      "\"a\": \"b\"}, \"linux\": {\"cgroupsPath\": \"/p\"}}");
        struct spec_changes changes = {.rootfs = "rootfs", .cgroup = "/snap/c"};
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        assert_true(spec_must_change(yyjson_doc_get_root(doc)));
        assert_success(spec_rewrite(yyjson_doc_get_root(doc), &changes, &text, &err), &err);
        assert_string_equal(buffer_text(&text),
                            "{\"root\":{\"readonly\":true,\"path\":\"rootfs\"},\"annotations\":{\"a\":"
                            "\"b\"},\"linux\":{\"cgroupsPath\":\"/snap/c\"}}");
}

static void test_rewrites_with_a_criu_configuration(void **state)
{
        _cleanup_json_ yyjson_doc *doc = parse("{\"root\": {\"path\": \"/r\"}}"), *list = parse("[]");
        struct spec_changes changes = {.criu_config = "/c"};
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        assert_false(spec_must_change(yyjson_doc_get_root(doc)));
        assert_success(spec_rewrite(yyjson_doc_get_root(doc), &changes, &text, &err), &err);
        assert_string_equal(buffer_text(&text),
                            "{\"root\":{\"path\":\"/r\"},\"annotations\":{\"org.criu.config\":\"/c\"}}");
        assert_error(spec_rewrite(yyjson_doc_get_root(list), &changes, &text, &err), &err, ERROR_BAD_JSON);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ordinary_asks_for_nothing),
                cmocka_unit_test(test_names_each_demand),
                cmocka_unit_test(test_knows_what_podman_makes),
                cmocka_unit_test(test_names_what_libpod_would_do),
                cmocka_unit_test(test_survives_strange_shapes),
                cmocka_unit_test(test_rewrites_without_hooks),
                cmocka_unit_test(test_rewrites_with_a_criu_configuration),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
