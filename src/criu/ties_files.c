/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "criu/ties_private.h"
#include "criu/wire.h"

/* 2 MiB with ten thousand open files. */
#define FILES_LIMIT (8 * MIB)

/* Fields of the records, as in messages.proto. */
enum { FILE_REGULAR = 3 };
enum { REGULAR_NAME = 6, REGULAR_MOUNT = 7, REGULAR_MODE = 10 };

struct regular {
        struct slice name;
        int64_t mount;
        bool has_mode;
};

static int regular_parse(struct slice record, struct regular *out)
{
        struct wire_field field;
        int r;

        *out = (struct regular){.mount = -1};
        while ((r = wire_next(&record, &field)) > 0) {
                if (field.number == REGULAR_NAME && field.type == WIRE_BYTES)
                        out->name = field.bytes;
                else if (field.number == REGULAR_MOUNT && field.type == WIRE_VARINT)
                        out->mount = (int64_t)(field.value >> 1) ^ -(int64_t)(field.value & 1);
                else if (field.number == REGULAR_MODE)
                        out->has_mode = true;
        }
        return r;
}

/* Appends the fields of a record but one. */
static int copy_without(struct slice record, uint32_t number, struct buffer *out)
{
        struct wire_field field;
        int r;

        while ((r = wire_next(&record, &field)) > 0)
                if (field.number != number && wire_put(out, &field) < 0)
                        return -ENOMEM;
        return r;
}

/* Appends the record of a file; 1 when it differs from what it was. */
static int file_copy(struct ties_load *load, struct slice record, struct buffer *out)
{
        _cleanup_buffer_ struct buffer again = {0}, inner = {0};
        struct slice left = record;
        struct wire_field field;
        bool changed = false;
        int r;

        while ((r = wire_next(&left, &field)) > 0) {
                struct regular regular;

                if (field.number == FILE_REGULAR && field.type == WIRE_BYTES) {
                        r = regular_parse(field.bytes, &regular);
                        if (r == 0 && regular.mount >= 0)
                                r = ties_ids_add(&load->used, (uint64_t)regular.mount);
                        if (r == 0 && regular.has_mode && ties_slice_is(regular.name, "/")) {
                                changed = true;
                                r = copy_without(field.bytes, REGULAR_MODE, &inner);
                                field.bytes = buffer_slice(&inner);
                        }
                        if (r < 0)
                                return r;
                }
                if (wire_put(&again, &field) < 0)
                        return -ENOMEM;
        }
        if (r == 0)
                r = ties_put_record(out, changed ? buffer_slice(&again) : record);
        return r < 0 ? r : changed;
}

int ties_load_files(struct ties_load *load, struct error *err)
{
        _cleanup_criu_records_ struct criu_records records = {0};
        struct error absent = {0};
        struct slice record;
        bool changed = false;
        struct buffer *out;
        int r = criu_records_open(load->source, "files.img", "FILES", FILES_LIMIT, &records, &absent);

        if (r < 0) {
                if (r != -ENOENT && err)
                        *err = absent;
                return r == -ENOENT ? 0 : r;
        }
        if (ties_file_begin(load->ties, &records, &out) < 0)
                return error_oom(err);
        while ((r = criu_image_next(&records.image, &record, err)) > 0) {
                r = file_copy(load, record, out);
                if (r < 0)
                        return ties_record_bad(records.name, r, err);
                changed |= r > 0;
        }
        if (!changed)
                ties_file_drop(load->ties);
        return r;
}
