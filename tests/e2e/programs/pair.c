/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pair serve: answers each number that comes over 127.0.0.1:7000 with the next one. pair call: sends the
 * first and, ten times a second, what it was answered. Both keep the last in /tmp/count, and end when the one
 * connection does: only while it lives the numbers grow.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void note(unsigned long number)
{
        FILE *file = fopen("/tmp/new", "w");

        fprintf(file, "%lu\n", number);
        fclose(file);
        rename("/tmp/new", "/tmp/count");
}

static int meet(int serve)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7000)};
        int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (serve) {
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
                if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
                        return -1;
                return accept(fd, NULL, NULL);
        }
        while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                close(fd);
                usleep(100000);
                fd = socket(AF_INET, SOCK_STREAM, 0);
        }
        return fd;
}

int main(int argc, char **argv)
{
        int serve = argc > 1 && strcmp(argv[1], "serve") == 0, fd = meet(serve);
        unsigned long number = 0;

        if (fd < 0)
                return 1;
        for (;;) {
                if (!serve && (usleep(100000), write(fd, &number, sizeof(number))) != sizeof(number))
                        return 1;
                if (recv(fd, &number, sizeof(number), MSG_WAITALL) != sizeof(number))
                        return 1;
                number += serve;
                note(number);
                if (serve && write(fd, &number, sizeof(number)) != sizeof(number))
                        return 1;
        }
}
