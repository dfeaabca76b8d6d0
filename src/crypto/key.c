/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "base/secret_memory.h"
#include "crypto/key_private.h"

#define PASSPHRASE_MAX 1024
#define RSA_BITS_MIN   2048

static int refuse(const char *what, const char *reason, struct error *err)
{
        return error_set(err, &ERROR_KEY_FILE, -EINVAL, "`%s` %s", what, reason);
}

static int take_type(struct key *key, struct error *err)
{
        switch (ossl.EVP_PKEY_get_base_id(key->pkey)) {
        case EVP_PKEY_RSA:
                key->type = KEY_RSA;
                if (ossl.EVP_PKEY_get_bits(key->pkey) < RSA_BITS_MIN)
                        return refuse(key->name, "is an RSA key of less than 2048 bits, which is too weak",
                                      err);
                if (ossl.EVP_PKEY_get_size(key->pkey) > KEY_RSA_MAX)
                        return refuse(key->name, "is an absurdly large RSA key", err);
                return 0;
        case EVP_PKEY_EC:
                key->type = KEY_EC;
                return 0;
        case EVP_PKEY_ED25519:
                key->type = KEY_ED25519;
                return 0;
        default:
                return refuse(key->name, "is a key of a kind that is not used here", err);
        }
}

static struct key *key_new(const char *name)
{
        struct key *key = calloc(1, sizeof(*key));

        if (!key || !(key->name = strdup(name))) {
                free(key);
                return NULL;
        }
        return key;
}

void key_free(struct key *key)
{
        if (!key)
                return;
        if (key->pkey)
                ossl.EVP_PKEY_free(key->pkey);
        if (key->certificate)
                ossl.X509_free(key->certificate);
        free(key->name);
        free(key);
}

/* Never asks on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *context)
{
        return -1;
}

int key_parse_public(struct slice pem, const char *what, struct key **out, struct error *err)
{
        _cleanup_key_ struct key *key = NULL;
        BIO *bio;
        int ret = ossl_load(err);

        if (ret < 0)
                return ret;
        key = key_new(what);
        bio = key && pem.size <= KEY_FILE_MAX ? ossl.BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
        if (!bio)
                return key && pem.size > KEY_FILE_MAX ? refuse(what, "is too large for a key", err)
                                                      : error_oom(err);
        if (memmem(pem.data, pem.size, "BEGIN CERTIFICATE", strlen("BEGIN CERTIFICATE"))) {
                key->certificate = ossl.PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
                key->pkey = key->certificate ? ossl.X509_get_pubkey(key->certificate) : NULL;
        } else {
                key->pkey = ossl.PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
        }
        ossl.BIO_free(bio);
        ossl.ERR_clear_error();
        if (!key->pkey)
                return refuse(what, "is neither a public key nor a certificate (PEM)", err);
        ret = take_type(key, err);
        if (ret == 0)
                *out = steal_ptr(key);
        return ret;
}

int key_load_public(const char *path, struct key **out, struct error *err)
{
        _cleanup_buffer_ struct buffer pem = {0};
        int ret = file_read(AT_FDCWD, path, KEY_FILE_MAX, &pem, err);

        return ret < 0 ? ret : key_parse_public(buffer_slice(&pem), path, out, err);
}

struct passphrase {
        struct secret_memory bytes;
        bool asked;
};

static int give_passphrase(char *out, int size, int writing, void *context)
{
        struct passphrase *passphrase = context;

        passphrase->asked = true;
        if (!passphrase->bytes.data || passphrase->bytes.size > (size_t)size)
                return -1;
        memcpy(out, passphrase->bytes.data, passphrase->bytes.size);
        return (int)passphrase->bytes.size;
}

/* From a descriptor that is closed in the end. */
static int read_secret(int fd, const char *what, size_t limit, struct secret_memory *out, struct error *err)
{
        _cleanup_close_ int file = fd;

        return file < 0 ? error_errno(err, errno, "cannot open `%s`", what)
                        : secret_memory_read(file, what, limit, out, err);
}

/* `how`: "file=NAME" or "fd=NUMBER". */
static int read_passphrase(const char *how, struct passphrase *out, struct error *err)
{
        struct secret_memory *bytes = &out->bytes;
        char *end = NULL;
        int ret;

        if (text_starts_with(how, "file=")) {
                how += strlen("file=");
                ret = read_secret(open(how, O_RDONLY | O_CLOEXEC), how, PASSPHRASE_MAX, bytes, err);
        } else {
                long fd = strtol(how + strlen("fd="), &end, 10);

                if (end == how + strlen("fd=") || *end || fd < 0 || fd > INT32_MAX)
                        return error_set(err, &ERROR_USAGE, -EINVAL, "`%s` names no open file", how);
                ret = read_secret(fcntl((int)fd, F_DUPFD_CLOEXEC, 0), how, PASSPHRASE_MAX, bytes, err);
        }
        if (ret == 0 && bytes->size && bytes->data[bytes->size - 1] == '\n')
                bytes->size--;
        return ret;
}

/* Cuts "FILE:file=…" in two; `how` NULL when there is no passphrase. */
static int split(const char *text, char **path, const char **how, struct error *err)
{
        const char *colon = strrchr(text, ':');

        *how = NULL;
        if (colon && access(text, F_OK) < 0) {
                *how = colon + 1;
                if (!text_starts_with(*how, "file=") && !text_starts_with(*how, "fd="))
                        return error_set(
                                err, &ERROR_USAGE, -EINVAL,
                                "behind the colon of a key stands `file=NAME` or `fd=NUMBER`: a passphrase "
                                "itself would be seen by everybody on this machine");
        }
        *path = *how ? strndup(text, (size_t)(colon - text)) : strdup(text);
        return *path ? 0 : error_oom(err);
}

static int parse_private(struct slice pem, struct key *key, struct passphrase *passphrase, struct error *err)
{
        BIO *bio;
        int ret = ossl_load(err);

        if (ret < 0)
                return ret;
        bio = ossl.BIO_new_mem_buf(pem.data, (int)pem.size);
        if (!bio)
                return error_oom(err);
        key->pkey = ossl.PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, passphrase);
        key->is_private = true;
        ossl.BIO_free(bio);
        ossl.ERR_clear_error();
        if (key->pkey)
                return take_type(key, err);
        if (passphrase->asked)
                return error_set(err, &ERROR_KEY_PASSPHRASE, -EACCES, "the key `%s` has a passphrase, %s",
                                 key->name,
                                 passphrase->bytes.data ? "and it is another one" : "and none was given");
        return refuse(key->name, "is no private key (PEM)", err);
}

int key_load_private(const char *text, struct key **out, struct error *err)
{
        _cleanup_secret_memory_ struct secret_memory pem = {0};
        _cleanup_key_ struct key *key = NULL;
        _cleanup_free_ char *path = NULL;
        struct passphrase passphrase = {0};
        const char *how;
        int ret = split(text, &path, &how, err);

        if (ret < 0)
                return ret;
        key = key_new(path);
        if (!key)
                return error_oom(err);
        ret = read_secret(open(path, O_RDONLY | O_CLOEXEC), path, KEY_FILE_MAX, &pem, err);
        if (ret == 0 && how)
                ret = read_passphrase(how, &passphrase, err);
        if (ret == 0)
                ret = parse_private(secret_memory_slice(&pem), key, &passphrase, err);
        secret_memory_free(&passphrase.bytes);
        if (ret == 0)
                *out = steal_ptr(key);
        return ret;
}

const char *key_name(const struct key *key)
{
        return key->name;
}

bool key_has_certificate(const struct key *key)
{
        return key->certificate;
}

static const EVP_MD *signature_digest(const struct key *key)
{
        return key->type == KEY_ED25519 ? NULL : ossl.EVP_sha256();
}

int key_sign(const struct key *key, struct slice bytes, struct buffer *out, struct error *err)
{
        size_t size = (size_t)ossl.EVP_PKEY_get_size(key->pkey);
        EVP_MD_CTX *context;
        bool done;

        if (!key->is_private)
                return refuse(key->name, "is a public key; signing takes a private one", err);
        if (buffer_reserve(out, size + 1) < 0)
                return error_oom(err);
        context = ossl.EVP_MD_CTX_new();
        done = context &&
               ossl.EVP_DigestSignInit(context, NULL, signature_digest(key), NULL, key->pkey) == 1 &&
               ossl.EVP_DigestSign(context, out->data + out->size, &size, bytes.data, bytes.size) == 1;
        ossl.EVP_MD_CTX_free(context);
        if (!done)
                return ossl_failed("signing", err);
        out->size += size;
        out->data[out->size] = '\0';
        return 0;
}

int key_verify(const struct key *key, struct slice bytes, struct slice signature)
{
        EVP_MD_CTX *context = ossl.EVP_MD_CTX_new();
        bool good =
                context &&
                ossl.EVP_DigestVerifyInit(context, NULL, signature_digest(key), NULL, key->pkey) == 1 &&
                ossl.EVP_DigestVerify(context, signature.data, signature.size, bytes.data, bytes.size) == 1;

        ossl.EVP_MD_CTX_free(context);
        ossl.ERR_clear_error();
        return good ? 0 : -EBADMSG;
}

/* A context with its padding, set up by `init`. */
static EVP_PKEY_CTX *rsa_context(const struct key *key, int (*init)(EVP_PKEY_CTX *), int padding,
                                 const EVP_MD *digest)
{
        EVP_PKEY_CTX *context = ossl.EVP_PKEY_CTX_new(key->pkey, NULL);

        if (context && init(context) == 1 && ossl.EVP_PKEY_CTX_set_rsa_padding(context, padding) == 1 &&
            (!digest || (ossl.EVP_PKEY_CTX_set_rsa_oaep_md(context, digest) == 1 &&
                         ossl.EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) == 1)))
                return context;
        ossl.EVP_PKEY_CTX_free(context);
        return NULL;
}

int key_rsa_encrypt(const struct key *key, int padding, const EVP_MD *digest, struct slice in,
                    struct buffer *out, struct error *err)
{
        size_t size = (size_t)ossl.EVP_PKEY_get_size(key->pkey);
        EVP_PKEY_CTX *context;
        bool done;

        if (buffer_reserve(out, size + 1) < 0)
                return error_oom(err);
        context = rsa_context(key, ossl.EVP_PKEY_encrypt_init, padding, digest);
        done = context && ossl.EVP_PKEY_encrypt(context, out->data + out->size, &size, in.data, in.size) == 1;
        ossl.EVP_PKEY_CTX_free(context);
        if (!done)
                return ossl_failed("encrypting for an RSA key", err);
        out->size += size;
        return 0;
}

int key_rsa_decrypt(const struct key *key, int padding, const EVP_MD *digest, struct slice in, uint8_t *out,
                    size_t *size)
{
        EVP_PKEY_CTX *context = rsa_context(key, ossl.EVP_PKEY_decrypt_init, padding, digest);
        bool done;

        *size = KEY_RSA_MAX;
        done = context && ossl.EVP_PKEY_decrypt(context, out, size, in.data, in.size) == 1;
        ossl.EVP_PKEY_CTX_free(context);
        ossl.ERR_clear_error();
        return done ? 0 : -EBADMSG;
}
