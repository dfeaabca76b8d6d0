/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "program/units.h"

static char *scaled(uint64_t bytes, const char *suffix, char out[UNIT_TEXT_SIZE])
{
        static const char prefixes[] = "KMGTPE";
        double value = (double)bytes / 1024;
        size_t i = 0;

        if (bytes < 1024) {
                snprintf(out, UNIT_TEXT_SIZE, "%" PRIu64 " B", bytes);
                return out;
        }
        /* Whole units decide, as in the peer: 1048575 bytes are "1024.0 KiB". */
        for (uint64_t n = bytes / 1024; n >= 1024; n /= 1024) {
                value /= 1024;
                i++;
        }
        snprintf(out, UNIT_TEXT_SIZE, "%.1f %c%s", value, prefixes[i], suffix);
        return out;
}

char *size_format(uint64_t bytes, char out[UNIT_TEXT_SIZE])
{
        return scaled(bytes, "iB", out);
}

char *buffer_size_format(uint64_t bytes, char out[UNIT_TEXT_SIZE])
{
        return scaled(bytes, "B", out);
}

char *statistic_format(uint64_t us, char out[UNIT_TEXT_SIZE])
{
        char digits[UNIT_TEXT_SIZE];

        if (us < 1000)
                snprintf(out, UNIT_TEXT_SIZE, "%" PRIu64 " µs", us);
        else {
                /* %.5g drops trailing zeros and the point by itself. */
                snprintf(digits, sizeof(digits), "%.5g", (double)us / (us < 1000000 ? 1e3 : 1e6));
                snprintf(out, UNIT_TEXT_SIZE, "%.20s %s", digits, us < 1000000 ? "ms" : "s");
        }
        return out;
}

char *duration_format(uint64_t us, char out[UNIT_TEXT_SIZE])
{
        if (us < 10000)
                snprintf(out, UNIT_TEXT_SIZE, "%.1f ms", (double)us / 1e3);
        else if (us < 1000000)
                snprintf(out, UNIT_TEXT_SIZE, "%" PRIu64 " ms", us / 1000);
        else if (us < 60000000)
                snprintf(out, UNIT_TEXT_SIZE, "%.2f s", (double)us / 1e6);
        else
                snprintf(out, UNIT_TEXT_SIZE, "%" PRIu64 " min %02u s", us / 60000000,
                         (unsigned)(us / 1000000 % 60));
        return out;
}

char *rate_format(uint64_t bytes, uint64_t us, char out[UNIT_TEXT_SIZE])
{
        double rate = us ? (double)bytes * 1e6 / (double)us : 0;

        out[0] = '\0';
        if (bytes == 0 || rate < 1 || rate >= 1e18)
                return out;
        size_format((uint64_t)rate, out);
        strcat(out, "/s");
        return out;
}

static const char *digits_parse(const char *text, uint64_t *out)
{
        const char *p = text;
        uint64_t value = 0;

        for (; *p >= '0' && *p <= '9'; p++)
                if (mul_overflow(value, (uint64_t)10, &value) ||
                    add_overflow(value, (uint64_t)(*p - '0'), &value))
                        return NULL;
        if (p == text)
                return NULL;
        *out = value;
        return p;
}

bool number_parse(const char *text, uint64_t *out)
{
        uint64_t value;
        const char *rest = digits_parse(text, &value);

        if (!rest || *rest)
                return false;
        *out = value;
        return true;
}

bool size_parse(const char *text, uint64_t *out)
{
        static const char prefixes[] = "KMGT";
        uint64_t value;
        const char *rest = digits_parse(text, &value), *prefix;

        if (!rest)
                return false;
        prefix = *rest ? strchr(prefixes, *rest & ~0x20) : NULL;
        if (prefix) {
                if (mul_overflow(value, (uint64_t)1 << (10 * (prefix - prefixes + 1)), &value))
                        return false;
                rest++;
                if (*rest == 'i')
                        rest++;
        }
        if (*rest == 'B' || *rest == 'b')
                rest++;
        if (*rest)
                return false;
        *out = value;
        return true;
}
