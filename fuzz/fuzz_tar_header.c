/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/tar.h"
#include "base/cleanup.h"
#include "fuzz.h"

/* What was understood must be understood again, and the same, when we write it. */
static void check_round_trip(const struct tar_entry *entry)
{
        _cleanup_free_ struct tar_entry *again = malloc(sizeof(*again));
        uint8_t block[TAR_BLOCK];

        if (!again || !tar_header_write(entry, block))
                return;
        if (tar_header_parse(block, again, NULL) != 1 || strcmp(again->name, entry->name) != 0 ||
            again->size != entry->size || again->mtime != entry->mtime || again->uid != entry->uid)
                abort();
}

/* A header block, then pax records for it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ struct tar_entry *entry = calloc(1, sizeof(*entry));
        struct slice rest = {data, size}, block;

        if (!entry || !slice_take(&rest, TAR_BLOCK, &block))
                return 0;
        if (tar_header_parse(block.data, entry, NULL) == 1)
                check_round_trip(entry);
        tar_pax_apply(rest, entry, NULL);
        return 0;
}
