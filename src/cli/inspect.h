/* SPDX-License-Identifier: Apache-2.0 */
/* What `inspect` and `show` know about one archive: gathered once, presented as a tree or as JSON. */
#ifndef SNAP_CLI_INSPECT_H
#define SNAP_CLI_INSPECT_H

#include "archive/metadata.h"
#include "cli/outline.h"
#include "cli/process_order.h"
#include "cli/process_text.h"

enum inspect_part {
        INSPECT_STATISTICS = 1 << 0,
        INSPECT_MOUNTS = 1 << 1,
        INSPECT_PROCESSES = 1 << 2,
        INSPECT_COMMANDS = 1 << 3,
        INSPECT_ENVIRONMENT = 1 << 4,
        INSPECT_FILES = 1 << 5,
        INSPECT_SOCKETS = 1 << 6,
        INSPECT_METADATA = 1 << 7,
        INSPECT_CREDENTIALS = 1 << 8,
        INSPECT_TIMERS = 1 << 9,
        INSPECT_SIGNALS = 1 << 10,
        INSPECT_CGROUPS = 1 << 11,
        INSPECT_NETWORK = 1 << 12,
        INSPECT_ALL = (1 << 13) - 1,
        /* What only CRIU's images say of the kernel's state. */
        INSPECT_OF_TASKS = INSPECT_CREDENTIALS | INSPECT_TIMERS | INSPECT_SIGNALS,
        INSPECT_KERNEL = INSPECT_OF_TASKS | INSPECT_CGROUPS | INSPECT_NETWORK
};

struct inspection {
        const char *path; /* as it was typed; borrowed */
        unsigned parts;
        struct archive *archive;
        struct metadata *metadata;
        struct criu_dump *dump;       /* NULL when no part needs it */
        yyjson_doc *networks;         /* network.status; NULL when there is none */
        struct process_place *places; /* with INSPECT_PROCESSES: in the order of the tree */
        size_t place_count;
        struct process_texts *texts; /* with INSPECT_COMMANDS or INSPECT_ENVIRONMENT; as `places` */
};

/* `pid` 0: all processes. Reads only what `parts` need. */
int inspection_load(const char *path, unsigned parts, pid_t pid, struct inspection **out, struct error *err);
void inspection_free(struct inspection *inspection);
CLEANUP_DEFINE(struct inspection *, inspection_free);
#define _cleanup_inspection_ _cleanup_(inspection_freep)

/* checkpointctl's tree. */
void inspection_to_tree(const struct inspection *inspection, struct outline *outline);
/* checkpointctl's object. */
yyjson_mut_val *inspection_to_json(const struct inspection *inspection, yyjson_mut_doc *doc);

/* The parts of INSPECT_KERNEL (inspect_kernel.c): below a process, below the container, as a member "kernel".
 */
void inspection_task_to_tree(const struct inspection *inspection, const struct criu_process *process,
                             struct outline *outline, unsigned depth);
void inspection_kernel_to_tree(const struct inspection *inspection, struct outline *outline);
void inspection_kernel_to_json(const struct inspection *inspection, yyjson_mut_doc *doc,
                               yyjson_mut_val *object);

#define TIME_TEXT_SIZE 64
/* An RFC 3339 time without its fraction, as checkpointctl shows times; other text as it is. Returns `out`. */
char *time_without_fraction(const char *time, char out[TIME_TEXT_SIZE]);
/* When the container was made: CRI-O's text stands as it is. */
char *inspection_created(const struct metadata *metadata, char out[TIME_TEXT_SIZE]);

/* Only these have files, sockets and memory. */
bool process_is_alive(const struct criu_process *process);
/* As checkpointctl names it: "REG 0", "cwd", "root"; to be freed. */
char *descriptor_name(const struct criu_descriptor *descriptor);
/* "/tmp/log", "pipe[7]", or its kind and number where it has no path; to be freed. */
char *descriptor_path(const struct criu_descriptor *descriptor);
/* Of the current directory and the root checkpointctl says "". */
const char *descriptor_type(const struct criu_descriptor *descriptor);

/* One interface of a Podman network; addresses of several subnets joined by ", ". */
struct network_interface {
        const char *network, *name; /* borrowed */
        const char *mac;            /* "" when unknown; borrowed */
        char *ip, *gateway;         /* "" when unknown */
};
/* Sorted by network and name; returns their number. */
size_t inspection_interfaces(const struct inspection *inspection, struct network_interface **out);
void network_interfaces_free(struct network_interface *interfaces, size_t count);

/* The annotations of the container, sorted by key; borrowed values of the specification. Returns their
 * number. */
struct annotation {
        const char *key, *value;
};
size_t inspection_annotations(const struct inspection *inspection, struct annotation **out);

#endif
