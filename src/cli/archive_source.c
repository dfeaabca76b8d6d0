/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "cli/archive_source.h"
#include "cli/memory.h"
#include "oci/image.h"

bool archive_source_exists(const char *text)
{
        return image_reference_is_one(text) || access(text, F_OK) == 0;
}

static int make_directory(struct archive_source *source, struct error *err)
{
        const char *parent = getenv("TMPDIR");

        if (!parent || parent[0] != '/')
                parent = "/var/tmp"; /* /tmp may be memory, and checkpoints are as large as memory */
        memory_check(asprintf(&source->directory, "%s/checkpointctl.XXXXXX", parent));
        if (mkdtemp(source->directory))
                return 0;
        free(steal_ptr(source->directory));
        return error_errno(err, errno, "cannot make a directory in `%s`", parent);
}

int archive_source_open(const char *text, const struct progress *progress, struct archive_source *out,
                        struct error *err)
{
        _cleanup_image_reference_ struct image_reference reference = {0};
        int ret;

        *out = (struct archive_source){0};
        if (!image_reference_is_one(text)) {
                out->path = memory_copy(text);
                return 0;
        }
        ret = image_reference_parse(text, &reference, err);
        if (ret == 0)
                ret = make_directory(out, err);
        if (ret < 0)
                return ret;
        memory_check(asprintf(&out->path, "%s/checkpoint.tar", out->directory));
        return image_to_archive(&reference, out->path, progress, err);
}

void archive_source_close(struct archive_source *source)
{
        if (source->directory)
                (void)file_remove_tree(AT_FDCWD, source->directory, NULL);
        free(source->directory);
        free(source->path);
        *source = (struct archive_source){0};
}
