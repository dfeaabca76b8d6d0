/* SPDX-License-Identifier: Apache-2.0 */
/* Know before you freeze, know before you restore: each check has a result, a reason and a remedy. */
#ifndef SNAP_RUNTIME_PREFLIGHT_H
#define SNAP_RUNTIME_PREFLIGHT_H

#include "runtime/runtime.h"

enum check_status { CHECK_OK, CHECK_WARNING, CHECK_FAILED, CHECK_UNKNOWN };

struct check {
        char *name; /* "io_uring", "established-tcp", "cpu-features", "base-image", … stable */
        enum check_status status;
        char *reason; /* what was seen, naming the object */
        char *remedy; /* "" when nothing is to be done */
};

struct check_list {
        struct check *items;
        size_t count;
};
int check_list_add(struct check_list *list, const char *name, enum check_status status, const char *remedy,
                   const char *reason_format, ...) __attribute__((format(printf, 5, 6)));
enum check_status check_list_worst(const struct check_list *list);
/* All failed checks as one error (ERROR_PREFLIGHT). */
int check_list_error(const struct check_list *list, const char *subject, struct error *err);
void check_list_free(struct check_list *list);
#define _cleanup_check_list_ _cleanup_(check_list_free)
const char *check_status_name(enum check_status status); /* "ok", "warning", "failed", "unknown" */

/* Can this container be checkpointed with these options? */
int preflight_checkpoint(const struct container *container, const struct checkpoint_options *options,
                         struct check_list *out, struct error *err);
/* Can this archive be restored here? */
int preflight_restore(const struct archive *archive, const struct metadata *metadata,
                      const struct runtime_driver *driver, const struct restore_options *options,
                      struct check_list *out, struct error *err);
/* Can this host checkpoint at all? (`doctor`) */
int preflight_host(struct check_list *out, struct error *err);

#endif
