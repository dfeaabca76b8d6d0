/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of pod checkpoints, from a tar into its directory. Each archive is written under a name of ours,
 * which stays beside its real name until checkpointed.pods lists the pod. So whatever a run leaves behind
 * says which archives are not there yet as far as anybody else is concerned: undoing a failure, recovering
 * from a run that was killed, and cleaning up after success are the same sweep.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include "archive/internal.h"
#include "archive/podset_private.h"
#include "archive/walk.h"
#include "base/clock.h"
#include "base/file.h"

#define COPY_SIZE    (1 * MIB)
#define LOCK_STEP_US 20000

/* ".SANDBOX.tar.ID.insert" */
#define STAGED_SUFFIX   ".insert"
#define STAGED_TAIL     (sizeof(".tar.") - 1 + UNIQUE_ID_SIZE - 1 + sizeof(STAGED_SUFFIX) - 1)
#define STAGED_MAX      (1 + POD_SANDBOX_MAX + STAGED_TAIL + 1)
#define METADATA_PREFIX "." PODS_NAME "."
#define METADATA_SUFFIX ".tmp"

struct insertion {
        const char *input;
        const char *path; /* of the directory */
        int dir;
        struct podset *set;         /* in the tar */
        struct buffer text;         /* of the directory's checkpointed.pods */
        struct buffer merged;       /* what it is to be */
        struct pods *old;           /* NULL: it has none yet */
        char (*staged)[STAGED_MAX]; /* as the pods of `set`; "" until it is begun */
        uint8_t *copy;
        uint64_t total, done;
        const struct progress *progress;
};

/* "namespace/name (UID …, SandboxID …)" */
static int append_pod(struct buffer *out, const struct pod *pod)
{
        return buffer_printf(out, "%s/%s (UID %s, SandboxID %s)\n", pod->name_space, pod->name, pod->uid,
                             pod->sandbox);
}

static int refuse_doubles(const struct insertion *insertion, const struct pods *pods, size_t count,
                          const char *where, struct buffer *lines, struct error *err)
{
        if (!count)
                return 0;
        error_set(err, &ERROR_EXISTS, -EEXIST,
                  "`%s`: %zu pod%s of it %s in `%s` already; nothing was inserted", insertion->input, count,
                  count == 1 ? "" : "s", count == 1 ? "is" : "are", where);
        error_set_hint(err, "show --show-pod-uid lists what is there. Insert a tar without these pods.");
        error_set_log(err, buffer_text(lines));
        return -EEXIST;
}

static bool lists(const struct pods *pods, size_t count, const struct pod *pod)
{
        for (size_t i = 0; i < count; i++)
                if (pod_equal(&pods->list[i], pod))
                        return true;
        return false;
}

/* Pods that are there already, in the directory or twice in the tar itself. */
static int check_doubles(const struct insertion *insertion, struct error *err)
{
        const struct pods *pods = insertion->set->pods, *old = insertion->old;
        _cleanup_buffer_ struct buffer lines = {0};
        size_t here = 0, there = 0;

        for (size_t i = 0; i < pods->count; i++) {
                bool twice = lists(pods, i, &pods->list[i]);
                bool exists = old && lists(old, old->count, &pods->list[i]);

                here += twice;
                there += exists;
                if ((twice || exists) && append_pod(&lines, &pods->list[i]) < 0)
                        return error_oom(err);
        }
        if (there)
                return refuse_doubles(insertion, pods, there, insertion->path, &lines, err);
        return refuse_doubles(insertion, pods, here, "itself", &lines, err);
}

static int check_archives(struct insertion *insertion, struct error *err)
{
        const struct pods *pods = insertion->set->pods;
        char name[POD_ARCHIVE_SIZE];

        for (size_t i = 0; i < pods->count; i++) {
                const struct pod *pod = &pods->list[i];

                if (!podset_has_archive(insertion->set, pod))
                        return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT,
                                         "`%s` lists the pod `%s` but has no `%s`; nothing was inserted",
                                         insertion->input, pod->name, pod_archive_name(pod, name));
                insertion->total += archive_find(insertion->set->archive, pod_archive_name(pod, name))->size;
        }
        return 0;
}

static int open_directory(struct insertion *insertion, struct error *err)
{
        int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

        insertion->dir = open(insertion->path, flags);
        if (insertion->dir < 0 && errno == ENOENT && mkdir(insertion->path, 0700) == 0)
                insertion->dir = open(insertion->path, flags);
        return insertion->dir < 0 ? error_errno(err, errno, "cannot open the directory `%s`", insertion->path)
                                  : 0;
}

/* The directory itself is the lock, so that nothing has to be left in it. */
static int lock(const struct insertion *insertion, struct error *err)
{
        for (bool told = false;; told = true) {
                if (flock(insertion->dir, LOCK_EX | LOCK_NB) == 0)
                        return 0;
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return error_errno(err, errno, "cannot lock `%s`", insertion->path);
                if (!told)
                        progress_step(insertion->progress, "wait", 0, 0);
                if (progress_cancelled(insertion->progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED,
                                         "cancelled while waiting for another insert into `%s`",
                                         insertion->path);
                usleep(LOCK_STEP_US);
        }
}

static bool is_listed(const struct pods *pods, const char *sandbox)
{
        for (size_t i = 0; pods && i < pods->count; i++)
                if (strcmp(pods->list[i].sandbox, sandbox) == 0)
                        return true;
        return false;
}

/* Removes one staged name and, when no pod lists it, the real name beside it. */
static void sweep_staged(int dir, const char *staged, const struct pods *pods)
{
        char sandbox[STAGED_MAX], name[POD_ARCHIVE_SIZE];
        struct stat a, b;

        snprintf(sandbox, sizeof(sandbox), "%.*s", (int)(strlen(staged) - 1 - STAGED_TAIL), staged + 1);
        pod_archive_name(&(struct pod){.sandbox = sandbox}, name);
        if (!is_listed(pods, sandbox) && fstatat(dir, staged, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
            fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
                unlinkat(dir, name, 0);
        unlinkat(dir, staged, 0);
}

static bool is_staged(const char *name)
{
        size_t size = strlen(name);

        return name[0] == '.' && size > 1 + STAGED_TAIL && size < STAGED_MAX &&
               text_ends_with(name, STAGED_SUFFIX) && text_starts_with(name + size - STAGED_TAIL, ".tar.");
}

static bool is_metadata_draft(const char *name)
{
        return text_starts_with(name, METADATA_PREFIX) && text_ends_with(name, METADATA_SUFFIX) &&
               strlen(name) == strlen(METADATA_PREFIX METADATA_SUFFIX) + UNIQUE_ID_SIZE - 1;
}

/*
 * Brings the directory to what its checkpointed.pods says. With the lock held. While that cannot be read
 * nothing is touched.
 */
static int sweep(const struct insertion *insertion, struct error *err)
{
        _cleanup_pods_ struct pods *pods = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_closedir_ DIR *entries = NULL;
        struct dirent *entry;
        int fd, ret = podset_load(insertion->dir, insertion->path, &text, &pods, err);

        if (ret < 0 && ret != -ENOENT)
                return ret;
        fd = openat(insertion->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        entries = fd < 0 ? NULL : fdopendir(fd);
        if (!entries)
                return error_errno(err, errno, "cannot list `%s`", insertion->path);
        while ((entry = readdir(entries))) {
                if (is_staged(entry->d_name))
                        sweep_staged(insertion->dir, entry->d_name, pods);
                else if (is_metadata_draft(entry->d_name))
                        unlinkat(insertion->dir, entry->d_name, 0);
        }
        if (err)
                *err = (struct error){0};
        return 0;
}

static int load_old(struct insertion *insertion, struct error *err)
{
        int ret = podset_load(insertion->dir, insertion->path, &insertion->text, &insertion->old, err);

        if (ret == -ENOENT && err)
                *err = (struct error){0};
        return ret == -ENOENT ? 0 : ret;
}

static int copy_contents(struct insertion *insertion, struct tar_walk *walk, int fd, const char *name,
                         struct error *err)
{
        while (walk->left) {
                ssize_t n = tar_walk_read(walk, insertion->copy, COPY_SIZE, err);
                int ret;

                if (n < 0)
                        return (int)n;
                ret = file_write_full(fd, insertion->copy, (size_t)n);
                if (ret < 0)
                        return error_errno(err, -ret, "cannot write `%s/%s`", insertion->path, name);
                insertion->done += (uint64_t)n;
                progress_step(insertion->progress, "insert", insertion->done, insertion->total);
                if (progress_cancelled(insertion->progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED,
                                         "cancelled; nothing was inserted");
        }
        return fsync(fd) < 0 ? error_errno(err, errno, "cannot write `%s/%s` to disk", insertion->path, name)
                             : 0;
}

/* Writes the current entry of `walk` under a name of ours. */
static int stage(struct insertion *insertion, struct tar_walk *walk, size_t index, struct error *err)
{
        char *staged = insertion->staged[index], id[UNIQUE_ID_SIZE];
        _cleanup_close_ int fd = -1;

        snprintf(staged, STAGED_MAX, ".%s.tar.%s%s", insertion->set->pods->list[index].sandbox, unique_id(id),
                 STAGED_SUFFIX);
        fd = openat(insertion->dir, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno(err, errno, "cannot create `%s/%s`", insertion->path, staged);
        return copy_contents(insertion, walk, fd, staged, err);
}

/* The pod whose archive has that name in the tar; SIZE_MAX: none. */
static size_t find_pod(const struct pods *pods, const char *name)
{
        size_t size, suffix = strlen(".tar");
        const char *normal = archive_name_normal(name, &size);

        if (size <= suffix || memcmp(normal + size - suffix, ".tar", suffix) != 0)
                return SIZE_MAX;
        for (size_t i = 0; i < pods->count; i++)
                if (strncmp(pods->list[i].sandbox, normal, size - suffix) == 0 &&
                    !pods->list[i].sandbox[size - suffix])
                        return i;
        return SIZE_MAX;
}

static int ignore(struct podset_insertion *result, const char *name, struct error *err)
{
        char **grown = reallocarray(result->ignored, result->ignored_count + 1, sizeof(*grown));

        if (!grown)
                return error_oom(err);
        result->ignored = grown;
        grown[result->ignored_count] = strdup(name);
        return grown[result->ignored_count++] ? 0 : error_oom(err);
}

/* One pass over the tar. That it is whole, and its names harmless, was seen when it was opened. */
static int stage_all(struct insertion *insertion, struct podset_insertion *result, struct error *err)
{
        const struct pods *pods = insertion->set->pods;
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_tar_walk_ struct tar_walk walk = {.what = insertion->input};
        int ret = stream_open(insertion->set->archive, &stream, err);

        if (ret < 0)
                return ret;
        walk.stream = stream;
        while ((ret = tar_walk_next(&walk, err)) > 0) {
                size_t index = find_pod(pods, walk.entry.name), size;
                const char *name = archive_name_normal(walk.entry.name, &size);

                if (index != SIZE_MAX)
                        ret = stage(insertion, &walk, index, err);
                else if (size && strcmp(name, PODS_NAME) != 0)
                        ret = ignore(result, name, err);
                if (ret < 0)
                        return ret;
        }
        return ret;
}

/* Gives the archives their real names, which must be free. */
static int place_all(const struct insertion *insertion, struct error *err)
{
        char name[POD_ARCHIVE_SIZE];

        for (size_t i = 0; i < insertion->set->pods->count; i++) {
                pod_archive_name(&insertion->set->pods->list[i], name);
                if (linkat(insertion->dir, insertion->staged[i], insertion->dir, name, 0) < 0)
                        return error_errno(err, errno, "cannot place `%s/%s`", insertion->path, name);
        }
        if (fsync(insertion->dir) < 0)
                return error_errno(err, errno, "cannot write `%s` to disk", insertion->path);
        return 0;
}

/* From here on the pods are there. */
static int write_metadata(const struct insertion *insertion, struct error *err)
{
        _cleanup_file_writer_ struct file_writer *file = NULL;
        _cleanup_free_ char *path = NULL;
        int ret;

        if (asprintf(&path, "%s/%s", insertion->path, PODS_NAME) < 0)
                return error_oom(err);
        ret = file_writer_open(path, true, &file, err);
        if (ret < 0)
                return ret;
        ret = file_write_full(file_writer_fd(file), insertion->merged.data, insertion->merged.size);
        if (ret < 0)
                return error_errno(err, -ret, "cannot write `%s`", path);
        return file_writer_commit(file, err);
}

static int insert_locked(struct insertion *insertion, struct podset_insertion *result, struct error *err)
{
        int ret = sweep(insertion, err);

        if (ret == 0)
                ret = load_old(insertion, err);
        if (ret == 0)
                ret = check_doubles(insertion, err);
        if (ret == 0)
                ret = pods_write_merged(insertion->old, insertion->set->pods, &insertion->merged, err);
        if (ret == 0)
                ret = stage_all(insertion, result, err);
        if (ret == 0)
                ret = place_all(insertion, err);
        if (ret == 0)
                ret = write_metadata(insertion, err);
        /* Done, or undone; what this cannot do the next run will. */
        (void)sweep(insertion, ret < 0 ? NULL : err);
        return ret;
}

static void insertion_done(struct insertion *insertion)
{
        if (insertion->set)
                podset_free(insertion->set);
        if (insertion->old)
                pods_free(insertion->old);
        if (insertion->dir >= 0)
                close(insertion->dir);
        buffer_free(&insertion->text);
        buffer_free(&insertion->merged);
        free(insertion->staged);
        free(insertion->copy);
}

static int open_input(struct insertion *insertion, struct error *err)
{
        int ret = podset_open(insertion->input, &insertion->set, err);

        if (ret < 0)
                return ret;
        if (!insertion->set->archive)
                return error_set(err, &ERROR_BAD_INPUT, -EISDIR,
                                 "`%s` is a directory; insert takes the tar that extract made of one",
                                 insertion->input);
        insertion->staged = calloc(insertion->set->pods->count + 1, sizeof(*insertion->staged));
        insertion->copy = malloc(COPY_SIZE);
        if (!insertion->staged || !insertion->copy)
                return error_oom(err);
        return check_archives(insertion, err);
}

int podset_insert(const char *input, const char *directory, const struct progress *progress,
                  struct podset_insertion *out, struct error *err)
{
        _cleanup_(insertion_done) struct insertion insertion = {
                .input = input, .path = directory, .dir = -1, .progress = progress};
        int ret = open_input(&insertion, err);

        if (ret == 0)
                ret = open_directory(&insertion, err);
        if (ret == 0)
                ret = lock(&insertion, err);
        if (ret == 0)
                ret = insert_locked(&insertion, out, err);
        if (ret < 0) {
                podset_insertion_free(out);
                return ret;
        }
        out->bytes = insertion.total;
        out->pods = steal_ptr(insertion.set->pods);
        return 0;
}

void podset_insertion_free(struct podset_insertion *insertion)
{
        if (insertion->pods)
                pods_free(insertion->pods);
        for (size_t i = 0; i < insertion->ignored_count; i++)
                free(insertion->ignored[i]);
        free(insertion->ignored);
        *insertion = (struct podset_insertion){0};
}
