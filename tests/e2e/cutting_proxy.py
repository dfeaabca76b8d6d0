#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A line that can be cut, between a client and whatever it speaks to: cutting_proxy.py PORT HOST HOST_PORT LOG [BYTES TIMES
[RATE]]

Passes bytes both ways. Each time that BYTES have come down on all connections together, breaks every connection at
once, TIMES times. RATE: at most so many bytes a second come down. LOG is a file that holds "BYTES_DOWN CUTS".
"""
import socket
import sys
import threading
import time

PIECE = 64 * 1024


class Line:
    def __init__(self, target, log, cut_after, cuts, rate):
        self.target, self.log, self.cut_after, self.cuts_left, self.rate = target, log, cut_after, cuts, rate
        self.lock = threading.Lock()
        self.down = self.cuts = self.since_cut = 0
        self.began = time.monotonic()
        self.open = set()

    def note(self):
        with open(self.log, "w", encoding="ascii") as log:
            log.write(f"{self.down} {self.cuts}\n")

    def came_down(self, size):
        """Counts; True when the line is to be cut now. Waits where it is too fast."""
        with self.lock:
            self.down += size
            self.since_cut += size
            cut = self.cuts_left > 0 and self.since_cut >= self.cut_after
            if cut:
                self.cuts_left -= 1
                self.cuts += 1
                self.since_cut = 0
            self.note()
            wait = self.down / self.rate - (time.monotonic() - self.began) if self.rate else 0
        if wait > 0:
            time.sleep(wait)
        return cut

    def cut(self):
        with self.lock:
            ends, self.open = self.open, set()
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def pump(self, source, sink, is_down):
        try:
            while piece := source.recv(PIECE):
                if is_down and self.came_down(len(piece)):
                    self.cut()
                    return
                sink.sendall(piece)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def serve(self, client):
        try:
            server = socket.create_connection(self.target)
        except OSError:
            client.close()
            return
        with self.lock:
            self.open |= {client, server}
        threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
        self.pump(server, client, True)


def main():
    port, host, host_port, log = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    cut_after, cuts = (int(sys.argv[5]), int(sys.argv[6])) if len(sys.argv) > 6 else (0, 0)
    line = Line((host, host_port), log, cut_after, cuts, int(sys.argv[7]) if len(sys.argv) > 7 else 0)
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    line.note()
    while True:
        client, _ = listener.accept()
        threading.Thread(target=line.serve, args=(client,), daemon=True).start()


main()
