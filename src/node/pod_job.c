/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind "checkpoint-pod": all containers of a pod at one instant, as one directory of recorded archives.
 *
 * They are written into a directory ".snap-ID" of the archives' directory. When all are verified, the journal
 * gets all records (phase commit), the directory its name, the catalog the records; only then are containers
 * ended that are to be ended. Killed before the phase commit, everything is undone; killed in it, it is gone
 * on with.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "node/breaker.h"
#include "node/checkpoint_request.h"
#include "node/estimate.h"
#include "node/hooks.h"
#include "node/node_private.h"
#include "runtime/capture_pod.h"
#include "runtime/lock.h"

#define WHOLE "pod" /* in the directory of what is unfinished */

struct work {
        struct job *job;
        struct node *node;
        struct checkpoint_request request;
        struct freeze_hooks hooks;
        struct pod pod;
        char *temporary, *output; /* ".snap-ID", ".snap-ID/pod" */
        struct checkpoint_list records;
        uint64_t claimed, begin_us;
        uint64_t spread_us;
        struct breaker breaker;
        struct progress progress;
};

static void work_free(struct work *work)
{
        if (work->claimed)
                node_release_space(work->node, work->claimed);
        if (work->temporary)
                (void)file_remove_tree(AT_FDCWD, work->temporary, NULL);
        freeze_hooks_free(&work->hooks);
        pod_free(&work->pod);
        checkpoint_list_free(&work->records);
        free(work->temporary);
        free(work->output);
}

static int find(struct node *node, const struct checkpoint_request *request, struct pod *out,
                struct error *err)
{
        if (!*request->pod)
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL,
                                 "a request for a whole pod must have `namespace` and `pod`");
        return runtime_find_pod(*request->namespace ? request->namespace : "default", request->pod,
                                node->drivers, out, err);
}

/* The containers that are meant now, by their lock keys. */
static int request_settle(struct operation *operation, yyjson_doc *request, const struct pod *pod,
                          struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_doc_mut_copy(request, NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_doc_get_root(doc) : NULL, *locks;
        _cleanup_buffer_ struct buffer text = {0};
        int r = 0;

        if (!root)
                return error_oom(err);
        yyjson_mut_obj_remove_key(root, "locks");
        locks = yyjson_mut_obj_add_arr(doc, root, "locks");
        for (size_t i = 0; locks && i < pod->containers.count; i++) {
                _cleanup_free_ char *key = lock_key(pod->containers.items[i]);

                if (!key || !yyjson_mut_arr_add_strcpy(doc, locks, key))
                        return error_oom(err);
        }
        r = locks ? json_write(doc, false, &text, err) : error_oom(err);
        return r == 0 && text_set(&operation->request, buffer_text(&text)) < 0 ? error_oom(err) : r;
}

static int check(struct node *node, struct operation *operation, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_pod_ struct pod pod = {0};
        struct checkpoint_request request;
        struct freeze_hooks hooks = {0};
        const struct container *first;
        char *subject;
        int r = json_parse(SLICE_TEXT(operation->request), "the request", &doc, err);

        if (r == 0)
                r = checkpoint_request_parse(yyjson_doc_get_root(doc), &request, err);
        if (r == 0)
                r = freeze_hooks_parse(yyjson_doc_get_root(doc), &hooks, err);
        if (r == 0)
                r = find(node, &request, &pod, err);
        if (r < 0)
                return r;
        if (request.priority)
                operation->priority = request.priority;
        first = pod.containers.items[0];
        if (asprintf(&subject, "%s/%s", first->pod_namespace, first->pod) < 0)
                return error_oom(err);
        free(operation->subject);
        operation->subject = subject;
        if (text_set(&operation->namespace, first->pod_namespace) < 0)
                return error_oom(err);
        return request_settle(operation, doc, &pod, err);
}

static int keys(struct job *job, struct buffer *out, struct error *err)
{
        yyjson_val *lock;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(job_request(job), "locks"), index, count, lock)
                if (buffer_printf(out, "container:%s", yyjson_is_str(lock) ? yyjson_get_str(lock) : "") < 0 ||
                    buffer_append(out, "", 1) < 0)
                        return error_oom(err);
        return 0;
}

/* {"temporary"} and, when there are any, "directory" and "checkpoints", the records to be. */
static int journal_enter(struct work *work, enum operation_phase phase, const char *directory,
                         struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL, *list = NULL;

        if (!root || !yyjson_mut_obj_add_str(doc, root, "temporary", work->temporary))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        if (directory && (!yyjson_mut_obj_add_str(doc, root, "directory", directory) ||
                          !yyjson_mut_obj_add_uint(doc, root, "freezeSpreadUs", work->spread_us) ||
                          !(list = yyjson_mut_obj_add_arr(doc, root, "checkpoints"))))
                return error_oom(err);
        for (size_t i = 0; i < work->records.count; i++) {
                yyjson_mut_val *record = checkpoint_json(work->records.items[i], doc);

                if (!record || !yyjson_mut_arr_append(list, record))
                        return error_oom(err);
        }
        return job_enter(work->job, phase, doc, err);
}

/* --- steps of the capture as our phases --- */

static void step(void *context, const char *phase, uint64_t done, uint64_t total)
{
        struct work *work = context;
        const struct progress *progress = job_progress(work->job);
        enum operation_phase wanted = strcmp(phase, "seal") == 0     ? PHASE_VERIFY
                                      : strcmp(phase, "freeze") == 0 ? PHASE_DUMP
                                                                     : PHASE_PREFLIGHT;
        struct error why = {0};

        breaker_enter(&work->breaker, wanted);
        if (wanted == PHASE_VERIFY && !work->request.options.stop) {
                int r = freeze_hooks_after(&work->hooks, work->pod.containers.items,
                                           work->pod.containers.count, &why);

                if (r < 0)
                        breaker_break(&work->breaker, r, &why);
        }
        progress->step(progress->context, phase, done, total);
}

static bool cancelled(void *context)
{
        struct work *work = context;

        return breaker_cancelled(&work->breaker);
}

/* --- what comes of it --- */

static int set_result(struct job *job, const struct checkpoint_list *records, const char *directory,
                      uint64_t spread_us, const struct hook_reports *reports, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL, *list;
        _cleanup_buffer_ struct buffer manifest = {0};

        if (!root || (reports && !hook_reports_add(reports, doc, root)))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        if (!directory)
                return job_set_result(job, doc, err);
        list = yyjson_mut_obj_add_arr(doc, root, "checkpoints");
        if (!list || buffer_printf(&manifest, "%s/" POD_MANIFEST_NAME, directory) < 0 ||
            !yyjson_mut_obj_add_str(doc, root, "group", records->items[0]->group) ||
            !yyjson_mut_obj_add_strcpy(doc, root, "manifest", buffer_text(&manifest)) ||
            !yyjson_mut_obj_add_uint(doc, root, "freezeSpreadUs", spread_us))
                return error_oom(err);
        for (size_t i = 0; i < records->count; i++) {
                yyjson_mut_val *record = checkpoint_json(records->items[i], doc);

                if (!record || !yyjson_mut_arr_append(list, record))
                        return error_oom(err);
        }
        return job_set_result(job, doc, err);
}

/* The record of a part, with the path that it is going to have. */
static int describe(struct work *work, const struct pod_manifest *manifest, size_t index,
                    const char *directory, struct error *err)
{
        const struct pod_part *part = &manifest->parts[index];
        struct checkpoint_result result = {.has_digest = true, .digest = part->digest};
        struct checkpoint *record = NULL;
        char *path;
        int r;

        snprintf(result.id, sizeof(result.id), "%s", part->checkpoint);
        result.times.archive_size = part->size;
        result.times.frozen_us = part->frozen_us;
        result.times.total_us = clock_monotonic_us() - work->begin_us;
        r = checkpoint_describe(work->node, work->pod.containers.items[index], &result, NULL, &record, err);
        if (r < 0)
                return r;
        work->records.items[work->records.count++] = record;
        if (asprintf(&path, "%s/%s", directory, part->file) < 0)
                return error_oom(err);
        free(record->path);
        record->path = path;
        return text_set(&record->state, "completed") < 0 || text_set(&record->group, manifest->id) < 0
                       ? error_oom(err)
                       : 0;
}

static int sync_directory(const char *path, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 ? error_errno(err, errno, "write `%s` to disk", path) : 0;
}

static int put_records(struct node *node, const struct checkpoint_list *records, struct error *err)
{
        int r = 0;

        for (size_t i = 0; i < records->count && r == 0; i++)
                r = catalog_put_checkpoint(node->catalog, records->items[i], err);
        return r;
}

/* Whether or not they are there. */
static void forget_records(struct node *node, const struct checkpoint_list *records)
{
        for (size_t i = 0; i < records->count; i++)
                (void)catalog_remove_checkpoint(node->catalog, records->items[i]->id, NULL);
}

/* At most `limit` characters that a file name may have. */
static int append_name(struct buffer *out, const char *name, size_t limit)
{
        int r = 0;

        for (size_t i = 0; r == 0 && name[i] && i < limit; i++)
                r = buffer_append(
                        out, isalnum((unsigned char)name[i]) || strchr("._-", name[i]) ? name + i : "_", 1);
        return r;
}

/* "pod-NAME_NAMESPACE-ID", which never was before. */
static int directory_name(struct work *work, const char *id, struct buffer *out, struct error *err)
{
        const struct container *first = work->pod.containers.items[0];

        if (buffer_printf(out, "%s/pod-", node_options(work->node)->directory) < 0 ||
            append_name(out, first->pod, 90) < 0 || buffer_append_text(out, "_") < 0 ||
            append_name(out, first->pod_namespace, 63) < 0 || buffer_printf(out, "-%s", id) < 0)
                return error_oom(err);
        return 0;
}

/* All archives are whole: they are recorded before a container may be ended. */
static int completed(void *context, const struct pod_manifest *manifest, struct error *err)
{
        struct work *work = context;
        _cleanup_buffer_ struct buffer name = {0};
        int r = directory_name(work, manifest->id, &name, err);
        const char *directory = buffer_text(&name);

        work->spread_us = manifest->spread_us;
        work->records.items = calloc(manifest->count, sizeof(*work->records.items));
        if (!work->records.items)
                return error_oom(err);
        for (size_t i = 0; i < manifest->count && r == 0; i++)
                r = describe(work, manifest, i, directory, err);
        if (r == 0)
                r = journal_enter(work, PHASE_COMMIT, directory, err);
        if (r == 0 && renameat2(AT_FDCWD, work->output, AT_FDCWD, directory, RENAME_NOREPLACE) < 0)
                r = error_errno(err, errno, "rename `%s` to `%s`", work->output, directory);
        if (r < 0)
                return r;
        r = sync_directory(node_options(work->node)->directory, err);
        if (r == 0)
                r = put_records(work->node, &work->records, err);
        if (r == 0)
                return set_result(work->job, &work->records, directory, work->spread_us, &work->hooks.reports,
                                  err);
        /* What is not recorded must not look finished. */
        forget_records(work->node, &work->records);
        (void)renameat2(AT_FDCWD, directory, AT_FDCWD, work->output, RENAME_NOREPLACE);
        return r;
}

static int claim(struct work *work, struct error *err)
{
        struct container_list *containers = &work->pod.containers;
        uint64_t space = 0;
        int r = 0;

        for (size_t i = 0; i < containers->count && r == 0; i++) {
                struct estimate estimate;

                r = estimate_container(containers->items[i], &estimate, err);
                space += r == 0 ? estimate_space(&estimate) : 0;
        }
        if (r == 0)
                r = node_claim_space(work->node, space, err);
        if (r == 0)
                work->claimed = space;
        return r;
}

static int prepare(struct work *work, struct error *err)
{
        int r = checkpoint_request_parse(job_request(work->job), &work->request, err);

        if (r == 0)
                r = freeze_hooks_parse(job_request(work->job), &work->hooks, err);
        if (r == 0)
                r = find(work->node, &work->request, &work->pod, err);
        if (r < 0)
                return r;
        if (asprintf(&work->temporary, "%s/" TEMPORARY_PREFIX "%s", node_options(work->node)->directory,
                     job_operation(work->job)->id) < 0)
                work->temporary = NULL;
        if (!work->temporary || asprintf(&work->output, "%s/" WHOLE, work->temporary) < 0) {
                work->output = NULL;
                return error_oom(err);
        }
        r = journal_enter(work, PHASE_PREFLIGHT, NULL, err);
        if (r == 0)
                r = claim(work, err);
        if (r == 0 && mkdir(work->temporary, 0700) < 0)
                r = error_errno(err, errno, "make the directory `%s`", work->temporary);
        return r;
}

static int capture(struct work *work, struct error *err)
{
        _cleanup_pod_capture_result_ struct pod_capture_result result = {0};
        struct checkpoint_options *options = &work->request.options;
        int r;

        work->progress = (struct progress){step, cancelled, work};
        work->begin_us = clock_monotonic_us();
        options->output = work->output;
        r = capture_pod(&work->pod, options, completed, work, &work->progress, &result, err);
        return breaker_result(&work->breaker, r, err);
}

static int run(struct job *job, struct error *err)
{
        _cleanup_(work_free) struct work work = {.job = job, .node = job_node(job), .breaker = {.job = job}};
        int r = prepare(&work, err);

        if (r < 0)
                return r;
        r = freeze_hooks_before(&work.hooks, work.pod.containers.items, work.pod.containers.count,
                                job_progress(job), err);
        if (r == 0)
                r = capture(&work, err);
        if (r < 0)
                (void)freeze_hooks_after(&work.hooks, work.pod.containers.items, work.pod.containers.count,
                                         NULL);
        if (r < 0 && work.hooks.reports.list)
                (void)set_result(job, NULL, NULL, 0, &work.hooks.reports, NULL);
        for (size_t i = 0; r == 0 && i < work.records.count; i++)
                metrics_observe_checkpoint(work.node->metrics, work.records.items[i]);
        return r;
}

/* --- after a crash --- */

static int settle(struct job *job, struct error *err)
{
        yyjson_val *lock;
        size_t index, count;
        int r = 0;

        yyjson_arr_foreach (yyjson_obj_get(job_request(job), "locks"), index, count, lock)
                if (r == 0 && yyjson_is_str(lock))
                        r = checkpoint_settle(yyjson_get_str(lock), err);
        return r;
}

/* What was done before the freeze is undone, whether or not that was done already: nobody knows. */
static void recover_hooks(struct job *job)
{
        _cleanup_pod_ struct pod pod = {0};
        struct checkpoint_request request;
        struct freeze_hooks hooks = {.owed = true};

        if (freeze_hooks_parse(job_request(job), &hooks, NULL) == 0 && hooks.after.count &&
            checkpoint_request_parse(job_request(job), &request, NULL) == 0 &&
            find(job_node(job), &request, &pod, NULL) == 0)
                (void)freeze_hooks_after(&hooks, pod.containers.items, pod.containers.count, NULL);
        freeze_hooks_free(&hooks);
}

static int undo(struct job *job, const char *temporary, struct error *err)
{
        const char *phase = operation_phase_name(job_operation(job)->phase);
        int r = settle(job, err);

        if (r == 0)
                r = file_remove_tree(AT_FDCWD, temporary, err);
        recover_hooks(job);
        if (r < 0)
                return error_wrap(err, r, "the agent was killed during the phase %s, which cannot be undone",
                                  phase);
        return error_set(
                err, &ERROR_KILLED, -EINTR,
                "the agent was killed during the phase %s; undone: nothing was kept, and the pod goes "
                "on",
                phase);
}

static int records_read(yyjson_val *list, struct checkpoint_list *out, struct error *err)
{
        yyjson_val *value;
        size_t index, count;
        int r = 0;

        out->items = calloc(yyjson_arr_size(list) + 1, sizeof(*out->items));
        if (!out->items)
                return error_oom(err);
        yyjson_arr_foreach (list, index, count, value) {
                r = checkpoint_from_json(value, &out->items[out->count], err);
                if (r < 0)
                        return r;
                out->count++;
        }
        return out->count ? 0
                          : error_set(err, &ERROR_INTERNAL, -EBADMSG, "the journal of a pod is incomplete");
}

/* The records were on the disk before the directory got its name. */
static int finish(struct job *job, const char *temporary, struct error *err)
{
        yyjson_val *journal = job_journal(job);
        const char *directory = json_text_or(journal, "directory", "");
        struct node *node = job_node(job);
        _cleanup_checkpoint_list_ struct checkpoint_list records = {0};
        _cleanup_free_ char *output = NULL;
        int r = settle(job, err);

        if (r == 0)
                r = records_read(yyjson_obj_get(journal, "checkpoints"), &records, err);
        if (r < 0)
                return r;
        if (asprintf(&output, "%s/" WHOLE, temporary) < 0) {
                output = NULL;
                return error_oom(err);
        }
        if (access(directory, F_OK) < 0 &&
            renameat2(AT_FDCWD, output, AT_FDCWD, directory, RENAME_NOREPLACE) < 0)
                return error_set(err, &ERROR_KILLED, -ENOENT,
                                 "the archives of the pod are not there any more");
        r = sync_directory(node_options(node)->directory, err);
        if (r == 0)
                r = put_records(node, &records, err);
        if (r == 0)
                r = set_result(job, &records, directory, json_uint_or(journal, "freezeSpreadUs", 0), NULL,
                               err);
        if (r == 0)
                r = file_remove_tree(AT_FDCWD, temporary, err);
        return r;
}

/* Whether the pod has ended, as it was to. */
static int check_stopped(struct job *job, struct error *err)
{
        _cleanup_pod_ struct pod pod = {0};
        struct checkpoint_request request;
        int r = checkpoint_request_parse(job_request(job), &request, err);

        if (r < 0 || !request.options.stop || find(job_node(job), &request, &pod, NULL) < 0)
                return r;
        return error_set(err, &ERROR_KILLED, -EINTR,
                         "the agent was killed before the pod was ended; it goes on, and its checkpoint is "
                         "complete");
}

static int recover(struct job *job, struct error *err)
{
        const char *temporary = json_text(job_journal(job), "temporary");
        int r;

        if (!temporary)
                return error_set(err, &ERROR_INTERNAL, -EBADMSG, "the journal of a pod is incomplete");
        if (job_operation(job)->phase < PHASE_COMMIT)
                return undo(job, temporary, err);
        r = finish(job, temporary, err);
        return r < 0 ? r : check_stopped(job, err);
}

const struct job_kind job_checkpoint_pod = {"checkpoint-pod", check, keys, run, recover};
