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
        ERROR_IMAGE_NOT_CHECKPOINT, /* an image, but of no checkpoint */
        ERROR_REGISTRY_DENIED,      /* no credentials, or they do not allow it (401, 403) */
        ERROR_REGISTRY_ANSWER,      /* it refused, or answered what the specification does not know */
        ERROR_REGISTRY_BUSY,        /* it stayed overloaded or broken (429, 5xx) through all attempts */
        ERROR_REGISTRY_UPLOAD_LOST, /* it forgot what it had of an upload */
        ERROR_REGISTRY_NOT_ALLOWED, /* it does not do that at all (405, UNSUPPORTED) */
        ERROR_REGISTRY_TOO_LARGE,   /* more than it accepts, or has room for (413, 507) */
        ERROR_REGISTRY_CREDENTIALS, /* a file with credentials, or a helper, cannot be used */
        ERROR_LAYER_ENCRYPTION,     /* malformed, or of another kind than ours */
        ERROR_SIGNATURE_MISSING,    /* not signed, or the signature was taken away */
        ERROR_SIGNATURE_INVALID,    /* by none of the keys, or of other bytes */
        ERROR_SIGNATURE_OTHER,      /* a good one, of another image */
        ERROR_POLICY_REJECTED,      /* the policy does not want such images at all */
        ERROR_POLICY_FILE,          /* it cannot be understood */
        ERROR_TRANSLATION;          /* what another engine cannot restore */

/* What our own registry answers (codes SNAP-33x and 340). */
extern const struct error_kind ERROR_STORE_TOKENS, /* the token file */
        ERROR_STORE_BLOB_UNKNOWN, ERROR_STORE_UPLOAD_UNKNOWN, ERROR_STORE_UPLOAD_INVALID,
        ERROR_STORE_UPLOAD_RANGE, /* a part that does not begin where the last one ended */
        ERROR_STORE_DIGEST,       /* malformed, not SHA-256, or not that of what was sent */
        ERROR_STORE_MANIFEST_UNKNOWN, ERROR_STORE_MANIFEST_INVALID, ERROR_STORE_MANIFEST_BLOB_UNKNOWN,
        ERROR_STORE_NAME,         /* of a repository or tag: malformed */
        ERROR_STORE_NAME_UNKNOWN; /* no such repository */

#endif
