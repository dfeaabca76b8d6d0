/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/secret.h"

#include "archive/secret_table.h"

#define PAIRS     65536
#define MARKS_MAX 128

/*
 * Of a mark of three bytes or more, one of its first two pairs of bytes stands at an even place, wherever it
 * begins. So only every other pair is looked up, in a table of bits that stays in the processor's first
 * cache.
 */
struct candidate {
        uint8_t pattern;
        uint8_t offset; /* of the pair in the mark: 0 or 1 */
        uint8_t next;   /* with the same pair; 0: no more */
};

struct secret_finder {
        uint64_t bits[PAIRS / 64];
        uint8_t first[PAIRS]; /* into `candidates`; 0: none */
        struct candidate candidates[2 * MARKS_MAX + 1];
        uint8_t mark_sizes[MARKS_MAX];
        unsigned count;
};
_Static_assert(2 * MARKS_MAX <= UINT8_MAX + 1, "candidates are numbered in bytes");

static unsigned pair_at(const uint8_t *data)
{
        uint16_t pair;

        memcpy(&pair, data, sizeof(pair));
        return pair;
}

static void add_pair(struct secret_finder *finder, size_t pattern, unsigned offset)
{
        unsigned pair = pair_at((const uint8_t *)secret_patterns[pattern].mark + offset);
        struct candidate *candidate = &finder->candidates[++finder->count];

        *candidate = (struct candidate){(uint8_t)pattern, (uint8_t)offset, finder->first[pair]};
        finder->first[pair] = (uint8_t)finder->count;
        finder->bits[pair / 64] |= UINT64_C(1) << pair % 64;
}

int secret_finder_new(struct secret_finder **out, struct error *err)
{
        struct secret_finder *finder = calloc(1, sizeof(*finder));

        if (!finder)
                return error_oom(err);
        for (size_t i = 0; i < secret_pattern_count && i < MARKS_MAX - 1; i++) {
                finder->mark_sizes[i] = (uint8_t)strlen(secret_patterns[i].mark);
                add_pair(finder, i, 0);
                add_pair(finder, i, 1);
        }
        *out = finder;
        return 0;
}

void secret_finder_free(struct secret_finder *finder)
{
        free(finder);
}

struct looking {
        const struct secret_finder *finder;
        struct slice text;
        size_t from, to;
        int (*found)(void *argument, const struct secret *secret);
        void *argument;
};

/* Looks closer at the pair at `at`. */
static int look_closer(const struct looking *looking, size_t at)
{
        const struct secret_finder *finder = looking->finder;
        int ret = 0;

        for (unsigned i = finder->first[pair_at(looking->text.data + at)]; ret == 0 && i;
             i = finder->candidates[i].next) {
                const struct candidate *candidate = &finder->candidates[i];
                const struct secret_pattern *pattern = &secret_patterns[candidate->pattern];
                size_t size = finder->mark_sizes[candidate->pattern], mark = at - candidate->offset;
                struct secret secret = {.kind = pattern->kind, .rank = candidate->pattern};

                if (at < candidate->offset + looking->from || mark >= looking->to ||
                    looking->text.size - mark < size ||
                    memcmp(looking->text.data + mark, pattern->mark, size) != 0)
                        continue;
                if (pattern->match(pattern, looking->text, mark, &secret))
                        ret = looking->found(looking->argument, &secret);
        }
        return ret;
}

int secret_find(const struct secret_finder *finder, struct slice text, size_t from, size_t to,
                int (*found)(void *argument, const struct secret *secret), void *argument)
{
        const struct looking looking = {finder, text, from, to, found, argument};
        size_t end = to < text.size - (text.size > 0) ? to + 1 : text.size - (text.size > 0);

        for (size_t i = from; i < end; i += 2) {
                unsigned pair = pair_at(text.data + i);

                if (finder->bits[pair / 64] >> pair % 64 & 1) {
                        int ret = look_closer(&looking, i);

                        if (ret != 0)
                                return ret;
                }
        }
        return 0;
}
