/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/catalog.h"

const struct error_kind ERROR_CATALOG = {"SNAP-601", EXIT_ERROR, 500, "the catalog cannot be read or written",
                                         "It is an SQLite file in the state directory. When it is damaged, "
                                         "move it away with its -wal and -shm: "
                                         "the agent makes a new one and adopts the archives that it finds."};
const struct error_kind ERROR_CATALOG_VERSION = {
        "SNAP-602", EXIT_ERROR, 500, "the catalog was written by a newer version",
        "Start the newer version, or give this one a state directory of its own."};
const struct error_kind ERROR_CHECKPOINT_NOT_FOUND = {
        "SNAP-603", EXIT_NOT_FOUND, 404, "there is no such checkpoint",
        "GET /checkpoints lists the checkpoints of the node by their ids."};
const struct error_kind ERROR_OPERATION_NOT_FOUND = {
        "SNAP-604", EXIT_NOT_FOUND, 404, "there is no such operation",
        "GET /operations lists them; those that ended long ago are forgotten."};

const struct error_kind *const catalog_error_kinds[] = {
        &ERROR_CATALOG, &ERROR_CATALOG_VERSION, &ERROR_CHECKPOINT_NOT_FOUND, &ERROR_OPERATION_NOT_FOUND, NULL,
};
