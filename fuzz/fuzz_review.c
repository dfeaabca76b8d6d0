/* SPDX-License-Identifier: Apache-2.0 */
/* What an API server answers to reviews. */
#include "fuzz.h"
#include "kube/review.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct principal who = {0};
        bool yes;

        (void)review_read_token((struct slice){data, size}, &yes, &who, NULL);
        (void)review_read_access((struct slice){data, size}, &yes, NULL);
        return 0;
}
