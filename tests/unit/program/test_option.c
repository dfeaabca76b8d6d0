/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "program/option.h"
#include "program/suggest.h"

static bool all, quiet;
static const char *output;
static uint64_t number, limit;
static int choice;
static const char *const choices[] = {"none", "gzip", "zstd", NULL};

static const struct option_spec specs[] = {
        {"all", 0, OPTION_FLAG, &all, NULL, "all"},
        {"output", 'o', OPTION_TEXT, &output, "FILE", "output"},
        {"pid", 'p', OPTION_NUMBER, &number, "PID", "pid"},
        {"ghost-limit", 0, OPTION_SIZE, &limit, "SIZE", "limit"},
        {"compress", 0, OPTION_CHOICE, &choice, NULL, "compression", choices},
};
static const struct option_spec common[] = {{"quiet", 'q', OPTION_FLAG, &quiet, NULL, "quiet"}};
static const struct option_table tables[] = {OPTION_TABLE(specs), OPTION_TABLE(common)};

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static int argument_count;
static char *arguments[16];
static bool help;
static struct error error;

static int parse(const char *const *argv)
{
        all = quiet = false;
        output = NULL;
        number = limit = 0;
        choice = -1;
        error = (struct error){0};
        argument_count = 0;
        while (argv[argument_count]) {
                arguments[argument_count] = (char *)(uintptr_t)argv[argument_count];
                argument_count++;
        }
        return option_parse(tables, 2, &argument_count, arguments, &help, &error);
}

static void test_every_form(void **state)
{
        assert_int_equal(PARSE("a", "--all", "--output=x=y", "b", "-p", "17", "--ghost-limit", "2M"), 0);
        assert_true(all);
        assert_string_equal(output, "x=y");
        assert_int_equal(number, 17);
        assert_int_equal(limit, 2 << 20);
        assert_int_equal(argument_count, 2);
        assert_string_equal(arguments[1], "b");
        assert_int_equal(PARSE("-qp9", "-ofile", "--compress", "zstd"), 0);
        assert_true(quiet);
        assert_int_equal(number, 9);
        assert_string_equal(output, "file");
        assert_int_equal(choice, 2);
        assert_int_equal(PARSE("--all=false", "--quiet=true"), 0);
        assert_false(all);
        assert_true(quiet);
}

static void test_dashes(void **state)
{
        assert_int_equal(PARSE("-", "--", "--all", "-p"), 0);
        assert_false(all);
        assert_int_equal(argument_count, 3);
        assert_string_equal(arguments[0], "-");
        assert_string_equal(arguments[2], "-p");
}

static void test_help_wins(void **state)
{
        assert_int_equal(PARSE("x", "--help", "--nonsense"), 0);
        assert_true(help);
        assert_int_equal(PARSE("-qh"), 0);
        assert_true(help);
        assert_int_equal(PARSE("--", "-h"), 0);
        assert_false(help);
}

static void test_mistakes_are_named(void **state)
{
        assert_error(PARSE("--al"), &error, ERROR_USAGE);
        assert_non_null(strstr(error.hint, "--all"));
        assert_error(PARSE("-z"), &error, ERROR_USAGE);
        assert_error(PARSE("--output"), &error, ERROR_USAGE);
        assert_error(PARSE("-p", "seven"), &error, ERROR_USAGE);
        assert_error(PARSE("-p", "18446744073709551616"), &error, ERROR_USAGE);
        assert_error(PARSE("--all=maybe"), &error, ERROR_USAGE);
        assert_error(PARSE("--ghost-limit", "2X"), &error, ERROR_USAGE);
        assert_error(PARSE("--compress", "brotli"), &error, ERROR_USAGE);
        assert_non_null(strstr(error.text, "none|gzip|zstd"));
}

static void test_suggestions(void **state)
{
        struct suggestion suggestion = {.word = "inspct", .length = 6};

        suggestion_offer(&suggestion, "list");
        assert_null(suggestion.best);
        suggestion_offer(&suggestion, "inspect");
        suggestion_offer(&suggestion, "insert");
        assert_string_equal(suggestion.best, "inspect");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_form),  cmocka_unit_test(test_dashes),
                cmocka_unit_test(test_help_wins),   cmocka_unit_test(test_mistakes_are_named),
                cmocka_unit_test(test_suggestions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
