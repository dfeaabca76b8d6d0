/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/storage.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/process.h"
#include "oci/errors.h"

#define STORAGE_PREFIX "containers-storage:"
#define NAME_LIMIT     255 /* distribution-spec: of the name without tag */

/* The layout that is handed over: a directory in /var/tmp. */
#define LAYOUT_PREFIX  "snap-image."
#define LAYOUT_PATTERN "XXXXXX" /* mkdtemp(3) */

/* Letters and digits with single separators between them: a component of a name, in lower case. */
static bool component_is_valid(const char *text, size_t size, bool is_host)
{
        if (!size || !isalnum((unsigned char)text[0]) || !isalnum((unsigned char)text[size - 1]))
                return false;
        for (size_t i = 0; i < size; i++)
                if (!isdigit((unsigned char)text[i]) && !islower((unsigned char)text[i]) &&
                    !strchr(is_host ? ".-:ABCDEFGHIJKLMNOPQRSTUVWXYZ" : "._-", text[i]))
                        return false;
        return true;
}

/* What stands before the first '/' is a registry when it looks like one. */
static bool is_registry(const char *text, size_t size)
{
        return memchr(text, '.', size) || memchr(text, ':', size) ||
               (size == strlen("localhost") && strncmp(text, "localhost", size) == 0);
}

/* `size` bytes without the tag. `has_registry` is the answer. */
static bool name_is_valid(const char *name, size_t size, bool *has_registry)
{
        const char *end = name + size, *slash = memchr(name, '/', size);

        *has_registry = slash && is_registry(name, (size_t)(slash - name));
        if (size > NAME_LIMIT)
                return false;
        for (const char *start = name;; start = slash + 1) {
                slash = memchr(start, '/', (size_t)(end - start));
                if (!component_is_valid(start, (size_t)((slash ? slash : end) - start),
                                        *has_registry && start == name))
                        return false;
                if (!slash)
                        return true;
        }
}

/* Names of transports are no names of images, though they look like them: "docker-archive:file". */
static bool has_transport(const char *text)
{
        static const char *const transports[] = {
                "atomic:", "dir:",         "docker:", "docker-archive:",    "docker-daemon:", "oci:",
                "ostree:", "oci-archive:", "sif:",    "containers-storage:"};

        for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
                if (text_starts_with(text, transports[i]))
                        return true;
        return false;
}

int storage_name_parse(const char *text, char **out, struct error *err)
{
        const char *name = text_starts_with(text, STORAGE_PREFIX) ? text + strlen(STORAGE_PREFIX) : text;
        const char *colon = strrchr(name, ':');
        const char *tag = colon && !strchr(colon, '/') ? colon + 1 : NULL; /* else it is that of a port */
        size_t size = tag ? (size_t)(colon - name) : strlen(name);
        bool has_registry;

        tag = tag ? tag : "latest";
        if (has_transport(name) || !name_is_valid(name, size, &has_registry))
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                 "`%s` is neither a place for an image nor the name of one", text);
        if (!image_tag_is_valid(tag))
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                 "`%s`: `%s` is not a tag (letters, digits, '_', '.', '-')", text, tag);
        if (asprintf(out, "%s%.*s:%s", has_registry ? "" : "localhost/", (int)size, name, tag) < 0) {
                *out = NULL;
                return error_oom(err);
        }
        return 0;
}

static int run_tool(const char *const *argv, struct error *err)
{
        const struct process_options options = {.argv = argv};
        _cleanup_process_result_ struct process_result result = {0};

        return process_run_checked(&options, &result, err);
}

/* skopeo is the faster of the two. */
static int hand_over(const char *layout, const char *name, struct error *err)
{
        _cleanup_free_ char *skopeo = process_find("skopeo"), *podman = process_find("podman");
        _cleanup_free_ char *from = NULL, *to = NULL;
        int ret;

        if (asprintf(&from, "oci:%s:%s", layout, name) < 0) {
                from = NULL;
                return error_oom(err);
        }
        if (asprintf(&to, STORAGE_PREFIX "%s", name) < 0) {
                to = NULL;
                return error_oom(err);
        }
        if (skopeo)
                return run_tool((const char *const[]){skopeo, "copy", "--quiet", from, to, NULL}, err);
        if (podman)
                return run_tool((const char *const[]){podman, "pull", "--quiet", from, NULL}, err);
        ret = error_set(err, &ERROR_TOOL_MISSING, -ENOENT,
                        "neither `skopeo` nor `podman` is installed, which the local storage needs");
        error_set_hint(err, "Install one of them, or build into a directory: `oci:DIRECTORY`.");
        return ret;
}

static int build_and_hand_over(struct archive *archive, char *layout, char *name,
                               const struct image_options *options, const struct progress *progress,
                               struct image_result *out, struct error *err)
{
        /* The name of the image is its tag in the layout: Podman takes it from there. */
        const struct image_reference reference = {.transport = IMAGE_OCI, .path = layout, .tag = name};
        int ret = image_build(archive, &reference, options, progress, out, err);

        if (ret < 0)
                return ret;
        progress_step(progress, "store", 0, 0);
        if (!out->made_count)
                ret = hand_over(layout, name, err);
        for (unsigned i = 0; i < out->made_count && ret == 0; i++)
                ret = hand_over(layout, out->made[i].tag, err);
        /* An interrupt from the terminal reaches the tool, too. */
        if (ret < 0 && progress_cancelled(progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "building the image was cancelled");
        return ret < 0 ? error_wrap(err, ret, "put `%s` into the local storage", name) : 0;
}

/* True while its maker lives, who has it locked. */
static bool is_in_use(int directory)
{
        return flock(directory, LOCK_EX | LOCK_NB) < 0;
}

static bool is_layout_name(const char *name)
{
        return text_starts_with(name, LAYOUT_PREFIX) && strlen(name) == strlen(LAYOUT_PREFIX LAYOUT_PATTERN);
}

/* Removes what builds left that were killed. Others may write to this directory, too: only what is ours is
 * touched, and what cannot be removed is left to whoever looks. */
static void remove_leftovers(const char *parent)
{
        _cleanup_closedir_ DIR *dir = opendir(parent);
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                _cleanup_close_ int layout = -1;
                struct stat st;

                if (!is_layout_name(entry->d_name))
                        continue;
                layout = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (layout >= 0 && fstat(layout, &st) == 0 && st.st_uid == geteuid() && !is_in_use(layout))
                        (void)file_remove_tree(dirfd(dir), entry->d_name, NULL);
        }
}

/* Makes a directory and locks it. One that was taken for a leftover in between is gone, and another is made.
 */
static int make_layout(const char *parent, char **path, int *lock, struct error *err)
{
        for (;;) {
                _cleanup_free_ char *layout = NULL;
                _cleanup_close_ int fd = -1;
                struct stat st;

                if (asprintf(&layout, "%s/" LAYOUT_PREFIX LAYOUT_PATTERN, parent) < 0) {
                        layout = NULL;
                        return error_oom(err);
                }
                if (!mkdtemp(layout))
                        return error_errno(err, errno, "create `%s`", layout);
                fd = open(layout, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0 && errno == ENOENT)
                        continue;
                if (fd < 0 || flock(fd, LOCK_EX) < 0)
                        return error_errno(err, errno, "lock `%s`", layout);
                if (lstat(layout, &st) < 0)
                        continue;
                *path = steal_ptr(layout);
                *lock = steal_fd(&fd);
                return 0;
        }
}

int storage_build(struct archive *archive, const char *name, const struct image_options *options,
                  const struct progress *progress, struct image_result *out, struct error *err)
{
        const char *directory = getenv("TMPDIR"), *parent = directory && *directory ? directory : "/var/tmp";
        _cleanup_free_ char *layout = NULL, *copy = strdup(name);
        _cleanup_close_ int lock = -1;
        int ret;

        if (!copy)
                return error_oom(err);
        remove_leftovers(parent);
        ret = make_layout(parent, &layout, &lock, err);
        if (ret < 0)
                return ret;
        ret = build_and_hand_over(archive, layout, copy, options, progress, out, err);
        /* What cannot be removed is worth less than what went wrong before. */
        if (ret < 0)
                (void)file_remove_tree(AT_FDCWD, layout, NULL);
        else
                ret = file_remove_tree(AT_FDCWD, layout, err);
        return ret;
}
