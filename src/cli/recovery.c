/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/recovery.h"

#include "runtime/capture.h"
#include "runtime/stage.h"

int recovery_run(struct error *err)
{
        unsigned count;
        int ret = capture_recover(&count, err);

        if (ret == 0 && count)
                fprintf(stderr,
                        "Note: %u checkpoint%s had been killed; what was frozen goes on, and what was "
                        "unfinished is "
                        "removed.\n",
                        count, count == 1 ? "" : "s");
        return ret < 0 ? ret : stage_recover(err);
}
