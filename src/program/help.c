/* SPDX-License-Identifier: Apache-2.0 */
#include "program/help.h"
#include "program/memory.h"

#define HELP_WIDTH   80
#define OPTION_WIDTH 26 /* of the column with option names */

void help_print_text(const char *text, size_t indent, FILE *out)
{
        size_t column = indent;

        while (*text) {
                size_t length = strcspn(text, " \n");

                if (column > indent && column + 1 + length > HELP_WIDTH) {
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

void help_print_option(const struct option_spec *spec, FILE *out)
{
        _cleanup_buffer_ struct buffer usage = {0};

        memory_check(buffer_append_text(&usage, spec->letter ? "" : "    "));
        memory_check(option_append_usage(spec, &usage));
        fprintf(out, "  %-*s", OPTION_WIDTH, buffer_text(&usage));
        if (usage.size >= OPTION_WIDTH)
                fprintf(out, "\n%*s", OPTION_WIDTH + 2, "");
        help_print_text(spec->help, OPTION_WIDTH + 2, out);
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

void help_print_examples(const char *examples, FILE *out)
{
        struct slice command, meaning;

        if (examples)
                fputs("\nExamples:\n", out);
        while (help_next_example(&examples, &command, &meaning))
                fprintf(out, "  %.*s\n      %.*s\n", (int)command.size, (const char *)command.data,
                        (int)meaning.size, (const char *)meaning.data);
}
