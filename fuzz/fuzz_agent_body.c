/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent to the agent: bodies, and queries of its reading verbs (the first byte chooses the verb). */
#include "fuzz.h"
#include "sidecar/answer.h"
#include "sidecar/inspection.h"

static const char *query_of(void *context, const char *name)
{
        return context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const verbs[] = {"show",     "inspect", "explain", "images",
                                            "memparse", "secrets", "x"};
        struct arguments arguments = {0};
        yyjson_doc *doc;
        char *text;

        if (size == 0)
                return 0;
        if (body_parse((struct slice){data, size}, &doc, NULL) == 0)
                yyjson_doc_free(doc);
        text = strndup((const char *)data + 1, size - 1);
        if (text)
                (void)inspection_arguments(verbs[*data % ARRAY_SIZE(verbs)], query_of, text, &arguments,
                                           NULL);
        arguments_free(&arguments);
        free(text);
        return 0;
}
