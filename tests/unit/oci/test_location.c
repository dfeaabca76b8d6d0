/* SPDX-License-Identifier: Apache-2.0 */
/* One checkpoint, wherever it lies; and places that are not what they say. */
#include "testing.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include "archive/stream.h"
#include "archive/verify.h"
#include "base/compress.h"
#include "oci/errors.h"
#include "oci/image.h"
#include "net/errors.h"
#include "oci/location.h"
#include "tarball.h"
#include "hand_image.h" /* needs them */

#define ARCHIVE GOLDEN("podman-5.8.6-two-none.tar")

typedef int (*opener)(const char *text, const struct progress *progress, struct archive **out,
                      struct error *err);

/* --- standard input --- */

static void input_from(int fd)
{
        assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
        close(fd);
}

static void input_from_file(const char *path, off_t offset)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(lseek(fd, offset, SEEK_SET), offset);
        input_from(fd);
}

/* A child writes the bytes; it may find that nobody wants all of them. */
static pid_t input_from_pipe(struct slice bytes)
{
        int fds[2];
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                close(fds[0]);
                signal(SIGPIPE, SIG_IGN);
                file_write_full(fds[1], bytes.data, bytes.size);
                _exit(0);
        }
        close(fds[1]);
        input_from(fds[0]);
        return pid;
}

static int open_pipe(struct slice bytes, opener open_it, struct archive **out, struct error *err)
{
        pid_t pid = input_from_pipe(bytes);
        int ret = open_it("-", NULL, out, err);

        input_from(open("/dev/null", O_RDONLY | O_CLOEXEC));
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        return ret;
}

/* --- the same everywhere --- */

static int hash(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        struct sha256_stream **streams = context;

        if (!member)
                return 0;
        return sha256_update(streams[text_starts_with(member->name, "checkpoint/pages-")], raw.data,
                             raw.size);
}

/* What archive_stream gives of pages and of the rest: an image has them one after the other. */
static void stream_digests(const struct archive *archive, struct sha256 out[2])
{
        struct sha256_stream *streams[2];
        struct error err = {0};

        for (int i = 0; i < 2; i++)
                assert_success(sha256_new(&streams[i], &err), &err);
        assert_success(archive_stream(archive, hash, streams, &err), &err);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(sha256_finish(streams[i], &out[i]), 0);
                sha256_free(streams[i]);
        }
}

static void assert_contents(const struct archive *archive, const struct archive *expected, uint64_t largest)
{
        struct error err = {0};

        assert_int_equal(archive_count(archive), archive_count(expected));
        for (size_t i = 0; i < archive_count(expected); i++) {
                const struct archive_member *right = archive_at(expected, i);
                const struct archive_member *left = archive_find(archive, right->name);
                _cleanup_buffer_ struct buffer x = {0}, y = {0};

                if (!left)
                        fail_msg("%s is missing", right->name);
                assert_int_equal(left->size, right->size);
                assert_int_equal(left->mode, right->mode);
                if (right->size > largest)
                        continue;
                assert_success(archive_read(archive, left, largest, &x, &err), &err);
                assert_success(archive_read(expected, right, largest, &y, &err), &err);
                assert_memory_equal(x.data, y.data, right->size);
        }
}

static int append(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        return buffer_append(context, raw.data, raw.size) < 0 ? error_oom(err) : 0;
}

/* A stream gives the same bytes, whether they are read or skipped. */
static void assert_stream(const struct archive *archive)
{
        _cleanup_buffer_ struct buffer expected = {0};
        static const size_t steps[] = {1, 511, 512, 10000, 1 * MIB};
        struct error err = {0};

        assert_success(archive_stream(archive, append, &expected, &err), &err);
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                _cleanup_stream_ struct stream *stream = NULL;
                uint8_t bytes[600];
                uint64_t at = 0;

                assert_success(stream_open(archive, &stream, &err), &err);
                while (at < expected.size) {
                        size_t left = expected.size - (size_t)at, step = steps[i] < left ? steps[i] : left;
                        ssize_t n = stream_read(stream, bytes, sizeof(bytes), &err);

                        assert_int_equal(n, left < sizeof(bytes) ? left : sizeof(bytes));
                        assert_memory_equal(bytes, expected.data + at, (size_t)n);
                        at += (uint64_t)n;
                        left -= (size_t)n;
                        step = step < left ? step : left;
                        assert_success(stream_skip(stream, step, &err), &err);
                        at += step;
                        assert_int_equal(stream_position(stream), at);
                }
                assert_int_equal(stream_read(stream, bytes, 1, &err), 0);
        }
}

static void assert_same(struct archive *archive, const struct archive *expected)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        struct sha256 digests[2], expected_digests[2];
        struct error err = {0};

        assert_contents(archive, expected, 64 * MIB);
        assert_stream(archive);
        stream_digests(archive, digests);
        stream_digests(expected, expected_digests);
        assert_true(sha256_equal(&digests[0], &expected_digests[0]));
        assert_true(sha256_equal(&digests[1], &expected_digests[1]));
        assert_success(archive_verify_open(archive, NULL, &report, &err), &err);
        assert_int_equal(report.fault_count, 0);
}

/* A look is without memory pages, and knows how many there are. */
static void look_and_compare(const char *text, const struct archive *expected)
{
        _cleanup_archive_ struct archive *archive = NULL;
        uint64_t pages = 0;
        struct error err = {0};

        assert_success(location_look(text, NULL, &archive, &err), &err);
        for (size_t i = 0; i < archive_count(expected); i++) {
                const struct archive_member *member = archive_at(expected, i);
                const struct archive_member *found = archive_find(archive, member->name);

                if (text_starts_with(member->name, "checkpoint/pages-")) {
                        assert_null(found);
                        pages += member->size;
                        continue;
                }
                assert_non_null(found);
                assert_int_equal(found->size, member->size);
        }
        assert_int_not_equal(pages, 0);
        assert_int_equal(archive_absent_size(archive), pages);
}

static void open_and_compare(const char *text, const struct archive *expected)
{
        const opener openers[] = {location_open, location_look};

        for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
                _cleanup_archive_ struct archive *archive = NULL;
                struct error err = {0};

                assert_success(openers[i](text, NULL, &archive, &err), &err);
                assert_same(archive, expected);
        }
}

static void open_image_and_compare(const char *text, const struct archive *expected)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct error err = {0};

        assert_success(location_open(text, NULL, &archive, &err), &err);
        assert_same(archive, expected);
        assert_int_equal(archive_absent_size(archive), 0);
        look_and_compare(text, expected);
}

static void build(struct archive *archive, const char *to, enum compression compression)
{
        const struct image_options options = {.compression = compression};
        _cleanup_image_reference_ struct image_reference reference = {0};
        struct image_result result;
        struct error err = {0};

        assert_success(image_reference_parse(to, &reference, &err), &err);
        assert_success(image_build(archive, &reference, &options, NULL, &result, &err), &err);
}

static void test_images_are_the_same(void **state)
{
        static const enum compression compressions[] = {COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD};
        _cleanup_archive_ struct archive *expected = NULL;
        struct error err = {0};

        assert_success(location_open(ARCHIVE, NULL, &expected, &err), &err);
        for (size_t i = 0; i < ARRAY_SIZE(compressions); i++) {
                char text[64];

                snprintf(text, sizeof(text), "oci:layout:t%zu", i);
                build(expected, text, compressions[i]);
                open_image_and_compare(text, expected);
                snprintf(text, sizeof(text), "oci-archive:image%zu.tar:t", i);
                build(expected, text, compressions[i]);
                open_image_and_compare(text, expected);
        }
}

/* An image made of an image is that image. */
static void test_an_image_is_built_from_an_image(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL, *image = NULL;
        _cleanup_buffer_ struct buffer one = {0}, other = {0};
        struct error err = {0};

        assert_success(location_open(ARCHIVE, NULL, &archive, &err), &err);
        build(archive, "oci-archive:one.tar", COMPRESSION_NONE);
        assert_success(location_open("oci-archive:one.tar", NULL, &image, &err), &err);
        build(image, "oci-archive:other.tar", COMPRESSION_NONE);
        read_bytes("one.tar", &one);
        read_bytes("other.tar", &other);
        assert_int_equal(one.size, other.size);
        assert_memory_equal(one.data, other.data, one.size);
}

static void test_standard_input_is_the_same(void **state)
{
        _cleanup_buffer_ struct buffer bytes = {0}, behind = {0};
        _cleanup_archive_ struct archive *expected = NULL, *kept = NULL, *seen = NULL;
        struct error err = {0};
        uint8_t byte;

        assert_success(location_open(ARCHIVE, NULL, &expected, &err), &err);
        input_from_file(ARCHIVE, 0);
        open_and_compare("-", expected);
        /* A program before us took what it wanted. */
        read_bytes(ARCHIVE, &bytes);
        assert_int_equal(buffer_append_text(&behind, "a header of somebody's\n"), 0);
        assert_int_equal(buffer_append(&behind, bytes.data, bytes.size), 0);
        write_bytes("behind", buffer_slice(&behind));
        input_from_file("behind", strlen("a header of somebody's\n"));
        open_and_compare("-", expected);

        assert_success(open_pipe(buffer_slice(&bytes), location_open, &kept, &err), &err);
        assert_same(kept, expected);
        assert_success(open_pipe(buffer_slice(&bytes), location_look, &seen, &err), &err);
        assert_contents(seen, expected, 64 * KIB);
        assert_error(archive_stream(seen, hash, NULL, &err), &err, ERROR_UNSUPPORTED);
        assert_error(archive_read_at(seen, archive_find(seen, "rootfs-diff.tar"), UINT64_MAX, &byte, 1, &err),
                     &err, ERROR_ARCHIVE_CORRUPT);
}

static void test_compressed_standard_input(void **state)
{
        _cleanup_archive_ struct archive *expected = NULL;
        _cleanup_buffer_ struct buffer bytes = {0};
        struct error err = {0};

        assert_success(location_open(ARCHIVE, NULL, &expected, &err), &err);
        read_bytes(ARCHIVE, &bytes);
        for (enum compression kind = COMPRESSION_GZIP; kind < COMPRESSION_MAX_; kind++) {
                _cleanup_archive_ struct archive *kept = NULL, *seen = NULL;
                _cleanup_buffer_ struct buffer packed = {0};

                assert_success(frame_compress(kind, 0, buffer_slice(&bytes), &packed, &err), &err);
                assert_success(open_pipe(buffer_slice(&packed), location_open, &kept, &err), &err);
                assert_same(kept, expected);
                assert_success(open_pipe(buffer_slice(&packed), location_look, &seen, &err), &err);
                assert_contents(seen, expected, 64 * KIB);
        }
}

/* A large member of a pipe is gone when it has been passed. */
static void test_a_pipe_keeps_what_is_small(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0}, pages = {0}, out = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        const struct archive_member *member;
        struct error err = {0};

        assert_int_equal(buffer_reserve(&pages, 3 * MIB), 0);
        pages.size = 3 * MIB;
        memset(pages.data, 'x', pages.size);
        tarball_file(&tar, "checkpoint/pages-1.img", buffer_slice(&pages));
        tarball_text(&tar, "config.dump", "{\"name\":\"x\"}");
        tarball_end(&tar);
        assert_success(open_pipe(buffer_slice(&tar), location_look, &archive, &err), &err);
        member = archive_find(archive, "config.dump");
        assert_success(archive_read(archive, member, MIB, &out, &err), &err);
        member = archive_find(archive, "checkpoint/pages-1.img");
        assert_error(archive_read(archive, member, 3 * MIB, &out, &err), &err, ERROR_UNSUPPORTED);
        assert_error(archive_read_at(archive, member, 0, out.data, 1, &err), &err, ERROR_UNSUPPORTED);
        assert_success(archive_read_at(archive, member, 3 * MIB - 1, out.data, 1, &err), &err);
        assert_int_equal(out.data[0], 'x');
}

/* --- what is refused --- */

static void test_every_cut_of_a_pipe_is_refused(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0};
        const opener openers[] = {location_open, location_look};

        tarball_header(&tar, "checkpoint/", TAR_DIRECTORY, 0);
        tarball_text(&tar, "config.dump", "{\"name\":\"x\"}");
        tarball_text(&tar, "checkpoint/inventory.img", "0123456789");
        tarball_end(&tar);
        for (size_t i = 0; i < ARRAY_SIZE(openers); i++)
                for (size_t size = 0; size < tar.size; size += TAR_BLOCK / 2) {
                        _cleanup_archive_ struct archive *archive = NULL;
                        struct error err = {0};

                        assert_error(open_pipe((struct slice){tar.data, size}, openers[i], &archive, &err),
                                     &err,
                                     *(size < TAR_BLOCK ? &ERROR_ARCHIVE_NOT_ONE : &ERROR_ARCHIVE_TRUNCATED));
                }
}

static void test_other_compressions_are_named(void **state)
{
        static const struct {
                const char *head, *name;
        } others[] = {{"BZh91AY&SY, and so on", "bzip2"},
                      {"\xfd"
                       "7zXZ and so on, at length",
                       "xz"}};

        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                _cleanup_archive_ struct archive *archive = NULL;
                struct error err = {0};

                write_bytes("other", SLICE_TEXT(others[i].head));
                assert_error(location_open("other", NULL, &archive, &err), &err, ERROR_UNSUPPORTED);
                assert_non_null(strstr(err.text, others[i].name));
                assert_error(open_pipe(SLICE_TEXT(others[i].head), location_look, &archive, &err), &err,
                             ERROR_UNSUPPORTED);
        }
}

static void test_registries_that_are_not_there(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct error err = {0};

        assert_error(location_open("docker://localhost:1/web:1", NULL, &archive, &err), &err,
                     ERROR_CONNECTION);
        assert_false(location_is_path("docker://x"));
        assert_false(location_is_path("-"));
        assert_false(location_is_path("oci:x"));
        assert_true(location_is_path("./-"));
}

struct layers {
        struct buffer first, second;
};

static void layers_new(struct layers *layers)
{
        *layers = (struct layers){0};
        tarball_header(&layers->first, "checkpoint/", TAR_DIRECTORY, 0);
        tarball_text(&layers->first, "config.dump", "{\"name\":\"x\"}");
        tarball_text(&layers->second, "checkpoint/pages-1.img", "0123456789");
}

static void layers_free(struct layers *layers)
{
        buffer_free(&layers->first);
        buffer_free(&layers->second);
}

static int open_layers(const struct layers *layers, const char *digest, uint64_t size, struct archive **out,
                       struct error *err)
{
        const struct hand_layer list[] = {
                {.bytes = buffer_slice(&layers->first)},
                {.bytes = buffer_slice(&layers->second), .digest = digest, .size = size}};

        hand_image(list, ARRAY_SIZE(list));
        return location_open("oci:layout", NULL, out, err);
}

/* Builders leave the end marker out, or write blocks behind it. */
static void test_ends_of_layers(void **state)
{
        static const uint8_t zeros[10240];

        for (int marker = 0; marker < 3; marker++) {
                _cleanup_(layers_free) struct layers layers;
                _cleanup_archive_ struct archive *archive = NULL;
                _cleanup_verify_report_ struct verify_report report = {0};
                _cleanup_buffer_ struct buffer out = {0};
                struct error err = {0};

                layers_new(&layers);
                if (marker)
                        tarball_end(&layers.first);
                if (marker == 2)
                        assert_int_equal(buffer_append(&layers.first, zeros, sizeof(zeros)), 0);
                assert_success(open_layers(&layers, NULL, 0, &archive, &err), &err);
                assert_int_equal(archive_count(archive), 3);
                assert_success(archive_read(archive, archive_at(archive, 2), MIB, &out, &err), &err);
                assert_string_equal(buffer_text(&out), "0123456789");
                assert_success(archive_verify_open(archive, NULL, &report, &err), &err);
                for (size_t i = 0; i < report.fault_count; i++)
                        if (report.faults[i].kind == &ERROR_ARCHIVE_DIGEST)
                                fail_msg("%s", report.faults[i].reason);
        }
}

static void test_layers_that_no_builder_writes(void **state)
{
        static const struct {
                const char *name;
                enum tar_type type;
                const struct error_kind *kind;
        } members[] = {
                {"config.dump", TAR_FILE, &ERROR_ARCHIVE_CORRUPT},
                {"checkpoint/.wh.pages-1.img", TAR_FILE, &ERROR_ARCHIVE_NAME},
                {".wh.config.dump", TAR_FILE, &ERROR_ARCHIVE_NAME},
                {"checkpoint/.wh..wh..opq", TAR_FILE, &ERROR_ARCHIVE_NAME},
                {"../config.dump", TAR_FILE, &ERROR_ARCHIVE_NAME},
                {"/etc/passwd", TAR_FILE, &ERROR_ARCHIVE_NAME},
                {"spec.dump", TAR_SYMLINK, &ERROR_ARCHIVE_NAME},
                {"spec.dump", TAR_HARD_LINK, &ERROR_ARCHIVE_NAME},
                {"spec.dump", TAR_FIFO, &ERROR_ARCHIVE_NAME},
        };

        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
                _cleanup_(layers_free) struct layers layers;
                _cleanup_archive_ struct archive *archive = NULL;
                struct error err = {0};

                layers_new(&layers);
                tarball_header(&layers.second, members[i].name, members[i].type, 0);
                assert_error(open_layers(&layers, NULL, 0, &archive, &err), &err, *members[i].kind);
        }
}

static void test_forged_descriptors_are_refused(void **state)
{
        static const char absent[] =
                "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        _cleanup_(layers_free) struct layers layers;
        struct archive *archive = NULL;
        struct error err = {0};

        layers_new(&layers);
        assert_error(open_layers(&layers, absent, 0, &archive, &err), &err, ERROR_IMAGE_LAYOUT);
        assert_error(open_layers(&layers, "sha256:../../../../etc/passwd", 0, &archive, &err), &err,
                     ERROR_IMAGE_LAYOUT);
        assert_error(open_layers(&layers, "sha512:00", 0, &archive, &err), &err, ERROR_IMAGE_LAYOUT);
        assert_error(open_layers(&layers, NULL, layers.second.size + 1, &archive, &err), &err,
                     ERROR_IMAGE_DIGEST);
        assert_error(open_layers(&layers, NULL, INT64_MAX, &archive, &err), &err, ERROR_IMAGE_DIGEST);
}

/* Blobs of a layout may be links to anything. */
static void test_blobs_that_are_links_are_refused(void **state)
{
        _cleanup_(layers_free) struct layers layers;
        struct archive *archive = NULL;
        char digest[7 + SHA256_HEX_SIZE], path[128];
        struct error err = {0};

        layers_new(&layers);
        assert_success(open_layers(&layers, NULL, 0, &archive, &err), &err);
        archive_free(archive);
        hand_blob(buffer_slice(&layers.second), digest);
        snprintf(path, sizeof(path), "layout/blobs/sha256/%s", digest + 7);
        write_bytes("elsewhere", buffer_slice(&layers.second));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("../../../elsewhere", path), 0);
        assert_true(location_open("oci:layout", NULL, &archive, &err) < 0);
}

static bool finds(struct archive *archive, const struct error_kind *kind)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        struct error err = {0};

        assert_success(archive_verify_open(archive, NULL, &report, &err), &err);
        for (size_t i = 0; i < report.fault_count; i++)
                if (report.faults[i].kind == kind)
                        return true;
        return false;
}

static void flip(const char *digest, size_t at)
{
        _cleanup_buffer_ struct buffer bytes = {0};
        char path[128];

        snprintf(path, sizeof(path), "layout/blobs/sha256/%s", digest + 7);
        read_bytes(path, &bytes);
        bytes.data[at] ^= 1;
        write_bytes(path, buffer_slice(&bytes));
}

/* One bit of a layer: seen at once in a compressed one, by verification in a plain one, wherever it is. */
static void test_digests_of_layers_are_verified(void **state)
{
        _cleanup_(layers_free) struct layers layers;
        _cleanup_buffer_ struct buffer packed = {0};
        struct archive *archive = NULL;
        char digest[7 + SHA256_HEX_SIZE];
        struct error err = {0};

        layers_new(&layers);
        tarball_end(&layers.second);
        assert_success(open_layers(&layers, NULL, 0, &archive, &err), &err);
        assert_false(finds(archive, &ERROR_ARCHIVE_DIGEST));
        archive_free(archive);
        hand_blob(buffer_slice(&layers.second), digest);
        for (size_t i = 0; i < 2; i++) {
                /* The contents of the file; the second block of the end marker would not be a tar any more.
                 */
                flip(digest, i ? TAR_BLOCK + 100 : TAR_BLOCK + 5);
                assert_success(location_open("oci:layout", NULL, &archive, &err), &err);
                assert_true(finds(archive, &ERROR_ARCHIVE_DIGEST));
                archive_free(archive);
                flip(digest, i ? TAR_BLOCK + 100 : TAR_BLOCK + 5);
        }

        assert_success(frame_compress(COMPRESSION_GZIP, 1, buffer_slice(&layers.second), &packed, &err),
                       &err);
        hand_image((const struct hand_layer[]){{.bytes = buffer_slice(&layers.first)},
                                               {.bytes = buffer_slice(&packed), .type = "+gzip"}},
                   2);
        assert_success(location_open("oci:layout", NULL, &archive, &err), &err);
        archive_free(archive);
        hand_blob(buffer_slice(&packed), digest);
        flip(digest, 5); /* the time in gzip's header, which means nothing */
        assert_error(location_open("oci:layout", NULL, &archive, &err), &err, ERROR_ARCHIVE_DIGEST);
}

/* One bit of every byte of a plain layer: it does not open, or verification names the layer. */
static void test_every_byte_of_a_layer_counts(void **state)
{
        _cleanup_(layers_free) struct layers layers;
        char digest[7 + SHA256_HEX_SIZE];
        struct archive *archive = NULL;
        struct error err = {0};

        layers_new(&layers);
        tarball_end(&layers.second);
        assert_success(open_layers(&layers, NULL, 0, &archive, &err), &err);
        archive_free(archive);
        hand_blob(buffer_slice(&layers.second), digest);
        for (size_t at = 0; at < layers.second.size; at++) {
                flip(digest, at);
                if (location_open("oci:layout", NULL, &archive, &err) == 0) {
                        if (!finds(archive, &ERROR_ARCHIVE_DIGEST))
                                fail_msg("byte %zu", at);
                        archive_free(archive);
                }
                flip(digest, at);
        }
}

/* Is it refused, when it is opened or when it is verified? */
static bool is_refused(const char *text)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_verify_report_ struct verify_report report = {0};
        struct error err = {0};

        return location_open(text, NULL, &archive, &err) < 0 ||
               archive_verify_open(archive, NULL, &report, &err) < 0 || report.fault_count;
}

static bool is_refused_from_pipe(struct slice bytes)
{
        pid_t pid = input_from_pipe(bytes);
        bool refused = is_refused("-");

        input_from(open("/dev/null", O_RDONLY | O_CLOEXEC));
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        return refused;
}

/* A layer may end where one likes, so that it must not be cut at the end of a member. */
static bool may_be_a_layer(const char *name)
{
        return text_starts_with(name, "truncated-") && !strstr(name, "size");
}

/* What is refused as a file is refused through a pipe and as a layer. */
static void test_malformed_archives_are_refused_everywhere(void **state)
{
        DIR *dir = opendir(TEST_DATA "/malformed");
        const struct dirent *entry;
        unsigned count = 0;

        assert_non_null(dir);
        while ((entry = readdir(dir))) {
                _cleanup_buffer_ struct buffer bytes = {0};
                char path[512];
                bool gzip = strstr(entry->d_name, ".gz") != NULL;

                if (!strstr(entry->d_name, ".tar"))
                        continue;
                snprintf(path, sizeof(path), "%s/%s", TEST_DATA "/malformed", entry->d_name);
                read_bytes(path, &bytes);
                if (!is_refused_from_pipe(buffer_slice(&bytes)))
                        fail_msg("%s through a pipe", entry->d_name);
                hand_image(&(const struct hand_layer){.bytes = buffer_slice(&bytes),
                                                      .type = gzip ? "+gzip" : ""},
                           1);
                if (!is_refused("oci:layout") && !may_be_a_layer(entry->d_name))
                        fail_msg("%s as a layer", entry->d_name);
                count++;
        }
        closedir(dir);
        assert_true(count >= 50);
}

/* Cut anywhere, with a descriptor that fits: never more than what is there. */
static void test_every_cut_of_a_layer(void **state)
{
        _cleanup_(layers_free) struct layers layers;

        layers_new(&layers);
        tarball_text(&layers.second, "checkpoint/core-1.img", "0123456789");
        for (size_t size = layers.second.size; size-- > 0;) {
                struct archive *archive = NULL;
                struct error err = {0};

                layers.second.size = size;
                if (open_layers(&layers, NULL, 0, &archive, &err) < 0) {
                        assert_ptr_equal(err.kind, &ERROR_ARCHIVE_TRUNCATED);
                        continue;
                }
                assert_int_equal(size % (2 * TAR_BLOCK), 0);
                assert_int_equal(archive_count(archive), 2 + size / (2 * TAR_BLOCK));
                archive_free(archive);
        }
}

int main(void)
{
#define scratch_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                scratch_test(test_images_are_the_same),
                scratch_test(test_an_image_is_built_from_an_image),
                scratch_test(test_standard_input_is_the_same),
                scratch_test(test_compressed_standard_input),
                scratch_test(test_a_pipe_keeps_what_is_small),
                scratch_test(test_every_cut_of_a_pipe_is_refused),
                scratch_test(test_other_compressions_are_named),
                scratch_test(test_registries_that_are_not_there),
                scratch_test(test_ends_of_layers),
                scratch_test(test_layers_that_no_builder_writes),
                scratch_test(test_forged_descriptors_are_refused),
                scratch_test(test_blobs_that_are_links_are_refused),
                scratch_test(test_digests_of_layers_are_verified),
                scratch_test(test_every_byte_of_a_layer_counts),
                scratch_test(test_every_cut_of_a_layer),
                scratch_test(test_malformed_archives_are_refused_everywhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
