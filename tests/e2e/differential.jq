# SPDX-License-Identifier: Apache-2.0
# Compares what two checkpointctl say of one archive (inspect --all --format json), field by field. Inputs: Debian's 1.3,
# ours. Output: one line for each difference that has no reason below; nothing when there is none.

# Lists of processes by PID, because 1.3 gives them in random order.
def named:
        walk(if type == "object" then
                (if (.children | type) == "array" then .children |= (map({"PID \(.pid)": .}) | add // {}) else . end)
                | (if (.file_descriptors | type) == "array" then .file_descriptors |= (map({"PID \(.pid)": .}) | add // {}) else . end)
                | (if (.sockets | type) == "array" then .sockets |= (map({"PID \(.pid)": .}) | add // {}) else . end)
        else . end);
def bare: .[0].snap.source.driver as $d | $d == "crun" or $d == "runc";
def fields: named | [paths(scalars) as $p | {key: ($p | map(tostring) | join("/")), value: getpath($p)}] | from_entries;

# Why a field may differ. Everything that 1.3 says and we do not is a fault of ours.
def reason($field; $theirs; $ours; $bare; $engine):
        if $ours == null then null
        elif ($field | test("^0/snap/")) and $theirs == null then "1.3 does not read snap.json"
        elif ($field | test("^0/kernel/")) and $theirs == null then "1.3 does not show it"
        elif $field == "0/checkpointed" and $theirs == null and $engine == "Podman"
        then "of Podman only snap.json says when, and 1.3 does not read it"
        elif ($field | test("^0/(ip|mac|networks/.*)$")) and $theirs == null and $engine == "Podman"
        then "1.3 does not read network.status"
        elif $field == "0/container_name" and $bare and $theirs == "" then "1.3 does not know bare bundles"
        elif $field == "0/engine" and $bare and $theirs == "containerd" then "1.3 does not know bare bundles"
        elif ($field | test("^0/metadata/")) and $theirs == null then "1.3 has metadata in the tree only"
        elif ($field | endswith("/task_state")) and $theirs == null then "1.3 has no states"
        elif ($field | endswith("/cmdline")) and $theirs == $ours + " " then "1.3 leaves a blank behind"
        elif ($field | endswith("/cmdline")) and $pages == "criu-4.2" and (($theirs // "") | test("^ *$"))
        then "1.3 finds no memory in images of CRIU 4.2"
        elif ($field | endswith("/cmdline")) and $theirs == null then "1.3 has no command lines of children without memory"
        elif ($field | test("/children/.*/environment_variables/")) and $theirs == null
        then "1.3 has the environment of the first process only"
        elif ($field | test("^0/process_tree/environment_variables/")) and $theirs == null and $pages == "criu-4.2"
        then "1.3 finds no memory in images of CRIU 4.2"
        else null end;

.[0] as $theirs | .[1] as $ours | ($theirs | fields) as $t | ($ours | fields) as $o
| (($t + $o) | keys[])
| select($t[.] != $o[.] and reason(.; $t[.]; $o[.]; $ours | bare; $ours[0].engine) == null)
| "\(.): theirs \($t[.] | tojson), ours \($o[.] | tojson)"
