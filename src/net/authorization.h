/* SPDX-License-Identifier: Apache-2.0 */
/* The header Authorization (RFC 7617 "Basic", RFC 6750 "Bearer"). A pure function. */
#ifndef SNAP_NET_AUTHORIZATION_H
#define SNAP_NET_AUTHORIZATION_H

#include "base/bytes.h"

struct authorization {
        char *user;   /* of Basic; "" of Bearer */
        char *secret; /* the password or the token */
};

/* -EINVAL when it is of another kind or malformed, -ENOMEM. */
int authorization_parse(const char *header, struct authorization *out);
/* Wipes both. */
void authorization_free(struct authorization *authorization);
#define _cleanup_authorization_ _cleanup_(authorization_free)

#endif
