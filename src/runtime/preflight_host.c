/* SPDX-License-Identifier: Apache-2.0 */
/* `doctor`: can this host checkpoint and restore at all? */
#include "runtime/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include "base/file.h"
#include "base/process.h"
#include "criu/cause.h"
#include "runtime/frozen.h"
#include "runtime/host.h"

#define CRIU_CHECK_TIMEOUT_MS 60000
#define EXCERPT_LINES         4
#define SPACE_LITTLE          GIB
#define CAPABILITY_ADMIN      21
#define CAPABILITY_RESOURCE   24
#define CAPABILITY_PTRACE     19

struct doctor {
        struct host_facts *facts;
        struct check_list *out;
};

static int check_rights(const struct doctor *doctor)
{
        _cleanup_buffer_ struct buffer status = {0};
        const char *line;
        uint64_t mask = 0;

        if (file_read(AT_FDCWD, "/proc/self/status", 64 * KIB, &status, NULL) == 0) {
                line = strstr(buffer_text(&status), "\nCapEff:");
                mask = line ? strtoull(line + strlen("\nCapEff:"), NULL, 16) : 0;
        }
        if (geteuid() != 0 || !(mask >> CAPABILITY_ADMIN & 1) || !(mask >> CAPABILITY_PTRACE & 1))
                return check_list_add(doctor->out, "rights", CHECK_FAILED,
                                      geteuid() == 0 ? "Start it with CAP_SYS_ADMIN and CAP_SYS_PTRACE."
                                                     : "Run it as root.",
                                      geteuid() == 0 ? "root lacks CAP_SYS_ADMIN or CAP_SYS_PTRACE here"
                                                     : "this is not root");
        if (!(mask >> CAPABILITY_RESOURCE & 1))
                return check_list_add(
                        doctor->out, "rights", CHECK_WARNING, "Start it with CAP_SYS_RESOURCE.",
                        "root lacks CAP_SYS_RESOURCE here: only programs that run as root can be "
                        "checkpointed");
        return check_list_add(doctor->out, "rights", CHECK_OK, "", "this is root with all that is needed");
}

static int check_criu(const struct doctor *doctor)
{
        uint32_t version = doctor->facts->criu_version;

        if (!version)
                return check_list_add(doctor->out, "criu", CHECK_FAILED,
                                      "Install the package criu, 4.2 or newer.", "CRIU is not installed");
        if (version < 40200 && host_kernel_at_least(doctor->facts->kernel, 6, 16))
                return check_list_add(doctor->out, "criu", CHECK_FAILED, "Install CRIU 4.2 or newer.",
                                      "CRIU %u.%u cannot dump programs with TCP sockets on kernel %s",
                                      version / 10000, version / 100 % 100, doctor->facts->kernel);
        return check_list_add(doctor->out, "criu", CHECK_OK, "", "CRIU %u.%u.%u suits kernel %s",
                              version / 10000, version / 100 % 100, version % 100, doctor->facts->kernel);
}

/* CRIU tries the kernel itself. */
static int check_criu_check(const struct doctor *doctor)
{
        static const char *const argv[] = {"criu", "check", NULL};
        struct process_options options = {.argv = argv, .timeout_ms = CRIU_CHECK_TIMEOUT_MS};
        _cleanup_process_result_ struct process_result result = {0};
        _cleanup_buffer_ struct buffer lines = {0};

        if (!doctor->facts->criu_version)
                return 0;
        if (process_run(&options, &result, NULL) < 0 || result.timed_out)
                return check_list_add(doctor->out, "criu-check", CHECK_UNKNOWN, "",
                                      "\"criu check\" did not end");
        if (result.exit_status == 0)
                return check_list_add(doctor->out, "criu-check", CHECK_OK, "", "CRIU finds the kernel fit");
        if (criu_log_excerpt(buffer_slice(&result.errors), EXCERPT_LINES, &lines) < 0)
                return -ENOMEM;
        return check_list_add(doctor->out, "criu-check", CHECK_FAILED,
                              "Install a newer CRIU or a kernel with CONFIG_CHECKPOINT_RESTORE.",
                              "\"criu check\" objects: %s",
                              lines.size ? buffer_text(&lines) : "it does not say why");
}

static int check_runtimes(const struct doctor *doctor)
{
        static const char *const names[] = {"crun", "runc"};
        bool any = false;
        int ret = 0;

        for (size_t i = 0; i < ARRAY_SIZE(names) && ret == 0; i++) {
                _cleanup_free_ char *path = process_find(names[i]);
                struct host_runtime runtime;

                if (!path)
                        continue;
                any = true;
                host_runtime_probe(names[i], &runtime);
                ret = runtime.checkpoint
                              ? check_list_add(doctor->out, names[i], CHECK_OK, "", "%s %s can checkpoint",
                                               names[i], runtime.version)
                              : check_list_add(doctor->out, names[i], CHECK_FAILED,
                                               "Install the package libcriu2.", "%s", runtime.reason);
        }
        if (ret == 0 && !any)
                ret = check_list_add(doctor->out, "crun", CHECK_FAILED, "Install crun and libcriu2, or runc.",
                                     "neither crun nor runc is installed");
        return ret;
}

static int check_podman(const struct doctor *doctor)
{
        static const char *const argv[] = {"podman", "--version", NULL};
        struct process_options options = {.argv = argv, .timeout_ms = CRIU_CHECK_TIMEOUT_MS};
        _cleanup_process_result_ struct process_result result = {0};
        unsigned major = 0, minor = 0;

        if (process_run(&options, &result, NULL) < 0 || result.exit_status != 0)
                return check_list_add(doctor->out, "podman", CHECK_WARNING,
                                      "Install the package podman if its containers are to be checkpointed.",
                                      "Podman is not installed");
        if (sscanf(buffer_text(&result.output), "podman version %u.%u", &major, &minor) != 2)
                return check_list_add(doctor->out, "podman", CHECK_UNKNOWN, "",
                                      "Podman does not say its version");
        if (major < 4 || (major == 4 && minor < 8))
                return check_list_add(doctor->out, "podman", CHECK_FAILED, "Install Podman 4.8 or newer.",
                                      "Podman %u.%u keeps its records in a form that is not read here", major,
                                      minor);
        return check_list_add(doctor->out, "podman", CHECK_OK, "", "Podman %u.%u is installed", major, minor);
}

static int check_cgroups(const struct doctor *doctor)
{
        _cleanup_free_ char *crun = process_find("crun");
        struct statfs fs;

        if (doctor->facts->cgroup_version == 2)
                return check_list_add(doctor->out, "cgroups", CHECK_OK, "", "control groups are version 2");
        if (crun && statfs("/sys/fs/cgroup/unified", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
                return check_list_add(doctor->out, "cgroups", CHECK_WARNING,
                                      "Boot with systemd.unified_cgroup_hierarchy=1, or use runc.",
                                      "control groups are hybrid, which crun refuses");
        return check_list_add(doctor->out, "cgroups", CHECK_OK, "", "control groups are version 1");
}

static int check_overlay(const struct doctor *doctor)
{
        _cleanup_buffer_ struct buffer text = {0};

        if (file_read(AT_FDCWD, "/proc/filesystems", 64 * KIB, &text, NULL) == 0 &&
            strstr(buffer_text(&text), "\toverlay\n"))
                return check_list_add(doctor->out, "overlay", CHECK_OK, "",
                                      "the kernel has overlay file systems");
        return check_list_add(doctor->out, "overlay", CHECK_WARNING, "Load it: modprobe overlay.",
                              "the kernel has not loaded overlay file systems, which Podman's storage needs");
}

static int check_memory(const struct doctor *doctor)
{
        uint64_t available = host_memory_available();

        return check_list_add(
                doctor->out, "memory", available >= 256 * MIB ? CHECK_OK : CHECK_WARNING,
                available >= 256 * MIB ? "" : "Free memory: a restore needs as much as the container had.",
                "%llu MiB of memory are available", (unsigned long long)(available / MIB));
}

static int check_space(const struct doctor *doctor)
{
        static const char *const places[] = {"/var/lib", "/var/tmp"};
        int ret = 0;

        for (size_t i = 0; i < ARRAY_SIZE(places) && ret == 0; i++) {
                uint64_t free_space = 0;

                if (file_free_space(places[i], &free_space, NULL) < 0)
                        continue;
                ret = check_list_add(
                        doctor->out, "space", free_space >= SPACE_LITTLE ? CHECK_OK : CHECK_WARNING,
                        free_space >= SPACE_LITTLE ? "" : "Free space there.", "%llu MiB are free in %s",
                        (unsigned long long)(free_space / MIB), places[i]);
        }
        return ret;
}

/* CRIU holds packets back while it dumps, by one or the other. */
static int check_network_lock(const struct doctor *doctor)
{
        _cleanup_free_ char *iptables = process_find("iptables-restore"), *nft = process_find("nft");

        if (iptables || nft)
                return check_list_add(doctor->out, "network-lock", CHECK_OK, "", "%s is installed",
                                      iptables ? "iptables" : "nftables");
        return check_list_add(
                doctor->out, "network-lock", CHECK_WARNING, "Install the package iptables or nftables.",
                "neither iptables nor nftables is installed: containers with a network of their own may "
                "not be dumped with open connections");
}

/* A container that somebody paused is frozen as well, and rightly so. */
static int check_frozen(const struct doctor *doctor)
{
        struct finding found = {0};
        int ret = frozen_find("/sys/fs/cgroup", &found, NULL);

        if (ret == 0)
                ret = found.count ? check_list_add(doctor->out, "frozen", CHECK_WARNING,
                                                   "If nobody paused them, thaw them: write 0 to "
                                                   "cgroup.freeze, or THAWED "
                                                   "to freezer.state, in each.",
                                                   "control groups are frozen: %s", buffer_text(&found.text))
                                  : check_list_add(doctor->out, "frozen", CHECK_OK, "",
                                                   "no control group is frozen");
        buffer_free(&found.text);
        return ret;
}

int preflight_host(struct check_list *out, struct error *err)
{
        static int (*const checks[])(const struct doctor *) = {
                check_rights, check_criu,         check_criu_check, check_runtimes,
                check_podman, check_cgroups,      check_overlay,    check_memory,
                check_space,  check_network_lock, check_frozen};
        _cleanup_host_facts_ struct host_facts *facts = NULL;
        struct doctor doctor = {.out = out};
        int ret = host_facts_read(&facts, err);

        if (ret < 0)
                return ret;
        doctor.facts = facts;
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
                if (checks[i](&doctor) < 0)
                        return error_oom(err);
        }
        return 0;
}
