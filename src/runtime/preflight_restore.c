/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/json.h"
#include "criu/dump.h"
#include "runtime/dump_rights.h"
#include "runtime/host.h"
#include "runtime/origin.h"
#include "runtime/portability.h"
#include "runtime/spec.h"

#define DEMANDS_MOST 100 /* all, within reason: a person is to decide about them */

struct preflight {
        const struct archive *archive;
        const struct metadata *metadata;
        const struct runtime_driver *driver;
        const struct restore_options *options;
        struct host_facts *here, *there; /* `there` is NULL in archives that do not say */
        struct criu_dump *dump;
        yyjson_doc *own_spec; /* of options->bundle; NULL without */
        struct check_list *out;
};

static void preflight_free(struct preflight *preflight)
{
        host_facts_free(preflight->here);
        host_facts_free(preflight->there);
        criu_dump_freep(&preflight->dump);
        yyjson_doc_freep(&preflight->own_spec);
}

/* Flags of /proc/cpuinfo that a program can have come to depend on: instructions and their registers. Others
 * tell of timers, mitigations and virtual machines. */
static bool feature_matters(const char *feature)
{
        static const char *const starts[] = {"sse",   "ssse", "avx",     "amx",    "bmi", "sha",
                                             "xsave", "vaes", "vpclmul", "asimd",  "sve", "sme",
                                             "crc32", "aes",  "pmull",   "atomics"},
                                 *const names[] = {
                                         "mmx",        "cx8",       "cx16",     "cmov",      "fma",
                                         "fma4",       "f16c",      "popcnt",   "movbe",     "adx",
                                         "abm",        "pclmulqdq", "gfni",     "rdrand",    "rdseed",
                                         "rdpid",      "rdtscp",    "fsgsbase", "erms",      "fsrm",
                                         "lahf_lm",    "xop",       "tbm",      "3dnow",     "3dnowext",
                                         "clflushopt", "clwb",      "movdiri",  "movdir64b", "serialize",
                                         "waitpkg",    "pku",       "rtm",      "hle",       "lm",
                                         "fp",         "neon",      "vfpv4",    "lrcpc",     "dcpop",
                                         "fcma",       "jscvt",     "flagm"};

        for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
                if (text_starts_with(feature, starts[i]))
                        return true;
        }
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                if (strcmp(feature, names[i]) == 0)
                        return true;
        }
        return false;
}

static bool has_feature(char *const *features, const char *feature)
{
        for (; features && *features; features++) {
                if (strcmp(*features, feature) == 0)
                        return true;
        }
        return false;
}

static int check_architecture(struct preflight *preflight)
{
        const char *here = preflight->here->architecture, *there = preflight->there->architecture;

        if (!*there)
                return check_list_add(preflight->out, "architecture", CHECK_UNKNOWN, "",
                                      "the archive does not say on what it was taken");
        if (strcmp(here, there) == 0)
                return check_list_add(preflight->out, "architecture", CHECK_OK, "", "both are %s", here);
        return check_list_add(preflight->out, "architecture", CHECK_FAILED,
                              "Restore on a machine of that kind.", "it was taken on %s, this machine is %s",
                              there, here);
}

static int check_cpu(struct preflight *preflight)
{
        const struct host_facts *here = preflight->here, *there = preflight->there;
        _cleanup_finding_ struct finding missing = {0};

        if (!there->cpu_features || !there->cpu_features[0])
                return check_list_add(preflight->out, "cpu-features", CHECK_UNKNOWN, "",
                                      "the archive does not say what its processor could do");
        for (char **feature = there->cpu_features; *feature; feature++) {
                if (feature_matters(*feature) && !has_feature(here->cpu_features, *feature) &&
                    finding_add(&missing, "%s", *feature) < 0)
                        return -ENOMEM;
        }
        if (there->cpu_xsave_size > here->cpu_xsave_size &&
            finding_add(&missing, "register state of %u bytes (%u here)", there->cpu_xsave_size,
                        here->cpu_xsave_size) < 0)
                return -ENOMEM;
        if (missing.count)
                return check_list_add(
                        preflight->out, "cpu-features", CHECK_FAILED,
                        "Restore on a machine whose processor has them; a program that uses them dies "
                        "here.",
                        "this processor (%s) lacks what that of the checkpoint (%s) had: %s", here->cpu_model,
                        there->cpu_model, buffer_text(&missing.text));
        return check_list_add(preflight->out, "cpu-features", CHECK_OK, "",
                              "this processor can do all that the other could");
}

static int check_kernel(struct preflight *preflight)
{
        unsigned major = 0, minor = 0;

        if (sscanf(preflight->there->kernel, "%u.%u", &major, &minor) != 2)
                return check_list_add(preflight->out, "kernel", CHECK_UNKNOWN, "",
                                      "the archive does not name its kernel");
        if (host_kernel_at_least(preflight->here->kernel, major, minor))
                return check_list_add(preflight->out, "kernel", CHECK_OK, "",
                                      "kernel %s is not older than %s", preflight->here->kernel,
                                      preflight->there->kernel);
        return check_list_add(preflight->out, "kernel", CHECK_WARNING,
                              "If the restore fails, use a host with a kernel as new.",
                              "kernel %s is older than that of the checkpoint, %s", preflight->here->kernel,
                              preflight->there->kernel);
}

/* Newer CRIU reads older images, not the other way round. */
static int check_criu(struct preflight *preflight)
{
        uint32_t here = preflight->here->criu_version, there = preflight->there->criu_version;

        if (!here)
                return check_list_add(preflight->out, "criu", CHECK_FAILED, "Install the package criu.",
                                      "CRIU is not installed");
        if (here / 100 < there / 100)
                return check_list_add(preflight->out, "criu", CHECK_FAILED,
                                      "Install that version or a newer one.",
                                      "CRIU %u.%u is older than that of the checkpoint, %u.%u", here / 10000,
                                      here / 100 % 100, there / 10000, there / 100 % 100);
        return check_list_add(preflight->out, "criu", CHECK_OK, "", "CRIU %u.%u.%u can read it", here / 10000,
                              here / 100 % 100, here % 100);
}

static int check_runtime(struct preflight *preflight)
{
        const struct runtime_driver *driver = preflight->driver;
        const char *program =
                strcmp(driver->name, "podman") == 0 ? preflight->metadata->runtime : driver->name;
        struct host_runtime runtime;

        if (!driver->available())
                return check_list_add(preflight->out, "runtime", CHECK_FAILED, "Install it.",
                                      "%s is not installed", driver->name);
        /* Only a name is believed, never a path: it comes from the archive. */
        if (strcmp(program, "runc") != 0)
                program = "crun";
        host_runtime_probe(program, &runtime);
        if (!runtime.checkpoint)
                return check_list_add(preflight->out, "runtime", CHECK_FAILED,
                                      "Install crun with libcriu2, or runc.", "%s", runtime.reason);
        return check_list_add(preflight->out, "runtime", CHECK_OK, "", "%s %s can restore", program,
                              runtime.version);
}

static int check_cgroup_version(struct preflight *preflight)
{
        unsigned here = preflight->here->cgroup_version, there = preflight->there->cgroup_version;

        if (!there)
                return check_list_add(preflight->out, "cgroup-version", CHECK_UNKNOWN, "",
                                      "the archive does not say which control groups it had");
        if (here == there)
                return check_list_add(preflight->out, "cgroup-version", CHECK_OK, "",
                                      "both have control groups v%u", here);
        return check_list_add(preflight->out, "cgroup-version", CHECK_WARNING,
                              "If the restore fails, use a host with the same version.",
                              "it was taken with control groups v%u, this host has v%u", there, here);
}

/* The configuration and the dump can ask. What stands in a person's own bundle is no demand of the archive.
 */
static int check_privileges(struct preflight *preflight)
{
        const struct metadata *metadata = preflight->metadata;
        yyjson_val *spec = yyjson_doc_get_root(preflight->own_spec ? preflight->own_spec : metadata->spec);
        yyjson_val *libpod = metadata->engine == ENGINE_PODMAN ? yyjson_doc_get_root(metadata->config) : NULL;
        struct criu_source source = archive_criu_source((struct archive *)(uintptr_t)preflight->archive);
        _cleanup_finding_ struct finding demands = {.most = DEMANDS_MOST};
        struct error why = {0};
        bool own = preflight->options->bundle != NULL, in_pod = preflight->options->pod != NULL;
        int ret = libpod && !own ? spec_find_libpod_demands(libpod, in_pod, &demands) : 0;

        if (ret == 0 && !own)
                ret = spec_find_demands(spec, libpod, in_pod, &demands);
        if (ret == 0 && dump_find_demands(&source, spec, &demands, &why) < 0)
                ret = finding_add(&demands, "rights that cannot be read: %s", why.text);
        if (ret < 0)
                return ret;
        if (demands.count)
                return check_list_add(
                        preflight->out, "privileges", CHECK_FAILED,
                        "Go on with --force if you know where the archive comes from and want it so.",
                        "the archive asks for more than an ordinary container has: %s",
                        buffer_text(&demands.text));
        ret = check_list_add(preflight->out, "privileges", CHECK_OK, "",
                             "the archive asks for nothing beyond an ordinary container");
        if (ret == 0 && spec && !preflight->options->bundle &&
            !yyjson_obj_get(yyjson_obj_get(spec, "linux"), "seccomp"))
                ret = check_list_add(preflight->out, "seccomp", CHECK_WARNING, "",
                                     "it runs without a filter of system calls, as it did before");
        return ret;
}

static int see_bind(void *context, const char *source, const char *destination)
{
        struct stat status;

        return stat(source, &status) == 0 ? 0 : finding_add(context, "%s (on %s)", source, destination);
}

static int check_mounts(struct preflight *preflight)
{
        const struct metadata *metadata = preflight->metadata;
        _cleanup_finding_ struct finding missing = {0};

        if (preflight->options->bundle)
                return 0;
        if (spec_each_bind(yyjson_doc_get_root(metadata->spec),
                           metadata->engine == ENGINE_PODMAN ? yyjson_doc_get_root(metadata->config) : NULL,
                           see_bind, &missing) < 0)
                return -ENOMEM;
        if (missing.count)
                return check_list_add(preflight->out, "mounts", CHECK_FAILED,
                                      "Put there what the container needs, or restore where it is.",
                                      "files of the host that are mounted into it are not here: %s",
                                      buffer_text(&missing.text));
        return check_list_add(preflight->out, "mounts", CHECK_OK, "", "all that is to be mounted is here");
}

static int check_tcp(struct preflight *preflight)
{
        enum tcp_policy tcp = preflight->options->tcp;
        _cleanup_finding_ struct finding connections = {0};

        if (portability_find_connections(preflight->dump, &connections) < 0)
                return -ENOMEM;
        if (!connections.count)
                return check_list_add(preflight->out, "established-tcp", CHECK_OK, "",
                                      "the checkpoint has no open TCP connection");
        if (tcp == TCP_REFUSE)
                return check_list_add(
                        preflight->out, "established-tcp", CHECK_FAILED,
                        "Keep them (--tcp keep, needs the same address and that the old container is "
                        "gone) or close them (--tcp close).",
                        "the checkpoint has open TCP connections: %s", buffer_text(&connections.text));
        return check_list_add(preflight->out, "established-tcp", CHECK_OK, "",
                              "open TCP connections will be %s: %s", tcp == TCP_KEEP ? "kept" : "closed",
                              buffer_text(&connections.text));
}

/* CRIU puts all of it back into memory. */
static int check_memory(struct preflight *preflight)
{
        uint64_t need = preflight->dump->pages_size, available = host_memory_available();

        return check_list_add(preflight->out, "memory", available >= need ? CHECK_OK : CHECK_FAILED,
                              available >= need ? "" : "Free memory, or restore on a larger machine.",
                              "%llu MiB of memory are to be restored, %llu MiB are available",
                              (unsigned long long)(need / MIB), (unsigned long long)(available / MIB));
}

static int load_own_spec(struct preflight *preflight, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_free_ char *path = NULL;
        int ret;

        if (asprintf(&path, "%s/config.json", preflight->options->bundle) < 0) {
                path = NULL;
                return error_oom(err);
        }
        ret = file_read(AT_FDCWD, path, JSON_LIMIT, &text, err);
        return ret < 0 ? ret : json_parse(buffer_slice(&text), path, &preflight->own_spec, err);
}

static int load(struct preflight *preflight, struct error *err)
{
        struct archive *archive = (struct archive *)(uintptr_t)preflight->archive;
        struct criu_source source = archive_criu_source(archive);
        int ret = host_facts_read(&preflight->here, err);

        if (ret == 0 && preflight->options->bundle)
                ret = load_own_spec(preflight, err);
        if (ret == 0)
                ret = criu_dump_load(&source, CRIU_LOAD_FILES | CRIU_LOAD_MOUNTS, &preflight->dump, err);
        return ret < 0 ? ret
                       : origin_load(archive, preflight->metadata, preflight->dump, &preflight->there, err);
}

int preflight_restore(const struct archive *archive, const struct metadata *metadata,
                      const struct runtime_driver *driver, const struct restore_options *options,
                      struct check_list *out, struct error *err)
{
        static int (*const checks[])(struct preflight *) = {
                check_architecture,   check_cpu,    check_kernel,     check_criu,   check_runtime,
                check_cgroup_version, check_memory, check_privileges, check_mounts, check_tcp};
        _cleanup_(preflight_free) struct preflight preflight = {
                .archive = archive, .metadata = metadata, .driver = driver, .options = options, .out = out};
        int ret = load(&preflight, err);

        if (ret < 0)
                return ret;
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
                if (checks[i](&preflight) < 0)
                        return error_oom(err);
        }
        return driver->preflight_restore && driver->available()
                       ? driver->preflight_restore(archive, metadata, options, out, err)
                       : 0;
}
