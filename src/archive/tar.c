/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/tar.h"

#include <errno.h>
#include "archive/errors.h"

/* POSIX.1-2017 pax, "ustar Interchange Format". All fields are characters, so it lies at any address. */
struct header {
        char name[100];
        char mode[8];
        char uid[8];
        char gid[8];
        char size[12];
        char mtime[12];
        char checksum[8];
        char type;
        char link[100];
        char magic[6];
        char version[2];
        char user[32];
        char group[32];
        char major[8];
        char minor[8];
        char prefix[155];
        char unused[12];
};
_Static_assert(sizeof(struct header) == TAR_BLOCK, "a tar header is one block");

/* GNU tar's "base-256": two's complement, big-endian, with the top bit of the first byte set as a mark. */
static bool number_parse_binary(const uint8_t *field, size_t size, int64_t *out)
{
        bool negative = field[0] & 0x40;
        uint64_t value = negative ? UINT64_MAX : 0;

        for (size_t i = 0; i < size; i++) {
                uint8_t byte = i ? field[i] : (uint8_t)((field[i] & 0x7f) | (negative ? 0x80 : 0));

                if (value >> 55 != (negative ? 0x1ff : 0))
                        return false;
                value = value << 8 | byte;
        }
        *out = (int64_t)value;
        return true;
}

static bool number_parse(const char *field, size_t size, int64_t *out)
{
        size_t i = 0;
        int64_t value = 0;

        if ((uint8_t)field[0] & 0x80)
                return number_parse_binary((const uint8_t *)field, size, out);
        while (i < size && field[i] == ' ')
                i++;
        for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
                value = value * 8 + (field[i] - '0');
        for (; i < size; i++)
                if (field[i] != ' ' && field[i] != '\0')
                        return false;
        *out = value;
        return true;
}

static bool number_parse_u32(const char *field, size_t size, uint32_t *out)
{
        int64_t value;

        if (!number_parse(field, size, &value) || value < 0 || value > UINT32_MAX)
                return false;
        *out = (uint32_t)value;
        return true;
}

/* Octal with a NUL where it fits, else base-256. */
static void number_write(char *field, size_t size, int64_t value)
{
        if (value >= 0 && value >> (3 * (size - 1)) == 0) {
                field[size - 1] = '\0';
                for (size_t i = size - 1; i-- > 0; value >>= 3)
                        field[i] = (char)('0' + (value & 7));
                return;
        }
        for (size_t i = size; i-- > 0; value >>= 8)
                field[i] = (char)(uint8_t)value;
        field[0] = (char)((uint8_t)field[0] | 0x80);
}

/* The checksum field itself counts as blanks. Historic writers summed signed characters: both are accepted.
 */
static void checksum_of(const struct header *header, int64_t *plain, int64_t *historic)
{
        const uint8_t *bytes = (const uint8_t *)header;
        uint32_t sum = (uint32_t)sizeof(header->checksum) * ' ', negative = 0;

        /* Over the whole block, so that a compiler can do many at once. */
        for (size_t i = 0; i < TAR_BLOCK; i++) {
                sum += bytes[i];
                negative += bytes[i] >> 7;
        }
        for (size_t i = 0; i < sizeof(header->checksum); i++) {
                sum -= (uint8_t)header->checksum[i];
                negative -= (uint8_t)header->checksum[i] >> 7;
        }
        *plain = sum;
        *historic = (int64_t)sum - 256 * (int64_t)negative;
}

static void text_copy(char *out, const char *field, size_t size)
{
        size_t n = strnlen(field, size);

        memcpy(out, field, n);
        out[n] = '\0';
}

static void name_parse(const struct header *header, char *out)
{
        /* Only POSIX headers have a prefix: GNU's own ("ustar  ") keep times there. */
        if (memcmp(header->magic, "ustar", sizeof(header->magic)) == 0 && header->prefix[0]) {
                text_copy(out, header->prefix, sizeof(header->prefix));
                out += strlen(out);
                *out++ = '/';
        }
        text_copy(out, header->name, sizeof(header->name));
}

static enum tar_type type_parse(const struct tar_entry *entry, char type)
{
        if (type != '\0' && type != '7')
                return (enum tar_type)type;
        /* Before POSIX a directory was a file whose name ends so. */
        return type == '\0' && text_ends_with(entry->name, "/") ? TAR_DIRECTORY : TAR_FILE;
}

int tar_header_parse(const uint8_t block[TAR_BLOCK], struct tar_entry *out, struct error *err)
{
        const struct header *header = (const struct header *)block;
        static const uint8_t zeros[TAR_BLOCK];
        int64_t checksum, plain, historic, size;

        if (memcmp(block, zeros, TAR_BLOCK) == 0)
                return 0;
        checksum_of(header, &plain, &historic);
        if (!number_parse(header->checksum, sizeof(header->checksum), &checksum) ||
            (checksum != plain && checksum != historic))
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "wrong checksum in a tar header");

        name_parse(header, out->name);
        text_copy(out->link, header->link, sizeof(header->link));
        out->type = type_parse(out, header->type);
        if (!number_parse_u32(header->mode, sizeof(header->mode), &out->mode) ||
            !number_parse_u32(header->uid, sizeof(header->uid), &out->uid) ||
            !number_parse_u32(header->gid, sizeof(header->gid), &out->gid) ||
            !number_parse_u32(header->major, sizeof(header->major), &out->device_major) ||
            !number_parse_u32(header->minor, sizeof(header->minor), &out->device_minor) ||
            !number_parse(header->mtime, sizeof(header->mtime), &out->mtime) ||
            !number_parse(header->size, sizeof(header->size), &size))
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG,
                                 "tar header of '%s': a number is malformed", out->name);
        if (size < 0 || size > (int64_t)TAR_SIZE_LIMIT)
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "tar header of '%s': absurd size",
                                 out->name);
        out->mode &= 07777;
        out->size = tar_type_has_contents(out->type) ? (uint64_t)size : 0;
        return 1;
}

/* Where to cut `name` so that both parts fit: at a '/', which is left out. 0: it fits whole; -1: it does not.
 */
static ssize_t name_split(const char *name)
{
        const struct header *header = NULL;
        size_t size = strlen(name);

        if (size <= sizeof(header->name))
                return 0;
        for (size_t i = size - sizeof(header->name) - 1; i <= sizeof(header->prefix) && i + 1 < size; i++)
                if (i > 0 && name[i] == '/')
                        return (ssize_t)i;
        return -1;
}

/* Names that do not fit are cut: a pax header in front has them whole. */
static void header_write(const struct tar_entry *entry, struct header *header)
{
        ssize_t cut = name_split(entry->name);
        int64_t checksum, historic;

        memset(header, 0, sizeof(*header));
        if (cut > 0)
                memcpy(header->prefix, entry->name, (size_t)cut);
        const char *base = cut > 0 ? entry->name + cut + 1 : entry->name;
        memcpy(header->name, base, strnlen(base, sizeof(header->name)));
        memcpy(header->link, entry->link, strnlen(entry->link, sizeof(header->link)));
        number_write(header->mode, sizeof(header->mode), entry->mode);
        number_write(header->uid, sizeof(header->uid), entry->uid);
        number_write(header->gid, sizeof(header->gid), entry->gid);
        number_write(header->size, sizeof(header->size), (int64_t)entry->size);
        number_write(header->mtime, sizeof(header->mtime), entry->mtime);
        number_write(header->major, sizeof(header->major), entry->device_major);
        number_write(header->minor, sizeof(header->minor), entry->device_minor);
        header->type = (char)entry->type;
        memcpy(header->magic, "ustar", sizeof(header->magic));
        memcpy(header->version, "00", sizeof(header->version));

        checksum_of(header, &checksum, &historic);
        number_write(header->checksum, sizeof(header->checksum) - 1, checksum);
        header->checksum[7] = ' ';
}

static bool link_fits(const char *link)
{
        return strlen(link) <= sizeof(((struct header *)NULL)->link);
}

bool tar_header_write(const struct tar_entry *entry, uint8_t block[TAR_BLOCK])
{
        if (name_split(entry->name) < 0 || !link_fits(entry->link))
                return false;
        header_write(entry, (struct header *)block);
        return true;
}

static size_t decimal_digits(size_t value)
{
        size_t digits = 1;

        while (value /= 10)
                digits++;
        return digits;
}

/* "LENGTH KEY=VALUE\n", where the length counts its own digits. */
static int pax_append(struct buffer *out, const char *prefix, const char *key, struct slice value)
{
        size_t rest = strlen(prefix) + strlen(key) + value.size + 3;
        size_t total = rest + decimal_digits(rest);
        int r;

        total = rest + decimal_digits(total);
        r = buffer_printf(out, "%zu %s%s=", total, prefix, key);
        if (r == 0)
                r = buffer_append(out, value.data, value.size);
        if (r == 0)
                r = buffer_append_text(out, "\n");
        return r;
}

static int pax_collect(const struct tar_entry *entry, const struct tar_xattr *xattrs, size_t xattr_count,
                       struct buffer *out)
{
        int r = 0;

        if (name_split(entry->name) < 0)
                r = pax_append(out, "", "path", SLICE_TEXT(entry->name));
        if (r == 0 && !link_fits(entry->link))
                r = pax_append(out, "", "linkpath", SLICE_TEXT(entry->link));
        for (size_t i = 0; r == 0 && i < xattr_count; i++) {
                if (strchr(xattrs[i].name, '='))
                        return -EINVAL;
                r = pax_append(out, TAR_PAX_XATTR, xattrs[i].name, xattrs[i].value);
        }
        return r;
}

static int block_append(struct buffer *out, const struct tar_entry *entry)
{
        struct header header;

        header_write(entry, &header);
        return buffer_append(out, &header, sizeof(header));
}

int tar_header_append(const struct tar_entry *entry, const struct tar_xattr *xattrs, size_t xattr_count,
                      struct buffer *out)
{
        static const uint8_t zeros[TAR_BLOCK];
        _cleanup_buffer_ struct buffer records = {};
        int r = pax_collect(entry, xattrs, xattr_count, &records);

        if (r < 0)
                return r;
        if (records.size > 0) {
                const struct tar_entry pax = {
                        .name = "PaxHeaders.0/entry", .type = TAR_PAX, .mode = 0644, .size = records.size};

                r = block_append(out, &pax);
                if (r == 0)
                        r = buffer_append(out, records.data, records.size);
                if (r == 0)
                        r = buffer_append(out, zeros, tar_padded(records.size) - records.size);
                if (r < 0)
                        return r;
        }
        return block_append(out, entry);
}
