/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks at work. */
#include <errno.h>
#include "base/clock.h"
#include "net/client.h"
#include "node/hooks.h"
#include "node/node.h"
#include "runtime/exec.h"
#include "runtime/pod_network.h"

struct run {
        const struct hook *hook;
        const struct container *container;
        const struct progress *progress;
        uint64_t limit_us; /* when it is over */
        struct buffer said;
        int status; /* exit status, or that of HTTP; -1: none */
};

static const struct container *find_container(const struct hook *hook, struct container *const *containers,
                                              size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (!hook->container || strcmp(containers[i]->pod_container, hook->container) == 0 ||
                    strcmp(containers[i]->name, hook->container) == 0)
                        return containers[i];
        return NULL;
}

/* --- a command --- */

static int run_command(struct run *run, struct error *err)
{
        _cleanup_process_result_ struct process_result result = {0};
        int r = container_exec(run->container, run->hook->command, run->hook->timeout_s, HOOK_OUTPUT_MOST,
                               &result, err);

        if (r < 0)
                return r;
        if (buffer_append(&run->said, result.output.data, result.output.size) < 0 ||
            buffer_append(&run->said, result.errors.data, result.errors.size) < 0)
                return error_oom(err);
        if (result.timed_out)
                return error_set(err, &ERROR_HOOK, -ETIMEDOUT, "`%s` did not end within %u seconds",
                                 run->hook->command[0], run->hook->timeout_s);
        run->status = result.exit_status;
        return run->status == 0 ? 0
                                : error_set(err, &ERROR_HOOK, -EIO, "`%s` ended with exit status %d",
                                            run->hook->command[0], run->status);
}

/* --- over HTTP --- */

/* The first address of an interface that leads out of the pod, without its prefix length. */
static int append_address(pid_t pid, struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *network = NULL, *interface, *address;
        size_t i, j, interfaces, addresses;
        int r = doc ? pod_network_read(pid, doc, &network, err) : error_oom(err);

        if (r < 0)
                return r;
        yyjson_mut_arr_foreach(yyjson_mut_obj_get(network, "interfaces"), i, interfaces, interface)
        {
                if (strcmp(yyjson_mut_get_str(yyjson_mut_obj_get(interface, "name")), "lo") == 0)
                        continue;
                yyjson_mut_arr_foreach(yyjson_mut_obj_get(interface, "addresses"), j, addresses, address)
                {
                        const char *text = yyjson_mut_get_str(address);
                        bool six = strchr(text, ':') != NULL;

                        if (text_starts_with(text, "fe80:"))
                                continue;
                        r = buffer_printf(out, "%s%.*s%s", six ? "[" : "", (int)strcspn(text, "/"), text,
                                          six ? "]" : "");
                        return r < 0 ? error_oom(err) : 0;
                }
        }
        return error_set(err, &ERROR_HOOK, -EADDRNOTAVAIL, "the pod has no address");
}

static int append_url(const struct run *run, struct buffer *out, struct error *err)
{
        int r;

        if (run->hook->url)
                return buffer_append_text(out, run->hook->url) < 0 ? error_oom(err) : 0;
        if (buffer_append_text(out, "http://") < 0)
                return error_oom(err);
        r = append_address(run->container->pid, out, err);
        if (r == 0 && buffer_printf(out, ":%u%s", run->hook->port, run->hook->path) < 0)
                r = error_oom(err);
        return r;
}

/* What it answers is kept as far as there is room. */
static int take_answer(void *context, const struct http_response *response, struct slice bytes,
                       struct error *err)
{
        struct run *run = context;
        size_t room = HOOK_OUTPUT_MOST - run->said.size;

        return buffer_append(&run->said, bytes.data, bytes.size < room ? bytes.size : room) < 0
                       ? error_oom(err)
                       : 0;
}

static bool is_over(void *context)
{
        struct run *run = context;

        return clock_monotonic_us() >= run->limit_us || progress_cancelled(run->progress);
}

static int run_http(struct run *run, struct error *err)
{
        static const char *const headers[] = {"Content-Type: application/json", NULL};
        struct http_client_options options = {0};
        _cleanup_http_client_ struct http_client *client = NULL;
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_buffer_ struct buffer url = {0};
        struct http_request request = {.method = run->hook->method,
                                       .has_body = strcmp(run->hook->method, "GET") != 0,
                                       .body = SLICE_TEXT(run->hook->body),
                                       .headers = *run->hook->body ? headers : NULL,
                                       .sink = take_answer,
                                       .is_over = is_over,
                                       .context = run,
                                       .stall_seconds = run->hook->timeout_s};
        int r = append_url(run, &url, err);

        if (r == 0)
                r = http_client_new(&options, &client, err);
        if (r < 0)
                return r;
        request.url = buffer_text(&url);
        r = http_client_send(client, &request, &response, err);
        if (r == -ECANCELED && !progress_cancelled(run->progress))
                return error_set(err, &ERROR_HOOK, -ETIMEDOUT, "no answer within %u seconds",
                                 run->hook->timeout_s);
        if (r < 0)
                return r;
        run->status = (int)response.status;
        if (response.status >= 200 && response.status < 300)
                return 0;
        if (buffer_append(&run->said, response.body.data,
                          response.body.size < HOOK_OUTPUT_MOST ? response.body.size : HOOK_OUTPUT_MOST) < 0)
                return error_oom(err);
        return error_set(err, &ERROR_HOOK, -EIO, "the answer was %u", response.status);
}

/* --- what is kept of it --- */

/* Text that JSON can hold: ASCII, anything else as "?". */
static void make_plain(struct buffer *text)
{
        for (size_t i = 0; i < text->size; i++)
                if (text->data[i] >= 0x7f || (text->data[i] < ' ' && !strchr("\n\t", text->data[i])) ||
                    !text->data[i])
                        text->data[i] = '?';
}

/* The program or, of a URL, all but its query: "command sync", "POST http://host:1/path". */
static int append_title(const struct hook *hook, struct buffer *out)
{
        if (hook->command[0])
                return buffer_printf(out, "command %s", hook->command[0]);
        if (hook->url)
                return buffer_printf(out, "%s %.*s", hook->method, (int)strcspn(hook->url, "?#"), hook->url);
        return buffer_printf(out, "%s :%u%.*s", hook->method, hook->port, (int)strcspn(hook->path, "?#"),
                             hook->path);
}

static bool add_report(struct hook_reports *reports, const char *when, const char *title,
                       const struct run *run, uint64_t took_us, int r, const struct error *why)
{
        yyjson_mut_val *object;

        if (!reports->doc) {
                reports->doc = yyjson_mut_doc_new(NULL);
                reports->list = reports->doc ? yyjson_mut_arr(reports->doc) : NULL;
        }
        object = reports->list ? yyjson_mut_arr_add_obj(reports->doc, reports->list) : NULL;
        return object && yyjson_mut_obj_add_str(reports->doc, object, "when", when) &&
               yyjson_mut_obj_add_strcpy(reports->doc, object, "hook", title) &&
               (!run->container || yyjson_mut_obj_add_strcpy(reports->doc, object, "container",
                                                             run->container->pod_container)) &&
               yyjson_mut_obj_add_bool(reports->doc, object, "ok", r == 0) &&
               (run->status < 0 || yyjson_mut_obj_add_int(reports->doc, object, "status", run->status)) &&
               yyjson_mut_obj_add_uint(reports->doc, object, "tookUs", took_us) &&
               yyjson_mut_obj_add_strcpy(reports->doc, object, "output", buffer_text(&run->said)) &&
               (r == 0 || yyjson_mut_obj_add_strcpy(reports->doc, object, "error", why->text));
}

static int run_hook(const struct hook *hook, const char *when, struct container *const *containers,
                    size_t count, const struct progress *progress, struct hook_reports *reports,
                    struct error *err)
{
        uint64_t begin = clock_monotonic_us();
        struct run run = {.hook = hook,
                          .container = find_container(hook, containers, count),
                          .progress = progress,
                          .limit_us = begin + hook->timeout_s * 1000000ull,
                          .status = -1};
        _cleanup_buffer_ struct buffer title = {0};
        struct error why = {0};
        int r;

        if (append_title(hook, &title) < 0)
                return error_oom(err);
        make_plain(&title);
        if (!run.container)
                r = error_set(&why, &ERROR_HOOK, -ENOENT, "container `%s` is not among those of the request",
                              hook->container ? hook->container : "");
        else
                r = hook->command[0] ? run_command(&run, &why) : run_http(&run, &why);
        make_plain(&run.said);
        if (!add_report(reports, when, buffer_text(&title), &run, clock_monotonic_us() - begin, r, &why))
                r = error_oom(&why);
        if (r < 0) {
                error_set(err, &ERROR_HOOK, r, "the hook %s (%s) failed: %s", when, buffer_text(&title),
                          why.text);
                error_set_log(err, buffer_text(&run.said));
        }
        buffer_free(&run.said);
        return r;
}

int hooks_run(const struct hook_list *hooks, const char *when, struct container *const *containers,
              size_t count, bool always, const struct progress *progress, struct hook_reports *reports,
              struct error *err)
{
        int failed = 0;

        for (size_t i = 0; i < hooks->count; i++) {
                const struct hook *hook = &hooks->items[i];
                struct error why = {0};
                int r = run_hook(hook, when, containers, count, progress, reports, &why);

                if (r == 0 || hook->may_fail || failed < 0)
                        continue;
                failed = r;
                if (err)
                        *err = why;
                if (!always)
                        break;
        }
        return failed;
}

int freeze_hooks_before(struct freeze_hooks *hooks, struct container *const *containers, size_t count,
                        const struct progress *progress, struct error *err)
{
        hooks->owed = hooks->after.count > 0;
        return hooks_run(&hooks->before, "preFreeze", containers, count, false, progress, &hooks->reports,
                         err);
}

int freeze_hooks_after(struct freeze_hooks *hooks, struct container *const *containers, size_t count,
                       struct error *err)
{
        if (!hooks->owed)
                return 0;
        hooks->owed = false;
        return hooks_run(&hooks->after, "postFreeze", containers, count, true, NULL, &hooks->reports, err);
}
