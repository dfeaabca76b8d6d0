/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/leftover.h"

#include <ftw.h>
#include <string.h>
#include "base/clock.h"
#include "base/json.h"
#include "base/process.h"
#include "runtime/proc.h"

#define OPEN_MOST   16
#define PATIENCE_US (30 * 1000000ull) /* for a runtime that is at it */
#define PODMAN_ID   64                /* digits */
#define STEP_US     50000

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

/* "STORAGE/overlay-containers/ID/userdata", which is no more. */
static bool is_lost_bundle(const char *bundle, const char *id)
{
        const char *found = strstr(bundle, id);

        return found && found != bundle && found[-1] == '/' && strcmp(found + strlen(id), "/userdata") == 0 &&
               access(bundle, F_OK) < 0;
}

/* 64 hexadecimal digits: an archive must not name a container that is not Podman's. */
static bool is_podman_id(const char *id)
{
        return strspn(id, "0123456789abcdef") == PODMAN_ID && !id[PODMAN_ID];
}

enum orphan { ORPHAN_NONE, ORPHAN_UNREADABLE, ORPHAN_CERTAIN };

/* Unreadable: a runtime is at it just now, or was killed when it was. */
static enum orphan look_for_orphan(const char *runtime, const char *id)
{
        const char *argv[] = {runtime, "state", id, NULL};
        const struct process_options options = {.argv = argv};
        _cleanup_process_result_ struct process_result result = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        char path[64 + PODMAN_ID];

        snprintf(path, sizeof(path), "/run/%s/%s", runtime, id);
        if (access(path, F_OK) < 0)
                return ORPHAN_NONE;
        if (process_run_checked(&options, &result, NULL) < 0 ||
            json_parse(buffer_slice(&result.output), "the state of a container", &doc, NULL) < 0)
                return ORPHAN_UNREADABLE;
        return is_lost_bundle(json_text_or(yyjson_doc_get_root(doc), "bundle", ""), id) ? ORPHAN_CERTAIN
                                                                                        : ORPHAN_NONE;
}

const char *leftover_find_orphan(const char *id)
{
        static const char *const runtimes[] = {"crun", "runc"};

        for (size_t i = 0; is_podman_id(id) && i < ARRAY_SIZE(runtimes); i++)
                if (look_for_orphan(runtimes[i], id) != ORPHAN_NONE)
                        return runtimes[i];
        return NULL;
}

static int end(const char *runtime, const char *id, struct error *err)
{
        const char *argv[] = {runtime, "delete", "--force", id, NULL};
        const struct process_options options = {.argv = argv};
        _cleanup_process_result_ struct process_result result = {0};
        uint64_t limit = clock_monotonic_us() + PATIENCE_US;
        enum orphan orphan;

        while ((orphan = look_for_orphan(runtime, id)) == ORPHAN_UNREADABLE && clock_monotonic_us() < limit)
                usleep(STEP_US);
        return orphan == ORPHAN_NONE ? 0 : process_run_checked(&options, &result, err);
}

int leftover_end_orphan(const char *id, struct error *err)
{
        const char *runtime = leftover_find_orphan(id);
        char cgroup[64 + PODMAN_ID];
        int ret = runtime ? end(runtime, id, err) : 0;

        snprintf(cgroup, sizeof(cgroup), "/libpod_parent/libpod-%s", id);
        if (is_podman_id(id))
                leftover_remove(cgroup);
        return ret;
}
