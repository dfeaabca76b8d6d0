/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CRIU 4.2, crun 1.28 and runc 1.3 say when they fail, what it means and what to do. Codes are stable: a
 * cause that is dropped leaves its number unused.
 */
#include "criu/cause_table.h"

/* Sockets (criu/sockets.c, sk-inet.c, sk-tcp.c, sk-unix.c, sk-queue.c) */

static const struct criu_cause tcp_established = {
        {"SNAP-201", EXIT_RUNTIME, 409, "a TCP connection is open",
         "Repeat with --tcp close (the peer sees the connection end) or --tcp keep (restore at the same "
         "IP address, with --tcp keep, before the peer gives up)."},
        CAUSE_DUMP,
        {"Connected TCP socket, consider using"}};

static const struct criu_cause tcp_in_flight = {
        {"SNAP-202", EXIT_RUNTIME, 409, "a TCP connection is still being set up",
         "It waits in a listening socket until the program accepts it. Repeat with --tcp close or --tcp "
         "keep: "
         "both leave such connections out of the checkpoint."},
        CAUSE_DUMP,
        {"In-flight connection (l) for", "In-flight connections can be ignored"}};

static const struct criu_cause tcp_in_image = {
        {"SNAP-203", EXIT_RUNTIME, 409, "the checkpoint holds open TCP connections",
         "Restore with --tcp keep if this host has the same IP address and the peers still wait, else "
         "with --tcp close."},
        CAUSE_RESTORE,
        {"Connected TCP socket in image", "Need to set the --tcp-close options"}};

static const struct criu_cause tcp_protocol = {
        {"SNAP-204", EXIT_RUNTIME, 409, "a socket uses a protocol that CRIU cannot dump (MPTCP, SCTP)",
         "Make the program use plain TCP or UDP: for Go programs set GODEBUG=multipathtcp=0, for others "
         "turn Multipath TCP off (sysctl net.mptcp.enabled=0 in the container), then restart it."},
        CAUSE_DUMP,
        {"inet: Unsupported proto", "GODEBUG=multipathtcp=0", "Only stream, dgram and raw are supported"}};

static const struct criu_cause socket_family = {
        {"SNAP-205", EXIT_RUNTIME, 409, "a socket belongs to a family that CRIU cannot dump",
         "Only TCP, UDP, Unix, netlink and packet sockets can be dumped. Close the other one (vsock, "
         "Bluetooth, AF_ALG, XDP, CAN) in the program before the checkpoint."},
        CAUSE_DUMP,
        {"BUG! Unknown socket collected", "Unsupported socket family", "Unknown pair family",
         "Only stream/dgram/seqpacket are supported", "Unable to get protocol for netlink socket"}};

static const struct criu_cause socket_option = {
        {"SNAP-206", EXIT_RUNTIME, 500,
         "this CRIU is too old for this kernel: a socket option cannot be read",
         "Linux 6.16 made SO_PASSCRED and SO_PASSSEC fail on TCP sockets. Install CRIU 4.2 or newer and "
         "run \"checkpointctl doctor\"."},
        CAUSE_DUMP,
        {"Can't get 1:16 opt", "Can't get 1:34 opt"}};

static const struct criu_cause unix_external = {
        {"SNAP-207", EXIT_RUNTIME, 409, "a Unix socket is connected to a process outside the container",
         "Close that connection before the checkpoint (a log daemon, D-Bus, a database or the container "
         "engine's socket mounted into the container), and let the program reconnect afterwards."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"External socket is used", "External socket found in image",
         "Can't dump half of stream unix connection", "Can't dump name-less external socket",
         "with unreachable peer"}};

static const struct criu_cause unix_in_flight = {
        {"SNAP-208", EXIT_RUNTIME, 409, "data or a connection is under way in a local socket",
         "A Unix or netlink socket holds a message with attached descriptors, or a connection that nobody"
         " accepted. Try again in a moment."},
        CAUSE_DUMP,
        {"Found a closed in-flight socket", "In-flight connection on non-listening",
         "Non-empty write queue on an in-flight", "Control messages in queue, not supported",
         "More than 1 SCM is not possible", "The socket has data to read", "Can't dump corked dgram socket"}};

static const struct criu_cause socket_namespace = {
        {"SNAP-209", EXIT_RUNTIME, 409, "a socket belongs to a network namespace outside the container",
         "A process inherited a socket from outside, or entered another network namespace. Close it "
         "before the checkpoint."},
        CAUSE_DUMP,
        {"Unable to dump a socket from an external network namespace", "Unable to find a network namespace",
         "inet: Socket state * obtained but expected"}};

static const struct criu_cause socket_diag = {
        {"SNAP-210", EXIT_RUNTIME, 500, "the kernel lacks the modules that list sockets",
         "Run on the host: modprobe -a unix_diag tcp_diag udp_diag inet_diag netlink_diag af_packet_diag."
         " Then check with \"checkpointctl doctor\"."},
        CAUSE_DUMP,
        {"Diag module missing"}};

static const struct criu_cause tcp_repair = {
        {"SNAP-211", EXIT_RUNTIME, 500, "a TCP connection could not be taken or put back",
         "Its state cannot be read or set again on this host (addresses, routes or the peer differ). Use "
         "--tcp close."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Can't connect inet socket back", "libsoccr_save() failed", "Failed to lock TCP connection",
         "Failed to unlock TCP connection", "Can't turn TCP repair mode ON"}};

/* Objects behind file descriptors and mappings (criu/files-ext.c, pie/parasite.c, proc_parse.c) */

static const struct criu_cause io_uring = {
        {"SNAP-212", EXIT_RUNTIME, 409, "a process uses io_uring",
         "CRIU cannot dump io_uring. Turn it off in the program (Node.js: UV_USE_IO_URING=0; Redis, "
         "nginx, databases: their io_uring setting), or start the container with a seccomp profile that "
         "denies io_uring_setup, and restart it."},
        CAUSE_DUMP,
        {"[io_uring]", "send_fds failed (-22)"}};

static const struct criu_cause device = {
        {"SNAP-213", EXIT_RUNTIME, 409, "a process has a device open",
         "Only memory devices (null, zero, random), terminals and tun can be dumped. Close the device "
         "before the checkpoint, or run the container without it; GPUs need a CRIU plugin on both hosts."},
        CAUSE_DUMP,
        {"of that type [2*(chr ", "of that type [6*(blk "}};

static const struct criu_cause device_mapping = {
        {"SNAP-214", EXIT_RUNTIME, 409, "a process has device memory mapped",
         "The mapping belongs to a driver (GPU, network card, video). Make the program release the device"
         " before the checkpoint; GPUs need a CRIU plugin on both hosts."},
        CAUSE_DUMP,
        {"Can't handle non-regular mapping", "Unsupported mapping found", "handle_device_vma plugin failed"}};

static const struct criu_cause userfaultfd = {
        {"SNAP-215", EXIT_RUNTIME, 409, "a process uses userfaultfd",
         "Memory that is filled on demand (live migration, some garbage collectors) cannot be dumped. "
         "Turn that feature off in the program."},
        CAUSE_DUMP,
        {"[userfaultfd]"}};

static const struct criu_cause bpf = {
        {"SNAP-216", EXIT_RUNTIME, 409, "a process holds a BPF object that CRIU cannot dump",
         "Only hash and array maps can be dumped. Stop the tracing or networking program that loaded it "
         "before the checkpoint."},
        CAUSE_DUMP,
        {"does not currently support dumping BPF map", "anon_inode:bpf"}};

static const struct criu_cause kernel_object = {
        {"SNAP-217", EXIT_RUNTIME, 409, "a process has a kernel object open that CRIU cannot dump",
         "CRIU names it (perf events, secret memory, KVM, fscontext, landlock, …). Close it in the "
         "program, or stop the profiler or tracer that made it."},
        CAUSE_DUMP,
        {"Can't dump file * of that type [", "Unknown shit", "path=/secretmem"}};

static const struct criu_cause uprobes = {
        {"SNAP-218", EXIT_RUNTIME, 409, "a process is being traced with uprobes",
         "Stop the tracer (bpftrace, perf, an eBPF agent) that set user probes on it, then repeat."},
        CAUSE_DUMP,
        {"has uprobes vma", "Dumped with --allow-uprobes"}};

static const struct criu_cause tun = {
        {"SNAP-219", EXIT_RUNTIME, 409, "a tun or tap device cannot be dumped or made again",
         "The device must belong to the container's own network namespace and carry no filter. Close the "
         "VPN in the container before the checkpoint."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"tun: Can't", "tun: No ", "tun: Net namespace is required", "tun: Unable to create"}};

static const struct criu_cause watches = {
        {"SNAP-220", EXIT_RUNTIME, 409,
         "a file watch (inotify, fanotify) points to a file that cannot be found",
         "The watched file was deleted, or lies on a file system without file handles. Make the program "
         "drop the watch, or keep the watched files on a volume."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Can't dump that handle", "Can't find suitable path for handle", "fsnotify: Can't",
         "fsnotify: Unable to", "fsnotify: Adding fanotify"}};

static const struct criu_cause aio = {
        {"SNAP-221", EXIT_RUNTIME, 409, "asynchronous input or output (AIO) is under way",
         "Try again when the program is idle."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Not valid ring #", "Ring setup failed with", "Ring remap failed with", "wrong aio:"}};

static const struct criu_cause pidfd = {
        {"SNAP-222", EXIT_RUNTIME, 409,
         "a process holds a pidfd of a process that is not part of the container",
         "Close that descriptor in the program, or end the process that passed it in."},
        CAUSE_DUMP,
        {"is not a part of process tree", "PIDFD_THREAD flag is currently not supported"}};

static const struct criu_cause sysv = {
        {"SNAP-223", EXIT_RUNTIME, 409,
         "System V shared memory is shared with the host or has an unusual form",
         "Give the container its own IPC namespace (not --ipc host), then restart it."},
        CAUSE_DUMP,
        {"doesn't live in IPC ns", "Sysv shmem", "SysV shmem vma"}};

/* Files and mounts at a dump (criu/files-reg.c, file-lock.c, mount.c) */

static const struct criu_cause file_lock = {{"SNAP-224", EXIT_RUNTIME, 409, "a process holds a file lock",
                                             "Repeat with --file-locks (and restore with --file-locks)."},
                                            CAUSE_DUMP | CAUSE_RESTORE,
                                            {"Some file locks are hold by dumping tasks"}};

static const struct criu_cause file_lock_broken = {
        {"SNAP-225", EXIT_RUNTIME, 409, "a file lock or lease cannot be taken over",
         "The lock is held together with a process outside the container, or is a lease that is being "
         "broken. Release it before the checkpoint."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Unresolved lock found pid", "Can't break lease", "Lease doesn't conflicts", "Dump file lock failed",
         "Can not set flock", "Can not set posix lock", "Can not set ofd lock"}};

static const struct criu_cause ghost_limit = {
        {"SNAP-226", EXIT_RUNTIME, 409, "a deleted file that is still open is larger than the limit",
         "Repeat with --ghost-limit SIZE, larger than the size that CRIU names (for example --ghost-limit"
         " 1G); its contents go into the checkpoint."},
        CAUSE_DUMP,
        {"Can't dump ghost file"}};

static const struct criu_cause stdio_outside = {
        {"SNAP-227", EXIT_RUNTIME, 409,
         "standard input, output or error is a file or terminal outside the container",
         "Start the container with its output in a pipe or /dev/null (podman run -d does so; for crun and"
         " runc: crun run -d ID </dev/null >/dev/null 2>&1)."},
        CAUSE_DUMP,
        {"Can't lookup mount=* for fd=0 ", "Can't lookup mount=* for fd=1 ",
         "Can't lookup mount=* for fd=2 "}};

static const struct criu_cause mount_unreachable = {
        {"SNAP-228", EXIT_RUNTIME, 409,
         "a process has a file open on a mount that the container does not have",
         "The file was passed in from outside, or its mount was unmounted while in use. Make the program "
         "close it, or restart the container without it."},
        CAUSE_DUMP,
        {"Can't lookup mount=", "mnt: Unable to find suitable mount point", "mnt: Can't open mount",
         "Unaccessible path opened"}};

static const struct criu_cause mount_covered = {
        {"SNAP-229", EXIT_RUNTIME, 409, "a file in use is hidden by another mount on top of it",
         "Unmount what was mounted over it, or mount it before the program starts."},
        CAUSE_DUMP,
        {"Open files on overmounted mounts", "is overmounted so paths are invisible"}};

static const struct criu_cause mount_type = {
        {"SNAP-230", EXIT_RUNTIME, 409, "a mount in the container has a type that CRIU cannot dump",
         "FUSE, network and block file systems mounted inside the container cannot be dumped. Mount them "
         "on the host and pass them in as a volume."},
        CAUSE_DUMP,
        {"is a fuse mount but not external", "mnt: FS mnt * unsupported id", "is autodetected external mount",
         "Unable to dump a file system for", "binfmt_misc", "doesn't have a proper root mount",
         "failed to dump fs"}};

static const struct criu_cause mount_sharing = {
        {"SNAP-231", EXIT_RUNTIME, 409, "a mount is shared with the host in a way that CRIU cannot dump",
         "Use private propagation for the volume (no :shared, :slave, :rshared, :rslave), then restart "
         "the container."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"has unreachable sharing", "External slavery sharing group"}};

static const struct criu_cause deleted_link = {
        {"SNAP-232", EXIT_RUNTIME, 409, "a file in use lost its name and cannot be linked again",
         "The file was removed while other names of it exist, or its file system is read-only or cannot "
         "link. Close it in the program, or keep it on a volume."},
        CAUSE_DUMP,
        {"Can't create link remap", "Can't link remap to", "Can't note link remap",
         "Can't create even fake link"}};

static const struct criu_cause nested_namespace = {
        {"SNAP-233", EXIT_RUNTIME, 409, "a process in the container made a namespace of its own",
         "Containers or sandboxes inside the container (Docker in Docker, bubblewrap, Chromium, systemd "
         "units) cannot be dumped. Stop them before the checkpoint."},
        CAUSE_DUMP,
        {"Can't dump nested", "Nested mount namespaces are not supported",
         "The root task has another root than mntns"}};

static const struct criu_cause foreign_session = {
        {"SNAP-234", EXIT_RUNTIME, 409,
         "a process in the container was started from outside (an exec session)",
         "End sessions made with \"podman exec\", \"kubectl exec\" or \"crun exec\", then repeat."},
        CAUSE_DUMP,
        {"is outside of its pid namespace", "Can't dump a pid namespace without the process init",
         "is not a session leader", "Can't figure out which sid"}};

static const struct criu_cause terminal = {
        {"SNAP-235", EXIT_RUNTIME, 409, "a terminal belongs to somebody outside the container",
         "Detach from the container and end exec sessions, or start it without a terminal (no -t), then "
         "repeat."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Found dangling tty", "Don't have tty to inherit session", "without correspond master",
         "tty: Unable to find a master", "tty: The master for", "tty: Can't open",
         "tty: No task found with sid", "ctty inheritance detected"}};

/* Processes (criu/seize.c, compel/, parasite-syscall.c) */

static const struct criu_cause traced = {
        {"SNAP-236", EXIT_RUNTIME, 409, "a process is being debugged",
         "Detach the debugger or tracer (gdb, strace, delve, a security sensor that uses ptrace), or stop"
         " the program that traces itself, then repeat."},
        CAUSE_DUMP,
        {"Unseizable non-zombie", "Unable to interrupt task: * (Operation not permitted)"}};

static const struct criu_cause freeze_timeout = {
        {"SNAP-237", EXIT_TIMEOUT, 504, "the processes did not stop in time",
         "A process hangs in the kernel (a dead NFS server or disk: state D in ps). Mend that, or allow "
         "more time with --timeout SECONDS."},
        CAUSE_DUMP,
        {"Unable to freeze cgroup", "Unable to freeze tasks", "Timeout reached. Try to interrupt"}};

static const struct criu_cause thread_state = {
        {"SNAP-238", EXIT_RUNTIME, 409, "a process or thread is in a state that CRIU cannot dump",
         "A thread group whose leader ended, single stopped threads or zombies with threads cannot be "
         "dumped. Continue or end them (ps -eLo pid,tid,stat,comm in the container), then repeat."},
        CAUSE_DUMP,
        {"Individually stopped threads not supported", "Zombie thread not supported",
         "Zombies with threads are not supported", "Stopped tasks are not supported", "Zombie with children",
         "with a pending SIGTRAP", "unsupported stop signal"}};

static const struct criu_cause self_dump = {
        {"SNAP-239", EXIT_RUNTIME, 409, "CRIU runs inside the container that it should dump",
         "Run checkpointctl on the host, outside the container's cgroup."},
        CAUSE_DUMP,
        {"The criu itself is within dumped tree"}};

static const struct criu_cause architecture_mode = {
        {"SNAP-240", EXIT_RUNTIME, 409, "a process runs in a mode that CRIU cannot dump (32-bit or with LDT)",
         "Use a 64-bit build of the program."},
        CAUSE_DUMP,
        {"running in 32-bit mode", "with LDT descriptors", "Unsupported Elf format"}};

static const struct criu_cause root_dead = {
        {"SNAP-241", EXIT_RUNTIME, 409, "the container ended while it was being dumped",
         "Start it and repeat. If it ends each time, look at its log: blocking system calls are "
         "interrupted (EINTR) by a dump."},
        CAUSE_DUMP,
        {"A root task is dead", "task not stopped after seize", "Task pid reused while suspending"}};

static const struct criu_cause seccomp = {
        {"SNAP-242", EXIT_RUNTIME, 409, "seccomp filters cannot be suspended, read or set",
         "The kernel must have CONFIG_CHECKPOINT_RESTORE and PTRACE_O_SUSPEND_SECCOMP, and our own "
         "container must not be confined by seccomp. Check with \"checkpointctl doctor\"."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"suspending seccomp failed", "failed to suspend seccomp", "seccomp: Can't", "seccomp: SECCOMP",
         "seccomp: PR_SET_SECCOMP", "seccomp: Corrupted"}};

/* The host: kernel, tools, cgroups (criu/kerndat.c, vdso.c, cgroup.c, netfilter.c; crun and runc) */

static const struct criu_cause vdso = {
        {"SNAP-243", EXIT_RUNTIME, 500, "this CRIU is too old for this kernel: the vDSO cannot be read",
         "Install CRIU 4.2 or newer (Debian 12 has 3.17, which fails on current kernels) and run "
         "\"checkpointctl doctor\"."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Unexpected rt vDSO area bounds", "Got second vDSO entry", "Can't find vDSO/VVAR bounds",
         "Failed to fill self vdso symtable", "Kdat sizes of vdso/vvar differ", "vdso: Can't",
         "vdso: Not all dynamic entries"}};

static const struct criu_cause kernel_features = {
        {"SNAP-244", EXIT_RUNTIME, 500, "the kernel lacks something that CRIU needs",
         "Run \"checkpointctl doctor\" (or \"criu check\"); the kernel needs CONFIG_CHECKPOINT_RESTORE, and "
         "CRIU must be new enough for it. Delete /run/criu.kdat after a kernel change."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Could not initialize kernel features detection", "failed when initializing kerndat",
         "has failed when initializing kerndat", "kernel lacks get_rseq_conf",
         "as kernel doesn't support it"}};

static const struct criu_cause dirty_tracking = {
        {"SNAP-245", EXIT_RUNTIME, 500, "this kernel cannot track changed memory",
         "Incremental dumps need CONFIG_MEM_SOFT_DIRTY. Make a full checkpoint instead."},
        CAUSE_DUMP,
        {"Tracking memory is not available", "memory tracking not supported", "'s dirty memory tracker"}};

static const struct criu_cause network_lock = {
        {"SNAP-246", EXIT_RUNTIME, 500, "the container's network could not be held still",
         "Install nftables (nft) or iptables on the host, load the kernel module nf_tables, and look at "
         "what the tool said."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Locking network failed", "Locking connection failed", "Iptables configuration failed",
         "iptables-restore", "nft command error", "without libnftables support",
         "Can't create nftables table", "legacy version present"}};

static const struct criu_cause ip_tool = {
        {"SNAP-247", EXIT_RUNTIME, 500, "the ip program failed or is missing",
         "Install iproute2 on this host and make sure that the ip program is in the PATH of the container"
         " runtime."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"IP tool failed", "Check if \"ip rule save\" is supported"}};

static const struct criu_cause cgroup_restore = {
        {"SNAP-248", EXIT_RUNTIME, 500, "the container's cgroup could not be made again",
         "The runtime must run in a cgroup namespace of its own or on pure cgroup v2, and limits of the "
         "checkpoint (CPUs, memory nodes) must exist here. Run \"checkpointctl doctor\"."},
        CAUSE_RESTORE,
        {"Restoring special cpuset props failed", "special property failed", "cg: Can't",
         "cg: Failed writing", "write to cgroup.subtree_control", "cg: Unable to", "cgroupd: Can't move",
         "cg: CG paths mismatch"}};

static const struct criu_cause cgroup_hybrid = {
        {"SNAP-249", EXIT_RUNTIME, 500, "crun refuses hybrid cgroups",
         "Boot with systemd.unified_cgroup_hierarchy=1 (pure cgroup v2), or use runc, or unmount "
         "/sys/fs/cgroup/unified. See \"checkpointctl doctor\"."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"cgroups in hybrid mode not supported"}};

static const struct criu_cause libcriu = {
        {"SNAP-250", EXIT_RUNTIME, 500, "crun cannot load libcriu",
         "Install libcriu2 (Debian: apt install libcriu2; Fedora: criu-libs), in the version of criu."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"could not load `libcriu", "in `libcriu.so`", "libcriu is too old"}};

static const struct criu_cause config_file = {
        {"SNAP-251", EXIT_RUNTIME, 500, "a CRIU configuration file has a setting that this CRIU refuses",
         "Look at /etc/criu/default.conf, /etc/criu/crun.conf and /etc/criu/runc.conf (or the "
         "org.criu.config annotation)."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Unsupported configuration file format", "criu: unrecognized option", "invalid argument for -",
         "libcriu RPC config files supported"}};

static const struct criu_cause criu_missing = {
        {"SNAP-252", EXIT_RUNTIME, 500, "criu is not installed or does not start",
         "Install criu 4.2 or newer so that the container runtime finds it in its PATH, then run "
         "\"checkpointctl doctor\"."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Can't exec criu swrk", "criu*executable file not found", "CRIU version check failed",
         "failed checking version"}};

static const struct criu_cause no_criu_support = {
        {"SNAP-253", EXIT_RUNTIME, 500, "this container runtime was built without checkpoint support",
         "Install a crun built with CRIU (\"crun --version\" lists +CRIU), or use runc."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"unknown command checkpoint", "unknown command restore"}};

static const struct criu_cause not_running = {
        {"SNAP-254", EXIT_RUNTIME, 409, "the container is not running",
         "Only a running container has processes to dump: start it, or look at \"podman ps -a\" or \"crun "
         "list\" for why it ended."},
        CAUSE_DUMP,
        {"container `*` is not running", "container `*` does not exist", "container not running",
         "container does not exist", "cannot be checkpointed in"}};

static const struct criu_cause privileges = {
        {"SNAP-255", EXIT_RUNTIME, 500, "CRIU has not the rights it needs",
         "Run as root on the host (or with CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, CAP_SYS_PTRACE and "
         "CAP_NET_ADMIN), outside a user namespace."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"You need to be root", "requires root", "can't dump unprivileged task"}};

static const struct criu_cause lsm = {
        {"SNAP-256", EXIT_RUNTIME, 500, "AppArmor or SELinux stands in the way",
         "The profile of the container must exist on this host and let CRIU change to it: look at \"dmesg\""
         " or \"ausearch -m avc\", load the profile, or restore on a host with the same security module."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"can't write lsm profile", "mismatched lsm types", "LSM specified but", "apparmor parsing failed",
         "getting selinux profile failed", "security.selinux", "SELinux context", "AA namespace"}};

/* The image and its new surroundings at a restore */

static const struct criu_cause image_newer = {
        {"SNAP-257", EXIT_BAD_DATA, 422, "the checkpoint was made by a newer CRIU, or is none",
         "Install at least the CRIU version that made it (\"checkpointctl inspect FILE\" shows it), or "
         "verify the file with \"checkpointctl verify FILE\"."},
        CAUSE_RESTORE,
        {"Not supported images version", "Too old image, no longer supported", "agic doesn't match for",
         "Unknown image format", "Unknown file type", "Core march mismatch"}};

static const struct criu_cause image_missing = {
        {"SNAP-258", EXIT_BAD_DATA, 422, "a file of the checkpoint is missing",
         "Run \"checkpointctl verify FILE\" to see which. A checkpoint made against an earlier one needs "
         "that one too."},
        CAUSE_RESTORE,
        {"(empty-image)", "(criu/image.c:*Unable to open * No such file", "No parent for snapshot pagemap",
         "in parent pagemap", "Core info data missed", "No entry for reg-file-ID"}};

static const struct criu_cause image_truncated = {
        {"SNAP-259", EXIT_BAD_DATA, 422, "a file of the checkpoint is cut short or damaged",
         "Run \"checkpointctl verify FILE\" to see which, and take another copy of the checkpoint."},
        CAUSE_RESTORE,
        {"Unexpected EOF", "Img trimmed", "Read * bytes while * expected", "Failed unpacking object",
         " bytes from file ", "Reached EOF unexpectedly while reading page", "Can't read async pr bytes",
         "orrupted", "corruption"}};

static const struct criu_cause file_size = {
        {"SNAP-260", EXIT_RUNTIME, 409, "a file has another size than at the dump",
         "The file system went on after the memory was taken, a volume changed, or the image is another "
         "one. Bring the file back to the size that CRIU expects, or use the image and volumes of the "
         "dump, then restore again."},
        CAUSE_RESTORE,
        {"has bad size"}};

static const struct criu_cause file_changed = {
        {"SNAP-261", EXIT_RUNTIME, 409, "a program or library is not the one of the dump",
         "Restore with exactly the image of the checkpoint (same digest): the file has another build or "
         "other permissions."},
        CAUSE_RESTORE,
        {"has bad build-ID", "has bad mode"}};

static const struct criu_cause file_missing = {
        {"SNAP-262", EXIT_RUNTIME, 409, "a file that the processes need is missing here",
         "Volumes and bind mounts are not part of a checkpoint: put the file that CRIU names in its "
         "place, use the same image, or give the restored container the same volumes."},
        CAUSE_RESTORE,
        {"Can't open file * on restore", "files-reg.c:*Can't open file", "Can't open cwd", "Can't open root",
         "files-reg.c*No such file or directory", "Can't restore EXE link"}};

static const struct criu_cause mount_missing = {
        {"SNAP-263", EXIT_RUNTIME, 409, "a mount of the dump cannot be made here",
         "The container must be restored with the same mounts: compare \"checkpointctl inspect --mounts "
         "FILE\" with the new container, and create what is missing on this host."},
        CAUSE_RESTORE,
        {"mnt: No mapping for", "mnt-v2: Failed to", "mnt-v2: Can't", "mnt-v2: Unable", "mnt: Can't",
         "mnt: Unable to", "mount points can't be mounted", "unable to resolve external bind mount",
         "stat `*`: No such file or directory"}};

static const struct criu_cause address_missing = {
        {"SNAP-264", EXIT_RUNTIME, 409, "an IP address of the dump is not on this host",
         "The program listens on, or is connected from, an address that the new network does not have. "
         "Restore into a network with that address (podman: without --ignore-static-ip), or make the "
         "program listen on 0.0.0.0."},
        CAUSE_RESTORE,
        {"inet: *Cannot assign requested address", "inet: *Can't assign requested address"}};

static const struct criu_cause port_taken = {
        {"SNAP-265", EXIT_RUNTIME, 409, "a port of the dump is already in use here",
         "Find the program with \"ss -ltnp\" and stop it, or restore into a network namespace of its own."},
        CAUSE_RESTORE,
        {"Address already in use"}};

static const struct criu_cause interface_missing = {
        {"SNAP-266", EXIT_RUNTIME, 409, "a network interface of the dump is missing here",
         "Restore into a network with an interface of that name."},
        CAUSE_RESTORE,
        {"couldn't find ifindex for", "inet: couldn't find ifname", "Can't bind packet socket to",
         "Unable to find an external netns", "net: Can't restore link", "Unable to restore network links"}};

static const struct criu_cause pid_taken = {
        {"SNAP-267", EXIT_RUNTIME, 409, "a process ID of the dump is already in use here",
         "Restore into a PID namespace of its own (not --pid host), or end the process that has the ID."},
        CAUSE_RESTORE,
        {"do not match expected", "Setting PID failed", "intersects with p", "intersects with sid",
         "Can't fork for *: File exists", "Unable to create a thread: -17",
         "First PID in a PID namespace needs to be"}};

static const struct criu_cause cpu = {
        {"SNAP-268", EXIT_RUNTIME, 409, "this processor lacks something that the processes use",
         "Restore on a processor with the same features: \"checkpointctl inspect FILE\" shows those of the "
         "dump, \"checkpointctl preflight FILE\" what is missing."},
        CAUSE_RESTORE,
        {"CPU capabilities do not match", "CPU instruction capabilities do not match", "xsave * mismatch",
         "xsave size mismatch", "CPU xfeatures has unsupported bits", "host cpu doesn't support it",
         "is not supported on host", "required by image"}};

static const struct criu_cause inherit_fd = {
        {"SNAP-269", EXIT_RUNTIME, 409, "a pipe or namespace that the runtime should hand in is missing",
         "descriptors.json does not fit this start: restore through checkpointctl, which makes the pipes "
         "anew, and do not edit that file."},
        CAUSE_RESTORE,
        {"Can't fstat inherit fd", "Invalid inherit fd", "descriptors.json",
         "Unable to find an external pidns"}};

static const struct criu_cause capability_lost = {
        {"SNAP-270", EXIT_RUNTIME, 409, "a process cannot get back its rights or limits",
         "This host grants less than the first one (capabilities, user IDs, rlimits, oom_score_adj). "
         "Restore as root outside a user namespace, with the same user mapping."},
        CAUSE_RESTORE,
        {"Unable to restore capabilities", "Unable to raise ambient capability", "Setting loginuid",
         "oom_score_adj failed", "Unable to set real, effective", "SECURE_NO_SETUID_FIXUP", "Can't setgroups",
         "One or more namespaces doesn"}};

static const struct criu_cause plugin = {
        {"SNAP-271", EXIT_RUNTIME, 500, "a CRIU plugin is missing or failed",
         "The checkpoint holds device state (GPU): install the CRIU plugin of the vendor, in the version "
         "of criu, on this host."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Missing required plugin", "Can't load plugin", "cuda_plugin", "amdgpu_plugin"}};

static const struct criu_cause ipc_taken = {
        {"SNAP-272", EXIT_RUNTIME, 409, "System V IPC objects of the dump cannot be made again",
         "Restore into an IPC namespace of its own (not --ipc host), with kernel.shmmax and kernel.msgmax"
         " as large as before."},
        CAUSE_RESTORE,
        {"Failed to restore msg id", "Failed to restore sem id", "Failed to restore shm id",
         "Failed to create shm set", "Failed to create sem set", "Failed to create msg set",
         "Failed to prepare IPC"}};

static const struct criu_cause time_namespace = {
        {"SNAP-273", EXIT_RUNTIME, 500, "timers or clocks cannot be restored",
         "The kernel must support time namespaces and timer restore (CONFIG_TIME_NS, "
         "CONFIG_CHECKPOINT_RESTORE). Check with \"checkpointctl doctor\"."},
        CAUSE_RESTORE,
        {"Unable to create a new time namespace", "clock offset", "Can't create posix timer",
         "Can't create timers, kernel"}};

static const struct criu_cause network_settings = {
        {"SNAP-280", EXIT_RUNTIME, 500, "network settings of the dump cannot be set here",
         "Usually the checkpoint comes from a newer CRIU: install at least the version that made it "
         "(\"checkpointctl inspect FILE\" shows it). Else the kernel lacks the setting, or /proc/sys is "
         "read-only."},
        CAUSE_RESTORE,
        {"/<sysctls>", "/<confs>"}};

/* General causes, looked for last */

static const struct criu_cause no_space = {
        {"SNAP-274", EXIT_NO_SPACE, 507, "no space is left",
         "Free space on the file system that holds the checkpoint (a dump needs about as much as the "
         "memory of the container), or choose another directory with --output."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"No space left on device", "Disk quota exceeded", "File too large"}};

static const struct criu_cause no_memory = {
        {"SNAP-275", EXIT_NO_SPACE, 507, "memory ran out",
         "A restore needs as much free memory as the container had, and its memory limit must be no "
         "smaller. Free memory on the host or raise the limit."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Cannot allocate memory", "Out of memory", "Unable to reserve memory"}};

static const struct criu_cause image_directory = {
        {"SNAP-276", EXIT_RUNTIME, 500, "the directory for the image files cannot be used",
         "It must exist, be writable for root and not lie on a read-only file system."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Read-only file system", "Can't open dir", "Couldn't open image dir",
         "error creating CRIU work directory", "error creating checkpoint directory",
         "error opening checkpoint directory"}};

static const struct criu_cause open_files = {
        {"SNAP-277", EXIT_RUNTIME, 500, "too many files are open",
         "Raise the limit for open files (ulimit -n, LimitNOFILE= of the service, fs.file-max) and "
         "repeat."},
        CAUSE_DUMP | CAUSE_RESTORE,
        {"Too many open files"}};

static const struct criu_cause parasite = {
        {"SNAP-278", EXIT_RUNTIME, 500, "CRIU could not run its code inside a process",
         "Usually a security sensor, a seccomp filter or a full cgroup (pids, memory) prevents it. Look "
         "at \"dmesg\"; repeat with the sensor off."},
        CAUSE_DUMP,
        {"Can't infect", "Can't run parasite", "Parasite exited", "Can't switch parasite",
         "was killed by * unexpectedly", "Unable to connect a transport socket",
         "Can't dump page with parasite", "Message reply from daemon is trimmed"}};

static const struct criu_cause restored_crash = {
        {"SNAP-279", EXIT_RUNTIME, 500, "a process ended while it was being restored",
         "Signal 9: memory limit or OOM killer (\"dmesg\"). Signal 4 or 11: other processor or CRIU older "
         "than the one of the dump. Else look at restore.log."},
        CAUSE_RESTORE,
        {"Restorer fail", "killed by signal", "Child * died too early", "exited with non-zero code",
         "exited, status=", "Restorer abnormal termination", "stack smash detected"}};

const struct error_kind ERROR_CRIU_UNKNOWN = {
        "SNAP-200", EXIT_RUNTIME, 500, "CRIU failed for a reason that is not known here",
        "Read CRIU's lines: the first error is the cause, the others follow from it."};

/* In the order in which they are looked for. */
/* clang-format off */
#define CAUSES(EACH)                                                                                  \
        EACH(tcp_established) EACH(tcp_in_flight) EACH(tcp_in_image) EACH(tcp_protocol)               \
        EACH(socket_family) EACH(socket_option) EACH(unix_external) EACH(unix_in_flight)              \
        EACH(socket_namespace) EACH(socket_diag) EACH(tcp_repair) EACH(io_uring) EACH(device)         \
        EACH(device_mapping) EACH(userfaultfd) EACH(bpf) EACH(kernel_object) EACH(uprobes) EACH(tun)  \
        EACH(watches) EACH(aio) EACH(pidfd) EACH(sysv) EACH(file_lock) EACH(file_lock_broken)         \
        EACH(ghost_limit) EACH(stdio_outside) EACH(mount_unreachable) EACH(mount_covered)             \
        EACH(mount_type) EACH(mount_sharing) EACH(deleted_link) EACH(nested_namespace)                \
        EACH(foreign_session) EACH(terminal) EACH(traced) EACH(freeze_timeout) EACH(thread_state)     \
        EACH(self_dump) EACH(architecture_mode) EACH(root_dead) EACH(seccomp) EACH(vdso)              \
        EACH(kernel_features) EACH(dirty_tracking) EACH(network_lock) EACH(ip_tool)                   \
        EACH(cgroup_restore) EACH(cgroup_hybrid) EACH(libcriu) EACH(config_file) EACH(criu_missing)   \
        EACH(no_criu_support) EACH(not_running) EACH(privileges) EACH(lsm) EACH(image_newer)          \
        EACH(image_missing) EACH(image_truncated) EACH(file_size) EACH(file_changed)                  \
        EACH(file_missing) EACH(mount_missing) EACH(address_missing) EACH(port_taken)                 \
        EACH(interface_missing) EACH(pid_taken) EACH(cpu) EACH(inherit_fd) EACH(capability_lost)      \
        EACH(plugin) EACH(ipc_taken) EACH(time_namespace) EACH(network_settings) EACH(no_space)       \
        EACH(no_memory) EACH(image_directory) EACH(open_files) EACH(parasite) EACH(restored_crash)
/* clang-format on */

#define AS_CAUSE(name) &name,
#define AS_KIND(name)  &name.kind,

const struct criu_cause *const criu_causes[] = {CAUSES(AS_CAUSE) NULL};

const struct error_kind *const criu_error_kinds[] = {&ERROR_CRIU_UNKNOWN, CAUSES(AS_KIND) NULL};
