#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Stands in for the API server of a cluster in the two questions that an agent asks: fake_cluster.py PORT CERTIFICATE KEY LOG

TokenReview: the tokens "alice-token" and "bob-token" are known. SubjectAccessReview: alice may everything on
nodes/checkpoint, bob get only; group system:masters everything. Who asks must send the token "agent-token". The file
LOG.down makes it fail. LOG gets a line of JSON for each question. A real API server answers the same questions.
"""
import http.server
import json
import os
import ssl
import sys

PORT, CERTIFICATE, KEY, LOG = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
USERS = {"alice-token": ("alice", ["team"]), "bob-token": ("bob", []), "carol-token": ("carol", ["system:masters"])}


def token_review(spec):
    user = USERS.get(spec["token"])
    if not user:
        return {"authenticated": False, "error": "unknown token"}
    return {"authenticated": True, "user": {"username": user[0], "groups": user[1] + ["system:authenticated"]}}


def access_review(spec):
    wish = spec["resourceAttributes"]
    everything = spec["user"] == "alice" or "system:masters" in spec.get("groups", [])
    allowed = (everything or (spec["user"] == "bob" and wish["verb"] == "get")) and wish["resource"] == "nodes" \
        and wish["subresource"] == "checkpoint" and wish["name"] == "node-a"
    return {"allowed": allowed}


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(LOG, "a", encoding="utf-8") as log:
            log.write(json.dumps(body) + "\n")
        if os.path.exists(LOG + ".down"):
            self.answer(500, {"kind": "Status", "message": "etcd is down"})
        elif self.headers["Authorization"] != "Bearer agent-token":
            self.answer(401, {"kind": "Status", "message": "Unauthorized"})
        elif self.path == "/apis/authentication.k8s.io/v1/tokenreviews" and body["kind"] == "TokenReview":
            self.answer(201, {**body, "status": token_review(body["spec"])})
        elif self.path == "/apis/authorization.k8s.io/v1/subjectaccessreviews" and body["kind"] == "SubjectAccessReview":
            self.answer(201, {**body, "status": access_review(body["spec"])})
        else:
            self.answer(404, {"kind": "Status", "message": "not found"})

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
