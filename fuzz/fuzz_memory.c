/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From page maps to windows of memory: an archive with two page maps, of a process and of memory that it
 * shares, both from the input, and pages for them. The first byte divides the rest; the next two shape
 * mappings and windows.
 */
#include <sys/mman.h>
#include <unistd.h>
#include "archive/memory_scan.h"
#include "base/file.h"
#include "criu/pagemap.h"
#include "fuzz.h"

#define PAGES 16

static int add_member(struct buffer *tar, const char *name, struct slice contents)
{
        static const uint8_t zeros[TAR_BLOCK];
        struct tar_entry entry = {.type = TAR_FILE, .mode = 0600, .size = contents.size};

        snprintf(entry.name, sizeof(entry.name), "checkpoint/%s", name);
        return tar_header_append(&entry, NULL, 0, tar) < 0 ||
                               (contents.size && buffer_append(tar, contents.data, contents.size) < 0) ||
                               buffer_append(tar, zeros, tar_padded(contents.size) - contents.size) < 0
                       ? -1
                       : 0;
}

/* As many pages files as ids are likely; the content of a page is nobody's concern. */
static int make_archive(struct slice first, struct slice second, struct buffer *tar)
{
        static const uint8_t pages[PAGES * CRIU_PAGE_SIZE];
        static const uint8_t end[2 * TAR_BLOCK];

        return add_member(tar, "pagemap-1.img", first) < 0 ||
                               add_member(tar, "pagemap-shmem-2.img", second) < 0 ||
                               add_member(tar, "pages-1.img", (struct slice){pages, sizeof(pages)}) < 0 ||
                               add_member(tar, "pages-2.img", (struct slice){pages, sizeof(pages)}) < 0 ||
                               buffer_append(tar, end, sizeof(end)) < 0
                       ? -1
                       : 0;
}

static int look(void *context, const struct memory_window *window, struct buffer *result, struct error *err)
{
        uint8_t sum = 0;

        for (size_t i = 0; i < window->before + window->size + window->after; i++)
                sum = (uint8_t)(sum + (window->data - window->before)[i]);
        return buffer_append(result, &sum, 1);
}

static int take(void *context, const struct memory_window *window, struct slice result, struct error *err)
{
        const struct memory_scan *scan = context;

        if (result.size != 1 || window->size == 0 || window->size > scan->size ||
            window->before > scan->before || window->after > scan->after || !window->process)
                abort();
        return 0;
}

static void scan(struct archive *archive, uint8_t shape, uint8_t offset)
{
        struct criu_mapping mappings[] = {
                {.start = 0x1000,
                 .end = 0x1000 + ((uint64_t)shape << 12),
                 .path = "",
                 .is_shared_memory = true,
                 .shared_id = 2,
                 .shared_offset = (uint64_t)offset << 12},
                {.start = 0x800000, .end = 0x900000, .path = "", .is_shared_memory = true, .shared_id = 2},
        };
        struct criu_process process = {.pid = 1, .command = "", .mappings = mappings, .mapping_count = 2};
        struct criu_dump dump = {.processes = &process, .process_count = 1}, *of = &dump;
        struct memory_scan spec = {.size = (2 + shape % 8) * CRIU_PAGE_SIZE,
                                   .before = (size_t)offset * 33,
                                   .after = shape % 3 * CRIU_PAGE_SIZE,
                                   .look = look,
                                   .take = take};
        uint64_t absent;

        spec.context = &spec;
        (void)memory_scan_run(archive, &of, &spec, &absent, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer tar = {0};
        struct slice first, second = {data + 3, size - 3};
        char path[64];

        if (size < 3 || fd < 0 || !slice_take(&second, (size - 3) * data[0] / 255, &first) ||
            make_archive(first, second, &tar) < 0 || file_write_full(fd, tar.data, tar.size) < 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (archive_open(path, &archive, NULL) == 0)
                scan(archive, data[1], data[2]);
        return 0;
}
