/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cri_private.h"

#include <errno.h>
#include "net/grpc.h"
#include "runtime/cri_messages.h"

#define ANSWER_LIMIT (16 * MIB) /* what the kubelet takes, too */
#define LIST_SECONDS 30

static const char *configured;

void cri_configure(const char *socket)
{
        configured = socket;
}

const char *cri_socket(void)
{
        static const char *const usual[] = {"/run/containerd/containerd.sock", "/run/crio/crio.sock"};

        if (configured)
                return configured;
        for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
                if (access(usual[i], F_OK) == 0)
                        return usual[i];
        return NULL;
}

static int call_socket(const struct grpc_call *call, struct buffer *out, struct error *err)
{
        _cleanup_grpc_channel_ struct grpc_channel *channel = NULL;
        const char *socket = cri_socket();
        int ret;

        if (!socket)
                return error_set(err, &ERROR_TOOL_MISSING, -ENOENT,
                                 "no engine of pods runs here: neither containerd nor CRI-O has its socket");
        ret = grpc_channel_open(socket, &channel, err);
        return ret < 0 ? ret : grpc_channel_call(channel, call, out, err);
}

int cri_call(const char *method, struct slice message, unsigned seconds, struct buffer *out,
             struct error *err)
{
        char path[128];
        struct grpc_call call = {
                .method = path, .message = message, .seconds = seconds, .limit = ANSWER_LIMIT};

        snprintf(path, sizeof(path), "/runtime.v1.%s", method);
        return call_socket(&call, out, err);
}

int cri_call_containerd(const char *method, struct slice message, unsigned seconds, struct error *err)
{
        _cleanup_buffer_ struct buffer answer = {0};
        char path[128];
        struct grpc_call call = {.method = path,
                                 .metadata = "containerd-namespace: k8s.io",
                                 .message = message,
                                 .seconds = seconds,
                                 .limit = ANSWER_LIMIT};

        snprintf(path, sizeof(path), "/containerd.services.%s", method);
        return call_socket(&call, &answer, err);
}

static char *text_of(struct slice text)
{
        return text.size ? strndup((const char *)text.data, text.size) : strdup("");
}

void cri_image_list_free(struct cri_image_list *list)
{
        for (size_t i = 0; i < list->count; i++) {
                free(list->items[i].id);
                free(list->items[i].tag);
                free(list->items[i].digest);
        }
        free(list->items);
        *list = (struct cri_image_list){0};
}

static int image_append(struct cri_image_list *list, const struct cri_image *image)
{
        struct cri_image_facts *items = reallocarray(list->items, list->count + 1, sizeof(*items));
        struct cri_image_facts *facts;

        if (!items)
                return -ENOMEM;
        list->items = items;
        facts = &items[list->count++];
        *facts = (struct cri_image_facts){text_of(image->id), text_of(image->tag), text_of(image->digest),
                                          image->size};
        return facts->id && facts->tag && facts->digest ? 0 : -ENOMEM;
}

int cri_list_images(struct cri_image_list *out, struct error *err)
{
        _cleanup_cri_image_list_ struct cri_image_list list = {0};
        _cleanup_buffer_ struct buffer answer = {0};
        struct slice rest;
        struct cri_image image;
        int ret = cri_call("ImageService/ListImages", (struct slice){0}, LIST_SECONDS, &answer, err);

        if (ret < 0)
                return ret;
        rest = buffer_slice(&answer);
        while ((ret = cri_next_image(&rest, &image)) > 0)
                if (image_append(&list, &image) < 0)
                        return error_oom(err);
        if (ret < 0)
                return error_set(err, &ERROR_GRPC, ret, "the engine's list of images is malformed");
        *out = list;
        list = (struct cri_image_list){0};
        return 0;
}

int cri_pull_image(const char *image, char **out, struct error *err)
{
        _cleanup_buffer_ struct buffer request = {0}, answer = {0};
        struct slice reference;
        int ret;

        if (cri_put_pull(&request, image) < 0)
                return error_oom(err);
        ret = cri_call("ImageService/PullImage", buffer_slice(&request), 0, &answer, err);
        if (ret < 0)
                return error_wrap(err, ret, "pull `%s`", image);
        if (cri_read_pulled(buffer_slice(&answer), &reference) < 0)
                return error_set(err, &ERROR_GRPC, -EBADMSG, "the engine's answer about `%s` is malformed",
                                 image);
        *out = text_of(reference);
        return *out ? 0 : error_oom(err);
}
