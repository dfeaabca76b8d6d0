/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/encrypted_header.h"

#include <errno.h>
#include "base/base64.h"
#include "base/json.h"
#include "crypto/jwe.h"

#define VERSION 1

/* 32 MiB of memory and about a quarter of a second for each guess. */
#define SCRYPT_N 32768
#define SCRYPT_R 8
#define SCRYPT_P 3
/* Of what somebody else chose, that much is done at most. */
#define SCRYPT_MEMORY_MAX (48 * MIB)
#define SCRYPT_P_MAX      16

#define SALT_SIZE    16
#define WRAPPED_SIZE (AES256_KEY_SIZE + KEY_WRAP_EXTRA)

/* What the key of the file is turned into. */
static const char purpose_header[] = "snap archive header", purpose_frames[] = "snap archive frames";

static int wrong(const char *reason, struct error *err)
{
        return error_set(err, &ERROR_ENCRYPTED_HEADER, -EBADMSG, "the header of the encrypted archive %s",
                         reason);
}

bool encrypted_is_one(struct slice head)
{
        return head.size >= ENCRYPTED_MAGIC_SIZE &&
               memcmp(head.data, ENCRYPTED_MAGIC, ENCRYPTED_MAGIC_SIZE) == 0;
}

int encrypted_header_size(const uint8_t prefix[ENCRYPTED_PREFIX_SIZE], size_t *out, struct error *err)
{
        size_t size = load_le32(prefix + 8);

        if (!encrypted_is_one((struct slice){prefix, ENCRYPTED_PREFIX_SIZE}))
                return wrong("does not begin like one", err);
        if (prefix[ENCRYPTED_MAGIC_SIZE] != VERSION)
                return wrong("is of a version that is not known here", err);
        if (size > ENCRYPTED_HEADER_MAX)
                return wrong("is absurdly large", err);
        *out = ENCRYPTED_PREFIX_SIZE + size + HMAC_SIZE;
        return 0;
}

static int header_mac(const uint8_t file_key[AES256_KEY_SIZE], struct slice bytes, uint8_t out[HMAC_SIZE],
                      struct error *err)
{
        _cleanup_hmac_ struct hmac *hmac = NULL;
        uint8_t key[AES256_KEY_SIZE];
        int ret = hkdf_sha256((struct slice){file_key, AES256_KEY_SIZE}, purpose_header, key, err);

        if (ret == 0)
                ret = hmac_new((struct slice){key, sizeof(key)}, &hmac, err);
        explicit_bzero(key, sizeof(key));
        if (ret < 0)
                return ret;
        return hmac_update(hmac, bytes.data, bytes.size) < 0 || hmac_finish(hmac, out) < 0
                       ? error_set(err, &ERROR_INTERNAL, -EIO, "HMAC failed")
                       : 0;
}

/* --- writing ------------------------------------------------------------------------------------------- */

static int add_base64(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, struct slice bytes,
                      struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};

        if (base64_encode(BASE64, bytes, &text) < 0)
                return error_oom(err);
        yyjson_mut_obj_add_strcpy(doc, object, name, buffer_text(&text));
        return 0;
}

static int add_passphrase(yyjson_mut_doc *doc, yyjson_mut_val *root, struct slice passphrase,
                          const uint8_t file_key[AES256_KEY_SIZE], struct error *err)
{
        static const struct scrypt_cost cost = {SCRYPT_N, SCRYPT_R, SCRYPT_P};
        uint8_t salt[SALT_SIZE], key[AES256_KEY_SIZE], wrapped[WRAPPED_SIZE];
        yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, root, "scrypt");
        int ret = random_fill(salt, sizeof(salt), err);

        if (ret == 0)
                ret = scrypt_derive(passphrase, (struct slice){salt, sizeof(salt)}, &cost, key, err);
        if (ret == 0)
                ret = key_wrap((struct slice){key, sizeof(key)}, (struct slice){file_key, AES256_KEY_SIZE},
                               wrapped, err);
        explicit_bzero(key, sizeof(key));
        yyjson_mut_obj_add_uint(doc, object, "n", cost.n);
        yyjson_mut_obj_add_uint(doc, object, "r", cost.r);
        yyjson_mut_obj_add_uint(doc, object, "p", cost.p);
        if (ret == 0)
                ret = add_base64(doc, object, "salt", (struct slice){salt, sizeof(salt)}, err);
        if (ret == 0)
                ret = add_base64(doc, object, "key", (struct slice){wrapped, sizeof(wrapped)}, err);
        return ret;
}

static int add_keys(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct recipients *recipients,
                    const uint8_t file_key[AES256_KEY_SIZE], struct error *err)
{
        _cleanup_buffer_ struct buffer jwe = {0};
        _cleanup_json_ yyjson_doc *parsed = NULL;
        int ret = jwe_encrypt(recipients->keys, recipients->count, (struct slice){file_key, AES256_KEY_SIZE},
                              &jwe, err);

        if (ret == 0)
                ret = json_parse(buffer_slice(&jwe), "JWE", &parsed, err);
        if (ret == 0)
                yyjson_mut_obj_add_val(doc, root, "jwe",
                                       yyjson_val_mut_copy(doc, yyjson_doc_get_root(parsed)));
        return ret;
}

int encrypted_header_write(const uint8_t file_key[AES256_KEY_SIZE], const struct recipients *recipients,
                           struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        uint8_t prefix[ENCRYPTED_PREFIX_SIZE] = ENCRYPTED_MAGIC, mac[HMAC_SIZE];
        size_t start = out->size;
        yyjson_mut_val *root;
        int ret = 0;

        if (!doc || buffer_append(out, prefix, sizeof(prefix)) < 0)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        if (recipients->count)
                ret = add_keys(doc, root, recipients, file_key, err);
        if (ret == 0 && recipients->passphrase.size)
                ret = add_passphrase(doc, root, recipients->passphrase, file_key, err);
        if (ret == 0)
                ret = json_write(doc, false, out, err);
        if (ret < 0)
                return ret;
        out->data[start + ENCRYPTED_MAGIC_SIZE] = VERSION;
        store_le32(out->data + start + 8, (uint32_t)(out->size - start - ENCRYPTED_PREFIX_SIZE));
        ret = header_mac(file_key, (struct slice){out->data + start, out->size - start}, mac, err);
        if (ret == 0 && buffer_append(out, mac, sizeof(mac)) < 0)
                ret = error_oom(err);
        return ret;
}

/* --- reading ------------------------------------------------------------------------------------------- */

static int open_by_key(yyjson_val *jwe, const struct openers *openers, uint8_t file_key[AES256_KEY_SIZE],
                       struct error *err)
{
        _cleanup_secret_memory_ struct secret_memory plain = {0};
        _cleanup_buffer_ struct buffer text = {0};
        size_t size;
        char *json = yyjson_val_write(jwe, 0, &size);
        int ret = json ? jwe_decrypt((struct slice){(const uint8_t *)json, size}, openers->keys,
                                     openers->count, &plain, err)
                       : error_oom(err);

        free(json);
        if (ret < 0)
                return ret;
        if (plain.size != AES256_KEY_SIZE)
                return wrong("holds a key of a wrong size", err);
        memcpy(file_key, plain.data, AES256_KEY_SIZE);
        return 0;
}

struct locked {
        struct scrypt_cost cost;
        uint8_t salt[SALT_SIZE], wrapped[WRAPPED_SIZE];
};

static bool read_bytes(yyjson_val *object, const char *name, uint8_t *out, size_t size)
{
        _cleanup_buffer_ struct buffer bytes = {0};

        if (base64_decode(BASE64, SLICE_TEXT(json_text_or(object, name, "")), &bytes) < 0 ||
            bytes.size != size)
                return false;
        memcpy(out, bytes.data, size);
        return true;
}

static int read_locked(yyjson_val *scrypt, struct locked *out, struct error *err)
{
        uint64_t n = json_uint_or(scrypt, "n", 0), r = json_uint_or(scrypt, "r", 0),
                 p = json_uint_or(scrypt, "p", 0);

        if (n < 2 || n & (n - 1) || n > SCRYPT_MEMORY_MAX || !r || r > 1024 ||
            n * r * 128 > SCRYPT_MEMORY_MAX || !p || p > SCRYPT_P_MAX)
                return wrong("asks for an absurd cost of scrypt", err);
        if (!read_bytes(scrypt, "salt", out->salt, sizeof(out->salt)) ||
            !read_bytes(scrypt, "key", out->wrapped, sizeof(out->wrapped)))
                return wrong("has a malformed passphrase part", err);
        out->cost = (struct scrypt_cost){n, (uint32_t)r, (uint32_t)p};
        return 0;
}

static int open_by_passphrase(yyjson_val *scrypt, const struct openers *openers,
                              uint8_t file_key[AES256_KEY_SIZE], struct error *err)
{
        struct locked locked;
        int ret = read_locked(scrypt, &locked, err);

        for (size_t i = 0; i < openers->passphrase_count && ret == 0; i++) {
                uint8_t key[AES256_KEY_SIZE];

                ret = scrypt_derive(secret_memory_slice(&openers->passphrases[i]),
                                    (struct slice){locked.salt, sizeof(locked.salt)}, &locked.cost, key, err);
                if (ret == 0 &&
                    key_unwrap((struct slice){key, sizeof(key)},
                               (struct slice){locked.wrapped, sizeof(locked.wrapped)}, file_key) == 0) {
                        explicit_bzero(key, sizeof(key));
                        return 0;
                }
                explicit_bzero(key, sizeof(key));
        }
        return ret < 0 ? ret
                       : error_set(err, &ERROR_KEY_WRONG, -EACCES, "none of %zu passphrases opens it",
                                   openers->passphrase_count);
}

static int unwrap(yyjson_val *root, const struct openers *openers, uint8_t file_key[AES256_KEY_SIZE],
                  struct error *err)
{
        yyjson_val *jwe = yyjson_obj_get(root, "jwe"), *scrypt = yyjson_obj_get(root, "scrypt");
        int ret = error_set(err, &ERROR_KEY_WRONG, -EACCES, "it was encrypted %s, and %s was given",
                            jwe ? "for keys" : "with a passphrase", jwe ? "only a passphrase" : "only a key");

        if (!jwe && !scrypt)
                return wrong("names nobody", err);
        if (jwe && openers->count)
                ret = open_by_key(jwe, openers, file_key, err);
        if (ret == -EACCES && scrypt && openers->passphrase_count)
                ret = open_by_passphrase(scrypt, openers, file_key, err);
        return ret;
}

int encrypted_header_open(struct slice header, const struct openers *openers,
                          uint8_t file_key[AES256_KEY_SIZE], struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        uint8_t mac[HMAC_SIZE];
        struct slice text;
        size_t size;
        int ret;

        if (header.size < ENCRYPTED_PREFIX_SIZE)
                return wrong("is cut short", err);
        ret = encrypted_header_size(header.data, &size, err);
        if (ret < 0)
                return ret;
        if (header.size != size)
                return wrong("is cut short", err);
        text = (struct slice){header.data + ENCRYPTED_PREFIX_SIZE, size - ENCRYPTED_PREFIX_SIZE - HMAC_SIZE};
        if (json_parse(text, "header", &doc, err) < 0)
                return wrong("is not JSON", err);
        ret = unwrap(yyjson_doc_get_root(doc), openers, file_key, err);
        if (ret == 0)
                ret = header_mac(file_key, (struct slice){header.data, size - HMAC_SIZE}, mac, err);
        if (ret == 0 && !secret_equal(mac, header.data + size - HMAC_SIZE, HMAC_SIZE))
                ret = wrong("was altered", err);
        if (ret < 0)
                explicit_bzero(file_key, AES256_KEY_SIZE);
        return ret;
}

/* --- frames -------------------------------------------------------------------------------------------- */

int encrypted_frame_key(const uint8_t file_key[AES256_KEY_SIZE], struct gcm **out, struct error *err)
{
        uint8_t key[AES256_KEY_SIZE];
        int ret = hkdf_sha256((struct slice){file_key, AES256_KEY_SIZE}, purpose_frames, key, err);

        if (ret == 0)
                ret = gcm_new((struct slice){key, sizeof(key)}, out, err);
        explicit_bzero(key, sizeof(key));
        return ret;
}

/* The head: size, flags, number. Flags and number are the nonce; no two frames of a file have the same. */
#define HEAD_FLAGS  4
#define HEAD_NUMBER 8
#define FLAG_LAST   1U

int encrypted_frame_seal(struct gcm *gcm, uint64_t number, bool last, struct slice plain, uint8_t *out)
{
        uint8_t *contents = out + ENCRYPTED_FRAME_HEAD;

        store_le32(out, (uint32_t)plain.size);
        store_le32(out + HEAD_FLAGS, last ? FLAG_LAST : 0);
        store_le64(out + HEAD_NUMBER, number);
        return gcm_seal(gcm, out + HEAD_FLAGS, (struct slice){out, ENCRYPTED_FRAME_HEAD}, plain, contents,
                        contents + plain.size);
}

bool encrypted_frame_head(struct slice frame, struct frame_head *out)
{
        if (frame.size < ENCRYPTED_FRAME_MORE)
                return false;
        *out = (struct frame_head){.size = load_le32(frame.data),
                                   .last = load_le32(frame.data + HEAD_FLAGS) & FLAG_LAST,
                                   .number = load_le64(frame.data + HEAD_NUMBER)};
        return true;
}

int encrypted_frame_open(struct gcm *gcm, struct slice frame, uint8_t *out)
{
        struct slice sealed = {frame.data + ENCRYPTED_FRAME_HEAD, frame.size - ENCRYPTED_FRAME_MORE};

        return gcm_open(gcm, frame.data + HEAD_FLAGS, (struct slice){frame.data, ENCRYPTED_FRAME_HEAD},
                        sealed, sealed.data + sealed.size, out);
}
