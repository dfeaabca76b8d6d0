/* SPDX-License-Identifier: Apache-2.0 */
/* The directory beside the archive-to-be in which the runtime and CRIU leave their files. */
#ifndef SNAP_RUNTIME_WORKSPACE_H
#define SNAP_RUNTIME_WORKSPACE_H

#include "archive/writer.h"
#include "runtime/runtime.h"

struct workspace {
        char *path;   /* "<dir of the archive>/.<name>.work.<id>", 0700 */
        char *images; /* its "images", CRIU's image directory */
        char *config; /* CRIU's configuration file */
        int dir, image_dir;
        int output; /* file with the runtime's standard output and error */
};

#define WORKSPACE_NONE ((struct workspace){.dir = -1, .image_dir = -1, .output = -1})

/* Only says where it will lie (absolute, whatever `archive_path` is): so that somebody knows before it is
 * there. */
int workspace_name(const char *archive_path, const char *id, struct workspace *out, struct error *err);
/* Makes it, with CRIU's configuration: what the runtimes have no option for, and the lines `more_options`. */
int workspace_open(struct workspace *workspace, const struct checkpoint_options *options,
                   const char *more_options, struct error *err);
/* Removes it all. */
void workspace_free(struct workspace *workspace);
#define _cleanup_workspace_ _cleanup_(workspace_free)

/* Adds CRIU's images but the pages that went through pipes, descriptors.json, stats-dump and dump.log. */
int workspace_add_images(const struct workspace *workspace, struct archive_writer *writer, struct error *err);
/* CRIU's log and the runtime's words, their last parts. Missing files are empty. */
int workspace_logs(const struct workspace *workspace, struct buffer *criu, struct buffer *runtime,
                   struct error *err);

#endif
