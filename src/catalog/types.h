/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of what the catalog keeps. Only for the files of this folder. */
#ifndef SNAP_CATALOG_TYPES_H
#define SNAP_CATALOG_TYPES_H

#include "catalog/record.h"

extern const struct record_type checkpoint_type, offer_type, operation_type;

#endif
