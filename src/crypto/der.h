/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of DER (X.690) of definite length, cut off the front of a slice. */
#ifndef SNAP_CRYPTO_DER_H
#define SNAP_CRYPTO_DER_H

#include "base/bytes.h"

enum der_tag {
        DER_INTEGER = 0x02,
        DER_OCTETS = 0x04,
        DER_OID = 0x06,
        DER_SEQUENCE = 0x30,
        DER_SET = 0x31,
        DER_CONTEXT_0 = 0x80, /* implicit, primitive */
        DER_CONTEXT_4 = 0x84,
        DER_CONTEXT_0_OF = 0xa0 /* constructed */
};

/* Any element. */
bool der_next(struct slice *from, uint8_t *tag, struct slice *contents);
/* One with this tag; false, nothing changed, when the next is another one. */
bool der_take(struct slice *from, enum der_tag tag, struct slice *contents);

#endif
