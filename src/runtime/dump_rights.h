/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CRIU's images themselves would give to processes. CRIU restores capabilities and namespaces as they
 * stand in the images, whatever the configuration says, so an archive made by hand could ask there.
 */
#ifndef SNAP_RUNTIME_DUMP_RIGHTS_H
#define SNAP_RUNTIME_DUMP_RIGHTS_H

#include <yyjson.h>
#include "criu/source.h"
#include "runtime/survey.h"

/* Adds each right of a process that neither an ordinary container nor `spec` (the runtime specification; may
 * be NULL) has. */
int dump_find_demands(const struct criu_source *source, yyjson_val *spec, struct finding *out,
                      struct error *err);

#endif
