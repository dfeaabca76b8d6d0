/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in and out: what the handlers of the agent share. */
#ifndef SNAP_SIDECAR_ANSWER_H
#define SNAP_SIDECAR_ANSWER_H

#include "base/json.h"
#include "net/server.h"

/* Takes `doc`, which may be NULL: out of memory. */
int respond_json(struct request *request, unsigned status, yyjson_mut_doc *doc, struct error *err);

/* --- bodies: `begin`, `body` and `free` of a handler whose `end` reads JSON --------------------------------
 */

#define BODY_MAX (64 * KIB) /* more is 413 */

int body_begin(struct request *request, struct error *err);
int body_part(struct request *request, struct slice bytes, struct error *err);
void body_free(void *state);
/* The object that was sent, {} when there was no body. -EINVAL (ERROR_BAD_INPUT) when it is something else.
 * A pure function. */
int body_parse(struct slice body, yyjson_doc **out, struct error *err);
/* Of this request. */
struct slice body_bytes(const struct request *request);

/* --- queries ----------------------------------------------------------------------------------------------
 */

/* A number from 1 to `most`; `fallback` when it is absent. ERROR_BAD_INPUT. */
int query_number(struct request *request, const char *name, unsigned fallback, unsigned most, unsigned *out,
                 struct error *err);
/* "true" or "false"; false when absent. */
int query_flag(struct request *request, const char *name, bool *out, struct error *err);

#endif
