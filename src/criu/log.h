/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of untrusted text made fit to show and to match: stripped of time, cut, printable; cause.h has the
 * rest. */
#ifndef SNAP_CRIU_LOG_H
#define SNAP_CRIU_LOG_H

#include "criu/cause.h"

/* Cuts the next line, without its end, off the front of `rest`; false when nothing is left. */
bool criu_line_take(struct slice *rest, struct slice *line);

/* Appends the last `most` lines of a container runtime's standard error. */
int criu_runtime_excerpt(struct slice text, unsigned most, struct buffer *out);

#endif
