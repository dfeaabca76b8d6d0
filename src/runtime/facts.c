/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/facts.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/process.h"

#define VERSION_TIMEOUT_MS 10000

int facts_runtime_version(const char *program, char **out, struct error *err)
{
        _cleanup_process_result_ struct process_result result = {0};
        const char *argv[] = {program, "--version", NULL}, *at;
        struct process_options options = {.argv = argv, .timeout_ms = VERSION_TIMEOUT_MS};
        int r = process_run(&options, &result, err);

        if (r < 0)
                return r;
        /* "crun version 1.28", "runc version 1.3.6+ds1" */
        at = strstr(buffer_text(&result.output), " version ");
        at = at ? at + strlen(" version ") : "";
        *out = strndup(at, strcspn(at, " \n"));
        return *out ? 0 : error_oom(err);
}

static const char *const tcp_names[] = {[TCP_REFUSE] = "refuse", [TCP_KEEP] = "keep", [TCP_CLOSE] = "close"};

/* Text is borrowed by the document. yyjson's functions accept NULL values and then fail. */
static bool add_source(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct capture_facts *facts)
{
        const struct container *c = facts->container;
        yyjson_mut_val *source = yyjson_mut_obj_add_obj(doc, root, "source");

        return yyjson_mut_obj_add_str(doc, source, "driver", facts->driver->name) &&
               yyjson_mut_obj_add_str(doc, source, "containerId", c->id) &&
               yyjson_mut_obj_add_str(doc, source, "containerName", c->name) &&
               yyjson_mut_obj_add_str(doc, source, "image", c->image) &&
               yyjson_mut_obj_add_str(doc, source, "imageId", c->image_id) &&
               (!c->image_digest || !*c->image_digest ||
                yyjson_mut_obj_add_str(doc, source, "imageDigest", c->image_digest));
}

static bool add_versions(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct capture_facts *facts)
{
        yyjson_mut_val *runtime = yyjson_mut_obj_add_obj(doc, root, "runtime");
        yyjson_mut_val *criu = yyjson_mut_obj_add_obj(doc, root, "criu");

        return yyjson_mut_obj_add_str(doc, runtime, "name", facts->runtime_name) &&
               yyjson_mut_obj_add_str(doc, runtime, "version", facts->runtime_version) &&
               yyjson_mut_obj_add_uint(doc, criu, "version", facts->host->criu_version) &&
               yyjson_mut_obj_add_val(doc, root, "host", host_facts_to_json(facts->host, doc));
}

static bool add_capture(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct capture_facts *facts)
{
        const struct phase_times *times = facts->times;
        yyjson_mut_val *capture = yyjson_mut_obj_add_obj(doc, root, "capture");
        yyjson_mut_val *rootfs = yyjson_mut_obj_add_obj(doc, root, "rootfs");

        return yyjson_mut_obj_add_bool(doc, capture, "leftRunning", !facts->options->stop) &&
               yyjson_mut_obj_add_str(doc, capture, "tcp", tcp_names[facts->options->tcp]) &&
               yyjson_mut_obj_add_bool(doc, capture, "fileLocks", facts->options->file_locks) &&
               yyjson_mut_obj_add_uint(doc, capture, "freezeUs", times->freeze_us) &&
               yyjson_mut_obj_add_uint(doc, capture, "dumpUs", times->dump_us) &&
               yyjson_mut_obj_add_uint(doc, capture, "filesystemUs", times->filesystem_us) &&
               yyjson_mut_obj_add_uint(doc, capture, "frozenUs", times->frozen_us) &&
               yyjson_mut_obj_add_uint(doc, capture, "processes", facts->processes) &&
               yyjson_mut_obj_add_str(doc, rootfs, "form", facts->rootfs_form);
}

int facts_write(const struct capture_facts *facts, struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL, *tool;
        char now[RFC3339_SIZE];

        if (!root)
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        rfc3339_format(clock_realtime_ns(), now);
        if (!yyjson_mut_obj_add_uint(doc, root, "version", 1) ||
            !yyjson_mut_obj_add_str(doc, root, "id", facts->id))
                return error_oom(err);
        tool = yyjson_mut_obj_add_obj(doc, root, "tool");
        if (!yyjson_mut_obj_add_str(doc, tool, "name", "snap") ||
            !yyjson_mut_obj_add_str(doc, tool, "version", SNAP_VERSION) ||
            !yyjson_mut_obj_add_str(doc, root, "createdAt", now) || !add_source(doc, root, facts) ||
            !add_versions(doc, root, facts) || !add_capture(doc, root, facts))
                return error_oom(err);
        return json_write(doc, true, out, err);
}
