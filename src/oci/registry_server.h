/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registry (distribution-spec 1.1) that serves a content directory (registry_store.h). SHA-256 digests
 * only. Who asks is known by a token, sent as Bearer or as the password of Basic (which `podman login` and
 * the like do), or by a client certificate, whose bearers may do everything. Where neither tokens nor a
 * client CA are given everybody may do everything, which is why only loopback can be listened on then.
 *
 * A blob that is not verified yet is hashed while it is sent, and the connection broken off before its last
 * bytes when it turns out to be damaged; for a part of one it is read as a whole first.
 *
 * What is not there may come from elsewhere when it is asked for: `origin`.
 */
#ifndef SNAP_OCI_REGISTRY_SERVER_H
#define SNAP_OCI_REGISTRY_SERVER_H

#include <stdbool.h>
#include "base/bytes.h"
#include "base/digest.h"
#include "net/request.h"
#include "oci/registry_store.h"

/* Where things come from that a repository does not have. Called by threads of the server; may take its time.
 * -ENOENT without an error: from nowhere; other errors say why it cannot be had. */
struct registry_origin {
        /* 0 and nothing in `text`: it is in the store now. 0 and `text`: an image manifest, of which some
         * blobs are still on their way. */
        int (*manifest)(void *context, const char *repository, const char *reference, struct buffer *text,
                        struct error *err);
        /* 0: it is in the store now. 1: `out` gives its `size` bytes, from any offset on, while they come;
         * the last one only when all of them have the digest. */
        int (*blob)(void *context, const char *repository, const struct sha256 *digest, uint64_t *size,
                    struct response_source *out, struct error *err);
        void *context;
};

struct registry_server_options {
        const char *listen, *root;
        const char *certificate, *key, *client_ca; /* PEM files; NULL: plain HTTP */
        const char *tokens;  /* a file (net/access.h) with the rights pull, push, delete; may be NULL */
        bool anonymous_pull; /* without a token, too */
        struct registry_origin origin; /* zeros: nothing comes from elsewhere */
};

struct registry_server;

/* ERROR_USAGE for other addresses than loopback without tokens or client CA. What options point to must
 * outlive the server. */
int registry_server_start(const struct registry_server_options *options, struct registry_server **out,
                          struct error *err);
/* "127.0.0.1:5000", with the port that it got. Borrowed. */
const char *registry_server_address(const struct registry_server *server);
/* What it serves. Borrowed. */
struct registry_store *registry_server_store(struct registry_server *server);
/* Lets what goes on end, for at most `seconds`. */
void registry_server_stop(struct registry_server *server, unsigned seconds);
void registry_server_free(struct registry_server *server);
CLEANUP_DEFINE(struct registry_server *, registry_server_free);
#define _cleanup_registry_server_ _cleanup_(registry_server_freep)

#endif
