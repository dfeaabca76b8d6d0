/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/secret_table.h"

#include <ctype.h>
#include <yyjson.h>

/* Classes of characters; a token is of some of them. */
enum {
        DIGIT = 1,
        UPPER = 2,
        LOWER = 4,
        UNDERSCORE = 8,
        DASH = 16,
        DOT = 32,
        PLUS_SLASH = 64,
        OTHER_BEARER = 128, /* '~', '=' */
        ALNUM = DIGIT | UPPER | LOWER,
        WORD = ALNUM | UNDERSCORE,
        BASE64 = ALNUM | PLUS_SLASH,
        BASE64URL = WORD | DASH,
        BEARER = BASE64URL | DOT | PLUS_SLASH | OTHER_BEARER, /* RFC 6750, 2.1 */
};

#define LABEL_MAX    40  /* "RSA PRIVATE KEY" */
#define KEY_TEXT_MIN 64  /* base64 characters of the smallest private keys */
#define NAME_MAX_    64  /* of an environment variable that is named like a secret */
#define URL_USER_MAX 256 /* user and password */
#define JOSE_MAX     2048
#define CLAIMS_MAX   8192

static unsigned class_of(uint8_t c)
{
        if (isdigit(c))
                return DIGIT;
        if (isupper(c))
                return UPPER;
        if (islower(c))
                return LOWER;
        switch (c) {
        case '_':
                return UNDERSCORE;
        case '-':
                return DASH;
        case '.':
                return DOT;
        case '+':
        case '/':
                return PLUS_SLASH;
        case '~':
        case '=':
                return OTHER_BEARER;
        }
        return 0;
}

static bool is_of(uint8_t c, unsigned classes)
{
        return class_of(c) & classes;
}

static bool is_printable(uint8_t c)
{
        return c >= ' ' && c < 0x7f;
}

/* Characters of these classes from `at` on, at most `max`. */
static size_t run(struct slice text, size_t at, unsigned classes, size_t max)
{
        size_t n = 0;

        while (n < max && at + n < text.size && is_of(text.data[at + n], classes))
                n++;
        return n;
}

static bool has_at(struct slice text, size_t at, const char *what)
{
        size_t size = strlen(what);

        return at <= text.size && text.size - at >= size && memcmp(text.data + at, what, size) == 0;
}

static bool begins_word(struct slice text, size_t at, unsigned classes)
{
        return at == 0 || !is_of(text.data[at - 1], classes);
}

/* At the beginning of a line or of a string in memory. */
static bool begins_line(struct slice text, size_t at)
{
        return at == 0 || text.data[at - 1] == '\n' || text.data[at - 1] == '\0';
}

static bool found(struct secret *out, size_t start, size_t size)
{
        out->start = start;
        out->size = size;
        return true;
}

/* "xxxxxxxxxxxx", "****", "0000-0000" are examples. */
static bool is_varied(struct slice value)
{
        bool seen[256] = {false};
        size_t count = 0, wanted = value.size < 16 ? 4 : 8;

        for (size_t i = 0; i < value.size; i++) {
                count += !seen[value.data[i]];
                seen[value.data[i]] = true;
        }
        return count >= wanted;
}

/* The mark and so many characters behind it, a word of their own. */
static bool match_token(const struct secret_pattern *pattern, struct slice text, size_t at,
                        struct secret *out)
{
        size_t mark = strlen(pattern->mark);
        size_t size = run(text, at + mark, pattern->characters, pattern->max + 1);

        if (size < pattern->min || size > pattern->max || !begins_word(text, at, WORD) ||
            !is_varied((struct slice){text.data + at + mark, size}))
                return false;
        return found(out, at, mark + size);
}

/* Value of a base64 digit of either alphabet; negative: none. */
static int base64_value(uint8_t c)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *digit = c ? strchr(digits, c) : NULL;

        if (c == '-')
                return 62;
        if (c == '_')
                return 63;
        return digit ? (int)(digit - digits) : -1;
}

/* Returns the number of bytes, 0 when it is no base64 or there is too much of it. */
static size_t base64_decode(struct slice text, uint8_t *out, size_t room)
{
        uint32_t bits = 0;
        size_t n = 0;

        while (text.size && text.data[text.size - 1] == '=')
                text.size--;
        if (text.size % 4 == 1 || text.size / 4 * 3 + 2 > room)
                return 0;
        for (size_t i = 0; i < text.size; i++) {
                int value = base64_value(text.data[i]);

                if (value < 0)
                        return 0;
                bits = bits << 6 | (uint32_t)value;
                if (i % 4)
                        out[n++] = (uint8_t)(bits >> (6 - i % 4 * 2));
        }
        return n;
}

/* Lines of base64 from `at` on, with what stands for a line end in a file or within a JSON string. Counts the
 * digits; returns where it ends. */
static size_t skip_base64(struct slice text, size_t at, size_t *digits)
{
        for (*digits = 0; at < text.size; at++) {
                if (is_of(text.data[at], BASE64 | OTHER_BEARER))
                        ++*digits;
                else if (has_at(text, at, "\\n") || has_at(text, at, "\\r"))
                        at++;
                else if (!strchr("\r\n \t", text.data[at]) || !text.data[at])
                        break;
        }
        return at;
}

/* RFC 7468, and the headers of RFC 1421 that encrypted keys have, up to an empty line. */
static size_t skip_headers(struct slice text, size_t at)
{
        const char *ends[] = {"\n\n", "\r\n\r\n", "\\n\\n"};
        static const char *const headers[] = {"Proc-Type:", "Version:", "Comment:"};
        size_t start = at;

        while (start < text.size && strchr("\r\n\\nr", text.data[start]) && text.data[start])
                start++;
        for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
                if (!has_at(text, start, headers[i]))
                        continue;
                for (size_t end = start; end < text.size && end < start + 512; end++)
                        for (size_t j = 0; j < ARRAY_SIZE(ends); j++)
                                if (has_at(text, end, ends[j]))
                                        return end + strlen(ends[j]);
        }
        return at;
}

/* DER begins with a sequence, OpenSSH's own form with its name; what is encrypted, or of PGP, begins anyhow.
 */
static bool begins_as_key(struct slice text, size_t at)
{
        while (at < text.size && text.data[at] && strchr("\r\n\\nr", text.data[at]))
                at++;
        return has_at(text, at, "M") || has_at(text, at, "b3BlbnNzaC1rZXktdjE");
}

/* "-----BEGIN … PRIVATE KEY-----", base64, "-----END … PRIVATE KEY-----". */
static bool match_private_key(const struct secret_pattern *pattern, struct slice text, size_t at,
                              struct secret *out)
{
        size_t label = at + strlen(pattern->mark), label_end = label, begin, body, end, digits;

        while (label_end < text.size && label_end < label + LABEL_MAX &&
               (is_of(text.data[label_end], UPPER | DIGIT) || text.data[label_end] == ' '))
                label_end++;
        if (!has_at(text, label_end, "-----") ||
            !memmem(text.data + label, label_end - label, "PRIVATE KEY", strlen("PRIVATE KEY")))
                return false;
        begin = label_end + strlen("-----");
        body = skip_headers(text, begin);
        end = skip_base64(text, body, &digits);
        if (digits < KEY_TEXT_MIN || !has_at(text, end, "-----END ") ||
            (body == begin && !has_at(text, label, "PGP ") && !begins_as_key(text, body)))
                return false;
        end += strlen("-----END ") + (label_end - label) + strlen("-----");
        return found(out, at, (end < text.size ? end : text.size) - at);
}

/* A segment of a JSON web token is an object. */
static yyjson_doc *read_segment(struct slice text, size_t at, size_t size)
{
        uint8_t json[CLAIMS_MAX];
        size_t n = base64_decode((struct slice){text.data + at, size}, json, sizeof(json));
        yyjson_doc *doc = n ? yyjson_read((char *)json, n, 0) : NULL;

        explicit_bzero(json, sizeof(json));
        if (doc && yyjson_is_obj(yyjson_doc_get_root(doc)))
                return doc;
        yyjson_doc_free(doc);
        return NULL;
}

static bool is_signed(struct slice text, size_t at, size_t size)
{
        yyjson_doc *header = read_segment(text, at, size);
        const char *algorithm = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(header), "alg"));
        bool is = algorithm && strcmp(algorithm, "none") != 0;

        yyjson_doc_free(header);
        return is;
}

/* Claims of service account tokens: "kubernetes.io", in older ones "kubernetes.io/serviceaccount/…". */
static bool is_kubernetes(yyjson_doc *claims)
{
        yyjson_obj_iter each;
        yyjson_val *key;

        yyjson_obj_iter_init(yyjson_doc_get_root(claims), &each);
        while ((key = yyjson_obj_iter_next(&each)))
                if (text_starts_with(yyjson_get_str(key), "kubernetes.io"))
                        return true;
        return false;
}

/* RFC 7519: three segments of base64url, the first two JSON. */
static bool match_jwt(const struct secret_pattern *pattern, struct slice text, size_t at, struct secret *out)
{
        size_t header = run(text, at, BASE64URL, JOSE_MAX), claims_at = at + header + 1, claims, signature;
        yyjson_doc *doc;

        if (!begins_word(text, at, BASE64URL | DOT | PLUS_SLASH) || !has_at(text, at + header, ".eyJ"))
                return false;
        claims = run(text, claims_at, BASE64URL, CLAIMS_MAX);
        if (!has_at(text, claims_at + claims, "."))
                return false;
        signature = run(text, claims_at + claims + 1, BASE64URL, 4096);
        if (signature < pattern->min || !is_signed(text, at, header))
                return false;
        doc = read_segment(text, claims_at, claims);
        if (!doc)
                return false;
        if (is_kubernetes(doc))
                out->kind = "Kubernetes service account token";
        yyjson_doc_free(doc);
        return found(out, at, header + claims + signature + 2);
}

/* "Bearer TOKEN": long enough, and no word. */
static bool match_bearer(const struct secret_pattern *pattern, struct slice text, size_t at,
                         struct secret *out)
{
        size_t start = at + strlen(pattern->mark), size = run(text, start, BEARER, pattern->max);
        bool digits = false, letters = false;

        for (size_t i = start; i < start + size; i++) {
                digits = digits || is_of(text.data[i], DIGIT);
                letters = letters || is_of(text.data[i], UPPER | LOWER);
        }
        if (size < pattern->min || !digits || !letters || !begins_word(text, at, WORD) ||
            !is_varied((struct slice){text.data + start, size}))
                return false;
        return found(out, start, size);
}

/* base64 of "user:password". */
static bool is_user_and_password(struct slice base64)
{
        uint8_t plain[512];
        size_t n = base64_decode(base64, plain, sizeof(plain));
        const uint8_t *colon = n ? memchr(plain, ':', n) : NULL;
        bool is = colon && colon > plain && colon + 3 < plain + n;

        for (size_t i = 0; i < n; i++)
                is = is && is_printable(plain[i]);
        explicit_bzero(plain, sizeof(plain));
        return is;
}

/* "Basic BASE64" (RFC 7617). */
static bool match_basic(const struct secret_pattern *pattern, struct slice text, size_t at,
                        struct secret *out)
{
        size_t start = at + strlen(pattern->mark), size = run(text, start, BASE64, pattern->max);

        size += run(text, start + size, OTHER_BEARER, 2);
        if (size < pattern->min || size % 4 || !is_user_and_password((struct slice){text.data + start, size}))
                return false;
        return found(out, start, size);
}

static size_t skip_blanks(struct slice text, size_t at)
{
        while (at < text.size && text.data[at] && strchr(" \t\r\n", text.data[at]))
                at++;
        return at;
}

/* "auth": "BASE64", of ~/.docker/config.json and Podman's auth.json. */
static bool match_registry(const struct secret_pattern *pattern, struct slice text, size_t at,
                           struct secret *out)
{
        size_t start = skip_blanks(text, at + strlen(pattern->mark)), size;

        if (!has_at(text, start, ":"))
                return false;
        start = skip_blanks(text, start + 1);
        if (!has_at(text, start++, "\""))
                return false;
        size = run(text, start, BASE64 | OTHER_BEARER, pattern->max);
        if (size < pattern->min || !has_at(text, start + size, "\"") ||
            !is_user_and_password((struct slice){text.data + start, size}))
                return false;
        return found(out, start, size);
}

/* The secret half of an AWS key: its name, then 40 characters of base64. */
static bool match_aws(const struct secret_pattern *pattern, struct slice text, size_t at, struct secret *out)
{
        size_t start = at + strlen(pattern->mark), limit = start + 6;

        while (start < limit && start < text.size && text.data[start] && strchr(" \t\"':=", text.data[start]))
                start++;
        if (run(text, start, BASE64, 41) != 40 || !is_varied((struct slice){text.data + start, 40}))
                return false;
        return found(out, start, 40);
}

/* Configuration of Redis: the name at the beginning of a line, or as an option "--name" followed by a NUL. */
static bool match_redis(const struct secret_pattern *pattern, struct slice text, size_t at,
                        struct secret *out)
{
        size_t start = at + strlen(pattern->mark), size = 0;
        bool option = at >= 2 && has_at(text, at - 2, "--") && (at == 2 || text.data[at - 3] == '\0');

        if (start >= text.size || !(text.data[start] == ' ' || (option && text.data[start] == '\0')) ||
            !(option || begins_line(text, at)))
                return false;
        start++;
        while (start + size < text.size && size <= pattern->max && is_printable(text.data[start + size]) &&
               text.data[start + size] != ' ')
                size++;
        if (size < pattern->min || size > pattern->max || has_at(text, start, "\"\"") ||
            start + size >= text.size)
                return false;
        return found(out, start, size);
}

/* The next word, after blanks; false when there is none. */
static bool next_word(struct slice text, size_t *at, struct slice *out)
{
        size_t start = skip_blanks(text, *at), end = start;

        while (end < text.size && end < start + 256 && is_printable(text.data[end]) && text.data[end] != ' ')
                end++;
        *out = (struct slice){text.data + start, end - start};
        *at = end;
        return end > start;
}

static bool is_word(struct slice word, const char *what)
{
        return word.size == strlen(what) && memcmp(word.data, what, word.size) == 0;
}

/* "machine HOST login USER password PASSWORD", of .netrc. */
static bool match_netrc(const struct secret_pattern *pattern, struct slice text, size_t at,
                        struct secret *out)
{
        size_t next = at + strlen(pattern->mark);
        struct slice host, login, user, password, value;

        if (!begins_line(text, at) || !next_word(text, &next, &host) || !next_word(text, &next, &login) ||
            !is_word(login, "login") || !next_word(text, &next, &user) ||
            !next_word(text, &next, &password) || !is_word(password, "password") ||
            !next_word(text, &next, &value) || value.size < pattern->min)
                return false;
        return found(out, (size_t)(value.data - text.data), value.size);
}

/* What stands for a value that is put in later: "%s", "${PASSWORD}", "<password>", "***". */
static bool is_placeholder(struct slice value)
{
        return value.size == 0 || strchr("$%<{*", value.data[0]) || memmem(value.data, value.size, "%s", 2) ||
               memmem(value.data, value.size, "${", 2) || memmem(value.data, value.size, "***", 3);
}

/* RFC 3986, 3.2.1: unreserved, pct-encoded, sub-delims and ':'. */
static bool is_userinfo(uint8_t c)
{
        return is_of(c, WORD | DASH | DOT) || (c && strchr("~%!$&'()*+,;=:", c));
}

/* "scheme://user:password@host" */
static bool match_url(const struct secret_pattern *pattern, struct slice text, size_t at, struct secret *out)
{
        size_t start = at + strlen(pattern->mark), end = start, scheme = at;
        const uint8_t *colon;

        while (scheme > 0 && at - scheme < 16 &&
               is_of(text.data[scheme - 1], LOWER | UPPER | DIGIT | DASH | DOT))
                scheme--;
        while (end < text.size && end - start <= URL_USER_MAX && is_userinfo(text.data[end]))
                end++;
        colon = memchr(text.data + start, ':', end - start);
        if (at - scheme < 2 || !colon || !has_at(text, end, "@") || end + 1 >= text.size ||
            !(is_of(text.data[end + 1], ALNUM) || text.data[end + 1] == '['))
                return false;
        colon++;
        if ((size_t)(text.data + end - colon) < pattern->min ||
            is_placeholder((struct slice){colon, (size_t)(text.data + end - colon)}))
                return false;
        return found(out, start, end - start);
}

static bool is_name(uint8_t c)
{
        return is_of(c, UPPER | DIGIT | UNDERSCORE);
}

/*
 * "NAME=value" between two NULs, as an environment has it. `min` is the shortest value: short passwords are
 * passwords, but short keys are names of keys on a keyboard.
 */
static bool match_variable(const struct secret_pattern *pattern, struct slice text, size_t at,
                           struct secret *out)
{
        size_t name = at, start = at + strlen(pattern->mark), size = 0;

        while (name > 0 && at - name < NAME_MAX_ && is_name(text.data[name - 1]))
                name--;
        if (name > 0 && text.data[name - 1] != '\0')
                return false;
        while (start + size < text.size && size <= pattern->max && text.data[start + size]) {
                uint8_t c = text.data[start + size++];

                if (!is_printable(c) && c < 0x80 && !strchr("\n\t", c))
                        return false;
        }
        if (start + size >= text.size || size < pattern->min || size > pattern->max ||
            is_placeholder((struct slice){text.data + start, size}) ||
            /* A file that holds it. */
            (text.data[start] == '/' && !memchr(text.data + start, '+', size) &&
             !memchr(text.data + start, '=', size)))
                return false;
        return found(out, start, size);
}

#define TOKEN(kind, mark, characters, min, max) {kind, mark, match_token, characters, min, max}

const struct secret_pattern secret_patterns[] = {
        {"private key", "-----BEGIN ", match_private_key},
        TOKEN("AWS access key id", "AKIA", UPPER | DIGIT, 16, 16),
        TOKEN("AWS access key id", "ASIA", UPPER | DIGIT, 16, 16),
        {"AWS secret access key", "aws_secret_access_key", match_aws},
        {"AWS secret access key", "AWS_SECRET_ACCESS_KEY", match_aws},
        {"AWS secret access key", "SecretAccessKey", match_aws},
        TOKEN("GitHub token", "ghp_", ALNUM, 36, 36),
        TOKEN("GitHub token", "gho_", ALNUM, 36, 36),
        TOKEN("GitHub token", "ghu_", ALNUM, 36, 36),
        TOKEN("GitHub token", "ghs_", ALNUM, 36, 36),
        TOKEN("GitHub token", "ghr_", ALNUM, 36, 76),
        TOKEN("GitHub token", "github_pat_", WORD, 82, 82),
        TOKEN("GitLab token", "glpat-", BASE64URL | DOT, 20, 64),
        TOKEN("Slack token", "xoxb-", ALNUM | DASH, 24, 128),
        TOKEN("Slack token", "xoxp-", ALNUM | DASH, 24, 128),
        TOKEN("Slack token", "xoxa-", ALNUM | DASH, 24, 128),
        TOKEN("Slack token", "xoxs-", ALNUM | DASH, 24, 128),
        TOKEN("Slack token", "xapp-", ALNUM | DASH, 24, 160),
        TOKEN("Slack web hook", "hooks.slack.com/services/T", ALNUM | PLUS_SLASH, 30, 64),
        TOKEN("Google API key", "AIza", BASE64URL, 35, 35),
        TOKEN("Google OAuth token", "ya29.", BASE64URL | DOT, 40, 2048),
        TOKEN("Google OAuth secret", "GOCSPX-", BASE64URL, 28, 28),
        TOKEN("Stripe key", "sk_live_", ALNUM, 20, 128),
        TOKEN("Stripe key", "rk_live_", ALNUM, 20, 128),
        TOKEN("Stripe test key", "sk_test_", ALNUM, 20, 128),
        TOKEN("Stripe test key", "rk_test_", ALNUM, 20, 128),
        TOKEN("npm token", "npm_", ALNUM, 36, 36),
        TOKEN("PyPI token", "pypi-AgEIcHlwaS5vcmc", BASE64URL, 50, 512),
        TOKEN("Docker Hub token", "dckr_pat_", BASE64URL, 27, 27),
        TOKEN("Vault token", "hvs.", BASE64URL, 24, 256),
        TOKEN("DigitalOcean token", "dop_v1_", LOWER | DIGIT, 64, 64),
        TOKEN("Anthropic key", "sk-ant-", BASE64URL, 40, 160),
        TOKEN("OpenAI key", "sk-proj-", BASE64URL, 40, 200),
        TOKEN("Hugging Face token", "hf_", UPPER | LOWER, 34, 34),
        {"JSON web token", "eyJ", match_jwt, .min = 16},
        {"basic authentication", "Basic ", match_basic, .min = 8, .max = 512},
        {"registry login", "\"auth\"", match_registry, .min = 8, .max = 512},
        {"Redis password", "requirepass", match_redis, .min = 1, .max = 512},
        {"Redis password", "masterauth", match_redis, .min = 1, .max = 512},
        {"netrc password", "machine ", match_netrc, .min = 1},
        {"URL with a password", "://", match_url, .min = 3},
        {"bearer token", "Bearer ", match_bearer, .min = 20, .max = 4096},
        {"bearer token", "bearer ", match_bearer, .min = 20, .max = 4096},
        {"password", "PASSWORD=", match_variable, .min = 3, .max = 4096},
        {"password", "PASSWD=", match_variable, .min = 3, .max = 4096},
        {"password", "_PASS=", match_variable, .min = 3, .max = 4096},
        {"token", "TOKEN=", match_variable, .min = 8, .max = 8192},
        {"secret", "SECRET=", match_variable, .min = 8, .max = 4096},
        {"key", "_KEY=", match_variable, .min = 8, .max = 8192},
};
const size_t secret_pattern_count = ARRAY_SIZE(secret_patterns);
