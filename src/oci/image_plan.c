/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image_plan.h"

#include <errno.h>
#include "oci/layer_cache.h"
#include "oci/layer_reader.h"

int image_plan_make(const struct archive *archive, struct image_plan *plan, struct error *err)
{
        int ret;

        if (archive_is_unread(archive) || !archive_is_seekable(archive))
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "`%s` is compressed: its layers are known when all of it has been read",
                                 archive_path(archive));
        ret = layer_plan_make(archive, &plan->members, err);
        for (unsigned i = 0; i < plan->members.count && ret == 0; i++)
                plan->layers[i] = (struct image_layer){
                        .blob.size = layer_reader_size(archive, &plan->members, i),
                        .compression = COMPRESSION_NONE,
                        .pages = plan->members.pages_of[i],
                };
        return ret;
}

void image_plan_set_digest(struct image_plan *plan, unsigned layer, const struct sha256 *digest)
{
        plan->layers[layer].blob.digest = plan->layers[layer].diff_id = *digest;
}

/* --- digests ----------------------------------------------------------------------------------------------
 */

static int hash_layer(const struct archive *archive, struct image_plan *plan, unsigned layer,
                      const struct progress *progress, struct error *err)
{
        static const uint8_t end[LAYER_END_SIZE];
        _cleanup_layer_reader_ struct layer_reader *reader = NULL;
        _cleanup_sha256_ struct sha256_stream *stream = NULL;
        struct sha256 digest;
        struct slice bytes;
        int ret = sha256_new(&stream, err);

        if (ret == 0)
                ret = layer_reader_open(archive, &plan->members, layer, 0, &reader, err);
        while (ret >= 0 && (ret = layer_reader_next(reader, &bytes, err)) > 0) {
                if (progress_cancelled(progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "interrupted");
                if (sha256_update(stream, bytes.data, bytes.size) < 0)
                        return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        }
        if (ret < 0)
                return ret;
        if (sha256_update(stream, end, sizeof(end)) < 0 || sha256_finish(stream, &digest) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        image_plan_set_digest(plan, layer, &digest);
        return 0;
}

/* What is kept of a layer must be of the size that it has: then it is the same layer. */
static bool find_known(const struct layer_cache *cache, const char *variant, struct image_plan *plan,
                       bool ready[LAYERS_MAX])
{
        struct image_layer known[LAYERS_MAX] = {0};
        bool all = true;

        layer_cache_find(cache, variant, known, ready);
        for (unsigned i = 0; i < plan->members.count; i++) {
                ready[i] = ready[i] && known[i].blob.size == plan->layers[i].blob.size;
                if (ready[i])
                        image_plan_set_digest(plan, i, &known[i].blob.digest);
                all &= ready[i];
        }
        return all;
}

int image_plan_hash(const struct archive *archive, struct image_plan *plan, const struct progress *progress,
                    struct error *err)
{
        _cleanup_layer_cache_ struct layer_cache *cache = layer_cache_open(archive);
        bool ready[LAYERS_MAX] = {false};
        char variant[LAYER_VARIANT_SIZE];
        int ret = 0;

        layer_cache_name(plan->members.common, COMPRESSION_NONE, 0, variant);
        if (cache && find_known(cache, variant, plan, ready))
                return 0;
        for (unsigned i = 0; i < plan->members.count && ret == 0; i++) {
                if (!ready[i])
                        ret = hash_layer(archive, plan, i, progress, err);
                ready[i] = ret == 0;
        }
        if (ret == 0 && cache)
                layer_cache_store(cache, variant, plan->layers, ready, NULL, NULL);
        return ret;
}

/* --- config and manifest ----------------------------------------------------------------------------------
 */

int image_plan_describe(const struct archive *archive, struct image_plan *plan, struct error *err)
{
        _cleanup_metadata_ struct metadata *metadata = NULL;
        struct descriptor config;
        int ret = metadata_load(archive, &metadata, err);

        if (ret == 0)
                ret = manifest_config(metadata, plan->layers, plan->members.count, &plan->config, err);
        if (ret < 0)
                return ret;
        config.size = plan->config.size;
        ret = sha256_of(buffer_slice(&plan->config), &config.digest, err);
        return ret < 0 ? ret
                       : manifest_write(metadata, &config, plan->layers, plan->members.count, &plan->manifest,
                                        err);
}

void image_plan_free(struct image_plan *plan)
{
        layer_plan_free(&plan->members);
        buffer_free(&plan->config);
        buffer_free(&plan->manifest);
}
