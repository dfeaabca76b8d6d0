# SPDX-License-Identifier: Apache-2.0
# containerd on the nodes, asked by the CRI as the kubelet asks it, and the registry that it pulls from. It pulls base
# images by digest from where their names say and only with TLS: so the registry has a name and a certificate that
# the session trusts.

registry=registry.test

# registry_start: with the images busybox and pause, the latter for pods.
registry_start() {
        local file
        on a true
        mkdir -p /srv/registry
        (
                cd /srv/registry || exit
                openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout key -out certificate -subj "/CN=$registry" \
                        -addext "subjectAltName=DNS:$registry" 2> /dev/null
                cp certificate /usr/local/share/ca-certificates/snap-test.crt
                update-ca-certificates > /dev/null 2>&1
                grep -q "$registry" /etc/hosts || echo "10.77.0.1 $registry" >> /etc/hosts
                printf '%s\n' 'version: 0.1' 'log: {level: error}' \
                        'storage: {filesystem: {rootdirectory: /srv/registry/blobs}}' \
                        'http: {addr: "10.77.0.1:443", tls: {certificate: certificate, key: key}}' > config
                docker-registry serve config > log 2>&1 3>&- 4>&- &
                echo $! > pid
        )
        wait_for 60 curl -s "https://$registry/v2/"
        for file in busybox pause; do
                skopeo copy -q oci-archive:/srv/images/busybox.oci "docker://$registry/$file:1"
        done
        base=$registry/busybox:1@$(skopeo inspect --format '{{.Digest}}' "docker://$registry/busybox:1")
        export base
}

registry_stop() {
        [ ! -s /srv/registry/pid ] || kill "$(cat /srv/registry/pid)" || true
        rm -rf /srv/registry
}

# containerd_on NODE: without the right to lower oom_score_adj, as in the lab.
containerd_on() {
        on "$1" bash -ec '
                mkdir -p /run/cri /etc/cni/net.d && cd /run/cri
                printf "%s\n" "version = 3" "root = \"/var/lib/snap/containerd\"" "state = \"/run/containerd\"" \
                        "[plugins.\"io.containerd.cri.v1.runtime\"]" "restrict_oom_score_adj = true" \
                        "[plugins.\"io.containerd.cri.v1.runtime\".cni]" \
                        "bin_dir = \"/usr/lib/cni\"" "conf_dir = \"/run/cri\"" \
                        "[plugins.\"io.containerd.cri.v1.images\".pinned_images]" "sandbox = \"$1/pause:1\"" > config.toml
                printf "%s\n" "{\"cniVersion\": \"1.0.0\", \"name\": \"pods\", \"plugins\": [{\"type\": \"bridge\"," \
                        "\"bridge\": \"cni0\", \"isGateway\": true, \"ipam\": {\"type\": \"host-local\"," \
                        "\"dataDir\": \"/run/cri/addresses\"," \
                        "\"ranges\": [[{\"subnet\": \"10.99.0.0/24\"}]]}}, {\"type\": \"loopback\"}]}" > 10-pods.conflist
                containerd --config config.toml < /dev/null > log 2>&1 3>&- 4>&- &
                echo $! > pid' _ "$registry"
        wait_for 60 on "$1" test -S /run/containerd/containerd.sock
        wait_for 60 cri "$1" pull "$registry/pause:1"
}

containerd_off() {
        on "$1" test -s /run/cri/pid || return 0
        cri "$1" clean || true
        on "$1" bash -c 'kill "$(cat /run/cri/pid)"; rm -rf /run/cri /var/lib/snap/containerd /var/log/pods'
}

# cri NODE VERB ARGUMENT...: see programs/cri.py.
cri() {
        local node=$1
        shift
        on "$node" "$SRC/tests/e2e/programs/cri.py" /run/containerd/containerd.sock "$@"
}

# cri_start NODE POD NAME IMAGE [MOUNT...] [-- COMMAND]: a container in a pod of its own; prints its id.
cri_start() {
        local node=$1 pod=$2
        shift 2
        cri "$node" pull "$2" > /dev/null && cri "$node" pod "$pod" > /dev/null && cri "$node" run "$pod" "$@"
}

cri_count() { cri "$1" exec "$2" cat /tmp/count | { read -r count _ && echo "$count"; }; }

# cri_goes_on NODE CONTAINER FROM: it counts, and began at FROM at the earliest.
cri_goes_on() {
        local a b
        a=$(cri_count "$1" "$2")
        sleep 0.5
        b=$(cri_count "$1" "$2")
        [ "$a" -ge "$3" ] && [ "$b" -gt "$a" ] || { echo "$2 on $1: $3, then $a, then $b" >&2 && return 1; }
}
