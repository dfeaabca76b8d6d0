/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/runtime.h"

#include <errno.h>

/* Podman first: its containers are known to its OCI runtime too, under ids only. The kubelet, where it is
 * configured, before the engine below it. */
const struct runtime_driver *const runtime_drivers[] = {&runtime_podman,  &runtime_crun, &runtime_runc,
                                                        &runtime_kubelet, &runtime_cri,  NULL};

int runtime_driver_find(const char *name, const struct runtime_driver **out, struct error *err)
{
        for (const struct runtime_driver *const *driver = runtime_drivers; *driver; driver++)
                if (strcmp((*driver)->name, name) == 0) {
                        *out = *driver;
                        return 0;
                }
        error_set(err, &ERROR_USAGE, -EINVAL, "there is no engine `%s`", name);
        error_set_hint(err, "The engines are: podman, crun, runc, kubelet, cri.");
        return -EINVAL;
}

int runtime_find_container(const char *name, const struct runtime_driver *only,
                           const struct runtime_driver **driver, struct container **out, struct error *err)
{
        bool any = false;

        if (only) {
                *driver = only;
                return only->inspect(name, out, err);
        }
        for (const struct runtime_driver *const *d = runtime_drivers; *d; d++) {
                int r;

                if (!(*d)->available())
                        continue;
                any = true;
                r = (*d)->inspect(name, out, err);
                if (r == -ENOENT)
                        continue;
                *driver = *d;
                return r;
        }
        if (!any)
                return error_set(err, &ERROR_TOOL_MISSING, -ENOENT,
                                 "no container engine is installed here: none of podman, crun, runc is in "
                                 "PATH, and no "
                                 "socket of containerd or CRI-O is there");
        return error_set(err, &ERROR_CONTAINER_NOT_FOUND, -ENOENT, "there is no container `%s`", name);
}
