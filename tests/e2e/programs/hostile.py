#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hostile.py ARCHIVE DIRECTORY: variants of a real archive, each with a member made to take as much memory as can be.

Small on the wire, large when unfolded: empty records, empty values, many names.
"""
import io
import json
import os
import struct
import sys
import tarfile

MIB = 1 << 20


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def value(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def record(data):
    return struct.pack('<I', len(data)) + data


def repeated(record_of, size):
    """Records of ascending numbers, `size` bytes of them; beyond what is ever unfolded they begin again."""
    out, at = bytearray(), 1
    while len(out) < min(size, 11 * MIB):
        out += record_of(at)
        at += 1
    return bytes(out) * (size // len(out) or 1)


def variants(members):
    """(name, {member: contents}, more members) of each."""
    def head(name):
        data = members['checkpoint/' + name]
        return data[:8] if struct.unpack('<I', data[:4])[0] in (0x54564319, 0x55105940) else data[:4]

    def first(name):
        data = members['checkpoint/' + name][len(head(name)):]
        size = struct.unpack('<I', data[:4])[0]
        return data[4:4 + size]

    files = lambda at: record(number(1, 1) + number(2, at + 1000) + value(3, number(1, at + 1000) + number(2, 0) + number(3, 0) +
                                                                          value(5, number(1, 0) + number(2, 0) + number(3, 0) + number(4, 0)) +
                                                                          value(6, b'/x')))
    # Some are taken, and show how much comes of them; the others are refused.
    for size in 1, 2, 4, 11, 60:
        yield f'files-{size}', {'checkpoint/files.img': members['checkpoint/files.img'] + repeated(files, size * MIB)}, []
        yield f'mm-{size}', {'checkpoint/mm-1.img': head('mm-1.img') + record(first('mm-1.img') + repeated(
            lambda at: value(14, number(1, at << 12) + number(2, at + 1 << 12) + number(3, 0) + number(4, 0) + number(5, 3) +
                             number(6, 34) + number(7, 0) + number(8, 0)), size * MIB))}, []
        yield f'mm-empty-{size}', {'checkpoint/mm-1.img': head('mm-1.img') + record(first('mm-1.img') + value(14, b'') * (size * MIB // 2))}, []
        yield f'pstree-{size}', {'checkpoint/pstree.img': members['checkpoint/pstree.img'] + repeated(
            lambda at: record(number(1, at + 5000) + number(2, 1) + number(3, 1) + number(4, 1) + number(5, at + 5000)), size * MIB)}, []
        yield f'core-{size}', {'checkpoint/core-1.img': head('core-1.img') + record(first('core-1.img') + value(99, b'x' * (size * MIB)))}, []
        yield f'inventory-{size}', {'checkpoint/inventory.img': head('inventory.img') + record(
            first('inventory.img') + number(99, 1) * (size * MIB // 3))}, []
        mounts = next((n for n in members if n.startswith('checkpoint/mountpoints-')), None)
        if mounts:
            yield f'mounts-{size}', {mounts: members[mounts] + repeated(
                lambda at: record(number(1, 0) + number(2, at + 9000) + number(3, 1) + number(4, 1) + number(5, 0) + value(6, b'/') +
                                  value(7, b'/m') + value(8, b'') + value(9, b'')), size * MIB)}, []
        fdinfo = next((n for n in members if n.startswith('checkpoint/fdinfo-')), None)
        yield f'fdinfo-{size}', {fdinfo: members[fdinfo] + repeated(
            lambda at: record(number(1, 1) + number(2, 0) + number(3, 1) + number(4, at + 1000)), size * MIB)}, []
        yield f'pagemap-{size}', {'checkpoint/pagemap-1.img': members['checkpoint/pagemap-1.img'] + repeated(
            lambda at: record(number(1, (1 << 40) + (at << 13)) + number(2, 0) + number(4, 1) + number(5, 0)), size * MIB)}, []
        yield f'remap-{size}', {'checkpoint/remap-fpath.img': struct.pack('<II', 0x54564319, 0x59133954) + repeated(
            lambda at: record(number(1, at) + number(2, at)), size * MIB)}, []
        yield f'cgroup-{size}', {'checkpoint/cgroup.img': head('cgroup.img') + record(
            first('cgroup.img') + value(1, number(1, 77) + value(2, value(1, b'a') + value(2, b'/b')) * (size * MIB // 10)))}, []
        yield f'filelocks-{size}', {'checkpoint/filelocks.img': struct.pack('<II', 0x54564319, 0x54616653) + repeated(
            lambda at: record(number(1, 1)), size * MIB)}, []
        yield f'tty-info-{size}', {'checkpoint/tty-info.img': struct.pack('<II', 0x54564319, 0x59453036) + record(b'\x0a' * 0) +
                                   record(number(99, 1) * (size * MIB // 3))}, []
    for text in '[]', '{}', '0':
        yield f'json-{len(text)}{text[0]}'.replace('[', 'a').replace('{', 'o'), {
            'config.dump': members['config.dump'].rstrip()[:-1] + (',"x":[' + ','.join([text] * (15 * MIB // (len(text) + 1))) + ']}').encode()}, []
        yield f'spec-{len(text)}{text[0]}'.replace('[', 'a').replace('{', 'o'), {
            'spec.dump': members['spec.dump'].rstrip()[:-1] + (',"x":[' + ','.join([text] * (15 * MIB // (len(text) + 1))) + ']}').encode()}, []
    # Two at once: metadata and images that are both just taken.
    spec = members['spec.dump'].rstrip()[:-1] + (',"x":[' + ','.join(['0'] * (3 * MIB // 2)) + ']}').encode()
    yield 'both', {'spec.dump': spec, 'checkpoint/mm-1.img': head('mm-1.img') + record(first('mm-1.img') + repeated(
        lambda at: value(14, number(1, at << 12) + number(2, at + 1 << 12) + number(3, 0) + number(4, 0) + number(5, 3) +
                         number(6, 34) + number(7, 0) + number(8, 0)), 4 * MIB))}, []
    yield 'deleted', {'deleted.files': json.dumps(['a'] * (4 * MIB)).encode()}, []
    yield 'annotations', {'spec.dump': json.dumps({'annotations': {'k%d' % at: 'v' for at in range(800000)}}).encode()}, []
    yield 'names', {}, ['checkpoint/' + '%06d' % at + 'n' * 4000 for at in range(30000)]
    yield 'members', {}, ['checkpoint/%d' % at for at in range(49000)]


def main():
    source, directory = sys.argv[1:3]
    members, order = {}, []
    with tarfile.open(source) as tar:
        for member in tar:
            order.append(member)
            members[member.name] = tar.extractfile(member).read() if member.isreg() else None
    for name, changed, more in variants(members):
        with tarfile.open(os.path.join(directory, name + '.tar'), 'w', format=tarfile.GNU_FORMAT) as out:
            for member in order:
                data = changed.pop(member.name, members[member.name])
                member.size = len(data) if data is not None else 0
                out.addfile(member, io.BytesIO(data) if data is not None else None)
            for added, data in changed.items():
                member = tarfile.TarInfo(added)
                member.size = len(data)
                out.addfile(member, io.BytesIO(data))
            for added in more:
                out.addfile(tarfile.TarInfo(added))


main()
