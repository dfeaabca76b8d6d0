#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# show, inspect and list beside Debian's checkpointctl 1.3, field by field, over archives of every engine, runtime and
# compression. What differs must have a reason: in differential.jq for JSON, here for tables and trees.

load helpers

ARCHIVES=$SRC/tests/data/archives
theirs=/usr/bin/checkpointctl

# /srv/diff: every archive of the tree, and what is made here: by Podman itself and by us, of Podman, crun and runc.
setup_file() {
        images_on a busybox threads
        mkdir -p /srv/diff
        cp "$ARCHIVES"/*.tar /srv/diff/
        start a diff busybox --env GREETING=hello
        start a threads threads
        local kind runtime
        for runtime in crun runc; do
                bundle a "diff-$runtime" busybox $runtime
        done
        sleep 1
        for kind in none gzip zstd; do
                on a podman container checkpoint --leave-running --compress $kind --export /srv/diff/podman-$kind.tar diff
                on a checkpointctl create --quiet --compress $kind --output /srv/diff/ours-$kind.tar diff
                for runtime in crun runc; do
                        on a checkpointctl create --quiet --runtime $runtime --compress $kind \
                                --output /srv/diff/$runtime-$kind.tar diff-$runtime
                done
        done
        on a checkpointctl create --quiet --output /srv/diff/threads.tar threads
}

# written_here ARCHIVE, is_bare ARCHIVE: 1.3 does not read snap.json, so it knows no bare bundle: it takes crun's and
# runc's for containerd's and has no name for them.
written_here() { [[ $1 =~ /(checkpoint-)?(ours|crun|runc|threads) ]]; }
is_bare() { [[ $1 =~ /(checkpoint-)?(crun|runc)- ]]; }

# pages ARCHIVE: in which form its page maps are; the containers here are dumped by CRIU 4.2.
pages() { case $1 in */podman-5.4.2-*) echo criu-4.1 ;; *) echo criu-4.2 ;; esac; }

# 1.3 draws its tables with lines. Cells by TAB, trimmed, without the empty line at the end.
boxed() { sed -n 's/^| *\(.*[^ ]\) *|$/\1/p' | sed 's/ *| */\t/g'; }

# Ours has columns, which begin where the line under the headings does.
columns() {
        awk '/^-[- ]*$/ { for (i = 1; i <= length($0); i++) if (substr($0, i, 1) == "-" && (i == 1 || substr($0, i - 1, 1) == " ")) at[++n] = i
                        print_row(headings); next }
             { headings = $0 }
             n { print_row($0) }
             function print_row(text, c, cell, line) {
                for (c = 1; c <= n; c++) {
                        cell = c < n ? substr(text, at[c], at[c + 1] - at[c]) : substr(text, at[c])
                        gsub(/^ +| +$/, "", cell)
                        line = line (c > 1 ? "\t" : "") cell
                }
                print line }'
}

# without TABLE HEADING...: the table without these columns.
without() {
        awk -F '\t' -v names="$(printf '%s\n' "$@")" 'BEGIN { split(names, list, "\n"); for (i in list) drop[list[i]] = 1 }
                NR == 1 { for (i = 1; i <= NF; i++) keep[i] = !($i in drop) }
                { line = ""; for (i = 1; i <= NF; i++) if (keep[i]) line = line "\t" $i; print substr(line, 2) }'
}

@test "inspect: every field of JSON is equal, or differs for a known reason" {
        for archive in /srv/diff/*.tar; do
                differences=$(jq -r -s --arg pages "$(pages $archive)" -f "$SRC/tests/e2e/differential.jq" \
                        <($theirs inspect --all --format json $archive) <(checkpointctl inspect --all --format json $archive))
                [ -z "$differences" ] || { echo "$archive: $differences" >&2 && return 1; }
        done
}

@test "inspect: the comparison sees a field that is missing or wrong" {
        archive=/srv/diff/podman-5.4.2-counter-none.tar
        checkpointctl inspect --all --format json $archive > $BATS_TEST_TMPDIR/ours
        for change in 'del(.[0].process_tree.children)' '.[0].image = "x"' '.[0].file_descriptors[0].open_files[0].path = "x"' \
                '.[0].sockets = null' 'del(.[0].checkpoint_size.memory_pages_size)'; do
                jq "$change" $BATS_TEST_TMPDIR/ours > $BATS_TEST_TMPDIR/changed
                differences=$(jq -r -s --arg pages criu-4.1 -f "$SRC/tests/e2e/differential.jq" \
                        <($theirs inspect --all --format json $archive) $BATS_TEST_TMPDIR/changed)
                # Of sockets there are none in this archive.
                [ -n "$differences" ] || [ "$change" = '.[0].sockets = null' ]
        done
}

# 1.3 gives processes in random order, so lines are compared in one order and without their branches.
@test "inspect: the tree has the same lines" {
        # 1.3 cuts the zeros of a whole number as well: 100 ms is "1 ms" there.
        lines() { sed -E 's/^[^][A-Za-z0-9/:]*//; s/ *$//; s/^([A-Z][a-z]+ time: [0-9]*[1-9])0+ (ms|s)$/\1 \2/' | sort; }
        for archive in /srv/diff/*.tar; do
                $theirs inspect --stats --mounts --files --sockets $archive | lines > $BATS_TEST_TMPDIR/theirs
                checkpointctl inspect --stats --mounts --files --sockets $archive | lines > $BATS_TEST_TMPDIR/ours
                missing=$(comm -23 $BATS_TEST_TMPDIR/theirs $BATS_TEST_TMPDIR/ours)
                more=$(comm -13 $BATS_TEST_TMPDIR/theirs $BATS_TEST_TMPDIR/ours)
                ! is_bare $archive || missing=$(grep -vx -e Container -e 'Engine: containerd' <<< "$missing") || true
                [ -z "$missing" ] || { echo "$archive: not in ours: $missing" >&2 && return 1; }
                # 1.3 does not read network.status.
                more=$(grep -v -e '^IP: ' -e '^MAC: ' -e '^Gateway: ' -e '^Network Interfaces$' -e '^podman (eth0)$' <<< "$more") || true
                [ -z "$more" ] || written_here $archive || { echo "$archive: only in ours: $more" >&2 && return 1; }
        done
}

# IP and MAC are gone from newer ones.
@test "show: every column of every row" {
        for archive in /srv/diff/*.tar; do
                unknown=$(is_bare $archive && echo CONTAINER ENGINE || true)
                diff <($theirs show $archive | boxed | without IP MAC $unknown) <(checkpointctl show $archive | columns | without $unknown)
        done
        diff <($theirs show /srv/diff/*.tar | boxed | without IP MAC CONTAINER ENGINE) \
                <(checkpointctl show /srv/diff/*.tar | columns | without CONTAINER ENGINE)
}

@test "list: every column of every row" {
        mkdir $BATS_TEST_TMPDIR/list
        for archive in /srv/diff/*.tar; do
                ln -s $archive $BATS_TEST_TMPDIR/list/checkpoint-${archive##*/}
        done
        $theirs list $BATS_TEST_TMPDIR/list | boxed | sort -t "$(printf '\t')" -k 6 > $BATS_TEST_TMPDIR/theirs
        checkpointctl list $BATS_TEST_TMPDIR/list | columns | sort -t "$(printf '\t')" -k 6 > $BATS_TEST_TMPDIR/ours
        [ "$(wc -l < $BATS_TEST_TMPDIR/theirs)" -eq "$(($(ls /srv/diff/*.tar | wc -l) + 1))" ]
        others() { grep -v -e Podman -e 'checkpoint-crun-' -e 'checkpoint-runc-' $BATS_TEST_TMPDIR/$1; }
        diff <(others theirs) <(others ours)
        diff <(cut -f 6 $BATS_TEST_TMPDIR/theirs) <(cut -f 6 $BATS_TEST_TMPDIR/ours)
        # 1.3 knows neither pod nor time of what Podman wrote: the time it shows is the zero of its language.
        diff <(grep Podman $BATS_TEST_TMPDIR/theirs | cut -f 3,4,6) <(grep Podman $BATS_TEST_TMPDIR/ours | cut -f 3,4,6)
        ! grep Podman $BATS_TEST_TMPDIR/theirs | grep -v '01 Jan 01 00:00 UTC'
        for runtime in crun runc; do
                diff <(grep checkpoint-$runtime- $BATS_TEST_TMPDIR/theirs | cut -f 5,6) \
                        <(grep checkpoint-$runtime- $BATS_TEST_TMPDIR/ours | cut -f 5,6)
                [ "$(grep checkpoint-$runtime- $BATS_TEST_TMPDIR/ours | cut -f 3,4 | uniq)" = "diff-$runtime"$'\t'OCI ]
        done
}
