/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/preflight.h"

#include <errno.h>
#include <sys/utsname.h>
#include "base/file.h"
#include "runtime/cri_private.h"
#include "runtime/host.h"
#include "runtime/oci.h"
#include "runtime/preflight_mounts.h"
#include "runtime/sockets.h"
#include "runtime/survey.h"

#define GHOST_LIMIT_DEFAULT MIB        /* CRIU's own (criu/include/cr_options.h) */
#define SPACE_SMALL_FILES   (16 * MIB) /* what a dump has besides memory, generously */

struct preflight {
        const struct container *container;
        bool by_engine; /* it takes the checkpoint, with what this node's configuration says */
        const struct checkpoint_options *options;
        struct survey survey;
        struct finding established, waiting, external_unix;
        bool has_tcp;
        struct check_list *out;
};

#define ENGINE_REMEDY(line)                                                                                  \
        "Put `" line "` into /etc/criu/runc.conf (crun: /etc/criu/crun.conf) of this node."

/* One check that passes when nothing was found. */
static int check_finding(struct preflight *preflight, const char *name, enum check_status status,
                         const struct finding *finding, const char *fine, const char *what,
                         const char *remedy)
{
        if (!finding->count)
                return check_list_add(preflight->out, name, CHECK_OK, "", "%s", fine);
        return check_list_add(preflight->out, name, status, remedy, "%s: %s", what,
                              buffer_text(&finding->text));
}

static int check_state(struct preflight *preflight, bool *running)
{
        const struct container *container = preflight->container;

        *running = strcmp(container->state, "running") == 0 && container->pid > 0;
        if (*running)
                return check_list_add(preflight->out, "state", CHECK_OK, "", "it is running");
        return check_list_add(
                preflight->out, "state", CHECK_FAILED,
                strcmp(container->state, "paused") == 0 ? "Resume it first." : "Start it first.",
                "it is not running but %s", *container->state ? container->state : "in no known state");
}

static int check_descriptors(struct preflight *preflight)
{
        const struct survey *survey = &preflight->survey;
        const struct checkpoint_options *options = preflight->options;
        bool links_fatal = !strstr(preflight->container->runtime, "runc");
        int ret = check_finding(
                preflight, "io_uring", CHECK_FAILED, &survey->io_uring, "no io_uring is in use",
                "CRIU cannot dump io_uring, which is in use",
                "Tell the program not to use it (Node.js: UV_USE_IO_URING=0, MariaDB: "
                "innodb_use_native_aio=0), or forbid it (sysctl kernel.io_uring_disabled=2) and "
                "start the container again.");

        if (ret == 0)
                ret = check_finding(preflight, "devices", CHECK_FAILED, &survey->devices,
                                    "no foreign device is open", "CRIU cannot dump an open device",
                                    "Close the device, or checkpoint while it is not in use.");
        if (ret == 0)
                ret = check_finding(preflight, "anonymous-files", CHECK_FAILED, &survey->unsupported,
                                    "no file of a kind that CRIU does not know is open",
                                    "CRIU cannot dump this kind of file", "Close it, or end what uses it.");
        if (ret == 0)
                ret = check_finding(preflight, "file-locks", options->file_locks ? CHECK_OK : CHECK_FAILED,
                                    &survey->locks, "no file is locked", "files are locked",
                                    options->file_locks    ? ""
                                    : preflight->by_engine ? ENGINE_REMEDY("file-locks")
                                                           : "Take the locks along: --file-locks.");
        if (ret == 0)
                ret = check_finding(preflight, "deleted-files", CHECK_FAILED, &survey->deleted_large,
                                    "no large deleted file is open",
                                    "deleted files are open that are larger than the limit",
                                    preflight->by_engine ? ENGINE_REMEDY("ghost-limit SIZE")
                                                         : "Raise the limit: --ghost-limit SIZE.");
        if (ret == 0)
                ret = check_finding(preflight, "linked-files", links_fatal ? CHECK_FAILED : CHECK_WARNING,
                                    &survey->deleted_linked,
                                    "no open file was deleted under one of several names",
                                    "files are open whose name was deleted while another name exists",
                                    "Let the program close or reopen them.");
        if (ret == 0)
                ret = check_finding(
                        preflight, "stdio", CHECK_FAILED, &survey->outside_stdio,
                        "standard input and output lie inside or are pipes",
                        "standard input or output lies outside the container",
                        "Start the container with pipes or /dev/null as standard input and output.");
        if (ret == 0)
                ret = check_finding(preflight, "outside-files", CHECK_FAILED, &survey->outside_files,
                                    "all open files lie inside",
                                    "files outside the container's mounts are open",
                                    "Start the container without handing open files to it.");
        return ret;
}

/* A stopped process that is frozen by a version 1 group cannot be attached to before it is thawed: CRIU waits
 * in the kernel for that, for ever. A version 2 group does not have this fault. */
static int check_stopped(struct preflight *preflight)
{
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        bool version1 = oci_cgroup(preflight->container, &cgroup, NULL) == 0 && cgroup_version(cgroup) == 1;

        return check_finding(preflight, "stopped-processes", version1 ? CHECK_FAILED : CHECK_OK,
                             &preflight->survey.stopped, "no process is stopped by a signal",
                             "processes are stopped by a signal",
                             version1 ? "Let them go on (kill -CONT) or end them: CRIU would hang." : "");
}

static int check_processes(struct preflight *preflight)
{
        const struct survey *survey = &preflight->survey;
        int ret = check_finding(preflight, "being-traced", CHECK_FAILED, &survey->traced, "nobody traces it",
                                "a debugger or tracer is attached", "Detach it.");

        if (ret == 0)
                ret = check_finding(
                        preflight, "exec-sessions", CHECK_WARNING, &survey->foreign,
                        "nobody has joined it from outside",
                        "processes have joined the container from outside (exec)",
                        "They are left out: only what descends from the first process is taken along.");
        if (ret == 0)
                ret = check_finding(
                        preflight, "rights", CHECK_FAILED, &survey->limited, "its processes may be looked at",
                        "this process lacks CAP_SYS_RESOURCE, without which CRIU cannot dump other users' "
                        "processes",
                        "Run where root has CAP_SYS_RESOURCE, or the container's programs as root.");
        return ret;
}

static int see_tcp(void *context, const struct socket_tcp *socket)
{
        struct preflight *preflight = context;

        if (!survey_has_socket(&preflight->survey, socket->inode))
                return 0;
        preflight->has_tcp = true;
        if (socket->connected)
                return finding_add(&preflight->established, "%s to %s", socket->local, socket->remote);
        if (socket->waiting)
                return finding_add(&preflight->waiting, "%llu at %s", (unsigned long long)socket->waiting,
                                   socket->local);
        return 0;
}

static int check_tcp(struct preflight *preflight)
{
        enum tcp_policy tcp = preflight->options->tcp;
        struct error why = {0};
        /* The kernel walks its whole table for this, some milliseconds: not when nobody has a socket. */
        int ret = preflight->survey.socket_count
                          ? socket_each_tcp(preflight->container->pid, see_tcp, preflight, &why)
                          : 0;

        if (ret == -ENOMEM)
                return ret;
        if (ret < 0)
                return check_list_add(preflight->out, "established-tcp", CHECK_UNKNOWN, "", "%s", why.text);
        ret = check_finding(preflight, "established-tcp", tcp == TCP_REFUSE ? CHECK_FAILED : CHECK_OK,
                            &preflight->established, "no TCP connection is open",
                            tcp == TCP_CLOSE ? "TCP connections will be closed" : "TCP connections are open",
                            tcp != TCP_REFUSE ? ""
                            : preflight->by_engine
                                    ? ENGINE_REMEDY("tcp-close") " With `tcp-established` they are kept."
                                    : "Keep them (--tcp keep, for a restore with the same address) or "
                                      "close them (--tcp close).");
        if (ret == 0)
                ret = check_finding(preflight, "tcp-accept", CHECK_WARNING, &preflight->waiting,
                                    "no connection waits to be accepted", "connections wait to be accepted",
                                    "Try again if the dump fails: they are accepted in a moment.");
        return ret;
}

static int see_unix(void *context, uint64_t inode, uint64_t peer)
{
        struct preflight *preflight = context;

        if (!survey_has_socket(&preflight->survey, inode) || survey_has_socket(&preflight->survey, peer))
                return 0;
        return finding_add(&preflight->external_unix, "socket:[%llu]", (unsigned long long)inode);
}

static int check_unix(struct preflight *preflight)
{
        struct error why = {0};
        int ret = preflight->survey.socket_count
                          ? socket_each_unix(preflight->container->pid, see_unix, preflight, &why)
                          : 0;

        if (ret == -ENOMEM)
                return ret;
        if (ret < 0)
                return check_list_add(preflight->out, "external-unix", CHECK_UNKNOWN, "", "%s", why.text);
        return check_finding(
                preflight, "external-unix", CHECK_FAILED, &preflight->external_unix,
                "no unix socket is connected to the outside",
                "unix sockets are connected to processes outside the container",
                "Close the connection (a log socket, a mounted service socket) or end what holds it.");
}

/* CRIU freezes the container's group; if it is in there itself, it never wakes again. */
static int check_cgroup(struct preflight *preflight)
{
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        struct error err = {0};
        int ret = oci_cgroup(preflight->container, &cgroup, &err);

        if (ret == -ENOMEM)
                return ret;
        if (ret < 0)
                return check_list_add(preflight->out, "cgroup",
                                      err.kind == &ERROR_CGROUP_SHARED ? CHECK_FAILED : CHECK_UNKNOWN,
                                      "Start the container in a control group of its own.", "%s", err.text);
        return check_list_add(preflight->out, "cgroup", CHECK_OK, "", "it has the control group %s to itself",
                              cgroup_path(cgroup));
}

static int check_space(struct preflight *preflight)
{
        uint64_t memory = preflight->survey.memory, need = memory + SPACE_SMALL_FILES, free_space;
        const char *output = preflight->options->output;
        struct error why = {0};

        if (!output)
                return 0;
        if (file_free_space(output, &free_space, &why) < 0)
                return check_list_add(preflight->out, "space", CHECK_UNKNOWN, "", "%s", why.text);
        /* Compression may save the day, but nobody knows by how much. */
        return check_list_add(preflight->out, "space",
                              free_space >= need ? CHECK_OK
                              : preflight->options->compression != COMPRESSION_NONE && free_space >= need / 4
                                      ? CHECK_WARNING
                                      : CHECK_FAILED,
                              free_space >= need ? "" : "Free space or choose another place for the output.",
                              "about %llu MiB of memory are to be written and %llu MiB are free",
                              (unsigned long long)(memory / MIB), (unsigned long long)(free_space / MIB));
}

/* An engine of pods may have programs that we, in a container, do not see. */
static enum check_status status_of_missing(const struct preflight *preflight)
{
        return preflight->by_engine ? CHECK_WARNING : CHECK_FAILED;
}

/* CRIU before 4.2 asks TCP sockets for SO_PASSCRED and SO_PASSSEC, which kernels from 6.16 on refuse. */
static int check_criu(struct preflight *preflight)
{
        uint32_t version = host_criu_version();
        struct utsname uts = {0};

        (void)uname(&uts);
        if (!version)
                return check_list_add(preflight->out, "criu", status_of_missing(preflight),
                                      "Install the package criu.", "CRIU is not installed");
        if (version < 40200 && preflight->has_tcp && host_kernel_at_least(uts.release, 6, 16))
                return check_list_add(preflight->out, "criu", CHECK_FAILED, "Install CRIU 4.2 or newer.",
                                      "CRIU %u.%u cannot dump TCP sockets on kernel %s", version / 10000,
                                      version / 100 % 100, uts.release);
        return check_list_add(preflight->out, "criu", CHECK_OK, "", "CRIU %u.%u.%u is installed",
                              version / 10000, version / 100 % 100, version % 100);
}

static int check_runtime(struct preflight *preflight)
{
        struct host_runtime runtime;

        host_runtime_probe(preflight->container->runtime, &runtime);
        if (!runtime.checkpoint)
                return check_list_add(preflight->out, "runtime", status_of_missing(preflight),
                                      "Install crun with libcriu2, or runc.", "%s", runtime.reason);
        return check_list_add(preflight->out, "runtime", CHECK_OK, "", "%s %s can checkpoint",
                              preflight->container->runtime, runtime.version);
}

static void preflight_free(struct preflight *preflight)
{
        buffer_free(&preflight->established.text);
        buffer_free(&preflight->waiting.text);
        buffer_free(&preflight->external_unix.text);
        survey_free(&preflight->survey);
}

int preflight_checkpoint(const struct container *container, const struct checkpoint_options *options,
                         struct check_list *out, struct error *err)
{
        static int (*const checks[])(struct preflight *) = {
                check_descriptors, check_processes, check_stopped, check_tcp,    check_unix,
                check_cgroup,      check_space,     check_criu,    check_runtime};
        struct checkpoint_options chosen = *options;
        _cleanup_(preflight_free) struct preflight preflight = {.container = container,
                                                                .by_engine =
                                                                        strcmp(container->engine, "cri") == 0,
                                                                .options = &chosen,
                                                                .out = out};
        bool running;
        int ret = check_state(&preflight, &running);

        if (ret < 0)
                return error_oom(err);
        if (!running)
                return 0;
        if (preflight.by_engine)
                cri_node_options(container, &chosen);
        ret = survey_container(container->pid, chosen.ghost_limit ? chosen.ghost_limit : GHOST_LIMIT_DEFAULT,
                               &preflight.survey, err);
        if (ret < 0)
                return ret;
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
                if (checks[i](&preflight) < 0)
                        return error_oom(err);
        }
        return preflight_mounts(container, &preflight.survey.mounts, out, err);
}
