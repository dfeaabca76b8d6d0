/* SPDX-License-Identifier: Apache-2.0 */
/* GNU libmicrohttpd and GnuTLS, loaded when the first server starts: programs that serve nothing would
 * otherwise pay for some twenty libraries at every start. Only for the server's own files. */
#ifndef SNAP_NET_MHD_H
#define SNAP_NET_MHD_H

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include "base/library.h"

#define MICROHTTPD_FUNCTIONS(X)                                                                              \
        X(MHD_start_daemon)                                                                                  \
        X(MHD_stop_daemon)                                                                                   \
        X(MHD_quiesce_daemon)                                                                                \
        X(MHD_get_connection_info)                                                                           \
        X(MHD_get_connection_values)                                                                         \
        X(MHD_lookup_connection_value)                                                                       \
        X(MHD_lookup_connection_value_n)                                                                     \
        X(MHD_create_response_from_buffer_copy)                                                              \
        X(MHD_create_response_from_callback)                                                                 \
        X(MHD_create_response_from_fd_at_offset64)                                                           \
        X(MHD_create_response_empty)                                                                         \
        X(MHD_add_response_header)                                                                           \
        X(MHD_queue_response)                                                                                \
        X(MHD_destroy_response)

#define GNUTLS_FUNCTIONS(X)                                                                                  \
        X(gnutls_session_get_ptr)                                                                            \
        X(gnutls_certificate_allocate_credentials)                                                           \
        X(gnutls_certificate_free_credentials)                                                               \
        X(gnutls_certificate_set_x509_key_mem)                                                               \
        X(gnutls_certificate_verify_peers)                                                                   \
        X(gnutls_certificate_get_peers)                                                                      \
        X(gnutls_x509_crt_init)                                                                              \
        X(gnutls_x509_crt_deinit)                                                                            \
        X(gnutls_x509_crt_import)                                                                            \
        X(gnutls_x509_crt_get_dn_by_oid)                                                                     \
        X(gnutls_pcert_list_import_x509_raw)                                                                 \
        X(gnutls_pcert_deinit)                                                                               \
        X(gnutls_privkey_init)                                                                               \
        X(gnutls_privkey_deinit)                                                                             \
        X(gnutls_privkey_import_x509_raw)                                                                    \
        X(gnutls_x509_crt_export2)                                                                           \
        X(gnutls_x509_crt_get_expiration_time)                                                               \
        X(gnutls_x509_crt_get_fingerprint)                                                                   \
        X(gnutls_x509_crt_set_activation_time)                                                               \
        X(gnutls_x509_crt_set_basic_constraints)                                                             \
        X(gnutls_x509_crt_set_dn_by_oid)                                                                     \
        X(gnutls_x509_crt_set_expiration_time)                                                               \
        X(gnutls_x509_crt_set_key)                                                                           \
        X(gnutls_x509_crt_set_key_purpose_oid)                                                               \
        X(gnutls_x509_crt_set_key_usage)                                                                     \
        X(gnutls_x509_crt_set_serial)                                                                        \
        X(gnutls_x509_crt_set_subject_alt_name)                                                              \
        X(gnutls_x509_crt_set_version)                                                                       \
        X(gnutls_x509_crt_sign2)                                                                             \
        X(gnutls_x509_privkey_deinit)                                                                        \
        X(gnutls_x509_privkey_export2)                                                                       \
        X(gnutls_x509_privkey_generate)                                                                      \
        X(gnutls_x509_privkey_import)                                                                        \
        X(gnutls_x509_privkey_init)                                                                          \
        X(gnutls_rnd)                                                                                        \
        X(gnutls_strerror)

extern struct microhttpd {
        MICROHTTPD_FUNCTIONS(LIBRARY_MEMBER)
} microhttpd;

extern struct gnutls {
        GNUTLS_FUNCTIONS(LIBRARY_MEMBER)
} gnutls;

/* All of both are there once this has returned 0. ERROR_TOOL_MISSING. */
int microhttpd_load(struct error *err);

#endif
