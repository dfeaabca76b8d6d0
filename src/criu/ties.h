/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ties a dump to the engine and the OCI runtime that it was taken under, and image files without it:
 *
 * - Files of /proc and /sys that are hidden from a container. crun and runc tell CRIU of these mounts under
 *   names of their own, so neither restores what the other dumped. Written again, they need nobody: a file is
 *   hidden by the container's own /dev/null, a directory by an empty read-only tmpfs, as runc itself does it.
 *   What was hidden stays hidden.
 * - Mounts that an engine makes on its own and others do not ("/run/.containerenv"), left out where no
 * process has anything of them open and nothing is mounted on them.
 * - The mode of the root directory, which is that of the engine's storage (0555 with Podman and CRI-O, 0755
 *   with containerd). CRIU compares the modes of directories; this one is no longer recorded.
 */
#ifndef SNAP_CRIU_TIES_H
#define SNAP_CRIU_TIES_H

#include <stdbool.h>
#include "criu/source.h"

/* An image file, written again. */
struct criu_file {
        char name[64]; /* "mountpoints-13.img" */
        struct buffer bytes;
};

struct criu_ties {
        struct criu_file *files; /* those that differ from the dump's */
        size_t file_count;
        /* Number of the empty tmpfs that hides directories: whoever writes the files adds its contents, a tar
         * in gzip with nothing but "./", as "tmpfs-dev-N.tar.gz.img". 0: there is none. */
        uint32_t empty_tmpfs;
        /* Where the engine that restores must have mounted something for the dump. Sorted, each once. */
        char **mounts;
        size_t mount_count;
        bool has_network; /* a network namespace of its own, which no engine gave to it */
        bool joined_pids; /* the PID namespace was given to it */
        bool has_users;   /* a user namespace */
        bool is_confined; /* by a profile of AppArmor or SELinux, which has to be there */
        bool is_host;     /* the network, PIDs, IPC, host name or mounts are the host's */
};

/* `unwanted`: mountpoints that the engine which restores has not, ended by NULL. */
int criu_ties_load(const struct criu_source *source, const char *const *unwanted, struct criu_ties **out,
                   struct error *err);
void criu_ties_free(struct criu_ties *ties);
CLEANUP_DEFINE(struct criu_ties *, criu_ties_free);
#define _cleanup_criu_ties_ _cleanup_(criu_ties_freep)

#endif
