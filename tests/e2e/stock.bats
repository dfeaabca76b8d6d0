#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Other people's tools read what we write, in every compression.

load helpers

setup_file() {
        images_on a busybox
        images_on b busybox
        start a stock busybox
        sleep 1
        for c in none gzip zstd lz4; do
                on a checkpointctl create --quiet --compress $c --output /srv/stock.$c stock
        done
        on a podman rm -f -t 0 stock
}

@test "tar lists it, whatever the compression" {
        for c in cat "gzip -dc" "zstd -qdc" "lz4 -qdc"; do
                case $c in cat) n=none ;; *) n=${c%% *} ;; esac
                $c < /srv/stock.$n | tar -t > /srv/list.$n
                grep -qx checkpoint/pages-1.img /srv/list.$n
                tail -n 2 /srv/list.$n | grep -qx snap.index
        done
}

@test "only root can read it" {
        [ "$(stat -c %a /srv/stock.none)" = 600 ]
}

@test "Debian's checkpointctl shows and inspects it" {
        for c in none gzip zstd; do
                on b /usr/bin/checkpointctl show /srv/stock.$c | grep -q 'stock .*localhost/busybox:latest.*crun.*Podman'
                on b /usr/bin/checkpointctl inspect --all /srv/stock.$c | grep -q 'Process tree'
        done
}

@test "Podman restores it from plain, gzip and zstd" {
        for c in none gzip zstd; do
                on b podman container restore --import /srv/stock.$c --name stock-$c
                goes_on b stock-$c
        done
}

@test "ours restores all four, also after a look at each" {
        for c in none gzip zstd lz4; do
                on b checkpointctl verify /srv/stock.$c
                on b checkpointctl inspect --all /srv/stock.$c > /dev/null
                on b checkpointctl restore --quiet --name ours-$c /srv/stock.$c
                goes_on b ours-$c
        done
}

@test "ours restores what Podman wrote" {
        start a theirs busybox
        sleep 1
        on a podman container checkpoint --export /srv/theirs.tar.zst theirs
        on b checkpointctl restore --quiet --ignore-static-ip /srv/theirs.tar.zst
        goes_on b theirs
}
