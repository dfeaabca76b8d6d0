#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Why a checkpoint is large, and what becomes of it elsewhere.

load helpers

ARCHIVES=$SRC/tests/data/archives

setup_file() {
        images_on a redis memory python
        start a explained redis
        ip=$(address a explained)
        wait_for 60 on a redis-cli -h "$ip" ping
        # A file of 3 MiB, a client that stays connected, an address of its own.
        on a podman exec explained sh -c 'dd if=/dev/zero of=/data.big bs=1M count=3 2> /dev/null'
        on a bash -c "(sleep 5; echo ping) | redis-cli -h $ip > /srv/client" &
        sleep 0.5
        on a checkpointctl create --quiet --tcp keep --output /srv/explained.tar explained
        wait
        start a large memory -e MEMORY_MIB=20
        sleep 2
        on a checkpointctl create --quiet --compress zstd --output /srv/large.tar.zst large
}

severity() { jq -r --arg name "$2" '.portability[] | select(.name == $name) | .severity' <<< "$1"; }

@test "sizes add up, largest first" {
        for archive in /srv/explained.tar /srv/large.tar.zst "$ARCHIVES"/*.tar; do
                checkpointctl explain --json "$archive" > $BATS_TEST_TMPDIR/json
                jq -e '.size == ([.parts[].size] | add)' $BATS_TEST_TMPDIR/json
                jq -e '([.processes[].size] | add) == (.parts[] | select(.name == "memory") | .size)' $BATS_TEST_TMPDIR/json
                jq -e '.processes | all(.size == ([.mappings[].size] | add))' $BATS_TEST_TMPDIR/json
                jq -e '[.processes[].size] | . == (sort | reverse)' $BATS_TEST_TMPDIR/json
                [ "$(jq .fileSize $BATS_TEST_TMPDIR/json)" = "$(stat -c %s "$archive")" ]
        done
}

@test "the large mapping and the large file are named" {
        checkpointctl explain --json /srv/large.tar.zst | jq -e '.processes[0].mappings[0] | .size >= 20 * 1024 * 1024'
        checkpointctl explain --json /srv/explained.tar |
                jq -e '.parts[] | select(.name == "rootfs") | .largest[0] == {member: "rootfs-diff.tar", path: "data.big", size: 3145728}'
        run checkpointctl explain /srv/explained.tar
        [[ "$output" = *"root file system: 3."*" MiB"* && "$output" = *"rootfs-diff.tar: data.big: 3.0 MiB"* ]]
}

@test "a connection breaks a restore, with what to do about it" {
        json=$(checkpointctl explain --json /srv/explained.tar)
        [ "$(severity "$json" established-tcp)" = breaks ]
        jq -e '.portability[] | select(.name == "established-tcp") | (.reason | contains(":6379 to ")) and (.remedy | contains("--tcp"))' <<< "$json"
        [ "$(severity "$json" io_uring)" = fine ]
        [ "$(severity "$json" open-files)" = fine ]
        [ "$(severity "$json" kernel)" = fine ]
        # Every check that is not fine says what to do.
        jq -e '.portability | all(.severity == "fine" or .severity == "unknown" or .remedy != "")' <<< "$json"
        run checkpointctl explain /srv/explained.tar
        [[ "$output" = *"  breaks  established-tcp: "* ]]
}

@test "what a program holds is named: a timer, a lock, an address, a deleted file, a terminal" {
        cat > /srv/holds.py << 'END'
import fcntl, os, socket, time
timer = os.timerfd_create(time.CLOCK_REALTIME)
os.timerfd_settime(timer, flags=os.TFD_TIMER_ABSTIME, initial=time.time() + 3600)
other = os.timerfd_create(time.CLOCK_MONOTONIC)
os.timerfd_settime(other, initial=3600)
locked = open("/tmp/locked", "w")
fcntl.flock(locked, fcntl.LOCK_EX)
gone = open("/tmp/gone", "w")
gone.write("x")
gone.flush()
os.unlink("/tmp/gone")
listening = socket.socket()
listening.bind((socket.gethostbyname(socket.gethostname()), 8080))
listening.listen()
open("/tmp/ready", "w").close()
time.sleep(1000)
END
        on a podman run -d -t --pull=never --name holds -v /srv/holds.py:/holds.py:ro localhost/python python3 /holds.py
        wait_for 60 on a podman exec holds ls /tmp/ready
        on a checkpointctl create --quiet --file-locks --output /srv/holds.tar holds
        json=$(checkpointctl explain --json /srv/holds.tar)
        [ "$(severity "$json" bound-address)" = breaks ]
        [ "$(severity "$json" file-locks)" = risk ]
        [ "$(severity "$json" terminal)" = risk ]
        [ "$(severity "$json" mounts)" = risk ]
        jq -e '.portability[] | select(.name == "clock") | .severity == "risk" and (.reason | test("process 1 .python3.*descriptor [0-9]+$"))' <<< "$json"
        jq -e '.portability[] | select(.name == "deleted-files") | .reason | contains("/tmp/gone")' <<< "$json"
        jq -e '.portability[] | select(.name == "mounts") | .reason | contains("/srv/holds.py (on /holds.py)")' <<< "$json"
        jq -e '.portability[] | select(.name == "bound-address") | .reason | test("TCP 10[.].*:8080$")' <<< "$json"
}

@test "a checkpoint that can be restored nowhere" {
        json=$(checkpointctl explain --json "$ARCHIVES/podman-5.8.6-BAD-leave-running-race.tar")
        [ "$(severity "$json" open-files)" = breaks ]
        jq -e '.portability[] | select(.name == "open-files") | .reason | contains("/tmp/open.log")' <<< "$json"
}

@test "it needs no root, and says the same for everybody" {
        cp "$ARCHIVES/crio-1.36.3-counter.tar" $BATS_TEST_TMPDIR/c.tar
        chmod 644 $BATS_TEST_TMPDIR/c.tar
        chmod 755 $BATS_TEST_TMPDIR
        cd $BATS_TEST_TMPDIR
        checkpointctl explain --json c.tar > root.json
        cp "$SRC/build/bin/checkpointctl" tool
        chmod 755 tool
        setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all ./tool explain --json c.tar > nobody.json
        cmp root.json nobody.json
}

@test "only headers are read: 100 GiB in one member take no time and no memory" {
        python3 - "$ARCHIVES/podman-5.8.6-counter-none.tar" $BATS_TEST_TMPDIR/huge.tar << 'END'
import sys, tarfile
with open(sys.argv[1], "rb") as small, open(sys.argv[2], "wb") as out:
    member = tarfile.TarInfo("huge.log")
    member.size = 100 << 30
    out.write(member.tobuf(tarfile.GNU_FORMAT))
    out.seek(member.size, 1)
    out.write(small.read())
END
        # Reading a hole of that size would take longer than this by far.
        timeout 30 checkpointctl explain --json $BATS_TEST_TMPDIR/huge.tar > $BATS_TEST_TMPDIR/json
        jq -e '.parts[] | select(.name == "logs") | .largest[0] == {member: "huge.log", size: 107374182400}' $BATS_TEST_TMPDIR/json
}
