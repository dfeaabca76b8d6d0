#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Signatures: ours before skopeo and Podman, theirs before us, in a registry and in a layout; policies.

load helpers

place=/srv/signing
registry=localhost:5015
team=docker://$registry/team/web

setup_file() {
        images_on a busybox
        mkdir -p $place/regd
        cd $place || return
        for name in team eve; do
                openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $name.key
                openssl pkey -in $name.key -pubout -out $name.pub
        done
        : > empty
        skopeo generate-sigstore-key --output-prefix skopeo --passphrase-file empty > /dev/null
        printf 'version: 0.1\nstorage: {delete: {enabled: true}, filesystem: {rootdirectory: /var/tmp/signing}}\nhttp: {addr: %s}\n' $registry > registry.yml
        on a bash -c "docker-registry serve $place/registry.yml > $place/log 2>&1 < /dev/null 3>&- & echo \$! > $place/pid"
        wait_for 60 on a curl -s $registry/v2/
        printf 'docker:\n  %s:\n    use-sigstore-attachments: true\n' $registry > regd/registry.yaml
        for key in team skopeo eve; do
                printf '{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{"%s":[{"type":"sigstoreSigned","keyPath":"%s"}]}}}' \
                        $registry $place/$key.pub > policy-$key.json
                printf '{"images":{"%s":"reject","%s/team":{"signedBy":["%s"]},"oci:%s":{"signedBy":["%s"]}}}' \
                        $registry $registry $place/$key.pub $place/layout $place/$key.pub > snap-$key.json
        done
        start a signed busybox
        sleep 1
        on a checkpointctl create --quiet --output /srv/signed.tar signed
        on a podman rm -f -t 0 signed
        on a checkpointctl push --quiet /srv/signed.tar $team:1
}

teardown_file() {
        on a bash -c "kill \$(cat $place/pid); rm -rf /var/tmp/signing"
        for node in a b; do on $node podman rm -af -t 0 > /dev/null 2>&1 || true; done
        rm -rf $place /srv/signed*
}

code() {
        run "$@" 2>&1
        [ "$status" -ne 0 ] || { echo "succeeded: $*" >&2 && return 1; }
        grep -o '\[SNAP-[0-9]*\]' <<< "$output" | tail -1
}

verify() { on a checkpointctl verify --quiet "$@"; }

# skopeo_takes KEY IMAGE: by the policy that wants this key.
skopeo_takes() {
        on a skopeo --policy $place/policy-$1.json --registries.d $place/regd copy -q --src-tls-verify=false --remove-signatures \
                "$2" oci:$place/taken-$1-$RANDOM:x
}

@test "not signed" {
        [ "$(code verify --public-key $place/team.pub $team:1)" = "[SNAP-352]" ]
        run ! skopeo_takes team $team:1
}

@test "skopeo and Podman accept what we sign, and only by the right key" {
        on a checkpointctl sign $team:1 --signing-key $place/team.key
        verify --public-key $place/team.pub $team:1
        [ "$(code verify --public-key $place/eve.pub $team:1)" = "[SNAP-353]" ]
        skopeo_takes team $team:1
        run ! skopeo_takes eve $team:1
        on a bash -ec "
                mkdir -p /etc/containers/registries.d
                cp $place/regd/registry.yaml /etc/containers/registries.d/signing.yaml
                podman pull -q --tls-verify=false --signature-policy $place/policy-team.json $team:1
                ! podman pull -q --tls-verify=false --signature-policy $place/policy-eve.json $team:1
                rm /etc/containers/registries.d/signing.yaml"
}

@test "we accept what skopeo signs, and both signatures live side by side" {
        on a skopeo copy -q --src-tls-verify=false --remove-signatures $team:1 oci:$place/copied:x
        on a skopeo --registries.d $place/regd copy -q --dest-tls-verify=false --sign-by-sigstore-private-key $place/skopeo.private \
                --sign-passphrase-file $place/empty oci:$place/copied:x $team:2
        verify --public-key $place/skopeo.pub $team:2
        on a checkpointctl sign $team:2 --signing-key $place/team.key
        for key in team skopeo; do
                verify --public-key $place/$key.pub $team:2
                skopeo_takes $key $team:2
        done
}

@test "it is a referrer of the image" {
        digest=$(on a skopeo inspect --tls-verify=false $team:1 | jq -r .Digest)
        on a curl -s "$registry/v2/team/web/manifests/${digest/:/-}" -H 'Accept: application/vnd.oci.image.index.v1+json' |
                jq -e '.manifests[] | select(.artifactType == "application/vnd.dev.cosign.artifact.sig.v1+json")'
}

@test "a signature that is moved to another image, or under another name, is refused by name" {
        on a checkpointctl push --quiet --compress gzip /srv/signed.tar $team:other
        one=$(on a skopeo inspect --tls-verify=false $team:1 | jq -r .Digest)
        other=$(on a skopeo inspect --tls-verify=false $team:other | jq -r .Digest)
        [ "$one" != "$other" ]
        on a skopeo copy -q --src-tls-verify=false --dest-tls-verify=false $team:${one/:/-}.sig $team:${other/:/-}.sig
        [ "$(code verify --public-key $place/team.pub $team:other)" = "[SNAP-354]" ]
        on a checkpointctl copy --quiet $team:1 docker://$registry/elsewhere/web:1
        [ "$(code verify --public-key $place/team.pub docker://$registry/elsewhere/web:1)" = "[SNAP-354]" ]
}

@test "the policy is asked before a pull and a restore" {
        on a checkpointctl pull --quiet --policy $place/snap-team.json $team:1 /srv/signed-1.tar
        [ "$(code on a checkpointctl pull --quiet --policy $place/snap-eve.json $team:1 /srv/signed-2.tar)" = "[SNAP-353]" ]
        [ "$(code on a checkpointctl pull --quiet --policy $place/snap-team.json docker://$registry/elsewhere/web:1 /srv/signed-2.tar)" = "[SNAP-355]" ]
        [ "$(code on a checkpointctl restore --quiet --policy $place/snap-eve.json $team:1)" = "[SNAP-353]" ]
        [ ! -e /srv/signed-2.tar ]
        on a checkpointctl restore --quiet --policy $place/snap-team.json --name admitted $team:1
        goes_on a admitted
}

@test "a signature that is taken away is missed" {
        digest=$(on a skopeo inspect --tls-verify=false $team:2 | jq -r .Digest)
        on a checkpointctl pull --quiet --policy $place/snap-team.json $team:2 /srv/signed-3.tar
        on a skopeo delete --tls-verify=false $team:${digest/:/-}.sig
        [ "$(code on a checkpointctl pull --quiet --policy $place/snap-team.json $team:2 /srv/signed-4.tar)" = "[SNAP-352]" ]
}

@test "in a layout, and copied from there with its signature" {
        on a checkpointctl build --quiet /srv/signed.tar oci:$place/layout
        [ "$(code on a checkpointctl pull --quiet --policy $place/snap-team.json oci:$place/layout /srv/signed-5.tar)" = "[SNAP-352]" ]
        on a checkpointctl sign oci:$place/layout --signing-key $place/team.key --sign-identity $registry/team/web:3
        verify --public-key $place/team.pub oci:$place/layout
        on a checkpointctl pull --quiet --policy $place/snap-team.json oci:$place/layout /srv/signed-5.tar
        on a checkpointctl copy --quiet oci:$place/layout $team:3
        verify --public-key $place/team.pub $team:3
        skopeo_takes team $team:3
}

@test "a policy that is not understood stops everything" {
        echo '{"images":{"x":{"signedby":["/y"]}}}' > $place/bad.json
        [ "$(code on a checkpointctl pull --quiet --policy $place/bad.json $team:1 /srv/signed-6.tar)" = "[SNAP-356]" ]
        [ "$(code on a checkpointctl pull --quiet --policy $place/absent.json $team:1 /srv/signed-6.tar)" = "[SNAP-006]" ]
}
