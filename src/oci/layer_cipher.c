/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/layer_cipher.h"

#include <errno.h>
#include "base/base64.h"
#include "base/json.h"
#include "crypto/cipher.h"
#include "crypto/jwe.h"
#include "crypto/key_ring.h"
#include "crypto/pkcs7.h"
#include "oci/errors.h"

#define CIPHER_NAME "AES_256_CTR_HMAC_SHA256"

/* Annotations of a layer. */
#define KEY_JWE     "org.opencontainers.image.enc.keys.jwe"
#define KEY_PKCS7   "org.opencontainers.image.enc.keys.pkcs7"
#define KEY_PUBLIC  "org.opencontainers.image.enc.pubopts"
#define PUBLIC_MAX  (16 * KIB)
#define PRIVATE_MAX 1024
#define WRAPPED_MAX 16 /* alternatives in one annotation */

/* --- writing ------------------------------------------------------------------------------------------- */

int layer_key_new(struct ctr_hmac_key *out, struct error *err)
{
        int ret = random_fill(out->key, sizeof(out->key), err);

        return ret < 0 ? ret : random_fill(out->nonce, sizeof(out->nonce), err);
}

static int append_base64(struct buffer *out, const void *data, size_t size)
{
        return base64_encode(BASE64, (struct slice){data, size}, out);
}

/* What only recipients may see. */
static int append_private(const struct ctr_hmac_key *key, const struct sha256 *plain, struct buffer *out)
{
        char hex[SHA256_HEX_SIZE];

        return buffer_append_text(out, "{\"symkey\":\"") < 0 ||
                               append_base64(out, key->key, sizeof(key->key)) < 0 ||
                               buffer_printf(out,
                                             "\",\"digest\":\"sha256:%s\",\"cipheroptions\":{\"nonce\":\"",
                                             sha256_hex(plain, hex)) < 0 ||
                               append_base64(out, key->nonce, sizeof(key->nonce)) < 0 ||
                               buffer_append_text(out, "\"}}") < 0
                       ? -ENOMEM
                       : 0;
}

static int append_public(const struct ctr_hmac_key *key, struct buffer *out)
{
        return buffer_append_text(out, "{\"cipher\":\"" CIPHER_NAME "\",\"hmac\":\"") < 0 ||
                               append_base64(out, key->mac, sizeof(key->mac)) < 0 ||
                               buffer_append_text(out, "\",\"cipheroptions\":{}}") < 0
                       ? -ENOMEM
                       : 0;
}

static int add_annotation(yyjson_mut_doc *doc, const char *key, const struct buffer *value)
{
        _cleanup_buffer_ struct buffer text = {0};

        if (!value->size)
                return 0;
        return append_base64(&text, value->data, value->size) == 0 &&
                               yyjson_mut_obj_add_strncpy(doc, yyjson_mut_doc_get_root(doc), key,
                                                          buffer_text(&text), text.size)
                       ? 0
                       : -ENOMEM;
}

int layer_key_annotate(const struct ctr_hmac_key *key, const struct sha256 *plain,
                       const struct layer_recipients *recipients, struct buffer *annotations,
                       struct error *err)
{
        _cleanup_buffer_ struct buffer private = {0}, public = {0}, jwe = {0}, pkcs7 = {0};
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        int ret;

        if (!doc || buffer_reserve(&private, PRIVATE_MAX) < 0) /* it never grows: no copy of it is left */
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
        if (append_private(key, plain, &private) < 0 || append_public(key, &public) < 0)
                ret = error_oom(err);
        else
                ret = layer_recipients_wrap(recipients, buffer_slice(&private), &jwe, &pkcs7, err);
        explicit_bzero(private.data, private.size);
        if (ret < 0)
                return ret;
        if (add_annotation(doc, KEY_JWE, &jwe) < 0 || add_annotation(doc, KEY_PKCS7, &pkcs7) < 0 ||
            add_annotation(doc, KEY_PUBLIC, &public) < 0)
                return error_oom(err);
        return json_write(doc, false, annotations, err);
}

/* --- reading ------------------------------------------------------------------------------------------- */

static int malformed(const char *reason, struct error *err)
{
        return error_set(err, &ERROR_LAYER_ENCRYPTION, -EBADMSG, "the encryption of a layer %s", reason);
}

/* Bytes of a member in base64, which must be so many. */
static bool read_bytes(yyjson_val *object, const char *name, uint8_t *out, size_t size)
{
        _cleanup_buffer_ struct buffer bytes = {0};
        const char *text = json_text(object, name);

        if (!text || base64_decode(BASE64, SLICE_TEXT(text), &bytes) < 0 || bytes.size != size) {
                if (bytes.data)
                        explicit_bzero(bytes.data, bytes.size);
                return false;
        }
        memcpy(out, bytes.data, size);
        explicit_bzero(bytes.data, bytes.size);
        return true;
}

static int read_public(yyjson_val *annotations, struct ctr_hmac_key *out, bool *has_nonce, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_buffer_ struct buffer bytes = {0};
        const char *text = json_text_or(annotations, KEY_PUBLIC, "");
        yyjson_val *root;

        if (strlen(text) > PUBLIC_MAX || base64_decode(BASE64, SLICE_TEXT(text), &bytes) < 0 ||
            json_parse(buffer_slice(&bytes), KEY_PUBLIC, &doc, err) < 0)
                return malformed("is not described (" KEY_PUBLIC ")", err);
        root = yyjson_doc_get_root(doc);
        if (strcmp(json_text_or(root, "cipher", ""), CIPHER_NAME) != 0)
                return malformed("is of another kind than " CIPHER_NAME, err);
        if (!read_bytes(root, "hmac", out->mac, sizeof(out->mac)))
                return malformed("has no HMAC", err);
        *has_nonce =
                read_bytes(yyjson_obj_get(root, "cipheroptions"), "nonce", out->nonce, sizeof(out->nonce));
        return 0;
}

static int read_private(struct slice json, struct ctr_hmac_key *out, bool has_nonce, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *root;

        if (json_parse(json, "key of a layer", &doc, err) < 0)
                return malformed("has a key that cannot be read", err);
        root = yyjson_doc_get_root(doc);
        if (!read_bytes(root, "symkey", out->key, sizeof(out->key)))
                return malformed("has a key of a wrong size", err);
        if (!has_nonce &&
            !read_bytes(yyjson_obj_get(root, "cipheroptions"), "nonce", out->nonce, sizeof(out->nonce)))
                return malformed("has no nonce", err);
        return 0;
}

typedef int (*unwrapper)(struct slice bytes, const struct key *const *keys, size_t count,
                         struct secret_memory *out, struct error *err);

/* One annotation: several alternatives, separated by commas. -EACCES when none opens. */
static int unwrap(const char *text, unwrapper open, const struct key *const *keys, size_t count,
                  struct secret_memory *out, struct error *err)
{
        int ret = error_set(err, &ERROR_KEY_WRONG, -EACCES, "the layer is encrypted for other keys");

        for (int i = 0; text && *text && i < WRAPPED_MAX && ret == -EACCES; i++) {
                _cleanup_buffer_ struct buffer bytes = {0};
                size_t length = strcspn(text, ",");

                if (base64_decode(BASE64, (struct slice){(const uint8_t *)text, length}, &bytes) < 0)
                        return malformed("has a wrapped key that is not base64", err);
                ret = open(buffer_slice(&bytes), keys, count, out, err);
                text += length + (text[length] == ',');
        }
        return ret;
}

int layer_key_open(const char *annotations, const struct key *const *keys, size_t count,
                   struct ctr_hmac_key *out, struct error *err)
{
        _cleanup_secret_memory_ struct secret_memory private = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *root;
        bool has_nonce = false;
        int ret = json_parse(SLICE_TEXT(annotations), "annotations", &doc, err);

        if (ret < 0)
                return malformed("has no annotations", err);
        root = yyjson_doc_get_root(doc);
        ret = read_public(root, out, &has_nonce, err);
        if (ret < 0)
                return ret;
        if (!json_text(root, KEY_JWE) && !json_text(root, KEY_PKCS7))
                return malformed("has no key in a form that is read here (JWE, PKCS #7)", err);
        ret = unwrap(json_text(root, KEY_JWE), jwe_decrypt, keys, count, &private, err);
        if (ret == -EACCES)
                ret = unwrap(json_text(root, KEY_PKCS7), pkcs7_decrypt, keys, count, &private, err);
        return ret < 0 ? ret : read_private(secret_memory_slice(&private), out, has_nonce, err);
}

int layer_key_unlock(const char *annotations, const char *name, struct ctr_hmac_key *out, struct error *err)
{
        const struct key *const *keys;
        size_t count;
        int ret = key_ring_keys(name, &keys, &count, err);

        if (ret < 0)
                return ret;
        ret = layer_key_open(annotations, keys, count, out, err);
        return ret < 0 ? error_wrap(err, ret, "`%s`", name) : 0;
}
