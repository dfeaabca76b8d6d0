/* SPDX-License-Identifier: Apache-2.0 */
#include "program/memory.h"
#include "cli/text.h"

struct range {
        uint32_t first, last;
};

/* Not shown, or changes the order in which what follows is shown (Unicode 15, general category Cf and kin).
 */
static const struct range invisible[] = {
        {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e}, {0x200b, 0x200f},   {0x2028, 0x202e},
        {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
};

/* Combining marks of the scripts in use (categories Mn and Me). */
static const struct range combining[] = {
        {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
        {0x0900, 0x0902}, {0x093c, 0x093c}, {0x0941, 0x0948}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},
        {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0x302a, 0x302d},
        {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

/* East Asian Width W and F (Unicode 15, UAX 11), neighbours joined. */
static const struct range wide[] = {
        {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},
        {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26a1, 0x26a1},
        {0x2705, 0x2705},   {0x274c, 0x274c},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
        {0x2b50, 0x2b50},   {0x2e80, 0x3029},   {0x3030, 0x303e},   {0x3041, 0x3247},   {0x3250, 0x4dbf},
        {0x4e00, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},
        {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18cff}, {0x1b000, 0x1b2ff},
        {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f320},
        {0x1f32d, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f7e0, 0x1f7eb}, {0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff},
        {0x20000, 0x3fffd},
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
        size_t low = 0, high = count;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (code > ranges[middle].last)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < count && code >= ranges[low].first;
}

size_t utf8_decode(struct slice text, uint32_t *out)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        uint8_t first = text.size ? text.data[0] : 0x80;
        size_t length = first < 0x80       ? 1
                        : first >> 5 == 6  ? 2
                        : first >> 4 == 14 ? 3
                        : first >> 3 == 30 ? 4
                                           : 0;
        uint32_t code = length <= 1 ? first : first & (0x7f >> length);

        if (length == 0 || length > text.size)
                return 0;
        for (size_t i = 1; i < length; i++) {
                if (text.data[i] >> 6 != 2)
                        return 0;
                code = code << 6 | (text.data[i] & 0x3f);
        }
        if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
                return 0;
        *out = code;
        return length;
}

void text_append_safe(struct buffer *out, struct slice text)
{
        while (text.size) {
                uint32_t code = 0;
                size_t length = utf8_decode(text, &code);
                struct slice character = {0};

                (void)slice_take(&text, length ? length : 1, &character);
                if (length == 0 || code < 0x20 || code == 0x7f)
                        memory_check(buffer_printf(out, "\\x%02x", character.data[0]));
                else if ((code >= 0x80 && code < 0xa0) || in_ranges(code, invisible, ARRAY_SIZE(invisible)))
                        memory_check(buffer_printf(out, "\\u{%x}", code));
                else
                        memory_check(buffer_append(out, character.data, character.size));
        }
}

void text_print_safe(const char *text, FILE *out)
{
        _cleanup_buffer_ struct buffer safe = {0};

        text_append_safe(&safe, SLICE_TEXT(text));
        fputs(buffer_text(&safe), out);
}

void text_append_utf8(struct buffer *out, struct slice text)
{
        while (text.size) {
                uint32_t code;
                size_t length = utf8_decode(text, &code);
                struct slice character = {0};

                (void)slice_take(&text, length ? length : 1, &character);
                if (length == 0)
                        memory_check(buffer_append_text(out, "\xef\xbf\xbd"));
                else
                        memory_check(buffer_append(out, character.data, character.size));
        }
}

/* Cuts the first character off `rest` and returns its columns. */
static size_t next_width(struct slice *rest)
{
        struct slice character = {0};
        uint32_t code = 0;
        size_t length = utf8_decode(*rest, &code);

        (void)slice_take(rest, length ? length : 1, &character);
        if (in_ranges(code, combining, ARRAY_SIZE(combining)))
                return 0;
        return in_ranges(code, wide, ARRAY_SIZE(wide)) ? 2 : 1;
}

size_t text_width(const char *text)
{
        struct slice rest = SLICE_TEXT(text);
        size_t width = 0;

        while (rest.size)
                width += next_width(&rest);
        return width;
}

#define ELLIPSIS "..."

void text_print_fitted(const char *text, size_t width, bool padded, FILE *out)
{
        _cleanup_buffer_ struct buffer safe = {0};
        struct slice rest;
        size_t columns;

        text_append_safe(&safe, SLICE_TEXT(text));
        columns = text_width(buffer_text(&safe));
        if (columns <= width) {
                fprintf(out, "%s%*s", buffer_text(&safe), padded ? (int)(width - columns) : 0, "");
                return;
        }
        rest = buffer_slice(&safe);
        for (columns = 0;;) {
                struct slice next = rest;
                size_t more = next_width(&next);

                if (columns + more > width - strlen(ELLIPSIS))
                        break;
                columns += more;
                rest = next;
        }
        fprintf(out, "%.*s" ELLIPSIS "%*s", (int)(safe.size - rest.size), buffer_text(&safe),
                padded ? (int)(width - strlen(ELLIPSIS) - columns) : 0, "");
}
