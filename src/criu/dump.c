/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include "criu/errors.h"
#include "criu/loader.h"

struct dump_owner {
        struct criu_dump dump; /* first, so that the public pointer is this one */
        struct criu_arena arena;
};

static int dump_load_inventory(struct criu_loader *loader, struct criu_inventory *out, struct error *err)
{
        Criu__Inventory *inventory;
        int r = criu_record_read(loader->source, "inventory.img", "INVENTORY", &criu__inventory__descriptor,
                                 loader->arena, &inventory, err);

        if (r < 0)
                return r;
        *out = (struct criu_inventory){
                .version = inventory->version,
                .has_root_ids = inventory->root_ids != NULL,
                .tcp_close = inventory->tcp_close,
                .lsm_type = inventory->lsm_type,
                .network_lock = inventory->network_lock,
        };
        loader->root_ids = inventory->root_ids;
        return 0;
}

static int dump_load_statistics(struct criu_loader *loader, struct criu_statistics *out, struct error *err)
{
        struct error absent = {0};
        const Criu__DumpStatistics *s;
        Criu__Statistics *statistics;
        int r = criu_record_read(loader->source, "stats-dump", "STATS", &criu__statistics__descriptor,
                                 loader->arena, &statistics, &absent);

        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                if (err)
                        *err = absent;
                return r;
        }
        s = statistics->dump;
        if (!s)
                return 0;
        *out = (struct criu_statistics){
                .present = true,
                .freezing_time = s->freezing_time,
                .frozen_time = s->frozen_time,
                .memdump_time = s->memdump_time,
                .memwrite_time = s->memwrite_time,
                .pages_scanned = s->pages_scanned,
                .pages_skipped_parent = s->pages_skipped_parent,
                .pages_written = s->pages_written,
                .pages_lazy = s->pages_lazy,
                .page_pipes = s->page_pipes,
                .page_pipe_bufs = s->page_pipe_bufs,
                .shmem_pages_scanned = s->shmem_pages_scanned,
                .shmem_pages_written = s->shmem_pages_written,
        };
        return 0;
}

/* Numbers are given per dump: the same one is the same namespace. */
static int dump_load_namespaces(struct criu_loader *loader, uint32_t root_pid, struct criu_dump *dump,
                                struct error *err)
{
        const Criu__ObjectIds *host = loader->root_ids;
        struct error absent = {0};
        Criu__ObjectIds *ids;
        int r = criu_ids_load(loader->source, root_pid, loader->arena, &ids, &absent);

        /* A dead process has none. */
        if (r == -ENOENT || (r == 0 && !host))
                return 0;
        if (r < 0) {
                if (err)
                        *err = absent;
                return r;
        }
        if (host->has_pid && ids->has_pid && host->pid == ids->pid)
                dump->host_namespaces |= CLONE_NEWPID;
        if (host->has_net && ids->has_net && host->net == ids->net)
                dump->host_namespaces |= CLONE_NEWNET;
        if (host->has_ipc && ids->has_ipc && host->ipc == ids->ipc)
                dump->host_namespaces |= CLONE_NEWIPC;
        if (host->has_uts && ids->has_uts && host->uts == ids->uts)
                dump->host_namespaces |= CLONE_NEWUTS;
        if (host->has_mnt && ids->has_mnt && host->mnt == ids->mnt)
                dump->host_namespaces |= CLONE_NEWNS;
        return 0;
}

static int dump_count_locks(struct criu_loader *loader, size_t *out, struct error *err)
{
        _cleanup_criu_records_ struct criu_records records = {0};
        struct error absent = {0};
        struct slice record;
        int r = criu_records_open(loader->source, "filelocks.img", "FILE_LOCKS", CRIU_IMAGE_LIMIT, &records,
                                  &absent);

        if (r == -ENOENT)
                return 0;
        while (r >= 0 && (r = criu_image_next(&records.image, &record, &absent)) > 0)
                (*out)++;
        if (r < 0 && err)
                *err = absent;
        return r;
}

static int dump_add_pages(void *argument, const char *name, uint64_t size)
{
        uint64_t *total = argument;

        if (text_starts_with(name, "pages-") && add_overflow(*total, size, total))
                *total = UINT64_MAX;
        return 0;
}

static int dump_load_all(struct criu_loader *loader, struct criu_dump *dump, struct error *err)
{
        struct criu_tree tree;
        int r = dump_load_inventory(loader, &dump->inventory, err);

        if (r == 0)
                r = dump_load_statistics(loader, &dump->statistics, err);
        if (r == 0)
                r = criu_tree_load(loader->source, loader->arena, &tree, err);
        if (r == 0 && loader->load & (CRIU_LOAD_FILES | CRIU_LOAD_MAPPINGS))
                r = criu_files_load(loader->source, loader->arena, &loader->files, err);
        if (r < 0)
                return r;
        dump->processes = criu_arena_array(loader->arena, tree.count, sizeof(*dump->processes));
        if (!dump->processes)
                return error_oom(err);
        for (size_t i = 0; i < tree.count; i++) {
                r = criu_load_process(loader, tree.items[i], &dump->processes[i], err);
                criu_arena_free(&loader->scratch);
                if (r < 0)
                        return r;
        }
        dump->process_count = tree.count;
        if (loader->load & CRIU_LOAD_FILES)
                r = dump_load_namespaces(loader, tree.items[0]->pid, dump, err);
        if (r == 0 && loader->load & CRIU_LOAD_FILES)
                r = dump_count_locks(loader, &dump->lock_count, err);
        if (r < 0)
                return r;
        if (loader->load & CRIU_LOAD_MOUNTS)
                r = criu_load_mounts(loader, tree.items[0]->pid, dump, err);
        if (r == 0 && loader->load & CRIU_LOAD_KERNEL)
                r = criu_load_cgroups(loader, dump, err);
        if (r == 0 && loader->load & CRIU_LOAD_KERNEL)
                r = criu_load_devices(loader, &tree, dump, err);
        if (r < 0)
                return r;
        return loader->source->list(loader->source->context, dump_add_pages, &dump->pages_size, err);
}

/* Processes that have memory. */
struct guessed {
        uint32_t *pids; /* NULL: they are only counted */
        size_t count;
};

static int guess_process(void *argument, const char *name, uint64_t size)
{
        struct guessed *guessed = argument;
        char end[8];
        uint32_t pid;

        if (sscanf(name, "mm-%" SCNu32 "%7s", &pid, end) != 2 || strcmp(end, ".img") != 0)
                return 0;
        if (guessed->pids)
                guessed->pids[guessed->count] = pid;
        guessed->count++;
        return 0;
}

static int compare_pids(const void *a, const void *b)
{
        const uint32_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static int dump_guess_all(struct criu_loader *loader, struct criu_dump *dump, struct error *err)
{
        const struct criu_source *source = loader->source;
        struct guessed guessed = {0};
        int r = source->list(source->context, guess_process, &guessed, err);

        if (r == 0)
                r = criu_files_load(source, loader->arena, &loader->files, err);
        if (r < 0)
                return r;
        guessed.pids = criu_arena_array(loader->arena, guessed.count, sizeof(*guessed.pids));
        dump->processes = criu_arena_array(loader->arena, guessed.count, sizeof(*dump->processes));
        if (!guessed.pids || !dump->processes)
                return error_oom(err);
        guessed.count = 0;
        r = source->list(source->context, guess_process, &guessed, err);
        qsort(guessed.pids, guessed.count, sizeof(*guessed.pids), compare_pids);
        for (; r == 0 && dump->process_count < guessed.count; dump->process_count++) {
                Criu__TreeItem item = CRIU__TREE_ITEM__INIT;

                item.pid = guessed.pids[dump->process_count];
                r = criu_load_process(loader, &item, &dump->processes[dump->process_count], err);
                criu_arena_free(&loader->scratch);
        }
        return r;
}

static int dump_new(const struct criu_source *source, unsigned load,
                    int (*fill)(struct criu_loader *loader, struct criu_dump *dump, struct error *err),
                    struct criu_dump **out, struct error *err)
{
        struct dump_owner *owner = calloc(1, sizeof(*owner));
        _cleanup_criu_dump_ struct criu_dump *dump = owner ? &owner->dump : NULL;
        struct criu_loader loader;
        int r;

        if (!owner)
                return error_oom(err);
        owner->arena = CRIU_ARENA_INIT;
        loader = (struct criu_loader){
                .source = source, .load = load, .arena = &owner->arena, .scratch = CRIU_ARENA_INIT};
        r = fill(&loader, dump, err);
        r = criu_arena_failed(&owner->arena, r, err);
        r = criu_arena_failed(&loader.scratch, r, err);
        criu_arena_free(&loader.scratch);
        if (r < 0)
                return r;
        *out = steal_ptr(dump);
        return 0;
}

int criu_dump_load(const struct criu_source *source, unsigned load, struct criu_dump **out, struct error *err)
{
        return dump_new(source, load, dump_load_all, out, err);
}

int criu_dump_guess(const struct criu_source *source, struct criu_dump **out, struct error *err)
{
        return dump_new(source, CRIU_LOAD_MAPPINGS, dump_guess_all, out, err);
}

void criu_dump_free(struct criu_dump *dump)
{
        struct dump_owner *owner = (struct dump_owner *)dump;

        if (!owner)
                return;
        criu_arena_free(&owner->arena);
        free(owner);
}
