/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of pod checkpoints as checkpointctl's first generation knows it: checkpointed.pods, and the archive
 * "<SandboxID>.tar" of each pod. It lies in a directory (the kubelet's), or in one tar of those files, plain
 * or compressed, on its way to another machine.
 */
#ifndef SNAP_ARCHIVE_PODSET_H
#define SNAP_ARCHIVE_PODSET_H

#include "archive/archive.h"
#include "archive/pods.h"
#include "base/progress.h"

/* The kubelet's directory. */
#define PODSET_KUBELET "/var/lib/kubelet/checkpoints"

struct podset;

/* A directory or a tar. ERROR_ARCHIVE_NOT_ONE for a tar, -ENOENT for a directory without checkpointed.pods.
 */
int podset_open(const char *path, struct podset **out, struct error *err);
/* The set in a tar that is open already; takes the archive over when it succeeds. */
int podset_open_in(struct archive *archive, struct podset **out, struct error *err);
void podset_free(struct podset *set);
CLEANUP_DEFINE(struct podset *, podset_free);
#define _cleanup_podset_ _cleanup_(podset_freep)

const struct pods *podset_pods(const struct podset *set);
/* Where the metadata is, for people: "DIR/checkpointed.pods", or the path of the tar. */
const char *podset_place(const struct podset *set);
bool podset_has_archive(const struct podset *set, const struct pod *pod);
/* The archive of a pod, where it lies. -ENOTSUP in a compressed tar. */
int podset_open_archive(const struct podset *set, const struct pod *pod, struct archive **out,
                        struct error *err);

/* Writes a tar of the set in a directory: checkpointed.pods, then each archive, none missing (-ENOENT). The
 * file, 0600, appears whole or not at all, in place of one that is there. `size`: its bytes. */
int podset_extract(const struct podset *set, const char *output, enum compression compression,
                   const struct progress *progress, uint64_t *size, struct error *err);

/* What an insert did. Zero-initialise. */
struct podset_insertion {
        struct pods *pods; /* that were added */
        uint64_t bytes;    /* of their archives */
        char **ignored;    /* members of the tar that no pod of it lists */
        size_t ignored_count;
};
void podset_insertion_free(struct podset_insertion *insertion);
#define _cleanup_podset_insertion_ _cleanup_(podset_insertion_free)

/*
 * Adds the set in the tar `input` to the one in `directory`, which is made where only it is missing. All or
 * nothing, whatever happens: what a killed run leaves is undone by the next. Waits (phase "wait") while
 * another insert is at it. Refuses pods that are there already (-EEXIST), archives that are missing
 * (-ENOENT), names that escape and members that are no files.
 */
int podset_insert(const char *input, const char *directory, const struct progress *progress,
                  struct podset_insertion *out, struct error *err);

#endif
