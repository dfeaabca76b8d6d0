/* SPDX-License-Identifier: Apache-2.0 */
/* A dump as CRIU leaves it: a directory of image files. Names that are links or lead elsewhere are not
 * followed. */
#ifndef SNAP_CRIU_DIRECTORY_H
#define SNAP_CRIU_DIRECTORY_H

#include "criu/source.h"

struct criu_directory;

/* `work` is where CRIU left "stats-dump" if not among the images (its --work-dir); NULL: nowhere else. */
int criu_directory_open(const char *images, const char *work, struct criu_directory **out, struct error *err);
/* Borrows the directory; safe to use from several threads. */
struct criu_source criu_directory_source(struct criu_directory *directory);
/* A criu_pages_reader whose context is the directory. */
int criu_directory_read_pages(void *directory, const char *name, uint64_t offset, void *data, size_t size,
                              struct error *err);
void criu_directory_free(struct criu_directory *directory);
CLEANUP_DEFINE(struct criu_directory *, criu_directory_free);
#define _cleanup_criu_directory_ _cleanup_(criu_directory_freep)

#endif
