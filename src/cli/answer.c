/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/answer.h"
#include "program/memory.h"
#include "cli/text.h"

static void *json_malloc(void *context, size_t size)
{
        return memory_grow(NULL, 1, size);
}

static void *json_realloc(void *context, void *pointer, size_t old_size, size_t size)
{
        return memory_grow(pointer, 1, size);
}

static void json_free(void *context, void *pointer)
{
        free(pointer);
}

yyjson_mut_doc *answer_new(void)
{
        static const yyjson_alc allocator = {json_malloc, json_realloc, json_free, NULL};

        return yyjson_mut_doc_new(&allocator);
}

yyjson_mut_val *answer_text(yyjson_mut_doc *doc, const char *text)
{
        _cleanup_buffer_ struct buffer clean = {0};

        text_append_utf8(&clean, SLICE_TEXT(text));
        return yyjson_mut_strncpy(doc, buffer_text(&clean), clean.size);
}

void answer_add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text)
{
        yyjson_mut_obj_add(object, answer_text(doc, key), answer_text(doc, text));
}

void answer_add_text_if(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text)
{
        if (text && text[0])
                answer_add_text(doc, object, key, text);
}

void answer_add_uint_if(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, uint64_t value)
{
        if (value)
                yyjson_mut_obj_add_uint(doc, object, key, value);
}

int answer_print(yyjson_mut_doc *doc, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int ret = json_write(doc, true, &text, err);

        if (ret < 0)
                return ret;
        fwrite(text.data, 1, text.size, stdout);
        return 0;
}

static void add_log(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *log)
{
        yyjson_mut_val *lines = yyjson_mut_obj_add_arr(doc, object, "log");

        while (*log) {
                size_t length = strcspn(log, "\n");
                _cleanup_free_ char *line = strndup(log, length);

                memory_check(line ? 0 : -1);
                yyjson_mut_arr_append(lines, answer_text(doc, line));
                log += length + (log[length] == '\n');
        }
}

int answer_each(bool json, bool quiet, char **paths, int count, answer_look look, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = json ? answer_new() : NULL;
        int status = 0, ret;

        if (doc)
                yyjson_mut_doc_set_root(doc, yyjson_mut_arr(doc));
        for (int i = 0; i < count; i++) {
                ret = look(paths[i], quiet || json, doc, err);
                if (ret < 0)
                        return ret;
                status = status ? status : ret;
        }
        ret = doc ? answer_print(doc, err) : 0;
        return ret < 0 ? ret : status;
}

void answer_print_error(const struct error *error)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc), *object;

        yyjson_mut_doc_set_root(doc, root);
        object = yyjson_mut_obj_add_obj(doc, root, "error");
        answer_add_text(doc, object, "code", error_code(error));
        answer_add_text(doc, object, "text", error->text);
        answer_add_text(doc, object, "hint", error_hint(error));
        add_log(doc, object, error->log);
        (void)answer_print(doc, NULL);
}
