/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 server (RFC 9110, 9112) on libmicrohttpd: routes, streamed bodies both ways, TLS, limits.
 *
 * Each connection has a thread of its own, up to a limit. What is served here hashes, writes and waits for
 * disks, for minutes at a time and at gigabytes a second: a thread that may block is the simplest form of
 * back-pressure (a body that is not taken is not read from the socket), spreads TLS and hashing over the
 * processors, and lets sendfile work. It costs about 40 KiB for each connection, so that hundreds are no
 * burden; for tens of thousands of idle ones this would be the wrong model. Handlers of different requests
 * run at the same time; those of one request one after the other.
 */
#ifndef SNAP_NET_SERVER_H
#define SNAP_NET_SERVER_H

#include "base/cleanup.h"
#include "net/errors.h"
#include "net/request.h"
#include "net/route.h"

/*
 * What serves a route. All may be NULL; each returns 0, or a negative errno with `err`, which becomes the
 * answer. A request that was answered in `begin` (or failed there) gets no further calls but `free`.
 */
struct handler {
        int (*begin)(struct request *request, struct error *err); /* the header is there */
        int (*body)(struct request *request, struct slice bytes, struct error *err);
        int (*end)(struct request *request, struct error *err); /* all is there: answers */
        void (*free)(void *state);                              /* request_set_state() */
};

/* One that every answer has. */
struct server_header {
        const char *name, *value;
};

struct server_options {
        const char *listen;            /* see net/listen.h */
        const char *certificate, *key; /* PEM files; both or none; read again when they change */
        const char *client_ca;         /* PEM file: clients may show a certificate of it */
        const struct route *routes;    /* borrowed */
        size_t route_count;
        void *context;                       /* request_context() */
        const struct server_header *headers; /* borrowed */
        size_t header_count;

        /* Who asks? Called when a route was found, before its handler. NULL: everybody is let in. Fills
         * `out`; ERROR_HTTP_UNAUTHENTICATED or ERROR_HTTP_FORBIDDEN ends the request. */
        int (*authenticate)(struct request *request, struct principal *out, struct error *err);
        /* The header WWW-Authenticate of answers with status 401; NULL: none. */
        const char *challenge;
        /* Answers a request that failed, in the words of a protocol; NULL: request_respond_error(). */
        int (*fail)(struct request *request, const struct error *error, struct error *err);
        /* A request is over: answered with `status`, or broken off before (0). For logs and figures. */
        void (*ended)(struct request *request, unsigned status);

        /* Limits; 0: the default in brackets. */
        unsigned connections;  /* at once [512] */
        unsigned per_address;  /* of them from one address [256] */
        unsigned idle_seconds; /* no byte comes or goes [60]; a request header must be whole by then, too,
                                * and a body bring 4 KiB in that time */
        size_t header_size;    /* request line and header, bytes [32 KiB] */
        size_t path_size;      /* the path alone, bytes [8 KiB] */
};

struct server;

/* Serves in threads of its own from now on, which block all signals. Raises the soft limit of open files of
 * the process where it is too low for so many connections. */
int server_start(const struct server_options *options, struct server **out, struct error *err);
/* Where it listens, with the port that it got: "127.0.0.1:5000". Borrowed. */
const char *server_address(const struct server *server);
/* Takes no more connections, lets what goes on end for at most `seconds`, then breaks it off. */
void server_stop(struct server *server, unsigned seconds);
/* Breaks off what goes on. */
void server_free(struct server *server);
CLEANUP_DEFINE(struct server *, server_free);
#define _cleanup_server_ _cleanup_(server_freep)

#endif
