/* SPDX-License-Identifier: Apache-2.0 */
/* What a request says about hooks. */
#include "node/hooks.h"

#include <errno.h>
#include "net/url.h"

#define TIMEOUT_DEFAULT 30
#define TIMEOUT_MOST    3600

static int bad(struct error *err, const char *member, const char *what)
{
        return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "the hooks `%s` of the request: %s", member, what);
}

/* False when it is there and no text. */
static bool take_text(yyjson_val *object, const char *member, const char *fallback, const char **out)
{
        *out = json_text_or(object, member, fallback);
        return !yyjson_obj_get(object, member) || json_text(object, member);
}

static int parse_command(yyjson_val *command, const char *member, struct hook *hook, struct error *err)
{
        yyjson_val *argument;
        size_t index, count = yyjson_arr_size(command);

        if (count == 0 || count > HOOK_ARGUMENTS_MOST)
                return bad(err, member, "`command` must be a list of 1 to 64 texts");
        yyjson_arr_foreach (command, index, count, argument) {
                const char *text = yyjson_get_str(argument);

                if (!text || strlen(text) != yyjson_get_len(argument) || (index == 0 && !*text))
                        return bad(err, member, "`command` must be a list of 1 to 64 texts");
                hook->command[index] = text;
        }
        return 0;
}

static bool is_method(const char *method)
{
        static const char *const methods[] = {"GET", "POST", "PUT"};

        for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
                if (strcmp(method, methods[i]) == 0)
                        return true;
        return false;
}

static bool is_path(const char *path)
{
        for (const char *c = path; *c; c++)
                if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
                        return false;
        return path[0] == '/';
}

static int parse_http(yyjson_val *http, const char *member, struct hook *hook, struct error *err)
{
        _cleanup_url_ struct url url = {0};
        uint64_t port = json_uint_or(http, "port", 0);

        if (!take_text(http, "url", NULL, &hook->url) || !take_text(http, "path", "/", &hook->path) ||
            !take_text(http, "method", "POST", &hook->method) || !take_text(http, "body", "", &hook->body))
                return bad(err, member, "`url`, `path`, `method` and `body` must be text");
        if (!is_method(hook->method))
                return bad(err, member, "`method` must be GET, POST or PUT");
        if (hook->url)
                return url_parse(hook->url, &url, NULL) < 0 ? bad(err, member, "`url` is no URL") : 0;
        if (port == 0 || port > UINT16_MAX || !is_path(hook->path))
                return bad(err, member, "`http` must have a `url`, or a `port` and a `path`");
        hook->port = (unsigned)port;
        return 0;
}

static int parse_hook(yyjson_val *object, const char *member, struct hook *hook, struct error *err)
{
        yyjson_val *command = yyjson_obj_get(object, "command"), *http = yyjson_obj_get(object, "http");
        yyjson_val *timeout = yyjson_obj_get(object, "timeout");
        const char *on_error;

        *hook = (struct hook){.timeout_s = TIMEOUT_DEFAULT};
        if (!yyjson_is_obj(object) || !command == !http || (http && !yyjson_is_obj(http)))
                return bad(err, member, "each must have either `command` or `http`");
        if (!take_text(object, "container", NULL, &hook->container) ||
            !take_text(object, "onError", "Fail", &on_error) ||
            (strcmp(on_error, "Fail") != 0 && strcmp(on_error, "Continue") != 0))
                return bad(err, member, "`container` must be text, `onError` Fail or Continue");
        if (timeout && (!yyjson_is_uint(timeout) || yyjson_get_uint(timeout) == 0 ||
                        yyjson_get_uint(timeout) > TIMEOUT_MOST))
                return bad(err, member, "`timeout` must be between 1 and 3600 seconds");
        if (timeout)
                hook->timeout_s = (unsigned)yyjson_get_uint(timeout);
        hook->may_fail = strcmp(on_error, "Continue") == 0;
        return command ? parse_command(command, member, hook, err) : parse_http(http, member, hook, err);
}

int hooks_parse(yyjson_val *request, const char *member, struct hook_list *out, struct error *err)
{
        yyjson_val *hooks = yyjson_obj_get(request, "hooks"), *list = yyjson_obj_get(hooks, member), *object;
        size_t index, count;
        int r = 0;

        out->count = 0;
        if ((hooks && !yyjson_is_obj(hooks)) || (list && !yyjson_is_arr(list)) ||
            yyjson_arr_size(list) > HOOKS_MOST)
                return bad(err, member, "there must be a list of at most 16");
        yyjson_arr_foreach (list, index, count, object)
                if (r == 0)
                        r = parse_hook(object, member, &out->items[out->count++], err);
        return r;
}

int freeze_hooks_parse(yyjson_val *request, struct freeze_hooks *out, struct error *err)
{
        int r = hooks_parse(request, "preFreeze", &out->before, err);

        return r < 0 ? r : hooks_parse(request, "postFreeze", &out->after, err);
}

void freeze_hooks_free(struct freeze_hooks *hooks)
{
        hook_reports_free(&hooks->reports);
}

void hook_reports_free(struct hook_reports *reports)
{
        yyjson_mut_doc_free(reports->doc);
        *reports = (struct hook_reports){0};
}

bool hook_reports_add(const struct hook_reports *reports, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        yyjson_mut_val *copy;

        if (!reports->list)
                return true;
        copy = yyjson_mut_val_mut_copy(doc, reports->list);
        return copy && yyjson_mut_obj_add_val(doc, object, "hooks", copy);
}
