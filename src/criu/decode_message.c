/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the fields of a message as they lie there to its members in the order of its schema. One look over the
 * message finds what it holds of each field, so that the elements of a list stand together whatever their
 * order.
 */
#include <errno.h>
#include <arpa/inet.h>
#include "criu/decode_private.h"
#include "criu/wire.h"

/* Messages that hold themselves (control groups, AppArmor namespaces) are shown to this depth, the rest as
 * unknown. */
#define DEPTH_LIMIT 64

/* What a message holds of a field. */
struct found {
        uint64_t count;
        struct slice rest; /* from behind the first occurrence on */
        struct wire_field first, last;
};

struct walk {
        const struct criu_decoding *decoding;
        const struct criu_message *message;
        bool hex; /* a message around this one says so */
        unsigned depth;
        struct found fields[CRIU_FIELDS_MAX];
        struct found unknown;
};

static int walk_message(const struct criu_decoding *decoding, const struct criu_message *message,
                        struct slice bytes, bool hex, unsigned depth);

static enum wire_type wire_type_of(const struct criu_field *field)
{
        switch ((enum criu_type)field->type) {
        case CRIU_FIXED64:
                return WIRE_FIXED64;
        case CRIU_TEXT:
        case CRIU_BYTES:
        case CRIU_MESSAGE:
                return WIRE_BYTES;
        default:
                return WIRE_VARINT;
        }
}

/* Where in the walk the field belongs; its wire type must be that of the schema. */
static struct found *walk_find(struct walk *walk, const struct wire_field *wire)
{
        const struct criu_message *message = walk->message;

        for (size_t i = 0; i < message->count && message->fields[i].number <= wire->number; i++) {
                const struct criu_field *field = &message->fields[i];

                if (field->number == wire->number && wire_type_of(field) == wire->type &&
                    (field->type != CRIU_MESSAGE || walk->depth < DEPTH_LIMIT))
                        return &walk->fields[i];
        }
        return &walk->unknown;
}

static int walk_look(struct walk *walk, struct slice bytes)
{
        struct wire_field wire;
        int r;

        while ((r = wire_next(&bytes, &wire)) > 0) {
                struct found *found = walk_find(walk, &wire);

                if (found->count++ == 0) {
                        found->first = wire;
                        found->rest = bytes;
                }
                found->last = wire;
        }
        return r;
}

/* The next occurrence of what was found. They were counted, so it is there. */
static struct wire_field walk_next(struct walk *walk, struct found *found, uint64_t index)
{
        struct wire_field wire = found->first;

        if (index == 0)
                return wire;
        do {
                (void)wire_next(&found->rest, &wire);
        } while (walk_find(walk, &wire) != found);
        return wire;
}

/* Sign extended to 64 bits where the type has one. */
static uint64_t number_of(const struct criu_field *field, uint64_t raw)
{
        switch ((enum criu_type)field->type) {
        case CRIU_I32:
                return (uint64_t)(int32_t)raw;
        case CRIU_S32:
                return (uint64_t)(int32_t)((uint32_t)raw >> 1 ^ -((uint32_t)raw & 1));
        case CRIU_S64:
                return raw >> 1 ^ -(raw & 1);
        case CRIU_U32:
        case CRIU_ENUM:
                return (uint32_t)raw;
        default:
                return raw;
        }
}

static bool is_signed(const struct criu_field *field)
{
        return field->type == CRIU_I32 || field->type == CRIU_I64 || field->type == CRIU_S32 ||
               field->type == CRIU_S64;
}

static void walk_number(const struct walk *walk, const struct criu_field *field, const char *name,
                        uint64_t raw)
{
        uint64_t value = number_of(field, raw);
        struct criu_event event = {.name = name, .value = value};
        char text[DECODE_TEXT_SIZE];

        if (field->type == CRIU_ENUM && decode_enum_name(field->names, value)) {
                decode_text(walk->decoding, name, SLICE_TEXT(decode_enum_name(field->names, value)));
        } else if (walk->decoding->pretty && field->type != CRIU_BOOL &&
                   decode_pretty_number(field, walk->hex, value, text)) {
                decode_text(walk->decoding, name, SLICE_TEXT(text));
        } else if (walk->decoding->event) {
                event.type = field->type == CRIU_BOOL ? CRIU_EVENT_BOOL
                             : is_signed(field)       ? CRIU_EVENT_SIGNED
                                                      : CRIU_EVENT_UNSIGNED;
                walk->decoding->event(walk->decoding->sink, &event);
        }
}

static int walk_value(const struct walk *walk, const struct criu_field *field, const char *name,
                      const struct wire_field *wire)
{
        int r = 0;

        switch ((enum criu_type)field->type) {
        case CRIU_MESSAGE:
                decode_begin(walk->decoding, CRIU_EVENT_OBJECT, name);
                r = walk_message(walk->decoding, field->message, wire->bytes,
                                 walk->hex || field->form & CRIU_HEX, walk->depth + 1);
                decode_end(walk->decoding, CRIU_EVENT_OBJECT_END);
                break;
        case CRIU_TEXT:
                decode_text(walk->decoding, name, wire->bytes);
                break;
        case CRIU_BYTES:
                decode_begin(walk->decoding, CRIU_EVENT_TEXT, name);
                if (field->form & CRIU_QUOTED)
                        decode_quoted(walk->decoding, wire->bytes);
                else
                        decode_base64(walk->decoding, wire->bytes);
                decode_end(walk->decoding, CRIU_EVENT_TEXT_END);
                break;
        default:
                walk_number(walk, field, name, wire->value);
        }
        return r;
}

/* An address is a list of words, but people read it as one text. False: the list is no address. */
static bool walk_address(struct walk *walk, struct found *found)
{
        int family = found->count == 1 ? AF_INET : AF_INET6;
        char text[INET6_ADDRSTRLEN];
        uint32_t words[4];

        if (found->count != 1 && found->count != ARRAY_SIZE(words))
                return false;
        for (size_t i = 0; i < found->count; i++)
                words[i] = (uint32_t)walk_next(walk, found, i).value;
        if (inet_ntop(family, words, text, sizeof(text)))
                decode_text(walk->decoding, NULL, SLICE_TEXT(text));
        return true;
}

static int walk_list(struct walk *walk, const struct criu_field *field, struct found *found)
{
        bool done = false;
        int r = 0;

        decode_begin(walk->decoding, CRIU_EVENT_ARRAY, field->name);
        if (walk->decoding->pretty && field->form & CRIU_ADDRESS)
                done = walk_address(walk, found);
        for (uint64_t i = 0; !done && r == 0 && i < found->count; i++) {
                struct wire_field wire = walk_next(walk, found, i);

                r = walk_value(walk, field, NULL, &wire);
        }
        decode_end(walk->decoding, CRIU_EVENT_ARRAY_END);
        return r;
}

static uint64_t wire_size(const struct wire_field *wire)
{
        uint64_t size = 1;

        switch (wire->type) {
        case WIRE_FIXED32:
                return 4;
        case WIRE_FIXED64:
                return 8;
        case WIRE_BYTES:
                return wire->bytes.size;
        case WIRE_VARINT:
                for (uint64_t rest = wire->value >> 7; rest; rest >>= 7)
                        size++;
        }
        return size;
}

static void walk_unknown(struct walk *walk)
{
        decode_begin(walk->decoding, CRIU_EVENT_ARRAY, "unknown");
        for (uint64_t i = 0; i < walk->unknown.count; i++) {
                struct wire_field wire = walk_next(walk, &walk->unknown, i);

                decode_begin(walk->decoding, CRIU_EVENT_OBJECT, NULL);
                decode_number(walk->decoding, "field", wire.number);
                decode_number(walk->decoding, "size", wire_size(&wire));
                decode_end(walk->decoding, CRIU_EVENT_OBJECT_END);
        }
        decode_end(walk->decoding, CRIU_EVENT_ARRAY_END);
}

/* There may be millions of tiny messages: no more is cleared than is looked at. */
static void walk_begin(struct walk *walk, const struct criu_decoding *decoding,
                       const struct criu_message *message, bool hex, unsigned depth)
{
        walk->decoding = decoding;
        walk->message = message;
        walk->hex = hex;
        walk->depth = depth;
        walk->unknown.count = 0;
        for (size_t i = 0; i < message->count; i++)
                walk->fields[i].count = 0;
}

static int walk_message(const struct criu_decoding *decoding, const struct criu_message *message,
                        struct slice bytes, bool hex, unsigned depth)
{
        struct walk walk;
        int r;

        walk_begin(&walk, decoding, message, hex, depth);
        r = walk_look(&walk, bytes);
        for (size_t i = 0; r == 0 && i < message->count; i++) {
                const struct criu_field *field = &message->fields[i];
                struct found *found = &walk.fields[i];

                if (found->count > 0 && field->form & CRIU_LIST)
                        r = walk_list(&walk, field, found);
                else if (found->count > 0) /* the last one counts (protobuf, "last one wins") */
                        r = walk_value(&walk, field, field->name, &found->last);
        }
        if (r == 0 && walk.unknown.count > 0)
                walk_unknown(&walk);
        return r;
}

int decode_message(const struct criu_decoding *decoding, const struct criu_message *message,
                   struct slice bytes)
{
        return walk_message(decoding, message, bytes, false, 0);
}
