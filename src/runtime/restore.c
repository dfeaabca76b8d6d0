/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/restore.h"

#include <errno.h>
#include "archive/verify.h"
#include "base/clock.h"
#include "criu/dump.h"
#include "oci/location.h"
#include "runtime/preflight.h"
#include "runtime/proof.h"
#include "runtime/stage.h"

struct restoration {
        const struct runtime_driver *driver;
        struct restore_options options; /* with what the dump itself demands */
        const struct progress *progress;
        struct stage *stage;      /* NULL: it is only looked at, where it lies */
        struct archive *in_place; /* then */
        struct archive *archive;  /* either */
        struct metadata *metadata;
        struct criu_dump *dump;
};

static void restoration_free(struct restoration *restoration)
{
        criu_dump_freep(&restoration->dump);
        metadata_freep(&restoration->metadata);
        archive_freep(&restoration->in_place);
        stage_freep(&restoration->stage);
}

static int load(struct restoration *restoration, struct error *err)
{
        struct criu_source source = archive_criu_source(restoration->archive);
        int ret = metadata_load(restoration->archive, &restoration->metadata, err);

        return ret < 0 ? ret : criu_dump_load(&source, 0, &restoration->dump, err);
}

/* What CRIU insists on, because the dump was made so, is not asked for again. */
static void options_complete(struct restoration *restoration)
{
        const struct archive_member *locks = archive_find(restoration->archive, "checkpoint/filelocks.img");

        if (restoration->dump->inventory.tcp_close && restoration->options.tcp == TCP_REFUSE)
                restoration->options.tcp = TCP_CLOSE;
        /* Two magic words alone mean that there are none. */
        if (locks && locks->size > 8)
                restoration->options.file_locks = true;
}

#define IMAGE_HINT                                                                                           \
        "Build an image (checkpointctl build) and name it in a pod, or restore into a bundle of your own: "  \
        "--bundle DIRECTORY."

static int choose_driver(struct restoration *restoration, struct error *err)
{
        const struct metadata *metadata = restoration->metadata;

        if (restoration->driver && restoration->driver->restore)
                return 0;
        if (restoration->driver) {
                (void)error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP, "%s restores images, not archives",
                                restoration->driver->name);
                error_set_hint(err, IMAGE_HINT);
                return -ENOTSUP;
        }
        if (metadata->engine == ENGINE_PODMAN && !restoration->options.bundle)
                return runtime_driver_find("podman", &restoration->driver, err);
        if (metadata->engine == ENGINE_OCI || restoration->options.bundle)
                return runtime_driver_find(strcmp(metadata->runtime, "runc") == 0 ? "runc" : "crun",
                                           &restoration->driver, err);
        (void)error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP, "%s was written for %s, which restores it itself",
                        archive_path(restoration->archive), engine_name(metadata->engine));
        error_set_hint(err, IMAGE_HINT);
        return -ENOTSUP;
}

static int preflight(const struct restoration *restoration, struct error *err)
{
        _cleanup_check_list_ struct check_list checks = {0};
        int ret = preflight_restore(restoration->archive, restoration->metadata, restoration->driver,
                                    &restoration->options, &checks, err);

        if (ret < 0 || restoration->options.force || check_list_worst(&checks) != CHECK_FAILED)
                return ret;
        return check_list_error(&checks, archive_path(restoration->archive), err);
}

static int run(struct restoration *restoration, struct restore_result *out, struct error *err)
{
        uint64_t start = clock_monotonic_us();
        int ret;

        progress_step(restoration->progress, "preflight", 0, 0);
        ret = preflight(restoration, err);
        out->preflight_us = clock_monotonic_us() - start;
        if (ret < 0)
                return ret;
        if (progress_cancelled(restoration->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED,
                                 "the restore was cancelled before it began");
        progress_step(restoration->progress, "restore", 0, 0);
        start = clock_monotonic_us();
        ret = restoration->driver->restore(restoration->stage, restoration->metadata, &restoration->options,
                                           out, err);
        if (ret == 0)
                ret = proof_wait(restoration->dump, out, err);
        out->restore_us = clock_monotonic_us() - start;
        return ret;
}

/* Finds out who restores it, and how. */
static int prepare(struct restoration *restoration, struct error *err)
{
        int ret = load(restoration, err);

        if (ret < 0)
                return ret;
        options_complete(restoration);
        return choose_driver(restoration, err);
}

/* `verified`: the open archive when it has been; else -1. */
static int set_up(struct restoration *restoration, int verified, const char *text, struct error *err)
{
        int ret = verified >= 0 ? stage_open_verified(verified, text, restoration->progress,
                                                      &restoration->stage, err)
                                : stage_open(text, restoration->options.access, restoration->progress,
                                             &restoration->stage, err);

        if (ret < 0)
                return ret;
        restoration->archive = stage_archive(restoration->stage);
        return prepare(restoration, err);
}

/* What is a file is only looked at. */
static int look(struct restoration *restoration, const char *path, struct error *err)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        int ret = archive_open_unread(path, &restoration->in_place, err);

        if (ret == 0)
                ret = archive_verify_open(restoration->in_place, restoration->progress, &report, err);
        if (ret == 0)
                ret = verify_report_error(&report, path, err);
        if (ret < 0)
                return ret;
        restoration->archive = restoration->in_place;
        return prepare(restoration, err);
}

int restore_check(const char *text, const struct runtime_driver *driver,
                  const struct restore_options *options, const struct progress *progress,
                  struct check_list *out, struct error *err)
{
        _cleanup_(restoration_free) struct restoration restoration = {
                .driver = driver, .options = *options, .progress = progress};
        int ret =
                location_is_path(text) ? look(&restoration, text, err) : set_up(&restoration, -1, text, err);

        return ret < 0 ? ret
                       : preflight_restore(restoration.archive, restoration.metadata, restoration.driver,
                                           &restoration.options, out, err);
}

static int restore(int verified, const char *text, const struct runtime_driver *driver,
                   const struct restore_options *options, const struct progress *progress,
                   struct restore_result *out, struct error *err)
{
        _cleanup_(restoration_free) struct restoration restoration = {
                .driver = driver, .options = *options, .progress = progress};
        uint64_t start = clock_monotonic_us();
        int ret;

        *out = (struct restore_result){0};
        ret = set_up(&restoration, verified, text, err);
        if (ret == 0)
                ret = run(&restoration, out, err);
        out->total_us = clock_monotonic_us() - start;
        if (ret < 0)
                restore_result_free(out);
        return ret;
}

int restore_archive(const char *text, const struct runtime_driver *driver,
                    const struct restore_options *options, const struct progress *progress,
                    struct restore_result *out, struct error *err)
{
        return restore(-1, text, driver, options, progress, out, err);
}

int restore_verified(int file, const char *path, const struct runtime_driver *driver,
                     const struct restore_options *options, struct restore_result *out, struct error *err)
{
        return restore(file, path, driver, options, NULL, out, err);
}
