/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint of one pod: "pod.dump" (which pod), "pod.options" (which containers) and a container archive
 * "<full name>.tar" for each. Written by a prototype of CRI-O; docs/archive.md.
 */
#ifndef SNAP_ARCHIVE_POD_ARCHIVE_H
#define SNAP_ARCHIVE_POD_ARCHIVE_H

#include "archive/archive.h"

#define POD_DUMP_NAME "pod.dump"

struct pod_archive_container {
        char *full_name;                     /* "k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT" */
        char *name;                          /* CONTAINER, or the full name when it has another form */
        const struct archive_member *member; /* its archive, borrowed; NULL: missing */
};

/* All text is owned; "" when absent, never NULL. */
struct pod_archive {
        struct archive *archive;
        char *name, *name_space, *uid, *hostname;
        struct pod_archive_container *containers;
        size_t container_count;
};

/* Is it one? */
bool pod_archive_recognise(const struct archive *archive);
/* Takes `archive` over when it succeeds. ERROR_ARCHIVE_NOT_ONE without pod.dump, ERROR_ARCHIVE_METADATA when
 * that or pod.options cannot be read. */
int pod_archive_load(struct archive *archive, struct pod_archive **out, struct error *err);
void pod_archive_free(struct pod_archive *pod);
CLEANUP_DEFINE(struct pod_archive *, pod_archive_free);
#define _cleanup_pod_archive_ _cleanup_(pod_archive_freep)

#endif
