#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The command line itself, and what it shows of every engine's archives, side by side with Debian's checkpointctl.

load helpers

ARCHIVES=$SRC/tests/data/archives

# What differs on purpose is taken out: Debian's 1.3 has no metadata and task states in JSON, finds no command lines in
# images of CRIU 4.2, puts environments elsewhere and children in random order; newer ones have all that. None has "kernel".
comparable() {
        jq -S 'def plain: walk(if type == "object" then
                        del(.cmdline, .task_state, .environment_variables, .metadata, .kernel)
                        | if has("children") then .children |= sort_by(.pid) else . end
                        else . end);
                plain | map(if .file_descriptors then .file_descriptors |= sort_by(.pid) else . end)'
}

@test "inspect says what Debian's checkpointctl says" {
        for archive in "$ARCHIVES"/*.tar; do
                theirs=$(/usr/bin/checkpointctl inspect --all --format json "$archive" | comparable)
                ours=$(checkpointctl inspect --all --format json "$archive" | comparable)
                [ -n "$theirs" ]
                diff <(echo "$theirs") <(echo "$ours")
                [ "$(checkpointctl inspect --all --json "$archive" | comparable)" = "$ours" ]
        done
}

@test "command lines and environments are those of Debian's where it finds them" {
        archive=$ARCHIVES/podman-5.4.2-counter-none.tar
        /usr/bin/checkpointctl inspect --ps-tree-cmd --ps-tree-env "$archive" | sed 's/ *$//' > $BATS_TEST_TMPDIR/theirs
        checkpointctl inspect --ps-tree-cmd --ps-tree-env "$archive" > $BATS_TEST_TMPDIR/ours
        diff $BATS_TEST_TMPDIR/theirs $BATS_TEST_TMPDIR/ours
}

@test "images of CRIU 4.2 have command lines too, and the same in every compression" {
        for kind in none gzip zstd; do
                checkpointctl inspect --json --ps-tree-cmd "$ARCHIVES/podman-5.8.6-counter-$kind.tar" > $BATS_TEST_TMPDIR/$kind
                [ "$(jq -r '.[0].process_tree.children[0].cmdline' $BATS_TEST_TMPDIR/$kind)" = "sleep 0.2" ]
        done
}

@test "show has the columns of today's checkpointctl" {
        run checkpointctl show "$ARCHIVES/crio-1.36.3-counter.tar"
        [ "${lines[0]}" = "Displaying container checkpoint data from $ARCHIVES/crio-1.36.3-counter.tar" ]
        [[ "${lines[1]}" =~ ^CONTAINER\ +IMAGE\ +ID\ +RUNTIME\ +CREATED\ +ENGINE\ +CHKPT\ SIZE\ +ROOT\ FS\ DIFF\ SIZE$ ]]
        [[ "${lines[3]}" =~ ^counter\ +localhost:5000/pause:1\ +d5cf61b1df7f\ +crun\ .*\ CRI-O\ +428.4\ KiB\ +3.5\ KiB$ ]]
        run checkpointctl show "$ARCHIVES"/*counter*.tar
        [ "${#lines[@]}" -eq 8 ]
}

@test "list names checkpoints, and what is none without stopping" {
        mkdir $BATS_TEST_TMPDIR/list
        for archive in "$ARCHIVES"/*counter*.tar; do
                cp "$archive" "$BATS_TEST_TMPDIR/list/checkpoint-${archive##*/}"
        done
        echo nonsense > $BATS_TEST_TMPDIR/list/checkpoint-nonsense.tar
        run --separate-stderr checkpointctl list $BATS_TEST_TMPDIR/list
        [ "$status" -eq 0 ]
        [ "${lines[0]}" = "Listing checkpoints in path: $BATS_TEST_TMPDIR/list" ]
        [[ "$output" = *"23 Nov 26 04:56 UTC"* ]]
        [ "${#lines[@]}" -eq 9 ]
        [[ "$stderr" = *checkpoint-nonsense.tar* ]]
        [ "$(checkpointctl list --json $BATS_TEST_TMPDIR/list 2> /dev/null | jq length)" -eq 6 ]
        run checkpointctl list $BATS_TEST_TMPDIR/nowhere
        [ "$status" -eq 0 ]
        [ "$output" = "No checkpoints found in [$BATS_TEST_TMPDIR/nowhere]" ]
}

@test "list says what Debian's checkpointctl says" {
        mkdir $BATS_TEST_TMPDIR/list
        for archive in "$ARCHIVES"/*.tar; do
                cp "$archive" "$BATS_TEST_TMPDIR/list/checkpoint-${archive##*/}"
        done
        # Fields of its grid, without the time that it makes up for Podman's, which do not say.
        /usr/bin/checkpointctl list $BATS_TEST_TMPDIR/list | sed -n 's/ *| */|/g; s/01 Jan 01 00:00 UTC//; s/^|\(.*\)|$/\1/p' |
                grep -v '^NAMESPACE' | sort > $BATS_TEST_TMPDIR/theirs
        checkpointctl list --json $BATS_TEST_TMPDIR/list | jq -r '.[] | [.namespace, .pod, .container, .engine,
                        (.checkpointed // "" | if . == "" or startswith("0001") then ""
                                else sub("[.].*"; "Z") | sub("ZZ"; "Z") | fromdate | strftime("%d %b %y %H:%M UTC") end),
                        .name] | join("|")' | sort > $BATS_TEST_TMPDIR/ours
        [ "$(wc -l < $BATS_TEST_TMPDIR/ours)" -eq 8 ]
        diff $BATS_TEST_TMPDIR/theirs $BATS_TEST_TMPDIR/ours
        run checkpointctl list $BATS_TEST_TMPDIR/list
        [[ "$output" = *"default     counters   counter     CRI-O        23 Nov 26 04:56 UTC   checkpoint-crio-1.36.3-counter.tar"* ]]
}

@test "verify names what is damaged, and the status says so" {
        run --separate-stderr checkpointctl verify "$ARCHIVES/podman-5.8.6-counter-none.tar" "$ARCHIVES"/*BAD*.tar
        [ "$status" -eq 4 ]
        [[ "${lines[0]}" = OK* && "${lines[1]}" = BAD* ]]
        [[ "$output" = *tmp/open.log* ]]
        checkpointctl verify --json "$ARCHIVES/podman-5.8.6-counter-gzip.tar" | jq -e '.[0].ok and .[0].faults == []'
}

@test "mistakes have a status, a code and a hint, and one JSON value" {
        run checkpointctl shwo
        [ "$status" -eq 2 ]
        [[ "$output" = *"did you mean \`show\`"* ]]
        run checkpointctl create --compres zstd x
        [ "$status" -eq 2 ]
        [[ "$output" = *"did you mean \`--compress\`"* ]]
        run checkpointctl create
        [ "$status" -eq 2 ]
        run checkpointctl show /nonexistent
        [ "$status" -eq 3 ]
        run checkpointctl show /etc/passwd
        [ "$status" -eq 4 ]
        run --separate-stderr checkpointctl show --json /nonexistent
        [ "$status" -eq 3 ]
        [ -z "$stderr" ]
        jq -e '.error | (.code | startswith("SNAP-")) and .text and (.log | type == "array")' <<< "$output"
}

@test "text from an archive cannot drive the terminal" {
        mkdir -p $BATS_TEST_TMPDIR/evil/checkpoint
        tar -xf "$ARCHIVES/podman-5.8.6-counter-none.tar" -C $BATS_TEST_TMPDIR/evil
        jq -c '.name = "a\u001b[31mred\u202e\n" | .rootfsImageName = "\u009b2J"' $BATS_TEST_TMPDIR/evil/config.dump > $BATS_TEST_TMPDIR/new
        mv $BATS_TEST_TMPDIR/new $BATS_TEST_TMPDIR/evil/config.dump
        tar -cf $BATS_TEST_TMPDIR/evil.tar -C $BATS_TEST_TMPDIR/evil .
        for verb in show inspect; do
                run checkpointctl $verb $BATS_TEST_TMPDIR/evil.tar
                [ "$status" -eq 0 ]
                [[ "$output" = *'a\x1b[31mred\u{202e}\x0a'* && "$output" != *$'\e'* ]]
        done
        checkpointctl show --json $BATS_TEST_TMPDIR/evil.tar | jq -e '.[0].container_name == "a\u001b[31mred\u202e\n"'
}

@test "output that cannot be written is an error" {
        run bash -c "checkpointctl show $ARCHIVES/crio-1.36.3-counter.tar > /dev/full"
        [ "$status" -eq 7 ]
}

@test "help, man pages, completion and the list of errors come from the same tables" {
        for verb in $(checkpointctl help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
                checkpointctl "$verb" --help > $BATS_TEST_TMPDIR/help
                checkpointctl man-page "$verb" > $BATS_TEST_TMPDIR/page.1
                mandoc -T lint -W warning $BATS_TEST_TMPDIR/page.1
                for option in $(grep -o -- '--[a-z-]*' $BATS_TEST_TMPDIR/help | sort -u); do
                        mandoc -T ascii $BATS_TEST_TMPDIR/page.1 | sed 's/.\x08//g' | grep -q -e "$option"
                done
        done
        checkpointctl completion bash | bash -n
        checkpointctl completion zsh | grep -q '^#compdef checkpointctl'
        checkpointctl completion fish | grep -q 'complete -c checkpointctl'
        [ "$(checkpointctl errors --json | jq length)" -eq "$(checkpointctl errors --markdown | grep -c '^### SNAP-')" ]
        [ "$(checkpointctl errors --json | jq -r '.[].code' | sort | uniq -d)" = "" ]
}

@test "bash completes verbs, options, values and containers" {
        cat > $BATS_TEST_TMPDIR/complete << 'END'
eval "$(checkpointctl completion bash)"
complete_line() {
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        _checkpointctl
        echo "${COMPREPLY[*]}"
}
complete_line checkpointctl insp
complete_line checkpointctl create --comp
complete_line checkpointctl create --compress z
complete_line checkpointctl completion ""
END
        run bash $BATS_TEST_TMPDIR/complete
        [ "${lines[0]}" = inspect ]
        [ "${lines[1]}" = --compress ]
        [ "${lines[2]}" = zstd ]
        [ "${lines[3]}" = "bash zsh fish" ]
}

@test "zsh and fish complete the same verbs, options and values" {
        checkpointctl completion zsh > $BATS_TEST_TMPDIR/zsh
        checkpointctl completion fish > $BATS_TEST_TMPDIR/fish
        # What is generated for zsh keeps to what bash can parse, too; a line for fish is one command.
        bash -n $BATS_TEST_TMPDIR/zsh
        [ "$(grep -vc '^complete -c checkpointctl ' $BATS_TEST_TMPDIR/fish)" -eq 0 ]
        bash -n $BATS_TEST_TMPDIR/fish
        for verb in $(checkpointctl help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
                grep -q "^        '$verb:" $BATS_TEST_TMPDIR/zsh
                grep -q "^        $verb)" $BATS_TEST_TMPDIR/zsh
                grep -q "__fish_use_subcommand -f -a $verb -d " $BATS_TEST_TMPDIR/fish
                for option in $(checkpointctl "$verb" --help | sed -n 's/^  \(-., \|    \)--\([a-z-]*\).*/\2/p' | grep -vx help); do
                        sed -n "/^        $verb)/,/;;/p" $BATS_TEST_TMPDIR/zsh | grep -q -e "--$option"
                        grep -q -e "__fish_seen_subcommand_from $verb' -l $option" $BATS_TEST_TMPDIR/fish
                done
        done
        grep -q -e "--compress\[.*:compress:(none gzip zstd lz4)" $BATS_TEST_TMPDIR/zsh
        grep -q -e "-l compress -x -a 'none gzip zstd lz4'" $BATS_TEST_TMPDIR/fish
        sidecar completion bash | bash -n
        sidecar completion zsh > $BATS_TEST_TMPDIR/zsh
        sidecar completion fish > $BATS_TEST_TMPDIR/fish
        for option in $(sidecar --help | sed -n 's/^  \(-., \|    \)--\([a-z-]*\).*/\2/p' | grep -vx help); do
                sidecar completion bash | grep -q -e " --$option\b"
                grep -q -e "--$option\[" $BATS_TEST_TMPDIR/zsh
                grep -q -e "^complete -c sidecar -l $option " $BATS_TEST_TMPDIR/fish
        done
        run checkpointctl completion powershell
        [ "$status" -eq 1 ]
        [[ "$output" = *PowerShell*bash*zsh*fish* ]]
}

# on_terminal CMD: with a terminal for output.
on_terminal() { script -qec "$1" /dev/null < /dev/null; }

@test "colour on a terminal only, and only where it is wanted" {
        bad=$(echo "$ARCHIVES"/*BAD*.tar)
        export TERM=xterm
        unset NO_COLOR
        for command in "verify --quiet $bad" "explain $bad" "show $bad" "diff $bad $bad" "plugin list"; do
                run checkpointctl $command
                [[ "$output" != *$'\e'* ]]
                run on_terminal "NO_COLOR=1 checkpointctl $command"
                [[ "$output" != *$'\e'* ]]
                run on_terminal "TERM=dumb checkpointctl $command"
                [[ "$output" != *$'\e'* ]]
        done
        run on_terminal "checkpointctl verify --quiet $bad"
        [[ "$output" = $'\e[31mBAD\e[0m '* ]]
        run on_terminal "checkpointctl explain $bad"
        [[ "$output" = *$'\e[31mbreaks  \e[0m'* ]]
        run on_terminal "checkpointctl show $bad"
        [[ "$output" = *$'\e[1mCONTAINER\e[0m'* ]]
}
