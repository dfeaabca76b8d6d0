# SPDX-License-Identifier: Apache-2.0
# Real registries on loopback for the tests of this folder; ports are free ones, so that files do not meet.

bats_require_minimum_version 1.5.0
export SRC=${SRC:-/src}
export PATH=$SRC/build/bin:$PATH
probe() { "$SRC/build/test/tests/tools/registry_probe" "$@"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# registry_start NAME [LINE...]: docker-registry with these further lines of configuration; its port in PORT_NAME.
registry_start() {
        local name=$1 port
        shift
        port=$(free_port)
        mkdir -p "$WORK/$name"
        {
                printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n'
                printf 'storage: {filesystem: {rootdirectory: %s}, delete: {enabled: %s}}\n' "$WORK/$name" "${DELETE:-true}"
                printf 'http:\n  addr: 127.0.0.1:%s\n' "$port"
                [ $# -eq 0 ] || printf '%s\n' "$@"
        } > "$WORK/$name.yml"
        background "$name" docker-registry serve "$WORK/$name.yml"
        wait_port "$port"
        export "PORT_$name=$port"
}

# background NAME CMD...: runs until stop_all.
background() {
        local name=$1
        shift
        "$@" > "$WORK/$name.log" 2>&1 3>&- 4>&- &
        echo $! >> "$WORK/pids"
}

wait_port() {
        local i
        for i in $(seq 100); do
                (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null && return
                sleep 0.05
        done
        echo "nobody listens on port $1" >&2 && return 1
}

stop_all() {
        local pid
        while read -r pid; do kill "$pid" 2> /dev/null || true; done < "$WORK/pids"
        rm -rf "$WORK"
}

# certificate NAME SUBJECT [EXTENSION]: a key and a certificate that the CA of the tests signed.
certificate() {
        openssl req -new -newkey rsa:2048 -nodes -keyout "$WORK/$1.key" -subj "/CN=$2" -out "$WORK/$1.csr" 2> /dev/null
        openssl x509 -req -in "$WORK/$1.csr" -CA "$WORK/ca.crt" -CAkey "$WORK/ca.key" -days 2 \
                -extfile <(printf '%s\n' "${3:-basicConstraints=CA:FALSE}") -out "$WORK/$1.crt" 2> /dev/null
}

authority() {
        openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -subj "/CN=authority of the tests" -days 2 \
                -out "$WORK/ca.crt" 2> /dev/null
}

# chaos [RULE...]: what the proxy does from now on; "resumable" as the first word: uploads can be resumed.
chaos() {
        local query='' rules
        [ "${1:-}" != resumable ] || { query='?resumable=1' && shift; }
        rules=$(IFS=, && echo "[$*]")
        curl -sf -X POST "http://127.0.0.1:$PORT_proxy/_chaos$query" -d "$rules"
}
# seen JQ: something of what the proxy saw.
seen() { curl -sf "http://127.0.0.1:$PORT_proxy/_chaos" | jq -r "$1"; }
