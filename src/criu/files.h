/* SPDX-License-Identifier: Apache-2.0 */
/* The file objects of a dump: what descriptors and mappings refer to. In files.img since CRIU 3.0, before in
 * an image for each type. */
#ifndef SNAP_CRIU_FILES_H
#define SNAP_CRIU_FILES_H

#include "criu/record.h"
#include "messages.pb-c.h"

/* images/fdinfo.proto */
enum criu_file_type {
        CRIU_FILE_REGULAR = 1,
        CRIU_FILE_PIPE,
        CRIU_FILE_FIFO,
        CRIU_FILE_INTERNET,
        CRIU_FILE_UNIX,
        CRIU_FILE_EVENTFD,
        CRIU_FILE_EPOLL,
        CRIU_FILE_INOTIFY,
        CRIU_FILE_SIGNALFD,
        CRIU_FILE_PACKET,
        CRIU_FILE_TERMINAL,
        CRIU_FILE_FANOTIFY,
        CRIU_FILE_NETLINK,
        CRIU_FILE_NAMESPACE,
        CRIU_FILE_TUN,
        CRIU_FILE_EXTERNAL,
        CRIU_FILE_TIMERFD,
        CRIU_FILE_MEMFD,
        CRIU_FILE_BPF_MAP,
        CRIU_FILE_PIDFD
};

/* images/remap-file-path.proto */
enum criu_remap_type { CRIU_REMAP_LINKED = 0, CRIU_REMAP_GHOST = 1, CRIU_REMAP_PROCFS = 2 };

struct criu_remap {
        uint32_t file_id, target_id;
        enum criu_remap_type type;
};

/* Everything in it lies in the arena it was loaded into. */
struct criu_files {
        Criu__File **files; /* by type and id */
        size_t count;
        struct criu_remap *remaps; /* by file_id */
        size_t remap_count;
        Criu__MemoryInode **inodes; /* what lies behind memory files, by inode_id */
        size_t inode_count;
};

int criu_files_load(const struct criu_source *source, struct criu_arena *arena, struct criu_files *out,
                    struct error *err);
/* NULL when there is none. */
const Criu__File *criu_files_find(const struct criu_files *files, uint32_t type, uint32_t id);
/* The remap of a regular file; NULL when its name still leads to it. */
const struct criu_remap *criu_files_remap(const struct criu_files *files, uint32_t file_id);
/* True when the file is deleted and its contents are in the dump. */
bool criu_files_is_ghost(const struct criu_files *files, uint32_t file_id);

/* What lies behind a memory file; NULL when there is none. */
const Criu__MemoryInode *criu_files_inode(const struct criu_files *files, uint32_t inode_id);

/* "REG", "PIPE", …; "UNKNOWN" for a type of a newer CRIU. */
const char *criu_file_type_name(uint32_t type);
bool criu_file_type_is_known(uint32_t type);

#endif
