/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/registry_options.h"
#include "program/signals.h"

static bool is_interrupted(void *context)
{
        return signals_interrupted();
}

static const struct progress until_interrupted = {.cancelled = is_interrupted};

struct registry_access registry_access = {.progress = &until_interrupted};

static const struct option_spec options[] = {
        {"authfile", 0, OPTION_TEXT, &registry_access.auth_file, "FILE",
         "take user and password for registries from there"},
        {"ca", 0, OPTION_TEXT, &registry_access.ca_file, "FILE",
         "trust the certificates in it as well (PEM) for registries"},
        {"cert", 0, OPTION_TEXT, &registry_access.certificate, "FILE",
         "show this certificate to registries (PEM)"},
        {"key", 0, OPTION_TEXT, &registry_access.key, "FILE", "private key of --cert (PEM)"},
        {"plain-http", 0, OPTION_FLAG, &registry_access.plain_http, NULL,
         "where a registry speaks no TLS, use HTTP without encryption, also to other machines"},
};
const struct option_table registry_options_table = OPTION_TABLE(options);
