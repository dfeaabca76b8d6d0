/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which images may be restored or pulled, by what they are called (docs/signatures.md):
 *
 *     {"default": "accept",
 *      "images": {"registry.example": "reject",
 *                 "registry.example/team": {"signedBy": ["/etc/snap/keys/team.pub"]}}}
 *
 * The longest name that is a beginning of the image's counts. Without the file everything is accepted.
 */
#ifndef SNAP_OCI_SIGNATURE_POLICY_H
#define SNAP_OCI_SIGNATURE_POLICY_H

#include "base/bytes.h"
#include "base/error.h"

#define POLICY_PATH "/etc/snap/policy.json"

enum policy_verdict { POLICY_ACCEPT, POLICY_REJECT, POLICY_SIGNED };

#define POLICY_KEYS_MAX 16

struct policy_rule {
        char *name; /* NULL: the default */
        enum policy_verdict verdict;
        char *keys[POLICY_KEYS_MAX]; /* paths: one of these must have signed it */
        size_t key_count;
};

struct policy;

/* -EBADMSG (ERROR_POLICY_FILE): also for anything that is not understood, which must not be passed over. */
int policy_parse(struct slice text, const char *what, struct policy **out, struct error *err);
void policy_free(struct policy *policy);
CLEANUP_DEFINE(struct policy *, policy_free);
#define _cleanup_policy_ _cleanup_(policy_freep)

/* The rule for an image, "HOST/REPOSITORY:TAG" or "oci:DIRECTORY:TAG". Borrowed; never NULL. */
const struct policy_rule *policy_find(const struct policy *policy, const char *image);

/* The file that this process reads in place of POLICY_PATH, which must then exist. Borrowed. */
void policy_use(const char *path);
/* The policy of this process. */
int policy_load(struct policy **out, struct error *err);

#endif
