/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "checkpointed.pods" (docs/archive.md), the metadata of checkpointctl's first generation: which pods there
 * are checkpoints of. Untrusted like everything else. What we do not know in it is kept when it is written
 * again.
 */
#ifndef SNAP_ARCHIVE_PODS_H
#define SNAP_ARCHIVE_PODS_H

#include "archive/errors.h"
#include "base/json.h"

#define PODS_NAME "checkpointed.pods"

/* Largest text, and most values in it: a thousand pods, of which a node has some hundred. */
#define PODS_LIMIT      (1 * MIB)
#define PODS_VALUES_MAX 50000

/* Longest SandboxID: it is part of the names of files, temporary ones too. Real ones have 64 characters. */
#define POD_SANDBOX_MAX 200

/* All text is borrowed from the document; "" when absent, never NULL. */
struct pod_container {
        const char *name, *id, *image;
};

struct pod {
        const char *name, *name_space, *uid, *ip;
        const char *sandbox; /* its archive is "<sandbox>.tar"; "" or fit to be part of a file name */
        struct pod_container *containers;
        size_t container_count;
};

struct pods {
        yyjson_doc *doc;
        struct pod *list;
        size_t count;
};

/* `what` names the text in errors. Refuses other versions than 0 (ERROR_UNSUPPORTED), values of wrong types
 * and too many of them (ERROR_ARCHIVE_METADATA), and SandboxIDs that would name a file elsewhere
 * (ERROR_ARCHIVE_NAME). */
int pods_parse(struct slice text, const char *what, struct pods **out, struct error *err);
void pods_free(struct pods *pods);
CLEANUP_DEFINE(struct pods *, pods_free);
#define _cleanup_pods_ _cleanup_(pods_freep)

/* The name of a pod's archive, "<sandbox>.tar", for POD_ARCHIVE_SIZE bytes; returns `out`. */
#define POD_ARCHIVE_SIZE (POD_SANDBOX_MAX + sizeof(".tar"))
char *pod_archive_name(const struct pod *pod, char out[POD_ARCHIVE_SIZE]);

/* True when one cannot be told from the other: same UID or same SandboxID. */
bool pod_equal(const struct pod *a, const struct pod *b);

/* Appends the text of `old` (NULL: none yet) with the pods of `more` behind its own. -EFBIG
 * (ERROR_ARCHIVE_METADATA) when pods_parse() would refuse it. */
int pods_write_merged(const struct pods *old, const struct pods *more, struct buffer *out, struct error *err);

#endif
