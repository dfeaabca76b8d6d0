/* SPDX-License-Identifier: Apache-2.0 */
/* An oci-archive, turned into an archive; and the input as an index and as a manifest. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "fuzz.h"
#include "oci/layout_index.h"
#include "oci/manifest.h"

static void unpack(const struct image_reference *from, const char *to)
{
        _cleanup_close_ int dir = mkdir(to, 0700) < 0 ? -1 : open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (dir >= 0)
                image_to_directory(from, NULL, dir, NULL, NULL);
        file_remove_tree(AT_FDCWD, to, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        struct image_layer layers[MANIFEST_LAYERS];
        struct descriptor found;
        bool is_index;
        char path[64], to[64], tag[] = "latest";
        const struct image_reference from = {.transport = IMAGE_OCI_ARCHIVE, .path = path, .tag = tag};
        size_t count;

        layout_index_find((struct slice){data, size}, "index", "latest", &found, &is_index, NULL);
        manifest_parse((struct slice){data, size}, layers, &count, NULL);
        if (fd < 0 || file_write_full(fd, data, size) < 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        snprintf(to, sizeof(to), "/tmp/fuzz-image.%d.tar", (int)getpid());
        unlink(to);
        image_to_archive(&from, NULL, to, NULL, NULL);
        unlink(to);
        unpack(&from, to);
        return 0;
}
