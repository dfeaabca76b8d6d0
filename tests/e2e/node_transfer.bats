#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Archives from node to node: agents on two nodes, with a line between them that breaks.

load helpers.bash
load agents.bash

CHUNK=4194304

setup_file() {
        on a true && on b true
        agents_prepare
        agent_start a
        agent_start b
        images_on a memory 3>&- 4>&-
        start a big memory -e MEMORY_MIB=96 -e MEMORY_MIX=1
        wait_for 60 on a podman exec big cat /tmp/count
        on a checkpointctl create --quiet --json --node unix:/run/snap/sidecar.sock big > "$BATS_FILE_TMPDIR/made"
        on a podman rm -f -t 0 big > /dev/null
}

teardown_file() {
        local node
        for node in a b; do agent_end $node KILL; done
        on b bash -c 'pkill -f cutting_proxy.py; rm -rf /var/lib/snap/agent /var/lib/snap/kubelet' || true
        on a rm -rf /var/lib/snap/agent /var/lib/snap/kubelet
        rm -rf $AGENTS
}

setup() {
        ID=$(jq -r .id "$BATS_FILE_TMPDIR/made")
        PATH_ON_A=$(jq -r .path "$BATS_FILE_TMPDIR/made")
        SIZE=$(on a stat -c %s "$PATH_ON_A")
        A=https://$(address_of a):10250
}

# What the last test fetched is not to be found there.
teardown() {
        on b bash -c '[ ! -s /tmp/proxy.pid ] || kill "$(cat /tmp/proxy.pid)"; rm -f /tmp/proxy.pid'
        wait_for 60 is_gone
}

is_gone() {
        ask b "/checkpoints/$ID" -X DELETE > /dev/null 2>&1 || true
        [ "$(on b curl -s -o /dev/null -w '%{http_code}' --unix-socket /run/snap/sidecar.sock "http://node/checkpoints/$ID")" = 404 ]
}

# ticket [QUERY]: of node a; sets TICKET and the REQUEST that fetches with it.
ticket() {
        TICKET=$(ask a "/checkpoints/$ID/ticket${1:-}" -X POST)
        REQUEST=$(jq -c --arg url "${URL:-$A}" '{$url, id, ticket, digest, chunks, patience: 10}' <<< "$TICKET")
}

# fetch: begins it on node b and prints the operation's id.
fetch() { ask b /fetches -d "${1:-$REQUEST}" | jq -r .id; }

# line [BYTES TIMES [RATE]]: a line from node b to node a, that is cut; sets URL.
line() {
        # shellcheck disable=SC2016
        on b bash -c 'setsid python3 /src/tests/e2e/cutting_proxy.py 10999 "$@" < /dev/null > /tmp/proxy.out 2>&1 3>&- 4>&- & echo $! > /tmp/proxy.pid' \
                _ "$(address_of a)" 10250 /tmp/line "$@" 3>&- 4>&-
        wait_for 60 on b bash -c ': < /dev/tcp/127.0.0.1/10999'
        URL=https://127.0.0.1:10999
}

# Not only the connections, but all of the line, at the first cut.
line_goes_after_cut() {
        # shellcheck disable=SC2016
        on b bash -c 'setsid bash -c "until [ \"\$(cut -d\" \" -f2 /tmp/line)\" = 1 ]; do sleep 0.05; done; kill $(cat /tmp/proxy.pid)" \
                < /dev/null > /dev/null 2>&1 3>&- 4>&- &' 3>&- 4>&-
}

# empty_shelf: node b with a registry that has nothing.
empty_shelf() {
        agent_end b
        on b rm -rf /var/lib/snap/agent/registry
        agent_start b --registry 127.0.0.1:5000
}

# image_offered: to node b, by the REQUEST; prints its name.
image_offered() { ask b /images -d "$REQUEST" | jq -r .image; }

# manifests_on_shelf: how many images are there as a whole.
manifests_on_shelf() { on b bash -c 'find /var/lib/snap/agent/registry/repositories -path "*/_manifests/*" -type f | wc -l'; }

line_brought() { [ "$(on b cut -d' ' -f1 /tmp/line)" -gt "$1" ]; }

nothing_unfinished() {
        ! on b find /var/lib/snap/kubelet -name '.snap-*' | grep .
}

@test "an archive is fetched with a ticket, verified, and recorded with what its node knows of it" {
        ticket
        run -0 end_of b "$(fetch)"
        jq -e '.phase == "done" and .result.fetched == .result.checkpoint.size and .result.kept == 0' <<< "$output"
        local here there
        here=$(ask a "/checkpoints/$ID") there=$(ask b "/checkpoints/$ID")
        [ "$(jq -c '[.id, .digest, .size, .node, .engine, .container, .podUid, .createdAt, .frozenUs]' <<< "$here")" = \
                "$(jq -c '[.id, .digest, .size, .node, .engine, .container, .podUid, .createdAt, .frozenUs]' <<< "$there")" ]
        [ "$(jq -r .source <<< "$there")" = fetched ]
        [ "sha256:$(on b sha256sum "$(jq -r .path <<< "$there")" | cut -d' ' -f1)" = "$(jq -r .digest <<< "$here")" ]
        on b checkpointctl verify --quiet "$(jq -r .path <<< "$there")"
        nothing_unfinished
        # What is here already is not fetched again.
        run -0 end_of b "$(fetch)"
        jq -e '.phase == "done" and .result.fetched == 0' <<< "$output"
}

@test "a ticket reads one archive once, and only for who used it first" {
        ticket
        run -0 end_of b "$(fetch)"
        jq -e '.phase == "done" and .result.fetched > 0' <<< "$output"
        ask b "/checkpoints/$ID" -X DELETE
        run -0 end_of b "$(fetch)"
        jq -e '.phase == "failed" and .error.code == "SNAP-681"' <<< "$output"
        # The whole of it in one answer, too.
        ticket
        local secret
        secret=$(jq -r .ticket <<< "$TICKET")
        local curl=(curl -sS -o /dev/null -w '%{http_code}\n' --cacert $AGENTS/ca.crt -H "Snap-Ticket: $secret")
        local as_b=(--cert $AGENTS/b.crt --key $AGENTS/b.key) as_a=(--cert $AGENTS/a.crt --key $AGENTS/a.key)
        [ "$(on b "${curl[@]}" "${as_b[@]}" -r 0-99 "$A/checkpoints/$ID/archive")" = 206 ]
        [ "$(on b "${curl[@]}" "${as_a[@]}" -r 0-99 "$A/checkpoints/$ID/archive")" = 403 ]
        [ "$(on b "${curl[@]}" "${as_b[@]}" "$A/checkpoints/$ID")" = 403 ]
        [ "$(on b "${curl[@]}" "${as_b[@]}" "$A/checkpoints/$ID/archive")" = 200 ]
        [ "$(on b "${curl[@]}" "${as_b[@]}" -r 0-99 "$A/checkpoints/$ID/archive")" = 403 ]
        # Nobody without a certificate, whatever ticket they have.
        ticket
        [ "$(on b curl -sS -o /dev/null -w '%{http_code}\n' --cacert $AGENTS/ca.crt \
                -H "Snap-Ticket: $(jq -r .ticket <<< "$TICKET")" "$A/checkpoints/$ID/archive")" = 401 ]
}

@test "a ticket that nobody used runs out" {
        ticket '?seconds=1'
        sleep 2
        run -0 end_of b "$(fetch)"
        jq -e '.phase == "failed" and .error.code == "SNAP-681"' <<< "$output"
}

@test "the line is cut three times, and no chunk comes twice" {
        line $((20 << 20)) 3
        ticket
        run -0 end_of b "$(fetch)"
        jq -e '.phase == "done"' <<< "$output"
        read -r down cuts < <(on b cat /tmp/line)
        [ "$cuts" = 3 ]
        jq -e '.result.breaks >= 3' <<< "$output"
        # Of each connection, what had come of one chunk came in vain.
        [ "$(jq .result.fetched <<< "$output")" -le $((SIZE + 3 * 4 * CHUNK)) ]
        [ "$down" -le $((SIZE + 3 * 4 * CHUNK + (4 << 20))) ]
        nothing_unfinished
}

@test "an agent that is killed in the middle goes on where it was" {
        line 0 0 $((24 << 20))
        ticket
        local id kept
        id=$(fetch)
        wait_for 60 on b bash -c '[ "$(cut -d" " -f1 /tmp/line)" -gt $((40 << 20)) ]'
        agent_end b KILL
        [ "$(on b find /var/lib/snap/kubelet -name '.snap-*' | wc -l)" = 1 ]
        agent_start b
        run -0 end_of b "$id"
        jq -e '.phase == "done"' <<< "$output"
        kept=$(jq .result.kept <<< "$output")
        [ "$kept" -ge $((16 << 20)) ]
        [ "$(jq .result.fetched <<< "$output")" = $((SIZE - kept)) ]
        nothing_unfinished
}

@test "an agent that is ended in good order goes on, too, and its operation says so" {
        line 0 0 $((24 << 20))
        ticket
        local id
        id=$(fetch)
        wait_for 30 on b bash -c '[ "$(cut -d" " -f1 /tmp/line)" -gt $((40 << 20)) ]'
        agent_end b
        [ "$(on b find /var/lib/snap/kubelet -name '.snap-*' | wc -l)" = 1 ]
        agent_start b
        run -0 end_of b "$id"
        jq -e '.phase == "done" and .result.resumed and .result.kept > 0' <<< "$output"
        [ "$(jq '.result.fetched + .result.kept' <<< "$output")" = "$SIZE" ]
        nothing_unfinished
        # The ticket is not to be found any more.
        agent_end b
        ! on b grep -r "$(jq -r .ticket <<< "$REQUEST")" /var/lib/snap/agent
        agent_start b
}

@test "a fetch that is cancelled leaves nothing" {
        line 0 0 $((16 << 20))
        ticket
        local id
        id=$(fetch)
        wait_for 60 on b bash -c '[ "$(cut -d" " -f1 /tmp/line)" -gt $((20 << 20)) ]'
        ask b "/operations/$id" -X DELETE > /dev/null
        run -0 end_of b "$id"
        jq -e '.phase == "cancelled"' <<< "$output"
        nothing_unfinished
}

@test "a node that goes away is waited for, and not for ever" {
        line $((20 << 20)) 1
        ticket
        REQUEST=$(jq -c '.patience = 2' <<< "$REQUEST")
        local id
        line_goes_after_cut
        id=$(fetch)
        run -0 end_of b "$id"
        jq -e '.phase == "failed" and .error.code == "SNAP-504"' <<< "$output"
        nothing_unfinished
}

@test "a node that is not there is said to be so at once" {
        ticket
        run -0 end_of b "$(fetch "$(jq -c '.url = "https://127.0.0.1:1" | .patience = 600' <<< "$REQUEST")")"
        jq -e '.phase == "failed" and .error.code == "SNAP-504"' <<< "$output"
}

@test "a node whose certificate is of another authority is not spoken to" {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=another" \
                -keyout $AGENTS/other.key -out $AGENTS/other.crt 2> /dev/null
        agent_end b
        agent_start b --peer-ca $AGENTS/other.crt
        ticket
        run -0 end_of b "$(fetch)"
        jq -e '.phase == "failed" and .error.code == "SNAP-506"' <<< "$output"
        agent_end b
        agent_start b
}

@test "a disk that is too small, or fills up meanwhile" {
        agent_end b
        agent_start b --reserve 900G
        ticket
        run -0 end_of b "$(fetch)"
        jq -e '.phase == "failed" and .error.code == "SNAP-613"' <<< "$output"
        agent_end b
        # shellcheck disable=SC2016
        on b bash -ec 'mkdir -p /var/lib/snap/small && mount -t tmpfs -o size=$(($1 + (2 << 20))) small /var/lib/snap/small' _ "$SIZE"
        agent_start b --root-dir /var/lib/snap/small
        line 0 0 $((24 << 20))
        ticket
        local id
        id=$(fetch)
        wait_for 60 on b bash -c '[ "$(cut -d" " -f1 /tmp/line)" -gt $((20 << 20)) ]'
        on b bash -c 'dd if=/dev/zero of=/var/lib/snap/small/filler bs=1M status=none; true' 2> /dev/null
        run -0 end_of b "$id"
        jq -e '.phase == "failed" and .error.code == "SNAP-004"' <<< "$output"
        ! on b find /var/lib/snap/small -name '.snap-*' | grep .
        agent_end b
        on b umount -l /var/lib/snap/small
        agent_start b
}

@test "what a runtime pulls comes to it before the other node has given all of it" {
        empty_shelf
        line 0 0 $((8 << 20))
        ticket
        REQUEST=$(jq -c '.patience = 300' <<< "$REQUEST")
        local at layer size
        at=http://$(image_offered)
        at=${at/5000/5000\/v2} && at=${at%:latest}
        layer=$(on b curl -sS --fail "$at/manifests/latest" | jq -c '.layers[-1]')
        size=$(jq .size <<< "$layer")
        [ "$size" -gt $((64 << 20)) ]
        # shellcheck disable=SC2016
        on b bash -c 'rm -f /tmp/layer; setsid curl -sS --fail -o /tmp/layer "$1" < /dev/null > /dev/null 2>&1 3>&- 4>&- & echo $! > /tmp/curl.pid' \
                _ "$at/blobs/$(jq -r .digest <<< "$layer")" 3>&- 4>&-
        wait_for 60 line_brought $((24 << 20))
        # From here on nothing comes over the line.
        on b bash -c 'kill -STOP "$(cat /tmp/proxy.pid)"'
        wait_for 60 on b bash -c '[ "$(stat -c %s /tmp/layer)" -gt $((4 << 20)) ]'
        ! line_brought "$size"
        [ "$(manifests_on_shelf)" = 0 ]
        on b bash -c 'kill -CONT "$(cat /tmp/proxy.pid)"'
        wait_for 120 on b bash -c '! kill -0 "$(cat /tmp/curl.pid)"'
        [ "sha256:$(on b sha256sum /tmp/layer | cut -d' ' -f1)" = "$(jq -r .digest <<< "$layer")" ]
        on b rm -f /tmp/layer
}

@test "an image is pulled over a line that is cut, by Podman, skopeo and containerd" {
        empty_shelf
        line $((20 << 20)) 3
        ticket
        local image cuts
        image=$(image_offered)
        run -0 on b podman pull -q --tls-verify=false "$image"
        read -r _ cuts < <(on b cat /tmp/line)
        [ "$cuts" = 3 ]
        on b podman rmi "$image" > /dev/null
        wait_for 30 eval '[ "$(manifests_on_shelf)" = 1 ]'
        run -0 on b checkpointctl verify --quiet "docker://$image"

        empty_shelf
        ticket
        image_offered
        on b rm -rf /tmp/copied
        run -0 on b skopeo copy -q --src-tls-verify=false "docker://$image" oci:/tmp/copied:x
        on b checkpointctl verify --quiet oci:/tmp/copied:x
        on b rm -rf /tmp/copied

        empty_shelf
        ticket
        image_offered
        # shellcheck disable=SC2016
        run -0 on b bash -ec '
                mkdir -p /tmp/ctr && cd /tmp/ctr
                printf "%s\n" "version = 3" "root = \"/tmp/ctr/root\"" "state = \"/tmp/ctr/state\"" \
                        "disabled_plugins = [\"io.containerd.cri.v1.runtime\", \"io.containerd.cri.v1.images\", \"io.containerd.grpc.v1.cri\"]" \
                        "[grpc]" "address = \"/tmp/ctr/socket\"" > config
                containerd --config config < /dev/null > log 2>&1 3>&- 4>&- &
                for try in $(seq 300); do [ -S socket ] && break; sleep 0.1; done
                status=0
                ctr --address /tmp/ctr/socket content fetch --plain-http "$1" > fetched 2>&1 || status=$?
                tail -n 3 fetched
                kill %1 && wait || true
                rm -rf /tmp/ctr
                exit $status' _ "$image"
        wait_for 30 eval '[ "$(manifests_on_shelf)" = 1 ]'
}

@test "an agent that is killed while an image comes has nothing that looks whole, and goes on offering it" {
        empty_shelf
        line 0 0 $((16 << 20))
        ticket
        local image
        image=$(image_offered)
        # shellcheck disable=SC2016
        on b bash -c 'setsid podman pull -q --tls-verify=false --retry 0 "$1" < /dev/null > /dev/null 2>&1 3>&- 4>&- & echo $! > /tmp/pull.pid' \
                _ "$image" 3>&- 4>&-
        wait_for 60 line_brought $((24 << 20))
        agent_end b KILL
        wait_for 60 on b bash -c '! kill -0 "$(cat /tmp/pull.pid)"'
        ! on b podman image exists "$image"
        [ "$(manifests_on_shelf)" = 0 ]
        ! on b find /var/lib/snap/agent/registry/blobs -size +32M | grep .
        agent_start b --registry 127.0.0.1:5000
        run -0 on b podman pull -q --tls-verify=false "$image"
        on b podman rmi "$image" > /dev/null
}

@test "a byte that is wrong is named with its chunk, and nothing is kept" {
        ticket
        on a bash -ec 'printf "\125" | dd of="$1" bs=1 seek=$2 conv=notrunc status=none; touch -d "$3" "$1"' _ \
                "$PATH_ON_A" $((5 * CHUNK + 77)) "$(on a stat -c %y "$PATH_ON_A")"
        local before
        before=$(on a dd if="$PATH_ON_A" bs=1 skip=$((5 * CHUNK + 77)) count=1 status=none | od -An -tx1)
        [ "$before" = ' 55' ]
        run -0 end_of b "$(fetch)"
        jq -e '.phase == "failed" and .error.code == "SNAP-684"' <<< "$output"
        [[ $(jq -r .error.text <<< "$output") = *"chunk 5 of \`$ID\` (bytes 20971520 to 25165823)"* ]]
        nothing_unfinished
        ! ask b "/checkpoints/$ID" > /dev/null
}

@test "a byte that was wrong before its chunks were listed is found by the digest of the archive" {
        # As the test before left it; another time, so that the list is made again.
        on a touch "$PATH_ON_A"
        ticket
        run -0 end_of b "$(fetch)"
        jq -e '.phase == "failed" and .error.code == "SNAP-684"' <<< "$output"
        nothing_unfinished
}

@test "a list of chunks that is not the one of the request is refused" {
        ticket
        run -0 end_of b "$(fetch "$(jq -c ".chunks = \"sha256:$(printf '%064d' 0)\"" <<< "$REQUEST")")"
        jq -e '.phase == "failed" and .error.code == "SNAP-684"' <<< "$output"
        run -22 ask b /fetches -d '{"url":"https://127.0.0.1:1","id":"../../etc/passwd"}'
        [[ $output = *SNAP-013* ]]
}

@test "a runtime pulls a checkpoint that lies only on another node" {
        agent_end b
        agent_start b --registry 127.0.0.1:5000
        images_on a busybox && images_on b busybox
        on a podman rm -f -t 0 web > /dev/null 2>&1 || true
        start a web busybox
        wait_for 60 on a podman exec web cat /tmp/count
        ID=$(on a checkpointctl create --quiet --json --node unix:/run/snap/sidecar.sock web | jq -r .id)
        local image before after size
        size=$(ask a "/checkpoints/$ID" | jq .size)
        ticket
        image=$(ask b /images -d "$REQUEST" | jq -r .image)
        [ "$image" = "127.0.0.1:5000/checkpoint/${ID,,}:latest" ]
        run -0 on b podman pull -q --tls-verify=false "$image"
        # It is here now: nothing is asked of the other node any more.
        agent_end a
        on b podman rmi "$image" > /dev/null
        run -0 on b podman pull -q --tls-verify=false "$image"
        run -0 on b checkpointctl verify --quiet "docker://$image"
        run -0 on b podman container restore -n moved "$image"
        goes_on b moved
        on b podman rm -f -t 0 moved > /dev/null
        agent_start a
        # Of an archive that lies here, the same; of one that nobody has, nothing.
        agent_end a
        agent_start a --registry 127.0.0.1:5000
        image=$(ask a /images -d "{\"id\":\"$ID\"}" | jq -r .image)
        run -0 on a podman pull -q --tls-verify=false "$image"
        run on a podman pull -q --tls-verify=false 127.0.0.1:5000/checkpoint/01kb0000000000000000000000:latest
        [ "$status" -ne 0 ]
        run -22 ask b /images -d '{"id":"01KB0000000000000000000000"}'
}

@test "an image of another node with a wrong byte is not pulled" {
        empty_shelf
        ID=$(ask a '/checkpoints?limit=500' | jq -r '[.items[] | select(.container == "web" and .state == "completed")][-1].id')
        local path
        path=$(ask a "/checkpoints/$ID" | jq -r .path)
        ticket
        on a bash -ec 'when=$(stat -c %y "$1"); printf "\125" | dd of="$1" bs=1 seek=70000 conv=notrunc status=none; touch -d "$when" "$1"' _ "$path"
        local image
        image=$(image_offered)
        run on b podman pull -q --tls-verify=false "$image"
        [ "$status" -ne 0 ]
        run on b curl -sS "http://127.0.0.1:5000/v2/checkpoint/${ID,,}/manifests/latest"
        [[ $output = *SNAP-684* ]]
}
