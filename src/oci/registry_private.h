/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the registry client. */
#ifndef SNAP_OCI_REGISTRY_PRIVATE_H
#define SNAP_OCI_REGISTRY_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include "net/client.h"
#include "oci/manifest.h"
#include "oci/registry_certificates.h"
#include "oci/registry_client.h"

struct registry_auth;

struct registry {
        char *host, *repository, *name;
        const struct registry_access *access;
        struct registry_certificates certificates;
        struct http_client *client;
        struct registry_auth *auth;
        pthread_mutex_t lock;
        atomic_bool answered; /* from now on `endpoint` is there and stays as it is */
        char *endpoint;       /* "https://HOST[:PORT]" */
};

/* --- one request (registry_request.c) ------------------------------------------------------------------- */

struct registry_call {
        const char *method;
        const char *path;    /* behind "/v2/", without a leading '/' */
        const char *url;     /* in its place: absolute, as the registry gave it */
        const char *actions; /* in the repository: "pull", "pull,push", "delete", … */
        const char *scope;   /* in its place: a whole scope */
        const char *headers[4];
        bool has_body;
        struct slice body;
        /* In its place: see http_request. May be asked from its beginning again. */
        ssize_t (*source)(void *context, uint64_t at, void *data, size_t size, struct error *err);
        http_sink sink;
        bool (*is_over)(void *context);
        void *context;
        uint64_t limit; /* of a body without a sink */
        unsigned stall_seconds;
};

/* Once: with credentials, which never reach another host, a new token when the old one is refused, and
 * redirects. 0: `response` holds an answer of whatever status. */
int registry_exchange(struct registry *registry, const struct registry_call *call,
                      struct http_response *response, struct error *err);
/* The same until it is no momentary failure. For requests that may be repeated. */
int registry_request(struct registry *registry, const struct registry_call *call,
                     struct http_response *response, struct error *err);
/* The first address of the registry that answers, as "https://HOST"; borrowed. */
int registry_connect(struct registry *registry, const char **endpoint, struct error *err);
/* What a Location or Link field of an answer to `base` (NULL: the registry) means; the caller's to free. */
int registry_resolve(struct registry *registry, const char *base, const char *target, char **out,
                     struct error *err);

/* --- again (registry_retry.c) --------------------------------------------------------------------------- */

struct retry {
        unsigned failures;              /* without any progress; set to 0 when bytes have moved */
        bool (*is_over)(void *context); /* ends a pause; may be NULL */
        void *context;
};

/* Did it fail for a moment only? `ret` of registry_exchange(). */
bool retry_is_worth(const struct registry *registry, int ret, const struct http_response *response);
/* Waits before the next attempt, as long as `response` asks for or a growing time. -ENODATA when it has been
 * tried often enough; -ECANCELED. */
int retry_pause(struct retry *retry, const struct registry *registry, const struct http_response *response,
                struct error *err);

/* --- credentials (registry_auth.c) ---------------------------------------------------------------------- */

int registry_auth_new(struct registry_auth **out, struct error *err);
void registry_auth_free(struct registry_auth *auth);
/* "Authorization: …" for the scope, the caller's to wipe; NULL when nothing is known to be needed. */
int registry_auth_header(struct registry *registry, const char *scope, char **out, struct error *err);
/* Learns from an answer 401 to a request that carried `used` (NULL: nothing). Is it worth another try? */
int registry_auth_refused(struct registry *registry, const char *scope, const char *used,
                          const struct http_response *response, bool *again, struct error *err);
/* Which files were asked for credentials; borrowed, NULL before any was. */
const char *registry_auth_places(const struct registry_auth *auth, bool *has_credentials);
/* A token out of the answer of a token server; exposed for its fuzz target. `*token` is the caller's. */
int registry_token_parse(struct slice text, char **token, uint64_t *seconds, struct error *err);

/* --- refusals (registry_refusal.c) ---------------------------------------------------------------------- */

/* An answer that is no success, as one of our errors: what it says of itself is quoted. `what` was attempted,
 * as in "cannot WHAT". -ENOENT, -EACCES, -EOPNOTSUPP, -EFBIG, -ENOSPC, -EBUSY, else -EIO. */
int registry_refusal(const struct registry *registry, const struct http_response *response, const char *what,
                     struct error *err);
/* Has the JSON of a refusal that code? */
bool registry_refusal_has(const struct http_response *response, const char *code);

/* --- parts of blobs (registry_span.c) ------------------------------------------------------------------- */

/* Bytes of a blob on their way. */
struct span {
        uint64_t at, end; /* what is still to come */
        /* Takes what comes next. A negative errno ends it all. */
        int (*take)(void *context, uint64_t at, struct slice bytes, struct error *err);
        /* Called with the first bytes of each answer; may set `end` anew. May be NULL. */
        void (*began)(struct span *span, bool has_ranges);
        bool (*is_over)(void *context); /* may be NULL */
        void *context;
};

/* Fetches it, going on where it stopped. Everything has come when it returns 0. */
int registry_span_fetch(struct registry *registry, const struct descriptor *blob, struct span *span,
                        struct error *err);

/* --- names ---------------------------------------------------------------------------------------------- */

/* <name> of the distribution-spec, "Pulling manifests". */
bool registry_repository_is_valid(const char *text);
/* "REPOSITORY/blobs/sha256:HEX" and the like; the caller's to free, NULL without memory. */
char *registry_blob_path(const struct registry *registry, const struct sha256 *digest);

#endif
