/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hex_dump.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/bulk_writer.h"
#include "base/file.h"

#define WINDOW (256 * KIB)

#define HEADING                                                                                              \
        "Address           Hexadecimal                                       ASCII            \n"            \
        "-------------------------------------------------------------------------------------\n"

struct hex_dump {
        bool is_short;
        int fd;
        struct bulk_writer *bulk; /* NULL: straight to the descriptor */
};

/* Two digits and a blank for each byte; the fourth character is overwritten by what follows. */
#define DIGIT(n)  ((n) < 10 ? '0' + (n) : 'a' + (n) - 10)
#define HEX_1(n)  {DIGIT((n) >> 4), DIGIT((n) & 15), ' ', ' '}
#define HEX_4(n)  HEX_1(n), HEX_1((n) + 1), HEX_1((n) + 2), HEX_1((n) + 3)
#define HEX_16(n) HEX_4(n), HEX_4((n) + 4), HEX_4((n) + 8), HEX_4((n) + 12)
#define HEX_64(n) HEX_16(n), HEX_16((n) + 16), HEX_16((n) + 32), HEX_16((n) + 48)
static const char hex_of[256][4] = {HEX_64(0), HEX_64(64), HEX_64(128), HEX_64(192)};

/* "ADDRESS  xx xx … xx  |text|" and a line end. */
static char *hex_row(uint64_t address, const uint8_t *data, char *out)
{
        for (int shift = 56; shift >= 0; shift -= 8, out += 2)
                memcpy(out, hex_of[address >> shift & 0xff], 2);
        *out++ = ' ';
        *out++ = ' ';
        for (int i = 0; i < HEX_ROW_BYTES; i++, out += 3)
                memcpy(out, hex_of[data[i]], 4);
        *out++ = ' ';
        *out++ = '|';
        for (int i = 0; i < HEX_ROW_BYTES; i++)
                out[i] = (char)((uint8_t)(data[i] - ' ') < 0x7f - ' ' ? data[i] : '.');
        out += HEX_ROW_BYTES;
        *out++ = '|';
        *out++ = '\n';
        return out;
}

char *hex_rows(uint64_t address, const uint8_t *data, size_t size, char *out)
{
        for (size_t i = 0; i < size; i += HEX_ROW_BYTES)
                out = hex_row(address + i, data + i, out);
        return out;
}

/* Row `at` says what the row before it says. `before` bytes are in front of the data. */
static bool is_repeated(const uint8_t *data, size_t before, size_t at)
{
        return at + before >= HEX_ROW_BYTES &&
               memcmp(data + at, data + at - HEX_ROW_BYTES, HEX_ROW_BYTES) == 0;
}

static char *short_rows(const struct memory_window *window, char *out)
{
        const uint8_t *data = window->data;
        size_t before = window->before;
        bool repeated = before >= 2 * HEX_ROW_BYTES && is_repeated(data - HEX_ROW_BYTES, HEX_ROW_BYTES, 0);

        for (size_t at = 0; at < window->size; at += HEX_ROW_BYTES) {
                bool repeats = is_repeated(data, before, at);

                if (!repeats)
                        out = hex_row(window->address + at, data + at, out);
                else if (!repeated)
                        out = mempcpy(out, "*\n", 2);
                repeated = repeats;
        }
        return out;
}

static int look(void *context, const struct memory_window *window, struct buffer *result, struct error *err)
{
        const struct hex_dump *dump = context;
        char *start, *end;

        if (buffer_reserve(result, window->size / HEX_ROW_BYTES * HEX_ROW_SIZE) < 0)
                return error_oom(err);
        start = (char *)result->data + result->size;
        end = dump->is_short ? short_rows(window, start)
                             : hex_rows(window->address, window->data, window->size, start);
        result->size += (size_t)(end - start);
        return 0;
}

static int write_out(const struct hex_dump *dump, struct slice text, struct error *err)
{
        int ret = dump->bulk ? bulk_writer_write(dump->bulk, text)
                             : file_write_full(dump->fd, text.data, text.size);

        return ret < 0 ? error_errno(err, -ret, "cannot write the dump") : 0;
}

static int take(void *context, const struct memory_window *window, struct slice result, struct error *err)
{
        return write_out(context, result, err);
}

static int begin(struct hex_dump *dump, struct error *err)
{
        return write_out(dump, SLICE_TEXT(HEADING), err);
}

static bool is_file(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* What was written to a file is taken away. */
static int restart(void *context, struct error *err)
{
        struct hex_dump *dump = context;
        int ret;

        bulk_writer_free(steal_ptr(dump->bulk));
        if (ftruncate(dump->fd, 0) < 0 || lseek(dump->fd, 0, SEEK_SET) < 0)
                return error_errno(err, errno, "cannot write the dump");
        ret = bulk_writer_new(dump->fd, &dump->bulk, err);
        return ret < 0 ? ret : begin(dump, err);
}

static int dump_write(struct hex_dump *dump, struct archive *archive, struct criu_dump **of, pid_t pid,
                      const struct progress *progress, uint64_t *absent, struct error *err)
{
        const struct memory_scan scan = {
                .pid = pid,
                .size = WINDOW,
                .before = dump->is_short ? 2 * HEX_ROW_BYTES : 0,
                .look = look,
                .take = take,
                .restart = dump->bulk && is_file(dump->fd) ? restart : NULL,
                .context = dump,
                .progress = progress,
        };
        int ret = begin(dump, err);

        return ret < 0 ? ret : memory_scan_run(archive, of, &scan, absent, err);
}

int hex_dump_print(struct archive *archive, struct criu_dump **dump, pid_t pid, int fd, uint64_t *absent,
                   struct error *err)
{
        struct hex_dump hex = {.is_short = true, .fd = fd};

        return dump_write(&hex, archive, dump, pid, NULL, absent, err);
}

int hex_dump_save(struct archive *archive, struct criu_dump **dump, pid_t pid, int fd,
                  const struct progress *progress, uint64_t *absent, struct error *err)
{
        struct hex_dump hex = {.fd = fd};
        int ret = bulk_writer_new(fd, &hex.bulk, err);

        if (ret == 0)
                ret = dump_write(&hex, archive, dump, pid, progress, absent, err);
        if (ret == 0) {
                ret = bulk_writer_finish(hex.bulk);
                ret = ret < 0 ? error_errno(err, -ret, "cannot write the dump") : 0;
        }
        bulk_writer_free(hex.bulk);
        return ret;
}
