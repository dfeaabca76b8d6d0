/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent of a node (docs/node.md), where --node names one: verbs then work there, and print what they
 * would print here. Checkpoints are named by their id, or by the path of their archive on the node.
 */
#ifndef SNAP_CLI_NODE_H
#define SNAP_CLI_NODE_H

#include "archive/archive.h"
#include "base/json.h"
#include "base/progress.h"
#include "program/option.h"

/* The options of every verb that can work on a node. */
extern const struct option_table node_options_table;
/* After parsing: takes what the command line leaves open from the environment, and has location_open() look
 * on the node. `verb_reaches`: this verb can; otherwise naming a node is ERROR_USAGE. */
int node_begin(bool verb_reaches, const char *verb, struct error *err);
/* Is it a node that is worked on? */
bool node_is_used(void);
/* Closes connections. */
void node_end(void);

/*
 * Asks `method` of `path`, with `body`, which is borrowed and may be NULL. `out` is the answer's JSON, NULL
 * when there is none; may be NULL. What the node refuses is an error with the code, text and hint that it
 * gave; -ENOENT when it has no such thing.
 */
int node_ask(const char *method, const char *path, yyjson_mut_doc *body, yyjson_doc **out, struct error *err);
/* Begins an operation by a POST, shows its progress until it ends, and cancels it when the user has had
 * enough. `result` is what came of it, to be freed in any case; an operation that failed is its error. */
int node_operate(const char *path, yyjson_mut_doc *body, const struct progress *progress, yyjson_doc **result,
                 struct error *err);

/* The record of a checkpoint ("Checkpoint" in docs/node.md), by id or path. ERROR_NOT_FOUND. */
int node_checkpoint(const char *name, yyjson_doc **out, struct error *err);
/* Calls `take` with each record, in the order of time, until it returns anything but 0. */
int node_each_checkpoint(int (*take)(void *context, yyjson_val *checkpoint, struct error *err), void *context,
                         struct error *err);
/* Appends "/checkpoints/ID" of the checkpoint that is named so, and what follows it. */
int node_checkpoint_path(const char *name, const char *rest, struct buffer *out, struct error *err);

/* An option that only this machine understands. */
struct local_option {
        const char *name;
        bool is_given;
};
/* ERROR_USAGE for the first that is given. */
int node_refuse_options(const struct local_option *options, size_t count, struct error *err);

extern const struct error_kind ERROR_NODE; /* what the node answers is no use */
extern const struct error_kind *const cli_error_kinds[];

#endif
