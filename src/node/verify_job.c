/* SPDX-License-Identifier: Apache-2.0 */
/* Kind "verify": reads a recorded archive again, as at its capture. One that is not whole any more goes into
 * the quarantine. */
#include <errno.h>
#include "archive/verify.h"
#include "net/request.h"
#include "node/node_private.h"

#define FAULTS_MOST 100 /* that are told one by one */

int request_checkpoint(struct node *node, struct operation *operation, struct checkpoint **out,
                       struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        const char *id;
        char *subject;
        int r = json_parse(SLICE_TEXT(operation->request), "the request", &doc, err);

        if (r < 0)
                return r;
        id = json_text(yyjson_doc_get_root(doc), "id");
        if (!id)
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL,
                                 "a request must have the `id` of a checkpoint");
        r = catalog_get_checkpoint(node->catalog, id, out, err);
        if (r < 0)
                return r;
        if (asprintf(&subject, "%s/%s/%s", (*out)->namespace, (*out)->pod, (*out)->container) < 0)
                return error_oom(err);
        free(operation->subject);
        operation->subject = subject;
        return text_set(&operation->namespace, (*out)->namespace) < 0 ? error_oom(err) : 0;
}

int request_checkpoint_key(struct job *job, struct buffer *out, struct error *err)
{
        return checkpoint_key(json_text_or(job_request(job), "id", ""), out, err);
}

static int check(struct node *node, struct operation *operation, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;

        return request_checkpoint(node, operation, &checkpoint, err);
}

/* Archives of other engines have no digests of their own: what we recorded is the only proof. */
static int check_digest(struct job *job, const struct checkpoint *checkpoint, struct error *err)
{
        char hex[SHA256_HEX_SIZE];
        struct sha256 digest;
        uint64_t size;
        int r = archive_measure(checkpoint->path, job_progress(job), &size, &digest, err);

        if (r == 0 && !text_ends_with(checkpoint->digest, sha256_hex(&digest, hex)))
                r = error_set(err, &ERROR_ARCHIVE_DIGEST, -EBADMSG,
                              "`%s` is not what was recorded: it has the digest sha256:%s", checkpoint->path,
                              hex);
        return r;
}

/* As `checkpointctl verify` does. 0: whole. -EBADMSG: it is not, and `err` says why; the report has faults unless
 * it cannot be read at all, or only our record says so. */
static int look(struct job *job, const struct checkpoint *checkpoint, struct verify_report *report,
                struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        int r = archive_open_unread(checkpoint->path, &archive, err);

        if (r == 0)
                r = archive_verify_open(archive, job_progress(job), report, err);
        if (r == 0 && report->fault_count) {
                (void)verify_report_error(report, checkpoint->path, err);
                r = -EBADMSG;
        }
        if (r == 0 && !report->digests_present && *checkpoint->digest)
                r = check_digest(job, checkpoint, err);
        return r < 0 && error_exit_status(err) == EXIT_BAD_DATA ? -EBADMSG : r;
}

static int add_fault(yyjson_mut_doc *doc, yyjson_mut_val *faults, const struct verify_fault *fault)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, faults);
        char object_text[256], reason[1024];

        return yyjson_mut_obj_add_strcpy(doc, object, "object",
                                         response_text(fault->object, object_text, sizeof(object_text))) &&
                               yyjson_mut_obj_add_strcpy(
                                       doc, object, "reason",
                                       response_text(fault->reason, reason, sizeof(reason))) &&
                               yyjson_mut_obj_add_str(doc, object, "code", fault->kind->code)
                       ? 0
                       : -ENOMEM;
}

/* What was found, for whoever asked: as `checkpointctl verify --json` shows it. */
static int report_add(struct job *job, const struct verify_report *report, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL, *faults;

        if (!root || !yyjson_mut_obj_add_uint(doc, root, "members", report->members) ||
            !yyjson_mut_obj_add_bool(doc, root, "digestsPresent", report->digests_present) ||
            !yyjson_mut_obj_add_uint(doc, root, "digestsChecked", report->digests_checked) ||
            !yyjson_mut_obj_add_uint(doc, root, "bytesRead", report->bytes_read))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        faults = yyjson_mut_obj_add_arr(doc, root, "faults");
        for (size_t i = 0; i < report->fault_count && i < FAULTS_MOST; i++)
                if (add_fault(doc, faults, &report->faults[i]) < 0)
                        return error_oom(err);
        return job_add_result(job, "report", doc, err);
}

struct verdict {
        struct node *node;
        const struct error *why; /* NULL: whole */
};

static int judge(void *context, struct checkpoint *checkpoint, struct error *err)
{
        const struct verdict *verdict = context;

        checkpoint->verified_ns = clock_realtime_ns();
        return !verdict->why || strcmp(checkpoint->state, "quarantined") == 0
                       ? 0
                       : checkpoint_quarantine(verdict->node, checkpoint, verdict->why->text, err);
}

static int run(struct job *job, struct error *err)
{
        struct node *node = job_node(job);
        const char *id = json_text_or(job_request(job), "id", "");
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL, *judged = NULL;
        _cleanup_verify_report_ struct verify_report report = {0};
        struct error other = {0};
        struct verdict verdict = {node, NULL};
        int r = catalog_get_checkpoint(node->catalog, id, &checkpoint, err), s;

        if (r == 0)
                r = job_enter(job, PHASE_VERIFY, NULL, err);
        if (r == 0)
                r = look(job, checkpoint, &report, err);
        if (r < 0 && r != -EBADMSG)
                return r;
        verdict.why = r < 0 ? err : NULL;
        s = checkpoint_change(node, id, judge, &verdict, &judged, &other);
        if (s == 0)
                s = checkpoint_set_result(job, judged, &other);
        if (s == 0 && (r == 0 || report.fault_count))
                s = report_add(job, &report, &other);
        if (s < 0)
                *err = other;
        return s < 0 ? s : r;
}

const struct job_kind job_verify = {"verify", check, request_checkpoint_key, run, NULL};
