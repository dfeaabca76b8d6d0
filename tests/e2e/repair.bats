#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Archives that were cut short, damaged, or have no index.

load helpers

ARCHIVES=$SRC/tests/data/archives

# No containers and no nodes here.
teardown_file() { :; }

setup() {
        cd "$BATS_TEST_TMPDIR"
        checkpointctl repair --quiet -o whole.tar "$ARCHIVES/podman-5.8.6-counter-none.tar" > /dev/null
}

@test "an archive of any engine gets an index, and is otherwise as it was" {
        for archive in "$ARCHIVES"/*counter*.tar "$ARCHIVES"/*two*.tar; do
                name=${archive##*/}
                run checkpointctl repair --quiet -o "$name" "$archive"
                [ "$status" -eq 0 ]
                [[ "$output" = *"Index: made, it had none"*"It can be restored."* ]]
                checkpointctl verify "$name"
                diff <(checkpointctl inspect --all --json "$archive" | jq -S '.[0] | del(.snap)') \
                        <(checkpointctl inspect --all --json "$name" | jq -S '.[0] | del(.snap)')
                run checkpointctl repair --quiet "$name"
                [ "$status" -eq 0 ]
                [ "${lines[0]}" = "Nothing to repair: $name" ]
                [ ! -e "$name.repaired.tar" ]
        done
        # What cannot be restored does not become restorable by it.
        run -4 checkpointctl repair --quiet -o bad.tar "$ARCHIVES/podman-5.8.6-BAD-leave-running-race.tar"
        [[ "$output" = *"It cannot be restored."* ]]
}

@test "cut short: what is complete is kept, the rest lies in a file beside it" {
        for cut in 100000 200000 270000; do
                head -c $cut whole.tar > cut.tar
                cp cut.tar before
                run -4 checkpointctl repair --quiet cut.tar
                [ "${lines[0]}" = "Repaired: cut.tar.repaired.tar" ]
                [[ "$output" = *"Ended early: "* ]]
                cmp cut.tar before
                while read -r name; do
                        cmp <(tar -xOf whole.tar "$name") <(tar -xOf cut.tar.repaired.tar "$name")
                done < <(tar -tf cut.tar.repaired.tar | grep -v '/$\|^snap\.')
                run -4 checkpointctl verify cut.tar.repaired.tar
                run -4 checkpointctl repair --json --quiet -o again.tar cut.tar
                jq -e '.written and .endedEarly and (.restorable | not)' <<< "$output"
                if [ $cut -eq 100000 ]; then # this is in what pads a member, so nothing of use follows
                        jq -e '.incomplete == null and .tail == null' <<< "$output"
                else
                        jq -e '.incomplete and .tail == "again.tar.tail"' <<< "$output"
                        tail -c "$(stat -c %s again.tar.tail)" cut.tar | cmp - again.tar.tail
                fi
                rm cut.tar.repaired.tar* again.tar*
        done
}

@test "standard input, a file or a pipe" {
        head -c 200000 whole.tar > cut.tar
        run -4 checkpointctl repair --quiet cut.tar
        run -4 checkpointctl repair --quiet -o file.tar - < cut.tar
        run -4 bash -c 'cat cut.tar | checkpointctl repair --quiet -o pipe.tar -'
        [ "${lines[0]}" = "Repaired: pipe.tar" ]
        for other in file pipe; do
                diff <(tar -tf cut.tar.repaired.tar) <(tar -tf $other.tar)
                cmp cut.tar.repaired.tar.tail $other.tar.tail
        done
        run checkpointctl repair --quiet -o unused.tar - < whole.tar
        [ "$status" -eq 0 ]
        [ "${lines[0]}" = "Nothing to repair: -" ]
        run -2 checkpointctl repair --quiet - < cut.tar
        [[ "$output" = *"--output FILE"* ]]
        run -2 checkpointctl repair --quiet oci:layout:x
        [[ "$output" = *"is an image"* ]]
}

@test "cut in its last blocks, nothing is lost" {
        size=$(stat -c %s whole.tar)
        for less in 512 1024 1536 4096; do
                head -c $((size - less)) whole.tar > cut.tar
                run -0 checkpointctl repair --quiet -o "$less.tar" cut.tar
                [[ "$output" = *"It can be restored."* ]]
                cmp <(tar -xOf "$less.tar" checkpoint/pages-1.img) <(tar -xOf whole.tar checkpoint/pages-1.img)
        done
}

@test "compressed in any way, all members before the cut are kept" {
        gzip -k whole.tar
        zstd -q whole.tar
        lz4 -q -B4 whole.tar whole.tar.lz4
        for kind in gz zst lz4; do
                head -c $(($(stat -c %s whole.tar.$kind) * 4 / 5)) whole.tar.$kind > cut.tar.$kind
                run -4 checkpointctl repair --quiet cut.tar.$kind
                [[ "$output" = *"Kept: "* ]]
                run -4 checkpointctl verify cut.tar.$kind.repaired.tar
                checkpointctl repair --quiet -o whole.$kind.tar whole.tar.$kind
                checkpointctl verify whole.$kind.tar
        done
}

@test "contents that changed are kept, named, and not passed off as what was captured" {
        offset=$(grep -abo -m1 sleep whole.tar | head -1 | cut -d: -f1)
        printf X | dd of=whole.tar bs=1 seek="$offset" conv=notrunc status=none
        truncate -s -512 whole.tar
        run -4 checkpointctl repair --quiet -o altered.tar whole.tar
        [[ "$output" = *"Kept, but altered since the capture: "* ]]
        run -4 checkpointctl verify altered.tar
        [[ "$output" = *"but "*" was captured [SNAP-106]"* ]]
}

@test "no space, Ctrl-C: nothing is left" {
        truncate -s -512 whole.tar
        unshare -m bash -e << 'END'
mkdir small
mount -t tmpfs -o size=128k small small
checkpointctl repair -o small/out.tar whole.tar && false || [ $? -eq 7 ]
[ -z "$(ls -A small)" ]
END
        mkdir out
        strace -f -qq -o trace -e trace=fdatasync -e inject=fdatasync:delay_enter=1000000 \
                checkpointctl repair --quiet -o out/out.tar whole.tar & pid=$!
        wait_for 60 bash -c 'ls -A out | grep -q .'
        kill -INT $(pgrep -P $pid)
        status=0
        wait $pid || status=$?
        [ "$status" -eq 130 ]
        [ -z "$(ls -A out)" ]
}

@test "nothing is overwritten, and what is no archive is refused" {
        echo precious > there.tar
        run -1 checkpointctl repair -o there.tar "$ARCHIVES/podman-5.8.6-counter-none.tar"
        [ "$(cat there.tar)" = precious ]
        run -4 checkpointctl repair /etc/passwd
        run -3 checkpointctl repair nowhere.tar
        head -c 100 whole.tar > cut.tar
        run -4 checkpointctl repair cut.tar
        [[ "$output" = *"not one member of it is complete"* ]]
        [ ! -e cut.tar.repaired.tar ]
}
