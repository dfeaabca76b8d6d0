/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include "cli/answer.h"
#include "cli/answer_stream.h"
#include "cli/image_source.h"
#include "program/memory.h"
#include "cli/table.h"
#include "program/units.h"
#include "cli/verb.h"
#include "criu/image.h"

static bool pretty;

static const struct option_spec options[] = {
        {"pretty", 0, OPTION_FLAG, &pretty, NULL,
         "indent, and show addresses, flags and device numbers as people read them", NULL},
};

struct printer {
        struct answer_stream stream;
        const char *name; /* of the image in the answer; NULL: it is the answer */
};

static void print_event(void *context, const struct criu_event *event)
{
        struct printer *printer = context;
        struct answer_stream *stream = &printer->stream;

        switch (event->type) {
        case CRIU_EVENT_OBJECT:
                answer_stream_open(stream, event->name ? event->name : steal_ptr(printer->name), '{');
                break;
        case CRIU_EVENT_OBJECT_END:
                answer_stream_close(stream, '}');
                break;
        case CRIU_EVENT_ARRAY:
                answer_stream_open(stream, event->name, '[');
                break;
        case CRIU_EVENT_ARRAY_END:
                answer_stream_close(stream, ']');
                break;
        case CRIU_EVENT_TEXT:
                answer_stream_text(stream, event->name);
                break;
        case CRIU_EVENT_TEXT_PART:
                answer_stream_text_part(stream, event->text);
                break;
        case CRIU_EVENT_TEXT_END:
                answer_stream_text_end(stream);
                break;
        case CRIU_EVENT_UNSIGNED:
                answer_stream_unsigned(stream, event->name, event->value);
                break;
        case CRIU_EVENT_SIGNED:
                answer_stream_signed(stream, event->name, (int64_t)event->value);
                break;
        case CRIU_EVENT_BOOL:
                answer_stream_bool(stream, event->name, event->value);
                break;
        }
}

/* A damaged file gives one error and nothing else, so all are looked at before anything is printed. */
static int decode_all(const struct image_source *source, int count, char **names, struct error *err)
{
        struct printer printer = {.stream.pretty = pretty};
        int ret = 0;

        for (int i = 0; i < count && ret == 0; i++) {
                struct criu_decoding check = {0};

                ret = image_source_decode(source, names[i], &check, err);
        }
        if (ret == 0 && count > 1)
                answer_stream_open(&printer.stream, NULL, '{');
        for (int i = 0; i < count && ret == 0; i++) {
                struct criu_decoding print = {.pretty = pretty, .event = print_event, .sink = &printer};

                printer.name = count > 1 ? names[i] : NULL;
                ret = image_source_decode(source, names[i], &print, err);
        }
        if (ret == 0 && count > 1)
                answer_stream_close(&printer.stream, '}');
        return ret;
}

/* Names of image files, borrowed from the archive. */
struct names {
        const char **items;
        size_t count;
};

static int add_name(void *context, const char *name, uint64_t size)
{
        struct names *names = context;

        if (!text_ends_with(name, ".img") && !criu_image_kind_by_file(name))
                return 0;
        names->items = memory_grow(names->items, names->count + 1, sizeof(*names->items));
        names->items[names->count++] = name;
        return 0;
}

static int compare_names(const void *a, const void *b)
{
        return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

/* One that is damaged must not hide the others. Memory pages and the like have no records to look for. */
static int look_at(const struct image_source *source, const char *name, struct criu_decoding *out,
                   struct error *damage, struct error *err)
{
        int ret = 0;

        *out = (struct criu_decoding){0};
        *damage = (struct error){0};
        if (criu_image_kind_by_file(name))
                ret = image_source_decode(source, name, out, damage);
        else
                out->size = archive_find_image(source->archive, name)->size;
        if (ret < 0 && ret != -EBADMSG) {
                *err = *damage;
                return ret;
        }
        return 0;
}

static void add_object(yyjson_mut_doc *doc, const char *name, const struct criu_decoding *file,
                       const struct error *damage)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, yyjson_mut_doc_get_root(doc));

        answer_add_text(doc, object, "name", name);
        answer_add_text_if(doc, object, "kind", file->kind);
        yyjson_mut_obj_add_uint(doc, object, "size", file->size);
        if (damage->kind)
                answer_add_text(doc, object, "damage", damage->text);
        else if (file->kind)
                yyjson_mut_obj_add_uint(doc, object, "records", file->records);
}

static void add_row(struct table *table, const char *name, const struct criu_decoding *file,
                    const struct error *damage)
{
        char size[UNIT_TEXT_SIZE], records[UNIT_TEXT_SIZE];

        snprintf(records, sizeof(records), "%llu", (unsigned long long)file->records);
        table_cell(table, name);
        table_cell(table, file->kind ? file->kind : "-");
        table_cell(table, size_format(file->size, size));
        table_cell(table, damage->kind ? "damaged" : file->kind ? records : "-");
}

static int list(const struct image_source *source, bool json, struct error *err)
{
        static const char *const headings[] = {"IMAGE", "KIND", "SIZE", "RECORDS"};
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        _cleanup_table_ struct table *table = table_new();
        struct criu_source images = archive_criu_source(source->archive);
        struct names names = {0};
        int ret = images.list(images.context, add_name, &names, err);

        yyjson_mut_doc_set_root(doc, yyjson_mut_arr(doc));
        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                table_column(table, headings[i]);
        if (names.count > 0)
                qsort(names.items, names.count, sizeof(*names.items), compare_names);
        for (size_t i = 0; i < names.count && ret == 0; i++) {
                struct criu_decoding file;
                struct error damage;

                ret = look_at(source, names.items[i], &file, &damage, err);
                if (json)
                        add_object(doc, names.items[i], &file, &damage);
                else
                        add_row(table, names.items[i], &file, &damage);
        }
        free(names.items);
        if (ret < 0)
                return ret;
        if (json)
                return answer_print(doc, err);
        table_print(table, stdout);
        return 0;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_image_source_ struct image_source source = {0};
        int ret = image_source_open(argv[0], &source, err);

        if (ret < 0)
                return ret;
        if (source.archive)
                return argc > 1 ? decode_all(&source, argc - 1, argv + 1, err)
                                : list(&source, cli->json, err);
        if (argc > 1)
                return error_set(err, &ERROR_USAGE, -EINVAL, "`%s` is an image file itself, it holds no `%s`",
                                 argv[0], argv[1]);
        return decode_all(&source, 1, &(char *){basename(argv[0])}, err);
}

const struct verb verb_images = {
        .name = "images",
        .usage = "FILE [IMAGE...]",
        .summary = "list CRIU's image files, or show them as JSON",
        .description = "Without IMAGE, lists the image files that CRIU wrote, each with its kind, size "
                       "and number of records. With IMAGE, prints the records of that file as JSON in "
                       "the form of `crit decode`; of several as an object with one member for each. "
                       "What this version does not know is shown as unknown, with its size.\n\n"
                       "FILE is an archive of CRI-O, containerd, Podman or checkpointctl, plain or "
                       "compressed, or a directory with CRIU images. It may also be one image file by "
                       "itself.",
        .examples = "checkpointctl images c.tar\twhat files there are\n"
                    "checkpointctl images c.tar pstree.img\tthe process tree\n"
                    "checkpointctl images --pretty c.tar files.img\topen files and sockets, readable\n"
                    "checkpointctl images c.tar core-1.img | jq '.entries[0].tc.comm'\tone value",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 1,
        .arguments_max = UINT_MAX,
        .opens_checkpoints = true,
        .reaches_nodes = true,
        .run = run,
};
