/* SPDX-License-Identifier: Apache-2.0 */
/* A directory in place of an archive: an unpacked one, or what CRIU itself wrote. */
#include <errno.h>
#include <fcntl.h>
#include "archive/internal.h"
#include "base/file.h"

/* "artifacts/", "volumes/NAME/" are the deepest that engines write. */
#define DEPTH_MAX 8

static int on_disk_error(const struct archive *archive, const char *name, int errnum, struct error *err)
{
        if (errnum == ELOOP || errnum == EXDEV)
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                 "`%s/%s` is a link; a checkpoint has only files and directories",
                                 archive->path, name);
        return error_errno(err, errnum, "cannot read `%s/%s`", archive->path, name);
}

/* In a directory of CRIU, "checkpoint/" is the directory itself. */
static const char *disk_name(const struct archive *archive, const char *name)
{
        return archive->bare && text_starts_with(name, "checkpoint/") ? name + strlen("checkpoint/") : name;
}

int archive_open_on_disk(const struct archive *archive, const struct archive_member *member,
                         struct error *err)
{
        const char *name = disk_name(archive, member->name);
        struct stat st;
        int fd = file_open_beneath(archive->fd, name, O_RDONLY | O_NONBLOCK, 0);

        if (fd < 0)
                return on_disk_error(archive, name, -fd, err);
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != member->size) {
                close(fd);
                return error_set(err, &ERROR_ARCHIVE_INCONSISTENT, -EBADMSG,
                                 "`%s/%s` changed while it was read", archive->path, name);
        }
        return fd;
}

/* Member name of a file on disk: statistics and log stand at the top of an archive. */
static char *member_name(const struct archive *archive, const char *path)
{
        char *name;

        if (archive->bare && strcmp(path, "stats-dump") != 0 && strcmp(path, "dump.log") != 0)
                return asprintf(&name, "checkpoint/%s", path) < 0 ? NULL : name;
        return strdup(path);
}

static int add_found(struct archive *archive, const char *path, const struct stat *st, uint64_t *offset,
                     struct error *err)
{
        _cleanup_free_ char *name = member_name(archive, path);
        struct archive_member member = {.mode = st->st_mode & 07777, .header = *offset};
        int ret;

        if (!name)
                return error_oom(err);
        if (S_ISDIR(st->st_mode)) {
                member.type = TAR_DIRECTORY;
        } else if (S_ISREG(st->st_mode)) {
                member.type = TAR_FILE;
                member.size = (uint64_t)st->st_size;
        } else {
                member.type = TAR_SYMLINK; /* anything that is refused */
        }
        if (strlen(name) > 99)
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG, "`%s/%s` has a name no engine writes",
                                 archive->path, path);
        member.offset = member.header + TAR_BLOCK;
        ret = archive_add_member(archive, name, &member, err);
        if (ret < 0)
                return ret;
        *offset = member.offset + tar_padded(member.size);
        archive->size += member.size;
        return 0;
}

static int scan_below(struct archive *archive, const char *prefix, unsigned depth, uint64_t *offset,
                      struct error *err);

static int scan_entry(struct archive *archive, int dir, const char *prefix, const char *entry, unsigned depth,
                      uint64_t *offset, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        struct stat st;
        int ret;

        if (asprintf(&path, "%s%s%s", prefix, *prefix ? "/" : "", entry) < 0)
                return error_oom(err);
        if (fstatat(dir, entry, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return on_disk_error(archive, path, errno, err);
        ret = add_found(archive, path, &st, offset, err);
        if (ret == 0 && S_ISDIR(st.st_mode))
                ret = scan_below(archive, path, depth + 1, offset, err);
        return ret;
}

static int not_dots(const struct dirent *entry)
{
        return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* In the order of names, so that what is made of the directory does not depend on the file system. */
static int scan_below(struct archive *archive, const char *prefix, unsigned depth, uint64_t *offset,
                      struct error *err)
{
        _cleanup_close_ int dir =
                file_open_beneath(archive->fd, *prefix ? prefix : ".", O_RDONLY | O_DIRECTORY, 0);
        struct dirent **entries;
        int count, ret = 0;

        if (dir < 0)
                return on_disk_error(archive, prefix, -dir, err);
        if (depth > DEPTH_MAX)
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EBADMSG,
                                 "`%s` is no checkpoint: `%s` lies too deep", archive->path, prefix);
        count = scandirat(dir, ".", &entries, not_dots, alphasort);
        if (count < 0)
                return on_disk_error(archive, prefix, errno, err);
        for (int i = 0; i < count; i++) {
                if (ret == 0)
                        ret = scan_entry(archive, dir, prefix, entries[i]->d_name, depth, offset, err);
                free(entries[i]);
        }
        free(entries);
        return ret;
}

int archive_scan_directory(struct archive *archive, struct error *err)
{
        const struct archive_member checkpoint = {.type = TAR_DIRECTORY, .mode = 0700, .offset = TAR_BLOCK};
        uint64_t offset = 0;
        struct stat st;
        bool unpacked;
        int ret;

        unpacked = fstatat(archive->fd, "checkpoint", &st, AT_SYMLINK_NOFOLLOW) == 0;
        archive->bare = !unpacked && fstatat(archive->fd, "inventory.img", &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (archive->bare) {
                ret = archive_add_member(archive, "checkpoint", &checkpoint, err);
                if (ret < 0)
                        return ret;
                offset = TAR_BLOCK;
        } else if (!unpacked) {
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EBADMSG,
                                 "`%s` holds no checkpoint: it has neither `inventory.img` nor `checkpoint`",
                                 archive->path);
        }
        ret = scan_below(archive, "", 0, &offset, err);
        archive->stream_size = offset + (uint64_t)2 * TAR_BLOCK;
        return ret;
}
