/* SPDX-License-Identifier: Apache-2.0 */
/* In the courier: the kubelet is asked for a checkpoint. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/json.h"
#include "net/client.h"
#include "runtime/cri_private.h"
#include "runtime/kubelet.h"

#define ANSWER_LIMIT (64 * KIB)
#define TOKEN_LIMIT  (64 * KIB)

/* --- what lies in its directory ------------------------------------------------------------------------- */

struct names {
        char **items;
        size_t count;
};

static void names_free(struct names *names)
{
        for (size_t i = 0; i < names->count; i++)
                free(names->items[i]);
        free(names->items);
}
#define _cleanup_names_ _cleanup_(names_free)

/* Files there are at most, for one container. The kubelet never removes any. */
#define NAMES_MOST 65536

/* The files whose names begin with the errand's prefix. */
static int names_read(const struct errand *errand, struct names *out, struct error *err)
{
        _cleanup_closedir_ DIR *dir = opendir(errand->directory);

        if (!dir)
                return errno == ENOENT ? 0 : error_errno(err, errno, "list `%s`", errand->directory);
        for (struct dirent *item; out->count < NAMES_MOST && (item = readdir(dir));) {
                char **items;

                if (!text_starts_with(item->d_name, errand->prefix))
                        continue;
                items = reallocarray(out->items, out->count + 1, sizeof(*items));
                if (!items)
                        return error_oom(err);
                out->items = items;
                items[out->count] = strdup(item->d_name);
                if (!items[out->count++])
                        return error_oom(err);
        }
        return 0;
}

static bool names_have(const struct names *names, const char *name)
{
        for (size_t i = 0; i < names->count; i++)
                if (strcmp(names->items[i], name) == 0)
                        return true;
        return false;
}

/* The kubelet leaves what it could not write to the end. Only what came during the call is removed. */
static void leftovers_remove(const struct errand *errand, const struct names *before)
{
        _cleanup_names_ struct names now = {0};
        _cleanup_close_ int dir = open(errand->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (dir < 0 || names_read(errand, &now, NULL) < 0)
                return;
        for (size_t i = 0; i < now.count; i++)
                if (!names_have(before, now.items[i]))
                        (void)unlinkat(dir, now.items[i], 0);
}

/* --- the answer ----------------------------------------------------------------------------------------- */

int kubelet_read_answer(struct slice body, const char *directory, const char *prefix, char path[PATH_MAX],
                        struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *items, *item;
        const char *text, *slash;
        int ret = json_parse(body, "the kubelet's answer", &doc, err);

        if (ret < 0)
                return ret;
        items = yyjson_obj_get(yyjson_doc_get_root(doc), "items");
        item = yyjson_arr_size(items) == 1 ? yyjson_arr_get_first(items) : NULL;
        text = yyjson_get_str(item);
        if (!text || strlen(text) != yyjson_get_len(item) || strlen(text) >= PATH_MAX)
                return error_set(err, &ERROR_RUNTIME_FAILED, -EBADMSG,
                                 "the kubelet's answer names no archive");
        slash = strrchr(text, '/');
        if (!slash || (size_t)(slash - text) != strlen(directory) ||
            strncmp(text, directory, (size_t)(slash - text)) != 0 || !text_starts_with(slash + 1, prefix)) {
                (void)error_set(err, &ERROR_RUNTIME_FAILED, -EBADMSG,
                                "the kubelet's archive `%s` is not in `%s`, or has not the container's name",
                                text, directory);
                error_set_hint(
                        err, "The kubelet keeps archives in the directory `checkpoints` of its --root-dir.");
                return -EBADMSG;
        }
        strcpy(path, text);
        return 0;
}

/* Its words in an error of ours: without line ends and controls. */
static int refusal(const struct errand *errand, const struct http_response *response, struct error *err)
{
        static const struct meaning {
                unsigned status;
                const struct error_kind *kind;
                int ret;
                const char *hint;
        } meanings[] = {
                {401, &ERROR_HTTP_UNAUTHENTICATED, -EACCES,
                 "The kubelet takes a client certificate of the cluster, or a token that the API server "
                 "knows."},
                {403, &ERROR_HTTP_FORBIDDEN, -EACCES,
                 "Give this account the right `create` on `nodes/checkpoint`; nothing else is needed."},
                {404, &ERROR_CONTAINER_NOT_FOUND, -ENOENT,
                 "The pod must run on this node. A kubelet with the feature gate ContainerCheckpoint off "
                 "knows "
                 "no checkpoints at all."},
        };
        const struct meaning *meaning = NULL;
        _cleanup_buffer_ struct buffer words = {0};

        if (cri_words_append(&words, buffer_slice(&response->body)) < 0)
                return error_oom(err);
        for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
                if (meanings[i].status == response->status)
                        meaning = &meanings[i];
        if (!meaning)
                return cri_explain(errand->name, buffer_text(&words), err);
        (void)error_set(err, meaning->kind, meaning->ret, "the kubelet refused a checkpoint of `%s`: %s (%u)",
                        errand->name, buffer_text(&words), response->status);
        error_set_hint(err, "%s", meaning->hint);
        return meaning->ret;
}

/* --- the request ---------------------------------------------------------------------------------------- */

static int token_header(const char *path, struct buffer *out, struct error *err)
{
        _cleanup_buffer_ struct buffer token = {0};
        int ret = file_read(AT_FDCWD, path, TOKEN_LIMIT, &token, err);

        if (ret < 0)
                return error_wrap(err, ret, "the token for the kubelet");
        while (token.size && isspace(token.data[token.size - 1]))
                token.data[--token.size] = '\0';
        for (size_t i = 0; i < token.size; i++)
                if (token.data[i] <= ' ' || token.data[i] > '~')
                        return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`%s` holds no token", path);
        return buffer_printf(out, "Authorization: Bearer %s", buffer_text(&token)) < 0 ? error_oom(err) : 0;
}

static const char *text_or_null(const char *text)
{
        return *text ? text : NULL;
}

static int ask(const struct errand *errand, struct http_response *response, struct error *err)
{
        const struct http_client_options options = {.ca_file = text_or_null(errand->ca),
                                                    .certificate = text_or_null(errand->certificate),
                                                    .key = text_or_null(errand->key),
                                                    .stall_seconds = HTTP_STALL_NEVER};
        _cleanup_http_client_ struct http_client *client = NULL;
        _cleanup_buffer_ struct buffer authorization = {0};
        const char *headers[] = {NULL, NULL};
        struct http_request request = {.method = "POST",
                                       .url = errand->url,
                                       .headers = headers,
                                       .has_body = true,
                                       .limit = ANSWER_LIMIT};
        int ret = http_client_new(&options, &client, err);

        if (ret == 0 && *errand->token_file) {
                ret = token_header(errand->token_file, &authorization, err);
                headers[0] = buffer_text(&authorization);
        }
        return ret < 0 ? ret : http_client_send(client, &request, response, err);
}

static int take(const struct errand *errand, const struct http_response *response, struct error *err)
{
        char path[PATH_MAX];
        int ret;

        if (response->status != 200)
                return refusal(errand, response, err);
        ret = kubelet_read_answer(buffer_slice(&response->body), errand->directory, errand->prefix, path,
                                  err);
        if (ret < 0)
                return ret;
        if (rename(path, errand->location) < 0)
                return error_errno(err, errno, "take the kubelet's archive `%s`", path);
        return 0;
}

int kubelet_perform(const struct errand *errand, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_names_ struct names before = {0};
        int ret = names_read(errand, &before, err);

        if (ret < 0)
                return ret;
        ret = ask(errand, &response, err);
        if (ret == 0)
                ret = take(errand, &response, err);
        if (ret < 0)
                leftovers_remove(errand, &before);
        return ret;
}
