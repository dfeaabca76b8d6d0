/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/salvage.h"

#include <errno.h>
#include <fcntl.h>
#include "archive/internal.h"
#include "archive/walk.h"
#include "base/file.h"

/* Between two looks at whether the user has had enough. */
#define SKIP_SIZE (16 * MIB)

/* Is it the archive that ends here? Not the machine that fails, nor a name that no archive may have. */
static bool is_damage(const struct error *err)
{
        return err->kind == &ERROR_ARCHIVE_TRUNCATED || err->kind == &ERROR_ARCHIVE_CORRUPT ||
               err->kind == &ERROR_BAD_COMPRESSION;
}

/* The contents of the current entry. */
static int skip_contents(struct tar_walk *walk, const struct archive *archive,
                         const struct progress *progress, struct error *err)
{
        while (walk->left) {
                uint64_t size = walk->left < SKIP_SIZE ? walk->left : SKIP_SIZE;
                int ret = stream_skip(walk->stream, size, err);

                if (ret < 0)
                        return ret;
                walk->left -= size;
                progress_step(progress, "look", stream_position(walk->stream), archive->stream_size);
                if (progress_cancelled(progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        }
        return 0;
}

/* The member that was added last is not complete after all. */
static void take_back(struct salvage *salvage)
{
        struct archive_member *member = &salvage->archive->members[--salvage->archive->count];

        salvage->incomplete = member->name;
        salvage->incomplete_size = member->size;
}

static int walk_members(struct salvage *salvage, struct tar_walk *walk, const struct progress *progress,
                        struct error *err)
{
        struct archive *archive = salvage->archive;
        int ret;

        while ((ret = tar_walk_next(walk, err)) > 0) {
                size_t before = archive->count;

                ret = archive_add_entry(archive, &archive->parts[0], walk, err);
                if (ret < 0)
                        return ret;
                ret = skip_contents(walk, archive, progress, err);
                if (ret < 0 && archive->count > before)
                        take_back(salvage);
                if (ret < 0)
                        return ret;
                salvage->end = stream_position(walk->stream) + walk->padding;
                /* It is complete, whether or not what pads it is there. */
                if (stream_skip(walk->stream, walk->padding, NULL) < 0)
                        return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG,
                                         "`%s` is cut short: it ends right behind `%s`", archive->path,
                                         walk->entry.name);
                walk->padding = 0;
        }
        if (ret == 0)
                salvage->end = stream_position(walk->stream);
        return ret;
}

static int find_members(struct salvage *salvage, const struct progress *progress, struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_tar_walk_ struct tar_walk walk = {.what = salvage->archive->path};
        struct error why = {0};
        int ret = stream_open(salvage->archive, &stream, err);

        if (ret < 0)
                return ret;
        walk.stream = stream;
        ret = walk_members(salvage, &walk, progress, &why);
        if (ret == 0)
                return 0;
        if (!is_damage(&why)) {
                if (err)
                        *err = why;
                return ret;
        }
        if (!salvage->archive->count && !salvage->incomplete && why.kind == &ERROR_ARCHIVE_CORRUPT)
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EBADMSG, "`%s` is not a tar archive",
                                 salvage->archive->path);
        salvage->why = why;
        return 0;
}

/* The index lists all members but itself, as they are. */
static bool index_fits(const struct archive *archive)
{
        const struct archive_index *index = &archive->index;

        if (index->member_count + 1 != archive->count)
                return false;
        for (size_t i = 0; i < index->member_count; i++) {
                const struct archive_index_member *listed = &index->members[i];
                const struct archive_member *member = &archive->members[i];

                if (strcmp(listed->name, member->name) != 0 || listed->type != member->type ||
                    listed->mode != member->mode || listed->size != member->size ||
                    listed->header != member->header || listed->contents != member->offset)
                        return false;
        }
        return true;
}

/* Looks for the index, and then does as if there were none: it is only as good as the tar it describes. */
static enum index_state load_index(struct archive *archive)
{
        int ret = archive_load_index(archive, NULL);
        enum index_state state = ret < 0 ? INDEX_WRONG : archive->indexed ? INDEX_GOOD : INDEX_MISSING;

        archive->indexed = false;
        archive->stream_size = archive->compression == COMPRESSION_NONE ? archive->size : 0;
        return state;
}

static int open_file(int fd, const char *name, struct archive **out, struct error *err)
{
        struct stat st;
        off_t at;
        int ret;

        if (fstat(fd, &st) < 0)
                return error_errno(err, errno, "cannot read `%s`", name);
        if (!S_ISREG(st.st_mode))
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EINVAL, "`%s` is not a regular file", name);
        at = lseek(fd, 0, SEEK_CUR);
        if (at < 0)
                return error_errno(err, errno, "cannot read `%s`", name);
        ret = archive_new(name, 1, out, err);
        if (ret == 0)
                ret = archive_add_file(*out, fd, (uint64_t)at,
                                       (uint64_t)(st.st_size > at ? st.st_size - at : 0), err);
        return ret < 0 ? ret : archive_look_at_head(*out, &(*out)->parts[0], err);
}

int salvage_open(int fd, const char *name, const struct progress *progress, struct salvage *out,
                 struct error *err)
{
        struct archive *archive;
        int ret = open_file(fd, name, &out->archive, err);

        if (ret < 0)
                return ret;
        archive = out->archive;
        out->index = load_index(archive);
        ret = find_members(out, progress, err);
        if (ret == 0)
                ret = archive_sort_names(archive, err);
        if (ret < 0)
                return ret;
        if (out->index == INDEX_GOOD && !index_fits(archive))
                out->index = INDEX_WRONG;
        out->facts_damaged = archive_load_digests(archive, NULL) < 0;
        return 0;
}

void salvage_done(struct salvage *salvage)
{
        if (salvage->archive)
                archive_free(salvage->archive);
        free(salvage->incomplete);
}
