/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/base64.h"
#include "oci/credentials.h"

/* --- secrets ------------------------------------------------------------------------------------------- */

void secret_free(char *text)
{
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
}

void secret_buffer_free(struct buffer *buffer)
{
        if (buffer->data)
                explicit_bzero(buffer->data, buffer->capacity);
        buffer_free(buffer);
}

void secret_json_free(yyjson_doc *doc)
{
        if (doc && doc->str_pool)
                explicit_bzero(doc->str_pool, yyjson_doc_get_read_size(doc));
        yyjson_doc_free(doc);
}

/* --- base64 (RFC 4648, 4) ------------------------------------------------------------------------------- */

/* The caller's to free, with a NUL behind; NULL when it is not base64. */
static char *decode(const char *text)
{
        struct buffer out = {0};

        if (base64_decode(BASE64, SLICE_TEXT(text), &out) == 0)
                return (char *)out.data;
        secret_buffer_free(&out);
        return NULL;
}

int credentials_append_basic(const struct credentials *credentials, struct buffer *out)
{
        _cleanup_secret_buffer_ struct buffer plain = {0};
        int ret = buffer_printf(&plain, "%s:%s", credentials->user ? credentials->user : "",
                                credentials->password ? credentials->password : "");

        return ret < 0 ? ret : base64_encode(BASE64, buffer_slice(&plain), out);
}

/* --- the file ------------------------------------------------------------------------------------------ */

/* How well an entry named `key` fits: the length of its name, 0 when it does not. */
static size_t key_fits(const char *key, const char *host, const char *repository)
{
        size_t host_size = strlen(host), size, rest;
        bool had_scheme = false;

        if (text_starts_with(key, "https://") || text_starts_with(key, "http://")) {
                key = strstr(key, "://") + 3;
                had_scheme = true;
        }
        /* What stands behind the host in docker's URLs ("/v1/") is no namespace. */
        size = had_scheme ? strcspn(key, "/") : strlen(key);
        if (strcmp(host, "docker.io") == 0 && size >= 15 && memcmp(key, "index.docker.io", 15) == 0) {
                key += strlen("index.");
                size -= strlen("index.");
        }
        if (size < host_size || strncmp(key, host, host_size) != 0)
                return 0;
        if (size == host_size)
                return size;
        rest = size - host_size - 1;
        if (key[host_size] != '/' || strncmp(key + host_size + 1, repository, rest) != 0 ||
            (repository[rest] && repository[rest] != '/'))
                return 0;
        return size;
}

/* Member of `object` whose name fits best. */
static yyjson_val *best_fit(yyjson_val *object, const char *host, const char *repository)
{
        yyjson_val *best = NULL, *key, *value;
        size_t best_size = 0, i, max;

        yyjson_obj_foreach (object, i, max, key, value) {
                size_t size = key_fits(yyjson_get_str(key), host, repository);

                if (size > best_size) {
                        best_size = size;
                        best = value;
                }
        }
        return best;
}

/* {"auth": base64 of "USER:PASSWORD", "identitytoken": …}. 1 when there is something in it. */
static int entry_parse(yyjson_val *entry, const char *file, struct credentials *out, struct error *err)
{
        const char *auth = json_text_or(entry, "auth", ""), *token = json_text_or(entry, "identitytoken", "");
        _cleanup_secret_ char *plain = NULL;
        char *colon;

        if (token[0]) {
                out->identity_token = strdup(token);
                return out->identity_token ? 1 : error_oom(err);
        }
        if (!auth[0])
                return 0;
        plain = decode(auth);
        colon = plain ? strchr(plain, ':') : NULL;
        if (!colon)
                return error_set(err, &ERROR_REGISTRY_CREDENTIALS, -EBADMSG,
                                 "`%s`: an entry `auth` is not base64 of a user and a password", file);
        out->user = strndup(plain, (size_t)(colon - plain));
        out->password = strdup(colon + 1);
        return out->user && out->password ? 1 : error_oom(err);
}

static int helper_copy(yyjson_val *name, char **helper, struct error *err)
{
        if (!yyjson_is_str(name) || !yyjson_get_len(name))
                return 0;
        *helper = strdup(yyjson_get_str(name));
        return *helper ? 0 : error_oom(err);
}

int credentials_parse(struct slice text, const char *file, const char *host, const char *repository,
                      struct credentials *out, char **helper, struct error *err)
{
        yyjson_doc *doc = NULL;
        yyjson_val *root;
        int ret = json_parse(text, file, &doc, NULL);

        *helper = NULL;
        /* The parser's own words might quote what stands there. */
        if (ret < 0)
                return error_set(err, &ERROR_REGISTRY_CREDENTIALS, ret, "`%s` is not JSON", file);
        root = yyjson_doc_get_root(doc);
        ret = helper_copy(best_fit(yyjson_obj_get(root, "credHelpers"), host, repository), helper, err);
        if (ret == 0 && !*helper)
                ret = entry_parse(best_fit(yyjson_obj_get(root, "auths"), host, repository), file, out, err);
        if (ret == 0 && !*helper)
                ret = helper_copy(yyjson_obj_get(root, "credsStore"), helper, err);
        secret_json_free(doc);
        return ret;
}
