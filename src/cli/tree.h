/* SPDX-License-Identifier: Apache-2.0 */
/* A tree drawn with lines. Nodes are added in the order in which they are printed, each with its depth. */
#ifndef SNAP_CLI_TREE_H
#define SNAP_CLI_TREE_H

#include "base/bytes.h"

/* Deeper nodes are drawn at this depth: a hostile process tree must not fill the screen with indentation. */
#define TREE_DEPTH_LIMIT 200

struct tree;

struct tree *tree_new(void);
void tree_free(struct tree *tree);
CLEANUP_DEFINE(struct tree *, tree_free);
#define _cleanup_tree_ _cleanup_(tree_freep)

/* `depth` 0 is the root; at most one deeper than the node before. The text is untrusted and made safe. */
void tree_add(struct tree *tree, unsigned depth, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void tree_print(const struct tree *tree, FILE *out);

#endif
