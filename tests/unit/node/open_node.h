/* SPDX-License-Identifier: Apache-2.0 */
/* A node in the scratch directory, without container engines. */
#ifndef SNAP_TESTS_OPEN_NODE_H
#define SNAP_TESTS_OPEN_NODE_H

#include "testing.h"

#include "node/node_private.h"

static inline struct node *open_node(unsigned parallel, unsigned queue)
{
        static const struct runtime_driver *const none[] = {NULL};
        char here[256], directory[300], state_directory[300];
        struct node_options options = {.name = "test",
                                       .drivers = none,
                                       .parallel = parallel,
                                       .queue = queue,
                                       .reserve = 1,
                                       .directory = directory,
                                       .state_directory = state_directory};
        struct node *node = NULL;
        struct error err = {0};

        assert_non_null(getcwd(here, sizeof(here)));
        snprintf(directory, sizeof(directory), "%s/archives", here);
        snprintf(state_directory, sizeof(state_directory), "%s/state", here);
        assert_success(node_open(&options, &node, &err), &err);
        return node;
}

#endif
