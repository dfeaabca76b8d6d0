#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# From an archive to a registry and back: push, pull, copy, sync, restore, with Debian's docker-registry.

load helpers

# Where the registries listen, on node a: one with TLS and a password ($closed), one without.
open=localhost:5000

setup_file() {
        images_on a busybox memory
        images_on b busybox
        closed=$(on a ip -4 -o address show scope global | awk '{ split($4, part, "/"); print part[1]; exit }'):5443
        export closed
        start a pushed busybox
        start a large memory -e MEMORY_MIB=256
        wait_for 60 on a podman exec large cat /tmp/count
        on a checkpointctl create --quiet --output /srv/pushed.tar pushed
        on a checkpointctl create --quiet --output /srv/large.tar large
        on a podman rm -f -t 0 large > /dev/null
        mkdir -p /srv/registries
        certificates
        registry closed "addr: 0.0.0.0:5443
  tls: {certificate: /srv/registries/server.crt, key: /srv/registries/server.key}
auth: {htpasswd: {realm: test, path: /srv/registries/htpasswd}}" https://localhost:5443
        registry open "addr: $open" http://$open
        printf '{"auths":{"%s":{"auth":"%s"}}}' "$closed" "$(printf 'snap:secret word' | base64)" > /srv/registries/auth.json
}

teardown_file() {
        on a bash -c 'kill $(cat /srv/registries/*.pid); rm -rf /var/tmp/registries'
        rm -rf /srv/registries /srv/pushed* /srv/large* /srv/layout*
        podman_teardown
}

# The nodes, as helpers.bash leaves them.
podman_teardown() { for node in a b; do on $node podman rm -af -t 0 > /dev/null 2>&1 || true; done; }

certificates() {
        cd /srv/registries || return
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test-ca 2> /dev/null
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=registry 2> /dev/null
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out server.crt \
                -extfile <(printf 'subjectAltName=IP:%s,DNS:localhost,IP:127.0.0.1' "${closed%:*}") 2> /dev/null
        htpasswd -Bbn snap 'secret word' > htpasswd
        mkdir trust && cp ca.crt trust/
}

# registry NAME HTTP: starts one on node a.
registry() {
        printf 'version: 0.1\nlog: {accesslog: {disabled: false}}\nstorage:\n  delete: {enabled: true}\n  filesystem: {rootdirectory: /var/tmp/registries/%s}\nhttp:\n  %s\n' \
                "$1" "$2" > "/srv/registries/$1.yml"
        on a bash -c "docker-registry serve /srv/registries/$1.yml > /srv/registries/$1.log 2>&1 < /dev/null 3>&- & echo \$! > /srv/registries/$1.pid"
        wait_for 60 on a curl -ks "$3/v2/" || { cat "/srv/registries/$1.log" >&2 && return 1; }
}

# requests NAME METHOD: how many of them the registry answered for blobs since `forget`.
requests() { grep -c "\"$2 /v2/[^ ]*/blobs/" "/srv/registries/$1.log" || true; }
forget() { : > "/srv/registries/$1.log"; }

# The options for the registry with TLS and a password.
closed_options=(--ca /srv/registries/ca.crt --authfile /srv/registries/auth.json)

@test "push and pull: the same members, and it verifies" {
        on a checkpointctl push --quiet --compress none /srv/pushed.tar docker://$open/web:plain
        on a checkpointctl push --quiet --compress zstd /srv/pushed.tar docker://$open/web:zstd
        on a checkpointctl push --quiet --compress gzip /srv/pushed.tar docker://$open/web:gzip
        on a checkpointctl push --quiet /srv/pushed.tar docker://$open/web:chosen
        for tag in plain zstd gzip chosen; do
                on a checkpointctl pull --quiet docker://$open/web:$tag /srv/pushed-$tag.tar
                on a checkpointctl verify /srv/pushed-$tag.tar
                diff <(tar tf /srv/pushed.tar | grep -v snap.index | sort) <(tar tf /srv/pushed-$tag.tar | sort)
                for member in config.dump checkpoint/pages-1.img; do
                        cmp <(tar xOf /srv/pushed.tar $member) <(tar xOf /srv/pushed-$tag.tar $member)
                done
        done
        [ "$(stat -c %a /srv/pushed-plain.tar)" = 600 ]
}

@test "the image is the one that build makes" {
        built=$(on a checkpointctl build --quiet --json /srv/pushed.tar oci:/srv/layout:x | jq -r .digest)
        pushed=$(on a skopeo inspect --raw --tls-verify=false docker://$open/web:plain | sha256sum | cut -d' ' -f1)
        [ "$built" = "sha256:$pushed" ]
}

@test "pushed again, no blob travels; to another repository neither" {
        forget open
        result=$(on a checkpointctl push --quiet --json --compress none /srv/pushed.tar docker://$open/web:again)
        [ "$(jq .sent <<< "$result")" = false ]
        [ "$(requests open PATCH)" = 0 ]
        [ "$(requests open POST)" = 0 ]
        result=$(on a checkpointctl push --quiet --json --compress none /srv/pushed.tar docker://$open/team/other:1)
        [ "$(jq .sent <<< "$result")" = false ]
        [ "$(requests open PATCH)" -le 1 ] # the config, which no file is remembered for
        on a checkpointctl pull --quiet docker://$open/team/other:1 /srv/pushed-other.tar
        # What the registry lost is sent again.
        on a bash -c 'rm -rf /var/tmp/registries/open/docker'
        on a checkpointctl push --quiet --compress none /srv/pushed.tar docker://$open/web:plain
        rm -f /srv/pushed-other.tar
        on a checkpointctl pull --quiet docker://$open/web:plain /srv/pushed-other.tar
        on a checkpointctl verify /srv/pushed-other.tar
}

@test "TLS and a password; without them a clear refusal" {
        on b checkpointctl push --quiet "${closed_options[@]}" /srv/pushed.tar docker://$closed/web:1
        on b checkpointctl pull --quiet "${closed_options[@]}" docker://$closed/web:1 /srv/pushed-tls.tar
        cmp <(tar xOf /srv/pushed.tar spec.dump) <(tar xOf /srv/pushed-tls.tar spec.dump)
        run on b checkpointctl push --quiet --ca /srv/registries/ca.crt /srv/pushed.tar docker://$closed/web:2
        [ "$status" -ne 0 ]
        [[ "$output" = *"$closed"* && "$output" != *secret* ]]
        run on b checkpointctl push --quiet --authfile /srv/registries/auth.json /srv/pushed.tar docker://$closed/web:2
        [ "$status" -ne 0 ]
        [[ "$output" = *certificate* ]]
}

@test "restored on another node from the registry, where it was" {
        before=$(count_of a pushed)
        on b checkpointctl restore --quiet "${closed_options[@]}" --name r1 docker://$closed/web:1
        goes_on b r1
        [ "$(count_of b r1)" -lt $((before + 1000)) ]
        digest=$(on b skopeo inspect --raw --cert-dir /srv/registries/trust --authfile /srv/registries/auth.json docker://$closed/web:1 | sha256sum | cut -d' ' -f1)
        on b checkpointctl restore --quiet "${closed_options[@]}" --name r2 docker://$closed/web@sha256:$digest
        goes_on b r2
        on b podman rm -f -t 0 r1 r2
}

@test "Podman restores what was pushed" {
        on b podman pull -q --cert-dir /srv/registries/trust --authfile /srv/registries/auth.json docker://$closed/web:1
        on b podman container restore -n p1 $closed/web:1
        goes_on b p1
        on b podman rm -f -t 0 p1
}

@test "a look at an image in a registry fetches what it looks at" {
        on a checkpointctl push --quiet --compress none /srv/large.tar docker://$open/large:1
        forget open
        diff <(on a checkpointctl inspect --all --format json /srv/large.tar | jq 'del(.[0].path, .[0].checkpoint_size.archive_size, .[0].archive)') \
                <(on a checkpointctl inspect --all --format json docker://$open/large:1 | jq 'del(.[0].path, .[0].checkpoint_size.archive_size, .[0].archive)')
        # Bytes of blobs that the registry sent, of 256 MiB.
        sent=$(sed -n 's/.*"GET \/v2\/[^ ]*\/blobs\/[^"]*" [0-9]* \([0-9]*\).*/\1/p' /srv/registries/open.log | awk '{ n += $1 } END { print n + 0 }')
        [ "$sent" -gt 1000 ]
        [ "$sent" -lt 4194304 ]
        on a checkpointctl verify docker://$open/large:1
}

@test "memory stays bounded on the way up and down" {
        on a bash -c "rm -rf /var/tmp/cache; XDG_CACHE_HOME=/var/tmp/cache /usr/bin/time -q -o /srv/pushed.time -f %M checkpointctl push --quiet --compress none /srv/large.tar docker://$open/memory:1"
        [ "$(cat /srv/pushed.time)" -lt 131072 ]
        on a bash -c "rm -rf /var/tmp/cache; XDG_CACHE_HOME=/var/tmp/cache /usr/bin/time -q -o /srv/pushed.time -f %M checkpointctl push --quiet --compress zstd /srv/large.tar docker://$open/memory:2"
        [ "$(cat /srv/pushed.time)" -lt 131072 ]
        rm -f /srv/pushed-large.tar
        on a /usr/bin/time -q -o /srv/pushed.time -f %M checkpointctl pull --quiet docker://$open/memory:1 /srv/pushed-large.tar
        [ "$(cat /srv/pushed.time)" -lt 131072 ]
}

@test "copy: between registries and layouts, the same digest; again, nothing travels" {
        rm -rf /srv/layout-copy
        on a checkpointctl push --quiet --compress none /srv/pushed.tar docker://$open/web:copy
        digest=$(on a skopeo inspect --raw --tls-verify=false docker://$open/web:copy | sha256sum | cut -d' ' -f1)
        on a checkpointctl copy --quiet "${closed_options[@]}" docker://$open/web:copy docker://$closed/copied/web:copy
        [ "$(on a skopeo inspect --raw --cert-dir /srv/registries/trust --authfile /srv/registries/auth.json docker://$closed/copied/web:copy | sha256sum | cut -d' ' -f1)" = "$digest" ]
        result=$(on a checkpointctl copy --quiet --json "${closed_options[@]}" docker://$open/web:copy docker://$closed/copied/web:copy)
        [ "$(jq .bytes <<< "$result")" = 0 ]
        [ "$(jq .blobs <<< "$result")" = 0 ]
        on a checkpointctl copy --quiet docker://$open/web:copy oci:/srv/layout-copy:x
        [ "$(skopeo inspect --raw oci:/srv/layout-copy:x | sha256sum | cut -d' ' -f1)" = "$digest" ]
        on a checkpointctl copy --quiet oci:/srv/layout-copy:x docker://$open/back:x
        [ "$(on a skopeo inspect --raw --tls-verify=false docker://$open/back:x | sha256sum | cut -d' ' -f1)" = "$digest" ]
}

@test "sync: what matches and is missing, signatures of others too; a failure does not stop it" {
        for tag in s1 s2 t1; do
                on a checkpointctl push --quiet --compress none /srv/pushed.tar docker://$open/sync/a:$tag
                on a checkpointctl push --quiet --compress zstd /srv/pushed.tar docker://$open/sync/b:$tag
        done
        result=$(on a checkpointctl sync --quiet --json "${closed_options[@]}" "docker://$open/sync/*:s*" docker://$closed/far)
        [ "$(jq -r '[.[] | select(.state == "copied")] | length' <<< "$result")" = 4 ]
        result=$(on a checkpointctl sync --quiet --json "${closed_options[@]}" "docker://$open/sync/*:s*" docker://$closed/far)
        [ "$(jq -r '[.[] | select(.state == "present")] | length' <<< "$result")" = 4 ]
        on a checkpointctl pull --quiet "${closed_options[@]}" docker://$closed/far/sync/b:s2 /srv/pushed-far.tar
        run on a checkpointctl pull --quiet "${closed_options[@]}" docker://$closed/far/sync/b:t1 /srv/pushed-none.tar
        [ "$status" -eq 3 ]
        [ ! -e /srv/pushed-none.tar ]
        on a checkpointctl push --quiet --compress gzip /srv/pushed.tar docker://$open/sync/b:t1
        # One blob is gone: that image fails, the others arrive.
        blob=$(on a skopeo inspect --raw --tls-verify=false docker://$open/sync/b:t1 | jq -r '.layers[0].digest')
        on a bash -c "rm -rf /var/tmp/registries/open/docker/registry/v2/blobs/sha256/${blob:7:2}/${blob#sha256:}"
        run on a checkpointctl sync --quiet "${closed_options[@]}" "docker://$open/sync/*:t1" docker://$closed/far
        [ "$status" -eq 1 ]
        [[ "$output" = *"1 copied"*"1 failed"* ]]
        on a skopeo inspect --raw --cert-dir /srv/registries/trust --authfile /srv/registries/auth.json docker://$closed/far/sync/a:t1
}

@test "an index of images for several architectures" {
        on a checkpointctl push --quiet --index /srv/pushed.tar docker://$open/multi:1
        on a checkpointctl push --quiet --index /srv/large.tar docker://$open/multi:1
        index=$(on a skopeo inspect --raw --tls-verify=false docker://$open/multi:1)
        [ "$(jq -r '.manifests | length' <<< "$index")" = 1 ] # the same architecture twice
        [ "$(jq -r '.manifests[0].platform.architecture' <<< "$index")" = "$(on a podman info --format '{{.Host.Arch}}')" ]
        [ "$(jq -r '.annotations["org.criu.checkpoint.container.name"]' <<< "$index")" = large ]
        on a checkpointctl show docker://$open/multi:1 | grep -q large
        on a checkpointctl copy --quiet docker://$open/multi:1 docker://$open/multi-copy:1
        [ "$(on a skopeo inspect --raw --tls-verify=false docker://$open/multi-copy:1)" = "$index" ]
}

@test "interrupted: no image, no file, and the container's archive stays" {
        on a bash -c "rm -rf /var/tmp/cache; XDG_CACHE_HOME=/var/tmp/cache timeout -s INT 0.15 checkpointctl push --quiet --compress gzip /srv/large.tar docker://$open/cut:1; [ \$? -eq 124 ]" || true
        run on a skopeo inspect --raw --tls-verify=false docker://$open/cut:1
        [ "$status" -ne 0 ]
        on a bash -c "timeout -s INT 0.1 checkpointctl pull --quiet docker://$open/large:1 /srv/pushed-cut.tar" || true
        [ ! -e /srv/pushed-cut.tar ]
        nothing_left a
        on a checkpointctl verify /srv/large.tar
}

@test "what is no place in a registry, or not there, is said" {
        run checkpointctl push --quiet /srv/pushed.tar oci:/srv/layout:x
        [ "$status" -eq 2 ]
        run checkpointctl push --quiet /srv/pushed.tar docker://Not/Valid
        [ "$status" -eq 2 ]
        run on a checkpointctl pull --quiet docker://$open/web:absent /srv/pushed-none.tar
        [ "$status" -eq 3 ]
        [[ "$output" = *absent* ]]
        run on a checkpointctl pull --quiet docker://localhost:5999/web:1 /srv/pushed-none.tar
        [ "$status" -ne 0 ]
        [[ "$output" = *localhost:5999* ]]
        run on a checkpointctl push --quiet /srv/pushed.tar docker://$open/web@sha256:$(printf '%064d' 0)
        [ "$status" -eq 2 ]
}
