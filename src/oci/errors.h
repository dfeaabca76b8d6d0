/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with an image (codes SNAP-3xx). */
#ifndef SNAP_OCI_ERRORS_H
#define SNAP_OCI_ERRORS_H

#include "base/error.h"

extern const struct error_kind
        ERROR_IMAGE_REFERENCE,      /* "oci:DIR[:TAG]" or "oci-archive:FILE[:TAG]" expected */
        ERROR_IMAGE_LAYOUT,         /* no OCI layout, or a malformed one */
        ERROR_IMAGE_NOT_FOUND,      /* no image of that tag in it */
        ERROR_IMAGE_DIGEST,         /* a blob differs from its digest */
        ERROR_IMAGE_NOT_CHECKPOINT; /* an image, but of no checkpoint */

#endif
