/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include "testing.h"
#include "base/file.h"
#include "criu/decode.h"
#include "criu/errors.h"
#include "criu/image.h"
#include "criu/schema.h"

/* Bytes of a file, and what became of them as compact text. */
struct shown {
        struct slice rest;
        struct buffer text;
        int depth; /* open objects, arrays and texts */
};

static ssize_t shown_read(void *context, void *data, size_t size, struct error *err)
{
        struct shown *shown = context;
        struct slice part;

        if (size > shown->rest.size)
                size = shown->rest.size;
        slice_take(&shown->rest, size, &part);
        memcpy(data, part.data, size);
        return (ssize_t)size;
}

static void shown_event(void *context, const struct criu_event *event)
{
        static const char brackets[] = "{}[]\"?\"";
        struct shown *shown = context;
        struct buffer *text = &shown->text;

        if (event->name)
                buffer_printf(text, "%s:", event->name);
        switch (event->type) {
        case CRIU_EVENT_OBJECT:
        case CRIU_EVENT_ARRAY:
        case CRIU_EVENT_TEXT:
                shown->depth++;
                buffer_printf(text, "%c", brackets[event->type]);
                return;
        case CRIU_EVENT_OBJECT_END:
        case CRIU_EVENT_ARRAY_END:
        case CRIU_EVENT_TEXT_END:
                shown->depth--;
                assert_true(shown->depth >= 0);
                buffer_printf(text, "%c ", brackets[event->type]);
                return;
        case CRIU_EVENT_TEXT_PART:
                buffer_append(text, event->text.data, event->text.size);
                return;
        case CRIU_EVENT_UNSIGNED:
                buffer_printf(text, "%" PRIu64 " ", event->value);
                return;
        case CRIU_EVENT_SIGNED:
                buffer_printf(text, "%" PRId64 " ", (int64_t)event->value);
                return;
        case CRIU_EVENT_BOOL:
                buffer_printf(text, "%s ", event->value ? "true" : "false");
        }
}

static int show(const char *name, struct slice bytes, bool pretty, struct shown *out, struct error *err)
{
        struct criu_decoding decoding = {.name = name,
                                         .size = bytes.size,
                                         .read = shown_read,
                                         .source = out,
                                         .pretty = pretty,
                                         .event = shown_event,
                                         .sink = out};
        int r;

        *out = (struct shown){.rest = bytes};
        r = criu_decode(&decoding, err);
        assert_int_equal(out->depth, 0);
        return r;
}

/* An image of one record, raw bytes behind it. */
static struct buffer image(const char *file, struct slice record, struct slice behind)
{
        struct buffer out = {0};
        uint8_t head[12] = {0x19, 0x43, 0x56, 0x54};

        assert_non_null(criu_image_kind_by_file(file));
        store_le32(head + 4, criu_image_kind_by_file(file)->magic);
        store_le32(head + 8, (uint32_t)record.size);
        buffer_append(&out, head, sizeof(head));
        buffer_append(&out, record.data, record.size);
        buffer_append(&out, behind.data, behind.size);
        return out;
}

#define BYTES(text) ((struct slice){(const uint8_t *)(text), sizeof(text) - 1})

static void expect(const char *file, struct slice record, struct slice behind, bool pretty,
                   const char *entries)
{
        struct buffer bytes = image(file, record, behind);
        struct buffer whole = {0};
        struct error err = {0};
        struct shown shown;

        buffer_printf(&whole, "{magic:\"%s\" entries:[%s] } ", criu_image_kind_by_file(file)->name, entries);
        assert_success(show(file, buffer_slice(&bytes), pretty, &shown, &err), &err);
        assert_string_equal(buffer_text(&shown.text), buffer_text(&whole));
        buffer_free(&shown.text);
        buffer_free(&bytes);
        buffer_free(&whole);
}

static void expect_record(const char *file, struct slice record, bool pretty, const char *entries)
{
        expect(file, record, BYTES(""), pretty, entries);
}

/* Fields stand in the order of their numbers, and have what their type needs. */
static void check_message(const struct criu_message *message, unsigned depth)
{
        assert_in_range(message->count, 1, CRIU_FIELDS_MAX);
        for (size_t i = 0; i < message->count; i++) {
                const struct criu_field *field = &message->fields[i];

                assert_true(i == 0 || field->number > message->fields[i - 1].number);
                assert_int_equal(field->message != NULL, field->type == CRIU_MESSAGE);
                assert_true(field->type != CRIU_ENUM || (field->names && !field->names->are_bits));
                if (field->message && depth < 8)
                        check_message(field->message, depth + 1);
        }
}

static void test_every_kind_has_a_schema(void **state)
{
        size_t count = 0;

        for (const struct criu_image_kind *kind = criu_image_kinds; kind->name; kind++, count++) {
                const struct criu_schema *schema = criu_schema_find(kind->name);

                if (!schema)
                        fail_msg("%s has no schema", kind->name);
                check_message(schema->first, 0);
                check_message(schema->others, 0);
                if (schema->inner)
                        check_message(schema->inner, 0);
        }
        assert_true(count > 60);
        assert_null(criu_schema_find("NONSENSE"));
}

static void test_a_record(void **state)
{
        expect_record("pstree.img", BYTES("\x08\x07\x10\x01\x18\x07\x20\x07\x28\x07\x28\x09"), false,
                      "{pid:7 ppid:1 pgid:7 sid:7 threads:[7 9 ] } ");
        expect_record("pstree.img", BYTES(""), false, "{} ");
}

static void test_numbers(void **state)
{
        /* zigzag: mnt_id -1; a negative int32 has ten bytes; only 32 bits of an uint32 count */
        expect_record("reg-files.img", BYTES("\x08\xff\xff\xff\xff\x7f\x38\x01\x48\x01"), false,
                      "{id:4294967295 mnt_id:-1 ext:true } ");
        expect_record("autofs-1.img", BYTES("\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false,
                      "{fd:-2 } ");
        expect_record("filelocks.img", BYTES("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false,
                      "{start:-1 } ");
        expect_record("vmas-1.img", BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x40\x03"), false,
                      "{start:18446744073709551615 fd:-2 } ");
}

static void test_names(void **state)
{
        expect_record("fdinfo-2.img", BYTES("\x18\x05\x20\x03"), false, "{type:\"UNIXSK\" fd:3 } ");
        /* a type of a newer CRIU */
        expect_record("fdinfo-2.img", BYTES("\x18\x63\x20\x03"), false, "{type:99 fd:3 } ");
        expect_record("inetsk.img", BYTES("\x18\x02\x20\x01\x28\x06\x30\x0a"), true,
                      "{family:\"INET\" type:\"STREAM\" proto:\"TCP\" state:\"LISTEN\" } ");
        expect_record("inetsk.img", BYTES("\x18\x02\x28\x63"), true, "{family:\"INET\" proto:99 } ");
        expect_record("inetsk.img", BYTES("\x18\x02\x28\x06"), false, "{family:2 proto:6 } ");
}

static void test_unknown(void **state)
{
        /* field 99 (varint, 2 bytes), 98 (bytes), 97 (fixed32), 96 (fixed64); ppid as text */
        expect_record(
                "pstree.img",
                BYTES("\x98\x06\xac\x02\x08\x07\x92\x06\x03"
                      "abc"
                      "\x8d\x06"
                      "1234"
                      "\x81\x06"
                      "12345678"
                      "\x12\x01x"),
                false,
                "{pid:7 unknown:[{field:99 size:2 } {field:98 size:3 } {field:97 size:4 } {field:96 size:8 } "
                "{field:2 size:1 } ] } ");
}

static void test_order(void **state)
{
        /* Elements of a list may stand apart; of a single field the last one counts. */
        expect_record("pstree.img", BYTES("\x28\x01\x08\x07\x28\x02\x08\x08\x28\x03"), false,
                      "{pid:8 threads:[1 2 3 ] } ");
}

static void test_people(void **state)
{
        expect_record(
                "vmas-1.img", BYTES("\x08\x80\x20\x28\x05\x30\xa2\x80\x04\x38\xa1\x04"), true,
                "{start:\"0x1000\" prot:\"PROT_READ | PROT_EXEC\" flags:\"MAP_PRIVATE | MAP_ANON | 0x10000\" "
                "status:\"VMA_AREA_REGULAR | VMA_AREA_HEAP | VMA_ANON_PRIVATE\" } ");
        expect_record("vmas-1.img", BYTES("\x28\x00"), true, "{prot:\"\" } ");
        expect_record("mountpoints-1.img", BYTES("\x18\xb5\x80\xc0\x01"), true, "{root_dev:\"3:53\" } ");
        expect_record("ghost-file-1.img", BYTES("\x30\x83\x02\x48\x01"), true,
                      "{rdev:\"1:3\" chunks:true } ");
        /* hexadecimal because of the message around it; its mode keeps its name */
        expect_record("core-1.img", BYTES("\x08\x01\x12\x07\x12\x05\x08\x10\xe0\x01\x02"), true,
                      "{mtype:\"X86_64\" thread_info:{gpregs:{r15:\"0x10\" mode:\"COMPAT\" } } } ");
        expect_record("core-1.img", BYTES("\x12\x04\x12\x02\x08\x10"), false,
                      "{thread_info:{gpregs:{r15:16 } } } ");
}

static void test_addresses(void **state)
{
        expect_record("inetsk.img", BYTES("\x58\xff\x80\x80\x08"), true, "{src_addr:[\"127.0.0.1\" ] } ");
        expect_record("inetsk.img", BYTES("\x58\xff\x80\x80\x08"), false, "{src_addr:[16777343 ] } ");
        expect_record("inetsk.img", BYTES("\x58\x00\x58\x00\x58\x00\x58\x80\x80\x80\x08"), true,
                      "{src_addr:[\"::1\" ] } ");
        expect_record("inetsk.img", BYTES("\x58\x01\x58\x02"), true, "{src_addr:[1 2 ] } ");
}

static void test_base64(void **state)
{
        struct buffer record = {0};
        uint8_t bytes[60];

        expect_record("tty-data.img", BYTES("\x12\x00"), false, "{data:\"\" } ");
        expect_record("tty-data.img", BYTES("\x12\x01\xff"), false, "{data:\"/w==\n\" } ");
        memset(bytes, 0, sizeof(bytes));
        buffer_append(&record, "\x12\x3c", 2);
        buffer_append(&record, bytes, sizeof(bytes));
        expect_record("tty-data.img", buffer_slice(&record), false,
                      "{data:\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
                      "AAAA\n\" } ");
        buffer_free(&record);
}

static void test_quoted(void **state)
{
        expect_record("unixsk.img", BYTES("\x5a\x0b\x00/a=\xc3 b\t\n. "), false,
                      "{name:\"=00/a=3D=C3 b=09\n.=20\" } ");
        expect_record(
                "unixsk.img",
                BYTES("\x5a\x50"
                      "12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
                false,
                "{name:\"123456789012345678901234567890123456789012345678901234567890123456789012345=\n"
                "67890\" } ");
}

static void test_payloads(void **state)
{
        expect("pipes-data.img", BYTES("\x08\x01\x10\x03"), BYTES("abc"), false,
               "{pipe_id:1 bytes:3 extra:\"YWJj\n\" } ");
        expect("tcp-stream-1.img", BYTES("\x08\x01\x18\x02"), BYTES("abc"), false,
               "{inq_len:1 outq_len:2 extra:{inq:\"YQ==\n\" outq:\"YmM=\n\" } } ");
        expect("bpfmap-data.img", BYTES("\x10\x01\x18\x02"), BYTES("abc"), false,
               "{keys_bytes:1 values_bytes:2 extra:\"YWJj\n\" } ");
        expect("ipcns-sem-1.img", BYTES("\x10\x03"), BYTES("\x01\x00\x02\x00\x40\x9c\x00\x00"), false,
               "{nsems:3 extra:[1 2 40000 ] } ");
        expect("ipcns-shm-1.img", BYTES("\x10\x03"), BYTES("abc\0"), false, "{size:3 extra:\"YWJj\n\" } ");
        expect("ipcns-shm-1.img", BYTES("\x10\x03\x18\x01"), BYTES(""), false,
               "{size:3 in_pagemaps:true extra:\"\" } ");
        expect("ipcns-msg-1.img", BYTES("\x18\x01"),
               BYTES("\x04\0\0\0\x08\x2a\x10\x03"
                     "abc\0\0\0\0\0"),
               false, "{qnum:1 extra:[{mtype:42 msize:3 } \"YWJj\n\" ] } ");
        expect("ghost-file-1.img", BYTES("\x08\x01"), BYTES("abc"), false, "{uid:1 extra:\"YWJj\n\" } ");
        expect("ghost-file-1.img", BYTES("\x48\x01"),
               BYTES("\x04\0\0\0\x08\x03\x10\x05"
                     "abc"
                     "\x04\0\0\0\x08\x00\x10\x09"),
               false, "{chunks:true } {len:3 off:5 extra:\"YWJj\n\" } {len:0 off:9 extra:\"\" } ");
}

/* The head of a pagemap is another message than its regions; old and new form of their length. */
static void test_pagemap(void **state)
{
        expect("pagemap-1.img", BYTES("\x08\x05"),
               BYTES("\x07\0\0\0\x08\x80\x20\x10\x03\x18\x01"
                     "\x09\0\0\0\x08\x80\x20\x10\x00\x20\x04\x28\x03"),
               false,
               "{pages_id:5 } {vaddr:4096 compat_nr_pages:3 in_parent:true } "
               "{vaddr:4096 compat_nr_pages:0 flags:4 nr_pages:3 } ");
}

/* Control groups within control groups. */
static void test_depth(void **state)
{
        struct buffer record = {0}, bytes = {0};
        struct error err = {0};
        struct shown shown;

        for (unsigned i = 0; i < 500; i++) {
                struct buffer outer = {0};
                uint8_t length[2] = {(uint8_t)(record.size & 0x7f) | 0x80, (uint8_t)(record.size >> 7)};

                buffer_append(&outer, "\x12", 1);
                buffer_append(&outer, length, sizeof(length));
                buffer_append(&outer, record.data, record.size);
                buffer_free(&record);
                record = outer;
        }
        bytes = image("cgroup.img", buffer_slice(&record), BYTES(""));
        assert_success(show("cgroup.img", buffer_slice(&bytes), false, &shown, &err), &err);
        assert_non_null(strstr(buffer_text(&shown.text), "{unknown:[{field:2 size:"));
        buffer_free(&shown.text);
        buffer_free(&record);
        buffer_free(&bytes);
}

static void test_other_files(void **state)
{
        struct error err = {0};
        struct shown shown;

        assert_success(show("pages-1.img", BYTES("any bytes"), false, &shown, &err), &err);
        assert_string_equal(buffer_text(&shown.text),
                            "{magic:\"0x20796e61\" entries:[] unknown:{size:9 } } ");
        buffer_free(&shown.text);
        assert_success(show("iptables-9.img", BYTES(""), false, &shown, &err), &err);
        buffer_free(&shown.text);
        assert_error(show("pstree.img", BYTES("any bytes"), false, &shown, &err), &err, ERROR_CRIU_IMAGE);
        buffer_free(&shown.text);
        assert_error(show("pstree.img", BYTES(""), false, &shown, &err), &err, ERROR_CRIU_IMAGE);
        buffer_free(&shown.text);
}

static void test_damage(void **state)
{
        static const struct {
                const char *file, *why;
                struct slice record, behind;
        } cases[] = {
                {"pstree.img", "not well-formed", BYTES("\x08"), BYTES("")},
                {"pstree.img", "size of a record", BYTES("\x08\x01"), BYTES("abc")},
                {"pstree.img", "within a record", BYTES("\x08\x01"), BYTES("\x05\0\0\0ab")},
                {"pstree.img", "absurd", BYTES("\x08\x01"), BYTES("\xff\xff\xff\x7f")},
                {"core-1.img", "not well-formed", BYTES("\x12\x03\x12\x01\x08"), BYTES("")},
                {"pipes-data.img", "data after a record", BYTES("\x10\x05"), BYTES("abc")},
                {"ipcns-sem-1.img", "padding", BYTES("\x10\x01"), BYTES("ab")},
                {"ipcns-msg-1.img", "size of a record", BYTES("\x18\xff\xff\xff\xff\x0f"), BYTES("")},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct buffer bytes = image(cases[i].file, cases[i].record, cases[i].behind);
                struct error err = {0};
                struct shown shown;

                assert_error(show(cases[i].file, buffer_slice(&bytes), false, &shown, &err), &err,
                             ERROR_CRIU_IMAGE);
                if (!strstr(err.text, cases[i].why) || !strstr(err.text, cases[i].file))
                        fail_msg("%s: %s", cases[i].file, err.text);
                buffer_free(&shown.text);
                buffer_free(&bytes);
        }
}

static void check_truncations(const char *name, struct slice bytes)
{
        size_t whole = 0;

        for (size_t size = 0; size <= bytes.size; size++) {
                struct shown shown;
                int r = show(name, (struct slice){bytes.data, size}, size % 2, &shown, NULL);

                assert_true(r == 0 || r == -EBADMSG);
                whole += r == 0;
                buffer_free(&shown.text);
        }
        /* Nothing but the ends of records, of which there are few. */
        if (criu_image_kind_by_file(name))
                assert_in_range(whole, 1, 64);
}

/* Of a real dump, cut at every byte: shown or refused, never anything else. */
static void test_every_truncation(void **state)
{
        DIR *directory = opendir(TEST_DATA "/criu/tiny");
        struct dirent *entry;
        size_t files = 0;

        assert_non_null(directory);
        while ((entry = readdir(directory))) {
                struct buffer bytes = {0};
                struct error err = {0};

                if (!criu_image_kind_by_file(entry->d_name) || text_starts_with(entry->d_name, "ghost-file-"))
                        continue;
                assert_success(file_read(dirfd(directory), entry->d_name, MIB, &bytes, &err), &err);
                check_truncations(entry->d_name, buffer_slice(&bytes));
                buffer_free(&bytes);
                files++;
        }
        closedir(directory);
        assert_true(files > 20);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_kind_has_a_schema),
                cmocka_unit_test(test_a_record),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_people),
                cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_base64),
                cmocka_unit_test(test_quoted),
                cmocka_unit_test(test_payloads),
                cmocka_unit_test(test_pagemap),
                cmocka_unit_test(test_depth),
                cmocka_unit_test(test_other_files),
                cmocka_unit_test(test_damage),
                cmocka_unit_test(test_every_truncation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
