/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities by number, as in capabilities(7) and <linux/capability.h>. */
#ifndef SNAP_CRIU_CAPABILITY_H
#define SNAP_CRIU_CAPABILITY_H

/* "CAP_CHOWN" for 0; NULL for one of a newer kernel. */
const char *criu_capability_name(unsigned number);

#endif
