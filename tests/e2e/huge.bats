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

# read_share LIMIT FILE CMD...: the command reads the file at most LIMIT times.
read_share() {
        local limit=$1 size read
        size=$(stat -c %s "$2")
        shift 2
        read=$(strace -f -e trace=read,pread64 "$@" 2>&1 > /dev/null | awk '/ = [0-9]+$/ { n += $NF } END { print n + 0 }')
        awk -v read="$read" -v size="$size" -v limit="$limit" 'BEGIN { exit !(read <= size * limit + 2000000) }' ||
                { echo "$*: read $read of $size" >&2 && return 1; }
}

@test "what is compressed without an index is read once for looking, twice for verifying and building" {
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
        read_share 2 /srv/huge/random.tar.zst checkpointctl verify --quiet /srv/huge/random.tar.zst
        read_share 2 /srv/huge/random.tar.zst checkpointctl build --quiet /srv/huge/random.tar.zst oci:/srv/huge/image:x
        [ "$(checkpointctl inspect --ps-tree-cmd --json /srv/huge/random.tar.zst | jq -r '.[0].process_tree.cmdline')" = \
                "$(checkpointctl inspect --ps-tree-cmd --json "$ARCHIVE" | jq -r '.[0].process_tree.cmdline')" ]
}
