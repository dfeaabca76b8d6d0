/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of dump.h's loading share. */
#ifndef SNAP_CRIU_LOADER_H
#define SNAP_CRIU_LOADER_H

#include "criu/dump.h"
#include "criu/files.h"
#include "criu/process.h"

struct criu_loader {
        const struct criu_source *source;
        unsigned load;
        struct criu_arena *arena;        /* the dump's: all that is loaded lies there */
        struct criu_arena scratch;       /* for the records of one process */
        const Criu__ObjectIds *root_ids; /* of the process that ran CRIU; may be NULL */
        struct criu_files files;         /* empty without CRIU_LOAD_FILES and CRIU_LOAD_MAPPINGS */
};

/* Path of a file object for people, "" when it has none. NULL: out of memory. */
const char *criu_file_path(struct criu_loader *loader, const Criu__File *file);
/* Path of a regular file object; an error in the name of `image` when there is none of that id. */
int criu_regular_path(struct criu_loader *loader, uint32_t id, const char *image, const char **out,
                      struct error *err);
/* Descriptors and sockets of a process, its current directory and root among the former. */
int criu_load_descriptors(struct criu_loader *loader, const Criu__ObjectIds *ids, const Criu__FileSystem *fs,
                          struct criu_process *out, struct error *err);
bool criu_file_is_socket(const Criu__File *file);
/* Fills all but `fd`. */
int criu_socket_describe(struct criu_loader *loader, const Criu__File *file, struct criu_socket *out,
                         struct error *err);
int criu_load_process(struct criu_loader *loader, const Criu__TreeItem *item, struct criu_process *out,
                      struct error *err);
/* Everything of CRIU_LOAD_KERNEL for one process; its descriptors are loaded. */
int criu_load_task(struct criu_loader *loader, const Criu__TreeItem *item, struct criu_process *out,
                   struct error *err);
int criu_load_cgroups(struct criu_loader *loader, struct criu_dump *out, struct error *err);
/* Network devices of the namespaces of these processes. */
int criu_load_devices(struct criu_loader *loader, const struct criu_tree *tree, struct criu_dump *out,
                      struct error *err);
int criu_load_mounts(struct criu_loader *loader, uint32_t root_pid, struct criu_dump *out, struct error *err);

#endif
