#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""every_field.py DIRECTORY: an image file of every kind that CRIU's own library knows, with every field of every message
set. No dump has all of them: what other architectures write, what old CRIU wrote, network devices of every sort."""
import os
import struct
import sys

from google.protobuf.descriptor import FieldDescriptor as Field
from pycriu.images import images, magic, pb

DEPTH = 4
# Raw bytes after a record: the fields that announce them, and the bytes.
ANNOUNCED = {
    "PIPES_DATA": ({"bytes": 5}, b"bytes"),
    "FIFO_DATA": ({"bytes": 5}, b"bytes"),
    "SK_QUEUES": ({"length": 5}, b"bytes"),
    "TCP_STREAM": ({"inq_len": 3, "outq_len": 2}, b"bytes"),
    "BPFMAP_DATA": ({"keys_bytes": 3, "values_bytes": 2}, b"bytes"),
    "IPCNS_SEM": ({"nsems": 3}, struct.pack("<4H", 1, 2, 40000, 0)),
    "IPCNS_SHM": ({"size": 5, "in_pagemaps": False}, b"bytes\0\0\0"),
    "GHOST_FILE": ({"chunks": False}, b"all the rest of the file" * 5),
}
# Kinds that crit refuses to decode, although its library knows their records.
WITHOUT_HANDLER = {"BINFMT_MISC": pb.binfmt_misc_entry, "PIDFD": pb.pidfd_entry, "SIGNAL": pb.siginfo_entry}
UNSIGNED = {Field.TYPE_UINT32: 0x87654321, Field.TYPE_UINT64: 0xfedcba9876543210, Field.TYPE_FIXED64: 0x8123456789abcdef}


def value_of(field, depth, index):
    if field.type == Field.TYPE_ENUM:
        return field.enum_type.values[-1 - index].number
    if field.type == Field.TYPE_BOOL:
        return True
    if field.type == Field.TYPE_STRING:
        return f"text \u00e4 \"{index}\""
    if field.type == Field.TYPE_BYTES:
        return bytes(range(256)) * (1 + index)
    if field.type in UNSIGNED:
        return UNSIGNED[field.type] >> index + field.number % 8
    return -5 - index


def fill(message, depth=DEPTH):
    for number, field in enumerate(message.DESCRIPTOR.fields):
        repeated = field.label == Field.LABEL_REPEATED
        if field.message_type and repeated:
            for _ in range(2 if depth else 0):
                fill(getattr(message, field.name).add(), depth - 1)
        elif field.message_type and (depth or field.label == Field.LABEL_REQUIRED):
            fill(getattr(message, field.name), depth - 1)
            getattr(message, field.name).SetInParent()
        elif repeated:  # four of the words of addresses, or one
            getattr(message, field.name).extend(value_of(field, depth, i) for i in range(4 if number % 2 else 1))
        elif not field.message_type:
            setattr(message, field.name, value_of(field, depth, 0))
    return message


def record(message, announced={}):
    for name, value in announced.items():
        setattr(message, name, value)
    encoded = message.SerializeToString()
    return struct.pack("<I", len(encoded)) + encoded


def contents(kind, handler):
    if kind == "PAGEMAP":
        return record(fill(pb.pagemap_head())) + record(fill(pb.pagemap_entry())) * 2
    if kind == "GHOST_FILE":
        return record(fill(pb.ghost_file_entry()), ANNOUNCED[kind][0]) + ANNOUNCED[kind][1]
    if kind == "IPCNS_MSG":
        return (record(fill(pb.ipc_msg_entry()), {"qnum": 1}) + record(fill(pb.ipc_msg()), {"msize": 5}) +
                b"bytes\0\0\0")
    announced, behind = ANNOUNCED.get(kind, ({}, b""))
    return (record(fill(handler.payload()), announced) + behind) * 2


def chunks():
    return record(fill(pb.ghost_file_entry()), {"chunks": True}) + (record(fill(pb.ghost_chunk_entry()), {"len": 5}) +
                                                                    b"bytes") * 2


def write(directory, name, kind, data):
    words = [magic.by_name[kind]]
    if kind != "INVENTORY":
        words.insert(0, magic.by_name["IMG_SERVICE" if kind in ("STATS", "IRMAP_CACHE") else "IMG_COMMON"])
    with open(os.path.join(directory, name.lower() + ".img"), "wb") as file:
        file.write(struct.pack(f"<{len(words)}I", *words) + data)


def main():
    for kind, handler in images.handlers.items():
        if kind in magic.by_name:
            write(sys.argv[1], kind, kind, contents(kind, handler))
    write(sys.argv[1], "GHOST_CHUNKS", "GHOST_FILE", chunks())
    for kind, payload in WITHOUT_HANDLER.items():
        write(sys.argv[1], kind, kind, record(fill(payload())) * 2)


if __name__ == "__main__":
    main()
