/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent tells: one JSON object a line, with "time", "level" and "event" first. Thread-safe. */
#ifndef SNAP_SIDECAR_LOG_H
#define SNAP_SIDECAR_LOG_H

#include "base/error.h"

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* On standard error. Pairs of a name and a text follow, ended by NULL; a pair whose text is NULL is left out.
 */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));
/* With code, text and hint of an error. */
void log_error(const char *event, const struct error *error);

/*
 * Where lines go that say who did what: a file, opened for each line (so that it may be renamed at any time),
 * made 0600. NULL: to the log. Set once, before the first line.
 */
int log_set_audit(const char *path, struct error *err);
void log_audit(const char *event, ...) __attribute__((sentinel));

#endif
