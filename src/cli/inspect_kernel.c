/* SPDX-License-Identifier: Apache-2.0 */
/* What only CRIU's images tell: credentials, timers and signals of processes, control groups, network
 * devices. None of it is in checkpointctl's own tree or JSON. */
#include <inttypes.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <signal.h>
#include <time.h>
#include "cli/answer.h"
#include "cli/inspect.h"
#include "program/memory.h"
#include "program/units.h"
#include "criu/capability.h"

/* The names of the members of a set; "number N" where there is none. */
typedef const char *(*member_name)(unsigned number, char *out, size_t size);

static const char *capability_name(unsigned bit, char *out, size_t size)
{
        const char *name = criu_capability_name(bit);

        if (name)
                return name;
        snprintf(out, size, "CAP_%u", bit);
        return out;
}

static const char *signal_name(unsigned number, char *out, size_t size)
{
        const char *name = number <= INT32_MAX ? sigabbrev_np((int)number) : NULL;

        if (name)
                snprintf(out, size, "SIG%s", name);
        else
                snprintf(out, size, "signal %u", number);
        return out;
}

static const char *signal_of_bit(unsigned bit, char *out, size_t size)
{
        return signal_name(bit + 1, out, size);
}

static const char *seccomp_name(uint32_t mode)
{
        static const char *const names[] = {[SECCOMP_MODE_DISABLED] = "disabled",
                                            [SECCOMP_MODE_STRICT] = "strict",
                                            [SECCOMP_MODE_FILTER] = "filter"};

        return mode < ARRAY_SIZE(names) ? names[mode] : "unknown";
}

static const char *clock_name(uint32_t clock)
{
        static const char *const names[] = {
                [CLOCK_REALTIME] = "CLOCK_REALTIME",
                [CLOCK_MONOTONIC] = "CLOCK_MONOTONIC",
                [CLOCK_PROCESS_CPUTIME_ID] = "CLOCK_PROCESS_CPUTIME_ID",
                [CLOCK_THREAD_CPUTIME_ID] = "CLOCK_THREAD_CPUTIME_ID",
                [CLOCK_MONOTONIC_RAW] = "CLOCK_MONOTONIC_RAW",
                [CLOCK_REALTIME_COARSE] = "CLOCK_REALTIME_COARSE",
                [CLOCK_MONOTONIC_COARSE] = "CLOCK_MONOTONIC_COARSE",
                [CLOCK_BOOTTIME] = "CLOCK_BOOTTIME",
                [CLOCK_REALTIME_ALARM] = "CLOCK_REALTIME_ALARM",
                [CLOCK_BOOTTIME_ALARM] = "CLOCK_BOOTTIME_ALARM",
        };

        return clock < ARRAY_SIZE(names) && names[clock] ? names[clock] : "another clock";
}

static const char *timer_kind_name(enum criu_timer_kind kind)
{
        static const char *const names[] = {[CRIU_TIMER_REAL] = "ITIMER_REAL",
                                            [CRIU_TIMER_VIRTUAL] = "ITIMER_VIRTUAL",
                                            [CRIU_TIMER_PROFILE] = "ITIMER_PROF",
                                            [CRIU_TIMER_POSIX] = "POSIX",
                                            [CRIU_TIMER_FD] = "timerfd"};

        return names[kind];
}

static bool timer_has_clock(const struct criu_timer *timer)
{
        return timer->kind == CRIU_TIMER_POSIX || timer->kind == CRIU_TIMER_FD;
}

static char *set_text(uint64_t set, member_name name)
{
        _cleanup_buffer_ struct buffer out = {0};
        char text[32];

        for (unsigned bit = 0; set; bit++, set >>= 1)
                if (set & 1)
                        memory_check(buffer_printf(&out, "%s%s", out.size ? " " : "",
                                                   name(bit, text, sizeof(text))));
        return memory_copy(buffer_text(&out));
}

static void add_set(struct outline *outline, unsigned depth, const char *label, uint64_t set,
                    member_name name)
{
        _cleanup_free_ char *text = set_text(set, name);

        if (set)
                outline_add(outline, depth, "%s: %s", label, text);
}

/* "0", or what differs as well: "0, effective 1000". */
static void add_ids(struct outline *outline, unsigned depth, const char *label, uint32_t real,
                    uint32_t effective, uint32_t saved, uint32_t file_system)
{
        char differ[96] = "";
        size_t used = 0;

        if (effective != real)
                used += (size_t)snprintf(differ, sizeof(differ), ", effective %u", effective);
        if (saved != effective)
                used += (size_t)snprintf(differ + used, sizeof(differ) - used, ", saved %u", saved);
        if (file_system != effective)
                snprintf(differ + used, sizeof(differ) - used, ", for files %u", file_system);
        outline_add(outline, depth, "%s: %u%s", label, real, differ);
}

static void add_credentials(const struct criu_task *task, struct outline *outline, unsigned depth)
{
        const struct criu_credentials *credentials = task->credentials;
        _cleanup_buffer_ struct buffer groups = {0};

        outline_add(outline, depth, "Credentials");
        if (credentials) {
                add_ids(outline, depth + 1, "User", credentials->uid, credentials->euid, credentials->suid,
                        credentials->fsuid);
                add_ids(outline, depth + 1, "Group", credentials->gid, credentials->egid, credentials->sgid,
                        credentials->fsgid);
                for (size_t i = 0; i < credentials->group_count; i++)
                        memory_check(buffer_printf(&groups, "%s%u", i ? ", " : "", credentials->groups[i]));
                if (groups.size)
                        outline_add(outline, depth + 1, "Further groups: %s", buffer_text(&groups));
                add_set(outline, depth + 1, "Effective", credentials->effective, capability_name);
                if (credentials->permitted != credentials->effective)
                        add_set(outline, depth + 1, "Permitted", credentials->permitted, capability_name);
                if (credentials->bounding != credentials->permitted)
                        add_set(outline, depth + 1, "Bounding", credentials->bounding, capability_name);
                add_set(outline, depth + 1, "Inheritable", credentials->inheritable, capability_name);
                add_set(outline, depth + 1, "Ambient", credentials->ambient, capability_name);
                outline_add(outline, depth + 1, "No new privileges: %s",
                            credentials->no_new_privileges ? "yes" : "no");
                if (credentials->lsm_profile[0])
                        outline_add(outline, depth + 1, "LSM profile: %s", credentials->lsm_profile);
        }
        outline_add(outline, depth + 1, "Seccomp: %s", seccomp_name(task->seccomp_mode));
}

static void add_timer(const struct criu_timer *timer, struct outline *outline, unsigned depth)
{
        char signal[32] = "", name[32], left[UNIT_TEXT_SIZE], interval[UNIT_TEXT_SIZE];

        if (timer->signal)
                snprintf(signal, sizeof(signal), ", %s",
                         signal_name((unsigned)timer->signal, name, sizeof(name)));
        duration_format(timer->left_ns / 1000, left);
        duration_format(timer->interval_ns / 1000, interval);
        outline_add(outline, depth, "[%s%s%s]  %s%s%s%s%s", timer_kind_name(timer->kind),
                    timer_has_clock(timer) ? " " : "", timer_has_clock(timer) ? clock_name(timer->clock) : "",
                    timer->left_ns ? "in " : "not set", timer->left_ns ? left : "",
                    timer->interval_ns ? ", every " : "", timer->interval_ns ? interval : "", signal);
}

static void add_timers(const struct criu_task *task, struct outline *outline, unsigned depth)
{
        if (task->timer_count)
                outline_add(outline, depth, "Timers");
        for (size_t i = 0; i < task->timer_count; i++)
                add_timer(&task->timers[i], outline, depth + 1);
}

static void add_signals(const struct criu_task *task, struct outline *outline, unsigned depth)
{
        char name[32];

        if (!task->pending_count && !task->blocked && !task->caught && !task->ignored)
                return;
        outline_add(outline, depth, "Signals");
        for (size_t i = 0; i < task->pending_count; i++) {
                const struct criu_pending *pending = &task->pending[i];

                signal_name((unsigned)pending->signal, name, sizeof(name));
                if (pending->thread)
                        outline_add(outline, depth + 1, "Pending for thread %d: %s", (int)pending->thread,
                                    name);
                else
                        outline_add(outline, depth + 1, "Pending: %s", name);
        }
        add_set(outline, depth + 1, "Blocked", task->blocked, signal_of_bit);
        add_set(outline, depth + 1, "Caught", task->caught, signal_of_bit);
        add_set(outline, depth + 1, "Ignored", task->ignored, signal_of_bit);
}

void inspection_task_to_tree(const struct inspection *inspection, const struct criu_process *process,
                             struct outline *outline, unsigned depth)
{
        if (!process->task)
                return;
        if (inspection->parts & INSPECT_CGROUPS)
                outline_add(outline, depth, "Control groups: set %u", process->task->cgroup_set);
        if (inspection->parts & INSPECT_CREDENTIALS)
                add_credentials(process->task, outline, depth);
        if (inspection->parts & INSPECT_TIMERS)
                add_timers(process->task, outline, depth);
        if (inspection->parts & INSPECT_SIGNALS)
                add_signals(process->task, outline, depth);
}

static void add_cgroups(const struct criu_dump *dump, struct outline *outline)
{
        if (dump->cgroup_count)
                outline_add(outline, 1, "Control groups");
        for (size_t i = 0; i < dump->cgroup_count; i++) {
                const struct criu_cgroup *cgroup = &dump->cgroups[i];

                if (i == 0 || cgroup->set != cgroup[-1].set)
                        outline_add(outline, 2, "Set %u", cgroup->set);
                outline_add(outline, 3, "%s: %s", cgroup->hierarchy[0] ? cgroup->hierarchy : "unified",
                            cgroup->path);
        }
}

static void add_devices(const struct criu_dump *dump, struct outline *outline)
{
        if (dump->device_count)
                outline_add(outline, 1, "Network devices");
        for (size_t i = 0; i < dump->device_count; i++) {
                const struct criu_network_device *device = &dump->devices[i];

                outline_add(outline, 2, "%s (%s, %s)", device->name, device->kind,
                            device->flags & IFF_UP ? "up" : "down");
                if (device->hardware_address[0])
                        outline_add(outline, 3, "MAC: %s", device->hardware_address);
                outline_add(outline, 3, "MTU: %u", device->mtu);
                for (size_t j = 0; j < device->address_count; j++)
                        outline_add(outline, 3, "IP: %s", device->addresses[j].text);
        }
}

void inspection_kernel_to_tree(const struct inspection *inspection, struct outline *outline)
{
        if (inspection->parts & INSPECT_CGROUPS)
                add_cgroups(inspection->dump, outline);
        if (inspection->parts & INSPECT_NETWORK)
                add_devices(inspection->dump, outline);
}

static void set_to_json(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, uint64_t set,
                        member_name name)
{
        yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, key);
        char text[32];

        for (unsigned bit = 0; set; bit++, set >>= 1)
                if (set & 1)
                        yyjson_mut_arr_append(list, answer_text(doc, name(bit, text, sizeof(text))));
}

static void credentials_to_json(const struct criu_task *task, yyjson_mut_doc *doc, yyjson_mut_val *process)
{
        const struct criu_credentials *from = task->credentials;
        yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, process, "credentials"), *list;

        yyjson_mut_obj_add_str(doc, object, "seccomp", seccomp_name(task->seccomp_mode));
        if (!from)
                return;
        yyjson_mut_obj_add_uint(doc, object, "uid", from->uid);
        yyjson_mut_obj_add_uint(doc, object, "euid", from->euid);
        yyjson_mut_obj_add_uint(doc, object, "suid", from->suid);
        yyjson_mut_obj_add_uint(doc, object, "fsuid", from->fsuid);
        yyjson_mut_obj_add_uint(doc, object, "gid", from->gid);
        yyjson_mut_obj_add_uint(doc, object, "egid", from->egid);
        yyjson_mut_obj_add_uint(doc, object, "sgid", from->sgid);
        yyjson_mut_obj_add_uint(doc, object, "fsgid", from->fsgid);
        list = yyjson_mut_obj_add_arr(doc, object, "groups");
        for (size_t i = 0; i < from->group_count; i++)
                yyjson_mut_arr_add_uint(doc, list, from->groups[i]);
        set_to_json(doc, object, "effective", from->effective, capability_name);
        set_to_json(doc, object, "permitted", from->permitted, capability_name);
        set_to_json(doc, object, "inheritable", from->inheritable, capability_name);
        set_to_json(doc, object, "bounding", from->bounding, capability_name);
        set_to_json(doc, object, "ambient", from->ambient, capability_name);
        yyjson_mut_obj_add_bool(doc, object, "no_new_privileges", from->no_new_privileges);
        answer_add_text_if(doc, object, "lsm_profile", from->lsm_profile);
}

static void timers_to_json(const struct criu_task *task, yyjson_mut_doc *doc, yyjson_mut_val *process)
{
        yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, process, "timers");
        char name[32];

        for (size_t i = 0; i < task->timer_count; i++) {
                const struct criu_timer *timer = &task->timers[i];
                yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);

                yyjson_mut_obj_add_str(doc, object, "kind", timer_kind_name(timer->kind));
                if (timer_has_clock(timer)) {
                        yyjson_mut_obj_add_uint(doc, object, "id", timer->id);
                        yyjson_mut_obj_add_str(doc, object, "clock", clock_name(timer->clock));
                }
                if (timer->signal)
                        answer_add_text(doc, object, "signal",
                                        signal_name((unsigned)timer->signal, name, sizeof(name)));
                yyjson_mut_obj_add_uint(doc, object, "left_ns", timer->left_ns);
                yyjson_mut_obj_add_uint(doc, object, "interval_ns", timer->interval_ns);
        }
}

static void signals_to_json(const struct criu_task *task, yyjson_mut_doc *doc, yyjson_mut_val *process)
{
        yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, process, "signals");
        yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, "pending");
        char name[32];

        for (size_t i = 0; i < task->pending_count; i++) {
                const struct criu_pending *pending = &task->pending[i];
                yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

                answer_add_text(doc, item, "signal",
                                signal_name((unsigned)pending->signal, name, sizeof(name)));
                if (pending->thread)
                        yyjson_mut_obj_add_int(doc, item, "thread", pending->thread);
        }
        set_to_json(doc, object, "blocked", task->blocked, signal_of_bit);
        set_to_json(doc, object, "caught", task->caught, signal_of_bit);
        set_to_json(doc, object, "ignored", task->ignored, signal_of_bit);
}

static void tasks_to_json(const struct inspection *inspection, yyjson_mut_doc *doc, yyjson_mut_val *kernel)
{
        yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, kernel, "processes");

        for (size_t i = 0; i < inspection->place_count; i++) {
                const struct criu_process *process = inspection->places[i].process;
                yyjson_mut_val *object;

                if (!process->task)
                        continue;
                object = yyjson_mut_arr_add_obj(doc, list);
                yyjson_mut_obj_add_int(doc, object, "pid", process->pid);
                if (inspection->parts & INSPECT_CGROUPS)
                        yyjson_mut_obj_add_uint(doc, object, "cgroup_set", process->task->cgroup_set);
                if (inspection->parts & INSPECT_CREDENTIALS)
                        credentials_to_json(process->task, doc, object);
                if (inspection->parts & INSPECT_TIMERS)
                        timers_to_json(process->task, doc, object);
                if (inspection->parts & INSPECT_SIGNALS)
                        signals_to_json(process->task, doc, object);
        }
}

static void cgroups_to_json(const struct criu_dump *dump, yyjson_mut_doc *doc, yyjson_mut_val *kernel)
{
        yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, kernel, "cgroups");

        for (size_t i = 0; i < dump->cgroup_count; i++) {
                yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);

                yyjson_mut_obj_add_uint(doc, object, "set", dump->cgroups[i].set);
                answer_add_text(doc, object, "hierarchy", dump->cgroups[i].hierarchy);
                answer_add_text(doc, object, "path", dump->cgroups[i].path);
        }
}

static void devices_to_json(const struct criu_dump *dump, yyjson_mut_doc *doc, yyjson_mut_val *kernel)
{
        yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, kernel, "network_devices");

        for (size_t i = 0; i < dump->device_count; i++) {
                const struct criu_network_device *device = &dump->devices[i];
                yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list), *addresses;

                answer_add_text(doc, object, "name", device->name);
                yyjson_mut_obj_add_str(doc, object, "kind", device->kind);
                yyjson_mut_obj_add_bool(doc, object, "up", device->flags & IFF_UP);
                answer_add_text_if(doc, object, "mac", device->hardware_address);
                yyjson_mut_obj_add_uint(doc, object, "mtu", device->mtu);
                addresses = yyjson_mut_obj_add_arr(doc, object, "addresses");
                for (size_t j = 0; j < device->address_count; j++)
                        yyjson_mut_arr_append(addresses, answer_text(doc, device->addresses[j].text));
        }
}

void inspection_kernel_to_json(const struct inspection *inspection, yyjson_mut_doc *doc,
                               yyjson_mut_val *object)
{
        yyjson_mut_val *kernel = yyjson_mut_obj_add_obj(doc, object, "kernel");

        if (inspection->parts & (INSPECT_OF_TASKS | INSPECT_CGROUPS))
                tasks_to_json(inspection, doc, kernel);
        if (inspection->parts & INSPECT_CGROUPS)
                cgroups_to_json(inspection->dump, doc, kernel);
        if (inspection->parts & INSPECT_NETWORK)
                devices_to_json(inspection->dump, doc, kernel);
}
