/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One repository of an OCI registry (distribution-spec 1.1). Everything that comes in is checked against its
 * size and digest; everything that fails for a moment (a dropped connection, 429, 502, 503, 504) is tried
 * again with growing pauses, from where it stopped. May be used by several threads at once.
 */
#ifndef SNAP_OCI_REGISTRY_CLIENT_H
#define SNAP_OCI_REGISTRY_CLIENT_H

#include "base/progress.h"
#include "oci/layout.h"

/* "docker://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]", as skopeo writes it. */
struct registry_reference {
        char *host;       /* with its port: "registry.example:5000"; "docker.io" when none was given */
        char *repository; /* "team/web"; "library/web" for a bare name at docker.io */
        char *tag;        /* "latest" when neither tag nor digest was given; NULL with a digest alone */
        bool has_digest;
        struct sha256 digest;
};

bool registry_reference_is_one(const char *text);
/* `text` with or without "docker://". -EINVAL (ERROR_IMAGE_REFERENCE). */
int registry_reference_parse(const char *text, struct registry_reference *out, struct error *err);
void registry_reference_free(struct registry_reference *reference);
#define _cleanup_registry_reference_ _cleanup_(registry_reference_free)
/* "docker://HOST/REPOSITORY:TAG@DIGEST" again, appended. */
int registry_reference_append(const struct registry_reference *reference, struct buffer *out);

/* How registries are reached; from options of a command line or a configuration. All may be NULL. */
struct registry_access {
        const char *auth_file; /* else REGISTRY_AUTH_FILE, containers' auth.json, docker's config.json */
        const char *ca_file;   /* certificates to trust beside the system's and registry_certificates.h's */
        const char *certificate, *key;   /* of the client (mutual TLS), PEM; else those found there */
        bool plain_http;                 /* also to hosts that are not this machine */
        const struct progress *progress; /* its `cancelled` ends any call with -ECANCELED */
};

struct registry;

/* Nothing is sent yet. `access`, which may be NULL, and what it points to must outlive the registry. Plain
 * HTTP is spoken to localhost, 127.0.0.0/8 and ::1 when they do not speak TLS, else only when `access` says
 * so. */
int registry_open(const struct registry_reference *reference, const struct registry_access *access,
                  struct registry **out, struct error *err);
/* The same for a reference as text. */
int registry_open_named(const char *text, const struct registry_access *access, struct registry **out,
                        struct error *err);
void registry_free(struct registry *registry);
CLEANUP_DEFINE(struct registry *, registry_free);
#define _cleanup_registry_ _cleanup_(registry_freep)
/* "HOST/REPOSITORY", for messages, and its two parts. Borrowed. */
const char *registry_name(const struct registry *registry);
const char *registry_host(const struct registry *registry);
const char *registry_repository(const struct registry *registry);

/* --- blobs --------------------------------------------------------------------------------------------- */

/* Has the repository the blob, with this size? */
int registry_blob_exists(struct registry *registry, const struct descriptor *blob, bool *exists,
                         struct error *err);
/* Lets the registry take the blob from another repository of its own, without sending it. `mounted` false:
 * it would not; nothing is left open. */
int registry_blob_mount(struct registry *registry, const struct descriptor *blob, const char *from_repository,
                        bool *mounted, struct error *err);

/*
 * A blob on its way up, whose digest is known when it ends. Bytes are kept until the registry has them, so
 * that a break is not seen here. Where the registry forgets what it had (docker-registry does when a request
 * breaks off), everything is sent again while it is still in memory, REGISTRY_UPLOAD_MEMORY at most; later
 * that is -ESTALE (ERROR_REGISTRY_UPLOAD_LOST), and the caller may begin the blob anew.
 */
struct registry_upload;

/* At most this much memory is taken by one upload. */
#define REGISTRY_UPLOAD_MEMORY (20 * MIB)

int registry_upload_open(struct registry *registry, struct registry_upload **out, struct error *err);
/* Blocks while too much is on its way (back-pressure). `bytes` need only last for the call. */
int registry_upload_append(struct registry_upload *upload, struct slice bytes, struct error *err);
int registry_upload_commit(struct registry_upload *upload, const struct descriptor *blob, struct error *err);
/* Tells the registry to forget what was not committed. */
void registry_upload_free(struct registry_upload *upload);
CLEANUP_DEFINE(struct registry_upload *, registry_upload_free);
#define _cleanup_registry_upload_ _cleanup_(registry_upload_freep)

/* How many bytes a second go up, roughly: by sending ever larger pieces until one takes long enough to be
 * timed. Nothing of it is kept there. */
int registry_rate(struct registry *registry, uint64_t *bytes_per_second, struct error *err);

/* A whole blob from memory, unless it is there. */
int registry_blob_put(struct registry *registry, struct slice bytes, const struct descriptor *blob,
                      struct error *err);

/* A part of a blob; exactly `size` bytes (-EBADMSG when there are fewer). Its digest cannot be checked. */
int registry_blob_read(struct registry *registry, const struct descriptor *blob, uint64_t offset, void *data,
                       size_t size, struct error *err);

/* A blob on its way down: ranges in parallel, handed out in order. Where a registry knows no ranges, in one.
 */
struct registry_download;

#define REGISTRY_DOWNLOAD_MEMORY (32 * MIB)

int registry_download_open(struct registry *registry, const struct descriptor *blob,
                           struct registry_download **out, struct error *err);
/* 1: `chunk` is what comes next, valid until the next call; 0: that was all, and it had its digest
 * (else ERROR_IMAGE_DIGEST). */
int registry_download_next(struct registry_download *download, struct slice *chunk, struct error *err);
void registry_download_free(struct registry_download *download);
CLEANUP_DEFINE(struct registry_download *, registry_download_free);
#define _cleanup_registry_download_ _cleanup_(registry_download_freep)

/* A whole blob of at most `limit` bytes, verified, appended. */
int registry_blob_get(struct registry *registry, const struct descriptor *blob, uint64_t limit,
                      struct buffer *out, struct error *err);
int registry_blob_delete(struct registry *registry, const struct descriptor *blob, struct error *err);

/* --- manifests ----------------------------------------------------------------------------------------- */

struct registry_manifest {
        char *media_type;
        struct descriptor descriptor;
        struct buffer text; /* at most MANIFEST_MAX bytes */
};

/* `name` is a tag or "sha256:…". Verified against the digest asked for, else against Docker-Content-Digest
 * where the registry sends it. -ENOENT (ERROR_IMAGE_NOT_FOUND). */
int registry_manifest_get(struct registry *registry, const char *name, struct registry_manifest *out,
                          struct error *err);
void registry_manifest_free(struct registry_manifest *manifest);
#define _cleanup_registry_manifest_ _cleanup_(registry_manifest_free)
/* Only its descriptor and media type; `text` stays empty. */
int registry_manifest_head(struct registry *registry, const char *name, struct registry_manifest *out,
                           struct error *err);
/* `referrers_known`, which may be NULL: the registry will list it among the referrers of its subject
 * ("OCI-Subject"); otherwise the fallback tag is the caller's to write: registry_referrers_add(). */
int registry_manifest_put(struct registry *registry, const char *name, const char *media_type,
                          struct slice text, bool *referrers_known, struct error *err);
/* A tag, or with "sha256:…" the manifest and all its tags. */
int registry_manifest_delete(struct registry *registry, const char *name, struct error *err);

/* What refers to `subject` (distribution-spec "Listing Referrers"), by API or fallback tag: the text of an
 * image index, appended. `artifact_type` NULL: of any type. */
int registry_referrers(struct registry *registry, const struct sha256 *subject, const char *artifact_type,
                       struct buffer *out, struct error *err);
/* Adds a descriptor (an object as it stands in an index) to the fallback tag of a registry without the API.
 */
int registry_referrers_add(struct registry *registry, const struct sha256 *subject, struct slice descriptor,
                           struct error *err);

/* --- lists --------------------------------------------------------------------------------------------- */

/* Called for each, page by page; stops when it returns a negative errno. */
typedef int (*registry_name_sink)(void *context, const char *name, struct error *err);
int registry_tags(struct registry *registry, registry_name_sink sink, void *context, struct error *err);
/* Repositories of the whole registry ("/v2/_catalog"), where it lists them. */
int registry_catalog(struct registry *registry, registry_name_sink sink, void *context, struct error *err);

#endif
