/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes: cmocka and its needs, in the order it wants them, and a scratch directory.
 */
#ifndef SNAP_TESTS_TESTING_H
#define SNAP_TESTS_TESTING_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/error.h"

/* Fails the test with the error's own words when `call` did not return 0 or more. */
#define assert_success(call, err)                                                                            \
        do {                                                                                                 \
                if ((call) < 0)                                                                              \
                        fail_msg("%s: %s [%s]", #call, (err)->text, error_code(err));                        \
        } while (0)

/* The call fails, and with this kind. */
#define assert_error(call, err, expected)                                                                    \
        do {                                                                                                 \
                if ((call) >= 0)                                                                             \
                        fail_msg("%s succeeded", #call);                                                     \
                if ((err)->kind != &(expected))                                                              \
                        fail_msg("%s: %s [%s], not [%s]", #call, (err)->text, error_code(err),               \
                                 (expected).code);                                                           \
        } while (0)

/* Set-up and tear-down of a test that works in an empty directory, which is its working directory. */
static inline int scratch_setup(void **state)
{
        char *path = strdup("/tmp/snap-test.XXXXXX");

        *state = path;
        return path && mkdtemp(path) && chdir(path) == 0 ? 0 : -1;
}

static inline int scratch_teardown(void **state)
{
        char command[128];
        char *path = *state;

        snprintf(command, sizeof(command), "rm -rf %s", path);
        free(path);
        return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

#endif
