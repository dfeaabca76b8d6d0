/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/ties.h"

#include <errno.h>
#include "criu/errors.h"
#include "criu/process.h"
#include "criu/ties_private.h"
#include "criu/wire.h"

/* Each has a file that is read; processes that make their own are few. */
#define MOUNT_NAMESPACES_MAX 1000

/* Fields of the records of namespaces. */
enum { PIDNS_KEY = 1, NETNS_KEY = 8 };

bool ties_slice_is(struct slice slice, const char *text)
{
        return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

void *ties_grow(void *items, size_t count, size_t *capacity, size_t size)
{
        size_t more = *capacity ? *capacity * 2 : 64;
        void *grown = count < *capacity ? items : reallocarray(items, more, size);

        if (grown && count == *capacity)
                *capacity = more;
        return grown;
}

int ties_ids_add(struct ties_ids *ids, uint64_t id)
{
        uint32_t *grown = ties_grow(ids->items, ids->count, &ids->capacity, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        ids->items = grown;
        ids->items[ids->count++] = (uint32_t)id;
        return 0;
}

int ties_record_bad(const char *name, int ret, struct error *err)
{
        return ret == -ENOMEM
                       ? error_oom(err)
                       : error_set(err, &ERROR_CRIU_IMAGE, ret, "%s: a record is not well-formed", name);
}

int ties_put_record(struct buffer *to, struct slice record)
{
        uint8_t size[4];

        store_le32(size, (uint32_t)record.size);
        if (buffer_append(to, size, sizeof(size)) < 0)
                return -ENOMEM;
        return buffer_append(to, record.data, record.size);
}

int ties_file_begin(struct criu_ties *ties, const struct criu_records *from, struct buffer **out)
{
        struct criu_file *grown = reallocarray(ties->files, ties->file_count + 1, sizeof(*grown));
        size_t magic = from->bytes.size - from->image.rest.size;

        if (!grown)
                return -ENOMEM;
        ties->files = grown;
        grown[ties->file_count] = (struct criu_file){0};
        snprintf(grown[ties->file_count].name, sizeof(grown->name), "%s", from->name);
        *out = &grown[ties->file_count++].bytes;
        return buffer_append(*out, from->bytes.data, magic);
}

void ties_file_drop(struct criu_ties *ties)
{
        buffer_free(&ties->files[--ties->file_count].bytes);
}

/* Does the image of a namespace, if there is one, say that whoever restores gives it? */
static int namespace_is_given(const struct ties_load *load, const char *name, const char *kind, uint32_t key,
                              bool *out, struct error *err)
{
        _cleanup_criu_records_ struct criu_records records = {0};
        struct error absent = {0};
        struct wire_field field;
        struct slice record;
        int r = criu_records_open(load->source, name, kind, TIES_MOUNTS_LIMIT, &records, &absent);

        *out = false;
        if (r < 0) {
                if (r != -ENOENT && err)
                        *err = absent;
                return r == -ENOENT ? 0 : r;
        }
        r = criu_image_next(&records.image, &record, err);
        if (r <= 0)
                return r;
        while ((r = wire_next(&record, &field)) > 0)
                *out |= field.number == key;
        return r < 0 ? ties_record_bad(records.name, r, err) : 0;
}

/* Numbers are given per dump: the same one is the same namespace. */
static bool shares(const Criu__ObjectIds *ids, const Criu__ObjectIds *host)
{
        return host && (ids->pid == host->pid || ids->net == host->net || ids->ipc == host->ipc ||
                        ids->uts == host->uts || ids->mnt == host->mnt);
}

/* Those of the first process. */
static int load_namespaces(struct ties_load *load, struct criu_arena *arena, struct error *err)
{
        Criu__Inventory *inventory;
        struct criu_tree tree;
        Criu__ObjectIds *ids;
        bool given = false;
        char name[64];
        int r = criu_record_read(load->source, "inventory.img", "INVENTORY", &criu__inventory__descriptor,
                                 arena, &inventory, err);

        if (r == 0)
                r = criu_tree_load(load->source, arena, &tree, err);
        if (r == 0)
                r = criu_ids_load(load->source, tree.items[0]->pid, arena, &ids, err);
        if (r < 0)
                return r;
        load->ties->is_confined = inventory->lsm_type != 0;
        load->ties->is_host = shares(ids, inventory->root_ids);
        snprintf(name, sizeof(name), "netns-%u.img", ids->net);
        r = namespace_is_given(load, name, "NETNS", NETNS_KEY, &given, err);
        load->ties->has_network = !given;
        if (r < 0)
                return r;
        snprintf(name, sizeof(name), "pidns-%u.img", ids->pid);
        return namespace_is_given(load, name, "PIDNS", PIDNS_KEY, &load->ties->joined_pids, err);
}

struct listing {
        struct ties_load *load;
        struct error *err;
};

static int take_file(void *context, const char *name, uint64_t size)
{
        struct listing *listing = context;

        (void)size;
        if (text_starts_with(name, "userns-"))
                listing->load->ties->has_users = true;
        if (!text_starts_with(name, "mountpoints-"))
                return 0;
        if (listing->load->mount_namespaces++ == MOUNT_NAMESPACES_MAX)
                return error_set(listing->err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "the dump has more than %d mount namespaces", MOUNT_NAMESPACES_MAX);
        return ties_load_mounts(listing->load, name, listing->err);
}

static int text_compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_needed(struct criu_ties *ties)
{
        size_t kept = 0;

        if (ties->mount_count)
                qsort(ties->mounts, ties->mount_count, sizeof(*ties->mounts), text_compare);
        for (size_t i = 0; i < ties->mount_count; i++) {
                if (kept && strcmp(ties->mounts[kept - 1], ties->mounts[i]) == 0)
                        free(ties->mounts[i]);
                else
                        ties->mounts[kept++] = ties->mounts[i];
        }
        ties->mount_count = kept;
}

int criu_ties_load(const struct criu_source *source, const char *const *unwanted, struct criu_ties **out,
                   struct error *err)
{
        _cleanup_criu_ties_ struct criu_ties *ties = calloc(1, sizeof(*ties));
        _cleanup_criu_arena_ struct criu_arena arena = CRIU_ARENA_INIT;
        struct ties_load load = {.source = source, .unwanted = unwanted, .ties = ties};
        struct listing listing = {.load = &load, .err = err};
        int r;

        if (!ties)
                return error_oom(err);
        r = load_namespaces(&load, &arena, err);
        if (r == 0)
                r = ties_load_files(&load, err);
        if (r == 0)
                r = source->list(source->context, take_file, &listing, err);
        free(load.used.items);
        if (r < 0)
                return r;
        sort_needed(ties);
        *out = steal_ptr(ties);
        return 0;
}

void criu_ties_free(struct criu_ties *ties)
{
        if (!ties)
                return;
        for (size_t i = 0; i < ties->file_count; i++)
                buffer_free(&ties->files[i].bytes);
        for (size_t i = 0; i < ties->mount_count; i++)
                free(ties->mounts[i]);
        free(ties->files);
        free(ties->mounts);
        free(ties);
}
