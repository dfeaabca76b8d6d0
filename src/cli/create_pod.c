/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create_pod.h"

#include <ctype.h>
#include <time.h>
#include "cli/answer.h"
#include "program/memory.h"
#include "cli/progress_bar.h"
#include "cli/table.h"
#include "program/units.h"
#include "runtime/capture_pod.h"

static void append_name(struct buffer *out, const char *name)
{
        for (; *name; name++)
                memory_check(buffer_printf(
                        out, "%c", isalnum((unsigned char)*name) || strchr("._-", *name) ? *name : '_'));
}

static char *default_output(const struct container *container)
{
        struct buffer path = {0};
        time_t now = time(NULL);
        struct tm tm;
        char stamp[32];

        memory_check(buffer_append_text(&path, "./pod-"));
        append_name(&path, container->pod);
        memory_check(buffer_append_text(&path, "_"));
        append_name(&path, container->pod_namespace);
        gmtime_r(&now, &tm);
        strftime(stamp, sizeof(stamp), "-%Y%m%dT%H%M%SZ", &tm);
        memory_check(buffer_append_text(&path, stamp));
        return (char *)path.data;
}

static void print_text(const char *path, const struct pod_capture_result *result, bool stop)
{
        static const char *const headings[] = {"CONTAINER", "FILE", "SIZE", "FROZEN AFTER", "STOOD STILL"};
        const struct pod_manifest *manifest = result->manifest;
        _cleanup_table_ struct table *table = table_new();
        char first[UNIT_TEXT_SIZE], second[UNIT_TEXT_SIZE], third[UNIT_TEXT_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                table_column(table, headings[i]);
        for (size_t i = 0; i < manifest->count; i++) {
                const struct pod_part *part = &manifest->parts[i];

                table_cell(table, part->container);
                table_cell(table, part->file);
                table_cell(table, size_format(part->size, first));
                table_cell(table, duration_format(part->freeze_us, first));
                table_cell(table, duration_format(part->frozen_us, first));
        }
        printf("Completed: %s\n\n", path);
        table_print(table, stdout);
        printf("\nPod checkpoint %s in %s: all stood still within %s, for %s, and %s.\n", manifest->id,
               duration_format(result->total_us, first), duration_format(manifest->spread_us, second),
               duration_format(result->frozen_us, third), stop ? "were ended" : "go on");
}

static int print_json(const char *path, const struct pod_capture_result *result, bool stop, struct error *err)
{
        const struct pod_manifest *manifest = result->manifest;
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc), *parts;

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "id", manifest->id);
        answer_add_text(doc, root, "path", path);
        answer_add_text(doc, root, "namespace", manifest->namespace);
        answer_add_text(doc, root, "pod", manifest->name);
        answer_add_text(doc, root, "podUid", manifest->uid);
        answer_add_text(doc, root, "engine", manifest->engine);
        yyjson_mut_obj_add_bool(doc, root, "leftRunning", !stop);
        yyjson_mut_obj_add_uint(doc, root, "freezeSpreadUs", manifest->spread_us);
        yyjson_mut_obj_add_uint(doc, root, "frozenUs", result->frozen_us);
        yyjson_mut_obj_add_uint(doc, root, "totalUs", result->total_us);
        yyjson_mut_obj_add_uint(doc, root, "archiveSize", result->archive_size);
        parts = yyjson_mut_obj_add_arr(doc, root, "parts");
        for (size_t i = 0; i < manifest->count; i++) {
                const struct pod_part *part = &manifest->parts[i];
                yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, parts);
                char digest[7 + SHA256_HEX_SIZE] = "sha256:";

                sha256_hex(&part->digest, digest + 7);
                answer_add_text(doc, object, "container", part->container);
                answer_add_text(doc, object, "file", part->file);
                yyjson_mut_obj_add_uint(doc, object, "size", part->size);
                answer_add_text(doc, object, "digest", digest);
                answer_add_text(doc, object, "id", part->checkpoint);
                yyjson_mut_obj_add_uint(doc, object, "freezeUs", part->freeze_us);
                yyjson_mut_obj_add_uint(doc, object, "frozenUs", part->frozen_us);
        }
        return answer_print(doc, err);
}

int create_pod(const struct cli *cli, const char *name, const struct runtime_driver *only,
               const struct checkpoint_options *options, struct error *err)
{
        const struct runtime_driver *const drivers[] = {only, NULL};
        const char *slash = strchr(name, '/');
        _cleanup_free_ char *namespace = slash ? strndup(name, (size_t)(slash - name)) : strdup("default"),
                            *path = NULL;
        _cleanup_pod_capture_result_ struct pod_capture_result result = {0};
        _cleanup_pod_ struct pod pod = {0};
        struct checkpoint_options chosen = *options;
        struct progress_bar *bar;
        int ret;

        if (!namespace)
                return error_oom(err);
        ret = runtime_find_pod(namespace, slash ? slash + 1 : name, only ? drivers : NULL, &pod, err);
        if (ret < 0)
                return error_wrap(err, ret, "`%s`", name);
        path = options->output ? memory_copy(options->output) : default_output(pod.containers.items[0]);
        chosen.output = path;
        bar = progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        ret = capture_pod(&pod, &chosen, NULL, NULL, progress_bar_progress(bar), &result, err);
        progress_bar_finish(bar);
        progress_bar_free(bar);
        if (ret < 0)
                return ret;
        if (cli->json)
                return print_json(path, &result, options->stop, err);
        print_text(path, &result, options->stop);
        return 0;
}
