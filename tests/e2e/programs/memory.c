/* SPDX-License-Identifier: Apache-2.0 */
/* Holds MEMORY_MIB (default 1024) MiB of random bytes, then counts in /tmp/count every 10 ms. With
 * MEMORY_MIX, of every four MiB two are text, one is zero and one is random, as a service's memory might be.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
        const char *text = getenv("MEMORY_MIB"), *mixed = getenv("MEMORY_MIX");
        char word[16];
        size_t words = (size_t)(text ? atoi(text) : 1024) << 17;
        uint64_t *memory = malloc(words * sizeof(*memory)), x = 88172645463325252ULL;

        if (!memory)
                return 1;
        /* xorshift64 (Marsaglia 2003): fast, and no compressor finds anything in it. */
        for (size_t i = 0; i < words; i++) {
                size_t quarter = mixed ? (i >> 17) % 4 : 3;

                if (quarter == 2) {
                        memory[i] = 0;
                        continue;
                }
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                memory[i] = x;
                /* Words of eight letters, out of a few hundred. */
                if (quarter < 2)
                        snprintf(word, sizeof(word), "key=%03u;", (unsigned)(x % 300)),
                                memcpy(&memory[i], word, 8);
        }
        for (unsigned long i = 0;; i++) {
                FILE *file = fopen("/tmp/count.new", "w");

                if (file) {
                        fprintf(file, "%lu %lx\n", i, (unsigned long)memory[i * 4099 % words]);
                        fclose(file);
                        rename("/tmp/count.new", "/tmp/count");
                }
                usleep(10000);
        }
}
