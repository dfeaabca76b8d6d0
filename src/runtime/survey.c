/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/survey.h"

#include <errno.h>
#include <linux/major.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#define EXAMPLES_MOST 4

int finding_add(struct finding *finding, const char *format, ...)
{
        unsigned most = finding->most ? finding->most : EXAMPLES_MOST;
        _cleanup_free_ char *text = NULL;
        va_list arguments;
        int ret;

        if (finding->count++ > most)
                return 0;
        if (finding->count > most)
                return buffer_append_text(&finding->text, ", …");
        va_start(arguments, format);
        ret = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (ret < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return buffer_printf(&finding->text, "%s%s", finding->count > 1 ? ", " : "", text);
}

void finding_release(struct finding *finding)
{
        buffer_free(&finding->text);
}

/* Kinds of anonymous files that CRIU 4.2 dumps (criu/files.c); io_uring has a check of its own. */
static bool anonymous_supported(const char *target)
{
        static const char *const known[] = {"[eventfd]",  "[eventpoll]", "[signalfd]", "[timerfd]",
                                            "[fanotify]", "[pidfd]",     "inotify",    "bpf-map"};
        const char *kind = target + strlen("anon_inode:");

        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                if (strcmp(kind, known[i]) == 0)
                        return true;
        }
        return false;
}

/* Devices that CRIU dumps (criu/files.c): memory devices, terminals, TUN. */
static bool device_supported(const struct stat *status)
{
        unsigned major_number = major(status->st_rdev);

        if (S_ISBLK(status->st_mode))
                return false;
        return major_number == MEM_MAJOR || major_number == TTY_MAJOR || major_number == TTYAUX_MAJOR ||
               (major_number >= UNIX98_PTY_MASTER_MAJOR &&
                major_number < UNIX98_PTY_SLAVE_MAJOR + UNIX98_PTY_MAJOR_COUNT) ||
               (major_number == MISC_MAJOR && minor(status->st_rdev) == 200 /* TUN, devices.txt */);
}

struct pass {
        struct survey *survey;
        const struct proc_process *process;
        uint64_t ghost_limit;
        size_t capacity; /* of survey->sockets */
};

static int add_socket(struct pass *pass, const char *target)
{
        struct survey *survey = pass->survey;

        if (survey->socket_count == pass->capacity) {
                uint64_t *sockets;

                pass->capacity = pass->capacity ? 2 * pass->capacity : 64;
                sockets = reallocarray(survey->sockets, pass->capacity, sizeof(*sockets));
                if (!sockets)
                        return -ENOMEM;
                survey->sockets = sockets;
        }
        survey->sockets[survey->socket_count++] = strtoull(target + strlen("socket:["), NULL, 10);
        return 0;
}

static int look_at_anonymous(struct pass *pass, const struct proc_descriptor *descriptor)
{
        const struct proc_process *process = pass->process;
        const char *kind = descriptor->target + strlen("anon_inode:");

        if (strcmp(kind, "[io_uring]") == 0)
                return finding_add(&pass->survey->io_uring, "process %d (%s), descriptor %d", process->inside,
                                   process->command, descriptor->fd);
        if (!anonymous_supported(descriptor->target))
                return finding_add(&pass->survey->unsupported, "%s of process %d (%s)", kind, process->inside,
                                   process->command);
        return 0;
}

/* Files without a name: their contents go into the dump, up to CRIU's ghost limit (counted in used blocks),
 * if no other name is left; a name elsewhere would have to be linked back, which the runtimes do not ask CRIU
 * for. */
static int look_at_deleted(struct pass *pass, const struct proc_descriptor *descriptor)
{
        const struct stat *status = &descriptor->status;
        const struct proc_process *process = pass->process;

        if (!S_ISREG(status->st_mode) || !text_ends_with(descriptor->target, " (deleted)"))
                return 0;
        if (status->st_nlink > 0)
                return finding_add(&pass->survey->deleted_linked, "%s of process %d (%s)", descriptor->target,
                                   process->inside, process->command);
        if ((uint64_t)status->st_blocks * 512 > pass->ghost_limit)
                return finding_add(&pass->survey->deleted_large, "%s of process %d (%s), %llu KiB",
                                   descriptor->target, process->inside, process->command,
                                   (unsigned long long)status->st_blocks / 2);
        return 0;
}

static int look_at_path(struct pass *pass, const struct proc_descriptor *descriptor)
{
        struct survey *survey = pass->survey;
        const struct proc_process *process = pass->process;
        const struct stat *status = &descriptor->status;
        int ret = 0;

        /* Shared memory without a file system of its own: on a mount that only the kernel has. */
        if (!descriptor->has_status || text_starts_with(descriptor->target, "/memfd:") ||
            text_starts_with(descriptor->target, "/SYSV") ||
            text_starts_with(descriptor->target, "/dev/zero ("))
                return 0;
        if ((S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode)) && !device_supported(status))
                ret = finding_add(&survey->devices, "%s of process %d (%s)", descriptor->target,
                                  process->inside, process->command);
        if (ret == 0)
                ret = look_at_deleted(pass, descriptor);
        if (ret == 0 && descriptor->locked)
                ret = finding_add(&survey->locks, "%s of process %d (%s)", descriptor->target,
                                  process->inside, process->command);
        if (ret == 0 && descriptor->mount_id >= 0 && !proc_mounts_find(&survey->mounts, descriptor->mount_id))
                ret = finding_add(descriptor->fd <= 2 ? &survey->outside_stdio : &survey->outside_files,
                                  "%s as descriptor %d of process %d (%s)", descriptor->target,
                                  descriptor->fd, process->inside, process->command);
        return ret;
}

static int look_at_descriptor(void *context, const struct proc_descriptor *descriptor)
{
        struct pass *pass = context;

        if (text_starts_with(descriptor->target, "socket:["))
                return add_socket(pass, descriptor->target);
        if (text_starts_with(descriptor->target, "anon_inode:"))
                return look_at_anonymous(pass, descriptor);
        if (descriptor->target[0] == '/')
                return look_at_path(pass, descriptor);
        return 0;
}

/* A ring may stay mapped when its descriptor is closed. */
static int look_at_mappings(struct pass *pass)
{
        _cleanup_buffer_ struct buffer text = {0};

        if (proc_text(pass->process->pid, "maps", &text, NULL) < 0)
                return 0;
        if (strstr(buffer_text(&text), "anon_inode:[io_uring]"))
                return finding_add(&pass->survey->io_uring, "mappings of process %d (%s)",
                                   pass->process->inside, pass->process->command);
        return 0;
}

/* CRIU asks for limits first of all; of another user's process that needs CAP_SYS_RESOURCE (prlimit(2)). */
static int look_at_limits(struct pass *pass)
{
        struct rlimit limit;

        if (prlimit(pass->process->pid, RLIMIT_CPU, NULL, &limit) == 0 || errno != EPERM)
                return 0;
        return finding_add(&pass->survey->limited, "process %d (%s)", pass->process->inside,
                           pass->process->command);
}

static int look_at_process(struct pass *pass)
{
        const struct proc_process *process = pass->process;
        int ret = 0;

        if (process->state == 'T')
                ret = finding_add(&pass->survey->stopped, "process %d (%s)", process->inside,
                                  process->command);
        if (ret < 0)
                return ret;
        /* It is not dumped, so what it holds does not matter. */
        if (!process->descendant)
                return finding_add(&pass->survey->foreign, "process %d (%s)", process->inside,
                                   process->command);
        if (process->tracer)
                ret = finding_add(&pass->survey->traced, "process %d (%s) by process %d of the host",
                                  process->inside, process->command, process->tracer);
        if (ret == 0)
                ret = look_at_limits(pass);
        if (ret == 0)
                ret = proc_each_descriptor(process->pid, look_at_descriptor, pass);
        if (ret == 0 && !pass->survey->io_uring.count)
                ret = look_at_mappings(pass);
        return ret;
}

static int inode_compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

int survey_container(pid_t init, uint64_t ghost_limit, struct survey *out, struct error *err)
{
        struct pass pass = {.survey = out, .ghost_limit = ghost_limit};
        uint64_t shared = 0;
        int ret = proc_list_container(init, &out->processes, err);

        if (ret == 0)
                ret = proc_mounts_read(init, &out->mounts, err);
        if (ret < 0)
                return ret;
        for (size_t i = 0; i < out->processes.count; i++) {
                pass.process = &out->processes.items[i];
                if (look_at_process(&pass) < 0)
                        return error_oom(err);
                out->memory += pass.process->anonymous;
                /* Mostly the same segments: the greatest share stands for all. */
                if (pass.process->shared > shared)
                        shared = pass.process->shared;
        }
        out->memory += shared;
        if (out->socket_count)
                qsort(out->sockets, out->socket_count, sizeof(*out->sockets), inode_compare);
        return 0;
}

bool survey_has_socket(const struct survey *survey, uint64_t inode)
{
        return survey->socket_count &&
               bsearch(&inode, survey->sockets, survey->socket_count, sizeof(inode), inode_compare);
}

void survey_free(struct survey *survey)
{
        struct finding *all[] = {&survey->io_uring,      &survey->devices,       &survey->unsupported,
                                 &survey->locks,         &survey->deleted_large, &survey->deleted_linked,
                                 &survey->outside_stdio, &survey->outside_files, &survey->traced,
                                 &survey->foreign,       &survey->limited,       &survey->stopped};

        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                buffer_free(&all[i]->text);
        proc_list_free(&survey->processes);
        proc_mounts_free(&survey->mounts);
        free(survey->sockets);
        *survey = (struct survey){0};
}
