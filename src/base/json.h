/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259) by yyjson: reading with limits, look-ups that never crash on a wrong type, writing. */
#ifndef SNAP_BASE_JSON_H
#define SNAP_BASE_JSON_H

#include <yyjson.h>
#include "base/bytes.h"
#include "base/error.h"

/* Largest JSON text that is accepted from outside; metadata of real archives is below 100 KiB. */
#define JSON_LIMIT (16 * MIB)

/* What all documents that are open at one time may take: values take up to eight times as much as their text.
 */
#define JSON_MEMORY_LIMIT (36 * MIB)

/* Parses `text`; `what` names it in errors. Refuses over JSON_LIMIT, nesting deeper than 64, and what needs
 * more memory than is left of JSON_MEMORY_LIMIT. */
int json_parse(struct slice text, const char *what, yyjson_doc **out, struct error *err);
CLEANUP_DEFINE(yyjson_doc *, yyjson_doc_free);
CLEANUP_DEFINE(yyjson_mut_doc *, yyjson_mut_doc_free);
#define _cleanup_json_     _cleanup_(yyjson_doc_freep)
#define _cleanup_json_mut_ _cleanup_(yyjson_mut_doc_freep)

/* Member `key` of `object` as text, borrowed; NULL when absent, of another type, or with an inner NUL. */
const char *json_text(yyjson_val *object, const char *key);
/* The same, `fallback` when absent. */
const char *json_text_or(yyjson_val *object, const char *key, const char *fallback);
/* Unsigned or non-negative integer; `fallback` otherwise. */
uint64_t json_uint_or(yyjson_val *object, const char *key, uint64_t fallback);
bool json_bool_or(yyjson_val *object, const char *key, bool fallback);

/* Appends the document, indented by two blanks and ended by a newline when `pretty`. */
int json_write(yyjson_mut_doc *doc, bool pretty, struct buffer *out, struct error *err);

#endif
