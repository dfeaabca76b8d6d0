/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <dlfcn.h>
#include "base/library.h"

#define FUNCTIONS(F) F(dlopen) F(dlclose)

static void test_functions_are_called_through_the_table(void **state)
{
        static struct {
                FUNCTIONS(LIBRARY_MEMBER)
        } table;
        static const char *const names[] = {FUNCTIONS(LIBRARY_NAME)};
        static struct library library = LIBRARY("libc.so.6", names, table);
        struct error err = {0};
        void *handle;

        assert_success(library_load(&library, &err), &err);
        handle = table.dlopen(NULL, RTLD_NOW);
        assert_non_null(handle);
        assert_int_equal(table.dlclose(handle), 0);

        /* Once is enough. */
        table.dlopen = NULL;
        assert_success(library_load(&library, &err), &err);
        assert_null(table.dlopen);
}

static void test_what_is_missing_is_named(void **state)
{
        static const char *const names[] = {"dlopen", "no_such_function"};
        static void *table[2];
        static struct library absent = LIBRARY("libno-such-library.so.1", names, table);
        static struct library old = LIBRARY("libc.so.6", names, table);
        struct error err = {0};

        assert_error(library_load(&absent, &err), &err, ERROR_TOOL_MISSING);
        assert_non_null(strstr(err.text, "libno-such-library.so.1"));
        assert_error(library_load(&old, &err), &err, ERROR_TOOL_MISSING);
        assert_non_null(strstr(err.text, "no_such_function"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_functions_are_called_through_the_table),
                cmocka_unit_test(test_what_is_missing_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
