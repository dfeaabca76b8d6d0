/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/host.h"

#include <dlfcn.h>
#include "base/process.h"

#define VERSION_TIMEOUT_MS 10000

bool host_kernel_at_least(const char *release, unsigned major, unsigned minor)
{
        unsigned a = 0, b = 0;

        return sscanf(release, "%u.%u", &a, &b) == 2 && (a > major || (a == major && b >= minor));
}

static bool library_loads(const char *name)
{
        void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);

        if (!library)
                return false;
        dlclose(library);
        return true;
}

/*
 * crun says "+CRIU" among its features when it was built for it, and loads the library when it is needed.
 * runc starts the program.
 */
void host_runtime_probe(const char *program, struct host_runtime *out)
{
        const char *argv[] = {program, "--version", NULL};
        struct process_options options = {.argv = argv, .timeout_ms = VERSION_TIMEOUT_MS};
        _cleanup_process_result_ struct process_result result = {0};
        struct error why = {0};
        const char *text, *at;

        *out = (struct host_runtime){0};
        if (process_run(&options, &result, &why) < 0 || result.exit_status != 0) {
                snprintf(out->reason, sizeof(out->reason), "%s cannot be started", program);
                return;
        }
        text = buffer_text(&result.output);
        at = strstr(text, " version ");
        if (at)
                (void)sscanf(at, " version %63s", out->version);
        out->checkpoint = true;
        if (!strstr(text, "crun version"))
                return;
        if (!strstr(text, "+CRIU")) {
                out->checkpoint = false;
                snprintf(out->reason, sizeof(out->reason), "%s was built without CRIU", program);
        } else if (!library_loads("libcriu.so.2")) {
                out->checkpoint = false;
                snprintf(out->reason, sizeof(out->reason), "%s needs libcriu.so.2, which cannot be loaded",
                         program);
        }
}
