/* SPDX-License-Identifier: Apache-2.0 */
#include "net/headers.h"

#include <ctype.h>
#include <errno.h>
#include <time.h>

/* A "token" of RFC 9110, 5.6.2. */
static size_t token_size(const char *text)
{
        size_t n = 0;

        while (text[n] && (isalnum((unsigned char)text[n]) || strchr("!#$%&'*+-.^_`|~", text[n])))
                n++;
        return n;
}

static const char *skip_blanks(const char *text)
{
        return text + strspn(text, " \t");
}

/* Blanks and the commas between elements of a list. */
static const char *skip_commas(const char *text)
{
        return text + strspn(text, " \t,");
}

/* A token or a quoted string as new text; `*at` moves behind it. NULL when there is neither. */
static char *value_take(const char **at)
{
        const char *in = *at;
        char *out, *end;

        if (*in != '"') {
                size_t size = token_size(in);

                *at += size;
                return size ? strndup(in, size) : NULL;
        }
        out = malloc(strlen(in));
        if (!out)
                return NULL;
        for (end = out, in++; *in && *in != '"'; in++) {
                if (*in == '\\' && in[1])
                        in++;
                *end++ = *in;
        }
        *end = '\0';
        if (*in != '"') {
                free(out);
                return NULL;
        }
        *at = in + 1;
        return out;
}

/* --- challenges ---------------------------------------------------------------------------------------- */

/* Does NAME "=" VALUE stand there, not the scheme of the next challenge? */
static bool is_parameter(const char *text)
{
        size_t size = token_size(text);

        return size && *skip_blanks(text + size) == '=';
}

static int parameter_take(const char **at, struct http_challenge *challenge)
{
        size_t size = token_size(*at);
        char *name, *value;

        if (challenge->count == HTTP_CHALLENGE_PARAMETERS)
                return -EBADMSG;
        name = strndup(*at, size);
        if (!name)
                return -ENOMEM;
        *at = skip_blanks(skip_blanks(*at + size) + 1);
        value = value_take(at);
        if (!value) {
                free(name);
                return -EBADMSG;
        }
        challenge->parameters[challenge->count].name = name;
        challenge->parameters[challenge->count++].value = value;
        *at = skip_blanks(*at);
        return **at == ',' || **at == '\0' ? 0 : -EBADMSG;
}

int http_challenge_next(const char **field, struct http_challenge *out)
{
        const char *at = skip_commas(*field);
        size_t size = token_size(at);
        int ret = 0;

        *out = (struct http_challenge){0};
        if (!*at)
                return 0;
        if (!size)
                return -EBADMSG;
        out->scheme = strndup(at, size);
        if (!out->scheme)
                return -ENOMEM;
        at = skip_commas(at + size);
        while (ret == 0 && is_parameter(at)) {
                ret = parameter_take(&at, out);
                at = skip_commas(at);
        }
        if (ret < 0) {
                http_challenge_free(out);
                return ret;
        }
        *field = at;
        return 1;
}

const char *http_challenge_parameter(const struct http_challenge *challenge, const char *name)
{
        for (unsigned i = 0; i < challenge->count; i++)
                if (strcasecmp(challenge->parameters[i].name, name) == 0)
                        return challenge->parameters[i].value;
        return NULL;
}

void http_challenge_free(struct http_challenge *challenge)
{
        free(challenge->scheme);
        for (unsigned i = 0; i < challenge->count; i++) {
                free(challenge->parameters[i].name);
                free(challenge->parameters[i].value);
        }
        *challenge = (struct http_challenge){0};
}

/* --- links --------------------------------------------------------------------------------------------- */

/* Does a blank-separated list have the word? */
static bool has_word(const char *list, const char *word)
{
        while (*list) {
                size_t size = strcspn(list, " \t");

                if (size == strlen(word) && strncasecmp(list, word, size) == 0)
                        return true;
                list = skip_blanks(list + size);
        }
        return false;
}

/* Parameters of one link: ";" NAME ["=" VALUE] and so on. */
static bool link_has_relation(const char **at, const char *relation)
{
        bool found = false;

        for (*at = skip_blanks(*at); **at == ';'; *at = skip_blanks(*at)) {
                const char *name = skip_blanks(*at + 1);
                size_t size = token_size(name);
                _cleanup_free_ char *value = NULL;

                *at = skip_blanks(name + size);
                if (**at != '=')
                        continue;
                *at = skip_blanks(*at + 1);
                value = value_take(at);
                if (!value)
                        return found;
                if (size == 3 && strncasecmp(name, "rel", 3) == 0)
                        found = found || has_word(value, relation);
        }
        return found;
}

char *http_link(const char *field, const char *relation)
{
        for (const char *at = skip_commas(field); *at == '<'; at = skip_commas(at)) {
                const char *target = at + 1, *end = strchr(target, '>');

                if (!end)
                        return NULL;
                at = end + 1;
                if (link_has_relation(&at, relation))
                        return strndup(target, (size_t)(end - target));
        }
        return NULL;
}

/* --- numbers and dates --------------------------------------------------------------------------------- */

/* Digits at the front of `*at`, which moves behind them. */
static bool digits_take(const char **at, uint64_t *out)
{
        uint64_t value = 0;
        const char *start = *at;

        for (; isdigit((unsigned char)**at); (*at)++)
                if (mul_overflow(value, 10, &value) || add_overflow(value, (uint64_t)(**at - '0'), &value))
                        return false;
        *out = value;
        return *at > start;
}

bool http_number(const char *field, uint64_t *out)
{
        return digits_take(&field, out) && !*field;
}

bool http_content_range(const char *field, uint64_t *first, uint64_t *last, uint64_t *total)
{
        if (strncasecmp(field, "bytes", 5) != 0 || field[5] != ' ')
                return false;
        field = skip_blanks(field + 5);
        if (!digits_take(&field, first) || *field++ != '-' || !digits_take(&field, last) || *field++ != '/')
                return false;
        if (*last < *first)
                return false;
        if (strcmp(field, "*") == 0) {
                *total = UINT64_MAX;
                return true;
        }
        return http_number(field, total) && *last < *total;
}

uint64_t http_retry_after(const char *field, int64_t now)
{
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        struct tm tm = {0};
        const char *found;
        char month[4];
        uint64_t seconds;
        int64_t then;

        if (http_number(field, &seconds))
                return seconds;
        /* "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale says that months are called. */
        if (sscanf(field, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT", &tm.tm_mday, month, &tm.tm_year,
                   &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
                return 0;
        found = strlen(month) == 3 ? strstr(months, month) : NULL;
        if (!found || (found - months) % 3)
                return 0;
        tm.tm_mon = (int)(found - months) / 3;
        tm.tm_year -= 1900;
        then = timegm(&tm);
        return then > now ? (uint64_t)(then - now) : 0;
}
