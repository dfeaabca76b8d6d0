#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Encrypted archives and encrypted layers: read where they lie, restored, exchanged with skopeo, and refused when changed.

load helpers

keys=/srv/keys

setup_file() {
        images_on a busybox
        images_on b busybox
        mkdir -p $keys
        cd $keys || return
        for name in rsa rsa2; do
                openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $name.key
                openssl req -x509 -new -key $name.key -subj /CN=$name -days 2 -out $name.crt
        done
        for name in ec eve; do openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $name.key; done
        openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out ec521.key
        for name in rsa rsa2 ec ec521; do openssl pkey -in $name.key -pubout -out $name.pub; done
        echo 'correct horse' > pass
        echo 'wrong horse' > wrong
        openssl pkey -in ec.key -aes-256-cbc -passout file:pass -out locked.key
        start a sealed busybox
        sleep 1
        on a checkpointctl create --quiet --output /srv/sealed.tar sealed
        on a checkpointctl create --quiet --compress zstd --output /srv/sealed-zstd.tar sealed
        bundle a sealed-crun busybox crun
        wait_for 60 on a crun exec sealed-crun cat /tmp/count
        on a checkpointctl create --quiet --runtime crun --output /srv/sealed-crun.tar sealed-crun
        on a crun delete -f sealed-crun
        for name in sealed sealed-zstd sealed-crun; do
                checkpointctl encrypt --quiet /srv/$name.tar /srv/$name.tar.enc --recipient $keys/rsa.crt \
                        --recipient $keys/ec.pub --passphrase-file $keys/pass
        done
}

teardown_file() {
        rm -rf $keys
        for node in a b; do
                on $node bash -c 'podman rm -af -t 0 > /dev/null 2>&1; crun delete -f sealed-crun 2> /dev/null
                        rm -rf /var/lib/snap/test-bundles /var/lib/snap/bundles' || true
        done
        rm -rf /srv/sealed* /srv/layout*
}

# code CMD...: fails, and prints the code that it fails with.
code() {
        run "$@" 2>&1
        [ "$status" -ne 0 ] || { echo "succeeded: $*" >&2 && return 1; }
        grep -o '\[SNAP-[0-9]*\]' <<< "$output" | tail -1
}

@test "every verb reads it where it lies, with any of its keys, and leaves no copy" {
        before=$(find /tmp /var/tmp -xdev | sort)
        for name in sealed sealed-zstd; do
                for key in rsa.key ec.key locked.key:file=$keys/pass pass; do
                        diff <(checkpointctl inspect --all --json /srv/$name.tar | sed "s/$name.tar//") \
                                <(checkpointctl inspect --all --json --decryption-key $keys/$key /srv/$name.tar.enc | sed "s/$name.tar.enc//")
                done
                export SNAP_DECRYPTION_KEY=$keys/rsa.key
                checkpointctl verify --quiet /srv/$name.tar.enc
                checkpointctl show /srv/$name.tar.enc | grep -q sealed
                checkpointctl explain /srv/$name.tar.enc
                checkpointctl diff /srv/$name.tar /srv/$name.tar.enc
                checkpointctl memparse -p 1 -s PATH= /srv/$name.tar.enc
                checkpointctl images /srv/$name.tar.enc inventory.img
                diff <(checkpointctl secrets --json /srv/$name.tar | jq '.[].path = ""' ) <(checkpointctl secrets --json /srv/$name.tar.enc | jq '.[].path = ""') || true
        done
        [ "$(find /tmp /var/tmp -xdev | sort | grep -v bats)" = "$(grep -v bats <<< "$before")" ]
}

@test "without a key, with others, with a passphrase on the command line: refused by name" {
        unset SNAP_DECRYPTION_KEY
        [ "$(code checkpointctl inspect /srv/sealed.tar.enc)" = "[SNAP-083]" ]
        [ "$(code checkpointctl inspect --decryption-key $keys/eve.key /srv/sealed.tar.enc)" = "[SNAP-084]" ]
        [ "$(code checkpointctl inspect --decryption-key $keys/wrong /srv/sealed.tar.enc)" = "[SNAP-084]" ]
        [ "$(code checkpointctl inspect --decryption-key $keys/locked.key /srv/sealed.tar.enc)" = "[SNAP-082]" ]
        [ "$(code checkpointctl inspect --decryption-key $keys/locked.key:file=$keys/wrong /srv/sealed.tar.enc)" = "[SNAP-082]" ]
        [ "$(code checkpointctl inspect "--decryption-key=$keys/locked.key:correct horse" /srv/sealed.tar.enc)" = "[SNAP-002]" ]
        ! checkpointctl inspect "--decryption-key=$keys/locked.key:correct horse" /srv/sealed.tar.enc 2>&1 | grep horse
        [ "$(code checkpointctl inspect --decryption-key $keys/rsa.crt /srv/sealed.tar.enc)" = "[SNAP-081]" ]
}

@test "decrypt gives the same bytes, and nothing when something is wrong" {
        cd "$BATS_TEST_TMPDIR"
        for name in sealed sealed-zstd; do
                checkpointctl decrypt --quiet /srv/$name.tar.enc $name --decryption-key $keys/ec.key
                cmp $name /srv/$name.tar
                [ "$(stat -c %a $name)" = 600 ]
        done
        [ "$(code checkpointctl encrypt sealed again)" = "[SNAP-002]" ]
        [ "$(code checkpointctl encrypt /srv/sealed.tar.enc again --recipient $keys/ec.pub)" = "[SNAP-002]" ]
        [ "$(code checkpointctl encrypt sealed /srv/sealed.tar.enc --recipient $keys/ec.pub)" = "[SNAP-007]" ]
        [ ! -e again ]
}

@test "altered, cut short, reordered, repeated, missing frames: each by its name" {
        cd "$BATS_TEST_TMPDIR"
        stride=$((1048576 + 32))
        head -c 5000000 /dev/urandom > plain
        checkpointctl encrypt --quiet plain whole --recipient $keys/ec.pub
        header=$(($(stat -c %s whole) - 5000000 - 5 * 32))
        frame() { tail -c +$((header + 1 + $1 * stride)) whole | head -c $stride; }
        first() { head -c $header whole; }

        cp whole flipped && printf X | dd of=flipped bs=1 seek=$((header + 3 * stride + 99)) conv=notrunc status=none
        head -c -1 whole > short
        head -c $((header + 2 * stride)) whole > shorter
        { first; frame 0; frame 2; frame 1; frame 3; frame 4; } > reordered
        { first; frame 0; frame 1; frame 1; frame 2; frame 3; frame 4; } > repeated
        { first; frame 0; frame 2; frame 3; frame 4; } > missing
        { cat whole; echo x; } > longer
        cp whole header && printf '\1' | dd of=header bs=1 seek=$((header - 5)) conv=notrunc status=none
        for expected in flipped:SNAP-111:altered short:SNAP-113:short shorter:SNAP-113:short reordered:SNAP-112:reordered \
                repeated:SNAP-112:repeated missing:SNAP-112:missing longer:SNAP-112:follow header:SNAP-110:altered; do
                IFS=: read -r name error word <<< "$expected"
                [ "$(code checkpointctl decrypt --quiet "$name" out --decryption-key $keys/ec.key)" = "[$error]" ]
                checkpointctl decrypt --quiet "$name" out --decryption-key $keys/ec.key 2>&1 | grep -q "$word"
                [ ! -e out ]
        done
}

@test "Podman and crun restore from it, and no clear archive is on disk meanwhile" {
        on b env SNAP_DECRYPTION_KEY=$keys/ec.key checkpointctl restore --quiet /srv/sealed.tar.enc
        goes_on b sealed
        on b podman rm -f -t 0 sealed
        on b checkpointctl restore --quiet --decryption-key $keys/rsa.key /srv/sealed-zstd.tar.enc --name sealed2
        goes_on b sealed2
        on b checkpointctl restore --quiet --decryption-key $keys/pass /srv/sealed-crun.tar.enc
        wait_for 60 on b crun exec sealed-crun cat /tmp/count
        ! on b bash -c 'ls /var/tmp/snap-*.tar /var/lib/snap/*.tar' 2> /dev/null
        nothing_left b
}

@test "skopeo opens our layers, with each kind of key" {
        cd "$BATS_TEST_TMPDIR"
        for compression in none gzip zstd; do
                checkpointctl build --quiet --compress $compression /srv/sealed.tar oci:ours:$compression --encryption-key jwe:$keys/rsa.pub \
                        --encryption-key jwe:$keys/ec.pub --encryption-key jwe:$keys/ec521.pub --encryption-key pkcs7:$keys/rsa2.crt
                skopeo inspect --raw oci:ours:$compression | jq -e '[.layers[].mediaType | endswith("+encrypted")] | all'
                [ "$(code checkpointctl inspect oci:ours:$compression)" = "[SNAP-083]" ]
                [ "$(code checkpointctl inspect --decryption-key $keys/eve.key oci:ours:$compression)" = "[SNAP-084]" ]
                for key in rsa ec ec521; do
                        skopeo copy -q --decryption-key $keys/$key.key oci:ours:$compression oci:clear:$compression-$key
                        checkpointctl verify --quiet oci:clear:$compression-$key
                done
                skopeo copy -q --decryption-key $keys/rsa2.key --decryption-key $keys/rsa2.crt oci:ours:$compression oci:clear:$compression-rsa2
                checkpointctl verify --quiet oci:clear:$compression-rsa2
                for key in rsa ec ec521 rsa2; do checkpointctl verify --quiet --decryption-key $keys/$key.key oci:ours:$compression; done
        done
}

@test "we open the layers that skopeo encrypts" {
        cd "$BATS_TEST_TMPDIR"
        for compression in none gzip zstd; do
                checkpointctl build --quiet --compress $compression /srv/sealed.tar oci:clear:$compression
                skopeo copy -q --encryption-key jwe:$keys/rsa.pub oci:clear:$compression oci:theirs:rsa
                skopeo copy -q --encryption-key jwe:$keys/ec521.pub oci:clear:$compression oci:theirs:ec521
                skopeo copy -q --encryption-key pkcs7:$keys/rsa2.crt oci:clear:$compression oci:theirs:rsa2
                skopeo copy -q --encryption-key jwe:$keys/rsa.pub --encryption-key jwe:$keys/ec.pub --encryption-key pkcs7:$keys/rsa2.crt \
                        oci:clear:$compression oci:theirs:all
                for key in rsa ec521 rsa2; do checkpointctl verify --quiet --decryption-key $keys/$key.key oci:theirs:$key; done
                for key in rsa ec rsa2; do checkpointctl verify --quiet --decryption-key $keys/$key.key oci:theirs:all; done
                checkpointctl pull --quiet --decryption-key $keys/ec.key oci:theirs:all pulled-$compression.tar
                cmp <(tar xOf pulled-$compression.tar checkpoint/pages-1.img) <(tar xOf /srv/sealed.tar checkpoint/pages-1.img)
        done
        cp -r theirs /srv/layout-theirs && cd /
        on b checkpointctl restore --quiet --name sealed3 --decryption-key $keys/ec.key oci:/srv/layout-theirs:all
        goes_on b sealed3
}

@test "a layer that was altered is refused although all digests fit" {
        cd "$BATS_TEST_TMPDIR"
        checkpointctl build --quiet /srv/sealed.tar oci:image:x --encryption-key jwe:$keys/ec.pub
        manifest=$(jq -r '.manifests[0].digest' image/index.json)
        blobs=image/blobs/sha256
        layer=$(jq -r '.layers[1].digest' $blobs/${manifest#sha256:})
        printf X | dd of=$blobs/${layer#sha256:} bs=1 seek=100000 conv=notrunc status=none
        altered=$(sha256sum < $blobs/${layer#sha256:} | cut -d' ' -f1)
        mv $blobs/${layer#sha256:} $blobs/$altered
        sed -i "s/${layer#sha256:}/$altered/" $blobs/${manifest#sha256:}
        new=$(sha256sum < $blobs/${manifest#sha256:} | cut -d' ' -f1)
        mv $blobs/${manifest#sha256:} $blobs/$new
        sed -i "s/${manifest#sha256:}/$new/" image/index.json
        [ "$(code checkpointctl verify --quiet --decryption-key $keys/ec.key oci:image:x)" = "[SNAP-114]" ]
        [ "$(code checkpointctl pull --quiet --decryption-key $keys/ec.key oci:image:x out.tar)" = "[SNAP-114]" ]
        [ ! -e out.tar ]
}
