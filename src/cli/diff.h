/* SPDX-License-Identifier: Apache-2.0 */
/* What changed from one checkpoint of a container to another: compared once, presented as text or as JSON. */
#ifndef SNAP_CLI_DIFF_H
#define SNAP_CLI_DIFF_H

#include "cli/inspect.h"

enum diff_subject { DIFF_PROCESSES, DIFF_FILES, DIFF_SOCKETS, DIFF_SUBJECTS };
enum diff_change { DIFF_ADDED, DIFF_REMOVED, DIFF_MODIFIED, DIFF_UNCHANGED, DIFF_CHANGES };

/* A process, or a descriptor or socket of it. */
struct diff_entry {
        enum diff_change change;
        const struct inspection *of; /* where it is seen: A when removed, else B */
        size_t place;                /* of the process in it */
        size_t item;                 /* of the descriptor or socket in that */
        char *key;                   /* what makes two of them the same */
};

struct diff_list {
        struct diff_entry *entries; /* those of B in their order, then what was removed, in A's */
        size_t count, capacity;
        size_t counts[DIFF_CHANGES];
};

struct diff {
        const struct inspection *a, *b; /* borrowed */
        struct diff_list lists[DIFF_SUBJECTS];
        int64_t memory; /* bytes of pages that B has more */
};

/* Compares what both were loaded with. A process is the same by its PID, and modified when its name, command
 * line or environment differ; a descriptor by PID, number and path; a socket by PID, kind and addresses. */
void diff_compare(const struct inspection *a, const struct inspection *b, struct diff *out);
void diff_release(struct diff *diff);
#define _cleanup_diff_ _cleanup_(diff_release)

/* "Processes: +1 -0 ~2" and so on, lines that have changes only; to be freed. */
char *diff_summary(const struct diff *diff);

/* checkpointctl's text and object. `show_unchanged`: also what did not change. */
void diff_print(const struct diff *diff, bool show_unchanged, FILE *out);
yyjson_mut_val *diff_to_json(const struct diff *diff, yyjson_mut_doc *doc);

/* How checkpointctl names sockets: a Unix socket has its type as protocol, and a path instead of ports. */
struct diff_socket {
        const char *protocol, *type, *address, *state, *source, *destination;
        uint32_t source_port, destination_port;
};
struct diff_socket diff_socket_of(const struct diff_entry *entry);
const struct criu_process *diff_process_of(const struct diff_entry *entry);
/* NULL when the inspection has no texts. */
const struct process_text *diff_text_of(const struct diff_entry *entry);

#endif
