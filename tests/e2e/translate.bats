#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A checkpoint that was taken under one engine is restored under another: containerd with runc, asked by the CRI,
# Podman with crun and with runc, bare bundles. See docs/translate.md.

load helpers
load cri

setup_file() {
        images_on a busybox
        images_on b busybox
        registry_start
        containerd_on a
        containerd_on b
        image_id=$(on b podman image inspect --format '{{.Id}}' localhost/busybox)
        export image_id
}

teardown_file() {
        containerd_off a
        containerd_off b
        registry_stop
        on a podman rm -af -t 0 > /dev/null 2>&1
        on b podman rm -af -t 0 > /dev/null 2>&1
        for runtime in crun runc; do on a "$runtime" delete -f "bare-$runtime" 2> /dev/null || true; done
        on a rm -rf /var/lib/snap/test-bundles
        rm -rf /srv/*.tar /srv/layout
}

# What every test does to the files of its container, and looks for afterwards.
change='echo new > /data/modified; rm /data/deleted; rm -r /data/dir; echo made > /data/made'
unchanged='cat /data/modified /data/made; ls /data'
changed='new
made
link
made
modified'

# What is hidden of /proc and /sys is hidden again: nothing can be read there.
hidden='for f in /proc/timer_list /proc/keys; do [ ! -e $f ] || [ -z "$(cat $f)" ] || exit 1; done; ! ls /sys/firmware | grep .'

# podman_archive NAME RUNTIME [OPTION...]: /srv/NAME.tar of a Podman container with changed files.
podman_archive() {
        local name=$1 runtime=$2
        shift 2
        on a podman --runtime "$runtime" run -d --pull=never --name "$name" "$@" localhost/busybox > /dev/null
        wait_for 60 on a podman exec "$name" cat /tmp/count
        on a podman exec "$name" sh -c "$change"
        before=$(count_of a "$name")
        on a checkpointctl create --quiet --output "/srv/$name.tar" "$name"
        on a podman rm -f -t 0 "$name" > /dev/null
}

# to_containerd NAME [MOUNT...]: /srv/NAME.tar as an image for containerd, restored on b in a pod; sets `id`.
to_containerd() {
        local name=$1
        shift
        checkpointctl push --quiet --for containerd --base "$base" "/srv/$name.tar" "docker://$registry/to:$name"
        id=$(cri_start b "pod-$name" "$name" "$registry/to:$name" "$@")
}

@test "containerd's own archive, as an image of ours, is restored by containerd" {
        id=$(cri_start a origin counter "$registry/busybox:1")
        wait_for 60 cri_count a "$id"
        cri a exec "$id" sh -c "$change"
        before=$(cri_count a "$id")
        cri a checkpoint "$id" /srv/cri.tar
        checkpointctl push --quiet /srv/cri.tar "docker://$registry/own:1"
        id=$(cri_start b own counter "$registry/own:1")
        cri_goes_on b "$id" "$before"
        [ "$(cri b exec "$id" sh -c "$unchanged")" = "$changed" ]
}

@test "Podman with crun to containerd with runc" {
        podman_archive pm-crun crun
        to_containerd pm-crun
        cri_goes_on b "$id" "$before"
        [ "$(cri b exec "$id" sh -c "$unchanged")" = "$changed" ]
        cri b exec "$id" sh -c "$hidden"
        # It is in the network of its pod, and writes to the pod's log, behind what it had written before.
        cri b exec "$id" ls /sys/class/net/eth0
        on b grep -q "stdout F counter $before" /var/log/pods/pod-pm-crun/pm-crun.log
        wait_for 60 on b grep -q "counter $((before + 20))" /var/log/pods/pod-pm-crun/pm-crun.log
        # What the kubelet compares is the new pod's.
        [ "$(cri b status "$id" | jq -r '.annotations["io.kubernetes.container.hash"]')" = cafe ]
        [ "$(cri b status "$id" | jq -r .imageRef)" = "${base/:1@/@}" ]
}

@test "Podman with runc to containerd with runc" {
        podman_archive pm-runc runc
        to_containerd pm-runc
        cri_goes_on b "$id" "$before"
        cri b exec "$id" sh -c "$hidden"
}

@test "what was mounted on a Podman container must be mounted by the pod, and that is said" {
        on a mkdir -p /var/tmp/config && on a sh -c 'echo here > /var/tmp/config/file'
        on b mkdir -p /var/tmp/config && on b sh -c 'echo there > /var/tmp/config/file'
        podman_archive pm-mount crun -v /var/tmp/config:/config
        run --separate-stderr checkpointctl build --for containerd --base "$base" /srv/pm-mount.tar oci:/srv/layout:mount
        [ "$status" -eq 0 ]
        [[ $stderr = *"The pod must mount something on /config"* ]]
        run to_containerd pm-mount
        [ "$status" -ne 0 ]
        id=$(cri b run pod-pm-mount again "$registry/to:pm-mount" /config=/var/tmp/config)
        cri_goes_on b "$id" "$before"
        [ "$(cri b exec "$id" cat /config/file)" = there ]
}

@test "containerd with runc to Podman with crun" {
        run checkpointctl build --for podman /srv/cri.tar oci:/srv/layout:cri
        [ "$status" -eq 4 ]
        [[ $output = *SNAP-350* && $output = *"--base-id"* ]]
        checkpointctl push --quiet --for podman --base "localhost/busybox:latest@${base#*@}" --base-id "$image_id" \
                /srv/cri.tar "docker://$registry/to:podman"
        on b podman pull -q "$registry/to:podman"
        on b podman container restore --name from-cri "$registry/to:podman"
        before=$(tar xOf /srv/cri.tar container.log | tail -n 1 | grep -o '[0-9]*$')
        [ "$(count_of b from-cri)" -ge "$before" ]
        goes_on b from-cri
        [ "$(on b podman exec from-cri sh -c "$unchanged")" = "$changed" ]
        on b podman exec from-cri sh -c "$hidden"
        [ -n "$(address b from-cri)" ]
        # It has the rights of any container of Podman, not more.
        [ "$(on b podman inspect --format '{{.HostConfig.Privileged}} {{.HostConfig.CapAdd}}' from-cri)" = "false []" ]
        # And can be taken and moved again.
        on b checkpointctl create --quiet --output /srv/second.tar from-cri
        on b podman rm -f -t 0 from-cri > /dev/null
        on b checkpointctl restore --quiet /srv/second.tar
        goes_on b from-cri
}

@test "the same image, restored by our own restore" {
        on b podman rm -af -t 0 > /dev/null
        checkpointctl build --quiet --for podman --base "localhost/busybox:latest@${base#*@}" --base-id "$image_id" \
                /srv/cri.tar oci:/srv/layout:own
        on b checkpointctl restore --quiet oci:/srv/layout:own
        goes_on b counter
}

bare() { # RUNTIME
        bundle a "bare-$1" busybox "$1"
        wait_for 60 on a "$1" exec "bare-$1" cat /tmp/count
        on a "$1" exec "bare-$1" sh -c "$change"
        before=$(on a "$1" exec "bare-$1" cat /tmp/count)
        on a checkpointctl create --quiet --runtime "$1" --output "/srv/bare-$1.tar" "bare-$1"
        run checkpointctl build --for containerd "/srv/bare-$1.tar" oci:/srv/layout:no
        [ "$status" -eq 4 ]
        [[ $output = *"--base REGISTRY/NAME@sha256:DIGEST"* ]]
        to_containerd "bare-$1"
        cri_goes_on b "$id" "$before"
        [ "$(cri b exec "$id" cat /data/modified)" = new ]
        cri b exec "$id" sh -c "$hidden"
        checkpointctl push --quiet --for podman --base "localhost/busybox:latest@${base#*@}" --base-id "$image_id" \
                "/srv/bare-$1.tar" "docker://$registry/to:podman-$1"
        on b podman pull -q "$registry/to:podman-$1"
        on b podman container restore --name "bare-$1" "$registry/to:podman-$1"
        [ "$(count_of b "bare-$1")" -ge "$before" ]
        goes_on b "bare-$1"
        [ "$(on b podman exec "bare-$1" cat /data/modified)" = new ]
}

@test "a bare bundle of crun to containerd and to Podman" { bare crun; }
@test "a bare bundle of runc to containerd and to Podman" { bare runc; }

@test "images for all engines share their pages, and each is restored by its own" {
        podman_archive all crun
        checkpointctl push --json --for all --base "$base" /srv/all.tar "docker://$registry/all:x" > /srv/all.json
        [ "$(jq -r '[.images[].tag] | join(" ")' /srv/all.json)" = "x-crio x-containerd x-podman" ]
        for engine in crio containerd podman; do
                skopeo inspect --raw "docker://$registry/all:x-$engine" | jq -r '.layers[].digest' > "/srv/all.$engine.tar"
        done
        [ "$(sort /srv/all.*.tar | uniq -c | grep -c '^ *3 ')" -eq 2 ]
        [ "$(sort /srv/all.*.tar | uniq -c | grep -c '^ *1 ')" -eq 3 ]
        id=$(cri_start b all counter "$registry/all:x-containerd")
        cri_goes_on b "$id" "$before"
        on a podman pull -q "$registry/all:x-podman"
        on a podman container restore --name all "$registry/all:x-podman"
        [ "$(count_of a all)" -ge "$before" ]
        goes_on a all
        # In the local storage too, where each has a name.
        on a checkpointctl build --quiet --for all --base "$base" /srv/all.tar stored:x
        for engine in crio containerd podman; do on a podman image exists "localhost/stored:x-$engine"; done
}

@test "an archive of CRI-O with crun to containerd with runc" {
        cp "$SRC/tests/data/archives/crio-1.36.3-counter.tar" /srv/crio.tar
        run checkpointctl build --for podman /srv/crio.tar oci:/srv/layout:no
        [ "$status" -eq 4 ]
        [[ $output = *'`/data`'* && $output = *SNAP-350* ]]
        [ -d /sys/fs/cgroup/freezer ] || skip "it was taken with control groups of version 1; this host has version 2"
        # Its base image is not here; ours does when it has the program that the processes run.
        [ "$(stat -c %s /srv/images/busybox.root/usr/bin/busybox)" = "$(checkpointctl images /srv/crio.tar files.img |
                jq '.entries[] | select(.reg.name == "/bin/busybox") | .reg.size' | head -n 1)" ] ||
                skip "busybox is another version than that of the archive"
        on b mkdir -p /var/tmp/data
        to_containerd crio /data=/var/tmp/data
        cri_goes_on b "$id" 16
        cri b exec "$id" sh -c '! ls /etc/todelete'
        on b grep -q "stdout F Counter: 16" /var/log/pods/pod-crio/crio.log
}
