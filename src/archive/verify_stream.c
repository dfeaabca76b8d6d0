/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over every byte of an archive. The prefetching thread reads, and this one hashes, or a third. */
#include <errno.h>
#include <inttypes.h>
#include "archive/internal.h"
#include "archive/verify_internal.h"
#include "archive/walk.h"
#include "base/hash_thread.h"
#include "base/json.h"

/* Headers of one member: a long name, pax records. */
#define HEADERS_MAX (4 * MIB)

/* Of an archive whose digests are known only at its end, if it has any, all members are hashed: larger ones
 * in a thread of its own, so that what is expanded does not wait for it. */
#define HASH_THREAD_SIZE (1 * MIB)

/* What was seen of a member. It is judged when all have been: what it should be stands in members that come
 * last, which of an archive that is read forward are not known before. */
struct observed {
        struct sha256 digest;
        uint32_t crc;
        bool is_odd;    /* its header has a checksum field as no writer of today makes it */
        bool has_trail; /* behind its contents there is more than padding of zeros */
};

struct pass {
        struct verify *verify;
        struct verify_tars *tars;
        struct archive *archive;
        bool is_known;                     /* the members were, before: only what is compared is computed */
        bool ours;                         /* written by us: every byte is accounted for */
        const struct archive_index *index; /* NULL: none, or unusable */
        struct archive_index inner;        /* of a plain archive that was compressed as a whole */
        struct sha256_stream *sha256;
        struct hash_thread *hasher; /* feeds it with the member; NULL: nobody else does */
        struct observed *observed;  /* of each member */
        size_t count, capacity;
        bool in_member;        /* the last of them is still coming */
        struct buffer headers; /* of it */
        uint64_t position;     /* in the stream */
        bool end_is_stained;   /* a byte of the end marker, or behind it, is not zero */
        uint64_t end_size;     /* bytes of the end marker and after it */
};

static int fault(struct pass *pass, const struct error_kind *kind, const char *object, const char *reason)
{
        return verify_fault(pass->verify, kind, object, "%s", reason);
}

/* 1: what the headers say is in `walk`; 0: there is another number of them than of one member. */
static int parse_headers(const struct pass *pass, bool strict, struct tar_walk *walk, struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        size_t size;
        int ret = stream_open_memory(buffer_slice(&pass->headers), walk->what, &stream, err);

        if (ret < 0)
                return ret;
        walk->stream = stream;
        walk->strict = strict;
        do {
                ret = tar_walk_next(walk, err);
                walk->left = walk->padding = 0; /* only headers are in there */
                if (ret > 0)
                        (void)archive_name_normal(walk->entry.name, &size);
        } while (ret > 0 && !size && walk->entry.type == TAR_DIRECTORY);
        return ret > 0 && stream_position(stream) != pass->headers.size ? 0 : ret;
}

/* The headers say what the list of members says (the list may come from the index). */
static int check_headers(struct pass *pass, const struct archive_member *member, struct observed *seen,
                         struct error *err)
{
        _cleanup_tar_walk_ struct tar_walk strict = {.what = member->name}, walk = {.what = member->name};
        const char *name;
        size_t size;
        int ret;

        seen->is_odd = parse_headers(pass, true, &strict, NULL) < 0;
        ret = parse_headers(pass, false, &walk, err);
        if (ret < 0)
                return verify_fault_from(pass->verify, member->name, ret, err);
        name = archive_name_normal(walk.entry.name, &size);
        if (ret == 0 || size != strlen(member->name) || memcmp(name, member->name, size) != 0 ||
            walk.entry.type != member->type || walk.entry.size != member->size ||
            (walk.entry.mode & 07777) != (member->mode & 07777))
                return fault(pass, &ERROR_ARCHIVE_CORRUPT, member->name,
                             "its header differs from what the index says");
        return 0;
}

static int end_hasher(struct pass *pass)
{
        return pass->hasher ? hash_thread_free(steal_ptr(pass->hasher)) : 0;
}

static int finish_member(struct pass *pass, struct error *err)
{
        struct observed *seen;
        const struct archive_member *member;
        int ret = 0;

        if (!pass->in_member)
                return 0;
        pass->in_member = false;
        seen = &pass->observed[pass->count - 1];
        member = archive_at(pass->archive, pass->count - 1);
        if (pass->archive->form == ARCHIVE_TAR)
                ret = check_headers(pass, member, seen, err);
        if (ret == 0 && (end_hasher(pass) < 0 || sha256_finish(pass->sha256, &seen->digest) < 0))
                ret = error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        return ret;
}

static int begin_member(struct pass *pass, struct error *err)
{
        if (pass->count == pass->capacity) {
                size_t capacity = pass->capacity ? pass->capacity * 2 : 64;
                struct observed *grown = reallocarray(pass->observed, capacity, sizeof(*grown));

                if (!grown)
                        return error_oom(err);
                pass->observed = grown;
                pass->capacity = capacity;
        }
        pass->observed[pass->count++] = (struct observed){0};
        pass->headers.size = 0;
        pass->in_member = true;
        return 0;
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

/* Of a member with a digest nothing but that is compared, and of one that was just sealed not even that. */
static int take_contents(struct pass *pass, const struct archive_member *member, struct slice bytes,
                         struct error *err)
{
        struct observed *seen = &pass->observed[pass->count - 1];

        if (!pass->is_known || !member->has_digest)
                seen->crc = crc32c_update(seen->crc, bytes.data, bytes.size);
        if (pass->is_known && (!member->has_digest || pass->verify->sealed))
                return 0;
        if (!pass->is_known && !pass->hasher && member->size >= HASH_THREAD_SIZE) {
                int ret = hash_thread_new(pass->sha256, &pass->hasher, err);

                if (ret < 0)
                        return ret;
        }
        if (pass->hasher) {
                hash_thread_append(pass->hasher, bytes);
                return 0;
        }
        return sha256_update(pass->sha256, bytes.data, bytes.size) < 0
                       ? error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed")
                       : 0;
}

static int take_member(struct pass *pass, const struct archive_member *member, struct slice raw,
                       struct error *err)
{
        struct observed *seen = &pass->observed[pass->count - 1];
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
        ret = part.size ? take_contents(pass, member, part, err) : 0;
        if (ret < 0)
                return ret;
        part = take_until(pass, &raw, member->offset + tar_padded(member->size));
        if (!all_zero(part) || raw.size)
                seen->has_trail = true;
        pass->position += raw.size;
        return 0;
}

static int take(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        struct pass *pass = context;
        size_t wanted = member ? (size_t)(member - archive_at(pass->archive, 0)) + 1 : SIZE_MAX;
        int ret = 0;

        if (wanted != pass->count)
                ret = finish_member(pass, err);
        /* Those without bytes of their own cannot be: each has a header. */
        while (ret == 0 && member && pass->count < wanted)
                ret = begin_member(pass, err);
        if (ret < 0)
                return ret;
        if (member) {
                ret = take_member(pass, member, raw, err);
        } else {
                pass->end_is_stained |= !all_zero(raw);
                pass->end_size += raw.size;
                pass->position += raw.size;
        }
        pass->verify->report->bytes_read = pass->position;
        return ret;
}

static int check_tar(void *context, const struct archive_member *member, struct stream *contents,
                     struct error *err)
{
        struct pass *pass = context;
        _cleanup_tar_walk_ struct tar_walk walk = {.stream = contents, .what = member->name};
        int ret;

        while ((ret = tar_walk_next(&walk, err)) > 0 &&
               (ret = verify_tars_entry(pass->tars, member, &walk.entry, err)) == 0)
                ;
        return verify_fault_from(pass->verify, member->name, ret, err);
}

static int judge_digest(struct pass *pass, const struct archive_member *member, const struct observed *seen)
{
        char expected[SHA256_HEX_SIZE], found[SHA256_HEX_SIZE];

        if (pass->verify->sealed)
                return 0;
        pass->verify->report->digests_checked++;
        if (sha256_equal(&seen->digest, &member->digest))
                return 0;
        return verify_fault(pass->verify, &ERROR_ARCHIVE_DIGEST, member->name,
                            "its SHA-256 is %s, but %s was captured", sha256_hex(&seen->digest, found),
                            sha256_hex(&member->digest, expected));
}

/* The index lists all members in order, but itself. */
static int judge_by_index(struct pass *pass, const struct archive_member *member, const struct observed *seen)
{
        size_t position = (size_t)(member - pass->archive->members);
        const struct archive_index_member *listed = &pass->index->members[position];

        if (position == pass->index->member_count && strcmp(member->name, ARCHIVE_INDEX_NAME) == 0)
                return 0;
        if (position >= pass->index->member_count || strcmp(listed->name, member->name) != 0 ||
            listed->type != member->type || listed->mode != member->mode || listed->size != member->size ||
            listed->header != member->header || listed->contents != member->offset)
                return fault(pass, &ERROR_ARCHIVE_INCONSISTENT, member->name, "the index lists it otherwise");
        if (member->type == TAR_FILE && listed->crc != (member->has_digest ? member->crc : seen->crc))
                return verify_fault(pass->verify, &ERROR_ARCHIVE_DIGEST, member->name,
                                    "its CRC-32C is not %08" PRIx32 ", as the index says", listed->crc);
        return 0;
}

static bool is_own(const char *name)
{
        return strcmp(name, ARCHIVE_FACTS_NAME) == 0 || strcmp(name, ARCHIVE_INDEX_NAME) == 0;
}

static int judge_member(struct pass *pass, const struct archive_member *member, const struct observed *seen)
{
        int ret = 0;

        if (member->has_digest)
                ret = judge_digest(pass, member, seen);
        else if (pass->verify->report->digests_present && member->type == TAR_FILE && !is_own(member->name))
                ret = fault(pass, &ERROR_ARCHIVE_INCONSISTENT, member->name, "snap.json does not list it");
        if (ret == 0 && pass->index)
                ret = judge_by_index(pass, member, seen);
        if (ret == 0 && pass->ours && seen->is_odd)
                ret = fault(pass, &ERROR_ARCHIVE_CORRUPT, member->name,
                            "the checksum field of its header is malformed");
        if (ret == 0 && pass->ours && seen->has_trail)
                ret = fault(pass, &ERROR_ARCHIVE_CORRUPT, member->name,
                            "there are bytes after its end that should be zero");
        return ret;
}

/* Other engines' archives may have anything behind the end marker: containerd overwrites old files in place.
 */
static int check_end(struct pass *pass)
{
        if (!pass->ours || pass->archive->form == ARCHIVE_DIRECTORY)
                return 0;
        if (pass->end_is_stained || pass->end_size != (uint64_t)2 * TAR_BLOCK)
                return fault(pass, &ERROR_ARCHIVE_CORRUPT, "end",
                             "there are bytes after the end of the archive");
        if (pass->index && pass->index->member_count + 1 != pass->archive->count)
                return fault(pass, &ERROR_ARCHIVE_INCONSISTENT, ARCHIVE_INDEX_NAME,
                             "it lists another number of members than there are");
        return 0;
}

/* Whatever snap.json lists must be there, with that size. */
static int verify_listed(struct verify *verify, struct error *err)
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

static int judge(struct pass *pass, struct error *err)
{
        int ret;

        pass->verify->report->digests_present = archive_find(pass->archive, ARCHIVE_FACTS_NAME) != NULL;
        ret = find_index(pass, err);
        for (size_t i = 0; ret == 0 && i < pass->count; i++)
                ret = judge_member(pass, archive_at(pass->archive, i), &pass->observed[i]);
        if (ret == 0)
                ret = check_end(pass);
        return ret == 0 ? verify_listed(pass->verify, err) : ret;
}

int verify_unpacked(struct verify *verify, struct verify_tars *tars, struct error *err)
{
        struct pass pass = {.verify = verify, .tars = tars, .archive = verify->archive};
        const struct archive_visitor visitor = {.tar = check_tar, .context = &pass};
        int ret = verify_listed(verify, err);

        return ret < 0 ? ret : archive_visit(verify->archive, &visitor, err);
}

int verify_stream(struct verify *verify, struct verify_tars *tars, struct error *err)
{
        struct archive *archive = verify->archive;
        _cleanup_sha256_ struct sha256_stream *sha256 = NULL;
        struct pass pass = {
                .verify = verify, .tars = tars, .archive = archive, .is_known = !archive_is_unread(archive)};
        const struct archive_visitor visitor = {.bytes = take,
                                                .tar = check_tar,
                                                .context = &pass,
                                                .progress = verify->progress,
                                                .phase = "verify"};
        const char *object = "end";
        int ret = sha256_new(&sha256, err);

        if (ret < 0)
                return ret;
        pass.sha256 = sha256;
        ret = archive_visit(archive, &visitor, err);
        if (ret == 0)
                ret = finish_member(&pass, err);
        if (ret == 0)
                ret = judge(&pass, err);
        if (pass.in_member)
                object = archive_at(archive, pass.count - 1)->name;
        (void)end_hasher(&pass);
        buffer_free(&pass.headers);
        free(pass.observed);
        archive_index_free(&pass.inner);
        if (ret == -ENOMEM)
                return error_oom(err);
        return archive_is_unread(archive) ? ret : verify_fault_from(verify, object, ret, err);
}
