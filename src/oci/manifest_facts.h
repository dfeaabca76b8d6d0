/* SPDX-License-Identifier: Apache-2.0 */
/* Any image manifest or index, as a registry looks at it (image-spec 1.1, and the schema 2 of Docker). Pure
 * functions. */
#ifndef SNAP_OCI_MANIFEST_FACTS_H
#define SNAP_OCI_MANIFEST_FACTS_H

#include "oci/layout.h"

/* What a manifest refers to. */
struct manifest_reference {
        struct descriptor target;
        bool is_manifest; /* else a blob */
        bool may_lie_elsewhere;
};

struct manifest_facts {
        struct manifest_reference *references;
        size_t count;
        bool has_subject;
        struct sha256 subject;
        struct buffer referrer; /* with a subject: its descriptor in the list of referrers, JSON */
};

/* `media_type` is what it was sent as, and must be what it says of itself. -EBADMSG
 * (ERROR_STORE_MANIFEST_INVALID, ERROR_STORE_DIGEST). */
int manifest_facts_parse(struct slice text, const char *media_type, const struct sha256 *digest,
                         struct manifest_facts *out, struct error *err);
void manifest_facts_free(struct manifest_facts *facts);
#define _cleanup_manifest_facts_ _cleanup_(manifest_facts_free)

#endif
