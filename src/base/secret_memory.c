/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret_memory.h"

#include <errno.h>
#include <sys/mman.h>
#include "base/file.h"

int secret_memory_new(size_t size, struct secret_memory *out, struct error *err)
{
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        size_t mapped = (size + page) / page * page; /* never none */
        void *data = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (data == MAP_FAILED)
                return error_oom(err);
        (void)madvise(data, mapped, MADV_DONTDUMP);
        (void)mlock(data, mapped); /* the limit may be zero */
        *out = (struct secret_memory){.data = data, .size = size, .mapped = mapped};
        return 0;
}

void secret_memory_free(struct secret_memory *secret)
{
        if (!secret->data)
                return;
        explicit_bzero(secret->data, secret->mapped);
        munmap(secret->data, secret->mapped);
        *secret = (struct secret_memory){0};
}

bool secret_equal(const void *a, const void *b, size_t size)
{
        const volatile uint8_t *left = a, *right = b;
        uint8_t difference = 0;

        for (size_t i = 0; i < size; i++)
                difference |= (uint8_t)(left[i] ^ right[i]);
        return difference == 0;
}

int secret_memory_read(int fd, const char *what, size_t limit, struct secret_memory *out, struct error *err)
{
        _cleanup_secret_memory_ struct secret_memory bytes = {0};
        ssize_t n;
        int ret = secret_memory_new(limit + 1, &bytes, err);

        if (ret < 0)
                return ret;
        n = file_read_full(fd, bytes.data, limit + 1);
        if (n < 0)
                return error_errno(err, (int)-n, "cannot read `%s`", what);
        if ((size_t)n > limit)
                return error_set(err, &ERROR_BAD_INPUT, -EFBIG, "`%s` is larger than %zu bytes", what, limit);
        bytes.size = (size_t)n;
        *out = bytes;
        bytes = (struct secret_memory){0};
        return 0;
}
