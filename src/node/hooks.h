/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request has done before containers are frozen, after they go on, and after a restore: a command in a
 * container, or a request over HTTP (docs/node.md, "Hooks"). One after the other, as the request lists them.
 */
#ifndef SNAP_NODE_HOOKS_H
#define SNAP_NODE_HOOKS_H

#include "base/json.h"
#include "base/progress.h"
#include "runtime/runtime.h"

#define HOOKS_MOST          16
#define HOOK_ARGUMENTS_MOST 64
#define HOOK_OUTPUT_MOST    (4 * KIB) /* kept of what one says */

/* Texts are borrowed from the JSON. */
struct hook {
        const char *container;                        /* name in the pod; NULL: the first that is there */
        const char *command[HOOK_ARGUMENTS_MOST + 1]; /* NULL-terminated; empty: over HTTP */
        const char *url;                              /* NULL: `port` and `path` of the pod's own address */
        const char *path, *method, *body;             /* "/", "POST", "" where not given */
        unsigned port;
        unsigned timeout_s; /* 30 */
        bool may_fail;      /* onError: Continue */
};

struct hook_list {
        struct hook items[HOOKS_MOST];
        size_t count;
};

/* request.hooks.MEMBER ("preFreeze", "postFreeze", "postRestore"); empty when it is not there.
 * ERROR_BAD_INPUT says what is wrong. */
int hooks_parse(yyjson_val *request, const char *member, struct hook_list *out, struct error *err);

/* Their reports: an array "hooks" for an operation's result. */
struct hook_reports {
        yyjson_mut_doc *doc; /* NULL: none yet */
        yyjson_mut_val *list;
};
void hook_reports_free(struct hook_reports *reports);
#define _cleanup_hook_reports_ _cleanup_(hook_reports_free)
/* Adds "hooks" to the object when there are any. False when out of memory. */
bool hook_reports_add(const struct hook_reports *reports, yyjson_mut_doc *doc, yyjson_mut_val *object);

/*
 * Runs them, with `containers` as those that can be named. The first that fails, and must not, ends it:
 * ERROR_HOOK, with its words as the log. `always`: all are run, whatever fails; the error is that of the
 * first. What a hook says is kept in `reports`, but no URL's query and no arguments: they may be secret.
 */
int hooks_run(const struct hook_list *hooks, const char *when, struct container *const *containers,
              size_t count, bool always, const struct progress *progress, struct hook_reports *reports,
              struct error *err);

/* The two lists around a freeze. */
struct freeze_hooks {
        struct hook_list before, after;
        struct hook_reports reports;
        bool owed; /* `after` is still to be run, because `before` was */
};

/* request.hooks.preFreeze and .postFreeze. */
int freeze_hooks_parse(yyjson_val *request, struct freeze_hooks *out, struct error *err);
/* When it fails, what it did is undone by freeze_hooks_after(). */
int freeze_hooks_before(struct freeze_hooks *hooks, struct container *const *containers, size_t count,
                        const struct progress *progress, struct error *err);
/* All of them, once, if they are owed: the containers run. They undo what was done before, so that nothing
 * cancels them. */
int freeze_hooks_after(struct freeze_hooks *hooks, struct container *const *containers, size_t count,
                       struct error *err);
void freeze_hooks_free(struct freeze_hooks *hooks);

#endif
