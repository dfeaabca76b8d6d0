/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <errno.h>

static const char alphabets[][65] = {
        [BASE64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        [BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

int base64_encode(enum base64_form form, struct slice bytes, struct buffer *out)
{
        const char *alphabet = alphabets[form];

        if (buffer_reserve(out, bytes.size / 3 * 4 + 5) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < bytes.size; i += 3) {
                size_t left = bytes.size - i;
                uint32_t bits = (uint32_t)bytes.data[i] << 16 |
                                (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                                (left > 2 ? bytes.data[i + 2] : 0);

                for (size_t digit = 0; digit < 4; digit++) {
                        if (digit <= left)
                                out->data[out->size++] = (uint8_t)alphabet[bits >> (18 - 6 * digit) & 63];
                        else if (form == BASE64)
                                out->data[out->size++] = '=';
                }
        }
        out->data[out->size] = '\0';
        return 0;
}

static int digit_value(enum base64_form form, uint8_t digit)
{
        const char *found = digit ? strchr(alphabets[form], digit) : NULL;

        return found ? (int)(found - alphabets[form]) : -1;
}

/* The digits before the padding; false when that is not as it must be. */
static bool digits_of(enum base64_form form, struct slice *text)
{
        if (form == BASE64) {
                if (text->size % 4)
                        return false;
                for (int i = 0; i < 2 && text->size && text->data[text->size - 1] == '='; i++)
                        text->size--;
        }
        return text->size % 4 != 1;
}

int base64_decode(enum base64_form form, struct slice text, struct buffer *out)
{
        size_t start = out->size;
        uint32_t bits = 0;
        int count = 0;

        if (!digits_of(form, &text))
                return -EBADMSG;
        if (buffer_reserve(out, BASE64_DECODED_MAX(text.size) + 1) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < text.size; i++) {
                int value = digit_value(form, text.data[i]);

                if (value < 0)
                        break;
                bits = bits << 6 | (uint32_t)value;
                count += 6;
                if (count >= 8) {
                        count -= 8;
                        out->data[out->size++] = (uint8_t)(bits >> count);
                }
                bits &= (1U << count) - 1;
                if (i + 1 == text.size && !bits) {
                        out->data[out->size] = '\0';
                        return 0;
                }
        }
        if (!text.size) {
                out->data[out->size] = '\0';
                return 0;
        }
        out->size = start;
        return -EBADMSG;
}
