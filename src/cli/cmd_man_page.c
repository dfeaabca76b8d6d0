/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the man page of the program or of one verb (man(7)); the build calls it for each. */
#include <errno.h>
#include "cli/help.h"
#include "program/man.h"

static void print_verb_page(const struct verb *verb)
{
        static const struct option_spec help = {.name = "help", .letter = 'h', .help = "show a summary"};
        struct option_table tables[VERB_OPTION_TABLES];

        verb_option_tables(verb, tables);
        man_print_heading(PROGRAM_NAME, verb->name, 1);
        man_print_text(verb->summary);
        printf("\n.SH SYNOPSIS\n.B %s %s\n[OPTIONS]\n", PROGRAM_NAME, verb->name);
        if (verb->usage[0]) {
                man_print_text(verb->usage);
                putchar('\n');
        }
        puts(".SH DESCRIPTION");
        man_print_text(verb->description);
        puts("\n.SH OPTIONS");
        for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
                for (size_t i = 0; i < tables[t].count; i++)
                        man_print_option(&tables[t].specs[i]);
        man_print_option(&help);
        man_print_exit_status();
        man_print_examples(verb->examples);
        printf(".SH SEE ALSO\n.BR %s (1)\n", PROGRAM_NAME);
}

static void print_program_page(void)
{
        man_print_heading(PROGRAM_NAME, NULL, 1);
        man_print_text(program_summary);
        printf("\n.SH SYNOPSIS\n.B %s\nVERB\n[OPTIONS]\n[ARGUMENTS]\n.SH DESCRIPTION\n", PROGRAM_NAME);
        man_print_text(
                "Takes checkpoints of running containers with CRIU, writes them as verified archives or OCI "
                "images, "
                "shows what is in them, and starts them on this or another machine.\n\n"
                "It works with containers of Podman and with bare bundles of crun and runc, and it reads the "
                "archives of CRI-O, containerd and Podman.");
        puts("\n.SH VERBS");
        for (size_t i = 0; verbs[i]; i++) {
                if (verbs[i]->is_hidden)
                        continue;
                printf(".TP\n.BR %s\\-%s (1)\n", PROGRAM_NAME, verbs[i]->name);
                man_print_text(verbs[i]->summary);
                fputs(".\n", stdout);
        }
        puts(".SH OUTPUT");
        man_print_text(
                "Results go to standard output, progress and errors to standard error. With --json a verb "
                "prints "
                "exactly one JSON value on standard output; an error is then an object with the member "
                "\"error\", "
                "which has \"code\", \"text\", \"hint\" and \"log\". Text from archives is escaped: control "
                "characters are shown as in \"\\x1b\".");
        putchar('\n');
        man_print_exit_status();
        printf(".SH SEE ALSO\n.BR criu (8),\n.BR podman\\-container\\-checkpoint (1)\n");
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        const struct verb *verb;

        if (argc == 0) {
                print_program_page();
                return 0;
        }
        verb = verb_find(argv[0]);
        if (!verb)
                return error_set(err, &ERROR_USAGE, -EINVAL, "there is no verb `%s`", argv[0]);
        print_verb_page(verb);
        return 0;
}

const struct verb verb_man_page = {
        .name = "man-page",
        .usage = "[VERB]",
        .summary = "print a man page",
        .description = "Prints the man page of a verb, or of the program.",
        .arguments_max = 1,
        .is_hidden = true,
        .run = run,
};
