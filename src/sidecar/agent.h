/* SPDX-License-Identifier: Apache-2.0 */
/* The agent: the node engine, served. */
#ifndef SNAP_SIDECAR_AGENT_H
#define SNAP_SIDECAR_AGENT_H

#include "kube/kube.h"
#include "net/server.h"
#include "node/node.h"
#include "node/shelf.h"

struct agent_options {
        struct node_options node;
        const char *listen;            /* HOST:PORT, always with TLS; "": only the socket */
        const char *socket;            /* path; root alone can connect, and may do everything */
        const char *certificate, *key; /* PEM; NULL: our own, kept in the state directory */
        const char *client_ca;         /* PEM: whose client certificates say who asks; NULL: none */
        const char *access;            /* file: who may do what (authority.h); NULL: none */
        const char *registry;     /* "127.0.0.1:5000": images of checkpoints for this machine; NULL: none */
        struct kube_options kube; /* the cluster that is asked beside it, where there is one */
        unsigned checkpoint_seconds; /* a call of the kubelet's API waits, where it does not say */
        const char *reader;          /* path of checkpointctl */
};

struct agent;

/* Opens the node and the listeners, with what is needed to know who asks. What options point to must outlive
 * it. Threads that are started after this one runs are the servers'. */
int agent_start(const struct agent_options *options, struct node *node, struct agent **out,
                struct error *err);
/* Where it listens: "127.0.0.1:10250", with the port that it got; NULL: only on the socket. Borrowed. */
const char *agent_address(const struct agent *agent);
/* Renews the agent's own certificate when it is time; to be called now and then, by one thread. */
void agent_renew(struct agent *agent);
/* Lets what goes on end, for at most `seconds`. */
void agent_stop(struct agent *agent, unsigned seconds);
void agent_free(struct agent *agent);
CLEANUP_DEFINE(struct agent *, agent_free);
#define _cleanup_agent_ _cleanup_(agent_freep)

/* --- for the handlers: the agent that serves a request, and its parts --------------------------------------
 */

const struct agent_options *request_options(const struct request *request);
struct node *request_node(const struct request *request);
struct authority *request_authority(const struct request *request);
struct traffic *request_traffic(const struct request *request);
struct shelf *request_shelf(const struct request *request); /* NULL: there is none */

#endif
