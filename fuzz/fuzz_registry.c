/* SPDX-License-Identifier: Apache-2.0 */
/* What people, files and registries say to the registry client. The first byte says which of them. */
#include <stdlib.h>
#include "fuzz.h"
#include "oci/credentials.h"
#include "oci/registry_session.h"

/* What was accepted is accepted again when it is written out, and means the same. */
static void reference(const char *text)
{
        struct registry_reference first, second;
        _cleanup_buffer_ struct buffer written = {0};

        if (registry_reference_parse(text, &first, NULL) < 0)
                return;
        if (registry_reference_append(&first, &written) < 0 ||
            registry_reference_parse(buffer_text(&written), &second, NULL) < 0 ||
            strcmp(first.host, second.host) != 0 || strcmp(first.repository, second.repository) != 0)
                abort();
        registry_reference_free(&first);
        registry_reference_free(&second);
}

static void credentials(struct slice text)
{
        struct credentials found = {0};
        char *helper;

        (void)credentials_parse(text, "file", "r.example", "team/web", &found, &helper, NULL);
        free(helper);
        credentials_free(&found);
}

static void token(struct slice text)
{
        uint64_t seconds;
        char *value;

        if (registry_token_parse(text, &value, &seconds, NULL) == 0 && strpbrk(value, "\r\n "))
                abort();
        free(value);
}

static void refusal(struct slice text)
{
        static char name[] = "r.example/web";
        static struct registry registry = {.host = name, .name = name};
        struct http_response response = {.status = 400};
        struct error err = {0};

        if (!registry.auth && registry_auth_new(&registry.auth, NULL) < 0)
                return;
        if (buffer_append(&response.body, text.data, text.size) < 0)
                return;
        registry_refusal(&registry, &response, "do it", &err);
        if (strpbrk(err.text, "\r\n\033"))
                abort();
        http_response_free(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct slice rest = {data + 1, size - 1};
        uint64_t bytes;
        char *text;

        if (size == 0)
                return 0;
        text = strndup((const char *)rest.data, rest.size);
        if (!text)
                return 0;
        switch (data[0] % 5) {
        case 0:
                reference(text);
                break;
        case 1:
                credentials(rest);
                break;
        case 2:
                token(rest);
                break;
        case 3:
                refusal(rest);
                break;
        default:
                (void)session_range_parse(text, &bytes);
        }
        free(text);
        return 0;
}
