/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/errors.h"

#include <stddef.h>
#include "oci/image.h"

const struct error_kind ERROR_IMAGE_REFERENCE = {
        .code = "SNAP-301",
        .exit_status = EXIT_USAGE,
        .http_status = 400,
        .title = "not an image reference",
        .hint = "Write `oci:DIRECTORY[:TAG]`, `oci-archive:FILE[:TAG]` or, for the local container storage, "
                "a name "
                "like `web:1`.",
};
const struct error_kind ERROR_IMAGE_LAYOUT = {
        .code = "SNAP-302",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "not an OCI image layout",
        .hint = "An OCI layout has the files `oci-layout` and `index.json` and the directory `blobs`. If it "
                "was "
                "copied, copy it again.",
};
const struct error_kind ERROR_IMAGE_NOT_FOUND = {
        .code = "SNAP-303",
        .exit_status = EXIT_NOT_FOUND,
        .http_status = 404,
        .title = "no such image in the layout",
        .hint = "`index.json` of the layout lists the images there are; name one as `:TAG`.",
};
const struct error_kind ERROR_IMAGE_DIGEST = {
        .code = "SNAP-304",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "part of the image differs from its digest",
        .hint = "It was damaged or altered. Copy the image again, or build it again from the archive.",
};
const struct error_kind ERROR_IMAGE_NOT_CHECKPOINT = {
        .code = "SNAP-305",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the image is not a checkpoint",
        .hint = "Only images that `checkpointctl build` or `podman container checkpoint --create-image` made "
                "can be "
                "restored.",
};

const struct error_kind *const oci_error_kinds[] = {
        &ERROR_IMAGE_REFERENCE, &ERROR_IMAGE_LAYOUT,         &ERROR_IMAGE_NOT_FOUND,
        &ERROR_IMAGE_DIGEST,    &ERROR_IMAGE_NOT_CHECKPOINT, NULL,
};
