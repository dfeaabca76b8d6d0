#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# checkpointctl --node: what is done on a node looks as if it were done here.

load helpers.bash
load agents.bash

SOCKET=unix:/run/snap/sidecar.sock

setup_file() {
        on a true && on b true
        agents_prepare
        cat > $AGENTS/access << 'END'
user operator create,list,get,delete,update,restore,read *
user viewer list,get *
END
        chmod 600 $AGENTS/access
        certificate operator
        certificate viewer
        agent_start a --access $AGENTS/access
        images_on a busybox 3>&- 4>&-
}

teardown_file() {
        agent_end a KILL
        on a bash -c 'podman rm -af -t 0; rm -rf /var/lib/snap/agent /var/lib/snap/kubelet'
        rm -rf $AGENTS
}

setup() {
        A=https://$(address_of a):10250
        on a podman container exists web || { start a web busybox && wait_for 60 on a podman exec web cat /tmp/count; }
}

# ctl VERB ARGUMENT...: on node a, of the agent on the socket there.
ctl() { on a checkpointctl "$1" --node $SOCKET "${@:2}"; }
# remote WHO VERB ARGUMENT...: from node b, over the network.
remote() {
        on b checkpointctl "$2" --node "$A" --node-ca $AGENTS/ca.crt --node-certificate "$AGENTS/$1.crt" \
                --node-key "$AGENTS/$1.key" "${@:3}"
}

# made: the id of a checkpoint, taken when there is none.
made() {
        [ -s "$BATS_FILE_TMPDIR/made" ] || ctl create --json web > "$BATS_FILE_TMPDIR/made"
        jq -r .id "$BATS_FILE_TMPDIR/made"
}

@test "create says what it says here" {
        run --separate-stderr -0 ctl create --quiet web
        [[ ${lines[0]} =~ ^"Completed: /var/lib/snap/kubelet/checkpoints/checkpoint-" ]]
        [ "$(awk '{ print $1 }' <<< "$output" | grep -cx 'PHASE\|preflight\|freeze\|dump\|file\|seal\|verify\|total')" = 8 ]
        [[ ${lines[-1]} =~ ^"Checkpoint 0"[0-9A-Z]+"; the container stood still for ".*" and goes on." ]]
        run --separate-stderr -0 ctl create --json web
        local here
        here=$(on a checkpointctl create --json -o /srv/here.tar web)
        [ "$(jq -c 'paths | join(".")' <<< "$output")" = "$(jq -c 'paths | join(".")' <<< "$here")" ]
        [ "$(jq -c '[.containerId, .containerName, .engine, .leftRunning]' <<< "$output")" = \
                "$(jq -c '[.containerId, .containerName, .engine, .leftRunning]' <<< "$here")" ]
        on a test -s "$(jq -r .path <<< "$output")"
        goes_on a web
        on a rm -f /srv/here.tar
}

@test "progress is shown" {
        run -0 ctl create web
        [[ $output = *$'\n'"dump"* || $output = "dump"* || $output = *"preflight"* ]]
}

@test "what is looked into looks the same, and little of it travels" {
        local id path verb
        id=$(made)
        path=$(jq -r .path "$BATS_FILE_TMPDIR/made")
        for verb in "inspect --all" "inspect --json --all" show "show --json" explain "explain --json" memparse images \
                "secrets --json" "images --json"; do
                # shellcheck disable=SC2086
                diff <(on a checkpointctl $verb "$path" 2>&1) <(remote operator $verb "$path" 2>&1)
        done
        diff <(on a checkpointctl inspect "$path") <(remote operator inspect "$id" | sed "1,3s|$id|$path|")
        diff <(on a checkpointctl diff --json "$path" "$path") <(remote operator diff --json "$path" "$path")
}

@test "a look at a large archive fetches little of it" {
        images_on a memory
        start a big memory -e MEMORY_MIB=64
        wait_for 60 on a podman exec big cat /tmp/count
        local id before after
        id=$(ctl create --json big | jq -r .id)
        on a podman rm -f -t 0 big > /dev/null
        before=$(on b ip -s -j link show eth0 | jq '.[0].stats64.rx.bytes')
        remote operator inspect --all "$id" > /dev/null
        after=$(on b ip -s -j link show eth0 | jq '.[0].stats64.rx.bytes')
        [ "$(ask a "/checkpoints/$id" | jq .size)" -gt $((64 << 20)) ]
        [ $((after - before)) -lt $((4 << 20)) ]
        ctl rm "$id"
}

@test "list, verify, pin and rm" {
        local id path
        id=$(ctl create --json web | jq -r .id)
        path=$(ask a "/checkpoints/$id" | jq -r .path)
        run -0 ctl list
        [[ $output = *"$id"* ]]
        run -0 ctl list --json
        jq -e --arg id "$id" --arg path "$path" \
                '.[] | select(.id == $id) | .path == $path and .engine == "Podman" and .size > 0' <<< "$output"
        [ "$(remote operator verify --quiet "$path")" = "$(on a checkpointctl verify --quiet "$path")" ]
        run -0 ctl pin "$id"
        [ "$output" = "Pinned: $id" ]
        run -1 ctl rm "$id"
        [[ $output = *SNAP-612* ]]
        run -0 ctl pin --remove --json "$id"
        [ "$(jq -c . <<< "$output")" = "{\"checkpoint\":\"$id\",\"pinned\":false}" ]
        run -0 ctl rm "$id"
        [ "$output" = "Deleted: $id" ]
        on a test ! -e "$path"
        run -3 ctl inspect "$id"
        [[ $output = *SNAP-60* ]]
}

@test "verify names what is bad there, as here" {
        local path copy place
        # In a header, after which nothing can be read, and in memory.
        for place in 600 20000; do
                path=$(ctl create --json web | jq -r .path)
                on a bash -ec 'printf "\125\252\125\252" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none' _ "$path" $place
                copy=$(on a checkpointctl verify --quiet "$path" || true)
                run -4 ctl verify --quiet "$path"
                [ "$output" = "$copy" ]
                [[ $output = *BAD* ]]
        done
}

@test "a container is restored there" {
        local id
        id=$(ctl create --json --stop web | jq -r .id)
        on a podman rm -f -t 0 web > /dev/null
        run --separate-stderr -0 ctl restore --quiet "$id"
        [[ $output =~ ^"Restored: web (PID "[0-9]+", 1 process) in ".*" with all checks"$ ]]
        goes_on a web
        on a podman rm -f -t 0 web > /dev/null
        run --separate-stderr -0 ctl restore --json --name web "$id"
        jq -e '.name == "web" and .pid > 0 and .processes == 1 and .startTime > 0 and .times.totalUs > 0' <<< "$output"
}

@test "who has no right is refused as the node refuses" {
        local id
        id=$(made)
        run -0 remote viewer list
        run -1 remote viewer inspect "$id"
        [[ $output = *SNAP-522* ]]
        run -1 remote viewer create web
        [[ $output = *SNAP-522* ]]
        run on b checkpointctl list --node "$A" --node-ca $AGENTS/ca.crt
        [ "$status" = 1 ] && [[ $output = *SNAP-521* ]]
        run on b checkpointctl list --node "$A"
        [ "$status" = 1 ] && [[ $output = *SNAP-506* ]]
        run on b checkpointctl list --node http://10.77.0.99:1
        [ "$status" = 2 ]
        run on b checkpointctl list --node unix:/run/nobody.sock
        [[ $output = *SNAP-504*/run/nobody.sock* || $output = */run/nobody.sock*SNAP-504* ]]
}

@test "verbs and options that are for this machine alone say so; the environment names a node, too" {
        run -2 on a checkpointctl doctor --node $SOCKET
        [[ $output = *"works on this machine only"* ]]
        run -2 ctl create --output /srv/x.tar web
        [[ $output = *"--output is not possible with --node"* ]]
        run -2 on a checkpointctl pin 01K
        [[ $output = *"--node"* ]]
        run -0 on a env SNAP_NODE=$SOCKET checkpointctl list --json
        [ "$(jq 'map(has("id")) | all' <<< "$output")" = true ]
        on a env SNAP_NODE=$SOCKET checkpointctl errors > /dev/null
        run -3 ctl create nobody
        [[ $output = *SNAP-40* ]]
}

@test "Ctrl-C cancels what runs there" {
        images_on a memory
        start a slow memory -e MEMORY_MIB=512
        wait_for 60 on a podman exec slow cat /tmp/count
        # shellcheck disable=SC2016
        run on a bash -c 'checkpointctl create --node "$1" slow & pid=$!; sleep 0.3; kill -INT $pid; wait $pid' _ $SOCKET
        [ "$status" = 130 ]
        jq -e '.items[0] | .phase == "cancelled"' <<< "$(ask a '/operations?limit=1')"
        goes_on a slow
        on a podman rm -f -t 0 slow > /dev/null
}
