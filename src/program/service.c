/* SPDX-License-Identifier: Apache-2.0 */
#include "program/service.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/bytes.h"

/* A datagram to the socket that systemd names. */
void service_notify(const char *state)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = -1;
        size_t size;

        if (!path || !*path || strlen(path) >= sizeof(address.sun_path))
                return;
        size = strlen(path);
        memcpy(address.sun_path, path, size);
        if (address.sun_path[0] == '@') /* an abstract name */
                address.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0)
                (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
}
