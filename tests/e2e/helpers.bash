# SPDX-License-Identifier: Apache-2.0
# What the end-to-end tests share. Each file gets nodes of its own, so that files do not see each other's containers.

bats_require_minimum_version 1.5.0
export SRC=${SRC:-/src}
export PATH=$SRC/build/bin:$PATH

# The next file finds the nodes without our containers and their addresses.
teardown_file() {
        local node
        for node in a b; do
                [ ! -s "/nodes/$node/pid" ] || on $node bash -c '
                        podman rm -af -t 0 > /dev/null 2>&1
                        for runtime in crun runc; do
                                for id in $($runtime list -q 2> /dev/null); do $runtime delete -f "$id"; done
                        done
                        rm -rf /var/lib/snap/test-bundles /var/lib/snap/bundles'
        done
        rm -rf /srv/*.tar* /srv/layout* /srv/stock.*
}

# on NODE CMD...: on that isolated host.
on() { "$SRC/scripts/lab" node "$@"; }

# images_on NODE NAME...
images_on() {
        local node=$1
        shift
        on "$node" scripts/images "$@"
}

# start NODE NAME IMAGE [OPTION...]: a container in the background.
start() {
        local node=$1 name=$2 image=$3
        shift 3
        on "$node" podman run -d --pull=never --name "$name" "$@" "localhost/$image" > /dev/null
}

# pods_on NODE: Podman's pods want a program, catatonit, that the lab does not have; a shell that sleeps does as well.
pods_on() {
        images_on "$1" busybox
        on "$1" bash -c 'mkdir -p /etc/containers/containers.conf.d
                printf "[engine]\ninfra_image = \"localhost/busybox\"\n" > /etc/containers/containers.conf.d/pods.conf'
}

# bundle NODE NAME IMAGE RUNTIME [COMMAND...]: a bare bundle of that image, started by crun or runc in the background,
# with another command than the image's.
bundle() {
        local node=$1 name=$2 image=$3 runtime=$4
        local directory=/var/lib/snap/test-bundles/$name
        shift 4
        on "$node" bash -ec '
                mkdir -p "$2" && cd "$2" && cp -a "/srv/images/$3.root" rootfs && '"$runtime"' spec
                jq --argjson args "$(skopeo inspect --config oci-archive:/srv/images/$3.oci | jq -c .config.Cmd)" \
                        ".process.terminal = false | .root.readonly = false |
                        .process.args = if \$ARGS.positional == [] then \$args else \$ARGS.positional end" \
                        config.json --args "${@:4}" > new
                mv new config.json
                '"$runtime"' run -d "$1" < /dev/null > /dev/null 2>&1' _ "$name" "$directory" "$image" "$@"
}

# shape_archive SHAPE [ENGINE [OPTION...]]: prints the name of an archive of that shape of programs/shapes.c, made on
# node a by crun, runc or podman with these options of create. One that is there already is not made again.
shape_archive() {
        local shape=$1 engine=${2:-crun}
        shift $(($# < 2 ? $# : 2))
        local name=shape-$shape-$engine options="$*"
        local file=/srv/$name${options//[^a-z0-9]/}.tar
        [ -s "$file" ] || shape_checkpoint "$shape" "$engine" "$name" --output "$file" "$@" >&2 || return
        echo "$file"
}

# shape_checkpoint SHAPE ENGINE NAME OPTION...: what shape_archive does when there is none.
shape_checkpoint() {
        local shape=$1 engine=$2 name=$3
        shift 3
        case $shape in
        tcp) set -- --tcp keep "$@" ;;
        deleted) set -- --file-locks --ghost-limit 128M "$@" ;;
        esac
        images_on a shapes 3>&- 4>&-
        case $engine in
        podman) on a podman run -d --pull=never --name "$name" localhost/shapes /usr/bin/shapes "$shape" ;;
        *) bundle a "$name" shapes "$engine" /usr/bin/shapes "$shape" ;;
        esac || return
        wait_for 60 on a "$engine" exec "$name" cat /tmp/count &&
                on a checkpointctl create --quiet --runtime "$engine" "$@" "$name" || return
        case $engine in
        podman) on a podman rm -f -t 0 "$name" ;;
        *) on a "$engine" delete -f "$name" ;;
        esac
}

# wait_for SECONDS CMD...: until it succeeds.
wait_for() {
        local end=$((SECONDS + $1))
        shift
        until "$@" > /dev/null 2>&1; do
                [ $SECONDS -lt $end ] || { echo "waited in vain for: $*" >&2 && return 1; }
                sleep 0.1
        done
}

# count_of NODE CONTAINER: the first number in the container's /tmp/count.
count_of() { on "$1" podman exec "$2" cat /tmp/count | cut -d' ' -f1; }

# goes_on NODE CONTAINER: it counts, and does not begin anew.
goes_on() {
        local a b
        a=$(count_of "$1" "$2")
        sleep 0.5
        b=$(count_of "$1" "$2")
        [ "$b" -gt "$a" ] || { echo "$2 on $1 stands at $a" >&2 && return 1; }
}

# address NODE CONTAINER: its address on Podman's bridge.
address() { on "$1" podman inspect "$2" --format '{{.NetworkSettings.IPAddress}}'; }

# nothing_left NODE: no frozen cgroup, no lock holder, no work directory, nothing unpacked, no mount of ours.
nothing_left() {
        on "$1" bash -c '
                ! grep -rls FROZEN /sys/fs/cgroup/freezer --include=freezer.state 2> /dev/null &&
                ! grep -ls "^1" $(find /sys/fs/cgroup -name cgroup.freeze) /dev/null &&
                ! find /var/tmp /srv -name "*.work.*" -o -name ".*.tmp" | grep . &&
                ! ls /run/snap/frozen 2> /dev/null | grep . &&
                ! ls -A /var/lib/snap/restore 2> /dev/null | grep . &&
                ! pgrep -x "checkpointctl|snap-guardian"'
}
