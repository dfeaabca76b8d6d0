/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/pkcs7.h"

#include <errno.h>
#include "crypto/cipher.h"
#include "crypto/der.h"
#include "crypto/key_private.h"

#define RECIPIENTS_MAX 256
/* A key, and what belongs to it. */
#define CONTENT_MAX (16 * KIB)

/* --- writing ------------------------------------------------------------------------------------------- */

static int collect(const struct key *const *keys, size_t count, OPENSSL_STACK *out, struct error *err)
{
        for (size_t i = 0; i < count; i++) {
                if (!keys[i]->certificate || keys[i]->type != KEY_RSA)
                        return error_set(err, &ERROR_KEY_FILE, -EINVAL,
                                         "`%s` is not a certificate with an RSA key, as PKCS #7 needs it",
                                         keys[i]->name);
                if (!ossl.OPENSSL_sk_push(out, keys[i]->certificate))
                        return error_oom(err);
        }
        return 0;
}

int pkcs7_encrypt(const struct key *const *keys, size_t count, struct slice plain, struct buffer *out,
                  struct error *err)
{
        OPENSSL_STACK *certificates = ossl.OPENSSL_sk_new_null();
        BIO *bio = ossl.BIO_new_mem_buf(plain.data, (int)plain.size);
        PKCS7 *message = NULL;
        uint8_t *der = NULL;
        int size = -1, ret = certificates && bio ? collect(keys, count, certificates, err) : error_oom(err);

        if (ret == 0) {
                message = ossl.PKCS7_encrypt((STACK_OF(X509) *)certificates, bio, ossl.EVP_aes_256_cbc(),
                                             PKCS7_BINARY);
                size = message ? ossl.i2d_PKCS7(message, &der) : -1;
                if (size < 0)
                        ret = ossl_failed("PKCS #7", err);
                else if (buffer_append(out, der, (size_t)size) < 0)
                        ret = error_oom(err);
        }
        ossl.CRYPTO_free(der, __FILE__, __LINE__);
        ossl.PKCS7_free(message);
        ossl.BIO_free(bio);
        ossl.OPENSSL_sk_free(certificates);
        return ret;
}

/* --- reading ------------------------------------------------------------------------------------------- */

#define OID(text) {(const uint8_t *)(text), sizeof(text) - 1}

static const struct slice oid_enveloped = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"),
                          oid_rsa = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"),
                          oid_oaep = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07");

/* How the contents are encrypted. */
static const struct content_cipher {
        struct slice oid;
        size_t key_size;
        bool gcm;
} content_ciphers[] = {
        {OID("\x60\x86\x48\x01\x65\x03\x04\x01\x02"), 16, false},
        {OID("\x60\x86\x48\x01\x65\x03\x04\x01\x16"), 24, false},
        {OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2a"), 32, false},
        {OID("\x60\x86\x48\x01\x65\x03\x04\x01\x06"), 16, true},
        {OID("\x60\x86\x48\x01\x65\x03\x04\x01\x1a"), 24, true},
        {OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2e"), 32, true},
};

struct enveloped {
        struct slice recipients; /* elements of a set */
        const struct content_cipher *cipher;
        struct slice iv;
        struct slice content;
};

static bool slice_equal(struct slice a, struct slice b)
{
        return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static int malformed(const char *reason, struct error *err)
{
        return error_set(err, &ERROR_KEY_WRAPPED, -EBADMSG, "a key wrapped as PKCS #7 %s", reason);
}

/* The nonce of GCM: SEQUENCE { OCTET STRING, INTEGER }. ocicrypt puts that into another element, and tags the
 * string [4]. */
static bool read_gcm_parameters(struct slice algorithm, struct slice *nonce)
{
        struct slice outer, sequence;
        uint8_t tag;

        if (!der_next(&algorithm, &tag, &outer))
                return false;
        if (!der_take(&outer, DER_SEQUENCE, &sequence))
                sequence = outer;
        return der_take(&sequence, DER_OCTETS, nonce) || der_take(&sequence, DER_CONTEXT_4, nonce);
}

static int read_content(struct slice from, struct enveloped *out, struct error *err)
{
        struct slice type, algorithm, oid;
        bool read;

        if (!der_take(&from, DER_OID, &type) || !der_take(&from, DER_SEQUENCE, &algorithm) ||
            !der_take(&algorithm, DER_OID, &oid))
                return malformed("has no contents", err);
        for (size_t i = 0; i < ARRAY_SIZE(content_ciphers) && !out->cipher; i++)
                if (slice_equal(oid, content_ciphers[i].oid))
                        out->cipher = &content_ciphers[i];
        if (!out->cipher)
                return malformed("uses a cipher that is not read here", err);
        read = out->cipher->gcm ? read_gcm_parameters(algorithm, &out->iv)
                                : der_take(&algorithm, DER_OCTETS, &out->iv);
        if (!read || out->iv.size != (out->cipher->gcm ? GCM_NONCE_SIZE : 16))
                return malformed("has no nonce", err);
        if (!der_take(&from, DER_CONTEXT_0, &out->content)) {
                struct slice outer;

                if (!der_take(&from, DER_CONTEXT_0_OF, &outer) ||
                    !der_take(&outer, DER_OCTETS, &out->content) || outer.size)
                        return malformed("has contents in pieces", err);
        }
        if (out->content.size > CONTENT_MAX || (out->cipher->gcm && out->content.size < GCM_TAG_SIZE))
                return malformed("has contents of a wrong size", err);
        return 0;
}

static int enveloped_read(struct slice der, struct enveloped *out, struct error *err)
{
        struct slice outer, oid, explicit, data, version, content;

        if (der.size > PKCS7_MAX || !der_take(&der, DER_SEQUENCE, &outer) ||
            !der_take(&outer, DER_OID, &oid) || !slice_equal(oid, oid_enveloped) ||
            !der_take(&outer, DER_CONTEXT_0_OF, &explicit) || !der_take(&explicit, DER_SEQUENCE, &data) ||
            !der_take(&data, DER_INTEGER, &version) || !der_take(&data, DER_SET, &out->recipients) ||
            !der_take(&data, DER_SEQUENCE, &content))
                return malformed("is not enveloped data in DER", err);
        return read_content(content, out, err);
}

/* The digest of OAEP: [0] of its parameters, SHA-1 when they do not say. NULL: none that is known. */
static const EVP_MD *oaep_digest(struct slice algorithm)
{
        static const struct slice sha2[] = {
                OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01"), OID("\x60\x86\x48\x01\x65\x03\x04\x02\x02"),
                OID("\x60\x86\x48\x01\x65\x03\x04\x02\x03"), OID("\x60\x86\x48\x01\x65\x03\x04\x02\x04")};
        const EVP_MD *const digests[] = {ossl.EVP_sha256(), ossl.EVP_sha384(), ossl.EVP_sha512(),
                                         ossl.EVP_sha224()};
        struct slice parameters, explicit, identifier, oid;

        if (!der_take(&algorithm, DER_SEQUENCE, &parameters) ||
            !der_take(&parameters, DER_CONTEXT_0_OF, &explicit))
                return ossl.EVP_sha1();
        if (!der_take(&explicit, DER_SEQUENCE, &identifier) || !der_take(&identifier, DER_OID, &oid))
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(sha2); i++)
                if (slice_equal(oid, sha2[i]))
                        return digests[i];
        return NULL;
}

/* The key of the contents out of one recipient. -EBADMSG when it is another's. */
static int unwrap(struct slice recipient, const struct key *key, uint8_t *out, size_t *size)
{
        struct slice version, issuer, algorithm, oid, wrapped;
        const EVP_MD *digest = NULL;
        bool oaep;

        if (key->type != KEY_RSA || !der_take(&recipient, DER_INTEGER, &version) ||
            !der_take(&recipient, DER_SEQUENCE, &issuer) || !der_take(&recipient, DER_SEQUENCE, &algorithm) ||
            !der_take(&algorithm, DER_OID, &oid) || !der_take(&recipient, DER_OCTETS, &wrapped))
                return -EBADMSG;
        oaep = slice_equal(oid, oid_oaep);
        if (oaep)
                digest = oaep_digest(algorithm);
        else if (!slice_equal(oid, oid_rsa))
                return -EBADMSG;
        if (oaep && !digest)
                return -EBADMSG;
        return key_rsa_decrypt(key, oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING, digest, wrapped, out,
                               size);
}

static int open_gcm(const struct enveloped *enveloped, struct slice content_key, struct secret_memory *out)
{
        struct slice sealed = {enveloped->content.data, enveloped->content.size - GCM_TAG_SIZE};
        _cleanup_gcm_ struct gcm *gcm = NULL;
        int ret = gcm_new(content_key, &gcm, NULL);

        out->size = sealed.size;
        return ret < 0 ? ret
                       : gcm_open(gcm, enveloped->iv.data, (struct slice){0}, sealed,
                                  sealed.data + sealed.size, out->data);
}

/* -EACCES (no error set) when the key does not open it. A wrong key gives random bytes where padding hides
 * that it is wrong, so what comes out is judged by what it should be. */
static int try_recipient(const struct enveloped *enveloped, struct slice recipient, const struct key *key,
                         struct secret_memory *out, struct error *err)
{
        uint8_t content_key[KEY_RSA_MAX];
        size_t size;
        int ret = unwrap(recipient, key, content_key, &size);

        if (ret == 0 && size != enveloped->cipher->key_size)
                ret = -EBADMSG;
        if (ret == 0) {
                struct slice unwrapped = {content_key, size};

                ret = secret_memory_new(CONTENT_MAX + 16, out, err);
                if (ret < 0)
                        return ret;
                ret = enveloped->cipher->gcm ? open_gcm(enveloped, unwrapped, out)
                                             : cbc_decrypt(unwrapped, enveloped->iv, enveloped->content,
                                                           out->data, &out->size);
                if (ret < 0)
                        secret_memory_free(out);
        }
        explicit_bzero(content_key, sizeof(content_key));
        return ret < 0 ? -EACCES : 0;
}

int pkcs7_decrypt(struct slice der, const struct key *const *keys, size_t count, struct secret_memory *out,
                  struct error *err)
{
        struct enveloped enveloped = {0};
        struct slice recipient;
        size_t seen = 0;
        int ret = ossl_load(err);

        if (ret == 0)
                ret = enveloped_read(der, &enveloped, err);
        if (ret < 0)
                return ret;
        while (der_take(&enveloped.recipients, DER_SEQUENCE, &recipient)) {
                if (++seen > RECIPIENTS_MAX)
                        return malformed("has too many recipients", err);
                for (size_t i = 0; i < count; i++) {
                        ret = try_recipient(&enveloped, recipient, keys[i], out, err);
                        if (ret != -EACCES)
                                return ret;
                }
        }
        return error_set(err, &ERROR_KEY_WRONG, -EACCES, "none of %zu keys is for one of %zu recipients",
                         count, seen);
}
