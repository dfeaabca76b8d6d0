/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes hold. */
#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include "base/json.h"
#include "runtime/portability_internal.h"

/* One check out of what was found: nothing is fine. */
int portability_add(struct portability *portability, const char *name, enum check_status status,
                    const struct finding *finding, const char *fine, const char *what, const char *remedy)
{
        if (!finding->count)
                return check_list_add(portability->out, name, CHECK_OK, "", "%s", fine);
        return check_list_add(portability->out, name, status, remedy, "%s: %s", what,
                              buffer_text(&finding->text));
}

static bool is_listed(const char *list, const char *item)
{
        size_t size = strlen(item);

        for (const char *at = list; (at = strstr(at, item)); at++) {
                if ((at == list || at[-1] == ' ') && (at[size] == ',' || !at[size]))
                        return true;
                if (!*at)
                        break;
        }
        return false;
}

/* Several processes can hold the same thing. */
static int add_once(struct finding *finding, const char *text)
{
        return finding->count && is_listed(buffer_text(&finding->text), text)
                       ? 0
                       : finding_add(finding, "%s", text);
}

/* Calls `each` for every socket until it returns non-zero. */
static int each_socket(const struct criu_dump *dump,
                       int (*each)(const struct criu_socket *socket, struct finding *out),
                       struct finding *out)
{
        int ret = 0;

        for (size_t i = 0; i < dump->process_count && ret == 0; i++)
                for (size_t j = 0; j < dump->processes[i].socket_count && ret == 0; j++)
                        ret = each(&dump->processes[i].sockets[j], out);
        return ret;
}

static int each_descriptor(const struct criu_dump *dump,
                           int (*each)(const struct criu_process *process,
                                       const struct criu_descriptor *descriptor, struct finding *out),
                           struct finding *out)
{
        int ret = 0;

        for (size_t i = 0; i < dump->process_count && ret == 0; i++)
                for (size_t j = 0; j < dump->processes[i].descriptor_count && ret == 0; j++)
                        ret = each(&dump->processes[i], &dump->processes[i].descriptors[j], out);
        return ret;
}

static bool is_connected(const char *state)
{
        static const char *const states[] = {"ESTABLISHED", "SYN_SENT", "FIN_WAIT1", "FIN_WAIT2",
                                             "CLOSE_WAIT",  "LAST_ACK", "CLOSING"};

        for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
                if (strcmp(state, states[i]) == 0)
                        return true;
        }
        return false;
}

static int see_connection(const struct criu_socket *socket, struct finding *out)
{
        char text[256];

        if (!text_starts_with(socket->protocol, "TCP") || !is_connected(socket->state))
                return 0;
        snprintf(text, sizeof(text), "%s:%u to %s:%u", socket->source, socket->source_port,
                 socket->destination, socket->destination_port);
        return add_once(out, text);
}

int portability_find_connections(const struct criu_dump *dump, struct finding *out)
{
        return each_socket(dump, see_connection, out);
}

int portability_check_connections(struct portability *portability)
{
        _cleanup_finding_ struct finding found = {0};
        bool closed = portability->dump->inventory.tcp_close;

        if (portability_find_connections(portability->dump, &found) < 0)
                return -ENOMEM;
        return portability_add(
                portability, "established-tcp", closed ? CHECK_WARNING : CHECK_FAILED, &found,
                "the checkpoint has no open TCP connection",
                closed ? "TCP connections will come back closed" : "the checkpoint has open TCP connections",
                closed ? "The programs have to connect again."
                       : "Keep them (--tcp keep, needs the same address and that the old container is "
                         "gone) or close them (--tcp close).");
}

/* Every host has these. */
static bool is_any_or_local(const char *address)
{
        static const char *const common[] = {"", "0.0.0.0", "::", "::1", "::ffff:0.0.0.0"};

        for (size_t i = 0; i < ARRAY_SIZE(common); i++)
                if (strcmp(address, common[i]) == 0)
                        return true;
        return text_starts_with(address, "127.") || text_starts_with(address, "::ffff:127.");
}

static int see_address(const struct criu_socket *socket, struct finding *out)
{
        bool is_connection = text_starts_with(socket->protocol, "TCP") && is_connected(socket->state);
        char text[128];

        if (!socket->source_port || is_any_or_local(socket->source) || is_connection)
                return 0;
        snprintf(text, sizeof(text), "%s %s:%u", socket->protocol, socket->source, socket->source_port);
        return add_once(out, text);
}

int portability_check_addresses(struct portability *portability)
{
        _cleanup_finding_ struct finding found = {0};

        if (each_socket(portability->dump, see_address, &found) < 0)
                return -ENOMEM;
        return portability_add(
                portability, "bound-address", CHECK_FAILED, &found,
                "no socket is bound to an address that only one host has",
                "sockets are bound to addresses of the container",
                "Give the restored container the same address, or have the program listen on 0.0.0.0.");
}

static int see_outside(const struct criu_socket *socket, struct finding *out)
{
        return socket->outside ? add_once(out, *socket->source ? socket->source : "an unnamed socket") : 0;
}

int portability_check_unix(struct portability *portability)
{
        _cleanup_finding_ struct finding found = {0};

        if (each_socket(portability->dump, see_outside, &found) < 0)
                return -ENOMEM;
        return portability_add(portability, "external-unix", CHECK_FAILED, &found,
                               "no unix socket is connected to the outside",
                               "unix sockets are connected to processes outside the container",
                               "The same service must listen at the same path on the target.");
}

/* Devices that every container has. */
static bool is_ordinary_device(const char *path)
{
        static const char *const names[] = {"/dev/null",    "/dev/zero", "/dev/full", "/dev/random",
                                            "/dev/urandom", "/dev/tty",  "/dev/ptmx", "/dev/console"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(path, names[i]) == 0)
                        return true;
        return text_starts_with(path, "/dev/pts/");
}

static int see_device(const struct criu_process *process, const struct criu_descriptor *descriptor,
                      struct finding *out)
{
        char text[512];

        if ((!S_ISCHR(descriptor->mode) && !S_ISBLK(descriptor->mode)) ||
            is_ordinary_device(descriptor->path))
                return 0;
        snprintf(text, sizeof(text), "%s of process %d (%s)", descriptor->path, (int)process->pid,
                 process->command);
        return add_once(out, text);
}

static int find_mapped_devices(const struct criu_dump *dump, struct finding *out)
{
        for (size_t i = 0; i < dump->process_count; i++)
                for (size_t j = 0; j < dump->processes[i].mapping_count; j++) {
                        const char *path = dump->processes[i].mappings[j].path;

                        if (text_starts_with(path, "/dev/") && !text_starts_with(path, "/dev/shm/") &&
                            !is_ordinary_device(path) && add_once(out, path) < 0)
                                return -ENOMEM;
                }
        return 0;
}

static int find_given_devices(yyjson_val *spec, struct finding *out)
{
        yyjson_val *device;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(yyjson_obj_get(spec, "linux"), "devices"), index, count, device) {
                const char *path = json_text_or(device, "path", "");

                if (!is_ordinary_device(path) && add_once(out, path) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int portability_check_devices(struct portability *portability)
{
        _cleanup_finding_ struct finding found = {0};

        if (each_descriptor(portability->dump, see_device, &found) < 0 ||
            find_mapped_devices(portability->dump, &found) < 0 ||
            find_given_devices(yyjson_doc_get_root(portability->metadata->spec), &found) < 0)
                return -ENOMEM;
        if (portability->metadata->gpu_pages_size && finding_add(&found, "memory of an AMD GPU") < 0)
                return -ENOMEM;
        return portability_add(portability, "devices", CHECK_FAILED, &found, "it uses no devices of the host",
                               "it uses devices of the host",
                               "The target needs the same devices; hardware needs a plug-in of CRIU.");
}

static bool is_io_uring(const char *path)
{
        return strstr(path, "[io_uring]") != NULL;
}

int portability_check_io_uring(struct portability *portability)
{
        _cleanup_finding_ struct finding found = {0};

        for (size_t i = 0; i < portability->dump->process_count; i++) {
                const struct criu_process *process = &portability->dump->processes[i];
                bool has = false;

                for (size_t j = 0; j < process->descriptor_count; j++)
                        has |= is_io_uring(process->descriptors[j].path);
                for (size_t j = 0; j < process->mapping_count; j++)
                        has |= is_io_uring(process->mappings[j].path);
                if (has && finding_add(&found, "process %d (%s)", (int)process->pid, process->command) < 0)
                        return -ENOMEM;
        }
        return portability_add(portability, "io_uring", CHECK_FAILED, &found, "no process uses io_uring",
                               "processes use io_uring, which CRIU cannot restore",
                               "Turn io_uring off in the program and take another checkpoint.");
}

static int see_deleted(const struct criu_process *process, const struct criu_descriptor *descriptor,
                       struct finding *out)
{
        (void)process;
        return descriptor->ghost ? add_once(out, descriptor->path) : 0;
}

int portability_check_deleted(struct portability *portability)
{
        _cleanup_finding_ struct finding found = {0};

        if (each_descriptor(portability->dump, see_deleted, &found) < 0)
                return -ENOMEM;
        return portability_add(portability, "deleted-files", CHECK_OK, &found, "no deleted file is open",
                               "deleted files are open; their contents are in the checkpoint", "");
}

static int see_linked(const struct criu_process *process, const struct criu_descriptor *descriptor,
                      struct finding *out)
{
        char text[512];

        (void)process;
        if (!descriptor->linked)
                return 0;
        snprintf(text, sizeof(text), "%s as %s", descriptor->path, descriptor->linked);
        return add_once(out, text);
}

int portability_check_linked(struct portability *portability)
{
        _cleanup_finding_ struct finding found = {0};

        if (each_descriptor(portability->dump, see_linked, &found) < 0)
                return -ENOMEM;
        return portability_add(portability, "linked-files", CHECK_WARNING, &found,
                               "no open file has lost only one of its names",
                               "open files whose name was deleted were linked under another for the dump",
                               "These links must be in the root file system at the restore; they are where "
                               "it was taken with the "
                               "container frozen.");
}

static int see_terminal(const struct criu_process *process, const struct criu_descriptor *descriptor,
                        struct finding *out)
{
        char text[512];

        if (strcmp(descriptor->type, "TTY") != 0)
                return 0;
        snprintf(text, sizeof(text), "%s of process %d (%s)", *descriptor->path ? descriptor->path : "one",
                 (int)process->pid, process->command);
        return add_once(out, text);
}

int portability_check_terminal(struct portability *portability)
{
        _cleanup_finding_ struct finding found = {0};

        if (each_descriptor(portability->dump, see_terminal, &found) < 0)
                return -ENOMEM;
        return portability_add(
                portability, "terminal", CHECK_WARNING, &found, "no process has a terminal",
                "processes have terminals",
                "Restore with an engine that gives it a terminal: Podman does, a bare runtime needs a "
                "console socket.");
}

int portability_check_locks(struct portability *portability)
{
        size_t count = portability->dump->lock_count;

        if (!count)
                return check_list_add(portability->out, "file-locks", CHECK_OK, "", "no file is locked");
        return check_list_add(portability->out, "file-locks", CHECK_WARNING,
                              "Restore with --file-locks, where nobody else locks the same files.",
                              "%zu file lock%s to be taken again", count, count == 1 ? " is" : "s are");
}

static int see_timer(const struct criu_process *process, const struct criu_descriptor *descriptor,
                     struct finding *out)
{
        return descriptor->wall_clock ? finding_add(out, "process %d (%s), descriptor %d", (int)process->pid,
                                                    process->command, descriptor->fd)
                                      : 0;
}

/* What was left of a timer goes on at the restore; only one of this clock can be set for a time of day. */
int portability_check_timers(struct portability *portability)
{
        _cleanup_finding_ struct finding found = {0};
        enum check_status status = CHECK_OK;

        for (size_t i = 0; i < portability->dump->process_count; i++) {
                const struct criu_process *process = &portability->dump->processes[i];

                for (size_t j = 0; process->task && j < process->task->timer_count; j++) {
                        const struct criu_timer *timer = &process->task->timers[j];

                        if (timer->kind != CRIU_TIMER_POSIX || !timer->left_ns)
                                continue;
                        if (timer->clock == CLOCK_REALTIME)
                                status = CHECK_WARNING;
                        if (finding_add(&found, "process %d (%s), timer %u%s", (int)process->pid,
                                        process->command, timer->id,
                                        timer->clock == CLOCK_REALTIME ? " of CLOCK_REALTIME" : "") < 0)
                                return -ENOMEM;
                }
        }
        return portability_add(portability, "posix-timers", status, &found, "no POSIX timer is set",
                               "POSIX timers go on with what was left of them",
                               status == CHECK_OK
                                       ? ""
                                       : "One that was set for a time of day is late by as long as the "
                                         "checkpoint lay; have the program set it again.");
}

/* CRIU writes the clocks down ("timens-0.img") and sets those of a time namespace by them at a restore. What
 * was left of a timer goes on from there, also of one that is set for a time of day (criu/pie/restorer.c). */
int portability_check_clock(struct portability *portability)
{
        _cleanup_finding_ struct finding timers = {0};

        if (each_descriptor(portability->dump, see_timer, &timers) < 0)
                return -ENOMEM;
        if (!archive_find(portability->archive, "checkpoint/timens-0.img"))
                return check_list_add(
                        portability->out, "clock", CHECK_WARNING,
                        "Take the checkpoint on a kernel with time namespaces (5.6 and newer).",
                        "CLOCK_MONOTONIC will jump to that of the target, backwards if that has been "
                        "up for less long");
        return portability_add(
                portability, "clock", CHECK_WARNING, &timers,
                "CLOCK_MONOTONIC goes on in a time namespace; the time of day will have moved on",
                "timers that are set for a time of day will fire later than that",
                "They are late by as long as the checkpoint lay; have the program set them again.");
}
