/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <sys/stat.h>
#include "archive/archive.h"
#include "base/json.h"
#include "tarball.h"

static void open_and_close(const char *path, size_t members, enum compression compression)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct error err = {0};

        assert_success(archive_open(path, &archive, &err), &err);
        assert_int_equal(archive_count(archive), members);
        assert_int_equal(archive_compression(archive), compression);
        assert_int_equal(archive_form(archive), ARCHIVE_TAR);
        assert_false(archive_has_index(archive));
}

/* The numbers are those of GNU tar's listing. */
static void test_golden_archives_open(void **state)
{
        open_and_close(GOLDEN("containerd-2.1.9-counter.tar"), 66, COMPRESSION_NONE);
        open_and_close(GOLDEN("crio-1.36.3-counter.tar"), 65, COMPRESSION_NONE);
        open_and_close(GOLDEN("podman-5.4.2-counter-none.tar"), 46, COMPRESSION_NONE);
        open_and_close(GOLDEN("podman-5.8.6-counter-none.tar"), 54, COMPRESSION_NONE);
        open_and_close(GOLDEN("podman-5.8.6-two-none.tar"), 75, COMPRESSION_NONE);
        open_and_close(GOLDEN("podman-5.8.6-counter-gzip.tar"), 69, COMPRESSION_GZIP);
        open_and_close(GOLDEN("podman-5.8.6-counter-zstd.tar"), 84, COMPRESSION_ZSTD);
}

static void test_members_are_found_and_read(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        const struct archive_member *member;
        struct error err = {0};
        char part[6] = {0};

        assert_success(archive_open(GOLDEN("crio-1.36.3-counter.tar"), &archive, &err), &err);
        assert_null(archive_find(archive, "status.dump"));
        member = archive_find(archive, "checkpoint");
        assert_non_null(member);
        assert_int_equal(member->type, TAR_DIRECTORY);
        member = archive_find(archive, "deleted.files");
        assert_non_null(member);
        assert_int_equal(member->size, 21);
        assert_success(archive_read(archive, member, 21, &text, &err), &err);
        assert_string_equal(buffer_text(&text), "[\n  \"/etc/todelete\"\n]");
        assert_success(archive_read_at(archive, member, 6, part, 4, &err), &err);
        assert_string_equal(part, "etc/");
        assert_error(archive_read_at(archive, member, 20, part, 4, &err), &err, ERROR_ARCHIVE_CORRUPT);
        assert_int_equal(archive_read(archive, member, 20, &text, &err), -EFBIG);
}

struct collected {
        struct buffer bytes;
        size_t members;
        const struct archive_member *last;
};

static int collect(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        struct collected *collected = context;

        collected->members += member && member != collected->last;
        collected->last = member;
        return buffer_append(&collected->bytes, raw.data, raw.size);
}

static void test_stream_is_the_file(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer file = {0};
        struct collected collected = {0};
        struct error err = {0};

        assert_success(archive_open(GOLDEN("podman-5.8.6-two-none.tar"), &archive, &err), &err);
        assert_success(archive_stream(archive, collect, &collected, &err), &err);
        read_bytes(GOLDEN("podman-5.8.6-two-none.tar"), &file);
        assert_int_equal(collected.bytes.size, file.size);
        assert_memory_equal(collected.bytes.data, file.data, file.size);
        assert_int_equal(collected.members, 75);
        assert_null(collected.last);
        buffer_free(&collected.bytes);
}

/* Small members of a compressed archive are at hand; memory is read again from the beginning. */
static void test_compressed_archive(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer pages = {0};
        _cleanup_json_ yyjson_doc *config = NULL;
        struct collected collected = {0};
        struct error err = {0};
        const struct archive_member *member;

        assert_success(archive_open(GOLDEN("podman-5.8.6-counter-zstd.tar"), &archive, &err), &err);
        assert_success(archive_read_json(archive, "config.dump", &config, &err), &err);
        assert_string_equal(json_text(yyjson_doc_get_root(config), "name"), "c1");
        member = archive_find(archive, "checkpoint/pages-1.img");
        assert_success(archive_read(archive, member, MIB, &pages, &err), &err);
        assert_success(archive_stream(archive, collect, &collected, &err), &err);
        assert_memory_equal(pages.data, collected.bytes.data + member->offset, member->size);
        assert_int_equal(collected.members, 84);
        buffer_free(&collected.bytes);
}

/* An archive of hand-made pages larger than what is kept. */
static void test_large_member_of_compressed_archive(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0}, packed = {0}, pages = {0}, read = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        const struct archive_member *member;
        struct error err = {0};
        uint8_t byte;

        assert_int_equal(buffer_reserve(&pages, 2 * MIB), 0);
        pages.size = 2 * MIB;
        for (size_t i = 0; i < pages.size; i++)
                pages.data[i] = (uint8_t)(i * 7 >> 3);
        tarball_text(&tar, "config.dump", "{}");
        tarball_file(&tar, "checkpoint/pages-1.img", buffer_slice(&pages));
        tarball_end(&tar);
        assert_success(frame_compress(COMPRESSION_LZ4, 0, buffer_slice(&tar), &packed, &err), &err);
        write_bytes("large.tar", buffer_slice(&packed));

        assert_success(archive_open("large.tar", &archive, &err), &err);
        member = archive_find(archive, "checkpoint/pages-1.img");
        assert_int_equal(archive_read_at(archive, member, 5, &byte, 1, &err), -ENOTSUP);
        assert_success(archive_read(archive, member, 2 * MIB, &read, &err), &err);
        assert_memory_equal(read.data, pages.data, pages.size);
        /* The end is known without reading again. */
        assert_int_equal(truncate("large.tar", 0), 0);
        assert_success(archive_read_at(archive, member, 2 * MIB - 64 * KIB, read.data, 64 * KIB, &err), &err);
        assert_memory_equal(read.data, pages.data + 2 * MIB - 64 * KIB, 64 * KIB);
        assert_int_equal(archive_read_at(archive, member, 2 * MIB - 64 * KIB - 1, &byte, 1, &err), -ENOTSUP);
}

/* `name` as a member, beside what makes the tar a checkpoint. */
static int open_with(const char *name, enum tar_type type, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer tar = {0};

        tarball_text(&tar, "config.dump", "{}");
        tarball_header(&tar, name, type, 0);
        tarball_end(&tar);
        write_bytes("one.tar", buffer_slice(&tar));
        return archive_open("one.tar", &archive, err);
}

static void test_names_that_escape_are_refused(void **state)
{
        static const char *const names[] = {"../x", "/etc/passwd",    "a/../../x", "checkpoint/..", "..",
                                            "a//b", "checkpoint/./x", ".//x",      "./../x"};
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_error(open_with(names[i], TAR_FILE, &err), &err, ERROR_ARCHIVE_NAME);
        assert_success(open_with("./a/b", TAR_FILE, &err), &err);
        assert_success(open_with("./", TAR_DIRECTORY, &err), &err);
        assert_success(open_with("a..b", TAR_FILE, &err), &err);
}

static void test_links_and_devices_are_refused(void **state)
{
        static const enum tar_type types[] = {TAR_SYMLINK, TAR_HARD_LINK, TAR_CHARACTER, TAR_BLOCK_DEVICE,
                                              TAR_FIFO};
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                assert_error(open_with("checkpoint/x", types[i], &err), &err, ERROR_ARCHIVE_NAME);
}

static void test_doubles_are_refused(void **state)
{
        struct error err = {0};

        assert_error(open_with("config.dump", TAR_FILE, &err), &err, ERROR_ARCHIVE_CORRUPT);
        assert_error(open_with("./config.dump", TAR_FILE, &err), &err, ERROR_ARCHIVE_CORRUPT);
}

static void test_absurd_sizes_are_refused(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0}, longname = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        struct error err = {0};

        tarball_header(&tar, "checkpoint/pages-1.img", TAR_FILE, (uint64_t)1 << 50);
        tarball_end(&tar);
        write_bytes("huge.tar", buffer_slice(&tar));
        assert_error(archive_open("huge.tar", &archive, &err), &err, ERROR_ARCHIVE_TRUNCATED);

        tarball_header(&longname, "././@LongLink", TAR_GNU_LONG_NAME, (uint64_t)1 << 40);
        tarball_end(&longname);
        write_bytes("long.tar", buffer_slice(&longname));
        assert_error(archive_open("long.tar", &archive, &err), &err, ERROR_ARCHIVE_CORRUPT);
}

static void test_every_truncation_is_refused(void **state)
{
        _cleanup_buffer_ struct buffer file = {0};
        struct error err = {0};

        read_bytes(GOLDEN("podman-5.4.2-counter-none.tar"), &file);
        /* Go pads with two blocks more than the end marker needs. */
        for (size_t size = 0; size < file.size - (size_t)2 * TAR_BLOCK; size += TAR_BLOCK) {
                _cleanup_archive_ struct archive *archive = NULL;

                write_bytes("cut.tar", (struct slice){file.data, size});
                assert_int_equal(archive_open("cut.tar", &archive, &err), -EBADMSG);
                assert_true(err.kind == &ERROR_ARCHIVE_TRUNCATED ||
                            (err.kind == &ERROR_ARCHIVE_NOT_ONE && !size));
        }
}

static void test_truncated_compression_is_refused(void **state)
{
        _cleanup_buffer_ struct buffer file = {0};
        struct error err = {0};

        read_bytes(GOLDEN("podman-5.8.6-counter-gzip.tar"), &file);
        for (size_t size = TAR_BLOCK; size < file.size; size += 3 * TAR_BLOCK) {
                _cleanup_archive_ struct archive *archive = NULL;

                write_bytes("cut.tar", (struct slice){file.data, size});
                assert_int_equal(archive_open("cut.tar", &archive, &err), -EBADMSG);
        }
}

static void test_other_files_are_no_archives(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer tar = {0};
        struct error err = {0};

        assert_error(archive_open("absent", &archive, &err), &err, ERROR_NOT_FOUND);
        write_bytes("text", SLICE_TEXT("this is not a tar archive"));
        assert_error(archive_open("text", &archive, &err), &err, ERROR_ARCHIVE_NOT_ONE);
        tarball_text(&tar, "README", "an ordinary tar");
        tarball_end(&tar);
        write_bytes("plain.tar", buffer_slice(&tar));
        assert_error(archive_open("plain.tar", &archive, &err), &err, ERROR_ARCHIVE_NOT_ONE);
        assert_int_equal(mkfifo("pipe", 0600), 0);
        assert_error(archive_open("pipe", &archive, &err), &err, ERROR_ARCHIVE_NOT_ONE);
        assert_int_equal(mkdir("empty", 0700), 0);
        assert_error(archive_open("empty", &archive, &err), &err, ERROR_ARCHIVE_NOT_ONE);
}

static void test_directory_of_criu(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL, *again = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        struct collected collected = {0};
        struct criu_source source;
        struct error err = {0};
        uint64_t size;

        assert_int_equal(mkdir("dump", 0700), 0);
        write_bytes("dump/inventory.img", SLICE_TEXT("inventory"));
        write_bytes("dump/stats-dump", SLICE_TEXT("stats"));
        assert_success(archive_open("dump", &archive, &err), &err);
        assert_int_equal(archive_form(archive), ARCHIVE_DIRECTORY);
        assert_int_equal(archive_count(archive), 3);
        assert_int_equal(archive_file_size(archive), 14);
        assert_success(
                archive_read(archive, archive_find(archive, "checkpoint/inventory.img"), 100, &text, &err),
                &err);
        assert_string_equal(buffer_text(&text), "inventory");
        source = archive_criu_source(archive);
        assert_success(source.size(source.context, "stats-dump", &size, &err), &err);
        assert_int_equal(size, 5);
        assert_int_equal(source.size(source.context, "pstree.img", &size, &err), -ENOENT);

        /* What it streams is a tar of itself. */
        assert_success(archive_stream(archive, collect, &collected, &err), &err);
        write_bytes("dump.tar", buffer_slice(&collected.bytes));
        buffer_free(&collected.bytes);
        assert_success(archive_open("dump.tar", &again, &err), &err);
        assert_int_equal(archive_count(again), 3);
        assert_int_equal(archive_find(again, "checkpoint/inventory.img")->offset,
                         archive_find(archive, "checkpoint/inventory.img")->offset);
}

static void test_links_in_directories_are_refused(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct error err = {0};

        assert_int_equal(mkdir("dump", 0700), 0);
        write_bytes("dump/inventory.img", SLICE_TEXT("inventory"));
        assert_int_equal(symlink("/etc/passwd", "dump/core-1.img"), 0);
        assert_error(archive_open("dump", &archive, &err), &err, ERROR_ARCHIVE_NAME);
}

/* A name that became a link after the look must not be followed. */
static void test_link_put_in_later_is_not_followed(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        assert_int_equal(mkdir("dump", 0700), 0);
        write_bytes("dump/inventory.img", SLICE_TEXT("inventory"));
        write_bytes("secret", SLICE_TEXT("forbidden"));
        assert_success(archive_open("dump", &archive, &err), &err);
        assert_int_equal(unlink("dump/inventory.img"), 0);
        assert_int_equal(symlink("../secret", "dump/inventory.img"), 0);
        assert_error(
                archive_read(archive, archive_find(archive, "checkpoint/inventory.img"), 100, &text, &err),
                &err, ERROR_ARCHIVE_NAME);
}

int main(void)
{
#define scratch_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden_archives_open),
                cmocka_unit_test(test_members_are_found_and_read),
                cmocka_unit_test(test_stream_is_the_file),
                cmocka_unit_test(test_compressed_archive),
                scratch_test(test_large_member_of_compressed_archive),
                scratch_test(test_names_that_escape_are_refused),
                scratch_test(test_links_and_devices_are_refused),
                scratch_test(test_doubles_are_refused),
                scratch_test(test_absurd_sizes_are_refused),
                scratch_test(test_every_truncation_is_refused),
                scratch_test(test_truncated_compression_is_refused),
                scratch_test(test_other_files_are_no_archives),
                scratch_test(test_directory_of_criu),
                scratch_test(test_links_in_directories_are_refused),
                scratch_test(test_link_put_in_later_is_not_followed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
