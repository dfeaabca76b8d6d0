/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include "criu/checker.h"
#include "criu/errors.h"
#include "criu/wire.h"

#define GHOST_CHUNKS 9 /* field of GhostFileEntry: the contents are in chunks */

static void files_mark(struct checker *checker, const Criu__File *file)
{
        Criu__File **found = (Criu__File **)checker->files.files;

        for (size_t low = 0, high = checker->files.count; low < high;) {
                size_t middle = low + (high - low) / 2;

                if (found[middle] == file) {
                        checker->referred[middle] = true;
                        return;
                }
                if (found[middle]->type < file->type ||
                    (found[middle]->type == file->type && found[middle]->id < file->id))
                        low = middle + 1;
                else
                        high = middle;
        }
}

void checker_refer(struct checker *checker, const char *object, const char *what, uint32_t type, uint32_t id)
{
        const Criu__File *file;

        if (!checker->has_files)
                return;
        file = criu_files_find(&checker->files, type, id);
        if (file)
                files_mark(checker, file);
        else
                checker_fault(checker, object,
                              "%s refers to the file object %u of type %s, which is not in the dump", what,
                              id, criu_file_type_name(type));
}

int checker_check_descriptors(struct checker *checker, uint32_t number)
{
        struct criu_messages descriptors = {0};
        struct error error = {0};
        char name[64], what[32];
        int r = checker_number_add(checker, &checker->descriptors, number);

        /* Processes that share their descriptors have one file. */
        if (r <= 0)
                return r;
        snprintf(name, sizeof(name), "fdinfo-%u.img", number);
        r = criu_records_read_all(checker->source, name, "FDINFO", false, &criu__descriptor__descriptor,
                                  &checker->scratch, &descriptors, &error);
        if (r == -ENOENT) {
                if (!checker->no_descriptors)
                        checker->first_without = number;
                checker->no_descriptors = true;
                return 0;
        }
        if (r < 0)
                return checker_failed(checker, name, r, &error);
        for (size_t i = 0; i < descriptors.count; i++) {
                const Criu__Descriptor *descriptor = descriptors.items[i];

                snprintf(what, sizeof(what), "descriptor %u", descriptor->fd);
                checker_refer(checker, name, what, descriptor->type, descriptor->id);
        }
        return 0;
}

/* A deleted file that is not in chunks is all there when its image has as many bytes as it had. */
static int ghost_check_size(struct checker *checker, const char *name, const Criu__RegularFile *regular)
{
        _cleanup_criu_records_ struct criu_records records = {0};
        struct error error = {0};
        struct slice record;
        uint64_t chunks = 0;
        int r = criu_records_open(checker->source, name, "GHOST_FILE", CRIU_IMAGE_LIMIT, &records, &error);

        if (r == -EFBIG)
                return 0;
        if (r == 0)
                r = criu_image_next(&records.image, &record, &error);
        if (r < 0)
                return checker_failed(checker, name, r, &error);
        if (r == 0)
                checker_fault(checker, name, "it holds no record");
        else if (wire_find(record, GHOST_CHUNKS, &chunks) >= 0 && !chunks && S_ISREG(regular->mode) &&
                 regular->has_size && records.image.rest.size < regular->size)
                checker_fault(checker, name, "cut short: %zu of the %" PRIu64 " bytes of the deleted file %s",
                              records.image.rest.size, regular->size, regular->name);
        return 0;
}

static int remaps_check(struct checker *checker)
{
        for (size_t i = 0; i < checker->files.remap_count; i++) {
                const struct criu_remap *remap = &checker->files.remaps[i];
                const Criu__File *file = criu_files_find(&checker->files, CRIU_FILE_REGULAR, remap->file_id);
                char name[64];
                int r;

                checker_refer(checker, "remap-fpath.img", "a deleted file", CRIU_FILE_REGULAR,
                              remap->file_id);
                if (remap->type == CRIU_REMAP_LINKED)
                        checker_refer(checker, "remap-fpath.img", "a renamed file", CRIU_FILE_REGULAR,
                                      remap->target_id);
                if (remap->type != CRIU_REMAP_GHOST || !file || !file->regular)
                        continue;
                snprintf(name, sizeof(name), "ghost-file-%x.img", remap->target_id);
                r = ghost_check_size(checker, name, file->regular);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The queues of a connection that the dump kept. */
static int connection_check(struct checker *checker, const Criu__InternetSocket *socket)
{
        struct error error = {0};
        uint64_t size;
        char name[64];
        int r;

        if (socket->protocol != IPPROTO_TCP || socket->state != TCP_ESTABLISHED || !checker->inventory ||
            checker->inventory->tcp_close)
                return 0;
        snprintf(name, sizeof(name), "tcp-stream-%x.img", socket->inode);
        r = checker->source->size(checker->source->context, name, &size, &error);
        if (r == -ENOENT) {
                checker_fault(checker, name, "there is no such file, and a socket is connected");
                return 0;
        }
        return r < 0 ? checker_failed(checker, name, r, &error) : 0;
}

static int object_check(struct checker *checker, const Criu__File *file)
{
        if (file->fifo && file->fifo->has_file_id)
                checker_refer(checker, "files.img", "a named pipe", CRIU_FILE_REGULAR, file->fifo->file_id);
        if (file->terminal && file->terminal->has_file_id)
                checker_refer(checker, "files.img", "a terminal", CRIU_FILE_REGULAR, file->terminal->file_id);
        if (file->memfd && !criu_files_inode(&checker->files, file->memfd->inode_id))
                checker_fault(checker, "memfd.img",
                              "it does not hold the memory file %u that files.img refers to",
                              file->memfd->inode_id);
        return file->internet ? connection_check(checker, file->internet) : 0;
}

/* Types of objects that only descriptors can refer to once programs, directories and mappings are through;
 * sockets may wait in a queue. */
static bool object_needs_descriptor(uint32_t type)
{
        return type == CRIU_FILE_REGULAR || type == CRIU_FILE_PIPE || type == CRIU_FILE_EVENTFD ||
               type == CRIU_FILE_EPOLL || type == CRIU_FILE_TIMERFD;
}

/*
 * CRIU writes no descriptor file for a process without descriptors, so that a missing one is a fault only if
 * objects are left that nobody refers to, and that are not on their way through a socket either.
 */
static int missing_descriptors_check(struct checker *checker)
{
        struct error error = {0};
        uint64_t queues;
        size_t orphans = 0;
        char name[64];
        int r;

        /* After another fault, objects may be left over because of that. */
        if (!checker->no_descriptors || checker->faults > 0)
                return 0;
        r = checker->source->size(checker->source->context, "sk-queues.img", &queues, &error);
        if (r < 0 && r != -ENOENT)
                return checker_failed(checker, "sk-queues.img", r, &error);
        if (r == 0)
                return 0;
        for (size_t i = 0; i < checker->files.count; i++)
                if (!checker->referred[i] && object_needs_descriptor(checker->files.files[i]->type))
                        orphans++;
        snprintf(name, sizeof(name), "fdinfo-%u.img", checker->first_without);
        if (orphans)
                checker_fault(checker, name,
                              "there is no such file, and no process has %zu of the open files", orphans);
        return 0;
}

int checker_check_files(struct checker *checker)
{
        int r = 0;

        if (!checker->has_files)
                return 0;
        for (size_t i = 0; r == 0 && i < checker->files.count; i++)
                r = object_check(checker, checker->files.files[i]);
        if (r == 0)
                r = remaps_check(checker);
        return r < 0 ? r : missing_descriptors_check(checker);
}
