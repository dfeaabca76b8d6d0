/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <errno.h>
#include <stdarg.h>

int buffer_reserve(struct buffer *buffer, size_t more)
{
        size_t need, capacity = buffer->capacity ? buffer->capacity : 256;
        uint8_t *data;

        /* One more than asked, for the NUL. */
        if (add_overflow(buffer->size, more, &need) || add_overflow(need, 1, &need))
                return -ENOMEM;
        if (need <= buffer->capacity)
                return 0;
        while (capacity < need)
                if (mul_overflow(capacity, 2, &capacity))
                        return -ENOMEM;
        data = realloc(buffer->data, capacity);
        if (!data)
                return -ENOMEM;
        buffer->data = data;
        buffer->capacity = capacity;
        return 0;
}

int buffer_append(struct buffer *buffer, const void *data, size_t size)
{
        int r = buffer_reserve(buffer, size);

        if (r < 0)
                return r;
        if (size)
                memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
        buffer->data[buffer->size] = '\0';
        return 0;
}

int buffer_append_text(struct buffer *buffer, const char *text)
{
        return buffer_append(buffer, text, strlen(text));
}

int buffer_printf(struct buffer *buffer, const char *format, ...)
{
        va_list args, again;
        int size, r;

        va_start(args, format);
        va_copy(again, args);
        size = vsnprintf(NULL, 0, format, args);
        va_end(args);
        r = size < 0 ? -EINVAL : buffer_reserve(buffer, (size_t)size);
        if (r == 0) {
                vsnprintf((char *)buffer->data + buffer->size, (size_t)size + 1, format, again);
                buffer->size += (size_t)size;
        }
        va_end(again);
        return r;
}

const char *buffer_text(const struct buffer *buffer)
{
        return buffer->size ? (const char *)buffer->data : "";
}

void buffer_free(struct buffer *buffer)
{
        free(buffer->data);
        *buffer = (struct buffer){0};
}

int text_set(char **text, const char *value)
{
        char *copy = strdup(value ? value : "");

        if (!copy)
                return -ENOMEM;
        free(*text);
        *text = copy;
        return 0;
}
