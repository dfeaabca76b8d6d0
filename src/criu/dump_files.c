/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include "criu/errors.h"
#include "criu/loader.h"

#define DESCRIPTOR_CWD  (-1)
#define DESCRIPTOR_ROOT (-2)

static const char *file_path_of_regular(struct criu_loader *loader, bool has_id, uint32_t id)
{
        const Criu__File *file = has_id ? criu_files_find(&loader->files, CRIU_FILE_REGULAR, id) : NULL;

        return file && file->regular ? file->regular->name : "";
}

static const char *file_path_of_memfd(struct criu_loader *loader, const Criu__MemoryFile *memfd)
{
        const Criu__MemoryInode *inode = criu_files_inode(&loader->files, memfd->inode_id);

        return inode ? criu_arena_printf(loader->arena, "memfd:%s", inode->name) : "";
}

/* A path ends with a NUL that is no part of it; an abstract name begins with one, and all of its bytes count.
 */
static const char *file_path_of_unix(struct criu_loader *loader, const Criu__UnixSocket *socket)
{
        struct slice name = {socket->name.data, socket->name.len};

        if (name.size && name.data[0])
                name.size = strnlen((const char *)name.data, name.size);
        return criu_arena_text(loader->arena, name);
}

const char *criu_file_path(struct criu_loader *loader, const Criu__File *file)
{
        if (file->regular)
                return file->regular->name;
        if (file->pipe)
                return criu_arena_printf(loader->arena, "pipe:[%u]", file->pipe->pipe_id);
        if (file->fifo)
                return file_path_of_regular(loader, file->fifo->has_file_id, file->fifo->file_id);
        if (file->terminal)
                return file_path_of_regular(loader, file->terminal->has_file_id, file->terminal->file_id);
        if (file->memfd)
                return file_path_of_memfd(loader, file->memfd);
        if (file->unix_socket)
                return file_path_of_unix(loader, file->unix_socket);
        return "";
}

int criu_regular_path(struct criu_loader *loader, uint32_t id, const char *image, const char **out,
                      struct error *err)
{
        const Criu__File *file = criu_files_find(&loader->files, CRIU_FILE_REGULAR, id);

        if (!file || !file->regular)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG,
                                 "%s: it refers to the regular file object %u, which is not in the dump",
                                 image, id);
        *out = file->regular->name;
        return 0;
}

static uint32_t file_flags(const Criu__File *file)
{
        const Criu__PlainFile *const plain[] = {file->eventfd, file->epoll,    file->signalfd,
                                                file->inotify, file->fanotify, file->bpf_map};

        if (file->regular)
                return file->regular->flags;
        if (file->timerfd)
                return file->timerfd->flags;
        if (file->pipe)
                return file->pipe->flags;
        if (file->internet)
                return file->internet->flags;
        if (file->unix_socket)
                return file->unix_socket->flags;
        if (file->packet)
                return file->packet->flags;
        if (file->netlink)
                return file->netlink->flags;
        if (file->terminal)
                return file->terminal->flags;
        if (file->memfd)
                return file->memfd->flags;
        if (file->namespace_file)
                return file->namespace_file->flags;
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
                if (plain[i])
                        return plain[i]->flags;
        return 0;
}

/* Where CRIU linked a file whose name is gone while it has others; NULL if it did not. */
static const char *file_link(struct criu_loader *loader, const Criu__File *file)
{
        const struct criu_remap *remap = file->regular ? criu_files_remap(&loader->files, file->id) : NULL;

        return remap && remap->type == CRIU_REMAP_LINKED
                       ? file_path_of_regular(loader, true, remap->target_id)
                       : NULL;
}

static int descriptor_fill(struct criu_loader *loader, int fd, uint32_t type, uint32_t id, const char *image,
                           struct criu_descriptor *out, struct error *err)
{
        const Criu__File *file = criu_files_find(&loader->files, type, id);
        const char *path;

        *out = (struct criu_descriptor){.fd = fd, .type = criu_file_type_name(type), .id = id, .path = ""};
        /* Where a newer CRIU keeps objects of a type of its own is not known here. */
        if (!file && !criu_file_type_is_known(type))
                return 0;
        if (!file)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG,
                                 "%s: it refers to the file object %u of type %s, which is not in the dump",
                                 image, id, out->type);
        path = criu_file_path(loader, file);
        if (!path)
                return error_oom(err);
        *out = (struct criu_descriptor){
                .fd = fd,
                .type = out->type,
                .id = id,
                .path = path,
                .size = file->regular ? file->regular->size : 0,
                .has_size = file->regular && file->regular->has_size,
                .flags = file_flags(file),
                .mode = file->regular ? file->regular->mode : 0,
                .wall_clock = file->timerfd && file->timerfd->clock == CLOCK_REALTIME &&
                              file->timerfd->settings & TFD_TIMER_ABSTIME,
                .ghost = file->regular && criu_files_is_ghost(&loader->files, id),
                .linked = file_link(loader, file),
        };
        return 0;
}

static int descriptors_fill(struct criu_loader *loader, const struct criu_messages *from, const char *image,
                            struct criu_process *out, struct error *err)
{
        for (size_t i = 0; i < from->count; i++) {
                const Criu__Descriptor *descriptor = from->items[i];
                const Criu__File *file;
                int r = descriptor_fill(loader, (int)descriptor->fd, descriptor->type, descriptor->id, image,
                                        &out->descriptors[out->descriptor_count], err);

                if (r < 0)
                        return r;
                out->descriptor_count++;
                file = criu_files_find(&loader->files, descriptor->type, descriptor->id);
                if (!file || !criu_file_is_socket(file))
                        continue;
                r = criu_socket_describe(loader, file, &out->sockets[out->socket_count], err);
                if (r < 0)
                        return r;
                out->sockets[out->socket_count++].fd = (int)descriptor->fd;
        }
        return 0;
}

int criu_load_descriptors(struct criu_loader *loader, const Criu__ObjectIds *ids, const Criu__FileSystem *fs,
                          struct criu_process *out, struct error *err)
{
        struct criu_messages from = {0};
        char name[64];
        int r;

        /* CRIU writes none for a process without descriptors. */
        snprintf(name, sizeof(name), "fdinfo-%u.img", ids->files);
        r = criu_records_read_all(loader->source, name, "FDINFO", true, &criu__descriptor__descriptor,
                                  &loader->scratch, &from, err);
        if (r < 0)
                return r;
        out->descriptors = criu_arena_array(loader->arena, from.count + 2, sizeof(*out->descriptors));
        out->sockets = criu_arena_array(loader->arena, from.count, sizeof(*out->sockets));
        if (!out->descriptors || !out->sockets)
                return error_oom(err);
        r = descriptors_fill(loader, &from, name, out, err);
        snprintf(name, sizeof(name), "fs-%d.img", (int)out->pid);
        if (r == 0)
                r = descriptor_fill(loader, DESCRIPTOR_CWD, CRIU_FILE_REGULAR, fs->cwd_id, name,
                                    &out->descriptors[out->descriptor_count++], err);
        if (r == 0)
                r = descriptor_fill(loader, DESCRIPTOR_ROOT, CRIU_FILE_REGULAR, fs->root_id, name,
                                    &out->descriptors[out->descriptor_count++], err);
        return r;
}
