/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec.h"

#include <errno.h>

#define ARGUMENTS_BEFORE 6

int container_exec(const struct container *container, const char *const *command, unsigned timeout_s,
                   size_t output_limit, struct process_result *result, struct error *err)
{
        _cleanup_free_ const char **argv = NULL;
        struct process_options options = {.timeout_ms = (int)timeout_s * 1000, .output_limit = output_limit};
        size_t count = 0, n = 0;

        if (!container->pid)
                return error_set(err, &ERROR_CONTAINER_NOT_RUNNING, -ESRCH, "container `%s` is not running",
                                 container->name);
        while (command[count])
                count++;
        argv = calloc(count + ARGUMENTS_BEFORE, sizeof(*argv));
        if (!argv)
                return error_oom(err);
        argv[n++] = container->runtime;
        if (*container->runtime_root) {
                argv[n++] = "--root";
                argv[n++] = container->runtime_root;
        }
        argv[n++] = "exec";
        argv[n++] = container->id;
        memcpy(argv + n, command, count * sizeof(*argv));
        options.argv = argv;
        return process_run(&options, result, err);
}
