/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers "cri" and "kubelet", the courier and the marks share. */
#ifndef SNAP_RUNTIME_CRI_PRIVATE_H
#define SNAP_RUNTIME_CRI_PRIVATE_H

#include "runtime/cgroup.h"
#include "runtime/courier.h"
#include "runtime/cri.h"

/* "/runtime.v1.METHOD"; `seconds`: 0 for what may take as long as it needs. Errors: see net/grpc.h. */
int cri_call(const char *method, struct slice message, unsigned seconds, struct buffer *out,
             struct error *err);
/* A method of containerd's own; -ENOTSUP where the engine is another one. */
int cri_call_containerd(const char *method, struct slice message, unsigned seconds, struct error *err);

/* In the courier: the call itself. */
int cri_perform(const struct errand *errand, struct error *err);
/* What an engine or the kubelet said when a checkpoint of `name` failed, as an error: with the cause out of
 * CRIU's log when they name it and it can be read. Returns a negative errno. */
int cri_explain(const char *name, const char *words, struct error *err);
/* Appends words of another program for a message: printable ASCII, on one line. 0 or -ENOMEM. */
int cri_words_append(struct buffer *out, struct slice words);

/* Refuses options that an engine's own checkpoint has not (ERROR_UNSUPPORTED), and says where they can be set
 * instead. */
int cri_check_options(const struct checkpoint_options *options, struct error *err);
/* Sets what CRIU's configuration of this node says for checkpoints that `container`'s runtime takes. */
void cri_node_options(const struct container *container, struct checkpoint_options *options);

/* Waits for the courier's answer, and fills in what `call` says of it. -ECANCELED, -ETIMEDOUT: given up. */
int cri_wait(struct courier *courier, struct engine_call *call, struct error *err);

/*
 * Sets a container free that its engine froze and nobody waits for any more; waits first for a dump that is
 * still under way. containerd is asked to do it: it would otherwise take the container for paused, and start
 * nothing in it.
 */
int cri_release(const char *container, const struct cgroup *cgroup, struct error *err);

#endif
