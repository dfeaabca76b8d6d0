/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for what is about to be printed. A command line that cannot even build its output has nothing better
 * to do than to say so and end; the layers below report -ENOMEM as they should.
 */
#ifndef SNAP_PROGRAM_MEMORY_H
#define SNAP_PROGRAM_MEMORY_H

#include "base/bytes.h"

void *memory_grow(void *pointer, size_t count, size_t size);
char *memory_copy(const char *text);
char *memory_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the program when `ret`, of a buffer function, is negative. */
void memory_check(int ret);

#endif
