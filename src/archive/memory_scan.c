/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/memory_scan.h"

#include <errno.h>
#include <pthread.h>
#include "archive/memory_reader.h"
#include "base/pool.h"

/* One thread for each processor, but no more than these: memory grows with them. */
#define THREADS_MAX 4

/* Two more are being filled and taken while all threads work. */
#define SLOTS_MAX (THREADS_MAX + 2)

/* Small regions share a slot, so that handing over does not cost more than looking. */
#define WINDOWS_MAX 128

struct slot {
        struct scanner *scanner;
        uint8_t *space;
        size_t count;
        struct memory_window windows[WINDOWS_MAX];
        size_t ends[WINDOWS_MAX]; /* of each window's result in `result` */
        struct buffer result;
        bool busy; /* a thread has it, or had it and nobody took its result */
        bool done;
        int ret;
        struct error error;
};

struct scanner {
        const struct memory_scan *scan;
        struct memory_reader reader;
        size_t room; /* bytes of `space` */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct slot slots[SLOTS_MAX];
        unsigned slot_count;
        uint64_t total, taken; /* bytes */
};

static void look(void *argument)
{
        struct slot *slot = argument;
        struct scanner *scanner = slot->scanner;
        int ret = 0;

        slot->result.size = 0;
        for (size_t i = 0; ret == 0 && i < slot->count; i++) {
                ret = scanner->scan->look(scanner->scan->context, &slot->windows[i], &slot->result,
                                          &slot->error);
                slot->ends[i] = slot->result.size;
        }
        pthread_mutex_lock(&scanner->lock);
        slot->ret = ret;
        slot->done = true;
        pthread_cond_signal(&scanner->changed);
        pthread_mutex_unlock(&scanner->lock);
}

/* 1: the slot has windows; 0: the end. */
static int fill(struct scanner *scanner, struct slot *slot, struct error *err)
{
        const struct memory_scan *scan = scanner->scan;
        size_t used = 0, least = scan->before + scan->after + scan->size / 4 + CRIU_PAGE_SIZE;

        slot->count = 0;
        while (slot->count < WINDOWS_MAX && scanner->room - used >= least) {
                size_t more;
                int ret = memory_reader_next(&scanner->reader, slot->space + used, scanner->room - used,
                                             &slot->windows[slot->count], &more, err);

                if (ret < 0)
                        return ret;
                if (ret == 0)
                        break;
                used += more;
                slot->count++;
        }
        return slot->count > 0;
}

/* Waits for a slot that a thread has, and takes its results. */
static int take(struct scanner *scanner, struct slot *slot, struct error *err)
{
        size_t start = 0;
        int ret;

        pthread_mutex_lock(&scanner->lock);
        while (!slot->done)
                pthread_cond_wait(&scanner->changed, &scanner->lock);
        pthread_mutex_unlock(&scanner->lock);
        slot->busy = slot->done = false;
        ret = slot->ret;
        if (ret != 0 && err)
                *err = slot->error;
        for (size_t i = 0; ret == 0 && i < slot->count; i++) {
                struct slice result = {slot->result.data + start, slot->ends[i] - start};

                ret = scanner->scan->take(scanner->scan->context, &slot->windows[i], result, err);
                start = slot->ends[i];
                scanner->taken += slot->windows[i].size;
        }
        if (ret == 0 && progress_cancelled(scanner->scan->progress))
                ret = error_set(err, &ERROR_CANCELLED, -ECANCELED, "interrupted");
        progress_step(scanner->scan->progress, "memory", scanner->taken, scanner->total);
        return ret;
}

/* Fills slots in turn; one that comes round again is taken first. */
static int run(struct scanner *scanner, struct pool *pool, struct error *err)
{
        unsigned next = 0;
        int ret = 0;

        for (;; next = (next + 1) % scanner->slot_count) {
                struct slot *slot = &scanner->slots[next];

                if (slot->busy && (ret = take(scanner, slot, err)) != 0)
                        return ret;
                ret = fill(scanner, slot, err);
                if (ret <= 0)
                        break;
                slot->busy = true;
                pool_submit(pool, look, slot);
        }
        for (unsigned i = 0; ret == 0 && i < scanner->slot_count; i++) {
                struct slot *slot = &scanner->slots[(next + i) % scanner->slot_count];

                if (slot->busy)
                        ret = take(scanner, slot, err);
        }
        return ret;
}

static int prepare(struct scanner *scanner, unsigned threads, struct error *err)
{
        const struct memory_scan *scan = scanner->scan;

        scanner->slot_count = threads + 2;
        scanner->room = scan->before + scan->size + scan->after;
        for (unsigned i = 0; i < scanner->slot_count; i++) {
                scanner->slots[i].scanner = scanner;
                scanner->slots[i].space = malloc(scanner->room);
                if (!scanner->slots[i].space)
                        return error_oom(err);
        }
        return 0;
}

/* What was read was somebody's memory. */
static void scanner_free(struct scanner *scanner)
{
        for (unsigned i = 0; i < scanner->slot_count; i++) {
                struct slot *slot = &scanner->slots[i];

                if (slot->space)
                        explicit_bzero(slot->space, scanner->room);
                free(slot->space);
                if (slot->result.data)
                        explicit_bzero(slot->result.data, slot->result.capacity);
                buffer_free(&slot->result);
        }
        memory_reader_close(&scanner->reader);
        pthread_cond_destroy(&scanner->changed);
        pthread_mutex_destroy(&scanner->lock);
        free(scanner);
}
CLEANUP_DEFINE(struct scanner *, scanner_free);

int memory_scan_run(struct archive *archive, const struct criu_dump *dump, const struct memory_scan *scan,
                    uint64_t *absent, struct error *err)
{
        _cleanup_memory_plan_ struct memory_plan plan = {0};
        _cleanup_(scanner_freep) struct scanner *scanner = NULL;
        _cleanup_pool_ struct pool *pool = NULL; /* freed first: its threads use the slots */
        unsigned threads = pool_processors();
        int ret = memory_plan_make(archive, dump, scan->pid, &plan, err);

        if (ret < 0)
                return ret;
        *absent = plan.absent;
        scanner = calloc(1, sizeof(*scanner));
        if (!scanner)
                return error_oom(err);
        scanner->scan = scan;
        scanner->total = plan.size;
        pthread_mutex_init(&scanner->lock, NULL);
        pthread_cond_init(&scanner->changed, NULL);
        threads = threads < THREADS_MAX ? threads : THREADS_MAX;
        ret = memory_reader_open(archive, &plan, scan, &scanner->reader, err);
        if (ret == 0)
                ret = prepare(scanner, threads, err);
        if (ret == 0)
                ret = pool_new(threads, SLOTS_MAX, &pool, err);
        return ret < 0 ? ret : run(scanner, pool, err);
}
