/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include "archive/metadata.h"
#include "archive/repair.h"
#include "archive/verify.h"
#include "cli/answer.h"
#include "program/memory.h"
#include "cli/progress_bar.h"
#include "cli/text.h"
#include "oci/location.h"
#include "program/units.h"
#include "cli/verb.h"

static const char *output;

static const struct option_spec options[] = {
        {.name = "output",
         .letter = 'o',
         .type = OPTION_TEXT,
         .value = &output,
         .metavar = "FILE",
         .help = "the new archive, FILE.repaired.tar by default"},
};

struct outcome {
        const char *path; /* of the archive that was looked at in the end: the new one, or the old one */
        const char *tail;
        struct repair_report report;
        struct verify_report verified;
        bool origin_lost; /* where it came from cannot be told any more, and only that says how to restore it
                           */
};

/* "cannot be told" is not "can". */
static bool can_be_restored(const struct outcome *outcome)
{
        return outcome->verified.fault_count == 0 && outcome->report.complete && !outcome->origin_lost;
}

static void print_line(const char *label, const char *text)
{
        fputs(label, stdout);
        text_print_safe(text, stdout);
        putchar('\n');
}

static void print_lines(const char *label, char **names, size_t count)
{
        for (size_t i = 0; i < count; i++)
                print_line(label, names[i]);
}

static void print_dropped(const struct outcome *outcome)
{
        const struct repair_report *report = &outcome->report;
        char size[UNIT_TEXT_SIZE];

        if (report->ended)
                print_line("Ended early: ", report->ended);
        if (report->incomplete)
                print_line("Dropped, not complete: ", report->incomplete);
        print_lines("Lost: ", report->lost, report->lost_count);
        if (report->facts_lost)
                puts("Lost: snap.json, so contents cannot be compared with what was captured");
        if (report->tail_size) {
                printf("The last %s are in ", size_format(report->tail_size, size));
                text_print_safe(outcome->tail, stdout);
                putchar('\n');
        }
        print_lines("Kept, but altered since the capture: ", report->altered, report->altered_count);
}

static void print_verdict(const struct outcome *outcome)
{
        if (can_be_restored(outcome)) {
                puts("It can be restored.");
                return;
        }
        for (size_t i = 0; i < outcome->verified.fault_count; i++) {
                print_line("  ", outcome->verified.faults[i].object);
                print_line("    ", outcome->verified.faults[i].reason);
        }
        if (outcome->verified.fault_count)
                puts("It cannot be restored.");
        else if (!outcome->report.complete)
                puts("What is left agrees, but members may be missing: do not restore it unless you know "
                     "better.");
        else
                puts("What is left agrees, but without snap.json it cannot be restored.");
}

static void print_text(const char *old, const struct outcome *outcome)
{
        static const char *const indexes[] = {[INDEX_MISSING] = "made, it had none",
                                              [INDEX_WRONG] = "made anew, it was wrong",
                                              [INDEX_GOOD] = "made anew"};
        const struct repair_report *report = &outcome->report;
        char size[UNIT_TEXT_SIZE];

        if (!report->written) {
                print_line("Nothing to repair: ", old);
        } else {
                print_line("Repaired: ", outcome->path);
                printf("Kept: %" PRIu64 " members, %s\nIndex: %s\n", report->members,
                       size_format(report->bytes, size), indexes[report->index]);
        }
        print_dropped(outcome);
        print_verdict(outcome);
}

static void add_names(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *key, char **names, size_t count)
{
        yyjson_mut_val *array = yyjson_mut_obj_add_arr(doc, root, key);

        for (size_t i = 0; i < count; i++)
                yyjson_mut_arr_append(array, answer_text(doc, names[i]));
}

static void add_faults(yyjson_mut_doc *doc, yyjson_mut_val *array, const struct verify_report *report)
{
        for (size_t i = 0; i < report->fault_count; i++) {
                yyjson_mut_val *fault = yyjson_mut_obj(doc);

                answer_add_text(doc, fault, "object", report->faults[i].object);
                answer_add_text(doc, fault, "reason", report->faults[i].reason);
                answer_add_text(doc, fault, "code", report->faults[i].kind->code);
                yyjson_mut_arr_append(array, fault);
        }
}

static int print_json(const char *old, const struct outcome *outcome, struct error *err)
{
        static const char *const indexes[] = {
                [INDEX_MISSING] = "missing", [INDEX_WRONG] = "wrong", [INDEX_GOOD] = "good"};
        const struct repair_report *report = &outcome->report;
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "source", old);
        yyjson_mut_obj_add_bool(doc, root, "written", report->written);
        answer_add_text(doc, root, "path", outcome->path);
        answer_add_uint_if(doc, root, "members", report->members);
        answer_add_uint_if(doc, root, "bytes", report->bytes);
        answer_add_text(doc, root, "index", indexes[report->index]);
        answer_add_text_if(doc, root, "endedEarly", report->ended);
        answer_add_text_if(doc, root, "incomplete", report->incomplete);
        answer_add_text_if(doc, root, "tail", report->tail_size ? outcome->tail : "");
        answer_add_uint_if(doc, root, "tailSize", report->tail_size);
        add_names(doc, root, "lost", report->lost, report->lost_count);
        add_names(doc, root, "altered", report->altered, report->altered_count);
        yyjson_mut_obj_add_bool(doc, root, "factsLost", report->facts_lost);
        yyjson_mut_obj_add_bool(doc, root, "complete", report->complete);
        yyjson_mut_obj_add_bool(doc, root, "restorable", can_be_restored(outcome));
        add_faults(doc, yyjson_mut_obj_add_arr(doc, root, "faults"), &outcome->verified);
        return answer_print(doc, err);
}

/* Podman and CRI-O name themselves in the container's specification; who else ran it, only snap.json says. */
static int check_origin(struct outcome *outcome, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *metadata = NULL;
        int ret;

        if (!outcome->report.facts_lost || outcome->verified.fault_count)
                return 0;
        ret = archive_open(outcome->path, &archive, err);
        if (ret == 0)
                ret = metadata_load(archive, &metadata, err);
        if (ret == 0)
                outcome->origin_lost = metadata->engine != ENGINE_PODMAN && metadata->engine != ENGINE_CRIO;
        return ret;
}

/* Of the new archive, or of the old one where it is as good. */
static int verify(int fd, struct outcome *outcome, const struct progress *progress, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        int ret;

        if (outcome->report.written)
                return archive_verify(outcome->path, progress, &outcome->verified, err);
        ret = archive_open_file(fd, outcome->path, &archive, err);
        return ret < 0 ? ret : archive_verify_open(archive, progress, &outcome->verified, err);
}

static int repair(const char *from, const char *to, struct outcome *outcome, const struct progress *progress,
                  struct error *err)
{
        _cleanup_close_ int fd = location_open_bytes(from, progress, err);
        int ret = fd;

        if (ret >= 0)
                ret = archive_repair(fd, from, to, outcome->tail, progress, &outcome->report, err);
        if (ret < 0)
                return ret;
        outcome->path = outcome->report.written ? to : from;
        ret = verify(fd, outcome, progress, err);
        if (ret == 0)
                ret = check_origin(outcome, err);
        return ret < 0 ? error_wrap(err, ret, "`%s` is complete, but was not verified", outcome->path) : 0;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        _cleanup_buffer_ struct buffer to = {0}, tail = {0};
        struct outcome outcome = {0};
        int ret;

        if (!output && strcmp(argv[0], "-") == 0)
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "what is read from standard input needs a name: --output FILE");
        memory_check(output ? buffer_append_text(&to, output)
                            : buffer_printf(&to, "%s.repaired.tar", argv[0]));
        memory_check(buffer_printf(&tail, "%s.tail", buffer_text(&to)));
        outcome.tail = buffer_text(&tail);
        ret = repair(argv[0], buffer_text(&to), &outcome, progress_bar_progress(bar), err);
        progress_bar_finish(bar);
        if (ret == 0 && cli->json)
                ret = print_json(argv[0], &outcome, err);
        else if (ret == 0)
                print_text(argv[0], &outcome);
        if (ret == 0 && !can_be_restored(&outcome))
                ret = EXIT_BAD_DATA;
        repair_report_free(&outcome.report);
        verify_report_free(&outcome.verified);
        return ret;
}

const struct verb verb_repair = {
        .name = "repair",
        .usage = "FILE",
        .summary = "make a sound archive of one that is cut short or has no index",
        .description =
                "Writes a new archive with all members of FILE that are complete, and an index. FILE, which "
                "may be - for standard input, is not changed. What follows the last complete member goes, "
                "expanded, into a file beside the new archive, named as that with .tail added.\n\n"
                "Says what was kept, dropped, and altered since the capture, verifies the new archive, "
                "and says whether it can be restored: the exit status is 0 only then, and 4 otherwise. "
                "Where nothing is wrong, nothing is written.",
        .examples = "checkpointctl repair web.tar\twrite web.tar.repaired.tar\n"
                    "checkpointctl repair -o sound.tar web.tar.zst\tname the new archive",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 1,
        .arguments_max = 1,
        .is_long = true,
        .opens_checkpoints = true,
        .run = run,
};
