/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint as a node records it. Names are what the engine said when it was taken; they are never read
 * back from a file name, which is ambiguous. */
#ifndef SNAP_CATALOG_CHECKPOINT_H
#define SNAP_CATALOG_CHECKPOINT_H

#include "base/json.h"

/* Text is owned, "" when unknown. */
struct checkpoint {
        char *id;     /* unique_id() */
        char *state;  /* "completed": verified on disk; "quarantined": found, and refused by verify */
        char *reason; /* why it is quarantined */
        char *source; /* how it came: "checkpoint", "adopted", "fetched", "uploaded" */
        char *namespace, *pod, *pod_uid, *container, *container_id, *image;
        char *node, *engine;             /* the node and the driver that took it */
        char *group;                     /* id of the pod checkpoint that it is a part of */
        char *path, *digest;             /* of the archive file: "sha256:…" */
        uint64_t size;                   /* of the archive, bytes */
        uint64_t frozen_us, duration_us; /* 0: unknown */
        int64_t created_ns, verified_ns; /* since 1970 */
        bool pinned;                     /* neither deleted by hand nor by a rule */
};

/* One with every text empty. */
int checkpoint_new(struct checkpoint **out, struct error *err);
int checkpoint_copy(const struct checkpoint *checkpoint, struct checkpoint **out, struct error *err);
void checkpoint_free(struct checkpoint *checkpoint);
CLEANUP_DEFINE(struct checkpoint *, checkpoint_free);
#define _cleanup_checkpoint_ _cleanup_(checkpoint_freep)

/* As the API shows it (docs/node.md, "Checkpoint"). Borrows nothing. NULL: out of memory. */
yyjson_mut_val *checkpoint_json(const struct checkpoint *checkpoint, yyjson_mut_doc *doc);
/* The same, read; unknown members are left alone. */
int checkpoint_from_json(yyjson_val *object, struct checkpoint **out, struct error *err);

struct checkpoint_list {
        struct checkpoint **items;
        size_t count;
};
void checkpoint_list_free(struct checkpoint_list *list);
#define _cleanup_checkpoint_list_ _cleanup_(checkpoint_list_free)

#endif
