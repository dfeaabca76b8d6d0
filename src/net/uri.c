/* SPDX-License-Identifier: Apache-2.0 */
#include "net/uri.h"

#include <errno.h>

static int digit_value(uint8_t digit)
{
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        digit |= 0x20;
        return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int uri_decode(struct slice text, bool plus_is_blank, struct buffer *out)
{
        int ret = buffer_reserve(out, text.size + 1);

        for (size_t i = 0; i < text.size && ret == 0; i++) {
                uint8_t byte = text.data[i];

                if (byte == '%') {
                        int high = text.size - i > 2 ? digit_value(text.data[i + 1]) : -1;
                        int low = high >= 0 ? digit_value(text.data[i + 2]) : -1;

                        if (low < 0)
                                return -EINVAL;
                        byte = (uint8_t)(high << 4 | low);
                        i += 2;
                } else if (byte == '+' && plus_is_blank) {
                        byte = ' ';
                }
                ret = byte ? buffer_append(out, &byte, 1) : -EINVAL;
        }
        return ret;
}
