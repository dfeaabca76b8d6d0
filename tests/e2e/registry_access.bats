#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who may talk to a registry and how: TLS, client certificates, passwords, tokens, helpers, proxies.

# shellcheck disable=SC2154 # registry_start exports PORT_NAME

load registry

setup_file() {
        export WORK=$BATS_FILE_TMPDIR/work
        mkdir -p "$WORK"
        : > "$WORK/pids"
        export HOME=$WORK XDG_RUNTIME_DIR=$WORK DOCKER_CONFIG=$WORK/.docker
        unset REGISTRY_AUTH_FILE http_proxy https_proxy HTTPS_PROXY no_proxy NO_PROXY
        authority
        certificate server localhost $'subjectAltName=DNS:localhost,IP:127.0.0.1'
        certificate wrong elsewhere.example $'subjectAltName=DNS:elsewhere.example'
        certificate client "a client"
        htpasswd -Bbc "$WORK/htpasswd" alice secret 2> /dev/null

        registry_start basic "  tls: {certificate: $WORK/server.crt, key: $WORK/server.key}" \
                "auth: {htpasswd: {realm: tests, path: $WORK/htpasswd}}"
        registry_start mutual "  tls: {certificate: $WORK/server.crt, key: $WORK/server.key, clientcas: [$WORK/ca.crt]}"
        registry_start wrong "  tls: {certificate: $WORK/wrong.crt, key: $WORK/wrong.key}"
        registry_start plain
        PORT_token=$(free_port)
        export PORT_token
        background token "$SRC/tests/e2e/token_server.py" "$PORT_token" "$WORK/ca.crt" "$WORK/ca.key" "$WORK/tokens" 3
        wait_port "$PORT_token"
        registry_start bearer "auth: {token: {realm: 'http://127.0.0.1:$PORT_token/token', service: tests, issuer: tests,
                rootcertbundle: $WORK/ca.crt}}"
        registry_start realm "  tls: {certificate: $WORK/server.crt, key: $WORK/server.key}" \
                "auth: {token: {realm: 'http://127.0.0.1:$PORT_token/token', service: tests, issuer: tests,
                rootcertbundle: $WORK/ca.crt}}"
        PORT_proxy=$(free_port)
        export PORT_proxy
        background chaos "$SRC/tests/e2e/chaos_proxy.py" "$PORT_proxy" "$PORT_bearer"
        wait_port "$PORT_proxy"
        head -c 20000000 /dev/urandom > "$WORK/blob"
        SECRET=$(printf alice:secret | base64)
        export SECRET
}

teardown_file() { stop_all; }

# login HOST [AUTH]: into the file that everybody looks at.
login() { mkdir -p "$WORK/containers" && printf '{"auths": {"%s": {"auth": "%s"}}}' "$1" "${2:-$SECRET}" > "$WORK/containers/auth.json"; }
logout() { rm -rf "$WORK/containers" "$WORK/.config" "$WORK/.docker"; }
setup() { logout; }

# round OPTION... REFERENCE: up and down again.
round() {
        local blob
        blob=$(probe "${@:1:$#-1}" put "${@: -1}" "$WORK/blob") || return
        probe "${@:1:$#-1}" get "${@: -1}" $blob | cmp - "$WORK/blob"
}

# --- TLS -----------------------------------------------------------------------------------------------------------

@test "TLS: a certificate of an unknown authority is refused, with --ca it is trusted" {
        login "localhost:$PORT_basic"
        round --ca "$WORK/ca.crt" "docker://localhost:$PORT_basic/a"
        run -1 checkpointctl tags "docker://localhost:$PORT_basic/a"
        [[ $output = *"no trust in the certificate of \`localhost:$PORT_basic\`"*SNAP-506*--ca* ]]
        run -1 checkpointctl tags --plain-http "docker://localhost:$PORT_basic/a"
        [[ $output = *SNAP-506* ]]
}

@test "TLS: a certificate for another name is refused" {
        run -1 checkpointctl tags --ca "$WORK/ca.crt" "docker://localhost:$PORT_wrong/a"
        [[ $output = *"no trust in the certificate of"*localhost*SNAP-506* ]]
}

@test "TLS: files that cannot be used" {
        run -2 checkpointctl tags --ca "$WORK/none.crt" "docker://localhost:$PORT_basic/a"
        [[ $output = *"none.crt"*"No such file"*SNAP-507* ]]
        run -2 checkpointctl tags --ca "$WORK/ca.crt" --cert "$WORK/client.crt" --key "$WORK/server.key" \
                "docker://localhost:$PORT_mutual/a"
        [[ $output = *SNAP-507* ]]
        run -2 checkpointctl tags --key "$WORK/client.key" "docker://localhost:$PORT_mutual/a"
        [[ $output = *"needs its certificate"* ]]
}

@test "mutual TLS: with a client certificate, not without" {
        round --ca "$WORK/ca.crt" --cert "$WORK/client.crt" --key "$WORK/client.key" "docker://localhost:$PORT_mutual/a"
        cat "$WORK/client.crt" "$WORK/client.key" > "$WORK/both.pem"
        round --ca "$WORK/ca.crt" --cert "$WORK/both.pem" "docker://localhost:$PORT_mutual/a"
        run ! checkpointctl tags --ca "$WORK/ca.crt" "docker://localhost:$PORT_mutual/a"
        [[ $output = *SNAP-50[45]* ]]
}

@test "plain HTTP only to this machine, or where it was asked for" {
        round "docker://localhost:$PORT_plain/a"
        # In a network of its own, where there is an address that is not of loopback.
        sed 's/addr: .*/addr: 192.0.2.7:5000/' "$WORK/plain.yml" > "$WORK/far.yml"
        run -0 unshare -n bash -c 'ip link set lo up && ip address add 192.0.2.7/32 dev lo
                docker-registry serve "$WORK/far.yml" > "$WORK/far.log" 2>&1 3>&- 4>&- &
                registry=$!
                for i in $(seq 100); do (exec 3<> /dev/tcp/192.0.2.7/5000) 2> /dev/null && break; sleep 0.05; done
                checkpointctl tags docker://192.0.2.7:5000/a
                echo "status $?"
                checkpointctl tags --plain-http docker://192.0.2.7:5000/nothing
                echo "status $?"
                kill $registry'
        [[ $output = *"no TLS connection to \`192.0.2.7:5000\`"*SNAP-505*"status 1"*SNAP-303*"status 3"* ]]
}

@test "a host that is not there, and a name that is none" {
        run -1 checkpointctl tags "docker://localhost:$(free_port)/a"
        [[ $output = *"cannot connect to \`localhost:"*SNAP-504* ]]
        run -1 checkpointctl tags docker://no-such-host.invalid/a
        [[ $output = *"there is no host \`no-such-host.invalid\`"*SNAP-503* ]]
}

# --- passwords -----------------------------------------------------------------------------------------------------

@test "basic authentication: none, wrong, right" {
        local name=docker://localhost:$PORT_basic/a
        run -1 checkpointctl tags --ca "$WORK/ca.crt" "$name"
        [[ $output = *"answers 401 (UNAUTHORIZED"*SNAP-321*"No credentials for \`localhost:$PORT_basic\` were found"* ]]
        login "localhost:$PORT_basic" "$(printf alice:wrong | base64)"
        run -1 checkpointctl tags --ca "$WORK/ca.crt" "$name"
        [[ $output = *SNAP-321*"$WORK/containers/auth.json"*"podman login"* ]]
        [[ $output != *wrong* ]]
        login "localhost:$PORT_basic"
        round --ca "$WORK/ca.crt" "$name"
        # A blob nobody put there, so that there is a repository without tags.
        run checkpointctl tags --ca "$WORK/ca.crt" "$name"
        [[ $output != *SNAP-321* ]]
}

@test "credentials: from every place they may be in" {
        local name=docker://localhost:$PORT_basic/team/web auth="{\"auths\": {\"localhost:$PORT_basic\": {\"auth\": \"$SECRET\"}}}"
        mkdir -p "$WORK/.config/containers" "$WORK/.docker"
        echo "$auth" > "$WORK/.config/containers/auth.json"
        round --ca "$WORK/ca.crt" "$name"
        logout
        mkdir -p "$WORK/.docker"
        echo "{\"auths\": {\"https://localhost:$PORT_basic/v1/\": {\"auth\": \"$SECRET\"}}}" > "$WORK/.docker/config.json"
        round --ca "$WORK/ca.crt" "$name"
        logout
        echo "$auth" > "$WORK/named.json"
        round --ca "$WORK/ca.crt" --authfile "$WORK/named.json" "$name"
        REGISTRY_AUTH_FILE=$WORK/named.json round --ca "$WORK/ca.crt" "$name"
        # The entry with the longest name counts.
        echo "{\"auths\": {\"localhost:$PORT_basic\": {\"auth\": \"$(printf bob:no | base64)\"},
                \"localhost:$PORT_basic/team\": {\"auth\": \"$SECRET\"}}}" > "$WORK/named.json"
        round --ca "$WORK/ca.crt" --authfile "$WORK/named.json" "$name"
        run -1 probe --ca "$WORK/ca.crt" --authfile "$WORK/named.json" put "docker://localhost:$PORT_basic/other" "$WORK/blob"
        run -3 checkpointctl tags --ca "$WORK/ca.crt" --authfile "$WORK/none.json" "$name"
        [[ $output = *none.json* ]]
        echo 'so {"auths" secret' > "$WORK/named.json"
        run -1 checkpointctl tags --ca "$WORK/ca.crt" --authfile "$WORK/named.json" "$name"
        [[ $output = *named.json*"is not JSON"*SNAP-327* ]]
        [[ $output != *secret* ]]
}

@test "credential helpers: the host on standard input, nothing in the arguments" {
        mkdir -p "$WORK/bin"
        cat > "$WORK/bin/docker-credential-tests" <<'HELPER'
#!/bin/sh
read -r host || [ -n "$host" ]
echo "$# $1 $host" > "$WORK/asked"
case $host in
localhost:*) echo '{"ServerURL": "x", "Username": "alice", "Secret": "secret"}' ;;
*) echo "credentials not found in native keychain" && exit 1 ;;
esac
HELPER
        chmod +x "$WORK/bin/docker-credential-tests"
        PATH=$WORK/bin:$PATH
        echo "{\"credHelpers\": {\"localhost:$PORT_basic\": \"tests\"}}" > "$WORK/named.json"
        round --ca "$WORK/ca.crt" --authfile "$WORK/named.json" "docker://localhost:$PORT_basic/a"
        [ "$(cat "$WORK/asked")" = "1 get localhost:$PORT_basic" ]
        echo '{"credsStore": "tests"}' > "$WORK/named.json"
        round --ca "$WORK/ca.crt" --authfile "$WORK/named.json" "docker://localhost:$PORT_basic/a"
        # One that knows none is no error.
        run -1 checkpointctl tags --ca "$WORK/ca.crt" --authfile "$WORK/named.json" "docker://127.0.0.1:$PORT_basic/a"
        [[ $output = *"No credentials for"* ]]
        echo '{"credsStore": "absent"}' > "$WORK/named.json"
        run -1 checkpointctl tags --ca "$WORK/ca.crt" --authfile "$WORK/named.json" "docker://localhost:$PORT_basic/a"
        [[ $output = *docker-credential-absent*"not installed"* ]]
        echo '{"credsStore": "../../bin/sh"}' > "$WORK/named.json"
        run -1 checkpointctl tags --ca "$WORK/ca.crt" --authfile "$WORK/named.json" "docker://localhost:$PORT_basic/a"
        [[ $output = *SNAP-327* ]]
}

# --- tokens --------------------------------------------------------------------------------------------------------

@test "tokens: fetched with the password for what is to be done, and kept" {
        login "127.0.0.1:$PORT_bearer"
        : > "$WORK/tokens"
        round "docker://127.0.0.1:$PORT_bearer/team/web"
        grep -q 'scope=repository%3Ateam%2Fweb%3Apull%2Cpush&account=alice' "$WORK/tokens"
        [ "$(wc -l < "$WORK/tokens")" -le 4 ]
}

@test "tokens: by an identity token" {
        mkdir -p "$WORK/containers"
        echo "{\"auths\": {\"127.0.0.1:$PORT_bearer\": {\"identitytoken\": \"refresh-me\"}}}" > "$WORK/containers/auth.json"
        : > "$WORK/tokens"
        round "docker://127.0.0.1:$PORT_bearer/team/web"
        grep -qx 'POST grant' "$WORK/tokens"
        [ "$(grep -c GET "$WORK/tokens")" -eq 0 ]
}

@test "tokens: refused with the wrong password, and without any" {
        login "127.0.0.1:$PORT_bearer" "$(printf alice:wrong | base64)"
        run -1 checkpointctl tags "docker://127.0.0.1:$PORT_bearer/team/web"
        [[ $output = *"cannot get a token"*401*SNAP-321* ]]
        logout
        run -1 checkpointctl tags "docker://127.0.0.1:$PORT_bearer/team/web"
        [[ $output = *SNAP-321*"No credentials"* ]]
}

@test "tokens: one that expires in the middle is renewed, nothing is lost" {
        local refuse blob
        login "127.0.0.1:$PORT_proxy"
        refuse='"action": "status", "status": 401, "headers": {"WWW-Authenticate": "Bearer realm=\"http://127.0.0.1:'$PORT_token'/token\",service=\"tests\",error=\"invalid_token\""}'
        # A request that is refused with a new token, too, is at its end: so two different ones are.
        chaos "{\"method\": \"PATCH\", $refuse}" "{\"method\": \"PUT\", $refuse}" \
                "{\"method\": \"GET\", \"path\": \"/blobs/sha\", \"skip\": 2, \"times\": 2, \"each_range_once\": true, $refuse}"
        : > "$WORK/tokens"
        head -c 90000000 /dev/urandom > "$WORK/fresh"
        blob=$(probe put "docker://127.0.0.1:$PORT_proxy/team/web" "$WORK/fresh")
        probe get "docker://127.0.0.1:$PORT_proxy/team/web" $blob | cmp - "$WORK/fresh"
        [ "$(seen '[.[] | select(.status == 401)] | length')" -ge 4 ]
        [ "$(wc -l < "$WORK/tokens")" -ge 4 ]
        # Really expired ones: they live for three seconds.
        chaos '{"method": "GET", "path": "/blobs/sha", "action": "slow", "delay": 0.015, "times": 100}'
        probe get "docker://127.0.0.1:$PORT_proxy/team/web" $blob | cmp - "$WORK/fresh"
}

@test "tokens: no password goes to a server without TLS on behalf of a registry with TLS" {
        login "localhost:$PORT_realm"
        : > "$WORK/tokens"
        run -1 checkpointctl tags --ca "$WORK/ca.crt" "docker://localhost:$PORT_realm/a"
        [[ $output = *"wants credentials to be sent to"*SNAP-322* ]]
        [ ! -s "$WORK/tokens" ]
}

# --- proxies -------------------------------------------------------------------------------------------------------

@test "proxies from the environment, and hosts that are reached without" {
        local port
        port=$(free_port)
        printf 'Port %s\nListen 127.0.0.1\nTimeout 60\nLogFile "%s"\nLogLevel Connect\nConnectPort %s\n' "$port" \
                "$WORK/tinyproxy.log" "$PORT_basic" > "$WORK/tinyproxy.conf"
        background tinyproxy tinyproxy -d -c "$WORK/tinyproxy.conf"
        wait_port "$port"
        login "localhost:$PORT_basic"
        https_proxy=http://127.0.0.1:$port round --ca "$WORK/ca.crt" "docker://localhost:$PORT_basic/a"
        grep -q "CONNECT localhost:$PORT_basic" "$WORK/tinyproxy.log"
        : > "$WORK/tinyproxy.log"
        https_proxy=http://127.0.0.1:$port no_proxy=localhost round --ca "$WORK/ca.crt" "docker://localhost:$PORT_basic/a"
        run ! grep -q CONNECT "$WORK/tinyproxy.log"
        # It lets nobody through to other ports.
        https_proxy=http://127.0.0.1:$port run -1 checkpointctl tags --ca "$WORK/ca.crt" "docker://localhost:$PORT_mutual/a"
        [[ $output = *"proxy"*403*SNAP-510* ]]
}

# --- the rest ------------------------------------------------------------------------------------------------------

@test "references that are none" {
        local bad
        for bad in docker://host.example/Upper docker://host.example/a:b:c docker://host.example/a@sha256:12 \
                docker://host.example:99999/a docker://-x.example/a docker:// docker://host.example/ 'docker://host.example/a b'; do
                run -2 checkpointctl tags "$bad"
                [[ $output = *SNAP-301* ]]
        done
}
