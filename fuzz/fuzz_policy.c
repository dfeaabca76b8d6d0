/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include "oci/signature_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_policy_ struct policy *policy = NULL;

        if (policy_parse((struct slice){data, size}, "policy", &policy, NULL) == 0 &&
            !policy_find(policy, "registry.example:5000/team/web:1"))
                abort();
        return 0;
}
