/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/record.h"

#include <errno.h>
#include "criu/errors.h"

int criu_records_open(const struct criu_source *source, const char *name, const char *kind, uint64_t limit,
                      struct criu_records *out, struct error *err)
{
        uint64_t size;
        int r;

        *out = (struct criu_records){0};
        snprintf(out->name, sizeof(out->name), "%s", name);
        r = source->size(source->context, name, &size, err);
        if (r == -ENOENT)
                return error_set(err, &ERROR_CRIU_IMAGE_MISSING, r, "%s: there is no such file", name);
        if (r < 0)
                return r;
        if (size > limit)
                return error_set(err, &ERROR_CRIU_TOO_LARGE, -EFBIG,
                                 "%s has %llu bytes; at most %llu of such a file are looked into", name,
                                 (unsigned long long)size, (unsigned long long)limit);
        r = source->read(source->context, name, limit, &out->bytes, err);
        if (r == 0)
                r = criu_image_open(buffer_slice(&out->bytes), out->name, kind, &out->image, err);
        if (r < 0)
                criu_records_close(out);
        return r;
}

int criu_records_next(struct criu_records *records, const ProtobufCMessageDescriptor *type,
                      struct criu_arena *arena, void *out, struct error *err)
{
        ProtobufCAllocator allocator = criu_arena_allocator(arena);
        ProtobufCMessage *message;
        struct slice record;
        int r = criu_image_next(&records->image, &record, err);

        if (r <= 0)
                return r;
        message = protobuf_c_message_unpack(type, &allocator, record.size, record.data);
        if (!message) {
                r = error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: a record is not a valid %s",
                              records->name, type->short_name);
                return criu_arena_failed(arena, r, err);
        }
        *(ProtobufCMessage **)out = message;
        r = criu_image_skip_payload(&records->image, record, err);
        return r < 0 ? r : 1;
}

void criu_records_close(struct criu_records *records)
{
        buffer_free(&records->bytes);
}

int criu_messages_add(struct criu_messages *messages, struct criu_arena *arena, void *message)
{
        size_t more = messages->capacity ? messages->capacity * 2 : 16;
        void **grown;

        if (messages->count == messages->capacity) {
                /* The old array stays behind in the arena until all is freed. */
                grown = (void **)criu_arena_array(arena, more, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                for (size_t i = 0; i < messages->count; i++)
                        grown[i] = messages->items[i];
                messages->items = grown;
                messages->capacity = more;
        }
        messages->items[messages->count++] = message;
        return 0;
}

int criu_records_read_all(const struct criu_source *source, const char *name, const char *kind, bool optional,
                          const ProtobufCMessageDescriptor *type, struct criu_arena *arena,
                          struct criu_messages *out, struct error *err)
{
        _cleanup_criu_records_ struct criu_records records = {0};
        struct error error = {0};
        void *message;
        int r = criu_records_open(source, name, kind, CRIU_IMAGE_LIMIT, &records, &error);

        if (r == -ENOENT && optional)
                return 0;
        while (r >= 0 && (r = criu_records_next(&records, type, arena, &message, &error)) > 0)
                if (criu_messages_add(out, arena, message) < 0)
                        r = criu_arena_failed(arena, error_oom(&error), &error);
        if (r < 0 && err)
                *err = error;
        return r;
}

int criu_record_read(const struct criu_source *source, const char *name, const char *kind,
                     const ProtobufCMessageDescriptor *type, struct criu_arena *arena, void *out,
                     struct error *err)
{
        _cleanup_criu_records_ struct criu_records records = {0};
        int r = criu_records_open(source, name, kind, CRIU_IMAGE_LIMIT, &records, err);

        if (r == 0)
                r = criu_records_next(&records, type, arena, out, err);
        if (r == 0)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: it holds no record", name);
        return r < 0 ? r : 0;
}
