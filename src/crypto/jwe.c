/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/jwe.h"

#include <errno.h>
#include "base/base64.h"
#include "crypto/cipher.h"
#include "crypto/jwe_private.h"

#define CONTENT_KEY_MAX 32

static const char rsa_algorithm[] = "RSA-OAEP-256", ec_algorithm[] = "ECDH-ES+A256KW";

/* --- writing ------------------------------------------------------------------------------------------- */

static int add_base64(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, struct slice bytes)
{
        _cleanup_buffer_ struct buffer text = {0};

        return base64_encode(BASE64_URL, bytes, &text) == 0 &&
                               yyjson_mut_obj_add_strncpy(doc, object, name, buffer_text(&text), text.size)
                       ? 0
                       : -ENOMEM;
}

static int wrap_for_ec(const struct key *key, struct slice content_key, yyjson_mut_doc *doc,
                       yyjson_mut_val *header, struct buffer *out, struct error *err)
{
        const struct jwe_agreement agreement = {.algorithm = ec_algorithm, .key_size = AES256_KEY_SIZE};
        uint8_t wrapping[AES256_KEY_SIZE], wrapped[CONTENT_KEY_MAX + KEY_WRAP_EXTRA];
        yyjson_mut_val *epk;
        int ret = jwe_agree_new(key, &agreement, doc, &epk, wrapping, err);

        if (ret == 0)
                ret = key_wrap((struct slice){wrapping, sizeof(wrapping)}, content_key, wrapped, err);
        explicit_bzero(wrapping, sizeof(wrapping));
        if (ret < 0)
                return ret;
        yyjson_mut_obj_add_val(doc, header, "epk", epk);
        return buffer_append(out, wrapped, content_key.size + KEY_WRAP_EXTRA) < 0 ? error_oom(err) : 0;
}

static int add_recipient(const struct key *key, struct slice content_key, yyjson_mut_doc *doc,
                         yyjson_mut_val *list, struct error *err)
{
        _cleanup_buffer_ struct buffer wrapped = {0};
        yyjson_mut_val *recipient = yyjson_mut_arr_add_obj(doc, list);
        yyjson_mut_val *header = yyjson_mut_obj_add_obj(doc, recipient, "header");
        int ret;

        if (key->type == KEY_ED25519)
                return error_set(err, &ERROR_KEY_FILE, -EINVAL,
                                 "`%s` is an Ed25519 key, which can sign but not encrypt", key->name);
        yyjson_mut_obj_add_str(doc, header, "alg", key->type == KEY_RSA ? rsa_algorithm : ec_algorithm);
        ret = key->type == KEY_RSA ? key_rsa_encrypt(key, RSA_PKCS1_OAEP_PADDING, ossl.EVP_sha256(),
                                                     content_key, &wrapped, err)
                                   : wrap_for_ec(key, content_key, doc, header, &wrapped, err);
        if (ret == 0 && add_base64(doc, recipient, "encrypted_key", buffer_slice(&wrapped)) < 0)
                ret = error_oom(err);
        return ret;
}

static int add_content(const char *protected, struct slice content_key, struct slice plain,
                       yyjson_mut_doc *doc, yyjson_mut_val *root, struct error *err)
{
        uint8_t nonce[GCM_NONCE_SIZE], tag[GCM_TAG_SIZE];
        _cleanup_free_ uint8_t *sealed = malloc(plain.size + 1);
        _cleanup_gcm_ struct gcm *gcm = NULL;
        int ret = sealed ? random_fill(nonce, sizeof(nonce), err) : error_oom(err);

        if (ret == 0)
                ret = gcm_new(content_key, &gcm, err);
        if (ret < 0)
                return ret;
        if (gcm_seal(gcm, nonce, SLICE_TEXT(protected), plain, sealed, tag) < 0)
                return ossl_failed("AES-GCM", err);
        if (add_base64(doc, root, "iv", (struct slice){nonce, sizeof(nonce)}) < 0 ||
            add_base64(doc, root, "ciphertext", (struct slice){sealed, plain.size}) < 0 ||
            add_base64(doc, root, "tag", (struct slice){tag, sizeof(tag)}) < 0)
                return error_oom(err);
        return 0;
}

int jwe_encrypt(const struct key *const *keys, size_t count, struct slice plain, struct buffer *out,
                struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer protected = {0};
        uint8_t content_key[AES256_KEY_SIZE];
        yyjson_mut_val *root, *list;
        int ret;

        if (!doc || base64_encode(BASE64_URL, SLICE_TEXT("{\"enc\":\"A256GCM\"}"), &protected) < 0)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_str(doc, root, "protected", buffer_text(&protected));
        list = yyjson_mut_obj_add_arr(doc, root, "recipients");
        ret = random_fill(content_key, sizeof(content_key), err);
        for (size_t i = 0; i < count && ret == 0; i++)
                ret = add_recipient(keys[i], (struct slice){content_key, sizeof(content_key)}, doc, list,
                                    err);
        if (ret == 0)
                ret = add_content(buffer_text(&protected), (struct slice){content_key, sizeof(content_key)},
                                  plain, doc, root, err);
        explicit_bzero(content_key, sizeof(content_key));
        return ret < 0 ? ret : json_write(doc, false, out, err);
}

/* --- reading ------------------------------------------------------------------------------------------- */

struct envelope {
        yyjson_val *protected, *unprotected; /* objects; NULL: none */
        struct buffer also;                  /* what is authenticated beside the contents */
        struct buffer nonce, sealed, tag;
};

static void envelope_free(struct envelope *envelope)
{
        buffer_free(&envelope->also);
        buffer_free(&envelope->nonce);
        buffer_free(&envelope->sealed);
        buffer_free(&envelope->tag);
}

static int malformed(const char *reason, struct error *err)
{
        return error_set(err, &ERROR_KEY_WRAPPED, -EBADMSG, "a key wrapped as JWE %s", reason);
}

/* A member of the header, which lies in three places (RFC 7516 section 7.2.1). */
static yyjson_val *header_get(const struct envelope *envelope, yyjson_val *recipient, const char *name)
{
        yyjson_val *found = yyjson_obj_get(envelope->protected, name);

        if (!found)
                found = yyjson_obj_get(envelope->unprotected, name);
        return found ? found : yyjson_obj_get(yyjson_obj_get(recipient, "header"), name);
}

static const char *header_text(const struct envelope *envelope, yyjson_val *recipient, const char *name)
{
        const char *text = yyjson_get_str(header_get(envelope, recipient, name));

        return text ? text : "";
}

static int decode(yyjson_val *object, const char *name, struct buffer *out)
{
        return base64_decode(BASE64_URL, SLICE_TEXT(json_text_or(object, name, "")), out);
}

/* Bytes of the key of an algorithm that is named "…A256…"; 0: none of ours. */
static size_t size_of(const char *name, const char *const names[3])
{
        for (size_t i = 0; i < 3; i++)
                if (strcmp(name, names[i]) == 0)
                        return 16 + 8 * i;
        return 0;
}

static int unwrap_rsa(const struct key *key, const char *algorithm, struct slice wrapped, uint8_t *out,
                      size_t *size)
{
        bool sha1 = strcmp(algorithm, "RSA-OAEP") == 0;
        uint8_t plain[KEY_RSA_MAX];
        int ret;

        if (key->type != KEY_RSA || (!sha1 && strcmp(algorithm, rsa_algorithm) != 0))
                return -EBADMSG;
        ret = key_rsa_decrypt(key, RSA_PKCS1_OAEP_PADDING, sha1 ? ossl.EVP_sha1() : ossl.EVP_sha256(),
                              wrapped, plain, size);
        if (ret == 0 && *size > CONTENT_KEY_MAX)
                ret = -EBADMSG;
        if (ret == 0)
                memcpy(out, plain, *size);
        explicit_bzero(plain, sizeof(plain));
        return ret;
}

static int unwrap_ec(const struct key *key, const struct envelope *envelope, yyjson_val *recipient,
                     struct slice wrapped, uint8_t *out, size_t *size)
{
        static const char *const names[3] = {"ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"};
        struct jwe_agreement agreement = {.algorithm = header_text(envelope, recipient, "alg")};
        _cleanup_buffer_ struct buffer apu = {0}, apv = {0};
        uint8_t wrapping[AES256_KEY_SIZE];
        int ret;

        agreement.key_size = size_of(agreement.algorithm, names);
        if (!agreement.key_size || wrapped.size > CONTENT_KEY_MAX + KEY_WRAP_EXTRA ||
            base64_decode(BASE64_URL, SLICE_TEXT(header_text(envelope, recipient, "apu")), &apu) < 0 ||
            base64_decode(BASE64_URL, SLICE_TEXT(header_text(envelope, recipient, "apv")), &apv) < 0)
                return -EBADMSG;
        agreement.apu = buffer_slice(&apu);
        agreement.apv = buffer_slice(&apv);
        ret = jwe_agree(key, &agreement, header_get(envelope, recipient, "epk"), wrapping);
        if (ret == 0)
                ret = key_unwrap((struct slice){wrapping, agreement.key_size}, wrapped, out);
        explicit_bzero(wrapping, sizeof(wrapping));
        *size = wrapped.size - KEY_WRAP_EXTRA;
        return ret;
}

static int open_content(const struct envelope *envelope, struct slice content_key, struct secret_memory *out,
                        struct error *err)
{
        _cleanup_gcm_ struct gcm *gcm = NULL;
        int ret = gcm_new(content_key, &gcm, err);

        if (ret == 0)
                ret = secret_memory_new(envelope->sealed.size, out, err);
        if (ret < 0)
                return ret;
        ret = gcm_open(gcm, envelope->nonce.data, buffer_slice(&envelope->also),
                       buffer_slice(&envelope->sealed), envelope->tag.data, out->data);
        if (ret < 0)
                secret_memory_free(out);
        return ret;
}

/* -EACCES (no error set) when the key is not the one of the recipient, or it was altered: the two look alike.
 */
static int try_recipient(const struct envelope *envelope, yyjson_val *recipient, const struct key *key,
                         struct secret_memory *out, struct error *err)
{
        static const char *const names[3] = {"A128GCM", "A192GCM", "A256GCM"};
        size_t expected = size_of(header_text(envelope, recipient, "enc"), names), size = 0;
        _cleanup_buffer_ struct buffer wrapped = {0};
        uint8_t content_key[CONTENT_KEY_MAX];
        int ret = decode(recipient, "encrypted_key", &wrapped);

        if (ret == 0)
                ret = key->type == KEY_RSA ? unwrap_rsa(key, header_text(envelope, recipient, "alg"),
                                                        buffer_slice(&wrapped), content_key, &size)
                                           : unwrap_ec(key, envelope, recipient, buffer_slice(&wrapped),
                                                       content_key, &size);
        if (ret == 0 && size == expected)
                ret = open_content(envelope, (struct slice){content_key, size}, out, err);
        else if (ret == 0)
                ret = -EBADMSG;
        explicit_bzero(content_key, sizeof(content_key));
        return ret == -ENOMEM ? error_oom(err) : ret < 0 ? -EACCES : 0;
}

static int envelope_read(yyjson_val *root, struct envelope *envelope, yyjson_doc **header, struct error *err)
{
        const char *protected = json_text_or(root, "protected", ""), *also = json_text(root, "aad");
        _cleanup_buffer_ struct buffer text = {0};
        int ret;

        if (buffer_printf(&envelope->also, "%s%s%s", protected, also ? "." : "", also ? also : "") < 0)
                return error_oom(err);
        if (base64_decode(BASE64_URL, SLICE_TEXT(protected), &text) < 0 ||
            decode(root, "iv", &envelope->nonce) < 0 || decode(root, "ciphertext", &envelope->sealed) < 0 ||
            decode(root, "tag", &envelope->tag) < 0)
                return malformed("has parts that are not base64", err);
        if (envelope->nonce.size != GCM_NONCE_SIZE || envelope->tag.size != GCM_TAG_SIZE ||
            envelope->sealed.size > JWE_PLAIN_MAX)
                return malformed("has parts of a wrong size", err);
        if (text.size) {
                ret = json_parse(buffer_slice(&text), "JWE header", header, err);
                if (ret < 0)
                        return malformed("has a header that is not JSON", err);
                envelope->protected = yyjson_doc_get_root(*header);
        }
        envelope->unprotected = yyjson_obj_get(root, "unprotected");
        if (header_get(envelope, NULL, "crit") || header_get(envelope, NULL, "zip"))
                return malformed("asks for extensions that are not known here", err);
        return 0;
}

/* One recipient may stand where the list of them would. */
static int try_all(yyjson_val *root, const struct envelope *envelope, const struct key *const *keys,
                   size_t count, struct secret_memory *out, struct error *err)
{
        yyjson_val *list = yyjson_obj_get(root, "recipients");
        size_t recipients = list ? yyjson_arr_size(list) : 1;
        int ret = -EACCES;

        if (recipients > JWE_RECIPIENTS_MAX)
                return malformed("has too many recipients", err);
        for (size_t i = 0; i < recipients; i++) {
                yyjson_val *recipient = list ? yyjson_arr_get(list, i) : root;

                for (size_t j = 0; j < count; j++) {
                        ret = try_recipient(envelope, recipient, keys[j], out, err);
                        if (ret != -EACCES)
                                return ret;
                }
        }
        return error_set(err, &ERROR_KEY_WRONG, -EACCES, "none of %zu keys is for one of %zu recipients",
                         count, recipients);
}

int jwe_decrypt(struct slice json, const struct key *const *keys, size_t count, struct secret_memory *out,
                struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL, *header = NULL;
        struct envelope envelope = {0};
        int ret = ossl_load(err);

        if (ret < 0)
                return ret;
        if (json.size > JWE_MAX)
                return malformed("is absurdly large", err);
        if (json_parse(json, "JWE", &doc, err) < 0)
                return malformed("is not JSON", err);
        ret = envelope_read(yyjson_doc_get_root(doc), &envelope, &header, err);
        if (ret == 0)
                ret = try_all(yyjson_doc_get_root(doc), &envelope, keys, count, out, err);
        envelope_free(&envelope);
        return ret;
}
