/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648): the usual alphabet with padding, and the one for URLs without. */
#ifndef SNAP_BASE_BASE64_H
#define SNAP_BASE_BASE64_H

#include "base/bytes.h"

enum base64_form { BASE64, BASE64_URL };

/* Appends. 0 or -ENOMEM. */
int base64_encode(enum base64_form form, struct slice bytes, struct buffer *out);
/* Appends what the text stands for. -EBADMSG for anything but the one text that encodes it, -ENOMEM. */
int base64_decode(enum base64_form form, struct slice text, struct buffer *out);
/* At most that much is appended for a text of that length. */
#define BASE64_DECODED_MAX(length) ((length) / 4 * 3 + 3)

#endif
