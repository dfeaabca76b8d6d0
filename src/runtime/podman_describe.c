/* SPDX-License-Identifier: Apache-2.0 */
/* The members that only Podman has, as libpod/container_internal_common.go of Podman 5.4 writes them. */
#include "runtime/podman.h"

#include <errno.h>
#include <fcntl.h>
#include "runtime/tree.h"

static int add_log(const struct container *container, struct archive_writer *writer, struct error *err)
{
        _cleanup_close_ int fd = -1;

        if (!*container->log)
                return 0;
        fd = open(container->log, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0
                                       : error_errno(err, errno, "cannot open the log %s", container->log);
        return archive_writer_add_fd(writer, "ctr.log", 0600, fd, err);
}

static int add_volumes(const struct podman_record *record, struct archive_writer *writer, struct error *err)
{
        for (size_t i = 0; i < record->volume_count; i++) {
                const struct podman_volume *volume = &record->volumes[i];
                _cleanup_free_ char *name = NULL;
                int ret;

                if (asprintf(&name, "volumes/%s.tar", volume->name) < 0) {
                        name = NULL;
                        return error_oom(err);
                }
                ret = tree_add(writer, name, volume->path, err);
                if (ret < 0)
                        return error_wrap(err, ret, "volume %s", volume->name);
        }
        return 0;
}

int podman_describe(const struct container *container, const struct checkpoint_options *options,
                    struct archive_writer *writer, struct error *err)
{
        const struct podman_record *record = podman_record(container);
        int ret = archive_writer_add(writer, "artifacts/", 0755, (struct slice){0}, err);

        if (ret == 0 && *container->shm)
                ret = tree_add(writer, "devshm-checkpoint.tar", container->shm, err);
        if (ret == 0)
                ret = archive_writer_add(writer, "config.dump", 0600, buffer_slice(&record->config), err);
        if (ret == 0)
                ret = archive_writer_add(writer, "spec.dump", 0600, buffer_slice(&record->spec), err);
        if (ret == 0)
                ret = archive_writer_add(writer, "network.status", 0600, buffer_slice(&record->network), err);
        if (ret == 0)
                ret = add_log(container, writer, err);
        if (ret == 0 && !options->skip_volumes)
                ret = add_volumes(record, writer, err);
        return ret;
}
