#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kill -9 of our processes, at any moment: the container goes on, and nothing that is there looks finished unless it
# is.

load helpers

setup_file() {
        images_on a memory
        start a kill memory -e MEMORY_MIB=128
        wait_for 60 on a podman exec kill cat /tmp/count
}

# The container goes on by itself; what is left is whole or absent, and the next command removes the rest.
check_after() {
        wait_for 60 goes_on a kill
        on a checkpointctl doctor > /dev/null 2>> /srv/notes || [ $? -eq 5 ]
        wait_for 60 nothing_left a || nothing_left a
        goes_on a kill
        [ ! -e /srv/kill.tar ] || on a checkpointctl verify /srv/kill.tar
        rm -f /srv/kill.tar
}

# create_and CMD: starts a checkpoint on the node, then runs CMD there with its process number in $p.
create_and() {
        on a bash -c "checkpointctl create --quiet --output /srv/kill.tar kill & p=\$!; $1; wait \$p 2> /dev/null; true"
}

# moments COUNT: seconds after which to kill, spread over the time that a checkpoint takes.
moments() {
        on a checkpointctl create --json --output /srv/kill.tar kill > /var/tmp/kill.json
        rm /srv/kill.tar
        jq -r --argjson n "$1" '.times.totalUs as $t | range($n) | $t * . / ($n - 1) / 1e6' /var/tmp/kill.json
}

@test "the process that was started, at 16 moments" {
        for moment in $(moments 16); do
                create_and "sleep $moment; kill -KILL \$p 2> /dev/null"
                check_after
        done
}

@test "in the middle of what makes an archive lasting" {
        on a rm -f /srv/hits
        for call in renameat2:1 renameat2:2 renameat2:3 fsync:1 fsync:2 fsync:3 fsync:4 linkat:1 unlinkat:1; do
                on a bash -c "strace -qq -o /var/tmp/strace -e trace=${call%:*} \
                        -e inject=${call%:*}:signal=KILL:when=${call#*:} \
                        checkpointctl create --quiet --output /srv/kill.tar kill; grep -q KILL /var/tmp/strace &&
                        echo $call >> /srv/hits; true"
                check_after
        done
        # The moments are real ones.
        grep -q renameat2 /srv/hits
        grep -q fsync /srv/hits
}

@test "all our processes at once: recover ends the dump and thaws" {
        rm -f /srv/notes
        for moment in $(moments 12); do
                create_and "sleep $moment; pkill -KILL -x 'checkpointctl|snap-guardian'"
                # CRIU may wait for somebody who reads what it writes; this sets the container free.
                on a checkpointctl recover >> /srv/notes
                check_after
        done
        grep -q '^1 killed checkpoint undone' /srv/notes
}
