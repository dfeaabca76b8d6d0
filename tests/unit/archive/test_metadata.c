/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "archive/metadata.h"
#include "tarball.h"

static void load(const char *path, struct archive **archive, struct metadata **metadata)
{
        struct error err = {0};

        assert_success(archive_open(path, archive, &err), &err);
        assert_success(metadata_load(*archive, metadata, &err), &err);
}

static void test_crio(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *m = NULL;

        load(GOLDEN("crio-1.36.3-counter.tar"), &archive, &m);
        assert_int_equal(m->engine, ENGINE_CRIO);
        assert_string_equal(engine_name(m->engine), "CRI-O");
        assert_string_equal(m->container_id,
                            "d5cf61b1df7fdd0ec3d881842212e8b2ee309a80caf27915e5115746bd0ee7fd");
        assert_string_equal(m->container_name, "counter");
        assert_string_equal(m->pod_name, "counters");
        assert_string_equal(m->pod_namespace, "default");
        assert_string_equal(m->pod_uid, "uid-1");
        assert_string_equal(m->image_name, "localhost:5000/pause:1");
        assert_string_equal(m->image_requested, "localhost:5000/bb:1");
        assert_string_equal(m->image_id, "5452bd29b5c1cef329e695af380e0b87234817be153cb60a43c1e7b5d23c0bca");
        assert_string_equal(m->image_reference,
                            "localhost:5000/pause@sha256:"
                            "c8f64d4b3dcee7c6e5e02ce56c45428447712a1e3e022b693a5d1a7ca6d6e30a");
        assert_string_equal(m->runtime, "crun");
        assert_string_equal(m->created, "2026-11-23T04:56:46.727177504Z");
        assert_string_equal(m->checkpointed, "2026-11-23T04:56:49.902999169Z");
        assert_string_equal(m->ip, "10.99.0.2");
        assert_int_equal(m->checkpoint_size, 438664);
        assert_int_equal(m->pages_size, 413696);
        assert_true(m->has_rootfs_diff);
        assert_int_equal(m->rootfs_diff_size, 3584);
        assert_null(m->facts);
}

static void test_containerd(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *m = NULL;

        load(GOLDEN("containerd-2.1.9-counter.tar"), &archive, &m);
        assert_int_equal(m->engine, ENGINE_CONTAINERD);
        assert_string_equal(m->container_name, "counter");
        assert_string_equal(m->pod_name, "counters");
        assert_string_equal(m->pod_namespace, "default");
        assert_string_equal(m->pod_uid, "uid-1");
        assert_string_equal(m->image_name, "localhost:5000/bb:1");
        assert_string_equal(m->image_id, "");
        assert_string_equal(m->image_reference,
                            "localhost:5000/bb@sha256:"
                            "647367208cd3e1c0a76afcbd65d281602c4bdccc920aebe70f71521fee89c5ca");
        assert_string_equal(m->runtime, "io.containerd.runc.v2");
        assert_int_equal(m->rootfs_diff_size, 308);
}

static void test_podman(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *m = NULL;

        load(GOLDEN("podman-5.8.6-counter-zstd.tar"), &archive, &m);
        assert_int_equal(m->engine, ENGINE_PODMAN);
        assert_string_equal(m->container_name, "c1");
        assert_string_equal(m->image_name, "localhost/bb:1");
        assert_string_equal(m->image_requested, "localhost/bb:1");
        assert_string_equal(m->image_id, "1247c13e7e549d186de140ee335fcb839936705f14139553b7f3e7000780c4e1");
        assert_string_equal(m->created, "2026-11-23T05:03:50.556565181Z");
        assert_string_equal(m->checkpointed, "");
        assert_string_equal(m->pod_name, "");
        assert_string_equal(m->ip, "");
}

/* A tar with these three members; any text may be NULL. */
static void write_archive(const char *config, const char *spec, const char *network, const char *facts)
{
        _cleanup_buffer_ struct buffer tar = {0};

        tarball_header(&tar, "checkpoint/", TAR_DIRECTORY, 0);
        if (config)
                tarball_text(&tar, "config.dump", config);
        if (spec)
                tarball_text(&tar, "spec.dump", spec);
        if (network)
                tarball_text(&tar, "network.status", network);
        if (facts)
                tarball_text(&tar, "snap.json", facts);
        tarball_end(&tar);
        write_bytes("a.tar", buffer_slice(&tar));
}

static void test_podman_network(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *m = NULL;

        write_archive("{\"name\":\"n\"}", "{\"annotations\":{\"io.container.manager\":\"libpod\"}}",
                      "{\"podman\":{\"interfaces\":{\"eth0\":{\"subnets\":[{\"ipnet\":\"10.88.0.2/16\","
                      "\"gateway\":\"10.88.0.1\"}],\"mac_address\":\"06:aa:bb:cc:dd:ee\"}}}}",
                      NULL);
        load("a.tar", &archive, &m);
        assert_string_equal(m->ip, "10.88.0.2");
        assert_string_equal(m->mac, "06:aa:bb:cc:dd:ee");
}

static void test_image_digest_of_our_facts(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *m = NULL;

        write_archive("{\"rootfsImageName\":\"localhost:5000/bb:2\"}",
                      "{\"annotations\":{\"io.container.manager\":\"libpod\"}}", NULL,
                      "{\"source\":{\"driver\":\"podman\",\"imageDigest\":\"sha256:"
                      "c8f64d4b3dcee7c6e5e02ce56c45428447712a1e3e022b693a5d1a7ca6d6e30a\"}}");
        load("a.tar", &archive, &m);
        assert_string_equal(m->image_reference,
                            "localhost:5000/bb@sha256:"
                            "c8f64d4b3dcee7c6e5e02ce56c45428447712a1e3e022b693a5d1a7ca6d6e30a");
}

static void test_own_bundle(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *m = NULL;

        write_archive(
                "{\"id\":\"job\",\"name\":\"job\",\"runtime\":\"crun\"}", "{}", NULL,
                "{\"createdAt\":\"2026-11-23T04:19:10Z\",\"source\":{\"driver\":\"crun\"},\"members\":{}}");
        load("a.tar", &archive, &m);
        assert_int_equal(m->engine, ENGINE_OCI);
        assert_string_equal(m->container_id, "job");
        assert_string_equal(m->checkpointed, "2026-11-23T04:19:10Z");
        assert_non_null(m->facts);
}

static int load_error(struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *m = NULL;

        assert_success(archive_open("a.tar", &archive, err), err);
        return metadata_load(archive, &m, err);
}

static void test_broken_metadata_is_refused(void **state)
{
        struct error err = {0};

        write_archive(NULL, "{}", NULL, NULL);
        assert_error(load_error(&err), &err, ERROR_ARCHIVE_MEMBER_MISSING);
        write_archive("{\"id\":", "{}", NULL, NULL);
        assert_error(load_error(&err), &err, ERROR_ARCHIVE_METADATA);
        write_archive("[]", "{}", NULL, NULL);
        assert_error(load_error(&err), &err, ERROR_ARCHIVE_METADATA);
        write_archive("{}", "nonsense", NULL, NULL);
        assert_error(load_error(&err), &err, ERROR_ARCHIVE_METADATA);
}

/* Wrong types are as good as absent. */
static void test_wrong_types_are_tolerated(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *m = NULL;

        write_archive("{\"id\":[1],\"name\":{\"x\":1},\"rootfsImageRef\":7,\"createdTime\":null}",
                      "{\"annotations\":[\"io.container.manager\"]}", NULL, NULL);
        load("a.tar", &archive, &m);
        assert_string_equal(m->container_id, "");
        assert_string_equal(m->created, "");
}

int main(void)
{
#define scratch_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_crio),
                cmocka_unit_test(test_containerd),
                cmocka_unit_test(test_podman),
                scratch_test(test_podman_network),
                scratch_test(test_image_digest_of_our_facts),
                scratch_test(test_own_bundle),
                scratch_test(test_broken_metadata_is_refused),
                scratch_test(test_wrong_types_are_tolerated),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
