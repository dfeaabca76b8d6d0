/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engines that speak the container runtime interface (CRI), as the kubelet asks them: containerd, CRI-O. For
 * the drivers "cri" and "kubelet", and for those who bring images to a node.
 */
#ifndef SNAP_RUNTIME_CRI_H
#define SNAP_RUNTIME_CRI_H

#include "runtime/runtime.h"

/* Which socket is the engine's, in place of the first that exists of containerd's and CRI-O's. Borrowed; to
 * be said before anything else is asked of it. */
void cri_configure(const char *socket);
/* The socket; NULL when there is none here. Borrowed. */
const char *cri_socket(void);

struct cri_image_facts {
        char *id, *tag, *digest; /* "sha256:…", "NAME:TAG", "NAME@sha256:…"; "" when it has none */
        uint64_t size;           /* bytes */
};
struct cri_image_list {
        struct cri_image_facts *items;
        size_t count;
};
int cri_list_images(struct cri_image_list *out, struct error *err);
void cri_image_list_free(struct cri_image_list *list);
#define _cleanup_cri_image_list_ _cleanup_(cri_image_list_free)
/* Has the engine pull `image`, however long that takes; `out`: what the engine calls it, an id or a reference
 * with the digest, to be freed. */
int cri_pull_image(const char *image, char **out, struct error *err);

/* What the drivers offer. Names are ids, unique beginnings of ids, NAMESPACE/POD/CONTAINER, or CONTAINER
 * where only one runs of that name. */
int cri_list(struct container_list *out, struct error *err);
int cri_inspect(const char *name, struct container **out, struct error *err);

/*
 * Looks for containers of pods that stand frozen although nobody checkpoints them, and sets free those that
 * have stood for `patience_s` since the first look that saw them so: containerd leaves them behind when a
 * caller does not wait (the kubelet waits for two minutes), and calls them running. Looks are remembered
 * beside the locks, so that this may be called by several programs. `released`: how many.
 */
int cri_release_abandoned(unsigned patience_s, unsigned *released, struct error *err);

#endif
