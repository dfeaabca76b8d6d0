/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include <dlfcn.h>
#include <errno.h>

static int load(const struct library *library, struct error *err)
{
        void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
        void **functions = library->functions;

        if (!handle)
                return error_set(err, &ERROR_TOOL_MISSING, -ELIBACC, "cannot load a library: %s", dlerror());
        for (size_t i = 0; i < library->count; i++) {
                functions[i] = dlsym(handle, library->names[i]);
                if (functions[i])
                        continue;
                (void)error_set(err, &ERROR_TOOL_MISSING, -ELIBACC, "`%s` is too old: it has no `%s`",
                                library->file, library->names[i]);
                dlclose(handle);
                return -ELIBACC;
        }
        return 0;
}

int library_load(struct library *library, struct error *err)
{
        int ret = 0;

        pthread_mutex_lock(&library->lock);
        if (!library->loaded)
                ret = load(library, err);
        library->loaded = ret == 0;
        pthread_mutex_unlock(&library->lock);
        return ret;
}
