#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""crit_compare.py CHECKPOINT DIRECTORY: every image file of a checkpoint, as `checkpointctl images` shows it and as crit
does, which finds the same files in DIRECTORY; both forms, plain and --pretty. One line for each file: "same",
"DIFFERENT", or what crit cannot do. It calls what `crit decode` is made of: starting it for each of a thousand files
would take minutes."""
import json
import os
import subprocess
import sys

import pycriu
from every_field import WITHOUT_HANDLER


def ours(checkpoint, name, pretty):
    command = ["checkpointctl", "images"] + (["--pretty"] if pretty else []) + [checkpoint, name]
    run = subprocess.run(command, capture_output=True, check=True)
    return json.loads(run.stdout)


def crits(path, pretty):
    with open(path, "rb") as file:
        return json.loads(json.dumps(pycriu.images.load(file, pretty)))


def records(path, payload, pretty):
    with open(path, "rb") as file:
        file.seek(8)
        return pycriu.images.entry_handler(payload).load(file, pretty)


def has_magic(path):
    with open(path, "rb") as file:
        head = file.read(8)
    known = pycriu.images.magic.by_val
    words = [int.from_bytes(head[i:i + 4], "little", signed=False) for i in (0, 4)]
    return words[0] in known and (known[words[0]] not in ("IMG_COMMON", "IMG_SERVICE") or words[1] in known)


def no_records(checkpoint, name, path):
    """Memory pages, tar files, what "ip" wrote: crit refuses them, ours says what it sees."""
    shown = ours(checkpoint, name, False)
    assert shown["unknown"]["size"] == os.path.getsize(path) and shown["entries"] == [], name
    return "no image of records"


def first_difference(a, b, place=""):
    if type(a) is type(b) is dict:
        for key in list(a) + [key for key in b if key not in a]:
            if a.get(key) != b.get(key):
                return first_difference(a.get(key), b.get(key), place + "." + key)
    if type(a) is type(b) is list and len(a) == len(b):
        for i, pair in enumerate(zip(a, b)):
            if pair[0] != pair[1]:
                return first_difference(*pair, f"{place}[{i}]")
    return f"{place}: ours {json.dumps(a)[:200]}, crit's {json.dumps(b)[:200]}"


def compare(checkpoint, name, path):
    if not has_magic(path):
        return no_records(checkpoint, name, path)
    note = ""
    for pretty in (False, True):
        try:
            expected = crits(path, pretty)
        except Exception as error:
            kind = str(error).rpartition(" ")[2]
            if kind not in WITHOUT_HANDLER:
                return f"crit fails: {type(error).__name__} {error}"
            note = f", but crit has no handler for {kind}"
            expected = {"magic": kind, "entries": records(path, WITHOUT_HANDLER[kind], pretty)}
        shown = ours(checkpoint, name, pretty)
        if shown != expected:
            return "DIFFERENT " + first_difference(shown, expected)
    return "same" + note


def main():
    checkpoint, directory = sys.argv[1:]
    listed = json.loads(subprocess.run(["checkpointctl", "images", "--json", checkpoint], capture_output=True,
                                       check=True).stdout)
    for name in [image["name"] for image in listed]:
        print(name, compare(checkpoint, name, os.path.join(directory, name)))


main()
