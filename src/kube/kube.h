/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access to the API server of a cluster, as a pod has it (a service account, whose token is read anew for
 * each request since it changes) or as it is told. Its certificate is always checked.
 */
#ifndef SNAP_KUBE_KUBE_H
#define SNAP_KUBE_KUBE_H

#include "base/bytes.h"
#include "base/cleanup.h"
#include "kube/errors.h"

struct kube_options {
        const char *url;               /* "https://HOST:PORT"; NULL: that of the pod we are in */
        const char *ca_file;           /* PEM; NULL: the service account's in a pod, else the system's */
        const char *token_file;        /* NULL: the service account's in a pod, else none */
        const char *certificate, *key; /* PEM, of the client; NULL: none */
};

struct kube;

/* Is there a cluster: was its address given, or is this a pod? */
bool kube_is_there(const struct kube_options *options);
/* Asks nothing yet. ERROR_KUBE_ACCESS. */
int kube_new(const struct kube_options *options, struct kube **out, struct error *err);
void kube_free(struct kube *kube);
CLEANUP_DEFINE(struct kube *, kube_free);
#define _cleanup_kube_ _cleanup_(kube_freep)

/* Posts JSON to a path ("/apis/…") and appends the JSON of its answer. For several threads at once. Errors
 * of net/client.h; ERROR_KUBE_ANSWER (-EPROTO) for any status but a success, with what it said. */
int kube_post(struct kube *kube, const char *path, struct slice body, struct buffer *answer,
              struct error *err);

#endif
