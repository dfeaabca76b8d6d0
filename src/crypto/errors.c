/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/errors.h"

#include <stddef.h>

const struct error_kind ERROR_KEY_FILE = {
        .code = "SNAP-081",
        .exit_status = EXIT_USAGE,
        .http_status = 400,
        .title = "not a key that can be used for this",
        .hint = "Keys are PEM files: a public key or certificate to encrypt for somebody or to verify, a "
                "private "
                "key to decrypt or to sign. RSA (2048 bits or more) and the NIST curves encrypt; Ed25519 too "
                "signs.",
};
const struct error_kind ERROR_KEY_PASSPHRASE = {
        .code = "SNAP-082",
        .exit_status = EXIT_USAGE,
        .http_status = 400,
        .title = "the passphrase is missing or wrong",
        .hint = "Put the passphrase into a file that only you can read and name it: "
                "`KEY:file=PASSPHRASE-FILE`.",
};
const struct error_kind ERROR_KEY_NONE = {
        .code = "SNAP-083",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 403,
        .title = "it is encrypted, and no key was given",
        .hint = "Name the private key, or the file with the passphrase, as `--decryption-key FILE` or in the "
                "environment as SNAP_DECRYPTION_KEY.",
};
const struct error_kind ERROR_KEY_WRONG = {
        .code = "SNAP-084",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 403,
        .title = "none of the keys opens it",
        .hint = "It was encrypted for others. Ask its owner to encrypt it for your key as well.",
};
const struct error_kind ERROR_KEY_WRAPPED = {
        .code = "SNAP-085",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "a wrapped key cannot be read",
        .hint = "It was damaged, or written by a program that uses other algorithms: docs/encryption.md "
                "lists "
                "those that are read.",
};

const struct error_kind *const crypto_error_kinds[] = {
        &ERROR_KEY_FILE, &ERROR_KEY_PASSPHRASE, &ERROR_KEY_NONE, &ERROR_KEY_WRONG, &ERROR_KEY_WRAPPED, NULL,
};
