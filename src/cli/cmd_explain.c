/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include "archive/walk.h"
#include "archive/weight.h"
#include "cli/answer.h"
#include "cli/outline.h"
#include "cli/progress_bar.h"
#include "cli/style.h"
#include "cli/text.h"
#include "program/units.h"
#include "cli/verb.h"
#include "oci/location.h"
#include "runtime/portability.h"

/* More mappings of a process than these are summed up. */
#define MAPPINGS_SHOWN 8

struct explanation {
        struct archive *archive;
        struct metadata *metadata;
        struct criu_dump *dump;
        struct weight weight;
        struct verify_tars *tars;
        struct verify_report files;
        struct check_list checks;
};

static void explanation_release(struct explanation *explanation)
{
        check_list_free(&explanation->checks);
        verify_report_free(&explanation->files);
        verify_tars_free(explanation->tars);
        weight_free(&explanation->weight);
        criu_dump_freep(&explanation->dump);
        metadata_freep(&explanation->metadata);
        archive_freep(&explanation->archive);
}

static int take_tar(void *context, const struct archive_member *member, struct stream *contents,
                    struct error *err)
{
        struct explanation *explanation = context;
        _cleanup_tar_walk_ struct tar_walk walk = {.stream = contents, .what = member->name};
        int ret;

        while ((ret = tar_walk_next(&walk, err)) > 0) {
                ret = weight_add_entry(&explanation->weight, member, &walk.entry, err);
                if (ret == 0)
                        ret = verify_tars_entry(explanation->tars, member, &walk.entry, err);
                if (ret < 0)
                        return ret;
        }
        return ret;
}

/* Everything that must come by when the archive can be read only once. */
static int read_through(struct explanation *explanation, const struct progress *progress, struct error *err)
{
        const struct archive_visitor visitor = {
                .tar = take_tar, .context = explanation, .progress = progress, .phase = "read"};
        int ret =
                verify_tars_new(explanation->archive, progress, &explanation->files, &explanation->tars, err);

        if (ret == 0)
                ret = archive_visit(explanation->archive, &visitor, err);
        return ret == 0 ? verify_tars_finish(explanation->tars, err) : ret;
}

static int explain(const char *path, const struct progress *progress, struct explanation *out,
                   struct error *err)
{
        struct criu_source source;
        int ret = location_open_unread(path, progress, &out->archive, err);

        if (ret == 0)
                ret = read_through(out, progress, err);
        if (ret == 0)
                ret = metadata_load(out->archive, &out->metadata, err);
        if (ret < 0)
                return ret;
        source = archive_criu_source(out->archive);
        ret = criu_dump_load(&source, PORTABILITY_LOAD, &out->dump, err);
        if (ret == 0)
                ret = weight_measure(out->archive, out->dump, &out->weight, err);
        if (ret == 0)
                ret = portability_check(out->archive, out->metadata, out->dump, &out->files, &out->checks,
                                        err);
        return ret;
}

/* What the status of a check means here, where nothing is compared with this machine. */
static const struct {
        const char *severity;
        enum style style;
} severities[] = {
        [CHECK_OK] = {"fine", STYLE_GOOD},
        [CHECK_WARNING] = {"risk", STYLE_WARNING},
        [CHECK_FAILED] = {"breaks", STYLE_BAD},
        [CHECK_UNKNOWN] = {"unknown", STYLE_PLAIN},
};
static const enum check_status worst_first[] = {CHECK_FAILED, CHECK_WARNING, CHECK_UNKNOWN, CHECK_OK};

static const char *share_format(uint64_t size, uint64_t total, char out[UNIT_TEXT_SIZE])
{
        snprintf(out, UNIT_TEXT_SIZE, "%.1f %%", total ? 100.0 * (double)size / (double)total : 0.0);
        return out;
}

static void add_processes(const struct weight *weight, struct outline *outline)
{
        char size[UNIT_TEXT_SIZE];

        for (size_t i = 0; i < weight->process_count; i++) {
                const struct weight_process *process = &weight->processes[i];
                uint64_t rest = process->size;

                if (process->process)
                        outline_add(outline, 2, "[%d]  %s: %s", (int)process->process->pid,
                                    process->process->command, size_format(process->size, size));
                else
                        outline_add(outline, 2, "shared memory: %s", size_format(process->size, size));
                for (size_t j = 0; j < process->mapping_count; j++) {
                        const struct weight_mapping *mapping = &process->mappings[j];

                        if (j == MAPPINGS_SHOWN) {
                                outline_add(outline, 3, "%zu more: %s", process->mapping_count - j,
                                            size_format(rest, size));
                                break;
                        }
                        rest -= mapping->size;
                        if (process->process)
                                outline_add(outline, 3, "%s%s%s: %s", weight_mapping_name(mapping),
                                            *mapping->path ? " " : "", mapping->path,
                                            size_format(mapping->size, size));
                        else
                                outline_add(outline, 3, "segment %" PRIu64 "%s%s: %s", mapping->shared_id,
                                            *mapping->path ? " " : "", mapping->path,
                                            size_format(mapping->size, size));
                }
        }
        if (weight->in_parent)
                outline_add(outline, 2, "in an earlier dump, not here: %s",
                            size_format(weight->in_parent, size));
}

static void print_weight(const struct explanation *explanation, const char *path)
{
        const struct weight *weight = &explanation->weight;
        _cleanup_outline_ struct outline *outline = outline_new();
        char size[UNIT_TEXT_SIZE], share[UNIT_TEXT_SIZE];

        size_format(archive_file_size(explanation->archive), share);
        outline_add(outline, 0, "%s: %s, which takes %s", path, size_format(weight->total, size), share);
        for (int part = 0; part < WEIGHT_PARTS; part++) {
                if (!weight->parts[part])
                        continue;
                outline_add(outline, 1, "%s: %s (%s)", weight_part_name((enum weight_part)part),
                            size_format(weight->parts[part], size),
                            share_format(weight->parts[part], weight->total, share));
                if (part == WEIGHT_MEMORY)
                        add_processes(weight, outline);
                for (size_t i = 0; i < weight->file_counts[part]; i++) {
                        const struct weight_file *file = &weight->files[part][i];

                        outline_add(outline, 2, "%s%s%s: %s", file->member, file->path ? ": " : "",
                                    file->path ? file->path : "", size_format(file->size, size));
                }
        }
        outline_print(outline, stdout);
}

static void print_check(const struct check *check)
{
        printf("  %s%-8s%s%s: ", style_begin(severities[check->status].style, stdout),
               severities[check->status].severity, style_end(severities[check->status].style, stdout),
               check->name);
        text_print_safe(check->reason, stdout);
        putchar('\n');
        if (*check->remedy)
                printf("          %s\n", check->remedy);
}

static void print_text(const struct explanation *explanation, const char *path)
{
        printf("%sWhat makes it this large%s\n", style_begin(STYLE_HEADING, stdout),
               style_end(STYLE_HEADING, stdout));
        print_weight(explanation, path);
        printf("\n%sWhat becomes of it on another machine%s\n", style_begin(STYLE_HEADING, stdout),
               style_end(STYLE_HEADING, stdout));
        for (size_t i = 0; i < ARRAY_SIZE(worst_first); i++)
                for (size_t j = 0; j < explanation->checks.count; j++)
                        if (explanation->checks.items[j].status == worst_first[i])
                                print_check(&explanation->checks.items[j]);
}

static yyjson_mut_val *process_to_json(const struct weight_process *process, yyjson_mut_doc *doc)
{
        yyjson_mut_val *object = yyjson_mut_obj(doc), *mappings;

        if (process->process) {
                yyjson_mut_obj_add_int(doc, object, "pid", process->process->pid);
                answer_add_text(doc, object, "command", process->process->command);
        }
        yyjson_mut_obj_add_uint(doc, object, "size", process->size);
        mappings = yyjson_mut_obj_add_arr(doc, object, "mappings");
        for (size_t i = 0; i < process->mapping_count; i++) {
                yyjson_mut_val *mapping = yyjson_mut_arr_add_obj(doc, mappings);

                yyjson_mut_obj_add_str(doc, mapping, "kind", weight_mapping_key(&process->mappings[i]));
                if (!process->process)
                        yyjson_mut_obj_add_uint(doc, mapping, "segment", process->mappings[i].shared_id);
                answer_add_text_if(doc, mapping, "path", process->mappings[i].path);
                yyjson_mut_obj_add_uint(doc, mapping, "size", process->mappings[i].size);
        }
        return object;
}

static void add_part(const struct weight *weight, enum weight_part part, yyjson_mut_doc *doc,
                     yyjson_mut_val *parts)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, parts), *files;

        yyjson_mut_obj_add_str(doc, object, "name", weight_part_key(part));
        yyjson_mut_obj_add_uint(doc, object, "size", weight->parts[part]);
        files = yyjson_mut_obj_add_arr(doc, object, "largest");
        for (size_t i = 0; i < weight->file_counts[part]; i++) {
                yyjson_mut_val *file = yyjson_mut_arr_add_obj(doc, files);

                answer_add_text(doc, file, "member", weight->files[part][i].member);
                answer_add_text_if(doc, file, "path", weight->files[part][i].path);
                yyjson_mut_obj_add_uint(doc, file, "size", weight->files[part][i].size);
        }
}

static int print_json(const struct explanation *explanation, const char *path, struct error *err)
{
        const struct weight *weight = &explanation->weight;
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc), *list;

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "path", path);
        yyjson_mut_obj_add_uint(doc, root, "fileSize", archive_file_size(explanation->archive));
        yyjson_mut_obj_add_uint(doc, root, "size", weight->total);
        answer_add_uint_if(doc, root, "sizeInParent", weight->in_parent);
        list = yyjson_mut_obj_add_arr(doc, root, "parts");
        for (int part = 0; part < WEIGHT_PARTS; part++)
                if (weight->parts[part])
                        add_part(weight, (enum weight_part)part, doc, list);
        list = yyjson_mut_obj_add_arr(doc, root, "processes");
        for (size_t i = 0; i < weight->process_count; i++)
                yyjson_mut_arr_append(list, process_to_json(&weight->processes[i], doc));
        list = yyjson_mut_obj_add_arr(doc, root, "portability");
        for (size_t i = 0; i < explanation->checks.count; i++) {
                const struct check *check = &explanation->checks.items[i];
                yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);

                answer_add_text(doc, object, "name", check->name);
                yyjson_mut_obj_add_str(doc, object, "severity", severities[check->status].severity);
                answer_add_text(doc, object, "reason", check->reason);
                answer_add_text(doc, object, "remedy", check->remedy);
        }
        return answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_(explanation_release) struct explanation explanation = {0};
        _cleanup_progress_bar_ struct progress_bar *bar = progress_bar_new(stderr, PROGRESS_LATE);
        int ret = explain(argv[0], progress_bar_progress(bar), &explanation, err);

        progress_bar_finish(bar);
        if (ret < 0)
                return ret;
        if (cli->json)
                return print_json(&explanation, argv[0], err);
        print_text(&explanation, argv[0]);
        return 0;
}

const struct verb verb_explain = {
        .name = "explain",
        .usage = "FILE",
        .summary = "say why a checkpoint is large and what it needs elsewhere",
        .description =
                "Shows what makes a checkpoint this large: the memory of each process by mapping, the "
                "largest "
                "files. Then what becomes of it on another machine: what breaks a restore unless something "
                "is done, what is a risk, what is fine, and what the checkpoint does not tell; each with "
                "the reason and what to do.\n\n"
                "It is the same on every machine, needs no root and reads no memory page. `preflight` and "
                "`restore` compare with the machine that they run on.",
        .examples = "checkpointctl explain web.tar\tbefore it is sent anywhere\n"
                    "checkpointctl explain --json web.tar | jq '.portability[] | select(.severity == "
                    "\"breaks\")'\twhat must be done first",
        .argument = ARGUMENT_FILE,
        .arguments_min = 1,
        .arguments_max = 1,
        .opens_checkpoints = true,
        .reaches_nodes = true,
        .run = run,
};
