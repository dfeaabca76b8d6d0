#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers of pods, checkpointed by their engine: containerd, asked by the CRI.

load helpers
load cri
load agent

setup_file() {
        images_on a busybox memory
        registry_start
        skopeo copy -q oci-archive:/srv/images/memory.oci "docker://$registry/memory:1"
        containerd_on a
        counter=$(cri_start a web counter "$registry/busybox:1")
        other=$(cri_start a db counter "$registry/busybox:1")
        memory=$(cri_start a memory memory "$registry/memory:1")
        export counter other memory
        wait_for 60 cri_count a "$counter"
        wait_for 60 cri_count a "$other"
        wait_for 60 cri_count a "$memory"
}

teardown_file() {
        containerd_off a
        registry_stop
        on a podman rm -af -t 0 > /dev/null 2>&1
        rm -rf /srv/*.tar /srv/small /srv/notes
}

teardown() { rm -f /srv/*.tar; }

# goes_on_in CONTAINER: it counts, and a process can be started in it.
goes_on_in() { cri_goes_on a "$1" "$(cri_count a "$1")"; }

# at_rest: nothing frozen, no process, mark or unfinished file of ours is left.
at_rest() { nothing_left a && on a bash -c '! pgrep -x snap-courier'; }

cri_probe() { on a "$SRC/build/test/tests/tools/cri_probe" "$@"; }

# frozen CONTAINER: does its group stand?
frozen() {
        on a grep -qs FROZEN "/sys/fs/cgroup/freezer/k8s.io/$1/freezer.state" ||
                on a grep -qs 'frozen 1' "/sys/fs/cgroup/k8s.io/$1/cgroup.events"
}

# create_and CMD [OPTION...]: a checkpoint of the large container, and CMD meanwhile, with its process number in $p.
create_and() {
        on a bash -c 'checkpointctl create --quiet --runtime cri --output /srv/memory.tar "${@:2}" default/memory/memory 2> /srv/notes & p=$!
                eval "$1"; wait $p' _ "$@"
}

@test "by name, by id and without naming the engine; the archive is containerd's and verified" {
        before=$(cri_count a "$counter")
        on a checkpointctl create --quiet --runtime cri --output /srv/name.tar default/web/counter
        on a checkpointctl create --json --output /srv/id.tar "${counter:0:16}" > /srv/notes
        [ "$(jq -r .containerName /srv/notes)" = default/web/counter ]
        [ "$(jq -r .engine /srv/notes)" = cri ]
        [ "$(jq .times.frozenUs /srv/notes)" -gt 10000 ]
        [ "$(jq .times.frozenUs /srv/notes)" -lt "$(jq .times.totalUs /srv/notes)" ]
        [ "$(stat -c %a /srv/name.tar)" = 600 ]
        on a checkpointctl verify /srv/name.tar
        checkpointctl show /srv/id.tar | grep -q 'counter.*containerd'
        cri_goes_on a "$counter" "$before"
        at_rest
}

@test "what is restored from such an archive goes on where it was" {
        before=$(cri_count a "$counter")
        on a checkpointctl create --quiet --output /srv/move.tar default/web/counter
        checkpointctl push --quiet /srv/move.tar "docker://$registry/move:1"
        id=$(cri_start a moved counter "$registry/move:1")
        cri_goes_on a "$id" "$before"
        cri a stop "$id"
}

@test "the containers of pods are listed beside those of other engines" {
        on a checkpointctl list --containers > /srv/notes
        grep -Eq "^default/web/counter +${counter:0:12} +cri +running +$registry/busybox:1" /srv/notes
        on a checkpointctl list --containers --json > /srv/notes
        [ "$(jq -r --arg id "$other" '.[] | select(.id == $id) | [.namespace, .pod, .podUid, .container] | join(" ")' \
                /srv/notes)" = "default db uid-db counter" ]
}

@test "images are listed and pulled by the engine" {
        run -0 cri_probe pull "$registry/memory:1"
        [[ $output = *sha256:* ]]
        cri_probe images | grep -q "^sha256:[0-9a-f]* $registry/memory:1 $registry/memory@sha256:[0-9a-f]* [1-9]"
        run cri_probe pull "$registry/nothing:1"
        [[ $status -ne 0 && $output = *"$registry/nothing:1"* ]]
}

@test "a name that several have is refused, one that nobody has is not found" {
        run on a checkpointctl create --runtime cri --output /srv/x.tar counter
        [ "$status" -eq 2 ]
        [[ $output = *"NAMESPACE/POD/CONTAINER"*  ]]
        run on a checkpointctl create --output /srv/x.tar default/web/nobody
        [ "$status" -eq 3 ]
        [ ! -e /srv/x.tar ]
}

@test "preflight looks at it, and options that only the engine's configuration has are refused with that" {
        on a checkpointctl preflight default/web/counter
        for option in --stop "--tcp close" --file-locks "--compress zstd"; do
                # shellcheck disable=SC2086
                run on a checkpointctl create --output /srv/x.tar $option default/web/counter
                [ "$status" -eq 1 ]
                [[ $output = *SNAP-012* ]]
        done
        [ ! -e /srv/x.tar ]
}

@test "established connections: the cause comes out of CRIU's log, and the node's configuration is heeded" {
        id=$(cri_start a tcp tcp "$registry/busybox:1" -- /bin/sh -c \
                'sleep 1000 | nc -l -p 999 & sleep 1; sleep 1000 | nc 127.0.0.1 999')
        connected() { cri a exec "$id" cat /proc/net/tcp | grep -q ' 01 '; }
        wait_for 60 connected
        run on a checkpointctl create --output /srv/tcp.tar default/tcp/tcp
        [ "$status" -eq 5 ]
        run on a checkpointctl create --force --output /srv/tcp.tar default/tcp/tcp
        [ "$status" -eq 6 ]
        [[ $output = *"SNAP-2"* && $output = *"Connected TCP socket"* ]]
        ! frozen "$id"
        [ ! -e /srv/tcp.tar ]
        on a bash -c 'mkdir -p /etc/criu && echo tcp-close > /etc/criu/runc.conf'
        on a checkpointctl create --quiet --output /srv/tcp.tar default/tcp/tcp
        on a rm /etc/criu/runc.conf
        at_rest
}

@test "ten at once: one after the other, all whole" {
        on a bash -c 'for i in 1 2 3 4 5 6 7 8 9 10; do
                checkpointctl create --quiet --runtime cri --output /srv/at-once-$i.tar default/web/counter & p="$p $!"
        done; for each in $p; do wait $each || exit; done'
        on a checkpointctl verify /srv/at-once-*.tar
        goes_on_in "$counter"
        at_rest
}

@test "a time limit is kept, but the engine's call is not dropped: nothing is left of it, and all goes on" {
        run create_and true --timeout 1
        [ "$status" -eq 9 ]
        [[ $(cat /srv/notes) = *"is not broken off"* ]]
        # The lock is held until the call has ended; who comes meanwhile waits.
        on a pgrep -x snap-courier
        on a checkpointctl create --quiet --output /srv/next.tar default/memory/memory
        on a checkpointctl verify /srv/next.tar
        [ ! -e /srv/memory.tar ]
        wait_for 60 at_rest
        goes_on_in "$memory"
}

@test "interrupted in the middle of the engine's call" {
        run create_and 'sleep 0.8; kill -INT $p'
        [ "$status" -eq 130 ]
        wait_for 60 at_rest
        [ ! -e /srv/memory.tar ]
        goes_on_in "$memory"
}

@test "killed in the middle of the engine's call, at many moments: the courier stays" {
        for moment in 0.02 0.1 0.2 0.5 0.8 1.5 3; do
                create_and "sleep $moment; kill -KILL \$p" || true
                wait_for 60 at_rest || at_rest
                [ ! -e /srv/memory.tar ] || on a checkpointctl verify /srv/memory.tar
                rm -f /srv/memory.tar
                goes_on_in "$memory"
        done
}

@test "killed together with the courier: the next command sets the container free" {
        for moment in 0.2 0.5 0.8 1.5; do
                create_and "sleep $moment; pkill -KILL -x 'checkpointctl|snap-courier'" || true
                on a checkpointctl recover
                wait_for 60 at_rest || at_rest
                goes_on_in "$memory"
        done
}

@test "a container that the engine left frozen for somebody else is found and set free, after a while" {
        # As the kubelet does it when its time is over. Too early, and the engine has not begun.
        for seconds in 0.3 0.5 0.8 0.3 0.5; do
                run cri a abandon "$memory" $seconds
                wait_for 60 frozen "$memory" && break
        done
        frozen "$memory"
        run cri a exec "$memory" true
        [ "$status" -ne 0 ]
        [ "$(on a checkpointctl recover --json | jq .released)" -eq 0 ]
        frozen "$memory"
        run on a checkpointctl create --output /srv/x.tar default/memory/memory
        [ "$status" -eq 8 ]
        [[ $output = *"checkpointctl recover"* ]]
        [ "$(on a checkpointctl recover --patience 0 --json | jq .released)" -eq 1 ]
        # Also for the engine, which starts nothing in a container that it takes for paused.
        goes_on_in "$memory"
        [ "$(on a checkpointctl recover --patience 0 --json | jq .released)" -eq 0 ]
        at_rest
}

@test "disk full: refused beforehand, and when it fills up meanwhile nothing is left" {
        on a bash -c 'mkdir -p /srv/small && mount -t tmpfs -o size=200k tmpfs /srv/small'
        run on a checkpointctl create --output /srv/small/x.tar default/web/counter
        [ "$status" -eq 5 ]
        run on a checkpointctl create --force --output /srv/small/x.tar default/web/counter
        [ "$status" -eq 7 ]
        [[ $output = *SNAP-004* ]]
        [ -z "$(on a find /srv/small -mindepth 1)" ]
        on a umount /srv/small
        goes_on_in "$counter"
        at_rest
}

@test "an engine that has gone is named, and does not keep the containers of others from being found" {
        images_on a busybox
        start a beside busybox
        on a bash -c 'kill -STOP "$(cat /run/cri/pid)"'
        on a checkpointctl create --quiet --output /srv/beside.tar beside
        on a bash -c 'kill -CONT "$(cat /run/cri/pid)"'
        on a mv /run/containerd/containerd.sock /run/containerd/away
        run on a checkpointctl create --runtime cri --output /srv/x.tar default/web/counter
        on a mv /run/containerd/away /run/containerd/containerd.sock
        [ "$status" -eq 1 ]
        [[ $output = *SNAP-014* ]]
        goes_on_in "$counter"
}

@test "the agent: the kubelet's API over the engine, and the engine's containers in its lists" {
        agent --driver cri
        before=$(cri_count a "$counter")
        [ "$(ask -X POST '/checkpoint/default/web/counter?timeout=120')" = 200 ]
        path=$(jq -r '.items[0]' $BODY)
        [[ "$path" = "$ARCHIVES"/checkpoint-web_default-counter-*.tar ]]
        on a checkpointctl verify "$path"
        [ "$(ask /checkpoints)" = 200 ]
        [ "$(jq -r '.items[] | "\(.engine) \(.podUid) \(.source)"' $BODY)" = "cri uid-web checkpoint" ]
        cri_goes_on a "$counter" "$before"
        [ "$(ask -X POST /checkpoint/default/none/counter)" = 404 ] && said 'pod does not exist'
        [ "$(ask -X POST /checkpoint/default/web/none)" = 404 ] && said 'container none does not exist'
        [ "$(ask /containers)" = 200 ]
        jq -e --arg id "$other" '.items[] | select(.id == $id) | .engine == "cri"' $BODY
        agent_stop
        at_rest
}
