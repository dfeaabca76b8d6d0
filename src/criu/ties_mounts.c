/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "criu/ties_private.h"
#include "criu/wire.h"

/* Fields of a record, as in messages.proto. */
enum { MOUNT_TYPE = 1, MOUNT_ID, MOUNT_DEVICE, MOUNT_PARENT };
enum {
        MOUNT_ROOT = 6,
        MOUNT_POINT,
        MOUNT_SOURCE,
        MOUNT_OPTIONS,
        MOUNT_EXTERNAL = 13,
        MOUNT_SB_FLAGS = 17,
        MOUNT_KEY
};
enum { TYPE_DEVTMPFS = 3, TYPE_TMPFS = 5 };

/* The last number of a file system without a device, which the kernel gives out from below. */
#define EMPTY_TMPFS ((1u << 20) - 1)

/* What becomes of a mount. */
enum fate { KEPT, LEFT_OUT, HIDDEN_FILE, HIDDEN_DIRECTORY };

struct mount {
        struct slice record, root, point, source, options, key;
        uint64_t type, id, device, parent;
        bool external;
        enum fate fate;
};

struct mounts {
        struct mount *items;
        size_t count, capacity;
        const struct mount *dev; /* the container's own /dev; NULL: it has none */
};

static bool slice_ends_with(struct slice slice, const char *end)
{
        size_t size = strlen(end);

        return slice.size >= size && memcmp(slice.data + slice.size - size, end, size) == 0;
}

static bool slice_starts_with(struct slice slice, const char *start)
{
        size_t size = strlen(start);

        return slice.size >= size && memcmp(slice.data, start, size) == 0;
}

static int id_compare(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return (x > y) - (x < y);
}

static bool ids_have(const struct ties_ids *ids, uint64_t id)
{
        uint32_t key = (uint32_t)id;

        return ids->count && bsearch(&key, ids->items, ids->count, sizeof(key), id_compare);
}

static void mount_take(struct mount *mount, const struct wire_field *field)
{
        switch (field->number) {
        case MOUNT_TYPE:
                mount->type = field->value;
                break;
        case MOUNT_ID:
                mount->id = field->value;
                break;
        case MOUNT_DEVICE:
                mount->device = field->value;
                break;
        case MOUNT_PARENT:
                mount->parent = field->value;
                break;
        case MOUNT_ROOT:
                mount->root = field->bytes;
                break;
        case MOUNT_POINT:
                mount->point = field->bytes;
                break;
        case MOUNT_SOURCE:
                mount->source = field->bytes;
                break;
        case MOUNT_OPTIONS:
                mount->options = field->bytes;
                break;
        case MOUNT_EXTERNAL:
                mount->external |= field->value != 0;
                break;
        case MOUNT_KEY:
                mount->key = field->bytes;
                mount->external = true;
                break;
        default:
                break;
        }
}

static int mounts_add(struct mounts *mounts, struct slice record)
{
        struct mount *grown = ties_grow(mounts->items, mounts->count, &mounts->capacity, sizeof(*grown));
        struct wire_field field;
        struct mount *mount;
        int r;

        if (!grown)
                return -ENOMEM;
        mounts->items = grown;
        mount = &grown[mounts->count++];
        *mount = (struct mount){.record = record};
        while ((r = wire_next(&record, &field)) > 0)
                mount_take(mount, &field);
        return r;
}

/* crun names such a mount after its mountpoint, runc after what is mounted. */
static bool hides_file(const struct mount *mount)
{
        bool same = mount->key.size == mount->point.size &&
                    memcmp(mount->key.data, mount->point.data, mount->key.size) == 0;

        return (mount->type == TYPE_DEVTMPFS || mount->type == TYPE_TMPFS) &&
               ties_slice_is(mount->root, "/null") && (same || ties_slice_is(mount->key, "/dev/null"));
}

/* crun mounts an empty directory of its own; runc a tmpfs, which is tied to nothing. */
static bool hides_directory(const struct mount *mount)
{
        return slice_ends_with(mount->key, "/.empty-directory") &&
               slice_ends_with(mount->root, "/.empty-directory");
}

static bool is_unwanted(const struct ties_load *load, const struct mount *mount)
{
        for (const char *const *each = load->unwanted; each && *each; each++)
                if (ties_slice_is(mount->point, *each))
                        return !ids_have(&load->used, mount->id);
        return false;
}

static enum fate fate_of(const struct ties_load *load, const struct mount *mount)
{
        if (!mount->external)
                return KEPT;
        if (mount->key.size && hides_file(mount))
                return HIDDEN_FILE;
        if (hides_directory(mount))
                return HIDDEN_DIRECTORY;
        return is_unwanted(load, mount) ? LEFT_OUT : KEPT;
}

/* Of the control groups of version 1, which every runtime mounts. */
static bool is_cgroup(const struct mount *mount)
{
        return slice_starts_with(mount->point, "/sys/fs/cgroup/");
}

static int add_needed(struct criu_ties *ties, const struct mount *mount)
{
        char **grown = reallocarray(ties->mounts, ties->mount_count + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        ties->mounts = grown;
        grown[ties->mount_count] = strndup((const char *)mount->point.data, mount->point.size);
        return grown[ties->mount_count] ? (ties->mount_count++, 0) : -ENOMEM;
}

static int decide(struct ties_load *load, struct mounts *mounts, const char *name, struct error *err)
{
        bool directories = false, files = false, taken = false;

        for (size_t i = 0; i < mounts->count; i++) {
                struct mount *mount = &mounts->items[i];

                mount->fate = fate_of(load, mount);
                directories |= mount->fate == HIDDEN_DIRECTORY;
                files |= mount->fate == HIDDEN_FILE;
                taken |= mount->device == EMPTY_TMPFS;
                if (!mounts->dev && !mount->external && mount->type == TYPE_TMPFS &&
                    ties_slice_is(mount->point, "/dev"))
                        mounts->dev = mount;
                if (mount->fate == KEPT && mount->external && !is_cgroup(mount) &&
                    add_needed(load->ties, mount) < 0)
                        return error_oom(err);
        }
        if (files && !mounts->dev)
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "%s: files are hidden from the container, but it has no /dev of its own",
                                 name);
        if (directories && taken)
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP, "%s: no device number is free", name);
        if (directories)
                load->ties->empty_tmpfs = EMPTY_TMPFS;
        return 0;
}

/* The fields that say what is mounted; the others stay. */
static bool is_rewritten(uint32_t number)
{
        return number == MOUNT_TYPE || number == MOUNT_DEVICE || number == MOUNT_ROOT ||
               number == MOUNT_SOURCE || number == MOUNT_OPTIONS || number == MOUNT_EXTERNAL ||
               number == MOUNT_KEY || number == MOUNT_SB_FLAGS;
}

static int put_contents(const struct mount *what, const char *root, bool read_only, struct buffer *out)
{
        if (wire_put_number(out, MOUNT_TYPE, what->type) < 0 ||
            wire_put_number(out, MOUNT_DEVICE, what->device) < 0 ||
            wire_put_bytes(out, MOUNT_ROOT, SLICE_TEXT(root)) < 0 ||
            wire_put_bytes(out, MOUNT_SOURCE, what->source) < 0 ||
            wire_put_bytes(out, MOUNT_OPTIONS, what->options) < 0)
                return -ENOMEM;
        return wire_put_number(out, MOUNT_SB_FLAGS, read_only);
}

static int put_hidden(const struct mounts *mounts, const struct mount *mount, struct buffer *out)
{
        const struct mount empty = {.type = TYPE_TMPFS,
                                    .device = EMPTY_TMPFS,
                                    .source = SLICE_TEXT("tmpfs"),
                                    .options = SLICE_TEXT("size=4k,nr_inodes=1")};
        _cleanup_buffer_ struct buffer record = {0};
        struct slice left = mount->record;
        struct wire_field field;
        int r;

        while ((r = wire_next(&left, &field)) > 0)
                if (!is_rewritten(field.number) && wire_put(&record, &field) < 0)
                        return -ENOMEM;
        r = mount->fate == HIDDEN_FILE ? put_contents(mounts->dev, "/null", false, &record)
                                       : put_contents(&empty, "/", true, &record);
        return r < 0 ? r : ties_put_record(out, buffer_slice(&record));
}

static int mounts_write(const struct mounts *mounts, struct buffer *out, bool *changed)
{
        for (size_t i = 0; i < mounts->count; i++) {
                const struct mount *mount = &mounts->items[i];
                int r = 0;

                *changed |= mount->fate != KEPT;
                if (mount->fate == KEPT)
                        r = ties_put_record(out, mount->record);
                else if (mount->fate != LEFT_OUT)
                        r = put_hidden(mounts, mount, out);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int mounts_read(struct ties_load *load, struct criu_records *records, struct mounts *mounts,
                       struct error *err)
{
        struct slice record;
        int r;

        while ((r = criu_image_next(&records->image, &record, err)) > 0) {
                r = mounts_add(mounts, record);
                if (r == 0)
                        r = ties_ids_add(&load->used, mounts->items[mounts->count - 1].parent);
                if (r < 0)
                        return ties_record_bad(records->name, r, err);
        }
        if (load->used.count)
                qsort(load->used.items, load->used.count, sizeof(*load->used.items), id_compare);
        return r;
}

int ties_load_mounts(struct ties_load *load, const char *name, struct error *err)
{
        _cleanup_criu_records_ struct criu_records records = {0};
        struct mounts mounts = {0};
        bool changed = false;
        struct buffer *out;
        int r = criu_records_open(load->source, name, "MNTS", TIES_MOUNTS_LIMIT, &records, err);

        if (r < 0)
                return r;
        if (ties_file_begin(load->ties, &records, &out) < 0)
                return error_oom(err);
        r = mounts_read(load, &records, &mounts, err);
        if (r == 0)
                r = decide(load, &mounts, name, err);
        if (r == 0 && mounts_write(&mounts, out, &changed) < 0)
                r = error_oom(err);
        if (r == 0 && !changed)
                ties_file_drop(load->ties);
        free(mounts.items);
        return r;
}
