#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A process of every shape is looked into, and goes on on another host.

load helpers

# goes_on_elsewhere SHAPE [RESTORE-OPTION...]
goes_on_elsewhere() {
        local archive name=shape-$1-crun before
        archive=$(shape_archive "$1")
        shift
        checkpointctl verify "$archive"
        checkpointctl inspect --all --json "$archive" | jq -e '.[0].process_tree.command == "shapes"'
        on b checkpointctl restore --quiet "$@" "$archive" 3>&- 4>&-
        before=$(on b crun exec "$name" cat /tmp/count)
        wait_for 60 on b bash -c '[ "$(crun exec '"$name"' cat /tmp/count)" -gt '"$before"' ]'
}

@test "threads" { goes_on_elsewhere threads; }
@test "zombies, sessions, process groups" { goes_on_elsewhere tree; }
@test "1,000 descriptors" { goes_on_elsewhere descriptors; }
@test "Unix sockets with queued data" { goes_on_elsewhere unix; }
@test "pipes and a FIFO with data" { goes_on_elsewhere pipes; }
@test "shared memory" { goes_on_elsewhere shared; }
@test "System V message queues and semaphores" { goes_on_elsewhere ipc; }
@test "huge sparse mappings" { goes_on_elsewhere sparse; }
@test "timers" { goes_on_elsewhere timers; }
@test "pending signals" { goes_on_elsewhere signals; }
@test "epoll, eventfd, inotify, signalfd" { goes_on_elsewhere events; }
@test "TCP, connected to itself" { goes_on_elsewhere tcp --tcp keep; }
@test "UDP and netlink" { goes_on_elsewhere udp; }
@test "deleted files, locks" { goes_on_elsewhere deleted; }

# kernel SHAPE OPTION...: what inspect says of the first process of that shape, as JSON.
kernel() {
        local archive
        archive=$(shape_archive "$1")
        shift
        checkpointctl inspect "$@" --json "$archive" | jq -c '.[0].kernel.processes[0]'
}

@test "timers are shown, and what becomes of them" {
        kernel timers --timers > $BATS_TEST_TMPDIR/json
        jq -e '[.timers[].kind] == ["ITIMER_REAL", "ITIMER_VIRTUAL", "POSIX", "POSIX", "timerfd", "timerfd"]' $BATS_TEST_TMPDIR/json
        jq -e '.timers[0] | .left_ns > 2900e9 and .left_ns <= 3000e9 + 2000 and .interval_ns == 3600e9 + 1000' $BATS_TEST_TMPDIR/json
        jq -e '.timers[2] | .clock == "CLOCK_MONOTONIC" and .signal == "signal 37" and .interval_ns == 86400e9 + 3' $BATS_TEST_TMPDIR/json
        jq -e '.timers[3] | .clock == "CLOCK_REALTIME" and .signal == null and .left_ns == 0' $BATS_TEST_TMPDIR/json
        jq -e '.timers[5].clock == "CLOCK_REALTIME"' $BATS_TEST_TMPDIR/json
        run checkpointctl inspect --timers "$(shape_archive timers)"
        [[ "$output" = *"[ITIMER_REAL]  in "*", every 60 min 00 s"* && "$output" = *"[POSIX CLOCK_REALTIME]  not set"* ]]
        checkpointctl explain --json "$(shape_archive timers)" |
                jq -e '.portability[] | select(.name == "posix-timers") | .severity == "fine" and (.reason | contains("(shapes), timer 0"))'
}

@test "signals and credentials are shown" {
        kernel signals --signals --credentials > $BATS_TEST_TMPDIR/json
        jq -e '[.signals.pending[] | select(.signal == "SIGUSR1" and .thread == null)] | length == 1' $BATS_TEST_TMPDIR/json
        jq -e '[.signals.pending[] | select(.signal == "signal 39" and .thread == null)] | length == 3' $BATS_TEST_TMPDIR/json
        jq -e '[.signals.pending[] | select(.signal == "signal 39" and .thread == 1)] | length == 1' $BATS_TEST_TMPDIR/json
        jq -e '.signals.blocked == ["SIGUSR1", "signal 39"] and .signals.caught == .signals.blocked' $BATS_TEST_TMPDIR/json
        jq -e '.signals.ignored | index("SIGHUP") != null' $BATS_TEST_TMPDIR/json
        jq -e '.credentials | .uid == 0 and .gid == 0 and (.effective | index("CAP_KILL") != null)' $BATS_TEST_TMPDIR/json
        run checkpointctl inspect --signals "$(shape_archive signals)"
        [[ "$output" = *"Pending: SIGUSR1"* && "$output" = *"Pending for thread 1: signal 39"* ]]
}

@test "control groups and network devices are shown" {
        checkpointctl inspect --cgroups --net --json "$(shape_archive timers)" > $BATS_TEST_TMPDIR/json
        jq -e '.[0].kernel.network_devices[] | select(.name == "lo") | .up and .addresses[0] == "127.0.0.1/8"' $BATS_TEST_TMPDIR/json
        jq -e '.[0].kernel | .processes[0].cgroup_set as $set | [.cgroups[] | select(.set == $set)] | length > 0' $BATS_TEST_TMPDIR/json
}

@test "shared memory is told apart by segment" {
        checkpointctl explain --json "$(shape_archive shared)" > $BATS_TEST_TMPDIR/json
        jq -e '.processes[] | select(.pid == null) | (.mappings | length) == 3 and all(.mappings[]; .segment | type == "number")' $BATS_TEST_TMPDIR/json
        jq -e '.processes[] | select(.pid == null) | [.mappings[].segment] | length == (unique | length)' $BATS_TEST_TMPDIR/json
}
