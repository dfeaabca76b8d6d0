/* SPDX-License-Identifier: Apache-2.0 */
/* A tree drawn with lines. Nodes are added in the order in which they are printed, each with its depth. */
#ifndef SNAP_CLI_OUTLINE_H
#define SNAP_CLI_OUTLINE_H

#include "base/bytes.h"

/* Deeper nodes are drawn at this depth: a hostile process tree must not fill the screen with indentation. */
#define OUTLINE_DEPTH_LIMIT 200

struct outline;

struct outline *outline_new(void);
void outline_free(struct outline *outline);
CLEANUP_DEFINE(struct outline *, outline_free);
#define _cleanup_outline_ _cleanup_(outline_freep)

/* `depth` 0 is the root; at most one deeper than the node before. The text is untrusted and made safe. */
void outline_add(struct outline *outline, unsigned depth, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void outline_print(const struct outline *outline, FILE *out);

#endif
