/* SPDX-License-Identifier: Apache-2.0 */
/* Replication between registries: what matches a pattern and is missing, or has changed, is copied. */
#ifndef SNAP_OCI_SYNC_H
#define SNAP_OCI_SYNC_H

#include "oci/copy.h"

enum sync_state { SYNC_PRESENT, SYNC_COPIED, SYNC_FAILED };

/* Called once for each image. `copy` is what was done, of SYNC_COPIED; `why` the reason, of SYNC_FAILED. */
typedef int (*sync_sink)(void *context, const char *from, const char *to, enum sync_state state,
                         const struct copy_result *copy, const struct error *why, struct error *err);

/*
 * `from` is "docker://HOST/REPOSITORY[:TAG]", where REPOSITORY and TAG may be patterns (fnmatch(3); '*' goes
 * beyond '/'), and TAG is "*" when there is none; a registry must list its repositories for the first. `to`
 * is "docker://HOST[/PREFIX]": repositories keep their names, behind the prefix. An image that fails does not
 * stop the others: `failed` counts them.
 */
int sync_registries(const char *from, const char *to, const struct copy_options *options,
                    const struct progress *progress, sync_sink sink, void *context, unsigned *failed,
                    struct error *err);

#endif
