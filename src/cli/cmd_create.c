/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <time.h>
#include "cli/answer.h"
#include "cli/choices.h"
#include "cli/create_pod.h"
#include "cli/node.h"
#include "cli/progress_bar.h"
#include "cli/recovery.h"
#include "cli/table.h"
#include "program/units.h"
#include "cli/verb.h"
#include "oci/location.h"
#include "program/memory.h"
#include "runtime/capture.h"

#define NO_CHOICE (-1)

static int runtime = NO_CHOICE, compression = COMPRESSION_NONE, tcp = TCP_REFUSE;
static const char *output;
static uint64_t level, ghost_limit, timeout;
static bool pod, stop, file_locks, ignore_volumes, replace, force;

static const struct option_spec options[] = {
        {"pod", 0, OPTION_FLAG, &pod, NULL,
         "CONTAINER is a pod, or NAMESPACE/POD: all of its containers at one instant, into a directory"},
        {"output", 'o', OPTION_TEXT, &output, "FILE",
         "write the archive here, instead of ./checkpoint-NAME-TIME.tar with the suffix of its compression"},
        {"runtime", 0, OPTION_CHOICE, &runtime, NULL, "look for the container only here", runtime_choices},
        {"compress", 0, OPTION_CHOICE, &compression, NULL, "compress the archive", compression_choices},
        {"level", 0, OPTION_NUMBER, &level, "N",
         "compression level: gzip 1 to 3, zstd 1 to 6, lz4 1 to 12; 0 is the usual one"},
        {"stop", 0, OPTION_FLAG, &stop, NULL, "end the container once the archive is complete and verified"},
        {"tcp", 0, OPTION_CHOICE, &tcp, NULL,
         "what becomes of established TCP connections: refuse to checkpoint, keep them, or close them",
         tcp_choices},
        {"file-locks", 0, OPTION_FLAG, &file_locks, NULL, "keep file locks"},
        {"ghost-limit", 0, OPTION_SIZE, &ghost_limit, "SIZE",
         "keep deleted files that are still open up to this size"},
        {"timeout", 0, OPTION_NUMBER, &timeout, "SECONDS",
         "give up, and let the container go on, after this time"},
        {"ignore-volumes", 0, OPTION_FLAG, &ignore_volumes, NULL, "leave named volumes out"},
        {"replace", 0, OPTION_FLAG, &replace, NULL, "overwrite the archive if it exists"},
        {"force", 0, OPTION_FLAG, &force, NULL, "go on although preflight objects"},
};

/* "./checkpoint-NAME-20261123T041910Z.tar.zst". The checkpoint's id is made later, and is in the archive. */
static char *default_output(const struct container *container)
{
        static const char *const suffixes[] = {"", ".gz", ".zst", ".lz4"};
        _cleanup_buffer_ struct buffer name = {0};
        time_t now = time(NULL);
        struct tm tm;
        char stamp[32], *path;

        for (const char *p = container->name[0] ? container->name : container->id; *p; p++)
                memory_check(buffer_printf(&name, "%c",
                                           isalnum((unsigned char)*p) || strchr("._-", *p) ? *p : '_'));
        gmtime_r(&now, &tm);
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
        memory_check(asprintf(&path, "./checkpoint-%s-%s.tar%s", buffer_text(&name), stamp,
                              suffixes[compression]));
        return path;
}

struct phase {
        const char *name;
        uint64_t us, bytes;
};

static size_t list_phases(const struct phase_times *times, struct phase *out)
{
        const struct phase phases[] = {
                {"preflight", times->preflight_us, 0},
                {"freeze", times->freeze_us, 0},
                {"dump", times->dump_us, times->pages_size},
                {"file system", times->filesystem_us, times->rootfs_diff_size},
                {"seal", times->seal_us, times->archive_size},
                {"verify", times->verify_us, times->archive_size},
                {"total", times->total_us, times->archive_size},
        };

        memcpy(out, phases, sizeof(phases));
        return ARRAY_SIZE(phases);
}

static void print_text(const char *path, const struct checkpoint_result *result)
{
        static const char *const headings[] = {"PHASE", "TIME", "BYTES", "RATE"};
        _cleanup_table_ struct table *table = table_new();
        struct phase phases[8];
        size_t count = list_phases(&result->times, phases);
        char text[UNIT_TEXT_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                table_column(table, headings[i]);
        for (size_t i = 0; i < count; i++) {
                if (!phases[i].us) /* the engine's own checkpoint is one phase */
                        continue;
                table_cell(table, phases[i].name);
                table_cell(table, duration_format(phases[i].us, text));
                table_cell(table, phases[i].bytes ? size_format(phases[i].bytes, text) : "");
                table_cell(table, rate_format(phases[i].bytes, phases[i].us, text));
        }
        printf("Completed: %s\n\n", path);
        table_print(table, stdout);
        printf("\nCheckpoint %s; the container ", result->id);
        if (result->times.frozen_us)
                printf("stood still for %s and ", duration_format(result->times.frozen_us, text));
        puts(stop ? "was ended." : "goes on.");
}

/* The digest of snap.json, which holds the digest of every member: it names the contents, however compressed.
 * "" when the engine wrote the archive: then there is none. */
static int read_digest(const char *path, char out[SHA256_HEX_SIZE], struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer facts = {0};
        const struct archive_member *member;
        struct sha256 digest;
        int ret = location_open(path, NULL, &archive, err);

        *out = '\0';
        if (ret < 0)
                return ret;
        member = archive_find(archive, "snap.json");
        if (!member)
                return 0;
        ret = archive_read(archive, member, JSON_LIMIT, &facts, err);
        if (ret < 0)
                return ret;
        ret = sha256_of(buffer_slice(&facts), &digest, err);
        if (ret == 0)
                sha256_hex(&digest, out);
        return ret;
}

static void add_times(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct phase_times *times)
{
        yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, root, "times");

        yyjson_mut_obj_add_uint(doc, object, "preflightUs", times->preflight_us);
        yyjson_mut_obj_add_uint(doc, object, "freezeUs", times->freeze_us);
        yyjson_mut_obj_add_uint(doc, object, "dumpUs", times->dump_us);
        yyjson_mut_obj_add_uint(doc, object, "filesystemUs", times->filesystem_us);
        yyjson_mut_obj_add_uint(doc, object, "sealUs", times->seal_us);
        yyjson_mut_obj_add_uint(doc, object, "verifyUs", times->verify_us);
        yyjson_mut_obj_add_uint(doc, object, "frozenUs", times->frozen_us);
        yyjson_mut_obj_add_uint(doc, object, "totalUs", times->total_us);
        yyjson_mut_obj_add_uint(doc, object, "archiveSize", times->archive_size);
        yyjson_mut_obj_add_uint(doc, object, "pagesSize", times->pages_size);
        yyjson_mut_obj_add_uint(doc, object, "rootfsDiffSize", times->rootfs_diff_size);
}

static int print_json(const char *path, const struct container *container,
                      const struct checkpoint_result *result, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);
        char digest[7 + SHA256_HEX_SIZE] = "sha256:";
        int ret = read_digest(path, digest + 7, err);

        if (ret < 0)
                return ret;
        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "id", result->id);
        answer_add_text(doc, root, "path", path);
        yyjson_mut_obj_add_uint(doc, root, "size", result->times.archive_size);
        if (digest[7])
                answer_add_text(doc, root, "digest", digest);
        answer_add_text(doc, root, "containerId", container->id);
        answer_add_text(doc, root, "containerName", container->name);
        answer_add_text(doc, root, "engine", container->engine);
        yyjson_mut_obj_add_bool(doc, root, "leftRunning", !stop);
        add_times(doc, root, &result->times);
        return answer_print(doc, err);
}

static int print_result(const struct cli *cli, const char *path, const struct container *container,
                        const struct checkpoint_result *result, struct error *err)
{
        if (cli->json)
                return print_json(path, container, result, err);
        print_text(path, result);
        return 0;
}

static struct checkpoint_options chosen_options(const char *path)
{
        return (struct checkpoint_options){
                .output = path,
                .replace = replace,
                .compression = (enum compression)compression,
                .level = (int)level,
                .stop = stop,
                .tcp = (enum tcp_policy)tcp,
                .file_locks = file_locks,
                .ghost_limit = ghost_limit,
                .timeout_s = (unsigned)timeout,
                .skip_volumes = ignore_volumes,
                .force = force,
        };
}

static int checkpoint(const struct cli *cli, const struct runtime_driver *driver,
                      const struct container *container, const char *path, struct error *err)
{
        const struct checkpoint_options chosen = chosen_options(path);
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        struct checkpoint_result result = {0};
        int ret = capture_checkpoint(driver, container, &chosen, progress_bar_progress(bar), &result, err);

        progress_bar_finish(bar);
        if (ret < 0 && err->kind == &ERROR_EXISTS)
                error_set_hint(err, "overwrite it with --replace, or choose another name with --output");
        return ret < 0 ? ret : print_result(cli, path, container, &result, err);
}

/* --- on a node --------------------------------------------------------------------------------------------
 */

static bool is_prefix(const char *prefix, const char *text)
{
        return prefix[0] && text_starts_with(text, prefix);
}

/* By name, by id, or by the beginning of one id, as here. NULL: none. */
static yyjson_val *choose_container(yyjson_val *items, const char *name, unsigned *matches)
{
        yyjson_val *item, *found = NULL;
        size_t i, count;

        *matches = 0;
        yyjson_arr_foreach (items, i, count, item)
                if (strcmp(json_text_or(item, "name", ""), name) == 0 ||
                    strcmp(json_text_or(item, "id", ""), name) == 0)
                        return item;
        yyjson_arr_foreach (items, i, count, item)
                if (is_prefix(name, json_text_or(item, "id", ""))) {
                        found = item;
                        ++*matches;
                }
        return found;
}

static int find_on_node(const char *name, struct container **out, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct container *container;
        unsigned matches;
        yyjson_val *item;
        int ret = node_ask("GET", "/containers", NULL, &doc, err);

        if (ret < 0)
                return ret;
        item = choose_container(yyjson_obj_get(yyjson_doc_get_root(doc), "items"), name, &matches);
        if (matches > 1)
                return error_set(err, &ERROR_CONTAINER_AMBIGUOUS, -EINVAL,
                                 "%u containers of the node have ids that begin with `%s`", matches, name);
        if (!item)
                return error_set(err, &ERROR_CONTAINER_NOT_FOUND, -ENOENT, "the node has no container `%s`",
                                 name);
        ret = container_new(out, err);
        if (ret < 0)
                return ret;
        container = *out;
        if (!container_set_text(&container->id, json_text(item, "id")) ||
            !container_set_text(&container->name, json_text(item, "name")) ||
            !container_set_text(&container->engine, json_text(item, "engine")))
                return error_oom(err);
        return 0;
}

static yyjson_mut_doc *node_request(const struct container *container)
{
        yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "containerId", container->id);
        answer_add_text(doc, root, "engine", container->engine);
        yyjson_mut_obj_add_bool(doc, root, "stop", stop);
        answer_add_text(doc, root, "tcp", tcp_choices[tcp]);
        yyjson_mut_obj_add_bool(doc, root, "fileLocks", file_locks);
        answer_add_text(doc, root, "compression", compression_choices[compression]);
        answer_add_uint_if(doc, root, "level", level);
        answer_add_uint_if(doc, root, "timeout", timeout);
        yyjson_mut_obj_add_bool(doc, root, "force", force);
        return doc;
}

static void read_times(yyjson_val *times, yyjson_val *checkpoint, struct phase_times *out)
{
        *out = (struct phase_times){
                .preflight_us = json_uint_or(times, "preflightUs", 0),
                .freeze_us = json_uint_or(times, "freezeUs", 0),
                .dump_us = json_uint_or(times, "dumpUs", 0),
                .filesystem_us = json_uint_or(times, "filesystemUs", 0),
                .seal_us = json_uint_or(times, "sealUs", 0),
                .verify_us = json_uint_or(times, "verifyUs", 0),
                .total_us = json_uint_or(times, "totalUs", 0),
                .frozen_us = json_uint_or(checkpoint, "frozenUs", 0),
                .archive_size = json_uint_or(checkpoint, "size", 0),
                .pages_size = json_uint_or(times, "pagesSize", 0),
                .rootfs_diff_size = json_uint_or(times, "rootfsDiffSize", 0),
        };
}

static int checkpoint_on_node(const struct cli *cli, const struct container *container, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        _cleanup_json_mut_ yyjson_mut_doc *request = node_request(container);
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct checkpoint_result result = {0};
        yyjson_val *root, *made;
        int ret = node_operate("/checkpoints", request, progress_bar_progress(bar), &doc, err);

        progress_bar_finish(bar);
        if (ret < 0)
                return ret;
        root = yyjson_doc_get_root(doc);
        made = yyjson_obj_get(root, "checkpoint");
        snprintf(result.id, sizeof(result.id), "%s", json_text_or(made, "id", ""));
        read_times(yyjson_obj_get(root, "times"), made, &result.times);
        return print_result(cli, json_text_or(made, "path", ""), container, &result, err);
}

static int run_on_node(const struct cli *cli, const char *name, struct error *err)
{
        const struct local_option local[] = {
                {"output", output},           {"runtime", runtime != NO_CHOICE},
                {"ghost-limit", ghost_limit}, {"ignore-volumes", ignore_volumes},
                {"replace", replace},         {"pod", pod},
        };
        _cleanup_container_ struct container *container = NULL;
        int ret = node_refuse_options(local, ARRAY_SIZE(local), err);

        if (ret == 0)
                ret = find_on_node(name, &container, err);
        return ret < 0 ? ret : checkpoint_on_node(cli, container, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        const struct runtime_driver *only = NULL, *driver;
        _cleanup_container_ struct container *container = NULL;
        _cleanup_free_ char *path = NULL;
        struct checkpoint_options whole;
        int ret = 0;

        if (level > 22 || timeout > UINT_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "%s is out of range",
                                 level > 22 ? "the compression level" : "the timeout");
        if (node_is_used())
                return run_on_node(cli, argv[0], err);
        ret = recovery_run(err);
        if (ret == 0 && runtime != NO_CHOICE)
                ret = runtime_driver_find(runtime_choices[runtime], &only, err);
        if (ret == 0 && pod) {
                whole = chosen_options(output);
                return create_pod(cli, argv[0], only, &whole, err);
        }
        if (ret == 0)
                ret = runtime_find_container(argv[0], only, &driver, &container, err);
        if (ret < 0)
                return ret;
        path = output ? memory_copy(output) : default_output(container);
        return checkpoint(cli, driver, container, path, err);
}

const struct verb verb_create = {
        .name = "create",
        .usage = "CONTAINER",
        .summary = "checkpoint a running container into an archive",
        .description = "Freezes a container of Podman, crun or runc, dumps its memory and what "
                       "it changed in its file system at one instant, lets it go on, and writes "
                       "both into an archive, which is verified before \"Completed\" is said. "
                       "Whatever fails, the container goes on and no unfinished archive is "
                       "left.\n\n"
                       "Containers of pods (containerd, CRI-O) are checkpointed by their engine; "
                       "options for CRIU then stand in /etc/criu/runc.conf of this machine.\n\n"
                       "CONTAINER is a name, an id or the unique beginning of one; in a pod, "
                       "NAMESPACE/POD/CONTAINER. The archive "
                       "can be read by Podman and by other checkpoint tools. Ctrl-C undoes what "
                       "was begun.\n\n"
                       "With --pod, all containers of a pod are frozen together, dumped in parallel "
                       "and go on together. The directory that is written has an archive of each and "
                       "pod.json, which binds them by their digests; it appears when all of them are "
                       "complete and verified, or not at all. A container outside of pods is a pod of its "
                       "own.\n\n"
                       "With --json, prints one object with id, path, size, times, and as "
                       "digest the SHA-256 of the member snap.json, which holds the SHA-256 of "
                       "every other member (not in archives that an engine wrote).",
        .examples = "checkpointctl create web\tcheckpoint a container that keeps running\n"
                    "checkpointctl create web --stop --compress zstd -o web.tar.zst\tpack it "
                    "up and end it\n"
                    "checkpointctl create default/web/nginx\tcheckpoint a container of a pod\n"
                    "checkpointctl create --pod shop\tall containers of a pod at one instant\n"
                    "checkpointctl create db --tcp keep\tkeep its connections for a restore "
                    "on this address",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_CONTAINER,
        .arguments_min = 1,
        .arguments_max = 1,
        .is_long = true,
        .reaches_nodes = true,
        .run = run,
};
