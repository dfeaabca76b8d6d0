/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include "base/error.h"
#include "program/memory.h"

void memory_check(int ret)
{
        if (ret >= 0)
                return;
        fputs("Error: out of memory\n", stderr);
        exit(EXIT_NO_SPACE);
}

void *memory_grow(void *pointer, size_t count, size_t size)
{
        void *grown = reallocarray(pointer, count ? count : 1, size);

        memory_check(grown ? 0 : -ENOMEM);
        return grown;
}

char *memory_copy(const char *text)
{
        char *copy = strdup(text);

        memory_check(copy ? 0 : -ENOMEM);
        return copy;
}

char *memory_printf(const char *format, ...)
{
        va_list arguments;
        char *text = NULL;

        va_start(arguments, format);
        memory_check(vasprintf(&text, format, arguments) < 0 ? -ENOMEM : 0);
        va_end(arguments);
        return text;
}
