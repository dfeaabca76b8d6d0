/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why CRIU failed. CRIU's log is long and the runtime quotes the wrong line of it; here its decisive lines
 * are picked and matched against the known causes, each with a stable code, what it means and what to do.
 */
#ifndef SNAP_CRIU_CAUSE_H
#define SNAP_CRIU_CAUSE_H

#include "base/bytes.h"
#include "base/error.h"

enum criu_action { CRIU_ACTION_DUMP, CRIU_ACTION_RESTORE };

/*
 * Fills `err` from a CRIU log (any size; only the end is scanned) and the runtime's standard error. The kind
 * is a known cause (codes "SNAP-2xx") or ERROR_CRIU_UNKNOWN; the log field holds the decisive lines.
 * `subject` names the container. Returns -EIO.
 */
int criu_cause_explain(struct error *err, enum criu_action action, const char *subject, struct slice log,
                       struct slice runtime_errors);

/* True when the runtime's words alone name a known cause: CRIU may fail before it writes a log, or be
 * missing. */
bool criu_cause_is_known(enum criu_action action, struct slice runtime_errors);

/* Appends the decisive lines ("Error (…" and the warnings before them that explain), oldest first, at most
 * `most` (1 or more); harmless ones (rlimit, "Address already assigned") are left out. */
int criu_log_excerpt(struct slice log, unsigned most, struct buffer *out);

extern const struct error_kind ERROR_CRIU_UNKNOWN;

/* All kinds of this layer, NULL-terminated: for docs/errors.md and its test. */
extern const struct error_kind *const criu_error_kinds[];

#endif
