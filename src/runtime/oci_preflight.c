/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/oci_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/json.h"
#include "runtime/survey.h"

static bool has_mount(yyjson_val *config, const char *destination)
{
        yyjson_val *mount;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(config, "mounts"), index, count, mount) {
                if (strcmp(json_text_or(mount, "destination", ""), destination) == 0)
                        return true;
        }
        return false;
}

/* CRIU maps mounts of the dump to mounts of the configuration by their destinations. */
static int check_own_bundle(const struct metadata *metadata, const char *bundle, struct check_list *out)
{
        _cleanup_finding_ struct finding missing = {0};
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_free_ char *path = NULL;
        struct error why = {0};
        yyjson_val *mount;
        size_t index, count;

        if (asprintf(&path, "%s/config.json", bundle) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (file_read(AT_FDCWD, path, JSON_LIMIT, &text, &why) < 0 ||
            json_parse(buffer_slice(&text), path, &doc, &why) < 0)
                return check_list_add(out, "bundle", CHECK_FAILED, "Give the directory of a bundle.", "%s",
                                      why.text);
        yyjson_arr_foreach (yyjson_obj_get(yyjson_doc_get_root(metadata->spec), "mounts"), index, count,
                            mount) {
                const char *destination = json_text_or(mount, "destination", "");

                if (!has_mount(yyjson_doc_get_root(doc), destination) &&
                    finding_add(&missing, "%s", destination) < 0)
                        return -ENOMEM;
        }
        if (missing.count)
                return check_list_add(out, "bundle", CHECK_FAILED, "Add these mounts to its config.json.",
                                      "the bundle %s lacks mounts of the checkpoint: %s", bundle,
                                      buffer_text(&missing.text));
        return check_list_add(out, "bundle", CHECK_OK, "", "the bundle %s has all mounts of the checkpoint",
                              bundle);
}

/* Only an archive with a whole root can become a bundle. */
static int check_archive_bundle(const struct metadata *metadata, struct check_list *out)
{
        yyjson_val *rootfs = yyjson_obj_get(yyjson_doc_get_root(metadata->facts), "rootfs");

        if (metadata->spec && strcmp(json_text_or(rootfs, "form", ""), "full") == 0)
                return check_list_add(out, "bundle", CHECK_OK, "", "a bundle can be made of the archive");
        return check_list_add(
                out, "bundle", CHECK_FAILED, "Name a bundle with the container's files: --bundle DIRECTORY.",
                metadata->spec ? "the archive has only what the container changed, not its whole root"
                               : "the archive has no runtime specification");
}

static int check_terminal(const struct metadata *metadata, struct check_list *out)
{
        yyjson_val *process = yyjson_obj_get(yyjson_doc_get_root(metadata->spec), "process");

        if (!json_bool_or(process, "terminal", false))
                return 0;
        return check_list_add(out, "terminal", CHECK_FAILED, "Restore it with the runtime's own command.",
                              "the container has a terminal, which needs somebody to hold its other end");
}

static int check_tcp_close(const char *runtime, const struct restore_options *options, struct check_list *out)
{
        if (options->tcp != TCP_CLOSE || !strstr(runtime, "runc"))
                return 0;
        return check_list_add(out, "tcp-close", CHECK_FAILED, "Restore with crun.",
                              "runc cannot close the connections of a checkpoint");
}

static int check_name(const struct metadata *metadata, const struct restore_options *options,
                      struct check_list *out)
{
        const char *name = options->name ? options->name : metadata->container_name;
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, OCI_BUNDLES "/%s", name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (access(path, F_OK) == 0)
                return check_list_add(out, "bundle-name", CHECK_FAILED,
                                      "Choose another name, or remove the directory if nothing uses it.",
                                      "there is a bundle %s already", path);
        return check_list_add(out, "bundle-name", CHECK_OK, "", "%s has no bundle here yet", name);
}

int oci_preflight_restore(const char *runtime, const struct archive *archive, const struct metadata *metadata,
                          const struct restore_options *options, struct check_list *out, struct error *err)
{
        int ret = options->bundle ? check_own_bundle(metadata, options->bundle, out)
                                  : check_archive_bundle(metadata, out);

        if (ret == 0)
                ret = check_terminal(metadata, out);
        if (ret == 0)
                ret = check_tcp_close(runtime, options, out);
        if (ret == 0)
                ret = check_name(metadata, options, out);
        return ret < 0 ? error_oom(err) : 0;
}
