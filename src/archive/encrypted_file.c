/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/encrypted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include "base/file.h"
#include "crypto/key_ring.h"

/* Opened frames that are kept: several threads may read at different places. */
#define SLOTS 4

struct slot {
        uint64_t number;
        uint64_t used; /* when it was asked for last; 0: empty */
        uint8_t *bytes;
        size_t size;
};

struct encrypted_file {
        int fd;
        char *name;
        uint64_t start;  /* offset of the first frame in the file */
        uint64_t stored; /* bytes of all frames */
        uint64_t frames, size;
        struct gcm *gcm;
        pthread_mutex_t lock;
        uint8_t *frame; /* one as it lies there */
        struct slot slots[SLOTS];
        uint64_t uses;
};

int encrypted_file_is_one(int fd, uint64_t offset, const char *name, bool *is_one, struct error *err)
{
        uint8_t head[ENCRYPTED_PREFIX_SIZE];
        ssize_t n = file_pread_full(fd, head, sizeof(head), offset);

        if (n < 0)
                return error_errno(err, (int)-n, "cannot read `%s`", name);
        *is_one = encrypted_is_one((struct slice){head, (size_t)n});
        return 0;
}

void encrypted_file_free(struct encrypted_file *file)
{
        if (!file)
                return;
        for (size_t i = 0; i < SLOTS; i++)
                free(file->slots[i].bytes);
        if (file->fd >= 0)
                close(file->fd);
        gcm_free(file->gcm);
        pthread_mutex_destroy(&file->lock);
        free(file->frame);
        free(file->name);
        free(file);
}

static ssize_t pread_at(const struct encrypted_file *file, void *data, size_t size, uint64_t offset,
                        struct error *err)
{
        ssize_t n = file_pread_full(file->fd, data, size, offset);

        return n < 0 ? error_errno(err, (int)-n, "cannot read `%s`", file->name) : n;
}

static int unlock(struct encrypted_file *file, struct slice header, struct error *err)
{
        uint8_t file_key[AES256_KEY_SIZE];
        struct openers openers;
        int ret = key_ring_keys(file->name, &openers.keys, &openers.count, err);

        if (ret == 0)
                ret = key_ring_passphrases(file->name, &openers.passphrases, &openers.passphrase_count, err);
        if (ret < 0)
                return ret;
        ret = encrypted_header_open(header, &openers, file_key, err);
        if (ret == 0)
                ret = encrypted_frame_key(file_key, &file->gcm, err);
        explicit_bzero(file_key, sizeof(file_key));
        return ret < 0 ? error_wrap(err, ret, "`%s`", file->name) : 0;
}

static int open_header(struct encrypted_file *file, uint64_t offset, uint64_t size, struct error *err)
{
        uint8_t prefix[ENCRYPTED_PREFIX_SIZE];
        _cleanup_free_ uint8_t *header = NULL;
        size_t header_size;
        ssize_t n = pread_at(file, prefix, sizeof(prefix), offset, err);
        int ret;

        if (n < 0)
                return (int)n;
        if ((size_t)n < sizeof(prefix) || size < sizeof(prefix))
                return error_set(err, &ERROR_ENCRYPTED_TRUNCATED, -EBADMSG, "`%s` is cut short in its header",
                                 file->name);
        ret = encrypted_header_size(prefix, &header_size, err);
        if (ret < 0)
                return error_wrap(err, ret, "`%s`", file->name);
        header = malloc(header_size);
        if (!header)
                return error_oom(err);
        n = pread_at(file, header, header_size, offset, err);
        if (n < 0)
                return (int)n;
        if ((size_t)n < header_size || size < header_size)
                return error_set(err, &ERROR_ENCRYPTED_TRUNCATED, -EBADMSG, "`%s` is cut short in its header",
                                 file->name);
        file->start = offset + header_size;
        file->stored = size - header_size;
        return unlock(file, (struct slice){header, header_size}, err);
}

/* --- what is wrong with a frame ------------------------------------------------------------------------ */

/* What a frame says of itself where it lies. */
static bool peek(const struct encrypted_file *file, uint64_t number, struct frame_head *out)
{
        uint8_t head[ENCRYPTED_FRAME_MORE];
        uint64_t offset = file->start + number * ENCRYPTED_STRIDE;

        return file_pread_full(file->fd, head, sizeof(head), offset) == (ssize_t)sizeof(head) &&
               encrypted_frame_head((struct slice){head, sizeof(head)}, out);
}

static bool stands_elsewhere(const struct encrypted_file *file, uint64_t number)
{
        struct frame_head head;

        for (uint64_t i = 0; i < file->frames; i++)
                if (i != number && peek(file, i, &head) && head.number == number)
                        return true;
        return false;
}

/* A frame that is authentic stands where another one should. What happened is seen at the first such place.
 */
static int misplaced(const struct encrypted_file *file, struct error *err)
{
        struct frame_head head = {0};
        uint64_t place = 0;

        while (place + 1 < file->frames && peek(file, place, &head) && head.number == place)
                place++;
        if (!peek(file, place, &head))
                head.number = place;
        if (head.number < place)
                return error_set(err, &ERROR_ENCRYPTED_ORDER, -EBADMSG,
                                 "`%s`: frame %llu is repeated in the place of frame %llu", file->name,
                                 (unsigned long long)head.number, (unsigned long long)place);
        if (stands_elsewhere(file, place))
                return error_set(err, &ERROR_ENCRYPTED_ORDER, -EBADMSG,
                                 "`%s`: frames were reordered: %llu stands in the place of %llu", file->name,
                                 (unsigned long long)head.number, (unsigned long long)place);
        return error_set(err, &ERROR_ENCRYPTED_ORDER, -EBADMSG,
                         "`%s`: frame %llu is missing, %llu stands in its place", file->name,
                         (unsigned long long)place, (unsigned long long)head.number);
}

static int cut_short(const struct encrypted_file *file, struct error *err)
{
        return error_set(err, &ERROR_ENCRYPTED_TRUNCATED, -EBADMSG,
                         "`%s` is cut short: its last frames are missing", file->name);
}

/* `frame` was opened, and says what it is: is it what should be here? */
static int check_place(const struct encrypted_file *file, uint64_t number, const struct frame_head *head,
                       struct error *err)
{
        bool at_end = number + 1 == file->frames;

        if (head->number != number)
                return misplaced(file, err);
        if (head->last && !at_end)
                return error_set(err, &ERROR_ENCRYPTED_ORDER, -EBADMSG, "`%s`: frames follow its last one",
                                 file->name);
        if (!head->last && at_end)
                return cut_short(file, err);
        return 0;
}

/* Reads and opens one frame. With the lock held. */
static int load(struct encrypted_file *file, uint64_t number, struct slot *slot, struct error *err)
{
        uint64_t offset = number * ENCRYPTED_STRIDE;
        size_t size =
                file->stored - offset < ENCRYPTED_STRIDE ? (size_t)(file->stored - offset) : ENCRYPTED_STRIDE;
        struct slice frame = {file->frame, size};
        struct frame_head head;
        ssize_t n = pread_at(file, file->frame, size, file->start + offset, err);

        if (n < 0)
                return (int)n;
        slot->used = 0;
        if ((size_t)n < size || !encrypted_frame_head(frame, &head))
                return cut_short(file, err);
        if (head.last && size > ENCRYPTED_FRAME_MORE + (uint64_t)head.size)
                return error_set(err, &ERROR_ENCRYPTED_ORDER, -EBADMSG, "`%s`: bytes follow its last frame",
                                 file->name);
        if (size < ENCRYPTED_STRIDE && head.size <= ENCRYPTED_FRAME_SIZE &&
            size < head.size + ENCRYPTED_FRAME_MORE)
                return cut_short(file, err);
        if ((uint64_t)head.size + ENCRYPTED_FRAME_MORE != size ||
            encrypted_frame_open(file->gcm, frame, slot->bytes) < 0)
                return error_set(err, &ERROR_ENCRYPTED_FRAME, -EBADMSG, "`%s`: frame %llu was altered",
                                 file->name, (unsigned long long)number);
        slot->number = number;
        slot->size = head.size;
        slot->used = ++file->uses;
        return check_place(file, number, &head, err);
}

/* --- reading ------------------------------------------------------------------------------------------- */

static int find(struct encrypted_file *file, uint64_t number, struct slot **out, struct error *err)
{
        struct slot *oldest = &file->slots[0];

        for (size_t i = 0; i < SLOTS; i++) {
                struct slot *slot = &file->slots[i];

                if (slot->used && slot->number == number) {
                        slot->used = ++file->uses;
                        *out = slot;
                        return 0;
                }
                if (slot->used < oldest->used)
                        oldest = slot;
        }
        if (!oldest->bytes && !(oldest->bytes = malloc(ENCRYPTED_FRAME_SIZE)))
                return error_oom(err);
        *out = oldest;
        return load(file, number, oldest, err);
}

static int find_end(struct encrypted_file *file, struct error *err)
{
        struct slot *last;
        int ret;

        file->frames = (file->stored + ENCRYPTED_STRIDE - 1) / ENCRYPTED_STRIDE;
        if (!file->frames)
                return cut_short(file, err);
        ret = find(file, file->frames - 1, &last, err);
        if (ret == 0)
                file->size = (file->frames - 1) * ENCRYPTED_FRAME_SIZE + last->size;
        return ret;
}

int encrypted_file_open(int fd, uint64_t offset, uint64_t size, const char *name, struct encrypted_file **out,
                        struct error *err)
{
        _cleanup_encrypted_file_ struct encrypted_file *file = calloc(1, sizeof(*file));
        int ret;

        if (!file)
                return error_oom(err);
        pthread_mutex_init(&file->lock, NULL);
        file->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        file->name = strdup(name);
        file->frame = malloc(ENCRYPTED_STRIDE);
        if (file->fd < 0)
                return error_errno(err, errno, "cannot read `%s`", name);
        if (!file->name || !file->frame)
                return error_oom(err);
        ret = open_header(file, offset, size, err);
        if (ret == 0)
                ret = find_end(file, err);
        if (ret == 0)
                *out = steal_ptr(file);
        return ret;
}

uint64_t encrypted_file_size(const struct encrypted_file *file)
{
        return file->size;
}

int encrypted_file_read(struct encrypted_file *file, uint64_t offset, void *data, size_t size,
                        struct error *err)
{
        uint8_t *to = data;
        int ret = 0;

        if (offset > file->size || size > file->size - offset)
                return cut_short(file, err);
        pthread_mutex_lock(&file->lock);
        while (size && ret == 0) {
                size_t skip = (size_t)(offset % ENCRYPTED_FRAME_SIZE), part;
                struct slot *slot;

                ret = find(file, offset / ENCRYPTED_FRAME_SIZE, &slot, err);
                if (ret < 0)
                        break;
                part = slot->size - skip < size ? slot->size - skip : size;
                memcpy(to, slot->bytes + skip, part);
                to += part;
                offset += part;
                size -= part;
        }
        pthread_mutex_unlock(&file->lock);
        return ret;
}

static int remote_read(void *context, uint64_t offset, void *data, size_t size, struct error *err)
{
        return encrypted_file_read(context, offset, data, size, err);
}

static void remote_release(void *context)
{
        encrypted_file_free(context);
}

struct archive_remote encrypted_file_remote(struct encrypted_file *file)
{
        return (struct archive_remote){remote_read, remote_release, file};
}
