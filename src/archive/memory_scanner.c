/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/memory_scanner.h"

#include <errno.h>
#include <pthread.h>
#include "base/pool.h"

/* One thread for each processor, but no more than these: memory grows with them. */
#define THREADS_MAX 4

/* Two more are being filled and taken while all threads work. */
#define SLOTS_MAX (THREADS_MAX + 2)

/* Small regions share a slot, so that handing over does not cost more than looking. */
#define WINDOWS_MAX 128

struct slot {
        struct memory_scanner *scanner;
        uint8_t *space;
        size_t count, used; /* windows, and bytes of `space` */
        struct memory_window windows[WINDOWS_MAX];
        size_t ends[WINDOWS_MAX]; /* of each window's result in `result` */
        struct buffer result;
        bool busy; /* a thread has it, or had it and nobody took its result */
        bool done;
        int ret;
        struct error error;
};

struct memory_scanner {
        const struct memory_scan *scan;
        struct memory_reader reader;
        size_t room; /* bytes of `space` */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct slot slots[SLOTS_MAX];
        unsigned slot_count, next; /* that is filled */
        struct pool *pool;
        uint64_t total, taken; /* bytes */
};

static void look(void *argument)
{
        struct slot *slot = argument;
        struct memory_scanner *scanner = slot->scanner;
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

/* 1: there is no room for another window; 0: nothing more comes, or not yet. */
static int fill(struct memory_scanner *scanner, struct slot *slot, struct error *err)
{
        const struct memory_scan *scan = scanner->scan;
        size_t least = scan->before + scan->after + scan->size / 4 + CRIU_PAGE_SIZE;

        while (slot->count < WINDOWS_MAX && scanner->room - slot->used >= least) {
                size_t more;
                int ret = memory_reader_next(&scanner->reader, slot->space + slot->used,
                                             scanner->room - slot->used, &slot->windows[slot->count], &more,
                                             err);

                if (ret <= 0)
                        return ret;
                slot->used += more;
                slot->count++;
        }
        return 1;
}

/* Waits for a slot that a thread has, and takes its results. */
static int take(struct memory_scanner *scanner, struct slot *slot, struct error *err)
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
        slot->count = slot->used = 0;
        if (ret == 0 && progress_cancelled(scanner->scan->progress))
                ret = error_set(err, &ERROR_CANCELLED, -ECANCELED, "interrupted");
        progress_step(scanner->scan->progress, "memory", scanner->taken, scanner->total);
        return ret;
}

/* Hands the slot that was filled to the threads; the next one's turn has come. */
static void submit(struct memory_scanner *scanner)
{
        struct slot *slot = &scanner->slots[scanner->next];

        slot->busy = true;
        pool_submit(scanner->pool, look, slot);
        scanner->next = (scanner->next + 1) % scanner->slot_count;
}

/* Fills slots in turn, as long as the reader has windows; one that comes round again is taken first. */
static int advance(struct memory_scanner *scanner, struct error *err)
{
        for (;;) {
                struct slot *slot = &scanner->slots[scanner->next];
                int ret = slot->busy ? take(scanner, slot, err) : 0;

                if (ret == 0)
                        ret = fill(scanner, slot, err);
                if (ret <= 0)
                        return ret;
                submit(scanner);
        }
}

int memory_scanner_feed(struct memory_scanner *scanner, const struct criu_source *source,
                        const struct memory_segment *segment, struct stream *stream, struct error *err)
{
        int ret = memory_reader_feed(&scanner->reader, source, segment, stream, err);

        return ret < 0 ? ret : advance(scanner, err);
}

int memory_scanner_finish(struct memory_scanner *scanner, struct error *err)
{
        int ret;

        memory_reader_end(&scanner->reader);
        ret = advance(scanner, err);
        if (ret == 0 && scanner->slots[scanner->next].count)
                submit(scanner);
        for (unsigned i = 0; ret == 0 && i < scanner->slot_count; i++) {
                struct slot *slot = &scanner->slots[(scanner->next + i) % scanner->slot_count];

                if (slot->busy)
                        ret = take(scanner, slot, err);
        }
        return ret;
}

static int prepare(struct memory_scanner *scanner, unsigned threads, struct error *err)
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

int memory_scanner_new(const struct memory_scan *scan, uint64_t total, struct memory_scanner **out,
                       struct error *err)
{
        _cleanup_memory_scanner_ struct memory_scanner *scanner = calloc(1, sizeof(*scanner));
        unsigned threads = pool_processors();
        int ret;

        if (!scanner)
                return error_oom(err);
        scanner->scan = scan;
        scanner->total = total;
        pthread_mutex_init(&scanner->lock, NULL);
        pthread_cond_init(&scanner->changed, NULL);
        threads = threads < THREADS_MAX ? threads : THREADS_MAX;
        ret = memory_reader_new(scan, &scanner->reader, err);
        if (ret == 0)
                ret = prepare(scanner, threads, err);
        if (ret == 0)
                ret = pool_new(threads, SLOTS_MAX, &scanner->pool, err);
        if (ret == 0)
                *out = steal_ptr(scanner);
        return ret;
}

/* What was read was somebody's memory. */
void memory_scanner_free(struct memory_scanner *scanner)
{
        if (!scanner)
                return;
        pool_free(scanner->pool); /* its threads use the slots */
        for (unsigned i = 0; i < scanner->slot_count; i++) {
                struct slot *slot = &scanner->slots[i];

                if (slot->space)
                        explicit_bzero(slot->space, scanner->room);
                free(slot->space);
                if (slot->result.data)
                        explicit_bzero(slot->result.data, slot->result.capacity);
                buffer_free(&slot->result);
        }
        memory_reader_free(&scanner->reader);
        pthread_cond_destroy(&scanner->changed);
        pthread_mutex_destroy(&scanner->lock);
        free(scanner);
}
