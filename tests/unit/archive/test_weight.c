/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "archive/walk.h"
#include "archive/weight.h"

#define TINY TEST_DATA "/criu/tiny"
#define TWO  TEST_DATA "/archives/podman-5.8.6-two-none.tar"

struct fixture {
        struct archive *archive;
        struct criu_dump *dump;
        struct weight weight;
};

static int take_tar(void *context, const struct archive_member *member, struct stream *contents,
                    struct error *err)
{
        _cleanup_tar_walk_ struct tar_walk walk = {.stream = contents, .what = member->name};
        int ret;

        while ((ret = tar_walk_next(&walk, err)) > 0 &&
               (ret = weight_add_entry(context, member, &walk.entry, err)) == 0)
                ;
        return ret;
}

static void measure(struct fixture *fixture, const char *path)
{
        const struct archive_visitor visitor = {.tar = take_tar, .context = &fixture->weight};
        struct criu_source source;
        struct error err = {0};

        fixture->weight = (struct weight){0};
        assert_success(archive_open_unread(path, &fixture->archive, &err), &err);
        assert_success(archive_visit(fixture->archive, &visitor, &err), &err);
        source = archive_criu_source(fixture->archive);
        assert_success(criu_dump_load(&source, CRIU_LOAD_ALL, &fixture->dump, &err), &err);
        assert_success(weight_measure(fixture->archive, fixture->dump, &fixture->weight, &err), &err);
}

static void release(struct fixture *fixture)
{
        weight_free(&fixture->weight);
        criu_dump_free(fixture->dump);
        archive_free(fixture->archive);
}

/* Every byte of memory has a place, and the parts are all there is. */
static void assert_whole(const struct weight *weight)
{
        uint64_t parts = 0, memory = 0;

        for (int part = 0; part < WEIGHT_PARTS; part++)
                parts += weight->parts[part];
        assert_int_equal(parts, weight->total);
        for (size_t i = 0; i < weight->process_count; i++) {
                const struct weight_process *process = &weight->processes[i];
                uint64_t mappings = 0;

                assert_true(i == 0 || process->size <= weight->processes[i - 1].size);
                for (size_t j = 0; j < process->mapping_count; j++) {
                        assert_false(process->mappings[j].is_unmapped);
                        assert_true(j == 0 || process->mappings[j].size <= process->mappings[j - 1].size);
                        mappings += process->mappings[j].size;
                }
                assert_int_equal(mappings, process->size);
                memory += process->size;
        }
        assert_int_equal(memory, weight->parts[WEIGHT_MEMORY]);
}

static const struct weight_mapping *find(const struct weight_process *process, enum criu_mapping_kind kind)
{
        for (size_t i = 0; i < process->mapping_count; i++)
                if (process->mappings[i].kind == kind)
                        return &process->mappings[i];
        fail_msg("process %d has no mapping of kind %d", (int)process->process->pid, (int)kind);
        return &process->mappings[0];
}

static void test_a_dump_with_shared_memory(void **state)
{
        struct fixture fixture = {0};
        const struct weight *weight = &fixture.weight;

        measure(&fixture, TINY);
        assert_whole(weight);
        assert_int_equal(weight->parts[WEIGHT_MEMORY], 4096 + 20480 + 20480);
        assert_int_equal(weight->process_count, 3);
        assert_null(weight->processes[2].process); /* the page of the memory file */
        assert_int_equal(weight->processes[2].size, 4096);
        assert_int_equal(weight->processes[2].mapping_count, 1);
        assert_int_equal(weight->processes[2].mappings[0].kind, CRIU_MAPPING_SHARED_MEMORY);
        assert_int_equal(weight->processes[2].mappings[0].shared_id, 1241);
        assert_int_equal(weight->file_counts[WEIGHT_DELETED], 1);
        assert_string_equal(weight->files[WEIGHT_DELETED][0].member, "checkpoint/ghost-file-1.img");
        release(&fixture);
}

static void test_an_archive_of_podman(void **state)
{
        struct fixture fixture = {0};
        const struct weight *weight = &fixture.weight;
        const struct weight_process *first;

        measure(&fixture, TWO);
        assert_whole(weight);
        assert_int_equal(weight->process_count, 6);
        first = &weight->processes[0];
        assert_int_equal(first->process->pid, 1);
        assert_int_equal(find(first, CRIU_MAPPING_HEAP)->size, 16384);
        assert_int_equal(find(first, CRIU_MAPPING_STACK)->size, 12288);
        assert_string_equal(find(first, CRIU_MAPPING_FILE)->path, "/bin/busybox");
        assert_int_equal(find(first, CRIU_MAPPING_FILE)->size, 20480);
        /* Files in the tars within, largest first. */
        assert_int_equal(weight->file_counts[WEIGHT_ROOTFS], 2);
        assert_string_equal(weight->files[WEIGHT_ROOTFS][0].member, "rootfs-diff.tar");
        assert_string_equal(weight->files[WEIGHT_ROOTFS][0].path, "tmp/open.log");
        assert_int_equal(weight->files[WEIGHT_ROOTFS][0].size, 72);
        assert_string_equal(weight->files[WEIGHT_VOLUMES][0].member, "volumes/fmvol.tar");
        assert_int_equal(weight->file_counts[WEIGHT_IMAGES], WEIGHT_FILES);
        assert_string_equal(weight->files[WEIGHT_IMAGES][0].member, "checkpoint/cgroup.img");
        assert_string_equal(weight->files[WEIGHT_IMAGES][1].member, "checkpoint/seccomp.img");
        assert_int_equal(weight->in_parent, 0);
        release(&fixture);
}

/* Mappings that do not cover the pages, are not in order or overlap: nothing is lost, nothing loops. */
static void test_mappings_that_do_not_fit(void **state)
{
        struct criu_mapping mappings[] = {
                {.kind = CRIU_MAPPING_HEAP, .start = 0x500000, .end = 0x400000, .path = ""},
                {.kind = CRIU_MAPPING_ANONYMOUS, .start = 0, .end = 0x401000, .path = ""},
                {.kind = CRIU_MAPPING_ANONYMOUS, .start = 0, .end = 0x401000, .path = ""},
        };
        struct fixture fixture = {0};
        struct criu_dump dump;
        struct criu_process process;
        struct error err = {0};

        measure(&fixture, TINY);
        process = fixture.dump->processes[0];
        process.mappings = mappings;
        for (process.mapping_count = 0; process.mapping_count <= ARRAY_SIZE(mappings);
             process.mapping_count++) {
                struct weight weight = {0};
                uint64_t sum = 0;

                dump = *fixture.dump;
                dump.processes = &process;
                dump.process_count = 1;
                assert_success(weight_measure(fixture.archive, &dump, &weight, &err), &err);
                assert_int_equal(weight.processes[0].size, 20480);
                for (size_t i = 0; i < weight.processes[0].mapping_count; i++)
                        sum += weight.processes[0].mappings[i].size;
                assert_int_equal(sum, 20480);
                if (process.mapping_count == 0)
                        assert_true(weight.processes[0].mappings[0].is_unmapped);
                weight_free(&weight);
        }
        release(&fixture);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_dump_with_shared_memory),
                cmocka_unit_test(test_an_archive_of_podman),
                cmocka_unit_test(test_mappings_that_do_not_fit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
