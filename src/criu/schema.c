/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/schema.h"

#include <string.h>
#include "base/cleanup.h"

#define NAME_TABLE(id, bits, ...)                                                                            \
        static const struct criu_name items_##id[] = {__VA_ARGS__};                                          \
        static const struct criu_names names_##id = {items_##id, ARRAY_SIZE(items_##id), bits}
#define NAMES(id, ...) NAME_TABLE(id, false, __VA_ARGS__)
#define BITS(id, ...)  NAME_TABLE(id, true, __VA_ARGS__)

/* A message is declared before its fields, which may hold it again. */
#define MESSAGE(id, ...)                                                                                     \
        static const struct criu_message message_##id;                                                       \
        static const struct criu_field fields_##id[] = {__VA_ARGS__};                                        \
        _Static_assert(ARRAY_SIZE(fields_##id) <= CRIU_FIELDS_MAX,                                           \
                       "more fields than decode.c has room for");                                            \
        static const struct criu_message message_##id = {fields_##id, ARRAY_SIZE(fields_##id)}

/* Fields: plain ones (F), messages (M), numbers with names (N). The last argument says how to show them. */
#define LIST                       CRIU_LIST
#define HEX                        CRIU_HEX
#define ADDRESS                    CRIU_ADDRESS
#define DEV                        CRIU_DEV
#define RDEV                       CRIU_RDEV
#define QUOTED                     CRIU_QUOTED
#define FORM(unused, form, ...)    form
#define F(number, name, type, ...) {number, CRIU_##type, FORM(0, ##__VA_ARGS__, 0), #name, NULL, NULL}
#define M(number, name, of, ...)   {number, CRIU_MESSAGE, FORM(0, ##__VA_ARGS__, 0), #name, &message_##of, NULL}
#define N(number, name, type, of)  {number, CRIU_##type, 0, #name, NULL, &names_##of}

/* Names that CRIU has for numbers */
NAMES(x86_regs_mode, {1, "NATIVE"}, {2, "COMPAT"});
NAMES(cpu_vendor, {0, "UNKNOWN"}, {1, "INTEL"}, {2, "AMD"});
NAMES(byte_order, {0, "BIGENDIAN"}, {1, "LITTLEENDIAN"});
NAMES(lsm_type, {0, "NO_LSM"}, {1, "SELINUX"}, {2, "APPARMOR"});
NAMES(seccomp_mode, {0, "disabled"}, {1, "strict"}, {2, "filter"});
NAMES(architecture, {0, "UNKNOWN"}, {1, "X86_64"}, {2, "ARM"}, {3, "AARCH64"}, {4, "PPC64"}, {5, "S390"},
      {6, "MIPS"}, {7, "LOONGARCH64"}, {8, "RISCV64"});
NAMES(sk_shutdown, {0, "NONE"}, {1, "READ"}, {2, "WRITE"}, {3, "BOTH"});
NAMES(mark_type, {1, "INODE"}, {2, "MOUNT"});
NAMES(file_type, {0, "UND"}, {1, "REG"}, {2, "PIPE"}, {3, "FIFO"}, {4, "INETSK"}, {5, "UNIXSK"},
      {6, "EVENTFD"}, {7, "EVENTPOLL"}, {8, "INOTIFY"}, {9, "SIGNALFD"}, {10, "PACKETSK"}, {11, "TTY"},
      {12, "FANOTIFY"}, {13, "NETLINKSK"}, {14, "NS"}, {15, "TUNF"}, {16, "EXT"}, {17, "TIMERFD"},
      {18, "MEMFD"}, {19, "BPFMAP"}, {20, "PIDFD"}, {65534, "CTL_TTY"}, {65535, "AUTOFS_PIPE"});
NAMES(remap_type, {0, "LINKED"}, {1, "GHOST"}, {2, "PROCFS"});
NAMES(tty_type, {0, "UNKNOWN"}, {1, "PTY"}, {2, "CONSOLE"}, {3, "VT"}, {4, "CTTY"}, {5, "EXT_TTY"},
      {6, "SERIAL"});
NAMES(sysctl_type, {5, "CTL_STR"}, {6, "CTL_32"});
NAMES(netdev_type, {1, "LOOPBACK"}, {2, "VETH"}, {3, "TUN"}, {4, "EXTLINK"}, {5, "VENET"}, {6, "BRIDGE"},
      {7, "MACVLAN"}, {8, "SIT"});

/* Names that only people are shown */
NAMES(task_state, {1, "Alive"}, {3, "Zombie"}, {6, "Stopped"});
NAMES(sk_family, {1, "UNIX"}, {2, "INET"}, {10, "INET6"}, {16, "NETLINK"}, {17, "PACKET"});
NAMES(sk_type, {1, "STREAM"}, {2, "DGRAM"}, {3, "RAW"}, {5, "SEQPACKET"}, {10, "PACKET"});
NAMES(sk_state, {1, "ESTABLISHED"}, {2, "SYN_SENT"}, {3, "SYN_RECV"}, {4, "FIN_WAIT1"}, {5, "FIN_WAIT2"},
      {6, "TIME_WAIT"}, {7, "CLOSE"}, {8, "CLOSE_WAIT"}, {9, "LAST_ACK"}, {10, "LISTEN"});
NAMES(sk_proto, {0, "IP"}, {6, "TCP"}, {17, "UDP"}, {136, "UDPLITE"});
BITS(mmap_prot, {0x1, "PROT_READ"}, {0x2, "PROT_WRITE"}, {0x4, "PROT_EXEC"});
BITS(mmap_flags, {0x1, "MAP_SHARED"}, {0x2, "MAP_PRIVATE"}, {0x8, "MAP_DROPPABLE"}, {0x20, "MAP_ANON"},
     {0x100, "MAP_GROWSDOWN"});
BITS(mmap_status, {1u << 0, "VMA_AREA_REGULAR"}, {1u << 1, "VMA_AREA_STACK"}, {1u << 2, "VMA_AREA_VSYSCALL"},
     {1u << 3, "VMA_AREA_VDSO"}, {1u << 5, "VMA_AREA_HEAP"}, {1u << 6, "VMA_FILE_PRIVATE"},
     {1u << 7, "VMA_FILE_SHARED"}, {1u << 8, "VMA_ANON_SHARED"}, {1u << 9, "VMA_ANON_PRIVATE"},
     {1u << 10, "VMA_AREA_SYSVIPC"}, {1u << 11, "VMA_AREA_SOCKET"}, {1u << 12, "VMA_AREA_VVAR"},
     {1u << 13, "VMA_AREA_AIORING"}, {1u << 14, "VMA_AREA_MEMFD"}, {1u << 15, "VMA_AREA_SHSTK"},
     {1u << 17, "VMA_AREA_UPROBES"}, {1u << 31, "VMA_UNSUPP"});
BITS(rfile_flags, {01, "O_WRONLY"}, {02, "O_RDWR"}, {0100, "O_CREAT"}, {0200, "O_EXCL"}, {0400, "O_NOCTTY"},
     {01000, "O_TRUNC"}, {02000, "O_APPEND"}, {04000, "O_NONBLOCK"}, {010000, "O_DSYNC"}, {020000, "FASYNC"},
     {040000, "O_DIRECT"}, {0100000, "O_LARGEFILE"}, {0200000, "O_DIRECTORY"}, {0400000, "O_NOFOLLOW"},
     {01000000, "O_NOATIME"}, {02000000, "O_CLOEXEC"});
BITS(seals_flags, {0x1, "F_SEAL_SEAL"}, {0x2, "F_SEAL_SHRINK"}, {0x4, "F_SEAL_GROW"}, {0x8, "F_SEAL_WRITE"},
     {0x10, "F_SEAL_FUTURE_WRITE"});
BITS(pmap_flags, {0x1, "PE_PARENT"}, {0x2, "PE_LAZY"}, {0x4, "PE_PRESENT"});

/* The state of a processor, for each architecture */
MESSAGE(x86_regs, F(1, r15, U64), F(2, r14, U64), F(3, r13, U64), F(4, r12, U64), F(5, bp, U64),
        F(6, bx, U64), F(7, r11, U64), F(8, r10, U64), F(9, r9, U64), F(10, r8, U64), F(11, ax, U64),
        F(12, cx, U64), F(13, dx, U64), F(14, si, U64), F(15, di, U64), F(16, orig_ax, U64), F(17, ip, U64),
        F(18, cs, U64), F(19, flags, U64), F(20, sp, U64), F(21, ss, U64), F(22, fs_base, U64),
        F(23, gs_base, U64), F(24, ds, U64), F(25, es, U64), F(26, fs, U64), F(27, gs, U64),
        N(28, mode, ENUM, x86_regs_mode));
MESSAGE(x86_cet, F(1, cet, U64, HEX), F(2, ssp, U64, HEX));
MESSAGE(x86_xsave, F(1, xstate_bv, U64), F(2, ymmh_space, U32, LIST), F(3, bndreg_state, U64, LIST),
        F(4, bndcsr_state, U64, LIST), F(5, opmask_reg, U64, LIST), F(6, zmm_upper, U64, LIST),
        F(7, hi16_zmm, U64, LIST), F(8, pkru, U32, LIST), M(9, cet, x86_cet));
MESSAGE(x86_fpregs, F(1, cwd, U32), F(2, swd, U32), F(3, twd, U32), F(4, fop, U32), F(5, rip, U64),
        F(6, rdp, U64), F(7, mxcsr, U32), F(8, mxcsr_mask, U32), F(9, st_space, U32, LIST),
        F(10, xmm_space, U32, LIST), F(11, padding, U32, LIST), M(13, xsave, x86_xsave));
MESSAGE(desc_t, F(1, entry_number, U32), F(2, base_addr, U32), F(3, limit, U32), F(4, seg_32bit, BOOL),
        F(5, contents_h, BOOL), F(6, contents_l, BOOL), F(7, read_exec_only, BOOL),
        F(8, limit_in_pages, BOOL), F(9, seg_not_present, BOOL), F(10, usable, BOOL));
MESSAGE(thread_info_x86, F(1, clear_tid_addr, U64, HEX), M(2, gpregs, x86_regs, HEX),
        M(3, fpregs, x86_fpregs), M(4, tls, desc_t, LIST));
MESSAGE(aarch64_regs, F(1, regs, U64, LIST), F(2, sp, U64), F(3, pc, U64), F(4, pstate, U64));
MESSAGE(aarch64_fpsimd_context, F(1, vregs, U64, LIST), F(2, fpsr, U32), F(3, fpcr, U32));
MESSAGE(pac_address_keys, F(1, apiakey_lo, U64), F(2, apiakey_hi, U64), F(3, apibkey_lo, U64),
        F(4, apibkey_hi, U64), F(5, apdakey_lo, U64), F(6, apdakey_hi, U64), F(7, apdbkey_lo, U64),
        F(8, apdbkey_hi, U64), F(9, pac_enabled_key, U64));
MESSAGE(pac_generic_keys, F(1, apgakey_lo, U64), F(2, apgakey_hi, U64));
MESSAGE(pac_keys, M(6, pac_address_keys, pac_address_keys), M(7, pac_generic_keys, pac_generic_keys));
MESSAGE(thread_info_aarch64, F(1, clear_tid_addr, U64, HEX), F(2, tls, U64), M(3, gpregs, aarch64_regs, HEX),
        M(4, fpsimd, aarch64_fpsimd_context), M(5, pac_keys, pac_keys));
MESSAGE(arm_regs, F(1, r0, U32), F(2, r1, U32), F(3, r2, U32), F(4, r3, U32), F(5, r4, U32), F(6, r5, U32),
        F(7, r6, U32), F(8, r7, U32), F(9, r8, U32), F(10, r9, U32), F(11, r10, U32), F(12, fp, U32),
        F(13, ip, U32), F(14, sp, U32), F(15, lr, U32), F(16, pc, U32), F(17, cpsr, U32),
        F(18, orig_r0, U32));
MESSAGE(arm_vfpstate, F(1, vfp_regs, U64, LIST), F(2, fpscr, U32), F(3, fpexc, U32), F(4, fpinst, U32),
        F(5, fpinst2, U32));
MESSAGE(thread_info_arm, F(1, clear_tid_addr, U64, HEX), F(2, tls, U32), M(3, gpregs, arm_regs, HEX),
        M(4, fpstate, arm_vfpstate));
MESSAGE(ppc64_regs, F(1, gpr, U64, LIST), F(2, nip, U64), F(3, msr, U64), F(4, orig_gpr3, U64),
        F(5, ctr, U64), F(6, link, U64), F(7, xer, U64), F(8, ccr, U64), F(9, trap, U64), F(10, texasr, U64),
        F(11, tfhar, U64), F(12, tfiar, U64));
MESSAGE(ppc64_fpstate, F(1, fpregs, U64, LIST));
MESSAGE(ppc64_vrstate, F(1, vrregs, U64, LIST), F(2, vrsave, U32));
MESSAGE(ppc64_vsxstate, F(1, vsxregs, U64, LIST));
MESSAGE(ppc64_tm_regs, M(1, gpregs, ppc64_regs), M(2, fpstate, ppc64_fpstate), M(3, vrstate, ppc64_vrstate),
        M(4, vsxstate, ppc64_vsxstate));
MESSAGE(thread_info_ppc64, F(1, clear_tid_addr, U64, HEX), M(2, gpregs, ppc64_regs, HEX),
        M(3, fpstate, ppc64_fpstate), M(4, vrstate, ppc64_vrstate), M(5, vsxstate, ppc64_vsxstate),
        M(6, tmstate, ppc64_tm_regs));
MESSAGE(s390_regs, F(1, psw_mask, U64), F(2, psw_addr, U64), F(3, gprs, U64, LIST), F(4, acrs, U32, LIST),
        F(5, orig_gpr2, U64), F(6, system_call, U32));
MESSAGE(s390_fpregs, F(1, fpc, U32), F(2, fprs, U64, LIST));
MESSAGE(s390_vxrs_low, F(1, regs, U64, LIST));
MESSAGE(s390_vxrs_high, F(1, regs, U64, LIST));
MESSAGE(s390_gs_cb, F(1, regs, U64, LIST));
MESSAGE(s390_ri, F(1, ri_on, U32), F(2, regs, U64, LIST));
MESSAGE(thread_info_s390, F(1, clear_tid_addr, U64, HEX), M(2, gpregs, s390_regs, HEX),
        M(3, fpregs, s390_fpregs, HEX), M(4, vxrs_low, s390_vxrs_low, HEX),
        M(5, vxrs_high, s390_vxrs_high, HEX), M(6, gs_cb, s390_gs_cb, HEX), M(7, gs_bc, s390_gs_cb, HEX),
        M(8, ri_cb, s390_ri, HEX));
MESSAGE(mips_regs, F(1, r0, U64), F(2, r1, U64), F(3, r2, U64), F(4, r3, U64), F(5, r4, U64), F(6, r5, U64),
        F(7, r6, U64), F(8, r7, U64), F(9, r8, U64), F(10, r9, U64), F(11, r10, U64), F(12, r11, U64),
        F(13, r12, U64), F(14, r13, U64), F(15, r14, U64), F(16, r15, U64), F(17, r16, U64), F(18, r17, U64),
        F(19, r18, U64), F(20, r19, U64), F(21, r20, U64), F(22, r21, U64), F(23, r22, U64), F(24, r23, U64),
        F(25, r24, U64), F(26, r25, U64), F(27, r26, U64), F(28, r27, U64), F(29, r28, U64), F(30, r29, U64),
        F(31, r30, U64), F(32, r31, U64), F(33, lo, U64), F(34, hi, U64), F(35, cp0_epc, U64),
        F(36, cp0_badvaddr, U64), F(37, cp0_status, U64), F(38, cp0_cause, U64));
MESSAGE(mips_fpregs, F(1, r0, U64), F(2, r1, U64), F(3, r2, U64), F(4, r3, U64), F(5, r4, U64), F(6, r5, U64),
        F(7, r6, U64), F(8, r7, U64), F(9, r8, U64), F(10, r9, U64), F(11, r10, U64), F(12, r11, U64),
        F(13, r12, U64), F(14, r13, U64), F(15, r14, U64), F(16, r15, U64), F(17, r16, U64), F(18, r17, U64),
        F(19, r18, U64), F(20, r19, U64), F(21, r20, U64), F(22, r21, U64), F(23, r22, U64), F(24, r23, U64),
        F(25, r24, U64), F(26, r25, U64), F(27, r26, U64), F(28, r27, U64), F(29, r28, U64), F(30, r29, U64),
        F(31, r30, U64), F(32, r31, U64), F(33, lo, U64), F(34, hi, U64), F(35, fpu_fcr31, U32),
        F(36, fpu_id, U32));
MESSAGE(thread_info_mips, F(1, clear_tid_addr, U64, HEX), F(2, tls, U64), M(3, gpregs, mips_regs, HEX),
        M(4, fpregs, mips_fpregs, HEX));
MESSAGE(loongarch64_gpregs, F(1, regs, U64, LIST), F(2, pc, U64));
MESSAGE(loongarch64_fpregs, F(1, regs, U64, LIST), F(2, fcc, U64), F(3, fcsr, U32));
MESSAGE(thread_info_loongarch64, F(1, clear_tid_addr, U64, HEX), F(2, tls, U64),
        M(3, gpregs, loongarch64_gpregs, HEX), M(4, fpregs, loongarch64_fpregs, HEX));
MESSAGE(riscv64_regs, F(1, pc, U64), F(2, ra, U64), F(3, sp, U64), F(4, gp, U64), F(5, tp, U64),
        F(6, t0, U64), F(7, t1, U64), F(8, t2, U64), F(9, s0, U64), F(10, s1, U64), F(11, a0, U64),
        F(12, a1, U64), F(13, a2, U64), F(14, a3, U64), F(15, a4, U64), F(16, a5, U64), F(17, a6, U64),
        F(18, a7, U64), F(19, s2, U64), F(20, s3, U64), F(21, s4, U64), F(22, s5, U64), F(23, s6, U64),
        F(24, s7, U64), F(25, s8, U64), F(26, s9, U64), F(27, s10, U64), F(28, s11, U64), F(29, t3, U64),
        F(30, t4, U64), F(31, t5, U64), F(32, t6, U64));
MESSAGE(riscv64_d_ext, F(1, f, U64, LIST), F(2, fcsr, U32));
MESSAGE(thread_info_riscv64, F(1, clear_tid_addr, U64, HEX), F(2, tls, U64), M(3, gpregs, riscv64_regs, HEX),
        M(4, fpsimd, riscv64_d_ext));
MESSAGE(cpuinfo_x86, N(1, vendor_id, ENUM, cpu_vendor), F(2, cpu_family, U32), F(3, model, U32),
        F(4, stepping, U32), F(5, capability_ver, U32), F(6, capability, U32, LIST), F(7, model_id, TEXT),
        F(8, xfeatures_mask, U64), F(9, xsave_size, U32), F(10, xsave_size_max, U32));
MESSAGE(cpuinfo_ppc64, N(1, endian, ENUM, byte_order), F(2, hwcap, U64, LIST));
MESSAGE(cpuinfo_s390, F(2, hwcap, U64, LIST));
MESSAGE(cpuinfo, M(1, x86_entry, cpuinfo_x86, LIST), M(2, ppc64_entry, cpuinfo_ppc64, LIST),
        M(3, s390_entry, cpuinfo_s390, LIST));

/* Processes */
MESSAGE(task_kobj_ids, F(1, vm_id, U32), F(2, files_id, U32), F(3, fs_id, U32), F(4, sighand_id, U32),
        F(5, pid_ns_id, U32), F(6, net_ns_id, U32), F(7, ipc_ns_id, U32), F(8, uts_ns_id, U32),
        F(9, mnt_ns_id, U32), F(10, user_ns_id, U32), F(11, cgroup_ns_id, U32), F(12, time_ns_id, U32));
MESSAGE(plugins, F(12, plugins, TEXT, LIST));
MESSAGE(inventory, F(1, img_version, U32), F(2, fdinfo_per_id, BOOL), M(3, root_ids, task_kobj_ids),
        F(4, ns_per_id, BOOL), F(5, root_cg_set, U32), N(6, lsmtype, ENUM, lsm_type), F(8, dump_uptime, U64),
        F(9, pre_dump_mode, U32), F(10, tcp_close, BOOL), F(11, network_lock_method, U32),
        M(12, plugins_entry, plugins), F(13, dump_criu_run_id, TEXT), F(14, allow_uprobes, BOOL));
MESSAGE(dump_stats, F(1, freezing_time, U32), F(2, frozen_time, U32), F(3, memdump_time, U32),
        F(4, memwrite_time, U32), F(5, pages_scanned, U64), F(6, pages_skipped_parent, U64),
        F(7, pages_written, U64), F(8, irmap_resolve, U32), F(9, pages_lazy, U64), F(10, page_pipes, U64),
        F(11, page_pipe_bufs, U64), F(12, shpages_scanned, U64), F(13, shpages_skipped_parent, U64),
        F(14, shpages_written, U64));
MESSAGE(restore_stats, F(1, pages_compared, U64), F(2, pages_skipped_cow, U64), F(3, forking_time, U32),
        F(4, restore_time, U32), F(5, pages_restored, U64));
MESSAGE(stats, M(1, dump, dump_stats), M(2, restore, restore_stats));
MESSAGE(pstree, F(1, pid, U32), F(2, ppid, U32), F(3, pgid, U32), F(4, sid, U32), F(5, threads, U32, LIST));
MESSAGE(itimer, F(1, isec, U64), F(2, iusec, U64), F(3, vsec, U64), F(4, vusec, U64));
MESSAGE(posix_timer, F(1, it_id, U32), F(2, clock_id, U32), F(3, si_signo, U32), F(4, it_sigev_notify, U32),
        F(5, sival_ptr, U64), F(6, overrun, U32), F(7, isec, U64), F(8, insec, U64), F(9, vsec, U64),
        F(10, vnsec, U64), F(11, notify_thread_id, I32));
MESSAGE(task_timers, M(1, real, itimer), M(2, virt, itimer), M(3, prof, itimer),
        M(4, posix, posix_timer, LIST));
MESSAGE(rlimit, F(1, cur, U64), F(2, max, U64));
MESSAGE(task_rlimits, M(1, rlimits, rlimit, LIST));
MESSAGE(siginfo, F(1, siginfo, BYTES));
MESSAGE(signal_queue, M(1, signals, siginfo, LIST));
MESSAGE(sa, F(1, sigaction, U64, HEX), F(2, flags, U64, HEX), F(3, restorer, U64, HEX), F(4, mask, U64, HEX),
        F(5, compat_sigaction, BOOL), F(6, mask_extended, U64, HEX));
MESSAGE(task_core, N(1, task_state, U32, task_state), F(2, exit_code, U32), F(3, personality, U32),
        F(4, flags, U32), F(5, blk_sigset, U64, HEX), F(6, comm, TEXT), M(7, timers, task_timers),
        M(8, rlimits, task_rlimits), F(9, cg_set, U32), M(10, signals_s, signal_queue),
        N(11, old_seccomp_mode, ENUM, seccomp_mode), F(12, old_seccomp_filter, U32), F(13, loginuid, U32),
        F(14, oom_score_adj, I32), M(15, sigactions, sa, LIST), F(18, child_subreaper, BOOL),
        F(20, blk_sigset_extended, U64, HEX), F(21, stop_signo, U32),
        F(22, membarrier_registration_mask, U32, HEX));
MESSAGE(thread_sas, F(1, ss_sp, U64), F(2, ss_size, U64), F(3, ss_flags, U32));
MESSAGE(creds, F(1, uid, U32), F(2, gid, U32), F(3, euid, U32), F(4, egid, U32), F(5, suid, U32),
        F(6, sgid, U32), F(7, fsuid, U32), F(8, fsgid, U32), F(9, cap_inh, U32, LIST),
        F(10, cap_prm, U32, LIST), F(11, cap_eff, U32, LIST), F(12, cap_bnd, U32, LIST), F(13, secbits, U32),
        F(14, groups, U32, LIST), F(15, lsm_profile, TEXT), F(16, lsm_sockcreate, TEXT),
        F(17, apparmor_data, BYTES), F(18, no_new_privs, U32), F(19, cap_amb, U32, LIST));
MESSAGE(rseq, F(1, rseq_abi_pointer, U64), F(2, rseq_abi_size, U32), F(3, signature, U32),
        F(4, rseq_cs_pointer, U64));
MESSAGE(thread_core, F(1, futex_rla, U64), F(2, futex_rla_len, U32), F(3, sched_nice, S32),
        F(4, sched_policy, U32), F(5, sched_prio, U32), F(6, blk_sigset, U64), M(7, sas, thread_sas),
        F(8, pdeath_sig, U32), M(9, signals_p, signal_queue), M(10, creds, creds),
        N(11, seccomp_mode, ENUM, seccomp_mode), F(12, seccomp_filter, U32), F(13, comm, TEXT),
        F(14, blk_sigset_extended, U64), M(15, rseq_entry, rseq), F(16, cg_set, U32));
MESSAGE(core, N(1, mtype, ENUM, architecture), M(2, thread_info, thread_info_x86), M(3, tc, task_core),
        M(4, ids, task_kobj_ids), M(5, thread_core, thread_core), M(6, ti_arm, thread_info_arm),
        M(8, ti_aarch64, thread_info_aarch64), M(9, ti_ppc64, thread_info_ppc64),
        M(10, ti_s390, thread_info_s390), M(11, ti_mips, thread_info_mips),
        M(12, ti_loongarch64, thread_info_loongarch64), M(13, ti_riscv64, thread_info_riscv64));
MESSAGE(fs, F(1, cwd_id, U32), F(2, root_id, U32), F(3, umask, U32));
MESSAGE(seccomp_filter, F(1, filter, BYTES), F(2, prev, U32), F(3, flags, U32));
MESSAGE(seccomp, M(1, seccomp_filters, seccomp_filter, LIST));
MESSAGE(aa_policy, F(1, name, TEXT), F(2, blob, BYTES));
MESSAGE(aa_namespace, F(1, name, TEXT), M(2, policies, aa_policy, LIST),
        M(3, namespaces, aa_namespace, LIST));
MESSAGE(apparmor, M(1, namespaces, aa_namespace, LIST));

/* Memory */
MESSAGE(vma, F(1, start, U64, HEX), F(2, end, U64, HEX), F(3, pgoff, U64), F(4, shmid, U64),
        N(5, prot, U32, mmap_prot), N(6, flags, U32, mmap_flags), N(7, status, U32, mmap_status),
        F(8, fd, S64), F(9, madv, U64, HEX), F(10, fdflags, U32, HEX));
MESSAGE(aio_ring, F(1, id, U64), F(2, nr_req, U32), F(3, ring_len, U32));
MESSAGE(mm, F(1, mm_start_code, U64, HEX), F(2, mm_end_code, U64, HEX), F(3, mm_start_data, U64, HEX),
        F(4, mm_end_data, U64, HEX), F(5, mm_start_stack, U64, HEX), F(6, mm_start_brk, U64, HEX),
        F(7, mm_brk, U64, HEX), F(8, mm_arg_start, U64, HEX), F(9, mm_arg_end, U64, HEX),
        F(10, mm_env_start, U64, HEX), F(11, mm_env_end, U64, HEX), F(12, exe_file_id, U32),
        F(13, mm_saved_auxv, U64, LIST), M(14, vmas, vma, LIST), F(15, dumpable, I32),
        M(16, aios, aio_ring, LIST), F(17, thp_disabled, BOOL));
MESSAGE(pagemap_head, F(1, pages_id, U32));
MESSAGE(pagemap, F(1, vaddr, U64, HEX), F(2, compat_nr_pages, U32), F(3, in_parent, BOOL),
        N(4, flags, U32, pmap_flags), F(5, nr_pages, U64));

/* Sockets */
MESSAGE(fown, F(1, uid, U32), F(2, euid, U32), F(3, signum, U32), F(4, pid_type, U32), F(5, pid, U32));
MESSAGE(sk_opts, F(1, so_sndbuf, U32), F(2, so_rcvbuf, U32), F(3, so_snd_tmo_sec, U64),
        F(4, so_snd_tmo_usec, U64), F(5, so_rcv_tmo_sec, U64), F(6, so_rcv_tmo_usec, U64),
        F(7, reuseaddr, BOOL), F(8, so_priority, U32), F(9, so_rcvlowat, U32), F(10, so_mark, U32),
        F(11, so_passcred, BOOL), F(12, so_passsec, BOOL), F(13, so_dontroute, BOOL),
        F(14, so_no_check, BOOL), F(15, so_bound_dev, TEXT), F(16, so_filter, FIXED64, LIST),
        F(17, so_reuseport, BOOL), F(18, so_broadcast, BOOL), F(19, so_keepalive, BOOL),
        F(20, tcp_keepcnt, U32), F(21, tcp_keepidle, U32), F(22, tcp_keepintvl, U32),
        F(23, so_oobinline, U32), F(24, so_linger, U32), F(25, so_buf_lock, U32));
MESSAGE(ip_opts_raw, F(1, hdrincl, BOOL), F(2, nodefrag, BOOL), F(3, checksum, BOOL),
        F(4, icmpv_filter, U32, LIST));
MESSAGE(ip_opts, F(1, freebind, BOOL), M(4, raw, ip_opts_raw), F(5, pktinfo, BOOL), F(6, tos, U32),
        F(7, ttl, U32));
MESSAGE(tcp_opts, F(1, cork, BOOL), F(2, nodelay, BOOL), F(3, keepcnt, U32), F(4, keepidle, U32),
        F(5, keepintvl, U32));
MESSAGE(inet_sk, F(1, id, U32), F(2, ino, U32), N(3, family, U32, sk_family), N(4, type, U32, sk_type),
        N(5, proto, U32, sk_proto), N(6, state, U32, sk_state), F(7, src_port, U32), F(8, dst_port, U32),
        F(9, flags, U32, HEX), F(10, backlog, U32), F(11, src_addr, U32, LIST | ADDRESS),
        F(12, dst_addr, U32, LIST | ADDRESS), M(13, fown, fown), M(14, opts, sk_opts), F(15, v6only, BOOL),
        M(16, ip_opts, ip_opts), F(17, ifname, TEXT), F(18, ns_id, U32), N(19, shutdown, ENUM, sk_shutdown),
        M(20, tcp_opts, tcp_opts));
MESSAGE(file_perms, F(1, mode, U32), F(2, uid, U32), F(3, gid, U32));
MESSAGE(unix_sk, F(1, id, U32), F(2, ino, U32), N(3, type, U32, sk_type), N(4, state, U32, sk_state),
        F(5, flags, U32, HEX), F(6, uflags, U32, HEX), F(7, backlog, U32), F(8, peer, U32), M(9, fown, fown),
        M(10, opts, sk_opts), F(11, name, BYTES, QUOTED), N(12, shutdown, ENUM, sk_shutdown),
        M(13, file_perms, file_perms), F(14, name_dir, TEXT), F(15, deleted, BOOL), F(16, ns_id, U32),
        F(17, mnt_id, S32));
MESSAGE(packet_mclist, F(1, index, U32), F(2, type, U32), F(3, addr, BYTES));
MESSAGE(packet_ring, F(1, block_size, U32), F(2, block_nr, U32), F(3, frame_size, U32), F(4, frame_nr, U32),
        F(5, retire_tmo, U32), F(6, sizeof_priv, U32), F(7, features, U32));
MESSAGE(packet_sock, F(1, id, U32), F(2, type, U32), F(3, protocol, U32), F(4, flags, U32, HEX),
        F(5, ifindex, U32), M(6, fown, fown), M(7, opts, sk_opts), F(8, version, U32), F(9, reserve, U32),
        F(10, aux_data, BOOL), F(11, orig_dev, BOOL), F(12, vnet_hdr, BOOL), F(13, loss, BOOL),
        F(14, timestamp, U32), F(15, copy_thresh, U32), M(16, mclist, packet_mclist, LIST),
        F(17, fanout, U32), M(18, rx_ring, packet_ring), M(19, tx_ring, packet_ring), F(20, ns_id, U32));
MESSAGE(netlink_sk, F(1, id, U32), F(2, ino, U32), F(3, protocol, U32), F(4, state, U32),
        F(6, flags, U32, HEX), F(7, portid, U32), F(8, groups, U32, LIST), F(9, dst_portid, U32),
        F(10, dst_group, U32), M(11, fown, fown), M(12, opts, sk_opts), F(13, ns_id, U32));
MESSAGE(scm, F(1, type, U32), F(2, rights, U32, LIST));
MESSAGE(sk_packet, F(1, id_for, U32), F(2, length, U32), M(4, scm, scm, LIST));
MESSAGE(tcp_stream, F(1, inq_len, U32), F(2, inq_seq, U32), F(3, outq_len, U32), F(4, outq_seq, U32),
        F(5, opt_mask, U32, HEX), F(6, snd_wscale, U32), F(7, mss_clamp, U32), F(8, rcv_wscale, U32),
        F(9, timestamp, U32), F(10, cork, BOOL), F(11, nodelay, BOOL), F(12, unsq_len, U32),
        F(13, snd_wl1, U32), F(14, snd_wnd, U32), F(15, max_window, U32), F(16, rcv_wnd, U32),
        F(17, rcv_wup, U32));

/* Files */
MESSAGE(reg_file, F(1, id, U32), N(2, flags, U32, rfile_flags), F(3, pos, U64), M(5, fown, fown),
        F(6, name, TEXT), F(7, mnt_id, S32), F(8, size, U64), F(9, ext, BOOL), F(10, mode, U32),
        F(11, build_id, U32, LIST), F(12, checksum, U32), F(13, checksum_config, U32),
        F(14, checksum_parameter, U32));
MESSAGE(ns_file, F(1, id, U32), F(2, ns_id, U32), F(3, ns_cflag, U32), F(4, flags, U32));
MESSAGE(eventfd_file, F(1, id, U32), F(2, flags, U32), M(3, fown, fown), F(4, counter, U64));
MESSAGE(eventpoll_tfd, F(1, id, U32), F(2, tfd, U32), F(3, events, U32), F(4, data, U64), F(5, dev, U32),
        F(6, inode, U64), F(7, pos, U64));
MESSAGE(eventpoll_file, F(1, id, U32), F(2, flags, U32), M(3, fown, fown), M(4, tfd, eventpoll_tfd, LIST));
MESSAGE(signalfd, F(1, id, U32), F(2, flags, U32, HEX), M(3, fown, fown), F(4, sigmask, U64, HEX));
MESSAGE(tunfile, F(1, id, U32), F(2, netdev, TEXT), F(3, detached, BOOL), F(4, ns_id, U32));
MESSAGE(timerfd, F(1, id, U32), F(2, flags, U32, HEX), M(3, fown, fown), F(4, clockid, U32), F(5, ticks, U64),
        F(6, settime_flags, U32, HEX), F(7, vsec, U64), F(8, vnsec, U64), F(9, isec, U64), F(10, insec, U64));
MESSAGE(fh, F(1, bytes, U32), F(2, type, U32), F(3, handle, U64, LIST), F(4, path, TEXT), F(5, mnt_id, U32));
MESSAGE(inotify_wd, F(1, id, U32), F(2, i_ino, U64), F(3, mask, U32, HEX), F(4, ignored_mask, U32, HEX),
        F(5, s_dev, U32, DEV), F(6, wd, U32), M(7, f_handle, fh));
MESSAGE(inotify_file, F(1, id, U32), F(2, flags, U32, HEX), M(4, fown, fown), M(5, wd, inotify_wd, LIST));
MESSAGE(fanotify_inode_mark, F(1, i_ino, U64), M(2, f_handle, fh));
MESSAGE(fanotify_mount_mark, F(1, mnt_id, U32), F(2, path, TEXT));
MESSAGE(fanotify_mark, F(1, id, U32), N(2, type, ENUM, mark_type), F(3, mflags, U32, HEX),
        F(4, mask, U32, HEX), F(5, ignored_mask, U32, HEX), F(6, s_dev, U32, DEV),
        M(7, ie, fanotify_inode_mark), M(8, me, fanotify_mount_mark));
MESSAGE(fanotify_file, F(1, id, U32), F(2, flags, U32, HEX), M(3, fown, fown), F(4, faflags, U32, HEX),
        F(5, evflags, U32, HEX), M(6, mark, fanotify_mark, LIST));
MESSAGE(ext_file, F(1, id, U32), M(5, fown, fown));
MESSAGE(fifo, F(1, id, U32), F(2, pipe_id, U32), F(3, regf_id, U32));
MESSAGE(pipe, F(1, id, U32), F(2, pipe_id, U32), F(3, flags, U32, HEX), M(4, fown, fown));
MESSAGE(tty_file, F(1, id, U32), F(2, tty_info_id, U32), F(3, flags, U32, HEX), M(4, fown, fown),
        F(6, regf_id, U32));
MESSAGE(memfd_file, F(1, id, U32), N(2, flags, U32, rfile_flags), F(3, pos, U64), M(4, fown, fown),
        F(5, inode_id, U32));
MESSAGE(bpfmap_file, F(1, id, U32), N(2, flags, U32, rfile_flags), F(3, pos, U64), M(4, fown, fown),
        F(5, map_type, U32), F(6, key_size, U32), F(7, value_size, U32), F(8, map_id, U32),
        F(9, max_entries, U32), F(10, map_flags, U32), F(11, memlock, U64), F(12, frozen, BOOL),
        F(13, map_name, TEXT), F(14, ifindex, U32), F(15, mnt_id, S32), F(16, map_extra, U64));
MESSAGE(pidfd, F(1, id, U32), F(2, ino, U32), F(3, flags, U32), F(4, nspid, I32), M(5, fown, fown));
MESSAGE(file, N(1, type, ENUM, file_type), F(2, id, U32), M(3, reg, reg_file), M(4, isk, inet_sk),
        M(5, nsf, ns_file), M(6, psk, packet_sock), M(7, nlsk, netlink_sk), M(8, efd, eventfd_file),
        M(9, epfd, eventpoll_file), M(10, sgfd, signalfd), M(11, tunf, tunfile), M(12, tfd, timerfd),
        M(13, ify, inotify_file), M(14, ffy, fanotify_file), M(15, ext, ext_file), M(16, usk, unix_sk),
        M(17, fifo, fifo), M(18, pipe, pipe), M(19, tty, tty_file), M(20, memfd, memfd_file),
        M(21, bpf, bpfmap_file), M(22, pidfd, pidfd));
MESSAGE(fdinfo, F(1, id, U32), F(2, flags, U32), N(3, type, ENUM, file_type), F(4, fd, U32),
        F(5, xattr_security_selinux, TEXT));
MESSAGE(remap_file_path, F(1, orig_id, U32), F(2, remap_id, U32), N(3, remap_type, ENUM, remap_type));
MESSAGE(timeval, F(1, tv_sec, U64), F(2, tv_usec, U64));
MESSAGE(ghost_file, F(1, uid, U32), F(2, gid, U32), F(3, mode, U32), F(4, dev, U32, DEV), F(5, ino, U64),
        F(6, rdev, U32, RDEV), M(7, atim, timeval), M(8, mtim, timeval), F(9, chunks, BOOL), F(10, size, U64),
        F(11, symlnk_target, TEXT));
MESSAGE(ghost_chunk, F(1, len, U64), F(2, off, U64));
MESSAGE(memfd_inode, F(1, name, TEXT), F(2, uid, U32), F(3, gid, U32), F(4, size, U64), F(5, shmid, U32),
        N(6, seals, U32, seals_flags), F(7, inode_id, U64), F(8, hugetlb_flag, U32), F(9, mode, U32));
MESSAGE(bpfmap_data, F(1, map_id, U32), F(2, keys_bytes, U32), F(3, values_bytes, U32), F(4, count, U32));
MESSAGE(pipe_data, F(1, pipe_id, U32), F(2, bytes, U32), F(3, size, U32));
MESSAGE(termios, F(1, c_iflag, U32), F(2, c_oflag, U32), F(3, c_cflag, U32), F(4, c_lflag, U32),
        F(5, c_line, U32), F(6, c_ispeed, U32), F(7, c_ospeed, U32), F(8, c_cc, U32, LIST));
MESSAGE(winsize, F(1, ws_row, U32), F(2, ws_col, U32), F(3, ws_xpixel, U32), F(4, ws_ypixel, U32));
MESSAGE(tty_pty, F(1, index, U32));
MESSAGE(tty_info, F(1, id, U32), N(2, type, ENUM, tty_type), F(3, locked, BOOL), F(4, exclusive, BOOL),
        F(5, packet_mode, BOOL), F(6, sid, U32), F(7, pgrp, U32), F(8, rdev, U32), M(9, termios, termios),
        M(10, termios_locked, termios), M(11, winsize, winsize), M(12, pty, tty_pty), F(13, dev, U32),
        F(14, uid, U32), F(15, gid, U32));
MESSAGE(tty_data, F(1, tty_id, U32), F(2, data, BYTES));
MESSAGE(file_lock, F(1, flag, U32), F(2, type, U32), F(3, pid, I32), F(4, fd, I32), F(5, start, I64),
        F(6, len, I64));
MESSAGE(irmap_cache, F(1, dev, U32, RDEV), F(2, inode, U64), F(3, path, TEXT));

/* Mounts, namespaces, control groups */
MESSAGE(mnt, F(1, fstype, U32), F(2, mnt_id, U32), F(3, root_dev, U32, DEV), F(4, parent_mnt_id, U32),
        F(5, flags, U32, HEX), F(6, root, TEXT), F(7, mountpoint, TEXT), F(8, source, TEXT),
        F(9, options, TEXT), F(10, shared_id, U32), F(11, master_id, U32), F(12, with_plugin, BOOL),
        F(13, ext_mount, BOOL), F(14, fsname, TEXT), F(15, internal_sharing, BOOL), F(16, deleted, BOOL),
        F(17, sb_flags, U32, HEX), F(18, ext_key, TEXT));
MESSAGE(autofs, F(1, fd, I32), F(2, pgrp, I32), F(3, timeout, I32), F(4, minproto, I32), F(5, maxproto, I32),
        F(6, mode, I32), F(7, uid, I32), F(8, gid, I32), F(9, read_fd, I32));
MESSAGE(binfmt_misc, F(1, name, TEXT), F(2, enabled, BOOL), F(3, interpreter, TEXT), F(4, flags, TEXT),
        F(5, extension, TEXT), F(6, magic, TEXT), F(7, mask, TEXT), F(8, offset, I32));
MESSAGE(utsns, F(1, nodename, TEXT), F(2, domainname, TEXT));
MESSAGE(timespec, F(1, tv_sec, U64), F(2, tv_nsec, U64));
MESSAGE(timens, M(1, monotonic, timespec), M(2, boottime, timespec));
MESSAGE(pidns, F(1, ext_key, TEXT));
MESSAGE(uid_gid_extent, F(1, first, U32), F(2, lower_first, U32), F(3, count, U32));
MESSAGE(userns, M(1, uid_map, uid_gid_extent, LIST), M(2, gid_map, uid_gid_extent, LIST));
MESSAGE(cg_member, F(1, name, TEXT), F(2, path, TEXT), F(3, cgns_prefix, U32));
MESSAGE(cg_set, F(1, id, U32), M(2, ctls, cg_member, LIST));
MESSAGE(cgroup_perms, F(1, mode, U32), F(2, uid, U32), F(3, gid, U32));
MESSAGE(cgroup_prop, F(1, name, TEXT), F(2, value, TEXT), M(3, perms, cgroup_perms));
MESSAGE(cgroup_dir, F(1, dir_name, TEXT), M(2, children, cgroup_dir, LIST),
        M(3, properties, cgroup_prop, LIST), M(4, dir_perms, cgroup_perms));
MESSAGE(cg_controller, F(1, cnames, TEXT, LIST), M(2, dirs, cgroup_dir, LIST), F(3, is_threaded, BOOL));
MESSAGE(cgroup, M(1, sets, cg_set, LIST), M(2, controllers, cg_controller, LIST));
MESSAGE(ipc_var, F(1, sem_ctls, U32, LIST), F(2, msg_ctlmax, U32), F(3, msg_ctlmnb, U32),
        F(4, msg_ctlmni, U32), F(5, auto_msgmni, U32), F(6, shm_ctlmax, U64), F(7, shm_ctlall, U64),
        F(8, shm_ctlmni, U32), F(9, shm_rmid_forced, U32), F(10, mq_queues_max, U32), F(11, mq_msg_max, U32),
        F(12, mq_msgsize_max, U32), F(13, mq_msg_default, U32), F(14, mq_msgsize_default, U32),
        F(15, msg_next_id, U32), F(16, sem_next_id, U32), F(17, shm_next_id, U32));
MESSAGE(ipc_desc, F(1, key, U32), F(2, uid, U32), F(3, gid, U32), F(4, cuid, U32), F(5, cgid, U32),
        F(6, mode, U32), F(7, id, U32));
MESSAGE(ipc_shm, M(1, desc, ipc_desc), F(2, size, U64), F(3, in_pagemaps, BOOL), F(4, hugetlb_flag, U32));
MESSAGE(ipc_sem, M(1, desc, ipc_desc), F(2, nsems, U32));
MESSAGE(ipc_queue, M(1, desc, ipc_desc), F(2, qbytes, U32), F(3, qnum, U32));
MESSAGE(ipc_msg, F(1, mtype, U64), F(2, msize, U32));

/* The network */
MESSAGE(tun_link, F(1, flags, U32, HEX), F(2, owner, I32), F(3, group, I32), F(4, vnethdr, U32),
        F(5, sndbuf, U32));
MESSAGE(sysctl, N(1, type, ENUM, sysctl_type), F(2, iarg, I32), F(3, sarg, TEXT));
MESSAGE(macvlan_link, F(1, mode, U32), F(2, flags, U32));
MESSAGE(sit, F(1, link, U32), F(2, local, U32, LIST | ADDRESS), F(3, remote, U32, LIST | ADDRESS),
        F(4, ttl, U32), F(5, tos, U32), F(6, pmtudisc, BOOL), F(7, proto, U32), F(8, flags, U32),
        F(9, encap_type, U32), F(10, encap_flags, U32), F(11, encap_sport, U32), F(12, encap_dport, U32),
        F(13, rd_prefixlen, U32), F(14, rd_prefix, U32, LIST | ADDRESS), F(15, relay_prefixlen, U32),
        F(16, relay_prefix, U32, LIST | ADDRESS));
MESSAGE(net_device, N(1, type, ENUM, netdev_type), F(2, ifindex, U32), F(3, mtu, U32), F(4, flags, U32, HEX),
        F(5, name, TEXT), M(6, tun, tun_link), F(7, address, BYTES), F(8, conf, I32, LIST),
        M(9, conf4, sysctl, LIST), M(10, conf6, sysctl, LIST), M(11, macvlan, macvlan_link),
        F(12, peer_ifindex, U32), F(13, peer_nsid, U32), F(14, master, U32), M(15, sit, sit));
MESSAGE(netns_id, F(1, target_ns_id, U32), F(2, netnsid_value, I32));
MESSAGE(netns, F(1, def_conf, I32, LIST), F(2, all_conf, I32, LIST), M(3, def_conf4, sysctl, LIST),
        M(4, all_conf4, sysctl, LIST), M(5, def_conf6, sysctl, LIST), M(6, all_conf6, sysctl, LIST),
        M(7, nsids, netns_id, LIST), F(8, ext_key, TEXT), M(9, unix_conf, sysctl, LIST),
        M(10, ipv4_sysctl, sysctl, LIST));

#define KIND(kind, of) {kind, &message_##of, &message_##of, NULL}

static const struct criu_schema schemas[] = {
        KIND("APPARMOR", apparmor),
        KIND("AUTOFS", autofs),
        KIND("BINFMT_MISC", binfmt_misc),
        KIND("BPFMAP_DATA", bpfmap_data),
        KIND("BPFMAP_FILE", bpfmap_file),
        KIND("CGROUP", cgroup),
        KIND("CORE", core),
        KIND("CPUINFO", cpuinfo),
        KIND("CREDS", creds),
        KIND("EVENTFD_FILE", eventfd_file),
        KIND("EVENTPOLL_FILE", eventpoll_file),
        KIND("EVENTPOLL_TFD", eventpoll_tfd),
        KIND("EXT_FILES", ext_file),
        KIND("FANOTIFY_FILE", fanotify_file),
        KIND("FANOTIFY_MARK", fanotify_mark),
        KIND("FDINFO", fdinfo),
        KIND("FIFO", fifo),
        KIND("FIFO_DATA", pipe_data),
        KIND("FILES", file),
        KIND("FILE_LOCKS", file_lock),
        KIND("FS", fs),
        {"GHOST_FILE", &message_ghost_file, &message_ghost_chunk, NULL},
        KIND("IDS", task_kobj_ids),
        KIND("INETSK", inet_sk),
        KIND("INOTIFY_FILE", inotify_file),
        KIND("INOTIFY_WD", inotify_wd),
        KIND("INVENTORY", inventory),
        {"IPCNS_MSG", &message_ipc_queue, &message_ipc_queue, &message_ipc_msg},
        KIND("IPCNS_SEM", ipc_sem),
        KIND("IPCNS_SHM", ipc_shm),
        KIND("IPC_VAR", ipc_var),
        KIND("IRMAP_CACHE", irmap_cache),
        KIND("ITIMERS", itimer),
        KIND("MEMFD_INODE", memfd_inode),
        KIND("MM", mm),
        KIND("MNTS", mnt),
        KIND("NETDEV", net_device),
        KIND("NETLINK_SK", netlink_sk),
        KIND("NETNS", netns),
        KIND("NS_FILES", ns_file),
        KIND("PACKETSK", packet_sock),
        {"PAGEMAP", &message_pagemap_head, &message_pagemap, NULL},
        KIND("PIDFD", pidfd),
        KIND("PIDNS", pidns),
        KIND("PIPES", pipe),
        KIND("PIPES_DATA", pipe_data),
        KIND("POSIX_TIMERS", posix_timer),
        KIND("PSTREE", pstree),
        KIND("REG_FILES", reg_file),
        KIND("REMAP_FPATH", remap_file_path),
        KIND("RLIMIT", rlimit),
        KIND("SECCOMP", seccomp),
        KIND("SIGACT", sa),
        KIND("SIGNAL", siginfo),
        KIND("SIGNALFD", signalfd),
        KIND("SK_QUEUES", sk_packet),
        KIND("STATS", stats),
        KIND("TCP_STREAM", tcp_stream),
        KIND("TIMENS", timens),
        KIND("TIMERFD", timerfd),
        KIND("TTY_DATA", tty_data),
        KIND("TTY_FILES", tty_file),
        KIND("TTY_INFO", tty_info),
        KIND("TUNFILE", tunfile),
        KIND("UNIXSK", unix_sk),
        KIND("USERNS", userns),
        KIND("UTSNS", utsns),
        KIND("VMAS", vma),
};

const struct criu_schema *criu_schema_find(const char *kind)
{
        for (size_t i = 0; i < ARRAY_SIZE(schemas); i++)
                if (strcmp(schemas[i].kind, kind) == 0)
                        return &schemas[i];
        return NULL;
}
