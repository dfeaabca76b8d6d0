/* SPDX-License-Identifier: Apache-2.0 */
/* Pods of Podman: what it says of one, and a pod made anew from that. */
#include "runtime/podman.h"

#include <errno.h>
#include <stdarg.h>
#include "base/json.h"

#define ARGUMENTS_MOST 256

int podman_describe_pod(const struct container *container, struct buffer *out, struct error *err)
{
        const struct podman_record *record = podman_record(container);
        const char *pod = record ? record->pod : "";
        const char *argv[] = {"podman", "pod", "inspect", "--", pod, NULL};

        return *pod ? podman_words(argv, out, err) : 0;
}

/* A command line that is put together; the texts are owned, but the first ones. */
struct command {
        const char *argv[ARGUMENTS_MOST];
        char *owned[ARGUMENTS_MOST];
        size_t count;
        bool failed;
};

static void command_free(struct command *command)
{
        for (size_t i = 0; i < command->count; i++)
                free(command->owned[i]);
}

static void __attribute__((format(printf, 2, 3))) add(struct command *command, const char *format, ...)
{
        va_list arguments;
        char *text = NULL;

        va_start(arguments, format);
        if (command->count + 1 == ARGUMENTS_MOST || vasprintf(&text, format, arguments) < 0)
                command->failed = true;
        else
                command->argv[command->count] = command->owned[command->count] = text, command->count++;
        va_end(arguments);
}

/* "0.0.0.0:8080:80/tcp" of {"80/tcp": [{"HostIp", "HostPort"}]}. */
static void add_ports(struct command *command, yyjson_val *infra)
{
        yyjson_val *key, *list, *binding;
        size_t i, j, count, bindings;

        yyjson_obj_foreach (yyjson_obj_get(infra, "PortBindings"), i, count, key, list) {
                yyjson_arr_foreach (list, j, bindings, binding) {
                        const char *ip = json_text_or(binding, "HostIp", "");
                        bool six = strchr(ip, ':') != NULL;

                        add(command, "--publish=%s%s%s%s%s:%s", six ? "[" : "", ip, six ? "]" : "",
                            *ip ? ":" : "", json_text_or(binding, "HostPort", ""), yyjson_get_str(key));
                }
        }
}

static void add_labels(struct command *command, yyjson_val *pod)
{
        yyjson_val *key, *value;
        size_t i, count;

        yyjson_obj_foreach (yyjson_obj_get(pod, "Labels"), i, count, key, value)
                if (yyjson_is_str(value))
                        add(command, "--label=%s=%s", yyjson_get_str(key), yyjson_get_str(value));
}

static void add_list(struct command *command, const char *option, yyjson_val *texts)
{
        _cleanup_buffer_ struct buffer all = {0};
        yyjson_val *text;
        size_t i, count;

        yyjson_arr_foreach (texts, i, count, text)
                if (yyjson_is_str(text) &&
                    buffer_printf(&all, "%s%s", all.size ? "," : "", yyjson_get_str(text)) < 0)
                        command->failed = true;
        if (all.size)
                add(command, "%s=%s", option, buffer_text(&all));
}

static void add_network(struct command *command, yyjson_val *infra, const struct restore_options *options)
{
        const char *ip = json_text_or(infra, "StaticIP", ""), *mac = json_text_or(infra, "StaticMAC", "");

        if (json_bool_or(infra, "HostNetwork", false))
                add(command, "--network=host");
        else
                add_list(command, "--network", yyjson_obj_get(infra, "Networks"));
        if (*ip && !options->ignore_static_ip)
                add(command, "--ip=%s", ip);
        if (*mac && !options->ignore_static_ip)
                add(command, "--mac-address=%s", mac);
        add_list(command, "--dns", yyjson_obj_get(infra, "DNSServer"));
        add_list(command, "--dns-search", yyjson_obj_get(infra, "DNSSearch"));
        add_ports(command, infra);
}

/* The namespaces of the host are the person's to give. */
static int check_rights(yyjson_val *infra, const struct restore_options *options, struct error *err)
{
        const char *host = json_bool_or(infra, "HostNetwork", false)                ? "network"
                           : strcmp(json_text_or(infra, "pid_ns", ""), "host") == 0 ? "processes"
                                                                                    : NULL;

        if (!host || options->force)
                return 0;
        (void)error_set(err, &ERROR_PREFLIGHT, -EPERM, "the pod shares the %s of its host", host);
        error_set_hint(err, "If that is wanted here, too, say --force.");
        return -EPERM;
}

static void first_line(const char *text, char **out)
{
        *out = strndup(text, strcspn(text, "\n"));
}

/* The process of its own container, which is started. */
static int start(const char *id, pid_t *sandbox, struct error *err)
{
        const char *infra_argv[] = {"podman", "pod", "inspect", "--format", "{{.InfraContainerID}}",
                                    "--",     id,    NULL};
        _cleanup_buffer_ struct buffer infra = {0}, pid = {0};
        _cleanup_free_ char *container = NULL;
        int ret = podman_words(infra_argv, &infra, err);

        if (ret < 0)
                return ret;
        first_line(buffer_text(&infra), &container);
        if (!container)
                return error_oom(err);
        const char *start_argv[] = {"podman", "start", "--", container, NULL};
        const char *pid_argv[] = {"podman", "inspect", "--format", "{{.State.Pid}}", "--", container, NULL};
        ret = podman_words(start_argv, &infra, err);
        if (ret == 0)
                ret = podman_words(pid_argv, &pid, err);
        if (ret < 0)
                return ret;
        *sandbox = (pid_t)strtol(buffer_text(&pid), NULL, 10);
        return *sandbox > 0 ? 0
                            : error_set(err, &ERROR_RUNTIME_FAILED, -EIO, "the pod %.12s does not run", id);
}

int podman_make_pod(yyjson_val *description, const struct restore_options *options, char **id, pid_t *sandbox,
                    struct error *err)
{
        /* Podman gives a list of one. */
        yyjson_val *pod = yyjson_is_arr(description) ? yyjson_arr_get_first(description) : description;
        yyjson_val *infra = yyjson_obj_get(pod, "InfraConfig");
        _cleanup_(command_free) struct command command = {.argv = {"podman", "pod", "create"}, .count = 3};
        _cleanup_buffer_ struct buffer words = {0};
        const char *hostname = json_text_or(pod, "Hostname", "");
        const char *name = options->name ? options->name : json_text_or(pod, "Name", "");
        int ret = check_rights(infra, options, err);

        if (ret < 0)
                return ret;
        if (!infra)
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "the pod shares no namespaces: restore each archive by itself");
        add(&command, "--name=%s", name);
        if (*hostname)
                add(&command, "--hostname=%s", hostname);
        add_list(&command, "--share", yyjson_obj_get(pod, "SharedNamespaces"));
        add_labels(&command, pod);
        add_network(&command, infra, options);
        if (command.failed)
                return error_oom(err);
        ret = podman_words(command.argv, &words, err);
        if (ret < 0)
                return ret;
        first_line(buffer_text(&words), id);
        ret = *id ? start(*id, sandbox, err) : error_oom(err);
        if (ret < 0 && *id) {
                (void)podman_remove_pod(*id, NULL);
                free(*id);
                *id = NULL;
        }
        return ret;
}

int podman_remove_pod(const char *id, struct error *err)
{
        const char *argv[] = {"podman", "pod", "rm", "--force", "--time", "0", "--", id, NULL};
        _cleanup_buffer_ struct buffer words = {0};

        return podman_words(argv, &words, err);
}
