#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A checkpoint as an OCI image, and back.

load helpers

setup_file() {
        images_on a busybox
        images_on b busybox
        start a img busybox
        sleep 1
        on a checkpointctl create --quiet --output /srv/img.tar img
        on a checkpointctl build --quiet /srv/img.tar oci:/srv/layout:one
        on a checkpointctl build --quiet --compress zstd /srv/img.tar oci:/srv/layout:two
        on a checkpointctl build --quiet /srv/img.tar oci-archive:/srv/image.oci:one
}

@test "the annotations of all three engines are there" {
        manifest=$(skopeo inspect --raw oci:/srv/layout:one)
        for key in io.kubernetes.cri-o.annotations.checkpoint.name org.criu.checkpoint.container.name \
                io.podman.annotations.checkpoint.name; do
                [ "$(jq -r --arg k "$key" '.annotations[$k]' <<< "$manifest")" = img ]
        done
        jq -e '.annotations["org.opencontainers.image.base.digest"] | startswith("sha256:")' <<< "$manifest"
}

@test "skopeo inspects and copies it" {
        skopeo inspect oci:/srv/layout:one
        skopeo copy -q oci:/srv/layout:two oci-archive:/srv/copy.oci:two
        skopeo copy -q oci-archive:/srv/image.oci:one oci:/srv/layout3:one
        on b skopeo copy -q oci:/srv/layout:one containers-storage:localhost/img:one
}

@test "every blob has the digest that it is named by" {
        for blob in /srv/layout/blobs/sha256/*; do
                [ "$(sha256sum < "$blob" | cut -d' ' -f1)" = "${blob##*/}" ]
        done
}

@test "Podman restores from the image" {
        on b skopeo copy -q oci:/srv/layout:one containers-storage:localhost/img:podman
        on b podman container restore localhost/img:podman
        goes_on b img
        on b podman rm -f -t 0 img
}

@test "ours restores from a layout and from an archive of one" {
        on b checkpointctl restore --quiet --name l1 oci:/srv/layout:one
        on b checkpointctl restore --quiet --name l2 oci:/srv/layout:two
        on b checkpointctl restore --quiet --name l3 oci-archive:/srv/image.oci:one
        for c in l1 l2 l3; do goes_on b $c; done
}

@test "two builds into one layout at once" {
        on a bash -ec '
                checkpointctl build --quiet /srv/img.tar oci:/srv/both:x &
                checkpointctl build --quiet --compress gzip /srv/img.tar oci:/srv/both:y &
                wait -n; wait -n'
        skopeo inspect oci:/srv/both:x
        skopeo inspect oci:/srv/both:y
}

@test "a changed blob is refused at restore" {
        cp -a /srv/layout /srv/bad
        blob=$(ls -S /srv/bad/blobs/sha256/* | head -n 1)
        printf X | dd of="$blob" bs=1 seek=5000 conv=notrunc status=none
        run on b checkpointctl restore --name bad oci:/srv/bad:one
        [ "$status" -ne 0 ]
        [[ "$output" = *"${blob##*/}"* || "$output" = *digest* ]]
}

@test "a bare name is an image in the local storage, which Podman restores" {
        run on b checkpointctl build --quiet /srv/img.tar bare:one
        [ "$status" -eq 0 ]
        [ "${lines[0]}" = "Built: localhost/bare:one" ]
        on b podman images --format '{{.Repository}}:{{.Tag}}' | grep -qx localhost/bare:one
        on b podman rm -af -t 0
        on b podman container restore bare:one
        goes_on b img
        on b podman rm -f -t 0 img
        nothing_left b
}

@test "the image in the storage is the one in a layout" {
        digest=$(on b checkpointctl build --quiet --json /srv/img.tar again | jq -r .digest)
        [ "$(on b podman image inspect localhost/again --format '{{.Digest}}')" = "$digest" ]
        [ "$(skopeo inspect --raw oci:/srv/layout:one | sha256sum | cut -d' ' -f1)" = "${digest#sha256:}" ]
}

@test "where the image cannot be put into the storage, the tool's words are passed on and nothing is left" {
        mkdir -p $BATS_TEST_TMPDIR/tools $BATS_TEST_TMPDIR/none
        printf '#!/bin/sh\necho "level=fatal msg=storage on fire" >&2; exit 1\n' > $BATS_TEST_TMPDIR/tools/skopeo
        chmod 755 $BATS_TEST_TMPDIR/tools/skopeo
        PATH=$BATS_TEST_TMPDIR/tools:$PATH TMPDIR=$BATS_TEST_TMPDIR run checkpointctl build --quiet /srv/img.tar bare
        [ "$status" -eq 6 ]
        [[ "$output" = *localhost/bare:latest*"storage on fire"* ]]
        TMPDIR=$BATS_TEST_TMPDIR PATH=$BATS_TEST_TMPDIR/none run "$SRC/build/bin/checkpointctl" build --quiet /srv/img.tar bare
        [[ "$output" = *"neither"*skopeo*podman* ]]
        [ -z "$(find $BATS_TEST_TMPDIR -name 'snap-image.*')" ]
        run checkpointctl build --quiet /srv/img.tar docker://registry.example/web
        [ "$status" -eq 2 ]
}

@test "what a killed build has left goes with the next one, what a living one needs does not" {
        mkdir -p $BATS_TEST_TMPDIR/tools $BATS_TEST_TMPDIR/tmp
        printf '#!/bin/sh\nkill -9 $PPID\n' > $BATS_TEST_TMPDIR/tools/skopeo
        chmod 755 $BATS_TEST_TMPDIR/tools/skopeo
        PATH=$BATS_TEST_TMPDIR/tools:$PATH TMPDIR=$BATS_TEST_TMPDIR/tmp run checkpointctl build --quiet /srv/img.tar killed
        [ "$status" -eq 137 ]
        [ "$(find $BATS_TEST_TMPDIR/tmp -mindepth 1 -maxdepth 1 -name 'snap-image.*' | wc -l)" -eq 1 ]
        mkdir $BATS_TEST_TMPDIR/tmp/snap-image.living $BATS_TEST_TMPDIR/tmp/snap-image.others
        chown 1234 $BATS_TEST_TMPDIR/tmp/snap-image.others
        flock $BATS_TEST_TMPDIR/tmp/snap-image.living sleep 30 3>&- 4>&- &
        wait_for 60 bash -c "! flock -n $BATS_TEST_TMPDIR/tmp/snap-image.living true"
        printf '#!/bin/sh\nexit 0\n' > $BATS_TEST_TMPDIR/tools/skopeo
        PATH=$BATS_TEST_TMPDIR/tools:$PATH TMPDIR=$BATS_TEST_TMPDIR/tmp checkpointctl build --quiet /srv/img.tar next
        [ "$(ls $BATS_TEST_TMPDIR/tmp)" = $'snap-image.living\nsnap-image.others' ]
        kill %1
}

@test "the annotations are those of the Go checkpointctl, and more" {
        manifest=$(skopeo inspect --raw oci:/srv/layout:one)
        for key in engine.name container.name rootfsImageUserRequested rootfsImageName rootfsImageID runtime.name; do
                jq -e --arg key "org.criu.checkpoint.$key" '.annotations[$key] | length > 0' <<< "$manifest"
        done
}
