/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/credentials.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include "base/file.h"
#include "base/process.h"

#define FILE_LIMIT        (4 * MIB)
#define HELPER_TIMEOUT_MS 60000
#define HELPER_TOKEN_USER "<token>" /* says that the secret is an identity token */

/* How docker writes docker.io, in its file and to its helpers. */
#define DOCKER_IO_KEY "https://index.docker.io/v1/"

/* --- the helper ---------------------------------------------------------------------------------------- */

static int helper_parse(const struct buffer *output, const char *program, struct credentials *out,
                        struct error *err)
{
        yyjson_doc *doc = NULL;
        const char *user, *secret;
        int ret = json_parse(buffer_slice(output), program, &doc, NULL);

        if (ret < 0)
                return error_set(err, &ERROR_REGISTRY_CREDENTIALS, ret, "`%s` did not answer with JSON",
                                 program);
        user = json_text_or(yyjson_doc_get_root(doc), "Username", "");
        secret = json_text_or(yyjson_doc_get_root(doc), "Secret", "");
        if (strcmp(user, HELPER_TOKEN_USER) == 0) {
                out->identity_token = strdup(secret);
        } else {
                out->user = strdup(user);
                out->password = strdup(secret);
        }
        secret_json_free(doc);
        return out->identity_token || (out->user && out->password) ? 1 : error_oom(err);
}

/* The host goes through standard input. */
static int helper_input(const char *host)
{
        const char *text = strcmp(host, "docker.io") == 0 ? DOCKER_IO_KEY : host;
        int fd = memfd_create("host", MFD_CLOEXEC);

        if (fd >= 0 && (file_write_full(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
                close(fd);
                fd = -1;
        }
        return fd;
}

/* 1 when it knew some, else 0. */
static int helper_ask(const char *helper, const char *host, struct credentials *out, struct error *err)
{
        char program[128];
        const char *const argv[] = {program, "get", NULL};
        _cleanup_close_ int in = helper_input(host);
        struct process_options options = {
                .argv = argv, .timeout_ms = HELPER_TIMEOUT_MS, .stdin_fd = in, .output_limit = 64 * KIB};
        struct process_result result = {0};
        int ret;

        if (in < 0)
                return error_errno(err, errno, "ask `%s`", helper);
        if (strspn(helper, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") !=
            strlen(helper))
                return error_set(err, &ERROR_REGISTRY_CREDENTIALS, -EINVAL,
                                 "the name of a credential helper has other characters than letters, "
                                 "digits, '-', '_' and '.'");
        snprintf(program, sizeof(program), "docker-credential-%.100s", helper);
        ret = process_run(&options, &result, err);
        if (ret == 0 && result.exit_status == 0)
                ret = helper_parse(&result.output, program, out, err);
        else if (ret == 0 &&
                 (result.timed_out || !strstr(buffer_text(&result.output), "credentials not found")))
                ret = error_set(err, &ERROR_REGISTRY_CREDENTIALS, -EIO,
                                "`%s get` failed with exit status %d for `%s`", program, result.exit_status,
                                host);
        secret_buffer_free(&result.output);
        secret_buffer_free(&result.errors);
        return ret;
}

/* --- files --------------------------------------------------------------------------------------------- */

static int place_note(struct credentials *out, const char *path, bool alone, struct error *err)
{
        char *longer = NULL;

        if (!out->places || alone)
                longer = strdup(path);
        else if (asprintf(&longer, "%s, %s", out->places, path) < 0)
                longer = NULL;
        if (!longer)
                return error_oom(err);
        free(out->places);
        out->places = longer;
        return 0;
}

/* 1 when the file had some. An absent one is fine unless it was asked for. */
static int file_look(const char *path, bool must_exist, const char *host, const char *repository,
                     struct credentials *out, struct error *err)
{
        _cleanup_secret_buffer_ struct buffer text = {0};
        _cleanup_free_ char *helper = NULL;
        int ret;

        if (!must_exist && access(path, F_OK) < 0 && errno == ENOENT)
                return place_note(out, path, false, err);
        ret = file_read(AT_FDCWD, path, FILE_LIMIT, &text, err);
        if (ret == 0)
                ret = credentials_parse(buffer_slice(&text), path, host, repository, out, &helper, err);
        if (ret == 0 && helper)
                ret = helper_ask(helper, host, out, err);
        if (ret < 0)
                return ret;
        if (place_note(out, path, ret > 0, err) < 0)
                return -ENOMEM;
        return ret;
}

/* `variable` or else `fallback` of the home directory, then `rest`. NULL without either. */
static char *path_make(const char *variable, const char *fallback, const char *rest)
{
        const char *directory = getenv(variable), *home = getenv("HOME");
        char *path = NULL;
        int n = -1;

        if (directory && directory[0])
                n = asprintf(&path, "%s/%s", directory, rest);
        else if (fallback && home && home[0])
                n = asprintf(&path, "%s/%s/%s", home, fallback, rest);
        return n < 0 ? NULL : path;
}

static int default_files_look(const char *host, const char *repository, struct credentials *out,
                              struct error *err)
{
        char *paths[4] = {path_make("XDG_RUNTIME_DIR", NULL, "containers/auth.json"), NULL,
                          path_make("XDG_CONFIG_HOME", ".config", "containers/auth.json"),
                          path_make("DOCKER_CONFIG", ".docker", "config.json")};
        int ret = 0;

        /* Where Podman puts it without a session of its own. */
        if (!paths[0] && asprintf(&paths[1], "/run/containers/%u/auth.json", getuid()) < 0)
                paths[1] = NULL;
        for (size_t i = 0; i < ARRAY_SIZE(paths) && ret == 0; i++)
                if (paths[i])
                        ret = file_look(paths[i], false, host, repository, out, err);
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
                free(paths[i]);
        return ret;
}

int credentials_find(const char *auth_file, const char *host, const char *repository, struct credentials *out,
                     struct error *err)
{
        const char *named = auth_file ? auth_file : getenv("REGISTRY_AUTH_FILE");
        int ret;

        *out = (struct credentials){0};
        if (named && named[0])
                ret = file_look(named, auth_file != NULL, host, repository, out, err);
        else
                ret = default_files_look(host, repository, out, err);
        if (ret < 0)
                credentials_free(out);
        return ret < 0 ? ret : 0;
}

void credentials_free(struct credentials *credentials)
{
        secret_free(credentials->user);
        secret_free(credentials->password);
        secret_free(credentials->identity_token);
        free(credentials->places);
        *credentials = (struct credentials){0};
}
