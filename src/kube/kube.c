/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube.h"

#include <errno.h>
#include <fcntl.h>
#include "base/json.h"
#include "base/secret_memory.h"
#include "net/client.h"

/* Where a pod finds who it is. */
#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

#define TOKEN_MAX     (64 * KIB)
#define ANSWER_MAX    (1 * MIB)
#define STALL_SECONDS 10 /* somebody waits for this, and the API server answers in milliseconds */

struct kube {
        char *url, *ca_file, *token_file, *certificate, *key;
        struct http_client *http;
};

/* "https://HOST:PORT" of the API server as a pod is told; NULL outside. */
static char *pod_url(void)
{
        const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
        bool v6 = host && strchr(host, ':');
        char *url;

        if (!host || !*host || !port || !*port)
                return NULL;
        if (asprintf(&url, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port) < 0)
                return NULL;
        return url;
}

bool kube_is_there(const struct kube_options *options)
{
        const char *host = getenv("KUBERNETES_SERVICE_HOST");

        return options->url || (host && *host);
}

static bool copy(char **out, const char *text)
{
        *out = text ? strdup(text) : NULL;
        return *out || !text;
}

static int set_options(struct kube *kube, const struct kube_options *options, struct error *err)
{
        bool is_pod = !options->url;

        kube->url = is_pod ? pod_url() : strdup(options->url);
        if (!kube->url)
                return error_set(err, &ERROR_KUBE_ACCESS, -ENOENT,
                                 "there is no address of an API server: KUBERNETES_SERVICE_HOST and "
                                 "KUBERNETES_SERVICE_PORT are not set");
        if (!text_starts_with(kube->url, "https://"))
                return error_set(err, &ERROR_KUBE_ACCESS, -EINVAL,
                                 "`%s` is not an address that begins with https://", kube->url);
        if (!options->certificate != !options->key)
                return error_set(err, &ERROR_KUBE_ACCESS, -EINVAL,
                                 "certificate and key of a client belong together");
        while (text_ends_with(kube->url, "/"))
                kube->url[strlen(kube->url) - 1] = '\0';
        if (!copy(&kube->ca_file, options->ca_file
                                          ?: is_pod ? SERVICE_ACCOUNT "ca.crt"
                                                    : NULL) ||
            !copy(&kube->token_file, options->token_file
                                             ?: is_pod ? SERVICE_ACCOUNT "token"
                                                       : NULL) ||
            !copy(&kube->certificate, options->certificate) || !copy(&kube->key, options->key))
                return error_oom(err);
        return 0;
}

int kube_new(const struct kube_options *options, struct kube **out, struct error *err)
{
        _cleanup_kube_ struct kube *kube = calloc(1, sizeof(*kube));
        struct http_client_options http = {.stall_seconds = STALL_SECONDS};
        int ret;

        if (!kube)
                return error_oom(err);
        ret = set_options(kube, options, err);
        if (ret < 0)
                return ret;
        http.ca_file = kube->ca_file;
        http.certificate = kube->certificate;
        http.key = kube->key;
        ret = http_client_new(&http, &kube->http, err);
        if (ret == 0)
                *out = steal_ptr(kube);
        return ret;
}

void kube_free(struct kube *kube)
{
        if (!kube)
                return;
        if (kube->http)
                http_client_free(kube->http);
        free(kube->url);
        free(kube->ca_file);
        free(kube->token_file);
        free(kube->certificate);
        free(kube->key);
        free(kube);
}

#define BEARER "Authorization: Bearer "

/* The header with the token as it is now, NUL-ended. */
static int read_token(const char *path, struct secret_memory *out, struct error *err)
{
        _cleanup_secret_memory_ struct secret_memory token = {0};
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        int ret;

        if (fd < 0)
                return error_errno(err, errno, "open `%s`", path);
        ret = secret_memory_read(fd, path, TOKEN_MAX, &token, err);
        if (ret < 0)
                return ret;
        while (token.size && strchr(" \t\r\n", token.data[token.size - 1]))
                token.size--;
        for (size_t i = 0; i < token.size; i++)
                if (token.data[i] <= ' ' || token.data[i] > '~')
                        return error_set(err, &ERROR_KUBE_ACCESS, -EINVAL, "`%s` is not a token", path);
        ret = secret_memory_new(strlen(BEARER) + token.size + 1, out, err);
        if (ret < 0)
                return ret;
        memcpy(out->data, BEARER, strlen(BEARER));
        memcpy(out->data + strlen(BEARER), token.data, token.size);
        return 0;
}

/* What the API server said of a refusal: the `message` of a Status. */
static int refused(const char *path, const struct http_response *response, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        const char *message = "";

        if (json_parse(buffer_slice(&response->body), "answer", &doc, NULL) == 0)
                message = json_text_or(yyjson_doc_get_root(doc), "message", "");
        return error_set(err, &ERROR_KUBE_ANSWER, -EPROTO, "the API server answers %u to POST %s%s%.300s",
                         response->status, path, *message ? ": " : "", message);
}

int kube_post(struct kube *kube, const char *path, struct slice body, struct buffer *answer,
              struct error *err)
{
        _cleanup_secret_memory_ struct secret_memory token = {0};
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_free_ char *url = NULL;
        const char *headers[] = {"Content-Type: application/json", "Accept: application/json", NULL, NULL};
        int ret = 0;

        if (asprintf(&url, "%s%s", kube->url, path) < 0) {
                url = NULL;
                return error_oom(err);
        }
        if (kube->token_file)
                ret = read_token(kube->token_file, &token, err);
        if (ret < 0)
                return ret;
        headers[2] = (const char *)token.data;
        ret = http_client_send(kube->http,
                               &(struct http_request){.method = "POST",
                                                      .url = url,
                                                      .headers = headers,
                                                      .has_body = true,
                                                      .body = body,
                                                      .limit = ANSWER_MAX},
                               &response, err);
        if (ret < 0)
                return ret;
        if (response.status / 100 != 2)
                return refused(path, &response, err);
        return buffer_append(answer, response.body.data, response.body.size) < 0 ? error_oom(err) : 0;
}
