/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/oci.h"

#include <fcntl.h>
#include "base/file.h"
#include "base/json.h"

/* The file in which a runtime keeps the state of a container, and its member that tells the control group. */
static int read_state(const struct container *container, const char *file, yyjson_doc **out,
                      struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_free_ char *path = NULL;
        const char *slash = strrchr(container->runtime, '/');
        const char *name = slash ? slash + 1 : container->runtime;
        int r;

        if (*container->runtime_root)
                r = asprintf(&path, "%s/%s/%s", container->runtime_root, container->id, file);
        else
                r = asprintf(&path, "/run/%s/%s/%s", name, container->id, file);
        if (r < 0) {
                path = NULL;
                return error_oom(err);
        }
        if (access(path, R_OK) < 0)
                return 0;
        r = file_read(AT_FDCWD, path, JSON_LIMIT, &text, err);
        return r < 0 ? r : json_parse(buffer_slice(&text), path, out, err);
}

int oci_cgroup(const struct container *container, struct cgroup **out, struct error *err)
{
        _cleanup_json_ yyjson_doc *crun = NULL, *runc = NULL;
        const char *path = "";
        int r = read_state(container, "status", &crun, err);

        if (r == 0)
                r = read_state(container, "state.json", &runc, err);
        if (r < 0)
                return r;
        if (crun) {
                path = json_text_or(yyjson_doc_get_root(crun), "cgroup-path", "");
        } else if (runc) {
                /* By controller; one entry with an empty name on version 2. */
                yyjson_val *paths = yyjson_obj_get(yyjson_doc_get_root(runc), "cgroup_paths");

                path = json_text_or(paths, "freezer", json_text_or(paths, "", ""));
        }
        return cgroup_open(container->pid, path, out, err);
}
