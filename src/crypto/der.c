/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/der.h"

/* Lengths of more than four bytes do not occur in what we read. */
#define LENGTH_BYTES_MAX 4

bool der_next(struct slice *from, uint8_t *tag, struct slice *contents)
{
        struct slice rest = *from, head, digits;
        size_t length;

        if (!slice_take(&rest, 2, &head) || (head.data[0] & 0x1f) == 0x1f)
                return false;
        length = head.data[1];
        if (length >= 0x80) {
                if (length - 0x80 > LENGTH_BYTES_MAX || !slice_take(&rest, length - 0x80, &digits) ||
                    !digits.size)
                        return false;
                length = 0;
                for (size_t i = 0; i < digits.size; i++)
                        length = length << 8 | digits.data[i];
        }
        if (!slice_take(&rest, length, contents))
                return false;
        *tag = head.data[0];
        *from = rest;
        return true;
}

bool der_take(struct slice *from, enum der_tag tag, struct slice *contents)
{
        struct slice rest = *from;
        uint8_t found;

        if (!der_next(&rest, &found, contents) || found != tag)
                return false;
        *from = rest;
        return true;
}
