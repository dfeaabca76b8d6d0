# SPDX-License-Identifier: Apache-2.0
# An agent on node a, and what is asked of it there.

SOCKET=/run/snap/sidecar.sock
AGENT_LOG=/srv/agent.log
BODY=/srv/agent.body HEADER=/srv/agent.header # of the last answer

# agent [OPTION...]: starts it on node a with directories of the test's own, and waits until it serves; sets PID (in
# the node) and ADDRESS.
agent() {
        ROOT=/var/tmp/agent/$BATS_TEST_NUMBER
        on a rm -f $AGENT_LOG $SOCKET
        PID=$(on a bash -c '
                mkdir -p "$1"
                "${@:2}" > '$AGENT_LOG' 2>&1 < /dev/null 3>&- 4>&- &
                echo $!' _ "$ROOT" sidecar --listen 127.0.0.1:0 --root-dir "$ROOT" --state "$ROOT/state" "$@")
        wait_for 60 grep -q '"started"' $AGENT_LOG || { cat $AGENT_LOG && return 1; }
        ADDRESS=$(jq -r 'select(.event == "listening") | .address' $AGENT_LOG | grep -v unix)
        ARCHIVES=$ROOT/checkpoints
}

agent_stop() {
        [ -z "${PID:-}" ] || on a bash -c "kill $PID 2> /dev/null; while [ -e /proc/$PID ]; do sleep 0.05; done"
        PID=
}

# ask CURL-ARGUMENT... PATH: as root, over the socket; prints the status, the body is in $BODY, the header in $HEADER.
ask() {
        rm -f $BODY && touch $BODY
        on a curl -s -o $BODY -D $HEADER -w '%{http_code}' --unix-socket $SOCKET "${@:1:$#-1}" "http://node${*: -1}"
}

# ask_tls CURL-ARGUMENT... PATH: the same over the network, as whoever the arguments say.
ask_tls() {
        rm -f $BODY && touch $BODY
        on a curl -s -o $BODY -D $HEADER -w '%{http_code}' --cacert "$ROOT/state/agent.crt" "${@:1:$#-1}" "https://$ADDRESS${*: -1}"
}

# said TEXT: that is the body.
said() {
        [ "$(cat $BODY)" = "$1" ] || { printf 'expected: %s\n     got: %s\n' "$1" "$(cat $BODY)" >&2 && return 1; }
}

# code CODE: of the error in the body.
code() {
        [ "$(jq -r .error.code $BODY)" = "$1" ] || { cat $BODY >&2 && return 1; }
}

header() { tr -d '\r' < $HEADER | sed -n "s/^$1: //Ip" | tail -n 1; }

# take [NAME]: a checkpoint of that container of Podman (default web), by the kubelet's API; prints its id.
take() {
        [ "$(ask -X POST "/checkpoint/default/${1:-web}/${1:-web}?timeout=600")" = 200 ] || { cat $BODY >&2 && return 1; }
        local path
        path=$(jq -r '.items[0]' $BODY)
        ask /checkpoints > /dev/null
        jq -r --arg path "$path" '.items[] | select(.path == $path) | .id' $BODY
}

# ended: waits for the operation in the body, and leaves it there as it ended.
ended() {
        local id
        id=$(jq -r .id $BODY)
        wait_for 120 has_ended "$id"
}

has_ended() {
        ask "/operations/$1" > /dev/null
        jq -e '.phase | IN("done", "failed", "cancelled")' $BODY > /dev/null
}

# phase PHASE: of the operation in the body.
phase() { [ "$(jq -r .phase $BODY)" = "$1" ] || { cat $BODY >&2 && return 1; }; }

# sound: every archive in the directory is recorded, and verifies; every record has its archive; nothing else is there.
sound() {
        local path listed
        ask '/checkpoints?limit=1000' > /dev/null
        listed=$(jq -r '.items[].path' $BODY | sort)
        [ "$(on a find "$ARCHIVES" -name '*.tar' | sort)" = "$listed" ] || { on a ls -la "$ARCHIVES" >&2 && cat $BODY >&2 && return 1; }
        [ -z "$(on a find "$ARCHIVES" -mindepth 1 ! -name '*.tar')" ] || { on a ls -la "$ARCHIVES" >&2 && return 1; }
        for path in $(tail -n 5 <<< "$listed"); do on a checkpointctl verify "$path" > /dev/null || return 1; done
        nothing_left a
}
