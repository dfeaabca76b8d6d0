/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding (RFC 3986, section 2.1). Pure functions. */
#ifndef SNAP_NET_URI_H
#define SNAP_NET_URI_H

#include "base/bytes.h"

/* Appends `text` decoded. -EINVAL for what is malformed or a NUL byte; `plus_is_blank` in queries of forms.
 */
int uri_decode(struct slice text, bool plus_is_blank, struct buffer *out);

#endif
