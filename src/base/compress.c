/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compress.h"

#include <errno.h>
#include <isa-l.h>
#include <lz4frame.h>
#include <zstd.h>

static const char *const names[COMPRESSION_MAX_] = {
        [COMPRESSION_NONE] = "none",
        [COMPRESSION_GZIP] = "gzip",
        [COMPRESSION_ZSTD] = "zstd",
        [COMPRESSION_LZ4] = "lz4",
};

static const struct {
        uint8_t bytes[4];
        size_t size;
} magics[COMPRESSION_MAX_] = {
        [COMPRESSION_GZIP] = {{0x1f, 0x8b, 0x08}, 3},
        [COMPRESSION_ZSTD] = {{0x28, 0xb5, 0x2f, 0xfd}, 4},
        [COMPRESSION_LZ4] = {{0x04, 0x22, 0x4d, 0x18}, 4},
};

const char *compression_name(enum compression compression)
{
        return compression >= 0 && compression < COMPRESSION_MAX_ ? names[compression] : "invalid";
}

enum compression compression_from_name(const char *name)
{
        for (int i = 0; i < COMPRESSION_MAX_; i++)
                if (strcmp(names[i], name) == 0)
                        return (enum compression)i;
        return COMPRESSION_INVALID;
}

enum compression compression_detect(struct slice head)
{
        for (int i = COMPRESSION_NONE + 1; i < COMPRESSION_MAX_; i++)
                if (head.size >= magics[i].size && memcmp(head.data, magics[i].bytes, magics[i].size) == 0)
                        return (enum compression)i;
        return COMPRESSION_NONE;
}

static int clamp(int value, int low, int high)
{
        return value < low ? low : value > high ? high : value;
}

static int fail(struct error *err, enum compression compression, const char *reason)
{
        return error_set(err, &ERROR_INTERNAL, -EIO, "%s cannot compress: %s", compression_name(compression),
                         reason);
}

/* Everything ISA-L needs for one stream; too large for a stack. */
struct gzip_work {
        struct isal_zstream stream;
        uint8_t level_buffer[ISAL_DEF_LVL3_LARGE];
};

static int gzip_compress(int level, struct slice in, struct buffer *out, struct error *err)
{
        static const uint32_t buffer_sizes[] = {0, ISAL_DEF_LVL1_LARGE, ISAL_DEF_LVL2_LARGE,
                                                ISAL_DEF_LVL3_LARGE};
        _cleanup_free_ struct gzip_work *work = malloc(sizeof(*work));
        struct isal_zstream *stream;

        if (!work)
                return error_oom(err);
        if (in.size > UINT32_MAX)
                return fail(err, COMPRESSION_GZIP, "more than 4 GiB in one frame");
        stream = &work->stream;
        isal_deflate_init(stream);
        stream->level = (uint32_t)clamp(level, ISAL_DEF_MIN_LEVEL + 1, ISAL_DEF_MAX_LEVEL);
        stream->level_buf = work->level_buffer;
        stream->level_buf_size = buffer_sizes[stream->level];
        stream->gzip_flag = IGZIP_GZIP;
        stream->end_of_stream = 1;
        stream->next_in = (uint8_t *)(uintptr_t)in.data; /* not written to */
        stream->avail_in = (uint32_t)in.size;
        while (stream->internal_state.state != ZSTATE_END) {
                size_t room = 64 * KIB + stream->avail_in; /* bytes that do not compress are stored */

                if (buffer_reserve(out, room) < 0)
                        return error_oom(err);
                stream->next_out = out->data + out->size;
                stream->avail_out = (uint32_t)room;
                if (isal_deflate(stream) != COMP_OK)
                        return fail(err, COMPRESSION_GZIP, "ISA-L refused its parameters");
                out->size = (size_t)(stream->next_out - out->data);
        }
        return 0;
}

CLEANUP_DEFINE(ZSTD_CCtx *, ZSTD_freeCCtx);

static int zstd_compress(int level, struct slice in, struct buffer *out, struct error *err)
{
        _cleanup_(ZSTD_freeCCtxp) ZSTD_CCtx *context = ZSTD_createCCtx();
        size_t bound = ZSTD_compressBound(in.size), r;

        if (!context || ZSTD_isError(bound) || buffer_reserve(out, bound) < 0)
                return error_oom(err);
        /* Level 0 is the library's own default. Above 6 one context takes 6 to 64 MiB. */
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, clamp(level, 0, 6));
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
        r = ZSTD_compress2(context, out->data + out->size, bound, in.data, in.size);
        if (ZSTD_isError(r))
                return fail(err, COMPRESSION_ZSTD, ZSTD_getErrorName(r));
        out->size += r;
        return 0;
}

static int lz4_compress(int level, struct slice in, struct buffer *out, struct error *err)
{
        const LZ4F_preferences_t preferences = {
                .frameInfo = {.blockSizeID = LZ4F_max1MB,
                              .blockMode = LZ4F_blockIndependent,
                              .contentChecksumFlag = LZ4F_contentChecksumEnabled,
                              .contentSize = in.size},
                .compressionLevel = clamp(level, 0, LZ4F_compressionLevel_max()),
        };
        size_t bound = LZ4F_compressFrameBound(in.size, &preferences), r;

        if (buffer_reserve(out, bound) < 0)
                return error_oom(err);
        r = LZ4F_compressFrame(out->data + out->size, bound, in.data, in.size, &preferences);
        if (LZ4F_isError(r))
                return fail(err, COMPRESSION_LZ4, LZ4F_getErrorName(r));
        out->size += r;
        return 0;
}

int frame_compress(enum compression compression, int level, struct slice in, struct buffer *out,
                   struct error *err)
{
        int r = 0;

        switch (compression) {
        case COMPRESSION_GZIP:
                r = gzip_compress(level, in, out, err);
                break;
        case COMPRESSION_ZSTD:
                r = zstd_compress(level, in, out, err);
                break;
        case COMPRESSION_LZ4:
                r = lz4_compress(level, in, out, err);
                break;
        default:
                return buffer_append(out, in.data, in.size) < 0 ? error_oom(err) : 0;
        }
        if (r == 0)
                out->data[out->size] = '\0';
        return r;
}

enum {
        GZIP_STORED_EXTRA = 10 + 5 + 8,    /* RFC 1952 header; RFC 1951 block header; CRC-32 and size */
        ZSTD_STORED_EXTRA = 4 + 1 + 4 + 3, /* RFC 8878: magic, descriptor, content size; block header */
        LZ4_STORED_EXTRA = 4 + 3 + 4 + 4   /* magic, descriptor; block size; end mark */
};

size_t frame_stored_size(enum compression compression, size_t size)
{
        switch (compression) {
        case COMPRESSION_GZIP:
                return size + GZIP_STORED_EXTRA;
        case COMPRESSION_ZSTD:
                return size + ZSTD_STORED_EXTRA;
        case COMPRESSION_LZ4:
                return size + LZ4_STORED_EXTRA;
        default:
                return size;
        }
}

static uint8_t *put(uint8_t *at, const void *data, size_t size)
{
        memcpy(at, data, size);
        return at + size;
}

static void gzip_stored(struct slice in, uint8_t *at)
{
        /* Deflate, no flags, no time, no hints, unknown system; then a final stored block. */
        static const uint8_t header[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 0x01};
        uint16_t size = (uint16_t)in.size;

        at = put(at, header, sizeof(header));
        store_le32(at, (uint32_t)size | (uint32_t)(uint16_t)~size << 16);
        at = put(at + 4, in.data, in.size);
        store_le32(at, crc32_gzip_refl(0, in.data, in.size));
        store_le32(at + 4, size);
}

static void zstd_stored(struct slice in, uint8_t *at)
{
        /* Descriptor: content size in four bytes, single segment, no checksum. */
        static const uint8_t header[] = {0x28, 0xb5, 0x2f, 0xfd, 0xa0};
        uint32_t block = (uint32_t)in.size << 3 | 1; /* raw, last */

        at = put(at, header, sizeof(header));
        store_le32(at, (uint32_t)in.size);
        store_le32(at + 4, block);
        put(at + 7, in.data, in.size);
}

static void lz4_stored(struct slice in, uint8_t *at)
{
        /* Version 1, independent blocks of up to 64 KiB, no checksums; 0x82 is the checksum of the two
         * before. */
        static const uint8_t header[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82};

        at = put(at, header, sizeof(header));
        store_le32(at, (uint32_t)in.size | 1U << 31);
        at = put(at + 4, in.data, in.size);
        store_le32(at, 0);
}

void frame_stored(enum compression compression, struct slice in, uint8_t *out)
{
        switch (compression) {
        case COMPRESSION_GZIP:
                gzip_stored(in, out);
                break;
        case COMPRESSION_ZSTD:
                zstd_stored(in, out);
                break;
        case COMPRESSION_LZ4:
                lz4_stored(in, out);
                break;
        default:
                memcpy(out, in.data, in.size);
        }
}
