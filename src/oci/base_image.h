/* SPDX-License-Identifier: Apache-2.0 */
/* The image that a container was made of, where it lies now. */
#ifndef SNAP_OCI_BASE_IMAGE_H
#define SNAP_OCI_BASE_IMAGE_H

#include "base/digest.h"
#include "base/error.h"

struct registry_access;

/*
 * The ID by which Podman and CRI-O know the image: the digest of its config. `reference` is
 * "NAME@sha256:DIGEST". Asked are the local storage, by Podman where it is installed, then the registry of
 * that name; of an index the image for `architecture` ("amd64"). `access` may be NULL. The error is the
 * registry's.
 */
int base_image_id(const char *reference, const char *architecture, const struct registry_access *access,
                  struct sha256 *id, struct error *err);

#endif
