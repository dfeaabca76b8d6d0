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
 * A manifest that is not there may be made when it is asked for: `missing`.
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
        /* Called by threads of the server when a repository has no such manifest: 0 when it has it now, since
         * it was pushed here meanwhile; -ENOENT when that is so and stays so; else why it cannot be had. May
         * take its time. NULL: nothing comes from elsewhere. */
        int (*missing)(void *context, const char *repository, const char *reference, struct error *err);
        void *context;
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
