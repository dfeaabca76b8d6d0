/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"

#define PROC_FILE_LIMIT                                                                                      \
        (16 * MIB) /* /proc/cpuinfo has about 2 KiB for each of up to thousands of processors */
#define FEATURES_MOST   4096
#define CRIU_TIMEOUT_MS 10000

static int text_compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes each word of `words` (changed) into a sorted, NULL-terminated list. */
static int words_sorted(char *words, char ***out)
{
        _cleanup_free_ char **list = calloc(FEATURES_MOST + 1, sizeof(*list));
        size_t count = 0;
        char *rest = NULL;

        if (!list)
                return -ENOMEM;
        for (char *word = strtok_r(words, " \t", &rest); word && count < FEATURES_MOST;
             word = strtok_r(NULL, " \t", &rest)) {
                list[count] = strdup(word);
                if (!list[count])
                        goto fail;
                count++;
        }
        qsort(list, count, sizeof(*list), text_compare);
        *out = steal_ptr(list);
        return 0;
fail:
        while (count)
                free(list[--count]);
        return -ENOMEM;
}

/* "key   : value" at the start of a line; the value without blanks around it, owned. NULL when absent. */
static char *colon_value(const char *text, const char *key)
{
        size_t length = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                const char *at;

                line += *line == '\n';
                if (strncmp(line, key, length) != 0)
                        continue;
                at = line + length + strspn(line + length, " \t");
                if (*at != ':')
                        continue;
                at += 1 + strspn(at + 1, " \t");
                return strndup(at, strcspn(at, "\n"));
        }
        return NULL;
}

/* x86 says "flags", arm64 "Features", s390x "features". */
static int read_cpu(struct host_facts *facts, struct error *err)
{
        static const char *const keys[] = {"flags", "Features", "features"};
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_free_ char *words = NULL;
        int ret = file_read(AT_FDCWD, "/proc/cpuinfo", PROC_FILE_LIMIT, &text, err);

        if (ret < 0)
                return ret;
        facts->cpu_model = colon_value(buffer_text(&text), "model name");
        for (size_t i = 0; i < ARRAY_SIZE(keys) && !words; i++)
                words = colon_value(buffer_text(&text), keys[i]);
        if (!words)
                words = strdup("");
        if (!words || words_sorted(words, &facts->cpu_features) < 0)
                return error_oom(err);
#if defined(__x86_64__) || defined(__i386__)
        unsigned a, b, c, d;

        /* Intel SDM vol. 2A, CPUID leaf 0DH: EBX is the size for the features that are switched on. */
        if (__get_cpuid_count(0xd, 0, &a, &b, &c, &d))
                facts->cpu_xsave_size = b;
#endif
        return 0;
}

/* PRETTY_NAME of os-release(5), quotes removed. */
static char *read_distribution(void)
{
        static const char *const paths[] = {"/etc/os-release", "/usr/lib/os-release"};
        static const char key[] = "PRETTY_NAME=";

        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                _cleanup_buffer_ struct buffer text = {0};
                const char *at;

                if (file_read(AT_FDCWD, paths[i], 64 * KIB, &text, NULL) < 0)
                        continue;
                at = strstr(buffer_text(&text), key);
                if (!at)
                        continue;
                at += strlen(key);
                if (*at == '"' || *at == '\'')
                        return strndup(at + 1, strcspn(at + 1, "\"'\n"));
                return strndup(at, strcspn(at, "\n"));
        }
        return strdup("");
}

/* "Version: 4.2.1" is 40201, as CRIU itself counts; 0 when there is none. */
static uint32_t criu_version_parse(const char *text)
{
        unsigned major = 0, minor = 0, patch = 0;

        if (sscanf(text, "Version: %u.%u.%u", &major, &minor, &patch) < 2 || major > 999 || minor > 99 ||
            patch > 99)
                return 0;
        return major * 10000 + minor * 100 + patch;
}

uint32_t host_criu_version(void)
{
        static const char *const argv[] = {"criu", "--version", NULL};
        struct process_options options = {.argv = argv, .timeout_ms = CRIU_TIMEOUT_MS};
        _cleanup_process_result_ struct process_result result = {0};

        if (process_run(&options, &result, NULL) < 0 || result.exit_status != 0)
                return 0;
        return criu_version_parse(buffer_text(&result.output));
}

/* A hybrid host has its controllers in version 1. */
static unsigned read_cgroup_version(void)
{
        struct statfs fs;

        return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC ? 2 : 1;
}

uint64_t host_memory_available(void)
{
        static const char *const keys[] = {"MemAvailable", "SwapFree"};
        _cleanup_buffer_ struct buffer text = {0};
        uint64_t total = 0;

        if (file_read(AT_FDCWD, "/proc/meminfo", 64 * KIB, &text, NULL) < 0)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                _cleanup_free_ char *value = colon_value(buffer_text(&text), keys[i]);

                total += value ? strtoull(value, NULL, 10) * KIB : 0;
        }
        return total;
}

int host_facts_read(struct host_facts **out, struct error *err)
{
        _cleanup_host_facts_ struct host_facts *facts = calloc(1, sizeof(*facts));
        struct utsname uts;
        int ret;

        if (!facts)
                return error_oom(err);
        if (uname(&uts) < 0)
                return error_errno(err, errno, "cannot ask the kernel for its name");
        facts->hostname = strdup(uts.nodename);
        facts->kernel = strdup(uts.release);
        facts->architecture = strdup(uts.machine);
        facts->distribution = read_distribution();
        ret = read_cpu(facts, err);
        if (ret < 0)
                return ret;
        if (!facts->cpu_model)
                facts->cpu_model = strdup("");
        if (!facts->hostname || !facts->kernel || !facts->architecture || !facts->distribution ||
            !facts->cpu_model)
                return error_oom(err);
        facts->criu_version = host_criu_version();
        facts->cgroup_version = read_cgroup_version();
        *out = steal_ptr(facts);
        return 0;
}

void host_facts_free(struct host_facts *facts)
{
        if (!facts)
                return;
        free(facts->hostname);
        free(facts->kernel);
        free(facts->architecture);
        free(facts->distribution);
        free(facts->cpu_model);
        for (char **feature = facts->cpu_features; feature && *feature; feature++)
                free(*feature);
        free(facts->cpu_features);
        free(facts);
}

yyjson_mut_val *host_facts_to_json(const struct host_facts *facts, yyjson_mut_doc *doc)
{
        yyjson_mut_val *object = yyjson_mut_obj(doc), *features = yyjson_mut_arr(doc);
        bool fine = yyjson_mut_obj_add_strcpy(doc, object, "hostname", facts->hostname) &&
                    yyjson_mut_obj_add_strcpy(doc, object, "kernel", facts->kernel) &&
                    yyjson_mut_obj_add_strcpy(doc, object, "architecture", facts->architecture) &&
                    yyjson_mut_obj_add_strcpy(doc, object, "distribution", facts->distribution) &&
                    yyjson_mut_obj_add_strcpy(doc, object, "cpuModel", facts->cpu_model) &&
                    yyjson_mut_obj_add_val(doc, object, "cpuFeatures", features) &&
                    yyjson_mut_obj_add_uint(doc, object, "xsaveSize", facts->cpu_xsave_size) &&
                    yyjson_mut_obj_add_uint(doc, object, "cgroupVersion", facts->cgroup_version);

        for (char **feature = facts->cpu_features; fine && feature && *feature; feature++)
                fine = yyjson_mut_arr_add_strcpy(doc, features, *feature);
        return fine ? object : NULL;
}

static int features_from_json(yyjson_val *array, char ***out)
{
        _cleanup_buffer_ struct buffer words = {0};
        size_t index, count;
        yyjson_val *value;

        yyjson_arr_foreach (array, index, count, value) {
                if (yyjson_is_str(value) && buffer_printf(&words, "%s ", yyjson_get_str(value)) < 0)
                        return -ENOMEM;
        }
        if (buffer_append_text(&words, "") < 0)
                return -ENOMEM;
        return words_sorted((char *)words.data, out);
}

int host_facts_from_json(yyjson_val *object, struct host_facts **out, struct error *err)
{
        _cleanup_host_facts_ struct host_facts *facts = NULL;

        if (!yyjson_is_obj(object))
                return error_set(err, &ERROR_BAD_JSON, -EBADMSG,
                                 "the facts about the host are not an object");
        facts = calloc(1, sizeof(*facts));
        if (!facts)
                return error_oom(err);
        facts->hostname = strdup(json_text_or(object, "hostname", ""));
        facts->kernel = strdup(json_text_or(object, "kernel", ""));
        facts->architecture = strdup(json_text_or(object, "architecture", ""));
        facts->distribution = strdup(json_text_or(object, "distribution", ""));
        facts->cpu_model = strdup(json_text_or(object, "cpuModel", ""));
        facts->cpu_xsave_size = (uint32_t)json_uint_or(object, "xsaveSize", 0);
        facts->cgroup_version = (unsigned)json_uint_or(object, "cgroupVersion", 0);
        if (!facts->hostname || !facts->kernel || !facts->architecture || !facts->distribution ||
            !facts->cpu_model ||
            features_from_json(yyjson_obj_get(object, "cpuFeatures"), &facts->cpu_features) < 0)
                return error_oom(err);
        *out = steal_ptr(facts);
        return 0;
}
