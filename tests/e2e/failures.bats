#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What CRIU refuses is refused by its cause: a code, CRIU's decisive line, what to do. The container goes on.
# Bare bundles, so that nothing of an engine stands between the program and CRIU; --force, because preflight knows
# most of these causes beforehand.

load helpers

bundles=/var/lib/snap/test-bundles

setup_file() {
        # The node outlives this call: it must not hold the pipes whose end bats waits for.
        on a true 3>&- 4>&-
        on a bash -ec '
                mkdir -p '"$bundles"'/refused.root/{bin,dev,proc,sys,tmp,outside}
                gcc -O2 -static -o '"$bundles"'/refused.root/bin/refused '"$SRC"'/tests/e2e/programs/refused.c'
}

teardown() {
        [ -z "${container:-}" ] || on a crun delete -f "$container"
        [ -z "${server:-}" ] || kill "$server"
}

# hold THING [JQ-FILTER]: a container named after the test's thing, whose program holds it.
hold() {
        container=refused-$1
        on a bash -ec '
                mkdir -p "$1" && cd "$1" && rm -rf rootfs && cp -a ../refused.root rootfs && rm -f config.json && crun spec
                jq --arg thing "$2" "
                        .process.terminal = false | .process.args = [\"/bin/refused\", \$thing] | .root.readonly = false |
                        $3" config.json > new
                mv new config.json
                crun run -d "$4" < /dev/null '"${stdout:-> /dev/null}"' 2>&1' _ "$bundles/$container" "$1" "${2:-.}" "$container"
        wait_for 60 on a test -s "$bundles/$container/rootfs/tmp/count"
}

counts() {
        local before
        before=$(on a cat "$bundles/$container/rootfs/tmp/count")
        wait_for 60 on a bash -c '[ "$(cat '"$bundles/$container"'/rootfs/tmp/count)" -gt '"$before"' ]'
}

# refused CODE EXIT-STATUS LINE: create fails so, leaves nothing, and the container goes on.
refused() {
        run on a checkpointctl create --force --runtime crun --output "$bundles/$container/out.tar" "$container"
        echo "$output"
        [ "$status" -eq "$2" ]
        [[ $output == *"[$1]"* ]]
        [[ $output == *"$3"* ]]
        [[ $output == *"Hint: "* ]]
        [[ $output != *RLIMIT_NOFILE* ]]
        on a test ! -e "$bundles/$container/out.tar"
        counts
        nothing_left a
}

# works OPTION...: with what the hint says it works.
works() {
        on a checkpointctl create --quiet --runtime crun "$@" --output "$bundles/$container/works.tar" "$container"
        on a checkpointctl verify "$bundles/$container/works.tar"
        counts
}

@test "a TCP connection, and --tcp close, --tcp keep" {
        hold tcp
        refused SNAP-201 6 'inet: Connected TCP socket'
        works --tcp keep
        works --tcp close --replace
}

@test "a TCP connection that nobody accepted" {
        hold tcp-waiting
        refused SNAP-202 6 'In-flight connection'
        works --tcp close
}

@test "io_uring" {
        hold io_uring
        refused SNAP-212 6 'send_fds failed (-22)'
}

@test "a device" {
        hold device '.linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 438, uid: 0, gid: 0}] |
                .linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 229, access: "rwm"}]'
        refused SNAP-213 6 'chr 10:229'
}

@test "a file lock, and --file-locks" {
        hold lock
        refused SNAP-224 6 'Some file locks are hold'
        works --file-locks
}

@test "a large deleted file, and --ghost-limit" {
        hold deleted
        refused SNAP-226 6 '/tmp/deleted of 2097152 size'
        works --ghost-limit 4M
}

@test "output to a file outside the container" {
        stdout="> $bundles/outside.txt" hold nothing
        refused SNAP-227 6 'for fd=1 path='
}

@test "a Unix socket of a process outside" {
        on a mkdir -p /tmp/outside
        on a python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("/tmp/outside/socket")
s.listen()
c = s.accept()
time.sleep(60)' > /dev/null 2>&1 3>&- 4>&- &
        server=$!
        wait_for 60 on a test -S /tmp/outside/socket
        hold unix '.mounts += [{destination: "/outside", type: "bind", source: "/tmp/outside", options: ["bind"]}]'
        refused SNAP-207 6 'unix: External socket is used'
}

@test "a traced process" {
        hold traced
        refused SNAP-236 6 'Unable to interrupt task'
}

@test "a stopped process, at which CRIU would hang in a version 1 group" {
        [ -d /sys/fs/cgroup/freezer ] || skip "the groups are of version 2"
        hold stopped
        run on a checkpointctl create --runtime crun --output "$bundles/$container/out.tar" "$container"
        echo "$output"
        [ "$status" -eq 5 ]
        [[ $output == *"processes are stopped by a signal: process 2 (refused) (stopped-processes)"* ]]
        [[ $output == *"Hint: "*"kill -CONT"* ]]
        on a test ! -e "$bundles/$container/out.tar"
        counts
        # It hangs indeed, until the time is up.
        run on a checkpointctl create --force --timeout 2 --runtime crun --output "$bundles/$container/out.tar" "$container"
        echo "$output"
        [ "$status" -eq 9 ]
        counts
        wait_for 60 nothing_left a
        on a bash -c 'kill -CONT $(pgrep -x refused)'
        works
}

@test "a container that is not running" {
        hold nothing
        on a crun kill "$container" KILL
        wait_for 60 on a bash -c '[ "$(crun state '"$container"' | jq -r .status)" = stopped ]'
        run on a checkpointctl create --force --runtime crun --output "$bundles/$container/out.tar" "$container"
        [ "$status" -ne 0 ]
        [[ $output == *"not running"* ]]
        [[ $output == *"Hint: "* ]]
        on a test ! -e "$bundles/$container/out.tar"
}

@test "crun without libcriu, which leaves no log" {
        hold nothing
        library=$(on a readlink -f /usr/lib/x86_64-linux-gnu/libcriu.so.2)
        on a mount --bind /dev/null "$library"
        refused SNAP-250 6 'could not load `libcriu.so.2`'
        on a umount "$library"
        works
}

@test "docs/errors.md lists every code as the program knows it" {
        [ -z "$(checkpointctl errors --json | jq -r '.[].code' | sort | uniq -d)" ]
        diff <(sed -n '/^### /,$p' "$SRC/docs/errors.md") <(checkpointctl errors --markdown | sed -n '/^### /,$p')
}
