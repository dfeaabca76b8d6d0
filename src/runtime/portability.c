/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/portability.h"

#include <errno.h>
#include <sched.h>
#include "base/json.h"
#include "runtime/origin.h"
#include "runtime/portability_internal.h"
#include "runtime/spec.h"

/* Register sets beyond those of every x86-64 processor (Intel SDM 1, 13.1). */
#define XSTATE_AVX    ((uint64_t)1 << 2)
#define XSTATE_AVX512 ((uint64_t)7 << 5)
#define XSTATE_PKRU   ((uint64_t)1 << 9)
#define XSTATE_AMX    ((uint64_t)3 << 17)

static int check_architecture(struct portability *portability)
{
        const char *architecture = portability->origin->architecture;

        if (!*architecture)
                return check_list_add(portability->out, "architecture", CHECK_UNKNOWN, "",
                                      "the archive does not say on what it was taken");
        return check_list_add(portability->out, "architecture", CHECK_OK, "",
                              "it needs a machine of the kind %s", architecture);
}

/* What C libraries and compilers choose code by when a program starts. */
static int find_features(const struct portability *portability, struct finding *out)
{
        static const char *const chosen_by[] = {"avx", "avx2",  "avx512f", "amx_tile", "bmi2",
                                                "fma", "asimd", "sve",     "sve2",     "sme"};
        uint64_t xstate = 0;

        for (size_t i = 0; i < portability->dump->process_count; i++)
                xstate |= portability->dump->processes[i].xstate;
        for (char **feature = portability->origin->cpu_features; feature && *feature; feature++)
                for (size_t i = 0; i < ARRAY_SIZE(chosen_by); i++)
                        if (strcmp(*feature, chosen_by[i]) == 0 && finding_add(out, "%s", *feature) < 0)
                                return -ENOMEM;
        if ((xstate & XSTATE_AVX && finding_add(out, "AVX registers in use") < 0) ||
            (xstate & XSTATE_AVX512 && finding_add(out, "AVX-512 registers in use") < 0) ||
            (xstate & XSTATE_PKRU && finding_add(out, "protection keys in use") < 0) ||
            (xstate & XSTATE_AMX && finding_add(out, "AMX registers in use") < 0))
                return -ENOMEM;
        if (portability->origin->cpu_xsave_size &&
            finding_add(out, "register state of %u bytes", portability->origin->cpu_xsave_size) < 0)
                return -ENOMEM;
        return 0;
}

static int check_cpu(struct portability *portability)
{
        const char *model = portability->origin->cpu_model;
        _cleanup_finding_ struct finding features = {.most = 20};

        if (find_features(portability, &features) < 0)
                return -ENOMEM;
        if (!features.count)
                return check_list_add(portability->out, "cpu-features", CHECK_UNKNOWN, "",
                                      "the archive does not say what its processor could do");
        return check_list_add(portability->out, "cpu-features", CHECK_WARNING,
                              "Restore on a machine whose processor has them; a program that uses them dies "
                              "elsewhere. A restore compares before it begins.",
                              "its programs chose their code for %s: %s", *model ? model : "a processor with",
                              buffer_text(&features.text));
}

static int check_kernel(struct portability *portability)
{
        const char *kernel = portability->origin->kernel;

        if (!*kernel)
                return check_list_add(portability->out, "kernel", CHECK_UNKNOWN, "",
                                      "the archive does not name its kernel");
        return check_list_add(portability->out, "kernel", CHECK_OK, "",
                              "it was taken on kernel %s; an older one may lack what it uses", kernel);
}

/* Newer CRIU reads older images, not the other way round: 4.2 counts pages in another field. */
static int check_criu(struct portability *portability)
{
        uint32_t version = portability->origin->criu_version;

        if (!version)
                return check_list_add(portability->out, "criu", CHECK_UNKNOWN, "",
                                      "the archive does not say which CRIU took it");
        if (version >= 40200)
                return check_list_add(portability->out, "criu", CHECK_WARNING,
                                      "Install that version or a newer one on the target.",
                                      "CRIU 4.1 and older cannot restore it: it was taken with %u.%u%s",
                                      version / 10000, version / 100 % 100,
                                      version == 40200 ? " or newer" : "");
        return check_list_add(portability->out, "criu", CHECK_OK, "",
                              "CRIU %u.%u and all newer ones can read it", version / 10000,
                              version / 100 % 100);
}

static int check_memory(struct portability *portability)
{
        return check_list_add(portability->out, "memory", CHECK_OK, "",
                              "%llu MiB of memory are to be restored",
                              (unsigned long long)((portability->dump->pages_size + MIB - 1) / MIB));
}

static int check_cgroup_version(struct portability *portability)
{
        unsigned version = portability->origin->cgroup_version;

        if (!version)
                return check_list_add(portability->out, "cgroup-version", CHECK_UNKNOWN, "",
                                      "the archive does not say which control groups it had");
        return check_list_add(portability->out, "cgroup-version", version == 1 ? CHECK_WARNING : CHECK_OK,
                              version == 1 ? "If the restore fails, use a host with the same version." : "",
                              "it was taken with control groups v%u", version);
}

struct bind_pass {
        bool by_engine; /* one that mounts some things itself */
        struct finding *found;
};

static int see_bind(void *context, const char *source, const char *destination)
{
        const struct bind_pass *pass = context;

        if (pass->by_engine && spec_mount_is_remade(destination))
                return 0;
        return finding_add(pass->found, "%s (on %s)", source, destination);
}

static int check_mounts(struct portability *portability)
{
        const struct metadata *metadata = portability->metadata;
        yyjson_val *spec = yyjson_doc_get_root(metadata->spec);
        _cleanup_finding_ struct finding found = {.most = 20};
        struct bind_pass pass = {metadata->engine != ENGINE_OCI, &found};
        int ret = 0;

        if (spec)
                ret = spec_each_bind(spec,
                                     metadata->engine == ENGINE_PODMAN ? yyjson_doc_get_root(metadata->config)
                                                                       : NULL,
                                     see_bind, &pass);
        for (size_t i = 0; !spec && i < portability->dump->mount_count && ret == 0; i++) {
                const struct criu_mount *mount = &portability->dump->mounts[i];

                if (mount->external && strcmp(mount->destination, "/") != 0)
                        ret = finding_add(&found, "%s (on %s)", mount->root, mount->destination);
        }
        if (ret < 0)
                return ret;
        return portability_add(
                portability, "mounts", CHECK_WARNING, &found, "nothing of the host is mounted into it",
                "files of the host are mounted into it",
                "Put there what the container needs, with the same contents where programs have it open.");
}

static int check_namespaces(struct portability *portability)
{
        static const struct {
                unsigned flag;
                const char *name;
        } names[] = {{CLONE_NEWNET, "network"},
                     {CLONE_NEWPID, "processes"},
                     {CLONE_NEWIPC, "IPC"},
                     {CLONE_NEWUTS, "host name"},
                     {CLONE_NEWNS, "mounts"}};
        _cleanup_finding_ struct finding found = {.most = ARRAY_SIZE(names)};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (portability->dump->host_namespaces & names[i].flag &&
                    finding_add(&found, "%s", names[i].name) < 0)
                        return -ENOMEM;
        return portability_add(portability, "namespaces", CHECK_WARNING, &found,
                               "it has namespaces of its own", "it shares namespaces with the host",
                               "Its addresses, ports, process numbers and paths must be free on the target.");
}

static int check_labels(struct portability *portability)
{
        static const char *const modules[] = {"", "SELinux", "AppArmor"};
        yyjson_val *process = yyjson_obj_get(yyjson_doc_get_root(portability->metadata->spec), "process");
        uint32_t type = portability->dump->inventory.lsm_type;
        const char *profile = json_text_or(process, "apparmorProfile", ""),
                   *label = json_text_or(process, "selinuxLabel", "");

        if (type == 0 && !*profile && !*label)
                return check_list_add(portability->out, "security-labels", CHECK_OK, "",
                                      "its processes have no labels of AppArmor or SELinux");
        return check_list_add(portability->out, "security-labels", CHECK_WARNING,
                              "The target needs the same security module, with that profile or label.",
                              "its processes are labelled by %s%s%s",
                              type && type < ARRAY_SIZE(modules) ? modules[type]
                              : *profile                         ? "AppArmor"
                              : *label                           ? "SELinux"
                                                                 : "a security module",
                              *profile || *label ? ": " : "", *profile ? profile : label);
}

static int check_seccomp(struct portability *portability)
{
        yyjson_val *spec = yyjson_doc_get_root(portability->metadata->spec);

        if (!spec)
                return check_list_add(portability->out, "seccomp", CHECK_UNKNOWN, "",
                                      "the archive does not say whether system calls were filtered");
        if (!yyjson_obj_get(yyjson_obj_get(spec, "linux"), "seccomp"))
                return check_list_add(portability->out, "seccomp", CHECK_WARNING,
                                      "Some hosts do not allow containers without one.",
                                      "it runs without a filter of system calls");
        return check_list_add(portability->out, "seccomp", CHECK_OK, "",
                              "its filters of system calls come with it");
}

static int check_image(struct portability *portability)
{
        const struct metadata *metadata = portability->metadata;
        yyjson_val *facts = yyjson_doc_get_root(metadata->facts);
        const char *name = *metadata->image_name ? metadata->image_name : metadata->image_requested;

        if (strcmp(json_text_or(yyjson_obj_get(facts, "rootfs"), "form", ""), "full") == 0)
                return check_list_add(portability->out, "base-image", CHECK_OK, "",
                                      "the whole root file system is in the checkpoint");
        if (strchr(metadata->image_reference, '@'))
                return check_list_add(portability->out, "base-image", CHECK_OK, "",
                                      "it needs the image %s, pinned as %s", name, metadata->image_reference);
        if (*metadata->image_id)
                return check_list_add(
                        portability->out, "base-image", CHECK_WARNING,
                        "Have it there first (`podman save`, or pull it by digest): the name may mean "
                        "another image by now.",
                        "it needs exactly the image %.12s, which was called %s", metadata->image_id,
                        *name ? name : "nothing");
        if (*name)
                return check_list_add(portability->out, "base-image", CHECK_WARNING,
                                      "Make sure that the name still means the same image.",
                                      "it needs the image %s, which it knows by name only", name);
        return check_list_add(portability->out, "base-image", CHECK_UNKNOWN, "",
                              "the archive does not name its image");
}

/* Damage of other kinds is for verify to find, but what shows here is not kept back. */
static int check_files(struct portability *portability)
{
        _cleanup_finding_ struct finding sizes = {0}, damage = {0};
        int ret = 0;

        for (size_t i = 0; i < portability->files->fault_count && ret == 0; i++) {
                const struct verify_fault *fault = &portability->files->faults[i];
                bool is_size =
                        fault->kind == &ERROR_ARCHIVE_FILE_SIZE || fault->kind == &ERROR_ARCHIVE_INCONSISTENT;

                ret = finding_add(is_size ? &sizes : &damage, "%s: %s", fault->object, fault->reason);
        }
        if (ret == 0 && damage.count)
                ret = check_list_add(portability->out, "archive", CHECK_FAILED,
                                     "Copy it again; `checkpointctl verify` names all that is wrong.",
                                     "it is damaged: %s", buffer_text(&damage.text));
        if (ret < 0)
                return ret;
        return portability_add(
                portability, "open-files", CHECK_FAILED, &sizes,
                "open files have the sizes that CRIU recorded",
                "files were taken at another moment than memory",
                "It cannot be restored anywhere. Take another with `checkpointctl create`, which takes both "
                "at one instant.");
}

int portability_check(struct archive *archive, const struct metadata *metadata, const struct criu_dump *dump,
                      const struct verify_report *files, struct check_list *out, struct error *err)
{
        static int (*const checks[])(struct portability *) = {check_architecture,
                                                              check_cpu,
                                                              check_kernel,
                                                              check_criu,
                                                              check_memory,
                                                              check_image,
                                                              check_mounts,
                                                              portability_check_devices,
                                                              portability_check_connections,
                                                              portability_check_addresses,
                                                              portability_check_unix,
                                                              check_files,
                                                              portability_check_deleted,
                                                              portability_check_linked,
                                                              portability_check_locks,
                                                              portability_check_terminal,
                                                              portability_check_io_uring,
                                                              portability_check_timers,
                                                              portability_check_clock,
                                                              check_namespaces,
                                                              check_cgroup_version,
                                                              check_labels,
                                                              check_seccomp};
        _cleanup_host_facts_ struct host_facts *origin = NULL;
        struct portability portability = {.archive = archive,
                                          .metadata = metadata,
                                          .dump = dump,
                                          .files = files,
                                          .out = out,
                                          .err = err};
        int ret = origin_load(archive, metadata, dump, &origin, err);

        portability.origin = origin;
        for (size_t i = 0; i < ARRAY_SIZE(checks) && ret >= 0; i++) {
                ret = checks[i](&portability);
                if (ret == -ENOMEM)
                        error_oom(err);
        }
        return ret;
}
