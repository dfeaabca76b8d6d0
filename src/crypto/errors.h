/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with keys and with what is wrapped for them (codes SNAP-08x). */
#ifndef SNAP_CRYPTO_ERRORS_H
#define SNAP_CRYPTO_ERRORS_H

#include "base/error.h"

extern const struct error_kind ERROR_KEY_FILE /* no key, or one that cannot be used for this */,
        ERROR_KEY_PASSPHRASE /* missing or wrong */,
        ERROR_KEY_NONE /* something is encrypted, no key is given */,
        ERROR_KEY_WRONG /* none of the keys opens it */, ERROR_KEY_WRAPPED /* a wrapped key cannot be read */;

extern const struct error_kind *const crypto_error_kinds[];

#endif
