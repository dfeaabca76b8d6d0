/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "program/suggest.h"

/* Longer words are not mistyped names of ours. */
#define WORD_LIMIT 32

static size_t smallest(size_t a, size_t b, size_t c)
{
        size_t least = a < b ? a : b;

        return least < c ? least : c;
}

/* Levenshtein distance in one row. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
        size_t row[WORD_LIMIT + 1];

        for (size_t j = 0; j <= m; j++)
                row[j] = j;
        for (size_t i = 1; i <= n; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        size_t above = row[j];

                        row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
                        diagonal = above;
                }
        }
        return row[m];
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
        size_t length = strlen(candidate), found;

        if (suggestion->length > WORD_LIMIT || length > WORD_LIMIT)
                return;
        found = distance(suggestion->word, suggestion->length, candidate, length);
        if (found > (length + 2) / 3 || (suggestion->best && found >= suggestion->distance))
                return;
        suggestion->best = candidate;
        suggestion->distance = found;
}
