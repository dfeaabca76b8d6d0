/* SPDX-License-Identifier: Apache-2.0 */
/* One image file of any kind. The first byte says how it is shown, and which kind its name and its magic say.
 */
#include "criu/decode.h"
#include "fuzz.h"

static ssize_t input_read(void *context, void *data, size_t size, struct error *err)
{
        struct slice *rest = context, part;

        if (size > rest->size)
                size = rest->size;
        slice_take(rest, size, &part);
        memcpy(data, part.data, size);
        return (ssize_t)size;
}

/* Whatever is begun must be ended, in turn, also after damage. */
struct nesting {
        enum criu_event_type ends[512];
        size_t depth;
};

static void nesting_event(void *context, const struct criu_event *event)
{
        struct nesting *nesting = context;

        switch (event->type) {
        case CRIU_EVENT_OBJECT:
        case CRIU_EVENT_ARRAY:
                if (nesting->depth == ARRAY_SIZE(nesting->ends))
                        __builtin_trap();
                nesting->ends[nesting->depth++] = event->type + 1;
                break;
        case CRIU_EVENT_TEXT:
                nesting->ends[nesting->depth++] = CRIU_EVENT_TEXT_END;
                break;
        case CRIU_EVENT_OBJECT_END:
        case CRIU_EVENT_ARRAY_END:
        case CRIU_EVENT_TEXT_END:
                if (nesting->depth == 0 || nesting->ends[--nesting->depth] != event->type)
                        __builtin_trap();
                break;
        default:
                break;
        }
}

static void show(struct slice rest, bool pretty)
{
        struct nesting nesting = {.depth = 0};
        struct criu_decoding decoding = {.name = "input.img",
                                         .size = rest.size,
                                         .read = input_read,
                                         .source = &rest,
                                         .pretty = pretty,
                                         .event = nesting_event,
                                         .sink = &nesting};

        (void)criu_decode(&decoding, NULL);
        if (nesting.depth != 0)
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        show((struct slice){data, size}, false);
        show((struct slice){data, size}, true);
        return 0;
}
