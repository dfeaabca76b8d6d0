/* SPDX-License-Identifier: Apache-2.0 */
/* What can be known of a node at a moment: gauges, and whether it can take work. */
#include <errno.h>
#include "node/node_private.h"

#define NAMESPACES_MOST 100
#define COUNT_NAME      "snap_node_checkpoints"
#define BYTES_NAME      "snap_node_checkpoints_bytes"

static int gauge(struct buffer *out, const char *name, const char *help, double value)
{
        int r = metrics_write_header(out, name, "gauge", help);

        return r < 0 ? r : metrics_write_sample(out, name, NULL, value);
}

static int write_queue(struct node *node, struct buffer *out)
{
        unsigned waiting, running;
        uint64_t claimed;
        int r;

        pthread_mutex_lock(&node->lock);
        waiting = node->waiting;
        running = node->running;
        claimed = node->claimed;
        pthread_mutex_unlock(&node->lock);
        r = gauge(out, "snap_node_queue_length", "Operations that wait.", waiting);
        if (r == 0)
                r = gauge(out, "snap_node_queue_limit", "Operations that may wait.", node->options.queue);
        if (r == 0)
                r = gauge(out, "snap_node_running", "Operations that are worked on.", running);
        return r < 0 ? r
                     : gauge(out, "snap_node_disk_claimed_bytes", "Set aside for what is being written.",
                             (double)claimed);
}

static int write_disk(struct node *node, struct buffer *out, struct error *err)
{
        uint64_t free_bytes, all_bytes;
        int r = space_read(node, &free_bytes, &all_bytes, err);

        if (r < 0)
                return r;
        r = gauge(out, "snap_node_disk_size_bytes", "Size of the disk of the archives.", (double)all_bytes);
        if (r == 0)
                r = gauge(out, "snap_node_disk_free_bytes", "Free on it.", (double)free_bytes);
        if (r == 0)
                r = gauge(out, "snap_node_disk_reserve_bytes", "Kept free on it: the watermark.",
                          (double)node->options.reserve);
        return r < 0 ? error_oom(err) : 0;
}

/* Checkpoints as two families, which are written one after the other. */
struct groups {
        struct buffer count, bytes;
        size_t samples;
        uint64_t other_count, other_bytes; /* of namespaces beyond the first NAMESPACES_MOST */
};

static int group_write(struct groups *groups, const char *namespace, const char *state, uint64_t count,
                       uint64_t bytes)
{
        _cleanup_buffer_ struct buffer labels = {0};
        int r = metrics_label(&labels, "state", state);

        if (r == 0)
                r = metrics_label(&labels, "namespace", namespace);
        if (r == 0)
                r = metrics_write_sample(&groups->count, COUNT_NAME, buffer_text(&labels), (double)count);
        return r < 0 ? r
                     : metrics_write_sample(&groups->bytes, BYTES_NAME, buffer_text(&labels), (double)bytes);
}

static int group_add(void *context, const char *namespace, const char *state, uint64_t count, uint64_t bytes)
{
        struct groups *groups = context;

        if (groups->samples++ < NAMESPACES_MOST)
                return group_write(groups, namespace, state, count, bytes);
        groups->other_count += count;
        groups->other_bytes += bytes;
        return 0;
}

static int write_checkpoints(struct node *node, struct buffer *out, struct error *err)
{
        struct groups groups = {0};
        int r = metrics_write_header(&groups.count, COUNT_NAME, "gauge", "Checkpoints on the node.");

        if (r == 0)
                r = metrics_write_header(&groups.bytes, BYTES_NAME, "gauge",
                                         "Bytes of the archives on the node.");
        if (r == 0)
                r = catalog_count_checkpoints(node->catalog, group_add, &groups, err);
        if (r == 0 && groups.other_count)
                r = group_write(&groups, "other", "any", groups.other_count, groups.other_bytes);
        if (r == 0)
                r = buffer_append(out, groups.count.data, groups.count.size);
        if (r == 0)
                r = buffer_append(out, groups.bytes.data, groups.bytes.size);
        buffer_free(&groups.count);
        buffer_free(&groups.bytes);
        return r == -ENOMEM ? error_oom(err) : r;
}

int node_metrics(struct node *node, struct buffer *out, struct error *err)
{
        int r = metrics_write(node->metrics, out);

        if (r == 0)
                r = write_queue(node, out);
        if (r < 0)
                return error_oom(err);
        r = write_disk(node, out, err);
        return r < 0 ? r : write_checkpoints(node, out, err);
}

int node_ready(struct node *node, struct error *err)
{
        unsigned waiting, unsaved;
        bool stopping;
        int r = node_check_watermark(node, err);

        if (r < 0)
                return r;
        queue_save_ended(node);
        pthread_mutex_lock(&node->lock);
        waiting = node->waiting;
        unsaved = node->ended_unsaved;
        stopping = node->stopping;
        pthread_mutex_unlock(&node->lock);
        if (stopping)
                return error_set(err, &ERROR_QUEUE_FULL, -ECANCELED, "the agent ends, and takes nothing new");
        if (waiting >= node->options.queue)
                return error_set(err, &ERROR_QUEUE_FULL, -EAGAIN, "%u operations wait already", waiting);
        if (unsaved)
                return error_set(err, &ERROR_CATALOG, -EIO,
                                 "the catalog cannot be written: %u operations have ended and are not in it",
                                 unsaved);
        return 0;
}
