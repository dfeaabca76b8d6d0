/* SPDX-License-Identifier: Apache-2.0 */
#include "net/range.h"

#include "base/bytes.h"

/* Reads decimal digits, at least one; no sign, no blanks. */
static bool take_number(const char **text, uint64_t *out)
{
        const char *at = *text;
        uint64_t value = 0;

        for (; *at >= '0' && *at <= '9'; at++)
                if (mul_overflow(value, (uint64_t)10, &value) ||
                    add_overflow(value, (uint64_t)(*at - '0'), &value))
                        return false;
        if (at == *text)
                return false;
        *text = at;
        *out = value;
        return true;
}

static bool take_text(const char **text, const char *expected)
{
        if (!text_starts_with(*text, expected))
                return false;
        *text += strlen(expected);
        return true;
}

/* "-SIZE": the end. */
static enum range_result suffix_parse(const char *text, uint64_t whole, struct range *out)
{
        uint64_t size;

        if (!take_number(&text, &size) || *text)
                return RANGE_NONE;
        if (!size || !whole)
                return RANGE_UNSATISFIABLE;
        if (size > whole)
                size = whole;
        *out = (struct range){whole - size, size};
        return RANGE_PART;
}

enum range_result range_parse(const char *text, uint64_t whole, struct range *out)
{
        uint64_t first, last = UINT64_MAX;

        if (!text || !take_text(&text, "bytes="))
                return RANGE_NONE;
        if (take_text(&text, "-"))
                return suffix_parse(text, whole, out);
        if (!take_number(&text, &first) || !take_text(&text, "-"))
                return RANGE_NONE;
        if (*text && (!take_number(&text, &last) || *text || last < first))
                return RANGE_NONE;
        if (first >= whole)
                return RANGE_UNSATISFIABLE;
        if (last >= whole)
                last = whole - 1;
        *out = (struct range){first, last - first + 1};
        return RANGE_PART;
}

bool content_range_parse(const char *text, struct range *out)
{
        uint64_t first, last, whole;

        (void)take_text(&text, "bytes ");
        if (!take_number(&text, &first) || !take_text(&text, "-") || !take_number(&text, &last) ||
            last < first || last == UINT64_MAX)
                return false;
        if (take_text(&text, "/") && !take_text(&text, "*") && (!take_number(&text, &whole) || whole <= last))
                return false;
        *out = (struct range){first, last - first + 1};
        return !*text;
}
