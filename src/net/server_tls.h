/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of a server and its clients. Only for the server's own files. */
#ifndef SNAP_NET_SERVER_TLS_H
#define SNAP_NET_SERVER_TLS_H

#include "base/cleanup.h"
#include "net/mhd.h"
#include "net/request.h"

struct server_tls;

/* TLS 1.2 and newer only. */
#define SERVER_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* Reads the three files; `client_ca` may be NULL. ERROR_SERVER_TLS. */
int server_tls_new(const char *certificate, const char *key, const char *client_ca, struct server_tls **out,
                   struct error *err);
void server_tls_free(struct server_tls *tls);
CLEANUP_DEFINE(struct server_tls *, server_tls_free);
/* PEM of the authority, NULL without; borrowed. */
const char *server_tls_client_ca(const struct server_tls *tls);
/* Looks at certificate and key, and takes them when they changed and fit together. */
void server_tls_reload(struct server_tls *tls);
/* What a handshake shows: both are the caller's. A negative code of GnuTLS on failure. */
int server_tls_retrieve(struct server_tls *tls, gnutls_pcert_st **chain, unsigned *chain_length,
                        gnutls_privkey_t *key);
/* Name and organisations of the client's certificate, once it is verified. False without one. */
bool server_tls_client(gnutls_session_t session, struct principal *out);

#endif
