/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the man page of the program or of one verb (man(7)); the build calls it for each. */
#include <ctype.h>
#include <errno.h>
#include "cli/help.h"
#include "cli/memory.h"

#define MAN_DATE "2026-11-23" /* of the last change of the common text below */

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

/* Text as roff: nothing in it is a request, hyphens can be copied, an empty line is a paragraph, and where
 * `wrapped` a blank near the end of a line becomes its end. */
static void print_roff(struct slice text, bool wrapped)
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

static void print_text(const char *text)
{
        print_roff(SLICE_TEXT(text), true);
}

static void print_heading(const char *verb)
{
        fputs(".TH ", stdout);
        for (const char *p = PROGRAM_NAME; *p; p++)
                putchar(toupper(*p));
        if (verb)
                fputs("\\-", stdout);
        for (const char *p = verb; p && *p; p++)
                putchar(toupper(*p));
        printf(" 1 %s \"SNAP %s\" \"User Commands\"\n.SH NAME\n", MAN_DATE, SNAP_VERSION);
        printf("%s%s%s \\-\n", PROGRAM_NAME, verb ? "\\-" : "", verb ? verb : "");
}

static void print_option(const struct option_spec *spec)
{
        _cleanup_buffer_ struct buffer usage = {0};

        memory_check(option_append_usage(spec, &usage));
        fputs(".TP\n\\fB", stdout);
        print_roff(buffer_slice(&usage), false);
        fputs("\\fR\n", stdout);
        print_text(spec->help);
        fputs(".\n", stdout);
}

static void print_examples(const char *examples)
{
        struct slice command, meaning;

        if (examples)
                puts(".SH EXAMPLES");
        while (help_next_example(&examples, &command, &meaning)) {
                fputs(".TP\n.B ", stdout);
                print_roff(command, false);
                putchar('\n');
                print_roff(meaning, true);
                fputs(".\n", stdout);
        }
}

static void print_exit_status(void)
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

static void print_verb_page(const struct verb *verb)
{
        static const struct option_spec help = {.name = "help", .letter = 'h', .help = "show a summary"};
        const struct option_table tables[] = {verb->options, verb_common_options(verb)};

        print_heading(verb->name);
        print_text(verb->summary);
        printf("\n.SH SYNOPSIS\n.B %s %s\n[OPTIONS]\n", PROGRAM_NAME, verb->name);
        if (verb->usage[0]) {
                print_text(verb->usage);
                putchar('\n');
        }
        puts(".SH DESCRIPTION");
        print_text(verb->description);
        puts("\n.SH OPTIONS");
        for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
                for (size_t i = 0; i < tables[t].count; i++)
                        print_option(&tables[t].specs[i]);
        print_option(&help);
        print_exit_status();
        print_examples(verb->examples);
        printf(".SH SEE ALSO\n.BR %s (1)\n", PROGRAM_NAME);
}

static void print_program_page(void)
{
        print_heading(NULL);
        print_text(program_summary);
        printf("\n.SH SYNOPSIS\n.B %s\nVERB\n[OPTIONS]\n[ARGUMENTS]\n.SH DESCRIPTION\n", PROGRAM_NAME);
        print_text(
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
                print_text(verbs[i]->summary);
                fputs(".\n", stdout);
        }
        puts(".SH OUTPUT");
        print_text(
                "Results go to standard output, progress and errors to standard error. With --json a verb "
                "prints "
                "exactly one JSON value on standard output; an error is then an object with the member "
                "\"error\", "
                "which has \"code\", \"text\", \"hint\" and \"log\". Text from archives is escaped: control "
                "characters are shown as in \"\\x1b\".");
        putchar('\n');
        print_exit_status();
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
