#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One checkpoint wherever it lies, and images that other builders made, to every verb that reads.

load helpers

# /srv/places: ours and Podman's archive of one container, and images of it by every builder.
setup_file() {
        images_on a busybox
        images_on b busybox
        mkdir -p /srv/places
        start a place busybox
        wait_for 60 on a podman exec place cat /tmp/count
        on a checkpointctl create --quiet --output /srv/places/ours.tar place
        on a podman container checkpoint --leave-running --compress none --export /srv/places/podman.tar place
        on a podman container checkpoint --leave-running --create-image place-image place
        on a podman push -q place-image oci:/srv/places/podman-image:x
        on a podman save -q --format oci-archive -o /srv/places/podman-image.tar place-image
        # What upstream's build does: the archive is added to an empty root.
        on a bash -ec '
                for archive in podman ours; do
                        container=$(buildah from scratch)
                        buildah add "$container" /srv/places/$archive.tar > /dev/null
                        buildah config --annotation org.criu.checkpoint.container.name=place "$container"
                        buildah commit -q "$container" built-$archive > /dev/null
                        buildah push -q built-$archive oci:/srv/places/built-$archive:x
                done'
        mkdir -p /srv/places/bare && tar xf /srv/places/podman.tar -C /srv/places/bare
        mv /srv/places/bare/stats-dump /srv/places/bare/checkpoint/
}

# looks TEXT: what show, inspect, verify say of it, in JSON, without its name.
looks() {
        checkpointctl show --json "$1" | jq 'map(del(.path))'
        checkpointctl inspect --all --json "$1"
        checkpointctl verify --json "$1" | jq 'map({ok, members, faults})'
}

# same_as ARCHIVE TEXT
same_as() { diff <(looks "$1") <(looks "$2"); }

@test "standard input: a file, a pipe, compressed ones" {
        for archive in ours podman; do
                file=/srv/places/$archive.tar
                looks $file > $BATS_TEST_TMPDIR/expected
                for verb in "show --json" "inspect --all --json" "verify --json"; do
                        expected=$(checkpointctl $verb $file | jq 'map(del(.path))')
                        [ "$(checkpointctl $verb - < $file | jq 'map(del(.path))')" = "$expected" ]
                        [ "$(cat $file | checkpointctl $verb - | jq 'map(del(.path))')" = "$expected" ]
                        [ "$(gzip < $file | checkpointctl $verb - | jq 'map(del(.path))')" = "$expected" ]
                        [ "$(zstd -q < $file | checkpointctl $verb - | jq 'map(del(.path))')" = "$expected" ]
                done
        done
        ! find /var/tmp -newer /srv/places/ours.tar -type f | grep .
}

@test "images of every builder" {
        same_as /srv/places/podman.tar oci:/srv/places/built-podman:x
        checkpointctl verify oci:/srv/places/built-ours:x
        [ "$(checkpointctl verify --json oci:/srv/places/built-ours:x | jq '.[0].digestsChecked')" -gt 20 ]
        # An index means nothing in an image; ours leaves it out, others do not know.
        checkpointctl build --quiet /srv/places/ours.tar oci:/srv/places/own:x > /dev/null
        diff <(looks oci:/srv/places/own:x | jq 'if type == "array" then map(del(.members)) else . end') \
                <(looks /srv/places/ours.tar | jq 'if type == "array" then map(del(.members)) else . end')
        for image in oci:/srv/places/podman-image:x oci-archive:/srv/places/podman-image.tar; do
                checkpointctl verify "$image"
                [ "$(checkpointctl show --json "$image" | jq -r '.[0].container_name')" = place ]
                [ "$(checkpointctl inspect --ps-tree-cmd --json "$image" | jq -r '.[0].process_tree.cmdline')" = \
                        "$(checkpointctl inspect --ps-tree-cmd --json /srv/places/ours.tar | jq -r '.[0].process_tree.cmdline')" ]
        done
}

@test "a directory of CRIU images, and one with checkpoint/ in it" {
        for directory in /srv/places/bare /srv/places/bare/checkpoint; do
                checkpointctl verify $directory
                [ "$(checkpointctl inspect --ps-tree-cmd --json $directory | jq -S '.[0].process_tree')" = \
                        "$(checkpointctl inspect --ps-tree-cmd --json /srv/places/podman.tar | jq -S '.[0].process_tree')" ]
        done
}

@test "build makes the same image of all of them" {
        checkpointctl build --quiet /srv/places/podman.tar oci:/srv/places/out:file > /dev/null
        cat /srv/places/podman.tar | checkpointctl build --quiet - oci:/srv/places/out:pipe > /dev/null
        zstd -q < /srv/places/podman.tar | checkpointctl build --quiet - oci:/srv/places/out:zstd > /dev/null
        checkpointctl build --quiet oci:/srv/places/out:file oci:/srv/places/out:image > /dev/null
        [ "$(jq '[.manifests[].digest] | unique | length' /srv/places/out/index.json)" = 1 ]
}

@test "restore from a pipe and from images that others built" {
        for source in pipe image built; do
                case $source in
                pipe) cat /srv/places/ours.tar | on b checkpointctl restore --quiet --name place-pipe - ;;
                image) on b checkpointctl restore --quiet --name place-image oci:/srv/places/podman-image:x ;;
                built) on b checkpointctl restore --quiet --name place-built oci:/srv/places/built-ours:x ;;
                esac
                goes_on b place-$source
        done
        [ -z "$(on b find /var/tmp -name 'snap-*.tar')" ]
}

@test "what cannot be read says so" {
        run checkpointctl show docker://localhost:1/web:1
        [ "$status" -ne 0 ]
        [[ "$output" = *"cannot connect"*"localhost:1"* ]]
        head -c 3000 /srv/places/ours.tar > $BATS_TEST_TMPDIR/cut.tar
        for input in "cat $BATS_TEST_TMPDIR/cut.tar" "head -c 512 /srv/places/ours.tar"; do
                run bash -c "$input | checkpointctl show -"
                [ "$status" -eq 4 ]
                [[ "$output" = *"cut short"* ]]
        done
        run bash -c 'echo nonsense | checkpointctl inspect -'
        [ "$status" -eq 4 ]
}
