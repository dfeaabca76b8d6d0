/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the server share. */
#ifndef SNAP_NET_SERVER_PRIVATE_H
#define SNAP_NET_SERVER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include "net/mhd.h"
#include "net/server.h"
#include "net/server_tls.h"

/* One that is open. Its own thread and the watch look at it. */
struct connection {
        struct server *server;
        struct connection *previous, *next;
        int fd;
        atomic_bool in_request; /* a header was read, the answer is not out yet */
        atomic_bool in_handler; /* it is ours to move */
        _Atomic uint64_t since; /* monotonic: it waits for a header, or for this much more of the body */
        _Atomic uint64_t bytes; /* of the body, since then */
        atomic_bool receives;   /* a body */
        bool certificate_known; /* own thread only: `certificate` was looked for */
        bool has_certificate;
        struct principal certificate;
};

struct server {
        struct server_options options;
        struct MHD_Daemon *daemon;
        struct server_tls *tls; /* NULL: plain */
        struct buffer address;
        pthread_mutex_t lock; /* of the list, the count and `stopping` */
        pthread_cond_t changed;
        struct connection *connections;
        unsigned requests; /* being served */
        bool stopping;
        atomic_bool ending; /* the same, for those who do not hold the lock */
        bool has_watch;
        pthread_t watch;
};

struct request {
        struct server *server;
        struct connection *connection;
        struct MHD_Connection *http;
        char *method, *path;
        uint64_t body_size, swallowed;
        struct route_match match;
        char *parameters[ROUTE_PARAMETERS]; /* decoded */
        struct query {
                struct query *next;
                char *name;
                struct buffer value; /* decoded */
        } *queries;                  /* those asked for */
        struct principal principal;
        void *state;

        struct header {
                struct header *next;
                char *name, *value;
        } *headers; /* of the answer, until there is one */
        unsigned status;
        struct MHD_Response *response; /* no further calls of the handler when there is one */
        bool was_sent;
};

/* request.c. NULL: out of memory. */
struct request *request_new(struct server *server, struct MHD_Connection *http, const char *method,
                            const char *path);
void request_free(struct request *request);
/* Finds the route, lets the client in, calls `begin`. */
void request_begin(struct request *request);
/* Is it answered before its body, which is too long to be read for nothing? */
bool request_is_answered_early(const struct request *request);
/* 0, or a negative errno that breaks the connection off. */
int request_body(struct request *request, struct slice bytes);
void request_end(struct request *request);
/* 0, or a negative errno when nothing can be said. */
int request_send(struct request *request);

/* response.c */
void request_free_response(struct request *request);

#endif
