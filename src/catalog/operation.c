/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/operation.h"

#include <errno.h>
#include "catalog/types.h"

#define FIELD(type, column, member, name) {column, member, type, offsetof(struct operation, name)}

/* A phase is a number in the table, and a name in JSON; result and error are objects there. */
static const struct field fields[] = {
        FIELD(FIELD_TEXT, "id", "id", id),
        FIELD(FIELD_TEXT, "kind", "kind", kind),
        FIELD(FIELD_TEXT, "subject", "subject", subject),
        FIELD(FIELD_TEXT, "namespace", "namespace", namespace),
        FIELD(FIELD_TEXT, "requester", "requester", requester),
        FIELD(FIELD_INT, "phase", NULL, phase),
        FIELD(FIELD_INT, "priority", "priority", priority),
        FIELD(FIELD_NUMBER, NULL, "done", done),
        FIELD(FIELD_NUMBER, NULL, "total", total),
        FIELD(FIELD_TEXT, "request", NULL, request),
        FIELD(FIELD_TEXT, "journal", NULL, journal),
        FIELD(FIELD_TEXT, "result", NULL, result),
        FIELD(FIELD_TEXT, "error_code", NULL, error_code),
        FIELD(FIELD_TEXT, "error_text", NULL, error_text),
        FIELD(FIELD_TEXT, "error_hint", NULL, error_hint),
        FIELD(FIELD_TEXT, "error_log", NULL, error_log),
        FIELD(FIELD_TIME, "created_ns", "createdAt", created_ns),
        FIELD(FIELD_TIME, "started_ns", "startedAt", started_ns),
        FIELD(FIELD_TIME, "phase_ns", "phaseAt", phase_ns),
        FIELD(FIELD_TIME, "ended_ns", "endedAt", ended_ns),
};

const struct record_type operation_type = {"operations", fields, ARRAY_SIZE(fields),
                                           sizeof(struct operation)};

static const char *const phase_names[PHASE_MAX_] = {
        [PHASE_QUEUED] = "queued",     [PHASE_PREFLIGHT] = "preflight", [PHASE_DUMP] = "dump",
        [PHASE_TRANSFER] = "transfer", [PHASE_RESTORE] = "restore",     [PHASE_VERIFY] = "verify",
        [PHASE_COMMIT] = "commit",     [PHASE_HOOKS] = "hooks",         [PHASE_DONE] = "done",
        [PHASE_FAILED] = "failed",     [PHASE_CANCELLED] = "cancelled",
};

const char *operation_phase_name(enum operation_phase phase)
{
        return phase < PHASE_MAX_ ? phase_names[phase] : "";
}

enum operation_phase operation_phase_from_name(const char *name)
{
        enum operation_phase phase = 0;

        while (phase < PHASE_MAX_ && strcmp(phase_names[phase], name) != 0)
                phase++;
        return phase;
}

bool operation_phase_is_last(enum operation_phase phase)
{
        return phase >= PHASE_DONE;
}

int operation_new(struct operation **out, struct error *err)
{
        return record_new(&operation_type, (void **)out, err);
}

int operation_copy(const struct operation *operation, struct operation **out, struct error *err)
{
        return record_copy(&operation_type, operation, (void **)out, err);
}

void operation_free(struct operation *operation)
{
        record_free(&operation_type, operation);
}

static bool add_result(const struct operation *operation, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        _cleanup_json_ yyjson_doc *result = NULL;

        if (!*operation->result)
                return true;
        return json_parse(SLICE_TEXT(operation->result), "result", &result, NULL) == 0 &&
               yyjson_mut_obj_add_val(doc, object, "result",
                                      yyjson_val_mut_copy(doc, yyjson_doc_get_root(result)));
}

static bool add_error(const struct operation *operation, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        yyjson_mut_val *error;

        if (!*operation->error_code)
                return true;
        error = yyjson_mut_obj_add_obj(doc, object, "error");
        return error && yyjson_mut_obj_add_strcpy(doc, error, "code", operation->error_code) &&
               yyjson_mut_obj_add_strcpy(doc, error, "text", operation->error_text) &&
               yyjson_mut_obj_add_strcpy(doc, error, "hint", operation->error_hint) &&
               yyjson_mut_obj_add_strcpy(doc, error, "log", operation->error_log);
}

yyjson_mut_val *operation_json(const struct operation *operation, yyjson_mut_doc *doc)
{
        yyjson_mut_val *object = record_json(&operation_type, operation, doc);

        if (!object ||
            !yyjson_mut_obj_add_str(doc, object, "phase", operation_phase_name(operation->phase)) ||
            !add_result(operation, doc, object) || !add_error(operation, doc, object))
                return NULL;
        return object;
}

static int take_error(yyjson_val *error, struct operation *operation, struct error *err)
{
        if (text_set(&operation->error_code, json_text(error, "code")) < 0 ||
            text_set(&operation->error_text, json_text(error, "text")) < 0 ||
            text_set(&operation->error_hint, json_text(error, "hint")) < 0 ||
            text_set(&operation->error_log, json_text(error, "log")) < 0)
                return error_oom(err);
        return 0;
}

static int take_result(yyjson_val *result, struct operation *operation, struct error *err)
{
        _cleanup_free_ char *text = yyjson_val_write(result, 0, NULL);

        return !text || text_set(&operation->result, text) < 0 ? error_oom(err) : 0;
}

int operation_from_json(yyjson_val *object, struct operation **out, struct error *err)
{
        _cleanup_operation_ struct operation *operation = NULL;
        yyjson_val *result = yyjson_obj_get(object, "result"), *error = yyjson_obj_get(object, "error");
        int r = operation_new(&operation, err);

        if (r == 0)
                r = record_from_json(&operation_type, object, operation, err);
        if (r < 0)
                return r;
        operation->phase = operation_phase_from_name(json_text_or(object, "phase", ""));
        if (operation->phase == PHASE_MAX_)
                return error_set(err, &ERROR_BAD_JSON, -EBADMSG, "an operation has a phase that is unknown");
        if (result)
                r = take_result(result, operation, err);
        if (r == 0 && error)
                r = take_error(error, operation, err);
        if (r == 0)
                *out = steal_ptr(operation);
        return r;
}

void operation_list_free(struct operation_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                operation_free(list->items[i]);
        free(list->items);
        *list = (struct operation_list){0};
}
