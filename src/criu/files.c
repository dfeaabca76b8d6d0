/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/files.h"

#include <errno.h>
#include "criu/errors.h"

/* Before "remap_type" existed, the top bit of the target said that it is a ghost. */
#define REMAP_OLD_GHOST (UINT32_C(1) << 31)

/* Images of dumps before CRIU 3.0, each with the member of File that its records became. */
struct old_image {
        const char *file, *kind;
        uint32_t type;
        const ProtobufCMessageDescriptor *message;
        size_t member;
};

static const struct old_image old_images[] = {
        {"reg-files.img", "REG_FILES", CRIU_FILE_REGULAR, &criu__regular_file__descriptor,
         offsetof(Criu__File, regular)},
        {"inetsk.img", "INETSK", CRIU_FILE_INTERNET, &criu__internet_socket__descriptor,
         offsetof(Criu__File, internet)},
        {"ns-files.img", "NS_FILES", CRIU_FILE_NAMESPACE, &criu__namespace_file__descriptor,
         offsetof(Criu__File, namespace_file)},
        {"packetsk.img", "PACKETSK", CRIU_FILE_PACKET, &criu__packet_socket__descriptor,
         offsetof(Criu__File, packet)},
        {"netlinksk.img", "NETLINK_SK", CRIU_FILE_NETLINK, &criu__netlink_socket__descriptor,
         offsetof(Criu__File, netlink)},
        {"eventfd.img", "EVENTFD_FILE", CRIU_FILE_EVENTFD, &criu__plain_file__descriptor,
         offsetof(Criu__File, eventfd)},
        {"eventpoll.img", "EVENTPOLL_FILE", CRIU_FILE_EPOLL, &criu__plain_file__descriptor,
         offsetof(Criu__File, epoll)},
        {"signalfd.img", "SIGNALFD", CRIU_FILE_SIGNALFD, &criu__plain_file__descriptor,
         offsetof(Criu__File, signalfd)},
        {"tunfile.img", "TUNFILE", CRIU_FILE_TUN, &criu__other_file__descriptor, offsetof(Criu__File, tun)},
        {"timerfd.img", "TIMERFD", CRIU_FILE_TIMERFD, &criu__timer_file__descriptor,
         offsetof(Criu__File, timerfd)},
        {"inotify.img", "INOTIFY_FILE", CRIU_FILE_INOTIFY, &criu__plain_file__descriptor,
         offsetof(Criu__File, inotify)},
        {"fanotify.img", "FANOTIFY_FILE", CRIU_FILE_FANOTIFY, &criu__plain_file__descriptor,
         offsetof(Criu__File, fanotify)},
        {"ext-files.img", "EXT_FILES", CRIU_FILE_EXTERNAL, &criu__other_file__descriptor,
         offsetof(Criu__File, external)},
        {"unixsk.img", "UNIXSK", CRIU_FILE_UNIX, &criu__unix_socket__descriptor,
         offsetof(Criu__File, unix_socket)},
        {"fifo.img", "FIFO", CRIU_FILE_FIFO, &criu__fifo__descriptor, offsetof(Criu__File, fifo)},
        {"pipes.img", "PIPES", CRIU_FILE_PIPE, &criu__pipe__descriptor, offsetof(Criu__File, pipe)},
        {"tty.img", "TTY_FILES", CRIU_FILE_TERMINAL, &criu__terminal__descriptor,
         offsetof(Criu__File, terminal)},
};

/* Adds the records of an old image, each wrapped in the File that it became. */
static int files_load_old(const struct criu_source *source, struct criu_arena *arena,
                          const struct old_image *old, struct criu_messages *out, struct error *err)
{
        struct criu_messages messages = {0};
        int r = criu_records_read_all(source, old->file, old->kind, true, old->message, arena, &messages,
                                      err);
        Criu__File *wrapped;
        void **grown;

        if (r < 0 || messages.count == 0)
                return r;
        wrapped = criu_arena_array(arena, messages.count, sizeof(*wrapped));
        grown = (void **)criu_arena_array(arena, out->count + messages.count, sizeof(*grown));
        if (!wrapped || !grown)
                return error_oom(err);
        for (size_t i = 0; i < out->count; i++)
                grown[i] = out->items[i];
        for (size_t i = 0; i < messages.count; i++) {
                criu__file__init(&wrapped[i]);
                wrapped[i].type = old->type;
                /* Each of these messages begins with its id. */
                wrapped[i].id = ((const Criu__OtherFile *)messages.items[i])->id;
                *(void **)((uint8_t *)&wrapped[i] + old->member) = messages.items[i];
                grown[out->count + i] = &wrapped[i];
        }
        *out = (struct criu_messages){grown, out->count + messages.count, out->count + messages.count};
        return 0;
}

static int files_load_objects(const struct criu_source *source, struct criu_arena *arena,
                              struct criu_messages *out, struct error *err)
{
        struct error missing = {0};
        int r = criu_records_read_all(source, "files.img", "FILES", false, &criu__file__descriptor, arena,
                                      out, &missing);

        for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(old_images); i++) {
                int old = files_load_old(source, arena, &old_images[i], out, err);

                if (old < 0)
                        return old;
        }
        if (r < 0 && (r != -ENOENT || out->count == 0)) {
                if (err)
                        *err = missing;
                return r;
        }
        return 0;
}

static int files_load_remaps(const struct criu_source *source, struct criu_arena *arena,
                             struct criu_files *out, struct error *err)
{
        struct criu_messages messages = {0};
        int r = criu_records_read_all(source, "remap-fpath.img", "REMAP_FPATH", true,
                                      &criu__remap__descriptor, arena, &messages, err);

        if (r < 0 || messages.count == 0)
                return r;
        out->remaps = criu_arena_array(arena, messages.count, sizeof(*out->remaps));
        if (!out->remaps)
                return error_oom(err);
        for (size_t i = 0; i < messages.count; i++) {
                const Criu__Remap *from = messages.items[i];
                struct criu_remap *to = &out->remaps[i];

                *to = (struct criu_remap){from->file_id, from->target_id, from->type};
                if (!from->has_type) {
                        to->type = to->target_id & REMAP_OLD_GHOST ? CRIU_REMAP_GHOST : CRIU_REMAP_LINKED;
                        to->target_id &= ~REMAP_OLD_GHOST;
                }
        }
        out->remap_count = messages.count;
        return 0;
}

static int file_compare(const void *a, const void *b)
{
        const Criu__File *x = *(Criu__File *const *)a, *y = *(Criu__File *const *)b;

        if (x->type != y->type)
                return x->type < y->type ? -1 : 1;
        return x->id < y->id ? -1 : x->id > y->id;
}

static int remap_compare(const void *a, const void *b)
{
        const struct criu_remap *x = a, *y = b;

        return x->file_id < y->file_id ? -1 : x->file_id > y->file_id;
}

static int inode_compare(const void *a, const void *b)
{
        const Criu__MemoryInode *x = *(Criu__MemoryInode *const *)a, *y = *(Criu__MemoryInode *const *)b;

        return x->inode_id < y->inode_id ? -1 : x->inode_id > y->inode_id;
}

int criu_files_load(const struct criu_source *source, struct criu_arena *arena, struct criu_files *out,
                    struct error *err)
{
        struct criu_messages objects = {0}, inodes = {0};
        int r = files_load_objects(source, arena, &objects, err);

        *out = (struct criu_files){0};
        if (r == 0)
                r = files_load_remaps(source, arena, out, err);
        if (r == 0)
                r = criu_records_read_all(source, "memfd.img", "MEMFD_INODE", true,
                                          &criu__memory_inode__descriptor, arena, &inodes, err);
        if (r < 0)
                return r;
        out->files = (Criu__File **)objects.items;
        out->count = objects.count;
        out->inodes = (Criu__MemoryInode **)inodes.items;
        out->inode_count = inodes.count;
        if (out->count)
                qsort(out->files, out->count, sizeof(*out->files), file_compare);
        if (out->remap_count)
                qsort(out->remaps, out->remap_count, sizeof(*out->remaps), remap_compare);
        if (out->inode_count)
                qsort(out->inodes, out->inode_count, sizeof(*out->inodes), inode_compare);
        return 0;
}

const Criu__File *criu_files_find(const struct criu_files *files, uint32_t type, uint32_t id)
{
        Criu__File key = {.type = type, .id = id}, *wanted = &key;
        Criu__File **found;

        if (files->count == 0)
                return NULL;
        found = (Criu__File **)bsearch(&wanted, files->files, files->count, sizeof(*files->files),
                                       file_compare);
        return found ? *found : NULL;
}

const struct criu_remap *criu_files_remap(const struct criu_files *files, uint32_t file_id)
{
        struct criu_remap key = {.file_id = file_id};

        if (files->remap_count == 0)
                return NULL;
        return bsearch(&key, files->remaps, files->remap_count, sizeof(key), remap_compare);
}

bool criu_files_is_ghost(const struct criu_files *files, uint32_t file_id)
{
        const struct criu_remap *remap = criu_files_remap(files, file_id);

        return remap && remap->type == CRIU_REMAP_GHOST;
}

const Criu__MemoryInode *criu_files_inode(const struct criu_files *files, uint32_t inode_id)
{
        Criu__MemoryInode key = {.inode_id = inode_id}, *wanted = &key;
        Criu__MemoryInode **found;

        if (files->inode_count == 0)
                return NULL;
        found = (Criu__MemoryInode **)bsearch(&wanted, files->inodes, files->inode_count,
                                              sizeof(*files->inodes), inode_compare);
        return found ? *found : NULL;
}

/* images/fdinfo.proto */
static const char *const type_names[] = {
        "UND",       "REG",     "PIPE",     "FIFO",     "INETSK", "UNIXSK",   "EVENTFD",
        "EVENTPOLL", "INOTIFY", "SIGNALFD", "PACKETSK", "TTY",    "FANOTIFY", "NETLINKSK",
        "NS",        "TUNF",    "EXT",      "TIMERFD",  "MEMFD",  "BPFMAP",   "PIDFD",
};

bool criu_file_type_is_known(uint32_t type)
{
        return type < ARRAY_SIZE(type_names);
}

const char *criu_file_type_name(uint32_t type)
{
        return criu_file_type_is_known(type) ? type_names[type] : "UNKNOWN";
}
