#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Many at once, two at one, no space, interruptions.

load helpers

setup_file() { images_on a busybox memory; }

@test "20 containers in parallel" {
        for i in $(seq 20); do start a "many$i" busybox; done
        on a bash -ec '
                for i in $(seq 20); do
                        checkpointctl create --quiet --output /srv/many$i.tar many$i > /srv/many$i.out 2>&1 &
                        pids="$pids $!"
                done
                for p in $pids; do wait $p || failed=1; done
                [ -z "$failed" ] || { cat /srv/many*.out && exit 1; }'
        on a checkpointctl verify /srv/many{1..20}.tar
        for i in 1 10 20; do goes_on a "many$i"; done
        on a bash -c 'podman rm -f -t 0 $(podman ps -q --filter name=many)' > /dev/null
        nothing_left a
}

@test "two checkpoints of one container at once come one after the other" {
        start a one busybox
        sleep 1
        on a bash -ec '
                checkpointctl create --quiet --output /srv/one1.tar one & p1=$!
                checkpointctl create --quiet --output /srv/one2.tar one & p2=$!
                wait $p1; wait $p2'
        on a checkpointctl verify /srv/one1.tar /srv/one2.tar
        goes_on a one
}

@test "an archive that is there already is not overwritten" {
        start a there busybox
        echo precious > /srv/there.tar
        run on a checkpointctl create --output /srv/there.tar there
        [ "$status" -ne 0 ]
        [ "$(cat /srv/there.tar)" = precious ]
        on a checkpointctl create --quiet --replace --output /srv/there.tar there
        on a checkpointctl verify /srv/there.tar
}

@test "a full disk: refused beforehand, and survived when it fills up on the way" {
        start a big memory -e MEMORY_MIB=64
        wait_for 60 on a podman exec big cat /tmp/count
        on a bash -c 'mkdir -p /var/tmp/small && mount -t tmpfs -o size=16m small /var/tmp/small'
        run on a checkpointctl create --output /var/tmp/small/big.tar big
        [ "$status" -eq 5 ]
        [[ "$output" = *space* ]]
        run on a checkpointctl create --force --output /var/tmp/small/big.tar big
        [ "$status" -eq 7 ]
        [ -z "$(on a ls -A /var/tmp/small)" ]
        goes_on a big
        nothing_left a
        on a umount /var/tmp/small
}

@test "Ctrl-C: nothing is left and the container goes on" {
        start a cancel memory -e MEMORY_MIB=256
        wait_for 60 on a podman exec cancel cat /tmp/count
        for delay in 0.05 0.2 0.4 0.7; do
                run on a timeout -s INT $delay checkpointctl create --output /srv/cancel.tar cancel
                [ "$status" -ne 0 ] || on a checkpointctl verify /srv/cancel.tar
                rm -f /srv/cancel.tar
                wait_for 60 nothing_left a
                goes_on a cancel
        done
}
