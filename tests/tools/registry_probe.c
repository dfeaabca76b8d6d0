/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function of the registry client by hand, for tests/e2e/registry.bats:
 *
 *     registry_probe [OPTIONS] COMMAND docker://HOST/REPOSITORY [ARGUMENT...]
 */
#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "cli/registry_options.h"
#include "oci/manifest.h"

#define READ_BYTES MIB

typedef int (*command)(struct registry *registry, char **arguments, struct error *err);

/* "sha256:HEX" and a size. */
static struct descriptor descriptor_parse(char **arguments)
{
        struct descriptor blob = {.size = strtoull(arguments[1], NULL, 10)};

        if (!sha256_parse(arguments[0], &blob.digest))
                fprintf(stderr, "no digest: %s\n", arguments[0]);
        return blob;
}

static void descriptor_print(const struct descriptor *blob)
{
        char hex[SHA256_HEX_SIZE];

        printf("sha256:%s %llu\n", sha256_hex(&blob->digest, hex), (unsigned long long)blob->size);
}

/* put FILE: hashed while it goes up. */
static int put(struct registry *registry, char **arguments, struct error *err)
{
        _cleanup_close_ int fd = open(arguments[0], O_RDONLY | O_CLOEXEC);
        _cleanup_registry_upload_ struct registry_upload *upload = NULL;
        _cleanup_sha256_ struct sha256_stream *sha256 = NULL;
        _cleanup_free_ uint8_t *data = malloc(READ_BYTES);
        struct descriptor blob = {0};
        ssize_t n;
        int ret = sha256_new(&sha256, err);

        if (ret == 0)
                ret = registry_upload_open(registry, &upload, err);
        while (ret == 0 && (n = file_read_full(fd, data, READ_BYTES)) > 0) {
                sha256_update(sha256, data, (size_t)n);
                blob.size += (uint64_t)n;
                ret = registry_upload_append(upload, (struct slice){data, (size_t)n}, err);
        }
        if (ret < 0)
                return ret;
        sha256_finish(sha256, &blob.digest);
        ret = registry_upload_commit(upload, &blob, err);
        if (ret == 0)
                descriptor_print(&blob);
        return ret;
}

/* abandon FILE: begins an upload and does not end it. */
static int abandon(struct registry *registry, char **arguments, struct error *err)
{
        _cleanup_registry_upload_ struct registry_upload *upload = NULL;
        _cleanup_buffer_ struct buffer bytes = {0};
        int ret = file_read(AT_FDCWD, arguments[0], GIB, &bytes, err);

        if (ret == 0)
                ret = registry_upload_open(registry, &upload, err);
        return ret < 0 ? ret : registry_upload_append(upload, buffer_slice(&bytes), err);
}

/* put-whole FILE: registry_blob_put(). */
static int put_whole(struct registry *registry, char **arguments, struct error *err)
{
        _cleanup_buffer_ struct buffer bytes = {0};
        struct descriptor blob = {0};
        int ret = file_read(AT_FDCWD, arguments[0], GIB, &bytes, err);

        blob.size = bytes.size;
        if (ret == 0)
                ret = sha256_of(buffer_slice(&bytes), &blob.digest, err);
        if (ret == 0)
                ret = registry_blob_put(registry, buffer_slice(&bytes), &blob, err);
        if (ret == 0)
                descriptor_print(&blob);
        return ret;
}

/* get DIGEST SIZE */
static int get(struct registry *registry, char **arguments, struct error *err)
{
        const struct descriptor blob = descriptor_parse(arguments);
        _cleanup_registry_download_ struct registry_download *download = NULL;
        struct slice chunk;
        int ret = registry_download_open(registry, &blob, &download, err);

        while (ret == 0 && (ret = registry_download_next(download, &chunk, err)) > 0)
                ret = file_write_full(STDOUT_FILENO, chunk.data, chunk.size);
        return ret;
}

/* get-first DIGEST SIZE: stops after the first bytes. */
static int get_first(struct registry *registry, char **arguments, struct error *err)
{
        const struct descriptor blob = descriptor_parse(arguments);
        _cleanup_registry_download_ struct registry_download *download = NULL;
        struct slice chunk;
        int ret = registry_download_open(registry, &blob, &download, err);

        if (ret == 0)
                ret = registry_download_next(download, &chunk, err);
        return ret < 0 ? ret : 0;
}

/* get-whole DIGEST SIZE: registry_blob_get(). */
static int get_whole(struct registry *registry, char **arguments, struct error *err)
{
        const struct descriptor blob = descriptor_parse(arguments);
        _cleanup_buffer_ struct buffer bytes = {0};
        int ret = registry_blob_get(registry, &blob, 64 * MIB, &bytes, err);

        return ret < 0 ? ret : file_write_full(STDOUT_FILENO, bytes.data, bytes.size);
}

/* read DIGEST SIZE OFFSET LENGTH */
static int read_part(struct registry *registry, char **arguments, struct error *err)
{
        const struct descriptor blob = descriptor_parse(arguments);
        size_t size = strtoull(arguments[3], NULL, 10);
        _cleanup_free_ uint8_t *data = malloc(size + 1);
        int ret = registry_blob_read(registry, &blob, strtoull(arguments[2], NULL, 10), data, size, err);

        return ret < 0 ? ret : file_write_full(STDOUT_FILENO, data, size);
}

/* exists DIGEST SIZE */
static int exists(struct registry *registry, char **arguments, struct error *err)
{
        const struct descriptor blob = descriptor_parse(arguments);
        bool is_there = false;
        int ret = registry_blob_exists(registry, &blob, &is_there, err);

        if (ret == 0)
                puts(is_there ? "yes" : "no");
        return ret;
}

/* mount DIGEST SIZE FROM */
static int mount(struct registry *registry, char **arguments, struct error *err)
{
        const struct descriptor blob = descriptor_parse(arguments);
        bool mounted = false;
        int ret = registry_blob_mount(registry, &blob, arguments[2], &mounted, err);

        if (ret == 0)
                puts(mounted ? "yes" : "no");
        return ret;
}

/* blob-delete DIGEST SIZE */
static int blob_delete(struct registry *registry, char **arguments, struct error *err)
{
        const struct descriptor blob = descriptor_parse(arguments);

        return registry_blob_delete(registry, &blob, err);
}

/* manifest NAME: the text. */
static int manifest(struct registry *registry, char **arguments, struct error *err)
{
        _cleanup_registry_manifest_ struct registry_manifest found = {0};
        int ret = registry_manifest_get(registry, arguments[0], &found, err);

        return ret < 0 ? ret : file_write_full(STDOUT_FILENO, found.text.data, found.text.size);
}

/* manifest-head NAME */
static int manifest_head(struct registry *registry, char **arguments, struct error *err)
{
        _cleanup_registry_manifest_ struct registry_manifest found = {0};
        int ret = registry_manifest_head(registry, arguments[0], &found, err);

        if (ret < 0)
                return ret;
        printf("%s ", found.media_type);
        descriptor_print(&found.descriptor);
        return 0;
}

/* manifest-put NAME FILE TYPE */
static int manifest_put(struct registry *registry, char **arguments, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        bool referrers_known = false;
        int ret = file_read(AT_FDCWD, arguments[1], MANIFEST_MAX, &text, err);

        if (ret == 0)
                ret = registry_manifest_put(registry, arguments[0], arguments[2], buffer_slice(&text),
                                            &referrers_known, err);
        if (ret == 0)
                puts(referrers_known ? "referrers" : "stored");
        return ret;
}

/* manifest-delete NAME */
static int manifest_delete(struct registry *registry, char **arguments, struct error *err)
{
        return registry_manifest_delete(registry, arguments[0], err);
}

/* referrers DIGEST [TYPE] */
static int referrers(struct registry *registry, char **arguments, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        struct sha256 subject = {0};
        int ret;

        sha256_parse(arguments[0], &subject);
        ret = registry_referrers(registry, &subject, arguments[1], &text, err);
        return ret < 0 ? ret : file_write_full(STDOUT_FILENO, text.data, text.size);
}

/* referrers-add DIGEST DESCRIPTOR */
static int referrers_add(struct registry *registry, char **arguments, struct error *err)
{
        struct sha256 subject = {0};

        sha256_parse(arguments[0], &subject);
        return registry_referrers_add(registry, &subject, SLICE_TEXT(arguments[1]), err);
}

static int print_name(void *context, const char *name, struct error *err)
{
        puts(name);
        return 0;
}

static int catalog(struct registry *registry, char **arguments, struct error *err)
{
        return registry_catalog(registry, print_name, NULL, err);
}

static const struct {
        const char *name;
        int arguments; /* at least */
        command run;
} commands[] = {
        {"put", 1, put},
        {"put-whole", 1, put_whole},
        {"abandon", 1, abandon},
        {"get", 2, get},
        {"get-first", 2, get_first},
        {"get-whole", 2, get_whole},
        {"read", 4, read_part},
        {"exists", 2, exists},
        {"mount", 3, mount},
        {"blob-delete", 2, blob_delete},
        {"manifest", 1, manifest},
        {"manifest-head", 1, manifest_head},
        {"manifest-put", 3, manifest_put},
        {"manifest-delete", 1, manifest_delete},
        {"referrers", 1, referrers},
        {"referrers-add", 2, referrers_add},
        {"catalog", 0, catalog},
};

static int run(int argc, char **argv, struct error *err)
{
        _cleanup_registry_reference_ struct registry_reference reference = {0};
        _cleanup_registry_ struct registry *registry = NULL;
        bool help;
        int ret = option_parse(&registry_options_table, 1, &argc, argv, &help, err);

        if (ret == 0 && argc < 2)
                ret = error_set(err, &ERROR_USAGE, -EINVAL, "a command and a reference are needed");
        if (ret == 0)
                ret = registry_reference_parse(argv[1], &reference, err);
        if (ret == 0)
                ret = registry_open(&reference, &registry_access, &registry, err);
        if (ret < 0)
                return ret;
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (strcmp(commands[i].name, argv[0]) == 0 && argc - 2 >= commands[i].arguments)
                        return commands[i].run(registry, argv + 2, err);
        return error_set(err, &ERROR_USAGE, -EINVAL, "no such command, or too few arguments: %s", argv[0]);
}

int main(int argc, char **argv)
{
        struct error err = {0};

        if (run(argc - 1, argv + 1, &err) == 0)
                return 0;
        error_print(&err, stderr);
        return error_exit_status(&err);
}
