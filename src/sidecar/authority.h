/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks, and what they may do (docs/node.md, "Who may do what"). Who asks is known by
 *
 *   1. the Unix socket: only root can connect, and may do everything;
 *   2. a client certificate: CN is the user, each O a group, with the rights of their lines in the access
 *      file, and those that the cluster gives them;
 *   3. a bearer token: of a line in the access file, with its rights; or of the cluster, with the rights that
 *      the cluster gives.
 *
 * Nobody else is let in. A right holds in namespaces; what a cluster gives holds in all of them: there it is
 * the verb of that name on nodes/checkpoint, for `metrics` it is `get` on nodes/metrics.
 */
#ifndef SNAP_SIDECAR_AUTHORITY_H
#define SNAP_SIDECAR_AUTHORITY_H

#include "kube/kube.h"
#include "net/access.h"
#include "net/request.h"
#include "sidecar/errors.h"

/* Bits of a mask. */
enum right {
        RIGHT_CREATE = 1 << 0,
        RIGHT_LIST = 1 << 1,
        RIGHT_GET = 1 << 2,
        RIGHT_DELETE = 1 << 3,
        RIGHT_UPDATE = 1 << 4,
        RIGHT_RESTORE = 1 << 5,
        RIGHT_READ = 1 << 6,
        RIGHT_METRICS = 1 << 7,
};
const char *right_name(enum right right);

/* Where the right is needed that a route asks for. */
enum scope {
        SCOPE_ANYWHERE,   /* in some namespace; the handler looks at each object */
        SCOPE_NAMESPACE,  /* the parameter {namespace} */
        SCOPE_CHECKPOINT, /* the namespace of checkpoint {id} */
        SCOPE_TICKET,     /* the same; or a ticket for it is shown (sidecar/transfer.h) */
        SCOPE_OPERATION,  /* the namespace of operation {id} */
        SCOPE_NODE,       /* of no namespace: on the node, pattern `*` */
};

/* The tag of a route; 0: for everybody. */
#define ROUTE_TAG(right, scope) ((int)(right) | (int)(scope) << 16)
#define ROUTE_RIGHT(tag)        ((enum right)((tag) & 0xffff))
#define ROUTE_SCOPE(tag)        ((enum scope)((tag) >> 16))

/* The access file. */
extern const struct access_format authority_format;

struct authority;

/* `access` (a path) and `kube` may be NULL; `node` is the name of this one in the cluster. Borrowed. */
int authority_new(const char *access, const struct kube_options *kube, const char *node,
                  struct authority **out, struct error *err);
void authority_free(struct authority *authority);

/* The server's `authenticate`: who asks, and whether the route's right is theirs, where it is needed.
 * ERROR_HTTP_UNAUTHENTICATED, ERROR_HTTP_FORBIDDEN; the errors of a cluster that cannot be asked. */
int authority_admit(struct request *request, struct principal *out, struct error *err);

/* For handlers whose objects have namespaces of their own: has who asks the right there? NULL: somewhere. */
int request_may(const struct request *request, enum right right, const char *namespace, bool *allowed,
                struct error *err);
/* The same; ERROR_HTTP_FORBIDDEN when not. */
int request_needs(const struct request *request, enum right right, const char *namespace, struct error *err);

/* What a request was about, for the audit: an id, or two. Nothing more than the last note is kept. */
void request_note(const struct request *request, const char *object);
const char *request_noted(const struct request *request); /* "" */

#endif
