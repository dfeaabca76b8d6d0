/* SPDX-License-Identifier: Apache-2.0 */
/* The disk of the archives: what is set aside, and the watermark. */
#include <errno.h>
#include <sys/statvfs.h>
#include "node/node_private.h"

int space_read(const struct node *node, uint64_t *free_bytes, uint64_t *all_bytes, struct error *err)
{
        struct statvfs fs;

        if (statvfs(node->options.directory, &fs) < 0)
                return error_errno(err, errno, "ask for the free space of `%s`", node->options.directory);
        if (free_bytes)
                *free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
        if (all_bytes)
                *all_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
        return 0;
}

int node_claim_space(struct node *node, uint64_t bytes, struct error *err)
{
        uint64_t free_bytes, needed;
        int r = place_check(node, err);

        if (r == 0)
                r = space_read(node, &free_bytes, NULL, err);
        if (r < 0)
                return r;
        pthread_mutex_lock(&node->lock);
        if (add_overflow(bytes, node->claimed, &needed) ||
            add_overflow(needed, node->options.reserve, &needed) || needed > free_bytes)
                r = error_set(err, &ERROR_WATERMARK, -ENOSPC,
                              "about %llu MiB are needed in `%s`, where %llu MiB are free, %llu MiB of them "
                              "set aside and %llu MiB kept free always",
                              (unsigned long long)(bytes / MIB), node->options.directory,
                              (unsigned long long)(free_bytes / MIB),
                              (unsigned long long)(node->claimed / MIB),
                              (unsigned long long)(node->options.reserve / MIB));
        else
                node->claimed += bytes;
        pthread_mutex_unlock(&node->lock);
        return r;
}

void node_release_space(struct node *node, uint64_t bytes)
{
        pthread_mutex_lock(&node->lock);
        node->claimed -= bytes;
        pthread_mutex_unlock(&node->lock);
}

int node_check_watermark(struct node *node, struct error *err)
{
        uint64_t free_bytes;
        int r = place_check(node, err);

        if (r == 0)
                r = space_read(node, &free_bytes, NULL, err);
        if (r == 0 && free_bytes < node->options.reserve)
                r = error_set(err, &ERROR_WATERMARK, -ENOSPC,
                              "`%s` has only %llu MiB left, and %llu MiB are kept free",
                              node->options.directory, (unsigned long long)(free_bytes / MIB),
                              (unsigned long long)(node->options.reserve / MIB));
        return r;
}
