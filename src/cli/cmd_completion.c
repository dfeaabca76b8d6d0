/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts, generated whole from the verb table: the shells never have to start us. */
#include <errno.h>
#include "cli/help.h"
#include "program/completion.h"

typedef void (*option_printer)(const struct verb *verb, const struct option_spec *spec);

static void each_option(const struct verb *verb, option_printer print)
{
        struct option_table tables[VERB_OPTION_TABLES];

        verb_option_tables(verb, tables);
        for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
                for (size_t i = 0; i < tables[t].count; i++)
                        print(verb, &tables[t].specs[i]);
}

static void each_verb(void (*print)(const struct verb *verb))
{
        for (size_t i = 0; verbs[i]; i++)
                if (!verbs[i]->is_hidden)
                        print(verbs[i]);
}

static void bash_option_name(const struct verb *verb, const struct option_spec *spec)
{
        printf(" --%s", spec->name);
}

static void bash_option_choices(const struct verb *verb, const struct option_spec *spec)
{
        if (!spec->choices)
                return;
        printf("        %s:--%s) words='", verb->name, spec->name);
        completion_print_words(spec->choices);
        fputs("';;\n", stdout);
}

/* Names of running containers; an engine that is not there says nothing. */
#define CONTAINER_NAMES "podman ps --format '{{.Names}}' 2>/dev/null"

static void bash_verb(const struct verb *verb)
{
        printf("        %s)\n            [[ $cur == -* ]] && words='--help", verb->name);
        each_option(verb, bash_option_name);
        fputs("'\n", stdout);
        if (verb->argument == ARGUMENT_WORDS) {
                fputs("            [[ $cur == -* ]] || words='", stdout);
                completion_print_words(verb->words);
                fputs("'\n", stdout);
        } else if (verb->argument == ARGUMENT_CONTAINER)
                printf("            [[ $cur == -* ]] || words=$(%s)\n", CONTAINER_NAMES);
        fputs("            ;;\n", stdout);
}

static void bash_verb_options(const struct verb *verb)
{
        each_option(verb, bash_option_choices);
}

static void bash_verb_name(const struct verb *verb)
{
        printf(" %s", verb->name);
}

static void print_bash(void)
{
        printf("# bash completion of %s\n_%s()\n{\n", PROGRAM_NAME, PROGRAM_NAME);
        fputs("    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} "
              "verb=${COMP_WORDS[1]} words=\n"
              "    COMPREPLY=()\n"
              "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
              "        COMPREPLY=($(compgen -W '--help --version",
              stdout);
        each_verb(bash_verb_name);
        fputs("' -- \"$cur\"))\n"
              "        return\n"
              "    fi\n"
              "    case $verb:$prev in\n",
              stdout);
        each_verb(bash_verb_options);
        fputs("    *)\n        case $verb in\n", stdout);
        each_verb(bash_verb);
        fputs("        esac;;\n    esac\n"
              "    [ -z \"$words\" ] || COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n",
              stdout);
        /* Files are what remains when nothing of ours fits. */
        printf("complete -o default -F _%s %s\n", PROGRAM_NAME, PROGRAM_NAME);
}

static void zsh_option(const struct verb *verb, const struct option_spec *spec)
{
        fputs(" \\\n            ", stdout);
        completion_print_zsh_option(spec);
}

static void zsh_verb(const struct verb *verb)
{
        printf("        %s)\n        _arguments '--help[show help]'", verb->name);
        each_option(verb, zsh_option);
        switch (verb->argument) {
        case ARGUMENT_WORDS:
                fputs(" '*:word:(", stdout);
                completion_print_words(verb->words);
                fputs(")'", stdout);
                break;
        case ARGUMENT_CONTAINER:
                fputs(" '*:container:{compadd -- $(podman ps --format \"{{.Names}}\" 2>/dev/null)}'", stdout);
                break;
        case ARGUMENT_DIRECTORY:
                fputs(" '*:directory:_files -/'", stdout);
                break;
        case ARGUMENT_FILE:
                fputs(" '*:file:_files'", stdout);
                break;
        case ARGUMENT_NONE:
                break;
        }
        fputs(";;\n", stdout);
}

static void zsh_verb_name(const struct verb *verb)
{
        printf("        '%s:", verb->name);
        completion_print_zsh_text(verb->summary);
        fputs("'\n", stdout);
}

static void print_zsh(void)
{
        printf("#compdef %s\n_%s()\n{\n    local -a verbs\n    verbs=(\n", PROGRAM_NAME, PROGRAM_NAME);
        each_verb(zsh_verb_name);
        fputs("    )\n"
              "    if (( CURRENT == 2 )); then\n"
              "        _describe verb verbs\n"
              "        return\n"
              "    fi\n"
              "    local verb=$words[2]\n"
              "    shift words\n"
              "    (( CURRENT-- ))\n"
              "    case $verb in\n",
              stdout);
        each_verb(zsh_verb);
        printf("    esac\n}\n_%s \"$@\"\n", PROGRAM_NAME);
}

static void fish_option(const struct verb *verb, const struct option_spec *spec)
{
        char condition[64];

        snprintf(condition, sizeof(condition), "__fish_seen_subcommand_from %s", verb->name);
        completion_print_fish_option(PROGRAM_NAME, condition, spec);
}

static void fish_verb(const struct verb *verb)
{
        printf("complete -c %s -n __fish_use_subcommand -f -a %s -d '", PROGRAM_NAME, verb->name);
        completion_print_quoted(verb->summary);
        fputs("'\n", stdout);
        each_option(verb, fish_option);
        if (verb->argument == ARGUMENT_WORDS) {
                printf("complete -c %s -n '__fish_seen_subcommand_from %s' -f -a '", PROGRAM_NAME,
                       verb->name);
                completion_print_words(verb->words);
                fputs("'\n", stdout);
        } else if (verb->argument == ARGUMENT_CONTAINER)
                printf("complete -c %s -n '__fish_seen_subcommand_from %s' -f -a '(%s)'\n", PROGRAM_NAME,
                       verb->name, "podman ps --format \"{{.Names}}\" 2>/dev/null");
}

static const char *const shells[] = {"bash", "zsh", "fish", NULL};

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        if (strcmp(argv[0], "bash") == 0)
                print_bash();
        else if (strcmp(argv[0], "zsh") == 0)
                print_zsh();
        else if (strcmp(argv[0], "fish") == 0)
                each_verb(fish_verb);
        else if (strcmp(argv[0], "powershell") == 0) {
                int ret = error_set(err, &ERROR_UNSUPPORTED, -EOPNOTSUPP,
                                    "there is no completion for PowerShell");

                error_set_hint(err, "There is one for bash, zsh and fish.");
                return ret;
        } else
                return error_set(err, &ERROR_USAGE, -EINVAL, "no completion for the shell `%s`", argv[0]);
        return 0;
}

const struct verb verb_completion = {
        .name = "completion",
        .usage = "bash|zsh|fish",
        .summary = "print a completion script",
        .description = "Prints a script that completes verbs, options, their values and "
                       "container names.",
        .examples = "checkpointctl completion bash > "
                    "/etc/bash_completion.d/checkpointctl\tinstall it for bash",
        .argument = ARGUMENT_WORDS,
        .words = shells,
        .arguments_min = 1,
        .arguments_max = 1,
        .run = run,
};
