/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"
#include "cli/memory.h"
#include "cli/text.h"

#define HELP_WIDTH   80
#define OPTION_WIDTH 26 /* of the column with option names */

const char program_summary[] = "freeze running containers, look into checkpoints, start them elsewhere";

/* Breaks `text` into lines of `width` from column `indent` on; the first line is already indented. */
static void print_wrapped(const char *text, size_t indent, size_t width, FILE *out)
{
        size_t column = indent;

        while (*text) {
                size_t length = strcspn(text, " \n");

                if (column > indent && column + 1 + length > width) {
                        fprintf(out, "\n%*s", (int)indent, "");
                        column = indent;
                } else if (column > indent) {
                        putc(' ', out);
                        column++;
                }
                fprintf(out, "%.*s", (int)length, text);
                column += length;
                text += length;
                if (text[0] == '\n' && text[1] == '\n') {
                        fprintf(out, "\n\n%*s", (int)indent, "");
                        column = indent;
                }
                text += strspn(text, " \n");
        }
        putc('\n', out);
}

static void print_option(const struct option_spec *spec, FILE *out)
{
        _cleanup_buffer_ struct buffer usage = {0};

        memory_check(buffer_append_text(&usage, spec->letter ? "" : "    "));
        memory_check(option_append_usage(spec, &usage));
        fprintf(out, "  %-*s", OPTION_WIDTH, buffer_text(&usage));
        if (usage.size >= OPTION_WIDTH)
                fprintf(out, "\n%*s", OPTION_WIDTH + 2, "");
        print_wrapped(spec->help, OPTION_WIDTH + 2, HELP_WIDTH, out);
}

bool help_next_example(const char **examples, struct slice *command, struct slice *meaning)
{
        const char *line = *examples;
        size_t length, split;

        if (!line || !*line)
                return false;
        length = strcspn(line, "\n");
        split = strcspn(line, "\t\n");
        *command = (struct slice){(const uint8_t *)line, split};
        *meaning = (struct slice){0};
        if (split < length)
                *meaning = (struct slice){(const uint8_t *)line + split + 1, length - split - 1};
        *examples = line + length + (line[length] == '\n');
        return true;
}

void help_print_verb(const struct verb *verb, FILE *out)
{
        static const struct option_spec help = {.name = "help", .letter = 'h', .help = "show this text"};
        const struct option_table tables[] = {verb->options, verb_common_options(verb)};
        const char *examples = verb->examples;
        struct slice command, meaning;

        fprintf(out, "Usage: %s %s [OPTIONS]%s%s\n\n", PROGRAM_NAME, verb->name, verb->usage[0] ? " " : "",
                verb->usage);
        print_wrapped(verb->description, 0, HELP_WIDTH, out);
        fputs("\nOptions:\n", out);
        for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
                for (size_t i = 0; i < tables[t].count; i++)
                        print_option(&tables[t].specs[i], out);
        print_option(&help, out);
        if (examples)
                fputs("\nExamples:\n", out);
        while (help_next_example(&examples, &command, &meaning))
                fprintf(out, "  %.*s\n      %.*s\n", (int)command.size, (const char *)command.data,
                        (int)meaning.size, (const char *)meaning.data);
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
