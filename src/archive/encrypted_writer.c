/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "archive/encrypted_file.h"
#include "base/bulk_writer.h"

struct encrypted_writer {
        struct bulk_writer *file;
        struct gcm *gcm;
        uint64_t number;
        uint8_t *plain; /* of the next frame, which is not sealed before it is known whether it is the last */
        size_t size;
        uint8_t *sealed;
};

static int write_header(struct encrypted_writer *writer, const struct recipients *recipients,
                        struct error *err)
{
        _cleanup_buffer_ struct buffer header = {0};
        uint8_t file_key[AES256_KEY_SIZE];
        int ret = random_fill(file_key, sizeof(file_key), err);

        if (ret == 0)
                ret = encrypted_header_write(file_key, recipients, &header, err);
        if (ret == 0)
                ret = encrypted_frame_key(file_key, &writer->gcm, err);
        explicit_bzero(file_key, sizeof(file_key));
        if (ret < 0)
                return ret;
        ret = bulk_writer_write(writer->file, buffer_slice(&header));
        return ret < 0 ? error_errno(err, -ret, "cannot write the encrypted archive") : 0;
}

int encrypted_writer_new(int fd, const struct recipients *recipients, struct encrypted_writer **out,
                         struct error *err)
{
        _cleanup_encrypted_writer_ struct encrypted_writer *writer = calloc(1, sizeof(*writer));
        int ret;

        if (!writer)
                return error_oom(err);
        writer->plain = malloc(ENCRYPTED_FRAME_SIZE);
        writer->sealed = malloc(ENCRYPTED_STRIDE);
        if (!writer->plain || !writer->sealed)
                return error_oom(err);
        ret = bulk_writer_new(fd, &writer->file, err);
        if (ret == 0)
                ret = write_header(writer, recipients, err);
        if (ret == 0)
                *out = steal_ptr(writer);
        return ret;
}

void encrypted_writer_free(struct encrypted_writer *writer)
{
        if (!writer)
                return;
        bulk_writer_free(writer->file);
        gcm_free(writer->gcm);
        free(writer->plain);
        free(writer->sealed);
        free(writer);
}

static int write_frame(struct encrypted_writer *writer, bool last, struct error *err)
{
        struct slice plain = {writer->plain, writer->size};
        int ret;

        if (encrypted_frame_seal(writer->gcm, writer->number++, last, plain, writer->sealed) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "AES-GCM failed");
        ret = bulk_writer_write(writer->file,
                                (struct slice){writer->sealed, writer->size + ENCRYPTED_FRAME_MORE});
        writer->size = 0;
        return ret < 0 ? error_errno(err, -ret, "cannot write the encrypted archive") : 0;
}

int encrypted_writer_append(struct encrypted_writer *writer, struct slice bytes, struct error *err)
{
        while (bytes.size) {
                size_t room = ENCRYPTED_FRAME_SIZE - writer->size;
                struct slice part;

                if (!room) {
                        int ret = write_frame(writer, false, err);

                        if (ret < 0)
                                return ret;
                        continue;
                }
                slice_take(&bytes, bytes.size < room ? bytes.size : room, &part);
                memcpy(writer->plain + writer->size, part.data, part.size);
                writer->size += part.size;
        }
        return 0;
}

int encrypted_writer_finish(struct encrypted_writer *writer, struct error *err)
{
        int ret = write_frame(writer, true, err);

        if (ret < 0)
                return ret;
        ret = bulk_writer_finish(writer->file);
        return ret < 0 ? error_errno(err, -ret, "cannot write the encrypted archive") : 0;
}
