/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compress.h"

#include <errno.h>
#include <inttypes.h>
#include <isa-l.h>
#include <lz4frame.h>
#include <zstd.h>

enum {
        INPUT_SIZE = 256 * 1024,
        /* Largest look-back that is accepted, 32 MiB: it is memory that the input asks for. */
        ZSTD_WINDOW_LOG = 25
};

struct decompressor {
        enum compression compression;
        byte_source source;
        void *context;
        uint8_t *owned;       /* what the source fills; NULL when all input was there from the start */
        const uint8_t *input; /* that, or the caller's */
        size_t begin, end;    /* unread part of `input` */
        bool source_ended;
        bool in_frame; /* bytes of a frame were consumed and it has not ended */
        struct inflate_state *gzip;
        ZSTD_DCtx *zstd;
        LZ4F_dctx *lz4;
};

/* What one call of a library did. */
struct step {
        size_t consumed, produced;
        bool frame_ended;
        const char *fault; /* NULL: none */
        bool is_too_wide;  /* which is no damage */
};

static struct step gzip_step(struct decompressor *d, uint8_t *out, size_t size)
{
        struct inflate_state *state = d->gzip;
        struct step step = {};
        int r;

        if (!d->in_frame) {
                isal_inflate_init(state);
                state->crc_flag = ISAL_GZIP; /* header and trailer are read and checked too */
        }
        state->next_in = (uint8_t *)(uintptr_t)(d->input + d->begin); /* not written to */
        state->avail_in = (uint32_t)(d->end - d->begin);
        state->next_out = out;
        state->avail_out = (uint32_t)size;
        r = isal_inflate(state);
        step.consumed = d->end - d->begin - state->avail_in;
        step.produced = size - state->avail_out;
        step.frame_ended = state->block_state == ISAL_BLOCK_FINISH;
        if (r == ISAL_INCORRECT_CHECKSUM)
                step.fault = "wrong checksum";
        else if (r < 0 || r == ISAL_NEED_DICT)
                step.fault = "malformed data";
        return step;
}

static struct step zstd_step(struct decompressor *d, uint8_t *out, size_t size)
{
        ZSTD_inBuffer from = {d->input + d->begin, d->end - d->begin, 0};
        ZSTD_outBuffer to = {out, size, 0};
        size_t r = ZSTD_decompressStream(d->zstd, &to, &from);

        return (struct step){
                .consumed = from.pos,
                .produced = to.pos,
                .frame_ended = r == 0,
                .fault = ZSTD_isError(r) ? ZSTD_getErrorName(r) : NULL,
                .is_too_wide = ZSTD_getErrorCode(r) == ZSTD_error_frameParameter_windowTooLarge,
        };
}

static struct step lz4_step(struct decompressor *d, uint8_t *out, size_t size)
{
        size_t consumed = d->end - d->begin, produced = size;
        size_t r = LZ4F_decompress(d->lz4, out, &produced, d->input + d->begin, &consumed, NULL);

        if (LZ4F_isError(r))
                return (struct step){.fault = LZ4F_getErrorName(r)};
        return (struct step){.consumed = consumed, .produced = produced, .frame_ended = r == 0};
}

/* One without input yet. */
static int decompressor_make(enum compression compression, struct decompressor **out, struct error *err)
{
        _cleanup_decompressor_ struct decompressor *d = calloc(1, sizeof(*d));
        bool good;

        if (!d)
                return error_oom(err);
        d->compression = compression;
        switch (compression) {
        case COMPRESSION_GZIP:
                good = (d->gzip = malloc(sizeof(*d->gzip)));
                break;
        case COMPRESSION_ZSTD:
                good = (d->zstd = ZSTD_createDCtx());
                if (good)
                        ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
                break;
        case COMPRESSION_LZ4:
                good = !LZ4F_isError(LZ4F_createDecompressionContext(&d->lz4, LZ4F_VERSION));
                break;
        default:
                good = true;
        }
        if (!good)
                return error_oom(err);
        *out = steal_ptr(d);
        return 0;
}

int decompressor_new(enum compression compression, byte_source source, void *context,
                     struct decompressor **out, struct error *err)
{
        _cleanup_decompressor_ struct decompressor *d = NULL;
        int r = decompressor_make(compression, &d, err);

        if (r < 0)
                return r;
        d->source = source;
        d->context = context;
        if (compression != COMPRESSION_NONE && !(d->owned = malloc(INPUT_SIZE)))
                return error_oom(err);
        d->input = d->owned;
        *out = steal_ptr(d);
        return 0;
}

void decompressor_free(struct decompressor *d)
{
        free(d->gzip);
        ZSTD_freeDCtx(d->zstd);
        LZ4F_freeDecompressionContext(d->lz4);
        free(d->owned);
        free(d);
}

static ssize_t source_read(struct decompressor *d, void *data, size_t size, struct error *err)
{
        ssize_t n = d->source(d->context, data, size);

        if (n < 0)
                return error_errno(err, (int)-n, "cannot read the %s data", compression_name(d->compression));
        return n;
}

static ssize_t plain_read(struct decompressor *d, uint8_t *data, size_t size, struct error *err)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = source_read(d, data + done, size - done, err);

                if (n < 0)
                        return n;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

static int input_fill(struct decompressor *d, struct error *err)
{
        ssize_t n;

        if (d->begin < d->end || d->source_ended)
                return 0;
        n = source_read(d, d->owned, INPUT_SIZE, err);
        if (n < 0)
                return (int)n;
        d->begin = 0;
        d->end = (size_t)n;
        d->source_ended = n == 0;
        return 0;
}

static int bad(struct decompressor *d, const char *reason, struct error *err)
{
        return error_set(err, &ERROR_BAD_COMPRESSION, -EBADMSG, "bad %s data: %s",
                         compression_name(d->compression), reason);
}

static int too_wide(struct error *err)
{
        (void)error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                        "zstd data refers to bytes further back than the %d MiB that are kept of it",
                        1 << (ZSTD_WINDOW_LOG - 20));
        error_set_hint(err,
                       "It was compressed with --long. Compress it again without, or send it through a pipe: "
                       "zstd -dc --long=31 FILE | checkpointctl VERB -");
        return -ENOTSUP;
}

static struct step step_any(struct decompressor *d, uint8_t *out, size_t size)
{
        /* The libraries count in 32 bits. */
        if (size > GIB)
                size = GIB;
        return d->compression == COMPRESSION_GZIP   ? gzip_step(d, out, size)
               : d->compression == COMPRESSION_ZSTD ? zstd_step(d, out, size)
                                                    : lz4_step(d, out, size);
}

/* Bytes added to `out`; 0 at the end of the data. */
static ssize_t frame_read(struct decompressor *d, uint8_t *out, size_t size, struct error *err)
{
        for (;;) {
                struct step step;
                int r = input_fill(d, err);

                if (r < 0)
                        return r;
                if (!d->in_frame && d->begin == d->end)
                        return 0;
                step = step_any(d, out, size);
                if (step.fault)
                        return step.is_too_wide ? too_wide(err) : bad(d, step.fault, err);
                d->begin += step.consumed;
                d->in_frame = !step.frame_ended;
                if (step.produced > 0)
                        return (ssize_t)step.produced;
                if (d->in_frame && step.consumed == 0 && (d->source_ended || d->begin < d->end))
                        return bad(d, "it ends inside a frame", err);
        }
}

ssize_t decompressor_read(struct decompressor *d, void *data, size_t size, struct error *err)
{
        size_t done = 0;

        if (d->compression == COMPRESSION_NONE)
                return plain_read(d, data, size, err);
        while (done < size) {
                ssize_t n = frame_read(d, (uint8_t *)data + done, size - done, err);

                if (n < 0)
                        return n;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

static ssize_t slice_source(void *context, void *data, size_t size)
{
        struct slice *rest = context, part;

        if (size > rest->size)
                size = rest->size;
        slice_take(rest, size, &part);
        if (size > 0)
                memcpy(data, part.data, size);
        return (ssize_t)size;
}

/* Frames that were expanded are not trusted for their size: memory grows with what really comes out. */
static int expand_all(struct decompressor *d, uint64_t limit, struct buffer *out, struct error *err)
{
        size_t start = out->size, chunk = 256 * KIB;

        for (;; chunk *= 2) {
                uint64_t left = limit - (out->size - start);
                size_t want = left < chunk ? (size_t)left : chunk;
                uint8_t probe;
                ssize_t n;

                if (want == 0) {
                        n = decompressor_read(d, &probe, 1, err);
                        if (n > 0)
                                return error_set(err, &ERROR_BAD_COMPRESSION, -EFBIG,
                                                 "%s data expands to more than %" PRIu64 " bytes",
                                                 compression_name(d->compression), limit);
                        return (int)n;
                }
                if (buffer_reserve(out, want) < 0)
                        return error_oom(err);
                n = decompressor_read(d, out->data + out->size, want, err);
                if (n < 0)
                        return (int)n;
                out->size += (size_t)n;
                out->data[out->size] = '\0';
                if ((size_t)n < want)
                        return 0;
        }
}

/*
 * Frames of zstd that say how much they hold are expanded straight into place. Stops before the first that
 * does not, or that is damaged or too large: what to make of those is for the reader that goes forward to
 * say.
 */
static int expand_in_place(ZSTD_DCtx *zstd, struct slice *in, uint64_t *limit, struct buffer *out)
{
        struct slice frame;

        while (in->size > 0) {
                size_t stored = ZSTD_findFrameCompressedSize(in->data, in->size), n;
                unsigned long long size = ZSTD_getFrameContentSize(in->data, in->size);

                /* The two values for an error are above any limit. */
                if (ZSTD_isError(stored) || size > *limit)
                        return 0;
                if (buffer_reserve(out, size + 1) < 0)
                        return -ENOMEM;
                n = ZSTD_decompressDCtx(zstd, out->data + out->size, size, in->data, stored);
                if (ZSTD_isError(n))
                        return 0;
                slice_take(in, stored, &frame);
                *limit -= n;
                out->size += n;
                out->data[out->size] = '\0';
        }
        return 0;
}

int frame_expand(enum compression compression, struct slice in, uint64_t limit, struct buffer *out,
                 struct error *err)
{
        _cleanup_decompressor_ struct decompressor *d = NULL;
        int r = decompressor_make(compression, &d, err);

        if (r < 0)
                return r;
        if (compression == COMPRESSION_ZSTD && expand_in_place(d->zstd, &in, &limit, out) < 0)
                return error_oom(err);
        d->source = slice_source; /* for what is not compressed */
        d->context = &in;
        d->input = in.data;
        d->end = in.size;
        d->source_ended = true;
        return expand_all(d, limit, out, err);
}
