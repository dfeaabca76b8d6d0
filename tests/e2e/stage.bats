#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a restore unpacks for a while: nothing of it stays, whatever ends the restore, and nobody else puts links into it.

load helpers

stages=/var/lib/snap/restore

setup_file() {
        images_on a memory busybox
        images_on b memory busybox
        start a stage memory -e MEMORY_MIB=128
        wait_for 60 on a podman exec stage cat /tmp/count
        on a checkpointctl create --quiet --stop --output /srv/stage.tar stage
        on a podman rm -f -t 0 stage > /dev/null
}

# What Podman or CRIU still use stays until they have ended.
recovered() { on "$1" checkpointctl recover && nothing_staged "$1"; }

nothing_staged() { on "$1" bash -c '! ls -A '$stages' 2> /dev/null | grep .'; }

# moments COUNT: seconds after which to end a restore, spread over the time that one takes.
moments() {
        on b checkpointctl restore --json --name timed /srv/stage.tar > "$BATS_TEST_TMPDIR/times"
        on b podman rm -f -t 0 timed > /dev/null
        jq -r --argjson n "$1" '.times.totalUs as $t | range($n) | $t * (. + 0.5) / $n / 1e6' "$BATS_TEST_TMPDIR/times"
}

@test "the process is killed: the next command removes what it left, and frees the Podman that waits for it" {
        for moment in $(moments 12); do
                on b bash -c "checkpointctl restore --quiet --name killed /srv/stage.tar & p=\$!
                        sleep $moment; kill -KILL \$p 2> /dev/null; wait \$p 2> /dev/null; ls -A $stages" >> "$BATS_TEST_TMPDIR/left"
                wait_for 60 recovered b
                wait_for 60 on b bash -c '! pgrep -x podman'
                on b podman rm -f -t 0 killed > /dev/null
        done
        # The moments are real ones.
        grep -q . "$BATS_TEST_TMPDIR/left"
        on b checkpointctl restore --quiet --name killed /srv/stage.tar
        goes_on b killed
        on b podman rm -f -t 0 killed > /dev/null
}

@test "Ctrl-C: nothing is left" {
        for moment in $(moments 5); do
                run on b timeout -s INT "$moment" checkpointctl restore --quiet --name cancelled /srv/stage.tar
                nothing_staged b
                on b podman rm -f -t 0 cancelled > /dev/null
        done
}

@test "a restore that fails leaves nothing" {
        start b taken busybox
        run on b checkpointctl restore --name taken /srv/stage.tar
        [ "$status" -eq 5 ]
        nothing_staged b
        goes_on b taken
        on b podman rm -f -t 0 taken > /dev/null
}

@test "links in an archive or an image are refused, wherever they lead" {
        local forged=$BATS_TEST_TMPDIR/forged secret=/root/stage-secret
        on b sh -c "echo precious > $secret"
        mkdir "$forged" && tar xf /srv/stage.tar -C "$forged" && rm "$forged"/snap.*
        for link in "$secret" ../../../../..$secret; do
                ln -sfn "$link" "$forged/checkpoint/pages-1.img"
                tar cf /srv/forged.tar -C "$forged" config.dump spec.dump checkpoint
                run on b checkpointctl restore --force /srv/forged.tar
                [ "$status" -ne 0 ]
                [[ $output == *"[SNAP-104]"* ]]
                nothing_staged b
        done
        # As an image that somebody else built.
        rm -rf /srv/layout-forged
        local container
        container=$(buildah from scratch)
        buildah add -q "$container" /srv/forged.tar > /dev/null
        buildah config --annotation io.podman.annotations.checkpoint.name=x "$container"
        buildah commit -q --rm "$container" oci:/srv/layout-forged:x > /dev/null
        run on b checkpointctl restore --force oci:/srv/layout-forged:x
        [ "$status" -ne 0 ]
        [[ $output == *"[SNAP-104]"* ]]
        nothing_staged b
        [ "$(on b cat $secret)" = precious ]
}

@test "of an encrypted image nothing is on disk in the clear afterwards" {
        local key=/srv/stage-key marker=sesame-$RANDOM$RANDOM
        openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $key
        openssl pkey -in $key -pubout -out $key.pub
        start a sealed busybox -e MARKER=$marker
        sleep 1
        on a checkpointctl create --quiet --stop --output /srv/sealed.tar sealed
        on a grep -qF $marker /srv/sealed.tar
        on a checkpointctl build --quiet --encryption-key jwe:$key.pub /srv/sealed.tar oci:/srv/layout-sealed:x
        rm /srv/sealed.tar
        on b checkpointctl restore --quiet --decryption-key $key oci:/srv/layout-sealed:x
        goes_on b sealed
        nothing_staged b
        ! on b grep -rlsF $marker /var/lib/snap /var/tmp /run/snap
        # Podman has the environment in its own records, and no image of memory.
        ! on b bash -c "find /var/lib/containers -newer $key.pub -name \"pages-*.img\" | grep ."
}

@test "what Podman remembers of a restore does not stand in the way of the next" {
        on b podman rm -af -t 0 > /dev/null
        on b checkpointctl restore --quiet --name again /srv/stage.tar
        on b podman restart -t 0 again > /dev/null
        wait_for 60 on b podman exec again cat /tmp/count
        on b podman container checkpoint --export /srv/podman.tar again > /dev/null
        on b podman rm -f -t 0 again > /dev/null
        on b checkpointctl restore --quiet /srv/podman.tar
        goes_on b again
        on b checkpointctl create --quiet --stop --output /srv/again.tar again
        on b podman rm -f -t 0 again > /dev/null
        on b podman container restore --import /srv/again.tar > /dev/null
        goes_on b again
}

@test "Podman with runc" {
        on a podman --runtime runc run -d --pull=never --name with-runc localhost/busybox > /dev/null
        sleep 1
        on a checkpointctl create --quiet --stop --output /srv/with-runc.tar with-runc
        on b checkpointctl restore --quiet /srv/with-runc.tar
        goes_on b with-runc
        nothing_staged b
}
