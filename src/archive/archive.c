/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/archive.h"

#include <errno.h>
#include <fcntl.h>
#include "archive/encrypted_file.h"
#include "archive/encrypted_header.h"
#include "archive/internal.h"
#include "base/file.h"
#include "base/json.h"

static int grow(struct archive *archive, struct error *err)
{
        size_t capacity = archive->capacity ? archive->capacity * 2 : 64;
        struct archive_member *members = reallocarray(archive->members, capacity, sizeof(*members));
        struct kept *kept;

        if (!members)
                return error_oom(err);
        archive->members = members;
        kept = reallocarray(archive->kept, capacity, sizeof(*kept));
        if (!kept)
                return error_oom(err);
        memset(kept + archive->capacity, 0, (capacity - archive->capacity) * sizeof(*kept));
        archive->kept = kept;
        archive->capacity = capacity;
        return 0;
}

const char *archive_name_normal(const char *name, size_t *size)
{
        while (text_starts_with(name, "./"))
                name += 2;
        *size = strlen(name);
        if (*size && name[*size - 1] == '/')
                --*size;
        if (*size == 1 && name[0] == '.')
                *size = 0;
        return name;
}

/* In a layer of an image, ".wh." in front of a name removes another file (image-spec "layer.md"). */
static bool is_whiteout(const char *name)
{
        const char *slash = strrchr(name, '/');

        return text_starts_with(slash ? slash + 1 : name, ".wh.");
}

int archive_admit_name(const char *what, const char *name, enum tar_type type, bool layer, char **out,
                       struct error *err)
{
        size_t size;
        const char *begin = archive_name_normal(name, &size);
        _cleanup_free_ char *normal = strndup(begin, size);

        *out = NULL;
        if (!normal)
                return error_oom(err);
        if (!*normal && type == TAR_DIRECTORY)
                return 0; /* "./", the root of the archive itself */
        if (!file_name_is_safe(normal))
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                 "`%s` has a member named `%s`, which leads out of it", what, name);
        if (layer && is_whiteout(normal))
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                 "`%s`: `%s` removes a member of another layer, as no checkpoint does", what,
                                 normal);
        if (type != TAR_FILE && type != TAR_DIRECTORY)
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                 "`%s`: member `%s` is a link or a special file; a checkpoint has only files "
                                 "and directories",
                                 what, normal);
        *out = steal_ptr(normal);
        return 0;
}

int archive_add_member(struct archive *archive, const char *name, const struct archive_member *member,
                       struct error *err)
{
        _cleanup_free_ char *normal = NULL;
        int ret = archive_admit_name(archive->path, name, member->type, archive->joined, &normal, err);

        if (ret < 0 || !normal)
                return ret;
        if (archive->count == ARCHIVE_MEMBERS_MAX)
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` has more than %d members",
                                 archive->path, ARCHIVE_MEMBERS_MAX);
        archive->names_size += strlen(normal);
        if (archive->names_size > ARCHIVE_NAMES_MAX)
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG,
                                 "`%s`: the names of its members have more than %llu MiB", archive->path,
                                 (unsigned long long)(ARCHIVE_NAMES_MAX / MIB));
        if (archive->count == archive->capacity && (ret = grow(archive, err)) < 0)
                return ret;
        archive->members[archive->count] = *member;
        archive->members[archive->count++].name = steal_ptr(normal);
        return 0;
}

static int compare_names(const void *a, const void *b, void *context)
{
        const struct archive_member *members = context;

        return strcmp(members[*(const size_t *)a].name, members[*(const size_t *)b].name);
}

int archive_sort_names(struct archive *archive, struct error *err)
{
        size_t *by_name = reallocarray(archive->by_name, archive->count + 1, sizeof(size_t));

        if (!by_name)
                return error_oom(err);
        archive->by_name = by_name;
        archive->sorted = 0;
        for (size_t i = 0; i < archive->count; i++)
                archive->by_name[i] = i;
        qsort_r(archive->by_name, archive->count, sizeof(size_t), compare_names, archive->members);
        for (size_t i = 1; i < archive->count; i++) {
                const char *name = archive->members[archive->by_name[i]].name;

                if (strcmp(archive->members[archive->by_name[i - 1]].name, name) == 0)
                        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` has two members `%s`",
                                         archive->path, name);
        }
        archive->sorted = archive->count;
        return 0;
}

static bool is_checkpoint(const struct archive *archive)
{
        for (size_t i = 0; i < archive->count; i++) {
                const char *name = archive->members[i].name;

                if (strcmp(name, "config.dump") == 0 || strcmp(name, "checkpoint") == 0 ||
                    text_starts_with(name, "checkpoint/"))
                        return true;
        }
        return false;
}

int archive_load_digests(struct archive *archive, struct error *err)
{
        _cleanup_json_ yyjson_doc *facts = NULL;
        yyjson_val *members, *key;
        yyjson_obj_iter each;
        int ret;

        if (!archive_find(archive, "snap.json"))
                return 0;
        ret = archive_read_json(archive, "snap.json", &facts, err);
        if (ret < 0)
                return ret;
        members = yyjson_obj_get(yyjson_doc_get_root(facts), "members");
        yyjson_obj_iter_init(members, &each);
        while ((key = yyjson_obj_iter_next(&each))) {
                const struct archive_member *found = archive_find(archive, yyjson_get_str(key));
                yyjson_val *entry = yyjson_obj_iter_get_val(key);
                struct archive_member *member;

                if (!found)
                        continue;
                member = &archive->members[found - archive->members];
                member->crc = (uint32_t)strtoul(json_text_or(entry, "crc32c", "0"), NULL, 16);
                member->has_digest = sha256_parse(json_text_or(entry, "sha256", ""), &member->digest);
        }
        return 0;
}

int archive_new(const char *name, size_t part_count, struct archive **out, struct error *err)
{
        _cleanup_archive_ struct archive *archive = calloc(1, sizeof(*archive));

        if (!archive)
                return error_oom(err);
        archive->fd = archive->spill = -1;
        archive->cache.frame = SIZE_MAX;
        pthread_mutex_init(&archive->cache.lock, NULL);
        archive->path = strdup(name);
        archive->parts = calloc(part_count, sizeof(*archive->parts));
        if (!archive->path || !archive->parts)
                return error_oom(err);
        *out = steal_ptr(archive);
        return 0;
}

int archive_add_part(struct archive *archive, int fd, const struct part *from, struct error *err)
{
        struct part *part = &archive->parts[archive->part_count];

        *part = *from;
        part->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0 && part->fd < 0)
                return error_errno(err, errno, "cannot read `%s`", archive->path);
        archive->part_count++;
        return add_overflow(archive->size, part->size, &archive->size)
                       ? error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` is absurdly large",
                                   archive->path)
                       : 0;
}

int archive_add_file(struct archive *archive, int fd, uint64_t offset, uint64_t size, struct error *err)
{
        _cleanup_encrypted_file_ struct encrypted_file *encrypted = NULL;
        struct part part = {.offset = offset, .size = offset < size ? size - offset : 0};
        bool is_encrypted;
        int ret = encrypted_file_is_one(fd, offset, archive->path, &is_encrypted, err);

        if (ret < 0 || !is_encrypted)
                return ret < 0 ? ret : archive_add_part(archive, fd, &part, err);
        ret = encrypted_file_open(fd, offset, part.size, archive->path, &encrypted, err);
        if (ret < 0)
                return ret;
        part = (struct part){.size = encrypted_file_size(encrypted)};
        part.remote = encrypted_file_remote(steal_ptr(encrypted));
        archive->encrypted = true;
        return archive_add_part(archive, -1, &part, err);
}

ssize_t archive_read_part(const struct archive *archive, const struct part *part, uint64_t offset, void *data,
                          size_t size, struct error *err)
{
        ssize_t n;

        if (size > part->size - offset)
                size = (size_t)(part->size - offset);
        if (part->fd < 0) {
                int ret = size ? part->remote.read(part->remote.context, offset, data, size, err) : 0;

                return ret < 0 ? ret : (ssize_t)size;
        }
        n = file_pread_full(part->fd, data, size, part->offset + offset);
        return n < 0 ? error_errno(err, (int)-n, "cannot read `%s`", archive->path) : n;
}

int archive_complete(struct archive *archive, struct error *err)
{
        int ret;

        if (!archive->any && !is_checkpoint(archive))
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EBADMSG,
                                 "`%s` holds no checkpoint: there is no `checkpoint` directory in it",
                                 archive->path);
        ret = archive_sort_names(archive, err);
        return ret < 0 ? ret : archive_load_digests(archive, err);
}

static int scan_directory(struct archive *archive, int fd, struct error *err)
{
        archive->form = ARCHIVE_DIRECTORY;
        archive->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (archive->fd < 0)
                return error_errno(err, errno, "cannot read `%s`", archive->path);
        return archive_scan_directory(archive, err);
}

static int scan_file(struct archive *archive, int fd, uint64_t size, struct error *err)
{
        off_t offset = lseek(fd, 0, SEEK_CUR);
        int ret = archive_add_file(archive, fd, offset > 0 ? (uint64_t)offset : 0, size, err);

        return ret < 0 ? ret : archive_scan_tar(archive, err);
}

static int open_file(int fd, const char *name, bool any, struct archive **out, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct stat st;
        int ret = archive_new(name, 1, &archive, err);

        if (ret < 0)
                return ret;
        archive->any = any;
        if (fstat(fd, &st) < 0)
                return error_errno(err, errno, "cannot read `%s`", name);
        if (S_ISDIR(st.st_mode))
                ret = scan_directory(archive, fd, err);
        else if (S_ISREG(st.st_mode))
                ret = scan_file(archive, fd, (uint64_t)st.st_size, err);
        else
                ret = error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EINVAL,
                                "`%s` is neither a file nor a directory", name);
        if (ret == 0 && !archive->unread)
                ret = archive_complete(archive, err);
        if (ret == 0)
                *out = steal_ptr(archive);
        return ret;
}

bool archive_is_unread(const struct archive *archive)
{
        return archive->unread;
}

int archive_load(struct archive *archive, const struct progress *progress, struct error *err)
{
        const struct archive_visitor visitor = {.progress = progress, .phase = "read"};

        return archive->unread ? archive_visit(archive, &visitor, err) : 0;
}

/* Hands out an archive that was opened, once it is read. */
static int load_opened(int ret, struct archive *opened, struct archive **out, struct error *err)
{
        if (ret == 0)
                ret = archive_load(opened, NULL, err);
        if (ret < 0)
                archive_free(opened);
        else
                *out = opened;
        return ret;
}

int archive_open_file(int fd, const char *name, struct archive **out, struct error *err)
{
        return open_file(fd, name, false, out, err);
}

static int open_path(const char *path, bool any, struct archive **out, struct error *err)
{
        /* O_NONBLOCK: a FIFO of that name must not make us wait. */
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        return fd < 0 ? error_errno(err, errno, "cannot open `%s`", path)
                      : open_file(fd, path, any, out, err);
}

int archive_open_unread(const char *path, struct archive **out, struct error *err)
{
        return open_path(path, false, out, err);
}

int archive_open(const char *path, struct archive **out, struct error *err)
{
        struct archive *archive = NULL;
        int ret = open_path(path, false, &archive, err);

        return load_opened(ret, archive, out, err);
}

int archive_open_any(const char *path, struct archive **out, struct error *err)
{
        struct archive *archive = NULL;
        int ret = open_path(path, true, &archive, err);

        return load_opened(ret, archive, out, err);
}

int archive_open_inner(const struct archive *outer, const struct archive_member *member, struct archive **out,
                       struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_free_ char *name = NULL;
        struct part part = {.size = member->size};
        int ret;

        if (outer->form != ARCHIVE_TAR || outer->compression != COMPRESSION_NONE || outer->joined ||
            outer->spent || outer->parts[0].fd < 0)
                return error_set(
                        err, &ERROR_UNSUPPORTED, -ENOTSUP,
                        "`%s` is compressed, encrypted or not here: `%s` cannot be looked into where it lies",
                        outer->path, member->name);
        if (asprintf(&name, "%s/%s", outer->path, member->name) < 0)
                return error_oom(err);
        part.offset = outer->parts[0].offset + member->offset;
        ret = archive_new(name, 1, &archive, err);
        if (ret < 0)
                return ret;
        archive->any = true;
        ret = archive_add_part(archive, outer->parts[0].fd, &part, err);
        if (ret == 0)
                ret = archive_scan_tar(archive, err);
        if (ret == 0)
                ret = archive->unread ? archive_load(archive, NULL, err) : archive_complete(archive, err);
        if (ret == 0)
                *out = steal_ptr(archive);
        return ret;
}

static int refuse_encrypted(struct archive *archive, struct error *err)
{
        uint8_t head[ENCRYPTED_MAGIC_SIZE];
        ssize_t n = archive_read_part(archive, &archive->parts[0], 0, head, sizeof(head), err);

        if (n < 0)
                return (int)n;
        if (n < (ssize_t)sizeof(head) || memcmp(head, ENCRYPTED_MAGIC, sizeof(head)) != 0)
                return 0;
        return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                         "`%s` is encrypted: it cannot be looked into where it lies", archive->path);
}

int archive_open_remote(const char *name, const struct archive_remote *remote, uint64_t size,
                        struct archive **out, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        int ret = archive_new(name, 1, &archive, err);

        if (ret < 0) {
                remote->release(remote->context);
                return ret;
        }
        ret = archive_add_part(archive, -1, &(struct part){.remote = *remote, .size = size}, err);
        if (ret == 0)
                ret = refuse_encrypted(archive, err);
        if (ret == 0)
                ret = archive_scan_tar(archive, err);
        if (ret == 0 && !archive->unread)
                ret = archive_complete(archive, err);
        if (ret == 0)
                *out = steal_ptr(archive);
        return ret;
}

int archive_open_pipe(int fd, const char *name, const struct progress *progress, struct archive **out,
                      struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        int ret = archive_new(name, 1, &archive, err);

        if (ret == 0)
                ret = archive_add_part(archive, fd, &(struct part){.pipe = true}, err);
        if (ret == 0)
                ret = archive_scan_tar(archive, err);
        if (ret == 0)
                ret = archive_load(archive, progress, err);
        if (ret < 0)
                return ret;
        archive->spent = true;
        *out = steal_ptr(archive);
        return 0;
}

static int keep_key(struct part *part, const struct ctr_hmac_key *key, struct error *err)
{
        int ret = secret_memory_new(sizeof(*key), &part->key, err);

        if (ret == 0)
                memcpy(part->key.data, key, sizeof(*key));
        return ret;
}

static int add_joined(struct archive *archive, const struct archive_part *from, struct error *err)
{
        const struct part part = {.remote = from->remote,
                                  .offset = from->offset,
                                  .size = from->size,
                                  .compression = from->compression,
                                  .digest = from->digest,
                                  .has_digest = true};
        int ret = archive_add_part(archive, from->fd, &part, err);

        if (ret == 0 && from->key)
                ret = keep_key(&archive->parts[archive->part_count - 1], from->key, err);
        return ret;
}

static int add_absent(struct archive *archive, const struct archive_part *from, struct error *err)
{
        if (add_overflow(archive->size, from->size, &archive->size) ||
            add_overflow(archive->absent, from->absent, &archive->absent))
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` is absurdly large",
                                 archive->path);
        return 0;
}

int archive_open_parts(const char *name, const struct archive_part *parts, size_t count, struct archive **out,
                       struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        int ret = archive_new(name, count, &archive, err);
        size_t i;

        if (ret == 0)
                archive->joined = true;
        for (i = 0; i < count && ret == 0; i++) {
                if (parts[i].absent)
                        ret = add_absent(archive, &parts[i], err);
                else
                        ret = add_joined(archive, &parts[i], err);
        }
        for (; i < count; i++)
                if (parts[i].fd < 0 && !parts[i].absent)
                        parts[i].remote.release(parts[i].remote.context);
        if (ret == 0)
                ret = archive_scan_parts(archive, err);
        if (ret == 0 && !archive->unread)
                ret = archive_complete(archive, err);
        if (ret == 0)
                *out = steal_ptr(archive);
        return ret;
}

static void close_part(struct part *part)
{
        secret_memory_free(&part->key);
        if (part->fd >= 0)
                close(part->fd);
        else
                part->remote.release(part->remote.context);
}

void archive_free(struct archive *archive)
{
        if (!archive)
                return;
        for (size_t i = 0; i < archive->count; i++) {
                free(archive->members[i].name);
                buffer_free(&archive->kept[i].bytes);
        }
        for (size_t i = 0; i < archive->part_count; i++)
                close_part(&archive->parts[i]);
        free(archive->parts);
        free(archive->members);
        free(archive->by_name);
        free(archive->kept);
        archive_index_free(&archive->index);
        buffer_free(&archive->cache.stored);
        buffer_free(&archive->cache.bytes);
        pthread_mutex_destroy(&archive->cache.lock);
        if (archive->fd >= 0)
                close(archive->fd);
        if (archive->spill >= 0)
                close(archive->spill);
        free(archive->path);
        free(archive);
}

const char *archive_path(const struct archive *archive)
{
        return archive->path;
}

enum archive_form archive_form(const struct archive *archive)
{
        return archive->form;
}

enum compression archive_compression(const struct archive *archive)
{
        return archive->compression;
}

bool archive_has_index(const struct archive *archive)
{
        return archive->indexed;
}

bool archive_is_encrypted(const struct archive *archive)
{
        return archive->encrypted;
}

bool archive_is_seekable(const struct archive *archive)
{
        const struct part *part = archive->parts;

        return archive->form == ARCHIVE_TAR && !archive->joined && !part->pipe &&
               (archive->indexed || part->compression == COMPRESSION_NONE);
}

bool archive_identity(const struct archive *archive, struct buffer *out)
{
        struct stat st;

        if (archive->form != ARCHIVE_TAR || archive->joined || archive->parts->fd < 0 ||
            fstat(archive->parts->fd, &st) < 0 || !S_ISREG(st.st_mode))
                return false;
        /* The time of the last change of the inode cannot be set back. */
        return buffer_printf(out, "%llx:%llx:%llu:%lld.%09ld:%lld.%09ld:%llu", (unsigned long long)st.st_dev,
                             (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
                             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec,
                             st.st_ctim.tv_nsec, (unsigned long long)archive->parts->offset) == 0;
}

uint64_t archive_absent_size(const struct archive *archive)
{
        return archive->absent;
}

uint64_t archive_file_size(const struct archive *archive)
{
        return archive->size;
}

size_t archive_count(const struct archive *archive)
{
        return archive->count;
}

const struct archive_member *archive_at(const struct archive *archive, size_t index)
{
        return &archive->members[index];
}

const struct archive_member *archive_find(const struct archive *archive, const char *name)
{
        size_t low = 0, high = archive->sorted;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct archive_member *member = &archive->members[archive->by_name[middle]];
                int order = strcmp(name, member->name);

                if (order == 0)
                        return member;
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}
