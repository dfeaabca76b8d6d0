/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "criu/cause.h"
#include "fuzz.h"

/* The first byte divides the rest between CRIU's log and the runtime's words. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct slice log, runtime_errors = {data, size};
        _cleanup_buffer_ struct buffer excerpt = {0};
        struct error err = {0};

        if (size == 0)
                return 0;
        slice_take(&runtime_errors, size * data[0] / 256, &log);
        if (criu_cause_explain(&err, data[0] % 2 ? CRIU_ACTION_DUMP : CRIU_ACTION_RESTORE, "fuzz", log,
                               runtime_errors) != -EIO ||
            !err.kind || criu_log_excerpt(log, 1 + data[0] % 8, &excerpt) < 0)
                abort();
        for (size_t i = 0; i < excerpt.size; i++)
                if (excerpt.data[i] != '\n' && (excerpt.data[i] < ' ' || excerpt.data[i] > '~'))
                        abort();
        return 0;
}
