/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for a registry, where Podman, skopeo and docker look for them (containers-certs.d(5)): in a
 * directory that is called as the registry, "HOST[:PORT]", files "*.crt" are of authorities, and "*.cert" is
 * a certificate to show, with its key in "*.key" of the same name.
 */
#ifndef SNAP_OCI_REGISTRY_CERTIFICATES_H
#define SNAP_OCI_REGISTRY_CERTIFICATES_H

#include "base/bytes.h"
#include "base/error.h"

/* All owned, and empty or NULL where there is none. */
struct registry_certificates {
        struct buffer authorities; /* PEM */
        char *certificate, *key;   /* files; of several, the first by name */
};

/* Of the first directory that there is, in $XDG_CONFIG_HOME/containers/certs.d, or
 * ~/.config/containers/certs.d, /etc/containers/certs.d and /etc/docker/certs.d. 0 also when there is none.
 * -EINVAL (ERROR_TLS_OWN) when a certificate is without its key. */
int registry_certificates_find(const char *host, struct registry_certificates *out, struct error *err);
void registry_certificates_free(struct registry_certificates *certificates);
#define _cleanup_registry_certificates_ _cleanup_(registry_certificates_free)

#endif
