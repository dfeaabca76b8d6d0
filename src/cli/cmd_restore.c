/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "cli/answer.h"
#include "cli/choices.h"
#include "cli/node.h"
#include "program/memory.h"
#include "cli/progress_bar.h"
#include "cli/registry_options.h"
#include "cli/text.h"
#include "program/units.h"
#include "cli/verb.h"
#include "oci/signature_policy.h"
#include "runtime/restore_pod.h"

#define NO_CHOICE (-1)

static int runtime = NO_CHOICE, tcp = TCP_REFUSE;
static const char *name, *bundle;
static bool file_locks, ignore_static_ip, ignore_volumes, force;

static const char *policy;

static const struct option_spec options[] = {
        {"name", 0, OPTION_TEXT, &name, "NAME", "name of the new container, instead of the old one's"},
        {"runtime", 0, OPTION_CHOICE, &runtime, NULL, "restore with this, not with what took the checkpoint",
         runtime_choices},
        {"bundle", 0, OPTION_TEXT, &bundle, "DIR",
         "use this bundle, not the specification in the archive (crun, runc)"},
        {"tcp", 0, OPTION_CHOICE, &tcp, NULL,
         "what becomes of TCP connections in the checkpoint: refuse to restore, keep them, or close them",
         tcp_choices},
        {"file-locks", 0, OPTION_FLAG, &file_locks, NULL, "take the file locks again"},
        {"ignore-static-ip", 0, OPTION_FLAG, &ignore_static_ip, NULL,
         "let the network choose another address"},
        {"ignore-volumes", 0, OPTION_FLAG, &ignore_volumes, NULL, "leave the contents of volumes out"},
        {"policy", 0, OPTION_TEXT, &policy, "FILE",
         "which images may be used, and who must have signed them; else /etc/snap/policy.json"},
        {"force", 0, OPTION_FLAG, &force, NULL, "go on although preflight objects"},
};

static int print_json(const struct restore_result *result, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc), *times;

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "containerId", result->container_id);
        answer_add_text(doc, root, "name", result->name);
        yyjson_mut_obj_add_int(doc, root, "pid", result->pid);
        yyjson_mut_obj_add_uint(doc, root, "startTime", result->start_time);
        yyjson_mut_obj_add_uint(doc, root, "processes", result->processes);
        times = yyjson_mut_obj_add_obj(doc, root, "times");
        yyjson_mut_obj_add_uint(doc, times, "preflightUs", result->preflight_us);
        yyjson_mut_obj_add_uint(doc, times, "restoreUs", result->restore_us);
        yyjson_mut_obj_add_uint(doc, times, "totalUs", result->total_us);
        return answer_print(doc, err);
}

static void print_text(const struct restore_result *result)
{
        char restore[UNIT_TEXT_SIZE], total[UNIT_TEXT_SIZE];

        fputs("Restored: ", stdout);
        text_print_safe(result->name, stdout);
        printf(" (PID %d, %u process%s) in %s, %s with all checks\n", (int)result->pid, result->processes,
               result->processes == 1 ? "" : "es", duration_format(result->restore_us, restore),
               duration_format(result->total_us, total));
}

static int print_result(const struct cli *cli, const struct restore_result *result, struct error *err)
{
        if (cli->json)
                return print_json(result, err);
        print_text(result);
        return 0;
}

/* --- on a node --------------------------------------------------------------------------------------------
 */

static yyjson_mut_doc *node_request(void)
{
        yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        if (name)
                answer_add_text(doc, root, "name", name);
        answer_add_text(doc, root, "tcp", tcp_choices[tcp]);
        yyjson_mut_obj_add_bool(doc, root, "fileLocks", file_locks);
        yyjson_mut_obj_add_bool(doc, root, "force", force);
        return doc;
}

static void read_result(yyjson_val *root, struct restore_result *out)
{
        yyjson_val *times = yyjson_obj_get(root, "times");

        *out = (struct restore_result){
                .container_id = memory_copy(json_text_or(root, "containerId", "")),
                .name = memory_copy(json_text_or(root, "name", "")),
                .pid = (pid_t)json_uint_or(root, "pid", 0),
                .start_time = json_uint_or(root, "startTime", 0),
                .processes = (unsigned)json_uint_or(root, "processes", 0),
                .preflight_us = json_uint_or(times, "preflightUs", 0),
                .restore_us = json_uint_or(times, "restoreUs", 0),
                .total_us = json_uint_or(times, "totalUs", 0),
        };
}

static int run_on_node(const struct cli *cli, const char *checkpoint, struct error *err)
{
        const struct local_option local[] = {
                {"runtime", runtime != NO_CHOICE},
                {"bundle", bundle},
                {"ignore-static-ip", ignore_static_ip},
                {"ignore-volumes", ignore_volumes},
                {"policy", policy},
        };
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        _cleanup_restore_result_ struct restore_result result = {0};
        _cleanup_json_mut_ yyjson_mut_doc *request = node_request();
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_buffer_ struct buffer path = {0};
        int ret = node_refuse_options(local, ARRAY_SIZE(local), err);

        if (ret == 0)
                ret = node_checkpoint_path(checkpoint, "/restore", &path, err);
        if (ret == 0)
                ret = node_operate(buffer_text(&path), request, progress_bar_progress(bar), &doc, err);
        progress_bar_finish(bar);
        if (ret < 0)
                return ret;
        read_result(yyjson_doc_get_root(doc), &result);
        return print_result(cli, &result, err);
}

/* --- here -------------------------------------------------------------------------------------------------
 */

static int print_pod_json(const struct pod_restore_result *result, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc), *containers, *times;

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "podId", result->id);
        answer_add_text(doc, root, "name", result->name);
        containers = yyjson_mut_obj_add_arr(doc, root, "containers");
        for (size_t i = 0; i < result->count; i++) {
                yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, containers);

                answer_add_text(doc, object, "containerId", result->parts[i].container_id);
                answer_add_text(doc, object, "name", result->parts[i].name);
                yyjson_mut_obj_add_int(doc, object, "pid", result->parts[i].pid);
                yyjson_mut_obj_add_uint(doc, object, "processes", result->parts[i].processes);
        }
        times = yyjson_mut_obj_add_obj(doc, root, "times");
        yyjson_mut_obj_add_uint(doc, times, "restoreUs", result->restore_us);
        yyjson_mut_obj_add_uint(doc, times, "totalUs", result->total_us);
        return answer_print(doc, err);
}

static int run_pod(const struct cli *cli, const char *path, const struct restore_options *chosen,
                   struct progress_bar *bar, struct error *err)
{
        _cleanup_pod_restore_result_ struct pod_restore_result result = {0};
        char total[UNIT_TEXT_SIZE];
        int ret;

        if (chosen->bundle || runtime != NO_CHOICE)
                return error_set(
                        err, &ERROR_USAGE, -EINVAL,
                        "a pod is restored by the engine that it is of, without --runtime or --bundle");
        ret = restore_pod(path, chosen, progress_bar_progress(bar), &result, err);
        if (ret < 0)
                return ret;
        if (cli->json)
                return print_pod_json(&result, err);
        for (size_t i = 0; i < result.count; i++)
                print_text(&result.parts[i]);
        fputs("Restored the pod ", stdout);
        text_print_safe(result.name, stdout);
        printf(": %zu container%s in %s\n", result.count, result.count == 1 ? "" : "s",
               duration_format(result.total_us, total));
        return 0;
}

static int restore(const struct cli *cli, const char *file, struct error *err)
{
        const struct restore_options chosen = {.name = name,
                                               .bundle = bundle,
                                               .tcp = (enum tcp_policy)tcp,
                                               .file_locks = file_locks,
                                               .force = force,
                                               .ignore_static_ip = ignore_static_ip,
                                               .ignore_volumes = ignore_volumes,
                                               .access = &registry_access};
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        _cleanup_restore_result_ struct restore_result result = {0};
        const struct runtime_driver *driver = NULL;
        int ret = runtime == NO_CHOICE ? 0 : runtime_driver_find(runtime_choices[runtime], &driver, err);

        policy_use(policy);
        if (ret == 0 && pod_manifest_is_one(file)) {
                ret = run_pod(cli, file, &chosen, bar, err);
                progress_bar_finish(bar);
                return ret;
        }
        if (ret == 0)
                ret = restore_archive(file, driver, &chosen, progress_bar_progress(bar), &result, err);
        progress_bar_finish(bar);
        return ret < 0 ? ret : print_result(cli, &result, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        return node_is_used() ? run_on_node(cli, argv[0], err) : restore(cli, argv[0], err);
}

const struct verb verb_restore = {
        .name = "restore",
        .usage = "FILE|IMAGE",
        .summary = "start a checkpoint where it was",
        .description = "Verifies the checkpoint, checks whether it can run on this machine, "
                       "restores it through Podman, crun or runc, and says \"Restored\" only "
                       "after the processes of the checkpoint have been seen running.\n\n"
                       "FILE is an archive, or - for standard input; IMAGE is oci:DIR[:TAG], "
                       "oci-archive:FILE[:TAG] or docker://HOST/REPOSITORY[:TAG][@DIGEST], which is fetched "
                       "first. The directory of a pod (create --pod) is restored as that pod, which is made "
                       "anew: all of its containers or nothing.\n\n" REGISTRY_OPTIONS_TEXT,
        .examples = "checkpointctl restore web.tar\tstart the container under its old name\n"
                    "checkpointctl restore oci:images:web --name web2\tstart it from an "
                    "image, under a new name\n"
                    "checkpointctl restore shop-pod --tcp keep\tall containers of a pod, with the "
                    "connections between them\n"
                    "checkpointctl restore docker://registry.example/team/web:monday\tfrom a registry",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 1,
        .arguments_max = 1,
        .is_long = true,
        .opens_checkpoints = true,
        .reaches_nodes = true,
        .run = run,
};
