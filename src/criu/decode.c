/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/decode_private.h"

#include <errno.h>
#include "criu/errors.h"
#include "criu/payload.h"

struct decoder {
        struct criu_decoding *decoding;
        const struct criu_image_kind *kind;
        const struct criu_schema *schema;
        uint64_t left;        /* bytes of the file that have not been read */
        struct buffer record; /* the last one */
        struct error *err;
};

static int decoder_bad(const struct decoder *decoder, const char *reason)
{
        return error_set(decoder->err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: %s", decoder->decoding->name,
                         reason);
}

/* Exactly `size` bytes; `where` they are missing. */
static int decoder_read(struct decoder *decoder, void *data, size_t size, const char *where)
{
        ssize_t n = 0;

        if (size <= decoder->left)
                n = decoder->decoding->read(decoder->decoding->source, data, size, decoder->err);
        if (n < 0)
                return (int)n;
        if ((size_t)n < size)
                return error_set(decoder->err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: cut short %s",
                                 decoder->decoding->name, where);
        decoder->left -= size;
        return 0;
}

static int decoder_word(struct decoder *decoder, uint32_t *out, const char *where)
{
        uint8_t bytes[4];
        int r = decoder_read(decoder, bytes, sizeof(bytes), where);

        if (r == 0)
                *out = load_le32(bytes);
        return r;
}

static int decoder_skip(struct decoder *decoder, uint64_t size)
{
        uint8_t bytes[8]; /* more padding than any kind has */

        return size ? decoder_read(decoder, bytes, (size_t)size, "within the padding after a record") : 0;
}

/* Reads a record into `decoder->record` and gives its members, without the braces. */
static int decoder_record(struct decoder *decoder, const struct criu_message *message)
{
        uint32_t size = 0;
        int r = decoder_word(decoder, &size, "within the size of a record");

        if (r < 0)
                return r;
        if (size > CRIU_DECODE_RECORD_LIMIT)
                return error_set(decoder->err, &ERROR_CRIU_IMAGE, -EBADMSG,
                                 "%s: a record of %u bytes is absurd", decoder->decoding->name, size);
        if (size > decoder->left)
                return decoder_bad(decoder, "cut short within a record");
        decoder->record.size = 0;
        if (buffer_reserve(&decoder->record, size) < 0)
                return error_oom(decoder->err);
        r = decoder_read(decoder, decoder->record.data, size, "within a record");
        if (r < 0)
                return r;
        decoder->record.size = size;
        if (decode_message(decoder->decoding, message, buffer_slice(&decoder->record)) < 0)
                return decoder_bad(decoder, "a record is not well-formed");
        return 0;
}

static int decoder_bytes(struct decoder *decoder, const char *name, uint64_t size)
{
        uint8_t chunk[64 * DECODE_BASE64_LINE];
        int r = 0;

        decode_begin(decoder->decoding, CRIU_EVENT_TEXT, name);
        while (r == 0 && size > 0) {
                size_t part = size < sizeof(chunk) ? (size_t)size : sizeof(chunk);

                r = decoder_read(decoder, chunk, part, "within the data after a record");
                if (r == 0)
                        decode_base64(decoder->decoding, (struct slice){chunk, part});
                size -= part;
        }
        decode_end(decoder->decoding, CRIU_EVENT_TEXT_END);
        return r;
}

static int decoder_queues(struct decoder *decoder, const struct criu_payload *payload)
{
        int r;

        decode_begin(decoder->decoding, CRIU_EVENT_OBJECT, "extra");
        r = decoder_bytes(decoder, "inq", payload->size);
        if (r == 0)
                r = decoder_bytes(decoder, "outq", payload->second_size);
        decode_end(decoder->decoding, CRIU_EVENT_OBJECT_END);
        return r;
}

static int decoder_numbers(struct decoder *decoder, uint64_t size)
{
        uint8_t bytes[2];
        int r = 0;

        decode_begin(decoder->decoding, CRIU_EVENT_ARRAY, "extra");
        for (; r == 0 && size > 0; size -= sizeof(bytes)) {
                r = decoder_read(decoder, bytes, sizeof(bytes), "within the data after a record");
                if (r == 0)
                        decode_number(decoder->decoding, NULL, (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8);
        }
        decode_end(decoder->decoding, CRIU_EVENT_ARRAY_END);
        return r;
}

/* In turn: a record, its bytes. */
static int decoder_inner(struct decoder *decoder, uint64_t count)
{
        struct criu_payload payload;
        int r = 0;

        decode_begin(decoder->decoding, CRIU_EVENT_ARRAY, "extra");
        for (uint64_t i = 0; r == 0 && i < count; i++) {
                decode_begin(decoder->decoding, CRIU_EVENT_OBJECT, NULL);
                r = decoder_record(decoder, decoder->schema->inner);
                decode_end(decoder->decoding, CRIU_EVENT_OBJECT_END);
                if (r == 0)
                        r = criu_payload_of_inner(decoder->decoding->name, buffer_slice(&decoder->record),
                                                  &payload, decoder->err);
                if (r == 0)
                        r = decoder_bytes(decoder, NULL, payload.size);
                if (r == 0)
                        r = decoder_skip(decoder, payload.padding);
        }
        decode_end(decoder->decoding, CRIU_EVENT_ARRAY_END);
        return r;
}

static int decoder_payload(struct decoder *decoder)
{
        struct criu_payload payload;
        int r = criu_payload_of(decoder->kind, decoder->decoding->name, decoder->decoding->records,
                                buffer_slice(&decoder->record), &payload, decoder->err);

        if (r < 0)
                return r;
        switch (payload.form) {
        case CRIU_PAYLOAD_NONE:
                return 0;
        case CRIU_PAYLOAD_BYTES:
                r = decoder_bytes(decoder, "extra", payload.size + payload.second_size);
                break;
        case CRIU_PAYLOAD_QUEUES:
                r = decoder_queues(decoder, &payload);
                break;
        case CRIU_PAYLOAD_NUMBERS:
                r = decoder_numbers(decoder, payload.size);
                break;
        case CRIU_PAYLOAD_RECORDS:
                r = decoder_inner(decoder, payload.size);
                break;
        case CRIU_PAYLOAD_REST:
                r = decoder_bytes(decoder, "extra", decoder->left);
                break;
        }
        return r < 0 ? r : decoder_skip(decoder, payload.padding);
}

static int decoder_entries(struct decoder *decoder)
{
        int r = 0;

        decode_begin(decoder->decoding, CRIU_EVENT_ARRAY, "entries");
        while (r == 0 && decoder->left > 0) {
                decode_begin(decoder->decoding, CRIU_EVENT_OBJECT, NULL);
                r = decoder_record(decoder, decoder->decoding->records ? decoder->schema->others
                                                                       : decoder->schema->first);
                if (r == 0)
                        r = decoder_payload(decoder);
                decode_end(decoder->decoding, CRIU_EVENT_OBJECT_END);
                decoder->decoding->records++;
        }
        decode_end(decoder->decoding, CRIU_EVENT_ARRAY_END);
        return r;
}

/* A file whose name no kind has may be anything: memory pages, a tar, what a newer CRIU writes. */
static int decoder_unknown(struct decoder *decoder, uint32_t magic, const struct criu_image_kind *expected)
{
        char text[16];

        if (expected && decoder->decoding->size < 4)
                return decoder_bad(decoder, "cut short before its magic");
        snprintf(text, sizeof(text), "0x%08x", magic);
        if (expected)
                return error_set(decoder->err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: unknown magic %s",
                                 decoder->decoding->name, text);
        decode_text(decoder->decoding, "magic", SLICE_TEXT(text));
        decode_begin(decoder->decoding, CRIU_EVENT_ARRAY, "entries");
        decode_end(decoder->decoding, CRIU_EVENT_ARRAY_END);
        decode_begin(decoder->decoding, CRIU_EVENT_OBJECT, "unknown");
        decode_number(decoder->decoding, "size", decoder->decoding->size);
        decode_end(decoder->decoding, CRIU_EVENT_OBJECT_END);
        return 0;
}

static int decoder_file(struct decoder *decoder)
{
        const struct criu_image_kind *expected = criu_image_kind_by_file(decoder->decoding->name);
        uint32_t magic = 0;
        int r = 0;

        if (decoder->left >= sizeof(magic))
                r = decoder_word(decoder, &magic, "within its magic");
        if (r == 0 && criu_image_has_second_magic(magic))
                r = decoder_word(decoder, &magic, "within its magic");
        if (r < 0)
                return r;
        decoder->kind = criu_image_kind_by_magic(magic);
        if (!decoder->kind)
                return decoder_unknown(decoder, magic, expected);
        if (expected && expected->magic != magic)
                return error_set(decoder->err, &ERROR_CRIU_IMAGE, -EBADMSG,
                                 "%s: its magic is that of %s, not of %s", decoder->decoding->name,
                                 decoder->kind->name, expected->name);
        decoder->schema = criu_schema_find(decoder->kind->name);
        decoder->decoding->kind = decoder->kind->name;
        decode_text(decoder->decoding, "magic", SLICE_TEXT(decoder->kind->name));
        return decoder_entries(decoder);
}

int criu_decode(struct criu_decoding *decoding, struct error *err)
{
        struct decoder decoder = {.decoding = decoding, .left = decoding->size, .err = err};
        int r;

        decoding->kind = NULL;
        decoding->records = 0;
        decode_begin(decoding, CRIU_EVENT_OBJECT, NULL);
        r = decoder_file(&decoder);
        decode_end(decoding, CRIU_EVENT_OBJECT_END);
        buffer_free(&decoder.record);
        return r;
}
