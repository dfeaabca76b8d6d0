/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show_pods.h"

#include <errno.h>
#include <inttypes.h>
#include "cli/answer.h"
#include "cli/text.h"
#include "program/units.h"

void statistics_columns(struct grid *grid)
{
        static const char *const headings[] = {"FREEZING TIME", "FROZEN TIME",   "MEMDUMP TIME",
                                               "MEMWRITE TIME", "PAGES SCANNED", "PAGES WRITTEN"};

        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                grid_column(grid, headings[i]);
}

void statistics_cells(struct grid *grid, const struct criu_statistics *statistics)
{
        const uint32_t times[] = {statistics->freezing_time, statistics->frozen_time,
                                  statistics->memdump_time, statistics->memwrite_time};
        const uint64_t pages[] = {statistics->pages_scanned, statistics->pages_written};
        char text[32];

        for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
                snprintf(text, sizeof(text), "%" PRIu32 " us", times[i]);
                grid_cell(grid, text);
        }
        for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
                snprintf(text, sizeof(text), "%" PRIu64, pages[i]);
                grid_cell(grid, text);
        }
}

/* Where statistics go: a table, or an array of JSON. */
struct statistics_sink {
        struct grid *grid;
        yyjson_mut_doc *doc;
        yyjson_mut_val *array;
};

static void sink_add(const struct statistics_sink *sink, const char *pod, const char *container,
                     const struct criu_statistics *statistics)
{
        yyjson_mut_val *object;

        if (sink->grid) {
                grid_cell(sink->grid, pod);
                grid_cell(sink->grid, container);
                statistics_cells(sink->grid, statistics);
                return;
        }
        object = yyjson_mut_arr_add_obj(sink->doc, sink->array);
        answer_add_text(sink->doc, object, "container", container);
        yyjson_mut_obj_add_uint(sink->doc, object, "freezingUs", statistics->freezing_time);
        yyjson_mut_obj_add_uint(sink->doc, object, "frozenUs", statistics->frozen_time);
        yyjson_mut_obj_add_uint(sink->doc, object, "memdumpUs", statistics->memdump_time);
        yyjson_mut_obj_add_uint(sink->doc, object, "memwriteUs", statistics->memwrite_time);
        yyjson_mut_obj_add_uint(sink->doc, object, "pagesScanned", statistics->pages_scanned);
        yyjson_mut_obj_add_uint(sink->doc, object, "pagesWritten", statistics->pages_written);
}

static void report_missing(const struct error *err)
{
        fputs("No statistics: ", stderr);
        text_print_safe(err->text, stderr);
        fprintf(stderr, " [%s]\n", error_code(err));
}

static int sink_container(const struct statistics_sink *sink, const char *pod, const char *container,
                          struct archive *archive, struct error *err)
{
        struct criu_source source = archive_criu_source(archive);
        _cleanup_criu_dump_ struct criu_dump *dump = NULL;
        int ret = criu_dump_load(&source, 0, &dump, err);

        if (ret < 0)
                return error_wrap(err, ret, "`%s`", archive_path(archive));
        if (!dump->statistics.present)
                return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT, "`%s` has no `stats-dump`",
                                 archive_path(archive));
        sink_add(sink, pod, container, &dump->statistics);
        return 0;
}

static int sink_inner(const struct statistics_sink *sink, const struct pod_archive *pod,
                      const struct pod_archive_container *container, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        int ret;

        if (!container->member)
                return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT, "`%s` has no `%s.tar`",
                                 archive_path(pod->archive), container->full_name);
        ret = archive_open_inner(pod->archive, container->member, &archive, err);
        return ret < 0 ? ret : sink_container(sink, pod->name, container->name, archive, err);
}

static void sink_pod_archive(const struct statistics_sink *sink, const struct pod_archive *pod)
{
        for (size_t i = 0; i < pod->container_count; i++) {
                struct error err = {0};

                if (sink_inner(sink, pod, &pod->containers[i], &err) < 0)
                        report_missing(&err);
        }
}

/* The archive of a pod holds those of its containers, or, made by hand, is that of its only one. */
static int sink_pod(const struct statistics_sink *sink, const struct podset *set, const struct pod *pod,
                    struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_pod_archive_ struct pod_archive *inner = NULL;
        int ret = podset_open_archive(set, pod, &archive, err);

        if (ret < 0)
                return ret;
        if (!pod_archive_recognise(archive))
                return sink_container(sink, pod->name,
                                      pod->container_count == 1 ? pod->containers[0].name : "", archive, err);
        ret = pod_archive_load(archive, &inner, err);
        if (ret < 0)
                return ret;
        archive = NULL;
        sink_pod_archive(sink, inner);
        return 0;
}

static struct grid *statistics_grid(void)
{
        struct grid *grid = grid_new();

        grid_column(grid, "POD");
        grid_column(grid, "CONTAINER");
        statistics_columns(grid);
        return grid;
}

static void print_statistics(const struct grid *grid)
{
        puts("CRIU dump statistics");
        grid_print(grid, stdout);
}

static void print_place(const char *what, const char *place)
{
        printf("\nDisplaying %s from ", what);
        text_print_safe(place, stdout);
        fputs("\n\n", stdout);
}

static void add_pod_rows(struct grid *grid, const struct pod *pod, bool found, const struct pods_view *view)
{
        for (size_t i = 0; i < pod->container_count; i++) {
                grid_cell(grid, pod->name);
                grid_cell(grid, pod->name_space);
                grid_cell(grid, pod->containers[i].name);
                grid_cell(grid, pod->containers[i].image);
                grid_cell(grid, found ? "true" : "false");
                if (view->uid)
                        grid_cell(grid, pod->uid);
                if (view->ip)
                        grid_cell(grid, pod->ip);
        }
}

void podset_show(const struct podset *set, const struct pods_view *view)
{
        static const char *const headings[] = {"POD", "NAMESPACE", "CONTAINER", "IMAGE", "ARCHIVE FOUND"};
        const struct pods *pods = podset_pods(set);
        _cleanup_grid_ struct grid *grid = grid_new(), *statistics = statistics_grid();
        const struct statistics_sink sink = {.grid = statistics};

        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                grid_column(grid, headings[i]);
        if (view->uid)
                grid_column(grid, "POD UID");
        if (view->ip)
                grid_column(grid, "POD IP");
        print_place("data", podset_place(set));
        for (size_t i = 0; i < pods->count; i++)
                add_pod_rows(grid, &pods->list[i], podset_has_archive(set, &pods->list[i]), view);
        grid_print(grid, stdout);
        if (!view->statistics)
                return;
        for (size_t i = 0; i < pods->count; i++) {
                struct error err = {0};

                if (sink_pod(&sink, set, &pods->list[i], &err) < 0)
                        report_missing(&err);
        }
        print_statistics(statistics);
}

static bool has_sizes(const struct pod_archive *pod)
{
        for (size_t i = 0; i < pod->container_count; i++)
                if (pod->containers[i].member && pod->containers[i].member->size)
                        return true;
        return false;
}

void pod_archive_show(const struct pod_archive *pod, const struct pods_view *view)
{
        static const char *const headings[] = {"POD", "NAMESPACE", "HOSTNAME", "CONTAINER"};
        _cleanup_grid_ struct grid *grid = grid_new(), *statistics = statistics_grid();
        bool sizes = has_sizes(pod);
        char size[UNIT_TEXT_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                grid_column(grid, headings[i]);
        if (view->uid)
                grid_column(grid, "POD UID");
        if (sizes)
                grid_column(grid, "CHKPT SIZE");
        for (size_t i = 0; i < pod->container_count; i++) {
                const struct pod_archive_container *container = &pod->containers[i];

                grid_cell(grid, pod->name);
                grid_cell(grid, pod->name_space);
                grid_cell(grid, pod->hostname);
                grid_cell(grid, container->name);
                if (view->uid)
                        grid_cell(grid, pod->uid);
                if (sizes)
                        grid_cell(grid, container->member ? size_format(container->member->size, size) : "");
        }
        print_place("pod checkpoint data", archive_path(pod->archive));
        grid_print(grid, stdout);
        if (!view->statistics)
                return;
        sink_pod_archive(&(struct statistics_sink){.grid = statistics}, pod);
        print_statistics(statistics);
}

static void add_pod_object(const struct podset *set, const struct pod *pod, bool statistics,
                           yyjson_mut_doc *doc, yyjson_mut_val *array)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, array), *containers;
        struct error err = {0};

        answer_add_text(doc, object, "name", pod->name);
        answer_add_text(doc, object, "namespace", pod->name_space);
        answer_add_text(doc, object, "uid", pod->uid);
        answer_add_text(doc, object, "sandboxId", pod->sandbox);
        answer_add_text_if(doc, object, "ip", pod->ip);
        yyjson_mut_obj_add_bool(doc, object, "archiveFound", podset_has_archive(set, pod));
        containers = yyjson_mut_obj_add_arr(doc, object, "containers");
        for (size_t i = 0; i < pod->container_count; i++) {
                yyjson_mut_val *container = yyjson_mut_arr_add_obj(doc, containers);

                answer_add_text(doc, container, "name", pod->containers[i].name);
                answer_add_text_if(doc, container, "id", pod->containers[i].id);
                answer_add_text(doc, container, "image", pod->containers[i].image);
        }
        if (statistics) {
                const struct statistics_sink sink = {
                        .doc = doc, .array = yyjson_mut_obj_add_arr(doc, object, "statistics")};

                if (sink_pod(&sink, set, pod, &err) < 0)
                        report_missing(&err);
        }
}

yyjson_mut_val *podset_to_json(const struct podset *set, const struct pods_view *view, yyjson_mut_doc *doc)
{
        yyjson_mut_val *root = yyjson_mut_obj(doc), *array = yyjson_mut_obj_add_arr(doc, root, "pods");
        const struct pods *pods = podset_pods(set);

        for (size_t i = 0; i < pods->count; i++)
                add_pod_object(set, &pods->list[i], view->statistics, doc, array);
        return root;
}

yyjson_mut_val *pod_archive_to_json(const struct pod_archive *pod, const struct pods_view *view,
                                    yyjson_mut_doc *doc)
{
        yyjson_mut_val *root = yyjson_mut_obj(doc), *object = yyjson_mut_obj_add_obj(doc, root, "pod"),
                       *array;

        answer_add_text(doc, object, "name", pod->name);
        answer_add_text(doc, object, "namespace", pod->name_space);
        answer_add_text(doc, object, "uid", pod->uid);
        answer_add_text(doc, object, "hostname", pod->hostname);
        array = yyjson_mut_obj_add_arr(doc, object, "containers");
        for (size_t i = 0; i < pod->container_count; i++) {
                const struct pod_archive_container *container = &pod->containers[i];
                yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, array);

                answer_add_text(doc, entry, "name", container->name);
                answer_add_text(doc, entry, "fullName", container->full_name);
                yyjson_mut_obj_add_bool(doc, entry, "archiveFound", container->member != NULL);
                answer_add_uint_if(doc, entry, "size", container->member ? container->member->size : 0);
        }
        if (view->statistics) {
                const struct statistics_sink sink = {
                        .doc = doc, .array = yyjson_mut_obj_add_arr(doc, object, "statistics")};

                sink_pod_archive(&sink, pod);
        }
        return root;
}
