/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "archive/index.h"
#include "archive/writer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"

static const enum compression all[] = {COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD, COMPRESSION_LZ4};

#define PAGES_SIZE (9 * MIB + 12345)
#define FACTS      "{\"version\": 1, \"rootfs\": {\"form\": \"none\"}}"

static uint8_t *make_pages(void)
{
        uint8_t *pages = malloc(PAGES_SIZE);
        uint32_t state = 1;

        for (size_t i = 0; i < PAGES_SIZE; i++) {
                state = state * 1664525 + 1013904223;
                pages[i] = i / 65536 % 2 ? 'p' : (uint8_t)(state >> 24);
        }
        return pages;
}

struct feed {
        int fd;
        const uint8_t *data;
        pthread_t thread;
};

static void *feed_run(void *argument)
{
        struct feed *feed = argument;

        assert_int_equal(file_write_full(feed->fd, feed->data, PAGES_SIZE), 0);
        close(feed->fd);
        return NULL;
}

/* A pages member through a pipe, as CRIU delivers it. */
static void add_pages(struct archive_writer *writer, const uint8_t *pages)
{
        struct error err = {0};
        struct feed feed = {.data = pages};
        int fds[2];
        ssize_t n;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        feed.fd = fds[1];
        assert_success(archive_writer_begin(writer, "checkpoint/pages-1.img", 0600, &err), &err);
        assert_int_equal(pthread_create(&feed.thread, NULL, feed_run, &feed), 0);
        while ((n = archive_writer_append_read(writer, fds[0], &err)) > 0)
                ;
        assert_int_equal(n, 0);
        pthread_join(feed.thread, NULL);
        close(fds[0]);
        assert_success(archive_writer_end(writer, &err), &err);
}

static void check_whole(const char *path, const struct sha256 *whole)
{
        _cleanup_buffer_ struct buffer file = {};
        struct sha256 digest;
        struct error err = {0};

        assert_success(file_read(AT_FDCWD, path, 64 * MIB, &file, &err), &err);
        assert_success(sha256_of(buffer_slice(&file), &digest, &err), &err);
        assert_true(sha256_equal(&digest, whole));
}

static void write_archive(const char *path, enum compression compression, bool follow, const uint8_t *pages)
{
        _cleanup_archive_writer_ struct archive_writer *writer = NULL;
        _cleanup_close_ int license = memfd_create("license", MFD_CLOEXEC);
        char long_name[300] = "volumes/";
        struct sha256 whole;
        struct error err = {0};

        memset(long_name + 8, 'v', 200);
        assert_success(archive_writer_open(path, false, compression, 0, &writer, &err), &err);
        if (follow)
                assert_success(archive_writer_follow(writer, &err), &err);
        assert_success(archive_writer_add(writer, "checkpoint/", 0700, (struct slice){}, &err), &err);
        add_pages(writer, pages);
        assert_success(archive_writer_add(writer, "checkpoint/pstree.img", 0600, SLICE_TEXT("tree"), &err),
                       &err);
        assert_int_equal(file_write_full(license, "licence text", 12), 0);
        assert_int_equal(lseek(license, 0, SEEK_SET), 0);
        assert_success(archive_writer_add_fd(writer, "dump.log", 0600, license, &err), &err);
        assert_success(archive_writer_begin(writer, long_name, 0640, &err), &err);
        for (int i = 0; i < 1000; i++)
                assert_success(archive_writer_append(writer, "0123456789", 10, &err), &err);
        assert_success(archive_writer_end(writer, &err), &err);
        assert_success(archive_writer_add(writer, "config.dump", 0600, SLICE_TEXT("{}"), &err), &err);
        assert_int_equal(archive_writer_input(writer), PAGES_SIZE + 4 + 12 + 10000 + 2);
        assert_int_equal(access(path, F_OK), -1);
        assert_success(archive_writer_seal(writer, SLICE_TEXT(FACTS), NULL, &whole, &err), &err);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(access(archive_writer_temp_path(writer), F_OK), 0);
        assert_success(archive_writer_commit(writer, &err), &err);
        check_whole(path, &whole);
}

/* The whole tar stream of an archive. */
static void expand(const char *path, enum compression compression, struct buffer *file, struct buffer *stream)
{
        struct error err = {0};

        assert_success(file_read(AT_FDCWD, path, 64 * MIB, file, &err), &err);
        assert_success(frame_expand(compression, buffer_slice(file), 64 * MIB, stream, &err), &err);
}

static void run(const char *const *argv, struct process_result *result)
{
        const struct process_options options = {.argv = argv};
        struct error err = {0};

        assert_success(process_run_checked(&options, result, &err), &err);
}

/* GNU tar lists and extracts what was put in, whatever the compression. */
static void test_gnu_tar_reads_it(void **state)
{
        _cleanup_free_ uint8_t *pages = make_pages();

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_process_result_ struct process_result list = {}, extracted = {}, unpacked = {};
                _cleanup_buffer_ struct buffer file = {}, stream = {};
                _cleanup_file_writer_ struct file_writer *writer = NULL;
                const char *list_argv[] = {"tar", "-tvf", "stream.tar", NULL};
                const char *cat_argv[] = {"tar", "-xOf", "stream.tar", "checkpoint/pages-1.img", NULL};
                const char *unpack_argv[] = {compression_name(all[i]), "-dc", "out.tar", NULL};
                struct error err = {0};

                unlink("out.tar");
                write_archive("out.tar", all[i], false, pages);
                expand("out.tar", all[i], &file, &stream);
                if (all[i] != COMPRESSION_NONE) {
                        run(unpack_argv, &unpacked);
                        assert_int_equal(unpacked.output.size, stream.size);
                        assert_memory_equal(unpacked.output.data, stream.data, stream.size);
                }
                assert_success(file_writer_open("stream.tar", true, &writer, &err), &err);
                assert_int_equal(file_write_full(file_writer_fd(writer), stream.data, stream.size), 0);
                assert_success(file_writer_commit(writer, &err), &err);
                run(list_argv, &list);
                assert_string_equal(buffer_text(&list.errors), "");
                assert_non_null(strstr(buffer_text(&list.output), "drwx------ 0/0"));
                assert_non_null(strstr(buffer_text(&list.output), " checkpoint/\n"));
                assert_non_null(strstr(buffer_text(&list.output), "vvvvv\n"));
                assert_non_null(strstr(buffer_text(&list.output), " snap.index\n"));
                run(cat_argv, &extracted);
                assert_int_equal(extracted.output.size, PAGES_SIZE);
                assert_memory_equal(extracted.output.data, pages, PAGES_SIZE);
        }
}

/* Finds the index as a reader does: from the end of the file. */
static void read_index(enum compression compression, const struct buffer *file, struct archive_index *index,
                       struct archive_tail *tail)
{
        _cleanup_buffer_ struct buffer last = {}, bytes = {};
        size_t stored = frame_stored_size(compression, ARCHIVE_TAIL_SIZE);
        struct error err = {0};
        struct slice frames;

        assert_success(frame_expand(compression, (struct slice){file->data + file->size - stored, stored},
                                    ARCHIVE_TAIL_SIZE, &last, &err),
                       &err);
        assert_success(archive_tail_decode(last.data, tail, &err), &err);
        assert_int_equal(tail->tail_file, file->size - stored);
        frames = (struct slice){file->data + tail->index_file, tail->tail_file - tail->index_file};
        assert_success(frame_expand(compression, frames, MIB, &bytes, &err), &err);
        assert_int_equal(bytes.size, tar_padded(tail->index_size));
        assert_success(archive_index_decode((struct slice){bytes.data, tail->index_size}, index, &err), &err);
        assert_int_equal(index->compression, compression);
}

static void check_member(const struct archive_index_member *member, const struct buffer *stream,
                         yyjson_val *described)
{
        const uint8_t *contents = stream->data + member->contents;
        char hex[SHA256_HEX_SIZE], crc[9];
        struct tar_entry entry;
        struct sha256 digest;

        assert_int_equal(tar_header_parse(stream->data + member->contents - TAR_BLOCK, &entry, NULL), 1);
        assert_int_equal(entry.size, member->size);
        assert_int_equal(entry.type, member->type);
        assert_int_equal(entry.mode, member->mode);
        assert_int_equal(member->crc, crc32c_update(0, contents, member->size));
        if (member->type == TAR_DIRECTORY || strcmp(member->name, ARCHIVE_FACTS_NAME) == 0) {
                assert_null(described);
                return;
        }
        assert_int_equal(sha256_of((struct slice){contents, member->size}, &digest, NULL), 0);
        assert_string_equal(json_text(described, "sha256"), sha256_hex(&digest, hex));
        snprintf(crc, sizeof(crc), "%08x", member->crc);
        assert_string_equal(json_text(described, "crc32c"), crc);
        assert_int_equal(json_uint_or(described, "size", UINT64_MAX), member->size);
}

/* Every frame of the index starts where it says, and gives the bytes it says. */
static void check_frames(enum compression compression, const struct archive_index *index,
                         const struct archive_tail *tail, const struct buffer *file,
                         const struct buffer *stream)
{
        for (size_t i = 0; i < index->frame_count; i++) {
                const struct archive_index_frame *frame = &index->frames[i];
                bool last = i + 1 == index->frame_count;
                uint64_t file_end = last ? tail->index_file : frame[1].file;
                uint64_t stream_end = last ? tail->index_stream : frame[1].stream;
                _cleanup_buffer_ struct buffer bytes = {};
                struct error err = {0};

                assert_true(stream_end - frame->stream <= 4 * MIB);
                assert_success(frame_expand(compression,
                                            (struct slice){file->data + frame->file, file_end - frame->file},
                                            4 * MIB, &bytes, &err),
                               &err);
                assert_int_equal(bytes.size, stream_end - frame->stream);
                assert_memory_equal(bytes.data, stream->data + frame->stream, bytes.size);
        }
}

static void test_index_and_facts_are_right(void **state)
{
        _cleanup_free_ uint8_t *pages = make_pages();

        for (size_t i = 0; i < 2 * ARRAY_SIZE(all); i++) {
                enum compression compression = all[i / 2];
                _cleanup_buffer_ struct buffer file = {}, stream = {};
                _cleanup_archive_index_ struct archive_index index = {};
                _cleanup_json_ yyjson_doc *doc = NULL;
                const struct archive_index_member *facts;
                struct archive_tail tail;
                struct error err = {0};
                yyjson_val *root, *members;

                unlink("out.tar");
                write_archive("out.tar", compression, i % 2, pages);
                expand("out.tar", compression, &file, &stream);
                read_index(compression, &file, &index, &tail);
                check_frames(compression, &index, &tail, &file, &stream);
                assert_int_equal(index.frame_count > 0, compression != COMPRESSION_NONE);
                assert_int_equal(index.member_count, 7);
                facts = &index.members[6];
                assert_string_equal(facts->name, "snap.json");
                assert_success(json_parse((struct slice){stream.data + facts->contents, facts->size},
                                          "snap.json", &doc, &err),
                               &err);
                root = yyjson_doc_get_root(doc);
                members = yyjson_obj_get(root, "members");
                assert_int_equal(json_uint_or(root, "version", 0), 1);
                assert_int_equal(yyjson_obj_size(members), 5);
                for (size_t j = 0; j < index.member_count; j++)
                        check_member(&index.members[j], &stream,
                                     yyjson_obj_get(members, index.members[j].name));
        }
}

/* Sizes around the edges of blocks, frames and write buffers. */
static void test_sizes_at_edges(void **state)
{
        static const uint64_t edges[] = {0, TAR_BLOCK, 256 * KIB, 4 * MIB, 8 * MIB};
        _cleanup_free_ uint8_t *data = calloc(1, 8 * MIB + 1);

        for (size_t i = 0; i < ARRAY_SIZE(all) * ARRAY_SIZE(edges) * 3; i++) {
                enum compression compression = all[i % ARRAY_SIZE(all)];
                uint64_t edge = edges[i / ARRAY_SIZE(all) / 3];
                uint64_t size = edge + i / ARRAY_SIZE(all) % 3 - 1;
                _cleanup_archive_writer_ struct archive_writer *writer = NULL;
                _cleanup_archive_index_ struct archive_index index = {};
                _cleanup_buffer_ struct buffer file = {}, stream = {};
                struct archive_tail tail;
                struct error err = {0};

                if (size == UINT64_MAX)
                        continue;
                assert_success(archive_writer_open("out.tar", true, compression, 0, &writer, &err), &err);
                assert_success(archive_writer_begin(writer, "first", 0600, &err), &err);
                assert_success(archive_writer_append(writer, data, size, &err), &err);
                assert_success(archive_writer_end(writer, &err), &err);
                assert_success(archive_writer_add(writer, "second", 0600, (struct slice){data, size}, &err),
                               &err);
                assert_success(archive_writer_seal(writer, SLICE_TEXT("{}"), NULL, NULL, &err), &err);
                assert_success(archive_writer_commit(writer, &err), &err);
                expand("out.tar", compression, &file, &stream);
                read_index(compression, &file, &index, &tail);
                check_frames(compression, &index, &tail, &file, &stream);
                assert_int_equal(index.members[0].size, size);
                assert_int_equal(index.members[1].size, size);
                assert_int_equal(
                        tar_header_parse(stream.data + index.members[1].header, &(struct tar_entry){}, &err),
                        1);
        }
}

static unsigned count_entries(void)
{
        DIR *dir = opendir(".");
        unsigned n = 0;

        while (readdir(dir))
                n++;
        closedir(dir);
        return n - 2;
}

static void test_uncommitted_leaves_nothing(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                struct archive_writer *writer = NULL;
                struct error err = {0};
                struct stat st;

                assert_success(archive_writer_open("out.tar", false, all[i], 0, &writer, &err), &err);
                assert_success(archive_writer_begin(writer, "checkpoint/pages-1.img", 0600, &err), &err);
                for (int j = 0; j < 200; j++)
                        assert_success(archive_writer_append(writer, (uint8_t[65536]){}, 65536, &err), &err);
                assert_int_equal(stat(archive_writer_temp_path(writer), &st), 0);
                assert_int_equal(st.st_mode & 07777, 0600);
                assert_int_equal(archive_writer_commit(writer, &err), -EINVAL);
                archive_writer_free(writer);
                assert_int_equal(count_entries(), 0);
        }
}

static void test_killed_leaves_only_the_temporary(void **state)
{
        struct archive_writer *writer = NULL;
        struct error err = {0};
        int status;
        pid_t child = fork();

        if (child == 0) {
                if (archive_writer_open("out.tar", false, COMPRESSION_NONE, 0, &writer, &err) < 0 ||
                    archive_writer_add(writer, "a", 0600, SLICE_TEXT("b"), &err) < 0 ||
                    archive_writer_seal(writer, SLICE_TEXT("{}"), NULL, NULL, &err) < 0)
                        _exit(1);
                raise(SIGKILL);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(access("out.tar", F_OK), -1);
        assert_int_equal(count_entries(), 1);
}

/* A file system that is full, as the limit on file sizes plays it: reported, with the path, by whatever call.
 */
static void test_failed_writes_are_reported(void **state)
{
        const struct rlimit small = {3 * MIB, RLIM_INFINITY};
        struct rlimit before;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        signal(SIGXFSZ, SIG_IGN);
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_archive_writer_ struct archive_writer *writer = NULL;
                _cleanup_free_ uint8_t *pages = make_pages();
                struct error err = {0};
                int r = 0;

                assert_success(archive_writer_open("out.tar", false, all[i], 0, &writer, &err), &err);
                assert_success(archive_writer_begin(writer, "checkpoint/pages-1.img", 0600, &err), &err);
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
                for (int j = 0; j < 20 && r == 0; j++)
                        r = archive_writer_append(writer, pages, PAGES_SIZE, &err);
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
                assert_int_equal(r, -EFBIG);
                assert_non_null(strstr(err.text, "out.tar"));
                assert_int_equal(archive_writer_end(writer, &err), -EFBIG);
                assert_int_equal(archive_writer_seal(writer, SLICE_TEXT("{}"), NULL, NULL, &err), -EFBIG);
        }
}

/* Somebody writes into our file before it is read back; where it is followed, the last chunk is not yet. */
static void test_changed_bytes_are_noticed(void **state)
{
        static const struct {
                enum compression compression;
                bool follow;
                off_t at;
        } cases[] = {
                {COMPRESSION_NONE, false, 20000},
                {COMPRESSION_NONE, true, PAGES_SIZE},
                {COMPRESSION_LZ4, false, 20000},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_archive_writer_ struct archive_writer *writer = NULL;
                _cleanup_free_ uint8_t *pages = make_pages();
                _cleanup_close_ int fd = -1;
                struct error err = {0};

                assert_success(archive_writer_open("out.tar", false, cases[i].compression, 0, &writer, &err),
                               &err);
                if (cases[i].follow)
                        assert_success(archive_writer_follow(writer, &err), &err);
                add_pages(writer, pages);
                fd = open(archive_writer_temp_path(writer), O_RDWR | O_CLOEXEC);
                assert_int_equal(pwrite(fd, "changed", 7, cases[i].at), 7);
                assert_true(archive_writer_seal(writer, SLICE_TEXT("{}"), NULL, NULL, &err) < 0);
                assert_non_null(strstr(err.text, "out.tar"));
        }
}

static void test_bad_use_is_refused(void **state)
{
        static const char *const bad[] = {"", "/", "/etc/passwd", "../x", "a/../b", "a//b"};
        _cleanup_archive_writer_ struct archive_writer *writer = NULL;
        struct error err = {0};

        assert_success(archive_writer_open("out.tar", false, COMPRESSION_NONE, 0, &writer, &err), &err);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_error(archive_writer_add(writer, bad[i], 0600, SLICE_TEXT("x"), &err), &err,
                             ERROR_UNSAFE_NAME);
        assert_error(archive_writer_seal(writer, SLICE_TEXT("not JSON"), NULL, NULL, &err), &err,
                     ERROR_BAD_JSON);
        assert_error(archive_writer_seal(writer, SLICE_TEXT("[]"), NULL, NULL, &err), &err, ERROR_INTERNAL);
        assert_success(archive_writer_begin(writer, "open", 0600, &err), &err);
        assert_error(archive_writer_add(writer, "nested", 0600, SLICE_TEXT("x"), &err), &err, ERROR_INTERNAL);
}

static bool always(void *context)
{
        return true;
}

static void test_seal_can_be_cancelled(void **state)
{
        const struct progress progress = {.cancelled = always};

        for (int i = 0; i < 4; i++) {
                _cleanup_archive_writer_ struct archive_writer *writer = NULL;
                struct sha256 whole;
                struct error err = {0};

                assert_success(archive_writer_open("out.tar", false,
                                                   i < 2 ? COMPRESSION_NONE : COMPRESSION_GZIP, 0, &writer,
                                                   &err),
                               &err);
                assert_success(archive_writer_follow(writer, &err), &err);
                assert_success(archive_writer_add(writer, "a", 0600, SLICE_TEXT("b"), &err), &err);
                assert_error(
                        archive_writer_seal(writer, SLICE_TEXT("{}"), &progress, i % 2 ? &whole : NULL, &err),
                        &err, ERROR_CANCELLED);
        }
}

#define scratch_test(function) cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                scratch_test(test_gnu_tar_reads_it),
                scratch_test(test_index_and_facts_are_right),
                scratch_test(test_sizes_at_edges),
                scratch_test(test_uncommitted_leaves_nothing),
                scratch_test(test_killed_leaves_only_the_temporary),
                scratch_test(test_failed_writes_are_reported),
                scratch_test(test_changed_bytes_are_noticed),
                scratch_test(test_bad_use_is_refused),
                scratch_test(test_seal_can_be_cancelled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
