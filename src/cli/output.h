/* SPDX-License-Identifier: Apache-2.0 */
/* JSON on standard output, made so that untrusted text can neither break it nor crash the writer. */
#ifndef SNAP_CLI_OUTPUT_H
#define SNAP_CLI_OUTPUT_H

#include "base/error.h"
#include "base/json.h"

/* Running out of memory while building ends the program. */
yyjson_mut_doc *output_new(void);

/* Member `key` as text, invalid UTF-8 replaced; `key` is copied too. */
void output_add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text);
/* The same, left out when empty. */
void output_add_text_if(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text);
/* Left out when zero. */
void output_add_uint_if(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, uint64_t value);
/* A text value on its own, for arrays. */
yyjson_mut_val *output_text(yyjson_mut_doc *doc, const char *text);

/* Prints the document. */
int output_print(yyjson_mut_doc *doc, struct error *err);
/* {"error":{"code","text","hint","log":[…]}} */
void output_print_error(const struct error *error);

#endif
