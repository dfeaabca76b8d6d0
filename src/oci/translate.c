/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/translate.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include "archive/tar.h"
#include "base/compress.h"
#include "oci/translate_private.h"

/* A pod that mounts more has never been seen. */
#define MOUNTS_MAX 1000

/* Members that engines write in their own way. */
static const char *const own_members[] = {
        "config.dump",
        "spec.dump",
        "status",
        "status.dump",
        "network.status",
        "bind.mounts",
        "deleted.files",
        "rootfs-diff.tar",
        "ctr.log",
        "container.log",
        "io.kubernetes.cri-o.LogPath",
        "devshm-checkpoint.tar",
        "artifacts",
        "pod.dump",
        "pod.options",
        "snap.json",
        "checkpoint/files.img",
        "volumes",
};
static const char *const own_prefixes[] = {"volumes/", "artifacts/", "checkpoint/mountpoints-"};

/* Mountpoints of engines that the engine does not have; see criu/ties.h. */
static const char *const not_of_containerd[] = {"/run/.containerenv", "/run/secrets", "/etc/passwd",
                                                "/etc/group", NULL};
static const char *const not_of_crio[] = {"/run/secrets", "/etc/passwd", "/etc/group", NULL};
static const char *const not_of_podman[] = {"/run/secrets",
                                            "/etc/passwd",
                                            "/etc/group",
                                            "/dev/termination-log",
                                            "/run/secrets/kubernetes.io/serviceaccount",
                                            "/var/run/secrets/kubernetes.io/serviceaccount",
                                            NULL};

/* The log of a container; the format is the CRI's with all of them. */
static const char *const logs[] = {[ENGINE_CRIO] = "io.kubernetes.cri-o.LogPath",
                                   [ENGINE_CONTAINERD] = "container.log",
                                   [ENGINE_PODMAN] = "ctr.log",
                                   [ENGINE_OCI] = NULL};

bool translation_has_member(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(own_members); i++)
                if (strcmp(name, own_members[i]) == 0)
                        return true;
        for (size_t i = 0; i < ARRAY_SIZE(own_prefixes); i++)
                if (text_starts_with(name, own_prefixes[i]))
                        return true;
        return false;
}

/* --- what the documents are made with ---------------------------------------------------------------- */

struct translated_member *translation_add(struct translation *translation, const char *name)
{
        struct translated_member *grown =
                reallocarray(translation->members, translation->count + 1, sizeof(*grown));

        if (!grown)
                return NULL;
        translation->members = grown;
        grown += translation->count;
        *grown = (struct translated_member){.name = strdup(name)};
        if (!grown->name)
                return NULL;
        translation->count++;
        return grown;
}

int translation_add_json(struct translation *translation, const char *name, yyjson_mut_doc *doc,
                         struct error *err)
{
        struct translated_member *member = translation_add(translation, name);

        return member ? json_write(doc, false, &member->bytes, err) : error_oom(err);
}

int translation_add_copy(struct translation *translation, const char *from, const char *name,
                         struct error *err)
{
        const struct archive_member *found = archive_find(translation->archive, from);
        struct translated_member *member;

        if (!found || found->type != TAR_FILE)
                return 0;
        member = translation_add(translation, name);
        if (!member)
                return error_oom(err);
        member->from = found;
        return 0;
}

int translation_note(struct translation *translation, const char *format, ...)
{
        _cleanup_free_ char *line = NULL;
        va_list arguments;
        int n;

        va_start(arguments, format);
        n = vasprintf(&line, format, arguments);
        va_end(arguments);
        if (n < 0) {
                line = NULL;
                return -ENOMEM;
        }
        return buffer_printf(&translation->notes, "%s\n", line);
}

const char *translation_time(const char *text, char out[RFC3339_SIZE])
{
        int64_t ns;

        return rfc3339_parse(text, &ns) && ns > 0 ? rfc3339_format(ns, out) : "0001-01-01T00:00:00Z";
}

/* What has been untied is restored by crun and runc alike; Podman and CRI-O use crun unless they are told
 * otherwise, and Podman refuses an image that asks for another runtime than its own. */
static void settle_runtime(struct metadata *metadata, enum engine to)
{
        metadata->runtime = (char *)(uintptr_t)(to == ENGINE_CONTAINERD ? "io.containerd.runc.v2" : "crun");
}

/* --- the dump ---------------------------------------------------------------------------------------- */

/* The contents of the tmpfs that hides directories: "./", which nobody may write to. */
static int add_empty_tmpfs(struct translation *translation, struct error *err)
{
        struct tar_entry entry = {.name = "./", .type = TAR_DIRECTORY, .mode = 0555};
        _cleanup_buffer_ struct buffer tar = {0};
        static const uint8_t zeros[2 * TAR_BLOCK];
        struct translated_member *member;
        char name[64];

        snprintf(name, sizeof(name), "checkpoint/tmpfs-dev-%u.tar.gz.img", translation->ties->empty_tmpfs);
        member = translation_add(translation, name);
        if (!member || tar_header_append(&entry, NULL, 0, &tar) < 0 ||
            buffer_append(&tar, zeros, sizeof(zeros)) < 0)
                return error_oom(err);
        return frame_compress(COMPRESSION_GZIP, 0, buffer_slice(&tar), &member->bytes, err);
}

/* Image files of the dump that differ, and those of the archive that do not. */
static int add_images(struct translation *translation, struct error *err)
{
        struct criu_ties *ties = translation->ties;
        char name[96];

        for (size_t i = 0; i < ties->file_count; i++) {
                struct translated_member *member;

                snprintf(name, sizeof(name), "checkpoint/%s", ties->files[i].name);
                member = translation_add(translation, name);
                if (!member)
                        return error_oom(err);
                member->bytes = ties->files[i].bytes;
                ties->files[i].bytes = (struct buffer){0};
        }
        for (size_t i = 0; i < archive_count(translation->archive); i++) {
                const char *each = archive_at(translation->archive, i)->name;
                bool written = !text_starts_with(each, "checkpoint/") || !translation_has_member(each);

                for (size_t j = 0; j < translation->count && !written; j++)
                        written = strcmp(translation->members[j].name, each) == 0;
                if (!written && translation_add_copy(translation, each, each, err) < 0)
                        return -ENOMEM;
        }
        return ties->empty_tmpfs ? add_empty_tmpfs(translation, err) : 0;
}

static bool path_is_plain(const char *path)
{
        for (; *path; path++)
                if (!isprint((unsigned char)*path))
                        return false;
        return true;
}

/* CRIU follows links: what a specification mounts on /var/run/x is mounted on /run/x in the dump. A pod is
 * held to the names of its specification. */
static int name_mounts(struct translation *translation, struct error *err)
{
        yyjson_val *mounts = yyjson_obj_get(yyjson_doc_get_root(translation->metadata.spec), "mounts"),
                   *mount;
        struct criu_ties *ties = translation->ties;
        yyjson_arr_iter each;

        yyjson_arr_iter_init(mounts, &each);
        while ((mount = yyjson_arr_iter_next(&each))) {
                const char *path = json_text_or(mount, "destination", "");

                for (size_t i = 0; i < ties->mount_count && text_starts_with(path, "/var/run/"); i++)
                        if (strcmp(ties->mounts[i], path + strlen("/var")) == 0 &&
                            translation_replace(&ties->mounts[i], &ties->mounts[i], path, strlen(path)) < 0)
                                return error_oom(err);
        }
        return 0;
}

static int load_ties(struct translation *translation, struct error *err)
{
        static const char *const *const unwanted[] = {[ENGINE_CRIO] = not_of_crio,
                                                      [ENGINE_CONTAINERD] = not_of_containerd,
                                                      [ENGINE_PODMAN] = not_of_podman,
                                                      [ENGINE_OCI] = NULL};
        /* A source only reads. */
        struct archive *archive = (struct archive *)(uintptr_t)translation->archive;
        const struct criu_source source = archive_criu_source(archive);
        int ret = criu_ties_load(&source, unwanted[translation->to], &translation->ties, err);

        if (ret < 0)
                return error_wrap(err, ret, "`%s`", archive_path(translation->archive));
        if (translation->ties->has_users)
                return error_set(err, &ERROR_TRANSLATION, -ENOTSUP,
                                 "the container has a user namespace, whose IDs are its engine's own");
        if (translation->ties->is_host)
                return error_set(
                        err, &ERROR_TRANSLATION, -ENOTSUP,
                        "the container shared namespaces with its host, and would share them with the "
                        "host that it is restored on, whatever its pod is allowed");
        if (translation->ties->mount_count > MOUNTS_MAX)
                return error_set(err, &ERROR_TRANSLATION, -ENOTSUP, "the container has more than %d mounts",
                                 MOUNTS_MAX);
        for (size_t i = 0; i < translation->ties->mount_count; i++)
                if (!path_is_plain(translation->ties->mounts[i]))
                        return error_set(err, &ERROR_TRANSLATION, -ENOTSUP,
                                         "a mountpoint of the container has a name that is no plain text");
        ret = name_mounts(translation, err);
        return ret < 0 ? ret : add_images(translation, err);
}

/* --- what is lost ------------------------------------------------------------------------------------ */

/* Is it there in every pod, by the engine or the kubelet? */
static bool pod_has(enum engine engine, const char *path)
{
        static const char *const all[] = {"/dev/shm", "/dev/termination-log", "/etc/hostname", "/etc/hosts",
                                          "/etc/resolv.conf"};

        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                if (strcmp(path, all[i]) == 0)
                        return true;
        return engine == ENGINE_CRIO && strcmp(path, "/run/.containerenv") == 0;
}

static int note_mounts(struct translation *translation)
{
        const struct criu_ties *ties = translation->ties;

        for (size_t i = 0; i < ties->mount_count; i++)
                if (!pod_has(translation->to, ties->mounts[i]) &&
                    translation_note(translation, "The pod must mount something on %s, as the container had.",
                                     ties->mounts[i]) < 0)
                        return -ENOMEM;
        return 0;
}

static int note_losses(struct translation *translation)
{
        const struct archive_member *shm = archive_find(translation->archive, "devshm-checkpoint.tar");
        bool volumes = false;

        for (size_t i = 0; i < archive_count(translation->archive); i++)
                volumes |= text_starts_with(archive_at(translation->archive, i)->name, "volumes/");
        if (volumes && translation_note(translation, "The contents of volumes do not come along.") < 0)
                return -ENOMEM;
        /* One that is empty has a header and the end marker. */
        if (shm && shm->size > 3 * TAR_BLOCK &&
            translation_note(translation, "The files in /dev/shm do not come along.") < 0)
                return -ENOMEM;
        if (translation->ties->has_network &&
            translation_note(translation,
                             "The container has a network of its own and keeps it: it is not in "
                             "that of %s.",
                             translation->to == ENGINE_PODMAN ? "Podman" : "the pod") < 0)
                return -ENOMEM;
        if (translation->ties->is_confined &&
            translation_note(translation, "The processes are confined by a profile of AppArmor or SELinux, "
                                          "which has to be there.") < 0)
                return -ENOMEM;
        if (translation->ties->joined_pids &&
            translation_note(translation, "The pod must share its PID namespace (shareProcessNamespace).") <
                    0)
                return -ENOMEM;
        return translation->to == ENGINE_PODMAN ? 0 : note_mounts(translation);
}

/* --- the whole --------------------------------------------------------------------------------------- */

/* The engine's own: all of its members as they are. */
static int keep_all(struct translation *translation, struct error *err)
{
        for (size_t i = 0; i < archive_count(translation->archive); i++) {
                const char *name = archive_at(translation->archive, i)->name;
                int ret =
                        translation_has_member(name) ? translation_add_copy(translation, name, name, err) : 0;

                if (ret < 0)
                        return ret;
        }
        return 0;
}

static int add_log(struct translation *translation, struct error *err)
{
        for (size_t i = 0; i < ARRAY_SIZE(logs); i++)
                if (logs[i] && archive_find(translation->archive, logs[i]))
                        return translation_add_copy(translation, logs[i], logs[translation->to], err);
        return 0;
}

static int translate(struct translation *translation, const struct translation_options *options,
                     struct error *err)
{
        int ret = translate_base(translation, options, err);

        if (ret == 0)
                ret = load_ties(translation, err);
        if (ret < 0)
                return ret;
        settle_runtime(&translation->metadata, translation->to);
        if (translation->to == ENGINE_CONTAINERD)
                ret = translate_for_containerd(translation, err);
        else if (translation->to == ENGINE_CRIO)
                ret = translate_for_crio(translation, err);
        else
                ret = translate_for_podman(translation, err);
        if (ret == 0)
                ret = translate_diff(translation, err);
        if (ret == 0)
                ret = add_log(translation, err);
        if (ret == 0 && note_losses(translation) < 0)
                ret = error_oom(err);
        return ret;
}

int translation_make(const struct archive *archive, const struct metadata *metadata,
                     const struct translation_options *options, struct translation **out, struct error *err)
{
        _cleanup_translation_ struct translation *translation = calloc(1, sizeof(*translation));
        int ret;

        if (!translation)
                return error_oom(err);
        translation->archive = archive;
        translation->metadata = *metadata;
        translation->to = options->to;
        translation->access = options->access;
        ret = metadata->engine == options->to ? keep_all(translation, err)
                                              : translate(translation, options, err);
        if (ret < 0)
                return ret;
        *out = steal_ptr(translation);
        return 0;
}

void translation_free(struct translation *translation)
{
        if (!translation)
                return;
        for (size_t i = 0; i < translation->count; i++) {
                free(translation->members[i].name);
                buffer_free(&translation->members[i].bytes);
        }
        free(translation->members);
        translate_diff_free(&translation->diff);
        criu_ties_free(translation->ties);
        buffer_free(&translation->notes);
        free(translation->image_name);
        free(translation->image_reference);
        free(translation->image_id);
        free(translation);
}

const struct metadata *translation_metadata(const struct translation *translation)
{
        return &translation->metadata;
}

const char *translation_notes(const struct translation *translation)
{
        return buffer_text(&translation->notes);
}
