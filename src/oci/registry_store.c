/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include "oci/registry_store_private.h"

#define LOCK_FILE       "lock"
#define SMALL_FILE_MAX  (8 * MIB) /* descriptors of referrers have annotations */
#define NAME_MAX_LENGTH 255

/* --- names and paths ---------------------------------------------------------------------------------------
 */

static bool is_name_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* What separates the parts of a component: one dot, one or two underscores, any number of dashes. */
static size_t separator_size(const char *at)
{
        size_t dashes = strspn(at, "-"), underscores = strspn(at, "_");

        if (dashes)
                return dashes;
        if (underscores)
                return underscores <= 2 ? underscores : 0;
        return *at == '.';
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* : where it ends, NULL when there is none. */
static const char *skip_component(const char *at)
{
        for (;;) {
                if (!is_name_letter(*at))
                        return NULL;
                while (is_name_letter(*at))
                        at++;
                if (!*at || *at == '/')
                        return at;
                at += separator_size(at); /* none: the next round refuses what stands there */
        }
}

bool store_name_is_valid(const char *name)
{
        if (strlen(name) > NAME_MAX_LENGTH)
                return false;
        for (;; name++) {
                name = skip_component(name);
                if (!name || !*name)
                        return name != NULL;
        }
}

int store_check_name(const char *name, struct error *err)
{
        return store_name_is_valid(name) ? 0
                                         : error_set(err, &ERROR_STORE_NAME, -EINVAL,
                                                     "`%.100s` is not a name of a repository", name);
}

void store_path(char out[STORE_PATH_SIZE], const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(out, STORE_PATH_SIZE, format, args);
        va_end(args);
}

void store_blob_path(char out[STORE_PATH_SIZE], const struct sha256 *digest)
{
        char hex[SHA256_HEX_SIZE];

        sha256_hex(digest, hex);
        store_path(out, STORE_BLOBS "/%.2s/%s", hex, hex);
}

void store_link_path(char out[STORE_PATH_SIZE], const char *name, const char *kind,
                     const struct sha256 *digest)
{
        char hex[SHA256_HEX_SIZE];

        store_path(out, STORE_REPOS "/%s/%s/%s", name, kind, sha256_hex(digest, hex));
}

/* --- files and directories ---------------------------------------------------------------------------------
 */

/* Makes the last component in the directory of the others, and sees to it that it stays. */
static int make_directory(const struct registry_store *store, const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *parent = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
        _cleanup_close_ int fd =
                parent ? file_open_beneath(store->root, parent, O_RDONLY | O_DIRECTORY, 0) : -ENOMEM;

        if (fd == -ENOENT && slash) {
                int ret = make_directory(store, parent);

                if (ret < 0)
                        return ret;
                fd = file_open_beneath(store->root, parent, O_RDONLY | O_DIRECTORY, 0);
        }
        if (fd < 0)
                return fd;
        if (mkdirat(fd, slash ? slash + 1 : path, 0700) < 0 && errno != EEXIST)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

int store_directory(const struct registry_store *store, const char *path, struct error *err)
{
        int fd = file_open_beneath(store->root, path, O_RDONLY | O_DIRECTORY, 0);

        if (fd == -ENOENT) {
                int ret = make_directory(store, path);

                fd = ret < 0 ? ret : file_open_beneath(store->root, path, O_RDONLY | O_DIRECTORY, 0);
        }
        return fd < 0 ? error_errno(err, -fd, "open directory `%s/%s`", store->path, path) : fd;
}

bool store_exists(const struct registry_store *store, const char *path)
{
        _cleanup_close_ int fd = file_open_beneath(store->root, path, O_PATH, 0);

        return fd >= 0;
}

int store_read(const struct registry_store *store, const char *path, struct buffer *out)
{
        _cleanup_close_ int fd = file_open_beneath(store->root, path, O_RDONLY, 0);
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return fd < 0 ? fd : -errno;
        if (st.st_size > (off_t)SMALL_FILE_MAX)
                return -EFBIG;
        if (buffer_reserve(out, (size_t)st.st_size) < 0)
                return -ENOMEM;
        n = file_read_full(fd, out->data + out->size, (size_t)st.st_size);
        if (n < 0)
                return (int)n;
        out->size += (size_t)n;
        out->data[out->size] = '\0';
        return 0;
}

static int write_temporary(int directory, const char *name, struct slice bytes)
{
        _cleanup_close_ int fd =
                openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        int ret;

        if (fd < 0)
                return -errno;
        ret = file_write_full(fd, bytes.data, bytes.size);
        return ret < 0 ? ret : fsync(fd) < 0 ? -errno : 0;
}

int store_write(const struct registry_store *store, const char *path, const char *name, struct slice bytes,
                struct error *err)
{
        _cleanup_close_ int temporaries = store_directory(store, STORE_TEMP, err);
        _cleanup_close_ int directory = temporaries < 0 ? -EIO : store_directory(store, path, err);
        char id[UNIQUE_ID_SIZE];
        int ret;

        if (directory < 0)
                return directory;
        ret = write_temporary(temporaries, unique_id(id), bytes);
        if (ret == 0 && (renameat(temporaries, id, directory, name) < 0 || fsync(directory) < 0))
                ret = -errno;
        if (ret == 0)
                return 0;
        unlinkat(temporaries, id, 0);
        return error_errno(err, -ret, "cannot write `%s/%s/%s`", store->path, path, name);
}

int store_remove(const struct registry_store *store, const char *path, struct error *err)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *parent = strndup(path, (size_t)(slash - path));
        _cleanup_close_ int fd =
                parent ? file_open_beneath(store->root, parent, O_RDONLY | O_DIRECTORY, 0) : -ENOMEM;

        if (fd < 0 || unlinkat(fd, slash + 1, 0) < 0) {
                int ret = fd < 0 ? fd : -errno;

                return ret == -ENOENT ? ret : error_errno(err, -ret, "remove `%s/%s`", store->path, path);
        }
        return fsync(fd) < 0 ? error_errno(err, errno, "remove `%s/%s`", store->path, path) : 0;
}

int store_lock(const struct registry_store *store, enum store_lock_kind kind, struct error *err)
{
        static const int operations[] = {LOCK_SH, LOCK_EX, LOCK_EX | LOCK_NB};
        _cleanup_close_ int fd = file_open_beneath(store->root, LOCK_FILE, O_RDWR | O_CREAT, 0600);

        if (fd < 0)
                return error_errno(err, -fd, "cannot lock `%s`", store->path);
        while (flock(fd, operations[kind]) < 0)
                if (errno != EINTR)
                        return error_errno(err, errno == EWOULDBLOCK ? EBUSY : errno, "cannot lock `%s`",
                                           store->path);
        return steal_fd(&fd);
}

/* --- lists -------------------------------------------------------------------------------------------------
 */

void store_list_free(struct store_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                free(list->items[i]);
        free(list->items);
        *list = (struct store_list){0};
}

int store_list_add(struct store_list *list, const char *item, struct error *err)
{
        /* Grows when the count reaches a power of two. */
        if ((list->count & (list->count - 1)) == 0) {
                char **items = reallocarray(list->items, list->count ? list->count * 2 : 1, sizeof(*items));

                if (!items)
                        return error_oom(err);
                list->items = items;
        }
        list->items[list->count] = strdup(item);
        if (!list->items[list->count])
                return error_oom(err);
        list->count++;
        return 0;
}

static int compare_items(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void store_list_sort(struct store_list *list)
{
        if (list->count)
                qsort(list->items, list->count, sizeof(*list->items), compare_items);
}

int store_each(const struct registry_store *store, const char *path, store_entry entry, void *context,
               struct error *err)
{
        int fd = file_open_beneath(store->root, path, O_RDONLY | O_DIRECTORY, 0), ret = 0;
        _cleanup_closedir_ DIR *stream = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *each;

        if (fd == -ENOENT)
                return 0;
        if (!stream)
                return error_errno(err, fd < 0 ? -fd : errno, "open directory `%s/%s`", store->path, path);
        while (ret == 0 && (each = readdir(stream)))
                if (each->d_name[0] != '.')
                        ret = entry(context, fd, each->d_name, err);
        return ret;
}

static int list_entry(void *context, int directory, const char *name, struct error *err)
{
        return store_list_add(context, name, err);
}

int store_entries(const struct registry_store *store, const char *path, struct store_list *out,
                  struct error *err)
{
        int ret = store_each(store, path, list_entry, out, err);

        store_list_sort(out);
        return ret;
}

struct walk {
        const struct registry_store *store;
        const char *name; /* of the repository, "" at the top */
        struct store_list *out;
        bool is_repository;
};

static int walk_entry(void *context, int directory, const char *entry, struct error *err)
{
        struct walk *walk = context, inner = {.store = walk->store, .out = walk->out};
        char name[NAME_MAX_LENGTH + 1], path[STORE_PATH_SIZE];
        int ret;

        if (entry[0] == '_') {
                walk->is_repository = true;
                return 0;
        }
        if (snprintf(name, sizeof(name), "%s%s%s", walk->name, *walk->name ? "/" : "", entry) >=
                    (int)sizeof(name) ||
            !store_name_is_valid(name))
                return 0; /* nothing of ours */
        inner.name = name;
        store_path(path, STORE_REPOS "/%s", name);
        ret = store_each(walk->store, path, walk_entry, &inner, err);
        if (ret == 0 && inner.is_repository)
                ret = store_list_add(walk->out, name, err);
        return ret;
}

int store_walk(const struct registry_store *store, struct store_list *out, struct error *err)
{
        struct walk walk = {.store = store, .name = "", .out = out};
        int ret = store_each(store, STORE_REPOS, walk_entry, &walk, err);

        store_list_sort(out);
        return ret;
}

/* --- opening
 * ------------------------------------------------------------------------------------------------ */

static int make_blob_directories(const struct registry_store *store, struct error *err)
{
        _cleanup_close_ int directory = store_directory(store, STORE_BLOBS, err);
        char name[3];

        if (directory < 0)
                return directory;
        for (unsigned i = 0; i < 256; i++) {
                snprintf(name, sizeof(name), "%02x", i);
                if (mkdirat(directory, name, 0700) < 0 && errno != EEXIST)
                        return error_errno(err, errno, "make directory `%s/" STORE_BLOBS "/%s`", store->path,
                                           name);
        }
        return fsync(directory) < 0 ? error_errno(err, errno, "make directories in `%s`", store->path) : 0;
}

int store_open(const char *root, struct registry_store **out, struct error *err)
{
        _cleanup_store_ struct registry_store *store = calloc(1, sizeof(*store));
        int ret = store ? file_mkdir_all(root, 0700, err) : error_oom(err);

        if (ret < 0)
                return ret;
        store->root = -1;
        pthread_mutex_init(&store->lock, NULL);
        for (size_t i = 0; i < STORE_STRIPES; i++)
                pthread_mutex_init(&store->verifying[i], NULL);
        store->path = strdup(root);
        store->stamps = calloc(STORE_STAMPS, sizeof(*store->stamps));
        if (!store->path || !store->stamps)
                return error_oom(err);
        store->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->root < 0)
                return error_errno(err, errno, "open directory `%s`", root);
        ret = make_blob_directories(store, err);
        if (ret == 0)
                *out = steal_ptr(store);
        return ret;
}

void store_free(struct registry_store *store)
{
        if (!store)
                return;
        for (size_t i = 0; i < STORE_STATES; i++)
                sha256_free(store->states[i].hash);
        if (store->root >= 0)
                close(store->root);
        free(store->stamps);
        free(store->path);
        free(store);
}
