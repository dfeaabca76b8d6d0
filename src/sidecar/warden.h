/* SPDX-License-Identifier: Apache-2.0 */
/* Sets containers of pods free that an engine left frozen when a caller did not wait for it (runtime/cri.h):
 * looks when it starts, and once a minute. */
#ifndef SNAP_SIDECAR_WARDEN_H
#define SNAP_SIDECAR_WARDEN_H

#include "base/cleanup.h"
#include "base/error.h"

struct warden;

int warden_start(struct warden **out, struct error *err);
void warden_stop(struct warden *warden);
CLEANUP_DEFINE(struct warden *, warden_stop);
#define _cleanup_warden_ _cleanup_(warden_stopp)

#endif
