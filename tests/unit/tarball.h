/* SPDX-License-Identifier: Apache-2.0 */
/* Small tars made by hand, among them such as no engine would write. Include after testing.h. */
#ifndef SNAP_TESTS_TARBALL_H
#define SNAP_TESTS_TARBALL_H

#include <fcntl.h>
#include "archive/tar.h"
#include "base/file.h"

/* tests/data/archives of the source tree. */
#define GOLDEN(name) TEST_DATA "/archives/" name

static inline void tarball_header(struct buffer *tar, const char *name, enum tar_type type, uint64_t size)
{
        struct tar_entry entry = {.type = type, .mode = 0644, .size = size};

        snprintf(entry.name, sizeof(entry.name), "%s", name);
        if (type == TAR_SYMLINK || type == TAR_HARD_LINK)
                strcpy(entry.link, "/etc/passwd");
        assert_int_equal(tar_header_append(&entry, NULL, 0, tar), 0);
}

static inline void tarball_contents(struct buffer *tar, struct slice contents)
{
        static const uint8_t zeros[TAR_BLOCK];

        assert_int_equal(buffer_append(tar, contents.data, contents.size), 0);
        assert_int_equal(buffer_append(tar, zeros, (size_t)(tar_padded(contents.size) - contents.size)), 0);
}

static inline void tarball_file(struct buffer *tar, const char *name, struct slice contents)
{
        tarball_header(tar, name, TAR_FILE, contents.size);
        tarball_contents(tar, contents);
}

static inline void tarball_text(struct buffer *tar, const char *name, const char *text)
{
        tarball_file(tar, name, SLICE_TEXT(text));
}

static inline void tarball_end(struct buffer *tar)
{
        static const uint8_t zeros[2 * TAR_BLOCK];

        assert_int_equal(buffer_append(tar, zeros, sizeof(zeros)), 0);
}

static inline void write_bytes(const char *path, struct slice bytes)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(file_write_full(fd, bytes.data, bytes.size), 0);
        close(fd);
}

static inline void read_bytes(const char *path, struct buffer *out)
{
        struct error err = {0};

        assert_success(file_read(AT_FDCWD, path, 64 * MIB, out, &err), &err);
}

#endif
