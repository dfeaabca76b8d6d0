/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers "crun" and "runc": bare bundles, without an engine above. Both programs speak alike. */
#include "runtime/oci.h"

#include <errno.h>
#include <fcntl.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "runtime/oci_restore.h"
#include "runtime/pod_names.h"

#define LIST_TIMEOUT_MS 30000

static bool program_available(const char *program)
{
        _cleanup_free_ char *path = process_find(program);

        return path != NULL;
}

static int config_read(const char *bundle, struct buffer *text, yyjson_doc **out, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        int r;

        if (asprintf(&path, "%s/config.json", bundle) < 0) {
                path = NULL;
                return error_oom(err);
        }
        r = file_read(AT_FDCWD, path, JSON_LIMIT, text, err);
        return r < 0 ? r : json_parse(buffer_slice(text), path, out, err);
}

/* Podman and CRI-O run their containers by the same program; they are listed by their own drivers. */
static bool is_managed(yyjson_val *config)
{
        return json_text(yyjson_obj_get(config, "annotations"), "io.container.manager") != NULL;
}

/* The container of a pod's namespaces is left without names. */
static bool set_pod(struct container *container, yyjson_val *config)
{
        yyjson_val *annotations = yyjson_obj_get(config, "annotations");

        return pod_names_are_of_sandbox(annotations) ||
               (pod_names_read(container, annotations) && pod_names_complete(container, "", ""));
}

static int set_rootfs(struct container *container, yyjson_val *config)
{
        const char *path = json_text_or(yyjson_obj_get(config, "root"), "path", "rootfs");
        char *rootfs;

        if (path[0] == '/')
                return container_set_text(&container->rootfs, path) ? 0 : -ENOMEM;
        if (asprintf(&rootfs, "%s/%s", container->bundle, path) < 0)
                return -ENOMEM;
        free(container->rootfs);
        container->rootfs = rootfs;
        return 0;
}

/* Both say "stopped" for what is "exited" elsewhere. */
static const char *item_state(yyjson_val *item)
{
        const char *state = json_text_or(item, "status", "");

        return strcmp(state, "stopped") == 0 ? "exited" : state;
}

/* From an item of "PROGRAM list --format json". */
static int container_from_item(const char *program, yyjson_val *item, struct container **out,
                               struct error *err)
{
        _cleanup_container_ struct container *c = NULL;
        int r = container_new(&c, err);

        if (r < 0)
                return r;
        if (!container_set_text(&c->id, json_text(item, "id")) ||
            !container_set_text(&c->name, json_text(item, "id")) ||
            !container_set_text(&c->engine, program) || !container_set_text(&c->runtime, program) ||
            !container_set_text(&c->state, item_state(item)) ||
            !container_set_text(&c->bundle, json_text(item, "bundle")) ||
            !container_set_text(&c->created, json_text(item, "created")))
                return error_oom(err);
        if (strcmp(c->state, "running") == 0 || strcmp(c->state, "paused") == 0)
                c->pid = (pid_t)json_uint_or(item, "pid", 0);
        *out = steal_ptr(c);
        return 0;
}

static int list_read(const char *program, yyjson_doc **out, struct error *err)
{
        const char *argv[] = {program, "list", "--format", "json", NULL};
        struct process_options options = {.argv = argv, .timeout_ms = LIST_TIMEOUT_MS};
        _cleanup_process_result_ struct process_result result = {0};
        char root[64];
        int r;

        /* Before its first container it has no directory yet; runc then fails. */
        snprintf(root, sizeof(root), "/run/%s", program);
        if (access(root, F_OK) < 0 && errno == ENOENT)
                return json_parse(SLICE_TEXT("null"), program, out, err);
        r = process_run_checked(&options, &result, err);
        if (r < 0)
                return r;
        /* runc says "null" when it has none. */
        return json_parse(buffer_slice(&result.output), program, out, err);
}

static int list_append(struct container_list *list, struct container *container, struct error *err)
{
        struct container **items = reallocarray(list->items, list->count + 1, sizeof(*items));

        if (!items)
                return error_oom(err);
        list->items = items;
        list->items[list->count++] = container;
        return 0;
}

/* Completes a container by its bundle's config.json; `managed` says whose it is. */
static int container_complete(struct container *container, bool *managed, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *config = NULL;
        int r = config_read(container->bundle, &text, &config, err);

        if (r < 0)
                return r;
        *managed = is_managed(yyjson_doc_get_root(config));
        return set_rootfs(container, yyjson_doc_get_root(config)) < 0 ||
                               !set_pod(container, yyjson_doc_get_root(config))
                       ? error_oom(err)
                       : 0;
}

static int oci_list(const char *program, struct container_list *out, struct error *err)
{
        _cleanup_container_list_ struct container_list list = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *item;
        size_t i, count;
        int r = list_read(program, &doc, err);

        if (r < 0)
                return r;
        yyjson_arr_foreach (yyjson_doc_get_root(doc), i, count, item) {
                _cleanup_container_ struct container *container = NULL;
                bool managed;

                r = container_from_item(program, item, &container, err);
                if (r < 0)
                        return r;
                /* A bundle that is gone leaves a record that cannot be checkpointed. */
                if (container_complete(container, &managed, NULL) < 0 || managed)
                        continue;
                r = list_append(&list, container, err);
                if (r < 0)
                        return r;
                (void)steal_ptr(container);
        }
        *out = list;
        list = (struct container_list){0};
        return 0;
}

/* The item of that id, or the only one whose id begins so. */
static int item_find(const char *program, yyjson_val *list, const char *name, yyjson_val **out,
                     struct error *err)
{
        yyjson_val *item;
        size_t i, count;
        unsigned fitting = 0;

        yyjson_arr_foreach (list, i, count, item) {
                const char *id = json_text_or(item, "id", "");

                if (strcmp(id, name) == 0) {
                        *out = item;
                        return 0;
                }
                if (*name && text_starts_with(id, name)) {
                        *out = item;
                        fitting++;
                }
        }
        if (fitting > 1)
                return error_set(err, &ERROR_CONTAINER_AMBIGUOUS, -ENOTUNIQ,
                                 "%u containers of %s begin with `%s`", fitting, program, name);
        if (fitting == 0)
                return error_set(err, &ERROR_CONTAINER_NOT_FOUND, -ENOENT, "%s has no container `%s`",
                                 program, name);
        return 0;
}

static int oci_inspect(const char *program, const char *name, struct container **out, struct error *err)
{
        _cleanup_container_ struct container *container = NULL;
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *item = NULL;
        bool managed;
        int r = list_read(program, &doc, err);

        if (r == 0)
                r = item_find(program, yyjson_doc_get_root(doc), name, &item, err);
        if (r == 0)
                r = container_from_item(program, item, &container, err);
        if (r == 0)
                r = container_complete(container, &managed, err);
        if (r < 0)
                return r;
        *out = steal_ptr(container);
        return 0;
}

/* The same members as an engine's, so that every reader finds names and times where it looks for them. */
static int config_dump(const struct container *container, struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
        char now[RFC3339_SIZE];

        rfc3339_format(clock_realtime_ns(), now);
        if (!root || !yyjson_mut_obj_add_str(doc, root, "id", container->id) ||
            !yyjson_mut_obj_add_str(doc, root, "name", container->name) ||
            !yyjson_mut_obj_add_str(doc, root, "rootfsImageName", "") ||
            !yyjson_mut_obj_add_str(doc, root, "runtime", container->runtime) ||
            !yyjson_mut_obj_add_str(doc, root, "createdTime", container->created) ||
            !yyjson_mut_obj_add_str(doc, root, "checkpointedTime", now) ||
            !yyjson_mut_obj_add_str(doc, root, "restoredTime", "0001-01-01T00:00:00Z") ||
            !yyjson_mut_obj_add_bool(doc, root, "restored", false))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        return json_write(doc, true, out, err);
}

static int oci_describe(const struct container *container, const struct checkpoint_options *options,
                        struct archive_writer *writer, struct error *err)
{
        _cleanup_buffer_ struct buffer config = {0}, spec = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        int r = config_dump(container, &config, err);

        if (r == 0)
                r = config_read(container->bundle, &spec, &doc, err);
        if (r == 0)
                r = archive_writer_add(writer, "config.dump", 0600, buffer_slice(&config), err);
        return r < 0 ? r : archive_writer_add(writer, "spec.dump", 0600, buffer_slice(&spec), err);
}

/* The runtime's record stays, as that of a container that has ended by itself. */
static int oci_stop(const struct container *container, struct error *err)
{
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        int r = oci_cgroup(container, &cgroup, err);

        return r < 0 ? r : cgroup_kill(cgroup, err);
}

#define DRIVER(program)                                                                                      \
        static bool program##_available(void)                                                                \
        {                                                                                                    \
                return program_available(#program);                                                          \
        }                                                                                                    \
        static int program##_list(struct container_list *out, struct error *err)                             \
        {                                                                                                    \
                return oci_list(#program, out, err);                                                         \
        }                                                                                                    \
        static int program##_inspect(const char *name, struct container **out, struct error *err)            \
        {                                                                                                    \
                return oci_inspect(#program, name, out, err);                                                \
        }                                                                                                    \
        static int program##_preflight_restore(                                                              \
                const struct archive *archive, const struct metadata *metadata,                              \
                const struct restore_options *options, struct check_list *out, struct error *err)            \
        {                                                                                                    \
                return oci_preflight_restore(#program, archive, metadata, options, out, err);                \
        }                                                                                                    \
        static int program##_restore(const struct stage *stage, const struct metadata *metadata,             \
                                     const struct restore_options *options, struct restore_result *out,      \
                                     struct error *err)                                                      \
        {                                                                                                    \
                return oci_restore(#program, stage, metadata, options, out, err);                            \
        }                                                                                                    \
        const struct runtime_driver runtime_##program = {.name = #program,                                   \
                                                         .available = program##_available,                   \
                                                         .list = program##_list,                             \
                                                         .inspect = program##_inspect,                       \
                                                         .describe = oci_describe,                           \
                                                         .stop = oci_stop,                                   \
                                                         .preflight_restore = program##_preflight_restore,   \
                                                         .restore = program##_restore}

DRIVER(crun);
DRIVER(runc);
