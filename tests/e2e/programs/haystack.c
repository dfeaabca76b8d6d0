/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds MEMORY_MIB (default 64) MiB, every other one random and text, with one needle near the end: what
 * scripts/bench.d/memory searches. Says in /tmp/ready when it is done.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static uint64_t random_next(uint64_t *x)
{
        *x ^= *x << 13; /* xorshift64 (Marsaglia 2003) */
        *x ^= *x >> 7;
        *x ^= *x << 17;
        return *x;
}

static void fill_random(char *to, uint64_t *x)
{
        for (size_t i = 0; i < MIB; i += sizeof(*x)) {
                random_next(x);
                memcpy(to + i, x, sizeof(*x));
        }
}

/* Lines such as programs keep: names, numbers, addresses of pages. */
static void fill_text(char *to, uint64_t *x)
{
        for (size_t i = 0; i + 128 < MIB;)
                i += (size_t)sprintf(
                        to + i, "user:%llu name=\"session %llu\" https://example.org/item/%llu\n",
                        (unsigned long long)random_next(x) % 100000, (unsigned long long)random_next(x) % 100,
                        (unsigned long long)random_next(x) % 1000);
}

int main(void)
{
        const char *text = getenv("MEMORY_MIB");
        size_t count = (size_t)(text ? atoi(text) : 64);
        uint64_t x = 88172645463325252ULL;
        char *memory = calloc(count, MIB);
        FILE *file;

        if (!memory || !count)
                return 1;
        for (size_t i = 0; i < count; i++)
                (i % 2 ? fill_text : fill_random)(memory + i * MIB, &x);
        /* In two parts, so that the program itself does not hold it. */
        sprintf(memory + count * MIB - MIB / 2, "needle-%s", "in-a-haystack");
        file = fopen("/tmp/ready", "w");
        if (!file)
                return 1;
        fclose(file);
        for (;;)
                pause();
}
