/* SPDX-License-Identifier: Apache-2.0 */
/* An archive in several parts, as an image is: the first bytes say where the rest is cut and how it is
 * compressed. */
#include <sys/mman.h>
#include <unistd.h>
#include "archive/verify.h"
#include "base/file.h"
#include "fuzz.h"

#define PARTS_MAX 4

/* One byte of each part: two bits of compression, and its share of what is left in 64ths. */
static size_t cut(struct slice *rest, int fd, struct archive_part *parts)
{
        size_t count = rest->size ? 1 + rest->data[0] % PARTS_MAX : 1, offset = 0;
        struct slice head, part;

        if (rest->size <= PARTS_MAX)
                return 0;
        slice_take(rest, 1 + PARTS_MAX, &head);
        offset = head.size;
        for (size_t i = 0; i < count; i++) {
                size_t share = head.data[1 + i] >> 2;
                size_t size = i + 1 == count ? rest->size : rest->size * share / 64;

                slice_take(rest, size, &part);
                parts[i] = (struct archive_part){.fd = fd,
                                                 .offset = offset,
                                                 .size = size,
                                                 .compression = (enum compression)(head.data[1 + i] & 3)};
                if (sha256_of(part, &parts[i].digest, NULL) < 0)
                        return 0;
                offset += size;
        }
        return count;
}

static int take(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        _cleanup_archive_ struct archive *unread = NULL, *archive = NULL;
        _cleanup_verify_report_ struct verify_report first = {0}, second = {0};
        struct archive_part parts[PARTS_MAX];
        struct slice rest = {data, size};
        size_t count;

        if (fd < 0 || file_write_full(fd, data, size) < 0)
                return 0;
        count = cut(&rest, fd, parts);
        if (!count || archive_open_parts("fuzz", parts, count, &unread, NULL) < 0)
                return 0;
        archive_verify_open(unread, NULL, &first, NULL);
        if (archive_open_parts("fuzz", parts, count, &archive, NULL) < 0 ||
            archive_load(archive, NULL, NULL) < 0)
                return 0;
        for (size_t i = 0; i < archive_count(archive); i++) {
                _cleanup_buffer_ struct buffer bytes = {0};

                archive_read(archive, archive_at(archive, i), MIB, &bytes, NULL);
        }
        archive_stream(archive, take, NULL, NULL);
        archive_verify_open(archive, NULL, &second, NULL);
        return 0;
}
