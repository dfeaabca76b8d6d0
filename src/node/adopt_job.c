/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind "adopt", which the node asks itself for: archives that lie in the directory and are in no record are
 * verified and recorded, or moved into the quarantine with the reason; records without an archive are
 * forgotten, and what died unfinished is removed. Killed in the middle, the next look finds what is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "archive/metadata.h"
#include "archive/verify.h"
#include "base/file.h"
#include "node/node_private.h"

struct work {
        struct job *job;
        struct node *node;
        yyjson_mut_doc *doc; /* of the result */
        yyjson_mut_val *adopted, *quarantined, *removed, *forgotten;
};

static int check(struct node *node, struct operation *operation, struct error *err)
{
        return text_set(&operation->subject, node->options.directory) < 0 ? error_oom(err) : 0;
}

static int keys(struct job *job, struct buffer *out, struct error *err)
{
        return buffer_append(out, "adopt", sizeof("adopt")) < 0 ? error_oom(err) : 0;
}

static int note(struct work *work, yyjson_mut_val *list, const char *text, struct error *err)
{
        return yyjson_mut_arr_add_strcpy(work->doc, list, text) ? 0 : error_oom(err);
}

/* Names, as the archive has them; an id that its capture gave it, unless another has that. */
static int describe(struct work *work, const struct archive *archive, const struct metadata *metadata,
                    struct checkpoint *out, struct error *err)
{
        yyjson_val *facts = yyjson_doc_get_root(metadata->facts);
        const char *id = json_text(facts, "id");
        yyjson_val *capture = yyjson_obj_get(facts, "capture");
        _cleanup_checkpoint_ struct checkpoint *other = NULL;
        char new_id[UNIQUE_ID_SIZE];
        int64_t checkpointed_ns;

        if (!id || strlen(id) != UNIQUE_ID_SIZE - 1 ||
            catalog_get_checkpoint(work->node->catalog, id, &other, NULL) != -ENOENT)
                id = unique_id(new_id);
        out->frozen_us = json_uint_or(capture, "frozenUs", 0);
        out->size = archive_file_size(archive);
        if (rfc3339_parse(metadata->checkpointed, &checkpointed_ns) && checkpointed_ns)
                out->created_ns = checkpointed_ns;
        if (text_set(&out->id, id) < 0 || text_set(&out->namespace, metadata->pod_namespace) < 0 ||
            text_set(&out->pod, metadata->pod_name) < 0 || text_set(&out->pod_uid, metadata->pod_uid) < 0 ||
            text_set(&out->container, metadata->container_name) < 0 ||
            text_set(&out->container_id, metadata->container_id) < 0 ||
            text_set(&out->image, metadata->image_name) < 0 ||
            text_set(&out->engine, engine_name(metadata->engine)) < 0)
                return error_oom(err);
        return 0;
}

/* Fills `out`. -EBADMSG: it is not a whole checkpoint, and `err` says why. */
static int look(struct work *work, const char *path, struct checkpoint *out, struct error *err)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *metadata = NULL;
        struct sha256 digest;
        int r = archive_verify(path, job_progress(work->job), &report, err);

        if (r == 0 && report.fault_count) {
                (void)verify_report_error(&report, path, err);
                return -EBADMSG;
        }
        if (r == 0)
                r = archive_open(path, &archive, err);
        if (r == 0)
                r = metadata_load(archive, &metadata, err);
        if (r == 0)
                r = describe(work, archive, metadata, out, err);
        if (r == 0)
                r = archive_measure(path, job_progress(work->job), &out->size, &digest, err);
        return r < 0 ? r : checkpoint_set_digest(out, &digest, err);
}

/* A record of it as it is: under which state is the caller's to say. */
static int record_begin(struct work *work, const char *path, struct checkpoint **out, struct error *err)
{
        struct stat st;
        char id[UNIQUE_ID_SIZE];
        int r;

        if (stat(path, &st) < 0)
                return error_errno(err, errno, "look at `%s`", path);
        r = checkpoint_new(out, err);
        if (r < 0)
                return r;
        (*out)->size = (uint64_t)st.st_size;
        (*out)->created_ns = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec;
        (*out)->verified_ns = clock_realtime_ns();
        if (text_set(&(*out)->id, unique_id(id)) < 0 || text_set(&(*out)->source, "adopted") < 0 ||
            text_set(&(*out)->node, work->node->options.name) < 0 || text_set(&(*out)->path, path) < 0)
                return error_oom(err);
        return 0;
}

static int quarantine(struct work *work, struct checkpoint *checkpoint, const struct error *why,
                      struct error *err)
{
        int r = checkpoint_quarantine(work->node, checkpoint, why->text, err);

        if (r == 0)
                r = catalog_put_checkpoint(work->node->catalog, checkpoint, err);
        return r < 0 ? r : note(work, work->quarantined, checkpoint->id, err);
}

static int adopt(struct work *work, const char *path, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        struct error why = {0};
        int r = record_begin(work, path, &checkpoint, err);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = look(work, path, checkpoint, &why);
        if (r == -ECANCELED || r == -ENOMEM || r == -EIO) {
                /* That says nothing about the archive. */
                *err = why;
                return r;
        }
        if (r < 0)
                return quarantine(work, checkpoint, &why, err);
        if (text_set(&checkpoint->state, "completed") < 0)
                return error_oom(err);
        r = catalog_put_checkpoint(work->node->catalog, checkpoint, err);
        return r < 0 ? r : note(work, work->adopted, checkpoint->id, err);
}

static int remove_leftover(struct work *work, const char *path, struct error *err)
{
        int r = file_remove_tree(AT_FDCWD, path, err);

        return r < 0 ? r : note(work, work->removed, path, err);
}

/* A checkpoint that was fetched again meanwhile has the same id, and is not lost. */
static int remove_lost(struct node *node, const char *id, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        int r = catalog_get_checkpoint(node->catalog, id, &checkpoint, err);

        if (r < 0)
                return r;
        return faccessat(AT_FDCWD, checkpoint->path, F_OK, AT_SYMLINK_NOFOLLOW) == 0
                       ? -ENOENT
                       : catalog_remove_checkpoint(node->catalog, id, err);
}

static int forget(struct work *work, const char *id, struct error *err)
{
        int r;

        pthread_mutex_lock(&work->node->records);
        r = remove_lost(work->node, id, err);
        pthread_mutex_unlock(&work->node->records);
        return r < 0 ? (r == -ENOENT ? 0 : r) : note(work, work->forgotten, id, err);
}

static int result_begin(struct work *work, struct error *err)
{
        yyjson_mut_val *root;

        work->doc = yyjson_mut_doc_new(NULL);
        root = work->doc ? yyjson_mut_obj(work->doc) : NULL;
        if (!root)
                return error_oom(err);
        yyjson_mut_doc_set_root(work->doc, root);
        work->adopted = yyjson_mut_obj_add_arr(work->doc, root, "adopted");
        work->quarantined = yyjson_mut_obj_add_arr(work->doc, root, "quarantined");
        work->removed = yyjson_mut_obj_add_arr(work->doc, root, "removed");
        work->forgotten = yyjson_mut_obj_add_arr(work->doc, root, "forgotten");
        return work->forgotten ? 0 : error_oom(err);
}

static int follow(struct work *work, const struct adopt_plan *plan, struct error *err)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < plan->leftover_count; i++)
                r = remove_leftover(work, plan->leftovers[i], err);
        for (size_t i = 0; r == 0 && i < plan->lost_count; i++)
                r = forget(work, plan->lost[i], err);
        for (size_t i = 0; r == 0 && i < plan->unknown_count; i++) {
                r = adopt(work, plan->unknown[i], err);
                if (r == 0 && progress_cancelled(job_progress(work->job)))
                        r = error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        }
        return r;
}

static int run(struct job *job, struct error *err)
{
        _cleanup_adopt_plan_ struct adopt_plan plan = {0};
        struct work work = {.job = job, .node = job_node(job)};
        struct error other = {0};
        int r = job_enter(job, PHASE_VERIFY, NULL, err), s;

        if (r == 0)
                r = adopt_scan(work.node, &plan, err);
        if (r == 0)
                r = result_begin(&work, err);
        if (r == 0)
                r = follow(&work, &plan, err);
        /* Also of what failed half-way: that much has been done. */
        s = work.doc ? job_set_result(job, work.doc, &other) : 0;
        yyjson_mut_doc_freep(&work.doc);
        if (r == 0 && s < 0)
                *err = other;
        return r == 0 ? s : r;
}

const struct job_kind job_adopt = {"adopt", check, keys, run, NULL};
