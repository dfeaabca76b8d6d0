/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include "program/memory.h"
#include "cli/outline.h"
#include "cli/text.h"

struct node {
        unsigned depth;
        size_t text; /* where it begins in `texts` */
};

struct outline {
        struct node *nodes;
        size_t count, capacity;
        struct buffer texts; /* of all nodes, each with its NUL: a dump may have very many */
};

struct outline *outline_new(void)
{
        struct outline *outline = memory_grow(NULL, 1, sizeof(*outline));

        *outline = (struct outline){0};
        return outline;
}

void outline_free(struct outline *outline)
{
        buffer_free(&outline->texts);
        free(outline->nodes);
        free(outline);
}

static unsigned clamp(const struct outline *outline, unsigned depth)
{
        unsigned most = outline->count ? outline->nodes[outline->count - 1].depth + 1 : 0;

        if (depth > most)
                depth = most;
        return depth < OUTLINE_DEPTH_LIMIT ? depth : OUTLINE_DEPTH_LIMIT;
}

void outline_add(struct outline *outline, unsigned depth, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        size_t begin = outline->texts.size;
        va_list arguments;

        va_start(arguments, format);
        memory_check(vasprintf(&text, format, arguments) < 0 ? -ENOMEM : 0);
        va_end(arguments);
        text_append_safe(&outline->texts, SLICE_TEXT(text));
        memory_check(buffer_append(&outline->texts, "", 1));
        if (outline->count == outline->capacity) {
                outline->capacity = outline->capacity ? outline->capacity * 2 : 64;
                outline->nodes = memory_grow(outline->nodes, outline->capacity, sizeof(*outline->nodes));
        }
        outline->nodes[outline->count] = (struct node){.depth = clamp(outline, depth), .text = begin};
        outline->count++;
}

/* Which nodes have a sibling below them: seen from the end, a node of the same depth came before any
 * shallower. */
static bool *find_siblings(const struct outline *outline)
{
        bool *has_sibling = memory_grow(NULL, outline->count, sizeof(*has_sibling));
        bool open[OUTLINE_DEPTH_LIMIT + 2] = {false};

        for (size_t i = outline->count; i-- > 0;) {
                unsigned depth = outline->nodes[i].depth;

                has_sibling[i] = open[depth];
                open[depth] = true;
                /* Children of an earlier node are not siblings of ours. */
                open[depth + 1] = false;
        }
        return has_sibling;
}

void outline_print(const struct outline *outline, FILE *out)
{
        _cleanup_free_ bool *has_sibling = find_siblings(outline);
        bool line[OUTLINE_DEPTH_LIMIT + 1] = {false}; /* does a line run down at this depth? */

        for (size_t i = 0; i < outline->count; i++) {
                const struct node *node = &outline->nodes[i];

                for (unsigned depth = 1; depth < node->depth; depth++)
                        fputs(line[depth] ? "│   " : "    ", out);
                if (node->depth)
                        fputs(has_sibling[i] ? "├── " : "└── ", out);
                line[node->depth] = has_sibling[i];
                fprintf(out, "%s\n", (const char *)outline->texts.data + node->text);
        }
}
