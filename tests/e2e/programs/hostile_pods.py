#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hostile_pods.py PODS CONTAINERS DIRECTORY: checkpoints of so many pods, with so many containers among them."""
import json
import os
import sys


def main():
    pods, containers, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    each = [{}] * (containers // pods)
    listed = [{'SandboxID': 's%d' % at, 'Containers': each} for at in range(pods)]
    with open(os.path.join(directory, 'checkpointed.pods'), 'w') as out:
        json.dump({'version': 0, 'CheckpointedPods': listed}, out, separators=(',', ':'))
    for pod in listed:
        open(os.path.join(directory, pod['SandboxID'] + '.tar'), 'w').close()


main()
