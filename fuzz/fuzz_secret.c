/* SPDX-License-Identifier: Apache-2.0 */
/* Memory in which secrets are looked for. The first two bytes say which part of it is looked at. */
#include <stdlib.h>
#include <string.h>
#include "archive/secret.h"
#include "fuzz.h"

struct seen {
        size_t size; /* of the text */
        const uint8_t *text;
        unsigned sum;
};

/* Every byte of a secret must be there to be read. */
static int see(void *argument, const struct secret *secret)
{
        struct seen *seen = argument;

        if (!secret->kind || secret->size == 0 || secret->start > seen->size ||
            secret->size > seen->size - secret->start)
                abort();
        for (size_t i = 0; i < secret->size; i++)
                seen->sum += seen->text[secret->start + i];
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_secret_finder_ struct secret_finder *finder = NULL;
        size_t rest = size < 2 ? 0 : size - 2, from, to;
        uint8_t *text;

        if (rest == 0 || secret_finder_new(&finder, NULL) < 0)
                return 0;
        text = malloc(rest); /* so that reading beyond it is seen */
        if (!text)
                return 0;
        memcpy(text, data + 2, rest);
        from = rest * data[0] / 512;
        to = from + (rest - from) * data[1] / 255;
        secret_find(finder, (struct slice){text, rest}, from, to, see, &(struct seen){rest, text, 0});
        free(text);
        return 0;
}
