/* SPDX-License-Identifier: Apache-2.0 */
/* A whole dump has no fault, and each way to damage it is found and named. */
#include "memory_dump.h"
#include "criu/check.h"
#include "criu/image.h"

#define TINY TEST_DATA "/criu/tiny"

struct faults {
        int count;
        char text[16][160]; /* "object: reason" */
};

static void note_fault(void *context, const char *object, const char *reason)
{
        struct faults *faults = context;

        if (faults->count < (int)ARRAY_SIZE(faults->text))
                snprintf(faults->text[faults->count], sizeof(faults->text[0]), "%s: %s", object, reason);
        faults->count++;
}

static void check(struct memory_dump *dump, struct faults *out)
{
        struct criu_source source = memory_dump_source(dump);
        struct error err = {0};
        int r;

        *out = (struct faults){0};
        r = criu_check(&source, note_fault, out, &err);
        assert_success(r, &err);
        assert_int_equal(r, out->count);
}

/* Exactly one fault, which begins so; empty: none. */
static void assert_fault(struct memory_dump *dump, const char *expected)
{
        struct faults faults;

        check(dump, &faults);
        for (int i = 0; i < faults.count && faults.count != (*expected ? 1 : 0); i++)
                print_message("fault: %s\n", faults.text[i]);
        assert_int_equal(faults.count, *expected ? 1 : 0);
        if (*expected && !text_starts_with(faults.text[0], expected))
                fail_msg("\"%s\" is not \"%s\"", faults.text[0], expected);
}

static void test_whole(void **state)
{
        struct memory_dump *dump = memory_dump_load(TINY);

        assert_fault(dump, "");
        /* Statistics are a convenience. */
        memory_dump_remove(dump, "stats-dump");
        assert_fault(dump, "");
        memory_dump_free(dump);
}

/* A runtime may leave images of an earlier dump: what no process of this one refers to does not count. */
static void test_left_behind(void **state)
{
        struct memory_dump *dump = memory_dump_load(TINY);

        memory_dump_put(dump, "core-99.img", "rubbish", 7);
        memory_dump_put(dump, "pagemap-99.img", "rubbish", 7);
        memory_dump_put(dump, "pages-9.img", "rubbish", 7);
        memory_dump_put(dump, "fdinfo-99.img", "rubbish", 7);
        memory_dump_put(dump, "amdgpu-kfd-1.img", "a plug-in's", 11);
        assert_fault(dump, "");
        memory_dump_free(dump);
}

static void test_missing(void **state)
{
        static const char *const names[] = {
                "inventory.img",      "pstree.img",   "core-1.img",
                "core-2.img",         "core-3.img",   "core-4.img",
                "mm-1.img",           "ids-4.img",    "fs-4.img",
                "pagemap-1.img",      "pages-1.img",  "pages-2.img",
                "pages-3.img",        "files.img",    "ghost-file-1.img",
                "mountpoints-13.img", "utsns-12.img", "ipcns-var-11.img",
                "memfd.img",          "fdinfo-2.img", "pagemap-shmem-1241.img",
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct memory_dump *dump = memory_dump_load(TINY);
                char expected[80];

                memory_dump_remove(dump, names[i]);
                snprintf(expected, sizeof(expected), "%s: ", names[i]);
                assert_fault(dump, expected);
                memory_dump_free(dump);
        }
}

/* One byte less of any file that is read. */
static void test_cut_by_one(void **state)
{
        struct memory_dump *whole = memory_dump_load(TINY);

        for (size_t i = 0; i < whole->count; i++) {
                struct memory_dump *dump = memory_dump_load(TINY);
                const char *name = whole->files[i].name;
                bool checked = criu_image_kind_by_file(name) || text_starts_with(name, "pages-");
                struct memory_file *file = memory_dump_get(dump, name);
                struct faults faults;

                if (checked) {
                        file->bytes.size--;
                        check(dump, &faults);
                        if (faults.count == 0)
                                fail_msg("%s: one byte less was not seen", name);
                }
                memory_dump_free(dump);
        }
        memory_dump_free(whole);
}

/* Every truncation of every image of records is survived, and seen unless it falls between records. */
static void test_every_truncation(void **state)
{
        struct memory_dump *dump = memory_dump_load(TINY);
        unsigned unseen = 0, seen = 0;

        for (size_t i = 0; i < dump->count; i++) {
                struct memory_file *file = &dump->files[i];
                size_t size = file->bytes.size;

                if (!criu_image_kind_by_file(file->name) || strcmp(file->name, "cgroup.img") == 0)
                        continue;
                for (size_t cut = 0; cut < size; cut++) {
                        struct faults faults;

                        file->bytes.size = cut;
                        check(dump, &faults);
                        seen += faults.count > 0;
                        unseen += faults.count == 0;
                }
                file->bytes.size = size;
        }
        /* Between the records of fdinfo, netdev, mountpoints and the like. */
        assert_true(seen > 10000);
        assert_true(unseen < 60);
        memory_dump_free(dump);
}

/* Every flipped bit of what the process tree leads to is survived. Few can be seen without a digest. */
static void test_every_bit(void **state)
{
        static const char *const names[] = {"pstree.img",      "pagemap-1.img",   "mm-1.img",
                                            "ids-1.img",       "fs-1.img",        "fdinfo-2.img",
                                            "files.img",       "inventory.img",   "memfd.img",
                                            "remap-fpath.img", "ghost-file-1.img"};
        struct memory_dump *dump = memory_dump_load(TINY);
        unsigned seen = 0;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct memory_file *file = memory_dump_get(dump, names[i]);

                for (size_t bit = 0; bit < file->bytes.size * 8; bit++) {
                        struct faults faults;

                        file->bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                        check(dump, &faults);
                        seen += faults.count > 0;
                        file->bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
                }
        }
        assert_true(seen > 3000);
        assert_fault(dump, "");
        memory_dump_free(dump);
}

/* Finds `from` in a file, and puts `to` there. */
static void patch(struct memory_dump *dump, const char *name, const void *from, const void *to, size_t size)
{
        struct memory_file *file = memory_dump_get(dump, name);
        uint8_t *at = memmem(file->bytes.data, file->bytes.size, from, size);

        if (!at)
                abort();
        memcpy(at, to, size);
}

static void test_contradictions(void **state)
{
        /* The last record of the pagemaps is vaddr, 0, flags, pages: tags 08, 10, 20, 28. */
        static const struct {
                const char *file, *expected;
                size_t size;
                const char *from, *to;
        } cases[] = {
                /* Descriptor 3, of type REG and object 3, refers to another. */
                {"fdinfo-2.img", "fdinfo-2.img: descriptor 3 refers to the file object 99 of type REG", 8,
                 "\x08\x03\x10\x00\x18\x01\x20\x03", "\x08\x63\x10\x00\x18\x01\x20\x03"},
                /* The current directory. */
                {"fs-1.img", "fs-1.img: the current directory refers to the file object 99", 4,
                 "\x08\x0e\x10\x0f", "\x08\x63\x10\x0f"},
                /* The deleted file's contents are elsewhere. */
                {"remap-fpath.img", "ghost-file-2.img: there is no such file", 6, "\x08\x04\x10\x01\x18\x01",
                 "\x08\x04\x10\x02\x18\x01"},
                /* The dump of another version. */
                {"inventory.img", "inventory.img: images of version 3 are unknown", 2, "\x08\x02",
                 "\x08\x03"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct memory_dump *dump = memory_dump_load(TINY);

                patch(dump, cases[i].file, cases[i].from, cases[i].to, cases[i].size);
                assert_fault(dump, cases[i].expected);
                memory_dump_free(dump);
        }
}

/* Pages that a pagemap does not know of, or that are not there. */
static void test_pages_disagree(void **state)
{
        struct memory_dump *dump = memory_dump_load(TINY);
        static const uint8_t longer[20480 + 4096];
        struct memory_file *pages = memory_dump_get(dump, "pages-2.img");

        pages->bytes.size -= 4096;
        assert_fault(dump, "pages-2.img: it has 16384 bytes, and pagemap-1.img says it holds 20480");
        memory_dump_put(dump, "pages-2.img", longer, sizeof(longer));
        assert_fault(dump, "pages-2.img: it has 24576 bytes, and pagemap-1.img says it holds 20480");
        memory_dump_free(dump);
}

/* A pagemap of another process: its pages lie where this one has no memory. */
static void test_pages_unmapped(void **state)
{
        static const uint8_t stray[] = {0x19, 0x43, 0x56, 0x54, 0x25, 0x40, 0x08, 0x56, 2, 0,
                                        0,    0,    8,    2,    12,   0,    0,    0,    8, 0x80,
                                        0x80, 0xc0, 0x03, 16,   0,    0x20, 4,    40,   5};
        struct memory_dump *dump = memory_dump_load(TINY);

        memory_dump_put(dump, "pagemap-1.img", stray, sizeof(stray));
        /* The length of the record is one more than the bytes there are. */
        assert_fault(dump, "pagemap-1.img: cut short");
        memory_dump_get(dump, "pagemap-1.img")->bytes.data[14] = 11;
        assert_fault(dump, "pagemap-1.img: pages at 0x700000 are in no mapping of the process");
        memory_dump_free(dump);
}

static int refuse_size(void *context, const char *name, uint64_t *out, struct error *err)
{
        if (strcmp(name, "mm-1.img") == 0)
                return error_set(err, &ERROR_IO, -EIO, "the disk is broken");
        return memory_dump_size(context, name, out, err);
}

/* What cannot be read is not the dump's fault. */
static void test_cannot_look(void **state)
{
        struct memory_dump *dump = memory_dump_load(TINY);
        struct criu_source source = memory_dump_source(dump);
        struct faults faults = {0};
        struct error err = {0};

        source.size = refuse_size;
        assert_error(criu_check(&source, note_fault, &faults, &err), &err, ERROR_IO);
        memory_dump_free(dump);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),
                cmocka_unit_test(test_left_behind),
                cmocka_unit_test(test_missing),
                cmocka_unit_test(test_cut_by_one),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_every_bit),
                cmocka_unit_test(test_contradictions),
                cmocka_unit_test(test_pages_disagree),
                cmocka_unit_test(test_pages_unmapped),
                cmocka_unit_test(test_cannot_look),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
