/* SPDX-License-Identifier: Apache-2.0 */
/* A tar that is inserted: all of it or nothing, and never a file elsewhere. */
#include <dirent.h>
#include "archive/podset.h"
#include "fuzz.h"
#include "scratch.h"

static const char old[] = "{\"version\":0,\"CheckpointedPods\":[{\"SandboxID\":\"old\"}]}";

/* Files in the directory that are neither its metadata nor the archive of a pod that it lists. */
static unsigned count_strangers(const char *path, const struct podset *set)
{
        _cleanup_closedir_ DIR *dir = opendir(path);
        const struct pods *pods = podset_pods(set);
        unsigned strangers = 0;

        for (struct dirent *entry; (entry = readdir(dir));) {
                bool known = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                             strcmp(entry->d_name, PODS_NAME) == 0;
                char name[POD_ARCHIVE_SIZE];

                for (size_t i = 0; i < pods->count && !known; i++)
                        known = strcmp(entry->d_name, pod_archive_name(&pods->list[i], name)) == 0;
                strangers += !known;
        }
        return strangers;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_podset_insertion_ struct podset_insertion insertion = {0};
        _cleanup_podset_ struct podset *set = NULL;
        const char *scratch = scratch_directory();
        char input[64], to[64], pods[96];
        int ret;

        snprintf(input, sizeof(input), "%s/input", scratch);
        snprintf(to, sizeof(to), "%s/to", scratch);
        snprintf(pods, sizeof(pods), "%s/" PODS_NAME, to);
        if (mkdir(to, 0700) < 0)
                abort();
        scratch_write(input, data, size);
        scratch_write(pods, old, strlen(old));
        ret = podset_insert(input, to, NULL, &insertion, NULL);
        if (podset_open(to, &set, NULL) < 0 || count_strangers(to, set) ||
            podset_pods(set)->count != 1 + (ret < 0 ? 0 : insertion.pods->count))
                abort();
        for (size_t i = 1; i < podset_pods(set)->count; i++)
                if (!podset_has_archive(set, &podset_pods(set)->list[i]))
                        abort();
        return 0;
}
