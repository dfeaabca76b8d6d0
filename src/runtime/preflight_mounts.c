/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/preflight_mounts.h"

#include <fcntl.h>
#include "base/file.h"
#include "base/json.h"
#include "runtime/survey.h"

/* Is `point` the destination of a mount in the configuration, or beneath a bind mount of it? Those are
 * "external" to CRIU: it is told where they come from and does not look inside. */
static bool mount_configured(yyjson_val *config, const char *point)
{
        yyjson_val *mount;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(config, "mounts"), index, count, mount) {
                const char *destination = json_text(mount, "destination");
                size_t length = destination ? strlen(destination) : 0;

                if (length > 1 && strncmp(point, destination, length) == 0 &&
                    (!point[length] ||
                     (point[length] == '/' && strcmp(json_text_or(mount, "type", "bind"), "bind") == 0)))
                        return true;
        }
        return false;
}

/* File systems whose contents live in a process or on another machine; CRIU has no support for them. */
static bool type_unsupported(const char *type)
{
        static const char *const types[] = {"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "virtiofs"};

        if (text_starts_with(type, "fuse") && strcmp(type, "fusectl") != 0)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                if (strcmp(type, types[i]) == 0)
                        return true;
        }
        return false;
}

int preflight_mounts(const struct container *container, const struct proc_mounts *mounts,
                     struct check_list *out, struct error *err)
{
        _cleanup_finding_ struct finding unsupported = {0}, slaves = {0};
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_free_ char *path = NULL;
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct error why = {0};
        int ret = 0;

        if (asprintf(&path, "%s/config.json", container->bundle) < 0) {
                path = NULL;
                return error_oom(err);
        }
        if (file_read(AT_FDCWD, path, JSON_LIMIT, &text, &why) < 0 ||
            json_parse(buffer_slice(&text), path, &doc, &why) < 0) {
                ret = check_list_add(out, "mounts", CHECK_UNKNOWN, "", "%s", why.text);
                return ret < 0 ? error_oom(err) : 0;
        }
        for (size_t i = 0; i < mounts->count && ret == 0; i++) {
                const struct proc_mount *mount = &mounts->items[i];

                if (strcmp(mount->point, "/") == 0 ||
                    mount_configured(yyjson_doc_get_root(doc), mount->point))
                        continue;
                if (type_unsupported(mount->type))
                        ret = finding_add(&unsupported, "%s (%s)", mount->point, mount->type);
                else if (mount->slave)
                        ret = finding_add(&slaves, "%s (%s)", mount->point, mount->type);
        }
        if (ret == 0 && unsupported.count)
                ret = check_list_add(out, "mounts", CHECK_FAILED,
                                     "Unmount it, or give it to the container from outside as a bind mount.",
                                     "a file system that CRIU does not know was mounted inside: %s",
                                     buffer_text(&unsupported.text));
        else if (ret == 0 && slaves.count)
                ret = check_list_add(
                        out, "mounts", CHECK_WARNING, "If the dump fails, mount with private propagation.",
                        "mounts follow mounts outside the container: %s", buffer_text(&slaves.text));
        else if (ret == 0)
                ret = check_list_add(out, "mounts", CHECK_OK, "", "all mounts can be dumped");
        return ret < 0 ? error_oom(err) : 0;
}
