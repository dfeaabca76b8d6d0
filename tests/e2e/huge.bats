#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# An archive with 100 GiB of memory, which is a hole in the file: looking at it reads next to nothing of it.

load helpers

ARCHIVE=$SRC/tests/data/archives/podman-5.4.2-counter-none.tar

setup_file() {
        mkdir -p /srv/huge
        python3 "$SRC/tests/e2e/programs/sparse.py" "$ARCHIVE" /srv/huge/checkpoint-huge.tar 100
}

teardown_file() { rm -rf /srv/huge; }

# frugal CMD...: its output in $output; at most 64 MiB of memory, and a thousandth of the archive read.
frugal() {
        local read
        output=$(/usr/bin/time -q -o $BATS_TEST_TMPDIR/memory -f %M "$@")
        [ "$(tail -n 1 $BATS_TEST_TMPDIR/memory)" -lt 65536 ]
        read=$(strace -f -e trace=read,pread64 "$@" 2>&1 > /dev/null | awk '/ = [0-9]+$/ { n += $NF } END { print n + 0 }')
        [ "$read" -lt 10000000 ] || { echo "$* read $read bytes" >&2 && return 1; }
}

@test "the file takes no room" {
        [ "$(stat -c %s /srv/huge/checkpoint-huge.tar)" -gt 107374182400 ]
        [ "$(du -k /srv/huge/checkpoint-huge.tar | cut -f 1)" -lt 2048 ]
}

@test "show" {
        frugal checkpointctl show /srv/huge/checkpoint-huge.tar
        [[ "$output" = *" 100.0 GiB "* ]]
}

@test "inspect, all of it" {
        frugal checkpointctl inspect --all --json /srv/huge/checkpoint-huge.tar
        [ "$(jq '.[0].checkpoint_size.memory_pages_size' <<< "$output")" -gt 107374182400 ]
        # Behind the hole lies the stack: the command line and the environment of the process.
        diff <(jq -S '.[0].process_tree' <<< "$output") <(checkpointctl inspect --all --json "$ARCHIVE" | jq -S '.[0].process_tree')
}

@test "list" {
        frugal checkpointctl list /srv/huge
        [[ "$output" = *checkpoint-huge.tar* ]]
}

@test "explain" {
        frugal checkpointctl explain --json /srv/huge/checkpoint-huge.tar
        [ "$(jq .size <<< "$output")" -gt 107374182400 ]
        [ "$(jq '[.processes[].mappings[].size] | max' <<< "$output")" -gt 107374182400 ]
}

@test "its page maps and mappings agree" {
        run python3 - /srv/huge/checkpoint-huge.tar << 'END'
import sys, tarfile
sys.path.insert(0, '/usr/lib/python3/dist-packages')
import pycriu


def pages(entry):
    return entry.get('nr_pages') or entry['compat_nr_pages']


with tarfile.open(sys.argv[1]) as archive:
    mm = pycriu.images.load(archive.extractfile('checkpoint/mm-1.img'))['entries'][0]['vmas']
    pagemap = pycriu.images.load(archive.extractfile('checkpoint/pagemap-1.img'))['entries'][1:]
    assert sum(pages(e) for e in pagemap) * 4096 == archive.getmember('checkpoint/pages-1.img').size
    assert sorted(v['start'] for v in mm) == [v['start'] for v in mm]
    areas = []
    for v in mm:  # one entry may go over several neighbours
        if areas and areas[-1][1] == v['start']:
            areas[-1][1] = v['end']
        else:
            areas.append([v['start'], v['end']])
    for e in pagemap:
        assert any(start <= e['vaddr'] and e['vaddr'] + pages(e) * 4096 <= end for start, end in areas), e
END
        [ "$status" -eq 0 ] || { echo "$output" >&2 && return 1; }
}

# More small members than are kept, and the largest window that is accepted.
@test "a compressed archive cannot take more memory than there is room for" {
        python3 - /srv/huge/many.tar << 'END'
import io, os, sys, tarfile
with tarfile.open(sys.argv[1], 'w') as out:
    for i in range(96):
        member = tarfile.TarInfo('checkpoint/%s-%d.img' % ('pages' if i % 2 else 'made', i))
        contents = os.urandom(1 << 20)
        member.size = len(contents)
        out.addfile(member, io.BytesIO(contents))
    member = tarfile.TarInfo('config.dump')
    contents = b'{"id":"many","name":"many"}'
    member.size = len(contents)
    out.addfile(member, io.BytesIO(contents))
END
        zstd -q --long=25 /srv/huge/many.tar -o /srv/huge/many.tar.zst
        gzip -1 -c /srv/huge/many.tar > /srv/huge/many.tar.gz
        for archive in /srv/huge/many.tar.*; do
                for verb in show "inspect --metadata" verify "build --quiet"; do
                        rm -rf /srv/huge/image
                        /usr/bin/time -q -o $BATS_TEST_TMPDIR/memory -f %M checkpointctl $verb $archive \
                                $([[ $verb != build* ]] || echo oci:/srv/huge/image) || [ "$verb" = verify ]
                        [ "$(tail -n 1 $BATS_TEST_TMPDIR/memory)" -lt 65536 ] || { cat $BATS_TEST_TMPDIR/memory >&2 && return 1; }
                done
        done
}

# A page map of 64 MiB: every other page of 32 GiB, of which each thousandth is here and the others in an earlier dump.
@test "a page map of any size takes no memory" {
        python3 - "$ARCHIVE" /srv/huge/scattered.tar << 'END'
import io, struct, sys, tarfile
COUNT, START = 4 << 20, 0x100000000000
def region(i):
        address, out = START + i * 8192, bytearray(b'\x0c\0\0\0\x08')
        for _ in range(6):
                out.append(address & 127 | 128)
                address >>= 7
        return bytes(out + bytes([address]) + (b'\x10\x01\x20\x01' if i % 1024 else b'\x10\x01\x20\x04'))
with tarfile.open(sys.argv[1]) as archive, open(sys.argv[2], 'wb') as out:
        for member in archive:
                contents = archive.extractfile(member).read() if member.isfile() else b''
                if member.name == 'checkpoint/pagemap-1.img':
                        head, = struct.unpack_from('<I', contents, 8)
                        contents = contents[:12 + head] + b''.join(map(region, range(COUNT)))
                size = COUNT // 1024 * 4096 if member.name == 'checkpoint/pages-1.img' else len(contents)
                member.size = size
                out.write(member.tobuf(tarfile.GNU_FORMAT))
                if size == len(contents):
                        out.write(contents + bytes(-size % 512))
                else:
                        out.seek(size, io.SEEK_CUR)
        out.write(bytes(1024))
END
        for verb in memparse explain "inspect --all" "show" "memparse -p 1 -s a-needle" "diff /srv/huge/scattered.tar"; do
                /usr/bin/time -q -o $BATS_TEST_TMPDIR/memory -f %M checkpointctl $verb /srv/huge/scattered.tar > /dev/null
                [ "$(tail -n 1 $BATS_TEST_TMPDIR/memory)" -lt 65536 ] || { echo "$verb: $(cat $BATS_TEST_TMPDIR/memory)" >&2 && return 1; }
        done
        checkpointctl memparse --json /srv/huge/scattered.tar 2> /dev/null | jq -e '.[0].processes[] | select(.pid == 1) | .memory == 17179869184'
        rm /srv/huge/scattered.tar
}

# JSON of 14 MiB, of which each two bytes are a value of sixteen.
@test "JSON cannot take more memory than there is room for" {
        python3 - /srv/huge/json.tar << 'END'
import io, sys, tarfile
with tarfile.open(sys.argv[1], 'w') as out:
        for name in 'config.dump', 'spec.dump', 'checkpoint/x.img':
                member, contents = tarfile.TarInfo(name), b'{"id":"x","name":"x","many":[' + b'1,' * (7 << 20) + b'1]}'
                member.size = len(contents)
                out.addfile(member, io.BytesIO(contents))
END
        for verb in show "inspect --metadata" verify; do
                run -4 /usr/bin/time -q -o $BATS_TEST_TMPDIR/memory -f %M checkpointctl $verb /srv/huge/json.tar
                [[ "$output" = *"needs more than the 36 MiB of memory"* ]]
                [ "$(tail -n 1 $BATS_TEST_TMPDIR/memory)" -lt 65536 ] || { cat $BATS_TEST_TMPDIR/memory >&2 && return 1; }
        done
}

@test "zstd with a window larger than is kept is refused, and said to be so" {
        head -c 200M /dev/zero | zstd -q --long=27 -o /srv/huge/long.tar.zst
        for verb in show verify "repair --quiet -o /srv/huge/long.tar"; do
                run checkpointctl $verb /srv/huge/long.tar.zst
                [ "$status" -ne 0 ]
                [[ "$output" = *"further back than the 32 MiB"* ]]
        done
        [ ! -e /srv/huge/long.tar ]
}

# read_share LIMIT FILE CMD...: the command reads the file at most LIMIT times.
read_share() {
        local limit=$1 size read
        size=$(stat -c %s "$2")
        shift 2
        read=$(strace -f -e trace=read,pread64 "$@" 2>&1 > /dev/null | awk '/ = [0-9]+$/ { n += $NF } END { print n + 0 }')
        awk -v read="$read" -v size="$size" -v limit="$limit" 'BEGIN { exit !(read <= size * limit + 2000000) }' ||
                { echo "$*: read $read of $size" >&2 && return 1; }
}

@test "what is compressed without an index is read once, for looking, verifying and building" {
        python3 "$SRC/tests/e2e/programs/sparse.py" "$ARCHIVE" /srv/huge/random.tar 1
        # Random memory, so that the compressed file is as large.
        offset=$(grep -abom1 checkpoint/pages-1.img /srv/huge/random.tar | cut -d: -f1)
        openssl enc -aes-128-ctr -pass pass:x -nosalt < /dev/zero 2> /dev/null | head -c 100000000 |
                dd of=/srv/huge/random.tar bs=1M oflag=seek_bytes seek=$((offset + 2000000)) conv=notrunc status=none
        zstd -q -1 /srv/huge/random.tar -o /srv/huge/random.tar.zst
        [ "$(stat -c %s /srv/huge/random.tar.zst)" -gt 100000000 ]
        mkdir /srv/huge/list && ln -s ../random.tar.zst /srv/huge/list/checkpoint-random
        checkpointctl build --quiet --compress zstd /srv/huge/random.tar oci:/srv/huge/image:z > /dev/null
        for verb in show inspect "inspect --all" "inspect --ps-tree-env --files --sockets"; do
                read_share 1 /srv/huge/random.tar.zst checkpointctl $verb /srv/huge/random.tar.zst
                read_share 1 /srv/huge/random.tar.zst checkpointctl $verb oci:/srv/huge/image:z
        done
        read_share 1 /srv/huge/random.tar.zst checkpointctl list /srv/huge/list
        read_share 1 /srv/huge/random.tar.zst checkpointctl verify --quiet /srv/huge/random.tar.zst
        read_share 1 /srv/huge/random.tar.zst checkpointctl build --quiet /srv/huge/random.tar.zst oci:/srv/huge/image:x
        [ "$(checkpointctl inspect --ps-tree-cmd --json /srv/huge/random.tar.zst | jq -r '.[0].process_tree.cmdline')" = \
                "$(checkpointctl inspect --ps-tree-cmd --json "$ARCHIVE" | jq -r '.[0].process_tree.cmdline')" ]
}
