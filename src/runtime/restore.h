/* SPDX-License-Identifier: Apache-2.0 */
/* From a checkpoint (oci/location.h) to a running container: verify, preflight, the driver's restore, proof
 * that it runs. */
#ifndef SNAP_RUNTIME_RESTORE_H
#define SNAP_RUNTIME_RESTORE_H

#include "runtime/preflight.h"

/* `driver` NULL: the one that fits the archive's engine. "Restored" is returned only after the process tree
 * of the dump has been seen running; otherwise ERROR_RESTORE_NOT_SEEN. */
int restore_archive(const char *text, const struct runtime_driver *driver,
                    const struct restore_options *options, const struct progress *progress,
                    struct restore_result *out, struct error *err);

/* The same for an archive that has passed archive_verify_file() and is still open, at its beginning; `path`
 * names it. It is not verified again. */
int restore_verified(int file, const char *path, const struct runtime_driver *driver,
                     const struct restore_options *options, struct restore_result *out, struct error *err);

/* Verifies and runs the checks of a restore, and restores nothing. The same choice of driver. */
int restore_check(const char *text, const struct runtime_driver *driver,
                  const struct restore_options *options, const struct progress *progress,
                  struct check_list *out, struct error *err);

#endif
