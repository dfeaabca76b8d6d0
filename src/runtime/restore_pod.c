/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/restore_pod.h"

#include <errno.h>
#include <pthread.h>
#include "runtime/network.h"

/* One container that comes back. */
struct part {
        const struct runtime_driver *driver;
        struct restore_options options;
        char *path;
        int file; /* when there is a path: the archive, verified and restored through this */
        struct restore_result *result;
        pthread_t thread;
        bool started;
        int ret;
        struct error err;
};

struct pod_restore {
        struct pod_manifest *manifest;
        const struct runtime_driver *driver;
        const struct restore_options *options;
        const struct progress *progress;
        struct pod_restore_result *result;
        struct part *parts;
        pid_t sandbox;
        bool done;
};

void pod_restore_result_free(struct pod_restore_result *result)
{
        for (size_t i = 0; i < result->count; i++)
                restore_result_free(&result->parts[i]);
        free(result->parts);
        free(result->id);
        free(result->name);
        *result = (struct pod_restore_result){0};
}

static void pod_restore_free(struct pod_restore *restore)
{
        if (restore->result->id && !restore->done)
                (void)restore->driver->remove_pod(restore->result->id, NULL);
        for (size_t i = 0; restore->parts && i < restore->manifest->count; i++) {
                if (restore->parts[i].path && restore->parts[i].file >= 0)
                        close(restore->parts[i].file);
                free(restore->parts[i].path);
        }
        free(restore->parts);
        pod_manifest_freep(&restore->manifest);
}

static int verify(const struct pod_restore *restore, struct error *err)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < restore->manifest->count; i++) {
                _cleanup_verify_report_ struct verify_report report = {0};
                const struct pod_part *part = &restore->manifest->parts[i];

                r = pod_part_verify(restore->manifest, part, restore->parts[i].file, restore->progress,
                                    &report, err);
                if (r == 0)
                        r = verify_report_error(&report, part->file, err);
        }
        return r;
}

static int prepare(struct pod_restore *restore, const char *path, struct error *err)
{
        size_t count;
        int r = pod_manifest_load(path, &restore->manifest, err);

        if (r == 0)
                r = runtime_driver_find(restore->manifest->engine, &restore->driver, err);
        if (r < 0)
                return r;
        if (!restore->driver->make_pod)
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "`%s` knows no pods: restore each archive of `%s` by itself",
                                 restore->driver->name, path);
        count = restore->manifest->count;
        restore->parts = calloc(count, sizeof(*restore->parts));
        restore->result->parts = calloc(count, sizeof(*restore->result->parts));
        if (!restore->parts || !restore->result->parts)
                return error_oom(err);
        restore->result->count = count;
        for (size_t i = 0; r == 0 && i < count; i++) {
                struct part *part = &restore->parts[i];

                *part = (struct part){.driver = restore->driver,
                                      .options = *restore->options,
                                      .file = -1,
                                      .result = &restore->result->parts[i]};
                part->options.name = NULL;
                r = pod_part_path(restore->manifest, &restore->manifest->parts[i], &part->path, err);
                if (r == 0)
                        part->file = pod_part_open(restore->manifest, &restore->manifest->parts[i], err);
                if (r == 0 && part->file < 0)
                        r = part->file;
        }
        return r;
}

static void *part_restore(void *argument)
{
        struct part *part = argument;

        part->ret = restore_verified(part->file, part->path, part->driver, &part->options, part->result,
                                     &part->err);
        return NULL;
}

static int restore_parts(struct pod_restore *restore, struct error *err)
{
        const struct part *failed = NULL;
        size_t count = restore->manifest->count;
        int r = 0;

        for (size_t i = 0; i < count && r == 0; i++) {
                struct part *part = &restore->parts[i];

                part->options.pod = restore->result->id;
                r = pthread_create(&part->thread, NULL, part_restore, part);
                part->started = r == 0;
        }
        for (size_t i = 0; i < count && restore->parts[i].started; i++) {
                pthread_join(restore->parts[i].thread, NULL);
                if (restore->parts[i].ret < 0 && !failed)
                        failed = &restore->parts[i];
        }
        if (!failed)
                return r ? error_errno(err, r, "start a thread") : 0;
        if (err)
                *err = failed->err;
        return error_wrap(err, failed->ret, "`%s`", failed->path);
}

static int run(struct pod_restore *restore, struct error *err)
{
        bool mute = restore->options->tcp == TCP_KEEP;
        int r;

        progress_step(restore->progress, "preflight", 0, 0);
        r = verify(restore, err);
        if (r < 0)
                return r;
        if (progress_cancelled(restore->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED,
                                 "the restore was cancelled before it began");
        progress_step(restore->progress, "restore", 0, 0);
        r = restore->driver->make_pod(yyjson_obj_get(yyjson_doc_get_root(restore->manifest->doc), "spec"),
                                      restore->options, &restore->result->id, &restore->sandbox, err);
        if (r == 0 && mute)
                r = network_mute(restore->sandbox, true, err);
        if (r == 0)
                r = restore_parts(restore, err);
        return r == 0 && mute ? network_mute(restore->sandbox, false, err) : r;
}

int restore_pod(const char *path, const struct restore_options *options, const struct progress *progress,
                struct pod_restore_result *out, struct error *err)
{
        _cleanup_(pod_restore_free) struct pod_restore restore = {
                .options = options, .progress = progress, .result = out};
        uint64_t begin = clock_monotonic_us(), prepared;
        int r;

        *out = (struct pod_restore_result){0};
        r = prepare(&restore, path, err);
        prepared = clock_monotonic_us();
        if (r == 0)
                r = run(&restore, err);
        out->restore_us = clock_monotonic_us() - prepared;
        out->total_us = clock_monotonic_us() - begin;
        if (r == 0) {
                out->name = strdup(options->name ? options->name : restore.manifest->name);
                r = out->name ? 0 : error_oom(err);
        }
        restore.done = r == 0;
        return r;
}
