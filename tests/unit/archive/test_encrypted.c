/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted archives: what goes in comes out, at any place, and nothing that was changed does. */
#include "keys.h"

#include "archive/encrypted_file.h"
#include "archive/repair.h"
#include "archive/verify.h"
#include "crypto/key_ring.h"
#include "tarball.h"

#define PATH "a.enc"

static struct key *recipient;

static int setup(void **state)
{
        int ret = scratch_setup(state);
        struct error err = {0};

        if (ret < 0)
                return ret;
        make_key("alice", KEY_EC_HOW "P-256");
        make_key("bob", KEY_RSA_HOW);
        make_key("eve", KEY_EC_HOW "P-256");
        shell("echo swordfish > pass; echo other > other");
        assert_success(key_load_public("alice.pub", &recipient, &err), &err);
        return 0;
}

static int teardown(void **state)
{
        key_free(recipient);
        return scratch_teardown(state);
}

/* The keys that the process has from here on. */
static void hold(const char *text)
{
        key_ring_clear();
        unsetenv("SNAP_DECRYPTION_KEY");
        if (text)
                assert_int_equal(key_ring_add(text, NULL), 0);
}

/* Bytes in which each place is recognised. */
static uint8_t *pattern(size_t size)
{
        uint8_t *bytes = malloc(size + 1);

        assert_non_null(bytes);
        for (size_t i = 0; i < size; i++)
                bytes[i] = (uint8_t)(i * 31 + (i >> 11));
        return bytes;
}

static void encrypt(struct slice plain, const struct recipients *recipients)
{
        int fd = open(PATH, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        _cleanup_encrypted_writer_ struct encrypted_writer *writer = NULL;
        struct error err = {0};
        struct slice part;

        assert_success(encrypted_writer_new(fd, recipients, &writer, &err), &err);
        while (plain.size) {
                slice_take(&plain, plain.size < 70000 ? plain.size : 70000, &part);
                assert_success(encrypted_writer_append(writer, part, &err), &err);
        }
        assert_success(encrypted_writer_finish(writer, &err), &err);
        close(fd);
}

static void encrypt_for_alice(struct slice plain)
{
        const struct key *const keys[] = {recipient};

        encrypt(plain, &(struct recipients){.keys = keys, .count = 1});
}

/* Opens what lies in the file and reads all of it. */
static int read_all(struct buffer *out, struct error *err)
{
        _cleanup_encrypted_file_ struct encrypted_file *file = NULL;
        _cleanup_close_ int fd = open(PATH, O_RDONLY | O_CLOEXEC);
        int ret = encrypted_file_open(fd, 0, (uint64_t)lseek(fd, 0, SEEK_END), PATH, &file, err);

        if (ret < 0)
                return ret;
        assert_int_equal(buffer_reserve(out, (size_t)encrypted_file_size(file) + 1), 0);
        ret = encrypted_file_read(file, 0, out->data, (size_t)encrypted_file_size(file), err);
        out->size = (size_t)encrypted_file_size(file);
        return ret;
}

static void test_round_trips(void **state)
{
        static const size_t sizes[] = {0, 1, 12345, MIB - 1, MIB, MIB + 1, 3 * MIB, 3 * MIB + 77};

        hold("alice.key");
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                _cleanup_free_ uint8_t *plain = pattern(sizes[i]);
                _cleanup_buffer_ struct buffer out = {0};
                struct error err = {0};

                encrypt_for_alice((struct slice){plain, sizes[i]});
                assert_success(read_all(&out, &err), &err);
                assert_int_equal(out.size, sizes[i]);
                assert_memory_equal(out.data, plain, sizes[i]);
        }
}

static void test_any_place_alone(void **state)
{
        static const struct {
                uint64_t offset;
                size_t size;
        } places[] = {{5 * MIB, 100}, {0, 1},           {MIB - 1, 2}, {3 * MIB + 5, 2 * MIB},
                      {7 * MIB, 9},   {7 * MIB + 9, 0}, {10, 5 * MIB}};
        size_t size = 7 * MIB + 9;
        _cleanup_free_ uint8_t *plain = pattern(size), *out = malloc(size);
        _cleanup_encrypted_file_ struct encrypted_file *file = NULL;
        _cleanup_close_ int fd = -1;
        struct error err = {0};

        hold("alice.key");
        encrypt_for_alice((struct slice){plain, size});
        fd = open(PATH, O_RDONLY | O_CLOEXEC);
        assert_success(encrypted_file_open(fd, 0, (uint64_t)lseek(fd, 0, SEEK_END), PATH, &file, &err), &err);
        assert_int_equal(encrypted_file_size(file), size);
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
                assert_success(encrypted_file_read(file, places[i].offset, out, places[i].size, &err), &err);
                assert_memory_equal(out, plain + places[i].offset, places[i].size);
        }
        assert_error(encrypted_file_read(file, size, out, 1, &err), &err, ERROR_ENCRYPTED_TRUNCATED);
}

static void test_who_can_open(void **state)
{
        _cleanup_key_ struct key *bob = NULL;
        const struct key *both[2] = {recipient};
        static const char *const good[] = {"alice.key", "bob.key", "pass"};
        struct recipients recipients = {.keys = both, .count = 2, .passphrase = SLICE_TEXT("swordfish")};
        struct error err = {0};

        assert_success(key_load_public("bob.pub", &bob, &err), &err);
        both[1] = bob;
        encrypt(SLICE_TEXT("text"), &recipients);
        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                _cleanup_buffer_ struct buffer out = {0};

                hold(good[i]);
                assert_success(read_all(&out, &err), &err);
                assert_int_equal(out.size, 4);
        }
        for (size_t i = 0; i < 2; i++) {
                _cleanup_buffer_ struct buffer out = {0};

                hold(i ? "other" : "eve.key");
                assert_error(read_all(&out, &err), &err, ERROR_KEY_WRONG);
                hold(NULL);
                assert_error(read_all(&out, &err), &err, ERROR_KEY_NONE);
                assert_int_equal(out.size, 0);
        }
        recipients.count = 0;
        encrypt(SLICE_TEXT("text"), &recipients);
        for (size_t i = 0; i < 2; i++) {
                _cleanup_buffer_ struct buffer out = {0};

                hold(i ? "alice.key" : "pass");
                if (i)
                        assert_error(read_all(&out, &err), &err, ERROR_KEY_WRONG);
                else
                        assert_success(read_all(&out, &err), &err);
        }
}

/* The file, as bytes to be changed. */
static size_t header_size(const struct buffer *bytes)
{
        size_t size;

        assert_int_equal(encrypted_header_size(bytes->data, &size, NULL), 0);
        return size;
}

static const struct error_kind *why_refused(const struct buffer *bytes)
{
        _cleanup_buffer_ struct buffer out = {0};
        struct error err = {0};

        write_bytes(PATH, buffer_slice(bytes));
        return read_all(&out, &err) < 0 ? err.kind : NULL;
}

static struct buffer encrypted(size_t size)
{
        _cleanup_free_ uint8_t *plain = pattern(size);
        struct buffer bytes = {0};

        hold("alice.key");
        encrypt_for_alice((struct slice){plain, size});
        read_bytes(PATH, &bytes);
        assert_null(why_refused(&bytes));
        return bytes;
}

/* Every byte of the header and of the frame heads, and some of the contents. */
static void test_altered(void **state)
{
        _cleanup_buffer_ struct buffer bytes = encrypted(MIB + 50);
        size_t header = header_size(&bytes), second = header + ENCRYPTED_STRIDE;

        for (size_t i = 0; i < header; i++) {
                const struct error_kind *kind;

                bytes.data[i] ^= 1;
                kind = why_refused(&bytes);
                bytes.data[i] ^= 1;
                /* Altered inside the wrapped key, it looks like a key for somebody else. A larger size: cut
                 * short. */
                if (kind != &ERROR_ENCRYPTED_HEADER && kind != &ERROR_KEY_WRONG &&
                    kind != &ERROR_KEY_WRAPPED && !(kind == &ERROR_ENCRYPTED_TRUNCATED && i >= 8 && i < 12))
                        fail_msg("byte %zu of the header: %s", i, kind ? kind->title : "accepted");
        }
        for (size_t i = header - HMAC_SIZE; i < header; i++) {
                bytes.data[i] ^= 0x40;
                assert_ptr_equal(why_refused(&bytes), &ERROR_ENCRYPTED_HEADER);
                bytes.data[i] ^= 0x40;
        }
        for (size_t i = second; i < bytes.size; i++) {
                bytes.data[i] ^= 1;
                assert_non_null(why_refused(&bytes));
                if (i >= second + ENCRYPTED_FRAME_HEAD)
                        assert_ptr_equal(why_refused(&bytes), &ERROR_ENCRYPTED_FRAME);
                bytes.data[i] ^= 1;
        }
        for (size_t i = header; i < second; i += i < header + 20 || i > second - 20 ? 1 : 99991) {
                bytes.data[i] ^= 0x80;
                assert_ptr_equal(why_refused(&bytes), &ERROR_ENCRYPTED_FRAME);
                bytes.data[i] ^= 0x80;
        }
        assert_null(why_refused(&bytes));
}

static void test_cut_short(void **state)
{
        _cleanup_buffer_ struct buffer bytes = encrypted(2 * MIB + 50);
        size_t whole = bytes.size, header = header_size(&bytes);
        const size_t ends[] = {whole - 1,
                               whole - 60,
                               header + 2 * ENCRYPTED_STRIDE + 5,
                               header + 2 * ENCRYPTED_STRIDE,
                               header + 2 * ENCRYPTED_STRIDE - 1,
                               header + ENCRYPTED_STRIDE,
                               header + 3,
                               header,
                               header - 1,
                               12,
                               9};

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                bytes.size = ends[i];
                if (why_refused(&bytes) != &ERROR_ENCRYPTED_TRUNCATED)
                        fail_msg("cut at %zu of %zu (header %zu)", ends[i], whole, header);
        }
}

static void test_moved(void **state)
{
        static const char *const words[] = {"reordered", "repeated", "missing", "follow"};
        const uint64_t stride = ENCRYPTED_STRIDE;

        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                _cleanup_buffer_ struct buffer bytes = encrypted(4 * MIB + 50), out = {0};
                uint8_t *frames = bytes.data + header_size(&bytes);
                _cleanup_free_ uint8_t *kept = malloc(stride);
                struct error err = {0};

                memcpy(kept, frames + stride, stride);
                switch (i) {
                case 0: /* 0 2 1 3 4 */
                        memcpy(frames + stride, frames + 2 * stride, stride);
                        memcpy(frames + 2 * stride, kept, stride);
                        break;
                case 1: /* 0 1 1 3 4 */
                        memcpy(frames + 2 * stride, kept, stride);
                        break;
                case 2: /* 0 2 3 4 */
                        memmove(frames + stride, frames + 2 * stride,
                                bytes.size - (size_t)(frames + 2 * stride - bytes.data));
                        bytes.size -= stride;
                        break;
                default: /* 0 1 2 3 4 x */
                        assert_int_equal(buffer_append(&bytes, "x", 1), 0);
                }
                write_bytes(PATH, buffer_slice(&bytes));
                assert_error(read_all(&out, &err), &err, ERROR_ENCRYPTED_ORDER);
                if (!strstr(err.text, words[i]))
                        fail_msg("`%s` does not say `%s`", err.text, words[i]);
        }
}

/* Frames of another file of the same recipient do not pass. */
static void test_from_another_file(void **state)
{
        _cleanup_buffer_ struct buffer one = encrypted(3 * MIB), other = encrypted(3 * MIB);

        memcpy(one.data + header_size(&one) + ENCRYPTED_STRIDE,
               other.data + header_size(&other) + ENCRYPTED_STRIDE, ENCRYPTED_STRIDE);
        assert_ptr_equal(why_refused(&one), &ERROR_ENCRYPTED_FRAME);
}

static void test_header_costs_are_bounded(void **state)
{
        static const char *const headers[] = {
                "{\"scrypt\":{\"n\":1073741824,\"r\":8,\"p\":1,\"salt\":\"\",\"key\":\"\"}}",
                "{\"scrypt\":{\"n\":1024,\"r\":8,\"p\":100000,\"salt\":\"\",\"key\":\"\"}}",
                "{\"scrypt\":{\"n\":1000,\"r\":8,\"p\":1,\"salt\":\"\",\"key\":\"\"}}",
                "{\"scrypt\":{\"n\":1024,\"r\":8,\"p\":1,\"salt\":\"AAAA\",\"key\":\"AAAA\"}}",
                "{}",
                "[",
        };

        hold("pass");
        for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
                uint8_t prefix[ENCRYPTED_PREFIX_SIZE] = ENCRYPTED_MAGIC "\x01";
                _cleanup_buffer_ struct buffer bytes = {0};
                uint8_t zeros[256] = {0};

                store_le32(prefix + 8, (uint32_t)strlen(headers[i]));
                assert_int_equal(buffer_append(&bytes, prefix, sizeof(prefix)), 0);
                assert_int_equal(buffer_append_text(&bytes, headers[i]), 0);
                assert_int_equal(buffer_append(&bytes, zeros, sizeof(zeros)), 0);
                assert_ptr_equal(why_refused(&bytes), &ERROR_ENCRYPTED_HEADER);
        }
}

/* Archives of every form are read where they lie. */
static void test_archives(void **state)
{
        static const char *const paths[] = {
                GOLDEN("crio-1.36.3-counter.tar"), GOLDEN("podman-5.8.6-counter-gzip.tar"),
                GOLDEN("podman-5.8.6-counter-zstd.tar"), GOLDEN("own/crun-counter-zstd.tar"),
                GOLDEN("own/runc-counter-gzip.tar")};

        hold("alice.key");
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                _cleanup_verify_report_ struct verify_report plain = {0}, report = {0};
                _cleanup_archive_ struct archive *archive = NULL;
                _cleanup_buffer_ struct buffer bytes = {0};
                struct error err = {0};

                read_bytes(paths[i], &bytes);
                encrypt_for_alice(buffer_slice(&bytes));
                assert_success(archive_open(PATH, &archive, &err), &err);
                assert_true(archive_is_encrypted(archive));
                assert_success(archive_verify(paths[i], NULL, &plain, &err), &err);
                assert_success(archive_verify(PATH, NULL, &report, &err), &err);
                assert_int_equal(report.members, plain.members);
                assert_int_equal(report.fault_count, plain.fault_count);
        }
}

/* --- layers: a part of an archive, encrypted as ocicrypt does it ---------------------------------------- */

static int swallow(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        *(uint64_t *)context += raw.size;
        return 0;
}

/* The tar in `bytes`, perhaps compressed, as an encrypted layer in PATH. `flip`: a byte that is changed, and
 * the digest made to fit. */
static int open_layer(struct slice bytes, enum compression compression, size_t flip, struct archive **out,
                      struct error *err)
{
        struct ctr_hmac_key key = {.key = {1, 2, 3}, .nonce = {0xff, 0xff, 0xff}};
        _cleanup_ctr_hmac_ struct ctr_hmac *cipher = NULL;
        _cleanup_buffer_ struct buffer stored = {0};
        struct archive_part part = {.size = bytes.size, .compression = compression, .key = &key};
        int ret;

        assert_int_equal(buffer_append(&stored, bytes.data, bytes.size), 0);
        assert_success(ctr_hmac_new(&key, &cipher, err), err);
        assert_int_equal(ctr_hmac_encrypt(cipher, stored.data, 100), 0);
        assert_int_equal(ctr_hmac_encrypt(cipher, stored.data + 100, stored.size - 100), 0);
        assert_int_equal(ctr_hmac_finish(cipher, key.mac), 0);
        if (flip != SIZE_MAX)
                stored.data[flip] ^= 1;
        assert_int_equal(sha256_of(buffer_slice(&stored), &part.digest, NULL), 0);
        write_bytes(PATH, buffer_slice(&stored));
        part.fd = open(PATH, O_RDONLY | O_CLOEXEC);
        ret = archive_open_parts("layer", &part, 1, out, err);
        close(part.fd);
        if (ret == 0)
                ret = archive_load(*out, NULL, err);
        if (ret < 0) {
                archive_free(*out);
                *out = NULL;
        }
        return ret;
}

static struct buffer layer_tar(void)
{
        _cleanup_free_ uint8_t *pages = pattern(300000);
        struct buffer tar = {0};

        tarball_text(&tar, "config.dump", "{\"id\":\"x\"}");
        tarball_file(&tar, "checkpoint/pages-1.img", (struct slice){pages, 300000});
        tarball_text(&tar, "spec.dump", "{}");
        tarball_end(&tar);
        return tar;
}

static void test_layers(void **state)
{
        _cleanup_buffer_ struct buffer tar = layer_tar(), packed = {0};
        struct error err = {0};

        assert_success(frame_compress(COMPRESSION_ZSTD, 0, buffer_slice(&tar), &packed, &err), &err);
        for (int compressed = 0; compressed < 2; compressed++) {
                _cleanup_archive_ struct archive *archive = NULL;
                _cleanup_buffer_ struct buffer text = {0};
                _cleanup_free_ uint8_t *pages = pattern(300000);
                uint8_t part[1000];
                uint64_t size = 0;

                assert_success(open_layer(buffer_slice(compressed ? &packed : &tar),
                                          compressed ? COMPRESSION_ZSTD : COMPRESSION_NONE, SIZE_MAX,
                                          &archive, &err),
                               &err);
                assert_success(archive_read(archive, archive_find(archive, "config.dump"), 100, &text, &err),
                               &err);
                assert_string_equal(buffer_text(&text), "{\"id\":\"x\"}");
                if (!compressed) {
                        assert_success(archive_read_at(archive,
                                                       archive_find(archive, "checkpoint/pages-1.img"),
                                                       123457, part, sizeof(part), &err),
                                       &err);
                        assert_memory_equal(part, pages + 123457, sizeof(part));
                }
                assert_success(archive_stream(archive, swallow, &size, &err), &err);
                assert_true(size >= 300000);
        }
}

/* Whoever can change the manifest can make the digest fit, but not the HMAC. */
static void test_layers_altered(void **state)
{
        _cleanup_buffer_ struct buffer tar = layer_tar(), packed = {0};
        struct error err = {0};

        assert_success(frame_compress(COMPRESSION_GZIP, 0, buffer_slice(&tar), &packed, &err), &err);
        for (int compressed = 0; compressed < 2; compressed++) {
                _cleanup_archive_ struct archive *archive = NULL;
                struct slice bytes = buffer_slice(compressed ? &packed : &tar);
                enum compression compression = compressed ? COMPRESSION_GZIP : COMPRESSION_NONE;
                uint64_t size = 0;

                if (compressed) {
                        assert_true(open_layer(bytes, compression, 1000, &archive, &err) < 0);
                        assert_null(archive);
                        continue;
                }
                assert_success(open_layer(bytes, compression, 200000, &archive, &err), &err);
                assert_error(archive_stream(archive, swallow, &size, &err), &err, ERROR_ENCRYPTED_LAYER);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trips),       cmocka_unit_test(test_any_place_alone),
                cmocka_unit_test(test_who_can_open),      cmocka_unit_test(test_altered),
                cmocka_unit_test(test_cut_short),         cmocka_unit_test(test_moved),
                cmocka_unit_test(test_from_another_file), cmocka_unit_test(test_header_costs_are_bounded),
                cmocka_unit_test(test_archives),          cmocka_unit_test(test_layers),
                cmocka_unit_test(test_layers_altered),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
