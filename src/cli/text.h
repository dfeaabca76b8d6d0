/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from archives and processes on its way to a terminal or into JSON. It may hold anything: escape
 * sequences that rewrite the screen, marks that reverse the reading order, bytes that are no UTF-8.
 */
#ifndef SNAP_CLI_TEXT_H
#define SNAP_CLI_TEXT_H

#include "base/bytes.h"

/* Bytes of the first character of `text` (RFC 3629, no surrogates, shortest form), its code point in `out`; 0
 * when it is not valid there. */
size_t utf8_decode(struct slice text, uint32_t *out);

/* Appends `text` so that a terminal shows it and does nothing else: controls and invalid bytes as \x1b,
 * invisible and direction-changing characters as \u{202e}. */
void text_append_safe(struct buffer *out, struct slice text);
/* Prints `text` in that form. */
void text_print_safe(const char *text, FILE *out);
/* The same in at most `width` columns (3 or more), "..." in place of what is too much; `padded`: and in no
 * less. */
void text_print_fitted(const char *text, size_t width, bool padded, FILE *out);
/* Appends `text` with U+FFFD in place of every invalid byte. */
void text_append_utf8(struct buffer *out, struct slice text);

/* Columns that valid UTF-8 takes on a terminal: combining marks none, East Asian wide characters two. */
size_t text_width(const char *text);

#endif
