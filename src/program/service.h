/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that serve until they are told to end. */
#ifndef SNAP_PROGRAM_SERVICE_H
#define SNAP_PROGRAM_SERVICE_H

/* sd_notify(3): "READY=1", "STOPPING=1". Nobody listening is no error. */
void service_notify(const char *state);

#endif
