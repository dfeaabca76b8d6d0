/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/archive.h"

#include <errno.h>
#include <fcntl.h>
#include "archive/internal.h"
#include "base/file.h"
#include "base/json.h"

static int grow(struct archive *archive, struct error *err)
{
        size_t capacity = archive->capacity ? archive->capacity * 2 : 64;
        struct archive_member *members;

        members = reallocarray(archive->members, capacity, sizeof(*members));
        if (!members)
                return error_oom(err);
        archive->members = members;
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

int archive_add_member(struct archive *archive, const char *name, const struct archive_member *member,
                       struct error *err)
{
        size_t size;
        const char *begin = archive_name_normal(name, &size);
        _cleanup_free_ char *normal = strndup(begin, size);
        int ret;

        if (!normal)
                return error_oom(err);
        if (!*normal && member->type == TAR_DIRECTORY)
                return 0; /* "./", the root of the archive itself */
        if (!file_name_is_safe(normal))
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                 "`%s` has a member named `%s`, which leads out of it", archive->path, name);
        if (member->type != TAR_FILE && member->type != TAR_DIRECTORY)
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                 "`%s`: member `%s` is a link or a special file; a checkpoint has only files "
                                 "and directories",
                                 archive->path, normal);
        if (archive->count == ARCHIVE_MEMBERS_MAX)
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` has more than %d members",
                                 archive->path, ARCHIVE_MEMBERS_MAX);
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
        archive->by_name = reallocarray(NULL, archive->count + 1, sizeof(size_t));
        if (!archive->by_name)
                return error_oom(err);
        for (size_t i = 0; i < archive->count; i++)
                archive->by_name[i] = i;
        qsort_r(archive->by_name, archive->count, sizeof(size_t), compare_names, archive->members);
        for (size_t i = 1; i < archive->count; i++) {
                const char *name = archive->members[archive->by_name[i]].name;

                if (strcmp(archive->members[archive->by_name[i - 1]].name, name) == 0)
                        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` has two members `%s`",
                                         archive->path, name);
        }
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

static int open_by_form(struct archive *archive, struct error *err)
{
        struct stat st;

        if (fstat(archive->fd, &st) < 0)
                return error_errno(err, errno, "cannot read `%s`", archive->path);
        if (S_ISDIR(st.st_mode)) {
                archive->form = ARCHIVE_DIRECTORY;
                return archive_scan_directory(archive, err);
        }
        if (!S_ISREG(st.st_mode))
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EINVAL,
                                 "`%s` is neither a file nor a directory", archive->path);
        archive->size = (uint64_t)st.st_size;
        return archive_scan_tar(archive, err);
}

struct archive *archive_new(const char *path, struct error *err)
{
        _cleanup_archive_ struct archive *archive = calloc(1, sizeof(*archive));

        if (archive) {
                archive->fd = -1;
                archive->cache.frame = SIZE_MAX;
                pthread_mutex_init(&archive->cache.lock, NULL);
                archive->path = strdup(path);
        }
        if (!archive || !archive->path) {
                error_oom(err);
                return NULL;
        }
        return steal_ptr(archive);
}

/* What is left to do once the members are known. */
static int finish(struct archive *archive, struct error *err)
{
        int ret = archive_sort_names(archive, err);

        return ret < 0 ? ret : archive_load_digests(archive, err);
}

static int open_path(const char *path, bool any, struct archive **out, struct error *err)
{
        _cleanup_archive_ struct archive *archive = archive_new(path, err);
        int ret;

        if (!archive)
                return -ENOMEM;
        /* O_NONBLOCK: a FIFO of that name must not make us wait. */
        archive->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (archive->fd < 0)
                return error_errno(err, errno, "cannot open `%s`", path);
        ret = open_by_form(archive, err);
        if (ret < 0)
                return ret;
        if (!any && !is_checkpoint(archive))
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EBADMSG,
                                 "`%s` holds no checkpoint: there is no `checkpoint` directory in it", path);
        ret = finish(archive, err);
        if (ret < 0)
                return ret;
        *out = steal_ptr(archive);
        return 0;
}

int archive_open(const char *path, struct archive **out, struct error *err)
{
        return open_path(path, false, out, err);
}

int archive_open_any(const char *path, struct archive **out, struct error *err)
{
        return open_path(path, true, out, err);
}

int archive_open_inner(const struct archive *outer, const struct archive_member *member, struct archive **out,
                       struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_free_ char *path = NULL;
        int ret;

        if (outer->form != ARCHIVE_TAR || outer->compression != COMPRESSION_NONE)
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "`%s` is compressed: `%s` cannot be looked into where it lies", outer->path,
                                 member->name);
        if (asprintf(&path, "%s/%s", outer->path, member->name) < 0)
                return error_oom(err);
        archive = archive_new(path, err);
        if (!archive)
                return -ENOMEM;
        archive->fd = fcntl(outer->fd, F_DUPFD_CLOEXEC, 0);
        if (archive->fd < 0)
                return error_errno(err, errno, "cannot open `%s`", path);
        archive->origin = outer->origin + member->offset;
        archive->size = member->size;
        ret = archive_scan_tar(archive, err);
        if (ret == 0)
                ret = finish(archive, err);
        if (ret == 0)
                *out = steal_ptr(archive);
        return ret;
}

void archive_free(struct archive *archive)
{
        if (!archive)
                return;
        for (size_t i = 0; i < archive->count; i++) {
                free(archive->members[i].name);
                if (archive->kept)
                        buffer_free(&archive->kept[i]);
        }
        free(archive->members);
        free(archive->by_name);
        free(archive->kept);
        archive_index_free(&archive->index);
        buffer_free(&archive->cache.stored);
        buffer_free(&archive->cache.bytes);
        pthread_mutex_destroy(&archive->cache.lock);
        if (archive->fd >= 0)
                close(archive->fd);
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
        size_t low = 0, high = archive->count;

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
