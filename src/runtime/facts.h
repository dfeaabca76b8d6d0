/* SPDX-License-Identifier: Apache-2.0 */
/* What snap.json says about a capture (docs/archive.md). */
#ifndef SNAP_RUNTIME_FACTS_H
#define SNAP_RUNTIME_FACTS_H

#include "runtime/host.h"
#include "runtime/runtime.h"

struct capture_facts {
        const char *id;
        const struct runtime_driver *driver;
        const struct container *container;
        const struct checkpoint_options *options;
        const struct host_facts *host;
        const struct phase_times *times;
        const char *runtime_name;    /* "crun" */
        const char *runtime_version; /* "1.28"; "" when unknown */
        const char *rootfs_form;     /* "diff", "full" */
        unsigned processes;
};

/* The JSON text of all but "members". */
int facts_write(const struct capture_facts *facts, struct buffer *out, struct error *err);
/* Version of an OCI runtime program, from its --version, to be freed; "" when it does not say. */
int facts_runtime_version(const char *program, char **out, struct error *err);

#endif
