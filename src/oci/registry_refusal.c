/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/json.h"
#include "oci/registry_private.h"

#define QUOTE_SIZE 300

struct meaning {
        unsigned status;
        const struct error_kind *kind;
        int ret;
};

static const struct meaning meanings[] = {
        {401, &ERROR_REGISTRY_DENIED, -EACCES},
        {403, &ERROR_REGISTRY_DENIED, -EACCES},
        {404, &ERROR_IMAGE_NOT_FOUND, -ENOENT},
        {405, &ERROR_REGISTRY_NOT_ALLOWED, -EOPNOTSUPP},
        {408, &ERROR_REGISTRY_BUSY, -EBUSY},
        {413, &ERROR_REGISTRY_TOO_LARGE, -EFBIG},
        {429, &ERROR_REGISTRY_BUSY, -EBUSY},
        {500, &ERROR_REGISTRY_BUSY, -EBUSY},
        {501, &ERROR_REGISTRY_NOT_ALLOWED, -EOPNOTSUPP},
        {502, &ERROR_REGISTRY_BUSY, -EBUSY},
        {503, &ERROR_REGISTRY_BUSY, -EBUSY},
        {504, &ERROR_REGISTRY_BUSY, -EBUSY},
        {507, &ERROR_REGISTRY_TOO_LARGE, -ENOSPC},
};

/* First of {"errors": [{"code", "message", "detail"}]} (distribution-spec "Error Codes"); NULL without. */
static yyjson_val *first_error(const struct http_response *response, yyjson_doc **doc)
{
        if (!response->body.size || json_parse(buffer_slice(&response->body), "answer", doc, NULL) < 0)
                return NULL;
        return yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(*doc), "errors"));
}

bool registry_refusal_has(const struct http_response *response, const char *code)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *error = first_error(response, &doc);

        return error && strcmp(json_text_or(error, "code", ""), code) == 0;
}

/* Text of another machine for one line of ours: cut, without controls. */
static void quote(char *out, size_t size, const char *code, const char *message)
{
        snprintf(out, size, "%s%s%s", code, code[0] && message[0] ? ": " : "", message);
        for (char *c = out; *c; c++)
                if ((unsigned char)*c < ' ' || *c == 0x7f)
                        *c = ' ';
}

static void set_denied_hint(const struct registry *registry, struct error *err)
{
        bool has_credentials;
        const char *places = registry_auth_places(registry->auth, &has_credentials);

        if (!places)
                return;
        if (has_credentials)
                error_set_hint(err,
                               "The credentials of `%s` were used. If they are old, log in again: `podman "
                               "login %s`; else the account lacks the right.",
                               places, registry->host);
        else
                error_set_hint(err,
                               "No credentials for `%s` were found (%s). Log in with `podman login %s`, or "
                               "name a file that has them by --authfile.",
                               registry->host, places, registry->host);
}

int registry_refusal(const struct registry *registry, const struct http_response *response, const char *what,
                     struct error *err)
{
        struct meaning meaning = {response->status, &ERROR_REGISTRY_ANSWER, -EIO};
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *error = first_error(response, &doc);
        const char *code = error ? json_text_or(error, "code", "") : "";
        char said[QUOTE_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
                if (meanings[i].status == response->status)
                        meaning = meanings[i];
        quote(said, sizeof(said), code, error ? json_text_or(error, "message", "") : "");
        if (strcmp(code, "UNSUPPORTED") == 0) {
                meaning.kind = &ERROR_REGISTRY_NOT_ALLOWED;
                meaning.ret = -EOPNOTSUPP;
        }
        error_set(err, meaning.kind, meaning.ret, "cannot %s at `%s`: it answers %u%s%s%s", what,
                  registry->name, response->status, said[0] ? " (" : "", said, said[0] ? ")" : "");
        if (meaning.kind == &ERROR_REGISTRY_DENIED)
                set_denied_hint(registry, err);
        if (meaning.kind == &ERROR_IMAGE_NOT_FOUND && strcmp(code, "NAME_UNKNOWN") == 0)
                error_set_hint(err, "Check the name of the repository.");
        else if (meaning.kind == &ERROR_IMAGE_NOT_FOUND)
                error_set_hint(err, "`checkpointctl tags docker://%s` lists the tags there are.",
                               registry->name);
        return meaning.ret;
}
