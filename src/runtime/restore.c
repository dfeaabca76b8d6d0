/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/restore.h"

#include <errno.h>
#include "archive/verify.h"
#include "base/clock.h"
#include "criu/dump.h"
#include "oci/image.h"
#include "oci/location.h"
#include "runtime/preflight.h"
#include "runtime/proof.h"

#define SAVE_DIRECTORY "/var/tmp" /* as large as the checkpoint, so not in memory */

struct restoration {
        const struct runtime_driver *driver;
        struct restore_options options; /* with what the dump itself demands */
        const struct progress *progress;
        struct archive *archive;
        struct metadata *metadata;
        struct criu_dump *dump;
        struct check_list *checks; /* given: only look whether it could be restored */
        bool is_from_image;
};

static void restoration_free(struct restoration *restoration)
{
        criu_dump_freep(&restoration->dump);
        metadata_freep(&restoration->metadata);
        archive_freep(&restoration->archive);
}

/* Every byte that came out of an image had its digest on the way: it is not computed again. */
static int verify(const struct restoration *restoration, const char *path, struct error *err)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        int ret = restoration->is_from_image
                          ? archive_verify_sealed(path, restoration->progress, &report, err)
                          : archive_verify(path, restoration->progress, &report, err);

        return ret < 0 ? ret : verify_report_error(&report, path, err);
}

static int open_archive(struct restoration *restoration, const char *path, struct error *err)
{
        struct criu_source source;
        int ret = archive_open_unread(path, &restoration->archive, err);

        if (ret == 0)
                ret = archive_load(restoration->archive, restoration->progress, err);
        if (ret == 0)
                ret = metadata_load(restoration->archive, &restoration->metadata, err);
        if (ret < 0)
                return ret;
        source = archive_criu_source(restoration->archive);
        return criu_dump_load(&source, 0, &restoration->dump, err);
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
        ret = restoration->driver->restore(restoration->archive, restoration->metadata, &restoration->options,
                                           out, err);
        if (ret == 0)
                ret = proof_wait(restoration->dump, out, err);
        out->restore_us = clock_monotonic_us() - start;
        return ret;
}

static int restore_file(struct restoration *restoration, const char *path, struct restore_result *out,
                        struct error *err)
{
        int ret = restoration->options.verified ? 0 : verify(restoration, path, err);

        if (ret == 0)
                ret = open_archive(restoration, path, err);
        if (ret < 0)
                return ret;
        options_complete(restoration);
        ret = choose_driver(restoration, err);
        if (ret < 0)
                return ret;
        if (restoration->checks)
                return preflight_restore(restoration->archive, restoration->metadata, restoration->driver,
                                         &restoration->options, restoration->checks, err);
        return run(restoration, out, err);
}

/* Runtimes need a file. */
static int restore_saved(struct restoration *restoration, const char *text, struct restore_result *out,
                         struct error *err)
{
        _cleanup_free_ char *path = NULL;
        char id[UNIQUE_ID_SIZE];
        int ret;

        if (asprintf(&path, SAVE_DIRECTORY "/snap-%s.tar", unique_id(id)) < 0) {
                path = NULL;
                return error_oom(err);
        }
        restoration->is_from_image = image_reference_is_one(text);
        ret = location_save(text, restoration->options.access, path, restoration->progress, err);
        if (ret == 0)
                ret = restore_file(restoration, path, out, err);
        (void)unlink(path);
        return ret < 0 ? error_wrap(err, ret, "%s", text) : 0;
}

static int restore_either(struct restoration *restoration, const char *path, struct restore_result *out,
                          struct error *err)
{
        return location_is_path(path) ? restore_file(restoration, path, out, err)
                                      : restore_saved(restoration, path, out, err);
}

int restore_check(const char *path, const struct runtime_driver *driver,
                  const struct restore_options *options, const struct progress *progress,
                  struct check_list *out, struct error *err)
{
        _cleanup_(restoration_free) struct restoration restoration = {
                .driver = driver, .options = *options, .progress = progress, .checks = out};

        return restore_either(&restoration, path, NULL, err);
}

int restore_archive(const char *path, const struct runtime_driver *driver,
                    const struct restore_options *options, const struct progress *progress,
                    struct restore_result *out, struct error *err)
{
        _cleanup_(restoration_free) struct restoration restoration = {
                .driver = driver, .options = *options, .progress = progress};
        uint64_t start = clock_monotonic_us();
        int ret;

        *out = (struct restore_result){0};
        ret = restore_either(&restoration, path, out, err);
        out->total_us = clock_monotonic_us() - start;
        if (ret < 0)
                restore_result_free(out);
        return ret;
}
