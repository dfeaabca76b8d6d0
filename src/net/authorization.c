/* SPDX-License-Identifier: Apache-2.0 */
#include "net/authorization.h"

#include <errno.h>
#include <strings.h>
#include "base/base64.h"

/* Longer ones are of nobody. */
#define LENGTH_MAX 8192

static void wipe(char *text)
{
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
}

void authorization_free(struct authorization *authorization)
{
        wipe(authorization->user);
        wipe(authorization->secret);
        *authorization = (struct authorization){0};
}

/* What follows the scheme, NULL when it is another one. */
static const char *after_scheme(const char *header, const char *scheme)
{
        size_t size = strlen(scheme);

        if (strncasecmp(header, scheme, size) != 0 || header[size] != ' ')
                return NULL;
        return header + size + strspn(header + size, " ");
}

/* "USER:PASSWORD" in `text`, which is changed. */
static int split(char *text, struct authorization *out)
{
        char *colon = strchr(text, ':');

        if (!colon)
                return -EINVAL;
        *colon = '\0';
        out->user = strdup(text);
        out->secret = strdup(colon + 1);
        if (out->user && out->secret)
                return 0;
        authorization_free(out);
        return -ENOMEM;
}

static int parse_basic(const char *encoded, struct authorization *out)
{
        _cleanup_buffer_ struct buffer text = {0};
        int ret = base64_decode(BASE64, SLICE_TEXT(encoded), &text);

        if (ret == 0)
                ret = text.size && !memchr(text.data, '\0', text.size) ? split((char *)text.data, out)
                                                                       : -EBADMSG;
        if (text.data)
                explicit_bzero(text.data, text.capacity);
        return ret == -EBADMSG ? -EINVAL : ret;
}

int authorization_parse(const char *header, struct authorization *out)
{
        const char *rest;

        *out = (struct authorization){0};
        if (strlen(header) > LENGTH_MAX)
                return -EINVAL;
        rest = after_scheme(header, "Basic");
        if (rest)
                return parse_basic(rest, out);
        rest = after_scheme(header, "Bearer");
        if (!rest || !*rest)
                return -EINVAL;
        out->user = strdup("");
        out->secret = strdup(rest);
        if (out->user && out->secret)
                return 0;
        authorization_free(out);
        return -ENOMEM;
}
