/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"
#include "program/help.h"

const char program_summary[] = "freeze running containers, look into checkpoints, start them elsewhere";

void help_print_verb(const struct verb *verb, FILE *out)
{
        static const struct option_spec help = {.name = "help", .letter = 'h', .help = "show this text"};
        struct option_table tables[VERB_OPTION_TABLES];

        verb_option_tables(verb, tables);
        fprintf(out, "Usage: %s %s [OPTIONS]%s%s\n\n", PROGRAM_NAME, verb->name, verb->usage[0] ? " " : "",
                verb->usage);
        help_print_text(verb->description, 0, out);
        fputs("\nOptions:\n", out);
        for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
                for (size_t i = 0; i < tables[t].count; i++)
                        help_print_option(&tables[t].specs[i], out);
        help_print_option(&help, out);
        help_print_examples(verb->examples, out);
}

void help_print_program(FILE *out)
{
        fprintf(out, "%s: %s\n\nUsage: %s VERB [OPTIONS] [ARGUMENTS]\n\nVerbs:\n", PROGRAM_NAME,
                program_summary, PROGRAM_NAME);
        for (size_t i = 0; verbs[i]; i++)
                if (!verbs[i]->is_hidden)
                        fprintf(out, "  %-12s%s\n", verbs[i]->name, verbs[i]->summary);
        fprintf(out,
                "\nEvery verb knows --help and --json. Manual: man %s, man %s-VERB.\n"
                "To see whether this machine can checkpoint containers: %s doctor\n",
                PROGRAM_NAME, PROGRAM_NAME, PROGRAM_NAME);
}
