/* SPDX-License-Identifier: Apache-2.0 */
/* The options of every verb that talks to a registry, as skopeo and Podman call them. */
#ifndef SNAP_CLI_REGISTRY_OPTIONS_H
#define SNAP_CLI_REGISTRY_OPTIONS_H

#include "program/option.h"
#include "oci/registry_client.h"

extern const struct option_table registry_options_table;

/* What they are stored in. It is given up when the user has had enough (program/signals.h). */
extern struct registry_access registry_access;

/* For the description of a verb that is about registries. */
#define REGISTRY_OPTIONS_TEXT                                                                                \
        "Users and passwords come from --authfile, else from REGISTRY_AUTH_FILE, "                           \
        "$XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json and "                         \
        "~/.docker/config.json, where `podman login` and `docker login` put them; credential helpers "       \
        "are asked. Certificates to trust and to show are also taken from "                                  \
        "/etc/containers/certs.d/HOST:PORT "                                                                 \
        "and /etc/docker/certs.d/HOST:PORT. Plain HTTP is spoken only to this machine itself, or with "      \
        "--plain-http. Proxies are taken from https_proxy, http_proxy and no_proxy."

#endif
