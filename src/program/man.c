/* SPDX-License-Identifier: Apache-2.0 */
#include "program/man.h"

#include <ctype.h>
#include "program/help.h"
#include "program/memory.h"

#define MAN_DATE "2026-11-24" /* of the last change of the common text below */

#define LINE_WIDTH 72

static void print_character(char c, bool at_line_start)
{
        if (at_line_start && (c == '.' || c == '\''))
                fputs("\\&", stdout);
        if (c == '\\')
                fputs("\\e", stdout);
        else if (c == '-')
                fputs("\\-", stdout);
        else
                putchar(c);
}

void man_print_roff(struct slice text, bool wrapped)
{
        size_t column = 0;

        for (size_t i = 0; i < text.size; i++) {
                const char *p = (const char *)text.data + i;
                size_t left = text.size - i, word = 1;

                if (left > 1 && p[0] == '\n' && p[1] == '\n') {
                        fputs("\n.PP\n", stdout);
                        column = 0;
                        i++;
                        continue;
                }
                while (word < left && p[word] != ' ' && p[word] != '\n')
                        word++;
                if (*p == '\n' || (wrapped && *p == ' ' && column + word > LINE_WIDTH)) {
                        putchar('\n');
                        column = 0;
                        continue;
                }
                print_character(*p, column == 0);
                column++;
        }
}

void man_print_text(const char *text)
{
        man_print_roff(SLICE_TEXT(text), true);
}

void man_print_heading(const char *name, const char *part, unsigned section)
{
        fputs(".TH ", stdout);
        for (const char *p = name; *p; p++)
                putchar(toupper(*p));
        if (part)
                fputs("\\-", stdout);
        for (const char *p = part; p && *p; p++)
                putchar(toupper(*p));
        printf(" %u %s \"SNAP %s\" \"%s\"\n.SH NAME\n", section, MAN_DATE, SNAP_VERSION,
               section == 8 ? "System Administration" : "User Commands");
        printf("%s%s%s \\-\n", name, part ? "\\-" : "", part ? part : "");
}

void man_print_option(const struct option_spec *spec)
{
        _cleanup_buffer_ struct buffer usage = {0};

        memory_check(option_append_usage(spec, &usage));
        fputs(".TP\n\\fB", stdout);
        man_print_roff(buffer_slice(&usage), false);
        fputs("\\fR\n", stdout);
        man_print_text(spec->help);
        fputs(".\n", stdout);
}

void man_print_examples(const char *examples)
{
        struct slice command, meaning;

        if (examples)
                puts(".SH EXAMPLES");
        while (help_next_example(&examples, &command, &meaning)) {
                fputs(".TP\n.B ", stdout);
                man_print_roff(command, false);
                putchar('\n');
                man_print_roff(meaning, true);
                fputs(".\n", stdout);
        }
}

void man_print_exit_status(void)
{
        static const struct {
                int status;
                const char *meaning;
        } rows[] = {
                {EXIT_OK, "Done."},
                {EXIT_ERROR, "Failed for a reason that has no status of its own."},
                {EXIT_USAGE, "The command line is wrong."},
                {EXIT_NOT_FOUND, "There is no such container, file or image."},
                {EXIT_BAD_DATA, "An archive, image or record is damaged or refused."},
                {EXIT_PREFLIGHT, "This container or host cannot do it; nothing was changed."},
                {EXIT_RUNTIME, "The container runtime or CRIU failed."},
                {EXIT_NO_SPACE, "Disk or memory is full."},
                {EXIT_BUSY, "Somebody else is working on the same thing."},
                {EXIT_TIMEOUT, "It took longer than was allowed."},
                {EXIT_CANCELLED, "Interrupted by the user (SIGINT, SIGTERM or SIGHUP)."},
        };

        puts(".SH EXIT STATUS");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                printf(".TP\n%d\n%s\n", rows[i].status, rows[i].meaning);
}
