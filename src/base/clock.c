/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define NS_PER_S 1000000000LL

uint64_t clock_monotonic_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t clock_realtime_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

char *rfc3339_format(int64_t realtime_ns, char out[RFC3339_SIZE])
{
        time_t seconds = realtime_ns / NS_PER_S;
        long fraction = realtime_ns % NS_PER_S;
        struct tm tm;
        size_t used;

        if (fraction < 0) {
                fraction += NS_PER_S;
                seconds--;
        }
        gmtime_r(&seconds, &tm);
        used = strftime(out, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        if (fraction)
                used += (size_t)snprintf(out + used, RFC3339_SIZE - used, ".%09ld", fraction);
        snprintf(out + used, RFC3339_SIZE - used, "Z");
        return out;
}

/* Reads up to nine digits after the point as nanoseconds; further digits are dropped. */
static const char *fraction_parse(const char *text, long *nanoseconds)
{
        long scale = NS_PER_S / 10;

        *nanoseconds = 0;
        if (*text != '.')
                return text;
        for (text++; *text >= '0' && *text <= '9'; text++, scale /= 10)
                *nanoseconds += (*text - '0') * scale;
        return text;
}

static bool offset_parse(const char *text, long *seconds)
{
        int hours, minutes, used = 0;

        *seconds = 0;
        if ((*text == 'Z' || *text == 'z') && !text[1])
                return true;
        if ((*text != '+' && *text != '-') || sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 ||
            text[1 + used])
                return false;
        *seconds = (*text == '-' ? -1 : 1) * (hours * 3600L + minutes * 60L);
        return true;
}

bool rfc3339_parse(const char *text, int64_t *realtime_ns)
{
        struct tm tm = {0};
        long fraction, offset;
        const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
        int64_t seconds;

        if (!rest)
                return false;
        rest = fraction_parse(rest, &fraction);
        if (!offset_parse(rest, &offset))
                return false;
        /* Go's zero time means "never"; nanoseconds of 64 bits reach from 1678 to 2262. */
        if (tm.tm_year + 1900 == 1) {
                *realtime_ns = 0;
                return true;
        }
        if (tm.tm_year + 1900 < 1678 || tm.tm_year + 1900 > 2261)
                return false;
        seconds = timegm(&tm) - offset;
        *realtime_ns = seconds * NS_PER_S + fraction;
        return true;
}

char *unique_id(char out[UNIQUE_ID_SIZE])
{
        static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's base 32 */
        uint64_t milliseconds = (uint64_t)(clock_realtime_ns() / 1000000);
        uint8_t random[16];

        for (int i = 9; i >= 0; i--, milliseconds >>= 5)
                out[i] = alphabet[milliseconds & 31];
        /* Never fails for up to 256 bytes once the kernel's generator is seeded (getrandom(2)). */
        while (getrandom(random, sizeof(random), 0) != sizeof(random))
                ;
        for (int i = 0; i < 16; i++)
                out[10 + i] = alphabet[random[i] & 31];
        out[UNIQUE_ID_SIZE - 1] = '\0';
        return out;
}
