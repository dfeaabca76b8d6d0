/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kind "fetch": an archive of another node becomes one of this one, under the same id. However an agent
 * ends, the next one goes on: what the unfinished file has is looked at, and only the rest is fetched.
 */
#include <errno.h>
#include <fcntl.h>
#include "archive/verify.h"
#include "base/file.h"
#include "node/fetch.h"
#include "node/fetch_request.h"
#include "node/job.h"

struct arrival {
        struct job *job;
        struct node *node;
        struct peer *peer;
        struct checkpoint *checkpoint;
        struct chunk_list list;
        char chunks[CHUNKS_TEXT_SIZE]; /* digest of the list */
        char *temporary;
        uint64_t claimed; /* bytes set aside and not written yet */
        struct fetch_result result;
        bool is_resumed; /* another run of the agent had begun it */
};

static void arrival_done(struct arrival *arrival)
{
        node_release_space(arrival->node, arrival->claimed);
        peer_free(arrival->peer);
        checkpoint_freep(&arrival->checkpoint);
        chunk_list_free(&arrival->list);
        free(arrival->temporary);
}

/* --- the request ------------------------------------------------------------------------------------------
 */

static const char *request_text(const struct job *job, const char *key)
{
        return json_text(job_request(job), key);
}

static int fetch_check(struct node *node, struct operation *operation, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *request;
        char *subject;
        int ret = json_parse(SLICE_TEXT(operation->request), "the request", &doc, err);

        if (ret < 0)
                return ret;
        request = yyjson_doc_get_root(doc);
        ret = fetch_request_check(node_options(node), request, err);
        if (ret < 0)
                return ret;
        if (asprintf(&subject, "%s from %s", json_text(request, "id"), json_text(request, "url")) < 0)
                return error_oom(err);
        free(operation->subject);
        operation->subject = subject;
        return 0;
}

static int fetch_keys(struct job *job, struct buffer *out, struct error *err)
{
        const char *id = request_text(job, "id");

        return id && (buffer_printf(out, "checkpoint:%s", id) < 0 || buffer_append(out, "", 1) < 0)
                       ? error_oom(err)
                       : 0;
}

/* --- preflight --------------------------------------------------------------------------------------------
 */

/* What the request, or an earlier run, knows of it must be what the other node says now. */
static int check_facts(struct arrival *arrival, struct error *err)
{
        yyjson_val *journal = job_journal(arrival->job);
        int ret = fetch_request_bind(job_request(arrival->job), arrival->checkpoint, &arrival->list,
                                     arrival->chunks, err);

        return ret == 0 && journal ? fetch_request_compare(json_text(journal, "chunks"), arrival->chunks,
                                                           "list of chunks", err)
                                   : ret;
}

/* Asks once; but where we were under way already, the other node may just be away, too. */
static int ask(struct arrival *arrival, struct error *err)
{
        uint64_t patience = fetch_request_patience(job_request(arrival->job)) * (uint64_t)1000000,
                 began = clock_monotonic_us();
        int ret;

        while ((ret = peer_chunks(arrival->peer, &arrival->checkpoint, &arrival->list, err)) < 0 &&
               arrival->is_resumed && peer_error_is_passing(ret, err) &&
               clock_monotonic_us() - began < patience && !progress_cancelled(job_progress(arrival->job)))
                sleep(1);
        return ret;
}

/* {"temporary", "chunks"}, and from the commit on the record to be. */
static int enter(struct arrival *arrival, enum operation_phase phase, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL, *record;

        if (!root || !yyjson_mut_obj_add_str(doc, root, "temporary", arrival->temporary) ||
            !yyjson_mut_obj_add_str(doc, root, "chunks", arrival->chunks))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        if (phase == PHASE_COMMIT) {
                record = checkpoint_json(arrival->checkpoint, doc);
                if (!record || !yyjson_mut_obj_add_val(doc, root, "checkpoint", record))
                        return error_oom(err);
        }
        return job_enter(arrival->job, phase, doc, err);
}

/* In the directory of archives, so that it only needs another name. */
static int name_temporary(struct arrival *arrival, struct error *err)
{
        if (asprintf(&arrival->temporary, "%s/" TEMPORARY_PREFIX "%s", node_options(arrival->node)->directory,
                     job_operation(arrival->job)->id) < 0) {
                arrival->temporary = NULL;
                return error_oom(err);
        }
        return 0;
}

static int preflight(struct arrival *arrival, struct error *err)
{
        struct peer_options options;
        struct stat st;
        int ret;

        fetch_request_peer(node_options(arrival->node), job_request(arrival->job), job_progress(arrival->job),
                           &options);
        ret = peer_open(&options, &arrival->peer, err);
        if (ret == 0)
                ret = ask(arrival, err);
        if (ret == 0)
                ret = check_facts(arrival, err);
        if (ret < 0)
                return ret;
        arrival->claimed = arrival->list.size;
        if (lstat(arrival->temporary, &st) == 0) {
                uint64_t written = (uint64_t)st.st_blocks * 512;

                arrival->claimed -= written < arrival->claimed ? written : arrival->claimed;
        }
        ret = node_claim_space(arrival->node, arrival->claimed, err);
        if (ret < 0)
                arrival->claimed = 0;
        return ret < 0 ? ret : enter(arrival, PHASE_TRANSFER, err);
}

/* --- transfer, verification, commit -----------------------------------------------------------------------
 */

static void wrote(void *context, uint64_t bytes)
{
        struct arrival *arrival = context;

        bytes = bytes < arrival->claimed ? bytes : arrival->claimed;
        arrival->claimed -= bytes;
        node_release_space(arrival->node, bytes);
}

static int transfer(struct arrival *arrival, struct error *err)
{
        _cleanup_close_ int fd = open(arrival->temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        const struct fetch_options options = {
                .checkpoint = arrival->checkpoint,
                .list = &arrival->list,
                .patience_seconds = fetch_request_patience(job_request(arrival->job)),
                .progress = job_progress(arrival->job),
                .wrote = wrote,
                .context = arrival,
        };

        if (fd < 0)
                return error_errno(err, errno, "cannot make `%s`", arrival->temporary);
        return fetch_archive(arrival->peer, fd, &options, &arrival->result, err);
}

static int verify(struct arrival *arrival, struct error *err)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        struct sha256 digest, expected;
        uint64_t size;
        int ret = job_enter(arrival->job, PHASE_VERIFY, NULL, err);

        if (ret == 0)
                ret = archive_measure(arrival->temporary, job_progress(arrival->job), &size, &digest, err);
        if (ret < 0)
                return ret;
        if (!sha256_parse(arrival->checkpoint->digest, &expected) || !sha256_equal(&digest, &expected))
                return error_set(err, &ERROR_CHUNK, -EBADMSG,
                                 "`%s`, as `%s` has it, does not have the digest that was recorded for it",
                                 arrival->checkpoint->id, peer_name(arrival->peer));
        ret = archive_verify(arrival->temporary, job_progress(arrival->job), &report, err);
        return ret < 0 ? ret : verify_report_error(&report, arrival->checkpoint->id, err);
}

static int set_result(struct arrival *arrival, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL,
                       *checkpoint = root ? checkpoint_json(arrival->checkpoint, doc) : NULL;

        if (!checkpoint)
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_val(doc, root, "checkpoint", checkpoint);
        yyjson_mut_obj_add_uint(doc, root, "kept", arrival->result.kept);
        yyjson_mut_obj_add_uint(doc, root, "fetched", arrival->result.fetched);
        yyjson_mut_obj_add_uint(doc, root, "breaks", arrival->result.breaks);
        yyjson_mut_obj_add_bool(doc, root, "resumed", arrival->is_resumed);
        return job_set_result(arrival->job, doc, err);
}

static int commit(struct arrival *arrival, struct error *err)
{
        struct checkpoint *checkpoint = arrival->checkpoint;
        int ret;

        checkpoint->pinned = false;
        checkpoint->verified_ns = clock_realtime_ns();
        if (text_set(&checkpoint->source, "fetched") < 0 || text_set(&checkpoint->path, "") < 0 ||
            text_set(&checkpoint->reason, "") < 0 || text_set(&checkpoint->group, "") < 0)
                return error_oom(err);
        ret = enter(arrival, PHASE_COMMIT, err);
        return ret < 0 ? ret : node_commit_archive(arrival->node, arrival->temporary, checkpoint, err);
}

/* Killed while it got its name or its record. 1: it has both now; 0: that was not so. */
static int go_on_with_commit(struct arrival *arrival, struct error *err)
{
        yyjson_val *journal = job_journal(arrival->job);
        int ret;

        if (job_operation(arrival->job)->phase != PHASE_COMMIT || !journal)
                return 0;
        ret = checkpoint_from_json(yyjson_obj_get(journal, "checkpoint"), &arrival->checkpoint, err);
        if (ret == 0)
                ret = node_recover_archive(arrival->node, arrival->temporary, arrival->checkpoint, err);
        return ret < 0 ? ret : 1;
}

/* One that is here already, complete, is what was asked for. 1: it is. */
static int is_here(struct arrival *arrival, struct error *err)
{
        int ret = catalog_get_checkpoint(node_catalog(arrival->node), request_text(arrival->job, "id"),
                                         &arrival->checkpoint, err);

        if (ret == -ENOENT) {
                *err = (struct error){0};
                return 0;
        }
        if (ret < 0)
                return ret;
        if (strcmp(arrival->checkpoint->state, "completed") != 0)
                return error_set(err, &ERROR_EXISTS, -EEXIST, "`%s` is here already, and it is %s",
                                 arrival->checkpoint->id, arrival->checkpoint->state);
        ret = fetch_request_compare(request_text(arrival->job, "digest"), arrival->checkpoint->digest,
                                    "archive", err);
        return ret < 0 ? ret : 1;
}

static int bring(struct arrival *arrival, struct error *err)
{
        int ret = preflight(arrival, err);

        if (ret == 0)
                ret = transfer(arrival, err);
        if (ret == 0)
                ret = verify(arrival, err);
        if (ret == 0)
                ret = commit(arrival, err);
        if (ret == 0)
                peer_end(arrival->peer);
        return ret;
}

/* The same after a crash, at whatever phase: each step looks at what is there. */
static int fetch_run(struct job *job, struct error *err)
{
        struct arrival arrival = {.job = job, .node = job_node(job), .is_resumed = job_journal(job) != NULL};
        int ret = name_temporary(&arrival, err);

        if (ret == 0)
                ret = go_on_with_commit(&arrival, err);
        if (ret == 0)
                ret = is_here(&arrival, err);
        if (ret == 0)
                ret = bring(&arrival, err);
        if (ret >= 0)
                ret = set_result(&arrival, err);
        if (arrival.temporary && !(ret < 0 && job_is_suspended(job)))
                unlink(arrival.temporary);
        arrival_done(&arrival);
        return ret;
}

const struct job_kind job_fetch = {.name = "fetch",
                                   .check = fetch_check,
                                   .keys = fetch_keys,
                                   .run = fetch_run,
                                   .goes_on = true,
                                   .secret = "ticket"};
