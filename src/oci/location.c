/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/location.h"

int location_open(const char *text, struct archive **out, struct error *err)
{
        return archive_open(text, out, err);
}
