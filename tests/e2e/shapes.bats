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
        wait_for 5 on b bash -c '[ "$(crun exec '"$name"' cat /tmp/count)" -gt '"$before"' ]'
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
