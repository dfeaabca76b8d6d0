/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/errors.h"

const struct error_kind ERROR_CRIU_IMAGE = {
        "SNAP-290", EXIT_BAD_DATA, 422, "a CRIU image file is damaged",
        "The dump cannot be restored: take the checkpoint again, or copy it again from where it was whole."};
const struct error_kind ERROR_CRIU_IMAGE_MISSING = {
        "SNAP-291", EXIT_BAD_DATA, 422, "a CRIU image file is missing",
        "The dump cannot be restored: take the checkpoint again, or copy it again from where it was whole."};
const struct error_kind ERROR_CRIU_TOO_LARGE = {
        "SNAP-292", EXIT_BAD_DATA, 422, "a dump is larger than any that is looked into",
        "What one command may take of memory is limited, because an archive may be made to take all of it. "
        "`checkpointctl images FILE IMAGE` shows image files of any size."};

const struct error_kind *const criu_image_error_kinds[] = {&ERROR_CRIU_IMAGE, &ERROR_CRIU_IMAGE_MISSING,
                                                           &ERROR_CRIU_TOO_LARGE, NULL};
