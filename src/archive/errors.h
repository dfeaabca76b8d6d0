/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with an archive (codes SNAP-1xx). */
#ifndef SNAP_ARCHIVE_ERRORS_H
#define SNAP_ARCHIVE_ERRORS_H

#include "base/error.h"

extern const struct error_kind ERROR_ARCHIVE_NOT_ONE, /* not a checkpoint archive at all */
        ERROR_ARCHIVE_TRUNCATED, ERROR_ARCHIVE_CORRUPT /* tar structure */,
        ERROR_ARCHIVE_NAME /* a member's name escapes */, ERROR_ARCHIVE_MEMBER_MISSING, ERROR_ARCHIVE_DIGEST,
        ERROR_ARCHIVE_METADATA /* JSON member unreadable */, ERROR_ARCHIVE_INCONSISTENT,
        ERROR_ARCHIVE_FILE_SIZE /* an open file has another size than the dump recorded */,
        ERROR_ENCRYPTED_HEADER, ERROR_ENCRYPTED_FRAME /* altered */,
        ERROR_ENCRYPTED_ORDER /* reordered, repeated, missing, behind the end */, ERROR_ENCRYPTED_TRUNCATED,
        ERROR_ENCRYPTED_LAYER /* of an image: altered */, ERROR_POD_MANIFEST /* pod.json */;

extern const struct error_kind *const archive_error_kinds[];

#endif
