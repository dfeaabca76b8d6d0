/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include "cli/memory.h"
#include "cli/text.h"
#include "cli/tree.h"

struct node {
        unsigned depth;
        char *text;
};

struct tree {
        struct node *nodes;
        size_t count, capacity;
};

struct tree *tree_new(void)
{
        struct tree *tree = memory_grow(NULL, 1, sizeof(*tree));

        *tree = (struct tree){0};
        return tree;
}

void tree_free(struct tree *tree)
{
        for (size_t i = 0; i < tree->count; i++)
                free(tree->nodes[i].text);
        free(tree->nodes);
        free(tree);
}

static unsigned clamp(const struct tree *tree, unsigned depth)
{
        unsigned most = tree->count ? tree->nodes[tree->count - 1].depth + 1 : 0;

        if (depth > most)
                depth = most;
        return depth < TREE_DEPTH_LIMIT ? depth : TREE_DEPTH_LIMIT;
}

void tree_add(struct tree *tree, unsigned depth, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        struct buffer safe = {0};
        va_list arguments;

        va_start(arguments, format);
        memory_check(vasprintf(&text, format, arguments) < 0 ? -ENOMEM : 0);
        va_end(arguments);
        text_append_safe(&safe, SLICE_TEXT(text));
        if (tree->count == tree->capacity) {
                tree->capacity = tree->capacity ? tree->capacity * 2 : 64;
                tree->nodes = memory_grow(tree->nodes, tree->capacity, sizeof(*tree->nodes));
        }
        tree->nodes[tree->count] = (struct node){.depth = clamp(tree, depth),
                                                 .text = safe.data ? (char *)safe.data : memory_copy("")};
        tree->count++;
}

/* Which nodes have a sibling below them: seen from the end, a node of the same depth came before any
 * shallower. */
static bool *find_siblings(const struct tree *tree)
{
        bool *has_sibling = memory_grow(NULL, tree->count, sizeof(*has_sibling));
        bool open[TREE_DEPTH_LIMIT + 2] = {false};

        for (size_t i = tree->count; i-- > 0;) {
                unsigned depth = tree->nodes[i].depth;

                has_sibling[i] = open[depth];
                open[depth] = true;
                /* Children of an earlier node are not siblings of ours. */
                open[depth + 1] = false;
        }
        return has_sibling;
}

void tree_print(const struct tree *tree, FILE *out)
{
        _cleanup_free_ bool *has_sibling = find_siblings(tree);
        bool line[TREE_DEPTH_LIMIT + 1] = {false}; /* does a line run down at this depth? */

        for (size_t i = 0; i < tree->count; i++) {
                const struct node *node = &tree->nodes[i];

                for (unsigned depth = 1; depth < node->depth; depth++)
                        fputs(line[depth] ? "│   " : "    ", out);
                if (node->depth)
                        fputs(has_sibling[i] ? "├── " : "└── ", out);
                line[node->depth] = has_sibling[i];
                fprintf(out, "%s\n", node->text);
        }
}
