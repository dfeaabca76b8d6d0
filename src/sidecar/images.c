/* SPDX-License-Identifier: Apache-2.0 */
/* POST /images: under which name a runtime of this machine pulls a checkpoint. */
#include <errno.h>
#include "net/errors.h"
#include "sidecar/agent.h"
#include "sidecar/answer.h"
#include "sidecar/authority.h"
#include "sidecar/handlers.h"

static int respond_image(struct request *request, const char *image, struct error *err)
{
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;

        if (root)
                yyjson_mut_doc_set_root(doc, root);
        if (!root || !yyjson_mut_obj_add_strcpy(doc, root, "image", image)) {
                yyjson_mut_doc_free(doc);
                return error_oom(err);
        }
        return respond_json(request, 201, doc, err);
}

/* Of another node, it has a namespace that only that one knows: who may create on the whole node. */
static int image_end(struct request *request, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_free_ char *image = NULL;
        int ret = body_parse(body_bytes(request), &doc, err);

        if (ret == 0)
                ret = request_needs(request, RIGHT_CREATE, "", err);
        if (ret == 0 && !request_shelf(request))
                ret = error_set(err, &ERROR_HTTP_PATH, -ENOENT, "this agent serves no images (--registry)");
        if (ret == 0)
                ret = shelf_offer(request_shelf(request), yyjson_doc_get_root(doc), &image, err);
        return ret < 0 ? ret : respond_image(request, image, err);
}

const struct handler handle_image = {
        .begin = body_begin, .body = body_part, .end = image_end, .free = body_free};
