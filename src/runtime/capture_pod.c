/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/capture_pod.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include "base/file.h"
#include "runtime/capture_steps.h"
#include "runtime/pod_network.h"

struct pod_capture;

/* One container of the pod. */
struct part {
        struct pod_capture *whole;
        struct capture capture;
        struct checkpoint_options options; /* with a path of its own */
        struct checkpoint_result result;
        struct progress progress;
        char *path;           /* in the hidden directory */
        const char *files[3]; /* what goes with the guardian: path, manifest, NULL */
        uint64_t done, total; /* of the phase */
        int (*step)(struct capture *capture, struct error *err); /* what its thread is to do … */
        pthread_t thread;
        bool started;
        int ret; /* … and what came of it */
        struct error err;
};

struct pod_capture {
        const struct pod *pod;
        const struct checkpoint_options *options;
        int (*completed)(void *context, const struct pod_manifest *manifest, struct error *err);
        void *context;
        const struct progress *progress;
        struct pod_capture_result *result;
        struct pod_manifest *manifest;
        uint64_t begin_us, freeze_us;
        char *hidden, *manifest_path;
        bool made, committed;
        yyjson_mut_doc *doc; /* for network and spec */
        yyjson_mut_val *network, *spec;
        struct part *parts;
        size_t count;
        const char *phase;
        pthread_mutex_t lock; /* over done and total of the parts, and the receiver of progress */
        atomic_bool failed;   /* one of them: the others end */
};

void pod_capture_result_free(struct pod_capture_result *result)
{
        pod_manifest_freep(&result->manifest);
        *result = (struct pod_capture_result){0};
}

/* All are thawed at once before anything else is cleared up. */
static void whole_free(struct pod_capture *whole)
{
        for (size_t i = 0; i < whole->count; i++)
                if (whole->parts[i].capture.guard && !whole->parts[i].capture.thawed)
                        (void)capture_thaw_begin(&whole->parts[i].capture, NULL);
        for (size_t i = 0; i < whole->count; i++) {
                capture_free(&whole->parts[i].capture);
                free(whole->parts[i].path);
        }
        free(whole->parts);
        if (whole->made && !whole->committed)
                (void)file_remove_tree(AT_FDCWD, whole->hidden, NULL);
        free(whole->hidden);
        free(whole->manifest_path);
        yyjson_mut_doc_free(whole->doc);
        pod_manifest_freep(&whole->manifest);
        pthread_mutex_destroy(&whole->lock);
}

static void enter(struct pod_capture *whole, const char *phase)
{
        pthread_mutex_lock(&whole->lock);
        whole->phase = phase;
        for (size_t i = 0; i < whole->count; i++)
                whole->parts[i].done = whole->parts[i].total = 0;
        progress_step(whole->progress, phase, 0, 0);
        pthread_mutex_unlock(&whole->lock);
}

/* The containers' steps as those of the pod: only how much is done counts. */
static void part_step(void *context, const char *phase, uint64_t done, uint64_t total)
{
        struct part *part = context;
        struct pod_capture *whole = part->whole;
        uint64_t all_done = 0, all_total = 0;

        if (!done && !total)
                return;
        pthread_mutex_lock(&whole->lock);
        part->done = done;
        part->total = total;
        for (size_t i = 0; i < whole->count; i++) {
                all_done += whole->parts[i].done;
                all_total += whole->parts[i].total;
        }
        progress_step(whole->progress, whole->phase, all_done, all_total);
        pthread_mutex_unlock(&whole->lock);
}

static bool part_cancelled(void *context)
{
        struct part *part = context;
        bool cancelled = atomic_load(&part->whole->failed);

        if (cancelled)
                return true;
        pthread_mutex_lock(&part->whole->lock);
        cancelled = progress_cancelled(part->whole->progress);
        pthread_mutex_unlock(&part->whole->lock);
        return cancelled;
}

/* --- names ------------------------------------------------------------------------------------------------
 */

/* "NAME.tar.zst" of what a file name may have; with a number when another container has the name. */
static int part_name(const struct pod_capture *whole, size_t index, char **out, struct error *err)
{
        static const char *const suffixes[] = {".tar", ".tar.gz", ".tar.zst", ".tar.lz4"};
        const struct container *container = whole->pod->containers.items[index];
        char name[128], number[16] = "";
        size_t n = 0, same = 0;

        for (const char *c = container->pod_container; *c && n < sizeof(name) - 1; c++, n++)
                name[n] = isalnum((unsigned char)*c) || strchr("_-", *c) || (*c == '.' && n) ? *c : '_';
        name[n] = '\0';
        for (size_t i = 0; i < index; i++)
                same += strcmp(whole->pod->containers.items[i]->pod_container, container->pod_container) == 0;
        if (same)
                snprintf(number, sizeof(number), "-%zu", same + 1);
        if (asprintf(out, "%s%s%s", name, number, suffixes[whole->options->compression]) < 0) {
                *out = NULL;
                return error_oom(err);
        }
        return 0;
}

/* ".NAME.work.ID" beside the directory to be. */
static int name_hidden(struct pod_capture *whole, struct error *err)
{
        const char *path = whole->options->output, *slash = strrchr(path, '/');
        _cleanup_free_ char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("."),
                            *real = parent ? realpath(parent, NULL) : NULL;

        if (!parent)
                return error_oom(err);
        if (!real)
                return error_errno(err, errno, "find the directory of `%s`", path);
        if (access(path, F_OK) == 0)
                return error_errno(err, EEXIST, "write `%s`", path);
        if (asprintf(&whole->hidden, "%s/.%.200s.work.%s", strcmp(real, "/") == 0 ? "" : real,
                     slash ? slash + 1 : path, whole->manifest->id) < 0)
                whole->hidden = NULL;
        if (!whole->hidden || asprintf(&whole->manifest_path, "%s/" POD_MANIFEST_NAME, whole->hidden) < 0) {
                whole->manifest_path = NULL;
                return error_oom(err);
        }
        return 0;
}

static int make_hidden(struct pod_capture *whole, struct error *err)
{
        if (mkdir(whole->hidden, 0700) < 0)
                return error_errno(err, errno, "make the directory `%s`", whole->hidden);
        whole->made = true;
        return 0;
}

static bool set(char **text, const char *value)
{
        *text = strdup(value);
        return *text != NULL;
}

static int make_manifest(struct pod_capture *whole, struct error *err)
{
        struct pod_manifest *manifest = calloc(1, sizeof(*manifest));
        const struct container *first = whole->pod->containers.items[0];
        char id[UNIQUE_ID_SIZE], now[RFC3339_SIZE];

        whole->manifest = manifest;
        if (!manifest || !set(&manifest->id, unique_id(id)) ||
            !set(&manifest->created, rfc3339_format(clock_realtime_ns() / 1000000000 * 1000000000, now)) ||
            !set(&manifest->engine, whole->pod->driver->name) || !set(&manifest->name, first->pod) ||
            !set(&manifest->namespace, first->pod_namespace) || !set(&manifest->uid, first->pod_uid) ||
            !set(&manifest->directory, whole->options->output))
                return error_oom(err);
        manifest->parts = calloc(whole->pod->containers.count, sizeof(*manifest->parts));
        if (!manifest->parts)
                return error_oom(err);
        for (size_t i = 0; i < whole->pod->containers.count; i++) {
                const struct container *container = whole->pod->containers.items[i];
                struct pod_part *part = &manifest->parts[manifest->count++];
                int r = part_name(whole, i, &part->file, err);

                if (r < 0)
                        return r;
                if (!set(&part->container, container->pod_container) ||
                    !set(&part->container_id, container->id) ||
                    !set(&part->container_name, container->name) || !set(&part->image, container->image) ||
                    !set(&part->checkpoint, ""))
                        return error_oom(err);
        }
        return 0;
}

static int make_parts(struct pod_capture *whole, struct error *err)
{
        size_t count = whole->manifest->count;

        whole->parts = calloc(count, sizeof(*whole->parts));
        if (!whole->parts)
                return error_oom(err);
        for (size_t i = 0; i < count; i++) {
                struct part *part = &whole->parts[whole->count++];

                *part = (struct part){.whole = whole, .options = *whole->options};
                part->progress = (struct progress){part_step, part_cancelled, part};
                part->capture = (struct capture){.driver = whole->pod->driver,
                                                 .container = whole->pod->containers.items[i],
                                                 .options = &part->options,
                                                 .progress = &part->progress,
                                                 .result = &part->result,
                                                 .parts = part->files,
                                                 .parts_directory = whole->hidden,
                                                 CAPTURE_NONE};
                if (asprintf(&part->path, "%s/%s", whole->hidden, whole->manifest->parts[i].file) < 0) {
                        part->path = NULL;
                        return error_oom(err);
                }
                part->options.output = part->path;
                part->options.replace = false;
                part->options.digest = true;
                part->options.completed = NULL;
                part->files[0] = part->path;
                part->files[1] = whole->manifest_path;
        }
        return 0;
}

/* --- all of them ------------------------------------------------------------------------------------------
 */

static void *part_work(void *argument)
{
        struct part *part = argument;

        part->ret = part->step(&part->capture, &part->err);
        if (part->ret < 0)
                atomic_store(&part->whole->failed, true);
        return NULL;
}

/* The step of every container, each in a thread. The error is the first that is no consequence. */
static int in_parallel(struct pod_capture *whole, int (*step)(struct capture *capture, struct error *err),
                       struct error *err)
{
        const struct part *failed = NULL;
        int r = 0;

        for (size_t i = 0; i < whole->count; i++) {
                struct part *part = &whole->parts[i];

                part->step = step;
                part->ret = 0;
                r = pthread_create(&part->thread, NULL, part_work, part);
                part->started = r == 0;
                if (r) {
                        atomic_store(&whole->failed, true);
                        break;
                }
        }
        for (size_t i = 0; i < whole->count; i++) {
                struct part *part = &whole->parts[i];

                if (!part->started)
                        break;
                pthread_join(part->thread, NULL);
                part->started = false;
                if (part->ret < 0 && (!failed || failed->ret == -ECANCELED))
                        failed = part;
        }
        if (!failed)
                return r ? error_errno(err, r, "start a thread") : 0;
        if (err)
                *err = failed->err;
        return error_wrap(err, failed->ret, "container `%s`", failed->capture.container->name);
}

/* `begin` of all, then `end` of all: it is done at the same time by their guardians. */
static int at_once(struct pod_capture *whole, int (*begin)(struct capture *capture, struct error *err),
                   int (*end)(struct capture *capture, struct error *err), struct error *err)
{
        int r = 0;

        for (size_t i = 0; i < whole->count && r == 0; i++)
                r = begin(&whole->parts[i].capture, err);
        for (size_t i = 0; i < whole->count && r == 0; i++)
                r = end(&whole->parts[i].capture, err);
        return r;
}

static int one_by_one(struct pod_capture *whole, int (*step)(struct capture *capture, struct error *err),
                      struct error *err)
{
        int r = 0;

        for (size_t i = 0; i < whole->count && r == 0; i++)
                r = step(&whole->parts[i].capture, err);
        return r;
}

/* --- what they have in common -----------------------------------------------------------------------------
 */

static int read_spec(struct pod_capture *whole, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        int r;

        whole->doc = yyjson_mut_doc_new(NULL);
        if (!whole->doc)
                return error_oom(err);
        if (!whole->pod->driver->describe_pod)
                return 0;
        r = whole->pod->driver->describe_pod(whole->pod->containers.items[0], &text, err);
        if (r < 0 || !text.size)
                return r;
        r = json_parse(buffer_slice(&text), "the engine's description of the pod", &doc, err);
        if (r < 0)
                return r;
        whole->spec = yyjson_val_mut_copy(whole->doc, yyjson_doc_get_root(doc));
        return whole->spec ? 0 : error_oom(err);
}

static void measure_spread(struct pod_capture *whole)
{
        uint64_t first = UINT64_MAX, last = 0;

        for (size_t i = 0; i < whole->count; i++) {
                uint64_t at = whole->parts[i].capture.frozen_us;

                first = at < first ? at : first;
                last = at > last ? at : last;
        }
        whole->manifest->spread_us = last - first;
        for (size_t i = 0; i < whole->count; i++)
                whole->manifest->parts[i].freeze_us = whole->parts[i].capture.frozen_us - first;
}

static int freeze(struct pod_capture *whole, struct error *err)
{
        int r;

        enter(whole, "freeze");
        whole->freeze_us = clock_monotonic_us();
        r = at_once(whole, capture_freeze_begin, capture_freeze, err);
        if (r < 0)
                return r;
        measure_spread(whole);
        return pod_network_read(whole->pod->containers.items[0]->pid, whole->doc, &whole->network, err);
}

static int thaw(struct pod_capture *whole, struct error *err)
{
        int r = at_once(whole, capture_thaw_begin, capture_thaw, err);

        whole->result->frozen_us = clock_monotonic_us() - whole->freeze_us;
        return r;
}

/* --- the directory ----------------------------------------------------------------------------------------
 */

static int write_manifest(struct pod_capture *whole, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_close_ int fd = -1;
        int r = 0;

        for (size_t i = 0; i < whole->count && r == 0; i++) {
                struct pod_part *part = &whole->manifest->parts[i];

                /* One that is to be ended still stands. */
                part->frozen_us = whole->options->stop ? clock_monotonic_us() - whole->freeze_us
                                                       : whole->parts[i].result.times.frozen_us;
                part->size = whole->parts[i].result.times.archive_size;
                part->digest = whole->parts[i].result.digest;
                whole->result->archive_size += part->size;
                free(part->checkpoint);
                r = set(&part->checkpoint, whole->parts[i].result.id) ? 0 : error_oom(err);
        }
        if (r == 0)
                r = pod_manifest_write(whole->manifest, whole->doc, whole->network, whole->spec, &text, err);
        if (r < 0)
                return r;
        fd = open(whole->manifest_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno(err, errno, "make `%s`", whole->manifest_path);
        r = file_write_full(fd, text.data, text.size);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        return r < 0 ? error_errno(err, -r, "write `%s`", whole->manifest_path) : 0;
}

static int sync_directory(const char *path, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 ? error_errno(err, errno, "write `%s` to disk", path) : 0;
}

/* By the rename it is complete. */
static int commit(struct pod_capture *whole, struct error *err)
{
        _cleanup_free_ char *parent = NULL;
        int r = in_parallel(whole, capture_commit, err);

        if (r == 0)
                r = write_manifest(whole, err);
        if (r == 0)
                r = sync_directory(whole->hidden, err);
        if (r < 0)
                return r;
        if (progress_cancelled(whole->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        if (renameat2(AT_FDCWD, whole->hidden, AT_FDCWD, whole->options->output, RENAME_NOREPLACE) < 0)
                return error_errno(err, errno, "rename `%s` to `%s`", whole->hidden, whole->options->output);
        whole->committed = true;
        parent = strndup(whole->hidden, (size_t)(strrchr(whole->hidden, '/') - whole->hidden) + 1);
        return parent ? sync_directory(parent, err) : error_oom(err);
}

static int stop(struct pod_capture *whole, struct error *err)
{
        int r;

        enter(whole, "stop");
        r = one_by_one(whole, capture_stop, err);
        whole->result->frozen_us = clock_monotonic_us() - whole->freeze_us;
        return r;
}

static int freeze_and_dump(struct pod_capture *whole, struct error *err)
{
        int r = freeze(whole, err);

        if (r < 0)
                return r;
        enter(whole, "dump");
        r = in_parallel(whole, capture_dump, err);
        return r == 0 && !whole->options->stop ? thaw(whole, err) : r;
}

static int run(struct pod_capture *whole, struct error *err)
{
        int r = one_by_one(whole, capture_lock, err);

        if (r < 0)
                return r;
        enter(whole, "preflight");
        r = one_by_one(whole, capture_announce, err);
        if (r == 0)
                r = make_hidden(whole, err);
        if (r == 0)
                r = read_spec(whole, err);
        if (r == 0)
                r = one_by_one(whole, capture_prepare, err);
        if (r == 0)
                r = freeze_and_dump(whole, err);
        if (r < 0)
                return r;
        enter(whole, "seal");
        r = in_parallel(whole, capture_seal, err);
        if (r == 0)
                r = commit(whole, err);
        if (r == 0 && whole->completed)
                r = whole->completed(whole->context, whole->manifest, err);
        return r == 0 && whole->options->stop ? stop(whole, err) : r;
}

int capture_pod(const struct pod *pod, const struct checkpoint_options *options,
                int (*completed)(void *context, const struct pod_manifest *manifest, struct error *err),
                void *context, const struct progress *progress, struct pod_capture_result *out,
                struct error *err)
{
        _cleanup_(whole_free) struct pod_capture whole = {.pod = pod,
                                                          .options = options,
                                                          .completed = completed,
                                                          .context = context,
                                                          .progress = progress,
                                                          .result = out,
                                                          .begin_us = clock_monotonic_us(),
                                                          .lock = PTHREAD_MUTEX_INITIALIZER};
        int r;

        *out = (struct pod_capture_result){0};
        if (pod->driver->checkpoint)
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "`%s` writes its archives itself, one container after the other; whole pods "
                                 "at one instant are for the other engines",
                                 pod->driver->name);
        if (pod->containers.count > POD_PARTS_MOST)
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP, "the pod has more than %d containers",
                                 POD_PARTS_MOST);
        r = make_manifest(&whole, err);
        if (r == 0)
                r = name_hidden(&whole, err);
        if (r == 0)
                r = make_parts(&whole, err);
        if (r == 0)
                r = run(&whole, err);
        out->total_us = clock_monotonic_us() - whole.begin_us;
        if (r == 0)
                out->manifest = steal_ptr(whole.manifest);
        return r;
}
