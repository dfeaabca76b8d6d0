/* SPDX-License-Identifier: Apache-2.0 */
/* The protobuf wire format (protobuf.dev/programming-guides/encoding), field by field, without allocation. */
#ifndef SNAP_CRIU_WIRE_H
#define SNAP_CRIU_WIRE_H

#include "base/bytes.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
        uint32_t number;
        enum wire_type type;
        uint64_t value;     /* of the numeric types */
        struct slice bytes; /* of WIRE_BYTES; borrowed */
};

/* 1: `out` is the next field, cut off `record`; 0: end; -EBADMSG: malformed. */
int wire_next(struct slice *record, struct wire_field *out);

/* The last value of a varint field. 1: found, 0: absent, -EBADMSG: the record is malformed. */
int wire_find(struct slice record, uint32_t number, uint64_t *out);

/* Appends the field. 0 or -ENOMEM. */
int wire_put(struct buffer *to, const struct wire_field *field);
int wire_put_number(struct buffer *to, uint32_t number, uint64_t value);
int wire_put_bytes(struct buffer *to, uint32_t number, struct slice bytes);

#endif
