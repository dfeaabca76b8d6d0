/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <time.h>
#include "archive/metadata.h"
#include "archive/pod_archive.h"
#include "archive/podset.h"
#include "base/clock.h"
#include "cli/answer.h"
#include "cli/memory.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verb.h"

/* Where the kubelet has its archives written. */
static const char default_directory[] = PODSET_KUBELET "/";

struct listing {
        struct table *table;
        yyjson_mut_doc *doc; /* NULL without --json */
        size_t found;        /* files that are named like checkpoints, readable or not */
};

static int is_checkpoint(const struct dirent *entry)
{
        return text_starts_with(entry->d_name, "checkpoint-");
}

/* When the checkpoint was taken, by whoever says so: Podman does not, snap.json does. */
static const char *time_taken(const struct metadata *metadata)
{
        const char *taken = json_text_or(yyjson_doc_get_root(metadata->facts), "createdAt", "");

        return taken[0] ? taken : metadata->checkpointed;
}

/* RFC 822 as checkpointctl prints it; "" when unknown. */
static void format_time(const char *rfc3339, char *out, size_t size)
{
        static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        int64_t ns = 0;
        time_t seconds;
        struct tm tm;

        out[0] = '\0';
        if (!rfc3339_parse(rfc3339, &ns) || ns == 0)
                return;
        seconds = (time_t)(ns / 1000000000);
        if (gmtime_r(&seconds, &tm))
                snprintf(out, size, "%02d %s %02d %02d:%02d UTC", tm.tm_mday, months[tm.tm_mon],
                         tm.tm_year % 100, tm.tm_hour, tm.tm_min);
}

/* One line of the list. Text is borrowed. */
struct entry {
        const char *name_space, *pod, *container, *engine, *taken, *name;
};

static void add_object(struct listing *listing, const struct archive *archive, const struct entry *entry)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(listing->doc, yyjson_mut_doc_get_root(listing->doc));

        answer_add_text(listing->doc, object, "namespace", entry->name_space);
        answer_add_text(listing->doc, object, "pod", entry->pod);
        answer_add_text(listing->doc, object, "container", entry->container);
        answer_add_text(listing->doc, object, "engine", entry->engine);
        answer_add_text_if(listing->doc, object, "checkpointed", entry->taken);
        answer_add_text(listing->doc, object, "name", entry->name);
        answer_add_text(listing->doc, object, "path", archive_path(archive));
        yyjson_mut_obj_add_uint(listing->doc, object, "size", archive_file_size(archive));
}

static void add_row(struct listing *listing, const struct entry *entry)
{
        char taken[64];

        format_time(entry->taken, taken, sizeof(taken));
        table_cell(listing->table, entry->name_space);
        table_cell(listing->table, entry->pod);
        table_cell(listing->table, entry->container);
        table_cell(listing->table, entry->engine);
        table_cell(listing->table, taken);
        table_cell(listing->table, entry->name);
}

static void add_entry(struct listing *listing, const struct archive *archive, const struct entry *entry)
{
        if (listing->doc)
                add_object(listing, archive, entry);
        else
                add_row(listing, entry);
}

/* The archive of a pod is one line, with the names of all its containers. Takes `archive` over. */
static int add_pod(struct listing *listing, struct archive *archive, const char *name, struct error *err)
{
        _cleanup_pod_archive_ struct pod_archive *pod = NULL;
        _cleanup_buffer_ struct buffer containers = {0};
        struct entry entry = {.engine = "", .taken = "", .name = name};
        int ret = pod_archive_load(archive, &pod, err);

        if (ret < 0) {
                archive_free(archive);
                return ret;
        }
        for (size_t i = 0; i < pod->container_count; i++)
                memory_check(buffer_printf(&containers, "%s%s", i ? ", " : "", pod->containers[i].name));
        entry.name_space = pod->name_space;
        entry.pod = pod->name;
        entry.container = buffer_text(&containers);
        add_entry(listing, archive, &entry);
        return 0;
}

static int add_archive(struct listing *listing, const char *path, const char *name, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *metadata = NULL;
        struct entry entry;
        bool has_pod;
        int ret = archive_open_any(path, &archive, err);

        if (ret == 0 && pod_archive_recognise(archive))
                return add_pod(listing, steal_ptr(archive), name, err);
        if (ret == 0)
                ret = metadata_load(archive, &metadata, err);
        if (ret < 0)
                return ret;
        has_pod = metadata->engine != ENGINE_PODMAN; /* whatever annotations it was given */
        entry = (struct entry){
                .name_space = has_pod ? metadata->pod_namespace : "",
                .pod = has_pod ? metadata->pod_name : "",
                .container = metadata->container_name,
                .engine = engine_name(metadata->engine),
                .taken = time_taken(metadata),
                .name = name,
        };
        add_entry(listing, archive, &entry);
        return 0;
}

/* One that cannot be read must not hide the others. */
static void add_or_report(struct listing *listing, const char *directory, const char *name)
{
        _cleanup_buffer_ struct buffer path = {0};
        struct error err = {0};

        memory_check(
                buffer_printf(&path, "%s%s%s", directory, text_ends_with(directory, "/") ? "" : "/", name));
        if (add_archive(listing, buffer_text(&path), name, &err) == 0)
                return;
        fputs("Skipped: ", stderr);
        text_print_safe(err.text, stderr);
        fprintf(stderr, " [%s]\n", error_code(&err));
}

static int add_directory(struct listing *listing, const char *directory, struct error *err)
{
        struct dirent **entries;
        int count = scandir(directory, &entries, is_checkpoint, alphasort);

        if (count < 0 && errno == ENOENT)
                return 0;
        if (count < 0)
                return error_errno(err, errno, "cannot list `%s`", directory);
        if (count > 0 && !listing->doc)
                printf("Listing checkpoints in path: %s\n", directory);
        listing->found += (size_t)count;
        for (int i = 0; i < count; i++) {
                add_or_report(listing, directory, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return 0;
}

static void print_nothing_found(int count, char **directories)
{
        fputs("No checkpoints found in [", stdout);
        for (int i = 0; i < count; i++)
                printf("%s%s", i ? " " : "", directories[i]);
        puts("]");
}

static int list(struct listing *listing, int count, char **directories, struct error *err)
{
        static const char *const headings[] = {
                "NAMESPACE", "POD", "CONTAINER", "ENGINE", "TIME CHECKPOINTED", "CHECKPOINT NAME"};

        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                table_column(listing->table, headings[i]);
        for (int i = 0; i < count; i++) {
                int ret = add_directory(listing, directories[i], err);

                if (ret < 0)
                        return ret;
        }
        if (listing->doc)
                return answer_print(listing->doc, err);
        if (listing->found)
                table_print(listing->table, stdout);
        else
                print_nothing_found(count, directories);
        return 0;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_table_ struct table *table = table_new();
        _cleanup_json_mut_ yyjson_mut_doc *doc = cli->json ? answer_new() : NULL;
        struct listing listing = {.table = table, .doc = doc};
        char directory[sizeof(default_directory)];
        char *defaults[] = {directory};

        memcpy(directory, default_directory, sizeof(directory));
        if (doc)
                yyjson_mut_doc_set_root(doc, yyjson_mut_arr(doc));
        return argc ? list(&listing, argc, argv, err) : list(&listing, 1, defaults, err);
}

const struct verb verb_list = {
        .name = "list",
        .usage = "[DIRECTORY...]",
        .summary = "list the checkpoints in directories",
        .description = "Lists the files named checkpoint-* of the directories, by default of " PODSET_KUBELET
                       "/. Files that are no checkpoints are named "
                       "on standard error and left out.\n\n"
                       "With --json, prints an array with one object for each checkpoint.",
        .examples = "checkpointctl list\twhat the kubelet has kept on this node\n"
                    "checkpointctl list . /backup\twhat lies here and there",
        .argument = ARGUMENT_DIRECTORY,
        .arguments_max = UINT_MAX,
        .run = run,
};
