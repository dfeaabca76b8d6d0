/* SPDX-License-Identifier: Apache-2.0 */
/* Restore by "podman container restore --import". */
#include "runtime/podman.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "criu/cause.h"
#include "runtime/feed.h"
#include "runtime/leftover.h"
#include "runtime/restore_log.h"
#include "runtime/spec.h"

#define ARGUMENTS_MOST 16
#define CONFIG_PARENT  "/var/lib/snap/criu"

struct podman_import {
        const struct archive *archive;
        const struct metadata *metadata;
        const struct restore_options *options;
        const char *name; /* of the container to be */
        bool renamed;
        char *criu_config;  /* a CRIU configuration file of ours; NULL: none is needed */
        struct buffer spec; /* the specification to be used instead; empty: as it is */
        struct feed *feed;  /* NULL: Podman reads the file itself */
        char **new_volumes; /* NULL-terminated; those Podman will make */
};

static void import_free(struct podman_import *import)
{
        free(import->criu_config);
        buffer_free(&import->spec);
        feed_freep(&import->feed);
        for (char **volume = import->new_volumes; volume && *volume; volume++)
                free(*volume);
        free(import->new_volumes);
}

/* Looked at again right before the import: what is here before it is never removed after it. */
static int refuse_existing(const struct podman_import *import, struct error *err)
{
        const char *names[] = {import->name, import->renamed ? "" : import->metadata->container_id};
        _cleanup_buffer_ struct buffer words = {0};
        int ret = podman_container_words(&words, err);

        for (size_t i = 0; i < ARRAY_SIZE(names) && ret == 0; i++) {
                if (*names[i] && podman_named(&words, names[i]))
                        ret = error_set(err, &ERROR_CONTAINER_EXISTS, -EEXIST,
                                        "Podman has a container %s already", names[i]);
        }
        return ret;
}

/* Which of the named volumes are to be made by this restore, so that they can be removed when it fails. */
static int find_new_volumes(struct podman_import *import, struct error *err)
{
        yyjson_val *volumes = yyjson_obj_get(yyjson_doc_get_root(import->metadata->config), "namedVolumes"),
                   *volume;
        size_t index, count, found = 0;
        _cleanup_buffer_ struct buffer words = {0};
        int ret = yyjson_arr_size(volumes) ? podman_volume_words(&words, err) : 0;

        if (ret < 0)
                return ret;
        import->new_volumes = calloc(yyjson_arr_size(volumes) + 1, sizeof(char *));
        if (!import->new_volumes)
                return error_oom(err);
        yyjson_arr_foreach (volumes, index, count, volume) {
                const char *name = json_text_or(volume, "volumeName", "");

                if (!*name || podman_named(&words, name))
                        continue;
                import->new_volumes[found] = strdup(name);
                if (!import->new_volumes[found++])
                        return error_oom(err);
        }
        return 0;
}

/*
 * Podman has no option for closing connections; crun and runc read a CRIU configuration file that the
 * specification names. It stays, emptied, because Podman keeps the specification.
 */
static int make_criu_config(struct podman_import *import, struct error *err)
{
        char id[UNIQUE_ID_SIZE];
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        int ret = file_mkdir_all(CONFIG_PARENT, 0700, err);

        if (ret < 0)
                return ret;
        if (asprintf(&import->criu_config, CONFIG_PARENT "/%s.conf", unique_id(id)) < 0) {
                import->criu_config = NULL;
                return error_oom(err);
        }
        ret = file_writer_open(import->criu_config, false, &writer, err);
        if (ret < 0)
                return ret;
        ret = file_write_full(file_writer_fd(writer), "tcp-close\n", strlen("tcp-close\n"));
        if (ret < 0)
                return error_errno(err, -ret, "cannot write %s", import->criu_config);
        return file_writer_commit(writer, err);
}

/* Podman reads plain, gzip and zstd archives itself; for all else the archive is fed to it, and what was
 * encrypted is never on disk. */
static int prepare(struct podman_import *import, struct error *err)
{
        yyjson_val *spec = yyjson_doc_get_root(import->metadata->spec);
        struct spec_changes changes = {0};
        int ret = 0;

        if (import->options->tcp == TCP_CLOSE)
                ret = make_criu_config(import, err);
        changes.criu_config = import->criu_config;
        if (ret == 0 && (import->criu_config || spec_must_change(spec)))
                ret = spec_rewrite(spec, &changes, &import->spec, err);
        if (ret < 0)
                return ret;
        if (!import->spec.size && archive_compression(import->archive) != COMPRESSION_LZ4 &&
            !archive_is_encrypted(import->archive))
                return 0;
        return feed_open(import->archive, import->spec.size ? "spec.dump" : NULL, buffer_slice(&import->spec),
                         &import->feed, err);
}

static int run_restore(struct podman_import *import, struct process_result *result, struct error *err)
{
        static const char *const environment[] = {"PODMAN_IGNORE_CGROUPSV1_WARNING=1", NULL};
        const struct restore_options *options = import->options;
        const char *argv[ARGUMENTS_MOST] = {"podman", "container", "restore"};
        struct process_options run = {.argv = argv, .environment = environment};
        _cleanup_free_ char *from = NULL, *name = NULL, *pod = NULL;
        size_t n = 3;

        if (asprintf(&from, "--import=%s",
                     import->feed ? feed_path(import->feed) : archive_path(import->archive)) < 0)
                from = NULL;
        if (asprintf(&name, "--name=%s", import->name) < 0)
                name = NULL;
        if (options->pod && asprintf(&pod, "--pod=%s", options->pod) < 0)
                pod = NULL;
        if (!from || !name || (options->pod && !pod))
                return error_oom(err);
        argv[n++] = from;
        if (import->renamed)
                argv[n++] = name;
        if (pod)
                argv[n++] = pod;
        if (options->tcp == TCP_KEEP)
                argv[n++] = "--tcp-established";
        if (options->file_locks)
                argv[n++] = "--file-locks";
        if (options->ignore_static_ip) {
                argv[n++] = "--ignore-static-ip";
                argv[n++] = "--ignore-static-mac";
        }
        if (options->ignore_volumes)
                argv[n++] = "--ignore-volumes";
        return process_run(&run, result, err);
}

static int inspect(const char *name, yyjson_doc **out, struct error *err)
{
        const char *argv[] = {"podman", "container", "inspect", "--", name, NULL};
        _cleanup_process_result_ struct process_result result = {0};
        int ret = podman_run(argv, &result, err);

        if (ret < 0)
                return ret;
        if (result.exit_status != 0)
                return error_set(err, &ERROR_CONTAINER_NOT_FOUND, -ENOENT, "Podman has no container %s",
                                 name);
        return json_parse(buffer_slice(&result.output), "the output of podman inspect", out, err);
}

/* The control group that Podman chose, from the specification it wrote. */
static void remove_cgroup(yyjson_val *container)
{
        const char *config = json_text_or(container, "OCIConfigPath", "");
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;

        if (file_read(AT_FDCWD, config, JSON_LIMIT, &text, NULL) < 0 ||
            json_parse(buffer_slice(&text), config, &doc, NULL) < 0)
                return;
        leftover_remove(json_text_or(yyjson_obj_get(yyjson_doc_get_root(doc), "linux"), "cgroupsPath", ""));
}

/* What the import left behind: a container that never ran, its control group, and volumes. */
static void clean_up(const struct podman_import *import, yyjson_val *container)
{
        const char *remove[] = {"podman", "rm", "--force", "--time", "0", "--", import->name, NULL};
        _cleanup_process_result_ struct process_result result = {0};

        remove_cgroup(container);
        if (container)
                (void)podman_run(remove, &result, NULL);
        for (char **volume = import->new_volumes; volume && *volume; volume++) {
                const char *argv[] = {"podman", "volume", "rm", "--", *volume, NULL};
                _cleanup_process_result_ struct process_result removed = {0};

                (void)podman_run(argv, &removed, NULL);
        }
        if (import->criu_config)
                unlink(import->criu_config);
}

static int explain(const struct podman_import *import, yyjson_val *container, struct process_result *result,
                   struct error *err)
{
        _cleanup_buffer_ struct buffer log = {0};
        int ret = import->feed ? feed_error(import->feed, err) : 0;

        if (ret < 0)
                return error_wrap(err, ret, "cannot restore %s", import->name);
        restore_log_read(json_text_or(container, "StaticDir", ""), &log);
        if (log.size || criu_cause_is_known(CRIU_ACTION_RESTORE, buffer_slice(&result->errors)))
                return criu_cause_explain(err, CRIU_ACTION_RESTORE, import->name, buffer_slice(&log),
                                          buffer_slice(&result->errors));
        ret = error_set(err, &ERROR_RUNTIME_FAILED, -EIO, "podman cannot restore %s: %s", import->name,
                        podman_complaint(result));
        error_set_log(err, buffer_text(&result->errors));
        return ret;
}

/* Takes the annotation back, so that a later checkpoint is not told to close connections. */
static int forget_criu_config(const struct podman_import *import, const char *config, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0}, changed = {0};
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct spec_changes changes = {0};
        int ret = truncate(import->criu_config, 0) < 0 ? -errno : 0;

        if (ret < 0)
                return error_errno(err, -ret, "cannot empty %s", import->criu_config);
        ret = file_read(AT_FDCWD, config, JSON_LIMIT, &text, err);
        if (ret == 0)
                ret = json_parse(buffer_slice(&text), config, &doc, err);
        if (ret == 0)
                ret = spec_rewrite(yyjson_doc_get_root(doc), &changes, &changed, err);
        if (ret == 0)
                ret = file_writer_open(config, true, &writer, err);
        if (ret < 0)
                return ret;
        ret = file_write_full(file_writer_fd(writer), changed.data, changed.size);
        if (ret < 0)
                return error_errno(err, -ret, "cannot write %s", config);
        return file_writer_commit(writer, err);
}

static int report(const struct podman_import *import, struct restore_result *out, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *container;
        int ret = inspect(import->name, &doc, err);

        if (ret < 0)
                return ret;
        container = yyjson_arr_get_first(yyjson_doc_get_root(doc));
        out->container_id = strdup(json_text_or(container, "Id", ""));
        out->name = strdup(json_text_or(container, "Name", ""));
        out->pid = (pid_t)json_uint_or(yyjson_obj_get(container, "State"), "Pid", 0);
        if (!out->container_id || !out->name)
                return error_oom(err);
        return import->criu_config
                       ? forget_criu_config(import, json_text_or(container, "OCIConfigPath", ""), err)
                       : 0;
}

int podman_restore(const struct archive *archive, const struct metadata *metadata,
                   const struct restore_options *options, struct restore_result *out, struct error *err)
{
        _cleanup_(import_free) struct podman_import import = {.archive = archive,
                                                              .metadata = metadata,
                                                              .options = options,
                                                              .name = metadata->container_name};
        _cleanup_process_result_ struct process_result result = {0};
        int ret;

        if (archive_form(archive) != ARCHIVE_TAR)
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "%s is a directory; Podman restores from a file", archive_path(archive));
        if (options->name && strcmp(options->name, import.name) != 0) {
                import.name = options->name;
                import.renamed = true;
        }
        if (import.renamed && options->tcp == TCP_KEEP)
                return error_set(
                        err, &ERROR_UNSUPPORTED, -ENOTSUP,
                        "Podman gives a renamed container another address, so connections cannot be kept");
        ret = refuse_existing(&import, err);
        if (ret == 0)
                ret = find_new_volumes(&import, err);
        if (ret == 0)
                ret = prepare(&import, err);
        if (ret == 0)
                ret = run_restore(&import, &result, err);
        if (ret < 0)
                return ret;
        if (result.exit_status != 0) {
                _cleanup_json_ yyjson_doc *doc = NULL;
                yyjson_val *container;

                (void)inspect(import.name, &doc, NULL);
                container = yyjson_arr_get_first(yyjson_doc_get_root(doc));
                ret = explain(&import, container, &result, err);
                clean_up(&import, container);
                return ret;
        }
        return report(&import, out, err);
}
