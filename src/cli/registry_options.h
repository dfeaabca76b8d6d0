/* SPDX-License-Identifier: Apache-2.0 */
/* The options of every verb that talks to a registry, as skopeo and Podman call them. */
#ifndef SNAP_CLI_REGISTRY_OPTIONS_H
#define SNAP_CLI_REGISTRY_OPTIONS_H

#include "program/option.h"
#include "oci/registry_client.h"

/* What they are stored in. Its `progress` is the verb's to set. */
extern struct registry_access registry_access;

/* To stand in the table of options of a verb. */
#define REGISTRY_OPTIONS                                                                                     \
        {"authfile",  0,                                                                                     \
         OPTION_TEXT, &registry_access.auth_file,                                                            \
         "FILE",      "take user and password for registries from there"},                                   \
                {"ca",        0,                                                                             \
                 OPTION_TEXT, &registry_access.ca_file,                                                      \
                 "FILE",      "trust the certificates in it as well (PEM)"},                                 \
                {"cert",      0,                                                                             \
                 OPTION_TEXT, &registry_access.certificate,                                                  \
                 "FILE",      "show this certificate to registries (PEM)"},                                  \
                {"key", 0, OPTION_TEXT, &registry_access.key, "FILE", "private key of --cert (PEM)"},        \
                {"plain-http", 0,                                                                            \
                 OPTION_FLAG,  &registry_access.plain_http,                                                  \
                 NULL,         "where no TLS is spoken, use HTTP without encryption, also to other machines"}

/* For the description of such a verb. */
#define REGISTRY_OPTIONS_TEXT                                                                                \
        "Users and passwords come from --authfile, else from REGISTRY_AUTH_FILE, "                           \
        "$XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json and "                         \
        "~/.docker/config.json, where `podman login` and `docker login` put them; credential helpers "       \
        "are asked. Plain HTTP is spoken only to this machine itself, or with --plain-http. Proxies are "    \
        "taken from https_proxy, http_proxy and no_proxy."

#endif
