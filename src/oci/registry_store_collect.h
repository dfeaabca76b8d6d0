/* SPDX-License-Identifier: Apache-2.0 */
/* Collection of garbage in a registry's directory. */
#ifndef SNAP_OCI_REGISTRY_STORE_COLLECT_H
#define SNAP_OCI_REGISTRY_STORE_COLLECT_H

#include "oci/registry_store.h"

struct collect_result {
        uint64_t links; /* blobs that a repository no longer has */
        uint64_t blobs; /* blobs removed, and their size */
        uint64_t bytes;
        uint64_t uploads; /* that nobody went on with */
};

/*
 * Removes what no manifest of its repository refers to (all manifests count, tagged or not) and nobody has
 * relied on for `grace_seconds`: asked for with HEAD, mounted, or pushed. Then blobs that no repository has.
 * Safe while any number of processes serve the directory: what is to go is listed first, and each thing is
 * looked at again before it goes, while everybody else is kept out for a moment. A repository with a
 * manifest that cannot be read keeps all it has, and the error says so when all others are done. Takes about
 * 100 bytes of memory for each blob.
 */
int store_collect(struct registry_store *store, uint64_t grace_seconds, struct collect_result *out,
                  struct error *err);

#endif
