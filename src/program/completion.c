/* SPDX-License-Identifier: Apache-2.0 */
#include "program/completion.h"

#include <errno.h>

void completion_print_words(const char *const *words)
{
        for (size_t i = 0; words[i]; i++)
                printf("%s%s", i ? " " : "", words[i]);
}

void completion_print_quoted(const char *text)
{
        for (; *text; text++)
                if (*text == '\'')
                        fputs("'\\''", stdout);
                else
                        putchar(*text);
}

/* Brackets and colons mean something in zsh's option descriptions. */
void completion_print_zsh_text(const char *text)
{
        for (; *text; text++) {
                if (strchr("[]:\\", *text))
                        putchar('\\');
                if (*text == '\'')
                        fputs("'\\'", stdout);
                putchar(*text);
        }
}

void completion_print_zsh_option(const struct option_spec *spec)
{
        if (spec->letter)
                printf("'(-%c --%s)'{-%c,--%s}'[", spec->letter, spec->name, spec->letter, spec->name);
        else
                printf("'--%s[", spec->name);
        completion_print_zsh_text(spec->help);
        putchar(']');
        if (spec->choices) {
                printf(":%s:(", spec->name);
                completion_print_words(spec->choices);
                putchar(')');
        } else if (spec->metavar)
                printf(":%s:%s", spec->metavar,
                       strcmp(spec->metavar, "FILE") == 0 || strcmp(spec->metavar, "DIR") == 0 ? "_files"
                                                                                               : " ");
        putchar('\'');
}

void completion_print_fish_option(const char *program, const char *condition, const struct option_spec *spec)
{
        printf("complete -c %s", program);
        if (condition)
                printf(" -n '%s'", condition);
        printf(" -l %s", spec->name);
        if (spec->letter)
                printf(" -s %c", spec->letter);
        if (spec->choices) {
                fputs(" -x -a '", stdout);
                completion_print_words(spec->choices);
                putchar('\'');
        } else if (spec->metavar)
                fputs(" -r", stdout);
        fputs(" -d '", stdout);
        completion_print_quoted(spec->help);
        fputs("'\n", stdout);
}

/* --- a program without verbs -------------------------------------------------------------------------------
 */

static void print_bash(const char *program, const struct option_table *table)
{
        printf("# bash completion of %s\ncomplete -o default -W '--help --version", program);
        for (size_t i = 0; i < table->count; i++)
                printf(" --%s", table->specs[i].name);
        printf("' %s\n", program);
}

static void print_zsh(const char *program, const struct option_table *table)
{
        printf("#compdef %s\n_arguments '--help[show help]' '--version[show the version]'", program);
        for (size_t i = 0; i < table->count; i++) {
                fputs(" \\\n    ", stdout);
                completion_print_zsh_option(&table->specs[i]);
        }
        putchar('\n');
}

static void print_fish(const char *program, const struct option_table *table)
{
        printf("complete -c %s -f\n", program);
        printf("complete -c %s -l help -s h -d 'show help'\n", program);
        printf("complete -c %s -l version -d 'show the version'\n", program);
        for (size_t i = 0; i < table->count; i++)
                completion_print_fish_option(program, NULL, &table->specs[i]);
}

int completion_print(const char *shell, const char *program, const struct option_table *table,
                     struct error *err)
{
        static const struct {
                const char *shell;
                void (*print)(const char *program, const struct option_table *table);
        } printers[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

        for (size_t i = 0; i < ARRAY_SIZE(printers); i++) {
                if (strcmp(shell, printers[i].shell) == 0) {
                        printers[i].print(program, table);
                        return 0;
                }
        }
        return error_set(err, &ERROR_USAGE, -EINVAL, "no completion for the shell `%s`", shell);
}
