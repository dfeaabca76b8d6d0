/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw bytes after records. How many there are stands in the record, in a way of each kind's own
 * (criu/pipes.c, sk-queue.c, sk-tcp.c, bpfmap.c, ipc_ns.c, files-reg.c of CRIU 4.2).
 */
#include "criu/image.h"

#include <errno.h>
#include "criu/errors.h"
#include "criu/wire.h"

struct payload_kind {
        const char *name;
        uint32_t fields[2]; /* whose sum is the number of bytes; 0: none */
        uint32_t unit;      /* bytes each counts */
        uint32_t alignment; /* the sum is rounded up to it */
};

static const struct payload_kind payload_kinds[] = {
        {"PIPES_DATA", {2, 0}, 1, 1}, {"FIFO_DATA", {2, 0}, 1, 1},   {"SK_QUEUES", {2, 0}, 1, 1},
        {"TCP_STREAM", {1, 3}, 1, 1}, {"BPFMAP_DATA", {2, 3}, 1, 1}, {"IPCNS_SEM", {2, 0}, 2, 8},
};

#define GHOST_CHUNKS         9
#define GHOST_CHUNK_LENGTH   1
#define SHM_SIZE             2
#define SHM_IN_PAGEMAPS      3
#define MESSAGE_QUEUE_LENGTH 3
#define MESSAGE_SIZE         2

static int payload_bad(const struct criu_image *image, struct error *err)
{
        return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: cut short within the data after a record",
                         image->name);
}

static int payload_field(const struct criu_image *image, struct slice record, uint32_t number, uint64_t *out,
                         struct error *err)
{
        *out = 0;
        if (wire_find(record, number, out) < 0)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: a record is not well-formed",
                                 image->name);
        return 0;
}

static int payload_skip(struct criu_image *image, uint64_t size, uint64_t alignment, struct error *err)
{
        struct slice skipped;

        if (add_overflow(size, alignment - 1, &size) ||
            !slice_take(&image->rest, size / alignment * alignment, &skipped))
                return payload_bad(image, err);
        return 0;
}

/* A deleted file: large ones in chunks, each a record and its bytes; else all the rest is the file. */
static int payload_ghost(struct criu_image *image, struct slice record, struct error *err)
{
        uint64_t chunks, length;
        int r = payload_field(image, record, GHOST_CHUNKS, &chunks, err);

        if (r < 0)
                return r;
        if (!chunks)
                return payload_skip(image, image->rest.size, 1, err);
        while ((r = criu_image_next(image, &record, err)) > 0) {
                r = payload_field(image, record, GHOST_CHUNK_LENGTH, &length, err);
                if (r == 0)
                        r = payload_skip(image, length, 1, err);
                if (r < 0)
                        return r;
        }
        return r;
}

/* A System V message queue: as many messages follow, each a record and its padded text. */
static int payload_messages(struct criu_image *image, struct slice record, struct error *err)
{
        uint64_t count, size;
        int r = payload_field(image, record, MESSAGE_QUEUE_LENGTH, &count, err);

        for (uint64_t i = 0; r == 0 && i < count; i++) {
                r = criu_image_next(image, &record, err);
                if (r == 0)
                        return payload_bad(image, err);
                if (r > 0)
                        r = payload_field(image, record, MESSAGE_SIZE, &size, err);
                if (r == 0)
                        r = payload_skip(image, size, 8, err);
        }
        return r;
}

/* System V shared memory: its bytes are here only in dumps of CRIU before 3.0. */
static int payload_shared_memory(struct criu_image *image, struct slice record, struct error *err)
{
        uint64_t elsewhere, size;
        int r = payload_field(image, record, SHM_IN_PAGEMAPS, &elsewhere, err);

        if (r < 0 || elsewhere)
                return r;
        r = payload_field(image, record, SHM_SIZE, &size, err);
        return r < 0 ? r : payload_skip(image, size, 4, err);
}

static int payload_counted(struct criu_image *image, struct slice record, const struct payload_kind *payload,
                           struct error *err)
{
        uint64_t total = 0, value;

        for (size_t i = 0; i < ARRAY_SIZE(payload->fields) && payload->fields[i]; i++) {
                int r = payload_field(image, record, payload->fields[i], &value, err);

                if (r < 0)
                        return r;
                if (mul_overflow(value, payload->unit, &value) || add_overflow(total, value, &total))
                        return payload_bad(image, err);
        }
        return payload_skip(image, total, payload->alignment, err);
}

int criu_image_skip_payload(struct criu_image *image, struct slice record, struct error *err)
{
        const struct criu_image_kind *kind = criu_image_kind_by_magic(image->magic);

        if (!kind)
                return 0;
        if (strcmp(kind->name, "GHOST_FILE") == 0)
                return payload_ghost(image, record, err);
        if (strcmp(kind->name, "IPCNS_MSG") == 0)
                return payload_messages(image, record, err);
        if (strcmp(kind->name, "IPCNS_SHM") == 0)
                return payload_shared_memory(image, record, err);
        for (size_t i = 0; i < ARRAY_SIZE(payload_kinds); i++)
                if (strcmp(kind->name, payload_kinds[i].name) == 0)
                        return payload_counted(image, record, &payload_kinds[i], err);
        return 0;
}
