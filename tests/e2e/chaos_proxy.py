#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A bad network between a client and a real registry: chaos_proxy.py PORT UPSTREAM_PORT [CDN_PORT]

POST /_chaos takes a list of rules and forgets the log; GET /_chaos gives the log, one object for each request. A rule
is used for requests of its "method" whose path matches "path", after "skip" of them, "times" (1) times; with
"each_range_once" not again for a Range that it was used for:

  {"action": "status", "status": 429, "headers": {"Retry-After": "1"}}    answers itself
  {"action": "reset_up", "bytes": N}     passes N bytes of the body on, then breaks both connections
  {"action": "reset_down", "bytes": N}   passes N bytes of the answer on, then breaks the connection
  {"action": "drop_answer"}              passes the request on, breaks the connection in place of an answer
  {"action": "flip", "at": N}            turns a byte of the answer
  {"action": "flip_up", "at": N}         turns a byte of the body
  {"action": "ignore_range"}             passes it on without its Range; with "bytes": and breaks as reset_down does
  {"action": "redirect"}                 sends the client to CDN_PORT under another host name
  {"action": "slow", "delay": SECONDS}   waits before each 64 KiB of the answer
  {"action": "headers", "headers": {}}   adds to the headers of the answer

POST /_chaos?resumable=1 keeps uploads here until they are whole: what arrived of a broken PATCH stays and is told, as
registries do that can resume. docker-registry cannot: it refuses an upload whose size is not what it said last.
"""
import http.client
import http.server
import json
import re
import socket
import struct
import sys
import threading
import urllib.parse
import uuid

PIECE = 64 * 1024
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade"}


class State:
    def __init__(self):
        self.lock = threading.Lock()
        self.set([], False)

    def set(self, rules, resumable):
        with self.lock:
            self.rules = [dict(rule, seen=0, used=0, ranges=[]) for rule in rules]
            self.resumable = resumable
            self.log = []
            self.uploads = {}

    def match(self, method, path, span):
        with self.lock:
            for rule in self.rules:
                if rule.get("method", method) != method or not re.search(rule.get("path", ""), path):
                    continue
                rule["seen"] += 1
                if rule.get("each_range_once") and span in rule["ranges"]:
                    continue
                if rule["seen"] > rule.get("skip", 0) and rule["used"] < rule.get("times", 1):
                    rule["used"] += 1
                    rule["ranges"].append(span)
                    return rule
        return {"action": "pass"}

    def note(self, entry):
        with self.lock:
            self.log.append(entry)


class Broken(Exception):
    """The connection to the client is to be broken."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    is_cdn = False

    def log_message(self, *arguments):
        pass

    def breakdown(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        for stream in (self.wfile, self.rfile):
            try:
                stream.close()
            except OSError:
                pass
        self.connection.close()

    def chunked_pieces(self, limit):
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            while size:
                if limit is not None and self.entry["up"] >= limit:
                    return
                piece = self.rfile.read(min(PIECE, size, PIECE if limit is None else limit - self.entry["up"]))
                if not piece:
                    raise Broken()
                size -= len(piece)
                self.entry["up"] += len(piece)
                yield piece
            self.rfile.readline()
        self.rfile.readline()

    def body_pieces(self, limit=None):
        if self.is_chunked():
            yield from self.chunked_pieces(limit)
            return
        left = int(self.headers.get("Content-Length", 0))
        while left and (limit is None or self.entry["up"] < limit):
            piece = self.rfile.read(min(PIECE, left, PIECE if limit is None else limit - self.entry["up"]))
            if not piece:
                raise Broken()
            left -= len(piece)
            self.entry["up"] += len(piece)
            yield piece

    def is_chunked(self):
        return self.headers.get("Transfer-Encoding", "").lower() == "chunked"

    def refuse(self, status, headers, body=b""):
        """Answers early, as servers do: of a body whose length is not known, only the beginning is taken."""
        for _ in self.body_pieces(PIECE if self.is_chunked() else None):
            pass
        self.answer(status, headers | ({"Connection": "close"} if self.is_chunked() else {}), body)
        self.close_connection = self.close_connection or self.is_chunked()

    def answer(self, status, headers, body=b""):
        self.entry["status"] = status
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.entry["down"] += len(body)

    # --- control -----------------------------------------------------------------------------------------------

    def control(self):
        if self.command == "POST":
            rules = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"[]")
            self.state.set(rules, "resumable=1" in self.path)
            return self.answer(204, {})
        with self.state.lock:
            text = json.dumps(self.state.log).encode()
        return self.answer(200, {"Content-Type": "application/json"}, text)

    # --- uploads that can be resumed ---------------------------------------------------------------------------

    def upload(self, rule):
        """True when the request was one of an upload and has been answered."""
        begin = re.match(r"(/v2/.+/blobs/uploads/)(\?.*)?$", self.path)
        if begin and self.command == "POST" and "mount=" not in self.path:
            name = uuid.uuid4().hex
            self.state.uploads[name] = bytearray()
            self.answer(202, {"Location": begin.group(1) + "chaos-" + name, "Range": "0-0"} | rule.get("headers", {}))
            return True
        going = re.match(r"/v2/(.+)/blobs/uploads/chaos-(\w+)(?:\?(.*))?$", self.path)
        if not going:
            return False
        store = self.state.uploads.get(going.group(2))
        if store is None:
            self.answer(404, {}, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"unknown"}]}')
            return True
        here = {"Location": self.path.split("?")[0]}
        if self.command == "PATCH":
            start = int(self.headers["Content-Range"].split("-")[0]) if "Content-Range" in self.headers else len(store)
            if start != len(store):
                self.refuse(416, here | {"Range": f"0-{max(len(store) - 1, 0)}"})
                return True
            for piece in self.body_pieces(rule["bytes"] if rule["action"] == "reset_up" else None):
                store += piece
            if rule["action"] in ("reset_up", "drop_answer"):
                raise Broken()
            self.answer(202, here | {"Range": f"0-{max(len(store) - 1, 0)}"})
        elif self.command == "GET":
            self.answer(204, here | {"Range": f"0-{max(len(store) - 1, 0)}"})
        elif self.command == "DELETE":
            del self.state.uploads[going.group(2)]
            self.answer(204, {})
        else:
            self.finish_upload(going, store, rule)
        return True

    def finish_upload(self, going, store, rule):
        for piece in self.body_pieces():
            store += piece
        digest = dict(urllib.parse.parse_qsl(going.group(3)))["digest"]
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream)
        own = {"Authorization": self.headers["Authorization"]} if self.headers["Authorization"] else {}
        upstream.request("POST", f"/v2/{going.group(1)}/blobs/uploads/", headers=own)
        begun = upstream.getresponse()
        begun.read()
        upstream.request("PUT", begun.headers["Location"] + "&digest=" + urllib.parse.quote(digest), bytes(store), own)
        done = upstream.getresponse()
        text = done.read()
        del self.state.uploads[going.group(2)]
        if rule["action"] == "drop_answer":
            raise Broken()
        self.answer(done.status, {"Location": done.headers.get("Location", "")}, text)

    # --- everything else ---------------------------------------------------------------------------------------

    def forward(self, rule):
        action = rule["action"]
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if not (action == "ignore_range" and name.lower() == "range") and not (
                    self.is_cdn and name.lower() == "authorization"):
                upstream.putheader(name, value)
        upstream.endheaders()
        at = 0
        for piece in self.body_pieces(rule["bytes"] if action == "reset_up" else None):
            if action == "flip_up" and at <= rule["at"] < at + len(piece):
                piece = bytearray(piece)
                piece[rule["at"] - at] ^= 1
            at += len(piece)
            upstream.send(b"%x\r\n%b\r\n" % (len(piece), bytes(piece)) if self.is_chunked() else piece)
        if self.is_chunked() and action != "reset_up":
            upstream.send(b"0\r\n\r\n")
        if action == "reset_up":
            upstream.close()
            raise Broken()
        got = upstream.getresponse()
        if action == "drop_answer":
            got.read()
            raise Broken()
        self.pass_back(rule, got)
        upstream.close()

    def pass_back(self, rule, got):
        action = rule["action"]
        limit = rule.get("bytes") if action in ("reset_down", "ignore_range") else None
        self.entry["status"] = got.status
        self.send_response_only(got.status)
        for name, value in got.headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        for name, value in (rule.get("headers", {}) if action == "headers" else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", got.headers.get("Content-Length", "0"))
        self.end_headers()
        while piece := got.read(PIECE):
            if limit is not None:
                piece = piece[:limit - self.entry["down"]]
            if action == "flip" and 0 <= rule["at"] - self.entry["down"] < len(piece):
                piece = bytearray(piece)
                piece[rule["at"] - self.entry["down"]] ^= 1
            if action == "slow":
                threading.Event().wait(rule["delay"])
            self.wfile.write(piece)
            self.entry["down"] += len(piece)
            if limit is not None and self.entry["down"] >= limit:
                self.wfile.flush()
                raise Broken()

    def serve(self):
        if self.path.startswith("/_chaos"):
            self.entry = {"up": 0, "down": 0}
            return self.control()
        rule = {"action": "pass"} if self.is_cdn else self.state.match(self.command, self.path, self.headers.get("Range"))
        self.entry = {"host": self.headers.get("Host"), "cdn": self.is_cdn, "method": self.command, "path": self.path,
                      "headers": dict(self.headers), "action": rule["action"], "up": 0, "down": 0, "status": 0}
        self.state.note(self.entry)
        try:
            if rule["action"] == "status":
                return self.refuse(rule["status"], rule.get("headers", {}), rule.get("body", "").encode())
            if rule["action"] == "redirect":
                return self.answer(307, {"Location": f"http://localhost:{self.cdn}{self.path}"})
            if not (self.state.resumable and not self.is_cdn and self.upload(rule)):
                self.forward(rule)
        except (Broken, OSError):
            self.entry["broken"] = True
            self.breakdown()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


def main():
    port, upstream = int(sys.argv[1]), int(sys.argv[2])
    cdn = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    common = {"state": State(), "upstream": upstream, "cdn": cdn}
    if cdn:
        server = Server(("127.0.0.1", cdn), type("Cdn", (Handler,), common | {"is_cdn": True}))
        threading.Thread(target=server.serve_forever, daemon=True).start()
    Server(("127.0.0.1", port), type("Proxy", (Handler,), common)).serve_forever()


main()
