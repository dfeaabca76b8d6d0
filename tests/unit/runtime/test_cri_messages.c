/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "criu/wire.h"
#include "runtime/cri_messages.h"

static void put(struct buffer *to, uint32_t number, const char *text)
{
        assert_int_equal(wire_put_bytes(to, number, SLICE_TEXT(text)), 0);
}

/* Ends `message` and puts it into a field of another. */
static void put_message(struct buffer *to, uint32_t number, struct buffer *message)
{
        assert_int_equal(wire_put_bytes(to, number, buffer_slice(message)), 0);
        buffer_free(message);
}

static void assert_slice(struct slice slice, const char *text)
{
        assert_int_equal(slice.size, strlen(text));
        assert_memory_equal(slice.data, text, slice.size);
}

static void put_container(struct buffer *list, const char *id, const char *name)
{
        struct buffer container = {0}, metadata = {0}, image = {0};

        put(&container, 1, id);
        put(&container, 2, "sandbox");
        put(&metadata, 1, name);
        assert_int_equal(wire_put_number(&metadata, 2, 3), 0);
        put_message(&container, 3, &metadata);
        put(&image, 1, "registry/image:1");
        put_message(&container, 4, &image);
        put(&container, 5, "sha256:aa");
        assert_int_equal(wire_put_number(&container, 6, CRI_RUNNING), 0);
        assert_int_equal(wire_put_number(&container, 7, 1234567890), 0);
        put(&container, 99, "of a newer version");
        put_message(list, 1, &container);
}

static void test_containers(void **state)
{
        _cleanup_buffer_ struct buffer list = {0};
        struct cri_container container;
        struct slice rest;

        put_container(&list, "one", "first");
        put(&list, 7, "of a newer version");
        put_container(&list, "two", "second");
        rest = buffer_slice(&list);
        assert_int_equal(cri_next_container(&rest, &container), 1);
        assert_slice(container.id, "one");
        assert_slice(container.sandbox, "sandbox");
        assert_slice(container.name, "first");
        assert_slice(container.image, "registry/image:1");
        assert_slice(container.image_ref, "sha256:aa");
        assert_int_equal(container.state, CRI_RUNNING);
        assert_int_equal(container.created_ns, 1234567890);
        assert_int_equal(cri_next_container(&rest, &container), 1);
        assert_slice(container.id, "two");
        assert_slice(container.name, "second");
        assert_int_equal(cri_next_container(&rest, &container), 0);
}

static void test_sandboxes(void **state)
{
        _cleanup_buffer_ struct buffer list = {0};
        struct buffer sandbox = {0}, metadata = {0};
        struct cri_sandbox out;
        struct slice rest;

        put(&sandbox, 1, "id");
        put(&metadata, 1, "web");
        put(&metadata, 2, "uid");
        put(&metadata, 3, "default");
        put_message(&sandbox, 2, &metadata);
        put(&sandbox, 7, "crun");
        put_message(&list, 1, &sandbox);
        put(&list, 1, "");
        rest = buffer_slice(&list);
        assert_int_equal(cri_next_sandbox(&rest, &out), 1);
        assert_slice(out.id, "id");
        assert_slice(out.name, "web");
        assert_slice(out.uid, "uid");
        assert_slice(out.name_space, "default");
        assert_slice(out.handler, "crun");
        /* Nothing of the one before it. */
        assert_int_equal(cri_next_sandbox(&rest, &out), 1);
        assert_slice(out.id, "");
        assert_slice(out.name, "");
        assert_int_equal(cri_next_sandbox(&rest, &out), 0);
}

static void test_status(void **state)
{
        _cleanup_buffer_ struct buffer answer = {0};
        struct buffer status = {0}, image = {0}, entry = {0};
        struct cri_status out;

        put(&image, 1, "registry/image:1");
        put_message(&status, 8, &image);
        put(&status, 9, "registry/image@sha256:aa");
        put(&status, 15, "/var/log/pods/x.log");
        put_message(&answer, 1, &status);
        put(&entry, 1, "other");
        put(&entry, 2, "no");
        put_message(&answer, 2, &entry);
        put(&entry, 1, "info");
        put(&entry, 2, "{\"pid\":7}");
        put_message(&answer, 2, &entry);
        assert_int_equal(cri_read_status(buffer_slice(&answer), &out), 0);
        assert_slice(out.image, "registry/image:1");
        assert_slice(out.image_ref, "registry/image@sha256:aa");
        assert_slice(out.log, "/var/log/pods/x.log");
        assert_slice(out.info, "{\"pid\":7}");
        assert_int_equal(out.state, CRI_CREATED);
}

static void test_images(void **state)
{
        _cleanup_buffer_ struct buffer list = {0}, pulled = {0};
        struct buffer image = {0};
        struct cri_image out;
        struct slice rest, reference;

        put(&image, 1, "sha256:aa");
        put(&image, 2, "registry/image:1");
        put(&image, 2, "registry/image:2");
        put(&image, 3, "registry/image@sha256:bb");
        assert_int_equal(wire_put_number(&image, 4, 4096), 0);
        put_message(&list, 1, &image);
        rest = buffer_slice(&list);
        assert_int_equal(cri_next_image(&rest, &out), 1);
        assert_slice(out.id, "sha256:aa");
        assert_slice(out.tag, "registry/image:2");
        assert_slice(out.digest, "registry/image@sha256:bb");
        assert_int_equal(out.size, 4096);
        put(&pulled, 1, "registry/image@sha256:bb");
        assert_int_equal(cri_read_pulled(buffer_slice(&pulled), &reference), 0);
        assert_slice(reference, "registry/image@sha256:bb");
}

/* A field of another type than ours is no value of ours; what is cut short is refused. */
static void test_malformed(void **state)
{
        _cleanup_buffer_ struct buffer list = {0};
        struct buffer container = {0};
        struct cri_container out;
        struct slice rest;

        assert_int_equal(wire_put_number(&container, 1, 5), 0);
        put(&container, 6, "text");
        put_message(&list, 1, &container);
        rest = buffer_slice(&list);
        assert_int_equal(cri_next_container(&rest, &out), 1);
        assert_slice(out.id, "");
        assert_int_equal(out.state, 0);
        for (size_t size = 1; size < list.size; size++) {
                rest = (struct slice){list.data, size};
                assert_int_equal(cri_next_container(&rest, &out), -EBADMSG);
        }
        put(&list, 1, "\x1a\x05"); /* metadata that is longer than its message */
        rest = buffer_slice(&list);
        assert_int_equal(cri_next_container(&rest, &out), 1);
        assert_int_equal(cri_next_container(&rest, &out), -EBADMSG);
}

static void test_requests(void **state)
{
        _cleanup_buffer_ struct buffer status = {0}, pull = {0}, checkpoint = {0};

        assert_int_equal(cri_put_status(&status, "id"), 0);
        assert_int_equal(status.size, 6);
        assert_memory_equal(status.data, "\x0a\x02id\x10\x01", 6);
        assert_int_equal(cri_put_pull(&pull, "a:1"), 0);
        assert_memory_equal(pull.data,
                            "\x0a\x05\x0a\x03"
                            "a:1",
                            7);
        assert_int_equal(cri_put_checkpoint(&checkpoint, "id", "/x"), 0);
        assert_memory_equal(checkpoint.data, "\x0a\x02id\x12\x02/x", 8);
        assert_int_equal(checkpoint.size, 8);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_containers), cmocka_unit_test(test_sandboxes),
                cmocka_unit_test(test_status),     cmocka_unit_test(test_images),
                cmocka_unit_test(test_malformed),  cmocka_unit_test(test_requests),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
