/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the registry client until it is here: everything is refused. */
#include <errno.h>
#include "oci/registry_client.h"

static int absent(struct error *err)
{
        return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP, "the registry client is not built in yet");
}

bool registry_reference_is_one(const char *text)
{
        return false;
}
int registry_reference_parse(const char *text, struct registry_reference *out, struct error *err)
{
        return absent(err);
}
void registry_reference_free(struct registry_reference *reference)
{
}
int registry_reference_append(const struct registry_reference *reference, struct buffer *out)
{
        return -ENOTSUP;
}
int registry_open(const struct registry_reference *reference, const struct registry_access *access,
                  struct registry **out, struct error *err)
{
        return absent(err);
}
void registry_free(struct registry *registry)
{
}
const char *registry_name(const struct registry *registry)
{
        return "";
}
int registry_blob_exists(struct registry *registry, const struct descriptor *blob, bool *exists,
                         struct error *err)
{
        return absent(err);
}
int registry_blob_mount(struct registry *registry, const struct descriptor *blob, const char *from_repository,
                        bool *mounted, struct error *err)
{
        return absent(err);
}
int registry_upload_open(struct registry *registry, struct registry_upload **out, struct error *err)
{
        return absent(err);
}
int registry_upload_append(struct registry_upload *upload, struct slice bytes, struct error *err)
{
        return absent(err);
}
int registry_upload_commit(struct registry_upload *upload, const struct descriptor *blob, struct error *err)
{
        return absent(err);
}
void registry_upload_free(struct registry_upload *upload)
{
}
int registry_rate(struct registry *registry, uint64_t *bytes_per_second, struct error *err)
{
        return absent(err);
}
int registry_blob_put(struct registry *registry, struct slice bytes, const struct descriptor *blob,
                      struct error *err)
{
        return absent(err);
}
int registry_blob_read(struct registry *registry, const struct descriptor *blob, uint64_t offset, void *data,
                       size_t size, struct error *err)
{
        return absent(err);
}
int registry_download_open(struct registry *registry, const struct descriptor *blob,
                           struct registry_download **out, struct error *err)
{
        return absent(err);
}
int registry_download_next(struct registry_download *download, struct slice *chunk, struct error *err)
{
        return absent(err);
}
void registry_download_free(struct registry_download *download)
{
}
int registry_blob_get(struct registry *registry, const struct descriptor *blob, uint64_t limit,
                      struct buffer *out, struct error *err)
{
        return absent(err);
}
int registry_blob_delete(struct registry *registry, const struct descriptor *blob, struct error *err)
{
        return absent(err);
}
int registry_manifest_get(struct registry *registry, const char *name, struct registry_manifest *out,
                          struct error *err)
{
        return absent(err);
}
void registry_manifest_free(struct registry_manifest *manifest)
{
}
int registry_manifest_head(struct registry *registry, const char *name, struct registry_manifest *out,
                           struct error *err)
{
        return absent(err);
}
int registry_manifest_put(struct registry *registry, const char *name, const char *media_type,
                          struct slice text, bool *referrers_known, struct error *err)
{
        return absent(err);
}
int registry_manifest_delete(struct registry *registry, const char *name, struct error *err)
{
        return absent(err);
}
int registry_referrers(struct registry *registry, const struct sha256 *subject, const char *artifact_type,
                       struct buffer *out, struct error *err)
{
        return absent(err);
}
int registry_referrers_add(struct registry *registry, const struct sha256 *subject, struct slice descriptor,
                           struct error *err)
{
        return absent(err);
}
int registry_tags(struct registry *registry, registry_name_sink sink, void *context, struct error *err)
{
        return absent(err);
}
int registry_catalog(struct registry *registry, registry_name_sink sink, void *context, struct error *err)
{
        return absent(err);
}
