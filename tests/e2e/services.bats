#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Real servers: checkpointed while in use, moved to another host, found going on there.

load helpers

setup_file() {
        images_on a busybox redis nginx python node threads
        images_on b busybox redis nginx python node threads
}

# move CONTAINER [CREATE-OPTION...]: checkpoint on a (where it goes on), verify, restore on b.
move() {
        local name=$1
        shift
        on a checkpointctl create --quiet "$@" --output "/srv/$name.tar" "$name"
        on b checkpointctl verify "/srv/$name.tar"
        on a podman rm -f -t 0 "$name"
        on b checkpointctl restore --quiet "/srv/$name.tar"
}

fetch() { on "$1" curl -sS --max-time 5 "http://$(address "$1" "$2"):8080/"; }

@test "a counter in a shell goes on counting" {
        start a shell busybox
        wait_for 60 on a podman exec shell sh -c '[ $(cat /tmp/count) -ge 5 ]'
        move shell
        [ "$(count_of b shell)" -ge 5 ]
        goes_on b shell
}

@test "the container goes on where it was, and may be checkpointed again" {
        start a again busybox
        sleep 1
        for i in 1 2; do
                before=$(count_of a again)
                on a checkpointctl create --quiet --output "/srv/again$i.tar" again
                [ "$(count_of a again)" -ge "$before" ]
                goes_on a again
        done
        nothing_left a
}

@test "Redis keeps its keys, with clients connected" {
        start a redis redis
        ip=$(address a redis)
        wait_for 60 on a redis-cli -h "$ip" ping
        on a redis-cli -h "$ip" eval "for i=1,10000 do redis.call('set','k'..i,i) end" 0
        on a bash -c "(sleep 3; echo ping) | redis-cli -h $ip > /srv/client" &
        sleep 0.5
        on a checkpointctl create --quiet --tcp keep --output /srv/redis.tar redis
        # The connection that was open through the checkpoint still answers.
        wait
        [ "$(cat /srv/client)" = PONG ]
        on a podman rm -f -t 0 redis
        on b checkpointctl restore --quiet --tcp close /srv/redis.tar
        [ "$(on b redis-cli -h "$(address b redis)" dbsize)" = 10000 ]
}

@test "nginx with workers serves on" {
        start a nginx nginx
        wait_for 60 fetch a nginx
        move nginx
        [ "$(fetch b nginx)" = "hello from nginx" ]
        [ "$(on b podman top nginx pid | tail -n +2 | wc -l)" = 3 ]
}

@test "a Python server goes on counting its requests" {
        start a python python
        wait_for 60 fetch a python
        n=$(fetch a python)
        move python
        [ "$(fetch b python)" -gt "$n" ]
}

@test "a Node.js server goes on counting its requests" {
        start a node node -e UV_USE_IO_URING=0
        wait_for 60 fetch a node
        n=$(fetch a node)
        move node
        [ "$(fetch b node)" -gt "$n" ]
}

@test "threads go on" {
        start a threads threads
        wait_for 60 on a podman exec threads cat /tmp/count
        before=$(count_of a threads)
        move threads
        [ "$(count_of b threads)" -ge "$before" ]
        goes_on b threads
}

@test "--stop ends the container when the archive is complete, and not before" {
        start a stopping busybox
        sleep 1
        on a checkpointctl create --quiet --stop --output /srv/stopping.tar stopping
        [ "$(on a podman inspect stopping --format '{{.State.Status}}')" = exited ]
        # What it wrote last lies in the archive: nothing ran after the dump.
        last=$(on a podman logs stopping | tail -n 1 | tr -dc 0-9)
        on b checkpointctl restore --quiet /srv/stopping.tar
        first=$(on b podman exec stopping cat /tmp/count)
        [ "$first" -ge "$last" ]
        nothing_left a
}

@test "a restored container is checkpointed and restored again, five times" {
        start a chain busybox
        sleep 1
        from=a to=b
        for i in 1 2 3 4 5; do
                before=$(count_of $from chain)
                on $from checkpointctl create --quiet --output "/srv/chain$i.tar" chain
                on $from podman rm -f -t 0 chain
                on $to checkpointctl restore --quiet "/srv/chain$i.tar"
                [ "$(count_of $to chain)" -ge "$before" ]
                t=$from from=$to to=$t
        done
        # Each dump holds the container's own control groups and no others, so it does not grow.
        first=$(tar -xOf /srv/chain1.tar checkpoint/cgroup.img | wc -c)
        last=$(tar -xOf /srv/chain5.tar checkpoint/cgroup.img | wc -c)
        [ "$last" -le "$((first + 1024))" ]
}

@test "--name restores beside the original" {
        start a original busybox
        sleep 1
        on a checkpointctl create --quiet --output /srv/original.tar original
        on a checkpointctl restore --quiet --name copy --ignore-static-ip /srv/original.tar
        goes_on a original
        goes_on a copy
}
