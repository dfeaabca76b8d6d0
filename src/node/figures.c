/* SPDX-License-Identifier: Apache-2.0 */
/* What can be known of a node at a moment: gauges, and whether it can take work. */
#include <errno.h>
#include "node/node_private.h"

#define NAMESPACES_MOST 100
#define GROUPS_MOST     (NAMESPACES_MOST + 2) /* and "other" of both states */

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

/* Checkpoints of one namespace and state. */
struct group {
        const char *namespace, *state;
        uint64_t count, bytes;
};

static void group_add(struct group *groups, size_t *count, const struct checkpoint *checkpoint)
{
        const char *namespace = checkpoint->namespace;
        size_t i = 0;

        for (;; namespace = "other", i = 0) {
                while (i < *count && (strcmp(groups[i].namespace, namespace) != 0 ||
                                      strcmp(groups[i].state, checkpoint->state) != 0))
                        i++;
                if (i < *count || *count < NAMESPACES_MOST || strcmp(namespace, "other") == 0)
                        break;
        }
        if (i == GROUPS_MOST)
                return;
        if (i == *count)
                groups[(*count)++] = (struct group){namespace, checkpoint->state, 0, 0};
        groups[i].count++;
        groups[i].bytes += checkpoint->size;
}

static int write_groups(const struct group *groups, size_t count, bool bytes, struct buffer *out)
{
        const char *name = bytes ? "snap_node_checkpoints_bytes" : "snap_node_checkpoints";
        int r = metrics_write_header(out, name, "gauge",
                                     bytes ? "Bytes of the archives on the node."
                                           : "Checkpoints on the node.");

        for (size_t i = 0; r == 0 && i < count; i++) {
                _cleanup_buffer_ struct buffer labels = {0};

                r = metrics_label(&labels, "state", groups[i].state);
                if (r == 0)
                        r = metrics_label(&labels, "namespace", groups[i].namespace);
                if (r == 0)
                        r = metrics_write_sample(out, name, buffer_text(&labels),
                                                 (double)(bytes ? groups[i].bytes : groups[i].count));
        }
        return r;
}

static int write_checkpoints(struct node *node, struct buffer *out, struct error *err)
{
        const struct checkpoint_filter all = {0};
        _cleanup_checkpoint_list_ struct checkpoint_list list = {0};
        struct group groups[GROUPS_MOST];
        size_t count = 0;
        int r = catalog_list_checkpoints(node->catalog, &all, &list, err);

        if (r < 0)
                return r;
        for (size_t i = 0; i < list.count; i++)
                group_add(groups, &count, list.items[i]);
        r = write_groups(groups, count, false, out);
        if (r == 0)
                r = write_groups(groups, count, true, out);
        return r < 0 ? error_oom(err) : 0;
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
