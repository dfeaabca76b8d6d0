/* SPDX-License-Identifier: Apache-2.0 */
/* An archive, written for every other engine. */
#include <sys/mman.h>
#include "base/file.h"
#include "fuzz.h"
#include "oci/translate.h"

static int take(void *context, struct slice bytes, struct error *err)
{
        *(uint64_t *)context += bytes.size;
        return 0;
}

static void translate(const struct archive *archive, const struct metadata *metadata, enum engine engine,
                      bool based)
{
        struct translation_options options = {.to = engine};
        _cleanup_translation_ struct translation *translation = NULL;
        uint64_t size = 0;

        if (based) {
                options.base = "r.example/w:1@sha256:"
                               "0000000000000000000000000000000000000000000000000000000000000000";
                options.base_id = "0000000000000000000000000000000000000000000000000000000000000000";
        }
        if (translation_make(archive, metadata, &options, &translation, NULL) < 0)
                return;
        /* A tar is made of whole blocks. */
        if (translation_write(translation, take, &size, NULL) == 0 && size % 512 != 0)
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        _cleanup_metadata_ struct metadata *metadata = NULL;
        _cleanup_archive_ struct archive *archive = NULL;

        if (fd < 0 || file_write_full(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
            archive_open_file(fd, "fuzz", &archive, NULL) < 0 || archive_load(archive, NULL, NULL) < 0 ||
            metadata_load(archive, &metadata, NULL) < 0)
                return 0;
        for (enum engine engine = 0; engine < ENGINE_OCI; engine++) {
                translate(archive, metadata, engine, false);
                translate(archive, metadata, engine, true);
        }
        return 0;
}
