/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Podman driver share. */
#ifndef SNAP_RUNTIME_PODMAN_H
#define SNAP_RUNTIME_PODMAN_H

#include "base/process.h"
#include "runtime/runtime.h"

struct podman_volume {
        char *name, *path;
};

/* Read when the container is inspected, so that nothing has to be asked while it is frozen. */
struct podman_record {
        struct buffer config;  /* libpod's ContainerConfig */
        struct buffer spec;    /* the runtime's config.json */
        struct buffer network; /* its network status, or "null" */
        struct podman_volume *volumes;
        size_t volume_count;
        char *pod;     /* id of its pod; "" outside of pods */
        bool restarts; /* it has a restart policy */
};
struct podman_record *podman_record(const struct container *container);

/* All words that a listing command of Podman prints, for podman_named(). A call costs some 50 ms, so one is
 * made for all names that are looked for. */
int podman_words(const char *const *argv, struct buffer *out, struct error *err);
bool podman_named(const struct buffer *words, const char *name);
/* Names and ids of all containers; names of all volumes. */
int podman_container_words(struct buffer *out, struct error *err);
int podman_volume_words(struct buffer *out, struct error *err);
/* Runs Podman; a non-zero exit status is left to the caller. */
int podman_run(const char *const *argv, struct process_result *result, struct error *err);
/* The last line of its standard error without "Error: ", for messages. Borrowed from `result`, which is
 * changed. */
const char *podman_complaint(struct process_result *result);

/* The same, and parses what it prints; a non-zero exit status is an error. */
int podman_json(const char *const *argv, struct process_result *result, yyjson_doc **out, struct error *err);

int podman_describe(const struct container *container, const struct checkpoint_options *options,
                    struct archive_writer *writer, struct error *err);
int podman_describe_pod(const struct container *container, struct buffer *out, struct error *err);
int podman_make_pod(yyjson_val *description, const struct restore_options *options, char **id, pid_t *sandbox,
                    struct error *err);
int podman_remove_pod(const char *id, struct error *err);
int podman_stop(const struct container *container, struct error *err);
int podman_preflight_restore(const struct archive *archive, const struct metadata *metadata,
                             const struct restore_options *options, struct check_list *out,
                             struct error *err);
int podman_restore(const struct stage *stage, const struct metadata *metadata,
                   const struct restore_options *options, struct restore_result *out, struct error *err);

#endif
