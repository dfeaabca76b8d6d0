#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two checkpoints of one container, and what happened to it in between.

load helpers

setup_file() {
        images_on a busybox redis
        start a diff redis
        wait_for 60 on a redis-cli -h "$(address a diff)" ping
        on a checkpointctl create --quiet --output /srv/diff1.tar diff
        on a redis-cli -h "$(address a diff)" eval "for i=1,100000 do redis.call('set','k'..i,i) end" 0
        on a checkpointctl create --quiet --output /srv/diff2.tar diff
}

@test "memory that grew, and processes that stayed" {
        run checkpointctl diff /srv/diff1.tar /srv/diff2.tar
        [ "$status" -eq 0 ]
        [ "${lines[1]}" = "║ Checkpoint Diff                                                ║" ]
        [[ "$output" = *"↑ Increased by "*" MB"* ]]
        [[ "$output" = *$'┌─ Process Tree ───────────────────────────────────────────────┐\n│ = No change\n'* ]]
        [[ "$output" != *"File Descriptor"* && "$output" != *"Socket Changes"* ]]
        grown=$(checkpointctl diff --json /srv/diff1.tar /srv/diff2.tar | jq .memory_changes.size_change_bytes)
        [ "$grown" -gt 4000000 ]
        # The other way round it shrank by as much.
        [ "$(checkpointctl diff --json /srv/diff2.tar /srv/diff1.tar | jq .memory_changes.size_change_bytes)" = "-$grown" ]
}

@test "the members of the JSON are those of checkpointctl" {
        checkpointctl diff --format json --files --sockets --ps-tree-cmd --ps-tree-env /srv/diff1.tar /srv/diff2.tar > $BATS_TEST_TMPDIR/json
        jq -e 'keys_unsorted == ["container_id", "container_name", "image", "checkpoint_a", "checkpoint_b", "process_changes",
                "file_changes", "memory_changes", "socket_changes", "summary"]' $BATS_TEST_TMPDIR/json
        jq -e '.checkpoint_a | keys_unsorted == ["created", "total_size"]' $BATS_TEST_TMPDIR/json
        # Redis writes its title over its environment.
        jq -e '.process_changes.unchanged[0] | keys_unsorted[:3] == ["pid", "command", "cmdline"]' $BATS_TEST_TMPDIR/json
        jq -e '.file_changes.unchanged[0] | keys_unsorted == ["path", "type", "pid", "fd"]' $BATS_TEST_TMPDIR/json
        jq -e '.socket_changes.unchanged | map(select(.src_port == 6379 and .source == "0.0.0.0" and .state == "LISTEN")) | length == 1' \
                $BATS_TEST_TMPDIR/json
        checkpointctl diff --json /srv/diff1.tar /srv/diff2.tar | jq -e 'has("file_changes") or has("socket_changes") | not'
}

@test "every form of an archive can be compared, and the order never changes" {
        zstd -q /srv/diff1.tar -o $BATS_TEST_TMPDIR/diff1.tar.zst
        options="--files --sockets --ps-tree-cmd --ps-tree-env --show-unchanged"
        checkpointctl diff $options /srv/diff1.tar /srv/diff2.tar > $BATS_TEST_TMPDIR/first
        for i in 1 2 3; do
                checkpointctl diff $options $BATS_TEST_TMPDIR/diff1.tar.zst /srv/diff2.tar | cmp - $BATS_TEST_TMPDIR/first
        done
        grep -q '│ └── \[= PID 1\]  /usr/bin/redis-server' $BATS_TEST_TMPDIR/first
}

@test "checkpoints of different containers are refused" {
        run checkpointctl diff /srv/diff1.tar "$SRC/tests/data/archives/crio-1.36.3-counter.tar"
        [ "$status" -eq 2 ]
        [[ "$output" = *"checkpoints are from different containers"*diff*counter* ]]
        run checkpointctl diff --format xml /srv/diff1.tar /srv/diff2.tar
        [ "$status" -eq 2 ]
        run checkpointctl diff /srv/diff1.tar
        [ "$status" -eq 2 ]
}

@test "two checkpoints of other engines, with their processes" {
        archives=$SRC/tests/data/archives
        checkpointctl diff --json --ps-tree-cmd "$archives/podman-5.8.6-counter-none.tar" "$archives/podman-5.8.6-counter-zstd.tar" \
                > $BATS_TEST_TMPDIR/json
        jq -e '.process_changes == {
                "added": [{"pid": 31, "command": "sleep", "cmdline": "sleep 0.2"}],
                "removed": [{"pid": 13, "command": "sleep", "cmdline": "sleep 0.2"}],
                "unchanged": [{"pid": 1, "command": "sh", "cmdline": .process_changes.unchanged[0].cmdline}]}' $BATS_TEST_TMPDIR/json
        jq -e '.summary == "Checkpoint comparison for container c1\nProcesses: +1 -1 ~0\nMemory: -0.00 MB"' $BATS_TEST_TMPDIR/json
        two=$archives/podman-5.8.6-two-none.tar
        checkpointctl diff --json --ps-tree-env "$two" "$two" | jq -e '.process_changes.unchanged[0] ==
                {pid: 1, command: "sh", environment_variables: {API_KEY: "s3cr3t-token", HOME: "/", HOSTNAME: "podlike",
                PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ROLE: "worker", container: "podman"}}'
}
