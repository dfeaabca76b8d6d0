#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a container engine through the CRI, as the kubelet does.

cri.py SOCKET pod NAME                                 prints the id of a new pod
cri.py SOCKET pull IMAGE                               prints the reference with the digest
cri.py SOCKET run POD NAME IMAGE [MOUNT...] [-- CMD]   creates and starts; prints the id of the container
cri.py SOCKET checkpoint CONTAINER FILE
cri.py SOCKET abandon CONTAINER SECONDS                a checkpoint whose end is not waited for
cri.py SOCKET stop CONTAINER
cri.py SOCKET exec CONTAINER CMD...                    prints its output
cri.py SOCKET status CONTAINER                         prints it as JSON
cri.py SOCKET clean                                    removes every pod

A MOUNT is CONTAINER_PATH=HOST_PATH. The pod's configuration is made of its name, so that it can be said again for
each of its containers.
"""
import os
import subprocess
import sys
import tempfile

import grpc
from google.protobuf import json_format

# What the kubelet asks for with every container that is not privileged ("procMount: Default").
MASKED = ["/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
          "/sys/devices/virtual/powercap"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def messages():
    """The messages of cri.proto, compiled when they are needed."""
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as made:
        subprocess.run(["protoc", "-I", here, "--python_out", made, "cri.proto"], check=True)
        sys.path.insert(0, made)
        import cri_pb2
    return cri_pb2


pb = messages()


class Engine:
    def __init__(self, socket):
        self.channel = grpc.insecure_channel("unix://" + socket)

    def call(self, name, timeout=60, service="Runtime", **fields):
        answer = getattr(pb, name + "Response")
        method = self.channel.unary_unary(f"/runtime.v1.{service}Service/{name}",
                                          request_serializer=lambda message: message.SerializeToString(),
                                          response_deserializer=answer.FromString)
        return method(getattr(pb, name + "Request")(**fields), timeout=timeout)


def own_pid_namespace():
    return pb.NamespaceOption(network=pb.POD, pid=pb.CONTAINER, ipc=pb.POD)


def pod_config(name):
    return pb.PodSandboxConfig(
        metadata=pb.PodSandboxMetadata(name=name, uid="uid-" + name, namespace="default"),
        hostname=name, log_directory="/var/log/pods/" + name,
        labels={"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": "default",
                "io.kubernetes.pod.uid": "uid-" + name},
        linux=pb.LinuxPodSandboxConfig(
            security_context=pb.LinuxSandboxSecurityContext(namespace_options=own_pid_namespace())))


def container_config(pod, name, image, mounts, command):
    return pb.ContainerConfig(
        metadata=pb.ContainerMetadata(name=name), image=pb.ImageSpec(image=image), command=command,
        mounts=[pb.Mount(container_path=path, host_path=host) for path, host in mounts],
        labels={"io.kubernetes.container.name": name, "io.kubernetes.pod.name": pod,
                "io.kubernetes.pod.namespace": "default", "io.kubernetes.pod.uid": "uid-" + pod},
        annotations={"io.kubernetes.container.hash": "cafe", "io.kubernetes.container.restartCount": "0"},
        log_path=name + ".log",
        linux=pb.LinuxContainerConfig(security_context=pb.LinuxContainerSecurityContext(
            namespace_options=own_pid_namespace(), masked_paths=MASKED, readonly_paths=READ_ONLY)))


def run(engine, pod, name, image, *rest):
    split = rest.index("--") if "--" in rest else len(rest)
    mounts = [each.split("=", 1) for each in rest[:split]]
    config = container_config(pod, name, image, mounts, rest[split + 1:])
    sandbox = os.path.join("/run/cri-pods", pod)
    with open(sandbox, encoding="ascii") as file:
        pod_id = file.read()
    made = engine.call("CreateContainer", pod_sandbox_id=pod_id, config=config, sandbox_config=pod_config(pod))
    engine.call("StartContainer", container_id=made.container_id)
    print(made.container_id)


def pod(engine, name):
    os.makedirs("/var/log/pods/" + name, exist_ok=True)
    os.makedirs("/run/cri-pods", exist_ok=True)
    made = engine.call("RunPodSandbox", config=pod_config(name))
    with open(os.path.join("/run/cri-pods", name), "w", encoding="ascii") as file:
        file.write(made.pod_sandbox_id)
    print(made.pod_sandbox_id)


def execute(engine, container, *command):
    answer = engine.call("ExecSync", container_id=container, cmd=command, timeout=10)
    sys.stdout.buffer.write(answer.stdout)
    sys.stderr.buffer.write(answer.stderr)
    sys.exit(answer.exit_code)


def clean(engine):
    for each in engine.call("ListPodSandbox").items:
        engine.call("StopPodSandbox", pod_sandbox_id=each.id)
        engine.call("RemovePodSandbox", pod_sandbox_id=each.id)


def main(socket, verb, *rest):
    engine = Engine(socket)
    if verb == "pod":
        pod(engine, *rest)
    elif verb == "pull":
        print(engine.call("PullImage", service="Image", image=pb.ImageSpec(image=rest[0])).image_ref)
    elif verb == "run":
        run(engine, *rest)
    elif verb == "checkpoint":
        engine.call("CheckpointContainer", container_id=rest[0], location=rest[1], timeout=60)
    elif verb == "abandon":
        engine.call("CheckpointContainer", timeout=float(rest[1]), container_id=rest[0], location="/dev/null")
    elif verb == "stop":
        engine.call("StopContainer", container_id=rest[0])
    elif verb == "exec":
        execute(engine, *rest)
    elif verb == "status":
        print(json_format.MessageToJson(engine.call("ContainerStatus", container_id=rest[0]).status))
    elif verb == "clean":
        clean(engine)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
