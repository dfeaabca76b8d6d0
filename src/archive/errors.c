/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/errors.h"

#include <stddef.h>

const struct error_kind ERROR_ARCHIVE_NOT_ONE = {
        .code = "SNAP-101",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "not a checkpoint archive",
        .hint = "A checkpoint archive is a tar file, plain or compressed, or a directory, with a "
                "'checkpoint' "
                "directory of CRIU images. Check that the path is the right one.",
};
const struct error_kind ERROR_ARCHIVE_TRUNCATED = {
        .code = "SNAP-102",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the archive ends too early",
        .hint = "Its writer or a copy of it was interrupted. Copy it again from its source, or take a new "
                "checkpoint.",
};
const struct error_kind ERROR_ARCHIVE_CORRUPT = {
        .code = "SNAP-103",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the archive is damaged",
        .hint = "Copy it again from its source, or take a new checkpoint. If it was damaged where it lies, "
                "check "
                "the disk.",
};
const struct error_kind ERROR_ARCHIVE_NAME = {
        .code = "SNAP-104",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the archive names a file outside itself",
        .hint = "No engine writes such names: treat the archive as hostile, and find out who made it.",
};
const struct error_kind ERROR_ARCHIVE_MEMBER_MISSING = {
        .code = "SNAP-105",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "a file is missing in the archive",
        .hint = "The checkpoint was not taken completely. Take a new one.",
};
const struct error_kind ERROR_ARCHIVE_DIGEST = {
        .code = "SNAP-106",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "contents differ from what was captured",
        .hint = "Bytes changed after the capture. Copy the archive again from its source; if it was damaged "
                "where it lies, check the disk.",
};
const struct error_kind ERROR_ARCHIVE_METADATA = {
        .code = "SNAP-107",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the description of the container cannot be read",
        .hint = "config.dump, spec.dump and snap.json must be JSON as their engine wrote it.",
};
const struct error_kind ERROR_ARCHIVE_INCONSISTENT = {
        .code = "SNAP-108",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "parts of the archive contradict each other",
        .hint = "It cannot be restored as it is. Take a new checkpoint.",
};
const struct error_kind ERROR_ARCHIVE_FILE_SIZE = {
        .code = "SNAP-109",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "an open file changed while the checkpoint was taken",
        .hint = "The engine let the container run on before it copied the file system, so CRIU will refuse "
                "the "
                "file. Take a new checkpoint with this tool, which takes both at one instant, or without "
                "leaving "
                "the container running.",
};

const struct error_kind ERROR_ENCRYPTED_HEADER = {
        .code = "SNAP-110",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the header of the encrypted archive is damaged or altered",
        .hint = "Copy the archive again from its source. Without its header nobody can decrypt it.",
};
const struct error_kind ERROR_ENCRYPTED_FRAME = {
        .code = "SNAP-111",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "a frame of the encrypted archive was altered",
        .hint = "Copy the archive again from its source. If the source has the same bytes, somebody changed "
                "it "
                "or its disk fails.",
};
const struct error_kind ERROR_ENCRYPTED_ORDER = {
        .code = "SNAP-112",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "frames of the encrypted archive are not in their places",
        .hint = "Frames were moved, repeated, left out or added, which no fault of a disk does. Copy the "
                "archive "
                "again from its source, and find out who changed it.",
};
const struct error_kind ERROR_ENCRYPTED_TRUNCATED = {
        .code = "SNAP-113",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the end of the encrypted archive is missing",
        .hint = "Its writer or a copy of it was interrupted. Copy it again from its source, or take a new "
                "checkpoint.",
};

const struct error_kind ERROR_ENCRYPTED_LAYER = {
        .code = "SNAP-114",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "an encrypted layer was altered",
        .hint = "The digests of the image are right, but the layer is not what was encrypted: somebody "
                "changed both. "
                "Find out who can write to the place where the image lies.",
};

const struct error_kind ERROR_POD_MANIFEST = {
        .code = "SNAP-130",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the manifest of a pod is damaged",
        .hint = "Each archive beside it can still be verified and restored by itself.",
};

const struct error_kind *const archive_error_kinds[] = {
        &ERROR_ARCHIVE_NOT_ONE,        &ERROR_ARCHIVE_TRUNCATED,
        &ERROR_ARCHIVE_CORRUPT,        &ERROR_ARCHIVE_NAME,
        &ERROR_ARCHIVE_MEMBER_MISSING, &ERROR_ARCHIVE_DIGEST,
        &ERROR_ARCHIVE_METADATA,       &ERROR_ARCHIVE_INCONSISTENT,
        &ERROR_ARCHIVE_FILE_SIZE,      &ERROR_ENCRYPTED_HEADER,
        &ERROR_ENCRYPTED_FRAME,        &ERROR_ENCRYPTED_ORDER,
        &ERROR_ENCRYPTED_TRUNCATED,    &ERROR_ENCRYPTED_LAYER,
        &ERROR_POD_MANIFEST,           NULL,
};
