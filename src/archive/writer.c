/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/writer_private.h"

#include <errno.h>
#include <fcntl.h>
#include "base/clock.h"

static const uint8_t zeros[TAR_BLOCK];

/* Members begin a frame of their own after this much, so that to read a small one little has to be expanded.
 */
#define FRAME_SMALL (256 * KIB)

int archive_writer_new(const char *path, bool replace, struct archive_writer **out, struct error *err)
{
        _cleanup_archive_writer_ struct archive_writer *writer = calloc(1, sizeof(*writer));
        int r;

        if (!writer || !(writer->path = strdup(path)))
                return error_oom(err);
        r = file_writer_new(path, replace, &writer->file, err);
        if (r == 0)
                *out = steal_ptr(writer);
        return r;
}

int archive_writer_create(struct archive_writer *writer, enum compression compression, int level,
                          struct error *err)
{
        int r = file_writer_create(writer->file, err);

        writer->compression = compression;
        writer->mtime = clock_realtime_ns() / 1000000000;
        return r < 0 ? r
                     : output_new(file_writer_fd(writer->file), writer->path, compression, level,
                                  &writer->output, err);
}

int archive_writer_open(const char *path, bool replace, enum compression compression, int level,
                        struct archive_writer **out, struct error *err)
{
        _cleanup_archive_writer_ struct archive_writer *writer = NULL;
        int r = archive_writer_new(path, replace, &writer, err);

        if (r == 0)
                r = archive_writer_create(writer, compression, level, err);
        if (r == 0)
                *out = steal_ptr(writer);
        return r;
}

int archive_writer_follow(struct archive_writer *writer, struct error *err)
{
        return writer->compression == COMPRESSION_NONE
                       ? follower_new(file_writer_fd(writer->file), writer->path, writer->output,
                                      &writer->follower, err)
                       : 0;
}

void archive_writer_free(struct archive_writer *writer)
{
        follower_freep(&writer->follower);
        if (writer->output)
                output_free(writer->output);
        if (writer->file)
                file_writer_free(writer->file);
        archive_index_free(&writer->members);
        free(writer->path);
        free(writer);
}

uint64_t archive_writer_input(const struct archive_writer *writer)
{
        return writer->input;
}

uint64_t archive_writer_output(const struct archive_writer *writer)
{
        return output_written(writer->output);
}

const char *archive_writer_temp_path(const struct archive_writer *writer)
{
        return file_writer_temp_path(writer->file);
}

static struct archive_index_member *member_last(struct archive_writer *writer)
{
        return &writer->members.members[writer->members.member_count - 1];
}

/* The header blocks of `member`, which may be more than one when its name is long. */
static int header_make(const struct archive_writer *writer, const struct archive_index_member *member,
                       struct buffer *out, struct error *err)
{
        bool directory = member->type == TAR_DIRECTORY;
        struct tar_entry entry = {
                .type = member->type,
                .mode = member->mode,
                .size = member->size,
                .mtime = writer->mtime,
        };

        snprintf(entry.name, sizeof(entry.name), "%s%s", member->name, directory ? "/" : "");
        return tar_header_append(&entry, NULL, 0, out) < 0 ? error_oom(err) : 0;
}

/* Remembers a member that starts here and makes its header. */
static int member_start(struct archive_writer *writer, const char *name, uint32_t mode, uint64_t size,
                        struct buffer *header, struct error *err)
{
        struct archive_index_member member = {
                .type = text_ends_with(name, "/") ? TAR_DIRECTORY : TAR_FILE,
                .mode = mode,
                .size = size,
                .header = output_stream(writer->output),
        };
        _cleanup_free_ char *bare = strdup(name);
        int r;

        if (!bare)
                return error_oom(err);
        if (member.type == TAR_DIRECTORY)
                bare[strlen(bare) - 1] = '\0';
        if (!file_name_is_safe(bare) || strlen(name) >= TAR_NAME_SIZE)
                return error_set(err, &ERROR_UNSAFE_NAME, -EINVAL, "`%s` cannot name a member of an archive",
                                 name);
        if (writer->in_member || writer->sealed)
                return error_set(err, &ERROR_INTERNAL, -EBUSY, "`%s` begins before another member ended",
                                 name);
        member.name = bare;
        r = header_make(writer, &member, header, err);
        if (r < 0)
                return r;
        member.contents = member.header + header->size;
        if (archive_index_add_member(&writer->members, &member) < 0)
                return error_oom(err);
        return writer->follower ? follower_begin(writer->follower, member.contents, err) : 0;
}

static int frame_cut(struct archive_writer *writer, struct error *err)
{
        uint64_t stream = output_stream(writer->output);

        if (writer->compression == COMPRESSION_NONE || stream - writer->cut < FRAME_SMALL)
                return 0;
        writer->cut = stream;
        return output_cut(writer->output, err);
}

int writer_header_add(struct archive_writer *writer, const char *name, uint32_t mode, uint64_t size,
                      struct error *err)
{
        _cleanup_buffer_ struct buffer header = {};
        int r = frame_cut(writer, err);

        if (r == 0)
                r = member_start(writer, name, mode, size, &header, err);
        return r < 0 ? r : output_append(writer->output, header.data, header.size, err);
}

/* Contents of the last member, which are passed to the output. */
static void contents_count(struct archive_writer *writer, const void *data, size_t size)
{
        struct archive_index_member *member = member_last(writer);

        member->crc = crc32c_update(member->crc, data, size);
        writer->input += size;
        if (writer->follower)
                follower_advance(writer->follower, size);
}

int writer_contents_add(struct archive_writer *writer, const void *data, size_t size, struct error *err)
{
        contents_count(writer, data, size);
        return output_append(writer->output, data, size, err);
}

int writer_pad(struct archive_writer *writer, struct error *err)
{
        uint64_t stream = output_stream(writer->output);

        return output_append(writer->output, zeros, tar_padded(stream) - stream, err);
}

int archive_writer_add(struct archive_writer *writer, const char *name, uint32_t mode, struct slice data,
                       struct error *err)
{
        int r = writer_header_add(writer, name, mode, data.size, err);

        if (r == 0)
                r = writer_contents_add(writer, data.data, data.size, err);
        return r < 0 ? r : writer_pad(writer, err);
}

int archive_writer_begin(struct archive_writer *writer, const char *name, uint32_t mode, struct error *err)
{
        _cleanup_buffer_ struct buffer header = {};
        int r = member_start(writer, name, mode, 0, &header, err);

        /* The size is in the last block, whatever it will be. */
        if (r == 0)
                r = output_append(writer->output, header.data, header.size - TAR_BLOCK, err);
        writer->filled = output_stream(writer->output);
        if (r == 0)
                r = output_append_stored(writer->output, (struct slice){zeros, TAR_BLOCK}, err);
        writer->in_member = r == 0;
        return r;
}

int archive_writer_append(struct archive_writer *writer, const void *data, size_t size, struct error *err)
{
        int r = writer_contents_add(writer, data, size, err);

        if (r == 0)
                member_last(writer)->size += size;
        return r;
}

/* What one read of at most `limit` bytes has, straight into the blocks that are written. Returns as read(),
 * or a negative errno; -EAGAIN is no error of which `err` knows. */
static ssize_t contents_read(struct archive_writer *writer, int fd, uint64_t limit, struct error *err)
{
        uint8_t *data;
        size_t room;
        ssize_t n;
        int r = output_room(writer->output, &data, &room, err);

        if (r < 0)
                return r;
        do
                n = read(fd, data, room < limit ? room : (size_t)limit);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? -EAGAIN
                                       : error_errno(err, errno, "read the contents of `%s`",
                                                     member_last(writer)->name);
        contents_count(writer, data, (size_t)n);
        output_advance(writer->output, (size_t)n);
        return n;
}

ssize_t archive_writer_append_read(struct archive_writer *writer, int fd, struct error *err)
{
        ssize_t n = contents_read(writer, fd, UINT64_MAX, err);

        if (n > 0)
                member_last(writer)->size += (uint64_t)n;
        return n;
}

int archive_writer_end(struct archive_writer *writer, struct error *err)
{
        _cleanup_buffer_ struct buffer header = {};
        int r = writer_pad(writer, err);

        if (r == 0)
                r = header_make(writer, member_last(writer), &header, err);
        if (r < 0)
                return r;
        writer->in_member = false;
        return output_replace_stored(writer->output, writer->filled,
                                     (struct slice){header.data + header.size - TAR_BLOCK, TAR_BLOCK}, err);
}

int archive_writer_add_fd(struct archive_writer *writer, const char *name, uint32_t mode, int fd,
                          struct error *err)
{
        uint64_t done = 0;
        ssize_t n = 1;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return error_errno(err, errno, "look at the file for `%s`", name);
        if (!S_ISREG(st.st_mode))
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "the source of `%s` is not a regular file",
                                 name);
        r = writer_header_add(writer, name, mode, (uint64_t)st.st_size, err);
        if (r < 0)
                return r;
        /* A log may have grown meanwhile: what is there by now is beyond the header's size. */
        for (; n > 0 && done < (uint64_t)st.st_size; done += (uint64_t)n) {
                n = contents_read(writer, fd, (uint64_t)st.st_size - done, err);
                if (n < 0)
                        return (int)n;
        }
        if (done < (uint64_t)st.st_size)
                return error_set(err, &ERROR_IO, -EIO, "the source of `%s` became shorter while it was read",
                                 name);
        return writer_pad(writer, err);
}

int archive_writer_commit(struct archive_writer *writer, struct error *err)
{
        if (!writer->sealed)
                return error_set(err, &ERROR_INTERNAL, -EINVAL, "`%s` is not complete", writer->path);
        return file_writer_commit(writer->file, err);
}
