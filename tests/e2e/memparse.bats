#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Looking into memory: side by side with Debian's checkpointctl where that sees it, and with what was put there.

load helpers

OLD=$SRC/tests/data/archives/podman-5.4.2-counter-none.tar # CRIU 4.1: Debian's sees its memory
NEW=$SRC/tests/data/archives/podman-5.8.6-counter          # CRIU 4.2, three times

# rows FILE: the cells of Debian's bordered table or of ours, one row a line, the blanks around them taken away.
rows() { grep -E '^\|? ?[0-9a-f]{16} ' "$1" | sed -E 's/^\| //; s/ *\| +/ /g; s/ +\|$//; s/ {3,}/ /g; s/ +$//'; }

@test "the memory sizes are those of Debian's" {
        /usr/bin/checkpointctl memparse "$OLD" | sed -n 's/^| *\([0-9]*\) | *\([a-z]*\) *| *\([0-9.]* [KMG]*i*B\) *| *\([0-9.]* [KMG]*i*B\) *|$/\1 \2 \3 \4/p' \
                > $BATS_TEST_TMPDIR/theirs
        checkpointctl memparse "$OLD" > $BATS_TEST_TMPDIR/out
        [ "$(sed -n 2p $BATS_TEST_TMPDIR/out)" = "Displaying processes memory sizes from $OLD" ]
        [ "$(sed -n 4p $BATS_TEST_TMPDIR/out)" = "PID   PROCESS NAME   MEMORY SIZE   SHARED MEMORY SIZE" ]
        sed '1,5d; s/   */ /g' $BATS_TEST_TMPDIR/out > $BATS_TEST_TMPDIR/ours
        [ -s $BATS_TEST_TMPDIR/theirs ]
        diff $BATS_TEST_TMPDIR/theirs $BATS_TEST_TMPDIR/ours
        checkpointctl memparse --json "$OLD" | jq -e '.[0].processes[0] == {pid: 1, name: "sh", memory: 77824, sharedMemory: 0}'
}

@test "a dump to a file is Debian's, byte for byte" {
        for pid in 1 13; do
                /usr/bin/checkpointctl memparse -p $pid -o $BATS_TEST_TMPDIR/theirs "$OLD"
                checkpointctl memparse --pid=$pid --output=$BATS_TEST_TMPDIR/ours "$OLD" | grep -q "Writing memory pages content for process ID $pid"
                cmp $BATS_TEST_TMPDIR/theirs $BATS_TEST_TMPDIR/ours
                [ "$(stat -c %a $BATS_TEST_TMPDIR/ours)" = 600 ]
        done
}

@test "a dump to the terminal leaves out equal rows, and only those" {
        checkpointctl memparse -p 1 -o $BATS_TEST_TMPDIR/all "$OLD"
        # A row after a gap in the addresses is always there.
        awk 'function number(hex, i, n) {
                        for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
                        return n
                }
                NR <= 2 { print; next }
                { address = number(substr($0, 1, 16)); row = substr($0, 17)
                  same = row == last && address == last_address + 16
                  if (!same) print; else if (!starred) print "*"
                  starred = same; last = row; last_address = address }' \
                $BATS_TEST_TMPDIR/all > $BATS_TEST_TMPDIR/expected
        checkpointctl memparse -p 1 "$OLD" | sed 1,3d > $BATS_TEST_TMPDIR/ours
        grep -qx '\*' $BATS_TEST_TMPDIR/ours
        diff $BATS_TEST_TMPDIR/expected $BATS_TEST_TMPDIR/ours
}

@test "a search finds what Debian's finds" {
        for arguments in "-s PATH" "-s sleep -c 3" "-s a" "-s /bin -c 20" "-r HOME=([^?]+)" "-r [a-z]{6,}" "-r (PATH|HOME)= -c 5"; do
                # Debian's folds long cells; ours has them whole.
                /usr/bin/checkpointctl memparse -p 1 $arguments "$OLD" > $BATS_TEST_TMPDIR/theirs
                checkpointctl memparse -p 1 $arguments "$OLD" > $BATS_TEST_TMPDIR/ours
                diff <(rows $BATS_TEST_TMPDIR/theirs | cut -d' ' -f1) <(rows $BATS_TEST_TMPDIR/ours | cut -d' ' -f1)
                [ "$(rows $BATS_TEST_TMPDIR/ours | wc -l)" -gt 0 ]
        done
        checkpointctl memparse -p 1 -r 'HOME=([^?]+)' "$OLD" > $BATS_TEST_TMPDIR/ours
        /usr/bin/checkpointctl memparse -p 1 -r 'HOME=([^?]+)' "$OLD" > $BATS_TEST_TMPDIR/theirs
        diff <(rows $BATS_TEST_TMPDIR/theirs) <(rows $BATS_TEST_TMPDIR/ours)
        [[ "$(cat $BATS_TEST_TMPDIR/ours)" =~ ^ADDRESS\ +MATCH\ +INSTANCE ]]
        for tool in checkpointctl /usr/bin/checkpointctl; do
                run $tool memparse -p 1 -s NOPE "$OLD"
                [ "$status" -eq 0 ]
                [ "$output" = 'No matches for pattern "NOPE" in the memory of PID 1' ]
                run $tool memparse -p 999 -s PATH "$OLD"
                [ "$status" -ne 0 ]
                [[ "$output" = *"no process with PID 999 (use \`inspect --ps-tree\` to view all PIDs)"* ]]
        done
}

@test "images of CRIU 4.2 are searched, whole or compressed" {
        for kind in none gzip zstd; do
                checkpointctl memparse -p 1 -s PATH= -c 10 "$NEW-$kind.tar" | sed -E 's/^[0-9a-f]+//' > $BATS_TEST_TMPDIR/$kind
                [ "$(wc -l < $BATS_TEST_TMPDIR/$kind)" -eq 4 ]
                diff $BATS_TEST_TMPDIR/none $BATS_TEST_TMPDIR/$kind
        done
        mkdir $BATS_TEST_TMPDIR/directory
        tar -xf "$NEW-none.tar" -C $BATS_TEST_TMPDIR/directory
        gzip -k < "$NEW-none.tar" > $BATS_TEST_TMPDIR/same.tar.gz
        for place in "$NEW-none.tar" $BATS_TEST_TMPDIR/directory $BATS_TEST_TMPDIR/directory/checkpoint $BATS_TEST_TMPDIR/same.tar.gz; do
                checkpointctl memparse -p 1 -o $BATS_TEST_TMPDIR/dump "$place" > /dev/null
                md5sum < $BATS_TEST_TMPDIR/dump
        done | sort -u | wc -l | grep -qx 1
}

@test "patterns and outputs that cannot be are refused" {
        run checkpointctl memparse -p 1 -r '(' "$OLD"
        [ "$status" -eq 2 ]
        run checkpointctl memparse -p 1 -s PATH -c -1 "$OLD"
        [ "$status" -eq 2 ]
        run checkpointctl memparse -s PATH "$OLD"
        [ "$status" -eq 3 ]
        run checkpointctl memparse -o $BATS_TEST_TMPDIR/x "$OLD"
        [ "$status" -eq 2 ]
        run checkpointctl memparse -p 1 -o /nonexistent/x "$OLD"
        [ "$status" -eq 3 ]
        checkpointctl memparse -p 1 -o /dev/null "$OLD"
        [ -c /dev/null ]
        mkfifo $BATS_TEST_TMPDIR/fifo
        checkpointctl memparse -p 1 -o $BATS_TEST_TMPDIR/fifo "$OLD" > /dev/null &
        [ "$(wc -l < $BATS_TEST_TMPDIR/fifo)" -eq 4866 ]
        wait
}

@test "secrets in environment and memory are found, and not shown" {
        images_on a busybox
        # Put together at run time, so that the command line does not hold it.
        on a podman run -d --pull=never --name keeper -e DB_PASSWORD=correct-horse-battery \
                -e UPSTREAM=https://me:s3cret-in-url@example.org/ localhost/busybox \
                sh -c 'half=gh; token=${half}p_wJ8kQ2nV5xR7tY9uB3cD4eF6gH1iK0lM2nP4; while :; do sleep 1; done' > /dev/null
        sleep 1
        # One that can be sought into with its index, and below one that cannot.
        on a checkpointctl create --quiet --compress zstd --output /srv/keeper-indexed.tar.zst keeper
        on a checkpointctl create --quiet --stop --output /srv/keeper.tar keeper
        on a podman rm -f -t 0 keeper > /dev/null
        run --separate-stderr checkpointctl secrets --quiet /srv/keeper.tar
        [ "$status" -eq 1 ]
        echo "$output"
        grep -Eq '^1 +sh +password +\$DB_PASSWORD +environment ' <<< "$output"
        grep -Eq '^1 +sh +URL with a password +\$UPSTREAM +environment ' <<< "$output"
        grep -Eq '^1 +sh +GitHub token +[0-9a-f]{16} +\[' <<< "$output"
        [[ "$output" != *correct-horse* && "$output" != *s3cret* && "$output" != *wJ8kQ2* ]]
        run checkpointctl secrets --json /srv/keeper.tar
        [ "$status" -eq 1 ]
        [[ "$output" != *correct-horse* && "$output" != *s3cret* && "$output" != *wJ8kQ2* ]]
        [ "$(jq -r '.[0].secrets[] | select(.variable == "DB_PASSWORD") | .kind' <<< "$output")" = password ]
        run checkpointctl secrets --json --reveal /srv/keeper.tar
        [ "$status" -eq 1 ]
        jq -e '[.[0].secrets[].secret] | contains(["correct-horse-battery", "me:s3cret-in-url"])' <<< "$output"
        [[ "$output" = *p_wJ8kQ2nV5xR7tY9uB3cD4eF6gH1iK0lM2nP4* ]]
        run checkpointctl secrets --json /srv/keeper-indexed.tar.zst
        [ "$(jq -r '.[0].secrets[].variable // empty' <<< "$output" | sort | xargs)" = "DB_PASSWORD UPSTREAM" ]
        zstd -q /srv/keeper.tar -o /srv/keeper.tar.zst
        diff <(checkpointctl secrets --json /srv/keeper.tar | jq '.[0].secrets') \
                <(checkpointctl secrets --json /srv/keeper.tar.zst | jq '.[0].secrets')
}

@test "shared memory and memory files are searched where they are mapped" {
        images_on a python
        on a podman run -d --pull=never --name sharer localhost/python python3 -c '
import mmap, os, time
shared = mmap.mmap(-1, 3 * 4096)
shared[4096:4109] = b"in-the-shared"
fd = os.memfd_create("made")
os.ftruncate(fd, 2 * 4096)
file = mmap.mmap(fd, 4096, offset=4096)
file[16:27] = b"in-the-file"
open("/tmp/count", "w").write("\n".join(l for l in open("/proc/self/maps") if "/dev/zero" in l or "memfd:made" in l))
while True:
    time.sleep(1)' > /dev/null
        wait_for 60 on a podman exec sharer cat /tmp/count
        on a podman exec sharer cat /tmp/count > $BATS_TEST_TMPDIR/maps
        on a checkpointctl create --quiet --stop --output /srv/sharer.tar sharer
        on a podman rm -f -t 0 sharer > /dev/null
        shared=$(sed -n '/zero/s/-.*//p' $BATS_TEST_TMPDIR/maps) file=$(sed -n '/memfd/s/-.*//p' $BATS_TEST_TMPDIR/maps)
        # The program text holds both as well, but not there.
        checkpointctl memparse -p 1 -s in-the-shared /srv/sharer.tar | grep -qx "$(printf '%016x   in-the-shared   [0-9]*' $((0x$shared + 4096)))"
        checkpointctl memparse -p 1 -s in-the-file /srv/sharer.tar | grep -qx "$(printf '%016x   in-the-file   [0-9]*' $((0x$file + 16)))"
        gzip -k /srv/sharer.tar
        diff <(checkpointctl memparse -p 1 -s in-the-shared /srv/sharer.tar) <(checkpointctl memparse -p 1 -s in-the-shared /srv/sharer.tar.gz)
}

@test "where there are no secrets, the status says so" {
        run checkpointctl secrets --quiet "$OLD" "$NEW-zstd.tar"
        echo "$output"
        [ "$status" -eq 0 ]
        [ "${lines[0]}" = "No secrets found in $OLD" ]
        run checkpointctl secrets --quiet /nonexistent
        [ "$status" -eq 3 ]
}

@test "more matches than fit into memory are one JSON value all the same" {
        python3 - "$SRC/tests/data/archives/crio-1.36.3-counter.tar" $BATS_TEST_TMPDIR/a.tar << 'END'
import io, sys, tarfile
with tarfile.open(sys.argv[1]) as archive, tarfile.open(sys.argv[2], 'w') as out:
        for member in archive:
                contents = archive.extractfile(member).read() if member.isfile() else b''
                if member.name.startswith('checkpoint/pages-'):
                        contents = b'a' * len(contents)
                out.addfile(member, io.BytesIO(contents))
END
        pid=$(checkpointctl memparse --json $BATS_TEST_TMPDIR/a.tar | jq '.[0].processes | max_by(.memory) | .pid')
        size=$(checkpointctl memparse --json $BATS_TEST_TMPDIR/a.tar | jq '.[0].processes | max_by(.memory) | .memory')
        [ $((size * 401)) -gt 16777216 ] # with 200 bytes on both sides
        checkpointctl memparse --json -p $pid -s a -c 200 $BATS_TEST_TMPDIR/a.tar $BATS_TEST_TMPDIR/a.tar > $BATS_TEST_TMPDIR/json
        jq -e --argjson size $size 'length == 2 and all(.[]; (.matches | length) == $size)' $BATS_TEST_TMPDIR/json
        jq -e '.[1] | .pattern == "a" and (.matches[1000].match | length) == 401 and .matches[-1].size == 1' $BATS_TEST_TMPDIR/json
        # What goes wrong is still the only value.
        run -3 checkpointctl memparse --json -p $pid -s a -c 200 $BATS_TEST_TMPDIR/a.tar $BATS_TEST_TMPDIR/none.tar
        jq -e .error.code <<< "$output"
}
