/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of this machine that decide whether a dump taken elsewhere runs here. */
#ifndef SNAP_RUNTIME_HOST_H
#define SNAP_RUNTIME_HOST_H

#include <yyjson.h>
#include "base/bytes.h"
#include "base/error.h"

struct host_facts {
        char *hostname, *kernel, *architecture, *distribution, *cpu_model;
        char **cpu_features;     /* flags of /proc/cpuinfo, sorted, NULL-terminated */
        uint32_t cpu_xsave_size; /* bytes of the XSAVE area (CPUID 0xD); 0 where there is none */
        uint32_t criu_version;   /* 40201 for 4.2.1; 0: not installed */
        unsigned cgroup_version; /* 1 or 2 */
};
int host_facts_read(struct host_facts **out, struct error *err);
void host_facts_free(struct host_facts *facts);
CLEANUP_DEFINE(struct host_facts *, host_facts_free);
#define _cleanup_host_facts_ _cleanup_(host_facts_freep)
/* As the "host" object of snap.json (docs/archive.md), and back. */
yyjson_mut_val *host_facts_to_json(const struct host_facts *facts, yyjson_mut_doc *doc);
int host_facts_from_json(yyjson_val *object, struct host_facts **out, struct error *err);

/* Of the CRIU in PATH, as above. Starts it: some milliseconds. */
uint32_t host_criu_version(void);
/* Does the release text ("6.18.2-amd64") mean at least this kernel? */
bool host_kernel_at_least(const char *release, unsigned major, unsigned minor);
/* Bytes of memory and swap that programs can still have (MemAvailable and SwapFree of /proc/meminfo). */
uint64_t host_memory_available(void);
/* What "OCI-RUNTIME --version" says, and whether it can checkpoint at all. */
struct host_runtime {
        char version[64]; /* "1.28"; "" when it could not be started */
        bool checkpoint;
        char reason[128]; /* why not */
};
void host_runtime_probe(const char *program, struct host_runtime *out);

#endif
