/* SPDX-License-Identifier: Apache-2.0 */
#include "net/client_internal.h"

#include <errno.h>

struct meaning {
        CURLcode code;
        const struct error_kind *kind;
        int ret;
        const char *text; /* stands before the host */
};

static const struct meaning meanings[] = {
        {CURLE_COULDNT_RESOLVE_HOST, &ERROR_HOST_UNKNOWN, -EHOSTUNREACH, "there is no host"},
        {CURLE_COULDNT_RESOLVE_PROXY, &ERROR_HTTP_PROXY, -EHOSTUNREACH,
         "no address for the proxy on the way to"},
        {CURLE_COULDNT_CONNECT, &ERROR_CONNECTION, -ECONNREFUSED, "cannot connect to"},
        {CURLE_SEND_ERROR, &ERROR_CONNECTION, -ECONNRESET, "the connection broke while sending to"},
        {CURLE_SEND_FAIL_REWIND, &ERROR_CONNECTION, -ECONNRESET, "the connection broke while sending to"},
        {CURLE_RECV_ERROR, &ERROR_CONNECTION, -ECONNRESET, "the connection broke while receiving from"},
        {CURLE_PARTIAL_FILE, &ERROR_CONNECTION, -ECONNRESET, "the connection broke while receiving from"},
        {CURLE_GOT_NOTHING, &ERROR_CONNECTION, -ECONNRESET, "the connection was closed without an answer by"},
        {CURLE_HTTP2, &ERROR_CONNECTION, -ECONNRESET, "the connection broke with"},
        {CURLE_HTTP2_STREAM, &ERROR_CONNECTION, -ECONNRESET, "the connection broke with"},
        {CURLE_SSL_CONNECT_ERROR, &ERROR_TLS_HANDSHAKE, -EPROTO, "no TLS connection to"},
        {CURLE_SSL_CIPHER, &ERROR_TLS_HANDSHAKE, -EPROTO, "no TLS connection to"},
        {CURLE_PEER_FAILED_VERIFICATION, &ERROR_TLS_UNTRUSTED, -EKEYREJECTED,
         "no trust in the certificate of"},
        {CURLE_SSL_ISSUER_ERROR, &ERROR_TLS_UNTRUSTED, -EKEYREJECTED, "no trust in the certificate of"},
        {CURLE_SSL_CERTPROBLEM, &ERROR_TLS_OWN, -EINVAL, "the client certificate cannot be used for"},
        {CURLE_SSL_CACERT_BADFILE, &ERROR_TLS_OWN, -EINVAL, "the certificates to trust cannot be used for"},
        {CURLE_OPERATION_TIMEDOUT, &ERROR_HTTP_TIMEOUT, -ETIMEDOUT, "no answer in time from"},
        {CURLE_WEIRD_SERVER_REPLY, &ERROR_HTTP_PROTOCOL, -EBADMSG, "no HTTP answer from"},
        {CURLE_UNSUPPORTED_PROTOCOL, &ERROR_HTTP_PROTOCOL, -EBADMSG, "no HTTP answer from"},
        {CURLE_TOO_LARGE, &ERROR_HTTP_PROTOCOL, -EBADMSG, "too large an answer from"},
        {CURLE_URL_MALFORMAT, &ERROR_HTTP_URL, -EINVAL, "not an address:"},
        {CURLE_PROXY, &ERROR_HTTP_PROXY, -ECONNREFUSED, "the proxy refused the way to"},
};

static const struct meaning other = {CURLE_OK, &ERROR_CONNECTION, -EIO, "the request failed to"};

/* "host:port" of a URL, for people; the whole when it is none, as the path of a socket is. */
static void host_of(const char *url, char *out, size_t size)
{
        const char *start = strstr(url, "://");

        if (url[0] == '/') {
                snprintf(out, size, "%s", url);
                return;
        }
        start = start ? start + 3 : url;
        snprintf(out, size, "%.*s", (int)strcspn(start, "/?#"), start);
}

int client_error_set(const struct curl_library *curl, CURLcode code, const char *url, const char *detail,
                     struct error *err)
{
        const struct meaning *meaning = &other;
        char host[256];

        if (code == CURLE_OUT_OF_MEMORY)
                return error_oom(err);
        /* GnuTLS's side of libcurl has one code for both; this is about files of ours. */
        if (code == CURLE_SSL_CONNECT_ERROR && text_starts_with(detail, "error reading"))
                code = CURLE_SSL_CERTPROBLEM;
        if (code == CURLE_SEND_FAIL_REWIND)
                detail = "no answer came"; /* libcurl speaks of what it tried then */
        for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
                if (meanings[i].code == code)
                        meaning = &meanings[i];
        host_of(url, host, sizeof(host));
        return error_set(err, meaning->kind, meaning->ret, "%s `%s`: %s", meaning->text, host,
                         detail[0] ? detail : curl->easy_strerror(code));
}
