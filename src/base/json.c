/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>

#define JSON_DEPTH_LIMIT 64

/* Bytes of all documents. Two threads that look at it at once may go beyond the limit by what each asks for.
 */
static _Atomic size_t memory_used;

static bool memory_is_left(size_t size)
{
        size_t used = atomic_load(&memory_used);

        return used <= JSON_MEMORY_LIMIT && size <= JSON_MEMORY_LIMIT - used;
}

static void *bounded_realloc(void *context, void *old, size_t old_size, size_t size)
{
        size_t before = malloc_usable_size(old);
        void *memory = size <= before || memory_is_left(size - before) ? realloc(old, size) : NULL;

        if (memory)
                atomic_fetch_add(&memory_used, malloc_usable_size(memory) - before);
        return memory;
}

static void *bounded_malloc(void *context, size_t size)
{
        return bounded_realloc(context, NULL, 0, size);
}

static void bounded_free(void *context, void *memory)
{
        atomic_fetch_sub(&memory_used, malloc_usable_size(memory));
        free(memory);
}

/* yyjson parses without recursion, but those who walk the result may recurse: bound the nesting. Its values
 * lie one after another, each before what it holds. */
static bool depth_is_sane(yyjson_doc *doc)
{
        yyjson_val *value = yyjson_doc_get_root(doc), *end = value + yyjson_doc_get_val_count(doc);
        const yyjson_val *ends[JSON_DEPTH_LIMIT];
        unsigned depth = 0;

        for (; value < end; value++) {
                while (depth && value >= ends[depth - 1])
                        depth--;
                if (!yyjson_is_ctn(value))
                        continue;
                if (depth == JSON_DEPTH_LIMIT)
                        return false;
                ends[depth++] = unsafe_yyjson_get_next(value);
        }
        return true;
}

int json_parse(struct slice text, const char *what, yyjson_doc **out, struct error *err)
{
        static const yyjson_alc allocator = {bounded_malloc, bounded_realloc, bounded_free, NULL};
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_read_err reason;

        if (text.size > JSON_LIMIT)
                return error_set(err, &ERROR_BAD_JSON, -EFBIG,
                                 "`%s` has %zu bytes of JSON, more than the %llu allowed", what, text.size,
                                 (unsigned long long)JSON_LIMIT);
        doc = yyjson_read_opts((char *)(uintptr_t)text.data, text.size, 0, &allocator, &reason);
        if (!doc && reason.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
                return error_set(err, &ERROR_BAD_JSON, -EFBIG,
                                 "`%s` needs more than the %llu MiB of memory that JSON may take", what,
                                 (unsigned long long)(JSON_MEMORY_LIMIT / MIB));
        if (!doc)
                return error_set(err, &ERROR_BAD_JSON, -EBADMSG, "`%s` is not valid JSON: %s at byte %zu",
                                 what, reason.msg, reason.pos);
        if (!depth_is_sane(doc))
                return error_set(err, &ERROR_BAD_JSON, -EBADMSG, "`%s` is nested deeper than %d levels", what,
                                 JSON_DEPTH_LIMIT);
        *out = steal_ptr(doc);
        return 0;
}

const char *json_text(yyjson_val *object, const char *key)
{
        yyjson_val *value = yyjson_obj_get(object, key);
        const char *text = yyjson_get_str(value);

        return text && strlen(text) == yyjson_get_len(value) ? text : NULL;
}

const char *json_text_or(yyjson_val *object, const char *key, const char *fallback)
{
        const char *text = json_text(object, key);

        return text ? text : fallback;
}

uint64_t json_uint_or(yyjson_val *object, const char *key, uint64_t fallback)
{
        yyjson_val *value = yyjson_obj_get(object, key);

        if (yyjson_is_uint(value) || (yyjson_is_sint(value) && yyjson_get_sint(value) >= 0))
                return yyjson_get_uint(value);
        return fallback;
}

bool json_bool_or(yyjson_val *object, const char *key, bool fallback)
{
        yyjson_val *value = yyjson_obj_get(object, key);

        return yyjson_is_bool(value) ? yyjson_get_bool(value) : fallback;
}

int json_write(yyjson_mut_doc *doc, bool pretty, struct buffer *out, struct error *err)
{
        yyjson_write_flag flags = YYJSON_WRITE_ALLOW_INVALID_UNICODE;
        yyjson_write_err reason;
        _cleanup_free_ char *text = NULL;
        size_t size;

        if (pretty)
                flags |= YYJSON_WRITE_PRETTY_TWO_SPACES;
        text = yyjson_mut_write_opts(doc, flags, NULL, &size, &reason);
        if (!text)
                return error_set(err, &ERROR_INTERNAL, -EINVAL, "cannot write JSON: %s", reason.msg);
        if (buffer_append(out, text, size) < 0 || (pretty && buffer_append(out, "\n", 1) < 0))
                return error_oom(err);
        return 0;
}
