/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is it, and may they? asked of the API server (TokenReview of authentication.k8s.io/v1,
 * SubjectAccessReview of authorization.k8s.io/v1), as the kubelet does. A yes is remembered for 30 seconds, a
 * no for 5: so long may a right outlive its removal. When the API server cannot be asked the answer is an
 * error, never a yes.
 */
#ifndef SNAP_KUBE_REVIEW_H
#define SNAP_KUBE_REVIEW_H

#include "kube/kube.h"
#include "net/request.h"

#define REVIEW_YES_SECONDS 30
#define REVIEW_NO_SECONDS  5

struct reviewer;

/* `kube` must outlive it. */
int reviewer_new(struct kube *kube, struct reviewer **out, struct error *err);
void reviewer_free(struct reviewer *reviewer);
CLEANUP_DEFINE(struct reviewer *, reviewer_free);
#define _cleanup_reviewer_ _cleanup_(reviewer_freep)

/* Sets name and groups of `out` to those of a token's owner; groups beyond what it holds are left out, and
 * with them their rights. -EACCES (ERROR_HTTP_UNAUTHENTICATED) when it is nobody's. */
int reviewer_authenticate(struct reviewer *reviewer, const char *token, struct principal *out,
                          struct error *err);

/* What somebody wants to do with nodes/SUBRESOURCE of a node. */
struct access_wish {
        const char *verb, *subresource, *node;
};
int reviewer_authorise(struct reviewer *reviewer, const struct principal *who, const struct access_wish *wish,
                       bool *allowed, struct error *err);

/* The answers, read: pure functions. ERROR_KUBE_ANSWER (-EPROTO) when they are none. `is_known` false: no
 * such token. */
int review_read_token(struct slice answer, bool *is_known, struct principal *out, struct error *err);
int review_read_access(struct slice answer, bool *allowed, struct error *err);

#endif
