/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/pod_archive.h"

#include <errno.h>
#include "base/json.h"

#define POD_OPTIONS_NAME "pod.options"

/* More are refused: real pods have a handful. */
#define CONTAINERS_MAX 1000

bool pod_archive_recognise(const struct archive *archive)
{
        const struct archive_member *member = archive_find(archive, POD_DUMP_NAME);

        return member && member->type == TAR_FILE;
}

/* "k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT": the second of at least six fields. */
static char *short_name(const char *full)
{
        const char *begin = strchr(full, '_');
        unsigned fields = 1;

        for (const char *c = full; *c; c++)
                fields += *c == '_';
        return fields > 5 ? strndup(begin + 1, strcspn(begin + 1, "_")) : strdup(full);
}

/* `name` NULL: it follows from the full name. */
static int add_container(struct pod_archive *pod, const char *full, const char *name, struct error *err)
{
        struct pod_archive_container *container = &pod->containers[pod->container_count++];
        _cleanup_free_ char *file = NULL;

        container->full_name = strdup(full);
        container->name = name ? strdup(name) : short_name(full);
        if (!container->full_name || !container->name || asprintf(&file, "%s.tar", full) < 0) {
                file = NULL;
                return error_oom(err);
        }
        container->member = archive_find(pod->archive, file);
        if (container->member && container->member->type != TAR_FILE)
                container->member = NULL;
        return 0;
}

static int malformed(const struct pod_archive *pod, struct error *err)
{
        return error_set(err, &ERROR_ARCHIVE_METADATA, -EBADMSG,
                         "`%s`, member `%s`: `containers` is not a list of names", archive_path(pod->archive),
                         POD_OPTIONS_NAME);
}

/* An array of full names, or, later, an object from short to full names. */
static int take_containers(struct pod_archive *pod, yyjson_val *containers, struct error *err)
{
        size_t i, n;
        yyjson_val *key, *value;
        int ret = 0;

        if (!containers || yyjson_is_null(containers))
                return 0;
        if (!yyjson_is_ctn(containers) || yyjson_get_len(containers) > CONTAINERS_MAX)
                return malformed(pod, err);
        pod->containers = calloc(yyjson_get_len(containers) + 1, sizeof(*pod->containers));
        if (!pod->containers)
                return error_oom(err);
        if (yyjson_is_arr(containers)) {
                yyjson_arr_foreach (containers, i, n, value) {
                        ret = yyjson_is_str(value) ? add_container(pod, yyjson_get_str(value), NULL, err)
                                                   : malformed(pod, err);
                        if (ret < 0)
                                return ret;
                }
                return 0;
        }
        yyjson_obj_foreach (containers, i, n, key, value) {
                ret = yyjson_is_str(value)
                              ? add_container(pod, yyjson_get_str(value), yyjson_get_str(key), err)
                              : malformed(pod, err);
                if (ret < 0)
                        return ret;
        }
        return 0;
}

static int load_options(struct pod_archive *pod, struct error *err)
{
        _cleanup_json_ yyjson_doc *options = NULL;
        int ret = archive_read_json(pod->archive, POD_OPTIONS_NAME, &options, err);

        return ret < 0 ? ret
                       : take_containers(pod, yyjson_obj_get(yyjson_doc_get_root(options), "containers"),
                                         err);
}

static int load_dump(struct pod_archive *pod, struct error *err)
{
        _cleanup_json_ yyjson_doc *dump = NULL;
        yyjson_val *root, *metadata;
        int ret = archive_read_json(pod->archive, POD_DUMP_NAME, &dump, err);

        if (ret < 0)
                return ret;
        root = yyjson_doc_get_root(dump);
        metadata = yyjson_obj_get(root, "metadata");
        pod->name = strdup(json_text_or(metadata, "name", ""));
        pod->name_space = strdup(json_text_or(metadata, "namespace", ""));
        pod->uid = strdup(json_text_or(metadata, "uid", ""));
        pod->hostname = strdup(json_text_or(root, "hostname", ""));
        return pod->name && pod->name_space && pod->uid && pod->hostname ? 0 : error_oom(err);
}

int pod_archive_load(struct archive *archive, struct pod_archive **out, struct error *err)
{
        _cleanup_pod_archive_ struct pod_archive *pod = calloc(1, sizeof(*pod));
        int ret;

        if (!pod)
                return error_oom(err);
        if (!pod_archive_recognise(archive))
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EBADMSG, "`%s` has no member `%s`",
                                 archive_path(archive), POD_DUMP_NAME);
        pod->archive = archive;
        ret = load_dump(pod, err);
        if (ret == 0)
                ret = load_options(pod, err);
        if (ret < 0) {
                pod->archive = NULL; /* it remains the caller's */
                return ret;
        }
        *out = steal_ptr(pod);
        return 0;
}

void pod_archive_free(struct pod_archive *pod)
{
        for (size_t i = 0; i < pod->container_count; i++) {
                free(pod->containers[i].full_name);
                free(pod->containers[i].name);
        }
        free(pod->containers);
        free(pod->name);
        free(pod->name_space);
        free(pod->uid);
        free(pod->hostname);
        if (pod->archive)
                archive_free(pod->archive);
        free(pod);
}
