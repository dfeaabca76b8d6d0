/* SPDX-License-Identifier: Apache-2.0 */
/* A whole archive, explained: sizes, and what it needs elsewhere. */
#include <sys/mman.h>
#include <unistd.h>
#include "archive/walk.h"
#include "archive/weight.h"
#include "base/file.h"
#include "fuzz.h"
#include "runtime/portability.h"

struct explaining {
        struct weight *weight;
        struct verify_tars *tars;
};

static int take_tar(void *context, const struct archive_member *member, struct stream *contents,
                    struct error *err)
{
        const struct explaining *explaining = context;
        _cleanup_tar_walk_ struct tar_walk walk = {.stream = contents, .what = member->name};
        int ret;

        while ((ret = tar_walk_next(&walk, err)) > 0)
                if (weight_add_entry(explaining->weight, member, &walk.entry, err) < 0 ||
                    verify_tars_entry(explaining->tars, member, &walk.entry, err) < 0)
                        return -1;
        return ret;
}

static void explain(struct archive *archive)
{
        const struct criu_source source = archive_criu_source(archive);
        _cleanup_metadata_ struct metadata *metadata = NULL;
        _cleanup_criu_dump_ struct criu_dump *dump = NULL;
        _cleanup_check_list_ struct check_list checks = {0};
        _cleanup_weight_ struct weight weight = {0};
        _cleanup_verify_tars_ struct verify_tars *tars = NULL;
        _cleanup_verify_report_ struct verify_report files = {0};
        struct explaining explaining = {.weight = &weight};
        const struct archive_visitor visitor = {.tar = take_tar, .context = &explaining};

        if (verify_tars_new(archive, NULL, &files, &tars, NULL) < 0)
                return;
        explaining.tars = tars;
        if (archive_visit(archive, &visitor, NULL) < 0 || verify_tars_finish(tars, NULL) < 0)
                return;
        if (metadata_load(archive, &metadata, NULL) < 0 ||
            criu_dump_load(&source, PORTABILITY_LOAD, &dump, NULL) < 0)
                return;
        weight_measure(archive, dump, &weight, NULL);
        portability_check(archive, metadata, dump, &files, &checks, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        _cleanup_archive_ struct archive *archive = NULL;
        char path[64];

        if (fd < 0 || file_write_full(fd, data, size) < 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (archive_open_unread(path, &archive, NULL) == 0)
                explain(archive);
        return 0;
}
