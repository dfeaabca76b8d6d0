/* SPDX-License-Identifier: Apache-2.0 */
/* Values of header fields. The first byte says of which. */
#include <stdlib.h>
#include "fuzz.h"
#include "net/headers.h"

static void challenges(const char *field)
{
        struct http_challenge challenge;
        const char *before = field;

        while (http_challenge_next(&field, &challenge) > 0) {
                if (field <= before || !challenge.scheme || !challenge.scheme[0])
                        abort();
                before = field;
                http_challenge_parameter(&challenge, "realm");
                http_challenge_free(&challenge);
        }
}

static void ranges(const char *field)
{
        uint64_t first, last, total;

        if (http_content_range(field, &first, &last, &total) && (first > last || last >= total))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text;

        if (size == 0)
                return 0;
        text = strndup((const char *)data + 1, size - 1);
        if (!text)
                return 0;
        switch (data[0] % 4) {
        case 0:
                challenges(text);
                break;
        case 1:
                free(http_link(text, "next"));
                break;
        case 2:
                http_retry_after(text, 0);
                break;
        default:
                ranges(text);
        }
        free(text);
        return 0;
}
