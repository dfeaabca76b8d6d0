/* SPDX-License-Identifier: Apache-2.0 */
/* Events, and what bytes and numbers look like as text. */
#include <sys/sysmacros.h>
#include "criu/decode_private.h"

#define MINOR_BITS 20 /* of a device number as CRIU keeps it, which is the kernel's own encoding */

/* Quoted-printable lines are cut at this length. */
#define QUOTED_LINE 76

void decode_begin(const struct criu_decoding *decoding, enum criu_event_type type, const char *name)
{
        const struct criu_event event = {.type = type, .name = name};

        if (decoding->event)
                decoding->event(decoding->sink, &event);
}

void decode_end(const struct criu_decoding *decoding, enum criu_event_type type)
{
        decode_begin(decoding, type, NULL);
}

static void decode_part(const struct criu_decoding *decoding, const void *data, size_t size)
{
        const struct criu_event event = {.type = CRIU_EVENT_TEXT_PART, .text = {data, size}};

        if (decoding->event && size)
                decoding->event(decoding->sink, &event);
}

void decode_number(const struct criu_decoding *decoding, const char *name, uint64_t value)
{
        const struct criu_event event = {.type = CRIU_EVENT_UNSIGNED, .name = name, .value = value};

        if (decoding->event)
                decoding->event(decoding->sink, &event);
}

void decode_text(const struct criu_decoding *decoding, const char *name, struct slice text)
{
        decode_begin(decoding, CRIU_EVENT_TEXT, name);
        decode_part(decoding, text.data, text.size);
        decode_end(decoding, CRIU_EVENT_TEXT_END);
}

/* One line, ended; returns its length. */
static size_t base64_line(struct slice bytes, char *out)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        size_t length = 0;

        for (size_t i = 0; i < bytes.size; i += 3) {
                size_t have = bytes.size - i < 3 ? bytes.size - i : 3;
                uint32_t group = (uint32_t)bytes.data[i] << 16 |
                                 (have > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                                 (have > 2 ? bytes.data[i + 2] : 0);

                for (size_t digit = 0; digit < 4; digit++)
                        out[length++] = digit <= have ? digits[group >> (18 - 6 * digit) & 63] : '=';
        }
        out[length++] = '\n';
        return length;
}

void decode_base64(const struct criu_decoding *decoding, struct slice bytes)
{
        char text[64 * (DECODE_BASE64_LINE / 3 * 4 + 1)];

        while (bytes.size > 0 && decoding->event) {
                size_t length = 0;

                for (unsigned line = 0; line < 64 && bytes.size > 0; line++) {
                        struct slice part = bytes;

                        if (part.size > DECODE_BASE64_LINE)
                                part.size = DECODE_BASE64_LINE;
                        length += base64_line(part, text + length);
                        bytes.data += part.size;
                        bytes.size -= part.size;
                }
                decode_part(decoding, text, length);
        }
}

/* A byte that cannot stand for itself where it is; `next` is NUL at the end. */
static bool is_quoted(uint8_t c, uint8_t next, bool is_last, size_t column)
{
        if (c == '.' && column == 0)
                return is_last || next == '\n' || next == '\r' || next == '\0';
        if (c == ' ' || c == '\t')
                return is_last || next == '\n';
        return c == '=' || c > 126 || (c < 33 && c != '\r' && c != '\n');
}

void decode_quoted(const struct criu_decoding *decoding, struct slice bytes)
{
        size_t column = 0;

        for (size_t i = 0; i < bytes.size; i++) {
                bool is_last = i + 1 == bytes.size;
                uint8_t c = bytes.data[i], next = is_last ? '\0' : bytes.data[i + 1];
                bool quoted = is_quoted(c, next, is_last, column);
                char text[8];

                if (c != '\n' && (quoted ? column + 3 >= QUOTED_LINE
                                         : !is_last && next != '\n' && column + 1 >= QUOTED_LINE)) {
                        decode_part(decoding, "=\n", 2);
                        column = 0;
                }
                snprintf(text, sizeof(text), quoted ? "=%02X" : "%c", c);
                decode_part(decoding, text, quoted ? 3 : 1);
                column = c == '\n' ? 0 : column + (quoted ? 3 : 1);
        }
}

const char *decode_enum_name(const struct criu_names *names, uint64_t value)
{
        for (size_t i = 0; i < names->count; i++)
                if (names->items[i].value == value)
                        return names->items[i].name;
        return NULL;
}

/* "PROT_READ | PROT_EXEC | 0x10" */
static void format_bits(const struct criu_names *names, uint64_t value, char *out, size_t size)
{
        const char *between = "";
        size_t length = 0;

        out[0] = '\0';
        for (size_t i = 0; i < names->count; i++) {
                if (!(value & names->items[i].value))
                        continue;
                length +=
                        (size_t)snprintf(out + length, size - length, "%s%s", between, names->items[i].name);
                value &= ~(uint64_t)names->items[i].value;
                between = " | ";
        }
        if (value)
                snprintf(out + length, size - length, "%s0x%llx", between, (unsigned long long)value);
}

bool decode_pretty_number(const struct criu_field *field, bool hex, uint64_t value,
                          char out[DECODE_TEXT_SIZE])
{
        if (hex || field->form & CRIU_HEX) {
                snprintf(out, DECODE_TEXT_SIZE, "0x%llx", (unsigned long long)value);
        } else if (field->form & CRIU_DEV) {
                snprintf(out, DECODE_TEXT_SIZE, "%llu:%llu", (unsigned long long)(value >> MINOR_BITS),
                         (unsigned long long)(value & ((1u << MINOR_BITS) - 1)));
        } else if (field->form & CRIU_RDEV) {
                snprintf(out, DECODE_TEXT_SIZE, "%u:%u", major(value), minor(value));
        } else if (field->names && field->names->are_bits) {
                format_bits(field->names, value, out, DECODE_TEXT_SIZE);
        } else if (field->names && decode_enum_name(field->names, value)) {
                snprintf(out, DECODE_TEXT_SIZE, "%s", decode_enum_name(field->names, value));
        } else {
                return false;
        }
        return true;
}
