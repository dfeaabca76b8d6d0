/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine answers by the CRI, and the kubelet. The first byte says what. */
#include <stdlib.h>
#include "fuzz.h"
#include "runtime/cri_messages.h"
#include "runtime/kubelet.h"

static struct slice whole;

/* Nothing is borrowed from elsewhere. */
static void within(struct slice part)
{
        if (part.size && (part.data < whole.data || part.data + part.size > whole.data + whole.size))
                abort();
}

static void containers(struct slice list)
{
        struct cri_container container;

        while (cri_next_container(&list, &container) > 0) {
                within(container.id);
                within(container.sandbox);
                within(container.name);
                within(container.image);
                within(container.image_ref);
        }
}

static void sandboxes(struct slice list)
{
        struct cri_sandbox sandbox;

        while (cri_next_sandbox(&list, &sandbox) > 0) {
                within(sandbox.id);
                within(sandbox.name);
                within(sandbox.name_space);
                within(sandbox.uid);
                within(sandbox.handler);
        }
}

static void images(struct slice list)
{
        struct cri_image image;
        struct slice reference;

        if (cri_read_pulled(list, &reference) == 0)
                within(reference);
        while (cri_next_image(&list, &image) > 0) {
                within(image.id);
                within(image.tag);
                within(image.digest);
        }
}

static void status(struct slice answer)
{
        struct cri_status out;

        if (cri_read_status(answer, &out) < 0)
                return;
        within(out.image);
        within(out.image_ref);
        within(out.log);
        within(out.info);
}

static void kubelet(struct slice body)
{
        struct error err = {0};
        char path[PATH_MAX];

        if (kubelet_read_answer(body, "/d", "checkpoint-", path, &err) == 0 &&
            (strncmp(path, "/d/checkpoint-", 14) != 0 || strchr(path + 14, '/')))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const readers[])(struct slice) = {containers, sandboxes, images, status, kubelet};

        if (size == 0)
                return 0;
        whole = (struct slice){data + 1, size - 1};
        readers[data[0] % ARRAY_SIZE(readers)](whole);
        return 0;
}
