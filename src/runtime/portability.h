/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a checkpoint needs of whatever machine restores it. Unlike preflight_restore, which compares it with
 * this machine, it says the same everywhere.
 */
#ifndef SNAP_RUNTIME_PORTABILITY_H
#define SNAP_RUNTIME_PORTABILITY_H

#include "archive/verify.h"
#include "criu/dump.h"
#include "runtime/preflight.h"
#include "runtime/survey.h"

/* What portability_check needs of a dump. */
#define PORTABILITY_LOAD CRIU_LOAD_ALL

/*
 * CHECK_FAILED is what breaks a restore elsewhere unless something is done, CHECK_WARNING what does so on
 * some machines. The checks stand in an order of their own; names are stable. `files` is what was found of
 * open files in rootfs-diff.tar (verify_tars_finish()).
 */
int portability_check(struct archive *archive, const struct metadata *metadata, const struct criu_dump *dump,
                      const struct verify_report *files, struct check_list *out, struct error *err);

/* Open TCP connections: "10.88.0.5:80 to 10.88.0.9:4711". 0 or -ENOMEM. */
int portability_find_connections(const struct criu_dump *dump, struct finding *out);

#endif
