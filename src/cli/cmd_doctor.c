/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/check_table.h"
#include "cli/recovery.h"

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_check_list_ struct check_list list = {0};
        int ret = recovery_run(err);

        if (ret == 0)
                ret = preflight_host(&list, err);

        return ret < 0 ? ret : check_table_print(&list, "host", cli, err);
}

const struct verb verb_doctor = {
        .name = "doctor",
        .usage = "",
        .summary = "say whether this machine can checkpoint containers",
        .description = "Checks kernel features, CRIU, the container runtimes, control groups "
                       "and space. Containers that a killed checkpoint left frozen are "
                       "thawed first. Each check has a result, a reason and, where something is "
                       "missing, what to do. The exit status is 5 when one has failed.",
        .run = run,
};
