/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with CRIU's image files (codes SNAP-29x); why CRIU itself failed is in cause.h. */
#ifndef SNAP_CRIU_ERRORS_H
#define SNAP_CRIU_ERRORS_H

#include "base/error.h"

extern const struct error_kind ERROR_CRIU_IMAGE /* damaged or contradictory */, ERROR_CRIU_IMAGE_MISSING,
        ERROR_CRIU_TOO_LARGE;

/* NULL-terminated. */
extern const struct error_kind *const criu_image_error_kinds[];

#endif
