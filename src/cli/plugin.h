/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs named checkpointctl-NAME in PATH, which become verbs, as with the Go checkpointctl. We run as
 * root, so what others could have put there is refused: see plugin_refusal.
 */
#ifndef SNAP_CLI_PLUGIN_H
#define SNAP_CLI_PLUGIN_H

#include "base/bytes.h"
#include "base/error.h"

struct plugin {
        char *name;        /* of the verb */
        char *path;        /* absolute */
        char *refusal;     /* why it is not run; NULL: it is */
        char *description; /* its own words, "" when it has none */
};

struct plugin_list {
        struct plugin *items; /* in the order of PATH, in a directory by name; of each name the first */
        size_t count;
};

/* Finds all, and asks those that are not refused for a description: "--plugin-description", to be answered
 * within half a second with one line and exit status 42. */
void plugin_list_load(struct plugin_list *out);
void plugin_list_free(struct plugin_list *list);
#define _cleanup_plugin_list_ _cleanup_(plugin_list_free)

/* Becomes the plug-in `name`, with the arguments `argv` (NULL-terminated, argv[0] is replaced by its path).
 * Returns only when it cannot: -ENOENT (nothing is set) when there is none, else an error. */
int plugin_run(const char *name, char **argv, struct error *err);

/* Why a program must not be run: it or its directory belongs to a stranger or can be written to by everybody.
 * To be freed; NULL when there is nothing to be said against it. */
char *plugin_refusal(const char *path);

#endif
