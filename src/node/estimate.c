/* SPDX-License-Identifier: Apache-2.0 */
#include "node/estimate.h"

#include <errno.h>
#include <fts.h>
#include "runtime/survey.h"

#define SMALL_FILES   (16 * MIB) /* CRIU's images besides pages, and headers, generously */
#define FIXED_FREEZE  0.2        /* seconds that even a small dump takes */
#define DEFAULT_RATE  ((double)GIB)
#define RATE_SAMPLES  20
#define RATE_SIZE_MIN (64 * MIB) /* smaller ones say nothing about the rate */

/* Bytes of the regular files below `path`, on that file system. */
static int files_size(const char *path, uint64_t *out, struct error *err)
{
        char *const paths[] = {(char *)(uintptr_t)path, NULL};
        FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
        FTSENT *entry;

        *out = 0;
        if (!tree)
                return error_errno(err, errno, "look through `%s`", path);
        while ((entry = fts_read(tree)))
                if (entry->fts_info == FTS_F)
                        *out += (uint64_t)entry->fts_statp->st_size;
        fts_close(tree);
        return 0;
}

int estimate_container(const struct container *container, struct estimate *out, struct error *err)
{
        _cleanup_survey_ struct survey survey = {0};
        const char *files = *container->upper ? container->upper : container->rootfs;
        int r = survey_container(container->pid, UINT64_MAX, &survey, err);

        *out = (struct estimate){.memory = survey.memory};
        return r < 0 || !*files ? r : files_size(files, &out->files, err);
}

uint64_t estimate_space(const struct estimate *estimate)
{
        return estimate->memory + estimate->files + SMALL_FILES;
}

int estimate_freeze(struct catalog *catalog, const struct estimate *estimate, double *out, struct error *err)
{
        const struct checkpoint_filter all = {.state = "completed"};
        _cleanup_checkpoint_list_ struct checkpoint_list list = {0};
        double bytes = 0, seconds = 0, rate = DEFAULT_RATE;
        unsigned samples = 0;
        int r = catalog_list_checkpoints(catalog, &all, &list, err);

        for (size_t i = list.count; i > 0 && samples < RATE_SAMPLES; i--) {
                const struct checkpoint *former = list.items[i - 1];

                if (former->size < RATE_SIZE_MIN || !former->frozen_us ||
                    strcmp(former->source, "checkpoint") != 0)
                        continue;
                bytes += (double)former->size;
                seconds += (double)former->frozen_us / 1e6;
                samples++;
        }
        if (samples)
                rate = bytes / seconds;
        *out = FIXED_FREEZE + (double)(estimate->memory + estimate->files) / rate;
        return r;
}

int estimate_check_liveness(struct catalog *catalog, const struct estimate *estimate,
                            const struct liveness *liveness, const char *subject, struct error *err)
{
        double freeze, allowed = liveness_allows(liveness);
        int r;

        if (!liveness->given)
                return 0;
        r = estimate_freeze(catalog, estimate, &freeze, err);
        if (r == 0 && freeze > allowed)
                r = error_set(err, &ERROR_PROBE_PERIOD, -ETIME,
                              "`%s` would stand still for about %.1f s, and its liveness probe bears %.0f s",
                              subject, freeze, allowed);
        return r;
}
