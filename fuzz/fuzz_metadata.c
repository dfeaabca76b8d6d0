/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of an archive: texts divided by NUL bytes are config.dump, spec.dump, network.status, snap.json
 * and deleted.files; a text of one blank is a member that is absent. */
#include <sys/mman.h>
#include <unistd.h>
#include "archive/metadata.h"
#include "archive/tar.h"
#include "base/file.h"
#include "fuzz.h"
#include "oci/manifest.h"

static bool add_member(struct buffer *tar, const char *name, struct slice contents)
{
        static const uint8_t zeros[TAR_BLOCK];
        struct tar_entry entry = {.type = TAR_FILE, .mode = 0600, .size = contents.size};

        snprintf(entry.name, sizeof(entry.name), "%s", name);
        return tar_header_append(&entry, NULL, 0, tar) == 0 &&
               buffer_append(tar, contents.data, contents.size) == 0 &&
               buffer_append(tar, zeros, (size_t)(tar_padded(contents.size) - contents.size)) == 0;
}

static bool make_tar(struct slice rest, struct buffer *tar)
{
        static const char *const names[] = {"config.dump", "spec.dump", "network.status", "snap.json",
                                            "deleted.files"};
        static const uint8_t zeros[2 * TAR_BLOCK];

        for (size_t i = 0; i < ARRAY_SIZE(names) && rest.size; i++) {
                const uint8_t *end = memchr(rest.data, 0, rest.size);
                struct slice text;

                slice_take(&rest, end ? (size_t)(end - rest.data) : rest.size, &text);
                if (end)
                        slice_take(&rest, 1, &(struct slice){0});
                if ((text.size != 1 || text.data[0] != ' ') && !add_member(tar, names[i], text))
                        return false;
        }
        return buffer_append(tar, zeros, sizeof(zeros)) == 0;
}

/* The manifest that is made of it must be one that we take for a checkpoint. */
static void check_manifest(const struct metadata *metadata)
{
        const struct image_layer layer = {.blob.size = 1};
        const struct descriptor config = {.size = 1};
        struct image_layer parsed[MANIFEST_LAYERS];
        _cleanup_buffer_ struct buffer text = {0};
        size_t count;

        if (manifest_write(metadata, &config, &layer, 1, &text, NULL) == 0 && text.size <= MANIFEST_MAX &&
            manifest_parse(buffer_slice(&text), parsed, &count, NULL) < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *metadata = NULL;
        _cleanup_buffer_ struct buffer tar = {0};
        char path[64];

        if (fd < 0 || !make_tar((struct slice){data, size}, &tar) ||
            file_write_full(fd, tar.data, tar.size) < 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (archive_open(path, &archive, NULL) < 0 || metadata_load(archive, &metadata, NULL) < 0)
                return 0;
        check_manifest(metadata);
        return 0;
}
