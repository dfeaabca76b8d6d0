/* SPDX-License-Identifier: Apache-2.0 */
#include "net/self_signed.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include "base/file.h"
#include "net/errors.h"
#include "net/mhd.h"

#define DAY        (24 * 3600)
#define VALID_DAYS 3650
#define RENEW_DAYS 30
#define PEM_LIMIT  (1 * MIB)
#define SERIAL     20 /* bytes */

struct pair {
        gnutls_x509_crt_t certificate;
        gnutls_x509_privkey_t key;
};

static void pair_free(struct pair *pair)
{
        if (pair->certificate)
                gnutls.gnutls_x509_crt_deinit(pair->certificate);
        if (pair->key)
                gnutls.gnutls_x509_privkey_deinit(pair->key);
}

/* --- making it; all return a code of GnuTLS ----------------------------------------------------------------
 */

static int set_names(gnutls_x509_crt_t certificate, const char *name)
{
        static const uint8_t v4[] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
        int code = gnutls.gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                                        (unsigned)strlen(name));

        if (code >= 0)
                code = gnutls.gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name,
                                                                   (unsigned)strlen(name), GNUTLS_FSAN_SET);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME,
                                                                   "localhost", 9, GNUTLS_FSAN_APPEND);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, v4,
                                                                   sizeof(v4), GNUTLS_FSAN_APPEND);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, v6,
                                                                   sizeof(v6), GNUTLS_FSAN_APPEND);
        return code;
}

static int set_serial(gnutls_x509_crt_t certificate)
{
        uint8_t serial[SERIAL];
        int code = gnutls.gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

        serial[0] &= 0x7f; /* a positive number */
        return code < 0 ? code : gnutls.gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
}

/* What it is for, and how long: an hour of the past is for clocks that are slow. */
static int set_use(gnutls_x509_crt_t certificate)
{
        time_t now = time(NULL);
        int code = gnutls.gnutls_x509_crt_set_version(certificate, 3);

        if (code >= 0)
                code = set_serial(certificate);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_set_activation_time(certificate, now - 3600);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_set_expiration_time(certificate,
                                                                  now + (time_t)VALID_DAYS * DAY);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
        return code;
}

static int make_key(struct pair *pair)
{
        int code = gnutls.gnutls_x509_privkey_init(&pair->key);

        return code < 0
                       ? code
                       : gnutls.gnutls_x509_privkey_generate(pair->key, GNUTLS_PK_ECDSA,
                                                             GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                                             0);
}

/* Of the key that is in `out`. */
static int make_certificate(const char *name, struct pair *out)
{
        int code = gnutls.gnutls_x509_crt_init(&out->certificate);

        if (code >= 0)
                code = set_names(out->certificate, name);
        if (code >= 0)
                code = set_use(out->certificate);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_set_key(out->certificate, out->key);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_sign2(out->certificate, out->certificate, out->key,
                                                    GNUTLS_DIG_SHA256, 0);
        return code;
}

/* --- files ------------------------------------------------------------------------------------------------
 */

static int write_file(const char *path, const gnutls_datum_t *pem, struct error *err)
{
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        int ret = file_writer_open(path, true, &writer, err);

        if (ret < 0)
                return ret;
        ret = file_write_full(file_writer_fd(writer), pem->data, pem->size);
        return ret < 0 ? error_errno(err, -ret, "write `%s`", path) : file_writer_commit(writer, err);
}

static int cannot_make(int code, struct error *err)
{
        return error_set(err, &ERROR_SERVER_TLS, -EIO, "cannot make a certificate: %s",
                         gnutls.gnutls_strerror(code));
}

static int unusable(const char *path, int code, struct error *err)
{
        return error_set(err, &ERROR_SERVER_TLS, -EBADMSG, "`%s` cannot be used for TLS: %s", path,
                         gnutls.gnutls_strerror(code));
}

/* GnuTLS allocates by malloc. */
static void wipe(gnutls_datum_t *pem)
{
        if (pem->data)
                explicit_bzero(pem->data, pem->size);
        free(pem->data);
}

static int read_key(const char *path, struct pair *out, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int code, ret = file_read(AT_FDCWD, path, PEM_LIMIT, &text, err);
        gnutls_datum_t pem;

        if (ret < 0)
                return ret;
        pem = (gnutls_datum_t){text.data, (unsigned)text.size};
        code = gnutls.gnutls_x509_privkey_init(&out->key);
        if (code >= 0)
                code = gnutls.gnutls_x509_privkey_import(out->key, &pem, GNUTLS_X509_FMT_PEM);
        explicit_bzero(text.data, text.size);
        return code < 0 ? unusable(path, code, err) : 0;
}

static int write_key(const char *path, struct pair *out, struct error *err)
{
        _cleanup_(wipe) gnutls_datum_t pem = {0};
        int code = make_key(out);

        if (code >= 0)
                code = gnutls.gnutls_x509_privkey_export2(out->key, GNUTLS_X509_FMT_PEM, &pem);
        return code < 0 ? cannot_make(code, err) : write_file(path, &pem, err);
}

/* The key first: a certificate that is there has its key. */
static int make_files(const char *name, const char *certificate_path, const char *key_path, struct error *err)
{
        _cleanup_(pair_free) struct pair pair = {0};
        _cleanup_(wipe) gnutls_datum_t pem = {0};
        int code, ret = access(key_path, F_OK) == 0 ? read_key(key_path, &pair, err)
                                                    : write_key(key_path, &pair, err);

        if (ret < 0)
                return ret;
        code = make_certificate(name, &pair);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_export2(pair.certificate, GNUTLS_X509_FMT_PEM, &pem);
        return code < 0 ? cannot_make(code, err) : write_file(certificate_path, &pem, err);
}

static int read_certificate(const char *path, struct self_signed *out, struct error *err)
{
        _cleanup_(pair_free) struct pair pair = {0};
        _cleanup_buffer_ struct buffer text = {0};
        uint8_t digest[32];
        size_t size = sizeof(digest);
        int code, ret = file_read(AT_FDCWD, path, PEM_LIMIT, &text, err);

        if (ret < 0)
                return ret;
        code = gnutls.gnutls_x509_crt_init(&pair.certificate);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_import(pair.certificate,
                                                     &(gnutls_datum_t){text.data, (unsigned)text.size},
                                                     GNUTLS_X509_FMT_PEM);
        if (code >= 0)
                code = gnutls.gnutls_x509_crt_get_fingerprint(pair.certificate, GNUTLS_DIG_SHA256, digest,
                                                              &size);
        if (code < 0)
                return unusable(path, code, err);
        for (size_t i = 0; i < sizeof(digest); i++)
                snprintf(out->fingerprint + 2 * i, 3, "%02x", digest[i]);
        out->renew_s =
                (int64_t)gnutls.gnutls_x509_crt_get_expiration_time(pair.certificate) - RENEW_DAYS * DAY;
        return 0;
}

int self_signed_ensure(const char *name, const char *certificate_path, const char *key_path,
                       struct self_signed *out, struct error *err)
{
        bool is_missing = access(certificate_path, F_OK) < 0 || access(key_path, F_OK) < 0;
        int ret = microhttpd_load(err);

        if (ret == 0 && !is_missing)
                ret = read_certificate(certificate_path, out, err);
        if (ret < 0 || (!is_missing && time(NULL) < out->renew_s))
                return ret;
        ret = make_files(name, certificate_path, key_path, err);
        return ret < 0 ? ret : read_certificate(certificate_path, out, err);
}
