/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "base/bytes.h"
#include "sidecar/errors.h"

/* --- capabilities -----------------------------------------------------------------------------------------
 */

#define BIT(capability) ((uint64_t)1 << (capability))

/* docs/node.md says of each what it is for. */
#define KEPT_ALWAYS                                                                                          \
        (BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_KILL) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SYS_PTRACE))
#define KEPT_FOR_CRIU                                                                                        \
        (BIT(CAP_AUDIT_WRITE) | BIT(CAP_CHECKPOINT_RESTORE) | BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) |       \
         BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_IPC_LOCK) | BIT(CAP_IPC_OWNER) | BIT(CAP_LEASE) |       \
         BIT(CAP_MKNOD) | BIT(CAP_NET_ADMIN) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_NET_RAW) |                \
         BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) | BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT) |                    \
         BIT(CAP_SYS_NICE) | BIT(CAP_SYS_RESOURCE) | BIT(CAP_SYS_TIME))

static int get_capabilities(struct __user_cap_data_struct out[2])
{
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

        return syscall(SYS_capget, &header, out) < 0 ? -errno : 0;
}

static int set_capabilities(uint64_t kept)
{
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct data[2];
        int ret = get_capabilities(data);

        if (ret < 0)
                return ret;
        for (int i = 0; i < 2; i++) {
                data[i].permitted &= (uint32_t)(kept >> (32 * i));
                data[i].effective = data[i].permitted;
                data[i].inheritable = 0;
        }
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int limit_bounding_set(uint64_t kept)
{
        for (unsigned capability = 0; capability < 64; capability++) {
                int is_there = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

                if (is_there < 0)
                        break; /* the kernel has no more */
                if (is_there && !(kept & BIT(capability)) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
                        return -errno;
        }
        return 0;
}

int privileges_keep(bool runs_criu, struct error *err)
{
        uint64_t kept = KEPT_ALWAYS | (runs_criu ? KEPT_FOR_CRIU : 0);
        int ret;

        if (geteuid() != 0)
                return error_set(err, &ERROR_AGENT_PRIVILEGES, -EPERM, "the agent must be started by root");
        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        ret = limit_bounding_set(kept);
        if (ret == 0)
                ret = set_capabilities(kept);
        if (ret < 0)
                return error_set(err, &ERROR_AGENT_PRIVILEGES, ret, "capabilities cannot be given up: %s",
                                 strerrordesc_np(-ret));
        return 0;
}

/* --- system calls -----------------------------------------------------------------------------------------
 */

/* Nothing of ours, of Podman's, of crun's or CRIU's is here. */
#define MACHINE_CALLS                                                                                        \
        SYS_acct, SYS_adjtimex, SYS_clock_adjtime, SYS_clock_settime, SYS_delete_module, SYS_finit_module,   \
                SYS_init_module, SYS_kexec_file_load, SYS_kexec_load, SYS_lookup_dcookie, SYS_nfsservctl,    \
                SYS_perf_event_open, SYS_quotactl, SYS_reboot, SYS_setdomainname, SYS_settimeofday,          \
                SYS_swapoff, SYS_swapon, SYS_vhangup
#define CONTAINER_CALLS                                                                                      \
        SYS_add_key, SYS_bpf, SYS_chroot, SYS_fsmount, SYS_fsopen, SYS_io_uring_enter, SYS_io_uring_setup,   \
                SYS_keyctl, SYS_mknodat, SYS_mount, SYS_mount_setattr, SYS_move_mount,                       \
                SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_open_tree, SYS_pivot_root,                 \
                SYS_process_vm_readv, SYS_process_vm_writev, SYS_ptrace, SYS_request_key, SYS_setns,         \
                SYS_umount2, SYS_unshare, SYS_userfaultfd
#define READER_CALLS                                                                                         \
        SYS_accept4, SYS_bind, SYS_connect, SYS_execveat, SYS_fanotify_init, SYS_inotify_init1, SYS_kcmp,    \
                SYS_listen, SYS_memfd_create, SYS_personality, SYS_pidfd_open, SYS_sched_setscheduler,       \
                SYS_setgroups, SYS_setresgid, SYS_setresuid, SYS_shmget, SYS_socket, SYS_socketpair,         \
                SYS_syslog

static const int machine_calls[] = {MACHINE_CALLS};
static const int remote_calls[] = {MACHINE_CALLS, CONTAINER_CALLS};
static const int reader_calls[] = {MACHINE_CALLS, CONTAINER_CALLS, READER_CALLS};

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define FOREIGN_BIT  0x40000000 /* x32: the same numbers with this bit */
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#define FOREIGN_BIT  0x40000000 /* none has it */
#else
#error "this architecture is not known to the filter of system calls"
#endif

#define CALLS_MAX 96

/* Compared one after another, all that match end at the one refusal: a list is all that is wanted here. */
static int install(const int *calls, size_t count)
{
        struct sock_filter code[CALLS_MAX + 6] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, (uint8_t)(count + 3)),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_BIT, (uint8_t)(count + 1), 0),
        };
        const struct sock_fprog program = {(unsigned short)(count + 6), code};
        size_t at = 4;

        for (size_t i = 0; i < count; i++)
                code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i],
                                                          (uint8_t)(count - i), 0);
        code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        code[at] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

_Static_assert(ARRAY_SIZE(reader_calls) <= CALLS_MAX, "the longest list has room");

int privileges_filter(enum call_filter filter)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        switch (filter) {
        case FILTER_MACHINE:
                return install(machine_calls, ARRAY_SIZE(machine_calls));
        case FILTER_REMOTE:
                return install(remote_calls, ARRAY_SIZE(remote_calls));
        case FILTER_READER:
                return install(reader_calls, ARRAY_SIZE(reader_calls));
        }
        return -EINVAL;
}

/* --- a child with nothing ---------------------------------------------------------------------------------
 */

#define NOBODY         65534
#define READER_MEMORY  (2 * GIB) /* of addresses: libraries and thread stacks; what is used is far less */
#define READER_SECONDS 600       /* of processor time */
#define READER_FILES   64

static int limit(int what, uint64_t most)
{
        const struct rlimit value = {most, most};

        return setrlimit((__rlimit_resource_t)what, &value) < 0 ? -errno : 0;
}

int privileges_drop_all(void)
{
        int ret = limit(RLIMIT_CORE, 0);

        if (ret == 0)
                ret = limit(RLIMIT_FSIZE, 0);
        if (ret == 0)
                ret = limit(RLIMIT_CPU, READER_SECONDS);
        if (ret == 0)
                ret = limit(RLIMIT_AS, READER_MEMORY);
        if (ret == 0)
                ret = limit(RLIMIT_NOFILE, READER_FILES);
        /* Sockets are filtered as well: this is for what is there already, like abstract names. */
        (void)unshare(CLONE_NEWNET | CLONE_NEWIPC);
        /* The calls themselves: the C library's would look for threads, of which a new child has none. */
        if (ret == 0 &&
            (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) < 0 ||
             syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) < 0))
                ret = -errno;
        if (ret == 0)
                ret = set_capabilities(0);
        return ret < 0 ? ret : privileges_filter(FILTER_READER);
}
