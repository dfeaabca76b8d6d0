/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <time.h>
#include "archive/metadata.h"
#include "archive/pod_archive.h"
#include "archive/podset.h"
#include "base/clock.h"
#include "base/pool.h"
#include "cli/answer.h"
#include "cli/list_containers.h"
#include "cli/node.h"
#include "program/memory.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verb.h"

static bool of_containers;

static const struct option_spec options[] = {
        {"containers", 0, OPTION_FLAG, &of_containers, NULL,
         "list the containers that are here, of all engines, in place of checkpoints"},
};

/* Files that wait for a thread. */
#define FILES_WAITING 64

/* Where the kubelet has its archives written. */
static const char default_directory[] = PODSET_KUBELET "/";

struct listing {
        struct table *table;
        yyjson_mut_doc *doc; /* NULL without --json */
        size_t found;        /* files that are named like checkpoints, readable or not */
        pthread_mutex_t alone;
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

/* One file, filled in by whichever thread reads it. Text is owned. */
struct entry {
        struct listing *listing;
        char *path, *name;
        char *name_space, *pod, *container, *taken;
        const char *engine;
        const char *id; /* on a node; NULL here */
        uint64_t size;
        struct error *err; /* why it could not be read; NULL: it was */
};

static void add_object(struct listing *listing, const struct entry *entry)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(listing->doc, yyjson_mut_doc_get_root(listing->doc));

        if (entry->id)
                answer_add_text(listing->doc, object, "id", entry->id);
        answer_add_text(listing->doc, object, "namespace", entry->name_space);
        answer_add_text(listing->doc, object, "pod", entry->pod);
        answer_add_text(listing->doc, object, "container", entry->container);
        answer_add_text(listing->doc, object, "engine", entry->engine);
        answer_add_text_if(listing->doc, object, "checkpointed", entry->taken);
        answer_add_text(listing->doc, object, "name", entry->name);
        answer_add_text(listing->doc, object, "path", entry->path);
        yyjson_mut_obj_add_uint(listing->doc, object, "size", entry->size);
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

/* The archive of a pod is one line, with the names of all its containers. Takes `archive` over. */
static int read_pod(struct archive *archive, struct entry *entry, struct error *err)
{
        _cleanup_pod_archive_ struct pod_archive *pod = NULL;
        _cleanup_buffer_ struct buffer containers = {0};
        int ret = pod_archive_load(archive, &pod, err);

        if (ret < 0) {
                archive_free(archive);
                return ret;
        }
        for (size_t i = 0; i < pod->container_count; i++)
                memory_check(buffer_printf(&containers, "%s%s", i ? ", " : "", pod->containers[i].name));
        entry->name_space = memory_copy(pod->name_space);
        entry->pod = memory_copy(pod->name);
        entry->container = memory_copy(buffer_text(&containers));
        entry->taken = memory_copy("");
        entry->engine = "";
        return 0;
}

static int read_archive(struct entry *entry, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *metadata = NULL;
        bool has_pod;
        int ret = archive_open_any(entry->path, &archive, err);

        if (ret < 0)
                return ret;
        entry->size = archive_file_size(archive);
        if (pod_archive_recognise(archive))
                return read_pod(steal_ptr(archive), entry, err);
        ret = metadata_load(archive, &metadata, err);
        if (ret < 0)
                return ret;
        has_pod = metadata->engine != ENGINE_PODMAN; /* whatever annotations it was given */
        entry->name_space = memory_copy(has_pod ? metadata->pod_namespace : "");
        entry->pod = memory_copy(has_pod ? metadata->pod_name : "");
        entry->container = memory_copy(metadata->container_name);
        entry->taken = memory_copy(time_taken(metadata));
        entry->engine = engine_name(metadata->engine);
        return 0;
}

/* Reading a compressed archive takes memory, so that only one is read at a time. */
static bool is_compressed(const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint8_t head[16];
        ssize_t n = fd < 0 ? 0 : pread(fd, head, sizeof(head), 0);

        return n > 0 && compression_detect((struct slice){head, (size_t)n}) != COMPRESSION_NONE;
}

static void entry_read(void *argument)
{
        struct entry *entry = argument;
        bool alone = is_compressed(entry->path);
        struct error err = {0};

        if (alone)
                pthread_mutex_lock(&entry->listing->alone);
        if (read_archive(entry, &err) < 0) {
                entry->err = memory_grow(NULL, 1, sizeof(err));
                *entry->err = err;
        }
        if (alone)
                pthread_mutex_unlock(&entry->listing->alone);
}

/* One that cannot be read must not hide the others. */
static void add_or_report(struct listing *listing, const struct entry *entry)
{
        if (!entry->err) {
                if (listing->doc)
                        add_object(listing, entry);
                else
                        add_row(listing, entry);
                return;
        }
        fputs("Skipped: ", stderr);
        text_print_safe(entry->err->text, stderr);
        fprintf(stderr, " [%s]\n", error_code(entry->err));
}

static void entry_done(struct entry *entry)
{
        free(entry->path);
        free(entry->name);
        free(entry->name_space);
        free(entry->pod);
        free(entry->container);
        free(entry->taken);
        free(entry->err);
}

/* All at once, as far as there are processors; shown in order. */
static int add_files(struct listing *listing, struct entry *entries, size_t count, struct error *err)
{
        _cleanup_pool_ struct pool *pool = NULL;
        int ret = pool_new(0, FILES_WAITING, &pool, err);

        if (ret < 0)
                return ret;
        for (size_t i = 0; i < count; i++)
                pool_submit(pool, entry_read, &entries[i]);
        pool_wait(pool);
        for (size_t i = 0; i < count; i++)
                add_or_report(listing, &entries[i]);
        return 0;
}

static int add_directory(struct listing *listing, const char *directory, struct error *err)
{
        _cleanup_free_ struct entry *entries = NULL;
        struct dirent **names;
        int ret, count = scandir(directory, &names, is_checkpoint, alphasort);

        if (count < 0 && errno == ENOENT)
                return 0;
        if (count < 0)
                return error_errno(err, errno, "cannot list `%s`", directory);
        if (count > 0 && !listing->doc)
                printf("Listing checkpoints in path: %s\n", directory);
        listing->found += (size_t)count;
        entries = memory_grow(NULL, (size_t)count + 1, sizeof(*entries));
        for (int i = 0; i < count; i++) {
                _cleanup_buffer_ struct buffer path = {0};

                memory_check(buffer_printf(&path, "%s%s%s", directory,
                                           text_ends_with(directory, "/") ? "" : "/", names[i]->d_name));
                entries[i] = (struct entry){.listing = listing,
                                            .path = memory_copy(buffer_text(&path)),
                                            .name = memory_copy(names[i]->d_name)};
                free(names[i]);
        }
        free(names);
        ret = add_files(listing, entries, (size_t)count, err);
        for (int i = 0; i < count; i++)
                entry_done(&entries[i]);
        return ret;
}

/* --- of a node: what it has recorded
 * ------------------------------------------------------------------------
 */

/* As the archives of its drivers are called. */
static const char *engine_of_driver(const char *driver)
{
        if (strcmp(driver, "podman") == 0)
                return engine_name(ENGINE_PODMAN);
        if (strcmp(driver, "crun") == 0 || strcmp(driver, "runc") == 0)
                return engine_name(ENGINE_OCI);
        return driver;
}

static int add_record(void *context, yyjson_val *checkpoint, struct error *err)
{
        struct listing *listing = context;
        const char *path = json_text_or(checkpoint, "path", ""), *slash = strrchr(path, '/');
        struct entry entry = {.path = memory_copy(path),
                              .name = memory_copy(listing->doc ? (slash ? slash + 1 : path)
                                                               : json_text_or(checkpoint, "id", "")),
                              .name_space = memory_copy(json_text_or(checkpoint, "namespace", "")),
                              .pod = memory_copy(json_text_or(checkpoint, "pod", "")),
                              .container = memory_copy(json_text_or(checkpoint, "container", "")),
                              .taken = memory_copy(json_text_or(checkpoint, "createdAt", "")),
                              .engine = engine_of_driver(json_text_or(checkpoint, "engine", "")),
                              .id = json_text_or(checkpoint, "id", ""),
                              .size = json_uint_or(checkpoint, "size", 0)};

        listing->found++;
        add_or_report(listing, &entry);
        entry_done(&entry);
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
        int ret = 0;

        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                table_column(listing->table, headings[i]);
        for (int i = 0; i < count && ret == 0; i++)
                ret = add_directory(listing, directories[i], err);
        if (ret == 0 && node_is_used())
                ret = node_each_checkpoint(add_record, listing, err);
        if (ret < 0)
                return ret;
        if (listing->doc)
                return answer_print(listing->doc, err);
        if (listing->found)
                table_print(listing->table, stdout);
        else if (node_is_used())
                puts("No checkpoints found on the node");
        else
                print_nothing_found(count, directories);
        return 0;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_table_ struct table *table = table_new();
        _cleanup_json_mut_ yyjson_mut_doc *doc = cli->json ? answer_new() : NULL;
        struct listing listing = {.table = table, .doc = doc, .alone = PTHREAD_MUTEX_INITIALIZER};
        char directory[sizeof(default_directory)];
        char *defaults[] = {directory};

        if (of_containers && node_is_used())
                return node_refuse_options(&(struct local_option){"containers", true}, 1, err);
        if (of_containers && argc)
                return error_set(err, &ERROR_USAGE, -EINVAL, "containers are not in directories");
        if (of_containers)
                return list_containers(cli->json, err);
        memcpy(directory, default_directory, sizeof(directory));
        if (doc)
                yyjson_mut_doc_set_root(doc, yyjson_mut_arr(doc));
        if (node_is_used())
                return argc ? error_set(err, &ERROR_USAGE, -EINVAL, "a node has no directories to be listed")
                            : list(&listing, 0, NULL, err);
        return argc ? list(&listing, argc, argv, err) : list(&listing, 1, defaults, err);
}

const struct verb verb_list = {
        .name = "list",
        .usage = "[DIRECTORY...]",
        .summary = "list the checkpoints in directories, or the containers of this machine",
        .description = "Lists the files named checkpoint-* of the directories, by default of " PODSET_KUBELET
                       "/. Files that are no checkpoints are named "
                       "on standard error and left out.\n\n"
                       "With --json, prints an array with one object for each checkpoint or container.",
        .examples = "checkpointctl list\twhat the kubelet has kept on this node\n"
                    "checkpointctl list . /backup\twhat lies here and there\n"
                    "checkpointctl list --containers\twhat can be checkpointed here",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_DIRECTORY,
        .arguments_max = UINT_MAX,
        .opens_checkpoints = true,
        .reaches_nodes = true,
        .run = run,
};
