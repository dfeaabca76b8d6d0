/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bulk_writer.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"

/* Large enough that the disk does not wait for us; O_DIRECT wants memory and offsets of whole blocks. */
#define BLOCK     (2 * MIB)
#define ALIGNMENT 4096

struct bulk_writer {
        int fd, flags; /* of the descriptor before */
        bool direct;
        uint8_t *block;
        size_t used;
};

int bulk_writer_new(int fd, struct bulk_writer **out, struct error *err)
{
        _cleanup_bulk_writer_ struct bulk_writer *writer = calloc(1, sizeof(*writer));
        struct stat st;

        if (!writer)
                return error_oom(err);
        writer->fd = fd;
        writer->block = aligned_alloc(ALIGNMENT, BLOCK);
        if (!writer->block)
                return error_oom(err);
        writer->flags = fcntl(fd, F_GETFL);
        /* Of a pipe, the flag would mean something else. */
        writer->direct = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && writer->flags >= 0 &&
                         fcntl(fd, F_SETFL, writer->flags | O_DIRECT) == 0;
        *out = steal_ptr(writer);
        return 0;
}

static void leave_direct(struct bulk_writer *writer)
{
        if (writer->direct)
                (void)fcntl(writer->fd, F_SETFL, writer->flags);
        writer->direct = false;
}

static int write_block(struct bulk_writer *writer)
{
        int ret = file_write_full(writer->fd, writer->block, writer->used);

        if (ret == -EINVAL && writer->direct) {
                /* The file system has larger blocks than we thought. */
                leave_direct(writer);
                ret = file_write_full(writer->fd, writer->block, writer->used);
        }
        writer->used = 0;
        return ret;
}

int bulk_writer_write(struct bulk_writer *writer, struct slice bytes)
{
        struct slice part;
        int ret = 0;

        while (ret == 0 && bytes.size) {
                size_t room = BLOCK - writer->used;

                slice_take(&bytes, bytes.size < room ? bytes.size : room, &part);
                memcpy(writer->block + writer->used, part.data, part.size);
                writer->used += part.size;
                if (writer->used == BLOCK)
                        ret = write_block(writer);
        }
        return ret;
}

int bulk_writer_finish(struct bulk_writer *writer)
{
        leave_direct(writer);
        return write_block(writer);
}

void bulk_writer_free(struct bulk_writer *writer)
{
        if (!writer)
                return;
        leave_direct(writer);
        if (writer->block)
                explicit_bzero(writer->block, BLOCK);
        free(writer->block);
        free(writer);
}
