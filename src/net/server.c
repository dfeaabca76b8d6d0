/* SPDX-License-Identifier: Apache-2.0 */
#include "net/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include "base/clock.h"
#include "net/listen.h"
#include "net/server_private.h"

/* Of each connection: what is read at once, beside the header. Only what is used of it takes memory. */
#define CONNECTION_MEMORY (256 * KIB)
#define THREAD_STACK      (512 * KIB)
/* So much of a body must come while one may be idle. */
#define BODY_MINIMUM (4 * KIB)
#define SECOND_US    1000000

/* --- the watch: what takes too long ----------------------------------------------------------------------
 */

static bool is_overdue(struct connection *connection, uint64_t now)
{
        const struct server *server = connection->server;
        uint64_t waited = now - connection->since;

        if (connection->in_handler)
                return false;
        if (!connection->in_request)
                return server->stopping || waited > server->options.idle_seconds * (uint64_t)SECOND_US;
        if (!connection->receives || waited <= server->options.idle_seconds * (uint64_t)SECOND_US)
                return false;
        if (connection->bytes < BODY_MINIMUM)
                return true;
        connection->bytes = 0;
        connection->since = now;
        return false;
}

static void look_at_connections(struct server *server)
{
        uint64_t now = clock_monotonic_us();

        for (struct connection *each = server->connections; each; each = each->next)
                if (is_overdue(each, now))
                        shutdown(each->fd, SHUT_RDWR); /* wakes its thread, which closes it */
}

static void *watch(void *argument)
{
        struct server *server = argument;

        pthread_mutex_lock(&server->lock);
        while (server->has_watch) {
                struct timespec until;

                look_at_connections(server);
                clock_gettime(CLOCK_MONOTONIC, &until);
                until.tv_sec++;
                /* One that nobody is connected to sleeps. */
                if (server->connections)
                        pthread_cond_timedwait(&server->changed, &server->lock, &until);
                else
                        pthread_cond_wait(&server->changed, &server->lock);
        }
        pthread_mutex_unlock(&server->lock);
        return NULL;
}

/* --- what libmicrohttpd calls ----------------------------------------------------------------------------
 */

static void set_socket_options(int fd, unsigned idle_seconds)
{
        const unsigned timeout_ms = idle_seconds * 1000;
        const int on = 1;

        /* A client that takes nothing of an answer for so long is gone. Sockets of other kinds refuse. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void connection_open(struct server *server, struct MHD_Connection *http, void **context)
{
        struct connection *connection = calloc(1, sizeof(*connection));

        *context = connection;
        if (!connection)
                return; /* its first request is refused */
        connection->server = server;
        connection->fd =
                microhttpd.MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        connection->since = clock_monotonic_us();
        set_socket_options(connection->fd, server->options.idle_seconds);
        pthread_mutex_lock(&server->lock);
        connection->next = server->connections;
        if (connection->next)
                connection->next->previous = connection;
        server->connections = connection;
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->lock);
}

static void connection_close(struct server *server, struct connection *connection)
{
        if (!connection)
                return;
        pthread_mutex_lock(&server->lock);
        if (connection->next)
                connection->next->previous = connection->previous;
        if (connection->previous)
                connection->previous->next = connection->next;
        else
                server->connections = connection->next;
        pthread_mutex_unlock(&server->lock);
        free(connection);
}

static void on_connection(void *context, struct MHD_Connection *http, void **connection,
                          enum MHD_ConnectionNotificationCode what)
{
        if (what == MHD_CONNECTION_NOTIFY_STARTED)
                connection_open(context, http, connection);
        else
                connection_close(context, *connection);
}

static void count_requests(struct server *server, int change)
{
        pthread_mutex_lock(&server->lock);
        server->requests += (unsigned)change;
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->lock);
}

static void handler_enter(struct connection *connection, uint64_t *entered)
{
        *entered = clock_monotonic_us();
        connection->in_handler = true;
}

/* What we take ourselves is not held against the client. */
static void handler_leave(struct connection *connection, uint64_t entered)
{
        connection->since += clock_monotonic_us() - entered;
        connection->in_handler = false;
}

static struct request *start_request(struct server *server, struct MHD_Connection *http, const char *method,
                                     const char *path)
{
        struct request *request = request_new(server, http, method, path);

        if (!request)
                return NULL;
        request->connection->in_request = true;
        request->connection->since = clock_monotonic_us();
        request->connection->bytes = 0;
        request->connection->receives = request->body_size > 0;
        count_requests(server, 1);
        return request;
}

/* Called when the header is there, for each piece of the body, and at the end; MHD_NO breaks off. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *http, const char *path,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **state)
{
        struct request *request = *state;
        uint64_t entered;
        int ret = 0;

        if (!request) {
                request = *state = start_request(context, http, method, path);
                if (!request)
                        return MHD_NO;
                handler_enter(request->connection, &entered);
                request_begin(request);
                if (request_is_answered_early(request))
                        ret = request_send(request);
        } else if (*size) {
                request->connection->bytes += *size;
                handler_enter(request->connection, &entered);
                ret = request_body(request, (struct slice){(const uint8_t *)data, *size});
                *size = 0;
        } else {
                request->connection->receives = false;
                handler_enter(request->connection, &entered);
                request_end(request);
                ret = request_send(request);
        }
        handler_leave(request->connection, entered);
        return ret == 0 ? MHD_YES : MHD_NO;
}

static void on_completed(void *context, struct MHD_Connection *http, void **state,
                         enum MHD_RequestTerminationCode how)
{
        struct request *request = *state;

        if (!request)
                return;
        request->was_sent = how == MHD_REQUEST_TERMINATED_COMPLETED_OK;
        request->connection->receives = false;
        request->connection->since = clock_monotonic_us();
        request->connection->in_request = false;
        if (request->server->options.ended)
                request->server->options.ended(
                        request, how == MHD_REQUEST_TERMINATED_COMPLETED_OK ? request->status : 0);
        request_free(request);
        count_requests(context, -1);
}

/* Paths and queries are decoded by us, when it is known what they are. */
static size_t leave_escaped(void *context, struct MHD_Connection *http, char *text)
{
        return strlen(text);
}

static int on_handshake(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                        gnutls_pcert_st **chain, unsigned *chain_length, gnutls_ocsp_data_st **ocsp,
                        unsigned *ocsp_length, gnutls_privkey_t *key, unsigned *flags)
{
        const union MHD_ConnectionInfo *context = microhttpd.MHD_get_connection_info(
                gnutls.gnutls_session_get_ptr(session), MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        const struct connection *connection = context ? context->socket_context : NULL;

        if (!connection)
                return -1;
        server_tls_reload(connection->server->tls);
        *ocsp = NULL;
        *ocsp_length = 0;
        *flags = GNUTLS_CERT_RETR_DEINIT_ALL;
        return server_tls_retrieve(connection->server->tls, chain, chain_length, key) < 0 ? -1 : 0;
}

/* --- from start to stop ----------------------------------------------------------------------------------
 */

static void set_defaults(struct server_options *options)
{
        options->connections = options->connections ?: 512;
        options->per_address = options->per_address ?: 256;
        options->idle_seconds = options->idle_seconds ?: 60;
        options->header_size = options->header_size ?: 32 * KIB;
        options->path_size = options->path_size ?: 8 * KIB;
}

static int start_daemon(struct server *server, int fd, struct error *err)
{
        const struct server_options *options = &server->options;
        unsigned flags =
                MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC;
        struct MHD_OptionItem tls[5];
        size_t count = 0;

        if (server->tls) {
                flags |= MHD_USE_TLS;
                tls[count++] =
                        (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)on_handshake};
                tls[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                                       (void *)(uintptr_t)SERVER_TLS_PRIORITIES};
                if (server_tls_client_ca(server->tls))
                        tls[count++] =
                                (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0,
                                                        (void *)(uintptr_t)server_tls_client_ca(server->tls)};
        }
        tls[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
        server->daemon = microhttpd.MHD_start_daemon(
                flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
                MHD_OPTION_CONNECTION_LIMIT, options->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                options->per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_UNESCAPE_CALLBACK,
                leave_escaped, NULL, MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, MHD_OPTION_ARRAY, tls,
                MHD_OPTION_END);
        if (!server->daemon)
                return error_set(err, &ERROR_SERVER_LISTEN, -EIO, "cannot serve on `%s`",
                                 buffer_text(&server->address));
        return 0;
}

static int start_threads(struct server *server, int *fd, struct error *err)
{
        sigset_t all, before;
        int ret;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        server->has_watch = true;
        ret = -pthread_create(&server->watch, NULL, watch, server);
        if (ret < 0) {
                server->has_watch = false;
                ret = error_errno(err, -ret, "cannot start a thread");
        } else {
                ret = start_daemon(server, *fd, err);
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (ret == 0)
                (void)steal_fd(fd);
        return ret;
}

/* Each connection has a socket, and perhaps a few files; where the soft limit is lower, it is raised. */
static void allow_descriptors(unsigned connections)
{
        struct rlimit limit;
        rlim_t wanted = (rlim_t)connections * 4 + 64;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
                return;
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static struct server *server_new(const struct server_options *options)
{
        struct server *server = calloc(1, sizeof(*server));
        pthread_condattr_t attributes;

        if (!server)
                return NULL;
        server->options = *options;
        set_defaults(&server->options);
        pthread_mutex_init(&server->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&server->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        return server;
}

int server_start(const struct server_options *options, struct server **out, struct error *err)
{
        _cleanup_server_ struct server *server = NULL;
        _cleanup_close_ int fd = -1;
        int ret = microhttpd_load(err);

        if (ret < 0)
                return ret;
        server = server_new(options);
        if (!server)
                return error_oom(err);
        if (options->certificate)
                ret = server_tls_new(options->certificate, options->key, options->client_ca, &server->tls,
                                     err);
        if (ret < 0)
                return ret;
        fd = listen_open(options->listen, err);
        if (fd < 0)
                return fd;
        if (listen_describe(fd, &server->address) < 0)
                return error_oom(err);
        allow_descriptors(server->options.connections);
        ret = start_threads(server, &fd, err);
        if (ret == 0)
                *out = steal_ptr(server);
        return ret;
}

const char *server_address(const struct server *server)
{
        return buffer_text(&server->address);
}

void server_stop(struct server *server, unsigned seconds)
{
        struct timespec until;
        int fd;

        if (!server->daemon)
                return;
        fd = microhttpd.MHD_quiesce_daemon(server->daemon);
        if (fd >= 0)
                close(fd);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += seconds;
        server->ending = true;
        pthread_mutex_lock(&server->lock);
        server->stopping = true;
        pthread_cond_broadcast(&server->changed);
        while (server->requests &&
               pthread_cond_timedwait(&server->changed, &server->lock, &until) != ETIMEDOUT)
                ;
        pthread_mutex_unlock(&server->lock);
        microhttpd.MHD_stop_daemon(steal_ptr(server->daemon));
        if (text_starts_with(server_address(server), "unix:"))
                unlink(server_address(server) + strlen("unix:"));
}

void server_free(struct server *server)
{
        if (!server)
                return;
        server_stop(server, 0);
        if (server->has_watch) {
                pthread_mutex_lock(&server->lock);
                server->has_watch = false;
                pthread_cond_broadcast(&server->changed);
                pthread_mutex_unlock(&server->lock);
                pthread_join(server->watch, NULL);
        }
        server_tls_free(server->tls);
        buffer_free(&server->address);
        pthread_cond_destroy(&server->changed);
        pthread_mutex_destroy(&server->lock);
        free(server);
}
