/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/preflight.h"

#include <errno.h>
#include <stdarg.h>

static const char *const status_names[] = {
        [CHECK_OK] = "ok",
        [CHECK_WARNING] = "warning",
        [CHECK_FAILED] = "failed",
        [CHECK_UNKNOWN] = "unknown",
};

const char *check_status_name(enum check_status status)
{
        return (size_t)status < ARRAY_SIZE(status_names) ? status_names[status] : "unknown";
}

static void check_release(struct check *check)
{
        free(check->name);
        free(check->reason);
        free(check->remedy);
}

int check_list_add(struct check_list *list, const char *name, enum check_status status, const char *remedy,
                   const char *reason_format, ...)
{
        struct check check = {.name = strdup(name), .status = status, .remedy = strdup(remedy ? remedy : "")};
        struct check *items;
        va_list arguments;
        int length;

        va_start(arguments, reason_format);
        length = vasprintf(&check.reason, reason_format, arguments);
        va_end(arguments);
        if (length < 0)
                check.reason = NULL;
        items = check.name && check.remedy && check.reason
                        ? reallocarray(list->items, list->count + 1, sizeof(*items))
                        : NULL;
        if (!items) {
                check_release(&check);
                return -ENOMEM;
        }
        list->items = items;
        list->items[list->count++] = check;
        return 0;
}

/* What could not be looked at does not stop anybody. */
enum check_status check_list_worst(const struct check_list *list)
{
        static const int weight[] = {
                [CHECK_OK] = 0, [CHECK_UNKNOWN] = 1, [CHECK_WARNING] = 2, [CHECK_FAILED] = 3};
        enum check_status worst = CHECK_OK;

        for (size_t i = 0; i < list->count; i++) {
                if (weight[list->items[i].status] > weight[worst])
                        worst = list->items[i].status;
        }
        return worst;
}

int check_list_error(const struct check_list *list, const char *subject, struct error *err)
{
        _cleanup_buffer_ struct buffer reasons = {0}, remedies = {0};
        int ret = 0;

        for (size_t i = 0; i < list->count && ret == 0; i++) {
                const struct check *check = &list->items[i];

                if (check->status != CHECK_FAILED)
                        continue;
                ret = buffer_printf(&reasons, "%s%s (%s)", reasons.size ? "; " : "", check->reason,
                                    check->name);
                if (ret == 0 && *check->remedy)
                        ret = buffer_printf(&remedies, "%s%s", remedies.size ? "; " : "", check->remedy);
        }
        if (ret < 0)
                return error_oom(err);
        if (!reasons.size)
                return 0;
        ret = error_set(err, &ERROR_PREFLIGHT, -ENOTSUP, "%s: %s", subject, buffer_text(&reasons));
        if (remedies.size)
                error_set_hint(err, "%s", buffer_text(&remedies));
        return ret;
}

void check_list_free(struct check_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                check_release(&list->items[i]);
        free(list->items);
        *list = (struct check_list){0};
}
