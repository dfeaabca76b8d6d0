/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration that an archive brings along (OCI runtime-spec 1.2, libpod's ContainerConfig): what it
 * asks for beyond an ordinary container, and the form in which it is handed to a runtime. Nothing inside an
 * archive may add mounts, devices, capabilities or privileges unless a person says so.
 */
#ifndef SNAP_RUNTIME_SPEC_H
#define SNAP_RUNTIME_SPEC_H

#include <yyjson.h>
#include "runtime/survey.h"

/* Each thing the runtime specification asks for. `libpod` is the ContainerConfig beside it, NULL when there
 * is none: mounts that Podman makes anew, and those of its named volumes, are then no demand. */
int spec_find_demands(yyjson_val *spec, yyjson_val *libpod, bool in_pod, struct finding *out);
/* What only libpod's configuration can ask for: files of the host that Podman would write, other containers'
 * namespaces, secrets, … */
int spec_find_libpod_demands(yyjson_val *libpod, bool in_pod, struct finding *out);
/* Does it hold what never reaches a runtime, hooks or a CRIU configuration file? */
bool spec_must_change(yyjson_val *spec);
/* Is this one of the mounts (/dev/shm, /etc/hosts, …) that engines other than a bare runtime make anew? */
bool spec_mount_is_remade(const char *destination);
/* Bind mounts of host paths that the runtime will want to find. Calls `each` until it returns non-zero. */
int spec_each_bind(yyjson_val *spec, yyjson_val *libpod,
                   int (*each)(void *context, const char *source, const char *destination), void *context);

/* What is changed in a specification before a runtime sees it. Hooks and the annotation
 * org.criu.config are always removed. */
struct spec_changes {
        const char *rootfs;      /* root.path; NULL: as it is */
        const char *criu_config; /* org.criu.config, by us; NULL: none */
        const char *cgroup;      /* linux.cgroupsPath; NULL: as it is */
};
int spec_rewrite(yyjson_val *spec, const struct spec_changes *changes, struct buffer *out, struct error *err);

#endif
