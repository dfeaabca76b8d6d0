#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The node engine with real containers, driven by tests/tools/node_probe.c. Whatever happens to it: no finished
# checkpoint is lost, nothing looks finished that is not, the containers go on, and nothing is left.
# NODE_KILLS and NODE_LOOP: how often for the two long tests.

load helpers

PROBE=${PROBE:-$SRC/build/release/tests/tools/node_probe}
ARCHIVES=/srv/node
STATE=/srv/node.state

probe() { on a "$PROBE" -d $ARCHIVES -s $STATE "$@"; }

# body CONTAINER [MEMBERS]: a request for its checkpoint.
body() { jq -nc --arg name "$1" "{pod: \$name, container: \$name} + {${2:-}}"; }

# ended FILTER: what jq says of the operations that a probe printed.
ended() { jq -rs "[.[] | select(.kind)] | $1"; }

setup_file() {
        images_on a busybox memory
        start a tiny busybox
        start a other busybox
        start a large memory -e MEMORY_MIB=256
        for name in tiny other large; do
                wait_for 60 on a podman exec $name cat /tmp/count
        done
}

setup() {
        rm -rf $ARCHIVES $STATE /srv/node.*
        on a cat /proc/self/mounts > /var/tmp/mounts
}

# Archives, records and operations agree, and everything goes on.
invariants() {
        local list=/var/tmp/list path digest
        # Opening it finishes or undoes what was under way.
        probe settle list > $list
        probe operations | jq -se 'all(.phase == "done" or .phase == "failed" or .phase == "cancelled")' > /dev/null
        while read -r path digest; do
                [ "sha256:$(sha256sum < "$path" | cut -d' ' -f1)" = "$digest" ]
                on a checkpointctl verify --quiet "$path"
        done < <(jq -r 'select(.state == "completed") | "\(.path) \(.digest)"' $list)
        # Every archive has a record, and nothing else is there.
        [ "$(ls -A $ARCHIVES)" = "$(jq -r .path $list | sed 's|.*/||' | LC_ALL=C sort)" ]
        # What an operation says is done, is there.
        probe operations | jq -r 'select(.phase == "done") | .result.checkpoint.path // empty' |
                while read -r path; do [ -s "$path" ]; done
        nothing_left a
        # One that has ended has fewer.
        on a cat /proc/self/mounts | diff /var/tmp/mounts - | { ! grep '^>'; }
        for name in ${*:-tiny}; do goes_on a "$name"; done
}

@test "a checkpoint is recorded with its names, digest and pod" {
        probe run checkpoint "$(body tiny)" > /var/tmp/out
        [ "$(ended '.[0].subject' < /var/tmp/out)" = default/tiny/tiny ]
        ended '.[0].result.checkpoint' < /var/tmp/out > /var/tmp/record
        jq -e '.state == "completed" and .source == "checkpoint" and .engine == "podman" and .node == "probe" and
                .podUid != "" and .frozenUs > 0 and (.path | test("/checkpoint-tiny_default-tiny-20[0-9T:-]+Z.tar$"))' \
                /var/tmp/record
        [ "$(stat -c %a "$(jq -r .path /var/tmp/record)")" = 600 ]
        invariants
}

@test "what cannot be is refused, and nothing is begun" {
        local body
        for body in '{"pod":"none","container":"none"}' '{"pod":"tiny","container":"none"}' '{"containerId":"none"}'; do
                run -1 probe run checkpoint "$body"
                [[ $output == *"not exist"* || $output == *"no container"* ]]
        done
        run -1 probe run checkpoint '{}'
        run -1 probe run checkpoint "$(body tiny '"tcp": "drop"')"
        [[ $output == *"refuse, keep, close"* ]]
        [ -z "$(probe operations)" ]
        invariants
}

@test "two, ten and a hundred at once, of one container and of several" {
        local count i names
        for count in 2 10 100; do
                set --
                for ((i = 0; i < count; i++)); do
                        names=(tiny other)
                        set -- "$@" submit checkpoint "$(body "${names[count == 100 ? i % 2 : 0]}")"
                done
                probe -p 4 "$@" wait > /var/tmp/out
                [ "$(ended 'map(select(.phase == "done")) | length' < /var/tmp/out)" -eq $count ]
        done
        [ "$(probe list | jq -r .path | sort -u | wc -l)" -eq 112 ]
        invariants tiny other
}

@test "the hundred-and-first is refused when the queue holds a hundred" {
        set --
        for ((i = 0; i < 8; i++)); do set -- "$@" submit checkpoint "$(body tiny)"; done
        run -1 probe -p 1 -q 3 "$@" wait
        [[ $output == *SNAP-610* ]]
        invariants
}

@test "cancelled in the middle" {
        for moment in 0 0.1 0.2 0.3; do
                run probe submit checkpoint "$(body large)" sleep $moment cancel wait
                [[ $output == *'"phase":"cancelled"'* || $output == *'"phase":"done"'* ]]
                echo "$output" >> /var/tmp/cancelled
        done
        grep -q '"phase":"cancelled"' /var/tmp/cancelled
        invariants large
}

@test "killed at each write and sync of the journal" {
        local call n killed=0
        probe run checkpoint "$(body tiny)"
        # A thread writes some frames for each phase, and syncs them.
        for call in "fdatasync 1 8" "pwrite64 2 24"; do
                set -- $call
                for ((n = 1; n <= $3; n += $2)); do
                        run on a strace -f -qq -o /var/tmp/strace -P $STATE/catalog.db-wal -e trace=$1 \
                                -e inject=$1:signal=KILL:when=$n \
                                "$PROBE" -d $ARCHIVES -s $STATE run checkpoint "$(body tiny)"
                        [ "$status" -ne 137 ] || killed=$((killed + 1))
                        invariants
                done
        done
        [ $killed -ge 12 ]
        # All phases were among them: some were undone, and some finished.
        probe operations | jq -r 'select(.error) | .error.text' | grep -q 'the phase dump; undone'
}

@test "killed at any moment" {
        local rounds=${NODE_KILLS:-12} i
        for ((i = 0; i < rounds; i++)); do
                on a bash -c "$PROBE -d $ARCHIVES -s $STATE run checkpoint '$(body large)' > /dev/null 2>&1 & p=\$!
                        sleep $(awk "BEGIN {print 1.2 * $i / $rounds}"); kill -KILL \$p 2> /dev/null; wait \$p; true"
                invariants large
        done
}

@test "everything of it killed at once" {
        local i
        for i in 0.3 0.5 0.7; do
                on a bash -c "$PROBE -d $ARCHIVES -s $STATE run checkpoint '$(body large)' > /dev/null 2>&1 & p=\$!
                        sleep $i; pkill -KILL -x snap-guardian; kill -KILL \$p 2> /dev/null; wait \$p; true"
                invariants large
        done
}

# The journal of the phase commit is on the disk, and the record: only then may it end.
@test "a container that is to be ended is ended when its checkpoint is recorded" {
        local n
        for n in 1 2 3 4 5 6 7 8; do
                probe list # makes the tables
                start a stopped busybox
                wait_for 60 on a podman exec stopped cat /tmp/count
                on a cat /proc/self/mounts > /var/tmp/mounts
                run on a strace -f -qq -o /var/tmp/strace -P $STATE/catalog.db-wal -e trace=fdatasync \
                        -e inject=fdatasync:signal=KILL:when=$n \
                        "$PROBE" -d $ARCHIVES -s $STATE run checkpoint "$(body stopped '"stop": true')"
                invariants
                if [ "$(on a podman inspect stopped --format '{{.State.Running}}')" = true ]; then
                        goes_on a stopped
                else
                        probe list | jq -e 'select(.container == "stopped")' > /dev/null
                        probe operations | jq -se '.[0].phase == "done"'
                fi
                on a podman rm -f -t 0 stopped
                rm -rf $ARCHIVES $STATE
        done
}

@test "disk full at each phase" {
        local size failed=0
        mkdir -p $ARCHIVES
        for size in 4 20 60 150 250 258 300; do
                on a bash -c "mount -t tmpfs -o size=${size}M tmpfs $ARCHIVES
                        $PROBE -r 1 -d $ARCHIVES -s $STATE run checkpoint '$(body large '"force": true')' > /srv/node.out 2>&1
                        echo \$? > /srv/node.status; ls -A $ARCHIVES > /srv/node.left; umount $ARCHIVES"
                if [ "$(cat /srv/node.status)" -eq 0 ]; then
                        [ "$(wc -l < /srv/node.left)" -eq 1 ]
                else
                        [ ! -s /srv/node.left ]
                        grep -qE 'SNAP-(004|613)' /srv/node.out
                        failed=$((failed + 1))
                fi
                rm -rf $STATE
                goes_on a large
        done
        [ $failed -ge 4 ] && [ $failed -le 6 ]
        nothing_left a
}

@test "the watermark is not crossed, also when others fill the disk meanwhile" {
        mkdir -p $ARCHIVES
        on a bash -c "mount -t tmpfs -o size=600M tmpfs $ARCHIVES
                $PROBE -r 500000000 -d $ARCHIVES -s $STATE run checkpoint '$(body large)' > /srv/node.out 2>&1
                umount $ARCHIVES; true"
        grep -q SNAP-613 /srv/node.out && ! grep -q '"phase":"dump"' /srv/node.out
        # A filler that comes while it is written; gzip gives it the time. With it less than the reserve is free,
        # but never nothing.
        on a bash -c "mount -t tmpfs -o size=800M tmpfs $ARCHIVES
                $PROBE -r 400000000 -d $ARCHIVES -s $STATE run checkpoint '$(body large '"compression": "gzip"')' \
                        > /srv/node.out 2>&1 & p=\$!
                until ls -A $ARCHIVES/.*.tmp > /dev/null 2>&1; do sleep 0.01; done
                fallocate -l 500M $ARCHIVES/filler; wait \$p; ls -A $ARCHIVES > /srv/node.left; umount $ARCHIVES; true"
        [ "$(cat /srv/node.left)" = filler ]
        grep -q SNAP-613 /srv/node.out
        nothing_left a
        goes_on a large
}

@test "a liveness probe that would not bear it" {
        run -1 probe run checkpoint "$(body large '"liveness": {"periodSeconds": 1, "timeoutSeconds": 0, "failureThreshold": 1}')"
        [[ $output == *SNAP-614* ]]
        probe run checkpoint "$(body large '"force": true, "liveness": {"timeoutSeconds": 0, "failureThreshold": 1}')"
        probe run checkpoint "$(body large '"liveness": {}')"
        invariants large
}

@test "restored by its id, and again after the agent was killed" {
        local id
        start a moved busybox
        wait_for 60 on a podman exec moved cat /tmp/count
        probe run checkpoint "$(body moved '"stop": true')"
        id=$(probe list | jq -r .id)
        on a podman rm -f moved
        probe run restore "{\"id\": \"$id\"}" > /var/tmp/out
        [ "$(ended '.[0].result.name' < /var/tmp/out)" = moved ]
        goes_on a moved
        # It exists: refused, and the phase says that nothing was begun.
        run -1 probe run restore "{\"id\": \"$id\"}"
        goes_on a moved
        on a podman rm -f -t 0 moved
        run on a timeout -s KILL 0.25 "$PROBE" -d $ARCHIVES -s $STATE run restore "{\"id\": \"$id\"}"
        [ "$(probe operations | jq -rs '.[0].error.code')" = SNAP-615 ]
        sleep 2
        on a podman rm -f -t 0 moved || true
        # By another name: crun may still know the old one of a restore that was killed half-way.
        probe run restore "{\"id\": \"$id\", \"name\": \"again\"}"
        goes_on a again
        on a podman rm -f -t 0 again
}

@test "archives of others: adopted, or put aside" {
        mkdir -p $ARCHIVES
        cp "$SRC/tests/data/archives/crio-1.36.3-counter.tar" "$ARCHIVES/checkpoint-x_default-counter-T.tar"
        head -c 300000 "$SRC/tests/data/archives/containerd-2.1.9-counter.tar" > "$ARCHIVES/checkpoint-y.tar"
        on a checkpointctl create --quiet --output $ARCHIVES/by-hand.tar tiny
        probe sleep 8 settle list > /var/tmp/list
        [ "$(jq -r 'select(.state == "completed") | .source' /var/tmp/list | wc -l)" -eq 2 ]
        [ "$(jq -r 'select(.path | endswith("by-hand.tar")) | .container' /var/tmp/list)" = tiny ]
        jq -e 'select(.state == "quarantined") | .reason != "" and (.path | contains("/quarantine/"))' /var/tmp/list
        probe list | diff /var/tmp/list -
}

# First SQLite's cache, the libraries' pages and the like become what they will be. Then heap shows a leak of some
# KiB for each of 50, and rss what does not come from the heap; "settle", since a job that has ended clears up yet.
@test "again and again: no memory, no descriptors" {
        local loop=${NODE_LOOP:-100} i
        set -- figures
        for ((i = 0; i < loop; i++)); do
                ((i != loop / 2)) || set -- "$@" settle figures
                set -- "$@" run checkpoint "$(body tiny)"
        done
        probe "$@" settle figures > /var/tmp/out
        jq -sc 'map(select(.rss))[]' /var/tmp/out
        jq -se 'map(select(.rss)) | .[2].fds == .[1].fds and .[2].threads == .[1].threads and
                .[2].heap < .[1].heap + 262144 and .[2].rss < .[1].rss + 4194304' /var/tmp/out
        [ "$(ended 'map(select(.phase == "done")) | length' < /var/tmp/out)" -eq "$loop" ]
        nothing_left a
}
