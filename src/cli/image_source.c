/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include "archive/stream.h"
#include "base/file.h"
#include "cli/image_source.h"
#include "cli/progress_bar.h"
#include "criu/image.h"
#include "oci/location.h"

/* An image file that is being read. */
struct reading {
        struct stream *stream; /* NULL: `fd` */
        int fd;
};

static ssize_t reading_read(void *context, void *data, size_t size, struct error *err)
{
        struct reading *reading = context;
        ssize_t n;

        if (reading->stream)
                return stream_read(reading->stream, data, size, err);
        n = file_read_full(reading->fd, data, size);
        if (n < 0)
                error_errno(err, (int)-n, "cannot read the image file");
        return n;
}

static void reading_close(struct reading *reading)
{
        stream_free(reading->stream);
        cleanup_close(&reading->fd);
}

static int reading_open_file(const char *path, struct reading *out, uint64_t *size, struct error *err)
{
        struct stat st;

        out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (out->fd < 0 || fstat(out->fd, &st) < 0)
                return error_errno(err, errno, "cannot open `%s`", path);
        *size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        return 0;
}

static int reading_open(const struct image_source *source, const char *name, struct reading *out,
                        uint64_t *size, struct error *err)
{
        const struct archive_member *member;
        struct criu_source images;
        int ret;

        if (!source->archive)
                return reading_open_file(source->path, out, size, err);
        images = archive_criu_source(source->archive);
        ret = images.size(images.context, name, size, err);
        if (ret < 0) {
                error_set_hint(err, "`checkpointctl images %s` lists them.", source->path);
                return ret;
        }
        member = archive_find_image(source->archive, name);
        return stream_open_member(source->archive, member, false, &out->stream, err);
}

int image_source_decode(const struct image_source *source, const char *name, struct criu_decoding *decoding,
                        struct error *err)
{
        _cleanup_(reading_close) struct reading reading = {.fd = -1};
        int ret = reading_open(source, name, &reading, &decoding->size, err);

        if (ret < 0)
                return ret;
        decoding->name = name;
        decoding->read = reading_read;
        decoding->source = &reading;
        ret = criu_decode(decoding, err);
        decoding->source = NULL;
        return ret < 0 ? error_wrap(err, ret, "`%s`", source->path) : 0;
}

/* Known by its magic: no archive begins so. */
static bool is_image_file(const char *path)
{
        _cleanup_(reading_close) struct reading reading = {.fd = -1};
        struct criu_image image;
        uint8_t head[8];
        uint64_t size;
        ssize_t n;

        if (reading_open_file(path, &reading, &size, NULL) < 0 || size == 0)
                return false;
        n = reading_read(&reading, head, sizeof(head), NULL);
        return n > 0 && criu_image_open((struct slice){head, (size_t)n}, path, NULL, &image, NULL) == 0;
}

int image_source_open(const char *path, struct image_source *out, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar = progress_bar_new(stderr, PROGRESS_LATE);
        int ret = 0;

        *out = (struct image_source){.path = path};
        if (!location_is_path(path) || !is_image_file(path))
                ret = location_open(path, progress_bar_progress(bar), &out->archive, err);
        progress_bar_finish(bar);
        return ret;
}

void image_source_close(struct image_source *source)
{
        archive_free(source->archive);
}
