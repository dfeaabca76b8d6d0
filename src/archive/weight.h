/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes a checkpoint this large: its parts, the memory of each process by mapping, the largest files.
 * From the headers of tars and CRIU's pagemaps; no page and no file is read. Zero-initialise.
 */
#ifndef SNAP_ARCHIVE_WEIGHT_H
#define SNAP_ARCHIVE_WEIGHT_H

#include "archive/archive.h"
#include "criu/dump.h"

enum weight_part {
        WEIGHT_MEMORY,  /* checkpoint/pages-*, GPU memory among them */
        WEIGHT_ROOTFS,  /* rootfs-diff.tar */
        WEIGHT_VOLUMES, /* volumes/ */
        WEIGHT_TMPFS,   /* /dev/shm and other file systems in memory */
        WEIGHT_DELETED, /* files without a name that are open */
        WEIGHT_IMAGES,  /* the rest of CRIU's images */
        WEIGHT_LOGS,
        WEIGHT_OTHER,
        WEIGHT_PARTS
};
/* "root file system" for people, "rootfs" for programs. */
const char *weight_part_name(enum weight_part part);
const char *weight_part_key(enum weight_part part);

/* Mappings of one kind of a process; of those with a file, of one file; or one segment of shared memory. */
struct weight_mapping {
        enum criu_mapping_kind kind;
        bool is_unmapped;   /* pages that no mapping explains */
        const char *path;   /* "" without; borrowed from the dump */
        uint64_t shared_id; /* of a segment of shared memory, the number in its pagemap's name */
        uint64_t size;      /* bytes in the archive */
};
/* "changed pages of", to be followed by the path, for people; "file" for programs. */
const char *weight_mapping_name(const struct weight_mapping *mapping);
const char *weight_mapping_key(const struct weight_mapping *mapping);

struct weight_process {
        const struct criu_process *process; /* borrowed; NULL: memory that processes share */
        uint64_t size;
        struct weight_mapping *mappings; /* largest first */
        size_t mapping_count;
};

/* A member, or a file in a tar that is a member. */
struct weight_file {
        enum weight_part part;
        char *member, *path; /* `path` NULL: the member itself */
        uint64_t size;
};

/* Of each part so many files. */
#define WEIGHT_FILES 10

struct weight {
        uint64_t parts[WEIGHT_PARTS], total; /* bytes of the members, not compressed */
        uint64_t in_parent;                  /* bytes of memory that stand in an earlier dump */
        struct weight_process *processes;    /* largest first; those with memory in the archive */
        size_t process_count;
        struct weight_file *files[WEIGHT_PARTS]; /* largest first */
        size_t file_counts[WEIGHT_PARTS];
};

/* First, of each entry of each tar that is a member, which come by while the archive is read. */
int weight_add_entry(struct weight *weight, const struct archive_member *member,
                     const struct tar_entry *entry, struct error *err);
/* Then all else. `dump` is that of the archive, loaded with CRIU_LOAD_MAPPINGS. */
int weight_measure(struct archive *archive, const struct criu_dump *dump, struct weight *weight,
                   struct error *err);
void weight_free(struct weight *weight);
#define _cleanup_weight_ _cleanup_(weight_free)

#endif
