#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The registry: every endpoint and status code of the distribution specification, then real clients, then trouble.

load helpers

OCI_MANIFEST=application/vnd.oci.image.manifest.v1+json
OCI_INDEX=application/vnd.oci.image.index.v1+json

setup() {
        cd "$BATS_TEST_TMPDIR"
        ROOT=$BATS_TEST_TMPDIR/root
        export HOME=$BATS_TEST_TMPDIR REGISTRY_AUTH_FILE=$BATS_TEST_TMPDIR/auth.json
}

teardown() {
        local pid
        for pid in $PIDS; do kill "$pid" 2> /dev/null && wait "$pid" || true; done
        cd /
        ! mountpoint -q "$BATS_TEST_TMPDIR/small" || umount "$BATS_TEST_TMPDIR/small"
}

# serve [OPTION...]: starts the registry, sets PID, ADDRESS and URL.
serve() {
        rm -f serving
        checkpointctl registry --listen 127.0.0.1:0 --root "$ROOT" "$@" > serving 2> serving.err 3>&- &
        PID=$! PIDS="$PIDS $PID"
        wait_for 60 grep -q Serving serving
        ADDRESS=$(sed -n 's/.* on //p' serving) URL=http://$ADDRESS
}

stop() { kill "$PID" && wait "$PID"; }

# status CURL-ARGUMENT...: prints the status; the header is in `header`, the body in `body`.
status() { curl -s -o body -D header -w '%{http_code}' "$@"; }

# header NAME: its value in the last answer.
header() { tr -d '\r' < header | sed -n "s/^$1: //Ip" | tail -n 1; }

# code: the error code in the last answer.
code() { jq -r '.errors[0].code' body; }

digest_of() { echo "sha256:$(sha256sum < "$1" | cut -d' ' -f1)"; }

# push_blob REPOSITORY FILE [CURL-ARGUMENT...]
push_blob() {
        local name=$1 file=$2
        shift 2
        [ "$(status "$@" -X POST --data-binary "@$file" -H 'Content-Type: application/octet-stream' \
                "$URL/v2/$name/blobs/uploads/?digest=$(digest_of "$file")")" = 201 ]
}

# make_manifest FILE LAYER-FILE [FILTER]: a manifest of one layer and the config {}.
make_manifest() {
        printf '{}' > config
        jq -nc --arg config "$(digest_of config)" --arg layer "$(digest_of "$2")" --argjson size "$(stat -c %s "$2")" \
                --arg type $OCI_MANIFEST '{schemaVersion: 2, mediaType: $type,
                config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $config, size: 2},
                layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $layer, size: $size}]}' |
                jq -jc "${3:-.}" > "$1"
}

# put_manifest REPOSITORY REFERENCE FILE [CURL-ARGUMENT...]: prints the status.
put_manifest() {
        local name=$1 reference=$2 file=$3
        shift 3
        status "$@" -X PUT --data-binary "@$file" -H "Content-Type: $(jq -r .mediaType "$file")" \
                "$URL/v2/$name/manifests/$reference"
}

# push_image REPOSITORY TAG [FILTER]: blobs "layer" and "config", and the manifest in `manifest`.
push_image() {
        [ -f layer ] || head -c 100000 /dev/urandom > layer
        make_manifest manifest layer "${3:-.}"
        push_blob "$1" layer
        push_blob "$1" config
        [ "$(put_manifest "$1" "$2" manifest)" = 201 ]
}

# --- endpoints -----------------------------------------------------------------------------------------------

@test "/v2/ says what it is; other paths and methods are refused" {
        serve
        [ "$(status $URL/v2/)" = 200 ]
        [ "$(header docker-distribution-api-version)" = registry/2.0 ]
        [ "$(status $URL/)" = 404 ]
        [ "$(status $URL/v2/a/b/c)" = 404 ]
        [ "$(status -X PUT $URL/v2/)" = 405 ]
        [ "$(header allow)" = "GET, HEAD" ]
        [ "$(code)" = UNSUPPORTED ]
        [ "$(status -X POST $URL/v2/a/manifests/x)" = 405 ]
        [ "$(header allow)" = "GET, HEAD, PUT, DELETE" ]
        [ "$(status -I $URL/v2/)" = 200 ]
}

@test "blobs in one POST: 201, then HEAD, GET, ranges, If-None-Match" {
        serve
        head -c 300000 /dev/urandom > blob
        digest=$(digest_of blob)
        push_blob team/web blob
        [ "$(header docker-content-digest)" = "$digest" ]
        [ "$(header location)" = "/v2/team/web/blobs/$digest" ]
        blob=$URL/v2/team/web/blobs/$digest
        [ "$(status -I $blob)" = 200 ]
        [ "$(header content-length)" = 300000 ]
        [ "$(header etag)" = "\"$digest\"" ]
        [ "$(header docker-content-digest)" = "$digest" ]
        [ "$(status $blob)" = 200 ]
        cmp body blob
        [ "$(status -H 'Range: bytes=10-19' $blob)" = 206 ]
        [ "$(header content-range)" = "bytes 10-19/300000" ]
        cmp body <(tail -c +11 blob | head -c 10)
        [ "$(status -H 'Range: bytes=-5' $blob)" = 206 ]
        cmp body <(tail -c 5 blob)
        [ "$(status -H 'Range: bytes=299990-400000' $blob)" = 206 ]
        [ "$(header content-length)" = 10 ]
        [ "$(status -H 'Range: bytes=300000-' $blob)" = 416 ]
        [ "$(header content-range)" = "bytes */300000" ]
        [ "$(status -H 'Range: bytes=5-1' $blob)" = 200 ]
        [ "$(status -H 'Range: bytes=0-1,3-4' $blob)" = 200 ]
        [ "$(status -H "If-None-Match: \"$digest\"" $blob)" = 304 ]
        [ "$(status -H 'Range: bytes=0-1' -H 'If-Range: "other"' $blob)" = 200 ]
        [ "$(status -H 'Range: bytes=0-1' -H "If-Range: \"$digest\"" $blob)" = 206 ]
}

@test "blobs that are not there, malformed digests and names" {
        serve
        none=sha256:$(printf '0%.0s' {1..64})
        [ "$(status $URL/v2/a/blobs/$none)" = 404 ]
        [ "$(code)" = BLOB_UNKNOWN ]
        [ "$(status -I $URL/v2/a/blobs/$none)" = 404 ]
        [ "$(status -X DELETE $URL/v2/a/blobs/$none)" = 404 ]
        for digest in sha256:12 sha512:$(printf '0%.0s' {1..128}) ${none^^} md5:abc nonsense; do
                [ "$(status $URL/v2/a/blobs/$digest)" = 400 ]
                [ "$(code)" = DIGEST_INVALID ]
        done
        for name in A a_ -a a..b a___b a.-b; do
                [ "$(status -X POST $URL/v2/$name/blobs/uploads/)" = 400 ]
                [ "$(code)" = NAME_INVALID ]
        done
        [ "$(status -X POST "$URL/v2/$(printf 'a%.0s' {1..256})/blobs/uploads/")" = 400 ]
        for name in a a.b a_b a__b a---b a/b/c 0; do
                [ "$(status -X POST $URL/v2/$name/blobs/uploads/)" = 202 ]
        done
}

@test "an upload in parts: POST, PATCH with ranges, status, PUT; out of order is 416" {
        serve
        head -c 200000 /dev/urandom > blob
        digest=$(digest_of blob)
        head -c 100000 blob > one
        tail -c 100000 blob > two
        [ "$(status -X POST $URL/v2/a/blobs/uploads/)" = 202 ]
        [ "$(header range)" = 0-0 ]
        [ -n "$(header docker-upload-uuid)" ]
        upload=$URL$(header location)
        [ "$(status $upload)" = 204 ]
        [ "$(status -X PATCH --data-binary @two -H 'Content-Range: 100000-199999' $upload)" = 416 ]
        [ "$(header range)" = 0-0 ]
        [ "$URL$(header location)" = "$upload" ]
        [ "$(status -X PATCH --data-binary @one -H 'Content-Range: 0-99999' $upload)" = 202 ]
        [ "$(header range)" = 0-99999 ]
        [ "$(status -X PATCH --data-binary @one -H 'Content-Range: 0-99999' $upload)" = 416 ]
        [ "$(header range)" = 0-99999 ]
        [ "$(status -X PATCH --data-binary @two -H 'Content-Range: 100000-199998' $upload)" = 400 ]
        [ "$(code)" = BLOB_UPLOAD_INVALID ]
        [ "$(status -X PATCH --data-binary @two -H 'Content-Range: nonsense' $upload)" = 400 ]
        [ "$(status $upload)" = 204 ]
        [ "$(header range)" = 0-99999 ]
        [ "$(status -X PUT "$upload")" = 400 ]
        [ "$(status -X PUT --data-binary @two -H 'Content-Range: 100000-199999' "$upload?digest=${digest/:/%3A}")" = 201 ]
        [ "$(header location)" = "/v2/a/blobs/$digest" ]
        [ "$(status $upload)" = 404 ]
        [ "$(code)" = BLOB_UPLOAD_UNKNOWN ]
        [ "$(status $URL/v2/a/blobs/$digest)" = 200 ]
        cmp body blob
}

@test "an upload that is streamed in chunks of unknown number, and one that is given up" {
        serve
        head -c 5000000 /dev/urandom > blob
        status -X POST $URL/v2/a/blobs/uploads/
        upload=$URL$(header location)
        [ "$(status -X PATCH -T - -H 'Transfer-Encoding: chunked' $upload < blob)" = 202 ]
        [ "$(header range)" = 0-4999999 ]
        [ "$(status -X PUT "$upload?digest=$(digest_of blob)")" = 201 ]
        curl -s $URL/v2/a/blobs/$(digest_of blob) | cmp - blob
        status -X POST $URL/v2/a/blobs/uploads/
        upload=$URL$(header location)
        [ "$(status -X DELETE $upload)" = 204 ]
        [ "$(status -X DELETE $upload)" = 404 ]
        [ "$(status -X PATCH --data-binary @blob $upload)" = 404 ]
        [ "$(status $URL/v2/a/blobs/uploads/nonsense)" = 404 ]
        [ "$(status $URL/v2/a/blobs/uploads/..%2F..%2Flock)" = 404 ]
        [ -z "$(find $ROOT/repositories/a/_uploads -type f)" ]
}

@test "a wrong digest is refused, and nothing is kept" {
        serve
        head -c 3000000 /dev/urandom > blob
        echo other > other
        wrong=$(digest_of other)
        [ "$(status -X POST --data-binary @blob "$URL/v2/a/blobs/uploads/?digest=$wrong")" = 400 ]
        [ "$(code)" = DIGEST_INVALID ]
        status -X POST $URL/v2/a/blobs/uploads/
        [ "$(status -X PUT --data-binary @blob "$URL$(header location)?digest=$wrong")" = 400 ]
        [ "$(status -I $URL/v2/a/blobs/$wrong)" = 404 ]
        [ -z "$(find $ROOT/blobs $ROOT/repositories -type f)" ]
}

@test "mounts: 201 from a repository that has it, named or not, else 202" {
        serve
        head -c 1000 /dev/urandom > blob
        digest=$(digest_of blob)
        push_blob a blob
        [ "$(status -X POST "$URL/v2/b/blobs/uploads/?mount=$digest&from=a")" = 201 ]
        [ "$(header location)" = "/v2/b/blobs/$digest" ]
        [ "$(status -I $URL/v2/b/blobs/$digest)" = 200 ]
        [ "$(status -X POST "$URL/v2/c/blobs/uploads/?mount=$digest&from=other")" = 202 ]
        [ -n "$(header docker-upload-uuid)" ]
        [ "$(status -I $URL/v2/c/blobs/$digest)" = 404 ]
        [ "$(status -X POST "$URL/v2/c/blobs/uploads/?mount=nonsense&from=a")" = 400 ]
        push_image a latest
        [ "$(status -X POST "$URL/v2/c/blobs/uploads/?mount=$digest")" = 201 ]
        # Deleted in one repository, it stays in the others.
        [ "$(status -X DELETE $URL/v2/b/blobs/$digest)" = 202 ]
        [ "$(status -I $URL/v2/b/blobs/$digest)" = 404 ]
        [ "$(status -I $URL/v2/a/blobs/$digest)" = 200 ]
}

@test "manifests: by tag and digest, HEAD, DELETE of tags and of the manifest" {
        serve
        push_image a v1
        digest=$(digest_of manifest)
        [ "$(header docker-content-digest)" = "$digest" ]
        [ "$(header location)" = "/v2/a/manifests/$digest" ]
        [ "$(put_manifest a v2 manifest)" = 201 ]
        [ "$(put_manifest a $digest manifest)" = 201 ]
        for reference in v1 v2 $digest; do
                [ "$(status $URL/v2/a/manifests/$reference)" = 200 ]
                cmp body manifest
                [ "$(header content-type)" = $OCI_MANIFEST ]
                [ "$(header docker-content-digest)" = "$digest" ]
                [ "$(status -I $URL/v2/a/manifests/$reference)" = 200 ]
                [ "$(header content-length)" = "$(stat -c %s manifest)" ]
        done
        [ "$(status $URL/v2/a/manifests/v3)" = 404 ]
        [ "$(code)" = MANIFEST_UNKNOWN ]
        [ "$(status $URL/v2/b/manifests/v1)" = 404 ]
        [ "$(status $URL/v2/a/manifests/.v)" = 400 ]
        [ "$(status -X DELETE $URL/v2/a/manifests/v2)" = 202 ]
        [ "$(status -X DELETE $URL/v2/a/manifests/v2)" = 404 ]
        [ "$(status $URL/v2/a/manifests/v1)" = 200 ]
        [ "$(status -X DELETE $URL/v2/a/manifests/$digest)" = 202 ]
        [ "$(status $URL/v2/a/manifests/v1)" = 404 ]
        [ "$(status $URL/v2/a/manifests/$digest)" = 404 ]
        [ "$(status -X DELETE $URL/v2/a/manifests/$digest)" = 404 ]
}

@test "manifests that are refused: missing blobs, wrong sizes, types and digests, no JSON, too large" {
        serve
        head -c 1000 /dev/urandom > layer
        make_manifest manifest layer
        push_blob a config
        [ "$(put_manifest a v1 manifest)" = 404 ]
        [ "$(code)" = MANIFEST_BLOB_UNKNOWN ]
        push_blob a layer
        [ "$(put_manifest a v1 manifest)" = 201 ]
        make_manifest bad layer '.layers[0].size = 7'
        [ "$(put_manifest a v1 bad)" = 400 ]
        [ "$(code)" = MANIFEST_INVALID ]
        make_manifest bad layer '.layers[0].digest = "sha512:00"'
        [ "$(put_manifest a v1 bad)" = 400 ]
        make_manifest bad layer '.schemaVersion = 1'
        [ "$(put_manifest a v1 bad)" = 400 ]
        make_manifest bad layer 'del(.layers)'
        [ "$(put_manifest a v1 bad)" = 400 ]
        [ "$(status -X PUT --data-binary @manifest -H "Content-Type: $OCI_INDEX" $URL/v2/a/manifests/v1)" = 400 ]
        [ "$(status -X PUT --data-binary @manifest -H 'Content-Type: text/plain' $URL/v2/a/manifests/v1)" = 400 ]
        [ "$(status -X PUT --data-binary nonsense -H "Content-Type: $OCI_MANIFEST" $URL/v2/a/manifests/v1)" = 400 ]
        [ "$(put_manifest a $(digest_of layer) manifest)" = 400 ]
        [ "$(code)" = DIGEST_INVALID ]
        [ "$(put_manifest a 'x%2Fy' manifest)" = 400 ]
        [ "$(code)" = NAME_INVALID ]
        make_manifest large layer '.annotations.x = ("x" * 4200000)'
        [ "$(put_manifest a v1 large)" = 413 ]
        [ "$(status -X PUT -T - -H 'Transfer-Encoding: chunked' -H "Content-Type: $OCI_MANIFEST" $URL/v2/a/manifests/v1 < large)" = 413 ]
        make_manifest fits layer '.annotations.x = ("x" * 4000000)'
        [ "$(put_manifest a fits fits)" = 201 ]
        # Of foreign layers nothing is asked.
        make_manifest foreign layer '.layers[0] += {digest: ("sha256:" + "0" * 64), urls: ["https://elsewhere/"]}'
        [ "$(put_manifest a foreign foreign)" = 201 ]
        curl -s $URL/v2/a/manifests/v1 | cmp - manifest
}

@test "an index needs its manifests" {
        serve
        push_image a one
        jq -njc --arg type $OCI_INDEX --arg m $OCI_MANIFEST --arg digest "$(digest_of manifest)" --argjson size "$(stat -c %s manifest)" \
                '{schemaVersion: 2, mediaType: $type, manifests: [{mediaType: $m, digest: $digest, size: $size}]}' > index
        [ "$(put_manifest b all index)" = 404 ]
        [ "$(code)" = MANIFEST_BLOB_UNKNOWN ]
        [ "$(put_manifest a all index)" = 201 ]
        [ "$(status $URL/v2/a/manifests/all)" = 200 ]
        [ "$(header content-type)" = $OCI_INDEX ]
}

@test "tags and catalogue: order, pages, links" {
        serve
        for tag in v10 v1 latest beta; do push_image team/app $tag; done
        push_image another one
        push_image team one
        [ "$(status $URL/v2/team/app/tags/list)" = 200 ]
        [ "$(jq -c . body)" = '{"name":"team/app","tags":["beta","latest","v1","v10"]}' ]
        [ "$(status "$URL/v2/team/app/tags/list?n=2")" = 200 ]
        [ "$(jq -c .tags body)" = '["beta","latest"]' ]
        link=$(header link)
        [[ "$link" = *'; rel="next"' ]]
        next=${link#<} next=${next%%>*}
        [ "$(status "$URL$next")" = 200 ]
        [ "$(jq -c .tags body)" = '["v1","v10"]' ]
        [ -z "$(header link)" ]
        [ "$(status "$URL/v2/team/app/tags/list?last=between")" = 200 ]
        [ "$(jq -c .tags body)" = '["latest","v1","v10"]' ]
        [ "$(status "$URL/v2/team/app/tags/list?n=0")" = 200 ]
        [ "$(jq -c .tags body)" = '[]' ]
        [ "$(status "$URL/v2/team/app/tags/list?n=x")" = 400 ]
        [ "$(status $URL/v2/none/tags/list)" = 404 ]
        [ "$(code)" = NAME_UNKNOWN ]
        [ "$(status $URL/v2/_catalog)" = 200 ]
        [ "$(jq -c . body)" = '{"repositories":["another","team","team/app"]}' ]
        [ "$(status "$URL/v2/_catalog?n=1&last=another")" = 200 ]
        [ "$(jq -c .repositories body)" = '["team"]' ]
        [[ "$(header link)" = *last=team* ]]
}

@test "referrers: OCI-Subject, lists, filters, and gone when deleted" {
        serve
        push_image a v1
        subject=$(digest_of manifest)
        [ "$(status $URL/v2/a/referrers/$subject)" = 200 ]
        [ "$(header content-type)" = $OCI_INDEX ]
        [ "$(jq -c .manifests body)" = '[]' ]
        add='.subject = {mediaType: "'$OCI_MANIFEST'", digest: "'$subject'", size: 1}'
        make_manifest signature layer "$add | .artifactType = \"example/sig+x\" | .annotations = {a: \"1\"}"
        make_manifest sbom layer "$add"
        [ "$(put_manifest a $(digest_of signature) signature)" = 201 ]
        [ "$(header oci-subject)" = "$subject" ]
        [ "$(put_manifest a $(digest_of sbom) sbom)" = 201 ]
        [ "$(status $URL/v2/a/referrers/$subject)" = 200 ]
        [ "$(jq '.manifests | length' body)" = 2 ]
        [ -z "$(header oci-filters-applied)" ]
        [ "$(status -G --data-urlencode 'artifactType=example/sig+x' $URL/v2/a/referrers/$subject)" = 200 ]
        [ "$(header oci-filters-applied)" = artifactType ]
        [ "$(jq -c '.manifests | map([.digest, .artifactType, .annotations.a, .size, .mediaType])' body)" = \
                "[[\"$(digest_of signature)\",\"example/sig+x\",\"1\",$(stat -c %s signature),\"$OCI_MANIFEST\"]]" ]
        [ "$(status "$URL/v2/a/referrers/$subject?artifactType=application/vnd.oci.image.config.v1%2Bjson")" = 200 ]
        [ "$(jq -r '.manifests[].digest' body)" = "$(digest_of sbom)" ]
        [ "$(status -X DELETE $URL/v2/a/manifests/$(digest_of sbom))" = 202 ]
        status $URL/v2/a/referrers/$subject
        [ "$(jq '.manifests | length' body)" = 1 ]
        # The subject may come later, or never.
        make_manifest orphan layer '.subject = {mediaType: "'$OCI_MANIFEST'", digest: ("sha256:" + "1" * 64), size: 1}'
        [ "$(put_manifest a $(digest_of orphan) orphan)" = 201 ]
        [ "$(status $URL/v2/a/referrers/nonsense)" = 400 ]
}

# --- real clients ------------------------------------------------------------------------------------------------

# An OCI layout `image` with two layers, the second of some size.
make_layout() {
        mkdir -p tree && head -c 3000000 /dev/urandom > tree/file
        tar cf layer.tar -C tree .
        checkpointctl build --quiet "$SRC/tests/data/archives/crio-1.36.3-counter.tar" oci:image:latest
}

@test "skopeo copies both ways, lists and deletes" {
        serve
        make_layout
        skopeo copy -q --preserve-digests --dest-tls-verify=false oci:image:latest docker://$ADDRESS/team/web:v1
        skopeo copy -q --preserve-digests --src-tls-verify=false docker://$ADDRESS/team/web:v1 oci:back:latest
        [ "$(jq -r '.manifests[0].digest' image/index.json)" = "$(jq -r '.manifests[0].digest' back/index.json)" ]
        checkpointctl verify --quiet oci:back:latest
        skopeo copy -q --src-tls-verify=false --dest-tls-verify=false docker://$ADDRESS/team/web:v1 docker://$ADDRESS/other:v2
        [ "$(skopeo list-tags --tls-verify=false docker://$ADDRESS/other | jq -c .Tags)" = '["v2"]' ]
        skopeo inspect --tls-verify=false docker://$ADDRESS/other:v2 > /dev/null
        skopeo delete --tls-verify=false docker://$ADDRESS/other:v2
        run skopeo inspect --tls-verify=false docker://$ADDRESS/other:v2
        [ "$status" -ne 0 ]
        # gzip and zstd, Docker's own media types
        skopeo copy -q --dest-tls-verify=false --dest-compress-format zstd oci:image:latest docker://$ADDRESS/z:1
        skopeo copy -q --dest-tls-verify=false --format v2s2 oci:image:latest docker://$ADDRESS/d:1
        skopeo copy -q --src-tls-verify=false docker://$ADDRESS/d:1 dir:docker
}

@test "podman logs in, pushes and pulls; buildah pushes" {
        (umask 077 && echo 'let-me-in ci pull,push,delete *' > tokens)
        serve --tokens tokens
        make_layout
        run on a podman login --tls-verify=false -u ci -p wrong --authfile $PWD/auth.json $ADDRESS
        [ "$status" -ne 0 ]
        podman login --tls-verify=false -u ci -p let-me-in $ADDRESS
        podman load -q < <(skopeo copy -q oci:image:latest docker-archive:/dev/stdout:local/web:1) > /dev/null
        podman push -q --tls-verify=false local/web:1 $ADDRESS/podman:1
        podman rmi -f local/web:1 > /dev/null
        podman pull -q --tls-verify=false $ADDRESS/podman:1
        podman rmi -f $ADDRESS/podman:1 > /dev/null
        container=$(buildah from scratch)
        buildah add -q $container tree/file /file
        buildah commit -q $container local/built:1
        buildah push -q --tls-verify=false local/built:1 docker://$ADDRESS/built:1
        buildah rm $container > /dev/null
        podman rmi -f local/built:1 > /dev/null
        skopeo inspect --tls-verify=false docker://$ADDRESS/built:1 > /dev/null
}

@test "docker-registry is a pull-through cache of ours" {
        serve
        make_layout
        skopeo copy -q --preserve-digests --dest-tls-verify=false oci:image:latest docker://$ADDRESS/web:v1
        cat > proxy.yml << X
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $PWD/proxy}}
http: {addr: "127.0.0.1:5871"}
proxy: {remoteurl: "$URL"}
X
        # It would take REGISTRY_AUTH_FILE for a part of its configuration.
        env -u REGISTRY_AUTH_FILE docker-registry serve proxy.yml > /dev/null 2>&1 3>&- &
        PIDS="$PIDS $!"
        wait_for 60 curl -sf http://127.0.0.1:5871/v2/
        skopeo copy -q --preserve-digests --src-tls-verify=false docker://127.0.0.1:5871/web:v1 oci:back:latest
        [ "$(jq -r '.manifests[0].digest' image/index.json)" = "$(jq -r '.manifests[0].digest' back/index.json)" ]
}

@test "our own client pushes, reads in place, pulls, lists and deletes" {
        (umask 077 && echo 'let-me-in ci pull,push,delete *' > tokens)
        serve --tokens tokens
        jq -n --arg host $ADDRESS --arg auth "$(printf x:let-me-in | base64)" '{auths: {($host): {auth: $auth}}}' > auth.json
        archive=$SRC/tests/data/archives/crio-1.36.3-counter.tar
        for kind in none gzip zstd; do
                checkpointctl push --quiet --compress $kind "$archive" docker://$ADDRESS/team/web:$kind
                checkpointctl verify --quiet docker://$ADDRESS/team/web:$kind
        done
        [ "$(checkpointctl tags docker://$ADDRESS/team/web | xargs)" = "gzip none zstd" ]
        checkpointctl pull --quiet docker://$ADDRESS/team/web:zstd pulled.tar
        checkpointctl verify --quiet pulled.tar
        checkpointctl rm docker://$ADDRESS/team/web:gzip
        [ "$(curl -s -u x:let-me-in $URL/v2/team/web/tags/list | jq -c .tags)" = '["none","zstd"]' ]
}

# --- who may do what -------------------------------------------------------------------------------------------

@test "every route for every role" {
        serve
        push_image team/app v1
        stop
        layer=$(digest_of layer)
        (umask 077 && cat > tokens << X)
# nobody of importance
reader-token-0001 reader pull team/*
writer-token-0001 writer pull,push team/*
admin-token-00001 admin  pull,push,delete *
other-token-00001 other  pull,push,delete team
nothing-token-001 nobody
X
        serve --tokens tokens
        # METHOD PATH and the status for: no token, wrong token, reader, writer, admin, other, nobody
        while read -r method path expected; do
                found=
                for token in '' wrong reader-token-0001 writer-token-0001 admin-token-00001 other-token-00001 nothing-token-001; do
                        found="$found $(status -X $method ${token:+-H "Authorization: Bearer $token"} "$URL$path")"
                        [ "$method" != HEAD ] || true
                        if [[ "$found" = *401 ]]; then [ "$(header www-authenticate)" = 'Basic realm="registry"' ]; fi
                done
                [ "$found" = " $expected" ] || { echo "$method $path:$found, not $expected" && false; }
        done << X
GET /v2/ 401 401 200 200 200 200 200
GET /v2/_catalog 401 401 200 200 200 200 200
GET /v2/team/app/tags/list 401 401 200 200 200 403 403
GET /v2/team/app/manifests/v1 401 401 200 200 200 403 403
GET /v2/team/app/blobs/$layer 401 401 200 200 200 403 403
GET /v2/team/app/referrers/$layer 401 401 200 200 200 403 403
POST /v2/team/app/blobs/uploads/ 401 401 403 202 202 403 403
GET /v2/team/app/blobs/uploads/x 401 401 403 404 404 403 403
PATCH /v2/team/app/blobs/uploads/x 401 401 403 404 404 403 403
PUT /v2/team/app/blobs/uploads/x 401 401 403 404 404 403 403
DELETE /v2/team/app/blobs/uploads/x 401 401 403 404 404 403 403
PUT /v2/team/app/manifests/v2 401 401 403 400 400 403 403
DELETE /v2/team/app/manifests/none 401 401 403 403 404 403 403
DELETE /v2/team/app/blobs/sha256:$(printf '0%.0s' {1..64}) 401 401 403 403 404 403 403
POST /v2/team-x/blobs/uploads/ 401 401 403 403 202 403 403
POST /v2/team/blobs/uploads/ 401 401 403 403 202 202 403
X
        [ "$(status -u any:reader-token-0001 $URL/v2/team/app/manifests/v1)" = 200 ]
        [ "$(status -u reader-token-0001:any $URL/v2/team/app/manifests/v1)" = 401 ]
        [ "$(status -H 'Authorization: Digest x' $URL/v2/)" = 401 ]
        # The catalogue lists what may be pulled, and mounts take from what may be pulled.
        [ "$(curl -s -u x:reader-token-0001 $URL/v2/_catalog | jq -c .repositories)" = '["team/app"]' ]
        [ "$(curl -s -u x:other-token-00001 $URL/v2/_catalog | jq -c .repositories)" = '[]' ]
        [ "$(status -X POST -u x:other-token-00001 "$URL/v2/team/blobs/uploads/?mount=$layer&from=team/app")" = 202 ]
        [ "$(status -X POST -u x:other-token-00001 "$URL/v2/team/blobs/uploads/?mount=$layer")" = 202 ]
        [ "$(status -X POST -u x:admin-token-00001 "$URL/v2/team/blobs/uploads/?mount=$layer&from=team/app")" = 201 ]
        # A changed file counts from the next request on; a wrong one does not count.
        echo 'reader-token-0002 reader pull team/*' > tokens
        [ "$(status -u x:reader-token-0001 $URL/v2/team/app/manifests/v1)" = 401 ]
        [ "$(status -u x:reader-token-0002 $URL/v2/team/app/manifests/v1)" = 200 ]
        echo 'reader-token-0003 reader pul team/*' > tokens
        [ "$(status -u x:reader-token-0002 $URL/v2/team/app/manifests/v1)" = 200 ]
        grep -q SNAP-330 serving.err
}

@test "anonymous pull where it is asked for" {
        serve
        push_image team/app v1
        stop
        (umask 077 && echo 'writer-token-0001 writer pull,push team/*' > tokens)
        serve --tokens tokens --anonymous-pull
        [ "$(status $URL/v2/)" = 401 ]
        [ "$(status $URL/v2/team/app/manifests/v1)" = 200 ]
        [ "$(status -u : $URL/v2/team/app/manifests/v1)" = 200 ]
        [ "$(status -u x:wrong $URL/v2/team/app/manifests/v1)" = 401 ]
        [ "$(status -X POST $URL/v2/team/app/blobs/uploads/)" = 401 ]
        [ "$(status -X POST -u x:writer-token-0001 $URL/v2/team/app/blobs/uploads/)" = 202 ]
        skopeo copy -q --src-tls-verify=false docker://$ADDRESS/team/app:v1 dir:copy
}

@test "other machines are only served with tokens or a client CA; the token file is for its owner" {
        for address in 0.0.0.0:0 :0 '[::]:0' 10.0.0.1:5000; do
                run checkpointctl registry --root "$ROOT" --listen $address
                [ "$status" -eq 2 ]
                [[ "$output" = *"token file or a client CA"* ]]
        done
        echo 'token-token-token name' > tokens
        chmod 640 tokens
        run checkpointctl registry --root "$ROOT" --listen 127.0.0.1:0 --tokens tokens
        [ "$status" -eq 4 ]
        [[ "$output" = *SNAP-330* ]]
        run checkpointctl registry --root "$ROOT" --listen nonsense
        [ "$status" -eq 1 ]
        [[ "$output" = *SNAP-527* ]]
        run checkpointctl registry --root "$ROOT" --tls-cert x
        [ "$status" -eq 2 ]
        run checkpointctl registry --root "$ROOT" --anonymous-pull
        [ "$status" -eq 2 ]
}

# certificate NAME SUBJECT [CA]: NAME.crt and NAME.key, signed by CA.
certificate() {
        if [ -z "${3:-}" ]; then
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "$2" -keyout $1.key -out $1.crt 2> /dev/null
        else
                openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout $1.key -out $1.csr 2> /dev/null
                openssl x509 -req -in $1.csr -CA $3.crt -CAkey $3.key -days 2 -out $1.crt \
                        -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n') 2> /dev/null
        fi
}

@test "TLS, client certificates, and a certificate that is exchanged while it serves" {
        certificate ca /CN=ca
        certificate server /CN=localhost ca
        certificate client /CN=node1/O=nodes ca
        certificate stranger /CN=stranger
        serve --tls-cert server.crt --tls-key server.key --client-ca ca.crt
        URL=https://$ADDRESS
        [ "$(status --cacert ca.crt $URL/v2/)" = 401 ]
        [ "$(status --cacert ca.crt --cert client.crt --key client.key $URL/v2/)" = 200 ]
        [ "$(status --cacert ca.crt --cert stranger.crt --key stranger.key $URL/v2/ || true)" != 200 ]
        run curl -s --cacert ca.crt --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 $URL/v2/
        [ "$status" -ne 0 ]
        head -c 3000000 /dev/urandom > layer
        push_blob a layer --cacert ca.crt --cert client.crt --key client.key
        curl -s --cacert ca.crt --cert client.crt --key client.key $URL/v2/a/blobs/$(digest_of layer) | cmp - layer
        mkdir certs && cp ca.crt certs/ca.crt && cp client.crt certs/client.cert && cp client.key certs/client.key
        make_layout
        skopeo copy -q --dest-cert-dir certs oci:image:latest docker://$ADDRESS/tls:1
        skopeo copy -q --src-cert-dir certs docker://$ADDRESS/tls:1 dir:copy
        # Another authority's: what was trusted is no longer.
        certificate ca2 /CN=ca2
        certificate new /CN=localhost ca2
        mv new.key server.key
        mv new.crt server.crt
        wait_for 60 curl -s --cacert ca2.crt --cert client.crt --key client.key $URL/v2/
        run curl -s --cacert ca.crt --cert client.crt --key client.key $URL/v2/
        [ "$status" -eq 60 ]
}

@test "a certificate that does not fit its key is refused" {
        certificate one /CN=one
        certificate two /CN=two
        run checkpointctl registry --root "$ROOT" --listen 127.0.0.1:0 --tls-cert one.crt --tls-key two.key
        [ "$status" -eq 4 ]
        [[ "$output" = *SNAP-528* ]]
}

@test "on a Unix socket" {
        checkpointctl registry --root "$ROOT" --listen unix:$PWD/socket --json > serving 3>&- &
        PIDS="$PIDS $!"
        wait_for 60 jq -e '.address | startswith("unix:")' serving
        [ "$(stat -c %a socket)" = 600 ]
        [ "$(status --unix-socket socket http://registry/v2/)" = 200 ]
        kill $! && wait $!
        [ ! -e socket ]
}

# --- trouble ------------------------------------------------------------------------------------------------------

@test "two pushes of one blob at once" {
        serve
        head -c 20000000 /dev/urandom > blob
        for i in 1 2 3 4; do
                curl -s -o /dev/null -w '%{http_code}\n' -X POST --data-binary @blob "$URL/v2/r$i/blobs/uploads/?digest=$(digest_of blob)" > status.$i 3>&- &
        done
        wait $(jobs -p | grep -vx $PID)
        [ "$(cat status.*)" = "$(printf '201\n201\n201\n201')" ]
        curl -s $URL/v2/r3/blobs/$(digest_of blob) | cmp - blob
        # One upload, two at it: the second is told so.
        status -X POST $URL/v2/a/blobs/uploads/
        upload=$URL$(header location)
        (head -c 1000 blob && sleep 3) | curl -s -o /dev/null -X PATCH -T - -H 'Transfer-Encoding: chunked' $upload 3>&- &
        wait_for 60 test -s $ROOT/repositories/a/_uploads/${upload##*/}
        [ "$(status -X PATCH --data-binary @blob $upload)" = 409 ]
        wait $!
        [ "$(status $upload)" = 204 ]
        [ "$(header range)" = 0-999 ]
}

@test "killed in the middle of an upload, the client goes on where it was" {
        serve
        head -c 30000000 /dev/urandom > blob
        status -X POST $URL/v2/a/blobs/uploads/
        path=$(header location)
        curl -s --limit-rate 10M -X PATCH --data-binary @blob $URL$path > /dev/null 3>&- &
        wait_for 60 test -s $ROOT/repositories/a/_uploads/${path##*/}
        sleep 0.5
        kill -9 $PID
        wait $PID $! || true
        serve
        [ "$(status $URL$path)" = 204 ]
        have=$(($(header range | cut -d- -f2) + 1))
        [ $have -gt 1 ] && [ $have -lt 30000000 ]
        tail -c +$((have + 1)) blob > rest
        [ "$(status -X PATCH --data-binary @rest -H "Content-Range: $have-29999999" $URL$path)" = 202 ]
        [ "$(status -X PUT "$URL$path?digest=$(digest_of blob)")" = 201 ]
        curl -s $URL/v2/a/blobs/$(digest_of blob) | cmp - blob
        # So it is after a stop that is none.
        push_image a v1
        stop
        serve
        [ "$(status $URL/v2/a/manifests/v1)" = 200 ]
}

@test "a full disk: 507, nothing kept, and it goes on when there is space" {
        mkdir small && mount -t tmpfs -o size=8m tmpfs small
        ROOT=$PWD/small/root
        serve
        head -c 20000000 /dev/urandom > blob
        [ "$(status -X POST --data-binary @blob "$URL/v2/a/blobs/uploads/?digest=$(digest_of blob)")" = 507 ]
        [ "$(code)" = NO_SPACE ]
        [ -z "$(find $ROOT/blobs $ROOT/repositories -type f)" ]
        status -X POST $URL/v2/a/blobs/uploads/
        upload=$URL$(header location)
        head -c 1000000 blob > part
        [ "$(status -X PATCH --data-binary @part $upload)" = 202 ]
        tail -c +1000001 blob > rest
        [ "$(status -X PATCH --data-binary @rest $upload)" = 507 ]
        [ "$(status -X PATCH -T - -H 'Transfer-Encoding: chunked' $upload < rest)" = 507 ]
        [ "$(status $upload)" = 204 ]
        [ "$(header range)" = 0-999999 ]
        mount -o remount,size=80m small
        [ "$(status -X PATCH --data-binary @rest $upload)" = 202 ]
        [ "$(status -X PUT "$upload?digest=$(digest_of blob)")" = 201 ]
        curl -s $URL/v2/a/blobs/$(digest_of blob) | cmp - blob
}

@test "a flipped bit is never served as right, and the next push repairs it" {
        serve
        head -c 3000000 /dev/urandom > blob
        digest=$(digest_of blob)
        push_blob a blob
        stored=$ROOT/blobs/sha256/${digest:7:2}/${digest:7}
        flip() { printf "\\x$(printf %x $((0x$(xxd -s 1500000 -l 1 -p $stored 2> /dev/null || od -An -tx1 -j 1500000 -N 1 $stored | tr -d ' ') ^ 1)))" | dd of=$stored bs=1 seek=1500000 conv=notrunc 2> /dev/null; }
        flip
        # While it is sent: broken off. As a part: refused. Then it is gone.
        run curl -s -o got $URL/v2/a/blobs/$digest
        [ "$status" -ne 0 ]
        [ "$(stat -c %s got)" -lt 3000000 ]
        [ "$(status -I $URL/v2/a/blobs/$digest)" = 404 ]
        [ -f $ROOT/damaged/${digest:7} ]
        push_blob a blob
        flip
        touch -d @1000000000 $stored
        [ "$(status -H 'Range: bytes=0-9' $URL/v2/a/blobs/$digest)" = 422 ]
        push_blob a blob
        curl -s $URL/v2/a/blobs/$digest | cmp - blob
        # Verified once, also after a restart.
        stop
        serve
        flip
        run curl -s -o got $URL/v2/a/blobs/$digest
        [ "$status" -ne 0 ]
        # A manifest.
        rm -f layer
        push_image a v1
        manifest=$(digest_of manifest)
        sed -i 's/"schemaVersion":2/"schemaVersion":3/' $ROOT/blobs/sha256/${manifest:7:2}/${manifest:7}
        [ "$(status $URL/v2/a/manifests/v1)" = 422 ]
}

@test "garbage: what manifests need stays, what nobody needs goes, a push in the middle is safe" {
        serve
        head -c 100000 /dev/urandom > garbage
        push_image a v1
        push_blob a garbage
        status -X POST $URL/v2/a/blobs/uploads/
        upload=$URL$(header location)
        [ "$(checkpointctl registry --root "$ROOT" --collect --json | jq -c .)" = '{"blobs":0,"bytes":0,"links":0,"uploads":0}' ]
        # Two hours later, HEAD of one more keeps it.
        head -c 100000 /dev/urandom > kept
        push_blob a kept
        find $ROOT -type f -exec touch -d '2 hours ago' {} +
        [ "$(status -I $URL/v2/a/blobs/$(digest_of kept))" = 200 ]
        # The change time cannot be set back: without grace, the second that is always left must pass.
        sleep 1.1
        [ "$(status -I $URL/v2/a/blobs/$(digest_of kept))" = 200 ]
        [ "$(checkpointctl registry --root "$ROOT" --collect --grace 0s --json | jq -c .)" = '{"blobs":1,"bytes":100000,"links":1,"uploads":1}' ]
        [ "$(status -I $URL/v2/a/blobs/$(digest_of garbage))" = 404 ]
        [ "$(status -I $URL/v2/a/blobs/$(digest_of kept))" = 200 ]
        [ "$(status $upload)" = 404 ]
        curl -s $URL/v2/a/blobs/$(digest_of layer) | cmp - layer
        # Deleted manifest: its blobs follow.
        [ "$(status -X DELETE $URL/v2/a/manifests/$(digest_of manifest))" = 202 ]
        sleep 1.1
        checkpointctl registry --root "$ROOT" --collect --grace 0s
        [ -z "$(find $ROOT/blobs -type f)" ]
        run checkpointctl registry --root "$ROOT" --collect --grace nonsense
        [ "$status" -eq 2 ]
}

@test "garbage is collected over and over while images are pushed" {
        serve
        (while :; do checkpointctl registry --root "$ROOT" --collect --grace 0s > /dev/null || echo failed >> collect.err; done) 3>&- &
        PIDS="$PIDS $!"
        for i in $(seq 20); do
                rm -f layer
                push_image r$i v1
                sleep 0.1
        done
        kill $! && wait $! || true
        [ ! -e collect.err ]
        sleep 1.1
        checkpointctl registry --root "$ROOT" --collect --grace 0s
        for i in $(seq 20); do
                for blob in $(curl -s $URL/v2/r$i/manifests/v1 | jq -r '.config.digest, .layers[].digest'); do
                        [ "$(curl -s $URL/v2/r$i/blobs/$blob | sha256sum | cut -d' ' -f1)" = "${blob:7}" ]
                done
        done
}

@test "names that try to escape" {
        serve
        for path in '/v2/../../etc/passwd' '/v2/%2e%2e/blobs/uploads/' '/v2/a/../../b/blobs/uploads/' '/v2/a%2F..%2F..%2Fb/blobs/uploads/' \
                '/v2/a//b/blobs/uploads/' '/v2/a%00b/blobs/uploads/' '/v2/_uploads/blobs/uploads/' '/v2/a/_blobs/blobs/uploads/' \
                '/v2/a/blobs/uploads/%2e%2e%2f%2e%2e%2flock' '/v2/%zz/blobs/uploads/'; do
                code=$(status --path-as-is -X POST "$URL$path")
                [ "$code" = 400 ] || [ "$code" = 404 ] || [ "$code" = 405 ]
        done
        [ "$(status --path-as-is $URL/v2/a/manifests/..%2F..%2Flock)" = 400 ]
        [ "$(status --path-as-is "$URL/v2/a/manifests/sha256:..%2F..%2Flock")" = 400 ]
        [ -z "$(find $ROOT/repositories -mindepth 1)" ]
        # Not even root's own mistake is followed.
        push_image a v1
        ln -sfn /etc $ROOT/repositories/evil
        [ "$(curl -s $URL/v2/_catalog | jq -c .repositories)" = '["a"]' ]
        checkpointctl registry --root "$ROOT" --collect
        [ "$(status $URL/v2/evil/tags/list)" = 404 ]
        [ "$(status -X POST $URL/v2/evil/blobs/uploads/)" -ge 400 ]
}

@test "200 connections at once, and slow clients beside them" {
        serve
        head -c 2000000 /dev/urandom > layer
        push_image a v1
        python3 - "$ADDRESS" /v2/a/blobs/$(digest_of layer) << 'X'
import socket, sys, threading, hashlib, time
host, port = sys.argv[1].split(":")
address, path = (host, int(port)), sys.argv[2]
slow = []
for i in range(20):  # half a header, and no more
        s = socket.create_connection(address); s.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: "); slow.append(s)
right = []
gate = threading.Barrier(200)
def get():
        s = socket.create_connection(address); gate.wait()
        s.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
        data = b""
        while True:
                part = s.recv(65536)
                if not part: break
                data += part
        body = data.split(b"\r\n\r\n", 1)[1]
        if hashlib.sha256(body).hexdigest() == path.split(":")[1]: right.append(1)
threads = [threading.Thread(target=get) for i in range(200)]
[t.start() for t in threads]; [t.join() for t in threads]
sys.exit(len(right) != 200)
X
        [ "$(status $URL/v2/)" = 200 ]
        [ "$(awk '/VmHWM/ {print $2}' /proc/$PID/status)" -lt 65536 ]
}

@test "memory stays flat while 1 GiB goes through" {
        # The sanitizers' own memory would be measured.
        serve
        truncate -s 1G blob
        digest=$(digest_of blob)
        status -X POST $URL/v2/a/blobs/uploads/
        [ "$(curl -s -o /dev/null -w '%{http_code}' -T blob -X PUT "$URL$(header location)?digest=$digest")" = 201 ]
        curl -s $URL/v2/a/blobs/$digest | cmp - blob
        [ "$(awk '/VmHWM/ {print $2}' /proc/$PID/status)" -lt 32768 ]
        stop
        serve
        curl -s $URL/v2/a/blobs/$digest | cmp - blob
        [ "$(awk '/VmHWM/ {print $2}' /proc/$PID/status)" -lt 32768 ]
}

@test "SIGTERM lets a transfer end, and systemd is told" {
        python3 - > notified 3>&- << 'X' &
import socket, os
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("notify")
print(s.recv(100).decode(), flush=True); print(s.recv(100).decode(), flush=True)
X
        wait_for 60 test -S notify
        NOTIFY_SOCKET=$PWD/notify serve
        wait_for 60 grep -q READY=1 notified
        head -c 3000000 /dev/urandom > blob
        (sleep 1 && cat blob) | curl -s -o /dev/null -w '%{http_code}' -X POST -T - -H 'Transfer-Encoding: chunked' "$URL/v2/a/blobs/uploads/?digest=$(digest_of blob)" > sent 3>&- &
        sleep 0.5
        stop
        wait $!
        [ "$(cat sent)" = 201 ]
        grep -q STOPPING=1 notified
}
