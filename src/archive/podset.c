/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/podset_private.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"

int podset_load(int dir, const char *path, struct buffer *text, struct pods **out, struct error *err)
{
        int ret = file_read(dir, PODS_NAME, PODS_LIMIT, text, err);

        if (ret == 0)
                ret = pods_parse(buffer_slice(text), PODS_NAME, out, err);
        return ret < 0 ? error_wrap(err, ret, "`%s`", path) : 0;
}

static int open_directory(struct podset *set, struct error *err)
{
        int ret = podset_load(set->dir, set->path, &set->text, &set->pods, err);

        if (ret == -ENOENT)
                error_set_hint(err, "Kubelets of today keep no " PODS_NAME
                                    "; checkpointctl list shows the archives that they write.");
        if (ret < 0)
                return ret;
        return asprintf(&set->place, "%s%s%s", set->path, text_ends_with(set->path, "/") ? "" : "/",
                        PODS_NAME) < 0
                       ? error_oom(err)
                       : 0;
}

static struct podset *podset_new(const char *path)
{
        _cleanup_podset_ struct podset *set = calloc(1, sizeof(*set));

        if (!set)
                return NULL;
        set->dir = -1;
        set->path = strdup(path);
        return set->path ? steal_ptr(set) : NULL;
}

int podset_open_in(struct archive *archive, struct podset **out, struct error *err)
{
        const struct archive_member *member = archive_find(archive, PODS_NAME);
        _cleanup_podset_ struct podset *set = podset_new(archive_path(archive));
        _cleanup_buffer_ struct buffer text = {0};
        int ret;

        if (!set || !(set->place = strdup(set->path)))
                return error_oom(err);
        if (!member || member->type != TAR_FILE)
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EBADMSG, "`%s` has no member `%s`", set->path,
                                 PODS_NAME);
        ret = archive_read(archive, member, PODS_LIMIT, &text, err);
        if (ret < 0)
                return ret;
        ret = pods_parse(buffer_slice(&text), PODS_NAME, &set->pods, err);
        if (ret < 0)
                return error_wrap(err, ret, "`%s`", set->path);
        set->archive = archive;
        *out = steal_ptr(set);
        return 0;
}

int podset_open(const char *path, struct podset **out, struct error *err)
{
        _cleanup_podset_ struct podset *set = NULL;
        _cleanup_archive_ struct archive *archive = NULL;
        int ret, dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (dir < 0 && errno != ENOTDIR)
                return error_errno(err, errno, "cannot open `%s`", path);
        if (dir < 0) {
                ret = archive_open_any(path, &archive, err);
                if (ret == 0)
                        ret = podset_open_in(archive, out, err);
                if (ret == 0)
                        archive = NULL;
                return ret;
        }
        set = podset_new(path);
        if (!set) {
                close(dir);
                return error_oom(err);
        }
        set->dir = dir;
        ret = open_directory(set, err);
        if (ret == 0)
                *out = steal_ptr(set);
        return ret;
}

void podset_free(struct podset *set)
{
        if (set->pods)
                pods_free(set->pods);
        if (set->archive)
                archive_free(set->archive);
        if (set->dir >= 0)
                close(set->dir);
        free(set->path);
        free(set->place);
        buffer_free(&set->text);
        free(set);
}

const struct pods *podset_pods(const struct podset *set)
{
        return set->pods;
}

const char *podset_place(const struct podset *set)
{
        return set->place;
}

static const struct archive_member *find_member(const struct podset *set, const struct pod *pod)
{
        char name[POD_ARCHIVE_SIZE];
        const struct archive_member *member = archive_find(set->archive, pod_archive_name(pod, name));

        return member && member->type == TAR_FILE ? member : NULL;
}

bool podset_has_archive(const struct podset *set, const struct pod *pod)
{
        char name[POD_ARCHIVE_SIZE];
        struct stat st;

        if (!pod->sandbox[0])
                return false;
        if (set->archive)
                return find_member(set, pod) != NULL;
        return fstatat(set->dir, pod_archive_name(pod, name), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISREG(st.st_mode);
}

int podset_open_archive(const struct podset *set, const struct pod *pod, struct archive **out,
                        struct error *err)
{
        _cleanup_free_ char *path = NULL;
        char name[POD_ARCHIVE_SIZE];

        if (!podset_has_archive(set, pod))
                return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT, "`%s` has no archive `%s`",
                                 set->path, pod_archive_name(pod, name));
        if (set->archive)
                return archive_open_inner(set->archive, find_member(set, pod), out, err);
        if (asprintf(&path, "%s/%s", set->path, pod_archive_name(pod, name)) < 0)
                return error_oom(err);
        return archive_open_any(path, out, err);
}
