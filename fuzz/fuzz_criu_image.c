/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/image.h"
#include "fuzz.h"

/* Any kind of image, as its magic says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        criu_image_scan((struct slice){data, size}, "input.img", NULL, NULL);
        return 0;
}
