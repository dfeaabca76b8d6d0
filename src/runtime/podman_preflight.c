/* SPDX-License-Identifier: Apache-2.0 */
/* What Podman needs on this host to import a checkpoint. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "base/file.h"
#include "base/json.h"
#include "runtime/leftover.h"
#include "runtime/podman.h"
#include "runtime/preflight.h"
#include "runtime/survey.h"

struct podman_preflight {
        const struct archive *archive;
        const struct metadata *metadata;
        const struct restore_options *options;
        yyjson_val *config; /* libpod's ContainerConfig of the archive */
        bool renamed;
        struct check_list *out;
        struct error *err;
};

static int added(const struct podman_preflight *preflight, int ret)
{
        return ret < 0 ? error_oom(preflight->err) : 0;
}

static int check_engine(const struct podman_preflight *preflight)
{
        if (preflight->metadata->engine == ENGINE_PODMAN)
                return 0;
        return added(
                preflight,
                check_list_add(
                        preflight->out, "engine", CHECK_FAILED,
                        "Restore it with its own engine, or as a bare bundle: --runtime crun --bundle DIR.",
                        "the archive was written for %s; Podman restores only its own",
                        engine_name(preflight->metadata->engine)));
}

static int check_pod(const struct podman_preflight *preflight)
{
        const char *pod = json_text_or(preflight->config, "pod", "");

        if (!*pod || preflight->options->pod)
                return 0;
        return added(preflight,
                     check_list_add(preflight->out, "pod", CHECK_FAILED,
                                    "Restore the checkpoint of the whole pod (create --pod). Into a pod of "
                                    "your own: podman "
                                    "container restore --pod POD --import FILE.",
                                    "the container was in a pod (%.12s), without which it cannot be restored",
                                    pod));
}

static bool has_tag(yyjson_val *image, const char *name)
{
        yyjson_val *tag;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(image, "RepoTags"), index, count, tag) {
                if (yyjson_is_str(tag) && strcmp(yyjson_get_str(tag), name) == 0)
                        return true;
        }
        return false;
}

/* Podman unpacks everything into its storage before it starts: "GRAPHROOT/overlay/LAYER/diff". ("podman info"
 * would say the directory as well, but takes a second for it.) */
static int check_space(const struct podman_preflight *preflight, yyjson_val *image)
{
        yyjson_val *data = yyjson_obj_get(yyjson_obj_get(image, "GraphDriver"), "Data");
        _cleanup_free_ char *root = strdup(json_text_or(data, "UpperDir", "/var/lib/containers/storage"));
        char *overlay = root ? strstr(root, "/overlay/") : NULL;
        uint64_t need = preflight->metadata->rootfs_diff_size, free_space = 0;
        int ret;

        if (!root)
                return error_oom(preflight->err);
        if (overlay)
                *overlay = '\0';
        for (size_t i = 0; i < archive_count(preflight->archive); i++)
                need += archive_at(preflight->archive, i)->size;
        ret = file_free_space(root, &free_space, preflight->err);
        if (ret < 0)
                return ret;
        return added(preflight,
                     check_list_add(preflight->out, "space", free_space >= need ? CHECK_OK : CHECK_FAILED,
                                    free_space >= need ? "" : "Free space there.",
                                    "%llu MiB are to be unpacked into %s, %llu MiB are free",
                                    (unsigned long long)(need / MIB), root,
                                    (unsigned long long)(free_space / MIB)));
}

static int image_found(const struct podman_preflight *preflight, yyjson_val *image)
{
        const char *id = preflight->metadata->image_id, *name = preflight->metadata->image_name;
        int ret =
                has_tag(image, name)
                        ? check_list_add(preflight->out, "base-image", CHECK_OK, "",
                                         "the base image %s is here", name)
                        : check_list_add(preflight->out, "base-image",
                                         text_starts_with(name, "localhost/") ? CHECK_FAILED : CHECK_WARNING,
                                         "Give it that name (podman tag), or Podman will try to pull it.",
                                         "the base image %.12s is here, but not as %s", id, name);

        return ret < 0 ? error_oom(preflight->err) : check_space(preflight, image);
}

static int check_image(const struct podman_preflight *preflight)
{
        const char *id = preflight->metadata->image_id, *name = preflight->metadata->image_name;
        const char *argv[] = {"podman", "image", "inspect", "--", id, NULL};
        _cleanup_process_result_ struct process_result result = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        int ret = podman_run(argv, &result, preflight->err);

        if (ret < 0)
                return ret;
        if (*id && result.exit_status == 0) {
                ret = json_parse(buffer_slice(&result.output), "the output of podman image inspect", &doc,
                                 preflight->err);
                return ret < 0 ? ret : image_found(preflight, yyjson_arr_get_first(yyjson_doc_get_root(doc)));
        }
        return added(preflight,
                     check_list_add(preflight->out, "base-image", CHECK_FAILED,
                                    "Pull it, or copy it: podman save on the old host, podman load here.",
                                    "the base image %s with the id %.12s is not here", name, id));
}

static int check_name(const struct podman_preflight *preflight)
{
        const char *names[] = {preflight->options->name ? preflight->options->name
                                                        : preflight->metadata->container_name,
                               preflight->renamed ? "" : preflight->metadata->container_id},
                   *runtime;
        _cleanup_buffer_ struct buffer words = {0};
        int ret = podman_container_words(&words, preflight->err);

        if (ret < 0)
                return ret;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                if (*names[i] && podman_named(&words, names[i]))
                        return added(preflight,
                                     check_list_add(preflight->out, "name", CHECK_FAILED,
                                                    "Choose another (--name), or remove the old one.",
                                                    "Podman has a container %s already", names[i]));
        }
        if (preflight->renamed && preflight->options->tcp == TCP_KEEP)
                return added(preflight,
                             check_list_add(preflight->out, "name", CHECK_FAILED,
                                            "Keep the name, or close the connections (--tcp close).",
                                            "a container with a new name gets another address, so its "
                                            "connections cannot be kept"));
        runtime = leftover_find_orphan(names[1]);
        if (runtime)
                return added(preflight,
                             check_list_add(preflight->out, "name", CHECK_WARNING,
                                            "Nothing is to be done: the restore ends it first.",
                                            "%s still has the container %.12s, which Podman has removed: a "
                                            "restore of it was killed",
                                            runtime, names[1]));
        return added(preflight,
                     check_list_add(preflight->out, "name", CHECK_OK, "", "the name %s is free", names[0]));
}

static int check_volumes(const struct podman_preflight *preflight)
{
        _cleanup_finding_ struct finding taken = {0}, absent = {0};
        yyjson_val *volumes = yyjson_obj_get(preflight->config, "namedVolumes"), *volume;
        _cleanup_buffer_ struct buffer words = {0};
        size_t index, count;
        int ret = 0;

        if (preflight->options->ignore_volumes || !yyjson_arr_size(volumes))
                return 0;
        ret = podman_volume_words(&words, preflight->err);
        if (ret < 0)
                return ret;
        yyjson_arr_foreach (volumes, index, count, volume) {
                const char *name = json_text_or(volume, "volumeName", "");
                char member[512];

                snprintf(member, sizeof(member), "volumes/%s.tar", name);
                if (podman_named(&words, name))
                        ret = finding_add(&taken, "%s", name);
                else if (*name && !archive_find(preflight->archive, member))
                        ret = finding_add(&absent, "%s", name);
                if (ret < 0)
                        return error_oom(preflight->err);
        }
        if (taken.count)
                return added(preflight,
                             check_list_add(preflight->out, "volumes", CHECK_FAILED,
                                            "Use them as they are (--ignore-volumes), or remove them.",
                                            "volumes of these names are here already: %s",
                                            buffer_text(&taken.text)));
        if (absent.count)
                return added(preflight,
                             check_list_add(preflight->out, "volumes", CHECK_FAILED,
                                            "Restore with empty ones: --ignore-volumes.",
                                            "the archive does not have the contents of volumes: %s",
                                            buffer_text(&absent.text)));
        return added(preflight,
                     check_list_add(preflight->out, "volumes", CHECK_OK, "", "volumes can be made"));
}

static int check_networks(const struct podman_preflight *preflight)
{
        static const char *const argv[] = {"podman", "network", "ls", "--format", "{{.Name}} {{.ID}}", NULL};
        _cleanup_finding_ struct finding missing = {0};
        _cleanup_buffer_ struct buffer words = {0};
        yyjson_val *networks = yyjson_obj_get(preflight->config, "newNetworks"), *key, *value;
        size_t index, count;
        int ret = yyjson_obj_size(networks) ? podman_words(argv, &words, preflight->err) : 0;

        if (ret < 0)
                return ret;
        yyjson_obj_foreach (networks, index, count, key, value) {
                if (!podman_named(&words, yyjson_get_str(key)) &&
                    finding_add(&missing, "%s", yyjson_get_str(key)) < 0)
                        return error_oom(preflight->err);
        }
        if (missing.count)
                return added(preflight,
                             check_list_add(preflight->out, "networks", CHECK_FAILED,
                                            "Make them: podman network create.", "networks are not here: %s",
                                            buffer_text(&missing.text)));
        return added(preflight,
                     check_list_add(preflight->out, "networks", CHECK_OK, "", "all networks are here"));
}

/* Somebody listens where this container would. SO_REUSEADDR lets old connections not count. */
static bool port_taken(const char *address, unsigned port, bool udp)
{
        struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
        _cleanup_close_ int fd =
                socket(is_six ? AF_INET6 : AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
        int one = 1;

        if (fd < 0)
                return false;
        if (!is_six && *address)
                (void)inet_pton(AF_INET, address, &four.sin_addr);
        if (!udp)
                (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        return (is_six ? bind(fd, (struct sockaddr *)&six, sizeof(six))
                       : bind(fd, (struct sockaddr *)&four, sizeof(four))) < 0 &&
               errno == EADDRINUSE;
}

static int check_ports(const struct podman_preflight *preflight)
{
        _cleanup_finding_ struct finding taken = {0};
        yyjson_val *mapping;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(preflight->config, "newPortMappings"), index, count, mapping) {
                uint64_t first = json_uint_or(mapping, "host_port", 0),
                         range = json_uint_or(mapping, "range", 1);
                const char *protocol = json_text_or(mapping, "protocol", "tcp");

                for (uint64_t port = first; port && port < first + range && port <= UINT16_MAX; port++) {
                        if (port_taken(json_text_or(mapping, "host_ip", ""), (unsigned)port,
                                       strstr(protocol, "udp") != NULL) &&
                            finding_add(&taken, "%llu/%s", (unsigned long long)port, protocol) < 0)
                                return error_oom(preflight->err);
                }
        }
        if (taken.count)
                return added(preflight,
                             check_list_add(preflight->out, "ports", CHECK_FAILED,
                                            "End what uses them (ss -lntup shows it).",
                                            "ports of this host are in use: %s", buffer_text(&taken.text)));
        return added(preflight,
                     check_list_add(preflight->out, "ports", CHECK_OK, "", "all published ports are free"));
}

int podman_preflight_restore(const struct archive *archive, const struct metadata *metadata,
                             const struct restore_options *options, struct check_list *out, struct error *err)
{
        static int (*const checks[])(const struct podman_preflight *) = {
                check_pod, check_image, check_name, check_volumes, check_networks, check_ports};
        struct podman_preflight preflight = {
                .archive = archive,
                .metadata = metadata,
                .options = options,
                .config = yyjson_doc_get_root(metadata->config),
                .renamed = options->name && strcmp(options->name, metadata->container_name) != 0,
                .out = out,
                .err = err,
        };
        int ret = check_engine(&preflight);

        for (size_t i = 0; i < ARRAY_SIZE(checks) && ret == 0 && metadata->engine == ENGINE_PODMAN; i++)
                ret = checks[i](&preflight);
        return ret;
}
