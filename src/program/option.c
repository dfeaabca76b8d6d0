/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "program/option.h"
#include "program/suggest.h"
#include "program/units.h"

struct cursor {
        const struct option_table *tables;
        size_t table_count;
        int argc;
        char **argv;
        int next; /* argument that is read next */
};

static const struct option_spec *find_long(const struct cursor *cursor, const char *name, size_t length)
{
        for (size_t t = 0; t < cursor->table_count; t++) {
                for (size_t i = 0; i < cursor->tables[t].count; i++) {
                        const struct option_spec *spec = &cursor->tables[t].specs[i];

                        if (strlen(spec->name) == length && memcmp(spec->name, name, length) == 0)
                                return spec;
                }
        }
        return NULL;
}

static const struct option_spec *find_letter(const struct cursor *cursor, char letter)
{
        for (size_t t = 0; t < cursor->table_count; t++)
                for (size_t i = 0; i < cursor->tables[t].count; i++)
                        if (cursor->tables[t].specs[i].letter == letter)
                                return &cursor->tables[t].specs[i];
        return NULL;
}

static int unknown_long(const struct cursor *cursor, const char *name, size_t length, struct error *err)
{
        struct suggestion nearest = {.word = name, .length = length};
        int ret = error_set(err, &ERROR_USAGE, -EINVAL, "unknown option `--%.*s`", (int)length, name);

        for (size_t t = 0; t < cursor->table_count; t++)
                for (size_t i = 0; i < cursor->tables[t].count; i++)
                        suggestion_offer(&nearest, cursor->tables[t].specs[i].name);
        if (nearest.best)
                error_set_hint(err, "did you mean `--%s`?", nearest.best);
        return ret;
}

static int set_flag(const struct option_spec *spec, const char *text, struct error *err)
{
        bool *value = spec->value;

        if (text && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
                return error_set(err, &ERROR_USAGE, -EINVAL, "option `--%s` takes no value, not `%s`",
                                 spec->name, text);
        *value = !text || strcmp(text, "true") == 0;
        return 0;
}

static int set_choice(const struct option_spec *spec, const char *text, struct error *err)
{
        _cleanup_buffer_ struct buffer usage = {0};

        for (int i = 0; spec->choices[i]; i++) {
                if (strcmp(spec->choices[i], text) == 0) {
                        *(int *)spec->value = i;
                        return 0;
                }
        }
        if (option_append_usage(spec, &usage) < 0)
                return error_oom(err);
        return error_set(err, &ERROR_USAGE, -EINVAL, "`%s` is none of the values of %s", text,
                         buffer_text(&usage));
}

static int add_to_list(const struct option_spec *spec, const char *text, struct error *err)
{
        struct option_list *list = spec->value;

        if (list->count == OPTION_LIST_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "option `--%s` is given more than %d times",
                                 spec->name, OPTION_LIST_MAX);
        list->items[list->count++] = text;
        return 0;
}

static int set_value(const struct option_spec *spec, const char *text, struct error *err)
{
        switch (spec->type) {
        case OPTION_FLAG:
                return set_flag(spec, text, err);
        case OPTION_TEXT:
                *(const char **)spec->value = text;
                return 0;
        case OPTION_NUMBER:
                if (!number_parse(text, spec->value))
                        return error_set(err, &ERROR_USAGE, -EINVAL, "option `--%s` wants a number, not `%s`",
                                         spec->name, text);
                return 0;
        case OPTION_SIZE:
                if (!size_parse(text, spec->value))
                        return error_set(err, &ERROR_USAGE, -EINVAL,
                                         "option `--%s` wants a size such as 512K, 64M or 2G, not `%s`",
                                         spec->name, text);
                return 0;
        case OPTION_CHOICE:
                return set_choice(spec, text, err);
        case OPTION_LIST:
                return add_to_list(spec, text, err);
        }
        return error_set(err, &ERROR_INTERNAL, -EINVAL, "option `--%s` has no type", spec->name);
}

/* The value of an option that needs one: attached, or the next argument. */
static int take_value(struct cursor *cursor, const struct option_spec *spec, const char *attached,
                      struct error *err)
{
        if (attached)
                return set_value(spec, attached, err);
        if (cursor->next >= cursor->argc)
                return error_set(err, &ERROR_USAGE, -EINVAL, "option `--%s` needs a value", spec->name);
        return set_value(spec, cursor->argv[cursor->next++], err);
}

static int parse_long(struct cursor *cursor, const char *text, bool *help, struct error *err)
{
        const char *equals = strchr(text, '=');
        size_t length = equals ? (size_t)(equals - text) : strlen(text);
        const struct option_spec *spec = find_long(cursor, text, length);

        if (!spec && strcmp(text, "help") == 0) {
                *help = true;
                return 0;
        }
        if (!spec)
                return unknown_long(cursor, text, length, err);
        if (spec->type == OPTION_FLAG)
                return set_flag(spec, equals ? equals + 1 : NULL, err);
        return take_value(cursor, spec, equals ? equals + 1 : NULL, err);
}

/* "-q", "-p1", "-p 1", "-qp1". */
static int parse_letters(struct cursor *cursor, const char *text, bool *help, struct error *err)
{
        for (; *text; text++) {
                const struct option_spec *spec = find_letter(cursor, *text);
                int ret;

                if (!spec && *text == 'h') {
                        *help = true;
                        return 0;
                }
                if (!spec)
                        return error_set(err, &ERROR_USAGE, -EINVAL, "unknown option `-%c`", *text);
                if (spec->type != OPTION_FLAG)
                        return take_value(cursor, spec, text[1] ? text + 1 : NULL, err);
                ret = set_flag(spec, NULL, err);
                if (ret < 0)
                        return ret;
        }
        return 0;
}

int option_parse(const struct option_table *tables, size_t table_count, int *argc, char **argv, bool *help,
                 struct error *err)
{
        struct cursor cursor = {.tables = tables, .table_count = table_count, .argc = *argc, .argv = argv};
        int kept = 0;

        *help = false;
        while (cursor.next < cursor.argc && !*help) {
                char *text = argv[cursor.next++];
                int ret = 0;

                if (strcmp(text, "--") == 0)
                        break;
                if (text_starts_with(text, "--"))
                        ret = parse_long(&cursor, text + 2, help, err);
                else if (text[0] == '-' && text[1])
                        ret = parse_letters(&cursor, text + 1, help, err);
                else
                        argv[kept++] = text;
                if (ret < 0)
                        return ret;
        }
        while (cursor.next < cursor.argc)
                argv[kept++] = argv[cursor.next++];
        *argc = kept;
        return 0;
}

int option_append_usage(const struct option_spec *spec, struct buffer *out)
{
        int ret = 0;

        if (spec->letter)
                ret = buffer_printf(out, "-%c, ", spec->letter);
        if (ret == 0)
                ret = buffer_printf(out, "--%s", spec->name);
        if (ret == 0 && spec->metavar)
                ret = buffer_printf(out, " %s", spec->metavar);
        for (size_t i = 0; ret == 0 && spec->choices && spec->choices[i]; i++)
                ret = buffer_printf(out, "%s%s", i ? "|" : " ", spec->choices[i]);
        return ret;
}
