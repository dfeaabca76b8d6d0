/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpod/container_config.go of Podman 5.4: what of it Podman believes when it imports a checkpoint. It
 * resets log path, static directory, shared memory and lock; all else is taken as it stands.
 */
#include <errno.h>
#include "base/json.h"
#include "runtime/spec.h"

/* Files that Podman writes as root, unless they lie where it puts them itself. */
static int find_written_files(yyjson_val *libpod, struct finding *out)
{
        static const char *const keys[] = {"conmonPidFile", "pid_file"};

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *path = json_text_or(libpod, keys[i], "");

                if (*path && (!text_starts_with(path, "/run/containers/") || strstr(path, "..")) &&
                    finding_add(out, "the file %s to be written", path) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Unmounted when the container ends; Podman lists its own shared memory here. */
static int find_unmounts(yyjson_val *libpod, struct finding *out)
{
        yyjson_val *value;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(libpod, "mounts"), index, count, value) {
                const char *path = yyjson_get_str(value);

                if (path &&
                    (!text_ends_with(path, "/userdata/shm") || !strstr(path, "/overlay-containers/") ||
                     strstr(path, "..")) &&
                    finding_add(out, "%s to be unmounted", path) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Objects and lists that reach out of the container when they are not empty. */
static int find_reaching(yyjson_val *libpod, struct finding *out)
{
        static const struct {
                const char *key, *what;
        } reaching[] = {
                {"overlayVolumes", "directories of the host as overlays"},
                {"ctrImageVolumes", "mounts of other images"},
                {"secrets", "secrets of this host"},
                {"secret_env", "secrets of this host in its environment"},
                {"device_host_src", "devices of the host"},
                {"cdiDevices", "devices (CDI)"},
                {"chroot_directories", "mounts in other directories"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(reaching); i++) {
                yyjson_val *value = yyjson_obj_get(libpod, reaching[i].key);

                if ((yyjson_arr_size(value) || yyjson_obj_size(value)) &&
                    finding_add(out, "%s (%s)", reaching[i].what, reaching[i].key) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int find_texts(yyjson_val *libpod, bool in_pod, struct finding *out)
{
        static const struct {
                const char *key, *what;
                bool of_pod; /* Podman puts the pod's in its place */
        } texts[] = {
                {"rootfs", "a directory of the host as its root", false},
                {"sdnotifySocket", "a socket of the host", false},
                {"ipcNsCtr", "the IPC namespace of container", true},
                {"mountNsCtr", "the mount namespace of container", false},
                {"netNsCtr", "the network namespace of container", true},
                {"pidNsCtr", "the PID namespace of container", false},
                {"userNsCtr", "the user namespace of container", false},
                {"utsNsCtr", "the UTS namespace of container", true},
                {"cgroupNsCtr", "the cgroup namespace of container", false},
        };
        const char *hosts = json_text_or(libpod, "baseHostsFile", "");

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                const char *value = json_text_or(libpod, texts[i].key, "");

                if (*value && !(in_pod && texts[i].of_pod) &&
                    finding_add(out, "%s %s", texts[i].what, value) < 0)
                        return -ENOMEM;
        }
        return *hosts == '/' ? finding_add(out, "the host's file %s", hosts) : 0;
}

/* "volume-opt=type=none,volume-opt=device=/" makes a volume out of any directory. */
static int find_volume_options(yyjson_val *libpod, struct finding *out)
{
        yyjson_val *volume, *option;
        size_t index, count, at, most;

        yyjson_arr_foreach (yyjson_obj_get(libpod, "namedVolumes"), index, count, volume) {
                yyjson_arr_foreach (yyjson_obj_get(volume, "options"), at, most, option) {
                        const char *text = yyjson_get_str(option);

                        if (text && text_starts_with(text, "volume-opt") &&
                            finding_add(out, "volume %s with %s", json_text_or(volume, "volumeName", ""),
                                        text) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

int spec_find_libpod_demands(yyjson_val *libpod, bool in_pod, struct finding *out)
{
        const char *cgroups = json_text_or(libpod, "cgroupsMode", "");
        int ret = 0;

        if (json_bool_or(libpod, "privileged", false))
                ret = finding_add(out, "to be privileged");
        if (ret == 0 && json_bool_or(libpod, "mountAllDevices", false))
                ret = finding_add(out, "all devices of the host");
        if (ret == 0 && (strcmp(cgroups, "disabled") == 0 || json_bool_or(libpod, "noCgroups", false)))
                ret = finding_add(out, "no control group of its own");
        if (ret == 0 &&
            (json_uint_or(libpod, "preserveFds", 0) || yyjson_arr_size(yyjson_obj_get(libpod, "preserveFd"))))
                ret = finding_add(out, "open files of whoever restores it");
        if (ret == 0)
                ret = find_written_files(libpod, out);
        if (ret == 0)
                ret = find_unmounts(libpod, out);
        if (ret == 0)
                ret = find_reaching(libpod, out);
        if (ret == 0)
                ret = find_texts(libpod, in_pod, out);
        return ret < 0 ? ret : find_volume_options(libpod, out);
}
