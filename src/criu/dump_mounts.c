/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "criu/errors.h"
#include "criu/loader.h"

/* images/mnt.proto */
static const char *const mount_types[] = {
        "unsupported",
        "proc",
        "sysfs",
        "devtmpfs",
        "binfmt_misc",
        "tmpfs",
        "devpts",
        "simfs",
        "pstore",
        "securityfs",
        "fusectl",
        "debugfs",
        "cgroup",
        "aufs",
        "mqueue",
        "fuse",
        "auto",
        "overlay",
        "autofs",
        "tracefs",
        "",
        "",
        "",
        "cgroup2",
};

static const char *mount_type_name(const Criu__Mount *mount)
{
        if (mount->type_name && *mount->type_name)
                return mount->type_name;
        return mount->type < ARRAY_SIZE(mount_types) ? mount_types[mount->type] : "";
}

int criu_load_mounts(struct criu_loader *loader, uint32_t root_pid, struct criu_dump *out, struct error *err)
{
        struct criu_messages mounts = {0};
        Criu__ObjectIds *ids;
        char name[64];
        int r = criu_ids_load(loader->source, root_pid, loader->arena, &ids, err);

        if (r < 0 || !ids->has_mnt)
                return r;
        /* There is none when the processes use the mounts of the host. */
        snprintf(name, sizeof(name), "mountpoints-%u.img", ids->mnt);
        r = criu_records_read_all(loader->source, name, "MNTS", true, &criu__mount__descriptor, loader->arena,
                                  &mounts, err);
        if (r < 0)
                return r;
        out->mounts = criu_arena_array(loader->arena, mounts.count, sizeof(*out->mounts));
        if (!out->mounts)
                return error_oom(err);
        for (size_t i = 0; i < mounts.count; i++) {
                const Criu__Mount *from = mounts.items[i];

                out->mounts[i] = (struct criu_mount){
                        .destination = from->mountpoint,
                        .type = mount_type_name(from),
                        .source = from->source,
                        .root = from->root,
                        .options = from->options,
                        .id = from->id,
                        .parent_id = from->parent_id,
                        .external = from->external || from->external_key,
                };
        }
        out->mount_count = mounts.count;
        return 0;
}
