/* SPDX-License-Identifier: Apache-2.0 */
/* checkpointctl: finds the verb, parses its options, runs it, and says what went wrong. */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include "cli/answer.h"
#include "cli/help.h"
#include "cli/node.h"
#include "program/memory.h"
#include "cli/plugin.h"
#include "cli/registry_options.h"
#include "program/signals.h"
#include "program/suggest.h"
#include "cli/text.h"
#include "crypto/key_ring.h"
#include "oci/location.h"

#define LARGE_BYTES (1 * MIB)

/* In the order of --help. */
const struct verb *const verbs[] = {
        &verb_create, &verb_restore,   &verb_build,      &verb_push,     &verb_pull,     &verb_copy,
        &verb_sync,   &verb_tags,      &verb_rm,         &verb_sign,     &verb_encrypt,  &verb_decrypt,
        &verb_verify, &verb_repair,    &verb_show,       &verb_inspect,  &verb_explain,  &verb_diff,
        &verb_images, &verb_memparse,  &verb_secrets,    &verb_list,     &verb_pin,      &verb_extract,
        &verb_insert, &verb_preflight, &verb_doctor,     &verb_recover,  &verb_registry, &verb_errors,
        &verb_plugin, &verb_help,      &verb_completion, &verb_man_page, NULL,
};

static struct cli cli;

static struct option_list decryption_keys;

/* Each verb has those from the first or second to the second or third. */
static const struct option_spec common_options[] = {
        {.name = "decryption-key",
         .type = OPTION_LIST,
         .value = &decryption_keys,
         .metavar = "KEY[:file=F]",
         .help = "private key (with its passphrase in F), or a file with a passphrase, for what is "
                 "encrypted"},
        {.name = "json", .type = OPTION_FLAG, .value = &cli.json, .help = "print one JSON value, errors too"},
        {.name = "quiet",
         .letter = 'q',
         .type = OPTION_FLAG,
         .value = &cli.quiet,
         .help = "show no progress"},
};

void verb_option_tables(const struct verb *verb, struct option_table out[VERB_OPTION_TABLES])
{
        size_t first = verb->opens_checkpoints ? 0 : 1, end = verb->is_long ? 3 : 2;

        out[0] = verb->options;
        out[1] = (struct option_table){common_options + first, end - first};
        out[2] = verb->opens_checkpoints || verb->reaches_registries ? registry_options_table
                                                                     : (struct option_table){0};
        out[3] = verb->reaches_nodes ? node_options_table : (struct option_table){0};
}

const struct verb *verb_find(const char *name)
{
        for (size_t i = 0; verbs[i]; i++)
                if (strcmp(verbs[i]->name, name) == 0)
                        return verbs[i];
        return NULL;
}

static int unknown_verb(const char *name, struct error *err)
{
        struct suggestion nearest = {.word = name, .length = strlen(name)};
        int ret = error_set(err, &ERROR_USAGE, -EINVAL, "unknown verb `%s`", name);

        for (size_t i = 0; verbs[i]; i++)
                if (!verbs[i]->is_hidden)
                        suggestion_offer(&nearest, verbs[i]->name);
        if (nearest.best)
                error_set_hint(err, "did you mean `%s`?", nearest.best);
        else
                error_set_hint(err, "%s --help lists the verbs", PROGRAM_NAME);
        return ret;
}

static int check_arguments(const struct verb *verb, unsigned count, struct error *err)
{
        if (count < verb->arguments_min)
                return error_set(err, &ERROR_USAGE, -EINVAL, "%s needs %s", verb->name, verb->usage);
        if (count > verb->arguments_max)
                return error_set(err, &ERROR_USAGE, -EINVAL, "%s takes %s%s, which is less than was given",
                                 verb->name, verb->usage[0] ? "only " : "no arguments", verb->usage);
        return 0;
}

static int run_verb(const struct verb *verb, int argc, char **argv, struct error *err)
{
        struct option_table tables[VERB_OPTION_TABLES];
        bool help;
        int ret;

        verb_option_tables(verb, tables);
        tables[3] = node_options_table; /* known to all, so that those it is not for can say so */
        ret = option_parse(tables, ARRAY_SIZE(tables), &argc, argv, &help, err);

        if (ret == 0 && help) {
                help_print_verb(verb, stdout);
                return 0;
        }
        if (ret == 0)
                ret = check_arguments(verb, (unsigned)argc, err);
        if (ret < 0) {
                if (!err->hint[0])
                        error_set_hint(err, "%s %s --help shows what it takes", PROGRAM_NAME, verb->name);
                return ret;
        }
        for (size_t i = 0; i < decryption_keys.count; i++) {
                ret = key_ring_add(decryption_keys.items[i], err);
                if (ret < 0)
                        return ret;
        }
        location_use_registries(&registry_access);
        ret = node_begin(verb->reaches_nodes, verb->name, err);
        if (ret < 0)
                return ret;
        if (verb->is_long)
                signals_catch();
        ret = verb->run(&cli, argc, argv, err);
        node_end();
        return ret;
}

static int run(int argc, char **argv, struct error *err)
{
        const struct verb *verb;
        int ret;

        if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
                help_print_program(argc < 2 ? stderr : stdout);
                return argc < 2 ? EXIT_USAGE : 0;
        }
        if (strcmp(argv[1], "--version") == 0) {
                printf("%s %s\n", PROGRAM_NAME, SNAP_VERSION);
                return 0;
        }
        verb = verb_find(argv[1]);
        if (verb)
                return run_verb(verb, argc - 2, argv + 2, err);
        ret = plugin_run(argv[1], argv + 1, err);
        return ret == -ENOENT ? unknown_verb(argv[1], err) : ret;
}

/* A full disk must not turn into a truncated result with exit status 0. */
static int flush_output(struct error *err)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return 0;
        return error_errno(err, errno ? errno : EIO, "cannot write to standard output");
}

/* What is said about an archive may quote it. Line ends are kept where a field has lines. */
static void make_safe(char *field, size_t size, bool has_lines)
{
        _cleanup_buffer_ struct buffer safe = {0};
        char *rest = field;

        while (*rest) {
                size_t length = has_lines ? strcspn(rest, "\n") : strlen(rest);

                text_append_safe(&safe, (struct slice){(const uint8_t *)rest, length});
                rest += length;
                if (*rest == '\n') {
                        memory_check(buffer_append_text(&safe, "\n"));
                        rest++;
                }
        }
        snprintf(field, size, "%s", buffer_text(&safe));
}

static void print_error(struct error *err)
{
        make_safe(err->text, sizeof(err->text), false);
        make_safe(err->hint, sizeof(err->hint), false);
        make_safe(err->log, sizeof(err->log), true);
        error_print(err, stderr);
}

int main(int argc, char **argv)
{
        struct error err = {0};
        int ret;

        /* What is written holds the memory of somebody's processes: nobody else reads it. For the same reason
         * no core of ours is left on disk, and no process of the same user may trace us. */
        umask(077);
        /* What is large goes back to the system when it is freed, whatever came before: or else one archive
         * after another (`list`) would leave holes that add up. */
        (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
#ifndef __SANITIZE_ADDRESS__ /* the leak checker is such a tracer */
        (void)prctl(PR_SET_DUMPABLE, 0);
#endif
        ret = run(argc, argv, &err);
        if (ret >= 0) {
                int flushed = flush_output(&err);

                ret = flushed < 0 ? flushed : ret;
        }
        if (ret >= 0)
                return ret;
        if (cli.json)
                answer_print_error(&err);
        else
                print_error(&err);
        return error_exit_status(&err);
}
