/* SPDX-License-Identifier: Apache-2.0 */
/* JSON on standard output, made so that untrusted text can neither break it nor crash the writer. */
#ifndef SNAP_CLI_ANSWER_H
#define SNAP_CLI_ANSWER_H

#include "base/error.h"
#include "base/json.h"

/* Running out of memory while building ends the program. */
yyjson_mut_doc *answer_new(void);

/* Member `key` as text, invalid UTF-8 replaced; `key` is copied too. */
void answer_add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text);
/* The same, left out when empty. */
void answer_add_text_if(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text);
/* Left out when zero. */
void answer_add_uint_if(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, uint64_t value);
/* A text value on its own, for arrays. */
yyjson_mut_val *answer_text(yyjson_mut_doc *doc, const char *text);

/* Prints the document. */
int answer_print(yyjson_mut_doc *doc, struct error *err);
/* Looks at one FILE and prints what it found, or appends it to the array that is the root of `doc`. 0, an
 * exit status, or a negative errno, which ends it all. */
typedef int (*answer_look)(const char *path, bool quiet, yyjson_mut_doc *doc, struct error *err);
/* Looks at all of `paths`; prints one array when `json`. Returns the first status that is not 0. */
int answer_each(bool json, bool quiet, char **paths, int count, answer_look look, struct error *err);
/* {"error":{"code","text","hint","log":[…]}} */
void answer_print_error(const struct error *error);

#endif
