/* SPDX-License-Identifier: Apache-2.0 */
/* A damaged archive: whatever repair makes of it opens, and has an index. */
#include <fcntl.h>
#include "archive/repair.h"
#include "archive/verify.h"
#include "fuzz.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_repair_report_ struct repair_report report = {0};
        _cleanup_verify_report_ struct verify_report verified = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        const char *scratch = scratch_directory();
        char input[64], output[64], tail[64];
        _cleanup_close_ int fd = -1;

        snprintf(input, sizeof(input), "%s/input", scratch);
        snprintf(output, sizeof(output), "%s/output", scratch);
        snprintf(tail, sizeof(tail), "%s/tail", scratch);
        scratch_write(input, data, size);
        fd = open(input, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                abort();
        if (archive_repair(fd, input, output, tail, NULL, &report, NULL) < 0) {
                if (access(output, F_OK) == 0 || access(tail, F_OK) == 0)
                        abort();
                return 0;
        }
        if (!report.written)
                return 0;
        if (archive_open_any(output, &archive, NULL) < 0 || !archive_has_index(archive) ||
            (report.tail_size > 0) != (access(tail, F_OK) == 0))
                abort();
        archive_verify(output, NULL, &verified, NULL);
        return 0;
}
