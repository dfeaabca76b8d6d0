/* SPDX-License-Identifier: Apache-2.0 */
/* What an archive says about its container, whichever engine wrote it. docs/archive.md lists the sources. */
#ifndef SNAP_ARCHIVE_METADATA_H
#define SNAP_ARCHIVE_METADATA_H

#include "archive/archive.h"

enum engine { ENGINE_CRIO, ENGINE_CONTAINERD, ENGINE_PODMAN, ENGINE_OCI /* crun, runc bundle */ };

/* "CRI-O", "containerd", "Podman", "OCI". */
const char *engine_name(enum engine engine);

/* All text is owned by the metadata; "" when unknown, never NULL. */
struct metadata {
        enum engine engine;
        char *container_id, *container_name, *pod_name, *pod_namespace, *pod_uid;
        char *image_name; /* what checkpointctl shows under IMAGE (rootfsImageName) */
        char *image_requested, *image_id, *image_reference; /* rootfsImage, ID (hex), repo@sha256 */
        char *runtime;                                      /* "crun", "runc", "io.containerd.runc.v2" */
        char *created, *checkpointed;                       /* RFC 3339 as found */
        char *ip, *mac;
        uint64_t checkpoint_size;  /* bytes of files under checkpoint/ */
        uint64_t pages_size;       /* of those, pages-*.img */
        uint64_t gpu_pages_size;   /* amdgpu-pages-* */
        uint64_t rootfs_diff_size; /* rootfs-diff.tar, 0 when absent */
        bool has_rootfs_diff;
        yyjson_doc *config, *spec; /* config.dump, spec.dump; NULL when a CRIU directory has none */
        yyjson_doc *facts;         /* snap.json; NULL in archives that are not ours */
};

int metadata_load(const struct archive *archive, struct metadata **out, struct error *err);
void metadata_free(struct metadata *metadata);
CLEANUP_DEFINE(struct metadata *, metadata_free);
#define _cleanup_metadata_ _cleanup_(metadata_freep)

#endif
