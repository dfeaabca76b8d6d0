#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every image file of real dumps, shown by us and by CRIU's own tool: engines, runtimes, compressions, and processes of
# every shape.

load helpers

# unpack ARCHIVE: prints the directory of its image files, statistics among them, as crit wants them.
unpack() {
        local directory
        directory=$(mktemp -d "$BATS_TEST_TMPDIR/dump.XXXX")
        case $(head -c 4 "$1" | od -An -tx1 | tr -d ' ') in
        1f8b*) gzip -dc "$1" ;;
        28b52ffd) zstd -qdc "$1" ;;
        04224d18) lz4 -qdc "$1" ;;
        *) cat "$1" ;;
        esac | tar -x -C "$directory"
        [ ! -e "$directory/stats-dump" ] || mv "$directory/stats-dump" "$directory/checkpoint/"
        echo "$directory/checkpoint"
}

# agrees CHECKPOINT [DIRECTORY]: crit shows the same of every file; where it cannot, `crit_cannot` must say so.
agrees() {
        python3 -B "$SRC/tests/e2e/programs/crit_compare.py" "$1" "${2:-$(unpack "$1")}" > "$BATS_TEST_TMPDIR/result"
        cat "$BATS_TEST_TMPDIR/result"
        diff <(grep -v -e ' same$' -e ' no image of records$' "$BATS_TEST_TMPDIR/result") <(printf '%s' "${crit_cannot:-}")
        [ "$(grep -c ' same$' "$BATS_TEST_TMPDIR/result")" -ge 15 ]
}

# holds ARCHIVE IMAGE CONDITION: jq's, about its entries.
holds() {
        checkpointctl images "$1" "$2" | jq -e ".entries | $3" > /dev/null || {
                echo "not so of $2: $3"
                checkpointctl images --pretty "$1" "$2" | head -c 5000
                return 1
        }
}

# image_of ARCHIVE KIND: the name of its image file of that kind; there is one.
image_of() { checkpointctl images --json "$1" | jq -er --arg kind "$2" '.[] | select(.kind == $kind).name'; }

@test "threads (crun, zstd)" {
        archive=$(shape_archive threads crun --compress zstd)
        holds "$archive" pstree.img '.[0].threads | length == 21'
        agrees "$archive"
}

@test "zombies, sessions, process groups (runc)" {
        archive=$(shape_archive tree runc)
        holds "$archive" pstree.img 'length == 7 and (map(.sid) | unique | length) == 2 and (map(.pgid) | unique | length) == 3'
        agrees "$archive"
}

@test "1,000 descriptors (crun, gzip)" {
        archive=$(shape_archive descriptors crun --compress gzip)
        holds "$archive" fdinfo-2.img 'length >= 990'
        agrees "$archive"
}

@test "Unix sockets with queued data (crun, lz4)" {
        archive=$(shape_archive unix crun --compress lz4)
        holds "$archive" sk-queues.img 'map(.length) == [14, 8, 17] and .[2].scm[0].rights[0] > 0'
        agrees "$archive"
}

@test "pipes and a FIFO with data (runc, zstd)" {
        archive=$(shape_archive pipes runc --compress zstd)
        holds "$archive" pipes-data.img 'map(.bytes) | contains([11, 262144])'
        agrees "$archive"
}

@test "shared memory: without a name, System V, memfd (Podman)" {
        archive=$(shape_archive shared podman)
        holds "$archive" memfd.img '.[0].size == 3145728'
        agrees "$archive"
}

@test "System V message queues and semaphores (crun)" {
        archive=$(shape_archive ipc crun)
        holds "$archive" "$(image_of "$archive" IPCNS_MSG)" 'map(.qnum) == [2, 0] and .[0].extra[0].mtype == 42'
        holds "$archive" "$(image_of "$archive" IPCNS_SEM)" '.[0].extra == [1, 2, 3, 32767, 5]'
        agrees "$archive"
}

@test "huge sparse mappings (crun, zstd)" {
        archive=$(shape_archive sparse crun --compress zstd)
        holds "$archive" pagemap-1.img 'length > 128'
        agrees "$archive"
}

@test "timers of every kind (Podman, gzip)" {
        archive=$(shape_archive timers podman --compress gzip)
        holds "$archive" core-1.img '.[0].tc.timers | (.posix | length) == 2 and .real.isec == 3600'
        agrees "$archive"
}

@test "pending signals, handlers (runc)" {
        archive=$(shape_archive signals runc)
        holds "$archive" core-1.img '.[0].tc.signals_s.signals | length == 4'
        agrees "$archive"
}

@test "epoll, eventfd, inotify, signalfd (crun)" {
        archive=$(shape_archive events crun)
        holds "$archive" files.img 'map(.type) | contains(["EVENTPOLL", "EVENTFD", "INOTIFY", "SIGNALFD"])'
        agrees "$archive"
}

@test "TCP: listeners, and an established pair with data, kept (crun) and closed (Podman)" {
        archive=$(shape_archive tcp crun)
        holds "$archive" files.img '[.[] | select(.type == "INETSK") | .isk.state] | sort == [1, 1, 10, 10]'
        agrees "$archive"
        archive=$(shape_archive tcp podman --tcp close)
        agrees "$archive"
}

@test "UDP and netlink (Podman, zstd)" {
        archive=$(shape_archive udp podman --compress zstd)
        holds "$archive" files.img 'map(.type) | contains(["INETSK", "NETLINKSK"])'
        agrees "$archive"
}

@test "deleted files, one with holes; locks (crun)" {
        archive=$(shape_archive deleted crun)
        holds "$archive" filelocks.img 'length == 2'
        checkpointctl images --json "$archive" | jq -e 'map(select(.kind == "GHOST_FILE").records) | length == 3 and max > 1'
        agrees "$archive"
}

@test "a terminal (Podman, lz4)" {
        images_on a busybox 3>&- 4>&-
        start a terminal busybox --tty
        wait_for 60 on a podman exec terminal cat /tmp/count
        on a checkpointctl create --quiet --compress lz4 --output /srv/terminal.tar terminal
        holds /srv/terminal.tar tty-info.img 'length > 0'
        agrees /srv/terminal.tar
}

@test "archives of CRI-O, containerd, Podman" {
        for archive in "$SRC"/tests/data/archives/*.tar; do
                agrees "$archive"
        done
}

@test "a directory of CRIU" {
        agrees "$SRC/tests/data/criu/tiny" "$SRC/tests/data/criu/tiny"
}

# What dumps of these programs do not have: other architectures, old images, network devices of every sort.
@test "every kind of image, with every field of every record set" {
        mkdir "$BATS_TEST_TMPDIR/every"
        python3 -B "$SRC/tests/e2e/programs/every_field.py" "$BATS_TEST_TMPDIR/every"
        crit_cannot='binfmt_misc.img same, but crit has no handler for BINFMT_MISC
pidfd.img same, but crit has no handler for PIDFD
signal.img same, but crit has no handler for SIGNAL
' agrees "$BATS_TEST_TMPDIR/every" "$BATS_TEST_TMPDIR/every"
        [ "$(grep -c ' same' "$BATS_TEST_TMPDIR/result")" -ge 66 ]
}

@test "one image file by itself, and the very text of crit" {
        cd "$SRC/tests/data/criu/tiny"
        for image in core-1.img files.img pagemap-4.img netdev-10.img; do
                diff <(checkpointctl images "$image") <(crit decode -i "$image")
                diff <(checkpointctl images --pretty "$image") <(crit decode --pretty -i "$image")
        done
}

@test "several images are one value, by name" {
        checkpointctl images "$SRC/tests/data/criu/tiny" pstree.img fs-1.img pages-1.img |
                jq -es 'length == 1 and (.[0] | keys) == ["fs-1.img", "pages-1.img", "pstree.img"]'
}

@test "a damaged image gives one error, and does not hide the others in the list" {
        cp -r "$SRC/tests/data/criu/tiny" "$BATS_TEST_TMPDIR/damaged"
        truncate -s -3 "$BATS_TEST_TMPDIR/damaged/files.img"
        run --separate-stderr checkpointctl images "$BATS_TEST_TMPDIR/damaged" pstree.img files.img
        [ "$status" -eq 4 ]
        [ -z "$output" ]
        [[ $stderr == *"files.img: cut short within a record"*"[SNAP-290]"* ]]
        checkpointctl images "$BATS_TEST_TMPDIR/damaged" | grep -q '^files.img .*damaged$'
        checkpointctl images "$BATS_TEST_TMPDIR/damaged" | grep -q '^pstree.img .* 3$'
}

@test "an image that is not there" {
        run checkpointctl images "$SRC/tests/data/criu/tiny" core-77.img
        [ "$status" -eq 4 ]
        [[ $output == *core-77.img*"[SNAP-105]"*"Hint: \`checkpointctl images "* ]]
}
