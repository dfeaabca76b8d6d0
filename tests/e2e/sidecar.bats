#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent as its clients see it: the kubelet's Checkpoint API as its documentation walks it, every status with its
# body; the REST API; who may do what; then trouble. Real containers of Podman and crun.

load helpers
load agent

setup_file() {
        on a true 3>&- 4>&-
        images_on a busybox
        start a web busybox
        bundle a bare busybox crun
        wait_for 60 on a podman exec web cat /tmp/count
}

# In a directory that the nodes see.
setup() { rm -rf /srv/agent && mkdir /srv/agent && cd /srv/agent; }

teardown() {
        [ -z "${CLUSTER:-}" ] || on a kill "$CLUSTER"
        agent_stop
        on a bash -c '! mountpoint -q /var/tmp/agent/small || umount /var/tmp/agent/small; rm -rf /var/tmp/agent'
        cd / && rm -rf /srv/agent /srv/agent.*
}

# --- the kubelet's API ---------------------------------------------------------------------------------------

@test "POST /checkpoint: 200 with the path; archive and directory are root's alone; the container goes on" {
        agent
        [ "$(ask -X POST /checkpoint/default/web/web)" = 200 ]
        path=$(jq -r '.items[0]' $BODY)
        [[ $path =~ ^$ARCHIVES/checkpoint-web_default-web-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z\.tar$ ]]
        said "{\"items\":[\"$path\"]}"
        [ "$(header content-type)" = application/json ]
        [ "$(on a stat -c '%a %U' "$path")" = "600 root" ]
        [ "$(on a stat -c '%a %U' "$ARCHIVES")" = "700 root" ]
        on a checkpointctl verify "$path"
        goes_on a web
        [ "$(ask -X POST "/checkpoint/default/web/web?timeout=600")" = 200 ]
        [ "$(jq -r '.items[0]' $BODY)" != "$path" ]
        sound
}

@test "POST /checkpoint: a bare bundle of crun is in namespace default, its name is pod and container" {
        agent --driver crun
        [ "$(ask -X POST /checkpoint/default/bare/bare)" = 200 ]
        on a checkpointctl verify "$(jq -r '.items[0]' $BODY)"
        [ "$(ask -X POST /checkpoint/default/web/web)" = 404 ]
        said "pod does not exist"
}

@test "POST /checkpoint: 401, 403, 404, 405 and 500 in the kubelet's words" {
        printf 'token reads alice get *\ntoken other bob create team-*\n' > access
        chmod 600 access
        agent --access "$PWD/access"
        [ "$(ask_tls -X POST /checkpoint/default/web/web)" = 401 ]
        said "Unauthorized"
        [ "$(header content-type)" = "text/plain; charset=utf-8" ]
        [ "$(header www-authenticate)" = 'Bearer realm="snap"' ]
        [ "$(ask_tls -H 'Authorization: Bearer wrong' -X POST /checkpoint/default/web/web)" = 401 ]
        said "Unauthorized"
        [ "$(ask_tls -H 'Authorization: Bearer reads' -X POST /checkpoint/default/web/web)" = 403 ]
        said "Forbidden (user=alice, verb=create, resource=nodes, subresource(s)=[checkpoint])"
        [ "$(ask_tls -H 'Authorization: Bearer other' -X POST /checkpoint/default/web/web)" = 403 ]
        said "Forbidden (user=bob, verb=create, resource=nodes, subresource(s)=[checkpoint])"
        [ "$(ask -X POST /checkpoint/default/nothing/web)" = 404 ]
        said "pod does not exist"
        [ "$(ask -X POST /checkpoint/elsewhere/web/web)" = 404 ]
        said "pod does not exist"
        [ "$(ask -X POST /checkpoint/default/web/other)" = 404 ]
        said "container other does not exist"
        for timeout in x 10s 1.5 99999999999999999999 ''; do
                [ "$(ask -X POST "/checkpoint/default/web/web?timeout=$timeout")" = 404 ]
                said "cannot parse value of timeout parameter"
        done
        [ "$(ask /checkpoint/default/web/web)" = 405 ]
        [ "$(header allow)" = POST ]
        on a podman run --pull=never --name ended localhost/busybox true
        [ "$(ask -X POST /checkpoint/default/ended/ended)" = 500 ]
        grep -q '^checkpointing of default/ended/ended failed (' $BODY
        on a podman rm ended
        goes_on a web
}

@test "POST /checkpoint: a timeout ends the wait, not the dump; the archive is recorded" {
        agent
        for timeout in -1 0 600; do [ "$(ask -X POST "/checkpoint/default/web/web?timeout=$timeout")" = 200 ]; done
        # Twelve others are before it, which take longer than a second.
        status=$(on a bash -c '
                for i in $(seq 12); do curl -s -o /dev/null --unix-socket '$SOCKET' -X POST "http://x/checkpoint/default/web/web?timeout=600" & done
                sleep 0.3
                curl -s -o /srv/agent.body -w "%{http_code}" --unix-socket '$SOCKET' -X POST "http://x/checkpoint/default/web/web?timeout=1"
                wait')
        [ "$status" = 500 ]
        grep -qE '^checkpointing of default/web/web failed \(operation [0-9A-Z]{26} goes on: no result in time\)$' $BODY
        id=$(grep -oE '[0-9A-Z]{26}' $BODY)
        wait_for 60 has_ended "$id"
        phase done
        sound
}

@test "two, ten and a hundred calls at once: each has an archive of its own" {
        agent
        for n in 2 10 100; do
                # shellcheck disable=SC2016
                on a bash -c '
                        for i in $(seq $1); do curl -s --unix-socket $2 -X POST "http://x/checkpoint/default/web/web?timeout=900" & done
                        wait' _ $n $SOCKET > paths
                [ "$(grep -o '"/[^"]*"' paths | sort -u | wc -l)" = $n ]
                ! grep -v items paths
        done
        goes_on a web
        sound
        # The hundred are gone again, and so is what they took.
        [ "$(on a bash -c "ls /proc/$PID/fd | wc -l")" -lt 60 ]
}

@test "a client that goes away in the middle: the archive is recorded" {
        agent
        run -28 on a curl -s --max-time 0.15 --unix-socket $SOCKET -X POST http://x/checkpoint/default/web/web
        wait_for 60 on a bash -c "ls $ARCHIVES/*.tar"
        wait_for 60 grep -q '"phase":"done"' $AGENT_LOG
        ask '/checkpoints?pod=web' > /dev/null
        [ "$(jq '.items | length' $BODY)" = 1 ]
        grep -q '"status":"broken off"\|"status":"200"' $AGENT_LOG
        goes_on a web
        sound
}

# --- REST ----------------------------------------------------------------------------------------------------

@test "GET /containers: what runs, by engine and namespace" {
        agent
        [ "$(ask /containers)" = 200 ]
        jq -e '.errors == []' $BODY
        jq -e '.items[] | select(.name == "web") | .engine == "podman" and .namespace == "default" and .pod == "web"' $BODY
        jq -e '.items[] | select(.id == "bare") | .engine == "crun"' $BODY
        [ "$(ask '/containers?namespace=none')" = 200 ]
        said '{"items":[],"errors":[]}'
}

@test "POST /checkpoints: 202 and an operation that can be followed; by name, by container id" {
        agent
        [ "$(ask -d '{"namespace":"default","pod":"web","container":"web","compression":"zstd"}' /checkpoints)" = 202 ]
        id=$(jq -r .id $BODY)
        [ "$(header location)" = "/operations/$id" ]
        ended
        phase done
        jq -e '.result.checkpoint.digest | startswith("sha256:")' $BODY
        [ "$(ask -d "{\"containerId\":\"$(on a podman inspect web --format '{{.Id}}')\"}" /checkpoints)" = 202 ]
        ended
        phase done
        [ "$(ask -d '{"containerId":"nothing"}' /checkpoints)" = 404 ]
        [ "$(ask -d '{"containerId":"web","engine":"crun"}' /checkpoints)" = 404 ]
        [ "$(ask -d '{"pod":"web","container":"web"}' /checkpoints)" = 202 ] # of namespace default
        ended
        phase done
        [ "$(ask -d '{"namespace":"default","pod":"web","container":"none"}' /checkpoints)" = 404 ]
        sound
}

@test "GET /checkpoints: filters, pages, one, none" {
        agent
        one=$(take) two=$(take) three=$(take)
        ask '/checkpoints?limit=2' > /dev/null
        [ "$(jq -r '[.items[].id] | join(" ")' $BODY)" = "$one $two" ]
        [ "$(jq -r .next $BODY)" = "$two" ]
        ask "/checkpoints?limit=2&after=$two" > /dev/null
        [ "$(jq -r '[.items[].id] | join(" ")' $BODY)" = "$three" ]
        jq -e 'has("next") | not' $BODY
        ask '/checkpoints?namespace=default&pod=web&container=web&state=completed' > /dev/null
        [ "$(jq '.items | length' $BODY)" = 3 ]
        for filter in namespace pod container state podUid group; do
                ask "/checkpoints?$filter=none" > /dev/null
                said '{"items":[]}'
        done
        [ "$(ask "/checkpoints/$one")" = 200 ]
        jq -e '.state == "completed" and .node != "" and .size > 0 and .pinned == false' $BODY
        [ "$(ask /checkpoints/nothing)" = 404 ]
        code SNAP-603
        for limit in 0 x -1 1001; do [ "$(ask "/checkpoints?limit=$limit")" = 400 ]; done
}

@test "pin, unpin, delete, verify" {
        agent
        id=$(take)
        path=$(ask "/checkpoints/$id" > /dev/null && jq -r .path $BODY)
        [ "$(ask -X PUT "/checkpoints/$id/pin")" = 200 ]
        jq -e .pinned $BODY
        [ "$(ask -X DELETE "/checkpoints/$id")" = 409 ]
        code SNAP-612
        on a test -f "$path"
        [ "$(ask -X POST "/checkpoints/$id/verify")" = 202 ]
        ended
        phase done
        [ "$(ask -X DELETE "/checkpoints/$id/pin")" = 200 ]
        [ "$(ask -X DELETE "/checkpoints/$id")" = 204 ]
        [ ! -s $BODY ]
        [ "$(ask -X DELETE "/checkpoints/$id")" = 404 ]
        on a test ! -e "$path"
        sound
}

@test "POST restore: the container runs again, with no rights of the agent's" {
        agent
        id=$(take)
        [ "$(ask -d '{"name":"again"}' "/checkpoints/$id/restore")" = 202 ]
        ended
        phase done
        jq -e '.result.pid > 0' $BODY
        goes_on a again
        [ "$(on a podman exec again grep -E 'NoNewPrivs|Seccomp|CapBnd' /proc/1/status)" = \
                "$(on a podman exec web grep -E 'NoNewPrivs|Seccomp|CapBnd' /proc/1/status)" ]
        on a podman rm -f -t 0 again
        [ "$(ask -d '{"name":"web"}' "/checkpoints/$id/restore")" = 202 ]
        ended
        phase failed
        jq -e '.error.code | startswith("SNAP-")' $BODY
        goes_on a web
}

@test "GET /checkpoints/{id}/{verb}: every reading verb of checkpointctl, and nothing else" {
        agent
        id=$(take)
        path=$(ask "/checkpoints/$id" > /dev/null && jq -r .path $BODY)
        for verb in show inspect explain images memparse; do
                [ "$(ask "/checkpoints/$id/$verb")" = 200 ]
                on a bash -c "checkpointctl $verb --json - < $path" > expected
                cmp expected $BODY
        done
        [ "$(ask "/checkpoints/$id/secrets")" = 200 ]
        [ "$(ask "/checkpoints/$id/inspect?ps-tree&files=true&pid=1")" = 200 ]
        on a bash -c "checkpointctl inspect --json --ps-tree --files --pid=1 - < $path" > expected
        cmp expected $BODY
        [ "$(ask "/checkpoints/$id/memparse?pid=1&search=PATH%3D")" = 200 ]
        jq -e '.[0]' $BODY
        [ "$(ask "/checkpoints/$id/images?image=inventory.img")" = 200 ]
        jq -e '.magic == "INVENTORY"' $BODY
        [ "$(ask "/checkpoints/$id/memparse?pid=77777")" = 422 ]
        code SNAP-664
        [ "$(ask "/checkpoints/$id/inspect?files=perhaps")" = 400 ]
        [ "$(ask "/checkpoints/$id/images?image=..%2F..%2Fetc%2Fpasswd")" = 400 ]
        [ "$(ask "/checkpoints/$id/images?image=--json")" != 200 ]
        # What writes, or names a file, is not passed on.
        [ "$(ask "/checkpoints/$id/memparse?pid=1&search=x&output=/srv/written")" = 200 ]
        [ ! -e /srv/written ]
        for verb in create restore rm extract insert build push plugin help errors nothing ..%2fshow; do
                [ "$(ask "/checkpoints/$id/$verb")" = 404 ]
        done
        [ "$(ask /checkpoints/nothing/show)" = 404 ]
}

@test "operations: list, one, cancel; events of one end with it, and 204 afterwards" {
        agent --parallel 1
        on a bash -c 'for i in 1 2 3 4 5 6; do curl -s -o /dev/null --unix-socket '$SOCKET' \
                -d "{\"namespace\":\"default\",\"pod\":\"web\",\"container\":\"web\"}" http://x/checkpoints; done'
        ask '/operations?phase=queued' > /dev/null
        waiting=$(jq -r '.items[0].id' $BODY)
        [ "$(ask -X DELETE "/operations/$waiting")" = 202 ]
        ended "$(ask "/operations/$waiting")"
        phase cancelled
        [ "$(ask -X DELETE "/operations/$waiting")" = 409 ]
        code SNAP-611
        [ "$(ask /operations/nothing)" = 404 ]
        code SNAP-604
        [ "$(ask '/operations?limit=2')" = 200 ]
        [ "$(jq '.items | length' $BODY)" = 2 ]
        next=$(jq -r .next $BODY)
        ask "/operations?limit=1000&after=$next" > /dev/null
        [ "$(jq '.items | length' $BODY)" = 4 ]
        for query in limit=0 limit=x unfinished=perhaps; do [ "$(ask "/operations?$query")" = 400 ]; done
        ask '/operations?limit=6' > /dev/null
        last=$(jq -r --arg id "$waiting" '[.items[] | select(.id != $id)][0].id' $BODY)
        on a curl -sN --max-time 60 --unix-socket $SOCKET "http://x/operations/$last/events" > events
        head -n 1 events | grep -qx 'retry: 2000'
        grep -q '^event: operation$' events
        sed -n 's/^data: //p' events | tail -n 1 | jq -e '.phase == "done"'
        version=$(sed -n 's/^id: //p' events | tail -n 1)
        [ "$(ask -H "Last-Event-ID: $version" "/operations/$last/events")" = 204 ]
        [ "$(ask -H "Last-Event-ID: 0" "/operations/$last/events")" = 200 ]
        grep -q '"phase":"done"' $BODY
        sound
}

@test "GET /events: everything that happens, until the agent ends" {
        agent
        on a bash -c 'curl -sN --unix-socket '$SOCKET' http://x/events > /srv/events 2>&1 < /dev/null 3>&- 4>&- &'
        take
        take
        wait_for 60 bash -c '[ "$(grep -c "\"phase\":\"done\"" /srv/events)" = 2 ]'
        agent_stop
        ! on a pgrep -x curl
}

@test "probes and metrics" {
        agent
        for probe in healthz livez readyz; do
                [ "$(ask_tls /$probe)" = 200 ]
                said ok
        done
        take
        [ "$(ask_tls /metrics)" = 401 ]
        [ "$(ask /metrics)" = 200 ]
        [ "$(header content-type)" = "text/plain; version=0.0.4; charset=utf-8" ]
        grep -q '^snap_agent_requests_total{method="POST",route="/checkpoint/{namespace}/{pod}/{container}",status="200"} 1$' $BODY
        grep -q '^snap_agent_requests_total{method="GET",route="/metrics",status="401"} 1$' $BODY
        grep -q '^process_resident_memory_bytes [1-9]' $BODY
        grep -q '^snap_node_operations_total{.*kind="checkpoint"' $BODY
        # Prometheus' format: each sample has a type, no name has two.
        [ -z "$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' $BODY | sort | uniq -d)" ]
        ! grep -vE '^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [-+0-9.eInf]+)$' $BODY
}

# --- who may do what -----------------------------------------------------------------------------------------

@test "client certificates: CN is a user, O a group; those of another authority are nobody" {
        for ca in ca other; do
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout $ca.key -out $ca.crt -subj /CN=$ca 2> /dev/null
        done
        person() { # NAME SUBJECT AUTHORITY PURPOSE
                openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.csr -subj "$2" 2> /dev/null
                openssl x509 -req -in $1.csr -CA $3.crt -CAkey $3.key -days 2 -out $1.crt -extfile <(echo "extendedKeyUsage=$4") 2> /dev/null
        }
        person alice /CN=alice/O=devs ca clientAuth
        person bob /CN=bob/O=ops/O=devs ca clientAuth
        person mallory /CN=alice other clientAuth
        person server /CN=alice ca serverAuth
        printf 'user alice get,list default\ngroup ops create,list,get,delete *\ngroup dev read *\n' > access
        chmod 600 access
        agent --client-ca "$PWD/ca.crt" --access "$PWD/access"
        as() { ask_tls --cert "$PWD/$1.crt" --key "$PWD/$1.key" "${@:2}"; }
        [ "$(as bob -X POST /checkpoint/default/web/web)" = 200 ]
        [ "$(as alice -X POST /checkpoint/default/web/web)" = 403 ]
        said "Forbidden (user=alice, verb=create, resource=nodes, subresource(s)=[checkpoint])"
        [ "$(as alice /checkpoints)" = 200 ]
        id=$(jq -r '.items[0].id' $BODY)
        [ "$(as alice "/checkpoints/$id")" = 200 ]
        [ "$(as alice "/checkpoints/$id/show")" = 403 ]
        [ "$(as alice -X DELETE "/checkpoints/$id")" = 403 ]
        [ "$(as bob -X DELETE "/checkpoints/$id")" = 204 ]
        [ "$(as server /checkpoints)" != 200 ]
        [ "$(as mallory /checkpoints)" != 200 ]
        # The file is read again when it changes; what is wrong changes nothing.
        printf 'user bob get *\n' > access
        [ "$(as alice /checkpoints)" = 403 ]
        printf 'user\n' > access
        [ "$(as alice /checkpoints)" = 403 ]
        [ "$(as bob /checkpoints/none)" = 404 ]
        grep -q 'access file is wrong' $AGENT_LOG
}

@test "namespaces: lists show what one may list; an object's own namespace counts" {
        on a podman run -d --pull=never --name in-team --label io.kubernetes.pod.namespace=team-a --label io.kubernetes.pod.name=p \
                --label io.kubernetes.container.name=c localhost/busybox > /dev/null
        printf 'token t team create,list,get,read,delete,update,restore team-*\n' > access
        chmod 600 access
        agent --access "$PWD/access"
        as_team() { ask_tls -H 'Authorization: Bearer t' "$@"; }
        id=$(take)
        [ "$(as_team -X POST /checkpoint/team-a/p/c)" = 200 ]
        [ "$(as_team -X POST /checkpoint/default/web/web)" = 403 ]
        [ "$(as_team -d '{"namespace":"default","pod":"web","container":"web"}' /checkpoints)" = 403 ]
        [ "$(as_team -d '{"pod":"web","container":"web"}' /checkpoints)" = 403 ]
        [ "$(as_team -d "{\"namespace\":\"team-a\",\"containerId\":\"$(on a podman inspect web --format '{{.Id}}')\"}" /checkpoints)" = 403 ]
        [ "$(as_team -d '{"namespace":"team-a","pod":"p","container":"c","containerId":"web"}' /checkpoints)" = 403 ]
        [ "$(as_team -d '{"containerId":"in-team"}' /checkpoints)" = 202 ]
        [ "$(as_team /checkpoints)" = 200 ]
        [ "$(jq -r '[.items[].namespace] | unique | join(" ")' $BODY)" = team-a ]
        [ "$(as_team '/checkpoints?namespace=default')" = 403 ]
        [ "$(as_team /containers)" = 200 ]
        [ "$(jq -r '[.items[].namespace] | unique | join(" ")' $BODY)" = team-a ]
        [ "$(as_team /operations)" = 200 ]
        [ "$(jq -r '[.items[].namespace] | unique | join(" ")' $BODY)" = team-a ]
        for path in "/checkpoints/$id" "/checkpoints/$id/show" "/operations/$(ask /operations > /dev/null && jq -r '.items[] | select(.namespace == "default") | .id' $BODY)"; do
                [ "$(as_team "$path")" = 403 ]
        done
        [ "$(as_team -d '{}' /fetches)" = 403 ]
        own=$(as_team /checkpoints > /dev/null && jq -r '.items[0].id' $BODY)
        [ "$(as_team -d '{"force":true}' "/checkpoints/$own/restore")" = 403 ]
        on a podman rm -f -t 0 in-team
}

@test "a cluster is asked who has a token and what they may do; without its answer nobody is let in" {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout api.key -out api.crt -subj /CN=localhost \
                -addext subjectAltName=DNS:localhost 2> /dev/null
        echo agent-token > token
        CLUSTER=$(on a bash -c 'python3 /src/tests/e2e/fake_cluster.py 6443 api.crt api.key asked > /srv/cluster.log 2>&1 < /dev/null 3>&- 4>&- & echo $!')
        wait_for 60 on a curl -sk -X POST -d '{}' https://localhost:6443/
        rm -f asked
        agent --node node-a --kube-url https://localhost:6443 --kube-ca "$PWD/api.crt" --kube-token-file "$PWD/token"
        as() { ask_tls -H "Authorization: Bearer $1-token" "${@:2}"; }
        [ "$(as alice -X POST /checkpoint/default/web/web)" = 200 ]
        jq -e 'select(.kind == "SubjectAccessReview") | .spec.user == "alice" and (.spec.groups | index("team")) and
                .spec.resourceAttributes == {verb: "create", version: "v1", resource: "nodes", subresource: "checkpoint", name: "node-a"}' asked
        [ "$(as bob -X POST /checkpoint/default/web/web)" = 403 ]
        said "Forbidden (user=bob, verb=create, resource=nodes, subresource(s)=[checkpoint])"
        [ "$(as bob /checkpoints/none)" = 404 ]
        [ "$(as carol /checkpoints)" = 200 ]
        [ "$(as nobody /checkpoints)" = 401 ]
        # Remembered: the same again asks nothing.
        questions=$(wc -l < asked)
        [ "$(as carol /checkpoints)" = 200 ]
        [ "$(wc -l < asked)" = "$questions" ]
        # What is not remembered is refused while the cluster is down.
        touch asked.down
        [ "$(as carol -X DELETE /checkpoints/none)" = 502 ]
        code SNAP-651
        [ "$(as alice -X DELETE /checkpoints/none)" = 502 ]
        [ "$(as dave -X POST /checkpoint/default/web/web)" = 500 ]
        grep -q '^Authorization error' $BODY
        [ "$(ask /checkpoints)" = 200 ] # root on this machine
        rm asked.down
        echo wrong > token # read anew
        [ "$(as carol -X PUT /checkpoints/none/pin)" = 502 ]
        on a kill "$CLUSTER" && CLUSTER=
        [ "$(as carol -X POST /checkpoints/none/restore)" = 502 ]
        # None of this is in the log.
        ! grep -E 'alice-token|agent-token|bob-token' $AGENT_LOG
}

@test "the audit file says who did what, from where, with which result; root's alone; it may be renamed" {
        printf 'token secret-one alice create,get *\n' > access
        chmod 600 access
        agent --access "$PWD/access" --audit "$PWD/audit"
        [ "$(ask_tls -H 'Authorization: Bearer secret-one' -X POST /checkpoint/default/web/web)" = 200 ]
        id=$(ask /checkpoints > /dev/null && jq -r '.items[0].id' $BODY)
        ask "/checkpoints/$id/show" > /dev/null
        ask_tls -H 'Authorization: Bearer secret-one' -X DELETE "/checkpoints/$id" > /dev/null
        ask_tls "/checkpoints/$id" > /dev/null
        mv audit old
        ask -X DELETE "/checkpoints/$id" > /dev/null
        wait_for 60 grep -q DELETE audit
        [ "$(stat -c %a audit old | paste -sd' ')" = "600 600" ]
        jq -es --arg id "$id" '
                [.[] | {user, right, method, status}] == [
                        {user: "alice", right: "create", method: "POST", status: "200"},
                        {user: "root", right: "read", method: "GET", status: "200"},
                        {user: "alice", right: "delete", method: "DELETE", status: "403"},
                        {user: null, right: "get", method: "GET", status: "401"}] and
                (.[0].from | startswith("127.0.0.1:")) and .[1].from == "unix:uid=0" and .[1].object == $id' old
        jq -es '.[0].status == "204"' audit
        ! grep -r secret-one audit old $AGENT_LOG
}

@test "what the command line refuses" {
        refused() { # TEXT OPTION...
                run on a sidecar --listen 127.0.0.1:0 --socket /srv/refused.sock --state /srv/refused --root-dir /srv/refused "${@:2}"
                echo "$output"
                [ "$status" -ne 0 ]
                [[ $output == *"$1"* ]]
        }
        echo 'token one' > access
        refused 'can be read by others' --access "$PWD/access"
        chmod 600 access
        refused 'line 1: a name must follow the token' --access "$PWD/access"
        refused 'belong together' --key x
        refused 'No such file' --certificate none --key none
        refused 'not an address' --listen nonsense
        refused 'from 1 to 64' --parallel 0
        refused 'unknown option `--nonsense`' --nonsense
        refused 'no engine' --driver nonsense
        refused 'no argument' nonsense
        refused 'https://' --kube-url http://localhost
        run on a setpriv --reuid 65534 --clear-groups "$SRC/build/bin/sidecar" --state /tmp/x
        [ "$status" -ne 0 ]
        [[ $output == *SNAP-661* ]]
        rm -rf /srv/refused
}

# --- bad input -----------------------------------------------------------------------------------------------

@test "bad input of every kind is refused, and the agent stays as it was" {
        agent
        long=$(printf 'x%.0s' {1..9000})
        [ "$(ask -X POST "/checkpoint/default/web/$long")" = 431 ]
        [ "$(ask -H "X: $(printf 'y%.0s' {1..40000})" /healthz)" = 431 ]
        for body in '' nonsense '[]' 'null' '"x"' '{' '{"pod":"web"' "$(printf '[%.0s' {1..2000})" '{"namespace":7,"pod":[],"container":{}}' \
                '{"namespace":"default","pod":"web","container":"web","tcp":"sometimes"}' \
                '{"namespace":"default","pod":"web","container":"web","compression":7}' \
                '{"namespace":"default","pod":"web","container":"web","priority":"high"}' \
                '{"namespace":"default","pod":"web","container":"web","priority":99999999999999999999}'; do
                [[ $(ask -X POST --data-binary "$body" /checkpoints) = 4?? ]] || { echo "$body" && cat $BODY && false; }
        done
        head -c 100000 /dev/zero | tr '\0' ' ' > spaces
        [ "$(ask --data-binary @spaces /checkpoints)" = 413 ]
        head -c 300000000 /dev/zero > huge
        [ "$(ask --data-binary @huge /checkpoints)" = 413 ]
        [ "$(ask -H 'Transfer-Encoding: chunked' --data-binary @huge /checkpoints)" = 413 ]
        rm huge
        printf '{"pod":"a\0b"}' > nul
        [[ $(ask --data-binary @nul /checkpoints) = 4?? ]]
        for path in /checkpoint/..%2f..%2fetc/web/web /checkpoint/default/%2e%2e/web /checkpoint/default/web/..%2f..%2fpasswd \
                '/checkpoint/default/web/%00' /checkpoint/%zz/web/web /checkpoint/default/web /checkpoint/default/web/web/more //checkpoint/default/web/web; do
                [[ $(ask --path-as-is -X POST "$path") = 4?? ]] || { echo "$path" && cat $BODY && false; }
        done
        for id in ..%2f..%2fcatalog.db %00 "'%20or%201=1" %2f; do
                [[ $(ask --path-as-is "/checkpoints/$id") = 40[04] ]]
                [[ $(ask --path-as-is "/operations/$id") = 40[04] ]]
                [[ $(ask --path-as-is "/checkpoints/$id/show") = 40[04] ]]
        done
        [ "$(ask_tls -H 'Authorization: Basic eDp5' /checkpoints)" = 401 ]
        [ "$(ask_tls -H 'Authorization: Bearer' /checkpoints)" = 401 ]
        [ "$(ask_tls -H 'Authorization: Bearer   ' /checkpoints)" = 401 ]
        # Plain HTTP on the port of TLS, and nonsense.
        run on a curl -s --max-time 5 "http://$ADDRESS/healthz"
        [ "$status" -ne 0 ]
        [ "$(ask /healthz)" = 200 ]
        [ "$(on a bash -c "ls $ARCHIVES | wc -l")" = 0 ]
        ask /operations > /dev/null
        [ "$(jq '[.items[] | select(.phase != "failed")] | length' $BODY)" = 0 ]
}

# --- trouble -------------------------------------------------------------------------------------------------

all_ended() {
        ask '/operations?unfinished=true' > /dev/null
        jq -e '.items == []' $BODY
}

@test "kill -9 in the middle of calls: nothing half is left, nothing done is lost, and it goes on" {
        agent
        for round in 1 2 3 4 5; do
                id=$(take)
                # shellcheck disable=SC2016
                on a bash -c '
                        for i in 1 2 3; do curl -s --unix-socket $1 -X POST http://x/checkpoint/default/web/web > /dev/null & done
                        sleep 0.$3
                        kill -9 $2
                        wait' _ $SOCKET "$PID" $((round * 13 % 10))$round
                wait_for 60 on a bash -c '! pgrep -x snap-guardian'
                goes_on a web
                agent
                [ "$(ask "/checkpoints/$id")" = 200 ]
                wait_for 60 all_ended
                sound
        done
}

@test "disk full: 507 words in a 500, nothing left, the container goes on" {
        on a bash -c 'mkdir -p /var/tmp/agent/small && mount -t tmpfs -o size=150K none /var/tmp/agent/small'
        agent --root-dir /var/tmp/agent/small --reserve 1
        ARCHIVES=/var/tmp/agent/small/checkpoints
        [ "$(ask -X POST /checkpoint/default/web/web)" = 500 ]
        grep -q '^checkpointing of default/web/web failed (' $BODY
        [ -z "$(on a find $ARCHIVES -type f)" ]
        goes_on a web
        nothing_left a
        ask '/operations' > /dev/null
        [[ $(jq -r '.items[0].error.code' $BODY) = SNAP-* ]]
        # The watermark is what stands before that; readyz says so.
        agent_stop
        agent --root-dir /var/tmp/agent/small --reserve 1G
        [ "$(ask -X POST /checkpoint/default/web/web)" = 500 ]
        [ "$(ask_tls /readyz)" = 503 ]
        grep -q '^not ready: .*\[SNAP-613\]$' $BODY
        ! grep -q /var $BODY
        [ "$(ask_tls /healthz)" = 200 ]
}

@test "it gives up what it does not need, and leaves no core" {
        agent
        status=$(on a cat "/proc/$PID/status")
        grep -q '^CapAmb:.*0000000000000000$' <<< "$status"
        grep -q '^CapInh:.*0000000000000000$' <<< "$status"
        # Modules, raw input and output, restarting, accounting, the kernel's log are not among its capabilities.
        bounding=$((16#$(sed -n 's/^CapBnd:\t//p' <<< "$status")))
        for capability in 16 17 20 22 26 34 35; do [ $((bounding >> capability & 1)) = 0 ]; done
        # Threads that serve have a filter and no way to new rights; those that start CRIU have neither.
        on a bash -c "grep -h Seccomp: /proc/$PID/task/*/status" | sort -u | paste -sd' ' | grep -q '0.*2'
}

@test "SIGTERM lets what runs end; clients have their answer" {
        agent
        on a bash -c 'curl -s -o /srv/agent.body --unix-socket '$SOCKET' -X POST http://x/checkpoint/default/web/web < /dev/null > /dev/null 2>&1 3>&- 4>&- &'
        sleep 0.2
        agent_stop
        grep -qE 'items|failed' $BODY
        on a test ! -e $SOCKET
        goes_on a web
        nothing_left a
}
