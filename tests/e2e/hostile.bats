#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Archives that are made to take as much memory as can be: no verb takes more than 64 MiB, and what is refused is said.

load helpers

setup_file() {
        mkdir -p /srv/hostile
        python3 "$SRC/tests/e2e/programs/hostile.py" "$SRC/tests/data/archives/podman-5.4.2-counter-none.tar" /srv/hostile
}

teardown_file() { rm -rf /srv/hostile; }

# frugal CMD...: at most 64 MiB, and an end of its own.
frugal() {
        local memory status=0
        /usr/bin/time -q -o $BATS_TEST_TMPDIR/memory -f %M timeout 60 "$@" > $BATS_TEST_TMPDIR/out 2> $BATS_TEST_TMPDIR/err || status=$?
        memory=$(tail -n 1 $BATS_TEST_TMPDIR/memory)
        [ $status -lt 100 ] && [ $status -ne 7 ] && [ "$memory" -le 65536 ] ||
                { echo "$*: status $status, $((memory / 1024)) MiB: $(tail -n 2 $BATS_TEST_TMPDIR/err)" >&2 && return 1; }
}

# all_frugal VERB [OPTION...]: over every archive.
all_frugal() {
        local failed=0 file
        for file in /srv/hostile/*.tar; do frugal checkpointctl "$@" $file || failed=1; done
        return $failed
}

@test "show" { all_frugal show; }

@test "inspect, all of it" {
        all_frugal inspect --all
        all_frugal inspect --all --json
}

@test "explain" {
        all_frugal explain
        all_frugal explain --json
}

@test "verify" { all_frugal verify --quiet; }

@test "images" {
        all_frugal images
        for file in /srv/hostile/*.tar; do
                for image in files.img mm-1.img pstree.img core-1.img cgroup.img; do frugal checkpointctl images $file $image; done
        done
}

@test "memparse and secrets" {
        all_frugal memparse
        all_frugal secrets --quiet
}

@test "diff, which has two of them at the same time" {
        for file in /srv/hostile/*.tar; do frugal checkpointctl diff --files --sockets --ps-tree-cmd $file $file; done
}

@test "build" {
        for file in /srv/hostile/*.tar; do
                frugal checkpointctl build --quiet $file oci:/srv/hostile/layout:x
                frugal checkpointctl build --quiet --for podman $file oci:/srv/hostile/layout:x
        done
}

@test "push" {
        mkdir /srv/hostile/registry
        checkpointctl registry --root /srv/hostile/registry --listen 127.0.0.1:5055 > $BATS_TEST_TMPDIR/registry 2>&1 3>&- &
        registry=$!
        wait_for 20 curl -sf -o /dev/null http://127.0.0.1:5055/v2/
        for file in /srv/hostile/*.tar; do frugal checkpointctl push --quiet $file docker://127.0.0.1:5055/hostile/x:1; done
        kill $registry
        wait $registry || :
        rm -rf /srv/hostile/registry
}

@test "repair, of what is cut short" {
        for file in /srv/hostile/*.tar; do
                head -c -700 $file > /srv/hostile/cut
                frugal checkpointctl repair --quiet --output /srv/hostile/repaired /srv/hostile/cut
                rm -f /srv/hostile/repaired*
        done
}

@test "memory of a process: into a file, and searched" {
        all_frugal memparse --pid 1 --search PATH
        all_frugal memparse --pid 1 --search-regex 'P[A-Z]TH'
        all_frugal memparse --pid 1 --output $BATS_TEST_TMPDIR/dump
}

@test "restore, to where it is refused" {
        all_frugal restore --quiet --runtime podman
}

# What may be in checkpointed.pods is counted: rows of tables take much more than their text.
@test "pods of the first generation" {
        set=/srv/hostile/pods
        for pods in 900:50 1:45000 900:2000 1:300000; do
                rm -rf $set && mkdir -p $set/in
                python3 "$SRC/tests/e2e/programs/hostile_pods.py" ${pods/:/ } $set
                for verb in show "show --json" "show --print-stats" "extract --quiet --compress none --output $set/tar --target"; do
                        frugal checkpointctl $verb $set
                done
                [ ! -f $set/tar ] || frugal checkpointctl insert --quiet --target $set/in --input $set/tar
        done
}

@test "list" {
        for file in /srv/hostile/*.tar; do ln $file /srv/hostile/checkpoint-$(basename $file); done
        frugal checkpointctl list /srv/hostile
        rm /srv/hostile/checkpoint-*
}

# The window that zstd may ask for is memory, too.
@test "compressed with a large window" {
        for file in /srv/hostile/{files,names,members}*.tar; do
                zstd -q --long=25 -f $file -o /srv/hostile/packed
                for verb in show verify explain "inspect --all" "memparse -p 1 -s PATH=" secrets; do frugal checkpointctl $verb /srv/hostile/packed; done
        done
}

@test "what is too large is said to be so" {
        run -4 checkpointctl inspect --all /srv/hostile/mm-11.tar
        [[ "$output" = *"more than 24 MiB of memory"*SNAP-292* ]]
        run -4 checkpointctl verify --quiet /srv/hostile/mm-11.tar
        [[ "$output" = *SNAP-292* ]]
}
