/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, bytes, digests, JSON, time: the small ones. */
#include "testing.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/pool.h"

static void test_error_carries_context(void **state)
{
        struct error err = {0};

        assert_int_equal(error_errno(&err, ENOSPC, "write `%s`", "f"), -ENOSPC);
        assert_ptr_equal(err.kind, &ERROR_NO_SPACE);
        assert_int_equal(error_exit_status(&err), EXIT_NO_SPACE);
        assert_int_equal(error_wrap(&err, -ENOSPC, "checkpoint `%s`", "c"), -ENOSPC);
        assert_string_equal(err.text, "checkpoint `c`: write `f`: No space left on device");
        assert_true(*error_hint(&err) != '\0');
        assert_int_equal(error_set(NULL, &ERROR_IO, -EIO, "x"), -EIO);
}

static void test_error_keeps_the_end_of_a_log(void **state)
{
        struct error err = {0};
        char long_log[8192];

        for (size_t i = 0; i < sizeof(long_log); i++)
                long_log[i] = i % 32 == 31 ? '\n' : 'a';
        memcpy(long_log + sizeof(long_log) - 6, "last\n", 6);
        error_set_log(&err, long_log);
        assert_int_equal(err.log[0], 'a');
        assert_int_equal(strlen(err.log) % 32, 31);
        assert_non_null(strstr(err.log, "last"));
}

static void test_error_codes_are_unique(void **state)
{
        for (size_t i = 0; base_error_kinds[i]; i++)
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(base_error_kinds[i]->code, base_error_kinds[j]->code);
}

static void test_buffer_grows(void **state)
{
        _cleanup_buffer_ struct buffer buffer = {0};

        assert_string_equal(buffer_text(&buffer), "");
        for (int i = 0; i < 1000; i++)
                assert_int_equal(buffer_printf(&buffer, "%03d,", i), 0);
        assert_int_equal(buffer.size, 4000);
        assert_memory_equal(buffer.data + 3996, "999,", 5);
        assert_int_equal(buffer_reserve(&buffer, SIZE_MAX - 10), -ENOMEM);
        assert_int_equal(buffer.size, 4000);
}

static void test_slice_take(void **state)
{
        struct slice from = SLICE_TEXT("abc"), part;

        assert_false(slice_take(&from, 4, &part));
        assert_true(slice_take(&from, 2, &part));
        assert_memory_equal(part.data, "ab", 2);
        assert_int_equal(from.size, 1);
}

/* FIPS 180-4, example "abc"; RFC 3720 B.4, 32 bytes of zeros. */
static void test_digests_match_their_standards(void **state)
{
        static const uint8_t zeros[32];
        struct sha256_stream *stream = NULL;
        struct sha256 digest, parsed;
        struct error err = {0};
        char hex[SHA256_HEX_SIZE];

        assert_success(sha256_new(&stream, &err), &err);
        for (int round = 0; round < 2; round++) {
                assert_int_equal(sha256_update(stream, "a", 1), 0);
                assert_int_equal(sha256_update(stream, "bc", 2), 0);
                assert_int_equal(sha256_finish(stream, &digest), 0);
                assert_string_equal(sha256_hex(&digest, hex),
                                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        }
        sha256_free(stream);
        assert_true(sha256_parse(hex, &parsed) && sha256_equal(&parsed, &digest));
        assert_false(sha256_parse("BA", &parsed));
        hex[5] = 'G';
        assert_false(sha256_parse(hex, &parsed));
        assert_int_equal(crc32c_update(0, zeros, 32), 0x8a9136aa);
        assert_int_equal(crc32c_update(crc32c_update(0, zeros, 10), zeros, 22), 0x8a9136aa);
}

static void test_json_refuses_what_is_dangerous(void **state)
{
        _cleanup_buffer_ struct buffer deep = {0};
        struct error err = {0};
        yyjson_doc *doc;

        for (int i = 0; i < 1000; i++)
                assert_int_equal(buffer_append_text(&deep, "["), 0);
        assert_error(json_parse(buffer_slice(&deep), "deep", &doc, &err), &err, ERROR_BAD_JSON);
        assert_error(json_parse(SLICE_TEXT("{\"a\":"), "short", &doc, &err), &err, ERROR_BAD_JSON);
        assert_success(
                json_parse(SLICE_TEXT("{\"a\":\"x\\u0000y\",\"b\":\"[[[\",\"n\":-1}"), "ok", &doc, &err),
                &err);
        assert_null(json_text(yyjson_doc_get_root(doc), "a"));
        assert_string_equal(json_text(yyjson_doc_get_root(doc), "b"), "[[[");
        assert_int_equal(json_uint_or(yyjson_doc_get_root(doc), "n", 7), 7);
        assert_int_equal(json_uint_or(NULL, "n", 7), 7);
        yyjson_doc_free(doc);
}

/* Brackets count outside strings only, and a string ends at a quote that nothing escapes. */
/* `levels` arrays or objects, one in another, between flat ones. */
static void nest(struct buffer *out, const char *open, const char *close, int levels)
{
        assert_int_equal(buffer_append_text(out, "["), 0);
        for (int i = 0; i < 100; i++)
                assert_int_equal(buffer_append_text(out, "[\"[[[\"], {}, "), 0);
        for (int i = 1; i < levels; i++)
                assert_int_equal(buffer_append_text(out, open), 0);
        assert_int_equal(buffer_append_text(out, "1"), 0);
        for (int i = 1; i < levels; i++)
                assert_int_equal(buffer_append_text(out, close), 0);
        assert_int_equal(buffer_append_text(out, ", [[]]]"), 0);
}

static void test_json_depth(void **state)
{
        static const char *const brackets[][2] = {{"[", "]"}, {"{\"a\":", "}"}, {"[0, ", ", 0]"}};

        for (size_t i = 0; i < ARRAY_SIZE(brackets); i++)
                for (int levels = 63; levels <= 66; levels++) {
                        _cleanup_buffer_ struct buffer text = {0};
                        _cleanup_json_ yyjson_doc *doc = NULL;
                        struct error err = {0};

                        nest(&text, brackets[i][0], brackets[i][1], levels);
                        if (levels <= 64) {
                                assert_success(json_parse(buffer_slice(&text), "text", &doc, &err), &err);
                                continue;
                        }
                        assert_error(json_parse(buffer_slice(&text), "text", &doc, &err), &err,
                                     ERROR_BAD_JSON);
                        assert_non_null(strstr(err.text, "nested deeper"));
                }
}

static void test_time_round_trip(void **state)
{
        char text[RFC3339_SIZE];
        int64_t ns;

        assert_true(rfc3339_parse("2026-11-23T05:19:10.5+01:00", &ns));
        assert_string_equal(rfc3339_format(ns, text), "2026-11-23T04:19:10.500000000Z");
        assert_true(rfc3339_parse("1969-12-31T23:59:59.999999999Z", &ns) && ns == -1);
        assert_string_equal(rfc3339_format(ns, text), "1969-12-31T23:59:59.999999999Z");
        assert_true(rfc3339_parse("0001-01-01T00:00:00Z", &ns) && ns == 0);
        assert_false(rfc3339_parse("2026-11-23", &ns));
        assert_false(rfc3339_parse("2026-11-23T05:19:10", &ns));
        assert_false(rfc3339_parse("2026-11-23T05:19:10Zx", &ns));
}

static void test_ids_do_not_repeat(void **state)
{
        char a[UNIQUE_ID_SIZE], b[UNIQUE_ID_SIZE];

        assert_string_not_equal(unique_id(a), unique_id(b));
        assert_int_equal(strlen(a), UNIQUE_ID_SIZE - 1);
        assert_memory_equal(a, b, 6);
}

static void count_up(void *argument)
{
        __atomic_add_fetch((int *)argument, 1, __ATOMIC_RELAXED);
}

static void test_pool_runs_every_job(void **state)
{
        struct error err = {0};
        struct pool *pool = NULL;
        int count = 0;

        assert_success(pool_new(3, 2, &pool, &err), &err);
        for (int i = 0; i < 500; i++)
                pool_submit(pool, count_up, &count);
        pool_wait(pool);
        assert_int_equal(count, 500);
        pool_submit(pool, count_up, &count);
        pool_free(pool);
        assert_int_equal(count, 501);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_error_carries_context),
                cmocka_unit_test(test_error_keeps_the_end_of_a_log),
                cmocka_unit_test(test_error_codes_are_unique),
                cmocka_unit_test(test_buffer_grows),
                cmocka_unit_test(test_slice_take),
                cmocka_unit_test(test_digests_match_their_standards),
                cmocka_unit_test(test_json_refuses_what_is_dangerous),
                cmocka_unit_test(test_json_depth),
                cmocka_unit_test(test_time_round_trip),
                cmocka_unit_test(test_ids_do_not_repeat),
                cmocka_unit_test(test_pool_runs_every_job),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
