/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup.h"

#include <errno.h>
#include "runtime/runtime.h"

/* "N:freezer,…:/path" of version 1, or "0::/path" of version 2 (cgroups(7)). */
static bool membership_find(const char *text, unsigned version, char *path, size_t size)
{
        while (*text) {
                const char *end = strchrnul(text, '\n');
                const char *controllers = memchr(text, ':', (size_t)(end - text));
                const char *at =
                        controllers ? memchr(controllers + 1, ':', (size_t)(end - controllers - 1)) : NULL;
                bool found = false;

                if (at && version == 2)
                        found = text_starts_with(text, "0::");
                for (const char *c = controllers; at && version == 1 && c < at;) {
                        size_t length = strcspn(++c, ",:");

                        found = found || (length == strlen("freezer") && text_starts_with(c, "freezer"));
                        c += length;
                }
                if (found && (size_t)(end - at - 1) < size) {
                        memcpy(path, at + 1, (size_t)(end - at - 1));
                        path[end - at - 1] = '\0';
                        return true;
                }
                text = *end ? end + 1 : end;
        }
        return false;
}

/* Undoes the octal escapes of mountinfo in place. */
static void unescape(char *text)
{
        char *to = text;

        for (const char *from = text; *from;) {
                if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' &&
                    from[3] >= '0' && from[3] <= '7') {
                        *to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
                        from += 4;
                } else {
                        *to++ = *from++;
                }
        }
        *to = '\0';
}

static bool options_have(char *options, const char *wanted)
{
        for (char *save = NULL, *option = strtok_r(options, ",", &save); option;
             option = strtok_r(NULL, ",", &save))
                if (strcmp(option, wanted) == 0)
                        return true;
        return false;
}

/* "36 35 98:0 ROOT POINT options [tags] - TYPE source SUPER-OPTIONS" (proc_pid_mountinfo(5)). Cuts `line`. */
static bool mount_matches(char *line, unsigned version, char **root, char **point)
{
        char *save = NULL, *fields[5], *rest = strstr(line, " - "), *type, *super;

        if (!rest)
                return false;
        *rest = '\0';
        for (int i = 0; i < 5; i++) {
                fields[i] = strtok_r(i ? NULL : line, " ", &save);
                if (!fields[i])
                        return false;
        }
        type = strtok_r(rest + 3, " ", &save);
        (void)strtok_r(NULL, " ", &save);
        super = strtok_r(NULL, " ", &save);
        if (!type || !super)
                return false;
        if (version == 2 ? strcmp(type, "cgroup2") != 0
                         : strcmp(type, "cgroup") != 0 || !options_have(super, "freezer"))
                return false;
        *root = fields[3];
        *point = fields[4];
        unescape(*root);
        unescape(*point);
        return true;
}

/* True when `path` is `above` or lies below it. */
static bool is_below(const char *path, const char *above)
{
        size_t length = strlen(above);

        return strncmp(path, above, length) == 0 &&
               (path[length] == '\0' || path[length] == '/' || strcmp(above, "/") == 0);
}

/* The mount that shows `path`, put together into a directory. */
static bool directory_find(const char *mountinfo, unsigned version, const char *path, char *out, size_t size)
{
        _cleanup_free_ char *copy = strdup(mountinfo);

        for (char *save = NULL, *line = copy ? strtok_r(copy, "\n", &save) : NULL; line;
             line = strtok_r(NULL, "\n", &save)) {
                char *root, *point;
                const char *rest;
                int n;

                if (!mount_matches(line, version, &root, &point) || !is_below(path, root))
                        continue;
                rest = strcmp(root, "/") == 0 ? path : path + strlen(root);
                n = snprintf(out, size, "%s%s", point, strcmp(rest, "/") == 0 ? "" : rest);
                return n > 0 && (size_t)n < size;
        }
        return false;
}

/* Cuts `path` to the level of the runtime's own path: "/pod/c/init" and "/pod/c" give "/pod/c". The runtime
 * may name a directory ("/sys/fs/cgroup/freezer/pod/c"): then the longest ancestor that it ends with counts.
 */
static void cut_to_runtime(char *path, const char *runtime_path)
{
        char *slash;

        if (!*runtime_path)
                return;
        for (size_t length = strlen(path); length > 1; length = (size_t)(slash - path)) {
                char kept = path[length];

                path[length] = '\0';
                if (text_ends_with(runtime_path, path))
                        return;
                slash = strrchr(path, '/');
                path[length] = kept;
                if (!slash || slash == path)
                        return;
        }
}

int cgroup_locate(const char *proc_cgroup, const char *mountinfo, const char *runtime_path,
                  struct cgroup_location *out, struct error *err)
{
        /* Version 1 first: where it has the freezer, version 2 beside it (hybrid) only names groups. */
        for (unsigned version = 1; version <= 2; version++) {
                if (!membership_find(proc_cgroup, version, out->path, sizeof(out->path)))
                        continue;
                cut_to_runtime(out->path, runtime_path);
                /* "/.." leads out of our cgroup namespace: then no mount here shows it. */
                if (text_starts_with(out->path, "/..") ||
                    !directory_find(mountinfo, version, out->path, out->directory, sizeof(out->directory)))
                        continue;
                out->version = version;
                if (strcmp(out->path, "/") == 0)
                        return error_set(err, &ERROR_CGROUP_SHARED, -EBUSY,
                                         "the container is in the root control group, with all processes");
                return 0;
        }
        return error_set(err, &ERROR_FREEZE, -ENOENT,
                         "no mounted freezer control group (version 1 or 2) shows the container");
}

/* Quoted, for the name of version 2 is empty. */
static int option_append(struct buffer *out, const char *name, size_t length)
{
        return buffer_printf(out, "cgroup-dump-controller \"%.*s\"\n", (int)length, name);
}

int cgroup_dump_options(const char *proc_cgroup, const char *own_path, struct buffer *out)
{
        _cleanup_buffer_ struct buffer own = {0};
        bool shared = false;

        while (*proc_cgroup) {
                size_t length = strcspn(proc_cgroup, "\n");
                _cleanup_free_ char *line = strndup(proc_cgroup, length);
                char *names = line ? strchr(line, ':') : NULL, *path = names ? strchr(names + 1, ':') : NULL;

                if (!line)
                        return -ENOMEM;
                if (path && !is_below(path + 1, own_path))
                        shared = true;
                else if (path && option_append(&own, names + 1, (size_t)(path - names) - 1) < 0)
                        return -ENOMEM;
                proc_cgroup += length + (proc_cgroup[length] == '\n');
        }
        return shared ? buffer_append(out, own.data, own.size) : 0;
}
