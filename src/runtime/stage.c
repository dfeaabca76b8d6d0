/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/stage.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "archive/extract.h"
#include "archive/verify.h"
#include "base/clock.h"
#include "base/file.h"
#include "oci/image.h"
#include "oci/location.h"
#include "runtime/feed.h"
#include "runtime/proc.h"

struct stage {
        char *path, *members, *images; /* PARENT/ID, its STAGE_MEMBERS, and the "checkpoint" in there */
        int dir;                       /* the first of them, locked */
        struct archive *archive;
};

/* --- the directory ----------------------------------------------------------------------------------- */

/* While its lock is held, no directory in it is without a lock that will have one. */
static int parent_lock(struct error *err)
{
        _cleanup_close_ int parent = -1;
        int ret = file_mkdir_all(STAGE_PARENT, 0700, err);

        if (ret < 0)
                return ret;
        parent = open(STAGE_PARENT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        while (parent >= 0 && (ret = flock(parent, LOCK_EX)) < 0 && errno == EINTR)
                ;
        return parent < 0 || ret < 0 ? error_errno(err, errno, "cannot lock " STAGE_PARENT)
                                     : steal_fd(&parent);
}

static int is_beneath(void *context, const struct proc_descriptor *descriptor)
{
        return text_starts_with(descriptor->target, context);
}

/* Podman has it in its arguments, CRIU has it open. */
static bool is_used_by(pid_t pid, char *path)
{
        _cleanup_buffer_ struct buffer arguments = {0};

        if (proc_text(pid, "cmdline", &arguments, NULL) == 0 && arguments.size &&
            memmem(arguments.data, arguments.size, path, strlen(path)))
                return true;
        return proc_each_descriptor(pid, is_beneath, path) > 0;
}

/* An engine outlives us: what it restores from must stay until it has ended. */
static bool is_used(const char *name)
{
        _cleanup_closedir_ DIR *list = opendir("/proc");
        char path[sizeof(STAGE_PARENT) + NAME_MAX + 2];

        snprintf(path, sizeof(path), STAGE_PARENT "/%s", name);
        for (struct dirent *item; list && (item = readdir(list));) {
                pid_t pid = isdigit((unsigned char)item->d_name[0]) ? (pid_t)atoi(item->d_name) : 0;

                if (pid && pid != getpid() && is_used_by(pid, path))
                        return true;
        }
        return false;
}

/* Removes the directory `name` unless its restore is alive, or the engine that does it. */
static int remove_abandoned(int parent, const char *name, struct error *err)
{
        _cleanup_close_ int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (dir >= 0 && flock(dir, LOCK_EX | LOCK_NB) < 0)
                return 0;
        if (dir >= 0)
                feed_abandon(dir);
        if (is_used(name))
                return 0;
        return file_remove_tree(parent, name, err);
}

static int remove_all_abandoned(int parent, struct error *err)
{
        _cleanup_closedir_ DIR *list = opendir(STAGE_PARENT);
        int ret = list ? 0 : error_errno(err, errno, "cannot list " STAGE_PARENT);

        for (struct dirent *item; ret == 0 && (item = readdir(list));)
                if (item->d_name[0] != '.')
                        ret = remove_abandoned(parent, item->d_name, err);
        return ret;
}

int stage_recover(struct error *err)
{
        _cleanup_close_ int parent = -1;

        if (access(STAGE_PARENT, F_OK) < 0)
                return 0;
        parent = parent_lock(err);
        return parent < 0 ? parent : remove_all_abandoned(parent, err);
}

static int set_paths(struct stage *stage, struct error *err)
{
        char id[UNIQUE_ID_SIZE];

        if (asprintf(&stage->path, STAGE_PARENT "/%s", unique_id(id)) < 0)
                stage->path = NULL;
        else if (asprintf(&stage->members, "%s/" STAGE_MEMBERS, stage->path) < 0)
                stage->members = NULL;
        else if (asprintf(&stage->images, "%s/checkpoint", stage->members) < 0)
                stage->images = NULL;
        return stage->images ? 0 : error_oom(err);
}

static int make(struct stage *stage, struct error *err)
{
        _cleanup_close_ int parent = parent_lock(err);
        int ret = parent < 0 ? parent : remove_all_abandoned(parent, err);

        if (ret == 0)
                ret = set_paths(stage, err);
        if (ret < 0)
                return ret;
        if (mkdir(stage->path, 0700) < 0)
                return error_errno(err, errno, "cannot make %s", stage->path);
        stage->dir = open(stage->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (stage->dir < 0 || flock(stage->dir, LOCK_EX | LOCK_NB) < 0 || mkdir(stage->members, 0700) < 0)
                return error_errno(err, errno, "cannot make %s", stage->members);
        return 0;
}

/* --- what is in it ----------------------------------------------------------------------------------- */

struct verification {
        const char *text;
        struct archive *archive;
        const struct progress *progress;
        int ret;
        struct error why;
};

static void *verify(void *argument)
{
        struct verification *verification = argument;
        _cleanup_verify_report_ struct verify_report report = {0};

        verification->ret = archive_verify_open(verification->archive, verification->progress, &report,
                                                &verification->why);
        if (verification->ret == 0)
                verification->ret = verify_report_error(&report, verification->text, &verification->why);
        return NULL;
}

/* What is compressed or encrypted is expanded twice: one after the other, so that memory for it is taken
 * once. */
static bool can_be_read_twice_at_once(const struct archive *archive)
{
        return archive_compression(archive) == COMPRESSION_NONE && !archive_is_encrypted(archive);
}

/* What is wrong with an archive is said by its verification, not by the unpacking that stumbles over it. */
static int unpack_archive(const char *text, int dir, const struct progress *progress, struct error *err)
{
        const struct progress silent = {.cancelled = progress ? progress->cancelled : NULL,
                                        .context = progress ? progress->context : NULL};
        struct verification verification = {.text = text, .progress = progress};
        _cleanup_archive_ struct archive *archive = NULL;
        int ret = location_open_unread(text, progress, &archive, err);
        pthread_t thread;
        bool beside;

        if (ret < 0)
                return ret;
        verification.archive = archive;
        beside = can_be_read_twice_at_once(archive) &&
                 pthread_create(&thread, NULL, verify, &verification) == 0;
        if (!beside)
                verify(&verification);
        if (beside || verification.ret == 0)
                ret = archive_extract(archive, "", dir, &silent, err);
        if (beside)
                pthread_join(thread, NULL);
        if (verification.ret == 0)
                return ret;
        if (err)
                *err = verification.why;
        return verification.ret;
}

static int unpack_image(const char *text, const struct registry_access *access, int dir,
                        const struct progress *progress, struct error *err)
{
        _cleanup_image_reference_ struct image_reference reference = {0};
        int ret = image_reference_parse(text, &reference, err);

        return ret < 0 ? ret : image_to_directory(&reference, access, dir, progress, err);
}

static int unpack_verified(int file, const char *path, int dir, const struct progress *progress,
                           struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        int ret = archive_open_file(file, path, &archive, err);

        if (ret == 0)
                ret = archive_load(archive, progress, err);
        return ret < 0 ? ret : archive_extract(archive, "", dir, progress, err);
}

/* What lies here now is what will be restored: whether it fits together is asked of this. */
static int verify_unpacked(const struct stage *stage, const char *text, const struct progress *progress,
                           struct error *err)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        int ret = archive_verify_unpacked(stage->archive, progress, &report, err);

        return ret < 0 ? ret : verify_report_error(&report, text, err);
}

/* `verified`: the open archive when it has been; else -1. */
static int fill(struct stage *stage, int verified, const char *text, const struct registry_access *access,
                const struct progress *progress, struct error *err)
{
        _cleanup_close_ int members = open(stage->members, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int ret;

        if (members < 0)
                return error_errno(err, errno, "cannot open %s", stage->members);
        ret = verified >= 0                  ? unpack_verified(verified, text, members, progress, err)
              : image_reference_is_one(text) ? unpack_image(text, access, members, progress, err)
                                             : unpack_archive(text, members, progress, err);
        if (ret == 0)
                ret = archive_open_file(members, text, &stage->archive, err);
        return ret < 0 ? ret : verify_unpacked(stage, text, progress, err);
}

static int open_filled(int verified, const char *text, const struct registry_access *access,
                       const struct progress *progress, struct stage **out, struct error *err)
{
        _cleanup_stage_ struct stage *stage = calloc(1, sizeof(*stage));
        int ret;

        if (!stage)
                return error_oom(err);
        stage->dir = -1;
        ret = make(stage, err);
        if (ret == 0)
                ret = fill(stage, verified, text, access, progress, err);
        if (ret == 0)
                *out = steal_ptr(stage);
        return ret;
}

int stage_open(const char *text, const struct registry_access *access, const struct progress *progress,
               struct stage **out, struct error *err)
{
        return open_filled(-1, text, access, progress, out, err);
}

int stage_open_verified(int file, const char *path, const struct progress *progress, struct stage **out,
                        struct error *err)
{
        return open_filled(file, path, NULL, progress, out, err);
}

struct archive *stage_archive(const struct stage *stage)
{
        return stage->archive;
}

const char *stage_images(const struct stage *stage)
{
        return stage->images;
}

const char *stage_path(const struct stage *stage)
{
        return stage->path;
}

void stage_free(struct stage *stage)
{
        if (!stage)
                return;
        archive_freep(&stage->archive);
        if (stage->path)
                (void)file_remove_tree(AT_FDCWD, stage->path, NULL);
        if (stage->dir >= 0)
                close(stage->dir);
        free(stage->path);
        free(stage->members);
        free(stage->images);
        free(stage);
}
