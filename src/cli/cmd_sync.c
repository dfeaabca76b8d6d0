/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "cli/answer.h"
#include "cli/progress_bar.h"
#include "cli/registry_options.h"
#include "cli/text.h"
#include "program/units.h"
#include "cli/verb.h"
#include "oci/sync.h"

struct outcome {
        yyjson_mut_doc *doc; /* NULL: for people */
        struct progress_bar *bar;
        unsigned present, copied;
        uint64_t bytes;
};

static const char *const state_names[] = {
        [SYNC_PRESENT] = "present", [SYNC_COPIED] = "copied", [SYNC_FAILED] = "failed"};

static void add_object(struct outcome *outcome, const char *from, const char *to, enum sync_state state,
                       const struct copy_result *copy, const struct error *why)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(outcome->doc, yyjson_mut_doc_get_root(outcome->doc));

        answer_add_text(outcome->doc, object, "from", from);
        answer_add_text(outcome->doc, object, "to", to);
        answer_add_text(outcome->doc, object, "state", state_names[state]);
        if (state == SYNC_COPIED)
                yyjson_mut_obj_add_uint(outcome->doc, object, "bytes", copy->bytes);
        if (state == SYNC_FAILED) {
                answer_add_text(outcome->doc, object, "error", why->text);
                answer_add_text(outcome->doc, object, "code", error_code(why));
        }
}

static int report(void *context, const char *from, const char *to, enum sync_state state,
                  const struct copy_result *copy, const struct error *why, struct error *err)
{
        struct outcome *outcome = context;
        char size[UNIT_TEXT_SIZE];

        outcome->present += state == SYNC_PRESENT;
        outcome->copied += state == SYNC_COPIED;
        outcome->bytes += copy->bytes;
        if (outcome->doc) {
                add_object(outcome, from, to, state, copy, why);
                return 0;
        }
        progress_bar_finish(outcome->bar);
        if (state == SYNC_FAILED) {
                fprintf(stderr, "%s: ", from);
                error_print(why, stderr);
        } else if (state == SYNC_COPIED) {
                printf("%s -> ", from);
                text_print_safe(to, stdout);
                printf(", %s\n", size_format(copy->bytes, size));
        }
        return 0;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        const struct copy_options access = {&registry_access, &registry_access};
        _cleanup_json_mut_ yyjson_mut_doc *doc = cli->json ? answer_new() : NULL;
        struct outcome outcome = {.doc = doc, .bar = bar};
        char size[UNIT_TEXT_SIZE];
        unsigned failed = 0;
        int ret;

        if (doc)
                yyjson_mut_doc_set_root(doc, yyjson_mut_arr(doc));
        ret = sync_registries(argv[0], argv[1], &access, progress_bar_progress(bar), report, &outcome,
                              &failed, err);
        progress_bar_finish(bar);
        if (ret == 0 && doc)
                ret = answer_print(doc, err);
        else if (ret == 0)
                printf("%u copied (%s), %u there already, %u failed\n", outcome.copied,
                       size_format(outcome.bytes, size), outcome.present, failed);
        return ret < 0 ? ret : failed ? EXIT_ERROR : 0;
}

const struct verb verb_sync = {
        .name = "sync",
        .usage = "SRC DST",
        .summary = "copy what is missing from one registry to another",
        .description = "Copies every image that matches and is missing at DST or different there, with its "
                       "signatures; "
                       "what is the same is not touched, and nothing is removed. An image that fails does "
                       "not stop the "
                       "others, and makes the exit status 1. What was interrupted goes on when the verb runs "
                       "again.\n\n"
                       "SRC is docker://HOST/REPOSITORY[:TAG], where '*', '?' and [...] in REPOSITORY and "
                       "TAG stand for "
                       "other characters; '*' also for '/'. Without TAG all are meant. DST is "
                       "docker://HOST[/PREFIX]: "
                       "repositories keep their names, behind the prefix.\n\n" REGISTRY_OPTIONS_TEXT,
        .examples =
                "checkpointctl sync 'docker://a.example/checkpoints/*' docker://b.example\tall of a team's\n"
                "checkpointctl sync 'docker://a.example/web:2026-*' docker://b.example/copies\tsome tags, "
                "below another name",
        .argument = ARGUMENT_NONE,
        .arguments_min = 2,
        .arguments_max = 2,
        .is_long = true,
        .reaches_registries = true,
        .run = run,
};
