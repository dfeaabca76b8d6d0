#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the archives in this folder: small tars, each wrong in one way. The name before the first '-' is the kind
of error that opening or verifying it must give (tests/unit/archive/test_malformed.c); all seed the fuzz targets."""
import gzip
import io
import os
import struct
import tarfile

here = os.path.dirname(os.path.abspath(__file__))
SOUND = [('checkpoint/', None), ('checkpoint/inventory.img', b'\x70\x67\x04\x58' + bytes(40)),
         ('checkpoint/pages-1.img', bytes(700)), ('config.dump', b'{"id":"a","name":"a"}'), ('spec.dump', b'{}')]


def entry(name, data=b'', kind=None, link='', size=None, mode=0o600):
    """One header block with its contents."""
    info = tarfile.TarInfo(name)
    info.type = kind or (tarfile.DIRTYPE if data is None else tarfile.REGTYPE)
    info.size, info.mode, info.linkname = len(data or b''), mode, link
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT)[-512:])
    if size is not None:
        block[124:136] = size
        checksum(block)
    return bytes(block) + (data or b'') + bytes(-len(data or b'') % 512)


def checksum(block):
    block[148:156] = b' ' * 8
    block[148:156] = b'%06o\0 ' % sum(block)


def tar(entries, end=bytes(1024)):
    return b''.join(e if isinstance(e, bytes) else entry(*e) for e in entries) + end


def write(name, data):
    with open(os.path.join(here, name), 'wb') as out:
        out.write(data)


def main():
    sound = tar(SOUND)
    for size in range(512, len(sound), 512):
        write('truncated-%05d.tar' % size, sound[:size])
    packed = gzip.compress(sound, mtime=0)
    for part in range(1, 4):
        write('compression-cut-%d.tar.gz' % part, packed[:len(packed) * part // 4])
    damaged = bytearray(packed)
    damaged[-6] ^= 1
    write('compression-crc.tar.gz', damaged)
    for byte in (0, 100, 124, 148, 156, 257):
        flipped = bytearray(sound)
        flipped[1024 - 512 + byte] ^= 4
        write('corrupt-header-bit-%03d.tar' % byte, flipped)
    for what, name in {'parent': '../x', 'absolute': '/etc/passwd', 'middle': 'a/../../x', 'below': 'checkpoint/../../x',
                       'dots': '..', 'empty-part': 'checkpoint//x', 'dot-part': 'checkpoint/./x'}.items():
        write('name-%s.tar' % what, tar(SOUND + [(name, b'x')]))
    for what, kind in {'symbolic': tarfile.SYMTYPE, 'hard': tarfile.LNKTYPE, 'fifo': tarfile.FIFOTYPE,
                       'character': tarfile.CHRTYPE, 'block': tarfile.BLKTYPE}.items():
        write('name-link-%s.tar' % what, tar(SOUND + [entry('checkpoint/x', b'', kind, '/etc/passwd')]))
    write('name-pax.tar', tar(SOUND + [entry('pax', b'20 path=../../../xx\n', tarfile.XHDTYPE), ('x', b'y')]))
    write('name-long.tar', tar(SOUND + [entry('././@LongLink', b'../' * 50 + b'x\0', tarfile.GNUTYPE_LONGNAME), ('x', b'y')]))
    write('corrupt-double.tar', tar(SOUND + [('config.dump', b'{}')]))
    write('corrupt-double-dot.tar', tar(SOUND + [('./config.dump', b'{}')]))
    for what, size in {'octal': b'77777777777\0', '2-50': b'\x80' + bytes(4) + struct.pack('>Q', 1 << 50)[1:]}.items():
        write('truncated-size-%s.tar' % what, tar(SOUND + [entry('checkpoint/pages-2.img', b'', size=size)]))
    for what, size in {'2-63': b'\x80' + bytes(3) + struct.pack('>Q', 1 << 63), 'negative': b'\xff' * 12,
                       'letters': b'0000000001z\0'}.items():
        write('corrupt-size-%s.tar' % what, tar(SOUND + [entry('checkpoint/pages-2.img', b'', size=size)]))
    write('corrupt-pax-length.tar', tar(SOUND + [entry('pax', b'99999 path=x\n', tarfile.XHDTYPE), ('x', b'y')]))
    write('corrupt-pax-size.tar', tar(SOUND + [entry('pax', b'29 size=99999999999999999999\n', tarfile.XHDTYPE), ('x', b'y')]))
    write('corrupt-long-huge.tar', tar(SOUND + [entry('././@LongLink', b'', tarfile.GNUTYPE_LONGNAME, size=b'77777777777\0')]))
    write('corrupt-extensions.tar', tar(SOUND + [entry('pax', b'6 a=b\n', tarfile.XHDTYPE)] * 12))
    write('corrupt-after-end.tar', tar(SOUND, bytes(512) + entry('late', b'x') + bytes(1024)))
    write('other-empty.tar', b'')
    write('other-zeros.tar', bytes(10240))
    write('other-text.tar', b'this is not an archive\n' * 40)
    write('other-plain.tar', tar([('README', b'an ordinary tar')]))
    for what, text in {'cut': b'{"id":', 'array': b'[]', 'binary': bytes(range(256)), 'deep': b'[' * 1000,
                       'empty': b''}.items():
        write('metadata-%s.tar' % what, tar([e for e in SOUND if e[0] != 'config.dump'] + [('config.dump', text)]))
    write('metadata-deleted.tar', tar(SOUND + [('deleted.files', b'{"a":1}')]))


main()
