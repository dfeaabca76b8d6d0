/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/pods.h"

#include <errno.h>

#define PODS_KEY "CheckpointedPods"

/* Other values would be other schemas. */
#define PODS_VERSION 0

static int malformed(const char *what, const char *key, const char *expected, struct error *err)
{
        return error_set(err, &ERROR_ARCHIVE_METADATA, -EBADMSG, "`%s`: `%s` is not %s", what, key, expected);
}

/* "" when absent. */
static int take_text(yyjson_val *object, const char *key, const char *what, const char **out,
                     struct error *err)
{
        yyjson_val *value = yyjson_obj_get(object, key);

        *out = value && !yyjson_is_null(value) ? json_text(object, key) : "";
        return *out ? 0 : malformed(what, key, "text", err);
}

/* An array of objects, absent and null being an empty one. */
static int take_array(yyjson_val *object, const char *key, const char *what, yyjson_val **out,
                      struct error *err)
{
        yyjson_val *value = yyjson_obj_get(object, key), *entry;
        size_t i, n;

        *out = NULL;
        if (!value || yyjson_is_null(value))
                return 0;
        if (!yyjson_is_arr(value))
                return malformed(what, key, "an array of objects", err);
        yyjson_arr_foreach (value, i, n, entry) {
                if (!yyjson_is_obj(entry))
                        return malformed(what, key, "an array of objects", err);
        }
        *out = value;
        return 0;
}

/* Nothing that a directory, a terminal or a temporary name of ours could take for something else. */
static bool sandbox_is_safe(const char *sandbox)
{
        if (sandbox[0] == '.' || strlen(sandbox) > POD_SANDBOX_MAX)
                return false;
        for (const char *c = sandbox; *c; c++)
                if (*c == '/' || (unsigned char)*c < ' ' || *c == 0x7f)
                        return false;
        return true;
}

static int take_containers(yyjson_val *object, const char *what, struct pod *pod, struct error *err)
{
        yyjson_val *array, *value;
        size_t i, n;
        int ret = take_array(object, "Containers", what, &array, err);

        if (ret < 0 || !array)
                return ret;
        pod->containers = calloc(yyjson_arr_size(array) + 1, sizeof(*pod->containers));
        if (!pod->containers)
                return error_oom(err);
        yyjson_arr_foreach (array, i, n, value) {
                struct pod_container *container = &pod->containers[pod->container_count++];

                if ((ret = take_text(value, "io.kubernetes.container.name", what, &container->name, err)) <
                            0 ||
                    (ret = take_text(value, "id", what, &container->id, err)) < 0 ||
                    (ret = take_text(value, "Image", what, &container->image, err)) < 0)
                        return ret;
        }
        return 0;
}

static int take_pod(yyjson_val *object, const char *what, struct pod *pod, struct error *err)
{
        int ret;

        if ((ret = take_text(object, "io.kubernetes.pod.name", what, &pod->name, err)) < 0 ||
            (ret = take_text(object, "io.kubernetes.pod.namespace", what, &pod->name_space, err)) < 0 ||
            (ret = take_text(object, "io.kubernetes.pod.uid", what, &pod->uid, err)) < 0 ||
            (ret = take_text(object, "podIP", what, &pod->ip, err)) < 0 ||
            (ret = take_text(object, "SandboxID", what, &pod->sandbox, err)) < 0)
                return ret;
        if (!sandbox_is_safe(pod->sandbox))
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                 "`%s`: the SandboxID `%s` cannot be the name of an archive", what,
                                 pod->sandbox);
        return take_containers(object, what, pod, err);
}

static int take_document(struct pods *pods, const char *what, struct error *err)
{
        yyjson_val *root = yyjson_doc_get_root(pods->doc), *version, *array, *value;
        size_t i, n;
        int ret;

        if (!yyjson_is_obj(root))
                return malformed(what, PODS_NAME, "a JSON object", err);
        version = yyjson_obj_get(root, "version");
        if (version && !yyjson_is_int(version))
                return malformed(what, "version", "a number", err);
        if (yyjson_get_sint(version) != PODS_VERSION)
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "`%s` has version %lld; only version %d is known", what,
                                 (long long)yyjson_get_sint(version), PODS_VERSION);
        ret = take_array(root, PODS_KEY, what, &array, err);
        if (ret < 0 || !array)
                return ret;
        pods->list = calloc(yyjson_arr_size(array) + 1, sizeof(*pods->list));
        if (!pods->list)
                return error_oom(err);
        yyjson_arr_foreach (array, i, n, value) {
                ret = take_pod(value, what, &pods->list[pods->count++], err);
                if (ret < 0)
                        return ret;
        }
        return 0;
}

static int check_size(const char *what, size_t size, size_t values, struct error *err)
{
        if (size <= PODS_LIMIT && values <= PODS_VALUES_MAX)
                return 0;
        return error_set(err, &ERROR_ARCHIVE_METADATA, -EFBIG,
                         "`%s` has %zu bytes and %zu values; %llu bytes and %d values are allowed", what,
                         size, values, (unsigned long long)PODS_LIMIT, PODS_VALUES_MAX);
}

int pods_parse(struct slice text, const char *what, struct pods **out, struct error *err)
{
        _cleanup_pods_ struct pods *pods = calloc(1, sizeof(*pods));
        int ret;

        if (!pods)
                return error_oom(err);
        ret = check_size(what, text.size, 0, err);
        if (ret == 0)
                ret = json_parse(text, what, &pods->doc, err);
        if (ret == 0)
                ret = check_size(what, text.size, yyjson_doc_get_val_count(pods->doc), err);
        if (ret == 0)
                ret = take_document(pods, what, err);
        if (ret == 0)
                *out = steal_ptr(pods);
        return ret;
}

void pods_free(struct pods *pods)
{
        for (size_t i = 0; i < pods->count; i++)
                free(pods->list[i].containers);
        free(pods->list);
        yyjson_doc_free(pods->doc);
        free(pods);
}

char *pod_archive_name(const struct pod *pod, char out[POD_ARCHIVE_SIZE])
{
        snprintf(out, POD_ARCHIVE_SIZE, "%s.tar", pod->sandbox);
        return out;
}

bool pod_equal(const struct pod *a, const struct pod *b)
{
        return (a->uid[0] && strcmp(a->uid, b->uid) == 0) ||
               (a->sandbox[0] && strcmp(a->sandbox, b->sandbox) == 0);
}

/* The array of pods in a document that is to be written; made where there is none. */
static yyjson_mut_val *mutable_pods(yyjson_mut_doc *doc)
{
        yyjson_mut_val *root = yyjson_mut_doc_get_root(doc), *array = yyjson_mut_obj_get(root, PODS_KEY);

        if (yyjson_mut_is_arr(array))
                return array;
        yyjson_mut_obj_remove_key(root, PODS_KEY);
        return yyjson_mut_obj_add_arr(doc, root, PODS_KEY);
}

int pods_write_merged(const struct pods *old, const struct pods *more, struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_doc_mut_copy((old ? old : more)->doc, NULL);
        yyjson_val *added = yyjson_obj_get(yyjson_doc_get_root(more->doc), PODS_KEY), *value;
        yyjson_mut_val *array = doc ? mutable_pods(doc) : NULL;
        size_t values = yyjson_doc_get_val_count(more->doc) + (old ? yyjson_doc_get_val_count(old->doc) : 0);
        size_t i, n, before = out->size;
        int ret;

        if (!array)
                return error_oom(err);
        if (old && yyjson_is_arr(added)) {
                yyjson_arr_foreach (added, i, n, value) {
                        if (!yyjson_mut_arr_append(array, yyjson_val_mut_copy(doc, value)))
                                return error_oom(err);
                }
        }
        ret = json_write(doc, true, out, err);
        return ret < 0 ? ret : check_size(PODS_NAME, out->size - before, values, err);
}
