/* SPDX-License-Identifier: Apache-2.0 */
/* What `show` says of checkpoints of pods: of sets of them (podset.h) and of single ones (pod_archive.h). */
#ifndef SNAP_CLI_SHOW_PODS_H
#define SNAP_CLI_SHOW_PODS_H

#include "archive/pod_archive.h"
#include "archive/podset.h"
#include "base/json.h"
#include "cli/grid.h"
#include "criu/dump.h"

struct pods_view {
        bool uid, ip;    /* further columns */
        bool statistics; /* of CRIU, for each container whose archive can be looked into */
};

/* Each prints its tables. What cannot be looked into for its statistics is named on standard error. */
void podset_show(const struct podset *set, const struct pods_view *view);
void pod_archive_show(const struct pod_archive *pod, const struct pods_view *view);
/* The same as an object each; --json shows all columns. */
yyjson_mut_val *podset_to_json(const struct podset *set, const struct pods_view *view, yyjson_mut_doc *doc);
yyjson_mut_val *pod_archive_to_json(const struct pod_archive *pod, const struct pods_view *view,
                                    yyjson_mut_doc *doc);

/* checkpointctl's table of CRIU's statistics, behind the columns that the grid has already. */
void statistics_columns(struct grid *grid);
void statistics_cells(struct grid *grid, const struct criu_statistics *statistics);

#endif
