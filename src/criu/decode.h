/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image file of CRIU as a tree of named values, like `crit decode` of CRIU 4.2 shows it: the same names,
 * in the same order, in the same representation. Read forward, record by record; memory is that of the
 * largest record.
 *
 * What a newer CRIU adds does not fail: fields without a name here come as `"unknown": [{"field": NUMBER,
 * "size": BYTES}]`, values of enumerations without a name as numbers, and a file that has no magic of a known
 * kind as
 * `"unknown": {"size": BYTES}`.
 */
#ifndef SNAP_CRIU_DECODE_H
#define SNAP_CRIU_DECODE_H

#include <sys/types.h>
#include "base/bytes.h"
#include "base/error.h"

/* Larger records are refused. Those of real dumps are below 2 MiB; one of a process with 250,000 mappings is
 * below 16. */
#define CRIU_DECODE_RECORD_LIMIT (16 * MIB)

enum criu_event_type {
        CRIU_EVENT_OBJECT,
        CRIU_EVENT_OBJECT_END,
        CRIU_EVENT_ARRAY,
        CRIU_EVENT_ARRAY_END,
        CRIU_EVENT_TEXT,      /* a text begins */
        CRIU_EVENT_TEXT_PART, /* any number of them; a character is never divided, but may be invalid UTF-8 */
        CRIU_EVENT_TEXT_END,
        CRIU_EVENT_UNSIGNED,
        CRIU_EVENT_SIGNED, /* `value` as int64_t */
        CRIU_EVENT_BOOL
};

/* Borrowed for the call. */
struct criu_event {
        enum criu_event_type type;
        const char *name; /* of a member that begins; NULL in arrays */
        uint64_t value;
        struct slice text; /* of CRIU_EVENT_TEXT_PART */
};

struct criu_decoding {
        const char *name; /* of the file: for errors, and because it says which kind the file must be */
        uint64_t size;    /* of the file in bytes */
        /* The next bytes of the file; short only at its end. */
        ssize_t (*read)(void *source, void *data, size_t size, struct error *err);
        void *source;
        bool pretty; /* numbers as people read them, where CRIU says how: addresses, flags, hexadecimal */
        /* NULL: the file is only checked. */
        void (*event)(void *sink, const struct criu_event *event);
        void *sink;
        /* Filled in */
        const char *kind; /* "PSTREE"; NULL when no known one */
        uint64_t records;
};

/* -EBADMSG (ERROR_CRIU_IMAGE) when the file is damaged; until then its events have been given. */
int criu_decode(struct criu_decoding *decoding, struct error *err);

#endif
