/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include "testing.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/answer_stream.h"

/* Standard output goes into a file while `write` runs; `out` is what it wrote. */
static void capture(void (*write)(bool pretty), bool pretty, struct buffer *out)
{
        char path[] = "/tmp/answer.XXXXXX";
        int file = mkstemp(path), before = dup(STDOUT_FILENO);
        struct error err = {0};

        assert_true(file >= 0 && before >= 0);
        fflush(stdout);
        dup2(file, STDOUT_FILENO);
        write(pretty);
        fflush(stdout);
        dup2(before, STDOUT_FILENO);
        close(before);
        close(file);
        assert_success(file_read(AT_FDCWD, path, MIB, out, &err), &err);
        unlink(path);
}

static void text(struct answer_stream *stream, const char *name, struct slice part)
{
        answer_stream_text(stream, name);
        answer_stream_text_part(stream, part);
        answer_stream_text_end(stream);
}

static void write_values(bool pretty)
{
        struct answer_stream stream = {.pretty = pretty};

        answer_stream_open(&stream, NULL, '{');
        answer_stream_unsigned(&stream, "a", UINT64_MAX);
        answer_stream_signed(&stream, "b", -1);
        answer_stream_open(&stream, "c", '[');
        answer_stream_bool(&stream, NULL, true);
        answer_stream_open(&stream, NULL, '{');
        answer_stream_close(&stream, '}');
        answer_stream_open(&stream, NULL, '[');
        answer_stream_close(&stream, ']');
        answer_stream_close(&stream, ']');
        text(&stream, "d", SLICE_TEXT("text"));
        answer_stream_close(&stream, '}');
}

static void test_values(void **state)
{
        struct buffer plain = {0}, pretty = {0};

        capture(write_values, false, &plain);
        assert_string_equal(
                buffer_text(&plain),
                "{\"a\": 18446744073709551615, \"b\": -1, \"c\": [true, {}, []], \"d\": \"text\"}\n");
        capture(write_values, true, &pretty);
        assert_string_equal(buffer_text(&pretty), "{\n"
                                                  "    \"a\": 18446744073709551615,\n"
                                                  "    \"b\": -1,\n"
                                                  "    \"c\": [\n"
                                                  "        true,\n"
                                                  "        {},\n"
                                                  "        []\n"
                                                  "    ],\n"
                                                  "    \"d\": \"text\"\n"
                                                  "}\n");
        buffer_free(&plain);
        buffer_free(&pretty);
}

static const char hostile[] =
        "quote \" backslash \\ line\n tab\t escape\033 nul\0 delete\177 \xc3\xa4 \xf0\x9f\x98\x80 "
        "bad \xff\xc3";

static void write_hostile(bool pretty)
{
        struct answer_stream stream = {.pretty = pretty};

        answer_stream_open(&stream, NULL, '{');
        text(&stream, "a \"name\"\n", (struct slice){(const uint8_t *)hostile, sizeof(hostile) - 1});
        answer_stream_close(&stream, '}');
}

/* Another reader gets the same text back, with what is no UTF-8 replaced. */
static void test_hostile_text(void **state)
{
        static const char expected[] =
                "quote \" backslash \\ line\n tab\t escape\033 nul\0 delete\177 \xc3\xa4 "
                "\xf0\x9f\x98\x80 bad \xef\xbf\xbd\xef\xbf\xbd";
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_buffer_ struct buffer out = {0};
        struct error err = {0};
        yyjson_val *value;

        capture(write_hostile, false, &out);
        assert_success(json_parse(buffer_slice(&out), "answer", &doc, &err), &err);
        value = yyjson_obj_get(yyjson_doc_get_root(doc), "a \"name\"\n");
        assert_int_equal(yyjson_get_len(value), sizeof(expected) - 1);
        assert_memory_equal(yyjson_get_str(value), expected, sizeof(expected) - 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_hostile_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
