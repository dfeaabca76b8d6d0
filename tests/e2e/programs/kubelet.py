#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The kubelet's Checkpoint API in front of a real engine, with the kubelet's faults.

kubelet.py SOCKET DIRECTORY CERTIFICATE KEY TOKEN_FILE FAULT_FILE

Serves on 127.0.0.1:10250. The word in FAULT_FILE says what goes wrong: "truncate" (the archive is cut short, the answer
is 200), "leave" (the archive is left behind, the answer is 500), "second" (all archives are of one second), nothing.
"""
import http.server
import os
import ssl
import sys
import time
import urllib.parse

import grpc

import cri

socket, directory, certificate, key, token_file, fault_file = sys.argv[1:]


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def find(engine, namespace, pod, name):
    for each in engine.call("ListContainers").containers:
        labels = each.labels
        if (labels["io.kubernetes.pod.namespace"] == namespace and labels["io.kubernetes.pod.name"] == pod and
                labels["io.kubernetes.container.name"] == name and each.state == 1):
            return each.id
    return None


class Kubelet(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self):
        fault = read(fault_file)
        if self.headers.get("Authorization") != "Bearer " + read(token_file):
            return self.answer(401, "Unauthorized")
        namespace, pod, name = [urllib.parse.unquote(part) for part in self.path.split("?")[0].split("/")[2:]]
        engine = cri.Engine(socket)
        container = find(engine, namespace, pod, name)
        if not container:
            return self.answer(404, "pod does not exist")
        stamp = "2026-11-24T10:00:00Z" if fault == "second" else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        path = os.path.join(directory, f"checkpoint-{pod}_{namespace}-{name}-{stamp}.tar")
        try:
            engine.call("CheckpointContainer", container_id=container, location=path)
        except grpc.RpcError as error:
            return self.answer(500, f"checkpointing of {namespace}/{pod}/{name} failed ({error.details()})")
        if fault in ("truncate", "leave"):
            os.truncate(path, os.path.getsize(path) // 2)
        if fault == "leave":
            return self.answer(500, "write " + path + ": no space left on device")
        return self.answer(200, '{"items":["' + path + '"]}')

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 10250), Kubelet)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
