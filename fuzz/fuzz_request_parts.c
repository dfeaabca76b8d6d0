/* SPDX-License-Identifier: Apache-2.0 */
/* What clients write into headers and paths, all parsers over the same text. */
#include <stdlib.h>
#include "fuzz.h"
#include "net/authorization.h"
#include "net/range.h"
#include "net/route.h"
#include "net/uri.h"

#define WHOLE 1000

static const struct route routes[] = {
        {"GET", "/v2/{name...}/blobs/{digest}", NULL, 0},
        {"GET", "/v2/{name...}/blobs/uploads/", NULL, 0},
        {"GET", "/{a}/{b}/{c...}", NULL, 0},
};

static void check_ranges(const char *text)
{
        struct range range;

        if (range_parse(text, WHOLE, &range) == RANGE_PART &&
            (!range.size || range.offset >= WHOLE || range.size > WHOLE - range.offset))
                abort();
        if (content_range_parse(text, &range) && !range.size)
                abort();
}

/* Values lie within the path. */
static void check_route(const char *text, size_t size)
{
        struct route_match found;

        route_find(routes, ARRAY_SIZE(routes), "GET", text, &found);
        for (size_t i = 0; found.route && i < found.count; i++) {
                struct slice value = found.parameters[i].value;

                if (!value.size || value.data < (const uint8_t *)text ||
                    value.data + value.size > (const uint8_t *)text + size)
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_authorization_ struct authorization authorization = {0};
        _cleanup_free_ char *text = strndup((const char *)data, size);
        _cleanup_buffer_ struct buffer decoded = {0};

        if (!text)
                return 0;
        check_ranges(text);
        check_route(text, strlen(text));
        (void)authorization_parse(text, &authorization);
        if (uri_decode((struct slice){data, size}, true, &decoded) == 0 &&
            strlen(buffer_text(&decoded)) != decoded.size)
                abort();
        return 0;
}
