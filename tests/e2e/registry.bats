#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The registry client against docker-registry, straight and through a proxy that plays a bad network.

# shellcheck disable=SC2154 # registry_start exports PORT_NAME

load registry

setup_file() {
        export WORK=$BATS_FILE_TMPDIR/work
        mkdir -p "$WORK"
        : > "$WORK/pids"
        registry_start plain
        PORT_proxy=$(free_port) PORT_cdn=$(free_port)
        export PORT_proxy PORT_cdn
        background proxy "$SRC/tests/e2e/chaos_proxy.py" "$PORT_proxy" "$PORT_plain" "$PORT_cdn"
        wait_port "$PORT_proxy"
        head -c 40000000 /dev/urandom > "$WORK/large"
        head -c 5000 /dev/urandom > "$WORK/small"
        export PLAIN=docker://127.0.0.1:$PORT_plain/team/web PROXY=docker://127.0.0.1:$PORT_proxy/team/web
        LARGE=$(probe put "$PLAIN" "$WORK/large")
        export LARGE
        # Nothing of the machine's own.
        export HOME=$WORK XDG_RUNTIME_DIR=$WORK DOCKER_CONFIG=$WORK/.docker
        unset REGISTRY_AUTH_FILE http_proxy https_proxy HTTPS_PROXY
}

teardown_file() { stop_all; }

# same FILE DIGEST SIZE: the registry has it, asked without the proxy.
same() { probe get "$PLAIN" "$2" "$3" | cmp - "$1"; }

# --- without trouble -----------------------------------------------------------------------------------------------

@test "blobs of all sizes go up and come down" {
        local file size
        for size in 0 1 8388607 8388608 8388609 16777216 40000001; do
                head -c "$size" /dev/urandom > "$WORK/blob"
                run -0 --separate-stderr probe put "$PLAIN" "$WORK/blob"
                [ "$output" = "sha256:$(sha256sum < "$WORK/blob" | cut -d' ' -f1) $size" ]
                same "$WORK/blob" $output
                [ "$(probe exists "$PLAIN" $output)" = yes ]
        done
        [ "$(probe exists "$PLAIN" "sha256:$(printf '1%.0s' {1..64})" 5)" = no ]
        # One that has another size is not the one that was meant.
        [ "$(probe exists "$PLAIN" ${LARGE% *} 5)" = no ]
}

@test "what is there is not sent again" {
        probe put-whole "$PLAIN" "$WORK/small"
        chaos
        probe put-whole "$PROXY" "$WORK/small"
        [ "$(seen 'map(.up) | add')" -eq 0 ]
        [ "$(seen 'map(select(.method == "HEAD")) | length')" -eq 1 ]
}

@test "a blob of another repository is taken over without being sent" {
        chaos
        [ "$(probe mount "docker://127.0.0.1:$PORT_proxy/other/place" $LARGE team/web)" = yes ]
        [ "$(probe exists "docker://127.0.0.1:$PORT_plain/other/place" $LARGE)" = yes ]
        [ "$(seen 'map(.up) | add')" -eq 0 ]
        # One that is nowhere leaves no upload behind.
        [ "$(probe mount "$PROXY" "sha256:$(printf '1%.0s' {1..64})" 5 other/place)" = no ]
        [ "$(seen 'map(select(.method == "DELETE" and .status == 204)) | length')" -eq 1 ]
}

@test "a part of a blob, and a whole small one" {
        probe read "$PLAIN" $LARGE 1000000 5000 | cmp - <(tail -c +1000001 "$WORK/large" | head -c 5000)
        probe get-whole "$PLAIN" $LARGE | cmp - "$WORK/large"
        run -4 --separate-stderr probe read "$PLAIN" $LARGE 39999999 2
        [[ $stderr = *SNAP-304* ]]
}

@test "a download that is left early ends at once" {
        probe get-first "$PLAIN" $LARGE
}

@test "an upload that is not ended leaves nothing in the registry" {
        probe abandon "$PLAIN" "$WORK/large"
        [ -z "$(find "$WORK/plain" -path '*_uploads/*' -name data)" ]
}

# --- downloads in trouble ------------------------------------------------------------------------------------------

@test "a download that breaks off goes on where it stopped" {
        chaos '{"method": "GET", "path": "/blobs/", "action": "reset_down", "bytes": 1000000, "times": 5}'
        probe get "$PROXY" $LARGE | cmp - "$WORK/large"
        [ "$(seen 'map(select(.broken)) | length')" -eq 5 ]
        # What was in the kernel's buffers when it broke is lost; the rest is not fetched twice.
        [ "$(seen '[.[] | select(.path | test("/blobs/")) | .down] | add')" -le $((40000000 + 5 * 1000000)) ]
        [ "$(seen '[.[] | select(.headers.Range) | .headers.Range] | unique | length')" -gt 5 ]
}

@test "a registry that knows no ranges is read in one, once" {
        chaos '{"method": "GET", "path": "/blobs/", "action": "ignore_range", "times": 100}'
        probe get "$PROXY" $LARGE | cmp - "$WORK/large"
        [ "$(seen '[.[] | select(.path | test("/blobs/"))] | length')" -eq 1 ]
}

@test "a break without ranges: read again, what was there is passed over" {
        chaos '{"method": "GET", "path": "/blobs/", "action": "ignore_range", "bytes": 15000000}' \
                '{"method": "GET", "path": "/blobs/", "action": "ignore_range", "times": 100}'
        probe get "$PROXY" $LARGE | cmp - "$WORK/large"
        [ "$(seen '[.[] | select(.path | test("/blobs/")) | .broken] | length')" -eq 2 ]
        probe read "$PROXY" $LARGE 9000000 1000 | cmp - <(tail -c +9000001 "$WORK/large" | head -c 1000)
}

@test "429 and 503: it waits as long as it is told" {
        local start
        chaos '{"method": "GET", "path": "/blobs/", "action": "status", "status": 429, "headers": {"Retry-After": "2"}}' \
                '{"method": "GET", "path": "/blobs/", "action": "status", "status": 503}'
        start=$(date +%s%N)
        probe get "$PROXY" $LARGE | cmp - "$WORK/large"
        [ $((($(date +%s%N) - start) / 1000000)) -ge 2000 ]
        [ "$(seen '[.[] | select(.status == 429 or .status == 503)] | length')" -eq 2 ]
}

@test "a registry that stays out of order is given up, and said so" {
        chaos '{"method": "HEAD", "action": "status", "status": 503, "times": 1000}'
        run -8 --separate-stderr probe exists "$PROXY" $LARGE
        [[ $stderr = *"answers 503"*SNAP-323* ]]
        [ "$(seen '[.[] | select(.method == "HEAD")] | length')" -eq 8 ]
}

@test "bytes that were changed on the way are found" {
        chaos '{"method": "GET", "path": "/blobs/", "action": "flip", "at": 100}'
        run -4 bash -c '"$SRC/build/test/tests/tools/registry_probe" get "$PROXY" $LARGE 2>&1 > /dev/null'
        [[ $output = *"differs from its digest"*SNAP-304* ]]
        chaos '{"method": "GET", "path": "/blobs/", "action": "flip", "at": 100}'
        run -4 bash -c '"$SRC/build/test/tests/tools/registry_probe" get-whole "$PROXY" $LARGE 2>&1 > /dev/null'
        [[ $output = *SNAP-304* ]]
}

@test "a blob that is not there, or has another size" {
        run -3 --separate-stderr probe get "$PLAIN" "sha256:$(printf '1%.0s' {1..64})" 5
        [[ $stderr = *"answers 404"*SNAP-303* ]]
        run -4 --separate-stderr probe get "$PLAIN" ${LARGE% *} 39999999
        [[ $stderr = *"has 40000000 bytes where its descriptor says 39999999"* ]]
}

@test "redirected to another host: no credentials go there" {
        printf '{"auths": {"127.0.0.1:%s": {"auth": "%s"}}}' "$PORT_proxy" "$(printf bob:hidden | base64)" > "$WORK/bob.json"
        chaos '{"method": "GET", "path": "/v2/$", "action": "status", "status": 401,
                "headers": {"WWW-Authenticate": "Basic realm=\"x\""}}' \
                '{"method": "GET", "path": "/blobs/", "action": "redirect", "times": 100}'
        probe --authfile "$WORK/bob.json" get "$PROXY" $LARGE | cmp - "$WORK/large"
        [ "$(seen '[.[] | select(.cdn)] | length')" -ge 3 ]
        [ "$(seen '[.[] | select(.cdn and .headers.Authorization)] | length')" -eq 0 ]
        [ "$(seen '[.[] | select(.cdn | not) | select(.path | test("/blobs/")) | .headers.Authorization] | unique | join(" ")')" \
                = "Basic $(printf bob:hidden | base64)" ]
}

@test "slow bytes are waited for" {
        chaos '{"method": "GET", "path": "/blobs/", "action": "slow", "delay": 0.01, "times": 3}'
        probe get "$PROXY" $LARGE | cmp - "$WORK/large"
}

# --- uploads in trouble --------------------------------------------------------------------------------------------

# random SIZE: a file that no registry has.
random() { head -c "$1" /dev/urandom > "$WORK/new"; }

@test "an upload that breaks off goes on where it stopped" {
        random 40000000
        chaos resumable '{"method": "PATCH", "action": "reset_up", "bytes": 3000000, "times": 3}'
        run -0 --separate-stderr probe put "$PROXY" "$WORK/new"
        same "$WORK/new" $output
        # What had arrived was not sent again.
        [ "$(seen '[.[] | select(.method == "PATCH") | .up] | add')" -eq 40000000 ]
        [ "$(seen '[.[] | select(.method == "GET" and (.path | test("uploads")))] | length')" -eq 3 ]
        [ "$(seen '[.[] | select(.method == "POST")] | length')" -eq 1 ]
}

@test "the answer to a chunk is lost: the registry is asked, nothing is sent twice" {
        random 40000000
        chaos resumable '{"method": "PATCH", "action": "drop_answer"}'
        run -0 --separate-stderr probe put "$PROXY" "$WORK/new"
        same "$WORK/new" $output
        [ "$(seen '[.[] | select(.method == "PATCH") | .up] | add')" -eq 40000000 ]
}

@test "the answer to the last request is lost: the blob is there, and that is enough" {
        random 9000000
        chaos resumable '{"method": "PUT", "action": "drop_answer"}'
        run -0 --separate-stderr probe put "$PROXY" "$WORK/new"
        same "$WORK/new" $output
        random 9000
        chaos '{"method": "PUT", "action": "drop_answer"}'
        run -0 --separate-stderr probe put "$PROXY" "$WORK/new"
        same "$WORK/new" $output
}

@test "429, 503 and 416 in an upload" {
        random 40000000
        chaos resumable '{"method": "POST", "action": "status", "status": 429, "headers": {"Retry-After": "1"}}' \
                '{"method": "PATCH", "action": "status", "status": 503, "times": 2}' \
                '{"method": "PATCH", "action": "status", "status": 416, "skip": 1}' \
                '{"method": "PUT", "action": "status", "status": 502}'
        run -0 --separate-stderr probe put "$PROXY" "$WORK/new"
        same "$WORK/new" $output
        [ "$(seen '[.[] | select(.method == "PUT")] | length')" -eq 2 ]
}

@test "a registry that forgot an upload gets it again while it is in memory" {
        random 20000000
        chaos '{"method": "PATCH", "action": "reset_up", "bytes": 3000000}'
        run -0 --separate-stderr probe put "$PROXY" "$WORK/new"
        same "$WORK/new" $output
        [ "$(seen '[.[] | select(.method == "POST")] | length')" -eq 2 ]
}

@test "a registry that forgot an upload whose bytes are gone: said so" {
        random 40000000
        chaos '{"method": "PATCH", "action": "reset_up", "bytes": 30000000}'
        run -1 --separate-stderr probe put "$PROXY" "$WORK/new"
        [[ $stderr = *"no longer has what was sent before the connection broke"*SNAP-324* ]]
}

@test "a break before anything of a chunk arrived is not seen, also by docker-registry" {
        random 40000000
        chaos '{"method": "PATCH", "action": "reset_up", "bytes": 0}'
        run -0 --separate-stderr probe put "$PROXY" "$WORK/new"
        same "$WORK/new" $output
}

@test "pieces that are too large for a proxy are sent smaller" {
        random 5000
        chaos resumable '{"method": "PUT", "action": "status", "status": 413}' \
                '{"method": "PATCH", "action": "status", "status": 413, "times": 2}'
        run -0 --separate-stderr probe put "$PROXY" "$WORK/new"
        same "$WORK/new" $output
        random 9000000
        chaos '{"method": "PATCH", "action": "status", "status": 413, "times": 100}'
        run -7 --separate-stderr probe put "$PROXY" "$WORK/new"
        [[ $stderr = *"answers 413"*SNAP-326* ]]
}

@test "chunks are as large as the registry asks" {
        random 40000000
        chaos resumable '{"method": "POST", "action": "pass", "headers": {"OCI-Chunk-Min-Length": "12000000"}}'
        run -0 --separate-stderr probe put "$PROXY" "$WORK/new"
        same "$WORK/new" $output
        [ "$(seen '[.[] | select(.method == "PATCH") | .up] | join(" ")')" = "12000000 12000000 12000000 4000000" ]
}

@test "bytes that were changed on the way up are refused" {
        random 40000000
        chaos '{"method": "PATCH", "action": "flip_up", "at": 10}'
        run -4 --separate-stderr probe put "$PROXY" "$WORK/new"
        [[ $stderr = *"received other bytes than were sent"*SNAP-304* ]]
}

# --- manifests and lists -------------------------------------------------------------------------------------------

# image REFERENCE TAG [TEXT]: a manifest of nothing much.
image() {
        local config layer
        printf '{"note": "%s"}' "${3:-}" > "$WORK/config"
        config=$(probe put-whole "$1" "$WORK/config") layer=$(probe put-whole "$1" "$WORK/small")
        jq -n --arg c "${config% *}" --argjson cs "${config#* }" --arg l "${layer% *}" --argjson ls "${layer#* }" '{schemaVersion: 2,
                mediaType: "application/vnd.oci.image.manifest.v1+json",
                config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $c, size: $cs},
                layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $l, size: $ls}]}' > "$WORK/manifest"
        probe manifest-put "$1" "$2" "$WORK/manifest" application/vnd.oci.image.manifest.v1+json
}

@test "manifests by tag and digest" {
        local digest
        image "$PLAIN" monday
        digest=sha256:$(sha256sum < "$WORK/manifest" | cut -d' ' -f1)
        probe manifest "$PLAIN" monday | cmp - "$WORK/manifest"
        probe manifest "$PLAIN" "$digest" | cmp - "$WORK/manifest"
        [ "$(probe manifest-head "$PLAIN" monday)" = \
                "application/vnd.oci.image.manifest.v1+json $digest $(stat -c %s "$WORK/manifest")" ]
        run -3 --separate-stderr probe manifest "$PLAIN" tuesday
        [[ $stderr = *"MANIFEST_UNKNOWN"*SNAP-303*"checkpointctl tags"* ]]
        chaos '{"method": "GET", "path": "/manifests/", "action": "flip", "at": 5, "times": 2}'
        run -4 --separate-stderr probe manifest "$PROXY" monday
        [[ $stderr = *SNAP-304* ]]
        run -4 --separate-stderr probe manifest "$PROXY" "$digest"
        [[ $stderr = *SNAP-304* ]]
}

@test "tags, page by page, and never at another host" {
        local i
        for i in 1 2 3; do image "docker://127.0.0.1:$PORT_plain/paged" "v$i" "$i"; done
        [ "$(checkpointctl tags "docker://127.0.0.1:$PORT_plain/paged" | sort)" = "$(printf 'v1\nv2\nv3')" ]
        [ "$(checkpointctl tags --json "docker://127.0.0.1:$PORT_plain/paged" | jq -c '.tags | sort')" = '["v1","v2","v3"]' ]
        chaos '{"method": "GET", "path": "tags/list.n=1000$", "action": "headers",
                "headers": {"Link": "</v2/paged/tags/list?n=1000&last=v3>; rel=\"next\""}}'
        [ "$(checkpointctl tags "docker://127.0.0.1:$PORT_proxy/paged" | wc -l)" -eq 6 ]
        chaos '{"method": "GET", "path": "tags/list", "action": "headers",
                "headers": {"Link": "<http://localhost:1/v2/paged/tags/list>; rel=\"next\""}}'
        run -1 checkpointctl tags "docker://127.0.0.1:$PORT_proxy/paged"
        [[ $output = *"goes on at a place where it cannot"*SNAP-322* ]]
        probe catalog "$PLAIN" | grep -x paged
        run -3 checkpointctl tags "docker://127.0.0.1:$PORT_plain/nothing"
        [[ $output = *NAME_UNKNOWN*SNAP-303* ]]
}

@test "deleting: a tag alone, an image with its tags, and where it is not allowed" {
        local name=docker://127.0.0.1:$PORT_plain/gone digest
        image "$name" one a
        image "$name" two b
        digest=sha256:$(sha256sum < "$WORK/manifest" | cut -d' ' -f1)
        probe manifest-put "$name" three "$WORK/manifest" application/vnd.oci.image.manifest.v1+json
        [ "$(checkpointctl rm "$name:one")" = "Deleted: $name:one" ]
        [ "$(checkpointctl tags "$name" | sort | xargs)" = "three two" ]
        # docker-registry deletes whole images only: not while there is another tag.
        run -1 checkpointctl rm "$name:two"
        [[ $output = *"also tagged three"*SNAP-325*"${name#docker://}@$digest"* ]]
        checkpointctl rm "$name@$digest"
        run -3 checkpointctl rm "$name:two"
        run -2 checkpointctl rm "$name"
        [[ $output = *"neither a tag nor a digest"* ]]
        DELETE=false registry_start fixed
        image "docker://127.0.0.1:$PORT_fixed/x" one
        run -1 checkpointctl rm "docker://127.0.0.1:$PORT_fixed/x:one"
        [[ $output = *UNSUPPORTED*SNAP-325*storage.delete* ]]
}

@test "referrers: by a tag where the registry has no API for them" {
        local subject=sha256:$(printf '2%.0s' {1..64}) one two
        one='{"mediaType":"a/b","digest":"sha256:'$(printf '3%.0s' {1..64})'","size":3,"artifactType":"x/y"}'
        two='{"mediaType":"a/b","digest":"sha256:'$(printf '4%.0s' {1..64})'","size":4,"artifactType":"x/z"}'
        [ "$(probe referrers "$PLAIN" "$subject" | jq -c .manifests)" = '[]' ]
        # docker-registry wants to have what an index lists.
        chaos '{"method": "PUT", "path": "/manifests/sha256-", "action": "status", "status": 201}'
        probe referrers-add "$PROXY" "$subject" "$one"
        [ "$(seen '[.[] | select(.method == "PUT")][0].path')" = "/v2/team/web/manifests/sha256-$(printf '2%.0s' {1..64})" ]
        # By the API: filtered here where the registry does not filter.
        chaos '{"method": "GET", "path": "/referrers/", "action": "status", "status": 200, "times": 2,
                "headers": {"Content-Type": "application/vnd.oci.image.index.v1+json"},
                "body": "{\"schemaVersion\":2,\"manifests\":['"${one//\"/\\\"},${two//\"/\\\"}"']}"}'
        [ "$(probe referrers "$PROXY" "$subject" x/z | jq -c '[.manifests[].size]')" = '[4]' ]
        [ "$(probe referrers "$PROXY" "$subject" | jq -c '[.manifests[].size]')" = '[3,4]' ]
}
