/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/error_kinds.h"

#include <string.h>
#include "archive/errors.h"
#include "catalog/catalog.h"
#include "cli/node.h"
#include "criu/cause.h"
#include "criu/errors.h"
#include "crypto/errors.h"
#include "kube/errors.h"
#include "net/errors.h"
#include "node/node.h"
#include "oci/image.h"
#include "runtime/runtime.h"
#include "sidecar/errors.h"

const struct error_kind *const *const error_layers[] = {
        base_error_kinds,       crypto_error_kinds,
        archive_error_kinds,    criu_error_kinds,
        criu_image_error_kinds, runtime_error_kinds,
        oci_error_kinds,        net_error_kinds,
        catalog_error_kinds,    node_error_kinds,
        kube_error_kinds,       sidecar_error_kinds,
        cli_error_kinds,        NULL,
};

const struct error_kind *error_kind_find(const char *code)
{
        for (size_t i = 0; error_layers[i]; i++)
                for (size_t j = 0; error_layers[i][j]; j++)
                        if (strcmp(error_layers[i][j]->code, code) == 0)
                                return error_layers[i][j];
        return NULL;
}
