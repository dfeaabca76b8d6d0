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
 * What a repository does not have ends as -ENOENT of store_blob_open() and store_manifest_open(), each
 * called at one place for GET and HEAD: fetching it from another registry would go there.
 */
#ifndef SNAP_OCI_REGISTRY_SERVER_H
#define SNAP_OCI_REGISTRY_SERVER_H

#include <stdbool.h>
#include "base/cleanup.h"
#include "base/error.h"

struct registry_server_options {
        const char *listen, *root;
        const char *certificate, *key, *client_ca; /* PEM files; NULL: plain HTTP */
        const char *tokens;  /* a file (net/access.h) with the rights pull, push, delete; may be NULL */
        bool anonymous_pull; /* without a token, too */
};

struct registry_server;

/* ERROR_USAGE for other addresses than loopback without tokens or client CA. What options point to must
 * outlive the server. */
int registry_server_start(const struct registry_server_options *options, struct registry_server **out,
                          struct error *err);
/* "127.0.0.1:5000", with the port that it got. Borrowed. */
const char *registry_server_address(const struct registry_server *server);
/* Lets what goes on end, for at most `seconds`. */
void registry_server_stop(struct registry_server *server, unsigned seconds);
void registry_server_free(struct registry_server *server);
CLEANUP_DEFINE(struct registry_server *, registry_server_free);
#define _cleanup_registry_server_ _cleanup_(registry_server_freep)

#endif
