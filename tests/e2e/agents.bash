# SPDX-License-Identifier: Apache-2.0
# Agents on the nodes a and b that know each other: one authority, a certificate for each. Needs helpers.bash.

export AGENTS=/srv/agents

# address_of NODE: on the network between the nodes.
address_of() { on "$1" ip -o -4 address show eth0 | sed 's/.*inet \([^/]*\).*/\1/'; }

# certificate NAME [ADDRESS]: NAME.crt and NAME.key of the authority.
certificate() {
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=snap:nodes/CN=$1" \
                -keyout "$AGENTS/$1.key" -out "$AGENTS/$1.csr" 2> /dev/null
        openssl x509 -req -in "$AGENTS/$1.csr" -CA "$AGENTS/ca.crt" -CAkey "$AGENTS/ca.key" -CAcreateserial -days 2 \
                -extfile <(echo "subjectAltName=IP:127.0.0.1,IP:${2:-127.0.0.1}") -out "$AGENTS/$1.crt" 2> /dev/null
}

agents_prepare() {
        rm -rf $AGENTS && mkdir -p $AGENTS
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=authority" \
                -keyout $AGENTS/ca.key -out $AGENTS/ca.crt 2> /dev/null
        local node
        for node in a b; do certificate $node "$(address_of $node)"; done
}

# agent_start NODE [OPTION...]: its PID in $AGENTS/NODE.pid, what it says in $AGENTS/NODE.log.
agent_start() {
        local node=$1
        shift
        # shellcheck disable=SC2016
        on "$node" bash -ec '
                setsid sidecar --node "$1" --listen ":10250" --root-dir /var/lib/snap/kubelet --state /var/lib/snap/agent \
                        --certificate "$2/$1.crt" --key "$2/$1.key" --client-ca "$2/ca.crt" --reserve 1M "${@:3}" \
                        < /dev/null >> "$2/$1.log" 2>&1 3>&- 4>&- &
                echo $! > "$2/$1.pid"' _ "$node" $AGENTS "$@" 3>&- 4>&-
        wait_for 60 ask "$node" /healthz || { cat "$AGENTS/$node.log" >&2 && return 1; }
}

# agent_end NODE [SIGNAL]: and waits for it.
agent_end() {
        on "$1" bash -c 'kill -"$2" "$(cat "$1")" 2> /dev/null; while kill -0 "$(cat "$1")" 2> /dev/null; do sleep 0.05; done' \
                _ "$AGENTS/$1.pid" "${2:-TERM}"
}

# ask NODE PATH [CURL-OPTION...]: as root on that node.
ask() {
        local node=$1 path=$2
        shift 2
        on "$node" curl -sS --fail-with-body --unix-socket /run/snap/sidecar.sock "$@" "http://node$path"
}

# end_of NODE OPERATION: waits for it and prints it.
end_of() {
        local end=$((SECONDS + 120)) operation
        while [ $SECONDS -lt $end ]; do
                operation=$(ask "$1" "/operations/$2") || return
                case $(jq -r .phase <<< "$operation") in
                done | failed | cancelled) echo "$operation" && return ;;
                esac
                sleep 0.1
        done
        echo "operation $2 on $1 does not end: $operation" >&2
        return 1
}
