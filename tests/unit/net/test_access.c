/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <sys/stat.h>
#include "base/file.h"
#include "net/access.h"
#include "net/errors.h"

enum { PULL = 1, PUSH = 2, DELETE = 4 };

static const char *const rights[] = {"pull", "push", "delete", NULL};
static const struct access_format tokens_only = {.rights = rights, .error = &ERROR_HTTP_REQUEST};
static const struct access_format with_kinds = {
        .rights = rights, .has_kinds = true, .error = &ERROR_HTTP_REQUEST};

static struct access_table *parse(const char *text, const struct access_format *format)
{
        struct access_table *table;
        struct error err = {0};

        assert_success(access_table_parse(SLICE_TEXT(text), "tokens", format, &table, &err), &err);
        return table;
}

static void test_rights(void **state)
{
        struct access_table *table = parse("# a comment\n\n"
                                           "one reader pull team/*\n"
                                           "  two\twriter pull,push team/* delete team/tmp/*  \r\n"
                                           "three reader push x\n"
                                           "four nobody",
                                           &tokens_only);
        const struct access_line *reader = access_table_find(table, "one"),
                                 *writer = access_table_find(table, "two"),
                                 *nobody = access_table_find(table, "four");

        assert_string_equal(access_line_name(reader), "reader");
        assert_true(access_line_allows(reader, PULL, "team/a"));
        assert_true(access_line_allows(reader, PULL, "team/a/b"));
        assert_false(access_line_allows(reader, PULL, "team"));
        assert_false(access_line_allows(reader, PULL, "team-x/a"));
        assert_false(access_line_allows(reader, PUSH, "team/a"));
        /* Rights are those of the token, not of all tokens of that name. */
        assert_false(access_line_allows(reader, PUSH, "x"));
        assert_true(access_line_allows(writer, PUSH, "team/a"));
        assert_true(access_line_allows(writer, DELETE, "team/tmp/a"));
        assert_false(access_line_allows(writer, DELETE, "team/a"));
        assert_true(access_line_allows(writer, DELETE, NULL));
        assert_false(access_line_allows(reader, DELETE, NULL));
        assert_false(access_line_allows(nobody, PULL, "team/a"));
        assert_false(access_line_allows(nobody, PULL, NULL));
        assert_null(access_table_find(table, "five"));
        assert_null(access_table_find(table, ""));
        assert_null(access_table_find(table, "one "));
        access_file_put(table);
}

static void test_kinds(void **state)
{
        struct access_table *table = parse("token one reader pull *\n"
                                           "user alice pull a\n"
                                           "group ops pull b\n"
                                           "group ops push c\n"
                                           "user alice delete d\n",
                                           &with_kinds);
        const struct access_line *line = access_table_next(table, ACCESS_USER, "alice", NULL);

        assert_true(access_line_allows(line, PULL, "a"));
        line = access_table_next(table, ACCESS_USER, "alice", line);
        assert_true(access_line_allows(line, DELETE, "d"));
        assert_null(access_table_next(table, ACCESS_USER, "alice", line));
        line = access_table_next(table, ACCESS_GROUP, "ops", NULL);
        assert_true(access_line_allows(access_table_next(table, ACCESS_GROUP, "ops", line), PUSH, "c"));
        /* A name is of its kind only, and is no secret. */
        assert_null(access_table_next(table, ACCESS_GROUP, "alice", NULL));
        assert_null(access_table_next(table, ACCESS_USER, "reader", NULL));
        assert_null(access_table_find(table, "alice"));
        assert_null(access_table_find(table, ""));
        assert_non_null(access_table_find(table, "one"));
        access_file_put(table);
}

static void assert_malformed(const char *text, const struct access_format *format, struct error *err)
{
        struct access_table *table;

        assert_error(access_table_parse(SLICE_TEXT(text), "tokens", format, &table, err), err,
                     ERROR_HTTP_REQUEST);
}

static void test_malformed_lines(void **state)
{
        static const char *const wrong[] = {"token",
                                            "token name pull",
                                            "token name pul x",
                                            "token name pull, x",
                                            "token name pull x push",
                                            "good name\ntoken"};
        static const char *const wrong_kinds[] = {
                "token secret", "user", "group", "one reader pull *", "user alice pull", "user alice pul *"};
        struct access_table *table;
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(wrong_kinds); i++)
                assert_malformed(wrong_kinds[i], &with_kinds, &err);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_malformed(wrong[i], &tokens_only, &err);
        assert_non_null(strstr(err.text, "line 2"));
        assert_error(access_table_parse((struct slice){(const uint8_t *)"a b\0c d", 7}, "tokens",
                                        &tokens_only, &table, &err),
                     &err, ERROR_HTTP_REQUEST);
}

static void write_tokens(const char *text, mode_t mode)
{
        FILE *file = fopen("tokens", "w");

        assert_non_null(file);
        fputs(text, file);
        fclose(file);
        assert_int_equal(chmod("tokens", mode), 0);
}

static bool is_known(struct access_file *tokens, const char *secret)
{
        struct access_table *table = access_file_get(tokens);
        bool found = access_table_find(table, secret) != NULL;

        access_file_put(table);
        return found;
}

static unsigned complaints;

static void count_complaint(const struct error *err)
{
        complaints++;
}

static void test_the_file(void **state)
{
        const struct access_format format = {
                .rights = rights, .error = &ERROR_HTTP_REQUEST, .complain = count_complaint};
        struct access_file *tokens;
        struct error err = {0};

        assert_error(access_file_open("tokens", &format, &tokens, &err), &err, ERROR_NOT_FOUND);
        write_tokens("one name", 0644);
        assert_error(access_file_open("tokens", &format, &tokens, &err), &err, ERROR_HTTP_REQUEST);
        write_tokens("one name", 0600);
        assert_success(access_file_open("tokens", &format, &tokens, &err), &err);
        assert_true(is_known(tokens, "one"));
        write_tokens("second name", 0600);
        assert_false(is_known(tokens, "one"));
        assert_true(is_known(tokens, "second"));
        assert_int_equal(complaints, 0);
        write_tokens("wrong", 0600);
        assert_true(is_known(tokens, "second"));
        assert_true(is_known(tokens, "second"));
        assert_int_equal(complaints, 1);
        access_file_free(tokens);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rights),
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_malformed_lines),
                cmocka_unit_test_setup_teardown(test_the_file, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
