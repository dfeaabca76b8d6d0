/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/answer.h"
#include "cli/check_table.h"
#include "cli/table.h"

static int print_json(const struct check_list *list, const char *subject, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc), *checks;

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "subject", subject);
        answer_add_text(doc, root, "status", check_status_name(check_list_worst(list)));
        checks = yyjson_mut_obj_add_arr(doc, root, "checks");
        for (size_t i = 0; i < list->count; i++) {
                yyjson_mut_val *check = yyjson_mut_arr_add_obj(doc, checks);

                answer_add_text(doc, check, "name", list->items[i].name);
                answer_add_text(doc, check, "status", check_status_name(list->items[i].status));
                answer_add_text(doc, check, "reason", list->items[i].reason);
                answer_add_text(doc, check, "remedy", list->items[i].remedy);
        }
        return answer_print(doc, err);
}

static enum style status_style(enum check_status status)
{
        static const enum style styles[] = {[CHECK_OK] = STYLE_GOOD,
                                            [CHECK_WARNING] = STYLE_WARNING,
                                            [CHECK_FAILED] = STYLE_BAD,
                                            [CHECK_UNKNOWN] = STYLE_PLAIN};

        return styles[status];
}

static void print_table(const struct check_list *list)
{
        static const char *const headings[] = {"CHECK", "STATUS", "REASON", "REMEDY"};
        _cleanup_table_ struct table *table = table_new();

        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                table_column(table, headings[i]);
        for (size_t i = 0; i < list->count; i++) {
                table_cell(table, list->items[i].name);
                table_cell_styled(table, status_style(list->items[i].status),
                                  check_status_name(list->items[i].status));
                table_cell(table, list->items[i].reason);
                table_cell(table, list->items[i].remedy);
        }
        table_print(table, stdout);
}

int check_table_print(const struct check_list *list, const char *subject, const struct cli *cli,
                      struct error *err)
{
        int ret = 0;

        if (cli->json)
                ret = print_json(list, subject, err);
        else
                print_table(list);
        if (ret < 0)
                return ret;
        return check_list_worst(list) == CHECK_FAILED ? EXIT_PREFLIGHT : 0;
}
