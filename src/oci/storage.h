/* SPDX-License-Identifier: Apache-2.0 */
/* Images in the local container storage of Podman, buildah and CRI-O, which skopeo or Podman put there. */
#ifndef SNAP_OCI_STORAGE_H
#define SNAP_OCI_STORAGE_H

#include "oci/image.h"

/*
 * The full name of an image, as buildah completes it: "web" is "localhost/web:latest",
 * "registry.example:5000/web:1" stays. Text with a transport other than "containers-storage:" is none
 * (-EINVAL, ERROR_IMAGE_REFERENCE). To be freed.
 */
int storage_name_parse(const char *text, char **out, struct error *err);

/*
 * Builds the image of an archive and puts it into the local storage under a full name. It is built as a
 * layout beside the blobs that skopeo and Podman keep while they work ($TMPDIR, else /var/tmp) and removed in
 * the end: that costs a tenth of the time that they take, and letting them read the archive in its place
 * saves none of it.
 */
int storage_build(struct archive *archive, const char *name, const struct image_options *options,
                  const struct progress *progress, struct image_result *out, struct error *err);

#endif
