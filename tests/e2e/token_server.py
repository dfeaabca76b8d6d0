#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Gives tokens as registries want them: token_server.py PORT CERTIFICATE KEY LOG [SECONDS]

Knows alice with the password "secret" and the identity token "refresh-me", who may do all; everybody else may do
nothing. Tokens are JSON web tokens that docker-registry verifies. LOG gets a line "METHOD QUERY-OR-BODY" each.
"""
import base64
import http.server
import json
import subprocess
import sys
import time
import urllib.parse
import uuid

PORT, CERTIFICATE, KEY, LOG = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
SECONDS = int(sys.argv[5]) if len(sys.argv) > 5 else 300
BASIC = "Basic " + base64.b64encode(b"alice:secret").decode()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token_make(service, scopes):
    lines = open(CERTIFICATE, encoding="ascii").read().split("-----")[2]
    header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(lines.split())]}
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":", 2)
        access.append({"type": kind, "name": name, "actions": actions.split(",")})
    now = int(time.time())
    claims = {"iss": "tests", "sub": "alice", "aud": service, "exp": now + SECONDS, "nbf": now - 5, "iat": now,
              "jti": uuid.uuid4().hex, "access": access}
    text = base64url(json.dumps(header).encode()) + "." + base64url(json.dumps(claims).encode())
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", KEY], input=text.encode(), capture_output=True,
                            check=True).stdout
    return text + "." + base64url(signed)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def give(self, text, allowed, scopes, service, key):
        with open(LOG, "a", encoding="utf-8") as log:
            log.write(f"{self.command} {text}\n")
        if not allowed:
            return self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong user or password"}]})
        return self.answer(200, {key: token_make(service, scopes), "expires_in": SECONDS})

    def do_GET(self):
        query = urllib.parse.urlsplit(self.path).query
        fields = urllib.parse.parse_qs(query)
        self.give(query, self.headers.get("Authorization") == BASIC, fields.get("scope", []),
                  fields.get("service", [""])[0], "token")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        fields = urllib.parse.parse_qs(body)
        allowed = fields.get("grant_type") == ["refresh_token"] and fields.get("refresh_token") == ["refresh-me"]
        self.give("grant", allowed, fields.get("scope", [""])[0].split(), fields["service"][0], "access_token")


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
