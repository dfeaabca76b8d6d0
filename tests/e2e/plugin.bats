#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Programs in PATH that become verbs.

load helpers

setup() {
        first=$BATS_TEST_TMPDIR/first second=$BATS_TEST_TMPDIR/second
        mkdir -m 755 "$first" "$second"
        plugin "$first/checkpointctl-hello" 'if [ "$1" = --plugin-description ]; then echo "  says hello"; echo more; exit 42; fi
                echo "$0:$#:$1:$2"; exit 7'
        plugin "$second/checkpointctl-hello" 'echo second'
        export PATH=$PATH:$first:$second
}

plugin() { # FILE SCRIPT
        printf '#!/bin/sh\n%s\n' "$2" > "$1"
        chmod 755 "$1"
}

@test "a plug-in is run as a verb: same arguments, its own exit status" {
        run checkpointctl hello 'a b' --json
        [ "$status" -eq 7 ]
        [ "$output" = "$first/checkpointctl-hello:2:a b:--json" ]
}

@test "plugin list names them with their descriptions" {
        plugin "$first/checkpointctl-plain" 'echo no; exit 0'
        run checkpointctl plugin list
        [ "$status" -eq 0 ]
        [ "${lines[0]}" = "Available plugins:" ]
        [ "${lines[1]}" = "  hello                says hello" ]
        [ "${lines[2]}" = "                       $first/checkpointctl-hello" ]
        [ "${lines[3]}" = "  plain                (no description)" ]
        [ "${#lines[@]}" -eq 5 ]
        checkpointctl plugin list --json |
                jq -e --arg path "$first/checkpointctl-hello" '.[0] == {name: "hello", path: $path, description: "says hello"}'
}

@test "a plug-in that does not answer in time has no description" {
        plugin "$first/checkpointctl-slow" 'exec sleep 60'
        run checkpointctl plugin list
        [[ "$output" = *"  slow                 (no description)"* ]]
}

@test "a verb of ours wins" {
        plugin "$first/checkpointctl-show" 'echo hijacked'
        run checkpointctl show --help
        [[ "$output" = Usage:* && "$output" != *hijacked* ]]
        run checkpointctl plugin list
        [[ "$output" = *"show                 not run: "* ]]
}

@test "what others could have put there is not run, and said why" {
        chmod 777 "$first"
        run checkpointctl hello
        [ "$status" -eq 1 ]
        [[ "$output" = *"$first"*"can be written to by everybody"* && "$output" != *second* ]]
        chmod 755 "$first"
        chmod o+w "$first/checkpointctl-hello"
        run checkpointctl hello
        [ "$status" -eq 1 ]
        chown 65534 "$first/checkpointctl-hello"
        chmod o-w "$first/checkpointctl-hello"
        run checkpointctl hello
        [[ "$output" = *"belongs to the user 65534"* ]]
        run checkpointctl plugin list
        [[ "$output" = *"hello                not run: "* && "$output" != *"says hello"* ]]
}

@test "relative directories and strange names are passed over" {
        plugin "$BATS_TEST_TMPDIR/checkpointctl-here" 'echo here'
        plugin "$first/checkpointctl-Up" 'echo up'
        cd "$BATS_TEST_TMPDIR"
        for path in . "" first/..; do
                PATH=$path:$PATH run checkpointctl here
                [ "$status" -eq 2 ]
        done
        run checkpointctl Up
        [ "$status" -eq 2 ]
        run checkpointctl ../first/checkpointctl-hello
        [ "$status" -eq 2 ]
        PATH=.:$PATH run checkpointctl plugin list
        [[ "$output" != *here* && "$output" != *Up* ]]
}

@test "without any, it says so" {
        PATH=${PATH%:$first:$second} run checkpointctl plugin list
        [ "$status" -eq 0 ]
        [ "$output" = "No plugins found in PATH" ]
}
