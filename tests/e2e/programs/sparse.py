#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sparse.py FROM TO GIB: the archive FROM again, with GIB GiB more of memory in its first process, all of it a hole in
the file TO: a mapping in mm-1.img, its pages in pagemap-1.img and pages-1.img. FROM is plain and of CRIU 4.1 or older."""
import io
import struct
import sys
import tarfile

PAGE = 4096
START = 0x100000000000  # above every program, below every stack and library


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def fields(message):
    """The fields of a protobuf message: [number, wire type, value]."""
    at, out = 0, []

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(message):
        key = number()
        size = {1: 8, 5: 4}.get(key & 7) or (number() if key & 7 == 2 else None)
        out.append([key >> 3, key & 7, number() if size is None else message[at:at + size]])
        at += size or 0
    return out


def encode(list_of_fields):
    out = b''
    for number, wire, value in list_of_fields:
        out += varint(number << 3 | wire)
        out += varint(value) if wire == 0 else (varint(len(value)) if wire == 2 else b'') + value
    return out


def records(image):
    """An image after its magic words: its records."""
    at, out = 8, []
    while at < len(image):
        size, = struct.unpack_from('<I', image, at)
        out.append(image[at + 4:at + 4 + size])
        at += 4 + size
    return out


def join(image, list_of_records):
    return image[:8] + b''.join(struct.pack('<I', len(r)) + r for r in list_of_records)


def value(message, number):
    return next(v for n, _, v in message if n == number)


def with_mapping(mm, size):
    message = fields(records(mm)[0])
    first = next(i for i, f in enumerate(message) if f[0] == 14)
    areas = [fields(f[2]) for f in message if f[0] == 14]
    # Like the heap: private memory without a file.
    new = [list(f) for f in next(a for a in areas if value(a, 7) & 0x200)]
    for f in new:
        f[2] = {1: START, 2: START + size, 3: 0}.get(f[0], f[2])
    areas = sorted(areas + [new], key=lambda a: value(a, 1))
    rest = [f for f in message if f[0] != 14]
    return join(mm, [encode(rest[:first] + [[14, 2, encode(a)] for a in areas] + rest[first:])])


def with_pages(pagemap, size):
    """The page map, and how many pages stand before the new ones."""
    head, *entries = [fields(r) for r in records(pagemap)]
    before = [e for e in entries if value(e, 1) < START]
    new = [list(f) for f in entries[0]]
    for f in new:
        f[2] = {1: START, 2: size // PAGE}.get(f[0], f[2])
    return join(pagemap, [encode(m) for m in [head] + before + [new] + entries[len(before):]]), sum(value(e, 2) for e in before)


def main(source, to, gib):
    size, pages_before = int(gib) << 30, 0
    with tarfile.open(source) as archive, open(to, 'wb') as out:
        for member in archive:
            contents = archive.extractfile(member).read() if member.isfile() else b''
            if member.name == 'checkpoint/mm-1.img':
                contents = with_mapping(contents, size)
            elif member.name == 'checkpoint/pagemap-1.img':
                contents, pages_before = with_pages(contents, size)
            hole = size if member.name == 'checkpoint/pages-1.img' else 0
            cut = pages_before * PAGE
            member.size = len(contents) + hole
            out.write(member.tobuf(tarfile.GNU_FORMAT))
            out.write(contents[:cut] if hole else contents)
            if hole:
                out.seek(hole, io.SEEK_CUR)
                out.write(contents[cut:])
            out.write(bytes(-member.size % 512))
        out.write(bytes(1024))


main(*sys.argv[1:])
