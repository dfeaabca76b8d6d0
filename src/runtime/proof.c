/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proof.h"

#include <errno.h>
#include <time.h>
#include "base/clock.h"
#include "runtime/survey.h"

#define PROOF_PATIENCE_US 5000000 /* a large container gets going within fractions of a second */
#define PROOF_PAUSE_NS    20000000L

static const struct proc_process *find_inside(const struct proc_list *live, pid_t inside)
{
        for (size_t i = 0; i < live->count; i++) {
                if (live->items[i].inside == inside && live->items[i].descendant)
                        return &live->items[i];
        }
        return NULL;
}

/* The number, the parent and the name agree; a name may change when a process runs another program, but not
 * that of init. */
static bool process_seen(const struct criu_dump *dump, const struct proc_list *live,
                         const struct criu_process *process)
{
        const struct proc_process *found = find_inside(live, process->pid), *parent;

        if (!found)
                return false;
        if (process == &dump->processes[0])
                return strncmp(found->command, process->command, sizeof(found->command) - 1) == 0;
        parent = proc_list_find(live, found->parent);
        return parent && parent->inside == process->ppid;
}

static const struct criu_process *parent_of(const struct criu_dump *dump, const struct criu_process *process)
{
        for (size_t i = 0; i < dump->process_count; i++) {
                if (dump->processes[i].pid == process->ppid)
                        return &dump->processes[i];
        }
        return NULL;
}

/*
 * CRIU lets none run before all are there, so one that is absent under its number has ended since: a `sleep`
 * whose time was up (system calls that were interrupted by the dump return at once), and then whoever waited
 * for it. Its parent must be there or have ended likewise; and init never ends while a container lives.
 */
static bool process_ended(const struct criu_dump *dump, const struct proc_list *live,
                          const struct criu_process *process)
{
        size_t steps = dump->process_count;

        while (process && process != &dump->processes[0] && steps--) {
                if (process_seen(dump, live, process))
                        return true;
                if (find_inside(live, process->pid))
                        return false; /* the number belongs to another's child */
                process = parent_of(dump, process);
        }
        return process == &dump->processes[0] && process_seen(dump, live, process);
}

/* Counts what is there and names what should be. */
static int compare(const struct criu_dump *dump, const struct proc_list *live, unsigned *seen,
                   struct finding *missing)
{
        *seen = 0;
        for (size_t i = 0; i < dump->process_count; i++) {
                const struct criu_process *process = &dump->processes[i];

                if (process_seen(dump, live, process))
                        ++*seen;
                else if (!process_ended(dump, live, process) &&
                         finding_add(missing, "process %d (%s)", (int)process->pid, process->command) < 0)
                        return -ENOMEM;
        }
        return 0;
}

enum sight { SIGHT_NOT_YET, SIGHT_COMPLETE, SIGHT_GONE /* init has ended: nothing will come */ };

/* An enum sight, or a negative errno; `missing` says what is not there. */
static int look(const struct criu_dump *dump, struct restore_result *result, struct finding *missing,
                struct error *err)
{
        _cleanup_proc_list_ struct proc_list live = {0};
        const struct proc_process *init;

        buffer_free(&missing->text);
        missing->count = 0;
        result->processes = 0;
        if (proc_list_container(result->pid, &live, NULL) == 0)
                init = proc_list_find(&live, result->pid);
        else
                init = NULL;
        if (!init || init->state == 'Z')
                return finding_add(missing, "its first process") < 0 ? error_oom(err) : SIGHT_GONE;
        result->start_time = init->start_time;
        if (compare(dump, &live, &result->processes, missing) < 0)
                return error_oom(err);
        return missing->count ? SIGHT_NOT_YET : SIGHT_COMPLETE;
}

static int wait_for_tree(const struct criu_dump *dump, struct restore_result *result, struct finding *missing,
                         struct error *err)
{
        uint64_t start = clock_monotonic_us();
        int ret;

        for (;;) {
                ret = look(dump, result, missing, err);
                if (ret != SIGHT_NOT_YET || clock_monotonic_us() - start >= PROOF_PATIENCE_US)
                        return ret;
                nanosleep(&(struct timespec){.tv_nsec = PROOF_PAUSE_NS}, NULL);
        }
}

int proof_wait(const struct criu_dump *dump, struct restore_result *result, struct error *err)
{
        struct finding missing = {0};
        int ret;

        if (!dump->process_count || result->pid <= 0)
                return error_set(err, &ERROR_RESTORE_NOT_SEEN, -ENOENT, "container %s has no process",
                                 result->name);
        ret = wait_for_tree(dump, result, &missing, err);
        if (ret == SIGHT_NOT_YET || ret == SIGHT_GONE)
                ret = error_set(err, &ERROR_RESTORE_NOT_SEEN, -ENOENT,
                                "container %s was restored, but %s %s seen running", result->name,
                                buffer_text(&missing.text), missing.count > 1 ? "were not" : "was not");
        buffer_free(&missing.text);
        return ret < 0 ? ret : 0;
}
