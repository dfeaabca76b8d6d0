/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the node, and records that another node sends: all that reads the same JSON. */
#include "catalog/catalog.h"
#include "fuzz.h"
#include "node/checkpoint_request.h"

/* What was read is shown, and reads as the same again. */
static void checkpoint_again(const struct checkpoint *checkpoint)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *parsed = NULL;
        _cleanup_checkpoint_ struct checkpoint *again = NULL;

        yyjson_mut_doc_set_root(doc, checkpoint_json(checkpoint, doc));
        if (json_write(doc, false, &text, NULL) < 0 ||
            json_parse(buffer_slice(&text), "again", &parsed, NULL) < 0 ||
            checkpoint_from_json(yyjson_doc_get_root(parsed), &again, NULL) < 0 ||
            strcmp(again->path, checkpoint->path) != 0 || again->created_ns != checkpoint->created_ns)
                abort();
}

static void operation_show(const struct operation *operation)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

        (void)operation_json(operation, doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_operation_ struct operation *operation = NULL;
        struct checkpoint_request request;
        yyjson_val *root;

        if (json_parse((struct slice){data, size}, "input", &doc, NULL) < 0)
                return 0;
        root = yyjson_doc_get_root(doc);
        if (checkpoint_request_parse(root, &request, NULL) == 0)
                (void)liveness_allows(&request.liveness);
        if (checkpoint_from_json(root, &checkpoint, NULL) == 0)
                checkpoint_again(checkpoint);
        if (operation_from_json(root, &operation, NULL) == 0)
                operation_show(operation);
        return 0;
}
