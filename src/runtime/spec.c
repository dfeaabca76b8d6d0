/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec.h"

#include <errno.h>
#include "base/json.h"
#include "runtime/stage.h"

static bool one_of(const char *text, const char *const *list, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (strcmp(text, list[i]) == 0)
                        return true;
        }
        return false;
}
#define ONE_OF(text, list) one_of(text, list, ARRAY_SIZE(list))

static bool array_has(yyjson_val *array, const char *text)
{
        size_t index, count;
        yyjson_val *value;

        yyjson_arr_foreach (array, index, count, value) {
                if (yyjson_is_str(value) && strcmp(yyjson_get_str(value), text) == 0)
                        return true;
        }
        return false;
}

/* What Docker and Podman give a container that asks for nothing. */
static int find_capabilities(yyjson_val *spec, struct finding *out)
{
        static const char *const ordinary[] = {
                "CAP_AUDIT_WRITE", "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",    "CAP_FSETID",
                "CAP_KILL",        "CAP_MKNOD",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",   "CAP_SETFCAP",
                "CAP_SETGID",      "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT"};
        static const char *const sets[] = {"bounding", "permitted", "effective", "inheritable", "ambient"};
        yyjson_val *capabilities = yyjson_obj_get(yyjson_obj_get(spec, "process"), "capabilities"), *value;
        size_t index, count;

        for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
                yyjson_arr_foreach (yyjson_obj_get(capabilities, sets[i]), index, count, value) {
                        const char *name = yyjson_get_str(value);
                        bool named = false;

                        if (!name || ONE_OF(name, ordinary))
                                continue;
                        for (size_t j = 0; j < i; j++)
                                named |= array_has(yyjson_obj_get(capabilities, sets[j]), name);
                        if (!named && finding_add(out, "capability %s", name) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

/* Memory devices, terminals and pseudo terminals (Documentation/admin-guide/devices.txt). */
static bool device_ordinary(const char *type, uint64_t major, uint64_t minor, bool any_minor)
{
        if (strcmp(type, "c") != 0)
                return false;
        if (major >= 136 && major <= 143)
                return true;
        if (any_minor)
                return false;
        return (major == 1 && (minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9)) ||
               (major == 5 && minor <= 2);
}

static int find_devices(yyjson_val *spec, struct finding *out)
{
        yyjson_val *linux_part = yyjson_obj_get(spec, "linux"), *value;
        yyjson_val *rules = yyjson_obj_get(yyjson_obj_get(linux_part, "resources"), "devices");
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(linux_part, "devices"), index, count, value) {
                uint64_t major = json_uint_or(value, "major", UINT64_MAX),
                         minor = json_uint_or(value, "minor", UINT64_MAX);

                if (!device_ordinary(json_text_or(value, "type", ""), major, minor, false) &&
                    finding_add(out, "device %s", json_text_or(value, "path", "without a name")) < 0)
                        return -ENOMEM;
        }
        yyjson_arr_foreach (rules, index, count, value) {
                bool any = !yyjson_is_int(yyjson_obj_get(value, "minor"));
                uint64_t major = json_uint_or(value, "major", UINT64_MAX),
                         minor = json_uint_or(value, "minor", 0);

                /* Making nodes alone ("m") gives access to nothing. */
                if (!json_bool_or(value, "allow", false) ||
                    strcmp(json_text_or(value, "access", "rwm"), "m") == 0 ||
                    device_ordinary(json_text_or(value, "type", "a"), major, minor, any))
                        continue;
                if (finding_add(out,
                                major == UINT64_MAX ? "access to all devices"
                                                    : "access to device %s %llu:%llu",
                                json_text_or(value, "type", "a"), (unsigned long long)major,
                                (unsigned long long)minor) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static bool is_of_pod(const char *type)
{
        return strcmp(type, "network") == 0 || strcmp(type, "ipc") == 0 || strcmp(type, "uts") == 0;
}

static int find_namespaces(yyjson_val *spec, yyjson_val *libpod, bool in_pod, struct finding *out)
{
        static const char *const types[] = {"pid", "network", "ipc", "uts", "mount"};
        yyjson_val *namespaces = yyjson_obj_get(yyjson_obj_get(spec, "linux"), "namespaces"), *value;
        size_t index, count;

        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                bool own = false;

                yyjson_arr_foreach (namespaces, index, count, value)
                        own |= strcmp(json_text_or(value, "type", ""), types[i]) == 0;
                if (!own && finding_add(out, "the host's %s namespace", types[i]) < 0)
                        return -ENOMEM;
        }
        yyjson_arr_foreach (namespaces, index, count, value) {
                const char *type = json_text_or(value, "type", ""), *path = json_text_or(value, "path", "");

                /* Podman makes the network namespace anew and puts its path here. */
                if (!*path || (strcmp(type, "network") == 0 && json_bool_or(libpod, "createNetNS", false)))
                        continue;
                if (in_pod && is_of_pod(type))
                        continue;
                if (finding_add(out, "the %s namespace %s", type, path) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Podman drops these and mounts its own (libpod/runtime_ctr.go, setupContainer); the CRI engines do the same.
 */
bool spec_mount_is_remade(const char *destination)
{
        static const char *const remade[] = {
                "/dev/shm",           "/etc/resolv.conf", "/etc/hostname",          "/etc/hosts",
                "/run/.containerenv", "/run/secrets",     "/var/run/.containerenv", "/var/run/secrets"};

        return ONE_OF(destination, remade);
}

/* Files that Podman writes for this very container (users, groups), and the init program it lends. */
static bool mount_is_podmans(yyjson_val *libpod, const char *source, const char *destination)
{
        const char *id = json_text_or(libpod, "id", "");
        char part[128];
        int length = snprintf(part, sizeof(part), "/overlay-containers/%s/userdata/", id);

        if (strstr(source, "/.."))
                return false;
        return (*id && length < (int)sizeof(part) && strstr(source, part)) ||
               (strcmp(destination, "/run/podman-init") == 0 && text_ends_with(source, "/catatonit"));
}

/* "…/volumes/NAME/_data" of a named volume that Podman makes anew with what the archive holds. */
static bool mount_is_volume(yyjson_val *libpod, const char *source, const char *destination)
{
        yyjson_val *volume;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(libpod, "namedVolumes"), index, count, volume) {
                const char *name = json_text_or(volume, "volumeName", "");
                char tail[512];
                int length = snprintf(tail, sizeof(tail), "/volumes/%s/_data", name);

                if (*name && !strchr(name, '/') && length < (int)sizeof(tail) &&
                    strcmp(destination, json_text_or(volume, "dest", "")) == 0 &&
                    text_ends_with(source, tail) && !strstr(source, "/../"))
                        return true;
        }
        return false;
}

static bool mount_is_bind(yyjson_val *mount)
{
        yyjson_val *options = yyjson_obj_get(mount, "options");

        return strcmp(json_text_or(mount, "type", ""), "bind") == 0 || array_has(options, "bind") ||
               array_has(options, "rbind");
}

int spec_each_bind(yyjson_val *spec, yyjson_val *libpod,
                   int (*each)(void *context, const char *source, const char *destination), void *context)
{
        yyjson_val *mount;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(spec, "mounts"), index, count, mount) {
                const char *source = json_text_or(mount, "source", ""),
                           *destination = json_text_or(mount, "destination", "");
                int ret;

                if (!mount_is_bind(mount) || (libpod && (spec_mount_is_remade(destination) ||
                                                         mount_is_podmans(libpod, source, destination) ||
                                                         mount_is_volume(libpod, source, destination))))
                        continue;
                ret = each(context, source, destination);
                if (ret)
                        return ret;
        }
        return 0;
}

static int see_bind(void *context, const char *source, const char *destination)
{
        return finding_add(context, "the host's %s on %s", source, destination);
}

/* File systems that show nothing of the host; those that do must be read-only. */
static int find_mounts(yyjson_val *spec, yyjson_val *libpod, struct finding *out)
{
        static const char *const harmless[] = {"proc", "tmpfs", "devpts", "mqueue"}, *const read_only[] = {
                                                                                             "sysfs",
                                                                                             "cgroup",
                                                                                             "cgroup2"};
        yyjson_val *mount;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(spec, "mounts"), index, count, mount) {
                const char *type = json_text_or(mount, "type", "none"),
                           *destination = json_text_or(mount, "destination", "");

                if (mount_is_bind(mount) || ONE_OF(type, harmless))
                        continue;
                if (ONE_OF(type, read_only) && array_has(yyjson_obj_get(mount, "options"), "ro"))
                        continue;
                if (finding_add(out, ONE_OF(type, read_only) ? "%s on %s, writable" : "%s on %s", type,
                                destination) < 0)
                        return -ENOMEM;
        }
        return spec_each_bind(spec, libpod, see_bind, out);
}

/* Root of a container can write to /proc/sys and read kernel memory unless these are covered. */
static int find_uncovered(yyjson_val *spec, struct finding *out)
{
        yyjson_val *linux_part = yyjson_obj_get(spec, "linux");
        const char *propagation = json_text_or(linux_part, "rootfsPropagation", "");
        int ret = 0;

        if (!array_has(yyjson_obj_get(linux_part, "readonlyPaths"), "/proc/sys"))
                ret = finding_add(out, "a writable /proc/sys");
        if (ret == 0 && !array_has(yyjson_obj_get(linux_part, "maskedPaths"), "/proc/kcore"))
                ret = finding_add(out, "an uncovered /proc/kcore");
        if (ret == 0 && (strcmp(propagation, "shared") == 0 || strcmp(propagation, "rshared") == 0))
                ret = finding_add(out, "mounts that spread to the host");
        if (ret == 0 && yyjson_obj_size(yyjson_obj_get(linux_part, "netDevices")))
                ret = finding_add(out, "network devices of the host");
        return ret;
}

/* Only settings of the container's own namespaces (sysctl names as runc accepts them). */
static int find_sysctls(yyjson_val *spec, struct finding *out)
{
        static const char *const starts[] = {"net.", "kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue."};
        yyjson_val *key, *value;
        size_t index, count;

        yyjson_obj_foreach (yyjson_obj_get(yyjson_obj_get(spec, "linux"), "sysctl"), index, count, key,
                            value) {
                bool own = false;

                for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
                        own |= text_starts_with(yyjson_get_str(key), starts[i]);
                if (!own && finding_add(out, "the kernel setting %s", yyjson_get_str(key)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* What we have put there ourselves at a restore names a file that is no more. */
static bool is_own_annotation(const char *name, yyjson_val *value)
{
        const char *text = yyjson_get_str(value);

        return strcmp(name, "org.criu.config") == 0 && text && text_starts_with(text, STAGE_PARENT "/");
}

/* A CRIU configuration file can name a script, and crun's own annotations reach out of the container as well.
 */
static int find_annotations(yyjson_val *spec, struct finding *out)
{
        static const char *const harmless[] = {"run.oci.keep_original_groups", "run.oci.mount_context_type"};
        yyjson_val *key, *value;
        size_t index, count;

        yyjson_obj_foreach (yyjson_obj_get(spec, "annotations"), index, count, key, value) {
                const char *name = yyjson_get_str(key);

                if ((strcmp(name, "org.criu.config") == 0 || text_starts_with(name, "run.oci.")) &&
                    !ONE_OF(name, harmless) && !is_own_annotation(name, value) &&
                    finding_add(out, "the annotation %s", name) < 0)
                        return -ENOMEM;
        }
        return 0;
}

bool spec_must_change(yyjson_val *spec)
{
        yyjson_val *key, *list;
        size_t index, count;

        if (yyjson_obj_get(yyjson_obj_get(spec, "annotations"), "org.criu.config"))
                return true;
        yyjson_obj_foreach (yyjson_obj_get(spec, "hooks"), index, count, key, list) {
                if (yyjson_arr_size(list))
                        return true;
        }
        return false;
}

static int find_hooks(yyjson_val *spec, struct finding *out)
{
        yyjson_val *key, *list, *hook;
        size_t index, count, at, most;

        yyjson_obj_foreach (yyjson_obj_get(spec, "hooks"), index, count, key, list) {
                yyjson_arr_foreach (list, at, most, hook) {
                        const char *stage = yyjson_get_str(key);

                        if (finding_add(out,
                                        "a program of the host to be run, which is never done (hook %s: %s)",
                                        stage ? stage : "", json_text_or(hook, "path", "")) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

int spec_find_demands(yyjson_val *spec, yyjson_val *libpod, bool in_pod, struct finding *out)
{
        int ret = find_hooks(spec, out);

        if (ret == 0)
                ret = find_capabilities(spec, out);
        if (ret == 0)
                ret = find_devices(spec, out);
        if (ret == 0)
                ret = find_namespaces(spec, libpod, in_pod, out);
        if (ret == 0)
                ret = find_mounts(spec, libpod, out);
        if (ret == 0)
                ret = find_uncovered(spec, out);
        if (ret == 0)
                ret = find_sysctls(spec, out);
        return ret < 0 ? ret : find_annotations(spec, out);
}

static bool rewrite(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct spec_changes *changes)
{
        yyjson_mut_val *annotations = yyjson_mut_obj_get(root, "annotations"),
                       *part = yyjson_mut_obj_get(root, "root");
        bool fine = true;

        yyjson_mut_obj_remove_key(root, "hooks");
        if (changes->rootfs) {
                yyjson_mut_obj_remove_key(part, "path");
                fine = yyjson_mut_obj_add_strcpy(doc, part, "path", changes->rootfs);
        }
        if (fine && changes->cgroup) {
                part = yyjson_mut_obj_get(root, "linux");
                yyjson_mut_obj_remove_key(part, "cgroupsPath");
                fine = yyjson_mut_obj_add_strcpy(doc, part, "cgroupsPath", changes->cgroup);
        }
        yyjson_mut_obj_remove_key(annotations, "org.criu.config");
        if (fine && changes->criu_config) {
                if (!annotations) {
                        annotations = yyjson_mut_obj(doc);
                        fine = yyjson_mut_obj_add_val(doc, root, "annotations", annotations);
                }
                fine = fine &&
                       yyjson_mut_obj_add_strcpy(doc, annotations, "org.criu.config", changes->criu_config);
        }
        return fine;
}

int spec_rewrite(yyjson_val *spec, const struct spec_changes *changes, struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_val_mut_copy(doc, spec) : NULL;

        if (!root)
                return error_oom(err);
        if (!yyjson_mut_is_obj(root) ||
            (changes->rootfs && !yyjson_mut_is_obj(yyjson_mut_obj_get(root, "root"))) ||
            (changes->cgroup && !yyjson_mut_is_obj(yyjson_mut_obj_get(root, "linux"))))
                return error_set(err, &ERROR_BAD_JSON, -EBADMSG,
                                 "the runtime specification has no root or no Linux part");
        if (!rewrite(doc, root, changes))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        return json_write(doc, false, out, err);
}
