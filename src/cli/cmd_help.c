/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "cli/help.h"

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        const struct verb *verb;

        if (argc == 0) {
                help_print_program(stdout);
                return 0;
        }
        verb = verb_find(argv[0]);
        if (!verb)
                return error_set(err, &ERROR_USAGE, -EINVAL, "there is no verb `%s` to explain", argv[0]);
        help_print_verb(verb, stdout);
        return 0;
}

const struct verb verb_help = {
        .name = "help",
        .usage = "[VERB]",
        .summary = "explain a verb",
        .description = "Shows what a verb does and which options it has; without VERB, lists "
                       "the verbs.",
        .arguments_max = 1,
        .run = run,
};
