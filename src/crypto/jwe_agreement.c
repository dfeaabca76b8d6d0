/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/base64.h"
#include "base/digest.h"
#include "crypto/jwe_private.h"

#define COORDINATE_MAX 66

struct curve {
        const char *jwe, *openssl;
        size_t size; /* bytes of a coordinate */
};

static const struct curve curves[] = {
        {"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};

static const struct curve *curve_of(const struct key *key)
{
        char name[32];
        size_t size;

        if (key->type != KEY_EC || ossl.EVP_PKEY_get_group_name(key->pkey, name, sizeof(name), &size) != 1)
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
                if (strcmp(curves[i].openssl, name) == 0)
                        return &curves[i];
        return NULL;
}

static int append_be32(struct buffer *out, size_t value)
{
        const uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                                 (uint8_t)value};

        return buffer_append(out, bytes, sizeof(bytes));
}

static int append_field(struct buffer *out, struct slice field)
{
        return append_be32(out, field.size) < 0 ? -ENOMEM : buffer_append(out, field.data, field.size);
}

/* The Concat KDF of NIST SP 800-56A; its one round of SHA-256 is enough for any wrapping key. */
static int concat_kdf(struct slice secret, const struct jwe_agreement *agreement, uint8_t *wrapping)
{
        _cleanup_buffer_ struct buffer text = {0};
        struct sha256 digest;
        int ret = buffer_reserve(&text, 1024 + agreement->apu.size + agreement->apv.size);

        if (ret < 0 || append_be32(&text, 1) < 0 || buffer_append(&text, secret.data, secret.size) < 0 ||
            append_field(&text, SLICE_TEXT(agreement->algorithm)) < 0 ||
            append_field(&text, agreement->apu) < 0 || append_field(&text, agreement->apv) < 0 ||
            append_be32(&text, agreement->key_size * 8) < 0 ||
            sha256_of(buffer_slice(&text), &digest, NULL) < 0)
                ret = -ENOMEM;
        else
                memcpy(wrapping, digest.bytes, agreement->key_size);
        if (text.data)
                explicit_bzero(text.data, text.size);
        explicit_bzero(&digest, sizeof(digest));
        return ret;
}

/* Ours with theirs. -EBADMSG when they do not fit. */
static int derive(EVP_PKEY *ours, EVP_PKEY *theirs, const struct jwe_agreement *agreement, uint8_t *wrapping)
{
        EVP_PKEY_CTX *context = ossl.EVP_PKEY_CTX_new(ours, NULL);
        uint8_t secret[COORDINATE_MAX];
        size_t size = sizeof(secret);
        int ret = -EBADMSG;

        if (context && ossl.EVP_PKEY_derive_init(context) == 1 &&
            ossl.EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
            ossl.EVP_PKEY_derive(context, secret, &size) == 1)
                ret = concat_kdf((struct slice){secret, size}, agreement, wrapping);
        ossl.EVP_PKEY_CTX_free(context);
        ossl.ERR_clear_error();
        explicit_bzero(secret, sizeof(secret));
        return ret;
}

static int add_coordinate(EVP_PKEY *pkey, const char *parameter, size_t size, yyjson_mut_doc *doc,
                          yyjson_mut_val *epk, const char *name)
{
        _cleanup_buffer_ struct buffer text = {0};
        uint8_t bytes[COORDINATE_MAX];
        BIGNUM *number = NULL;
        bool done = ossl.EVP_PKEY_get_bn_param(pkey, parameter, &number) == 1 &&
                    ossl.BN_bn2binpad(number, bytes, (int)size) == (int)size;

        ossl.BN_free(number);
        if (!done || base64_encode(BASE64_URL, (struct slice){bytes, size}, &text) < 0 ||
            !yyjson_mut_obj_add_strcpy(doc, epk, name, buffer_text(&text)))
                return -ENOMEM;
        return 0;
}

int jwe_agree_new(const struct key *key, const struct jwe_agreement *agreement, yyjson_mut_doc *doc,
                  yyjson_mut_val **epk, uint8_t *wrapping, struct error *err)
{
        const struct curve *curve = curve_of(key);
        EVP_PKEY *ephemeral;
        int ret;

        if (!curve)
                return error_set(err, &ERROR_KEY_FILE, -EINVAL,
                                 "`%s` is on a curve that is not used here (P-256, P-384 and P-521 are)",
                                 key->name);
        ephemeral = ossl.EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve->openssl);
        if (!ephemeral)
                return ossl_failed("making a key", err);
        *epk = yyjson_mut_obj(doc);
        yyjson_mut_obj_add_str(doc, *epk, "kty", "EC");
        yyjson_mut_obj_add_str(doc, *epk, "crv", curve->jwe);
        ret = add_coordinate(ephemeral, OSSL_PKEY_PARAM_EC_PUB_X, curve->size, doc, *epk, "x");
        if (ret == 0)
                ret = add_coordinate(ephemeral, OSSL_PKEY_PARAM_EC_PUB_Y, curve->size, doc, *epk, "y");
        if (ret == 0)
                ret = derive(ephemeral, key->pkey, agreement, wrapping);
        ossl.EVP_PKEY_free(ephemeral);
        return ret == -ENOMEM ? error_oom(err) : ret < 0 ? ossl_failed("agreeing on a key", err) : 0;
}

static bool read_coordinate(yyjson_val *epk, const char *name, size_t size, uint8_t *out)
{
        _cleanup_buffer_ struct buffer bytes = {0};

        if (base64_decode(BASE64_URL, SLICE_TEXT(json_text_or(epk, name, "")), &bytes) < 0 ||
            bytes.size != size)
                return false;
        memcpy(out, bytes.data, size);
        return true;
}

/* The public key that an "epk" is, if it is a point on the curve. */
static EVP_PKEY *read_epk(yyjson_val *epk, const struct curve *curve)
{
        uint8_t point[1 + 2 * COORDINATE_MAX] = {4}; /* uncompressed */
        OSSL_PARAM parameters[3];
        EVP_PKEY_CTX *context;
        EVP_PKEY *pkey = NULL;
        char group[16];

        if (strcmp(json_text_or(epk, "kty", ""), "EC") != 0 ||
            strcmp(json_text_or(epk, "crv", ""), curve->jwe) != 0 ||
            !read_coordinate(epk, "x", curve->size, point + 1) ||
            !read_coordinate(epk, "y", curve->size, point + 1 + curve->size))
                return NULL;
        snprintf(group, sizeof(group), "%s", curve->openssl);
        parameters[0] = ossl.OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
        parameters[1] =
                ossl.OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * curve->size);
        parameters[2] = ossl.OSSL_PARAM_construct_end();
        context = ossl.EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        if (!context || ossl.EVP_PKEY_fromdata_init(context) != 1 ||
            ossl.EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
                pkey = NULL;
        ossl.EVP_PKEY_CTX_free(context);
        ossl.ERR_clear_error();
        return pkey;
}

int jwe_agree(const struct key *key, const struct jwe_agreement *agreement, yyjson_val *epk,
              uint8_t *wrapping)
{
        const struct curve *curve = curve_of(key);
        EVP_PKEY *theirs = curve ? read_epk(epk, curve) : NULL;
        int ret;

        if (!theirs)
                return -EBADMSG;
        ret = derive(key->pkey, theirs, agreement, wrapping);
        ossl.EVP_PKEY_free(theirs);
        return ret;
}
