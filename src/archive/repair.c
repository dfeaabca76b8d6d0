/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/repair.h"

#include <errno.h>
#include "archive/internal.h"
#include "archive/walk.h"
#include "archive/writer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

/* Members up to this size are written with their size known; larger ones in pieces of it. */
#define COPY_SIZE (1 * MIB)

/* A failed read gives nothing of the piece it failed in: near the end of damaged compressed data, read
 * little. */
#define TAIL_PIECE TAR_BLOCK

struct repair {
        const struct salvage *salvage;
        const struct archive *archive;
        const struct progress *progress;
        struct repair_report *report;
        struct archive_writer *writer;
        struct sha256_stream *sha256;
        uint8_t *copy;
        bool *altered;     /* as the members of `archive` */
        yyjson_doc *facts; /* snap.json of the old archive; NULL: none that can be read */
};

static bool is_own(const char *name)
{
        return strcmp(name, ARCHIVE_FACTS_NAME) == 0 || strcmp(name, ARCHIVE_INDEX_NAME) == 0;
}

static int add_name(char ***names, size_t *count, const char *name, struct error *err)
{
        char **grown = reallocarray(*names, *count + 1, sizeof(*grown));

        if (!grown)
                return error_oom(err);
        *names = grown;
        grown[*count] = strdup(name);
        return grown[(*count)++] ? 0 : error_oom(err);
}

/* Members that snap.json lists and that are not there. */
static int find_lost(struct repair *repair, struct error *err)
{
        struct repair_report *report = repair->report;
        yyjson_obj_iter each;
        yyjson_val *key;

        yyjson_obj_iter_init(yyjson_obj_get(yyjson_doc_get_root(repair->facts), "members"), &each);
        while ((key = yyjson_obj_iter_next(&each))) {
                const char *name = yyjson_get_str(key);

                if (archive_find(repair->archive, name) ||
                    (repair->salvage->incomplete && strcmp(name, repair->salvage->incomplete) == 0))
                        continue;
                if (add_name(&report->lost, &report->lost_count, name, err) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* What the old archive tells, before anything is written. */
static int assess(struct repair *repair, struct error *err)
{
        const struct salvage *salvage = repair->salvage;
        struct repair_report *report = repair->report;
        bool cut_own = salvage->incomplete && is_own(salvage->incomplete);
        bool ours = cut_own || is_own(archive_at(repair->archive, repair->archive->count - 1)->name);
        int ret;

        if (archive_find(repair->archive, ARCHIVE_FACTS_NAME) && !salvage->facts_damaged) {
                ret = archive_read_json(repair->archive, ARCHIVE_FACTS_NAME, &repair->facts, err);
                if (ret < 0)
                        return ret;
                if (!yyjson_is_obj(yyjson_doc_get_root(repair->facts))) {
                        yyjson_doc_free(repair->facts);
                        repair->facts = NULL;
                }
        }
        report->index = salvage->index;
        report->digests = repair->facts != NULL;
        report->facts_lost = ours && !repair->facts;
        if (salvage->why.kind && !(report->ended = strdup(salvage->why.text)))
                return error_oom(err);
        if (salvage->incomplete && !cut_own && !(report->incomplete = strdup(salvage->incomplete)))
                return error_oom(err);
        ret = find_lost(repair, err);
        /* Our own members come last: where one of them was seen, all before it were, too. */
        report->complete = (!salvage->why.kind || ours) && !report->incomplete && !report->lost_count;
        return ret;
}

static int note_altered(struct repair *repair, const struct archive_member *member, struct error *err)
{
        struct sha256 digest;

        if (!member->has_digest)
                return 0;
        if (sha256_finish(repair->sha256, &digest) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        if (sha256_equal(&digest, &member->digest))
                return 0;
        repair->altered[member - repair->archive->members] = true;
        return add_name(&repair->report->altered, &repair->report->altered_count, member->name, err);
}

/* The next piece of the current member. Returns its size. */
static ssize_t read_piece(struct repair *repair, struct tar_walk *walk, const struct archive_member *member,
                          struct error *err)
{
        ssize_t n = tar_walk_read(walk, repair->copy, COPY_SIZE, err);

        if (n < 0)
                return n;
        if (member->has_digest && sha256_update(repair->sha256, repair->copy, (size_t)n) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        progress_step(repair->progress, "copy", stream_position(walk->stream), repair->archive->stream_size);
        if (progress_cancelled(repair->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        return n;
}

static int copy_small(struct repair *repair, struct tar_walk *walk, const struct archive_member *member,
                      struct error *err)
{
        ssize_t n = read_piece(repair, walk, member, err);

        return n < 0 ? (int)n
                     : archive_writer_add(repair->writer, member->name, member->mode & 07777,
                                          (struct slice){repair->copy, (size_t)n}, err);
}

static int copy_large(struct repair *repair, struct tar_walk *walk, const struct archive_member *member,
                      struct error *err)
{
        int ret = archive_writer_begin(repair->writer, member->name, member->mode & 07777, err);

        while (ret == 0 && walk->left) {
                ssize_t n = read_piece(repair, walk, member, err);

                ret = n < 0 ? (int)n : archive_writer_append(repair->writer, repair->copy, (size_t)n, err);
        }
        return ret < 0 ? ret : archive_writer_end(repair->writer, err);
}

static int copy_directory(struct repair *repair, const struct archive_member *member, struct error *err)
{
        _cleanup_free_ char *name = NULL;

        if (asprintf(&name, "%s/", member->name) < 0)
                return error_oom(err);
        return archive_writer_add(repair->writer, name, member->mode & 07777, (struct slice){0}, err);
}

static int copy_member(struct repair *repair, struct tar_walk *walk, const struct archive_member *member,
                       struct error *err)
{
        int ret;

        if (is_own(member->name))
                return 0;
        repair->report->members++;
        repair->report->bytes += member->size;
        if (member->type == TAR_DIRECTORY)
                return copy_directory(repair, member, err);
        ret = member->size <= COPY_SIZE ? copy_small(repair, walk, member, err)
                                        : copy_large(repair, walk, member, err);
        return ret < 0 ? ret : note_altered(repair, member, err);
}

static int copy_members(struct repair *repair, struct stream *stream, struct error *err)
{
        const struct archive *archive = repair->archive;
        _cleanup_tar_walk_ struct tar_walk walk = {.stream = stream, .what = archive->path};
        size_t index = 0;

        while (index < archive->count) {
                int ret = tar_walk_next(&walk, err);

                if (ret == 0)
                        return error_set(err, &ERROR_ARCHIVE_INCONSISTENT, -EBADMSG,
                                         "`%s` changed while it was read", archive->path);
                /* The root of the archive itself is no member. */
                if (ret > 0 && walk.header != archive->members[index].header)
                        continue;
                if (ret > 0)
                        ret = copy_member(repair, &walk, &archive->members[index++], err);
                if (ret < 0)
                        return ret;
        }
        /* Contents nobody wanted, of snap.index. */
        return walk.left ? stream_skip(stream, walk.left, err) : 0;
}

static bool all_zero(const uint8_t *data, size_t size)
{
        return !size || (!data[0] && memcmp(data, data + 1, size - 1) == 0);
}

/*
 * What is left of the stream, as far as it can be read. Zeros alone, which are padding or a part of the end
 * marker, are not worth a file. Returns 1 when `file` is to be kept.
 */
static int copy_tail(struct repair *repair, struct stream *stream, struct file_writer *file,
                     struct error *err)
{
        size_t piece = repair->archive->compression == COMPRESSION_NONE ? COPY_SIZE : TAIL_PIECE;
        uint64_t gap = repair->salvage->end - stream_position(stream), size = 0;
        bool stained = false;
        ssize_t n;

        if (gap && stream_skip(stream, gap, NULL) < 0)
                return 0;
        while ((n = stream_read(stream, repair->copy, piece, NULL)) > 0) {
                int ret = file_write_full(file_writer_fd(file), repair->copy, (size_t)n);

                if (ret < 0)
                        return error_errno(err, -ret, "cannot write `%s`", file_writer_temp_path(file));
                stained |= !all_zero(repair->copy, (size_t)n);
                size += (uint64_t)n;
                if (progress_cancelled(repair->progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        }
        repair->report->tail_size = stained ? size : 0;
        return stained;
}

/* What was captured, of members that are not what they were. The others get their digests when it is sealed.
 */
static int keep_record(const struct repair *repair, yyjson_mut_doc *doc, yyjson_mut_val *members,
                       struct error *err)
{
        const struct repair_report *report = repair->report;
        yyjson_obj_iter each;
        yyjson_val *key;

        yyjson_obj_iter_init(yyjson_obj_get(yyjson_doc_get_root(repair->facts), "members"), &each);
        while ((key = yyjson_obj_iter_next(&each))) {
                const char *name = yyjson_get_str(key);
                const struct archive_member *member = archive_find(repair->archive, name);

                if ((!member || repair->altered[member - repair->archive->members]) &&
                    !yyjson_mut_obj_add(members, yyjson_mut_strcpy(doc, name),
                                        yyjson_val_mut_copy(doc, yyjson_obj_iter_get_val(key))))
                        return error_oom(err);
        }
        if (report->incomplete && !yyjson_mut_obj_get(members, report->incomplete)) {
                yyjson_mut_val *entry = yyjson_mut_obj_add_obj(doc, members, report->incomplete);

                if (!entry || !yyjson_mut_obj_add_uint(doc, entry, "size", repair->salvage->incomplete_size))
                        return error_oom(err);
        }
        return 0;
}

static int make_facts(const struct repair *repair, struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc =
                repair->facts ? yyjson_doc_mut_copy(repair->facts, NULL) : yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root, *members;
        char now[RFC3339_SIZE];
        int ret;

        if (!doc)
                return error_oom(err);
        if (!repair->facts) {
                yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
                yyjson_mut_obj_add_uint(doc, yyjson_mut_doc_get_root(doc), "version", 1);
        }
        root = yyjson_mut_doc_get_root(doc);
        yyjson_mut_obj_remove_key(root, "members");
        yyjson_mut_obj_remove_key(root, "repairedAt");
        yyjson_mut_obj_add_strcpy(doc, root, "repairedAt", rfc3339_format(clock_realtime_ns(), now));
        members = yyjson_mut_obj_add_obj(doc, root, "members");
        if (!members)
                return error_oom(err);
        ret = keep_record(repair, doc, members, err);
        return ret < 0 ? ret : json_write(doc, true, out, err);
}

static int write_all(struct repair *repair, struct file_writer *tail, struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_buffer_ struct buffer facts = {0};
        int ret = stream_open(repair->archive, &stream, err), keep_tail = 0;

        if (ret == 0)
                ret = copy_members(repair, stream, err);
        if (ret == 0)
                ret = keep_tail = copy_tail(repair, stream, tail, err);
        if (ret >= 0)
                ret = make_facts(repair, &facts, err);
        if (ret == 0)
                ret = archive_writer_seal(repair->writer, buffer_slice(&facts), repair->progress, NULL, err);
        if (ret == 0 && progress_cancelled(repair->progress))
                ret = error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        if (ret == 0 && keep_tail)
                ret = file_writer_commit(tail, err);
        return ret < 0 ? ret : archive_writer_commit(repair->writer, err);
}

static int repair_to(struct repair *repair, const char *output, const char *tail, struct error *err)
{
        _cleanup_archive_writer_ struct archive_writer *writer = NULL;
        _cleanup_file_writer_ struct file_writer *tail_file = NULL;
        _cleanup_sha256_ struct sha256_stream *sha256 = NULL;
        _cleanup_free_ uint8_t *copy = malloc(COPY_SIZE);
        _cleanup_free_ bool *altered = calloc(repair->archive->count, sizeof(*altered));
        int ret = copy && altered ? sha256_new(&sha256, err) : error_oom(err);

        if (ret == 0)
                ret = file_writer_open(tail, false, &tail_file, err);
        if (ret == 0)
                ret = archive_writer_open(output, false, repair->archive->compression, 0, &writer, err);
        if (ret < 0)
                return ret;
        repair->copy = copy;
        repair->altered = altered;
        repair->sha256 = sha256;
        repair->writer = writer;
        return write_all(repair, tail_file, err);
}

int archive_repair(int fd, const char *name, const char *output, const char *tail,
                   const struct progress *progress, struct repair_report *out, struct error *err)
{
        _cleanup_salvage_ struct salvage salvage = {0};
        struct repair repair = {.salvage = &salvage, .progress = progress, .report = out};
        int ret = salvage_open(fd, name, progress, &salvage, err);

        if (ret < 0)
                return ret;
        repair.archive = salvage.archive;
        if (!repair.archive->count)
                return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG,
                                 "nothing can be kept of `%s`: not one member of it is complete", name);
        ret = assess(&repair, err);
        out->written = ret == 0 && !(out->complete && out->index == INDEX_GOOD && !out->facts_lost);
        if (out->written)
                ret = repair_to(&repair, output, tail, err);
        yyjson_doc_free(repair.facts);
        if (ret < 0)
                repair_report_free(out);
        return ret;
}

void repair_report_free(struct repair_report *report)
{
        for (size_t i = 0; i < report->lost_count; i++)
                free(report->lost[i]);
        for (size_t i = 0; i < report->altered_count; i++)
                free(report->altered[i]);
        free(report->lost);
        free(report->altered);
        free(report->ended);
        free(report->incomplete);
        *report = (struct repair_report){0};
}
