#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a container changed in its file system is there again, of every kind that engines lose.

load helpers

setup_file() {
        images_on a busybox
        images_on b busybox
        start a fs busybox
        on a podman exec fs sh -ec '
                echo changed > /data/modified
                rm /data/deleted
                rm /data/link
                rm /usr/bin/yes 2> /dev/null || rm /usr/bin/vi
                mkdir -p /new/deep && echo new > /new/deep/file && chmod 640 /new/deep/file && chown 1000:1001 /new/deep/file
                chmod 2750 /new && chown 33:33 /new
                chmod 1700 /data && chown 5:6 /data
                rm -r /data/dir && mkdir /data/dir && echo fresh > /data/dir/file
                ln -s /etc/passwd /new/link
                ln /new/deep/file /new/hard
                mv /var/tmp /var/moved
                mkfifo /new/fifo 2> /dev/null || true
                echo shm > /dev/shm/segment'
        on a checkpointctl create --quiet --output /srv/fs.tar fs
        on a podman rm -f -t 0 fs
        on b checkpointctl restore --quiet /srv/fs.tar
}

inside() { on b podman exec fs "$@"; }

@test "a modified file of the image" { [ "$(inside cat /data/modified)" = changed ]; }
@test "a deleted file of the image" { run ! inside ls /data/deleted; }
@test "a deleted link, and not its target" {
        run ! inside ls -d /data/link
        run ! inside ls -d /usr/bin/vi
        inside ls /usr/bin/busybox /data/modified
}
@test "a new file with mode and owner" { [ "$(inside sh -c "ls -ln /new/deep/file | cut -c1-10; cat /new/deep/file")" = "$(printf -- '-rw-r-----\nnew')" ] && inside ls -ln /new/deep/file | grep -q '1000 *1001'; }
@test "a new directory's mode and owner" { inside ls -lnd /new | grep -q '^drwxr-s--- .* 33 *33 '; }
@test "an image directory's changed mode and owner" { inside ls -lnd /data | grep -q '^drwx-----T .* 5 *6 '; }
@test "a directory that was replaced holds only what is new" { [ "$(inside ls /data/dir)" = file ]; }
@test "a symbolic link" { [ "$(inside busybox readlink /new/link)" = /etc/passwd ]; }
@test "a hard link" { [ "$(inside sh -c 'ls -i /new/hard | cut -d" " -f1')" = "$(inside sh -c 'ls -i /new/deep/file | cut -d" " -f1')" ]; }
@test "a renamed directory" { inside ls -d /var/moved && run ! inside ls -d /var/tmp; }
@test "shared memory" { [ "$(inside cat /dev/shm/segment)" = shm ]; }
@test "a volume comes along" {
        on a podman run -d --pull=never --name vol -v data:/vol localhost/busybox
        on a podman exec vol sh -c 'echo kept > /vol/file'
        on a checkpointctl create --quiet --output /srv/vol.tar vol
        on b checkpointctl restore --quiet /srv/vol.tar
        [ "$(on b podman exec vol cat /vol/file)" = kept ]
}
