/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pod_names.h"

static bool take(char **text, yyjson_val *texts, const char *const names[2])
{
        for (size_t i = 0; i < 2 && !**text; i++)
                if (!container_set_text(text, json_text(texts, names[i])))
                        return false;
        return true;
}

bool pod_names_read(struct container *container, yyjson_val *texts)
{
        static const char *const pod[] = {"io.kubernetes.pod.name", "io.kubernetes.cri.sandbox-name"};
        static const char *const namespace[] = {"io.kubernetes.pod.namespace",
                                                "io.kubernetes.cri.sandbox-namespace"};
        static const char *const uid[] = {"io.kubernetes.pod.uid", "io.kubernetes.cri.sandbox-uid"};
        static const char *const name[] = {"io.kubernetes.container.name",
                                           "io.kubernetes.cri.container-name"};

        return take(&container->pod, texts, pod) && take(&container->pod_namespace, texts, namespace) &&
               take(&container->pod_uid, texts, uid) && take(&container->pod_container, texts, name);
}

bool pod_names_are_of_sandbox(yyjson_val *texts)
{
        static const char *const kinds[] = {"io.kubernetes.cri.container-type",
                                            "io.kubernetes.cri-o.ContainerType"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (strcmp(json_text_or(texts, kinds[i], ""), "sandbox") == 0)
                        return true;
        return false;
}

static bool complete(char **text, const char *value)
{
        return **text || container_set_text(text, value);
}

bool pod_names_complete(struct container *container, const char *pod, const char *pod_id)
{
        const char *name = container->name, *own_id = *container->pod ? "" : container->id;
        size_t length = strlen(pod);

        if (length && strncmp(name, pod, length) == 0 && name[length] == '-' && name[length + 1])
                name += length + 1;
        return complete(&container->pod, *pod ? pod : container->name) &&
               complete(&container->pod_namespace, "default") &&
               complete(&container->pod_uid, *pod_id ? pod_id : own_id) &&
               complete(&container->pod_container, name);
}
