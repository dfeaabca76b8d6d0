/* SPDX-License-Identifier: Apache-2.0 */
/* What Podman reads when it imports a container: its own configuration of it, and the specification from
 * which it makes the container anew. Both are those of an ordinary `podman run`, whatever the archive says.
 */
#include <errno.h>
#include "oci/base_image.h"
#include "oci/manifest.h"
#include "oci/translate_private.h"

/* What Podman gives to a container that asks for nothing (containers.conf "default_capabilities"); one that
 * had less gets no more. They hold for `podman exec`: processes of the dump have what they had. */
static const char *const capabilities[] = {"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FOWNER",
                                           "CAP_FSETID",  "CAP_KILL",         "CAP_NET_BIND_SERVICE",
                                           "CAP_SETFCAP", "CAP_SETGID",       "CAP_SETPCAP",
                                           "CAP_SETUID",  "CAP_SYS_CHROOT"};

static const char *const hidden[] = {"/proc/acpi",        "/proc/kcore",
                                     "/proc/keys",        "/proc/latency_stats",
                                     "/proc/sched_debug", "/proc/scsi",
                                     "/proc/timer_list",  "/proc/timer_stats",
                                     "/sys/dev/block",    "/sys/devices/virtual/powercap",
                                     "/sys/firmware",     "/sys/fs/selinux"};
static const char *const read_only[] = {"/proc/asound", "/proc/bus", "/proc/fs",
                                        "/proc/irq",    "/proc/sys", "/proc/sysrq-trigger"};
static const char *const namespaces[] = {"pid", "network", "ipc", "uts", "mount"};

static const struct {
        const char *destination, *type, *options;
} mounts[] = {
        {"/proc", "proc", "nosuid,noexec,nodev"},
        {"/dev", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
        {"/sys", "sysfs", "nosuid,noexec,nodev,ro"},
        {"/dev/pts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
        {"/dev/mqueue", "mqueue", "nosuid,noexec,nodev"},
        {"/sys/fs/cgroup", "cgroup", "rprivate,nosuid,noexec,nodev,relatime,ro"},
};

static void add_list(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key, const char *const *list,
                     size_t count)
{
        yyjson_mut_val *array = yyjson_mut_arr(doc);

        for (size_t i = 0; i < count; i++)
                yyjson_mut_arr_add_str(doc, array, list[i]);
        yyjson_mut_obj_add_val(doc, to, key, array);
}

static yyjson_mut_val *object_in(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key)
{
        yyjson_mut_val *object = yyjson_mut_obj(doc);

        yyjson_mut_obj_add_val(doc, to, key, object);
        return object;
}

static bool list_has(yyjson_val *list, const char *text)
{
        yyjson_val *each;
        size_t i, count;

        yyjson_arr_foreach (list, i, count, each)
                if (yyjson_equals_str(each, text))
                        return true;
        return false;
}

/* Those of the default that the container was allowed; all of them where the archive does not say. */
static void add_capabilities(yyjson_mut_doc *doc, yyjson_mut_val *process, const struct metadata *metadata)
{
        yyjson_val *source = yyjson_obj_get(yyjson_doc_get_root(metadata->spec), "process");
        yyjson_val *bounding = yyjson_obj_get(yyjson_obj_get(source, "capabilities"), "bounding");
        static const char *const sets[] = {"bounding", "effective", "permitted"};
        yyjson_mut_val *to = object_in(doc, process, "capabilities");
        const char *kept[ARRAY_SIZE(capabilities)];
        size_t count = 0;

        for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
                if (!metadata->spec || list_has(bounding, capabilities[i]))
                        kept[count++] = capabilities[i];
        for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
                add_list(doc, to, sets[i], kept, count);
}

/* The command and the environment are for people and for `podman exec`: the processes keep theirs. */
static void add_process(yyjson_mut_doc *doc, yyjson_mut_val *spec, const struct metadata *metadata)
{
        static const char *const path[] = {
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=podman"};
        yyjson_mut_val *process = object_in(doc, spec, "process"), *user = object_in(doc, process, "user");
        static const char *const command[] = {"/"};

        yyjson_mut_obj_add_uint(doc, user, "uid", 0);
        yyjson_mut_obj_add_uint(doc, user, "gid", 0);
        add_list(doc, process, "args", command, 1);
        add_list(doc, process, "env", path, ARRAY_SIZE(path));
        yyjson_mut_obj_add_str(doc, process, "cwd", "/");
        add_capabilities(doc, process, metadata);
}

static void add_mounts(yyjson_mut_doc *doc, yyjson_mut_val *spec)
{
        yyjson_mut_val *list = yyjson_mut_arr(doc);

        yyjson_mut_obj_add_val(doc, spec, "mounts", list);
        for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
                yyjson_mut_val *mount = yyjson_mut_arr_add_obj(doc, list), *options = yyjson_mut_arr(doc);
                const char *rest = mounts[i].options;

                yyjson_mut_obj_add_str(doc, mount, "destination", mounts[i].destination);
                yyjson_mut_obj_add_str(doc, mount, "type", mounts[i].type);
                yyjson_mut_obj_add_str(doc, mount, "source", mounts[i].type);
                for (size_t size; *rest; rest += size + (rest[size] == ',')) {
                        size = strcspn(rest, ",");
                        yyjson_mut_arr_add_strncpy(doc, options, rest, size);
                }
                yyjson_mut_obj_add_val(doc, mount, "options", options);
        }
}

static yyjson_mut_val *spec_new(yyjson_mut_doc *doc, const struct metadata *metadata)
{
        yyjson_mut_val *spec = yyjson_mut_obj(doc), *linux_part, *list, *device;

        yyjson_mut_obj_add_str(doc, spec, "ociVersion", "1.0.2");
        add_process(doc, spec, metadata);
        yyjson_mut_obj_add_str(doc, object_in(doc, spec, "root"), "path", "rootfs");
        add_mounts(doc, spec);
        yyjson_mut_obj_add_str(doc, object_in(doc, spec, "annotations"), "io.container.manager", "libpod");
        linux_part = object_in(doc, spec, "linux");
        list = yyjson_mut_arr(doc);
        yyjson_mut_obj_add_val(doc, object_in(doc, linux_part, "resources"), "devices", list);
        device = yyjson_mut_arr_add_obj(doc, list);
        yyjson_mut_obj_add_bool(doc, device, "allow", false);
        yyjson_mut_obj_add_str(doc, device, "access", "rwm");
        list = yyjson_mut_arr(doc);
        yyjson_mut_obj_add_val(doc, linux_part, "namespaces", list);
        for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
                yyjson_mut_obj_add_str(doc, yyjson_mut_arr_add_obj(doc, list), "type", namespaces[i]);
        add_list(doc, linux_part, "maskedPaths", hidden, ARRAY_SIZE(hidden));
        add_list(doc, linux_part, "readonlyPaths", read_only, ARRAY_SIZE(read_only));
        return spec;
}

static int add_spec(struct translation *translation, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

        if (!doc)
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, spec_new(doc, &translation->metadata));
        return translation_add_json(translation, "spec.dump", doc, err);
}

/* libpod's ContainerConfig; what is left out Podman fills in by its own settings. */
static int add_config(struct translation *translation, struct error *err)
{
        const struct metadata *metadata = &translation->metadata;
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root, *mappings;
        const char *name = metadata->container_name;
        char time[RFC3339_SIZE];

        if (!doc)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_strcpy(doc, root, "id", metadata->container_id);
        yyjson_mut_obj_add_strcpy(doc, root, "name", *name ? name : metadata->container_id);
        yyjson_mut_obj_add_val(doc, root, "spec", spec_new(doc, metadata));
        yyjson_mut_obj_add_strcpy(doc, root, "RawImageName", metadata->image_requested);
        yyjson_mut_obj_add_strcpy(doc, root, "rootfsImageID", metadata->image_id);
        yyjson_mut_obj_add_strcpy(doc, root, "rootfsImageName", metadata->image_name);
        mappings = object_in(doc, root, "idMappingsOptions");
        yyjson_mut_obj_add_bool(doc, mappings, "HostUIDMapping", true);
        yyjson_mut_obj_add_bool(doc, mappings, "HostGIDMapping", true);
        yyjson_mut_obj_add_uint(doc, root, "shmSize", 64000 * KIB);
        yyjson_mut_obj_add_bool(doc, root, "createNetNS", true);
        object_in(doc, object_in(doc, root, "newNetworks"), "podman");
        yyjson_mut_obj_add_str(doc, root, "networkMode", "bridge");
        yyjson_mut_obj_add_uint(doc, root, "stopSignal", 15);
        yyjson_mut_obj_add_uint(doc, root, "stopTimeout", 10);
        yyjson_mut_obj_add_str(doc, root, "cgroupsMode", "enabled");
        yyjson_mut_obj_add_strcpy(doc, root, "createdTime", translation_time(metadata->created, time));
        yyjson_mut_obj_add_strcpy(doc, root, "runtime", metadata->runtime);
        return translation_add_json(translation, "config.dump", doc, err);
}

/* Podman mounts nothing for a container that it imports but its own files. */
static int refuse_mounts(const struct translation *translation, struct error *err)
{
        static const char *const own[] = {"/dev/shm", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf",
                                          "/run/.containerenv"};
        const struct criu_ties *ties = translation->ties;

        for (size_t i = 0; i < ties->mount_count; i++) {
                bool known = false;

                for (size_t j = 0; j < ARRAY_SIZE(own); j++)
                        known |= strcmp(ties->mounts[i], own[j]) == 0;
                if (known)
                        continue;
                return error_set(err, &ERROR_TRANSLATION, -ENOTSUP,
                                 "something of the host was mounted on `%s`, and Podman mounts nothing for a "
                                 "container that it imports",
                                 ties->mounts[i]);
        }
        return 0;
}

/* Where nobody said the ID, whoever has the image knows it. */
static int find_image_id(struct translation *translation, struct error *err)
{
        const struct metadata *metadata = &translation->metadata;
        struct error why = {0};
        struct sha256 id;
        int ret = base_image_id(metadata->image_reference, manifest_architecture_of(metadata),
                                translation->access, &id, &why);

        if (ret == 0)
                return translation_set_image_id(translation, &id) < 0 ? error_oom(err) : 0;
        if (ret == -ECANCELED) {
                if (err)
                        *err = why;
                return ret;
        }
        ret = error_set(err, &ERROR_TRANSLATION, -ENOTSUP,
                        "Podman knows a base image by its ID, and that of `%s` is neither in its storage nor "
                        "in the registry: %s",
                        metadata->image_reference, why.text);
        error_set_hint(err, "`podman pull` it, or say its ID: `--base-id ID`.");
        return ret;
}

int translate_for_podman(struct translation *translation, struct error *err)
{
        const struct metadata *metadata = &translation->metadata;
        int ret = refuse_mounts(translation, err);

        if (ret < 0)
                return ret;
        if (translation->ties->joined_pids)
                return error_set(err, &ERROR_TRANSLATION, -ENOTSUP,
                                 "the processes were in a PID namespace that the pod shared");
        if (!*metadata->image_name || (!*metadata->image_id && !*metadata->image_reference)) {
                ret = error_set(
                        err, &ERROR_TRANSLATION, -ENOTSUP,
                        "Podman knows a base image by its name and ID, which the archive does not say");
                error_set_hint(err, "Name it: `--base NAME@sha256:DIGEST`.");
                return ret;
        }
        if (!*metadata->image_id)
                ret = find_image_id(translation, err);
        if (ret == 0)
                ret = add_config(translation, err);
        return ret == 0 ? add_spec(translation, err) : ret;
}
