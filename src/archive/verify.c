/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/verify.h"

#include <errno.h>
#include <stdarg.h>
#include "archive/metadata.h"
#include "archive/verify_internal.h"
#include "base/file.h"
#include "base/json.h"
#include "criu/check.h"

/* Enough to see what is wrong; a hostile archive must not fill the memory with faults. */
#define FAULTS_MAX 200

int verify_fault(struct verify *verify, const struct error_kind *kind, const char *object, const char *format,
                 ...)
{
        struct verify_report *report = verify->report;
        struct verify_fault fault = {.kind = kind, .object = strdup(object)}, *faults;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&fault.reason, format, arguments) < 0)
                fault.reason = NULL;
        va_end(arguments);
        faults = reallocarray(report->faults, report->fault_count + 1, sizeof(*faults));
        if (faults)
                report->faults = faults;
        if (!faults || !fault.object || !fault.reason || report->fault_count == FAULTS_MAX) {
                free(fault.object);
                free(fault.reason);
                return report->fault_count == FAULTS_MAX ? 0 : -ENOMEM;
        }
        report->faults[report->fault_count++] = fault;
        return 0;
}

/* Is it the archive that is at fault, and not the machine? */
static bool is_about_data(const struct error *err)
{
        if (!err->kind)
                return false;
        for (size_t i = 0; archive_error_kinds[i]; i++)
                if (err->kind == archive_error_kinds[i])
                        return true;
        return err->kind == &ERROR_BAD_COMPRESSION || err->kind == &ERROR_BAD_JSON ||
               err->kind->exit_status == EXIT_BAD_DATA;
}

int verify_fault_from(struct verify *verify, const char *object, int ret, struct error *err)
{
        if (ret >= 0 || !is_about_data(err))
                return ret;
        if (verify_fault(verify, err->kind, object, "%s", err->text) < 0)
                return error_oom(err);
        *err = (struct error){0};
        return 0;
}

/* CRIU's checks call back; running out of memory there shows in the end. */
struct criu_faults {
        struct verify *verify;
        bool failed;
};

static void criu_fault_found(void *context, const char *object, const char *reason)
{
        struct criu_faults *faults = context;
        const struct error_kind *kind = &ERROR_ARCHIVE_INCONSISTENT;
        _cleanup_free_ char *name = NULL;

        if (asprintf(&name, "checkpoint/%s", object) < 0) {
                name = NULL;
                faults->failed = true;
                return;
        }
        if (!archive_find(faults->verify->archive, name))
                kind = &ERROR_ARCHIVE_MEMBER_MISSING;
        if (verify_fault(faults->verify, kind, name, "%s", reason) < 0)
                faults->failed = true;
}

static int verify_criu(struct verify *verify, struct error *err)
{
        const struct criu_source source = archive_criu_source(verify->archive);
        struct criu_faults faults = {.verify = verify};
        int ret = criu_check(&source, criu_fault_found, &faults, err);

        if (faults.failed)
                return error_oom(err);
        return ret < 0 ? verify_fault_from(verify, "checkpoint", ret, err) : 0;
}

/* Engines remove these paths as root: none may lead out of the container. */
static int verify_deleted_files(struct verify *verify, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *root, *path;
        yyjson_arr_iter each;
        int ret;

        if (!archive_find(verify->archive, "deleted.files"))
                return 0;
        ret = archive_read_json(verify->archive, "deleted.files", &doc, err);
        if (ret < 0)
                return verify_fault_from(verify, "deleted.files", ret, err);
        root = yyjson_doc_get_root(doc);
        if (!yyjson_is_arr(root) && !yyjson_is_null(root))
                return verify_fault(verify, &ERROR_ARCHIVE_METADATA, "deleted.files",
                                    "it is not a JSON array");
        yyjson_arr_iter_init(root, &each);
        while ((path = yyjson_arr_iter_next(&each))) {
                const char *text = yyjson_get_str(path);

                if (text && strlen(text) == yyjson_get_len(path) &&
                    file_name_is_safe(text + strspn(text, "/")))
                        continue;
                ret = verify_fault(verify, &ERROR_ARCHIVE_NAME, "deleted.files",
                                   "it names `%s`, which leads out of the container", text ? text : "?");
                if (ret < 0)
                        return error_oom(err);
        }
        return 0;
}

static int verify_metadata(struct verify *verify, struct error *err)
{
        _cleanup_metadata_ struct metadata *metadata = NULL;
        int ret =
                verify_fault_from(verify, "config.dump", metadata_load(verify->archive, &metadata, err), err);

        if (ret < 0)
                return ret;
        if (metadata && !metadata->spec && metadata->engine != ENGINE_OCI &&
            verify_fault(verify, &ERROR_ARCHIVE_MEMBER_MISSING, "spec.dump",
                         "the specification of the container is missing") < 0)
                return error_oom(err);
        return verify_deleted_files(verify, err);
}

static int verify_opened(struct verify *verify, struct error *err)
{
        _cleanup_verify_tars_ struct verify_tars *tars = NULL;
        int ret = verify_tars_new(verify->archive, verify->progress, verify->report, &tars, err);

        if (ret < 0)
                return ret;
        ret = verify->unpacked ? verify_unpacked(verify, tars, err) : verify_stream(verify, tars, err);
        if (ret < 0)
                return ret;
        verify->report->members = archive_count(verify->archive);
        ret = verify_metadata(verify, err);
        if (ret < 0)
                return ret;
        ret = verify_criu(verify, err);
        if (ret < 0)
                return ret;
        return verify_tars_finish(tars, err);
}

/* Nothing is left in the report when it could not look. */
static int finish(int ret, struct verify_report *report, const struct error *reason, struct error *err)
{
        if (ret >= 0)
                return ret;
        verify_report_free(report);
        if (err)
                *err = *reason;
        return ret;
}

/* `fd` -1: the path is to be opened. */
static int verify_path(int fd, const char *path, bool sealed, const struct progress *progress,
                       struct verify_report *out, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct verify verify = {.progress = progress, .report = out, .sealed = sealed};
        const char *slash = strrchr(path, '/');
        struct error reason = {0};
        int ret;

        *out = (struct verify_report){0};
        ret = fd < 0 ? archive_open_unread(path, &archive, &reason)
                     : archive_open_file(fd, path, &archive, &reason);
        verify.archive = archive;
        if (ret == 0)
                ret = verify_opened(&verify, &reason);
        if (ret < 0 && (!archive || archive_is_unread(archive)))
                ret = verify_fault_from(&verify, slash && slash[1] ? slash + 1 : path, ret, &reason);
        return finish(ret, out, &reason, err);
}

static int verify_archive(struct archive *archive, bool unpacked, const struct progress *progress,
                          struct verify_report *out, struct error *err)
{
        struct verify verify = {
                .archive = archive, .progress = progress, .report = out, .unpacked = unpacked};
        struct error reason = {0};

        *out = (struct verify_report){0};
        return finish(verify_opened(&verify, &reason), out, &reason, err);
}

int archive_verify_open(struct archive *archive, const struct progress *progress, struct verify_report *out,
                        struct error *err)
{
        return verify_archive(archive, false, progress, out, err);
}

int archive_verify_unpacked(struct archive *archive, const struct progress *progress,
                            struct verify_report *out, struct error *err)
{
        return verify_archive(archive, true, progress, out, err);
}

int archive_verify(const char *path, const struct progress *progress, struct verify_report *out,
                   struct error *err)
{
        return verify_path(-1, path, false, progress, out, err);
}

int archive_verify_file(int fd, const char *path, const struct progress *progress, struct verify_report *out,
                        struct error *err)
{
        return verify_path(fd, path, false, progress, out, err);
}

int archive_verify_sealed(const char *path, const struct progress *progress, struct verify_report *out,
                          struct error *err)
{
        return verify_path(-1, path, true, progress, out, err);
}

int verify_report_error(const struct verify_report *report, const char *path, struct error *err)
{
        const struct verify_fault *first = report->faults;
        _cleanup_buffer_ struct buffer lines = {0};

        if (!report->fault_count)
                return 0;
        for (size_t i = 1; i < report->fault_count; i++)
                if (buffer_printf(&lines, "%s: %s\n", report->faults[i].object, report->faults[i].reason) < 0)
                        return error_oom(err);
        if (report->fault_count == 1)
                error_set(err, first->kind, -EBADMSG, "`%s` cannot be trusted: %s: %s", path, first->object,
                          first->reason);
        else
                error_set(err, first->kind, -EBADMSG, "`%s` cannot be trusted, %zu faults: %s: %s", path,
                          report->fault_count, first->object, first->reason);
        error_set_log(err, buffer_text(&lines));
        return -EBADMSG;
}

void verify_report_free(struct verify_report *report)
{
        for (size_t i = 0; i < report->fault_count; i++) {
                free(report->faults[i].object);
                free(report->faults[i].reason);
        }
        free(report->faults);
        *report = (struct verify_report){0};
}
