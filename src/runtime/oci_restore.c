/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/oci_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "archive/extract.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "criu/cause.h"
#include "runtime/drain.h"
#include "runtime/leftover.h"
#include "runtime/restore_log.h"
#include "runtime/spec.h"
#include "runtime/stage.h"

#define ARGUMENTS_MOST 20
#define LOG_LIMIT      (64 * KIB)

extern char **environ;

struct oci_import {
        const char *runtime;
        const struct stage *stage;
        const struct metadata *metadata;
        const struct restore_options *options;
        const char *name;
        char *home;   /* OCI_BUNDLES/NAME, ours */
        char *bundle; /* with config.json: home, or the person's */
        char *work;   /* home/work: logs */
        char *cgroup; /* of a container in a bundle of ours */
        bool made;    /* home was made by us and goes when the restore fails */
};

static void import_free(struct oci_import *import)
{
        free(import->home);
        free(import->bundle);
        free(import->work);
        free(import->cgroup);
}

static const char *import_name(const struct metadata *metadata, const struct restore_options *options)
{
        return options->name               ? options->name
               : *metadata->container_name ? metadata->container_name
                                           : metadata->container_id;
}

/* The name becomes a directory and an argument. */
static bool name_fine(const char *name)
{
        return *name && *name != '-' && !strchr(name, '/') && file_name_is_safe(name) && strlen(name) < 200;
}

static int paths_set(struct oci_import *import, struct error *err)
{
        if (asprintf(&import->home, OCI_BUNDLES "/%s", import->name) < 0)
                import->home = NULL;
        else if (asprintf(&import->work, "%s/work", import->home) < 0)
                import->work = NULL;
        else if (asprintf(&import->cgroup, "/snap/%s", import->name) < 0)
                import->cgroup = NULL;
        import->bundle = import->options->bundle ? realpath(import->options->bundle, NULL)
                         : import->home          ? strdup(import->home)
                                                 : NULL;
        if (import->options->bundle && !import->bundle)
                return error_errno(err, errno, "cannot use the bundle %s", import->options->bundle);
        return import->home && import->work && import->cgroup && import->bundle ? 0 : error_oom(err);
}

static int make_home(struct oci_import *import, struct error *err)
{
        int ret = file_mkdir_all(OCI_BUNDLES, 0700, err);

        if (ret < 0)
                return ret;
        if (mkdir(import->home, 0700) < 0)
                return error_errno(err, errno, "cannot make the bundle %s", import->home);
        import->made = true;
        return mkdir(import->work, 0700) < 0 ? error_errno(err, errno, "cannot make %s", import->work) : 0;
}

/* The runtime's user of the container must be able to reach its root, so the directories above are opened up,
 * but nobody but root can list them. */
static int make_rootfs(const struct oci_import *import, struct error *err)
{
        const struct archive *archive = stage_archive(import->stage);
        _cleanup_close_ int rootfs = -1;
        _cleanup_free_ char *path = NULL;
        int ret;

        if (asprintf(&path, "%s/rootfs", import->home) < 0) {
                path = NULL;
                return error_oom(err);
        }
        /* The mode of a root, unless the archive names another; our umask must not come in between. */
        if (mkdir(path, 0755) < 0 || chmod(path, 0755) < 0 || chmod(import->home, 0711) < 0 ||
            chmod(OCI_BUNDLES, 0711) < 0)
                return error_errno(err, errno, "cannot make %s", path);
        rootfs = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (rootfs < 0)
                return error_errno(err, errno, "cannot open %s", path);
        ret = archive_extract_tree(archive, "rootfs-diff.tar", rootfs, NULL, err);
        return ret < 0 ? ret : archive_apply_deleted(archive, rootfs, err);
}

static int write_file(const char *path, struct slice contents, struct error *err)
{
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        int ret = file_writer_open(path, true, &writer, err);

        if (ret < 0)
                return ret;
        ret = file_write_full(file_writer_fd(writer), contents.data, contents.size);
        return ret < 0 ? error_errno(err, -ret, "cannot write %s", path) : file_writer_commit(writer, err);
}

static int make_config(const struct oci_import *import, struct error *err)
{
        struct spec_changes changes = {.rootfs = "rootfs", .cgroup = import->cgroup};
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_free_ char *path = NULL;
        int ret;

        if (asprintf(&path, "%s/config.json", import->bundle) < 0) {
                path = NULL;
                return error_oom(err);
        }
        ret = spec_rewrite(yyjson_doc_get_root(import->metadata->spec), &changes, &text, err);
        return ret < 0 ? ret : write_file(path, buffer_slice(&text), err);
}

/* What the container had as standard input and output becomes what the runtime has; its own words go to a
 * file. */
static int spawn(const char *const *argv, const int stdio[3], pid_t *pid, struct error *err)
{
        posix_spawn_file_actions_t actions;
        int ret = posix_spawn_file_actions_init(&actions);

        if (ret)
                return error_oom(err);
        for (int fd = 0; fd < 3 && ret == 0; fd++)
                ret = posix_spawn_file_actions_adddup2(&actions, stdio[fd], fd);
        if (ret == 0)
                ret = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        return ret ? error_errno(err, ret, "cannot start %s", argv[0]) : 0;
}

static int run_detached(const char *const *argv, int *exit_status, struct error *err)
{
        int stdio[3], status, ret = drain_start(stdio, err);
        pid_t pid;

        if (ret < 0)
                return ret;
        ret = spawn(argv, stdio, &pid, err);
        for (int i = 0; i < 3; i++)
                close(stdio[i]);
        while (ret == 0 && waitpid(pid, &status, 0) < 0) {
                if (errno != EINTR)
                        ret = error_errno(err, errno, "cannot wait for %s", argv[0]);
        }
        if (ret == 0)
                *exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return ret;
}

static int run_restore(const struct oci_import *import, const char *log, int *exit_status, struct error *err)
{
        const char *argv[ARGUMENTS_MOST] = {import->runtime, "--log",        log,
                                            "restore",       "--detach",     "--bundle",
                                            import->bundle,  "--image-path", stage_images(import->stage),
                                            "--work-path",   import->work};
        size_t n = 11;

        if (import->options->tcp == TCP_KEEP)
                argv[n++] = "--tcp-established";
        if (import->options->tcp == TCP_CLOSE)
                argv[n++] = "--tcp-close";
        if (import->options->file_locks)
                argv[n++] = "--file-locks";
        argv[n++] = import->name;
        return run_detached(argv, exit_status, err);
}

static int explain(const struct oci_import *import, const char *log_path, struct error *err)
{
        _cleanup_buffer_ struct buffer log = {0}, words = {0};
        int ret;

        restore_log_read(import->work, &log);
        (void)file_read(AT_FDCWD, log_path, LOG_LIMIT, &words, NULL);
        if (log.size || criu_cause_is_known(CRIU_ACTION_RESTORE, buffer_slice(&words)))
                return criu_cause_explain(err, CRIU_ACTION_RESTORE, import->name, buffer_slice(&log),
                                          buffer_slice(&words));
        ret = error_set(err, &ERROR_RUNTIME_FAILED, -EIO, "%s cannot restore %s", import->runtime,
                        import->name);
        error_set_log(err, buffer_text(&words));
        return ret;
}

static void clean_up(const struct oci_import *import, bool ran)
{
        const char *argv[] = {import->runtime, "delete", "--force", import->name, NULL};
        struct process_options options = {.argv = argv};
        _cleanup_process_result_ struct process_result result = {0};

        if (ran)
                (void)process_run(&options, &result, NULL);
        if (ran && !import->options->bundle)
                leftover_remove(import->cgroup);
        if (import->made)
                (void)file_remove_tree(AT_FDCWD, import->home, NULL);
}

static int report(const struct oci_import *import, struct restore_result *out, struct error *err)
{
        const char *argv[] = {import->runtime, "state", import->name, NULL};
        struct process_options options = {.argv = argv};
        _cleanup_process_result_ struct process_result result = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        int ret = process_run_checked(&options, &result, err);

        if (ret == 0)
                ret = json_parse(buffer_slice(&result.output), "the state of the container", &doc, err);
        if (ret < 0)
                return ret;
        out->container_id = strdup(import->name);
        out->name = strdup(import->name);
        out->pid = (pid_t)json_uint_or(yyjson_doc_get_root(doc), "pid", 0);
        return out->container_id && out->name ? 0 : error_oom(err);
}

static int restore(struct oci_import *import, struct restore_result *out, struct error *err)
{
        _cleanup_free_ char *log = NULL;
        int exit_status = 0, ret = make_home(import, err);

        if (ret == 0 && !import->options->bundle) {
                ret = make_rootfs(import, err);
                if (ret == 0)
                        ret = make_config(import, err);
        }
        if (ret == 0 && asprintf(&log, "%s/runtime.log", import->work) < 0) {
                log = NULL;
                ret = error_oom(err);
        }
        if (ret == 0)
                ret = run_restore(import, log, &exit_status, err);
        if (ret == 0 && exit_status != 0)
                ret = explain(import, log, err);
        if (ret < 0) {
                clean_up(import, exit_status != 0);
                return ret;
        }
        if (import->options->bundle)
                (void)file_remove_tree(AT_FDCWD, import->home, NULL);
        return report(import, out, err);
}

int oci_restore(const char *runtime, const struct stage *stage, const struct metadata *metadata,
                const struct restore_options *options, struct restore_result *out, struct error *err)
{
        _cleanup_(import_free) struct oci_import import = {.runtime = runtime,
                                                           .stage = stage,
                                                           .metadata = metadata,
                                                           .options = options,
                                                           .name = import_name(metadata, options)};
        int ret;

        if (!name_fine(import.name))
                return error_set(err, &ERROR_UNSAFE_NAME, -EINVAL, "'%s' cannot be the name of a container",
                                 import.name);
        ret = paths_set(&import, err);
        return ret < 0 ? ret : restore(&import, out, err);
}
