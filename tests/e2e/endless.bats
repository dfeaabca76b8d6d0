#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# An archive that takes minutes to expand: who waits sees how far it is, and can have it stop.

load helpers
load registry

# $WORK/endless.tar: 1 TiB of memory pages, which are zeros, in 32 MiB of zstd.
setup_file() {
        export WORK=/srv/endless
        mkdir -p $WORK
        python3 - $WORK/head << 'END'
import sys, tarfile

with open(sys.argv[1], 'wb') as out:
    for name, size in ('checkpoint/inventory.img', 0), ('checkpoint/pages-1.img', 1 << 40):
        member = tarfile.TarInfo(name)
        member.size = size
        out.write(member.tobuf(tarfile.GNU_FORMAT))
END
        head -c 64M /dev/zero | zstd -q --no-check > $WORK/frame
        zstd -q -c $WORK/head > $WORK/endless.tar
        for i in $(seq 64); do cat $WORK/frame; done > $WORK/frames
        for i in $(seq 256); do cat $WORK/frames; done >> $WORK/endless.tar
        registry_start plain
}

teardown_file() { stop_all; }

# interrupted CMD...: ends when it gets SIGINT in the middle, and says so.
interrupted() {
        local pid status=0
        timeout --foreground 60 "$@" <&0 > $BATS_TEST_TMPDIR/out 2> $BATS_TEST_TMPDIR/err &
        pid=$!
        sleep 1
        kill -INT $(pgrep -P $pid)
        wait $pid || status=$?
        [ $status -eq 130 ] || { cat $BATS_TEST_TMPDIR/err >&2 && return 1; }
}

@test "long verbs stop when they are told to, and leave nothing" {
        interrupted checkpointctl verify $WORK/endless.tar
        grep -q SNAP-011 $BATS_TEST_TMPDIR/err
        interrupted checkpointctl secrets $WORK/endless.tar
        grep -q SNAP-011 $BATS_TEST_TMPDIR/err
        interrupted checkpointctl build $WORK/endless.tar oci:$WORK/layout:x
        grep -q SNAP-011 $BATS_TEST_TMPDIR/err
        [ -z "$(find $WORK/layout -name 'index.json' -o -path '*/blobs/*' -type f)" ]
        interrupted checkpointctl push --compress zstd $WORK/endless.tar docker://127.0.0.1:$PORT_plain/endless:x
        grep -q SNAP-011 $BATS_TEST_TMPDIR/err
        run ! checkpointctl tags docker://127.0.0.1:$PORT_plain/endless
        interrupted checkpointctl restore $WORK/endless.tar
        grep -q SNAP-011 $BATS_TEST_TMPDIR/err
}

@test "a pipe that says nothing can be left, too" {
        interrupted checkpointctl verify - < <(sleep 100)
        grep -q SNAP-011 $BATS_TEST_TMPDIR/err
}

@test "those who look end at once" {
        for verb in show "inspect --all" explain images memparse; do interrupted checkpointctl $verb $WORK/endless.tar; done
}

@test "a terminal shows how far it is" {
        for verb in verify show explain memparse; do
                run timeout -s INT 2 script -qec "stty cols 120; checkpointctl $verb $WORK/endless.tar" /dev/null < /dev/null
                [[ "$output" = *"["*">"* ]]
        done
}

@test "elsewhere than on a terminal those who look are silent" {
        for verb in show explain images memparse; do
                run timeout 1.5 checkpointctl $verb $WORK/endless.tar
                [ "$output" = "" ]
        done
}
