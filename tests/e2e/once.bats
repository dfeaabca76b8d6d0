#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What can only be read forward is read once, whatever is wanted of it.

load helpers
load registry

ARCHIVE=$SRC/tests/data/archives/podman-5.4.2-counter-none.tar

# $WORK/once.tar.gz and the like: a real archive, with 24 MiB behind its images that no compression makes smaller.
setup_file() {
        export WORK=/srv/once
        mkdir -p $WORK
        python3 - "$ARCHIVE" $WORK/once.tar << 'END'
import io, os, sys, tarfile


def add(tar, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


volume = io.BytesIO()
with tarfile.open(fileobj=volume, mode='w') as tar:
    add(tar, 'random', os.urandom(24 << 20))
with tarfile.open(sys.argv[1]) as old, tarfile.open(sys.argv[2], 'w') as new:
    for member in old:
        new.addfile(member, old.extractfile(member) if member.isreg() else None)
    add(new, 'volumes/data.tar', volume.getvalue())
END
        for form in gzip zstd lz4; do $form -q -c $WORK/once.tar > $WORK/once.tar.$form; done
        registry_start plain
}

teardown_file() { stop_all; }

# reads CMD...: how many bytes it reads from files, what it starts included; its output is dropped.
reads() {
        bash -c '
                read_so_far() { while read -r key value; do [ "$key" != rchar: ] || echo "$value"; done < /proc/$$/io; }
                before=$(read_so_far)
                "$@" > /dev/null 2>&1
                status=$?
                echo $(($(read_so_far) - before))
                exit $status' _ "$@"
}

# passes FILE CMD...: how many times the size of FILE it reads, rounded.
passes() {
        local size=$(stat -c %s "$1") bytes
        bytes=$(reads "${@:2}") || { echo "$* failed" >&2 && return 1; }
        echo $(((bytes + size / 2) / size))
}

@test "looking reads it once" {
        for file in $WORK/once.tar.*; do
                for verb in show "inspect --all" verify explain memparse images; do
                        [ "$(passes $file checkpointctl $verb $file)" -eq 1 ] || { echo "$verb $file" >&2 && return 1; }
                done
                [ "$(passes $file checkpointctl images $file files.img core-1.img pstree.img)" -eq 1 ]
        done
}

@test "of two that are compared each is read once" {
        [ "$(passes $WORK/once.tar.zstd checkpointctl diff --files --sockets --ps-tree-cmd $WORK/once.tar.zstd $WORK/once.tar.zstd)" -eq 2 ]
}

@test "build reads it once, for another engine too" {
        for file in $WORK/once.tar.*; do
                [ "$(passes $file checkpointctl build $file oci:$WORK/layout:${file##*.})" -eq 1 ]
        done
        # What is written in another way is kept in between: 24 MiB of a volume.
        [ "$(passes $WORK/once.tar.zstd checkpointctl build --for podman $WORK/once.tar.zstd oci:$WORK/layout:podman)" -le 3 ]
}

@test "push reads it once" {
        for file in $WORK/once.tar.*; do
                [ "$(passes $file checkpointctl push --compress none $file docker://127.0.0.1:$PORT_plain/once:${file##*.})" -eq 1 ]
        done
}

@test "what is built while it is read is what would be built of a plain one" {
        checkpointctl build $WORK/once.tar oci:$WORK/layout:plain
        checkpointctl build --compress zstd $WORK/once.tar oci:$WORK/layout:plain-zstd
        checkpointctl build --compress zstd $WORK/once.tar.gzip oci:$WORK/layout:gzip-zstd
        manifest() { jq -r --arg tag $1 '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $tag) | .digest' $WORK/layout/index.json; }
        for form in gzip zstd lz4; do [ "$(manifest $form)" = "$(manifest plain)" ]; done
        [ "$(manifest gzip-zstd)" = "$(manifest plain-zstd)" ]
        checkpointctl verify oci:$WORK/layout:gzip-zstd
}

# The pages stand before the process tree, which says whose they are: until then that is guessed.
@test "memory is looked into while it passes" {
        for file in $WORK/once.tar.*; do
                [ "$(passes $file checkpointctl memparse -p 1 -s PATH= $file)" -eq 1 ]
                [ "$(passes $file checkpointctl memparse -p 1 -r PATH= --json $file)" -eq 1 ]
                [ "$(passes $file checkpointctl memparse -p 1 -o $BATS_TEST_TMPDIR/dump $file)" -eq 1 ]
                [ "$(passes $file checkpointctl secrets $file)" -eq 1 ]
        done
}

# found FILE: what is found in the memory of FILE, and all of it.
found() {
        checkpointctl memparse -p 1 -s PATH= -c 20 $1
        checkpointctl memparse -p 1 -r '[a-z]{6,}' --json $1 | jq -c '.[0] | del(.path)'
        checkpointctl secrets --json $1 | jq -c '.[0] | del(.path)'
        checkpointctl memparse -p 13 -o $BATS_TEST_TMPDIR/dump $1 > /dev/null
        cat $BATS_TEST_TMPDIR/dump
}

@test "what is found while it passes is what is found in a plain one" {
        found $WORK/once.tar > $BATS_TEST_TMPDIR/plain
        [ "$(wc -l < $BATS_TEST_TMPDIR/plain)" -gt 1000 ]
        for file in $WORK/once.tar.*; do
                found $file > $BATS_TEST_TMPDIR/packed
                cmp $BATS_TEST_TMPDIR/plain $BATS_TEST_TMPDIR/packed
        done
        zstd -dqc $WORK/once.tar.zstd | gzip -1 | checkpointctl memparse -p 1 -s PATH= -c 20 - |
                diff - <(checkpointctl memparse -p 1 -s PATH= -c 20 $WORK/once.tar)
}

@test "memory that stands before what says where it was takes a second reading" {
        python3 - $WORK/once.tar $BATS_TEST_TMPDIR/other.tar << 'END'
import sys, tarfile
with tarfile.open(sys.argv[1]) as old, tarfile.open(sys.argv[2], 'w') as new:
    for member in sorted(old, key=lambda member: '/pages-' not in member.name):
        new.addfile(member, old.extractfile(member) if member.isreg() else None)
END
        zstd -q $BATS_TEST_TMPDIR/other.tar -o $BATS_TEST_TMPDIR/other.tar.zst
        [ "$(passes $BATS_TEST_TMPDIR/other.tar.zst checkpointctl memparse -p 1 -s PATH= $BATS_TEST_TMPDIR/other.tar.zst)" -le 2 ]
        cmp <(found $BATS_TEST_TMPDIR/other.tar) <(found $BATS_TEST_TMPDIR/other.tar.zst)
}

@test "a pipe is read once and kept" {
        for verb in show verify explain; do
                diff <(zstd -dqc $WORK/once.tar.zstd | gzip -1 | checkpointctl $verb --json - | jq 'if type == "array" then map(del(.path)) else del(.path, .fileSize) end') \
                        <(checkpointctl $verb --json $WORK/once.tar.gzip | jq 'if type == "array" then map(del(.path)) else del(.path, .fileSize) end')
        done
}
