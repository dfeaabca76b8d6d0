/* SPDX-License-Identifier: Apache-2.0 */
/* Image files made by hand, with the fields that matter. */
#include "testing.h"

#include "criu/errors.h"
#include "criu/image.h"
#include "criu/ties.h"
#include "criu/wire.h"

enum { MAGIC_COMMON = 0x54564319, DEVTMPFS = 3, TMPFS = 5, OVERLAY = 17 };

struct made {
        const char *name;
        struct buffer bytes;
};

struct dump {
        struct made files[8];
        size_t count;
};

static int made_size(void *context, const char *name, uint64_t *out, struct error *err)
{
        const struct dump *dump = context;

        for (size_t i = 0; i < dump->count; i++)
                if (strcmp(dump->files[i].name, name) == 0) {
                        *out = dump->files[i].bytes.size;
                        return 0;
                }
        return -ENOENT;
}

static int made_read(void *context, const char *name, uint64_t limit, struct buffer *out, struct error *err)
{
        const struct dump *dump = context;

        for (size_t i = 0; i < dump->count; i++)
                if (strcmp(dump->files[i].name, name) == 0)
                        return buffer_append(out, dump->files[i].bytes.data, dump->files[i].bytes.size);
        return -ENOENT;
}

static int made_list(void *context, int (*each)(void *, const char *, uint64_t), void *argument,
                     struct error *err)
{
        const struct dump *dump = context;
        int r = 0;

        for (size_t i = 0; i < dump->count && r == 0; i++)
                r = each(argument, dump->files[i].name, dump->files[i].bytes.size);
        return r;
}

static struct criu_source source_of(struct dump *dump)
{
        return (struct criu_source){.context = dump, .size = made_size, .read = made_read, .list = made_list};
}

static void put_word(struct buffer *to, uint32_t word)
{
        uint8_t bytes[4];

        store_le32(bytes, word);
        assert_int_equal(buffer_append(to, bytes, 4), 0);
}

static struct buffer *file_new(struct dump *dump, const char *name)
{
        const struct criu_image_kind *kind = criu_image_kind_by_file(name);
        struct made *made = &dump->files[dump->count++];

        assert_non_null(kind);
        made->name = name;
        if (strcmp(kind->name, "INVENTORY") != 0)
                put_word(&made->bytes, MAGIC_COMMON);
        put_word(&made->bytes, kind->magic);
        return &made->bytes;
}

static void record_put(struct buffer *to, struct buffer *record)
{
        put_word(to, (uint32_t)record->size);
        assert_int_equal(buffer_append(to, record->data, record->size), 0);
        buffer_free(record);
}

static void text_put(struct buffer *to, uint32_t number, const char *text)
{
        assert_int_equal(wire_put_bytes(to, number, SLICE_TEXT(text)), 0);
}

/* Namespaces: PIDs, network, IPC, host name, mounts. */
static void ids_put(struct buffer *to, uint64_t first)
{
        assert_int_equal(wire_put_number(to, 2, 2), 0);
        for (uint32_t field = 5; field <= 9; field++)
                assert_int_equal(wire_put_number(to, field, first + field), 0);
}

static void put_basics(struct dump *dump, uint64_t namespaces)
{
        _cleanup_buffer_ struct buffer host = {0};
        struct buffer record = {0};
        struct buffer *to = file_new(dump, "inventory.img");

        ids_put(&host, 0);
        assert_int_equal(wire_put_number(&record, 1, 2), 0);
        assert_int_equal(wire_put_bytes(&record, 3, buffer_slice(&host)), 0);
        record_put(to, &record);
        to = file_new(dump, "pstree.img");
        for (uint32_t field = 1; field <= 5; field++)
                assert_int_equal(wire_put_number(&record, field, field != 2), 0);
        record_put(to, &record);
        to = file_new(dump, "ids-1.img");
        ids_put(&record, namespaces);
        record_put(to, &record);
}

struct mount {
        uint64_t type, id, device;
        const char *root, *point, *key;
};

static void put_mount(struct buffer *to, const struct mount *mount)
{
        struct buffer record = {0};

        assert_int_equal(wire_put_number(&record, 1, mount->type), 0);
        assert_int_equal(wire_put_number(&record, 2, mount->id), 0);
        assert_int_equal(wire_put_number(&record, 3, mount->device), 0);
        assert_int_equal(wire_put_number(&record, 4, mount->id == 1 ? 0 : 1), 0);
        assert_int_equal(wire_put_number(&record, 5, 1), 0);
        text_put(&record, 6, mount->root);
        text_put(&record, 7, mount->point);
        text_put(&record, 8, "source");
        text_put(&record, 9, "options");
        if (mount->key)
                text_put(&record, 18, mount->key);
        record_put(to, &record);
}

static void put_file(struct buffer *to, const char *name, int mount, uint64_t mode)
{
        _cleanup_buffer_ struct buffer regular = {0};
        struct buffer record = {0};

        assert_int_equal(wire_put_number(&regular, 1, 7), 0);
        text_put(&regular, 6, name);
        assert_int_equal(wire_put_number(&regular, 7, (uint64_t)mount * 2), 0);
        assert_int_equal(wire_put_number(&regular, 10, mode), 0);
        assert_int_equal(wire_put_number(&record, 1, 1), 0);
        assert_int_equal(wire_put_number(&record, 2, 7), 0);
        assert_int_equal(wire_put_bytes(&record, 3, buffer_slice(&regular)), 0);
        record_put(to, &record);
}

static const struct mount by_crun[] = {
        {OVERLAY, 1, 40, "/", "/", NULL},
        {TMPFS, 2, 50, "/", "/dev", NULL},
        {DEVTMPFS, 3, 6, "/null", "/proc/kcore", "/proc/kcore"},
        {TMPFS, 4, 57, "/crun/.empty-directory", "/proc/acpi", "/run/crun/.empty-directory"},
        {TMPFS, 5, 57, "/crun/.empty-directory", "/sys/firmware", "/run/crun/.empty-directory"},
        {TMPFS, 6, 57, "/x/.containerenv", "/run/.containerenv", "/run/.containerenv"},
        {0, 7, 99, "/srv", "/data", "/data"},
        {12, 8, 30, "/x", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu"},
        {0, 9, 99, "/x", "/etc/hosts", "/etc/hosts"},
};

static const struct mount by_runc[] = {
        {OVERLAY, 1, 40, "/", "/", NULL},
        {TMPFS, 2, 50, "/", "/dev", NULL},
        {TMPFS, 3, 50, "/null", "/proc/kcore", "/dev/null"},
        {TMPFS, 4, 58, "/", "/proc/acpi", NULL},
};

static const char *const not_there[] = {"/run/.containerenv", NULL};

static void dump_make(struct dump *dump, const struct mount *mounts, size_t count)
{
        struct buffer *to;

        *dump = (struct dump){0};
        put_basics(dump, 20);
        to = file_new(dump, "mountpoints-29.img");
        for (size_t i = 0; i < count; i++)
                put_mount(to, &mounts[i]);
        to = file_new(dump, "files.img");
        put_file(to, "/", 1, 040555);
        put_file(to, "/tmp", 1, 041777);
}

static void dump_free(struct dump *dump)
{
        for (size_t i = 0; i < dump->count; i++)
                buffer_free(&dump->files[i].bytes);
}

static struct criu_ties *load(struct dump *dump, const char *const *unwanted)
{
        const struct criu_source source = source_of(dump);
        struct criu_ties *ties = NULL;
        struct error err = {0};

        assert_success(criu_ties_load(&source, unwanted, &ties, &err), &err);
        return ties;
}

static const struct criu_file *file_of(const struct criu_ties *ties, const char *name)
{
        for (size_t i = 0; i < ties->file_count; i++)
                if (strcmp(ties->files[i].name, name) == 0)
                        return &ties->files[i];
        return NULL;
}

/* Of the mount on `point`: a number and two texts; false when there is no such mount. */
static bool mount_on(const struct criu_ties *ties, const char *point, uint64_t *device, char root[64],
                     char key[64])
{
        const struct criu_file *file = file_of(ties, "mountpoints-29.img");
        struct criu_image image;
        struct error err = {0};
        struct slice record;

        if (!file) {
                fail_msg("the mounts are not written again");
                return false;
        }
        assert_success(criu_image_open(buffer_slice(&file->bytes), file->name, "MNTS", &image, &err), &err);
        while (criu_image_next(&image, &record, &err) > 0) {
                struct wire_field field;
                bool found = false;

                root[0] = key[0] = '\0';
                while (wire_next(&record, &field) > 0) {
                        if (field.number == 3)
                                *device = field.value;
                        if (field.number == 6)
                                snprintf(root, 64, "%.*s", (int)field.bytes.size, field.bytes.data);
                        if (field.number == 18)
                                snprintf(key, 64, "%.*s", (int)field.bytes.size, field.bytes.data);
                        if (field.number == 7)
                                found = field.bytes.size == strlen(point) &&
                                        memcmp(field.bytes.data, point, field.bytes.size) == 0;
                }
                if (found)
                        return true;
        }
        return false;
}

static void test_what_crun_hid(void **state)
{
        _cleanup_criu_ties_ struct criu_ties *ties = NULL;
        char root[64], key[64];
        struct dump dump;
        uint64_t device;

        dump_make(&dump, by_crun, ARRAY_SIZE(by_crun));
        ties = load(&dump, not_there);
        /* By the container's own /dev/null. */
        assert_true(mount_on(ties, "/proc/kcore", &device, root, key));
        assert_int_equal(device, 50);
        assert_string_equal(root, "/null");
        assert_string_equal(key, "");
        /* By one empty tmpfs, which somebody must add. */
        assert_true(ties->empty_tmpfs);
        for (int i = 0; i < 2; i++) {
                assert_true(mount_on(ties, i ? "/proc/acpi" : "/sys/firmware", &device, root, key));
                assert_int_equal(device, ties->empty_tmpfs);
                assert_string_equal(root, "/");
                assert_string_equal(key, "");
        }
        /* What the engine has not is gone, what the pod must give stays and is named; control groups are not.
         */
        assert_false(mount_on(ties, "/run/.containerenv", &device, root, key));
        assert_true(mount_on(ties, "/data", &device, root, key));
        assert_string_equal(key, "/data");
        assert_true(mount_on(ties, "/sys/fs/cgroup/cpu", &device, root, key));
        assert_int_equal(ties->mount_count, 2);
        assert_string_equal(ties->mounts[0], "/data");
        assert_string_equal(ties->mounts[1], "/etc/hosts");
        assert_false(ties->is_host);
        assert_true(ties->has_network);
        assert_false(ties->has_users);
        dump_free(&dump);
}

static void test_what_runc_hid(void **state)
{
        _cleanup_criu_ties_ struct criu_ties *ties = NULL;
        char root[64], key[64];
        struct dump dump;
        uint64_t device;

        dump_make(&dump, by_runc, ARRAY_SIZE(by_runc));
        ties = load(&dump, NULL);
        assert_true(mount_on(ties, "/proc/kcore", &device, root, key));
        assert_string_equal(root, "/null");
        assert_string_equal(key, "");
        assert_int_equal(ties->empty_tmpfs, 0);
        assert_int_equal(ties->mount_count, 0);
        dump_free(&dump);
}

/* A process has something of it open: it must be there. */
static void test_a_mount_in_use_stays(void **state)
{
        _cleanup_criu_ties_ struct criu_ties *ties = NULL;
        char root[64], key[64];
        struct dump dump;
        uint64_t device;

        dump_make(&dump, by_crun, ARRAY_SIZE(by_crun));
        put_file(&dump.files[dump.count - 1].bytes, "/run/.containerenv", 6, 0100644);
        ties = load(&dump, not_there);
        assert_true(mount_on(ties, "/run/.containerenv", &device, root, key));
        assert_int_equal(ties->mount_count, 3);
        dump_free(&dump);
}

static void test_the_mode_of_the_root(void **state)
{
        _cleanup_criu_ties_ struct criu_ties *ties = NULL;
        const struct criu_file *file;
        struct criu_image image;
        struct error err = {0};
        struct slice record;
        struct dump dump;
        int modes = 0, records = 0;

        dump_make(&dump, by_runc, 1);
        ties = load(&dump, NULL);
        file = file_of(ties, "files.img");
        assert_non_null(file);
        assert_null(file_of(ties, "mountpoints-29.img")); /* nothing of it changed */
        assert_success(criu_image_open(buffer_slice(&file->bytes), file->name, "FILES", &image, &err), &err);
        while (criu_image_next(&image, &record, &err) > 0) {
                struct wire_field field;
                uint64_t mode;

                records++;
                while (wire_next(&record, &field) > 0)
                        if (field.number == 3 && wire_find(field.bytes, 10, &mode) == 1) {
                                modes++;
                                assert_int_equal(mode, 041777);
                        }
        }
        assert_int_equal(records, 2);
        assert_int_equal(modes, 1);
        dump_free(&dump);
}

static void test_namespaces(void **state)
{
        _cleanup_criu_ties_ struct criu_ties *given = NULL, *host = NULL;
        struct buffer record = {0};
        struct dump dump = {0};

        put_basics(&dump, 20);
        text_put(&record, 8, "extRootNetNS");
        record_put(file_new(&dump, "netns-26.img"), &record);
        text_put(&record, 1, "extRootPidNS");
        record_put(file_new(&dump, "pidns-25.img"), &record);
        (void)file_new(&dump, "userns-7.img");
        given = load(&dump, NULL);
        assert_false(given->has_network);
        assert_true(given->joined_pids);
        assert_true(given->has_users);
        assert_false(given->is_host);
        dump_free(&dump);

        dump = (struct dump){0};
        put_basics(&dump, 0);
        host = load(&dump, NULL);
        assert_true(host->is_host);
        dump_free(&dump);
}

static void test_what_is_refused(void **state)
{
        static const struct mount no_dev[] = {{DEVTMPFS, 3, 6, "/null", "/proc/kcore", "/proc/kcore"}};
        static const struct mount taken[] = {
                {TMPFS, 2, (1 << 20) - 1, "/", "/tmp", NULL},
                {TMPFS, 4, 57, "/crun/.empty-directory", "/proc/acpi", "/run/crun/.empty-directory"}};
        struct criu_ties *ties = NULL;
        struct criu_source source;
        struct error err = {0};
        struct dump dump;

        dump_make(&dump, no_dev, 1);
        source = source_of(&dump);
        assert_error(criu_ties_load(&source, NULL, &ties, &err), &err, ERROR_UNSUPPORTED);
        dump_free(&dump);
        dump_make(&dump, taken, 2);
        source = source_of(&dump);
        assert_error(criu_ties_load(&source, NULL, &ties, &err), &err, ERROR_UNSUPPORTED);
        dump_free(&dump);
        dump_make(&dump, by_crun, 1);
        dump.files[3].bytes.size -= 3;
        source = source_of(&dump);
        assert_error(criu_ties_load(&source, NULL, &ties, &err), &err, ERROR_CRIU_IMAGE);
        dump_free(&dump);
        dump_make(&dump, by_crun, 1);
        dump.files[4].bytes.data[12] = 0xff; /* the first tag of a record */
        source = source_of(&dump);
        assert_error(criu_ties_load(&source, NULL, &ties, &err), &err, ERROR_CRIU_IMAGE);
        dump_free(&dump);
        assert_null(ties);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_crun_hid),        cmocka_unit_test(test_what_runc_hid),
                cmocka_unit_test(test_a_mount_in_use_stays), cmocka_unit_test(test_the_mode_of_the_root),
                cmocka_unit_test(test_namespaces),           cmocka_unit_test(test_what_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
