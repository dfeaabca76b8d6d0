#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The first generation of checkpointctl: checkpointed.pods, extract and insert, as its document has them.

load helpers

ARCHIVES=$SRC/tests/data/archives

# No containers and no nodes here.
teardown_file() { :; }

setup() { cd "$BATS_TEST_TMPDIR"; }

# set_of DIRECTORY ARCHIVE SANDBOX...: a directory with a pod for each.
set_of() {
        local directory=$1 archive=$2 sandbox
        shift 2
        mkdir -p "$directory"
        for sandbox in "$@"; do
                cp "$archive" "$directory/$sandbox.tar"
                jq -n --arg s "$sandbox" '{"io.kubernetes.pod.uid": "uid-\($s)", SandboxID: $s,
                        "io.kubernetes.pod.name": "pod-\($s)", "io.kubernetes.pod.namespace": "default",
                        Containers: [{"io.kubernetes.container.name": "c", Image: "i"}]}'
        done | jq -s '{version: 0, CheckpointedPods: .}' > "$directory/checkpointed.pods"
}

# sandboxes DIRECTORY: those that it lists and has.
sandboxes() { checkpointctl show --json "$1" | jq -r '[.[0].pods[] | select(.archiveFound) | .sandboxId] | join(" ")'; }

# only DIRECTORY SANDBOX...: it lists these, has their archives, and no other file.
only() {
        local directory=$1
        shift
        [ "$(sandboxes "$directory")" = "$*" ] || { echo "listed: $(sandboxes "$directory")" >&2 && return 1; }
        diff <(ls -A "$directory" | sort) <({ printf '%s.tar\n' "$@" && echo checkpointed.pods; } | sort)
}

@test "the document's commands, as they are typed there, print what it shows" {
        unshare -m bash -e << 'END'
mkdir -p /var/lib/kubelet/checkpoints
mount -t tmpfs kubelet /var/lib/kubelet/checkpoints
cat > /var/lib/kubelet/checkpoints/checkpointed.pods << 'JSON'
{"version": 0, "CheckpointedPods": [
  {"io.kubernetes.pod.uid": "u1", "SandboxID": "s1", "io.kubernetes.pod.name": "my-redis",
   "io.kubernetes.pod.namespace": "default",
   "Containers": [{"io.kubernetes.container.name": "redis", "Image": "redis"}]},
  {"io.kubernetes.pod.uid": "u2", "SandboxID": "s2", "io.kubernetes.pod.name": "counters",
   "io.kubernetes.pod.namespace": "default", "Containers": [
     {"io.kubernetes.container.name": "counter", "Image": "quay.io/adrianreber/counter"},
     {"io.kubernetes.container.name": "wildfly", "Image": "quay.io/adrianreber/wildfly-hello"}]}]}
JSON
echo one > /var/lib/kubelet/checkpoints/s1.tar
echo two > /var/lib/kubelet/checkpoints/s2.tar
cat > table << 'TABLE'

+-----------+-----------+-----------+-----------------------------------+---------------+
|    POD    | NAMESPACE | CONTAINER |               IMAGE               | ARCHIVE FOUND |
+-----------+-----------+-----------+-----------------------------------+---------------+
| my-redis  | default   | redis     | redis                             | true          |
+-----------+           +-----------+-----------------------------------+               +
| counters  |           | counter   | quay.io/adrianreber/counter       |               |
+           +           +-----------+-----------------------------------+               +
|           |           | wildfly   | quay.io/adrianreber/wildfly-hello |               |
+-----------+-----------+-----------+-----------------------------------+---------------+
TABLE
checkpointctl show > shown
diff <(printf '\nDisplaying data from /var/lib/kubelet/checkpoints/checkpointed.pods\n' && cat table) shown

checkpointctl extract -o /tmp/checkpoints.tar > shown 2> progress
diff <(printf '\nExtracting checkpoint data from /var/lib/kubelet/checkpoints/checkpointed.pods\n\n') shown

checkpointctl show --target /tmp/checkpoints.tar > shown
diff <(printf '\nDisplaying data from /tmp/checkpoints.tar\n' && cat table) shown

# Into another kubelet.
umount /var/lib/kubelet/checkpoints
mount -t tmpfs kubelet /var/lib/kubelet/checkpoints
checkpointctl insert -i /tmp/checkpoints.tar > shown 2> progress
[ ! -s shown ]
checkpointctl show > shown
diff <(printf '\nDisplaying data from /var/lib/kubelet/checkpoints/checkpointed.pods\n' && cat table) shown
[ "$(cat /var/lib/kubelet/checkpoints/s2.tar)" = two ]
END
}

@test "the later flags: UIDs, addresses, statistics, compression" {
        set_of from "$ARCHIVES/crio-1.36.3-counter.tar" s1
        jq '.CheckpointedPods[0].podIP = "10.88.0.4"' from/checkpointed.pods > new
        mv new from/checkpointed.pods
        run checkpointctl show -t from --show-pod-uid --show-pod-ip --print-stats
        [ "$status" -eq 0 ]
        [[ "${lines[2]}" = *"ARCHIVE FOUND |  POD UID  |  POD IP   |" ]]
        [[ "${lines[4]}" = *"| uid-s1    | 10.88.0.4 |" ]]
        [ "${lines[6]}" = "CRIU dump statistics" ]
        [[ "${lines[10]}" = *"| 137265 us   |"*"|           101 |" ]]
        for kind in none gzip zstd; do
                checkpointctl extract -t from -c $kind -o $kind.tar
                run checkpointctl show --target=$kind.tar --show-pod-uid=true
                [[ "$output" = *"| uid-s1  "* ]]
        done
        [ "$(tar -tf none.tar)" = "checkpointed.pods
s1.tar" ]
        tar -xOf none.tar s1.tar | cmp - "$ARCHIVES/crio-1.36.3-counter.tar"
        gzip -dc gzip.tar | cmp - none.tar --ignore-initial=512
        run -1 --separate-stderr checkpointctl extract -t from
        [[ "$output" = Usage:* ]]
        [[ "$stderr" = "Error: Specifying an output file (-o|--output) is required"* ]]
        # One word, two meanings: an archive of a container is still one, here with its statistics.
        run checkpointctl show --print-stats "$ARCHIVES/crio-1.36.3-counter.tar"
        [[ "${lines[0]}" = "Displaying container checkpoint data from"* ]]
        [ "${lines[4]}" = "CRIU dump statistics" ]
        run -2 checkpointctl show -t from none.tar
}

@test "an archive that is missing is named, and no tar is left" {
        set_of from "$ARCHIVES/crio-1.36.3-counter.tar" s1 s2
        rm from/s2.tar
        run checkpointctl show from
        [[ "${lines[4]}" = *"| true  "* && "${lines[6]}" = *"| false  "* ]]
        run -3 checkpointctl extract -t from -o out.tar
        [[ "$output" = *"cannot access \`from/s2.tar\`"* ]]
        [ ! -e out.tar ]
}

@test "the archive of a pod, and those of its containers in it" {
        mkdir pod
        printf '{"metadata": {"name": "web", "uid": "u", "namespace": "shop"}, "hostname": "h"}' > pod/pod.dump
        printf '{"version": 1, "containers": ["k8s_front_web_shop_u_0", "k8s_back_web_shop_u_0"]}' > pod/pod.options
        cp "$ARCHIVES/crio-1.36.3-counter.tar" pod/k8s_front_web_shop_u_0.tar
        cp "$ARCHIVES/podman-5.8.6-two-none.tar" pod/k8s_back_web_shop_u_0.tar
        tar -cf checkpoint-web.tar -C pod .
        run checkpointctl show checkpoint-web.tar --show-pod-uid --print-stats
        [ "$status" -eq 0 ]
        [ "${lines[0]}" = "Displaying pod checkpoint data from checkpoint-web.tar" ]
        [ "${lines[2]}" = "|    POD    | NAMESPACE | HOSTNAME  | CONTAINER |  POD UID  | CHKPT SIZE |" ]
        [ "${lines[4]}" = "| web       | shop      | h         | front     | u         | 645.5 KiB  |" ]
        [ "${lines[6]}" = "|           |           |           | back      |           | 748.5 KiB  |" ]
        [[ "${lines[12]}" = "| web       | front     |"*"| 137265 us "* ]]
        [[ "${lines[14]}" = "|           | back      |"* ]]
        checkpointctl show --json checkpoint-web.tar | jq -e '.[0].pod | .name == "web" and (.containers | length) == 2'
        run checkpointctl list .
        [[ "$output" = *"shop        web   front, back"*"checkpoint-web.tar"* ]]
        # In a set, within a tar, within a tar.
        set_of from checkpoint-web.tar s1
        checkpointctl extract -t from -c none -o set.tar
        checkpointctl show --json --print-stats set.tar | jq -e '.[0].pods[0].statistics | map(.container) == ["front", "back"]'
        # Compressed, there is nothing to seek in: said, not guessed.
        checkpointctl extract -t from -o set.tar
        run --separate-stderr checkpointctl show --print-stats set.tar
        [ "$status" -eq 0 ]
        [[ "$stderr" = "No statistics: "*compressed* ]]
}

@test "inserting adds; a pod that is there already is refused and changes nothing" {
        set_of a "$ARCHIVES/crio-1.36.3-counter.tar" s1 s2
        set_of b "$ARCHIVES/crio-1.36.3-counter.tar" s3
        jq '.CheckpointedPods[0].unknown = {kept: [1]}' b/checkpointed.pods > new && mv new b/checkpointed.pods
        checkpointctl extract -t a -o a.tar
        checkpointctl extract -t b -c gzip -o b.tar
        checkpointctl insert --json -t b -i a.tar | jq -e '.inserted | map(.sandboxId) == ["s1", "s2"]'
        only b s3 s1 s2
        jq -e '.CheckpointedPods[0].unknown.kept == [1]' b/checkpointed.pods
        cmp b/s2.tar a/s2.tar
        run -1 checkpointctl insert -t b -i a.tar
        [[ "$output" = *"2 pods of it are in \`b\` already; nothing was inserted"* ]]
        [[ "$output" = *"default/pod-s2 (UID uid-s2, SandboxID s2)"* ]]
        only b s3 s1 s2
        # Same UID under another SandboxID is the same pod.
        mv a/s1.tar a/s9.tar
        jq '.CheckpointedPods = [.CheckpointedPods[0] | .SandboxID = "s9"]' a/checkpointed.pods > new
        mv new a/checkpointed.pods
        checkpointctl extract -t a -o c.tar
        run -1 checkpointctl insert -t b -i c.tar
        only b s3 s1 s2
        [ "$(stat -c %a b/checkpointed.pods b/s1.tar | sort -u)" = 600 ]
}

@test "hostile tars are refused, whatever they name" {
        set_of to "$ARCHIVES/crio-1.36.3-counter.tar" s1
        set_of from "$ARCHIVES/crio-1.36.3-counter.tar" s2
        jq '.CheckpointedPods[0].SandboxID = "../s2"' from/checkpointed.pods > escape.pods
        mkdir escape link
        cp escape.pods escape/checkpointed.pods
        cp from/checkpointed.pods link
        ln -s /etc/passwd link/s2.tar
        tar -cf escape.tar -C escape . -C ../from s2.tar
        tar -cf link.tar -C link .
        tar -cf dots.tar -P -C from checkpointed.pods ../from/s2.tar
        tar -cf missing.tar -C from checkpointed.pods
        for tar in escape link dots missing; do
                run -4 checkpointctl insert -t to -i $tar.tar
                only to s1
        done
        run -4 checkpointctl show escape
}

@test "killed at every step, an insert has happened or it has not, and the next one cleans up" {
        set_of old "$ARCHIVES/podman-5.8.6-counter-none.tar" s1
        set_of new "$ARCHIVES/podman-5.8.6-counter-none.tar" s2 s3
        checkpointctl extract -t new -o new.tar
        for call in openat:20 write:1 write:2 fsync:1 fsync:2 fsync:3 linkat:1 linkat:2 fsync:4 renameat:1 fsync:5 \
                unlinkat:1 unlinkat:2; do
                rm -rf to && cp -r old to
                cmp old/checkpointed.pods to/checkpointed.pods
                strace -f -qq -o trace -e trace=${call%:*} -e inject=${call%:*}:signal=KILL:when=${call#*:} \
                        checkpointctl insert --quiet -t to -i new.tar && [ $call = openat:20 ]
                case "$(sandboxes to)" in
                "s1") ;;
                "s1 s2 s3") killed_late=$call ;;
                *) echo "$call: $(sandboxes to)" && false ;;
                esac
                checkpointctl extract -t to -o out.tar > /dev/null
                run checkpointctl insert --quiet -t to -i new.tar
                only to s1 s2 s3
                cmp to/s2.tar new/s2.tar
        done
        [ -n "$killed_late" ]
}

@test "killed at any time" {
        set_of old "$ARCHIVES/podman-5.8.6-counter-none.tar" s1
        head -c 24M /dev/urandom > big
        set_of new big s2 s3
        checkpointctl extract -t new -c none -o new.tar
        for delay in 0.001 0.003 0.005 0.008 0.01 0.013 0.016 0.02 0.025 0.03 0.04 0.05 0.07; do
                rm -rf to && cp -r old to
                checkpointctl insert --quiet -t to -i new.tar & pid=$!
                sleep $delay
                kill -9 $pid 2> /dev/null || true
                wait $pid || true
                [[ "$(sandboxes to)" = "s1" || "$(sandboxes to)" = "s1 s2 s3" ]]
                run checkpointctl insert --quiet -t to -i new.tar
                only to s1 s2 s3
                cmp to/s3.tar big
        done
}

@test "interrupted, it stops and leaves the old state" {
        set_of to "$ARCHIVES/podman-5.8.6-counter-none.tar" s1
        head -c 64M /dev/zero > big
        set_of new big s2 s3 s4
        checkpointctl extract -t new -c none -o new.tar
        # Slowed down, so that the signal comes in the middle.
        strace -f -qq -o trace -e trace=fsync -e inject=fsync:delay_enter=300000 \
                checkpointctl insert --quiet -t to -i new.tar 2> error & pid=$!
        wait_for 60 bash -c 'ls -A to | grep -q insert'
        kill -INT $(pgrep -P $pid)
        status=0
        wait $pid || status=$?
        [ "$status" -eq 130 ]
        only to s1
}

@test "a full disk changes nothing" {
        set_of from "$ARCHIVES/crio-1.36.3-counter.tar" s2 s3
        checkpointctl extract -t from -c none -o from.tar
        unshare -m bash -e << 'END'
mkdir small
mount -t tmpfs -o size=1m small small
checkpointctl insert -t small -i from.tar && false || [ $? -eq 7 ]
[ -z "$(ls -A small)" ]
checkpointctl extract -t from -c none -o small/out.tar && false || [ $? -eq 7 ]
[ -z "$(ls -A small)" ]
END
}

@test "two inserts at once: both when they differ, one when they are the same" {
        set_of to "$ARCHIVES/crio-1.36.3-counter.tar" s1
        set_of a "$ARCHIVES/crio-1.36.3-counter.tar" s2 s3
        set_of b "$ARCHIVES/crio-1.36.3-counter.tar" s4 s5
        checkpointctl extract -t a -o a.tar
        checkpointctl extract -t b -o b.tar
        for i in 1 2 3 4 5; do
                rm -rf both && cp -r to both
                checkpointctl insert -t both -i a.tar & p=$!
                checkpointctl insert -t both -i b.tar & q=$!
                wait $p
                wait $q
                [ "$(sandboxes both | tr ' ' '\n' | sort | tr '\n' ' ')" = "s1 s2 s3 s4 s5 " ]
                rm -rf same && cp -r to same
                checkpointctl insert -t same -i a.tar & p=$!
                checkpointctl insert -t same -i a.tar & q=$!
                failed=0
                wait $p || failed=$((failed + 1))
                wait $q || failed=$((failed + 1))
                [ $failed -eq 1 ]
                only same s1 s2 s3
        done
}
