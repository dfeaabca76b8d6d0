/* SPDX-License-Identifier: Apache-2.0 */
#include "net/client.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include "base/file.h"
#include "net/client_internal.h"

#define IDLE_MAX           8 /* connections that are kept while nobody uses them */
#define CONNECT_SECONDS    30L
#define STALL_SECONDS      60
#define RECEIVE_BYTES      (256L * 1024)
#define SEND_BYTES         (512L * 1024)
#define CERTIFICATES_LIMIT (16 * MIB)

struct http_client {
        const struct curl_library *curl;
        struct http_client_options options;
        int ca_fd; /* the certificates to trust; -1: the system's */
        char ca_path[32];
        pthread_mutex_t lock;
        CURL *idle[IDLE_MAX];
        unsigned idle_count;
};

/* One request under way. */
struct exchange {
        struct http_client *client;
        const struct http_request *request;
        struct http_response *response;
        CURL *easy;
        struct error *err;
        int failure;    /* what one of our callbacks ended it with */
        bool is_enough; /* the rest of the body is not wanted */
        uint64_t sent;  /* bytes of the body of the request */
        char detail[CURL_ERROR_SIZE];
};

/* --- the client ---------------------------------------------------------------------------------------- */

static int certificates_add(const char *path, struct buffer *all, struct error *err)
{
        int ret = file_read(AT_FDCWD, path, CERTIFICATES_LIMIT, all, err);

        return ret == 0 && buffer_append_text(all, "\n") < 0 ? error_oom(err) : ret;
}

/* libcurl takes one file with certificates: a file in memory that holds the system's and the given ones. */
static int certificates_join(struct http_client *client, struct error *err)
{
        const char *system_file = client->curl->version_info(CURLVERSION_NOW)->cainfo;
        const struct http_client_options *options = &client->options;
        _cleanup_buffer_ struct buffer all = {0};
        int ret = 0;

        if (system_file && !options->only_ca_file && access(system_file, R_OK) == 0)
                ret = certificates_add(system_file, &all, err);
        if (ret == 0 && options->ca_file)
                ret = certificates_add(options->ca_file, &all, err);
        if (ret == 0 && buffer_append(&all, options->authorities.data, options->authorities.size) < 0)
                ret = error_oom(err);
        if (ret < 0)
                return ret;
        client->ca_fd = memfd_create("certificates", MFD_CLOEXEC);
        if (client->ca_fd < 0)
                return error_errno(err, errno, "keep the certificates to trust");
        ret = file_write_full(client->ca_fd, all.data, all.size);
        if (ret < 0)
                return error_errno(err, -ret, "keep the certificates to trust");
        snprintf(client->ca_path, sizeof(client->ca_path), "/proc/self/fd/%d", client->ca_fd);
        return 0;
}

static int file_check(const char *path, const char *what, struct error *err)
{
        if (!path || access(path, R_OK) == 0)
                return 0;
        return error_set(err, &ERROR_TLS_OWN, -EINVAL, "cannot read the %s `%s`: %s", what, path,
                         strerror(errno));
}

int http_client_new(const struct http_client_options *options, struct http_client **out, struct error *err)
{
        _cleanup_http_client_ struct http_client *client = calloc(1, sizeof(*client));
        int ret;

        if (!client)
                return error_oom(err);
        client->options = *options;
        client->ca_fd = -1;
        pthread_mutex_init(&client->lock, NULL);
        ret = curl_library_get(&client->curl, err);
        if (ret == 0)
                ret = file_check(options->ca_file, "certificates to trust,", err);
        if (ret == 0)
                ret = file_check(options->certificate, "client certificate", err);
        if (ret == 0)
                ret = file_check(options->key, "key of the client certificate,", err);
        if (ret == 0 && (options->ca_file || options->authorities.size))
                ret = certificates_join(client, err);
        if (ret < 0)
                return ret;
        *out = steal_ptr(client);
        return 0;
}

void http_client_free(struct http_client *client)
{
        if (!client)
                return;
        for (unsigned i = 0; i < client->idle_count; i++)
                client->curl->easy_cleanup(client->idle[i]);
        if (client->ca_fd >= 0)
                close(client->ca_fd);
        pthread_mutex_destroy(&client->lock);
        free(client);
}

/* The one used last, whose connection is the most likely to live. */
static CURL *handle_take(struct http_client *client)
{
        CURL *easy = NULL;

        pthread_mutex_lock(&client->lock);
        if (client->idle_count)
                easy = client->idle[--client->idle_count];
        pthread_mutex_unlock(&client->lock);
        return easy ? easy : client->curl->easy_init();
}

static void handle_give_back(struct http_client *client, CURL *easy)
{
        client->curl->easy_reset(easy); /* forgets headers and bodies, keeps connections */
        pthread_mutex_lock(&client->lock);
        if (client->idle_count < IDLE_MAX)
                client->idle[client->idle_count++] = steal_ptr(easy);
        pthread_mutex_unlock(&client->lock);
        if (easy)
                client->curl->easy_cleanup(easy);
}

/* --- the answer ---------------------------------------------------------------------------------------- */

static bool line_is_field(const char *line, const char *name, const char **value)
{
        size_t size = strlen(name);

        if (strncasecmp(line, name, size) != 0 || line[size] != ':')
                return false;
        *value = line + size + 1 + strspn(line + size + 1, " \t");
        return true;
}

/* First field of that name from `at` on. */
static const char *field_find(const struct http_response *response, const char *name, const char *at)
{
        const char *end = (const char *)response->headers.data + response->headers.size, *value;

        for (; at < end; at += strlen(at) + 1)
                if (line_is_field(at, name, &value))
                        return value;
        return NULL;
}

const char *http_response_header(const struct http_response *response, const char *name)
{
        return response->headers.size ? field_find(response, name, (const char *)response->headers.data)
                                      : NULL;
}

const char *http_response_next_header(const struct http_response *response, const char *name,
                                      const char *value)
{
        return field_find(response, name, value + strlen(value) + 1);
}

void http_response_free(struct http_response *response)
{
        buffer_free(&response->headers);
        buffer_free(&response->body);
        *response = (struct http_response){0};
}

static size_t fail(struct exchange *exchange, int ret)
{
        exchange->failure = ret;
        return 0;
}

/* One line, with its end. */
static size_t take_header(char *data, size_t size, size_t count, void *context)
{
        struct exchange *exchange = context;
        struct buffer *headers = &exchange->response->headers;
        size_t length = size * count, kept = length;

        while (kept && isspace((unsigned char)data[kept - 1]))
                kept--;
        if (kept >= 5 && memcmp(data, "HTTP/", 5) == 0) {
                headers->size = 0; /* an interim answer (1xx) came before */
                return length;
        }
        if (!kept)
                return length;
        if (memchr(data, '\0', kept))
                return fail(exchange, error_set(exchange->err, &ERROR_HTTP_PROTOCOL, -EBADMSG,
                                                "`%s` sent a header with a NUL", exchange->request->url));
        if (headers->size + kept > HTTP_HEADERS_MAX)
                return fail(exchange, error_set(exchange->err, &ERROR_HTTP_PROTOCOL, -EBADMSG,
                                                "`%s` sent more than %d KiB of headers",
                                                exchange->request->url, (int)(HTTP_HEADERS_MAX / KIB)));
        if (buffer_append(headers, data, kept) < 0 || buffer_append(headers, "", 1) < 0)
                return fail(exchange, error_oom(exchange->err));
        return length;
}

/* Keeps what fits of the text of an answer that is no success. */
static size_t take_rest(struct exchange *exchange, struct slice bytes)
{
        struct buffer *body = &exchange->response->body;
        size_t room = (size_t)HTTP_BODY_MAX - body->size;

        if (buffer_append(body, bytes.data, bytes.size < room ? bytes.size : room) < 0)
                return fail(exchange, error_oom(exchange->err));
        if (bytes.size <= room)
                return bytes.size;
        exchange->is_enough = true;
        return 0;
}

static void status_get(struct exchange *exchange)
{
        long status = 0;

        exchange->client->curl->easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
        exchange->response->status = (unsigned)status;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
        struct exchange *exchange = context;
        const struct http_request *request = exchange->request;
        struct http_response *response = exchange->response;
        struct slice bytes = {(const uint8_t *)data, size * count};
        int ret;

        status_get(exchange);
        if (response->status / 100 != 2)
                return take_rest(exchange, bytes);
        if (request->sink) {
                ret = request->sink(request->context, response, bytes, exchange->err);
                return ret < 0 ? fail(exchange, ret) : bytes.size;
        }
        if (response->body.size + bytes.size > request->limit)
                return fail(exchange, error_set(exchange->err, &ERROR_HTTP_PROTOCOL, -EFBIG,
                                                "`%s` sent more than the %llu bytes that are accepted",
                                                request->url, (unsigned long long)request->limit));
        if (buffer_append(&response->body, bytes.data, bytes.size) < 0)
                return fail(exchange, error_oom(exchange->err));
        return bytes.size;
}

static int watch(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
        struct exchange *exchange = context;
        const struct http_request *request = exchange->request;

        if (!progress_cancelled(exchange->client->options.progress) &&
            !(request->is_over && request->is_over(request->context)))
                return 0;
        exchange->failure = error_set(exchange->err, &ERROR_CANCELLED, -ECANCELED, "interrupted");
        return 1;
}

/* --- the request --------------------------------------------------------------------------------------- */

static size_t give_source(struct exchange *exchange, char *data, size_t size)
{
        const struct http_request *request = exchange->request;
        ssize_t n = request->source(request->context, exchange->sent, data, size, exchange->err);

        if (n < 0) {
                exchange->failure = (int)n;
                return CURL_READFUNC_ABORT;
        }
        exchange->sent += (size_t)n;
        return (size_t)n;
}

static size_t give_body(char *data, size_t size, size_t count, void *context)
{
        struct exchange *exchange = context;
        struct slice rest = exchange->request->body, piece;

        if (exchange->request->source)
                return give_source(exchange, data, size * count);
        slice_take(&rest, (size_t)exchange->sent, &piece);
        slice_take(&rest, rest.size < size * count ? rest.size : size * count, &piece);
        memcpy(data, piece.data, piece.size);
        exchange->sent += piece.size;
        return piece.size;
}

/* libcurl would send the body again by itself when a kept connection turns out to be dead. Whether that is
 * right only the caller knows: the other side may have had it. */
static int refuse_rewind(void *context, curl_off_t offset, int origin)
{
        return CURL_SEEKFUNC_FAIL;
}

static int headers_build(const struct exchange *exchange, struct curl_slist **out)
{
        const struct curl_library *curl = exchange->client->curl;
        const struct http_request *request = exchange->request;
        /* Bodies are in memory and cheap to repeat: nothing is asked beforehand, which costs a round trip. */
        struct curl_slist *list = curl->slist_append(NULL, "Expect:"), *longer;
        bool has_type = false;

        for (const char *const *header = request->headers; list && header && *header; header++) {
                const char *value;

                has_type = has_type || line_is_field(*header, "Content-Type", &value);
                longer = curl->slist_append(list, *header);
                if (!longer)
                        goto failed;
                list = longer;
        }
        if (list && request->source) {
                longer = curl->slist_append(list, "Transfer-Encoding: chunked");
                if (!longer)
                        goto failed;
                list = longer;
        }
        if (list && request->has_body && !has_type) {
                longer = curl->slist_append(list, "Content-Type:"); /* libcurl would say: of a form */
                if (!longer)
                        goto failed;
                list = longer;
        }
        *out = list;
        return list ? 0 : -ENOMEM;
failed:
        curl->slist_free_all(list);
        return -ENOMEM;
}

static void set_tls(const struct exchange *exchange)
{
        const struct curl_library *curl = exchange->client->curl;
        const struct http_client *client = exchange->client;
        CURL *easy = exchange->easy;

        curl->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
        curl->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
        curl->easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        /* The bundle has all of them; the directory would be read certificate by certificate. */
        curl->easy_setopt(easy, CURLOPT_CAPATH, NULL);
        if (client->ca_fd >= 0)
                curl->easy_setopt(easy, CURLOPT_CAINFO, client->ca_path);
        if (!client->options.certificate)
                return;
        curl->easy_setopt(easy, CURLOPT_SSLCERT, client->options.certificate);
        curl->easy_setopt(easy, CURLOPT_SSLKEY,
                          client->options.key ? client->options.key : client->options.certificate);
}

static void set_limits(const struct exchange *exchange)
{
        const struct curl_library *curl = exchange->client->curl;
        unsigned stall = exchange->request->stall_seconds ? exchange->request->stall_seconds
                                                          : exchange->client->options.stall_seconds;
        CURL *easy = exchange->easy;

        curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl->easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
        curl->easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, stall == HTTP_STALL_NEVER ? 0L : 1L);
        curl->easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)(stall ? stall : STALL_SECONDS));
        curl->easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl->easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
        curl->easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES);
}

static void set_callbacks(struct exchange *exchange)
{
        const struct curl_library *curl = exchange->client->curl;
        CURL *easy = exchange->easy;

        curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->detail);
        curl->easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
        curl->easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
        curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
        curl->easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
        curl->easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
        curl->easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, watch);
        curl->easy_setopt(easy, CURLOPT_XFERINFODATA, exchange);
}

static void set_body(struct exchange *exchange)
{
        const struct curl_library *curl = exchange->client->curl;
        const struct http_request *request = exchange->request;
        CURL *easy = exchange->easy;

        curl->easy_setopt(easy, CURLOPT_POST, 1L);
        curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                          request->source ? (curl_off_t)-1 : (curl_off_t)request->body.size);
        if (!request->source && !request->body.size) {
                curl->easy_setopt(easy, CURLOPT_POSTFIELDS, "");
                return;
        }
        curl->easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
        curl->easy_setopt(easy, CURLOPT_READDATA, exchange);
        curl->easy_setopt(easy, CURLOPT_SEEKFUNCTION, refuse_rewind);
}

static void set_request(struct exchange *exchange, struct curl_slist *headers)
{
        const struct curl_library *curl = exchange->client->curl;
        const struct http_request *request = exchange->request;
        CURL *easy = exchange->easy;

        curl->easy_setopt(easy, CURLOPT_URL, request->url);
        curl->easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl->easy_setopt(easy, CURLOPT_USERAGENT, "snap/" SNAP_VERSION);
        if (exchange->client->options.socket) {
                curl->easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, exchange->client->options.socket);
                curl->easy_setopt(easy, CURLOPT_NOPROXY, "*");
        }
        /* One connection a thread, none waits for another: HTTP/2 would bring only its windows. */
        curl->easy_setopt(easy, CURLOPT_HTTP_VERSION,
                          exchange->client->options.http2 ? (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
                                                          : (long)CURL_HTTP_VERSION_1_1);
        if (request->has_body) {
                set_body(exchange);
        } else if (strcmp(request->method, "HEAD") == 0) {
                curl->easy_setopt(easy, CURLOPT_NOBODY, 1L);
                return;
        }
        curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* With TLS 1.3 a server says only after the handshake that it wanted a client certificate, or another one. */
static bool is_refused_by_tls(const struct exchange *exchange, CURLcode code)
{
        return (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) && !exchange->response->status &&
               !exchange->sent && strstr(exchange->detail, "TLS fatal alert");
}

static int outcome(struct exchange *exchange, CURLcode code)
{
        const struct curl_library *curl = exchange->client->curl;
        long tunnel = 0;

        status_get(exchange);
        if (exchange->failure < 0)
                return exchange->failure;
        if (code == CURLE_OK || exchange->is_enough)
                return 0;
        curl->easy_getinfo(exchange->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
        if (tunnel >= 300)
                code = CURLE_PROXY;
        if (is_refused_by_tls(exchange, code))
                code = CURLE_SSL_CONNECT_ERROR;
        return client_error_set(curl, code, exchange->client->options.socket ?: exchange->request->url,
                                exchange->detail, exchange->err);
}

int http_client_send(struct http_client *client, const struct http_request *request,
                     struct http_response *response, struct error *err)
{
        struct exchange exchange = {.client = client, .request = request, .response = response, .err = err};
        struct curl_slist *headers = NULL;
        int ret;

        *response = (struct http_response){0};
        if (progress_cancelled(client->options.progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "interrupted");
        exchange.easy = handle_take(client);
        if (!exchange.easy)
                return error_oom(err);
        ret = headers_build(&exchange, &headers);
        if (ret == 0) {
                set_tls(&exchange);
                set_limits(&exchange);
                set_callbacks(&exchange);
                set_request(&exchange, headers);
                ret = outcome(&exchange, client->curl->easy_perform(exchange.easy));
        } else {
                ret = error_oom(err);
        }
        client->curl->slist_free_all(headers);
        handle_give_back(client, exchange.easy);
        return ret;
}
