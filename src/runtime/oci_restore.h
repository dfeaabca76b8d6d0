/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restore of a bare bundle by crun or runc. With options->bundle the person's own configuration and root are
 * used; without, a bundle is made of the archive under OCI_BUNDLES/NAME. The two drivers in oci.c plug these
 * in.
 */
#ifndef SNAP_RUNTIME_OCI_RESTORE_H
#define SNAP_RUNTIME_OCI_RESTORE_H

#include "runtime/preflight.h"

#define OCI_BUNDLES "/var/lib/snap/bundles"

int oci_preflight_restore(const char *runtime, const struct archive *archive, const struct metadata *metadata,
                          const struct restore_options *options, struct check_list *out, struct error *err);
int oci_restore(const char *runtime, const struct stage *stage, const struct metadata *metadata,
                const struct restore_options *options, struct restore_result *out, struct error *err);

#endif
