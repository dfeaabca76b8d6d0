/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checkpoint of a whole pod: a directory with an archive for each container and `pod.json`, which binds
 * them by their digests and says what they have in common (docs/pod.md). The directory appears whole or not
 * at all; a directory without that file is no checkpoint of a pod.
 */
#ifndef SNAP_ARCHIVE_POD_MANIFEST_H
#define SNAP_ARCHIVE_POD_MANIFEST_H

#include "archive/verify.h"
#include "base/clock.h"
#include "base/json.h"

#define POD_MANIFEST_NAME "pod.json"
#define POD_PARTS_MOST    256

/* Text is owned, "" when unknown. */
struct pod_part {
        char *container; /* its name in the pod */
        char *container_id, *container_name, *image;
        char *checkpoint; /* id in its snap.json; "" when another engine wrote the archive */
        char *file;       /* in the same directory */
        uint64_t size;
        struct sha256 digest; /* of the file */
        uint64_t freeze_us;   /* when it stood still, after the first of them */
        uint64_t frozen_us;   /* how long */
};

struct pod_manifest {
        char *directory; /* where it was read from */
        char *id, *created, *engine;
        char *name, *namespace, *uid;
        uint64_t spread_us; /* between the first and the last that stood still */
        struct pod_part *parts;
        size_t count;
        yyjson_doc *doc; /* the whole text: "network", "spec" */
};

/* Is this pod.json, or a directory that has one? Looks only at names. */
bool pod_manifest_is_one(const char *path);
/* Reads either. -EBADMSG (ERROR_POD_MANIFEST) when it is not what docs/pod.md says. */
int pod_manifest_load(const char *path, struct pod_manifest **out, struct error *err);
/* From the text. `directory` is where the parts lie. */
int pod_manifest_parse(struct slice text, const char *directory, struct pod_manifest **out,
                       struct error *err);
void pod_manifest_free(struct pod_manifest *manifest);
CLEANUP_DEFINE(struct pod_manifest *, pod_manifest_free);
#define _cleanup_pod_manifest_ _cleanup_(pod_manifest_freep)

/* Appends the text. `network` and `spec` (values of `doc`; may be NULL) become its members. */
int pod_manifest_write(const struct pod_manifest *manifest, yyjson_mut_doc *doc, yyjson_mut_val *network,
                       yyjson_mut_val *spec, struct buffer *out, struct error *err);

/* Path of the archive of a part; to be freed. */
int pod_part_path(const struct pod_manifest *manifest, const struct pod_part *part, char **out,
                  struct error *err);
/* The archive of a part, which stays the same whatever is put into its place: a descriptor at its beginning.
 */
int pod_part_open(const struct pod_manifest *manifest, const struct pod_part *part, struct error *err);
/* Has the open archive of the part its size and digest, and does it pass archive_verify_file()? Its faults
 * are added to `out`. The same as verify of a file, so that it also knows -ECANCELED. */
int pod_part_verify(const struct pod_manifest *manifest, const struct pod_part *part, int fd,
                    const struct progress *progress, struct verify_report *out, struct error *err);

#endif
