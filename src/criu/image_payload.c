/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/payload.h"

#include <errno.h>
#include "criu/errors.h"
#include "criu/wire.h"

struct payload_kind {
        const char *name;
        enum criu_payload_form form;
        uint32_t field, second_field; /* which say how much there is; 0: none */
        uint32_t unit;                /* bytes that `field` counts */
        uint32_t alignment;           /* the sum is rounded up to it */
        uint32_t elsewhere;           /* a field that is true when the bytes are not here; 0: none */
};

static const struct payload_kind payload_kinds[] = {
        {"BPFMAP_DATA", CRIU_PAYLOAD_BYTES, 2, 3, 1, 1, 0},
        {"FIFO_DATA", CRIU_PAYLOAD_BYTES, 2, 0, 1, 1, 0},
        {"GHOST_FILE", CRIU_PAYLOAD_REST, 0, 0, 1, 1, 9}, /* large ones are in chunks */
        {"IPCNS_MSG", CRIU_PAYLOAD_RECORDS, 3, 0, 1, 1, 0},
        {"IPCNS_SEM", CRIU_PAYLOAD_NUMBERS, 2, 0, 2, 8, 0},
        {"IPCNS_SHM", CRIU_PAYLOAD_BYTES, 2, 0, 1, 4, 3}, /* since CRIU 3.0 in a pagemap */
        {"PIPES_DATA", CRIU_PAYLOAD_BYTES, 2, 0, 1, 1, 0},
        {"SK_QUEUES", CRIU_PAYLOAD_BYTES, 2, 0, 1, 1, 0},
        {"TCP_STREAM", CRIU_PAYLOAD_QUEUES, 1, 3, 1, 1, 0},
};
static const struct payload_kind ghost_chunk = {"GHOST_FILE", CRIU_PAYLOAD_BYTES, 1, 0, 1, 1, 0};
static const struct payload_kind queued_message = {"IPCNS_MSG", CRIU_PAYLOAD_BYTES, 2, 0, 1, 8, 0};

static int payload_bad(const char *name, struct error *err)
{
        return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: cut short within the data after a record",
                         name);
}

static int payload_field(const char *name, struct slice record, uint32_t number, uint64_t *out,
                         struct error *err)
{
        *out = 0;
        if (number && wire_find(record, number, out) < 0)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: a record is not well-formed", name);
        return 0;
}

static int payload_measure(const char *name, struct slice record, const struct payload_kind *kind,
                           struct criu_payload *out, struct error *err)
{
        uint64_t elsewhere, total, padded;
        int r = payload_field(name, record, kind->elsewhere, &elsewhere, err);

        *out = (struct criu_payload){.form = kind->form};
        if (elsewhere && kind->form == CRIU_PAYLOAD_REST)
                out->form = CRIU_PAYLOAD_NONE;
        if (r == 0 && !elsewhere)
                r = payload_field(name, record, kind->field, &out->size, err);
        if (r == 0 && !elsewhere)
                r = payload_field(name, record, kind->second_field, &out->second_size, err);
        if (r < 0)
                return r;
        if (mul_overflow(out->size, kind->unit, &out->size) ||
            add_overflow(out->size, out->second_size, &total) ||
            add_overflow(total, kind->alignment - 1, &padded))
                return payload_bad(name, err);
        out->padding = padded / kind->alignment * kind->alignment - total;
        return 0;
}

int criu_payload_of(const struct criu_image_kind *kind, const char *name, uint64_t index, struct slice record,
                    struct criu_payload *out, struct error *err)
{
        *out = (struct criu_payload){0};
        if (index > 0 && strcmp(kind->name, ghost_chunk.name) == 0)
                return payload_measure(name, record, &ghost_chunk, out, err);
        for (size_t i = 0; i < ARRAY_SIZE(payload_kinds); i++)
                if (strcmp(kind->name, payload_kinds[i].name) == 0)
                        return payload_measure(name, record, &payload_kinds[i], out, err);
        return 0;
}

int criu_payload_of_inner(const char *name, struct slice record, struct criu_payload *out, struct error *err)
{
        return payload_measure(name, record, &queued_message, out, err);
}

static int payload_skip(struct criu_image *image, const struct criu_payload *payload, struct error *err)
{
        uint64_t total;
        struct slice skipped;

        /* The sum does not overflow: payload_measure() made it. */
        total = payload->size + payload->second_size + payload->padding;
        return slice_take(&image->rest, total, &skipped) ? 0 : payload_bad(image->name, err);
}

static int payload_skip_records(struct criu_image *image, uint64_t count, struct error *err)
{
        struct criu_payload payload;
        struct slice record;
        int r = 0;

        for (uint64_t i = 0; r == 0 && i < count; i++) {
                r = criu_image_next(image, &record, err);
                if (r == 0)
                        return payload_bad(image->name, err);
                if (r > 0)
                        r = criu_payload_of_inner(image->name, record, &payload, err);
                if (r == 0)
                        r = payload_skip(image, &payload, err);
        }
        return r;
}

int criu_image_skip_payload(struct criu_image *image, struct slice record, struct error *err)
{
        const struct criu_image_kind *kind = criu_image_kind_by_magic(image->magic);
        struct criu_payload payload;
        int r;

        if (!kind)
                return 0;
        r = criu_payload_of(kind, image->name, image->records - 1, record, &payload, err);
        if (r < 0)
                return r;
        if (payload.form == CRIU_PAYLOAD_RECORDS)
                return payload_skip_records(image, payload.size, err);
        if (payload.form == CRIU_PAYLOAD_REST)
                payload.size = image->rest.size;
        return payload_skip(image, &payload, err);
}
