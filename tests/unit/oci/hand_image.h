/* SPDX-License-Identifier: Apache-2.0 */
/* Images made by hand, among them such as no builder would write. Include after testing.h and tarball.h. */
#ifndef SNAP_TESTS_HAND_IMAGE_H
#define SNAP_TESTS_HAND_IMAGE_H

#include <sys/stat.h>
#include "base/digest.h"

struct hand_layer {
        struct slice bytes;
        const char *type;   /* after "…image.layer.v1.tar": "", "+gzip", "+zstd" */
        const char *digest; /* NULL: the right one */
        uint64_t size;      /* 0: the right one */
};

/* Writes a blob into "layout/" and its digest, "sha256:…", to `out`. */
static inline void hand_blob(struct slice bytes, char out[7 + SHA256_HEX_SIZE])
{
        struct sha256 digest;
        char path[128];

        assert_int_equal(sha256_of(bytes, &digest, NULL), 0);
        strcpy(out, "sha256:");
        sha256_hex(&digest, out + 7);
        snprintf(path, sizeof(path), "layout/blobs/sha256/%s", out + 7);
        write_bytes(path, bytes);
}

/* Makes the layout "layout/" anew with one image of these layers. */
static inline void hand_image(const struct hand_layer *layers, size_t count)
{
        _cleanup_buffer_ struct buffer manifest = {0}, index = {0};
        char digest[7 + SHA256_HEX_SIZE];

        mkdir("layout", 0700);
        mkdir("layout/blobs", 0700);
        mkdir("layout/blobs/sha256", 0700);
        write_bytes("layout/oci-layout", SLICE_TEXT("{\"imageLayoutVersion\":\"1.0.0\"}"));
        assert_int_equal(buffer_append_text(&manifest, "{\"layers\":["), 0);
        for (size_t i = 0; i < count; i++) {
                const struct hand_layer *layer = &layers[i];

                hand_blob(layer->bytes, digest);
                assert_int_equal(
                        buffer_printf(&manifest,
                                      "%s{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar%s\","
                                      "\"digest\":\"%s\",\"size\":%llu}",
                                      i ? "," : "", layer->type ? layer->type : "",
                                      layer->digest ? layer->digest : digest,
                                      (unsigned long long)(layer->size ? layer->size : layer->bytes.size)),
                        0);
        }
        assert_int_equal(
                buffer_append_text(&manifest,
                                   "],\"annotations\":{\"org.criu.checkpoint.container.name\":\"x\"}}"),
                0);
        hand_blob(buffer_slice(&manifest), digest);
        assert_int_equal(
                buffer_printf(&index,
                              "{\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
                              "\"digest\":\"%s\",\"size\":%zu}]}",
                              digest, manifest.size),
                0);
        write_bytes("layout/index.json", buffer_slice(&index));
}

#endif
