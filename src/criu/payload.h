/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw bytes after records. Which they are and how many stands in the record, in a way of each kind's own
 * (criu/pipes.c, sk-queue.c, sk-tcp.c, bpfmap.c, ipc_ns.c, files-reg.c of CRIU 4.2).
 */
#ifndef SNAP_CRIU_PAYLOAD_H
#define SNAP_CRIU_PAYLOAD_H

#include "criu/image.h"

enum criu_payload_form {
        CRIU_PAYLOAD_NONE,    /* this kind has no such bytes */
        CRIU_PAYLOAD_BYTES,   /* bytes, both sizes together */
        CRIU_PAYLOAD_QUEUES,  /* of a connection: what was received, then what was to be sent */
        CRIU_PAYLOAD_NUMBERS, /* 16-bit numbers */
        CRIU_PAYLOAD_RECORDS, /* records with bytes of their own: criu_payload_of_inner() */
        CRIU_PAYLOAD_REST     /* all that is left of the file */
};

struct criu_payload {
        enum criu_payload_form form;
        uint64_t size, second_size; /* bytes; of CRIU_PAYLOAD_RECORDS their number; 0 of CRIU_PAYLOAD_REST */
        uint64_t padding;           /* bytes after them that mean nothing; the three have no overflow */
};

/* Of `record`, which is number `index` of a file of that kind; `name` is the file's, for errors. */
int criu_payload_of(const struct criu_image_kind *kind, const char *name, uint64_t index, struct slice record,
                    struct criu_payload *out, struct error *err);
int criu_payload_of_inner(const char *name, struct slice record, struct criu_payload *out, struct error *err);

#endif
