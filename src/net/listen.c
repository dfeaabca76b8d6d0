/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "net/errors.h"

#define BACKLOG 512
#define UNIX    "unix:"

static int malformed(const char *where, struct error *err)
{
        return error_set(err, &ERROR_SERVER_LISTEN, -EINVAL, "`%s` is not an address to listen on", where);
}

static int cannot_listen(const char *where, int errnum, struct error *err)
{
        return error_set(err, &ERROR_SERVER_LISTEN, -errnum, "cannot listen on `%s`: %s", where,
                         strerrordesc_np(errnum) ?: "unknown error");
}

CLEANUP_DEFINE(struct addrinfo *, freeaddrinfo);

/* "HOST:PORT" looked up. */
static int resolve(const char *where, struct addrinfo **out, struct error *err)
{
        const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
        _cleanup_free_ char *copy = strdup(where);
        char *host = copy, *port;
        int failed;

        if (!copy)
                return error_oom(err);
        port = strrchr(copy, ':');
        if (!port || !port[1])
                return malformed(where, err);
        *port++ = '\0';
        if (host[0] == '[' && text_ends_with(host, "]")) {
                host[strlen(host) - 1] = '\0';
                host++;
        } else if (strchr(host, ':')) {
                return malformed(where, err);
        }
        failed = getaddrinfo(*host ? host : NULL, port, &hints, out);
        if (failed)
                return error_set(err, &ERROR_SERVER_LISTEN, -EINVAL, "cannot listen on `%s`: %s", where,
                                 gai_strerror(failed));
        return 0;
}

static int unix_address(const char *where, struct sockaddr_un *out, struct error *err)
{
        const char *path = where + strlen(UNIX);

        if (!*path || strlen(path) >= sizeof(out->sun_path))
                return malformed(where, err);
        out->sun_family = AF_UNIX;
        snprintf(out->sun_path, sizeof(out->sun_path), "%s", path);
        return 0;
}

/* A name that a server left which is no more. */
static void remove_stale(const struct sockaddr_un *address)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct stat st;

        if (fd >= 0 && lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
            connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 && errno == ECONNREFUSED)
                unlink(address->sun_path);
}

static int listen_unix(const char *where, struct error *err)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address = {0};
        int ret = unix_address(where, &address, err);

        if (ret < 0)
                return ret;
        remove_stale(&address);
        /* The mode of the name is that of the socket at the time of the bind. */
        if (fd < 0 || fchmod(fd, 0600) < 0 ||
            bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
                return cannot_listen(where, errno, err);
        return steal_fd(&fd);
}

/* For every address "::", which takes IPv4 as well; IPv4 alone where the kernel has no IPv6. */
static const struct addrinfo *preferred(const struct addrinfo *list, bool every)
{
        for (const struct addrinfo *each = list; each && every; each = each->ai_next)
                if (each->ai_family == AF_INET6)
                        return each;
        return list;
}

static int listen_at(const struct addrinfo *address)
{
        _cleanup_close_ int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1, off = 0;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
                return -errno;
        if (address->ai_family == AF_INET6)
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        return steal_fd(&fd);
}

int listen_open(const char *where, struct error *err)
{
        _cleanup_(freeaddrinfop) struct addrinfo *list = NULL;
        int ret;

        if (text_starts_with(where, UNIX))
                return listen_unix(where, err);
        ret = resolve(where, &list, err);
        if (ret < 0)
                return ret;
        ret = listen_at(preferred(list, where[0] == ':'));
        if (ret == -EAFNOSUPPORT && where[0] == ':')
                ret = listen_at(list);
        return ret < 0 ? cannot_listen(where, -ret, err) : ret;
}

union address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
};

static int describe(const union address *address, struct buffer *out)
{
        char host[INET6_ADDRSTRLEN];

        switch (address->any.sa_family) {
        case AF_INET:
                return buffer_printf(out, "%s:%u",
                                     inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host)),
                                     ntohs(address->in.sin_port));
        case AF_INET6:
                return buffer_printf(out, "[%s]:%u",
                                     inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host)),
                                     ntohs(address->in6.sin6_port));
        default:
                return buffer_printf(out, UNIX "%s", address->un.sun_path);
        }
}

int listen_describe(int fd, struct buffer *out)
{
        union address address = {0};
        socklen_t size = sizeof(address);

        return getsockname(fd, &address.any, &size) < 0 ? -errno : describe(&address, out);
}

bool listen_peer_user(int fd, uid_t *out)
{
        union address address = {0};
        socklen_t address_size = sizeof(address), size = sizeof(struct ucred);
        struct ucred peer;

        if (getsockname(fd, &address.any, &address_size) < 0 || address.any.sa_family != AF_UNIX ||
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return false;
        *out = peer.uid;
        return true;
}

int listen_describe_peer(int fd, struct buffer *out)
{
        union address address = {0};
        socklen_t size = sizeof(address);
        uid_t user;

        if (listen_peer_user(fd, &user))
                return buffer_printf(out, UNIX "uid=%u", user);
        return getpeername(fd, &address.any, &size) < 0 ? -errno : describe(&address, out);
}

static bool is_loopback(const struct addrinfo *address)
{
        const struct sockaddr_in6 *in6;

        if (address->ai_family == AF_INET)
                return (ntohl(((const struct sockaddr_in *)(const void *)address->ai_addr)
                                      ->sin_addr.s_addr) >>
                        24) == IN_LOOPBACKNET;
        in6 = (const struct sockaddr_in6 *)(const void *)address->ai_addr;
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

int listen_is_local(const char *where, bool *out, struct error *err)
{
        _cleanup_(freeaddrinfop) struct addrinfo *address = NULL;
        struct sockaddr_un name;
        int ret;

        if (text_starts_with(where, UNIX)) {
                *out = true;
                return unix_address(where, &name, err);
        }
        ret = resolve(where, &address, err);
        if (ret < 0)
                return ret;
        *out = is_loopback(address); /* the first is the one that is listened on */
        return 0;
}
