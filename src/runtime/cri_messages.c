/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cri_messages.h"

#include <errno.h>
#include "criu/wire.h"

/* Where a field of a message goes to. */
struct member {
        uint32_t number;
        uint32_t inner; /* of the message in that field; 0: the field itself */
        size_t offset;  /* of a struct slice or, for numbers, a uint64_t */
        enum wire_type type;
};

#define BYTES(number, inner, type, member)  {number, inner, offsetof(struct type, member), WIRE_BYTES}
#define NUMBER(number, inner, type, member) {number, inner, offsetof(struct type, member), WIRE_VARINT}

/* Container */
static const struct member container_members[] = {
        BYTES(1, 0, cri_container, id),          BYTES(2, 0, cri_container, sandbox),
        BYTES(3, 1, cri_container, name),        BYTES(4, 1, cri_container, image),
        BYTES(5, 0, cri_container, image_ref),   NUMBER(6, 0, cri_container, state),
        NUMBER(7, 0, cri_container, created_ns),
};

/* PodSandbox */
static const struct member sandbox_members[] = {
        BYTES(1, 0, cri_sandbox, id),      BYTES(2, 1, cri_sandbox, name),
        BYTES(2, 2, cri_sandbox, uid),     BYTES(2, 3, cri_sandbox, name_space),
        BYTES(7, 0, cri_sandbox, handler),
};

/* ContainerStatus */
static const struct member status_members[] = {
        NUMBER(3, 0, cri_status, state), NUMBER(4, 0, cri_status, created_ns),
        BYTES(8, 1, cri_status, image),  BYTES(9, 0, cri_status, image_ref),
        BYTES(15, 0, cri_status, log),
};

/* Image */
static const struct member image_members[] = {
        BYTES(1, 0, cri_image, id),
        BYTES(2, 0, cri_image, tag),
        BYTES(3, 0, cri_image, digest),
        NUMBER(4, 0, cri_image, size),
};

static void member_set(const struct member *member, const struct wire_field *field, void *out)
{
        if (field->type != member->type)
                return;
        if (member->type == WIRE_BYTES)
                *(struct slice *)((char *)out + member->offset) = field->bytes;
        else
                *(uint64_t *)((char *)out + member->offset) = field->value;
}

static int message_read(struct slice record, const struct member *members, size_t count, void *out);

static int field_read(const struct wire_field *field, const struct member *members, size_t count, void *out)
{
        int ret = 0;

        for (size_t i = 0; i < count && ret == 0; i++) {
                struct member inner = members[i];

                if (inner.number != field->number)
                        continue;
                inner.number = inner.inner;
                inner.inner = 0;
                if (!inner.number)
                        member_set(&members[i], field, out);
                else if (field->type == WIRE_BYTES)
                        ret = message_read(field->bytes, &inner, 1, out);
        }
        return ret;
}

/* Fields of `out` that the message does not have stay as they are. */
static int message_read(struct slice record, const struct member *members, size_t count, void *out)
{
        struct wire_field field;
        int ret;

        while ((ret = wire_next(&record, &field)) > 0) {
                ret = field_read(&field, members, count, out);
                if (ret < 0)
                        return ret;
        }
        return ret;
}

/* The next item of a list, which is field 1 of its message. */
static int item_next(struct slice *list, const struct member *members, size_t count, void *out)
{
        struct wire_field field;
        int ret;

        while ((ret = wire_next(list, &field)) > 0) {
                if (field.number != 1 || field.type != WIRE_BYTES)
                        continue;
                ret = message_read(field.bytes, members, count, out);
                return ret < 0 ? ret : 1;
        }
        return ret;
}

int cri_next_container(struct slice *list, struct cri_container *out)
{
        *out = (struct cri_container){0};
        return item_next(list, container_members, ARRAY_SIZE(container_members), out);
}

int cri_next_sandbox(struct slice *list, struct cri_sandbox *out)
{
        *out = (struct cri_sandbox){0};
        return item_next(list, sandbox_members, ARRAY_SIZE(sandbox_members), out);
}

int cri_next_image(struct slice *list, struct cri_image *out)
{
        *out = (struct cri_image){0};
        return item_next(list, image_members, ARRAY_SIZE(image_members), out);
}

/* An entry of a map: key and value are its fields 1 and 2. */
struct entry {
        struct slice key, value;
};
static const struct member entry_members[] = {BYTES(1, 0, entry, key), BYTES(2, 0, entry, value)};

int cri_read_status(struct slice answer, struct cri_status *out)
{
        struct wire_field field;
        int ret;

        *out = (struct cri_status){0};
        while ((ret = wire_next(&answer, &field)) > 0) {
                struct entry entry = {0};

                if (field.type != WIRE_BYTES)
                        continue;
                if (field.number == 1)
                        ret = message_read(field.bytes, status_members, ARRAY_SIZE(status_members), out);
                else if (field.number == 2)
                        ret = message_read(field.bytes, entry_members, ARRAY_SIZE(entry_members), &entry);
                if (ret < 0)
                        return ret;
                if (entry.key.size == 4 && memcmp(entry.key.data, "info", 4) == 0)
                        out->info = entry.value;
        }
        return ret;
}

struct pulled {
        struct slice reference;
};
static const struct member pulled_members[] = {BYTES(1, 0, pulled, reference)};

int cri_read_pulled(struct slice answer, struct slice *out)
{
        struct pulled pulled = {0};
        int ret = message_read(answer, pulled_members, ARRAY_SIZE(pulled_members), &pulled);

        *out = pulled.reference;
        return ret;
}

int cri_put_status(struct buffer *out, const char *container)
{
        int ret = wire_put_bytes(out, 1, SLICE_TEXT(container));

        return ret < 0 ? ret : wire_put_number(out, 2, true); /* verbose */
}

int cri_put_pull(struct buffer *out, const char *image)
{
        _cleanup_buffer_ struct buffer spec = {0};
        int ret = wire_put_bytes(&spec, 1, SLICE_TEXT(image));

        return ret < 0 ? ret : wire_put_bytes(out, 1, buffer_slice(&spec));
}

int cri_put_checkpoint(struct buffer *out, const char *container, const char *location)
{
        int ret = wire_put_bytes(out, 1, SLICE_TEXT(container));

        return ret < 0 ? ret : wire_put_bytes(out, 2, SLICE_TEXT(location));
}

int cri_put_resume(struct buffer *out, const char *container)
{
        return wire_put_bytes(out, 1, SLICE_TEXT(container));
}
