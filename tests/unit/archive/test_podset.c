/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <dirent.h>
#include <sys/stat.h>
#include "archive/pod_archive.h"
#include "archive/podset.h"
#include "tarball.h"

#define ID "01ABCDEFGHJKMNPQRSTVWXYZ01" /* as unique_id() makes them */

/* checkpointed.pods with one pod for each of the SandboxIDs, which are divided by blanks. */
static void append_pods(struct buffer *out, const char *sandboxes)
{
        _cleanup_free_ char *copy = strdup(sandboxes);
        const char *comma = "";

        assert_int_equal(buffer_append_text(out, "{\"version\":0,\"CheckpointedPods\":["), 0);
        for (char *each = strtok(copy, " "); each; each = strtok(NULL, " "), comma = ",")
                assert_int_equal(buffer_printf(out,
                                               "%s{\"SandboxID\":\"%s\",\"io.kubernetes.pod.uid\":\"u%s\","
                                               "\"Containers\":[{\"Image\":\"i\"}]}",
                                               comma, each, each),
                                 0);
        assert_int_equal(buffer_append_text(out, "]}"), 0);
}

static void make_directory(const char *path, const char *sandboxes)
{
        _cleanup_buffer_ struct buffer pods = {0};
        _cleanup_free_ char *copy = strdup(sandboxes);
        char name[256];

        assert_int_equal(mkdir(path, 0700), 0);
        append_pods(&pods, sandboxes);
        snprintf(name, sizeof(name), "%s/%s", path, PODS_NAME);
        write_bytes(name, buffer_slice(&pods));
        for (char *each = strtok(copy, " "); each; each = strtok(NULL, " ")) {
                snprintf(name, sizeof(name), "%s/%s.tar", path, each);
                write_bytes(name, SLICE_TEXT(each));
        }
}

/* A tar of a set whose archives say their SandboxID, as make_directory() has them. */
static void make_tar(const char *path, const char *listed, const char *members)
{
        _cleanup_buffer_ struct buffer pods = {0}, tar = {0};
        _cleanup_free_ char *copy = strdup(members);
        char name[256];

        append_pods(&pods, listed);
        tarball_header(&tar, "./", TAR_DIRECTORY, 0);
        for (char *each = strtok(copy, " "); each; each = strtok(NULL, " ")) {
                snprintf(name, sizeof(name), "./%s.tar", each);
                tarball_text(&tar, name, each);
        }
        tarball_file(&tar, "./" PODS_NAME, buffer_slice(&pods)); /* last, as nothing orders them */
        tarball_end(&tar);
        write_bytes(path, buffer_slice(&tar));
}

static int insert(const char *input, const char *directory, struct error *err)
{
        _cleanup_podset_insertion_ struct podset_insertion insertion = {0};

        return podset_insert(input, directory, NULL, &insertion, err);
}

/* The directory has exactly these pods with their archives, and no other file but `others`. */
static void assert_directory(const char *path, const char *sandboxes, unsigned others)
{
        _cleanup_podset_ struct podset *set = NULL;
        _cleanup_closedir_ DIR *dir = opendir(path);
        _cleanup_free_ char *copy = strdup(sandboxes);
        struct error err = {0};
        unsigned files = 0;
        size_t count = 0;

        assert_success(podset_open(path, &set, &err), &err);
        for (char *each = strtok(copy, " "); each; each = strtok(NULL, " "), count++) {
                _cleanup_buffer_ struct buffer contents = {0};
                char name[256];

                assert_true(count < podset_pods(set)->count);
                assert_string_equal(podset_pods(set)->list[count].sandbox, each);
                assert_true(podset_has_archive(set, &podset_pods(set)->list[count]));
                snprintf(name, sizeof(name), "%s/%s.tar", path, each);
                read_bytes(name, &contents);
                assert_string_equal(buffer_text(&contents), each);
        }
        assert_int_equal(podset_pods(set)->count, count);
        for (struct dirent *entry; (entry = readdir(dir));)
                files += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        assert_int_equal(files, count + 1 + others);
}

static void test_extract_and_insert(void **state)
{
        static const enum compression all[] = {COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD,
                                               COMPRESSION_LZ4};
        char name[16];

        make_directory("from", "s1 s2");
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_podset_ struct podset *set = NULL, *tar = NULL;
                struct error err = {0};
                uint64_t size;
                struct stat st;

                assert_success(podset_open("from", &set, &err), &err);
                assert_success(podset_extract(set, "set.tar", all[i], NULL, &size, &err), &err);
                assert_int_equal(stat("set.tar", &st), 0);
                assert_int_equal(st.st_size, size);
                assert_int_equal(st.st_mode & 0777, 0600);
                assert_success(podset_open("set.tar", &tar, &err), &err);
                assert_true(podset_has_archive(tar, &podset_pods(tar)->list[1]));
                assert_string_equal(podset_place(tar), "set.tar");
                snprintf(name, sizeof(name), "to%zu", i);
                assert_success(insert("set.tar", name, &err), &err);
                assert_directory(name, "s1 s2", 0);
                assert_int_equal(chmod(name, 0700), 0);
        }
}

static void test_extract_misses_nothing(void **state)
{
        _cleanup_podset_ struct podset *set = NULL;
        struct error err = {0};
        uint64_t size;

        make_directory("from", "s1 s2");
        assert_int_equal(unlink("from/s2.tar"), 0);
        assert_success(podset_open("from", &set, &err), &err);
        assert_false(podset_has_archive(set, &podset_pods(set)->list[1]));
        assert_error(podset_extract(set, "set.tar", COMPRESSION_NONE, NULL, &size, &err), &err,
                     ERROR_NOT_FOUND);
        assert_non_null(strstr(err.text, "from/s2.tar"));
        assert_int_not_equal(access("set.tar", F_OK), 0);
        /* Nor does it follow a link to somebody else's file. */
        assert_int_equal(symlink("/etc/passwd", "from/s2.tar"), 0);
        assert_false(podset_has_archive(set, &podset_pods(set)->list[1]));
        assert_error(podset_extract(set, "set.tar", COMPRESSION_NONE, NULL, &size, &err), &err,
                     ERROR_UNSAFE_NAME);
}

static void test_insert_adds(void **state)
{
        _cleanup_podset_insertion_ struct podset_insertion insertion = {0};
        struct error err = {0};

        make_directory("to", "s1");
        make_tar("set.tar", "s2 s3", "s3 extra s2");
        assert_success(podset_insert("set.tar", "to", NULL, &insertion, &err), &err);
        assert_directory("to", "s1 s2 s3", 0);
        assert_int_equal(insertion.pods->count, 2);
        assert_int_equal(insertion.bytes, 4);
        assert_int_equal(insertion.ignored_count, 1);
        assert_string_equal(insertion.ignored[0], "extra.tar");
}

static void test_insert_refuses_doubles(void **state)
{
        struct error err = {0};

        make_directory("to", "s1");
        make_tar("again.tar", "s0 s1", "s0 s1");
        assert_error(insert("again.tar", "to", &err), &err, ERROR_EXISTS);
        assert_non_null(strstr(err.log, "SandboxID s1"));
        assert_null(strstr(err.log, "SandboxID s0"));
        make_tar("twice.tar", "s2 s2", "s2");
        assert_error(insert("twice.tar", "to", &err), &err, ERROR_EXISTS);
        /* An archive that nobody lists is not overwritten either. */
        write_bytes("to/s3.tar", SLICE_TEXT("precious"));
        make_tar("other.tar", "s2 s3", "s2 s3");
        assert_error(insert("other.tar", "to", &err), &err, ERROR_EXISTS);
        assert_directory("to", "s1", 1);
}

static void test_insert_refuses_what_is_not_whole(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0};
        struct error err = {0};

        make_directory("to", "s1");
        make_tar("missing.tar", "s2 s3", "s2");
        assert_error(insert("missing.tar", "to", &err), &err, ERROR_ARCHIVE_MEMBER_MISSING);
        make_tar("whole.tar", "s2 s3", "s2 s3");
        read_bytes("whole.tar", &tar);
        for (size_t size = 0; size < tar.size; size += TAR_BLOCK) {
                write_bytes("cut.tar", (struct slice){tar.data, size});
                assert_true(insert("cut.tar", "to", &err) < 0);
        }
        assert_true(insert("to", "to", &err) < 0);
        assert_directory("to", "s1", 0);
}

static void test_insert_refuses_hostile_members(void **state)
{
        static const struct {
                const char *name;
                enum tar_type type;
        } cases[] = {
                {"../s2.tar", TAR_FILE}, {"/etc/s2.tar", TAR_FILE},  {"x/../../s2.tar", TAR_FILE},
                {"s2.tar", TAR_SYMLINK}, {"s2.tar", TAR_HARD_LINK},  {"s2.tar", TAR_CHARACTER},
                {"s2.tar", TAR_FIFO},    {"s2.tar/", TAR_DIRECTORY}, {"s2.tar", TAR_BLOCK_DEVICE},
                {"other", TAR_SYMLINK},
        };

        make_directory("to", "s1");
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_buffer_ struct buffer tar = {0}, pods = {0};
                struct error err = {0};

                append_pods(&pods, "s2");
                tarball_file(&tar, PODS_NAME, buffer_slice(&pods));
                tarball_header(&tar, cases[i].name, cases[i].type, 0);
                tarball_end(&tar);
                write_bytes("hostile.tar", buffer_slice(&tar));
                assert_true(insert("hostile.tar", "to", &err) < 0);
                assert_int_equal(error_exit_status(&err), EXIT_BAD_DATA);
        }
        assert_directory("to", "s1", 0);
}

/* What a run leaves that is killed: before its archives had their names, between those, before the metadata.
 */
static void leave(const char *sandbox, bool placed)
{
        char staged[256], name[256];

        snprintf(staged, sizeof(staged), "to/.%s.tar.%s.insert", sandbox, ID);
        snprintf(name, sizeof(name), "to/%s.tar", sandbox);
        write_bytes(staged, SLICE_TEXT(sandbox));
        if (placed)
                assert_int_equal(link(staged, name), 0);
}

static void test_insert_undoes_a_killed_one(void **state)
{
        struct error err = {0};

        make_directory("to", "s1");
        leave("s2", true);
        leave("s3", false);
        write_bytes("to/." PODS_NAME "." ID ".tmp", SLICE_TEXT("{"));
        make_tar("set.tar", "s2 s3", "s2 s3");
        assert_success(insert("set.tar", "to", &err), &err);
        assert_directory("to", "s1 s2 s3", 0);
}

/* Killed after the metadata: the pods are there, only our names are too many. */
static void test_insert_finishes_a_killed_one(void **state)
{
        struct error err = {0};

        make_directory("to", "s1 s2");
        assert_int_equal(link("to/s2.tar", "to/.s2.tar." ID ".insert"), 0);
        make_tar("set.tar", "s2", "s2");
        assert_error(insert("set.tar", "to", &err), &err, ERROR_EXISTS);
        assert_directory("to", "s1 s2", 0);
}

/* A file of another origin under the real name is not ours to remove; nor are names that only look like ours.
 */
static void test_insert_removes_nothing_of_others(void **state)
{
        struct error err = {0};

        make_directory("to", "s1");
        leave("s9", false);
        write_bytes("to/s9.tar", SLICE_TEXT("precious"));
        write_bytes("to/.s8.tar.insert", SLICE_TEXT("precious"));
        write_bytes("to/." PODS_NAME ".tmp", SLICE_TEXT("precious"));
        make_tar("set.tar", "s2", "s2");
        assert_success(insert("set.tar", "to", &err), &err);
        assert_directory("to", "s1 s2", 3);
}

static void test_insert_leaves_unreadable_metadata_alone(void **state)
{
        _cleanup_buffer_ struct buffer contents = {0};
        struct error err = {0};

        make_directory("to", "s1");
        leave("s2", true);
        write_bytes("to/" PODS_NAME, SLICE_TEXT("{\"version\":7}"));
        make_tar("set.tar", "s3", "s3");
        assert_error(insert("set.tar", "to", &err), &err, ERROR_UNSUPPORTED);
        read_bytes("to/" PODS_NAME, &contents);
        assert_string_equal(buffer_text(&contents), "{\"version\":7}");
        assert_int_equal(access("to/s2.tar", F_OK), 0);
}

static void test_sources(void **state)
{
        struct podset *set = NULL;
        struct error err = {0};
        _cleanup_buffer_ struct buffer tar = {0};

        assert_error(podset_open("nowhere", &set, &err), &err, ERROR_NOT_FOUND);
        assert_int_equal(mkdir("empty", 0700), 0);
        assert_error(podset_open("empty", &set, &err), &err, ERROR_NOT_FOUND);
        assert_non_null(strstr(error_hint(&err), "checkpointctl list"));
        assert_error(podset_open(GOLDEN("crio-1.36.3-counter.tar"), &set, &err), &err, ERROR_ARCHIVE_NOT_ONE);
        write_bytes("nonsense", SLICE_TEXT("nonsense"));
        assert_error(podset_open("nonsense", &set, &err), &err, ERROR_ARCHIVE_NOT_ONE);
}

/* A pod's archive within a set, and a container's within that: neither is unpacked. */
static void test_archives_within_archives(void **state)
{
        static const char full[] = "k8s_counter_pod_ns_uid_0";
        _cleanup_buffer_ struct buffer container = {0}, pod = {0}, pods = {0}, tar = {0};
        _cleanup_podset_ struct podset *set = NULL;
        _cleanup_pod_archive_ struct pod_archive *inner = NULL;
        _cleanup_archive_ struct archive *innermost = NULL, *plain = NULL;
        struct archive *archive = NULL;
        struct error err = {0};

        read_bytes(GOLDEN("crio-1.36.3-counter.tar"), &container);
        tarball_text(&pod, "pod.dump",
                     "{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"namespace\":\"n\"},\"hostname\":\"h\"}");
        tarball_text(&pod, "pod.options",
                     "{\"version\":1,\"containers\":[\"k8s_counter_pod_ns_uid_0\",\"x\"]}");
        tarball_file(&pod, "k8s_counter_pod_ns_uid_0.tar", buffer_slice(&container));
        tarball_end(&pod);
        append_pods(&pods, "s1");
        tarball_file(&tar, PODS_NAME, buffer_slice(&pods));
        tarball_file(&tar, "s1.tar", buffer_slice(&pod));
        tarball_end(&tar);
        write_bytes("set.tar", buffer_slice(&tar));

        assert_success(podset_open("set.tar", &set, &err), &err);
        assert_success(podset_open_archive(set, &podset_pods(set)->list[0], &archive, &err), &err);
        assert_success(pod_archive_load(archive, &inner, &err), &err);
        assert_string_equal(inner->name, "p");
        assert_string_equal(inner->hostname, "h");
        assert_int_equal(inner->container_count, 2);
        assert_string_equal(inner->containers[0].full_name, full);
        assert_string_equal(inner->containers[0].name, "counter");
        assert_string_equal(inner->containers[1].name, "x");
        assert_null(inner->containers[1].member);
        assert_success(archive_open_inner(inner->archive, inner->containers[0].member, &innermost, &err),
                       &err);
        assert_success(archive_open(GOLDEN("crio-1.36.3-counter.tar"), &plain, &err), &err);
        assert_int_equal(archive_count(innermost), archive_count(plain));
        for (size_t i = 0; i < archive_count(plain); i++) {
                _cleanup_buffer_ struct buffer a = {0}, b = {0};

                if (archive_at(plain, i)->type != TAR_FILE)
                        continue;
                assert_success(archive_read(plain, archive_at(plain, i), MIB, &a, &err), &err);
                assert_success(archive_read(innermost, archive_at(innermost, i), MIB, &b, &err), &err);
                assert_int_equal(a.size, b.size);
                assert_memory_equal(a.data, b.data, a.size);
        }
}

/* Compressed ones too, where they lie in a plain tar; what lies in a compressed one cannot be sought to. */
static void test_compressed_archives_within(void **state)
{
        static const char *const paths[] = {GOLDEN("podman-5.8.6-counter-gzip.tar"),
                                            GOLDEN("podman-5.8.6-counter-zstd.tar")};
        _cleanup_podset_ struct podset *set = NULL, *squeezed = NULL;
        _cleanup_podset_insertion_ struct podset_insertion insertion = {0};
        _cleanup_archive_ struct archive *refused = NULL;
        struct error err = {0};
        uint64_t size;

        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                _cleanup_buffer_ struct buffer container = {0}, tar = {0};
                _cleanup_archive_ struct archive *outer = NULL, *inner = NULL;

                read_bytes(paths[i], &container);
                tarball_file(&tar, "x.tar", buffer_slice(&container));
                tarball_text(&tar, "behind", "it");
                tarball_end(&tar);
                write_bytes("outer.tar", buffer_slice(&tar));
                assert_success(archive_open_any("outer.tar", &outer, &err), &err);
                assert_success(archive_open_inner(outer, archive_find(outer, "x.tar"), &inner, &err), &err);
                assert_non_null(archive_find(inner, "config.dump"));
        }
        make_directory("from", "s1");
        assert_success(podset_open("from", &set, &err), &err);
        assert_success(podset_extract(set, "set.tar", COMPRESSION_ZSTD, NULL, &size, &err), &err);
        assert_success(podset_open("set.tar", &squeezed, &err), &err);
        assert_error(podset_open_archive(squeezed, &podset_pods(squeezed)->list[0], &refused, &err), &err,
                     ERROR_UNSUPPORTED);
}

static void test_pod_archives(void **state)
{
        static const struct {
                const char *dump, *options;
                const struct error_kind *kind; /* NULL: it is one */
        } cases[] = {
                {"{\"hostname\":\"h\"}", "{\"containers\":[\"c\"]}", NULL},
                {"{}", "{}", NULL},
                {"{}", "{\"containers\":{\"c\":\"k8s_c\"}}", NULL},
                {NULL, "{}", &ERROR_ARCHIVE_NOT_ONE},
                {"{}", NULL, &ERROR_ARCHIVE_MEMBER_MISSING},
                {"", "{}", &ERROR_ARCHIVE_METADATA},
                {"{}", "", &ERROR_ARCHIVE_METADATA},
                {"{}", "{\"containers\":7}", &ERROR_ARCHIVE_METADATA},
                {"{}", "{\"containers\":[7]}", &ERROR_ARCHIVE_METADATA},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_buffer_ struct buffer tar = {0};
                struct archive *archive = NULL;
                struct pod_archive *pod = NULL;
                struct error err = {0};

                tarball_text(&tar, "c.tar", "contents");
                if (cases[i].dump)
                        tarball_text(&tar, "pod.dump", cases[i].dump);
                if (cases[i].options)
                        tarball_text(&tar, "pod.options", cases[i].options);
                tarball_end(&tar);
                write_bytes("pod.tar", buffer_slice(&tar));
                assert_success(archive_open_any("pod.tar", &archive, &err), &err);
                if (cases[i].kind) {
                        assert_error(pod_archive_load(archive, &pod, &err), &err, *cases[i].kind);
                        archive_free(archive);
                        continue;
                }
                assert_success(pod_archive_load(archive, &pod, &err), &err);
                pod_archive_free(pod);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_extract_and_insert),
                TEST(test_extract_misses_nothing),
                TEST(test_insert_adds),
                TEST(test_insert_refuses_doubles),
                TEST(test_insert_refuses_what_is_not_whole),
                TEST(test_insert_refuses_hostile_members),
                TEST(test_insert_undoes_a_killed_one),
                TEST(test_insert_finishes_a_killed_one),
                TEST(test_insert_removes_nothing_of_others),
                TEST(test_insert_leaves_unreadable_metadata_alone),
                TEST(test_sources),
                TEST(test_archives_within_archives),
                TEST(test_compressed_archives_within),
                TEST(test_pod_archives),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
