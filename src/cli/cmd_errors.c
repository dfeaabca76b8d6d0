/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/answer.h"
#include "cli/error_kinds.h"
#include "cli/table.h"
#include "cli/verb.h"

static bool markdown;

static const struct option_spec options[] = {
        {.name = "markdown", .type = OPTION_FLAG, .value = &markdown, .help = "print a reference document"},
};

typedef void (*kind_printer)(void *context, const struct error_kind *kind);

static void each_kind(kind_printer print, void *context)
{
        for (size_t i = 0; error_layers[i]; i++)
                for (size_t j = 0; error_layers[i][j]; j++)
                        print(context, error_layers[i][j]);
}

static void add_row(void *context, const struct error_kind *kind)
{
        char status[16];

        snprintf(status, sizeof(status), "%d", kind->exit_status);
        table_cell(context, kind->code);
        table_cell(context, status);
        table_cell(context, kind->title);
}

static void print_section(void *context, const struct error_kind *kind)
{
        FILE *out = context;

        fprintf(out, "\n### %s %s\n\nExit status %d, HTTP status %d.\n", kind->code, kind->title,
                kind->exit_status, kind->http_status);
        if (kind->hint)
                fprintf(out, "\n%s\n", kind->hint);
}

static void add_object(void *context, const struct error_kind *kind)
{
        yyjson_mut_doc *doc = context;
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, yyjson_mut_doc_get_root(doc));

        answer_add_text(doc, object, "code", kind->code);
        answer_add_text(doc, object, "title", kind->title);
        answer_add_text_if(doc, object, "hint", kind->hint);
        yyjson_mut_obj_add_int(doc, object, "exitStatus", kind->exit_status);
        yyjson_mut_obj_add_int(doc, object, "httpStatus", kind->http_status);
}

static int print_json(struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();

        yyjson_mut_doc_set_root(doc, yyjson_mut_arr(doc));
        each_kind(add_object, doc);
        return answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_table_ struct table *table = NULL;

        if (cli->json)
                return print_json(err);
        if (markdown) {
                printf("# Errors\n");
                each_kind(print_section, stdout);
                return 0;
        }
        table = table_new();
        table_column(table, "CODE");
        table_column(table, "EXIT");
        table_column(table, "TITLE");
        each_kind(add_row, table);
        table_print(table, stdout);
        return 0;
}

const struct verb verb_errors = {
        .name = "errors",
        .usage = "",
        .summary = "list all error codes",
        .description = "Lists every error this program can report with its stable code, its "
                       "exit status and what to do about it. Codes are never given to another "
                       "error.",
        .options = OPTION_TABLE(options),
        .run = run,
};
