/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/style.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ECMA-48: bold, green, yellow, red. */
static const char *const sequences[] = {
        [STYLE_PLAIN] = "",           [STYLE_HEADING] = "\033[1m", [STYLE_GOOD] = "\033[32m",
        [STYLE_WARNING] = "\033[33m", [STYLE_BAD] = "\033[31m",
};

static bool has_colour(FILE *out)
{
        const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

        if ((no_color && *no_color) || !terminal || !*terminal || strcmp(terminal, "dumb") == 0)
                return false;
        return isatty(fileno(out));
}

const char *style_begin(enum style style, FILE *out)
{
        return style != STYLE_PLAIN && has_colour(out) ? sequences[style] : "";
}

const char *style_end(enum style style, FILE *out)
{
        return style != STYLE_PLAIN && has_colour(out) ? "\033[0m" : "";
}
