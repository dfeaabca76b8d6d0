/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users and passwords for registries, where other programs keep them: containers-auth.json(5) and docker's
 * config.json, with credential helpers ("docker-credential-NAME get", the host on its standard input).
 */
#ifndef SNAP_OCI_CREDENTIALS_H
#define SNAP_OCI_CREDENTIALS_H

#include "base/json.h"
#include "oci/errors.h"

/* All owned, and NULL where there is none. */
struct credentials {
        char *user, *password;
        char *identity_token; /* to be exchanged for others (OAuth 2.0 refresh token) */
        char *places;         /* the file they are from, or those that had none; for messages */
};

/*
 * For HOST/REPOSITORY, from the entry with the longest name that fits. Looked at are `auth_file`, else
 * REGISTRY_AUTH_FILE, else $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json and
 * ~/.docker/config.json (or DOCKER_CONFIG). 0 also when there are none. ERROR_REGISTRY_CREDENTIALS when a
 * file is malformed or a helper fails; no error quotes what they hold.
 */
int credentials_find(const char *auth_file, const char *host, const char *repository, struct credentials *out,
                     struct error *err);
/* Overwrites the secrets before it frees them. */
void credentials_free(struct credentials *credentials);
#define _cleanup_credentials_ _cleanup_(credentials_free)

/* The parser of the files. 1: there was an entry; 0: none; `*helper`, the caller's to free, is set when a
 * helper has to be asked. */
int credentials_parse(struct slice text, const char *file, const char *host, const char *repository,
                      struct credentials *out, char **helper, struct error *err);

/* Base64 of "USER:PASSWORD" (RFC 7617), appended. 0 or -ENOMEM. */
int credentials_append_basic(const struct credentials *credentials, struct buffer *out);

/* Overwrites the texts of a document that holds secrets before it frees it. */
void secret_json_free(yyjson_doc *doc);
/* Overwrites text before freeing it; NULL is fine. */
void secret_free(char *text);
static inline void secret_freep(char **text)
{
        secret_free(*text);
}
/* The same for a buffer, all of its capacity. */
void secret_buffer_free(struct buffer *buffer);
#define _cleanup_secret_        _cleanup_(secret_freep)
#define _cleanup_secret_buffer_ _cleanup_(secret_buffer_free)

#endif
