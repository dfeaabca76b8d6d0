/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the registry's server share. */
#ifndef SNAP_OCI_REGISTRY_SERVER_PRIVATE_H
#define SNAP_OCI_REGISTRY_SERVER_PRIVATE_H

#include "net/access.h"
#include "net/server.h"
#include "oci/registry_server.h"
#include "oci/registry_store.h"

struct registry_server {
        struct registry_server_options options;
        struct registry_store *store;
        struct access_file *tokens; /* NULL: none */
        struct server *server;
};

/* Bits of a mask of rights, and the tags of routes. */
enum registry_action { REGISTRY_PULL = 1, REGISTRY_PUSH = 2, REGISTRY_DELETE = 4 };
/* The file of tokens. */
extern const struct access_format registry_access_format;

#define DIGEST_TEXT_SIZE (7 + SHA256_HEX_SIZE)
char *digest_format(const struct sha256 *digest, char out[DIGEST_TEXT_SIZE]);
/* -EINVAL (ERROR_STORE_DIGEST). */
int digest_parse(const char *text, struct sha256 *out, struct error *err);

/* The store that a request is about, and the repository. */
struct registry_store *request_store(const struct request *request);
const struct registry_origin *request_origin(const struct request *request);
const char *request_repository(const struct request *request);
/* May who asks do that there? */
bool request_allows(const struct request *request, enum registry_action action, const char *repository);

/* Handlers, by what they serve. */
extern const struct handler handle_blob_get, handle_blob_delete, handle_upload_post, handle_upload_patch,
        handle_upload_put, handle_upload_get, handle_upload_delete;
extern const struct handler handle_manifest_get, handle_manifest_put, handle_manifest_delete, handle_tags,
        handle_catalog, handle_referrers;

#endif
