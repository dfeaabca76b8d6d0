#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pods of Podman as one unit: frozen together, complete or nothing, restored with the connection between two of them.

load helpers

names="call serve one two"

setup_file() {
        images_on a busybox pair shapes
        pods_on a
        make_pod
}

make_pod() {
        on a podman pod create --name shop --publish 8080:7000 --label tier=front > /dev/null
        start a serve pair --pod shop
        start a call pair --pod shop
        start a one busybox --pod shop
        start a two busybox --pod shop
        # The image of the pair has no command of its own that would do for both.
        wait_for 60 all_go_on
}

start() { # NODE NAME IMAGE OPTION...
        local command=
        case $2 in serve | call) command="/usr/bin/pair $2" ;; esac
        on "$1" podman run -d --pull=never --name "$2" "${@:4}" "localhost/$3" $command > /dev/null
}

all_go_on() { for name in $names; do goes_on a $name || return; done; }

count_all() { for name in $names; do count_of a $name; done; }

@test "four containers at one instant: one directory, one manifest, all go on" {
        on a checkpointctl create --json --pod shop --tcp keep --output /srv/shop > /srv/create.json
        [ "$(jq '.parts | length' /srv/create.json)" = 4 ]
        [ "$(jq -r .freezeSpreadUs /srv/create.json)" -ge 0 ]
        all_go_on
        [ "$(ls -A /srv/shop | tr '\n' ' ')" = "call.tar one.tar pod.json serve.tar two.tar " ]
        jq -e '.pod.name == "shop" and .pod.namespace == "default" and .version == 1' /srv/shop/pod.json
        jq -e '[.network.connections[] | select(.remote == "127.0.0.1:7000")] | length == 1' /srv/shop/pod.json
        jq -e '.network.listening == ["127.0.0.1:7000"] and ([.network.routes[].to] | index("default"))' /srv/shop/pod.json
        jq -e '[.network.interfaces[] | select(.name == "eth0") | .addresses[]] | length > 0' /srv/shop/pod.json
        jq -e '.spec[0].Name == "shop"' /srv/shop/pod.json
        for name in $names; do
                [ "$(jq -r ".parts[] | select(.container == \"$name\") | .digest" /srv/shop/pod.json)" = \
                        "sha256:$(sha256sum < /srv/shop/$name.tar | cut -d' ' -f1)" ]
        done
        nothing_left a
}

@test "verify and show take the directory and the manifest" {
        run -0 on a checkpointctl verify --quiet /srv/shop
        [ "$(grep -c ^OK <<< "$output")" = 4 ]
        run -0 on a checkpointctl show /srv/shop/pod.json
        [ "$(grep -c Podman <<< "$output")" = 4 ]
        # An archive that is whole, but another one.
        on a cp -r /srv/shop /srv/other
        on a cp /srv/shop/one.tar /srv/other/two.tar
        run -4 on a checkpointctl verify --quiet /srv/other
        grep -q 'two.tar.*SNAP-106' <<< "$output"
        on a sed -i 's/"version": 1/"version": 2/' /srv/other/pod.json
        run -4 on a checkpointctl verify --quiet /srv/other
        grep -q SNAP-130 <<< "$output"
        on a rm -r /srv/other
}

@test "names of what is not there; an output that is" {
        run -3 on a checkpointctl create --quiet --pod nothing --output /srv/nothing
        grep -q 'pod does not exist' <<< "$output"
        run -3 on a checkpointctl create --quiet --pod prod/shop --output /srv/nothing
        run -1 on a checkpointctl create --quiet --pod shop --tcp keep --output /srv/shop
        [ ! -e /srv/nothing ]
        nothing_left a
}

@test "one dump fails: nothing is left, all go on" {
        # Connections are refused: the pair cannot be dumped, the other two could.
        run -5 on a checkpointctl create --quiet --pod shop --output /srv/refused
        run ! on a checkpointctl create --quiet --force --pod shop --output /srv/refused
        grep -q 'serve\|call' <<< "$output"
        [ ! -e /srv/refused ]
        all_go_on
        nothing_left a
}

@test "kill -9 in the middle, of us and of all: complete or nothing, all go on" {
        local took found=0
        took=$(jq .totalUs /srv/create.json)
        for n in 1 2 3 4 5 6 7 8; do
                local victim="kill -KILL \$p"
                [ $((n % 2)) = 0 ] || victim="pkill -KILL -x 'checkpointctl|snap-guardian'"
                on a bash -c "checkpointctl create --quiet --pod shop --tcp keep --output /srv/killed & p=\$!
                        sleep $(jq -n "$took * $n / 8e6"); $victim; wait \$p 2> /dev/null; true"
                # Guardians end what they were at; recover does what they cannot.
                on a checkpointctl recover > /dev/null
                wait_for 60 nothing_left a || nothing_left a
                wait_for 60 all_go_on || all_go_on
                if [ -e /srv/killed ]; then
                        on a checkpointctl verify --quiet /srv/killed
                        on a rm -r /srv/killed
                fi
        done
}

@test "the pod comes back: same counters, the connection between two of them lives, ports, labels" {
        local before after
        on a checkpointctl create --quiet --pod shop --tcp keep --stop --output /srv/moved
        before=$(jq -r '.parts | length' /srv/moved/pod.json)
        [ "$before" = 4 ]
        on a podman pod rm -f -t 0 shop > /dev/null
        run -0 on a checkpointctl restore --quiet --tcp keep /srv/moved
        grep -q 'Restored the pod shop: 4 containers' <<< "$output"
        # TCP sends again what it could not while the others were not there, after some time.
        wait_for 60 all_go_on
        # Both sides of the connection count far beyond what a new one could have.
        [ "$(count_of a call)" -gt 20 ]
        [ "$(on a podman pod inspect shop | jq -r '.[0].Labels.tier')" = front ]
        [ "$(on a podman pod inspect shop | jq -r '.[0].InfraConfig.PortBindings["7000/tcp"][0].HostPort')" = 8080 ]
        nothing_left a
}

@test "what is there is not restored again, and nothing of it is touched" {
        run ! on a checkpointctl restore --quiet --tcp keep /srv/moved
        wait_for 60 all_go_on
}

@test "a part that does not come back takes the others with it" {
        on a podman pod rm -f -t 0 shop > /dev/null
        start a two busybox
        run ! on a checkpointctl restore --quiet --tcp keep /srv/moved
        run ! on a podman pod exists shop
        goes_on a two
        on a podman rm -f -t 0 two > /dev/null
        run -0 on a checkpointctl restore --quiet --tcp keep /srv/moved
        wait_for 60 all_go_on
}

@test "a container outside of pods is a pod of its own; bundles have the names of their annotations" {
        start a lonely busybox
        wait_for 60 count_of a lonely
        on a checkpointctl create --quiet --pod lonely --output /srv/lonely
        [ "$(ls -A /srv/lonely | tr '\n' ' ')" = "lonely.tar pod.json " ]
        on a podman rm -f -t 0 lonely > /dev/null
}
