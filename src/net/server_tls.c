/* SPDX-License-Identifier: Apache-2.0 */
#include "net/server_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include "base/file.h"
#include "net/errors.h"

#define PEM_LIMIT   (1 * MIB)
#define CHAIN_LIMIT 8

struct server_tls {
        char *certificate_path, *key_path;
        struct buffer client_ca;
        pthread_mutex_t lock; /* of what follows */
        struct buffer certificate, key;
        pthread_mutex_t reload_lock;            /* of what follows; taken before the other */
        struct stat certificate_stat, key_stat; /* of the files when they were read */
};

static gnutls_datum_t datum_of(const struct buffer *buffer)
{
        return (gnutls_datum_t){buffer->data, (unsigned)buffer->size};
}

static int unusable(const char *path, int code, struct error *err)
{
        return error_set(err, &ERROR_SERVER_TLS, -EBADMSG, "`%s` cannot be used for TLS: %s", path,
                         gnutls.gnutls_strerror(code));
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void wipe(struct buffer *key)
{
        if (key->data)
                explicit_bzero(key->data, key->size);
        buffer_free(key);
}
#define _cleanup_key_ _cleanup_(wipe)

/* Are they a certificate and its key? */
static int check_pair(const struct server_tls *tls, const struct buffer *certificate,
                      const struct buffer *key, struct error *err)
{
        gnutls_certificate_credentials_t credentials;
        const gnutls_datum_t certificate_pem = datum_of(certificate), key_pem = datum_of(key);
        int code = gnutls.gnutls_certificate_allocate_credentials(&credentials);

        if (code < 0)
                return error_oom(err);
        code = gnutls.gnutls_certificate_set_x509_key_mem(credentials, &certificate_pem, &key_pem,
                                                          GNUTLS_X509_FMT_PEM);
        gnutls.gnutls_certificate_free_credentials(credentials);
        return code < 0 ? unusable(tls->certificate_path, code, err) : 0;
}

/* Reads certificate and key as they are now. */
static int load(struct server_tls *tls, const struct stat *certificate_stat, const struct stat *key_stat,
                struct error *err)
{
        _cleanup_buffer_ struct buffer certificate = {0};
        _cleanup_key_ struct buffer key = {0};
        int ret = file_read(AT_FDCWD, tls->certificate_path, PEM_LIMIT, &certificate, err);

        if (ret == 0)
                ret = file_read(AT_FDCWD, tls->key_path, PEM_LIMIT, &key, err);
        if (ret == 0)
                ret = check_pair(tls, &certificate, &key, err);
        if (ret < 0)
                return ret;
        pthread_mutex_lock(&tls->lock);
        buffer_free(&tls->certificate);
        wipe(&tls->key);
        tls->certificate = certificate;
        tls->key = key;
        pthread_mutex_unlock(&tls->lock);
        certificate = key = (struct buffer){0};
        tls->certificate_stat = *certificate_stat;
        tls->key_stat = *key_stat;
        return 0;
}

static int look(const char *path, struct stat *out, struct error *err)
{
        return stat(path, out) < 0 ? error_errno(err, errno, "open `%s`", path) : 0;
}

int server_tls_new(const char *certificate, const char *key, const char *client_ca, struct server_tls **out,
                   struct error *err)
{
        _cleanup_(server_tls_freep) struct server_tls *tls = calloc(1, sizeof(*tls));
        struct stat certificate_stat, key_stat;
        int ret;

        if (!tls)
                return error_oom(err);
        pthread_mutex_init(&tls->lock, NULL);
        pthread_mutex_init(&tls->reload_lock, NULL);
        tls->certificate_path = strdup(certificate);
        tls->key_path = strdup(key);
        if (!tls->certificate_path || !tls->key_path)
                return error_oom(err);
        ret = look(certificate, &certificate_stat, err);
        if (ret == 0)
                ret = look(key, &key_stat, err);
        if (ret == 0)
                ret = load(tls, &certificate_stat, &key_stat, err);
        if (ret == 0 && client_ca)
                ret = file_read(AT_FDCWD, client_ca, PEM_LIMIT, &tls->client_ca, err);
        if (ret == 0)
                *out = steal_ptr(tls);
        return ret;
}

void server_tls_free(struct server_tls *tls)
{
        if (!tls)
                return;
        free(tls->certificate_path);
        free(tls->key_path);
        buffer_free(&tls->client_ca);
        buffer_free(&tls->certificate);
        wipe(&tls->key);
        pthread_mutex_destroy(&tls->reload_lock);
        pthread_mutex_destroy(&tls->lock);
        free(tls);
}

const char *server_tls_client_ca(const struct server_tls *tls)
{
        return tls->client_ca.size ? buffer_text(&tls->client_ca) : NULL;
}

void server_tls_reload(struct server_tls *tls)
{
        struct stat certificate_stat, key_stat;

        if (look(tls->certificate_path, &certificate_stat, NULL) < 0 ||
            look(tls->key_path, &key_stat, NULL) < 0)
                return;
        pthread_mutex_lock(&tls->reload_lock);
        /* What does not fit together is perhaps half of an exchange: the next look will see. */
        if (!is_same_file(&certificate_stat, &tls->certificate_stat) ||
            !is_same_file(&key_stat, &tls->key_stat))
                (void)load(tls, &certificate_stat, &key_stat, NULL);
        pthread_mutex_unlock(&tls->reload_lock);
}

static int import(struct server_tls *tls, gnutls_pcert_st *chain, unsigned *chain_length,
                  gnutls_privkey_t key)
{
        const gnutls_datum_t certificate_pem = datum_of(&tls->certificate), key_pem = datum_of(&tls->key);
        int code = gnutls.gnutls_pcert_list_import_x509_raw(chain, chain_length, &certificate_pem,
                                                            GNUTLS_X509_FMT_PEM, 0);

        if (code < 0)
                return code;
        code = gnutls.gnutls_privkey_import_x509_raw(key, &key_pem, GNUTLS_X509_FMT_PEM, NULL, 0);
        for (unsigned i = 0; code < 0 && i < *chain_length; i++)
                gnutls.gnutls_pcert_deinit(&chain[i]);
        return code;
}

int server_tls_retrieve(struct server_tls *tls, gnutls_pcert_st **chain, unsigned *chain_length,
                        gnutls_privkey_t *key)
{
        _cleanup_free_ gnutls_pcert_st *list = calloc(CHAIN_LIMIT, sizeof(*list));
        int code = list ? gnutls.gnutls_privkey_init(key) : GNUTLS_E_MEMORY_ERROR;

        if (code < 0)
                return code;
        *chain_length = CHAIN_LIMIT;
        pthread_mutex_lock(&tls->lock);
        code = import(tls, list, chain_length, *key);
        pthread_mutex_unlock(&tls->lock);
        if (code < 0) {
                gnutls.gnutls_privkey_deinit(*key);
                return code;
        }
        *chain = steal_ptr(list);
        return 0;
}

/* The `index`th part of the subject's name that is an `oid`; one that does not fit counts as none. */
static bool name_part(gnutls_x509_crt_t certificate, const char *oid, unsigned index, char *out, size_t size)
{
        return gnutls.gnutls_x509_crt_get_dn_by_oid(certificate, oid, index, 0, out, &size) == 0;
}

static void read_subject(gnutls_x509_crt_t certificate, struct principal *out)
{
        (void)name_part(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, out->name, sizeof(out->name));
        while (out->group_count < ARRAY_SIZE(out->groups) &&
               name_part(certificate, GNUTLS_OID_X520_ORGANIZATION_NAME, (unsigned)out->group_count,
                         out->groups[out->group_count], sizeof(out->groups[0])))
                out->group_count++;
}

bool server_tls_client(gnutls_session_t session, struct principal *out)
{
        static char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
        gnutls_typed_vdata_st wanted = {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)purpose, 0};
        gnutls_x509_crt_t certificate;
        unsigned status = 0, count = 0;
        const gnutls_datum_t *chain = gnutls.gnutls_certificate_get_peers(session, &count);

        *out = (struct principal){0};
        if (!chain || !count || gnutls.gnutls_certificate_verify_peers(session, &wanted, 1, &status) < 0 ||
            status || gnutls.gnutls_x509_crt_init(&certificate) < 0)
                return false;
        if (gnutls.gnutls_x509_crt_import(certificate, chain, GNUTLS_X509_FMT_DER) == 0)
                read_subject(certificate, out);
        gnutls.gnutls_x509_crt_deinit(certificate);
        return out->name[0] != '\0';
}
