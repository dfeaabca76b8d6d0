/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <sys/stat.h>
#include "base/file.h"
#include "oci/registry_server_tokens.h"

static void test_rights(void **state)
{
        static const char text[] = "# a comment\n\n"
                                   "one reader pull team/*\n"
                                   "  two\twriter pull,push team/* delete team/tmp/*  \r\n"
                                   "three reader push x\n"
                                   "four nobody";
        struct token_table *table;
        const struct token *reader, *writer;
        struct error err = {0};

        assert_success(token_table_parse(SLICE_TEXT(text), "tokens", &table, &err), &err);
        reader = token_table_find(table, "one");
        writer = token_table_find(table, "two");
        assert_string_equal(token_name(reader), "reader");
        assert_true(token_allows(reader, REGISTRY_PULL, "team/a"));
        assert_true(token_allows(reader, REGISTRY_PULL, "team/a/b"));
        assert_false(token_allows(reader, REGISTRY_PULL, "team"));
        assert_false(token_allows(reader, REGISTRY_PULL, "team-x/a"));
        assert_false(token_allows(reader, REGISTRY_PUSH, "team/a"));
        /* Rights are those of the token, not of all tokens of that name. */
        assert_false(token_allows(reader, REGISTRY_PUSH, "x"));
        assert_true(token_allows(writer, REGISTRY_PUSH, "team/a"));
        assert_true(token_allows(writer, REGISTRY_DELETE, "team/tmp/a"));
        assert_false(token_allows(writer, REGISTRY_DELETE, "team/a"));
        assert_false(token_allows(token_table_find(table, "four"), REGISTRY_PULL, "team/a"));
        assert_null(token_table_find(table, "five"));
        assert_null(token_table_find(table, ""));
        assert_null(token_table_find(table, "one "));
        registry_tokens_put(table);
}

static void test_malformed_lines(void **state)
{
        static const char *const wrong[] = {"token",
                                            "token name pull",
                                            "token name pul x",
                                            "token name pull, x",
                                            "token name pull x push",
                                            "good name\ntoken"};
        struct token_table *table;
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_error(token_table_parse(SLICE_TEXT(wrong[i]), "tokens", &table, &err), &err,
                             ERROR_STORE_TOKENS);
        assert_non_null(strstr(err.text, "line 2"));
        assert_error(
                token_table_parse((struct slice){(const uint8_t *)"a b\0c d", 7}, "tokens", &table, &err),
                &err, ERROR_STORE_TOKENS);
}

static void write_tokens(const char *text, mode_t mode)
{
        FILE *file = fopen("tokens", "w");

        assert_non_null(file);
        fputs(text, file);
        fclose(file);
        assert_int_equal(chmod("tokens", mode), 0);
}

static bool is_known(struct registry_tokens *tokens, const char *secret)
{
        struct token_table *table = registry_tokens_get(tokens);
        bool found = token_table_find(table, secret) != NULL;

        registry_tokens_put(table);
        return found;
}

static void test_the_file(void **state)
{
        struct registry_tokens *tokens;
        struct error err = {0};

        assert_error(registry_tokens_open("tokens", &tokens, &err), &err, ERROR_NOT_FOUND);
        write_tokens("one name", 0644);
        assert_error(registry_tokens_open("tokens", &tokens, &err), &err, ERROR_STORE_TOKENS);
        write_tokens("one name", 0600);
        assert_success(registry_tokens_open("tokens", &tokens, &err), &err);
        assert_true(is_known(tokens, "one"));
        write_tokens("second name", 0600);
        assert_false(is_known(tokens, "one"));
        assert_true(is_known(tokens, "second"));
        write_tokens("wrong", 0600);
        assert_true(is_known(tokens, "second"));
        registry_tokens_free(tokens);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rights),
                cmocka_unit_test(test_malformed_lines),
                cmocka_unit_test_setup_teardown(test_the_file, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
