/* SPDX-License-Identifier: Apache-2.0 */
#include "net/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include "net/curl_library.h"
#include "net/errors.h"

static int refuse(const char *text, struct error *err)
{
        return error_set(err, &ERROR_HTTP_URL, -EINVAL, "`%.200s` is not an http or https address", text);
}

/* `base` may be NULL. On success the handle is the caller's. */
static int handle_new(const struct curl_library *curl, const char *base, const char *text, CURLU **out,
                      struct error *err)
{
        CURLU *handle = curl->url();

        if (!handle)
                return error_oom(err);
        if ((base && curl->url_set(handle, CURLUPART_URL, base, CURLU_DISALLOW_USER) != CURLUE_OK) ||
            curl->url_set(handle, CURLUPART_URL, text, CURLU_DISALLOW_USER | CURLU_NON_SUPPORT_SCHEME) !=
                    CURLUE_OK) {
                curl->url_cleanup(handle);
                return refuse(text, err);
        }
        *out = handle;
        return 0;
}

static char *part_get(const struct curl_library *curl, const CURLU *handle, CURLUPart part)
{
        char *value = NULL, *copy;

        if (curl->url_get(handle, part, &value, CURLU_DEFAULT_PORT) != CURLUE_OK)
                return NULL;
        copy = strdup(value);
        curl->free(value);
        return copy;
}

static int parts_get(const struct curl_library *curl, const CURLU *handle, const char *text, struct url *out,
                     struct error *err)
{
        _cleanup_free_ char *scheme = part_get(curl, handle, CURLUPART_SCHEME);
        _cleanup_free_ char *host = part_get(curl, handle, CURLUPART_HOST);
        _cleanup_free_ char *port = part_get(curl, handle, CURLUPART_PORT);
        size_t size;

        if (!scheme || !host || !host[0] || !port ||
            (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
                return refuse(text, err);
        size = strlen(host);
        if (host[0] == '[' && host[size - 1] == ']') {
                memmove(host, host + 1, size - 2);
                host[size - 2] = '\0';
        }
        for (char *c = host; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        out->is_tls = strcmp(scheme, "https") == 0;
        out->port = (unsigned)strtoul(port, NULL, 10);
        out->host = steal_ptr(host);
        return 0;
}

int url_parse(const char *text, struct url *out, struct error *err)
{
        const struct curl_library *curl;
        CURLU *handle = NULL;
        int ret = curl_library_get(&curl, err);

        *out = (struct url){0};
        if (ret == 0)
                ret = handle_new(curl, NULL, text, &handle, err);
        if (ret < 0)
                return ret;
        ret = parts_get(curl, handle, text, out, err);
        curl->url_cleanup(handle);
        return ret;
}

void url_free(struct url *url)
{
        free(url->host);
        *url = (struct url){0};
}

int url_resolve(const char *base, const char *reference, char **out, struct error *err)
{
        _cleanup_url_ struct url parts = {0};
        const struct curl_library *curl;
        CURLU *handle = NULL;
        char *text = NULL;
        int ret = curl_library_get(&curl, err);

        if (ret == 0)
                ret = handle_new(curl, base, reference, &handle, err);
        if (ret < 0)
                return ret;
        ret = parts_get(curl, handle, reference, &parts, err);
        if (ret == 0) {
                /* What stands behind '#' is not for the server. */
                curl->url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
                if (curl->url_get(handle, CURLUPART_URL, &text, 0) == CURLUE_OK) {
                        *out = strdup(text);
                        curl->free(text);
                }
                if (!text || !*out)
                        ret = error_oom(err);
        }
        curl->url_cleanup(handle);
        return ret;
}

bool url_same_origin(const char *a, const char *b)
{
        _cleanup_url_ struct url left = {0}, right = {0};

        return url_parse(a, &left, NULL) == 0 && url_parse(b, &right, NULL) == 0 &&
               left.is_tls == right.is_tls && left.port == right.port && strcmp(left.host, right.host) == 0;
}

bool url_host_is_loopback(const char *host)
{
        char name[64];
        size_t size = strcspn(host, ":");
        struct in_addr address;

        if (host[0] == '[')
                return text_starts_with(host, "[::1]") && (host[5] == '\0' || host[5] == ':');
        if (strcmp(host, "::1") == 0)
                return true;
        if (size >= sizeof(name))
                return false;
        memcpy(name, host, size);
        name[size] = '\0';
        if (strcasecmp(name, "localhost") == 0)
                return true;
        return inet_pton(AF_INET, name, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

int url_escape(struct buffer *out, const char *text)
{
        for (; *text; text++) {
                int ret = isalnum((unsigned char)*text) || strchr("-._~", *text)
                                  ? buffer_append(out, text, 1)
                                  : buffer_printf(out, "%%%02X", (unsigned char)*text);

                if (ret < 0)
                        return ret;
        }
        return 0;
}
