/* SPDX-License-Identifier: Apache-2.0 */
/* Real archives of each engine, said in the words of the others: field by field what these read. */
#include "testing.h"

#include <ctype.h>
#include "archive/metadata.h"
#include "archive/walk.h"
#include "base/clock.h"
#include "base/json.h"
#include "criu/dump.h"
#include "oci/errors.h"
#include "oci/image.h"
#include "oci/translate.h"
#include "tarball.h"

#define BASE    "registry.example/team/web:1@sha256:" DIGEST
#define DIGEST  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BASE_ID "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define CONTAINERD GOLDEN("containerd-2.1.9-counter.tar")
#define CRIO       GOLDEN("crio-1.36.3-counter.tar")
#define PODMAN     GOLDEN("podman-5.8.6-two-none.tar")
#define BUNDLE     GOLDEN("own/crun-counter-zstd.tar")

/* The image of an archive for an engine, opened. */
static int translate(const char *path, unsigned engines, const char *base, const char *base_id,
                     struct archive **out, struct image_result *result, struct error *err)
{
        const struct image_options options = {.engines = engines, .base = base, .base_id = base_id};
        _cleanup_image_reference_ struct image_reference to = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        int ret;

        assert_success(image_reference_parse("oci:layout:x", &to, err), err);
        assert_success(archive_open(path, &archive, err), err);
        ret = image_build(archive, &to, &options, NULL, result, err);
        if (ret == 0 && out) {
                assert_success(image_open(&to, NULL, out, err), err);
                assert_success(archive_load(*out, NULL, err), err);
        }
        return ret;
}

static struct archive *translated(const char *path, enum engine engine, const char *base, const char *base_id)
{
        _cleanup_image_result_ struct image_result result = {0};
        struct archive *archive = NULL;
        struct error err = {0};

        assert_success(translate(path, IMAGE_FOR(engine), base, base_id, &archive, &result, &err), &err);
        return archive;
}

static void assert_refused(const char *path, enum engine engine, const char *base, const char *base_id,
                           const char *because)
{
        _cleanup_image_result_ struct image_result result = {0};
        struct error err = {0};

        assert_error(translate(path, IMAGE_FOR(engine), base, base_id, NULL, &result, &err), &err,
                     ERROR_TRANSLATION);
        if (!strstr(err.text, because))
                fail_msg("\"%s\" does not say \"%s\"", err.text, because);
}

static yyjson_doc *member_json(const struct archive *archive, const char *name)
{
        struct error err = {0};
        yyjson_doc *doc;

        assert_success(archive_read_json(archive, name, &doc, &err), &err);
        return doc;
}

static void assert_text(yyjson_val *object, const char *key, const char *expected)
{
        assert_string_equal(json_text_or(object, key, "(none)"), expected);
}

static void assert_time(yyjson_val *object, const char *key)
{
        int64_t ns;

        assert_true(rfc3339_parse(json_text_or(object, key, ""), &ns));
}

/* A copy of an archive in which a member has other contents; NULL: it has not got it. */
static void altered(const char *from, const char *to, const char *name, const struct slice *contents)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer tar = {0};
        struct error err = {0};

        assert_success(archive_open(from, &archive, &err), &err);
        for (size_t i = 0; i < archive_count(archive); i++) {
                const struct archive_member *member = archive_at(archive, i);
                _cleanup_buffer_ struct buffer bytes = {0};

                if (member->type != TAR_FILE || strcmp(member->name, name) == 0)
                        continue;
                assert_success(archive_read(archive, member, 16 * MIB, &bytes, &err), &err);
                tarball_file(&tar, member->name, buffer_slice(&bytes));
        }
        if (contents)
                tarball_file(&tar, name, *contents);
        tarball_end(&tar);
        write_bytes(to, buffer_slice(&tar));
}

/* Entries of rootfs-diff.tar, as lines. */
static void list_diff(const struct archive *archive, struct buffer *out)
{
        const struct archive_member *member = archive_find(archive, "rootfs-diff.tar");
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_tar_walk_ struct tar_walk walk = {.what = "rootfs-diff.tar"};
        struct error err = {0};
        int more;

        assert_non_null(member);
        assert_success(stream_open_member(archive, member, true, &stream, &err), &err);
        walk.stream = stream;
        while ((more = tar_walk_next(&walk, &err)) > 0)
                assert_int_equal(buffer_printf(out, "%s\n", walk.entry.name), 0);
        assert_success(more, &err);
}

static void assert_diff(const struct archive *archive, const char *expected)
{
        _cleanup_buffer_ struct buffer names = {0};

        list_diff(archive, &names);
        assert_string_equal(buffer_text(&names), expected);
}

/* --- CRI-O -------------------------------------------------------------------------------------------------
 */

static void assert_crio_annotations(yyjson_val *annotations)
{
        _cleanup_json_ yyjson_doc *kube = NULL, *labels = NULL, *name = NULL;
        struct error err = {0};

        assert_text(annotations, "io.container.manager", "cri-o");
        assert_success(
                json_parse(SLICE_TEXT(json_text_or(annotations, "io.kubernetes.cri-o.Annotations", "")),
                           "Annotations", &kube, &err),
                &err);
        assert_success(json_parse(SLICE_TEXT(json_text_or(annotations, "io.kubernetes.cri-o.Labels", "")),
                                  "Labels", &labels, &err),
                       &err);
        assert_success(json_parse(SLICE_TEXT(json_text_or(annotations, "io.kubernetes.cri-o.Metadata", "")),
                                  "Metadata", &name, &err),
                       &err);
        /* The two that the kubelet cannot do without, and nothing else. */
        assert_int_equal(yyjson_obj_size(yyjson_doc_get_root(kube)), 2);
        assert_text(yyjson_doc_get_root(kube), "io.kubernetes.container.hash", "0");
        assert_text(yyjson_doc_get_root(kube), "io.kubernetes.container.restartCount", "0");
        assert_text(yyjson_doc_get_root(labels), "io.kubernetes.container.name", "counter");
        assert_text(yyjson_doc_get_root(labels), "io.kubernetes.pod.name", "counters");
        assert_text(yyjson_doc_get_root(name), "name", "counter");
}

static void test_containerd_for_crio(void **state)
{
        _cleanup_archive_ struct archive *archive = translated(CONTAINERD, ENGINE_CRIO, NULL, NULL);
        _cleanup_json_ yyjson_doc *config = member_json(archive, "config.dump");
        _cleanup_json_ yyjson_doc *spec = member_json(archive, "spec.dump");
        _cleanup_json_ yyjson_doc *deleted = member_json(archive, "deleted.files");
        yyjson_val *root = yyjson_doc_get_root(config), *mounts;
        static const char *const expected[] = {"/dev/shm", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"};

        /* Without an ID the name has to have the digest: a tag may be made to mean another image. */
        assert_text(root, "rootfsImageRef", "");
        assert_text(root, "rootfsImageName",
                    "localhost:5000/bb@sha256:"
                    "647367208cd3e1c0a76afcbd65d281602c4bdccc920aebe70f71521fee89c5ca");
        assert_text(root, "rootfsImage", "localhost:5000/bb:1");
        assert_text(root, "id", "d8ea684a000b3557e7e4a782109bdd0a5e16a75d2f3c5873ae2ee0d6b34e5b7a");
        assert_time(root, "createdTime");
        assert_time(root, "checkpointedTime");
        assert_time(root, "restoredTime");
        root = yyjson_doc_get_root(spec);
        assert_crio_annotations(yyjson_obj_get(root, "annotations"));
        /* The pod has to have these, or what CRI-O itself mounts; where from, is the pod's to say. */
        mounts = yyjson_obj_get(root, "mounts");
        assert_int_equal(yyjson_arr_size(mounts), ARRAY_SIZE(expected));
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                assert_text(yyjson_arr_get(mounts, i), "destination", expected[i]);
                assert_text(yyjson_arr_get(mounts, i), "source", "");
        }
        /* Lists that are there would stand above the pod's own. */
        assert_null(yyjson_obj_get(yyjson_obj_get(root, "linux"), "maskedPaths"));
        assert_diff(archive, "etc/\netc/hostname\netc/hosts\netc/resolv.conf\netc/tochange\ntmp/\ntmp/count\n"
                             "tmp/open.log\n");
        assert_string_equal(yyjson_get_str(yyjson_arr_get_first(yyjson_doc_get_root(deleted))),
                            "/etc/todelete");
        assert_non_null(archive_find(archive, "checkpoint/inventory.img"));
        assert_non_null(archive_find(archive, "io.kubernetes.cri-o.LogPath"));
        assert_null(archive_find(archive, "bind.mounts")); /* makes files on the host */
        assert_null(archive_find(archive, "status.dump"));
}

static void test_podman_for_crio(void **state)
{
        _cleanup_archive_ struct archive *archive = translated(PODMAN, ENGINE_CRIO, NULL, NULL);
        _cleanup_json_ yyjson_doc *config = member_json(archive, "config.dump");
        yyjson_val *root = yyjson_doc_get_root(config);

        /* It is an ID or nothing. */
        assert_text(root, "rootfsImageRef",
                    "2ee3d3df61b2dd23297d3af8ba5b7dbea6ac49612e881b590adc74a15e0c8b74");
        assert_text(root, "runtime", "crun");
        assert_null(yyjson_obj_get(root, "spec"));
        assert_null(archive_find(archive, "network.status"));
        assert_null(archive_find(archive, "volumes/fmvol.tar"));
        assert_non_null(archive_find(archive, "io.kubernetes.cri-o.LogPath"));
}

/* --- containerd --------------------------------------------------------------------------------------------
 */

static void test_crio_for_containerd(void **state)
{
        static const char reference[] = "localhost:5000/pause@sha256:"
                                        "c8f64d4b3dcee7c6e5e02ce56c45428447712a1e3e022b693a5d1a7ca6d6e30a";
        _cleanup_archive_ struct archive *archive = translated(CRIO, ENGINE_CONTAINERD, NULL, NULL);
        _cleanup_json_ yyjson_doc *config = member_json(archive, "config.dump");
        _cleanup_json_ yyjson_doc *status = member_json(archive, "status.dump");
        _cleanup_json_ yyjson_doc *spec = member_json(archive, "spec.dump");
        yyjson_val *root = yyjson_doc_get_root(config);

        assert_text(root, "rootfsImageRef", reference);
        assert_text(root, "rootfsImageName", "localhost:5000/pause:1");
        assert_text(root, "runtime", "io.containerd.runc.v2");
        root = yyjson_doc_get_root(status);
        assert_text(yyjson_obj_get(root, "metadata"), "name", "counter");
        assert_text(yyjson_obj_get(root, "image"), "image", "localhost:5000/pause:1");
        assert_text(root, "image_ref", reference);
        assert_text(yyjson_obj_get(root, "labels"), "io.kubernetes.pod.uid", "uid-1");
        assert_int_equal(yyjson_obj_size(yyjson_obj_get(root, "annotations")), 2);
        root = yyjson_obj_get(yyjson_doc_get_root(spec), "annotations");
        assert_text(root, "io.kubernetes.cri.container-type", "container");
        assert_text(root, "io.kubernetes.cri.sandbox-name", "counters");
        assert_diff(archive, "etc/.wh.todelete\netc/mtab\ntmp/count\ntmp/open.log\n");
        assert_non_null(archive_find(archive, "container.log"));
        assert_null(archive_find(archive, "deleted.files"));
        assert_null(archive_find(archive, "io.kubernetes.cri-o.LogPath"));
        assert_null(archive_find(archive, "bind.mounts"));
}

static void test_base_image(void **state)
{
        _cleanup_image_result_ struct image_result result = {0};
        _cleanup_archive_ struct archive *archive = NULL, *untagged = NULL;
        _cleanup_json_ yyjson_doc *config = NULL, *other = NULL;
        struct error err = {0};

        assert_refused(PODMAN, ENGINE_CONTAINERD, NULL, NULL, "digest");
        assert_refused(BUNDLE, ENGINE_CRIO, NULL, NULL, "neither the digest nor the ID");
        archive = translated(PODMAN, ENGINE_CONTAINERD, BASE, NULL);
        config = member_json(archive, "config.dump");
        assert_text(yyjson_doc_get_root(config), "rootfsImageRef",
                    "registry.example/team/web@sha256:" DIGEST);
        assert_text(yyjson_doc_get_root(config), "rootfsImageName", "registry.example/team/web:1");
        untagged = translated(PODMAN, ENGINE_CONTAINERD, "registry.example:5000/web@sha256:" DIGEST, NULL);
        other = member_json(untagged, "config.dump");
        assert_text(yyjson_doc_get_root(other), "rootfsImageRef", "registry.example:5000/web@sha256:" DIGEST);
        /* What cannot be pulled elsewhere does not help. */
        assert_refused(PODMAN, ENGINE_CONTAINERD, "localhost/web@sha256:" DIGEST, NULL,
                       "nobody else can pull");
        assert_error(translate(PODMAN, IMAGE_FOR(ENGINE_CONTAINERD), "web:1", NULL, NULL, &result, &err),
                     &err, ERROR_USAGE);
        assert_error(
                translate(PODMAN, IMAGE_FOR(ENGINE_CONTAINERD), "web@sha256:12", NULL, NULL, &result, &err),
                &err, ERROR_USAGE);
        assert_error(translate(PODMAN, IMAGE_FOR(ENGINE_CRIO), NULL, "12", NULL, &result, &err), &err,
                     ERROR_USAGE);
        /* The engine that took it knows. */
        assert_error(translate(PODMAN, IMAGE_FOR(ENGINE_PODMAN), BASE, NULL, NULL, &result, &err), &err,
                     ERROR_USAGE);
}

/* --- Podman ------------------------------------------------------------------------------------------------
 */

static void test_bundle_for_podman(void **state)
{
        _cleanup_archive_ struct archive *archive = translated(BUNDLE, ENGINE_PODMAN, BASE, BASE_ID);
        _cleanup_json_ yyjson_doc *config = member_json(archive, "config.dump");
        _cleanup_json_ yyjson_doc *spec = member_json(archive, "spec.dump");
        yyjson_val *root = yyjson_doc_get_root(config), *mount;
        yyjson_arr_iter each;
        const char *id = json_text_or(root, "id", "");

        assert_text(root, "rootfsImageID", BASE_ID);
        assert_text(root, "rootfsImageName", "registry.example/team/web:1");
        assert_text(root, "runtime", "crun");
        assert_int_equal(strlen(id), 64); /* that of the bundle was a word */
        assert_null(yyjson_obj_get(root, "privileged"));
        assert_text(yyjson_obj_get(yyjson_obj_get(root, "spec"), "annotations"), "io.container.manager",
                    "libpod");
        root = yyjson_doc_get_root(spec);
        yyjson_arr_iter_init(yyjson_obj_get(root, "mounts"), &each);
        while ((mount = yyjson_arr_iter_next(&each)))
                assert_string_not_equal(json_text_or(mount, "type", ""), "bind");
        assert_non_null(yyjson_obj_get(yyjson_obj_get(root, "process"), "capabilities"));
        assert_refused(BUNDLE, ENGINE_PODMAN, NULL, NULL, "by its name and ID");
        assert_refused(BUNDLE, ENGINE_PODMAN, NULL, BASE_ID, "by its name and ID");
        /* A registry that is not there, and Podman has none of it either. */
        assert_refused(BUNDLE, ENGINE_PODMAN, "127.0.0.1:1/web@sha256:" DIGEST, NULL,
                       "neither in its storage nor in the registry");
        assert_refused(CRIO, ENGINE_PODMAN, NULL, NULL, "`/data`");
        assert_refused(CONTAINERD, ENGINE_PODMAN, BASE, BASE_ID, "PID namespace");
}

/* --- what the file system changed --------------------------------------------------------------------------
 */

static void with_deleted(const char *json)
{
        const struct slice list = SLICE_TEXT(json);

        altered(CRIO, "deleted.tar", "deleted.files", &list);
}

static void test_deleted_paths(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL, *none = NULL;
        _cleanup_image_result_ struct image_result result = {0};
        struct error err = {0};

        /* One in a directory that is gone would make the directory again; names may stand between the two. */
        with_deleted("[\"/a/b/c\",\"/a/b\",\"/a/b-c\",\"/a/b\",\"/top\",\"x\"]");
        archive = translated("deleted.tar", ENGINE_CONTAINERD, NULL, NULL);
        assert_diff(archive, "a/.wh.b\na/.wh.b-c\n.wh.top\n.wh.x\netc/mtab\ntmp/count\ntmp/open.log\n");
        with_deleted("null");
        none = translated("deleted.tar", ENGINE_CONTAINERD, NULL, NULL);
        assert_diff(none, "etc/mtab\ntmp/count\ntmp/open.log\n");
        with_deleted("[\"/a/../../etc/passwd\"]");
        assert_error(translate("deleted.tar", IMAGE_FOR(ENGINE_CONTAINERD), NULL, NULL, NULL, &result, &err),
                     &err, ERROR_ARCHIVE_NAME);
        with_deleted("[7]");
        assert_error(translate("deleted.tar", IMAGE_FOR(ENGINE_CONTAINERD), NULL, NULL, NULL, &result, &err),
                     &err, ERROR_ARCHIVE_NAME);
}

static void test_deletions_without_additions(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;

        altered(CRIO, "none.tar", "rootfs-diff.tar", NULL);
        archive = translated("none.tar", ENGINE_CONTAINERD, NULL, NULL);
        assert_diff(archive, "etc/.wh.todelete\n");
}

static void test_whiteouts(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer tar = {0}, opaque = {0}, escape = {0}, large = {0};
        _cleanup_image_result_ struct image_result result = {0};
        _cleanup_json_ yyjson_doc *deleted = NULL;
        struct error err = {0};
        struct slice bytes;

        assert_int_equal(buffer_reserve(&large, 200 * KIB), 0);
        memset(large.data, 'x', 200 * KIB);
        large.size = 200 * KIB;
        tarball_text(&tar, "./.wh.top", "");
        tarball_file(&tar, "a/large", buffer_slice(&large));
        tarball_text(&tar, "a/.wh.gone", "");
        tarball_text(&tar, "a/.wh..wh.plnk", "of aufs");
        tarball_text(&tar, "a/last", "last");
        tarball_end(&tar);
        bytes = buffer_slice(&tar);
        altered(CONTAINERD, "whiteouts.tar", "rootfs-diff.tar", &bytes);
        archive = translated("whiteouts.tar", ENGINE_CRIO, NULL, NULL);
        assert_diff(archive, "a/large\na/last\n");
        deleted = member_json(archive, "deleted.files");
        assert_int_equal(yyjson_arr_size(yyjson_doc_get_root(deleted)), 2);
        assert_string_equal(yyjson_get_str(yyjson_arr_get(yyjson_doc_get_root(deleted), 0)), "/top");
        assert_string_equal(yyjson_get_str(yyjson_arr_get(yyjson_doc_get_root(deleted), 1)), "/a/gone");

        tarball_text(&opaque, "a/.wh..wh..opq", "");
        tarball_end(&opaque);
        bytes = buffer_slice(&opaque);
        altered(CONTAINERD, "opaque.tar", "rootfs-diff.tar", &bytes);
        assert_refused("opaque.tar", ENGINE_CRIO, NULL, NULL, "replaced as a whole");
        tarball_text(&escape, "../.wh.passwd", "");
        tarball_end(&escape);
        bytes = buffer_slice(&escape);
        altered(CONTAINERD, "escape.tar", "rootfs-diff.tar", &bytes);
        assert_error(translate("escape.tar", IMAGE_FOR(ENGINE_CRIO), NULL, NULL, NULL, &result, &err), &err,
                     ERROR_ARCHIVE_NAME);
}

/* --- the dump ----------------------------------------------------------------------------------------------
 */

static void test_the_dump_holds_together(void **state)
{
        static const struct {
                const char *path;
                enum engine engine;
        } all[] = {{PODMAN, ENGINE_CONTAINERD}, {CRIO, ENGINE_CONTAINERD}, {CONTAINERD, ENGINE_CRIO},
                   {PODMAN, ENGINE_CRIO},       {BUNDLE, ENGINE_PODMAN},   {BUNDLE, ENGINE_CONTAINERD}};

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_archive_ struct archive *before = NULL, *archive = NULL;
                _cleanup_criu_dump_ struct criu_dump *old = NULL, *dump = NULL;
                struct criu_source source;
                struct error err = {0};

                assert_success(archive_open(all[i].path, &before, &err), &err);
                source = archive_criu_source(before);
                assert_success(criu_dump_load(&source, CRIU_LOAD_ALL, &old, &err), &err);
                archive = translated(all[i].path, all[i].engine, BASE, BASE_ID);
                source = archive_criu_source(archive);
                assert_success(criu_dump_load(&source, CRIU_LOAD_ALL, &dump, &err), &err);
                assert_int_equal(dump->process_count, old->process_count);
                assert_int_equal(dump->pages_size, old->pages_size);
                for (size_t j = 0; j < dump->mount_count; j++) {
                        const struct criu_mount *mount = &dump->mounts[j];

                        /* Nothing that only one runtime gives, nothing that the engine has not. */
                        if (mount->external && !strstr(mount->destination, "/sys/fs/cgroup/"))
                                assert_false(text_starts_with(mount->destination, "/proc/") ||
                                             text_starts_with(mount->destination, "/sys/"));
                        if (all[i].engine == ENGINE_CONTAINERD)
                                assert_string_not_equal(mount->destination, "/run/.containerenv");
                }
        }
}

/* --- the whole ---------------------------------------------------------------------------------------------
 */

/* Whatever an archive says of itself, nothing of it reaches what another engine reads. */
static void test_nothing_is_smuggled(void **state)
{
        static const char spec[] =
                "{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\",\"CAP_KILL\"]},"
                "\"args\":[\"smuggled\"]},"
                "\"mounts\":[{\"destination\":\"/smuggled\",\"type\":\"bind\",\"source\":\"/\"}],"
                "\"hooks\":{\"prestart\":[{\"path\":\"/smuggled\"}]},"
                "\"annotations\":{\"io.container.manager\":\"libpod\",\"cdi.k8s.io/smuggled\":\"device\","
                "\"io.kubernetes.cri-o.Devices\":\"smuggled\",\"run.oci.hooks.stderr\":\"smuggled\"},"
                "\"linux\":{\"devices\":[{\"path\":\"/dev/smuggled\"}],\"maskedPaths\":[\"smuggled\"],"
                "\"seccomp\":{\"defaultAction\":\"SMUGGLED\"}}}";
        static const enum engine engines[] = {ENGINE_CONTAINERD, ENGINE_CRIO, ENGINE_PODMAN};
        const struct slice bytes = SLICE_TEXT(spec);
        static const char *const read[] = {"config.dump", "spec.dump", "status.dump"};

        altered(BUNDLE, "smuggle.tar", "spec.dump", &bytes);
        for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
                _cleanup_archive_ struct archive *archive =
                        translated("smuggle.tar", engines[i], BASE, BASE_ID);

                for (size_t j = 0; j < ARRAY_SIZE(read); j++) {
                        const struct archive_member *member = archive_find(archive, read[j]);
                        _cleanup_buffer_ struct buffer text = {0};
                        struct error err = {0};

                        if (!member)
                                continue;
                        assert_success(archive_read(archive, member, MIB, &text, &err), &err);
                        for (size_t k = 0; k < text.size; k++)
                                text.data[k] = (uint8_t)tolower(text.data[k]);
                        assert_null(strstr(buffer_text(&text), "smuggled"));
                        assert_null(strstr(buffer_text(&text), "cap_sys_admin"));
                }
        }
}

static void test_images_for_all(void **state)
{
        _cleanup_image_result_ struct image_result result = {0}, few = {0};
        const unsigned all = IMAGE_FOR(ENGINE_CRIO) | IMAGE_FOR(ENGINE_CONTAINERD) | IMAGE_FOR(ENGINE_PODMAN);
        const struct image_options options = {.engines = all};
        _cleanup_image_reference_ struct image_reference to = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        struct error err = {0};

        assert_success(translate(BUNDLE, all, BASE, BASE_ID, NULL, &result, &err), &err);
        assert_int_equal(result.made_count, 3);
        assert_string_equal(result.made[0].tag, "x-crio");
        assert_string_equal(result.made[1].tag, "x-containerd");
        assert_string_equal(result.made[2].tag, "x-podman");
        assert_non_null(strstr(result.notes, "CRI-O: The base image has to be on the node before"));
        /* One that cannot be is a note. */
        assert_success(translate(CRIO, all, NULL, NULL, NULL, &few, &err), &err);
        assert_int_equal(few.made_count, 2);
        assert_non_null(strstr(few.notes, "Podman: no image, because"));
        assert_non_null(strstr(few.notes, "containerd: The pod must mount something on /data"));
        /* A file has room for one. */
        assert_success(image_reference_parse("oci-archive:all.tar", &to, &err), &err);
        assert_success(archive_open(CRIO, &archive, &err), &err);
        image_result_free(&few);
        assert_error(image_build(archive, &to, &options, NULL, &few, &err), &err, ERROR_USAGE);
}

/* Volumes have names of any length. */
static void test_long_names(void **state)
{
        static const char name[] =
                "volumes/"
                "a-name-that-is-longer-than-any-of-the-members-that-engines-write-themselves-"
                "and-than-one-line-of-this-file.tar";
        _cleanup_image_result_ struct image_result result = {0};
        _cleanup_image_reference_ struct image_reference from = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        const struct slice contents = SLICE_TEXT("contents");
        struct error err = {0};

        altered(PODMAN, "long.tar", name, &contents);
        assert_success(translate("long.tar", IMAGE_FOR(ENGINE_PODMAN) | IMAGE_FOR(ENGINE_CRIO), NULL, NULL,
                                 NULL, &result, &err),
                       &err);
        assert_success(image_reference_parse("oci:layout:x-podman", &from, &err), &err);
        assert_success(image_open(&from, NULL, &archive, &err), &err);
        assert_success(archive_load(archive, NULL, &err), &err);
        assert_non_null(archive_find(archive, name));
}

/* For the engine that took it, every member stays as it is, also beside others. */
static void test_its_own_engine(void **state)
{
        static const char *const tags[] = {"oci:layout:x", "oci:layout:x-crio"};
        const unsigned engines[] = {IMAGE_FOR(ENGINE_CRIO),
                                    IMAGE_FOR(ENGINE_CRIO) | IMAGE_FOR(ENGINE_CONTAINERD)};
        _cleanup_archive_ struct archive *before = NULL;
        struct error err = {0};

        assert_success(archive_open(CRIO, &before, &err), &err);
        for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
                _cleanup_image_result_ struct image_result result = {0};
                _cleanup_image_reference_ struct image_reference from = {0};
                _cleanup_archive_ struct archive *archive = NULL;

                assert_success(translate(CRIO, engines[i], NULL, NULL, NULL, &result, &err), &err);
                assert_success(image_reference_parse(tags[i], &from, &err), &err);
                assert_success(image_open(&from, NULL, &archive, &err), &err);
                assert_success(archive_load(archive, NULL, &err), &err);
                assert_int_equal(archive_count(archive), archive_count(before));
                for (size_t j = 0; j < archive_count(before); j++) {
                        const struct archive_member *a = archive_at(before, j);
                        const struct archive_member *b = archive_find(archive, a->name);
                        _cleanup_buffer_ struct buffer x = {0}, y = {0};

                        assert_non_null(b);
                        assert_int_equal(a->mode, b->mode);
                        assert_success(archive_read(before, a, MIB, &x, &err), &err);
                        assert_success(archive_read(archive, b, MIB, &y, &err), &err);
                        assert_int_equal(x.size, y.size);
                        assert_true(x.size == 0 || memcmp(x.data, y.data, x.size) == 0);
                }
        }
}

#define SCRATCH_TEST(function) cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                SCRATCH_TEST(test_containerd_for_crio),
                SCRATCH_TEST(test_podman_for_crio),
                SCRATCH_TEST(test_crio_for_containerd),
                SCRATCH_TEST(test_base_image),
                SCRATCH_TEST(test_bundle_for_podman),
                SCRATCH_TEST(test_deleted_paths),
                SCRATCH_TEST(test_deletions_without_additions),
                SCRATCH_TEST(test_whiteouts),
                SCRATCH_TEST(test_the_dump_holds_together),
                SCRATCH_TEST(test_nothing_is_smuggled),
                SCRATCH_TEST(test_images_for_all),
                SCRATCH_TEST(test_long_names),
                SCRATCH_TEST(test_its_own_engine),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
