#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bare bundles under crun and runc, without any engine.

load helpers

setup_file() { images_on a busybox; images_on b busybox; }

count_in() { on "$1" "$2" exec "$3" cat /tmp/count; }

move_bundle() { # RUNTIME
        bundle a "bare-$1" busybox "$1"
        wait_for 60 on a "$1" exec "bare-$1" cat /tmp/count
        sleep 1
        before=$(count_in a "$1" "bare-$1")
        on a checkpointctl create --quiet --runtime "$1" --output "/srv/bare-$1.tar" "bare-$1"
        sleep 0.5
        [ "$(count_in a "$1" "bare-$1")" -gt "$before" ]
        on b checkpointctl restore --quiet --runtime "$1" "/srv/bare-$1.tar"
        after=$(count_in b "$1" "bare-$1")
        [ "$after" -ge "$before" ]
        sleep 0.5
        [ "$(count_in b "$1" "bare-$1")" -gt "$after" ]
}

@test "crun" { move_bundle crun; }
@test "runc" { move_bundle runc; }

@test "a restored bundle is checkpointed and restored again" {
        on b checkpointctl create --quiet --runtime crun --stop --output /srv/bare2.tar bare-crun
        on a crun delete -f bare-crun
        before=$(on b sh -c 'cat /var/lib/snap/bundles/bare-crun/rootfs/tmp/count')
        on a checkpointctl restore --quiet --runtime crun /srv/bare2.tar
        [ "$(count_in a crun bare-crun)" -ge "$before" ]
}

@test "what an archive asks for beyond the ordinary is refused, and named" {
        bundle a greedy busybox crun
        on a crun delete -f greedy
        on a bash -ec '
                cd /var/lib/snap/test-bundles/greedy
                jq ".mounts += [{\"destination\":\"/host\",\"type\":\"bind\",\"source\":\"/opt\",\"options\":[\"bind\",\"ro\"]}]" config.json > new
                mv new config.json && mkdir -p rootfs/host
                crun run -d greedy < /dev/null > /dev/null 2>&1'
        sleep 1
        on a checkpointctl create --quiet --runtime crun --output /srv/greedy.tar greedy
        run on b checkpointctl restore --runtime crun /srv/greedy.tar
        [ "$status" -eq 5 ]
        [[ "$output" = *"/opt"* ]]
        on b checkpointctl restore --quiet --force --runtime crun /srv/greedy.tar
}

@test "archives of an earlier version verify, and restore where their processor's features are" {
        for runtime in crun runc; do
                archive=$(ls "$SRC"/tests/data/archives/own/$runtime-*)
                on b checkpointctl verify "$archive"
                on b checkpointctl inspect --all "$archive" | grep -q 'Process tree'
                [ -d /sys/fs/cgroup/freezer ] || skip "they were taken with control groups of version 1; this host has version 2"
                run on b checkpointctl restore --quiet --name "kept-$runtime" "$archive"
                [[ $output != *"(cpu-features)"* ]] || skip "this processor lacks features of the one of the archive"
                echo "$output"
                [ "$status" -eq 0 ]
                before=$(count_in b $runtime "kept-$runtime")
                sleep 0.5
                [ "$(count_in b $runtime "kept-$runtime")" -gt "$before" ]
        done
}
