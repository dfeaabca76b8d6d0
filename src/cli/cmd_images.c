/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include "archive/stream.h"
#include "base/file.h"
#include "cli/answer.h"
#include "cli/answer_stream.h"
#include "cli/memory.h"
#include "cli/table.h"
#include "cli/units.h"
#include "cli/verb.h"
#include "criu/decode.h"
#include "criu/image.h"
#include "oci/location.h"

static bool pretty;

static const struct option_spec options[] = {
        {"pretty", 0, OPTION_FLAG, &pretty, NULL,
         "indent, and show addresses, flags and device numbers as people read them", NULL},
};

/* Where image files come from: a checkpoint, or a file that is one itself. */
struct source {
        struct archive *archive; /* NULL: the file */
        const char *path;
};

static void source_close(struct source *source)
{
        archive_free(source->archive);
}

/* An image file that is being read. */
struct reading {
        struct stream *stream; /* NULL: `fd` */
        int fd;
};

static ssize_t reading_read(void *context, void *data, size_t size, struct error *err)
{
        struct reading *reading = context;
        ssize_t n;

        if (reading->stream)
                return stream_read(reading->stream, data, size, err);
        n = file_read_full(reading->fd, data, size);
        if (n < 0)
                error_errno(err, (int)-n, "cannot read the image file");
        return n;
}

static void reading_close(struct reading *reading)
{
        stream_free(reading->stream);
        cleanup_close(&reading->fd);
}

static int reading_open_file(const char *path, struct reading *out, uint64_t *size, struct error *err)
{
        struct stat st;

        out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (out->fd < 0 || fstat(out->fd, &st) < 0)
                return error_errno(err, errno, "cannot open `%s`", path);
        *size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        return 0;
}

static int reading_open(const struct source *source, const char *name, struct reading *out, uint64_t *size,
                        struct error *err)
{
        const struct archive_member *member;
        struct criu_source images;
        int ret;

        if (!source->archive)
                return reading_open_file(source->path, out, size, err);
        images = archive_criu_source(source->archive);
        ret = images.size(images.context, name, size, err);
        if (ret < 0) {
                error_set_hint(err, "checkpointctl images %s lists them", source->path);
                return ret;
        }
        member = archive_find_image(source->archive, name);
        return stream_open_member(source->archive, member, false, &out->stream, err);
}

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

/* `decoding` says what is wanted; its file is opened here. */
static int decode(const struct source *source, const char *name, struct criu_decoding *decoding,
                  struct error *err)
{
        _cleanup_(reading_close) struct reading reading = {.fd = -1};
        int ret = reading_open(source, name, &reading, &decoding->size, err);

        if (ret < 0)
                return ret;
        decoding->name = name;
        decoding->read = reading_read;
        decoding->source = &reading;
        ret = criu_decode(decoding, err);
        return ret < 0 ? error_wrap(err, ret, "`%s`", source->path) : 0;
}

/* A damaged file gives one error and nothing else, so all are looked at before anything is printed. */
static int decode_all(const struct source *source, int count, char **names, struct error *err)
{
        struct printer printer = {.stream.pretty = pretty};
        int ret = 0;

        for (int i = 0; i < count && ret == 0; i++) {
                struct criu_decoding check = {0};

                ret = decode(source, names[i], &check, err);
        }
        if (ret == 0 && count > 1)
                answer_stream_open(&printer.stream, NULL, '{');
        for (int i = 0; i < count && ret == 0; i++) {
                struct criu_decoding print = {.pretty = pretty, .event = print_event, .sink = &printer};

                printer.name = count > 1 ? names[i] : NULL;
                ret = decode(source, names[i], &print, err);
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
static int look_at(const struct source *source, const char *name, struct criu_decoding *out,
                   struct error *damage, struct error *err)
{
        int ret = 0;

        *out = (struct criu_decoding){0};
        *damage = (struct error){0};
        if (criu_image_kind_by_file(name))
                ret = decode(source, name, out, damage);
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

static int list(const struct source *source, bool json, struct error *err)
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

/* Known by its magic: no archive begins so. */
static bool is_image_file(const char *path)
{
        _cleanup_(reading_close) struct reading reading = {.fd = -1};
        struct criu_image image;
        uint8_t head[8];
        uint64_t size;

        return reading_open_file(path, &reading, &size, NULL) == 0 && size > 0 &&
               criu_image_open((struct slice){head, (size_t)reading_read(&reading, head, sizeof(head), NULL)},
                               path, NULL, &image, NULL) == 0;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_(source_close) struct source source = {.path = argv[0]};
        char *self = basename(argv[0]);
        int ret;

        if (is_image_file(source.path)) {
                if (argc > 1)
                        return error_set(err, &ERROR_USAGE, -EINVAL,
                                         "`%s` is an image file itself, it holds no `%s`", source.path,
                                         argv[1]);
                return decode_all(&source, 1, &self, err);
        }
        ret = location_open(source.path, &source.archive, err);
        if (ret < 0)
                return ret;
        return argc > 1 ? decode_all(&source, argc - 1, argv + 1, err) : list(&source, cli->json, err);
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
        .run = run,
};
