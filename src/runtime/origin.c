/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/origin.h"

#include <errno.h>
#include "base/json.h"
#include "criu/pagemap.h"

/* CRIU describes the machine in its first lines. */
#define LOG_SIZE (64 * KIB)

/* An image says no more than that. */
#define VERSION_WIDE_COUNTS 40200

/* Takes the place of an empty text. */
static int fill(char **text, const char *from, size_t size)
{
        char *copy;

        if (**text || !size)
                return 0;
        copy = strndup(from, size);
        if (!copy)
                return -ENOMEM;
        free(*text);
        *text = copy;
        return 0;
}

/* What follows `label` on its line; `size` 0 when there is no such line. */
static const char *after(const char *log, const char *label, size_t *size)
{
        const char *found = strstr(log, label);

        found = found ? found + strlen(label) : "";
        *size = strcspn(found, "\n");
        return found;
}

/* "Running on HOST Linux 6.18.2-amd64 #1 SMP … x86_64" */
static int read_machine(const char *log, struct host_facts *facts)
{
        size_t size, length;
        const char *line = after(log, "Running on ", &size), *release = strstr(line, " Linux "), *last;

        if (!release || release >= line + size)
                return 0;
        release += strlen(" Linux ");
        length = strcspn(release, " \n");
        for (last = line + size; last > line && last[-1] != ' ';)
                last--;
        if (fill(&facts->kernel, release, length) < 0)
                return -ENOMEM;
        return fill(&facts->architecture, last, (size_t)(line + size - last));
}

static int read_log(const char *log, struct host_facts *facts)
{
        unsigned major, minor, patch = 0;
        size_t size;
        const char *model = after(log, "x86_model_id ", &size);

        if (fill(&facts->cpu_model, model, size) < 0 || read_machine(log, facts) < 0)
                return -ENOMEM;
        if (!facts->criu_version &&
            sscanf(after(log, "Version: ", &size), "%u.%u.%u", &major, &minor, &patch) >= 2 && major < 1000 &&
            minor < 100 && patch < 100)
                facts->criu_version = major * 10000 + minor * 100 + patch;
        if (!facts->cpu_xsave_size)
                (void)sscanf(after(log, " xsave_size ", &size), "%u", &facts->cpu_xsave_size);
        return 0;
}

/* A log that cannot be read tells nothing; that is for verify to complain about. */
static int look_at_log(struct archive *archive, struct host_facts *facts, struct error *err)
{
        const struct archive_member *member = archive_find(archive, "dump.log");
        size_t size;
        _cleanup_free_ char *log = NULL;
        int ret;

        if (!member)
                member = archive_find(archive, "checkpoint/dump.log");
        if (!member || member->type != TAR_FILE)
                return 0;
        size = member->size < LOG_SIZE ? member->size : LOG_SIZE;
        log = calloc(1, size + 1);
        if (!log)
                return error_oom(err);
        ret = archive_read_at(archive, member, 0, log, size, NULL);
        if (ret == -ENOTSUP) {
                /* Not sought into, but logs up to a mebibyte are kept. */
                _cleanup_buffer_ struct buffer whole = {0};

                if (archive_read(archive, member, MIB, &whole, NULL) == 0 && whole.size >= size)
                        memcpy(log, whole.data, size);
        }
        return read_log(log, facts) < 0 ? error_oom(err) : 0;
}

static int look_at_images(struct archive *archive, const struct criu_dump *dump, struct host_facts *facts,
                          struct error *err)
{
        const struct criu_process *root = dump->process_count ? &dump->processes[0] : NULL;
        const struct criu_source source = archive_criu_source(archive);
        _cleanup_criu_pagemap_ struct criu_pagemap pagemap = {0};
        struct criu_region region;
        char name[64];

        if (root && fill(&facts->architecture, root->architecture, strlen(root->architecture)) < 0)
                return error_oom(err);
        for (size_t i = 0; i < dump->mount_count && !facts->cgroup_version; i++) {
                if (strcmp(dump->mounts[i].type, "cgroup") == 0)
                        facts->cgroup_version = 1;
                else if (strcmp(dump->mounts[i].type, "cgroup2") == 0)
                        facts->cgroup_version = 2;
        }
        if (!root || facts->criu_version)
                return 0;
        snprintf(name, sizeof(name), "pagemap-%d.img", (int)root->pid);
        if (criu_pagemap_open(&source, name, &pagemap, NULL) == 0 &&
            criu_pagemap_next(&pagemap, &region, NULL) > 0 && pagemap.wide_counts)
                facts->criu_version = VERSION_WIDE_COUNTS;
        return 0;
}

static int new_facts(const struct metadata *metadata, struct host_facts **out, struct error *err)
{
        yyjson_val *root = yyjson_doc_get_root(metadata->facts), *host = yyjson_obj_get(root, "host");
        _cleanup_json_ yyjson_doc *empty = NULL;
        int ret = host ? 0 : json_parse(SLICE_TEXT("{}"), "no facts", &empty, err);

        if (ret == 0)
                ret = host_facts_from_json(host ? host : yyjson_doc_get_root(empty), out, err);
        if (ret < 0)
                return ret;
        (*out)->criu_version = (uint32_t)json_uint_or(yyjson_obj_get(root, "criu"), "version", 0);
        return 0;
}

int origin_load(struct archive *archive, const struct metadata *metadata, const struct criu_dump *dump,
                struct host_facts **out, struct error *err)
{
        _cleanup_host_facts_ struct host_facts *facts = NULL;
        int ret = new_facts(metadata, &facts, err);

        if (ret == 0)
                ret = look_at_log(archive, facts, err);
        if (ret == 0)
                ret = look_at_images(archive, dump, facts, err);
        if (ret == 0)
                *out = steal_ptr(facts);
        return ret;
}
