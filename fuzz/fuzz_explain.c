/* SPDX-License-Identifier: Apache-2.0 */
/* A whole archive, explained: sizes, and what it needs elsewhere. */
#include <sys/mman.h>
#include <unistd.h>
#include "archive/weight.h"
#include "base/file.h"
#include "fuzz.h"
#include "runtime/portability.h"

static void explain(struct archive *archive)
{
        const struct criu_source source = archive_criu_source(archive);
        _cleanup_metadata_ struct metadata *metadata = NULL;
        _cleanup_criu_dump_ struct criu_dump *dump = NULL;
        _cleanup_check_list_ struct check_list checks = {0};
        _cleanup_weight_ struct weight weight = {0};

        if (metadata_load(archive, &metadata, NULL) < 0 ||
            criu_dump_load(&source, PORTABILITY_LOAD, &dump, NULL) < 0)
                return;
        weight_measure(archive, dump, &weight, NULL);
        portability_check(archive, metadata, dump, &checks, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        _cleanup_archive_ struct archive *archive = NULL;
        char path[64];

        if (fd < 0 || file_write_full(fd, data, size) < 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (archive_open(path, &archive, NULL) == 0)
                explain(archive);
        return 0;
}
