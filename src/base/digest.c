/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <errno.h>
#include <isa-l/crc.h>
#include "base/crypto.h"

struct sha256_stream {
        EVP_MD_CTX *context;
        const EVP_MD *md;
};

int sha256_new(struct sha256_stream **out, struct error *err)
{
        _cleanup_sha256_ struct sha256_stream *stream = NULL;
        int ret = crypto_load(err);

        if (ret < 0)
                return ret;
        stream = calloc(1, sizeof(*stream));
        if (!stream)
                return error_oom(err);
        stream->md = crypto.EVP_sha256();
        stream->context = crypto.EVP_MD_CTX_new();
        if (!stream->context || !crypto.EVP_DigestInit_ex(stream->context, stream->md, NULL))
                return error_oom(err);
        *out = steal_ptr(stream);
        return 0;
}

int sha256_update(struct sha256_stream *stream, const void *data, size_t size)
{
        return crypto.EVP_DigestUpdate(stream->context, data, size) ? 0 : -EIO;
}

int sha256_finish(struct sha256_stream *stream, struct sha256 *out)
{
        if (!crypto.EVP_DigestFinal_ex(stream->context, out->bytes, NULL) ||
            !crypto.EVP_DigestInit_ex(stream->context, stream->md, NULL))
                return -EIO;
        return 0;
}

void sha256_free(struct sha256_stream *stream)
{
        if (!stream)
                return;
        crypto.EVP_MD_CTX_free(stream->context);
        free(stream);
}

int sha256_of(struct slice bytes, struct sha256 *out, struct error *err)
{
        int ret = crypto_load(err);

        if (ret < 0)
                return ret;
        return crypto.EVP_Digest(bytes.data, bytes.size, out->bytes, NULL, crypto.EVP_sha256(), NULL)
                       ? 0
                       : error_oom(err);
}

bool sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
        return memcmp(a->bytes, b->bytes, SHA256_SIZE) == 0;
}

char *sha256_hex(const struct sha256 *digest, char out[SHA256_HEX_SIZE])
{
        static const char digits[] = "0123456789abcdef";

        for (int i = 0; i < SHA256_SIZE; i++) {
                out[2 * i] = digits[digest->bytes[i] >> 4];
                out[2 * i + 1] = digits[digest->bytes[i] & 15];
        }
        out[SHA256_HEX_SIZE - 1] = '\0';
        return out;
}

/* One more than the value of a lower-case hexadecimal digit, 0 of anything else. A table, as an archive has
 * hundreds of digests and no branch foretells a digit. */
static const uint8_t digit_values[256] = {
        ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
        ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

bool sha256_parse(const char *hex, struct sha256 *out)
{
        if (text_starts_with(hex, "sha256:"))
                hex += strlen("sha256:");
        if (strlen(hex) != SHA256_HEX_SIZE - 1)
                return false;
        for (int i = 0; i < SHA256_SIZE; i++) {
                uint8_t high = digit_values[(uint8_t)hex[2 * i]], low = digit_values[(uint8_t)hex[2 * i + 1]];

                if (!high || !low)
                        return false;
                out->bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
        }
        return true;
}

uint32_t crc32c_update(uint32_t crc, const void *data, size_t size)
{
        const uint8_t *bytes = data;

        /* ISA-L takes an int length and neither inverts on the way in nor out. */
        crc = ~crc;
        while (size) {
                size_t part = size < GIB ? size : GIB;

                crc = crc32_iscsi((unsigned char *)(uintptr_t)bytes, (int)part, crc);
                bytes += part;
                size -= part;
        }
        return ~crc;
}
