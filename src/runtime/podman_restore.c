/* SPDX-License-Identifier: Apache-2.0 */
/* Restore by "podman container restore --import". */
#include "runtime/podman.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/json.h"
#include "criu/cause.h"
#include "runtime/feed.h"
#include "runtime/leftover.h"
#include "runtime/restore_log.h"
#include "runtime/spec.h"
#include "runtime/stage.h"

#define ARGUMENTS_MOST 16
#define CRIU_CONFIG    "criu.conf" /* on the stage */
#define ADDRESS_HINT                                                                                         \
        "A restore of it was killed together with its Podman, which did not give the address back: take "    \
        "another address (--ignore-static-ip), or restart the machine."

struct podman_import {
        const struct stage *stage;
        const struct metadata *metadata;
        const struct restore_options *options;
        const char *name; /* of the container to be */
        bool renamed;
        struct archive *archive; /* what Podman gets, … */
        struct feed *feed;       /* … through this */
        char **new_volumes;      /* NULL-terminated; those Podman will make */
};

static void import_free(struct podman_import *import)
{
        feed_freep(&import->feed);
        archive_freep(&import->archive);
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

static int make_file(int dir, const char *name, struct slice contents, struct error *err)
{
        _cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int ret = fd < 0 ? -errno : file_write_full(fd, contents.data, contents.size);

        return ret < 0 ? error_errno(err, -ret, "cannot write %s", name) : 0;
}

/*
 * What Podman has no option for, crun and runc read in a CRIU configuration file that the specification
 * names: where the images are, so that Podman need not unpack memory, and that connections are closed. Podman
 * keeps the specification; CRIU passes over a file that is no more.
 */
static int make_criu_config(const struct podman_import *import, int dir, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int ret = buffer_printf(&text, "images-dir %s\n%s", stage_images(import->stage),
                                import->options->tcp == TCP_CLOSE ? "tcp-close\n" : "");

        return ret < 0 ? error_oom(err) : make_file(dir, CRIU_CONFIG, buffer_slice(&text), err);
}

static int make_spec(const struct podman_import *import, int dir, struct error *err)
{
        _cleanup_free_ char *config = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        int ret;

        if (asprintf(&config, "%s/" CRIU_CONFIG, stage_path(import->stage)) < 0) {
                config = NULL;
                return error_oom(err);
        }
        ret = spec_rewrite(yyjson_doc_get_root(import->metadata->spec),
                           &(struct spec_changes){.criu_config = config}, &text, err);
        return ret < 0 ? ret : make_file(dir, "spec.dump", buffer_slice(&text), err);
}

/* Of CRIU's images, Podman looks for one, and the runtimes for what the descriptors are. Our own members say
 * what the archive was. */
static bool is_handed_on(const char *name)
{
        if (text_starts_with(name, "checkpoint/"))
                return strcmp(name, "checkpoint/inventory.img") == 0 ||
                       strcmp(name, "checkpoint/descriptors.json") == 0;
        return strcmp(name, "spec.dump") != 0 && strcmp(name, "snap.json") != 0 &&
               strcmp(name, "snap.index") != 0;
}

static int link_members(const struct podman_import *import, int from, int to, struct error *err)
{
        const struct archive *archive = stage_archive(import->stage);
        int ret = 0;

        for (size_t i = 0; i < archive_count(archive) && ret == 0; i++) {
                const struct archive_member *member = archive_at(archive, i);

                if (!is_handed_on(member->name))
                        continue;
                if (member->type == TAR_DIRECTORY)
                        ret = file_mkdir_beneath(to, member->name, err);
                else if (linkat(from, member->name, to, member->name, 0) < 0)
                        ret = error_errno(err, errno, "cannot link %s", member->name);
        }
        return ret;
}

/* Puts together what Podman gets, and feeds it through a pipe. */
static int prepare(struct podman_import *import, struct error *err)
{
        _cleanup_close_ int stage = open(stage_path(import->stage), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                            from = -1, to = -1;
        int ret;

        if (stage < 0 || mkdirat(stage, "import", 0700) < 0 ||
            (from = openat(stage, STAGE_MEMBERS, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
            (to = openat(stage, "import", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
                return error_errno(err, errno, "cannot use %s", stage_path(import->stage));
        ret = make_criu_config(import, stage, err);
        if (ret == 0)
                ret = link_members(import, from, to, err);
        if (ret == 0)
                ret = make_spec(import, to, err);
        if (ret == 0)
                ret = archive_open_file(to, import->name, &import->archive, err);
        return ret < 0 ? ret : feed_open(import->archive, stage_path(import->stage), &import->feed, err);
}

static int run_restore(struct podman_import *import, struct process_result *result, struct error *err)
{
        static const char *const environment[] = {"PODMAN_IGNORE_CGROUPSV1_WARNING=1", NULL};
        const struct restore_options *options = import->options;
        const char *argv[ARGUMENTS_MOST] = {"podman", "container", "restore"};
        /* Whoever kills us, or presses Ctrl-C, must not leave a container half made. */
        struct process_options run = {.argv = argv, .environment = environment, .own_session = true};
        _cleanup_free_ char *from = NULL, *name = NULL, *pod = NULL;
        size_t n = 3;

        if (asprintf(&from, "--import=%s", feed_path(import->feed)) < 0)
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
}

static int explain(const struct podman_import *import, yyjson_val *container, struct process_result *result,
                   struct error *err)
{
        _cleanup_buffer_ struct buffer log = {0};
        int ret = feed_error(import->feed, err);
        const char *complaint;

        if (ret < 0)
                return error_wrap(err, ret, "cannot restore %s", import->name);
        restore_log_read(json_text_or(container, "StaticDir", ""), &log);
        if (log.size || criu_cause_is_known(CRIU_ACTION_RESTORE, buffer_slice(&result->errors)))
                return criu_cause_explain(err, CRIU_ACTION_RESTORE, import->name, buffer_slice(&log),
                                          buffer_slice(&result->errors));
        complaint = podman_complaint(result);
        ret = error_set(err, &ERROR_RUNTIME_FAILED, -EIO, "podman cannot restore %s: %s", import->name,
                        complaint);
        if (strstr(complaint, "is already allocated to container ID") &&
            strstr(complaint, import->metadata->container_id))
                error_set_hint(err, ADDRESS_HINT);
        error_set_log(err, buffer_text(&result->errors));
        return ret;
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
        return out->container_id && out->name ? 0 : error_oom(err);
}

int podman_restore(const struct stage *stage, const struct metadata *metadata,
                   const struct restore_options *options, struct restore_result *out, struct error *err)
{
        _cleanup_(import_free) struct podman_import import = {
                .stage = stage, .metadata = metadata, .options = options, .name = metadata->container_name};
        _cleanup_process_result_ struct process_result result = {0};
        int ret;

        if (options->name && strcmp(options->name, import.name) != 0) {
                import.name = options->name;
                import.renamed = true;
        }
        if (import.renamed && options->tcp == TCP_KEEP)
                return error_set(
                        err, &ERROR_UNSUPPORTED, -ENOTSUP,
                        "Podman gives a renamed container another address, so connections cannot be kept");
        ret = refuse_existing(&import, err);
        /* What a killed restore left would be in the way, and Podman has no such container. */
        if (ret == 0 && !import.renamed)
                ret = leftover_end_orphan(metadata->container_id, err);
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
