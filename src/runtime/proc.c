/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <ctype.h>
#include "base/file.h"

#define PROC_TEXT_LIMIT (256 * MIB) /* mappings of a process with millions of them */

int proc_text(pid_t pid, const char *name, struct buffer *out, struct error *err)
{
        char path[64];
        _cleanup_close_ int fd = -1;

        snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(err, errno, "cannot open %s", path);
        for (;;) {
                ssize_t n;

                if (out->size > PROC_TEXT_LIMIT)
                        return error_errno(err, EFBIG, "%s is absurdly long", path);
                if (buffer_reserve(out, 16 * KIB) < 0)
                        return error_oom(err);
                n = file_read_full(fd, out->data + out->size, 16 * KIB - 1);
                if (n < 0)
                        return error_errno(err, (int)-n, "cannot read %s", path);
                out->size += (size_t)n;
                out->data[out->size] = '\0';
                if ((size_t)n < 16 * KIB - 1)
                        return 0;
        }
}

/* The number after "KEY:" at the start of a line of /proc/PID/status. */
static uint64_t status_number(const char *text, const char *key, bool last)
{
        size_t length = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                uint64_t value = 0;
                char *end = NULL;

                line += *line == '\n';
                if (strncmp(line, key, length) != 0 || line[length] != ':')
                        continue;
                line += length + 1;
                do {
                        value = strtoull(line, &end, 10);
                        line = end;
                        line += strspn(line, " \t");
                } while (last && isdigit((unsigned char)*line));
                return value;
        }
        return 0;
}

/* "PID (COMMAND) STATE PPID …": the command may hold blanks and parentheses, so its end is sought from
 * behind. */
static bool stat_parse(const char *text, struct proc_process *out)
{
        const char *open = strchr(text, '('), *close = strrchr(text, ')');
        int pid, parent;
        unsigned long long start;
        unsigned threads;
        size_t length;

        if (!open || !close || close < open || sscanf(text, "%d", &pid) != 1)
                return false;
        if (sscanf(close + 1,
                   " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u %*d %llu",
                   &out->state, &parent, &threads, &start) != 4)
                return false;
        length = (size_t)(close - open - 1);
        if (length >= sizeof(out->command))
                length = sizeof(out->command) - 1;
        memcpy(out->command, open + 1, length);
        out->command[length] = '\0';
        out->pid = pid;
        out->parent = parent;
        out->threads = threads;
        out->start_time = start;
        return true;
}

static int read_stat(pid_t pid, struct proc_process *out, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int ret = proc_text(pid, "stat", &text, NULL);

        *out = (struct proc_process){0};
        if (ret == 0 && stat_parse(buffer_text(&text), out))
                return 0;
        return error_errno(err, ESRCH, "cannot look at process %d", (int)pid);
}

static int read_status(struct proc_process *process, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        const char *status;

        if (proc_text(process->pid, "status", &text, NULL) < 0)
                return error_errno(err, ESRCH, "cannot look at process %d", (int)process->pid);
        status = buffer_text(&text);
        process->inside = (pid_t)status_number(status, "NSpid", true);
        process->tracer = (pid_t)status_number(status, "TracerPid", false);
        process->anonymous =
                (status_number(status, "RssAnon", false) + status_number(status, "VmSwap", false)) * KIB;
        process->shared = status_number(status, "RssShmem", false) * KIB;
        return 0;
}

int proc_read(pid_t pid, struct proc_process *out, struct error *err)
{
        int ret = read_stat(pid, out, err);

        return ret < 0 ? ret : read_status(out, err);
}

uint64_t proc_namespace(pid_t pid, const char *name)
{
        char path[64];
        struct stat status;

        if (pid)
                snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
        else
                snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
        return stat(path, &status) == 0 ? status.st_ino : 0;
}

static int process_compare(const void *a, const void *b)
{
        const struct proc_process *x = a, *y = b;

        return x->pid < y->pid ? -1 : x->pid > y->pid;
}

const struct proc_process *proc_list_find(const struct proc_list *list, pid_t pid)
{
        struct proc_process key = {.pid = pid};

        return list->count ? bsearch(&key, list->items, list->count, sizeof(key), process_compare) : NULL;
}

/* All processes of the machine with what their stat says, ordered by number. */
static int list_all(struct proc_list *out, struct error *err)
{
        _cleanup_closedir_ DIR *dir = opendir("/proc");
        size_t capacity = 0;

        if (!dir)
                return error_errno(err, errno, "cannot open /proc");
        for (struct dirent *entry; (entry = readdir(dir));) {
                struct proc_process process;

                if (!isdigit((unsigned char)entry->d_name[0]) ||
                    read_stat((pid_t)strtol(entry->d_name, NULL, 10), &process, NULL) < 0)
                        continue;
                if (out->count == capacity) {
                        struct proc_process *items;

                        capacity = capacity ? 2 * capacity : 256;
                        items = reallocarray(out->items, capacity, sizeof(*items));
                        if (!items)
                                return error_oom(err);
                        out->items = items;
                }
                out->items[out->count++] = process;
        }
        if (out->count)
                qsort(out->items, out->count, sizeof(*out->items), process_compare);
        return 0;
}

/* Parents may have greater numbers than children, so this repeats until nothing changes: as often as the tree
 * has levels at worst. */
static void mark_descendants(struct proc_list *list, pid_t init)
{
        bool changed = true;

        while (changed) {
                changed = false;
                for (size_t i = 0; i < list->count; i++) {
                        struct proc_process *process = &list->items[i];
                        const struct proc_process *parent;

                        if (process->descendant)
                                continue;
                        parent = proc_list_find(list, process->parent);
                        if (process->pid == init || (parent && parent->descendant))
                                process->descendant = changed = true;
                }
        }
}

int proc_list_container(pid_t init, struct proc_list *out, struct error *err)
{
        _cleanup_proc_list_ struct proc_list all = {0};
        uint64_t ours = proc_namespace(0, "pid"), theirs = proc_namespace(init, "pid");
        size_t kept = 0;
        int ret = list_all(&all, err);

        if (ret < 0)
                return ret;
        mark_descendants(&all, init);
        for (size_t i = 0; i < all.count; i++) {
                struct proc_process *process = &all.items[i];

                if (!process->descendant &&
                    (theirs == ours || !theirs || proc_namespace(process->pid, "pid") != theirs))
                        continue;
                if (read_status(process, NULL) == 0)
                        all.items[kept++] = *process;
        }
        all.count = kept;
        if (!proc_list_find(&all, init))
                return error_errno(err, ESRCH, "cannot look at process %d", (int)init);
        *out = all;
        all = (struct proc_list){0};
        return 0;
}

void proc_list_free(struct proc_list *list)
{
        free(list->items);
        *list = (struct proc_list){0};
}

/* fdinfo (proc(5)): "mnt_id:\t29", and a line "lock:\t1: FLOCK …" for each lock. */
static void read_descriptor_info(struct proc_descriptor *descriptor)
{
        _cleanup_buffer_ struct buffer text = {0};
        char name[32];
        const char *at;

        snprintf(name, sizeof(name), "fdinfo/%d", descriptor->fd);
        if (proc_text(descriptor->pid, name, &text, NULL) < 0)
                return;
        at = strstr(buffer_text(&text), "mnt_id:");
        if (at)
                descriptor->mount_id = (int)strtol(at + strlen("mnt_id:"), NULL, 10);
        descriptor->locked = strstr(buffer_text(&text), "\nlock:") != NULL;
}

int proc_each_descriptor(pid_t pid, proc_descriptor_function each, void *context)
{
        _cleanup_closedir_ DIR *dir = NULL;
        char path[64], target[4096];

        snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
        dir = opendir(path);
        if (!dir)
                return 0; /* it has ended */
        for (struct dirent *entry; (entry = readdir(dir));) {
                struct proc_descriptor descriptor = {.pid = pid, .target = target, .mount_id = -1};
                ssize_t length;
                int ret;

                if (!isdigit((unsigned char)entry->d_name[0]))
                        continue;
                length = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
                if (length < 0)
                        continue;
                target[length] = '\0';
                descriptor.fd = (int)strtol(entry->d_name, NULL, 10);
                if (target[0] == '/') {
                        descriptor.has_status =
                                fstatat(dirfd(dir), entry->d_name, &descriptor.status, 0) == 0;
                        read_descriptor_info(&descriptor);
                }
                ret = each(context, &descriptor);
                if (ret)
                        return ret;
        }
        return 0;
}

/* Undoes the octal escapes of mountinfo ("\040" is a blank). */
static char *mount_text(const char *from)
{
        char *text = strdup(from), *to = text;

        for (const char *at = text; at && *at;) {
                if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' &&
                    at[3] >= '0' && at[3] <= '7') {
                        *to++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
                        at += 4;
                } else {
                        *to++ = *at++;
                }
        }
        if (to)
                *to = '\0';
        return text;
}

static void mount_release(struct proc_mount *mount)
{
        free(mount->root);
        free(mount->point);
        free(mount->type);
        free(mount->source);
}

/* "36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw" (proc(5)). */
static int mount_parse(char *line, struct proc_mount *out)
{
        char *fields[6] = {NULL}, *rest = NULL, *type, *source;
        size_t count = 0;

        *out = (struct proc_mount){0};
        for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                if (strcmp(word, "-") == 0)
                        break;
                if (count < ARRAY_SIZE(fields))
                        fields[count++] = word;
                else if (text_starts_with(word, "master:"))
                        out->slave = true;
        }
        type = strtok_r(NULL, " ", &rest);
        source = strtok_r(NULL, " ", &rest);
        if (count < ARRAY_SIZE(fields) || !type)
                return -EBADMSG;
        out->id = (int)strtol(fields[0], NULL, 10);
        out->parent = (int)strtol(fields[1], NULL, 10);
        out->root = mount_text(fields[3]);
        out->point = mount_text(fields[4]);
        out->type = strdup(type);
        out->source = mount_text(source ? source : "");
        if (out->root && out->point && out->type && out->source)
                return 0;
        mount_release(out);
        return -ENOMEM;
}

int proc_mounts_read(pid_t pid, struct proc_mounts *out, struct error *err)
{
        _cleanup_proc_mounts_ struct proc_mounts mounts = {0};
        _cleanup_buffer_ struct buffer text = {0};
        char *rest = NULL;
        int ret = proc_text(pid, "mountinfo", &text, err);

        if (ret < 0)
                return ret;
        for (char *line = text.size ? strtok_r((char *)text.data, "\n", &rest) : NULL; line;
             line = strtok_r(NULL, "\n", &rest)) {
                struct proc_mount mount, *items;

                ret = mount_parse(line, &mount);
                if (ret == -EBADMSG)
                        continue;
                items = ret < 0 ? NULL : reallocarray(mounts.items, mounts.count + 1, sizeof(*items));
                if (!items) {
                        if (ret == 0)
                                mount_release(&mount);
                        return error_oom(err);
                }
                mounts.items = items;
                mounts.items[mounts.count++] = mount;
        }
        *out = mounts;
        mounts = (struct proc_mounts){0};
        return 0;
}

const struct proc_mount *proc_mounts_find(const struct proc_mounts *mounts, int id)
{
        for (size_t i = 0; i < mounts->count; i++) {
                if (mounts->items[i].id == id)
                        return &mounts->items[i];
        }
        return NULL;
}

void proc_mounts_free(struct proc_mounts *mounts)
{
        for (size_t i = 0; i < mounts->count; i++)
                mount_release(&mounts->items[i]);
        free(mounts->items);
        *mounts = (struct proc_mounts){0};
}
