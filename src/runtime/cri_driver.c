/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers "cri" and "kubelet": the engine writes the archive, asked by us or by the kubelet. */
#include <errno.h>
#include <libgen.h>
#include <sys/stat.h>
#include "net/errors.h"
#include "net/url.h"
#include "runtime/cri_private.h"
#include "runtime/kubelet.h"

static struct kubelet_access kubelet;

void kubelet_configure(const struct kubelet_access *access)
{
        kubelet = *access;
        if (!kubelet.directory)
                kubelet.directory = KUBELET_DIRECTORY;
}

static bool cri_available(void)
{
        return cri_socket() != NULL;
}

static bool kubelet_available(void)
{
        return kubelet.url && cri_available();
}

/* False when it does not fit: then nothing may be sent. */
static bool field_set(char *field, size_t size, const char *value)
{
        return snprintf(field, size, "%s", value ? value : "") < (int)size;
}
#define FIELD(errand, name, value) field_set((errand)->name, sizeof((errand)->name), value)

static int too_long(struct error *err)
{
        return error_set(err, &ERROR_BAD_INPUT, -ENAMETOOLONG,
                         "a path or name for the checkpoint is too long");
}

static int send_and_wait(struct engine_call *call, const struct errand *errand, struct error *err)
{
        _cleanup_courier_ struct courier *courier = NULL;
        int ret = courier_send(errand, call->lock, call->keeper, &courier, err);

        return ret < 0 ? ret : cri_wait(courier, call, err);
}

static int cri_checkpoint(struct engine_call *call, struct error *err)
{
        _cleanup_free_ struct errand *errand = calloc(1, sizeof(*errand));

        if (!errand)
                return error_oom(err);
        errand->kind = ERRAND_CRI;
        if (!FIELD(errand, container, call->container->id) || !FIELD(errand, name, call->container->name) ||
            !FIELD(errand, location, call->path) || !FIELD(errand, socket, cri_socket()) ||
            !FIELD(errand, mark, call->mark))
                return too_long(err);
        return send_and_wait(call, errand, err);
}

/* The kubelet gives up on the engine after two minutes, unless more is asked for: then the container would be
 * left frozen. */
#define KUBELET_TIMEOUT "?timeout=86400"

/* "URL/checkpoint/NAMESPACE/POD/CONTAINER" */
static int kubelet_url(const struct container *container, struct buffer *out)
{
        const char *const parts[] = {"checkpoint", container->pod_namespace, container->pod,
                                     container->pod_container};
        size_t size = strlen(kubelet.url);

        while (size && kubelet.url[size - 1] == '/')
                size--;
        if (buffer_append(out, kubelet.url, size) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if (buffer_append_text(out, "/") < 0 || url_escape(out, parts[i]) < 0)
                        return -ENOMEM;
        return buffer_append_text(out, KUBELET_TIMEOUT);
}

/* The archive is moved, not copied. */
static int same_disk(const char *path, struct error *err)
{
        _cleanup_free_ char *copy = strdup(path);
        struct stat ours, theirs;
        int ret;

        if (!copy)
                return error_oom(err);
        /* Without a directory yet there is nothing to compare: the kubelet makes it. */
        if (stat(dirname(copy), &ours) < 0 || stat(kubelet.directory, &theirs) < 0 ||
            ours.st_dev == theirs.st_dev)
                return 0;
        ret = error_set(err, &ERROR_UNSUPPORTED, -EXDEV, "`%s` is not on the file system of `%s`", path,
                        kubelet.directory);
        error_set_hint(err, "Let the archive be in the kubelet's directory, and copy it from there.");
        return ret;
}

static int kubelet_fill(const struct engine_call *call, struct errand *errand, struct error *err)
{
        const struct container *container = call->container;
        _cleanup_buffer_ struct buffer url = {0}, prefix = {0};

        if (kubelet_url(container, &url) < 0 ||
            buffer_printf(&prefix, "checkpoint-%s_%s-%s-", container->pod, container->pod_namespace,
                          container->pod_container) < 0)
                return error_oom(err);
        errand->kind = ERRAND_KUBELET;
        return FIELD(errand, container, container->id) && FIELD(errand, name, container->name) &&
                               FIELD(errand, location, call->path) && FIELD(errand, socket, cri_socket()) &&
                               FIELD(errand, mark, call->mark) && FIELD(errand, url, buffer_text(&url)) &&
                               FIELD(errand, ca, kubelet.ca) &&
                               FIELD(errand, certificate, kubelet.certificate) &&
                               FIELD(errand, key, kubelet.key) &&
                               FIELD(errand, token_file, kubelet.token_file) &&
                               FIELD(errand, directory, kubelet.directory) &&
                               FIELD(errand, prefix, buffer_text(&prefix))
                       ? 0
                       : too_long(err);
}

static int kubelet_checkpoint(struct engine_call *call, struct error *err)
{
        _cleanup_free_ struct errand *errand = calloc(1, sizeof(*errand));
        int ret;

        if (!errand)
                return error_oom(err);
        if (!*call->container->pod)
                return error_set(err, &ERROR_CONTAINER_NOT_FOUND, -ENOENT,
                                 "container `%s` is in no pod, and the kubelet knows only those of pods",
                                 call->container->name);
        if (!text_starts_with(kubelet.url, "https://"))
                return error_set(err, &ERROR_HTTP_URL, -EINVAL, "the kubelet's address `%s` is not https://…",
                                 kubelet.url);
        ret = same_disk(call->path, err);
        if (ret == 0)
                ret = kubelet_fill(call, errand, err);
        return ret < 0 ? ret : send_and_wait(call, errand, err);
}

const struct runtime_driver runtime_cri = {.name = "cri",
                                           .available = cri_available,
                                           .list = cri_list,
                                           .inspect = cri_inspect,
                                           .checkpoint = cri_checkpoint};

const struct runtime_driver runtime_kubelet = {.name = "kubelet",
                                               .available = kubelet_available,
                                               .list = cri_list,
                                               .inspect = cri_inspect,
                                               .checkpoint = kubelet_checkpoint};
