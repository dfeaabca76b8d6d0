/* SPDX-License-Identifier: Apache-2.0 */
/* A whole archive, opened, described and verified. */
#include <sys/mman.h>
#include <unistd.h>
#include "archive/metadata.h"
#include "archive/verify.h"
#include "base/file.h"
#include "fuzz.h"

/* What opens must be readable to its end, member by member. */
static void read_members(const struct archive *archive)
{
        for (size_t i = 0; i < archive_count(archive); i++) {
                const struct archive_member *member = archive_at(archive, i);
                _cleanup_buffer_ struct buffer contents = {0};

                if (archive_find(archive, member->name) != member)
                        abort();
                archive_read(archive, member, MIB, &contents, NULL);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        _cleanup_verify_report_ struct verify_report report = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *metadata = NULL;
        char path[64];

        if (fd < 0 || file_write_full(fd, data, size) < 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (archive_open(path, &archive, NULL) == 0) {
                read_members(archive);
                metadata_load(archive, &metadata, NULL);
        }
        archive_verify(path, NULL, &report, NULL);
        return 0;
}
