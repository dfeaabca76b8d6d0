/* SPDX-License-Identifier: Apache-2.0 */
/* Podman (libpod), asked through its command line: list and inspect. */
#include "runtime/podman.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "base/json.h"
#include "runtime/pod_names.h"
#include "runtime/podman_db.h"

#define PODMAN_TIMEOUT_MS 60000

static const char *const podman_environment[] = {"PODMAN_IGNORE_CGROUPSV1_WARNING=1", NULL};

int podman_run(const char *const *argv, struct process_result *result, struct error *err)
{
        struct process_options options = {
                .argv = argv, .environment = podman_environment, .timeout_ms = PODMAN_TIMEOUT_MS};
        int ret = process_run(&options, result, err);

        if (ret == 0 && result->timed_out)
                return error_set(err, &ERROR_TIMEOUT, -ETIMEDOUT, "podman %s did not answer", argv[1]);
        return ret;
}

const char *podman_complaint(struct process_result *result)
{
        char *text = result->errors.size ? (char *)result->errors.data : NULL, *line;
        size_t length = text ? strlen(text) : 0;

        while (length && (text[length - 1] == '\n' || text[length - 1] == ' '))
                text[--length] = '\0';
        if (!length)
                return "it did not say why";
        line = strrchr(text, '\n');
        line = line ? line + 1 : text;
        return text_starts_with(line, "Error: ") ? line + strlen("Error: ") : line;
}

int podman_json(const char *const *argv, struct process_result *result, yyjson_doc **out, struct error *err)
{
        int ret = podman_run(argv, result, err);

        if (ret < 0)
                return ret;
        if (result->exit_status != 0)
                return error_set(err, &ERROR_TOOL_FAILED, -EIO, "podman %s failed: %s", argv[1],
                                 podman_complaint(result));
        return json_parse(buffer_slice(&result->output), "the output of podman", out, err);
}

int podman_words(const char *const *argv, struct buffer *out, struct error *err)
{
        _cleanup_process_result_ struct process_result result = {0};
        int ret = podman_run(argv, &result, err);

        if (ret < 0)
                return ret;
        if (result.exit_status != 0)
                return error_set(err, &ERROR_TOOL_FAILED, -EIO, "podman %s failed: %s", argv[1],
                                 podman_complaint(&result));
        return buffer_append_text(out, buffer_text(&result.output)) < 0 ? error_oom(err) : 0;
}

bool podman_named(const struct buffer *words, const char *name)
{
        const char *at = buffer_text(words);
        size_t length = strlen(name);

        for (; *at; at += strspn(at, " \t\n,")) {
                size_t size = strcspn(at, " \t\n,");

                if (size && size == length && strncmp(at, name, length) == 0)
                        return true;
                at += size;
        }
        return false;
}

int podman_container_words(struct buffer *out, struct error *err)
{
        static const char *const argv[] = {
                "podman", "ps", "--all", "--external", "--no-trunc", "--format", "{{.ID}} {{.Names}}", NULL};

        return podman_words(argv, out, err);
}

int podman_volume_words(struct buffer *out, struct error *err)
{
        static const char *const argv[] = {"podman", "volume", "ls", "--format", "{{.Name}}", NULL};

        return podman_words(argv, out, err);
}

static bool podman_available(void)
{
        _cleanup_free_ char *path = process_find("podman");

        return path != NULL;
}

struct podman_record *podman_record(const struct container *container)
{
        return container->record;
}

static void record_free(void *object)
{
        struct podman_record *record = object;

        buffer_free(&record->config);
        buffer_free(&record->spec);
        buffer_free(&record->network);
        for (size_t i = 0; i < record->volume_count; i++) {
                free(record->volumes[i].name);
                free(record->volumes[i].path);
        }
        free(record->volumes);
        free(record->pod);
        free(record);
}

static int podman_container_new(struct container **out, struct error *err)
{
        int ret = container_new(out, err);

        return ret == 0 && !container_set_text(&(*out)->engine, "podman") ? error_oom(err) : ret;
}

static int container_from_ps(yyjson_val *entry, struct container **out, struct error *err)
{
        _cleanup_container_ struct container *container = NULL;
        yyjson_val *name = yyjson_arr_get_first(yyjson_obj_get(entry, "Names"));
        int ret = podman_container_new(&container, err);

        if (ret < 0)
                return ret;
        if (!container_set_text(&container->id, json_text(entry, "Id")) ||
            !container_set_text(&container->name, yyjson_get_str(name)) ||
            !container_set_text(&container->state, json_text(entry, "State")) ||
            !container_set_text(&container->image, json_text(entry, "Image")) ||
            !container_set_text(&container->image_id, json_text(entry, "ImageID")))
                return error_oom(err);
        if (!json_bool_or(entry, "IsInfra", false) &&
            (!pod_names_read(container, yyjson_obj_get(entry, "Labels")) ||
             !pod_names_complete(container, json_text_or(entry, "PodName", ""),
                                 json_text_or(entry, "Pod", ""))))
                return error_oom(err);
        container->pid = (pid_t)json_uint_or(entry, "Pid", 0);
        *out = steal_ptr(container);
        return 0;
}

static int podman_list(struct container_list *out, struct error *err)
{
        static const char *const argv[] = {"podman",     "ps",       "--all", "--pod",
                                           "--no-trunc", "--format", "json",  NULL};
        _cleanup_process_result_ struct process_result result = {0};
        _cleanup_container_list_ struct container_list list = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *root, *entry;
        size_t index, count;
        int ret = podman_json(argv, &result, &doc, err);

        if (ret < 0)
                return ret;
        root = yyjson_doc_get_root(doc);
        list.items = calloc(yyjson_arr_size(root) + 1, sizeof(struct container *));
        if (!list.items)
                return error_oom(err);
        yyjson_arr_foreach (root, index, count, entry) {
                ret = container_from_ps(entry, &list.items[list.count], err);
                if (ret < 0)
                        return ret;
                list.count++;
        }
        *out = list;
        list = (struct container_list){0};
        return 0;
}

/* "a:b:c" as a list; empty parts are left out. */
static int paths_split(const char *text, char ***out)
{
        _cleanup_free_ char *copy = strdup(text);
        size_t most = 2;
        char *rest = NULL;

        for (const char *at = text; *at; at++)
                most += *at == ':';
        *out = calloc(most, sizeof(char *));
        if (!copy || !*out)
                return -ENOMEM;
        most = 0;
        for (char *path = strtok_r(copy, ":", &rest); path; path = strtok_r(NULL, ":", &rest)) {
                (*out)[most] = strdup(path);
                if (!(*out)[most++])
                        return -ENOMEM;
        }
        return 0;
}

static int read_storage(yyjson_val *inspect, struct container *container, struct error *err)
{
        yyjson_val *driver = yyjson_obj_get(inspect, "GraphDriver"), *data = yyjson_obj_get(driver, "Data");
        const char *name = json_text_or(driver, "Name", ""), *rootfs = json_text_or(inspect, "Rootfs", "");
        const char *lower = json_text(data, "LowerDir");

        if (*rootfs || (*name && strcmp(name, "overlay") != 0)) {
                (void)error_set(err, &ERROR_STORAGE_DRIVER, -ENOTSUP, "container %s keeps its files %s%s",
                                container->name,
                                *rootfs ? "in a directory of the host, " : "with the storage driver ",
                                *rootfs ? rootfs : name);
                return -ENOTSUP;
        }
        if (!container_set_text(&container->rootfs, json_text(data, "MergedDir")) ||
            !container_set_text(&container->upper, json_text(data, "UpperDir")) ||
            (lower && paths_split(lower, &container->lowers) < 0))
                return error_oom(err);
        return 0;
}

static int read_log(yyjson_val *inspect, struct container *container)
{
        yyjson_val *log = yyjson_obj_get(yyjson_obj_get(inspect, "HostConfig"), "LogConfig");
        const char *type = json_text_or(log, "Type", "");

        if (strcmp(type, "k8s-file") != 0 && strcmp(type, "json-file") != 0)
                return 0;
        return container_set_text(&container->log, json_text(log, "Path")) ? 0 : -ENOMEM;
}

static int read_volumes(yyjson_val *inspect, struct podman_record *record)
{
        yyjson_val *mounts = yyjson_obj_get(inspect, "Mounts"), *mount;
        size_t index, count;

        record->volumes = calloc(yyjson_arr_size(mounts) + 1, sizeof(*record->volumes));
        if (!record->volumes)
                return -ENOMEM;
        yyjson_arr_foreach (mounts, index, count, mount) {
                const char *name = json_text(mount, "Name"), *source = json_text(mount, "Source");
                struct podman_volume *volume = &record->volumes[record->volume_count];

                if (strcmp(json_text_or(mount, "Type", ""), "volume") != 0 || !name || !source)
                        continue;
                *volume = (struct podman_volume){strdup(name), strdup(source)};
                record->volume_count++;
                if (!volume->name || !volume->path)
                        return -ENOMEM;
        }
        return 0;
}

static bool has_restart_policy(yyjson_val *inspect)
{
        yyjson_val *policy = yyjson_obj_get(yyjson_obj_get(inspect, "HostConfig"), "RestartPolicy");
        const char *name = json_text_or(policy, "Name", "");

        return *name && strcmp(name, "no") != 0;
}

/* The path three levels above "GRAPHROOT/overlay-containers/ID/userdata". */
static char *graph_root(yyjson_val *inspect)
{
        char *path = strdup(json_text_or(inspect, "StaticDir", ""));

        for (int i = 0; path && i < 3; i++) {
                char *slash = strrchr(path, '/');

                if (slash)
                        *slash = '\0';
        }
        return path;
}

/* networkStatus of libpod's ContainerState; "null" when it has no network of its own. */
static int network_append(yyjson_val *state, struct buffer *out)
{
        yyjson_val *network = yyjson_obj_get(state, "networkStatus");
        _cleanup_free_ char *text = network ? yyjson_val_write(network, 0, NULL) : strdup("null");

        return text ? buffer_append_text(out, text) : -ENOMEM;
}

/* The directory is Podman's own only when it is the one that is mounted there. */
static int read_shm(yyjson_val *config, yyjson_val *state, struct container *container)
{
        const char *shm = json_text_or(config, "ShmDir", "");
        const char *mounted = json_text_or(yyjson_obj_get(state, "bindMounts"), "/dev/shm", "");

        return !*shm || strcmp(shm, mounted) != 0 || container_set_text(&container->shm, shm) ? 0 : -ENOMEM;
}

static int read_record(yyjson_val *inspect, struct container *container, struct error *err)
{
        struct podman_record *record = calloc(1, sizeof(*record));
        _cleanup_json_ yyjson_doc *config = NULL, *state = NULL;
        _cleanup_buffer_ struct buffer state_text = {0};
        _cleanup_free_ char *root = graph_root(inspect);
        int ret;

        container->record = record;
        container->record_free = record_free;
        if (!record || !root)
                return error_oom(err);
        record->restarts = has_restart_policy(inspect);
        record->pod = strdup(json_text_or(inspect, "Pod", ""));
        ret = podman_db_read(root, container->id, &record->config, &state_text, err);
        if (ret == 0)
                ret = json_parse(buffer_slice(&record->config), "Podman's record of the container", &config,
                                 err);
        if (ret == 0)
                ret = json_parse(buffer_slice(&state_text), "Podman's record of the container", &state, err);
        if (ret == 0)
                ret = file_read(AT_FDCWD, json_text_or(inspect, "OCIConfigPath", ""), JSON_LIMIT,
                                &record->spec, err);
        if (ret < 0)
                return ret;
        if (network_append(yyjson_doc_get_root(state), &record->network) < 0 ||
            read_shm(yyjson_doc_get_root(config), yyjson_doc_get_root(state), container) < 0 ||
            !record->pod || read_volumes(inspect, record) < 0)
                return error_oom(err);
        return 0;
}

static int container_from_inspect(yyjson_val *inspect, struct container *container, struct error *err)
{
        yyjson_val *state = yyjson_obj_get(inspect, "State");
        const char *config = json_text_or(inspect, "OCIConfigPath", ""), *slash = strrchr(config, '/');

        if (!container_set_text(&container->id, json_text(inspect, "Id")) ||
            !container_set_text(&container->name, json_text(inspect, "Name")) ||
            !container_set_text(&container->runtime, json_text(inspect, "OCIRuntime")) ||
            !container_set_text(&container->state, json_text(state, "Status")) ||
            !container_set_text(&container->image, json_text(inspect, "ImageName")) ||
            !container_set_text(&container->image_id, json_text(inspect, "Image")) ||
            !container_set_text(&container->image_digest, json_text(inspect, "ImageDigest")) ||
            !container_set_text(&container->created, json_text(inspect, "Created")) ||
            !container_set_text(&container->bundle, config) || read_log(inspect, container) < 0)
                return error_oom(err);
        if (slash)
                container->bundle[slash - config] = '\0';
        container->pid = (pid_t)json_uint_or(state, "Pid", 0);
        return read_storage(inspect, container, err);
}

/* What is inspected tells only the id of its pod. */
static int read_pod(yyjson_val *inspect, struct container *container, struct error *err)
{
        yyjson_val *labels = yyjson_obj_get(yyjson_obj_get(inspect, "Config"), "Labels");
        const char *id = json_text_or(inspect, "Pod", "");
        const char *argv[] = {"podman", "pod", "inspect", "--format", "{{.Name}}", "--", id, NULL};
        _cleanup_buffer_ struct buffer name = {0};
        int ret = 0;

        if (json_bool_or(inspect, "IsInfra", false))
                return 0;
        if (*id)
                ret = podman_words(argv, &name, err);
        if (ret < 0)
                return ret;
        if (name.size && name.data[name.size - 1] == '\n')
                name.data[--name.size] = '\0';
        if (!pod_names_read(container, labels) || !pod_names_complete(container, buffer_text(&name), id))
                return error_oom(err);
        return 0;
}

static int inspect_refused(const char *name, struct process_result *result, struct error *err)
{
        const char *complaint = podman_complaint(result);

        if (strstr(complaint, "no such container"))
                return error_set(err, &ERROR_CONTAINER_NOT_FOUND, -ENOENT, "Podman has no container %s",
                                 name);
        if (strstr(complaint, "more than one result"))
                return error_set(err, &ERROR_CONTAINER_AMBIGUOUS, -ENOTUNIQ,
                                 "more than one container of Podman matches %s", name);
        return error_set(err, &ERROR_TOOL_FAILED, -EIO, "podman inspect failed: %s", complaint);
}

static int podman_inspect(const char *name, struct container **out, struct error *err)
{
        const char *argv[] = {"podman", "container", "inspect", "--", name, NULL};
        _cleanup_process_result_ struct process_result result = {0};
        _cleanup_container_ struct container *container = NULL;
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *inspect;
        int ret = podman_run(argv, &result, err);

        if (ret < 0)
                return ret;
        if (result.exit_status != 0)
                return inspect_refused(name, &result, err);
        ret = json_parse(buffer_slice(&result.output), "the output of podman inspect", &doc, err);
        if (ret == 0)
                ret = podman_container_new(&container, err);
        if (ret < 0)
                return ret;
        inspect = yyjson_arr_get_first(yyjson_doc_get_root(doc));
        ret = container_from_inspect(inspect, container, err);
        if (ret == 0)
                ret = read_pod(inspect, container, err);
        if (ret == 0 && container->pid)
                ret = read_record(inspect, container, err);
        if (ret < 0)
                return ret;
        *out = steal_ptr(container);
        return 0;
}

const struct runtime_driver runtime_podman = {
        .name = "podman",
        .available = podman_available,
        .list = podman_list,
        .inspect = podman_inspect,
        .describe = podman_describe,
        .describe_pod = podman_describe_pod,
        .stop = podman_stop,
        .preflight_restore = podman_preflight_restore,
        .restore = podman_restore,
        .make_pod = podman_make_pod,
        .remove_pod = podman_remove_pod,
};
