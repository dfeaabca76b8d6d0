#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Whole pods through the node engine (tests/tools/node_probe.c), and the hooks of its operations.

load helpers

PROBE=${PROBE:-$SRC/build/release/tests/tools/node_probe}
ARCHIVES=/srv/pods
STATE=/srv/pods.state
names="call one serve"

probe() { on a "$PROBE" -d $ARCHIVES -s $STATE "$@"; }

# ended FILTER: what jq says of the operations that a probe printed.
ended() { jq -rs "[.[] | select(.kind)] | $1"; }

# body MEMBERS [POD]
body() { jq -nc --arg pod "${2:-shop}" "{pod: \$pod, tcp: \"keep\"} + {${1:-}}"; }

# one_body MEMBERS: of a container that is not in the pod.
one_body() { jq -nc "{pod: \"alone\", container: \"alone\"} + {$1}"; }

setup_file() {
        images_on a busybox pair python
        pods_on a
        on a podman pod create --name shop > /dev/null
        on a podman run -d --pull=never --pod shop --name serve localhost/pair /usr/bin/pair serve > /dev/null
        on a podman run -d --pull=never --pod shop --name call localhost/pair /usr/bin/pair call > /dev/null
        start a one busybox --pod shop
        start a alone busybox
        wait_for 60 all_go_on
}

setup() { rm -rf $ARCHIVES $STATE; }

all_go_on() { for name in $names alone; do goes_on a $name || return; done; }

# As many records as archives, of whole pods only; nothing is left; everything goes on.
invariants() {
        local list=/var/tmp/list
        probe settle list > $list
        probe operations | jq -se 'all(.phase == "done" or .phase == "failed" or .phase == "cancelled")' > /dev/null
        [ "$(cd $ARCHIVES && find . -name '*.tar' | sed "s|^\.|$ARCHIVES|" | LC_ALL=C sort)" = \
                "$(jq -r .path $list | LC_ALL=C sort)" ]
        jq -se 'map(select(.group != "")) | group_by(.group) | all(length == 3)' $list > /dev/null
        ! find $ARCHIVES -name '.*' -mindepth 1 | grep .
        for directory in $ARCHIVES/pod-*; do
                [ ! -e "$directory" ] || on a checkpointctl verify --quiet "$directory" > /dev/null
        done
        wait_for 60 nothing_left a || nothing_left a
        wait_for 60 all_go_on || all_go_on
}

@test "a pod is recorded: a record for each container, one group, one directory" {
        probe run checkpoint-pod "$(body)" > /var/tmp/out
        [ "$(ended '.[0].phase + " " + .[0].subject' < /var/tmp/out)" = "done default/shop" ]
        ended '.[0].result' < /var/tmp/out > /var/tmp/result
        jq -e '.checkpoints | length == 3 and all(.state == "completed" and .pod == "shop")' /var/tmp/result
        jq -e '.group as $g | .freezeSpreadUs >= 0 and all(.checkpoints[]; .group == $g)' /var/tmp/result
        [ -s "$(jq -r .manifest /var/tmp/result)" ]
        invariants
        # The last archive takes the manifest with it.
        for id in $(jq -r '.checkpoints[].id' /var/tmp/result); do probe delete "$id"; done
        [ -z "$(ls -A $ARCHIVES)" ]
}

@test "requests that cannot be" {
        run -1 probe run checkpoint-pod '{}'
        run -1 probe run checkpoint-pod '{"pod": "none"}'
        [[ $output == *"pod does not exist"* ]]
        run -1 probe run checkpoint-pod "$(body '"hooks": {"preFreeze": [{}]}')"
        [[ $output == *"either"* ]]
        [ -z "$(probe operations)" ]
}

@test "one dump fails: no record, no archive" {
        run -1 probe run checkpoint-pod "$(body '"tcp": "refuse", "force": true')"
        [ -z "$(probe list)" ]
        invariants
}

@test "kill -9 of the engine at many moments: all or nothing, recorded" {
        local moment
        for moment in 0.1 0.3 0.5 0.7 0.9 1.1 1.3 1.6; do
                on a bash -c "$PROBE -d $ARCHIVES -s $STATE run checkpoint-pod '$(body)' > /dev/null & p=\$!
                        sleep $moment; kill -KILL \$p 2> /dev/null; wait \$p 2> /dev/null; true"
                invariants
        done
}

@test "kill -9 at each write of the journal and each rename" {
        local n hits=0
        for n in $(seq 1 2 15); do
                on a bash -c "strace -f -qq -o /var/tmp/strace -e trace=renameat2 -e inject=renameat2:signal=KILL:when=$n \
                        $PROBE -d $ARCHIVES -s $STATE run checkpoint-pod '$(body)' > /dev/null 2>&1
                        ! grep -q KILL /var/tmp/strace" || hits=$((hits + 1))
                invariants
        done
        [ $hits -gt 2 ]
}

@test "the pod comes back through the engine" {
        local id
        probe run checkpoint-pod "$(body '"stop": true')" > /var/tmp/out
        id=$(ended '.[0].result.checkpoints[0].id' < /var/tmp/out)
        on a podman pod rm -f -t 0 shop > /dev/null
        probe run restore "$(jq -nc --arg id "$id" '{id: $id, pod: true, tcp: "keep", hooks:
                {postRestore: [{container: "one", command: ["touch", "/tmp/restored"]}]}}')" > /var/tmp/out
        [ "$(ended '.[0].result.containers | length' < /var/tmp/out)" = 3 ]
        on a podman exec one ls /tmp/restored
        invariants
}

@test "hooks: commands run in the container they name, in order, before and after" {
        probe run checkpoint-pod "$(body '"hooks": {
                preFreeze: [{container: "one", command: ["sh", "-c", "echo pre; echo pre > /tmp/hooks"]}],
                postFreeze: [{container: "one", command: ["sh", "-c", "echo post >> /tmp/hooks"]}]}')" > /var/tmp/out
        [ "$(on a podman exec one cat /tmp/hooks | tr '\n' ' ')" = "pre post " ]
        ended '.[0].result.hooks' < /var/tmp/out | jq -e 'length == 2 and all(.ok) and .[0].when == "preFreeze" and
                .[0].output == "pre\n" and .[0].hook == "command sh" and .[1].when == "postFreeze"'
        invariants
}

@test "hooks: what fails before the freeze ends it, and is undone" {
        run -1 probe run checkpoint "$(one_body '"hooks": {
                preFreeze: [{command: ["sh", "-c", "echo why >&2; exit 3"]}, {command: ["touch", "/tmp/second"]}],
                postFreeze: [{command: ["touch", "/tmp/undone"]}]}')"
        [[ $output == *SNAP-640* && $output == *"exit status 3"* && $output == *why* ]]
        on a podman exec alone ls /tmp/undone
        run ! on a podman exec alone ls /tmp/second
        [ -z "$(probe list)" ]
        invariants
}

@test "hooks: Continue goes on; a time-out, a program that is not there, another container" {
        probe run checkpoint "$(one_body '"hooks": {preFreeze: [
                {command: ["false"], onError: "Continue"},
                {command: ["sleep", "60"], timeout: 1, onError: "Continue"},
                {command: ["/no/such"], onError: "Continue"},
                {container: "stranger", command: ["true"], onError: "Continue"},
                {http: {url: "http://127.0.0.1:1/"}, onError: "Continue"}]}')" > /var/tmp/out
        ended '.[0].result.hooks' < /var/tmp/out | jq -e 'length == 5 and all(.ok == false and .error != "") and
                (.[1].error | contains("within 1 seconds"))'
        [ "$(ended '.[0].phase' < /var/tmp/out)" = done ]
        invariants
}

@test "hooks: after a dump that failed they are run" {
        # Of a pair with a connection that is to be refused.
        run -1 probe run checkpoint-pod "$(body '"tcp": "refuse", "force": true, "hooks":
                {postFreeze: [{container: "one", command: ["touch", "/tmp/after-failure"]}]}')"
        on a podman exec one ls /tmp/after-failure
        invariants
}

@test "hooks: one that fails after the freeze lets nothing be kept" {
        run -1 probe run checkpoint "$(one_body '"hooks": {postFreeze: [{command: ["false"]}]}')"
        [[ $output == *SNAP-640* ]]
        [ -z "$(probe list)" ]
        invariants
}

@test "hooks: HTTP to a port of the container, its answer bounded, redirects not followed, no query shown" {
        on a podman run -d --pull=never --name web localhost/python /usr/bin/python3 -c '
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response({"/moved": 302, "/broken": 500}.get(self.path.split("?")[0], 200))
        self.send_header("Location", "/ok")
        self.end_headers()
        self.wfile.write(b"x" * 100000 if "long" in self.path else self.path.encode())
http.server.HTTPServer(("", 8000), Handler).serve_forever()' > /dev/null
        wait_for 60 on a bash -c "curl -sX POST http://$(address a web):8000/"
        web() { jq -nc "{pod: \"web\", container: \"web\", hooks: {preFreeze: [$1]}}"; }
        probe run checkpoint "$(web '{http: {port: 8000, path: "/ok?token=secret"}}, {http: {port: 8000, path: "/long"}}')" \
                > /var/tmp/out
        ended '.[0].result.hooks' < /var/tmp/out | jq -e 'length == 2 and all(.ok and .status == 200) and
                .[0].hook == "POST :8000/ok" and (.[1].output | length == 4096)'
        run -1 probe run checkpoint "$(web '{http: {port: 8000, path: "/moved"}}')"
        [[ $output == *"answer was 302"* ]]
        run -1 probe run checkpoint "$(web '{http: {port: 8000, path: "/broken"}}')"
        [[ $output == *"answer was 500"* ]]
        on a podman rm -f -t 0 web > /dev/null
}
