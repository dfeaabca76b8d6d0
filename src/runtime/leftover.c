/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/leftover.h"

#include <ftw.h>
#include <string.h>
#include "runtime/proc.h"

#define OPEN_MOST 16

/* rmdir(2) refuses a group that has processes or groups in it. */
static int remove_group(const char *path, const struct stat *status, int type, struct FTW *walk)
{
        if (type == FTW_DP)
                (void)rmdir(path);
        return 0;
}

void leftover_remove(const char *path)
{
        _cleanup_proc_mounts_ struct proc_mounts mounts = {0};

        /* A path of systemd's ("machine.slice:libpod:ID") is cleaned by systemd. */
        if (path[0] != '/' || !path[1] || strstr(path, "..") || proc_mounts_read(getpid(), &mounts, NULL) < 0)
                return;
        for (size_t i = 0; i < mounts.count; i++) {
                const struct proc_mount *mount = &mounts.items[i];
                _cleanup_free_ char *group = NULL;

                if (strcmp(mount->type, "cgroup") != 0 && strcmp(mount->type, "cgroup2") != 0)
                        continue;
                if (asprintf(&group, "%s%s", mount->point, path) < 0) {
                        group = NULL;
                        return;
                }
                (void)nftw(group, remove_group, OPEN_MOST, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        }
}
