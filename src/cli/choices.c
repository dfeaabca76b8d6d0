/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include "base/compress.h"
#include "cli/choices.h"
#include "runtime/runtime.h"

const char *const compression_choices[] = {[COMPRESSION_NONE] = "none",
                                           [COMPRESSION_GZIP] = "gzip",
                                           [COMPRESSION_ZSTD] = "zstd",
                                           [COMPRESSION_LZ4] = "lz4",
                                           [COMPRESSION_MAX_] = NULL};
const char *const tcp_choices[] = {[TCP_REFUSE] = "refuse", [TCP_KEEP] = "keep", [TCP_CLOSE] = "close", NULL};
const char *const runtime_choices[] = {"podman", "crun", "runc", "cri", NULL};
