/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/image.h"

#include <ctype.h>

/* criu/include/magic.h and criu/image-desc.c of CRIU 4.2. */
const struct criu_image_kind criu_image_kinds[] = {
        {"APPARMOR", 0x59423047, "apparmor.img"},
        {"AUTOFS", 0x49353943, "autofs-"},
        {"BINFMT_MISC", 0x67343323, "binfmt-misc.img"},
        {"BPFMAP_DATA", 0x64324033, "bpfmap-data.img"},
        {"BPFMAP_FILE", 0x57506142, "bpfmap-file.img"},
        {"CGROUP", 0x59383330, "cgroup.img"},
        {"CORE", 0x55053847, "core-"},
        {"CPUINFO", 0x61404013, "cpuinfo.img"},
        {"CREDS", 0x54023547, "creds-"},
        {"EVENTFD_FILE", 0x44523722, "eventfd.img"},
        {"EVENTPOLL_FILE", 0x45023858, "eventpoll.img"},
        {"EVENTPOLL_TFD", 0x44433746, "eventpoll-tfd.img"},
        {"EXT_FILES", 0x59255641, "ext-files.img"},
        {"FANOTIFY_FILE", 0x55096122, "fanotify.img"},
        {"FANOTIFY_MARK", 0x56506035, "fanotify-mark.img"},
        {"FDINFO", 0x56213732, "fdinfo-"},
        {"FIFO", 0x58364939, "fifo.img"},
        {"FIFO_DATA", 0x59333054, "fifo-data.img"},
        {"FILES", 0x56303138, "files.img"},
        {"FILE_LOCKS", 0x54323616, "filelocks.img"},
        {"FS", 0x51403912, "fs-"},
        {"GHOST_FILE", 0x52583605, "ghost-file-"},
        {"IDS", 0x54432030, "ids-"},
        {"INETSK", 0x56443851, "inetsk.img"},
        {"INOTIFY_FILE", 0x48424431, "inotify.img"},
        {"INOTIFY_WD", 0x54562009, "inotify-wd.img"},
        {"INVENTORY", 0x58313116, "inventory.img"},
        {"IPCNS_MSG", 0x55453737, "ipcns-msg-"},
        {"IPCNS_SEM", 0x59573019, "ipcns-sem-"},
        {"IPCNS_SHM", 0x46283044, "ipcns-shm-"},
        {"IPC_VAR", 0x53115007, "ipcns-var-"},
        {"IRMAP_CACHE", 0x57004059, "irmap-cache"},
        {"ITIMERS", 0x57464056, "itimers-"},
        {"MEMFD_INODE", 0x48453499, "memfd.img"},
        {"MM", 0x57492820, "mm-"},
        {"MNTS", 0x55563928, "mountpoints-"},
        {"NETDEV", 0x57373951, "netdev-"},
        {"NETLINK_SK", 0x58005614, "netlinksk.img"},
        {"NETNS", 0x55933752, "netns-"},
        {"NS_FILES", 0x61394011, "ns-files.img"},
        {"PACKETSK", 0x60454618, "packetsk.img"},
        {"PAGEMAP", 0x56084025, "pagemap-"},
        {"PAGEMAP", 0x56084025, "pagemap-shmem-"},
        {"PIDFD", 0x54435556, "pidfd.img"},
        {"PIDNS", 0x61157326, "pidns-"},
        {"PIPES", 0x56513555, "pipes.img"},
        {"PIPES_DATA", 0x56453709, "pipes-data.img"},
        {"POSIX_TIMERS", 0x52603957, "posix-timers-"},
        {"PSTREE", 0x50273030, "pstree.img"},
        {"REG_FILES", 0x50363636, "reg-files.img"},
        {"REMAP_FPATH", 0x59133954, "remap-fpath.img"},
        {"RLIMIT", 0x57113925, "rlimit-"},
        {"SECCOMP", 0x64413049, "seccomp.img"},
        {"SIGACT", 0x55344201, "sigacts-"},
        {"SIGNAL", 0x59255647, "signal-s-"},
        {"SIGNAL", 0x59255647, "signal-p-"},
        {"SIGNALFD", 0x57323820, "signalfd.img"},
        {"SK_QUEUES", 0x56264026, "sk-queues.img"},
        {"STATS", 0x57093306, "stats-dump"},
        {"STATS", 0x57093306, "stats-restore"},
        {"TCP_STREAM", 0x51465506, "tcp-stream-"},
        {"TIMENS", 0x43114433, "timens-"},
        {"TIMERFD", 0x50493712, "timerfd.img"},
        {"TTY_DATA", 0x59413026, "tty-data.img"},
        {"TTY_FILES", 0x59433025, "tty.img"},
        {"TTY_INFO", 0x59453036, "tty-info.img"},
        {"TUNFILE", 0x57143751, "tunfile.img"},
        {"UNIXSK", 0x54373943, "unixsk.img"},
        {"USERNS", 0x55474906, "userns-"},
        {"UTSNS", 0x54473203, "utsns-"},
        {"VMAS", 0x54123737, "vmas-"},
        {NULL, 0, NULL},
};

const struct criu_image_kind *criu_image_kind_by_magic(uint32_t magic)
{
        for (const struct criu_image_kind *kind = criu_image_kinds; kind->name; kind++)
                if (kind->magic == magic)
                        return kind;
        return NULL;
}

/* "core-" stands for "core-17.img"; the number may be hexadecimal ("ghost-file-1f.img"). */
static bool kind_matches(const char *stem, const char *file)
{
        const char *rest;

        if (!text_ends_with(stem, "-"))
                return strcmp(stem, file) == 0;
        if (!text_starts_with(file, stem))
                return false;
        rest = file + strlen(stem);
        if (!isxdigit((unsigned char)*rest))
                return false;
        while (isxdigit((unsigned char)*rest))
                rest++;
        return strcmp(rest, ".img") == 0;
}

const struct criu_image_kind *criu_image_kind_by_file(const char *file)
{
        for (const struct criu_image_kind *kind = criu_image_kinds; kind->name; kind++)
                if (kind_matches(kind->file, file))
                        return kind;
        return NULL;
}
