/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CRIU's records consist of (its images directory, version 4.2): every message with the number, name and
 * type of each field, and how people read it. Only decode reads it; whoever needs certain fields of certain
 * records unpacks them with messages.proto.
 */
#ifndef SNAP_CRIU_SCHEMA_H
#define SNAP_CRIU_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum criu_type {
        CRIU_U32,
        CRIU_U64,
        CRIU_I32,
        CRIU_I64,
        CRIU_S32, /* zigzag, like CRIU_S64 */
        CRIU_S64,
        CRIU_FIXED64,
        CRIU_BOOL,
        CRIU_ENUM, /* a U32 that is always shown by its name */
        CRIU_TEXT,
        CRIU_BYTES,
        CRIU_MESSAGE
};

/* How a field is shown; all but LIST and QUOTED only in the form for people. */
enum criu_form {
        CRIU_LIST = 1 << 0,
        CRIU_HEX = 1 << 1,     /* of a message: all numbers within */
        CRIU_ADDRESS = 1 << 2, /* a list of one (IPv4) or four (IPv6) words in network order */
        CRIU_DEV = 1 << 3,     /* a device number with 20 minor bits */
        CRIU_RDEV = 1 << 4,    /* one in the encoding of stat(2) */
        CRIU_QUOTED = 1 << 5   /* bytes as quoted-printable text (RFC 2045), not as Base64 */
};

struct criu_name {
        uint32_t value;
        const char *name;
};

/* Names of values, or of bits that may stand together. */
struct criu_names {
        const struct criu_name *items;
        size_t count;
        bool are_bits;
};

struct criu_field {
        uint8_t number;
        uint8_t type; /* enum criu_type */
        uint8_t form; /* enum criu_form */
        const char *name;
        const struct criu_message *message; /* of CRIU_MESSAGE */
        const struct criu_names *names;     /* NULL: none */
};

#define CRIU_FIELDS_MAX 40

struct criu_message {
        const struct criu_field *fields; /* by number */
        size_t count;                    /* at most CRIU_FIELDS_MAX */
};

/* The records of a kind of image file. */
struct criu_schema {
        const char *kind;                  /* "PSTREE" */
        const struct criu_message *first;  /* the first record */
        const struct criu_message *others; /* all after it */
        const struct criu_message *inner;  /* records that stand among the raw bytes after one; NULL: none */
};

/* Every kind in criu_image_kinds has one. */
const struct criu_schema *criu_schema_find(const char *kind);

#endif
