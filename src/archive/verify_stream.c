/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over every byte of an archive. The prefetching thread reads, this one hashes. */
#include <errno.h>
#include <inttypes.h>
#include "archive/internal.h"
#include "archive/verify_internal.h"
#include "archive/walk.h"
#include "base/json.h"

/* Headers of one member: a long name, pax records. */
#define HEADERS_MAX (4 * MIB)

struct pass {
        struct verify *verify;
        const struct archive *archive;
        bool ours;                         /* written by us: every byte is accounted for */
        const struct archive_index *index; /* NULL: none, or unusable */
        struct archive_index inner;        /* of a plain archive that was compressed as a whole */
        struct sha256_stream *sha256;
        const struct archive_member *member; /* NULL: before the first, after the last */
        struct buffer headers;               /* of `member` */
        uint32_t crc;                        /* where there is no SHA-256 to compare with: of snap.json */
        uint64_t position;                   /* in the stream */
        uint64_t surplus;                    /* bytes after the padding of `member` */
        bool stained;                        /* a byte of padding or of the end marker is not zero */
        uint64_t end_size;                   /* bytes of the end marker and after it */
};

static int fault(struct pass *pass, const struct error_kind *kind, const char *object, const char *reason)
{
        return verify_fault(pass->verify, kind, object, "%s", reason);
}

/* The headers say what the list of members says (the list may come from the index). */
static int check_headers(struct pass *pass, struct error *err)
{
        const struct archive_member *member = pass->member;
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_tar_walk_ struct tar_walk walk = {.what = member->name, .strict = pass->ours};
        const char *name;
        size_t size;
        int ret = stream_open_memory(buffer_slice(&pass->headers), member->name, &stream, err);

        if (ret < 0)
                return ret;
        walk.stream = stream;
        do {
                ret = tar_walk_next(&walk, err);
                walk.left = walk.padding = 0; /* only headers are in there */
                if (ret < 0)
                        return verify_fault_from(pass->verify, member->name, ret, err);
                name = archive_name_normal(walk.entry.name, &size);
        } while (ret > 0 && !size && walk.entry.type == TAR_DIRECTORY);
        if (ret == 0 || stream_position(stream) != pass->headers.size || size != strlen(member->name) ||
            memcmp(name, member->name, size) != 0 || walk.entry.type != member->type ||
            walk.entry.size != member->size || (walk.entry.mode & 07777) != (member->mode & 07777))
                return fault(pass, &ERROR_ARCHIVE_CORRUPT, member->name,
                             "its header differs from what the index says");
        return 0;
}

static int check_digest(struct pass *pass, struct error *err)
{
        const struct archive_member *member = pass->member;
        char expected[SHA256_HEX_SIZE], found[SHA256_HEX_SIZE];
        struct sha256 digest;

        if (sha256_finish(pass->sha256, &digest) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        pass->verify->report->digests_checked++;
        if (sha256_equal(&digest, &member->digest))
                return 0;
        return verify_fault(pass->verify, &ERROR_ARCHIVE_DIGEST, member->name,
                            "its SHA-256 is %s, but %s was captured", sha256_hex(&digest, found),
                            sha256_hex(&member->digest, expected));
}

/* The index lists all members in order, but itself. */
static int check_index(struct pass *pass)
{
        const struct archive_member *member = pass->member;
        size_t position = (size_t)(member - pass->archive->members);
        const struct archive_index_member *listed = &pass->index->members[position];

        if (position == pass->index->member_count && strcmp(member->name, ARCHIVE_INDEX_NAME) == 0)
                return 0;
        if (position >= pass->index->member_count || strcmp(listed->name, member->name) != 0 ||
            listed->type != member->type || listed->mode != member->mode || listed->size != member->size ||
            listed->header != member->header || listed->contents != member->offset)
                return fault(pass, &ERROR_ARCHIVE_INCONSISTENT, member->name, "the index lists it otherwise");
        if (member->type == TAR_FILE && listed->crc != (member->has_digest ? member->crc : pass->crc))
                return verify_fault(pass->verify, &ERROR_ARCHIVE_DIGEST, member->name,
                                    "its CRC-32C is not %08" PRIx32 ", as the index says", listed->crc);
        return 0;
}

static bool is_own(const char *name)
{
        return strcmp(name, ARCHIVE_FACTS_NAME) == 0 || strcmp(name, ARCHIVE_INDEX_NAME) == 0;
}

static int finish_member(struct pass *pass, struct error *err)
{
        const struct archive_member *member = pass->member;
        int ret = 0;

        if (!member)
                return 0;
        if (pass->archive->form == ARCHIVE_TAR)
                ret = check_headers(pass, err);
        if (ret == 0 && member->has_digest)
                ret = pass->verify->sealed ? 0 : check_digest(pass, err);
        else if (ret == 0 && pass->verify->report->digests_present && member->type == TAR_FILE &&
                 !is_own(member->name))
                ret = fault(pass, &ERROR_ARCHIVE_INCONSISTENT, member->name, "snap.json does not list it");
        if (ret == 0 && pass->index)
                ret = check_index(pass);
        if (ret == 0 && pass->ours && (pass->stained || pass->surplus))
                ret = fault(pass, &ERROR_ARCHIVE_CORRUPT, member->name,
                            "there are bytes after its end that should be zero");
        return ret;
}

static void begin_member(struct pass *pass, const struct archive_member *member)
{
        pass->member = member;
        pass->headers.size = 0;
        pass->crc = 0;
        pass->surplus = 0;
        pass->stained = false;
}

static bool all_zero(struct slice bytes)
{
        return !bytes.size || (!bytes.data[0] && memcmp(bytes.data, bytes.data + 1, bytes.size - 1) == 0);
}

/* Cuts from `raw` what lies before `end` of the stream. */
static struct slice take_until(struct pass *pass, struct slice *raw, uint64_t end)
{
        uint64_t left = end > pass->position ? end - pass->position : 0;
        struct slice part;

        slice_take(raw, left < raw->size ? (size_t)left : raw->size, &part);
        pass->position += part.size;
        return part;
}

static int take_contents(struct pass *pass, struct slice bytes, struct error *err)
{
        if (pass->member->has_digest && pass->verify->sealed)
                return 0;
        if (!pass->member->has_digest)
                pass->crc = crc32c_update(pass->crc, bytes.data, bytes.size);
        else if (sha256_update(pass->sha256, bytes.data, bytes.size) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        return 0;
}

static int take_member(struct pass *pass, struct slice raw, struct error *err)
{
        const struct archive_member *member = pass->member;
        struct slice part = take_until(pass, &raw, member->offset);
        int ret;

        if (part.size) {
                if (part.size > HEADERS_MAX - pass->headers.size)
                        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG,
                                         "the headers of `%s` are absurdly large", member->name);
                if (buffer_append(&pass->headers, part.data, part.size) < 0)
                        return error_oom(err);
        }
        part = take_until(pass, &raw, member->offset + member->size);
        ret = part.size ? take_contents(pass, part, err) : 0;
        if (ret < 0)
                return ret;
        part = take_until(pass, &raw, member->offset + tar_padded(member->size));
        if (!all_zero(part))
                pass->stained = true;
        pass->position += raw.size;
        pass->surplus += raw.size;
        return 0;
}

static int take(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        struct pass *pass = context;
        struct verify *verify = pass->verify;
        int ret;

        if (progress_cancelled(verify->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "verification was cancelled");
        if (member != pass->member) {
                ret = finish_member(pass, err);
                if (ret < 0)
                        return ret;
                begin_member(pass, member);
        }
        if (member) {
                ret = take_member(pass, raw, err);
                if (ret < 0)
                        return ret;
        } else {
                pass->stained |= !all_zero(raw);
                pass->end_size += raw.size;
                pass->position += raw.size;
        }
        verify->report->bytes_read = pass->position;
        progress_step(verify->progress, "verify", pass->position, pass->archive->stream_size);
        return 0;
}

/* Other engines' archives may have anything behind the end marker: containerd overwrites old files in place.
 */
static int check_end(struct pass *pass)
{
        if (!pass->ours || pass->archive->form == ARCHIVE_DIRECTORY)
                return 0;
        if (pass->stained || pass->end_size != (uint64_t)2 * TAR_BLOCK)
                return fault(pass, &ERROR_ARCHIVE_CORRUPT, "end",
                             "there are bytes after the end of the archive");
        if (pass->index && pass->index->member_count + 1 != pass->archive->count)
                return fault(pass, &ERROR_ARCHIVE_INCONSISTENT, ARCHIVE_INDEX_NAME,
                             "it lists another number of members than there are");
        return 0;
}

/* Whatever snap.json lists must be there, with that size. */
int verify_listed(struct verify *verify, struct error *err)
{
        const struct archive *archive = verify->archive;
        _cleanup_json_ yyjson_doc *facts = NULL;
        yyjson_obj_iter each;
        yyjson_val *key;
        int ret;

        if (!archive_find(archive, ARCHIVE_FACTS_NAME))
                return 0;
        ret = archive_read_json(archive, ARCHIVE_FACTS_NAME, &facts, err);
        if (ret < 0)
                return verify_fault_from(verify, ARCHIVE_FACTS_NAME, ret, err);
        yyjson_obj_iter_init(yyjson_obj_get(yyjson_doc_get_root(facts), "members"), &each);
        while (ret == 0 && (key = yyjson_obj_iter_next(&each))) {
                const char *name = yyjson_get_str(key);
                const struct archive_member *member = archive_find(archive, name);
                uint64_t size = json_uint_or(yyjson_obj_iter_get_val(key), "size", UINT64_MAX);

                if (!member)
                        ret = verify_fault(verify, &ERROR_ARCHIVE_MEMBER_MISSING, name, "snap.json lists it");
                else if (size != member->size)
                        ret = verify_fault(verify, &ERROR_ARCHIVE_INCONSISTENT, name,
                                           "it has %" PRIu64 " bytes, but %" PRIu64 " were captured",
                                           member->size, size);
        }
        return ret == -ENOMEM ? error_oom(err) : ret;
}

/* Our archives end with their index, at the end of the file or, if somebody compressed a plain one, of the
 * tar. */
static int find_index(struct pass *pass, struct error *err)
{
        const struct archive_member *member = archive_find(pass->archive, ARCHIVE_INDEX_NAME);
        int ret;

        /* In an image that somebody else built of it, the index means nothing any more. */
        pass->ours = member && pass->archive->form == ARCHIVE_TAR && !pass->archive->joined;
        if (!pass->ours)
                return 0;
        pass->index = &pass->archive->index;
        if (pass->archive->indexed)
                return 0;
        pass->index = NULL;
        if (pass->archive->compression == COMPRESSION_NONE)
                return fault(pass, &ERROR_ARCHIVE_CORRUPT, ARCHIVE_INDEX_NAME,
                             "it is not at the end of the file, or its tail is damaged");
        ret = archive_decode_inner_index(pass->archive, member, &pass->inner, err);
        if (ret < 0)
                return verify_fault_from(pass->verify, ARCHIVE_INDEX_NAME, ret, err);
        pass->index = &pass->inner;
        return 0;
}

int verify_stream(struct verify *verify, struct error *err)
{
        const struct archive *archive = verify->archive;
        _cleanup_sha256_ struct sha256_stream *sha256 = NULL;
        struct pass pass = {.verify = verify, .archive = archive};
        int ret = sha256_new(&sha256, err);

        if (ret < 0)
                return ret;
        pass.sha256 = sha256;
        verify->report->digests_present = archive_find(archive, ARCHIVE_FACTS_NAME) != NULL;
        ret = find_index(&pass, err);
        if (ret == 0)
                ret = archive_stream(archive, take, &pass, err);
        if (ret == 0)
                ret = finish_member(&pass, err);
        if (ret == 0)
                ret = check_end(&pass);
        if (ret == 0)
                ret = verify_listed(verify, err);
        buffer_free(&pass.headers);
        archive_index_free(&pass.inner);
        if (ret == -ENOMEM)
                return error_oom(err);
        return verify_fault_from(verify, pass.member ? pass.member->name : "end", ret, err);
}
