/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include "cli/answer.h"
#include "cli/inspect.h"
#include "cli/memory.h"
#include "cli/table.h"
#include "cli/units.h"
#include "cli/verb.h"

#define SHORT_ID 12

static void add_row(struct table *table, const struct metadata *metadata, bool with_rootfs)
{
        char text[UNIT_TEXT_SIZE], time[TIME_TEXT_SIZE], id[SHORT_ID + 1];

        snprintf(id, sizeof(id), "%s", metadata->container_id);
        table_cell(table, metadata->container_name);
        table_cell(table, metadata->image_name);
        table_cell(table, id);
        table_cell(table, metadata->runtime);
        table_cell(table, inspection_created(metadata, time));
        table_cell(table, engine_name(metadata->engine));
        table_cell(table, size_format(metadata->checkpoint_size, text));
        if (with_rootfs)
                table_cell(table, size_format(metadata->rootfs_diff_size, text));
}

static struct table *new_table(bool with_rootfs)
{
        static const char *const headings[] = {"CONTAINER", "IMAGE",  "ID",        "RUNTIME",
                                               "CREATED",   "ENGINE", "CHKPT SIZE"};
        struct table *table = table_new();

        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                table_column(table, headings[i]);
        if (with_rootfs)
                table_column(table, "ROOT FS DIFF SIZE");
        return table;
}

/* As in checkpointctl, a single archive is named above the table and has no column for what it has not. */
static int print_table(struct inspection **list, int count)
{
        bool with_rootfs = count > 1 || list[0]->metadata->rootfs_diff_size;
        _cleanup_table_ struct table *table = new_table(with_rootfs);

        for (int i = 0; i < count; i++)
                add_row(table, list[i]->metadata, with_rootfs);
        if (count == 1)
                printf("\nDisplaying container checkpoint data from %s\n\n", list[0]->path);
        table_print(table, stdout);
        return 0;
}

static int print_json(struct inspection **list, int count, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *array = yyjson_mut_arr(doc);

        yyjson_mut_doc_set_root(doc, array);
        for (int i = 0; i < count; i++) {
                yyjson_mut_val *object = inspection_to_json(list[i], doc);

                answer_add_text(doc, object, "path", list[i]->path);
                yyjson_mut_arr_append(array, object);
        }
        return answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        struct inspection **list = memory_grow(NULL, (size_t)argc, sizeof(*list));
        int count = 0, ret = 0;

        while (count < argc && ret == 0) {
                ret = inspection_load(argv[count], 0, 0, &list[count], err);
                if (ret == 0)
                        count++;
        }
        if (ret == 0)
                ret = cli->json ? print_json(list, count, err) : print_table(list, count);
        while (count > 0)
                inspection_free(list[--count]);
        free(list);
        return ret;
}

const struct verb verb_show = {
        .name = "show",
        .usage = "FILE...",
        .summary = "show an overview of checkpoints",
        .description = "Shows container, image, engine and sizes of one or several checkpoints "
                       "as a table.\n\n" VERB_FILE_PLACES
                       " With --json, prints an array with one object for each FILE.",
        .examples = "checkpointctl show checkpoint-*.tar\tan overview of all checkpoints here\n"
                    "checkpointctl show oci:images:web\tof an image, without unpacking it",
        .argument = ARGUMENT_FILE,
        .arguments_min = 1,
        .arguments_max = UINT_MAX,
        .run = run,
};
