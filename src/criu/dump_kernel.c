/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel keeps for a process: credentials, timers, signals; and control groups. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include "criu/errors.h"
#include "criu/loader.h"

static uint64_t capability_set(const uint32_t *words, size_t count)
{
        uint64_t low = count > 0 ? words[0] : 0, high = count > 1 ? words[1] : 0;

        return high << 32 | low;
}

static int load_credentials(struct criu_loader *loader, const Criu__Credentials *from, struct criu_task *task,
                            struct error *err)
{
        struct criu_credentials *to = criu_arena_alloc(loader->arena, sizeof(*to));
        uint32_t *groups = criu_arena_array(loader->arena, from->n_groups, sizeof(*groups));
        const char *profile = from->lsm_profile ? from->lsm_profile : "";

        profile = criu_arena_text(loader->arena, SLICE_TEXT(profile));
        if (!to || !groups || !profile)
                return error_oom(err);
        for (size_t i = 0; i < from->n_groups; i++)
                groups[i] = from->groups[i];
        *to = (struct criu_credentials){
                .uid = from->uid,
                .euid = from->euid,
                .suid = from->suid,
                .fsuid = from->fsuid,
                .gid = from->gid,
                .egid = from->egid,
                .sgid = from->sgid,
                .fsgid = from->fsgid,
                .groups = groups,
                .group_count = from->n_groups,
                .inheritable = capability_set(from->inheritable, from->n_inheritable),
                .permitted = capability_set(from->permitted, from->n_permitted),
                .effective = capability_set(from->effective, from->n_effective),
                .bounding = capability_set(from->bounding, from->n_bounding),
                .ambient = capability_set(from->ambient, from->n_ambient),
                .no_new_privileges = from->no_new_privileges != 0,
                .lsm_profile = profile,
        };
        task->credentials = to;
        return 0;
}

/* The longest time there is when it does not fit. */
static uint64_t nanoseconds(uint64_t seconds, uint64_t rest, uint64_t unit)
{
        uint64_t whole, part, sum;

        if (mul_overflow(seconds, UINT64_C(1000000000), &whole) || mul_overflow(rest, unit, &part) ||
            add_overflow(whole, part, &sum))
                return UINT64_MAX;
        return sum;
}

static void add_interval_timer(struct criu_task *task, enum criu_timer_kind kind,
                               const Criu__IntervalTimer *from)
{
        struct criu_timer timer = {.kind = kind};

        if (from)
                timer.left_ns = nanoseconds(from->value_s, from->value_us, 1000);
        if (!timer.left_ns)
                return;
        timer.interval_ns = nanoseconds(from->interval_s, from->interval_us, 1000);
        task->timers[task->timer_count++] = timer;
}

static void add_posix_timer(struct criu_task *task, const Criu__PosixTimer *from)
{
        task->timers[task->timer_count++] = (struct criu_timer){
                .kind = CRIU_TIMER_POSIX,
                .id = from->id,
                .clock = from->clock,
                .signal = from->notify == SIGEV_NONE ? 0 : (int)from->signal,
                .left_ns = nanoseconds(from->value_s, from->value_ns, 1),
                .interval_ns = nanoseconds(from->interval_s, from->interval_ns, 1),
        };
}

static void add_timer_file(struct criu_task *task, const Criu__TimerFile *from)
{
        struct criu_timer timer = {.kind = CRIU_TIMER_FD,
                                   .id = from->id,
                                   .clock = from->clock,
                                   .left_ns = nanoseconds(from->value_s, from->value_ns, 1),
                                   .interval_ns = nanoseconds(from->interval_s, from->interval_ns, 1)};

        if (timer.left_ns)
                task->timers[task->timer_count++] = timer;
}

static int load_timers(struct criu_loader *loader, const Criu__TaskTimers *from,
                       const struct criu_process *process, struct criu_task *task, struct error *err)
{
        size_t count = process->descriptor_count;

        if (from)
                count += 3 + from->n_posix;
        task->timers = criu_arena_array(loader->arena, count, sizeof(*task->timers));
        if (!task->timers)
                return error_oom(err);
        if (from) {
                add_interval_timer(task, CRIU_TIMER_REAL, from->real);
                add_interval_timer(task, CRIU_TIMER_VIRTUAL, from->virtual_);
                add_interval_timer(task, CRIU_TIMER_PROFILE, from->profile);
                for (size_t i = 0; i < from->n_posix; i++)
                        add_posix_timer(task, from->posix[i]);
        }
        for (size_t i = 0; i < process->descriptor_count; i++) {
                const Criu__File *file = process->descriptors[i].fd < 0
                                                 ? NULL
                                                 : criu_files_find(&loader->files, CRIU_FILE_TIMERFD,
                                                                   process->descriptors[i].id);

                if (file && file->timerfd)
                        add_timer_file(task, file->timerfd);
        }
        return 0;
}

/* Actions stand in the order of the signals; SIGKILL and SIGSTOP have none. */
static void load_actions(const Criu__KernelTask *from, struct criu_task *task)
{
        int number = 1;

        for (size_t i = 0; i < from->n_actions && number <= 64; i++, number++) {
                while (number == SIGKILL || number == SIGSTOP)
                        number++;
                if (from->actions[i]->handler == 1)
                        task->ignored |= UINT64_C(1) << (number - 1);
                else if (from->actions[i]->handler)
                        task->caught |= UINT64_C(1) << (number - 1);
        }
}

/* siginfo_t begins with the number of the signal. */
static void add_pending(struct criu_task *task, const Criu__SignalQueue *queue, pid_t thread)
{
        for (size_t i = 0; queue && i < queue->n_signals; i++) {
                const ProtobufCBinaryData *info = &queue->signals[i]->info;

                if (info->len >= sizeof(uint32_t))
                        task->pending[task->pending_count++] =
                                (struct criu_pending){(int)load_le32(info->data), thread};
        }
}

static size_t pending_in(const Criu__KernelCore *core)
{
        const Criu__SignalQueue *shared = core->task ? core->task->signals : NULL;
        const Criu__SignalQueue *own = core->thread ? core->thread->signals : NULL;

        return (shared ? shared->n_signals : 0) + (own ? own->n_signals : 0);
}

static int load_core(struct criu_loader *loader, uint32_t tid, Criu__KernelCore **out, struct error *err)
{
        char name[64];

        snprintf(name, sizeof(name), "core-%u.img", tid);
        return criu_record_read(loader->source, name, "CORE", &criu__kernel_core__descriptor,
                                &loader->scratch, out, err);
}

/* `cores` are those of the threads in `item`, the first one that of the process. */
static int load_pending(struct criu_loader *loader, const Criu__TreeItem *item,
                        Criu__KernelCore *const *cores, struct criu_task *task, struct error *err)
{
        size_t count = 0;

        for (size_t i = 0; i < item->n_threads; i++)
                count += pending_in(cores[i]);
        task->pending = criu_arena_array(loader->arena, count, sizeof(*task->pending));
        if (!task->pending)
                return error_oom(err);
        for (size_t i = 0; i < item->n_threads; i++) {
                if (cores[i]->task)
                        add_pending(task, cores[i]->task->signals, 0);
                if (cores[i]->thread)
                        add_pending(task, cores[i]->thread->signals, (pid_t)item->threads[i]);
        }
        return 0;
}

static int fill_task(struct criu_loader *loader, const Criu__KernelCore *core,
                     const struct criu_process *process, struct criu_task *task, struct error *err)
{
        const Criu__KernelTask *shared = core->task;
        const Criu__KernelThread *own = core->thread;
        int r = load_timers(loader, shared ? shared->timers : NULL, process, task, err);

        if (r == 0 && shared) {
                load_actions(shared, task);
                task->blocked = shared->blocked;
                task->seccomp_mode = shared->seccomp_mode;
                task->cgroup_set = shared->cgroup_set;
        }
        if (r < 0 || !own)
                return r;
        if (own->has_seccomp_mode)
                task->seccomp_mode = own->seccomp_mode;
        if (own->has_cgroup_set)
                task->cgroup_set = own->cgroup_set;
        return own->credentials ? load_credentials(loader, own->credentials, task, err) : 0;
}

int criu_load_task(struct criu_loader *loader, const Criu__TreeItem *item, struct criu_process *out,
                   struct error *err)
{
        struct criu_task *task = criu_arena_alloc(loader->arena, sizeof(*task));
        Criu__KernelCore **cores = criu_arena_array(&loader->scratch, item->n_threads + 1, sizeof(*cores)),
                         *leader;
        int r = load_core(loader, item->pid, &leader, err);

        if (!task || !cores)
                return error_oom(err);
        for (size_t i = 0; i < item->n_threads && r == 0; i++)
                r = load_core(loader, item->threads[i], &cores[i], err);
        if (r == 0)
                r = fill_task(loader, leader, out, task, err);
        if (r == 0)
                r = load_pending(loader, item, cores, task, err);
        if (r == 0)
                out->task = task;
        return r;
}

static int add_sets(struct criu_loader *loader, const Criu__Cgroups *from, struct criu_dump *out,
                    struct error *err)
{
        size_t count = 0;

        for (size_t i = 0; i < from->n_sets; i++)
                count += from->sets[i]->n_members;
        out->cgroups = criu_arena_array(loader->arena, count, sizeof(*out->cgroups));
        if (!out->cgroups)
                return error_oom(err);
        for (size_t i = 0; i < from->n_sets; i++) {
                const Criu__CgroupSet *set = from->sets[i];

                for (size_t j = 0; j < set->n_members; j++)
                        out->cgroups[out->cgroup_count++] =
                                (struct criu_cgroup){set->id, set->members[j]->name, set->members[j]->path};
        }
        return 0;
}

int criu_load_cgroups(struct criu_loader *loader, struct criu_dump *out, struct error *err)
{
        struct criu_messages records = {0};
        int r = criu_records_read_all(loader->source, "cgroup.img", "CGROUP", true,
                                      &criu__cgroups__descriptor, loader->arena, &records, err);

        for (size_t i = 0; i < records.count && r == 0 && !out->cgroups; i++)
                r = add_sets(loader, records.items[i], out, err);
        return r;
}
