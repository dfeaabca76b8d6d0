/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target gives: one run over one input. */
#ifndef SNAP_FUZZ_FUZZ_H
#define SNAP_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
