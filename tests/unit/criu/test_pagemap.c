/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_dump.h"
#include "criu/pagemap_image.h"
#include "criu/dump.h"
#include "criu/errors.h"
#include "criu/pagemap.h"

#define NAME "pagemap-1.img"

static struct memory_dump *builder_finish(struct builder *builder)
{
        struct memory_dump *dump = memory_dump_new();

        memory_dump_put(dump, NAME, builder->bytes.data, builder->bytes.size);
        buffer_free(&builder->bytes);
        return dump;
}

static void test_regions(void **state)
{
        static const struct criu_region expected[] = {
                {0x1000, 0x3000, CRIU_REGION_PRESENT},                    /* before there were flags */
                {0x3000, 0x4000, CRIU_REGION_PARENT},                     /* the same */
                {0x5000, 0x9000, CRIU_REGION_PRESENT | CRIU_REGION_LAZY}, /* CRIU 3 and 4.1 */
                {0x9000, 0xb000, CRIU_REGION_PRESENT},                    /* CRIU 4.2 */
                {0x10000000, 0x100010000000, CRIU_REGION_PARENT},         /* more pages than 32 bits hold */
        };
        _cleanup_criu_pagemap_ struct criu_pagemap pagemap = {0};
        struct criu_region region;
        struct memory_dump *dump;
        struct criu_source source;
        struct error err = {0};
        struct builder builder;
        uint64_t size;
        uint32_t id;

        builder_start(&builder, 7);
        RECORD(&builder, 1, 0x1000, 2, 2);
        RECORD(&builder, 1, 0x3000, 2, 1, 3, 1);
        RECORD(&builder, 1, 0x5000, 2, 4, 4, 6);
        RECORD(&builder, 1, 0x9000, 2, 0, 4, 4, 5, 2);
        RECORD(&builder, 1, 0x10000000, 2, 0, 4, 1, 5, UINT64_C(0x100000000));
        dump = builder_finish(&builder);
        source = memory_dump_source(dump);
        assert_success(criu_pagemap_open(&source, NAME, &pagemap, &err), &err);
        assert_int_equal(pagemap.pages_id, 7);
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                assert_int_equal(criu_pagemap_next(&pagemap, &region, &err), 1);
                assert_int_equal(region.start, expected[i].start);
                assert_int_equal(region.end, expected[i].end);
                assert_int_equal(region.flags, expected[i].flags);
        }
        assert_int_equal(criu_pagemap_next(&pagemap, &region, &err), 0);
        assert_success(criu_pagemap_size(&source, NAME, &id, &size, &err), &err);
        assert_int_equal(size, 8 * CRIU_PAGE_SIZE);
        memory_dump_free(dump);
}

/* The second of two regions is wrong. */
static void assert_refused(const uint64_t *fields)
{
        struct memory_dump *dump;
        struct criu_source source;
        struct error err = {0};
        struct builder builder;
        uint64_t size;
        uint32_t id;

        builder_start(&builder, 7);
        RECORD(&builder, 1, 0x4000, 2, 2);
        builder_record(&builder, fields);
        dump = builder_finish(&builder);
        source = memory_dump_source(dump);
        assert_error(criu_pagemap_size(&source, NAME, &id, &size, &err), &err, ERROR_CRIU_IMAGE);
        assert_true(text_starts_with(err.text, NAME ": "));
        memory_dump_free(dump);
}

#define REFUSED(...) assert_refused((const uint64_t[]){__VA_ARGS__, 0})

static void test_contradictions(void **state)
{
        REFUSED(1, 0x5000, 2, 1);                       /* overlaps */
        REFUSED(1, 0x1000, 2, 1);                       /* out of order */
        REFUSED(1, 0x7010, 2, 1);                       /* not at a page */
        REFUSED(2, 1);                                  /* no address */
        REFUSED(1, 0x7000, 2, 0, 5, UINT64_MAX);        /* wraps around */
        REFUSED(1, 0x7000, 2, 0, 5, UINT64_C(1) << 52); /* the same */
        REFUSED(1, UINT64_MAX - 4095, 2, 1);            /* its end does */
}

static void test_no_head(void **state)
{
        static const uint8_t empty[] = {0x19, 0x43, 0x56, 0x54, 0x25, 0x40, 0x08, 0x56};
        static const uint8_t headless[] = {0x19, 0x43, 0x56, 0x54, 0x25, 0x40, 0x08, 0x56, 0, 0, 0, 0};
        struct memory_dump *dump = memory_dump_new();
        struct criu_source source = memory_dump_source(dump);
        struct error err = {0};
        uint64_t size;
        uint32_t id;

        assert_error(criu_pagemap_size(&source, NAME, &id, &size, &err), &err, ERROR_CRIU_IMAGE_MISSING);
        memory_dump_put(dump, NAME, empty, sizeof(empty));
        assert_error(criu_pagemap_size(&source, NAME, &id, &size, &err), &err, ERROR_CRIU_IMAGE);
        memory_dump_put(dump, NAME, headless, sizeof(headless));
        assert_error(criu_pagemap_size(&source, NAME, &id, &size, &err), &err, ERROR_CRIU_IMAGE);
        memory_dump_free(dump);
}

/* Each page of the file is filled with its number. */
static int read_numbered(void *context, const char *name, uint64_t offset, void *data, size_t size,
                         struct error *err)
{
        uint8_t *out = data;

        assert_string_equal(name, "pages-7.img");
        for (size_t i = 0; i < size; i++)
                out[i] = (uint8_t)((offset + i) / CRIU_PAGE_SIZE);
        return 0;
}

static void test_memory(void **state)
{
        uint8_t bytes[3 * 4096];
        struct memory_dump *dump;
        struct criu_source source;
        struct error err = {0};
        struct builder builder;

        builder_start(&builder, 7);
        RECORD(&builder, 1, 0x1000, 2, 1);             /* page 0 of the file */
        RECORD(&builder, 1, 0x2000, 2, 5, 4, 1);       /* in a parent dump: none of it */
        RECORD(&builder, 1, 0x8000, 2, 0, 4, 4, 5, 2); /* 1 and 2 */
        RECORD(&builder, 1, 0xa000, 2, 0, 4, 4, 5, 1); /* 3, right behind it */
        dump = builder_finish(&builder);
        source = memory_dump_source(dump);
        assert_success(criu_memory_read(&source, read_numbered, NULL, 1, 0x1ff0, bytes, 16, &err), &err);
        assert_int_equal(bytes[0], 0);
        assert_success(criu_memory_read(&source, read_numbered, NULL, 1, 0x8000, bytes, sizeof(bytes), &err),
                       &err);
        assert_int_equal(bytes[4095], 1);
        assert_int_equal(bytes[4096], 2);
        assert_int_equal(bytes[8192], 3);
        assert_int_equal(criu_memory_read(&source, read_numbered, NULL, 1, 0x1ff0, bytes, 17, &err), -ENOENT);
        assert_int_equal(criu_memory_read(&source, read_numbered, NULL, 1, 0x0, bytes, 1, &err), -ENOENT);
        assert_int_equal(criu_memory_read(&source, read_numbered, NULL, 1, 0x7000, bytes, 1, &err), -ENOENT);
        assert_int_equal(criu_memory_read(&source, read_numbered, NULL, 1, 0xafff, bytes, 2, &err), -ENOENT);
        assert_int_equal(criu_memory_read(&source, read_numbered, NULL, 1, UINT64_MAX, bytes, 1, &err),
                         -ENOENT);
        assert_error(criu_memory_read(&source, read_numbered, NULL, 2, 0x1000, bytes, 1, &err), &err,
                     ERROR_CRIU_IMAGE_MISSING);
        memory_dump_free(dump);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_regions),
                cmocka_unit_test(test_contradictions),
                cmocka_unit_test(test_no_head),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
