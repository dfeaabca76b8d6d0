/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include "archive/pod_manifest.h"
#include "cli/answer.h"
#include "cli/error_kinds.h"
#include "cli/node.h"
#include "cli/progress_bar.h"
#include "cli/registry_options.h"
#include "cli/style.h"
#include "cli/text.h"
#include "program/units.h"
#include "cli/verb.h"
#include "program/memory.h"
#include "oci/image_signature.h"
#include "oci/location.h"

static struct option_list public_keys;

static const struct option_spec options[] = {
        {"public-key", 0, OPTION_LIST, &public_keys, "FILE",
         "of an image, also demand a signature by this key (PEM); may be repeated: any of them"},
};

static void print_verdict(enum style style, const char *word, const char *path)
{
        printf("%s%s%s ", style_begin(style, stdout), word, style_end(style, stdout));
        text_print_safe(path, stdout);
}

static void print_safe(const char *prefix, const char *text)
{
        fputs(prefix, stdout);
        text_print_safe(text, stdout);
}

static void print_text(const char *path, const struct verify_report *report)
{
        char size[UNIT_TEXT_SIZE];

        if (report->fault_count == 0) {
                print_verdict(STYLE_GOOD, "OK", path);
                printf(": %s%" PRIu64 " members, %" PRIu64 " digests, %s%s\n",
                       public_keys.count ? "signed, " : "", report->members, report->digests_checked,
                       size_format(report->bytes_read, size),
                       report->digests_present ? ""
                                               : "; it carries no digests, so only its structure is proven");
                return;
        }
        print_verdict(STYLE_BAD, "BAD", path);
        printf(": %zu fault%s\n", report->fault_count, report->fault_count == 1 ? "" : "s");
        for (size_t i = 0; i < report->fault_count; i++) {
                print_safe("  ", report->faults[i].object);
                print_safe(": ", report->faults[i].reason);
                printf(" [%s]\n", report->faults[i].kind->code);
        }
}

static void add_object(const char *path, const struct verify_report *report, yyjson_mut_doc *doc)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, yyjson_mut_doc_get_root(doc)), *faults;

        answer_add_text(doc, object, "path", path);
        yyjson_mut_obj_add_bool(doc, object, "ok", report->fault_count == 0);
        if (public_keys.count)
                yyjson_mut_obj_add_bool(doc, object, "signed", true);
        yyjson_mut_obj_add_uint(doc, object, "members", report->members);
        yyjson_mut_obj_add_bool(doc, object, "digestsPresent", report->digests_present);
        yyjson_mut_obj_add_uint(doc, object, "digestsChecked", report->digests_checked);
        yyjson_mut_obj_add_uint(doc, object, "bytesRead", report->bytes_read);
        faults = yyjson_mut_obj_add_arr(doc, object, "faults");
        for (size_t i = 0; i < report->fault_count; i++) {
                yyjson_mut_val *fault = yyjson_mut_arr_add_obj(doc, faults);

                answer_add_text(doc, fault, "object", report->faults[i].object);
                answer_add_text(doc, fault, "reason", report->faults[i].reason);
                answer_add_text(doc, fault, "code", report->faults[i].kind->code);
        }
}

/* What cannot even be read is as bad as a fault, and the files after it still want a look. */
static void report_error(const char *path, const struct error *error, yyjson_mut_doc *doc)
{
        if (doc) {
                yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, yyjson_mut_doc_get_root(doc)), *faults,
                               *fault;

                answer_add_text(doc, object, "path", path);
                yyjson_mut_obj_add_bool(doc, object, "ok", false);
                faults = yyjson_mut_obj_add_arr(doc, object, "faults");
                fault = yyjson_mut_arr_add_obj(doc, faults);
                answer_add_text(doc, fault, "object", path);
                answer_add_text(doc, fault, "reason", error->text);
                answer_add_text(doc, fault, "code", error_code(error));
                return;
        }
        print_verdict(STYLE_BAD, "BAD", path);
        print_safe(": ", error->text);
        printf(" [%s]\n", error_code(error));
}

static int load_keys(struct key **keys, size_t *count, struct error *err)
{
        int ret = 0;

        for (*count = 0; *count < public_keys.count && ret == 0; *count += ret == 0)
                ret = key_load_public(public_keys.items[*count], &keys[*count], err);
        return ret;
}

static int check_signature(const char *path, struct error *err)
{
        _cleanup_image_reference_ struct image_reference image = {0};
        struct key *keys[OPTION_LIST_MAX];
        struct sha256 digest;
        size_t count = 0;
        int ret;

        if (!public_keys.count)
                return 0;
        if (!image_reference_is_one(path))
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "`%s` is not an image: only images have signatures", path);
        ret = image_reference_parse(path, &image, err);
        if (ret == 0)
                ret = load_keys(keys, &count, err);
        if (ret == 0)
                ret = image_verify_signature(&image, &registry_access, (const struct key *const *)keys, count,
                                             &digest, err);
        while (count)
                key_free(keys[--count]);
        return ret;
}

/* --- on a node: it reads, and tells what it found
 * -----------------------------------------------------------
 */

static char *copy_text(yyjson_val *object, const char *member)
{
        return memory_copy(json_text_or(object, member, ""));
}

static void read_report(yyjson_val *report, struct verify_report *out)
{
        yyjson_val *faults = yyjson_obj_get(report, "faults"), *fault;
        size_t i, count;

        *out = (struct verify_report){
                .members = json_uint_or(report, "members", 0),
                .digests_present = json_bool_or(report, "digestsPresent", false),
                .digests_checked = json_uint_or(report, "digestsChecked", 0),
                .bytes_read = json_uint_or(report, "bytesRead", 0),
                .faults = memory_grow(NULL, yyjson_arr_size(faults) + 1, sizeof(struct verify_fault))};
        yyjson_arr_foreach (faults, i, count, fault)
                out->faults[out->fault_count++] = (struct verify_fault){
                        .kind = error_kind_find(json_text_or(fault, "code", "")) ?: &ERROR_NODE,
                        .object = copy_text(fault, "object"),
                        .reason = copy_text(fault, "reason"),
                };
}

static int verify_on_node(const char *name, const struct progress *progress, struct verify_report *out,
                          struct error *err)
{
        _cleanup_buffer_ struct buffer path = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *report;
        int ret = node_checkpoint_path(name, "/verify", &path, err);

        if (ret == 0)
                ret = node_operate(buffer_text(&path), NULL, progress, &doc, err);
        report = doc ? yyjson_obj_get(yyjson_doc_get_root(doc), "report") : NULL;
        if (ret == -ECANCELED || !report)
                return ret;
        /* That it is bad is what the report says. */
        *err = (struct error){0};
        read_report(report, out);
        return 0;
}

/* --- here
 * ---------------------------------------------------------------------------------------------------
 */

static int verify_here(const char *path, const struct progress *progress, struct verify_report *out,
                       struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        int ret = check_signature(path, err);

        if (ret == 0)
                ret = location_open_unread(path, progress, &archive, err);
        return ret < 0 ? ret : archive_verify_open(archive, progress, out, err);
}

/* What came of one archive: the exit status, negative when the user has had enough. */
static int conclude(const char *path, int ret, const struct verify_report *report, yyjson_mut_doc *doc,
                    struct error *err)
{
        if (ret == -ECANCELED)
                return ret;
        if (ret < 0) {
                report_error(path, err, doc);
                return error_exit_status(err);
        }
        if (doc)
                add_object(path, report, doc);
        else
                print_text(path, report);
        return report->fault_count ? EXIT_BAD_DATA : 0;
}

/* All archives of a pod, and whether they are those that its manifest names. */
static int verify_pod(const char *path, bool quiet, yyjson_mut_doc *doc, struct error *err)
{
        _cleanup_pod_manifest_ struct pod_manifest *manifest = NULL;
        int ret = pod_manifest_load(path, &manifest, err), status = 0;

        if (ret < 0)
                return conclude(path, ret, NULL, doc, err);
        for (size_t i = 0; i < manifest->count; i++) {
                struct progress_bar *bar = progress_bar_new(stderr, progress_style_for(stderr, quiet));
                _cleanup_verify_report_ struct verify_report report = {0};
                _cleanup_free_ char *part = NULL;
                _cleanup_close_ int file = -1;

                ret = pod_part_path(manifest, &manifest->parts[i], &part, err);
                if (ret == 0)
                        ret = file = pod_part_open(manifest, &manifest->parts[i], err);
                if (ret >= 0)
                        ret = pod_part_verify(manifest, &manifest->parts[i], file, progress_bar_progress(bar),
                                              &report, err);
                progress_bar_finish(bar);
                progress_bar_free(bar);
                ret = conclude(part ? part : path, ret, &report, doc, err);
                if (ret < 0)
                        return ret;
                status = status ? status : ret;
        }
        return status;
}

static int verify(const char *path, bool quiet, yyjson_mut_doc *doc, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar = NULL;
        _cleanup_verify_report_ struct verify_report report = {0};
        int ret;

        if (!node_is_used() && pod_manifest_is_one(path))
                return verify_pod(path, quiet, doc, err);
        bar = progress_bar_new(stderr, progress_style_for(stderr, quiet));
        ret = node_is_used() ? verify_on_node(path, progress_bar_progress(bar), &report, err)
                             : verify_here(path, progress_bar_progress(bar), &report, err);
        progress_bar_finish(bar);
        return conclude(path, ret, &report, doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        const struct local_option local = {"public-key", public_keys.count};
        int ret = node_is_used() ? node_refuse_options(&local, 1, err) : 0;

        return ret < 0 ? ret : answer_each(cli->json, cli->quiet, argv, argc, verify, err);
}

const struct verb verb_verify = {
        .name = "verify",
        .usage = "FILE...",
        .summary = "prove that checkpoints are whole",
        .description = "Reads everything again: the structure of the archive, the digest of "
                       "each member, whether CRIU's images agree with each other and with the "
                       "files they refer to. Each fault is named with the object, the reason "
                       "and a code; the exit status is then 4.\n\n"
                       "Archives of other engines carry no digests; of them the structure is "
                       "proven, not every byte.\n\n"
                       "Of the checkpoint of a pod (its directory, or pod.json in it), all archives are "
                       "verified, and whether they are those that pod.json names.\n\n" VERB_FILE_PLACES,
        .examples = "checkpointctl verify c.tar\tsay OK, or name what is damaged\n"
                    "checkpointctl verify --public-key team.pub docker://registry.example/team/web\t"
                    "and was it signed by the team?",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 1,
        .arguments_max = UINT_MAX,
        .is_long = true,
        .opens_checkpoints = true,
        .reaches_nodes = true,
        .run = run,
};
