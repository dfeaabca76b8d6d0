/* SPDX-License-Identifier: Apache-2.0 */
/* An image as an archive, in place: its layers are the parts of it. */
#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "base/secret_memory.h"
#include "oci/image.h"
#include "oci/layer_cipher.h"
#include "oci/manifest.h"
#include "oci/remote_layer.h"
#include "oci/source.h"

/* Of an image in a registry, layers up to this size are fetched whole, and kept here. */
#define KEEP_MAX       (16 * MIB)
#define KEEP_DIRECTORY "/var/tmp"

/* Every part has a descriptor of its own, to be closed. */
static int locate_layer(struct source *source, const struct image_layer *layer, struct archive_part *part,
                        struct error *err)
{
        int fd, ret = layout_reader_locate(source_layout(source), &layer->blob, &fd, &part->offset, err);

        if (ret < 0)
                return ret;
        part->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        return part->fd < 0 ? error_errno(err, errno, "cannot read the image") : 0;
}

/* A layer that is read forward, or small, is kept in a file without a name, as it is; verified. */
static int keep_layer(struct source *source, const struct image_layer *layer, struct archive_part *part,
                      struct error *err)
{
        _cleanup_source_blob_ struct source_blob *blob = NULL;
        struct slice chunk;
        int ret;

        part->fd = open(KEEP_DIRECTORY, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        if (part->fd < 0)
                return error_errno(err, errno, "cannot make a file in %s", KEEP_DIRECTORY);
        ret = source_blob_open(source, &layer->blob, &blob, err);
        while (ret == 0 && (ret = source_blob_next(blob, &chunk, err)) > 0) {
                ret = file_write_full(part->fd, chunk.data, chunk.size);
                if (ret < 0)
                        return error_errno(err, -ret, "cannot write into %s", KEEP_DIRECTORY);
        }
        return ret;
}

static bool is_read_in_place(const struct image_layer *layer)
{
        return layer->compression == COMPRESSION_NONE && layer->blob.size > KEEP_MAX;
}

/* What stays in the registry is read there; the source goes with it. */
static int reach_layers(struct source **source, const struct image_layer *layers, size_t count,
                        struct archive_part *parts, struct error *err)
{
        struct archive_remote remotes[MANIFEST_LAYERS];
        struct descriptor blobs[MANIFEST_LAYERS];
        size_t remote = 0;
        int ret;

        for (size_t i = 0; i < count; i++) {
                if (parts[i].absent)
                        continue;
                if (is_read_in_place(&layers[i])) {
                        blobs[remote++] = layers[i].blob;
                        continue;
                }
                ret = keep_layer(*source, &layers[i], &parts[i], err);
                if (ret < 0)
                        return ret;
        }
        if (!remote)
                return 0;
        ret = remote_layers_open(steal_ptr(*source), blobs, remote, remotes, err);
        if (ret < 0)
                return ret;
        for (size_t i = count; i-- > 0;)
                if (is_read_in_place(&layers[i]) && !parts[i].absent)
                        parts[i].remote = remotes[--remote];
        return 0;
}

static int find_parts(struct source **source, const struct image_layer *layers, size_t count,
                      struct archive_part *parts, struct error *err)
{
        int ret = 0;

        if (!source_layout(*source))
                return reach_layers(source, layers, count, parts, err);
        for (size_t i = 0; i < count && ret == 0; i++)
                ret = parts[i].absent ? 0 : locate_layer(*source, &layers[i], &parts[i], err);
        return ret;
}

/* Keys of those layers that are encrypted, for the parts to point at. */
static int unlock_layers(struct source *source, const struct image_layer *layers, size_t count,
                         struct archive_part *parts, struct secret_memory *keys, struct error *err)
{
        int ret = secret_memory_new(count * sizeof(struct ctr_hmac_key), keys, err);

        for (size_t i = 0; i < count && ret == 0; i++) {
                struct ctr_hmac_key *key = (struct ctr_hmac_key *)(void *)keys->data + i;

                if (!layers[i].encryption || parts[i].absent)
                        continue;
                ret = layer_key_unlock(layers[i].encryption, source_name(source), key, err);
                parts[i].key = key;
        }
        return ret;
}

/* `look`: without memory pages. */
static int open_layers(struct source **source, const char *name, const struct image_layer *layers,
                       size_t count, bool look, struct archive **out, struct error *err)
{
        _cleanup_secret_memory_ struct secret_memory keys = {0};
        struct archive_part parts[MANIFEST_LAYERS];
        int ret;

        for (size_t i = 0; i < count; i++)
                parts[i] = (struct archive_part){.absent = look && i ? layers[i].pages : 0,
                                                 .fd = -1,
                                                 .size = layers[i].blob.size,
                                                 .compression = layers[i].compression,
                                                 .digest = layers[i].blob.digest};
        ret = unlock_layers(*source, layers, count, parts, &keys, err);
        if (ret == 0)
                ret = find_parts(source, layers, count, parts, err);
        if (ret == 0)
                ret = archive_open_parts(name, parts, count, out, err);
        for (size_t i = 0; i < count; i++)
                if (parts[i].fd >= 0)
                        close(parts[i].fd);
        return ret;
}

static int open_image(const struct image_reference *from, const struct registry_access *access, bool look,
                      struct archive **out, struct error *err)
{
        _cleanup_source_manifest_ struct source_manifest manifest = {0};
        _cleanup_source_ struct source *source = NULL;
        struct image_layer layers[MANIFEST_LAYERS];
        size_t count = 0;
        int ret = source_open(from, access, &source, err);

        if (ret == 0)
                ret = source_image(source, &manifest, err);
        if (ret == 0)
                ret = source_layers(source, &manifest, layers, &count, err);
        if (ret == 0)
                ret = open_layers(&source, from->path, layers, count, look, out, err);
        image_layers_free(layers, count);
        return ret;
}

int image_open(const struct image_reference *from, const struct registry_access *access, struct archive **out,
               struct error *err)
{
        return open_image(from, access, false, out, err);
}

int image_look(const struct image_reference *from, const struct registry_access *access, struct archive **out,
               struct error *err)
{
        return open_image(from, access, true, out, err);
}
