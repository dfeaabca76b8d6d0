#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The driver "kubelet", against the kubelet's API in front of a real containerd (programs/kubelet.py): Debian has no
# kubelet.

load helpers
load cri
load agent

kept=/var/lib/kubelet/checkpoints

setup_file() {
        images_on a busybox
        registry_start
        containerd_on a
        counter=$(cri_start a web counter "$registry/busybox:1")
        export counter
        wait_for 60 cri_count a "$counter"
        # shellcheck disable=SC2016
        on a bash -ec '
                mkdir -p -m 700 /var/lib/kubelet/checkpoints && mkdir -p /run/kubelet && cd /run/kubelet
                openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key -out certificate -subj /CN=node \
                        -addext subjectAltName=IP:127.0.0.1 2> /dev/null
                echo secret > token && echo secret > expected && : > fault
                "$1" /run/containerd/containerd.sock "$2" certificate key expected fault < /dev/null > log 2>&1 3>&- 4>&- &
                echo $! > pid' _ "$SRC/tests/e2e/programs/kubelet.py" "$kept"
        wait_for 60 on a bash -c 'exec 9<> /dev/tcp/127.0.0.1/10250'
}

teardown_file() {
        on a bash -c 'kill "$(cat /run/kubelet/pid)"; rm -rf /run/kubelet /var/lib/kubelet'
        containerd_off a
        registry_stop
}

setup() {
        on a bash -c ': > /run/kubelet/fault; echo secret > /run/kubelet/token; rm -f /var/lib/kubelet/checkpoints/*'
}

# probe ARCHIVE [AUTHORITY [CONTAINER]]
probe() {
        on a "$SRC/build/test/tests/tools/kubelet_probe" https://127.0.0.1:10250 "${2-/run/kubelet/certificate}" \
                /run/kubelet/token "$kept" "${3:-default/web/counter}" "$1"
}

fault() { on a sh -c "echo $1 > /run/kubelet/fault"; }
lies() { on a ls -A "$kept"; }
at_rest() { nothing_left a && on a bash -c '! pgrep -x "snap-courier|kubelet_probe"'; }

@test "an archive appears under our name, whole, and the container goes on" {
        before=$(cri_count a "$counter")
        probe "$kept/ours.tar"
        [ "$(lies)" = ours.tar ]
        [ "$(on a stat -c %a "$kept/ours.tar")" = 600 ]
        on a checkpointctl verify "$kept/ours.tar"
        cri_goes_on a "$counter" "$before"
        at_rest
}

@test "archives of the same second do not overwrite each other" {
        fault second
        for i in 1 2 3; do probe "$kept/ours-$i.tar" & done
        wait
        [ "$(lies | sort | xargs)" = "ours-1.tar ours-2.tar ours-3.tar" ]
        on a sh -c "checkpointctl verify $kept/ours-*.tar"
        at_rest
}

@test "a truncated archive that was answered with 200 is refused, and not left" {
        fault truncate
        run probe "$kept/ours.tar"
        [ "$status" -eq 4 ]
        [[ $output = *"is refused"* ]]
        [ -z "$(lies)" ]
        at_rest
}

@test "what a failed call left is removed, and only that" {
        on a touch "$kept/checkpoint-web_default-counter-2026-11-24T09:00:00Z.tar"
        fault leave
        run probe "$kept/ours.tar"
        [ "$status" -eq 7 ]
        [[ $output = *"no space left on device"* ]]
        [ "$(lies)" = checkpoint-web_default-counter-2026-11-24T09:00:00Z.tar ]
        at_rest
}

@test "the kubelet's words, a token that is replaced, a certificate that nobody vouches for" {
        on a sh -c 'echo old > /run/kubelet/token'
        run probe "$kept/ours.tar"
        [[ $status -eq 1 && $output = *"Unauthorized (401)"* ]]
        on a sh -c 'echo secret > /run/kubelet/token'
        run probe "$kept/ours.tar" /etc/ssl/certs/ca-certificates.crt
        [[ $status -eq 1 && $output = *SNAP-506* ]]
        run probe "$kept/ours.tar" /run/kubelet/certificate default/web/nobody
        [ "$status" -eq 3 ]
        probe "$kept/ours.tar"
}

@test "killed in the middle: the call ends, nothing is left, the container goes on" {
        for moment in 0.05 0.15 0.25; do
                on a bash -c '"$1" https://127.0.0.1:10250 /run/kubelet/certificate /run/kubelet/token "$2" \
                        default/web/counter "$2/ours.tar" & sleep "$3"; kill -KILL $!; wait' _ \
                        "$SRC/build/test/tests/tools/kubelet_probe" "$kept" "$moment" || true
                wait_for 60 at_rest || at_rest
                [ -z "$(lies)" ] || [ "$(lies)" = ours.tar ]
                on a rm -f "$kept/ours.tar"
                cri_goes_on a "$counter" "$(cri_count a "$counter")"
        done
}

@test "the agent beside a kubelet has it make the checkpoints, and serves them" {
        agent --kubelet-url https://127.0.0.1:10250 --kubelet-ca /run/kubelet/certificate \
                --kubelet-token-file /run/kubelet/token --root-dir /var/lib/kubelet
        [ "$(ask -X POST '/checkpoint/default/web/counter?timeout=120')" = 200 ]
        path=$(jq -r '.items[0]' $BODY)
        on a checkpointctl verify "$path"
        [ "$(ask /checkpoints)" = 200 ]
        [ "$(jq -r '.items[] | "\(.podUid) \(.source)"' $BODY)" = "uid-web checkpoint" ]
        [ "$(lies)" = "${path##*/}" ]
        fault truncate
        [ "$(ask -X POST '/checkpoint/default/web/counter?timeout=120')" = 500 ]
        [ "$(lies)" = "${path##*/}" ]
        [ "$(ask /checkpoints)" = 200 ]
        [ "$(jq '.items | length' $BODY)" = 1 ]
        on a checkpointctl verify "$path"
        agent_stop
}
