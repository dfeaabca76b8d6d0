/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include "cli/answer.h"
#include "cli/plugin.h"
#include "cli/style.h"
#include "cli/text.h"
#include "cli/verb.h"

static int print_json(const struct plugin_list *list, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *array = yyjson_mut_arr(doc);

        yyjson_mut_doc_set_root(doc, array);
        for (size_t i = 0; i < list->count; i++) {
                yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, array);

                answer_add_text(doc, object, "name", list->items[i].name);
                answer_add_text(doc, object, "path", list->items[i].path);
                answer_add_text(doc, object, "description", list->items[i].description);
                if (list->items[i].refusal)
                        answer_add_text(doc, object, "refused", list->items[i].refusal);
        }
        return answer_print(doc, err);
}

static void print_plugin(const struct plugin *plugin)
{
        printf("  %-20s ", plugin->name);
        if (plugin->refusal)
                printf("%snot run:%s ", style_begin(STYLE_BAD, stdout), style_end(STYLE_BAD, stdout));
        text_print_safe(plugin->refusal          ? plugin->refusal
                        : plugin->description[0] ? plugin->description
                                                 : "(no description)",
                        stdout);
        printf("\n  %-20s ", "");
        text_print_safe(plugin->path, stdout);
        putchar('\n');
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_plugin_list_ struct plugin_list list = {0};

        if (strcmp(argv[0], "list") != 0)
                return error_set(err, &ERROR_USAGE, -EINVAL, "plugin has no command `%s`, only `list`",
                                 argv[0]);
        plugin_list_load(&list);
        if (cli->json)
                return print_json(&list, err);
        puts(list.count ? "Available plugins:" : "No plugins found in PATH");
        for (size_t i = 0; i < list.count; i++)
                print_plugin(&list.items[i]);
        return 0;
}

static const char *const words[] = {"list", NULL};

const struct verb verb_plugin = {
        .name = "plugin",
        .usage = "list",
        .summary = "list the plug-ins that add verbs",
        .description =
                "An executable checkpointctl-NAME in PATH is the verb NAME, unless there is one already: it "
                "is started with the same arguments and takes the place of this program. The first in PATH "
                "wins. When a plug-in is called with --plugin-description and exits with status 42 "
                "within half a second, its first line of output is its description.\n\n"
                "Names consist of a to z, 0 to 9 and '-'. Relative directories in PATH are passed over. A "
                "plug-in is not run when it or its directory can be written to by everybody, or belongs to "
                "somebody who is neither root nor you.",
        .examples = "checkpointctl plugin list\twhat there is, and what is not run and why",
        .argument = ARGUMENT_WORDS,
        .words = words,
        .arguments_min = 1,
        .arguments_max = 1,
        .run = run,
};
