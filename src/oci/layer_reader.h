/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one layer as they lie in an archive that can be read from anywhere (archive_is_seekable()):
 * the members that the plan gives it, one after another, read ahead by a thread. */
#ifndef SNAP_OCI_LAYER_READER_H
#define SNAP_OCI_LAYER_READER_H

#include "archive/tar.h"
#include "oci/layer_plan.h"

/* Zeros that end a layer behind its members; the reader does not give them. */
#define LAYER_END_SIZE (2 * TAR_BLOCK)

struct layer_reader;

/* From byte `offset` of the layer on. Archive and plan are borrowed. */
int layer_reader_open(const struct archive *archive, const struct layer_plan *plan, unsigned layer,
                      uint64_t offset, struct layer_reader **out, struct error *err);
/* 1: `bytes` are what comes next, valid until the next call; 0: the end of the last member. */
int layer_reader_next(struct layer_reader *reader, struct slice *bytes, struct error *err);
void layer_reader_free(struct layer_reader *reader);
CLEANUP_DEFINE(struct layer_reader *, layer_reader_free);
#define _cleanup_layer_reader_ _cleanup_(layer_reader_freep)

/* Bytes of a whole layer, with its end. */
uint64_t layer_reader_size(const struct archive *archive, const struct layer_plan *plan, unsigned layer);

#endif
