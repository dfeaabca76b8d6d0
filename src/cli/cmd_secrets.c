/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <limits.h>
#include "archive/memory_secrets.h"
#include "cli/answer.h"
#include "program/memory.h"
#include "cli/progress_bar.h"
#include "cli/table.h"
#include "cli/text.h"
#include "program/units.h"
#include "cli/verb.h"
#include "oci/location.h"

/* Exit status when there are any. */
#define FOUND 1

static bool reveal;

static const struct option_spec options[] = {
        {"reveal", 0, OPTION_FLAG, &reveal, NULL, "show the secrets themselves"},
};

static const char *mapping_name(const struct memory_secret *secret)
{
        return secret->mapping ? criu_mapping_name(secret->mapping) : "";
}

static void number_cell(struct table *table, uint64_t number)
{
        char text[32];

        snprintf(text, sizeof(text), "%" PRIu64, number);
        table_cell(table, text);
}

/* The name of a variable, as a shell writes it, or an address. */
static void place_cell(struct table *table, const struct memory_secret *secret)
{
        _cleanup_buffer_ struct buffer place = {0};

        memory_check(secret->variable ? buffer_printf(&place, "$%s", secret->variable)
                                      : buffer_printf(&place, "%016" PRIx64, secret->address));
        table_cell(table, buffer_text(&place));
}

/* The bytes as text that ends where they do; what is no text in it is made visible. */
static char *value_text(const struct memory_secret *secret)
{
        struct buffer text = {0};

        text_append_utf8(&text, secret->value);
        return text.data ? (char *)text.data : memory_copy("");
}

static void wipe(char *text)
{
        explicit_bzero(text, strlen(text));
        free(text);
}

static void add_row(struct table *table, const struct memory_secret *secret)
{
        char *text;

        number_cell(table, (uint64_t)secret->process->pid);
        table_cell(table, secret->process->command);
        table_cell(table, secret->kind);
        place_cell(table, secret);
        table_cell(table, secret->variable ? "environment" : mapping_name(secret));
        number_cell(table, secret->count);
        if (!reveal)
                return;
        text = value_text(secret);
        table_cell(table, text);
        wipe(text);
}

static void print_table(const struct memory_secrets *secrets)
{
        static const char *const headings[] = {"PID",     "PROCESS", "KIND",  "PLACE",
                                               "MAPPING", "TIMES",   "SECRET"};
        _cleanup_table_ struct table *table = table_new();

        for (size_t i = 0; i < ARRAY_SIZE(headings) - !reveal; i++)
                table_column(table, headings[i]);
        for (size_t i = 0; i < secrets->count; i++)
                add_row(table, &secrets->items[i]);
        table_print(table, stdout);
}

static void print_text(const char *path, const struct memory_secrets *secrets)
{
        char size[UNIT_TEXT_SIZE];

        if (secrets->count) {
                fputs("\nSecrets in the memory of ", stdout);
                text_print_safe(path, stdout);
                fputs("\n\n", stdout);
                print_table(secrets);
        } else {
                fputs("No secrets found in ", stdout);
                text_print_safe(path, stdout);
                putchar('\n');
        }
        if (secrets->omitted)
                printf("… and %" PRIu64 " more places, of secrets that are not listed\n", secrets->omitted);
        if (secrets->absent)
                fprintf(stderr, "Note: %s of memory are in an earlier dump, not in this one\n",
                        size_format(secrets->absent, size));
}

static void add_secret(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct memory_secret *secret)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);
        char address[17];

        snprintf(address, sizeof(address), "%016" PRIx64, secret->address);
        yyjson_mut_obj_add_int(doc, object, "pid", secret->process->pid);
        answer_add_text(doc, object, "process", secret->process->command);
        answer_add_text(doc, object, "kind", secret->kind);
        answer_add_text_if(doc, object, "variable", secret->variable);
        answer_add_text(doc, object, "address", address);
        answer_add_text(doc, object, "mapping", mapping_name(secret));
        yyjson_mut_obj_add_uint(doc, object, "count", secret->count);
        if (reveal) {
                char *text = value_text(secret);

                answer_add_text(doc, object, "secret", text);
                wipe(text);
        }
}

static void add_object(const char *path, const struct memory_secrets *secrets, yyjson_mut_doc *doc)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, yyjson_mut_doc_get_root(doc)), *list;

        answer_add_text(doc, object, "path", path);
        list = yyjson_mut_obj_add_arr(doc, object, "secrets");
        for (size_t i = 0; i < secrets->count; i++)
                add_secret(doc, list, &secrets->items[i]);
        yyjson_mut_obj_add_uint(doc, object, "omitted", secrets->omitted);
        answer_add_uint_if(doc, object, "absent", secrets->absent);
}

/* The exit status, or a negative errno. */
static int look_into(const char *path, bool quiet, yyjson_mut_doc *doc, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, quiet));
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_criu_dump_ struct criu_dump *dump = NULL;
        _cleanup_memory_secrets_ struct memory_secrets secrets = {0};
        int ret = location_open_unread(path, progress_bar_progress(bar), &archive, err);

        if (ret == 0)
                ret = memory_secrets_find(archive, &dump, reveal, progress_bar_progress(bar), &secrets, err);
        progress_bar_finish(bar);
        if (ret < 0)
                return ret;
        if (doc)
                add_object(path, &secrets, doc);
        else
                print_text(path, &secrets);
        return secrets.count ? FOUND : 0;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        return answer_each(cli->json, cli->quiet, argv, argc, look_into, err);
}

const struct verb verb_secrets = {
        .name = "secrets",
        .usage = "FILE...",
        .summary = "find keys, tokens and passwords in the memory of a checkpoint",
        .description =
                "Looks through the environments and the memory of all processes for what has the form of a "
                "private key, a token of a well-known service, a JSON web token, a password in an "
                "address or in an environment variable that is named like one. Each secret is listed "
                "once, with the first place and how often it was seen; what it is stays hidden unless "
                "--reveal is given.\n\n"
                "The exit status is 0 when there are none and 1 when there are some. That none were found "
                "is no proof that there are none: a password can look like anything.\n\n"
                "With --json, prints an array with one object for each FILE.",
        .examples = "checkpointctl secrets c.tar\twhere there are secrets, and of which kind\n"
                    "checkpointctl secrets --quiet c.tar || exit 1\tin a pipeline that publishes checkpoints",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 1,
        .arguments_max = UINT_MAX,
        .is_long = true,
        .opens_checkpoints = true,
        .reaches_nodes = true,
        .run = run,
};
