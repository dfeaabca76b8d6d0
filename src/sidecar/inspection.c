/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /checkpoints/{id}/{verb}: what `checkpointctl VERB --json` says of the archive. It runs as a child with
 * nobody's rights, which gets the archive as its standard input, since it decodes what strangers wrote (a
 * second one, for diff, as its descriptor 3). Its output is passed on as it comes.
 */
#include "sidecar/inspection.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/file.h"
#include "sidecar/agent.h"
#include "sidecar/answer.h"
#include "sidecar/authority.h"
#include "sidecar/handlers.h"
#include "sidecar/privileges.h"

#define CHILDREN_MOST 4           /* at once; more are told to come again */
#define HEAD_SIZE     (64 * KIB)  /* of the output, before anything is answered */
#define OUTPUT_MOST   (512 * MIB) /* of one answer */
#define TEXT_MOST     1024        /* of a value in the query */
#define OTHER_FD      3           /* of the second archive, in the child */

/* --- from a query to arguments ----------------------------------------------------------------------------
 */

/* What may be asked of each verb: nothing that names a file, a key or a form of output. */
static const char *const inspect_flags[] = {
        "all",     "stats",       "metadata", "mounts",  "ps-tree", "ps-tree-cmd", "ps-tree-env", "files",
        "sockets", "credentials", "timers",   "signals", "cgroups", "net",         NULL};
static const char *const inspect_values[] = {"pid", NULL};
static const char *const memparse_values[] = {"pid", "search", "search-regex", "context", NULL};
static const char *const secrets_flags[] = {"reveal", NULL};
static const char *const images_flags[] = {"pretty", NULL};
static const char *const diff_flags[] = {"files", "sockets", "ps-tree-cmd", "ps-tree-env", NULL};
static const char *const none[] = {NULL};

static const struct reading_verb {
        const char *name;
        const char *const *flags, *const *values;
        const char *argument; /* name in the query of one that follows the archive */
        int found;            /* exit status of a result that is no error; beside 0 */
        bool reads_two;       /* the id of another checkpoint is in the query as `with` */
} verbs[] = {
        {"diff", diff_flags, none, NULL, 0, true},
        {"explain", none, none, NULL, 0, false},
        {"images", images_flags, none, "image", 0, false},
        {"inspect", inspect_flags, inspect_values, NULL, 0, false},
        {"memparse", none, memparse_values, NULL, 0, false},
        {"secrets", secrets_flags, none, NULL, 1, false},
        {"show", none, none, NULL, 0, false},
};

static const struct reading_verb *find_verb(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
}

void arguments_free(struct arguments *arguments)
{
        for (size_t i = 0; i < arguments->count; i++)
                free(arguments->items[i]);
}

static int add(struct arguments *arguments, struct error *err, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
static int add(struct arguments *arguments, struct error *err, const char *format, ...)
{
        char **item = &arguments->items[arguments->count];
        va_list args;
        int ret;

        if (arguments->count == ARGUMENTS_MOST)
                return error_set(err, &ERROR_BAD_INPUT, -E2BIG, "too much is asked for at once");
        va_start(args, format);
        ret = vasprintf(item, format, args);
        va_end(args);
        if (ret < 0) {
                *item = NULL;
                return error_oom(err);
        }
        arguments->count++;
        return 0;
}

static int add_flags(const char *const *names, query_function query, void *context,
                     struct arguments *arguments, struct error *err)
{
        int ret = 0;

        for (size_t i = 0; names[i] && ret == 0; i++) {
                const char *text = query(context, names[i]);

                if (text && (!*text || strcmp(text, "true") == 0))
                        ret = add(arguments, err, "--%s", names[i]);
                else if (text && strcmp(text, "false") != 0)
                        ret = error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`%s` is true or false", names[i]);
        }
        return ret;
}

static int add_values(const char *const *names, query_function query, void *context,
                      struct arguments *arguments, struct error *err)
{
        int ret = 0;

        for (size_t i = 0; names[i] && ret == 0; i++) {
                const char *text = query(context, names[i]);

                if (text && strlen(text) > TEXT_MOST)
                        ret = error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`%s` has more than %d bytes",
                                        names[i], TEXT_MOST);
                else if (text)
                        ret = add(arguments, err, "--%s=%s", names[i], text);
        }
        return ret;
}

int inspection_arguments(const char *name, query_function query, void *context, struct arguments *out,
                         struct error *err)
{
        const struct reading_verb *verb = find_verb(name);
        const char *argument;
        int ret;

        if (!verb)
                return error_set(err, &ERROR_HTTP_PATH, -ENOENT,
                                 "`%.64s` is nothing that a checkpoint is asked", name);
        ret = add(out, err, "checkpointctl");
        if (ret == 0)
                ret = add(out, err, "%s", name);
        if (ret == 0)
                ret = add(out, err, "--json");
        if (ret == 0)
                ret = add_flags(verb->flags, query, context, out, err);
        if (ret == 0)
                ret = add_values(verb->values, query, context, out, err);
        if (ret == 0)
                ret = add(out, err, "--");
        if (ret == 0)
                ret = add(out, err, "-");
        if (ret == 0 && verb->reads_two)
                ret = add(out, err, "/dev/fd/%d", OTHER_FD);
        argument = verb->argument ? query(context, verb->argument) : NULL;
        if (ret == 0 && argument)
                ret = !file_name_is_safe(argument) || strchr(argument, '/')
                              ? error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`%s` is a name", verb->argument)
                              : add(out, err, "%s", argument);
        return ret;
}

/* --- the child --------------------------------------------------------------------------------------------
 */

/* What it gets; -1: none. */
struct inputs {
        int archive, other;
};

static void inputs_close(struct inputs *inputs)
{
        cleanup_close(&inputs->archive);
        cleanup_close(&inputs->other);
}

/* One that runs, or has run. */
struct child {
        pid_t pid; /* 0: it has been waited for */
        int output;
        const struct reading_verb *verb;
        struct buffer head; /* what was read before the answer, sent from `sent` on */
        size_t sent;
        uint64_t total;
        bool ended; /* its output has */
        bool failed;
};

static atomic_uint children;

static void child_free(void *context)
{
        struct child *child = context;

        if (child->output >= 0)
                close(child->output);
        if (child->pid > 0) {
                kill(child->pid, SIGKILL);
                while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        buffer_free(&child->head);
        free(child);
        children--;
}
CLEANUP_DEFINE(struct child *, child_free);

/* One that has this number already keeps it, but not the flag that closes it. */
static bool give_other(int other)
{
        return other == OTHER_FD ? fcntl(other, F_SETFD, 0) == 0 : dup2(other, OTHER_FD) >= 0;
}

/* In the child, between fork and exec: only what a signal handler may call, as other threads hold locks. */
_Noreturn static void run(const char *program, char *const *argv, const struct inputs *inputs, int output,
                          pid_t parent)
{
        static char locale[] = "LC_ALL=C.UTF-8", home[] = "HOME=/nonexistent";
        static char *const environment[] = {locale, home, NULL};
        sigset_t none_blocked;
        int null = open("/dev/null", O_WRONLY);
        unsigned kept = inputs->other < 0 ? OTHER_FD : OTHER_FD + 1;

        sigemptyset(&none_blocked);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || null < 0 ||
            dup2(inputs->archive, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
            dup2(null, STDERR_FILENO) < 0 || (inputs->other >= 0 && !give_other(inputs->other)) ||
            close_range(kept, ~0u, 0) < 0 || privileges_drop_all() < 0 ||
            sigprocmask(SIG_SETMASK, &none_blocked, NULL) < 0)
                _exit(126);
        execve(program, argv, environment);
        _exit(127);
}

static int start(const char *program, char *const *argv, const struct inputs *inputs, struct child *child,
                 struct error *err)
{
        _cleanup_close_ int reader = -1, writer = -1;
        int ends[2];
        pid_t parent = getpid();

        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_errno(err, errno, "make a pipe");
        reader = ends[0];
        writer = ends[1];
        child->pid = fork();
        if (child->pid < 0)
                return error_errno(err, errno, "start `%s`", program);
        if (child->pid == 0)
                run(program, argv, inputs, writer, parent);
        child->output = steal_fd(&reader);
        return 0;
}

/* Has it said all that it had to say? */
static int wait_for(struct child *child)
{
        int status = 0;

        while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
                ;
        child->pid = 0;
        child->ended = true;
        child->failed =
                !WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != child->verb->found);
        return child->failed ? -EIO : 0;
}

static ssize_t read_output(struct child *child, void *data, size_t size)
{
        ssize_t n;

        do
                n = read(child->output, data, size);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        child->total += (uint64_t)n;
        if (child->total > OUTPUT_MOST)
                return -EFBIG;
        return n > 0 ? n : wait_for(child);
}

/* --- the answer -------------------------------------------------------------------------------------------
 */

static ssize_t output_read(void *context, uint64_t offset, void *data, size_t size)
{
        struct child *child = context;
        size_t left = child->head.size - child->sent;

        if (left) {
                left = left < size ? left : size;
                memcpy(data, child->head.data + child->sent, left);
                child->sent += left;
                return (ssize_t)left;
        }
        return child->ended ? 0 : read_output(child, data, size);
}

/* A result that is small is known to be whole, or an error, before anything is answered. */
static int read_head(struct child *child, struct error *err)
{
        ssize_t n = 0;

        if (buffer_reserve(&child->head, HEAD_SIZE) < 0)
                return error_oom(err);
        while (child->head.size < HEAD_SIZE && !child->ended) {
                n = read_output(child, child->head.data + child->head.size, HEAD_SIZE - child->head.size);
                if (n < 0)
                        break;
                child->head.size += (size_t)n;
        }
        return n < 0 && !child->ended ? error_errno(err, (int)-n, "read what checkpointctl says") : 0;
}

/* What it says went wrong. */
static int refused(const struct child *child, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *error = NULL;

        if (json_parse(buffer_slice(&child->head), "answer", &doc, NULL) == 0)
                error = yyjson_obj_get(yyjson_doc_get_root(doc), "error");
        (void)error_set(err, &ERROR_AGENT_VERB, -EBADMSG, "%s: %s [%s]", child->verb->name,
                        json_text_or(error, "text", "checkpointctl ended without saying why"),
                        json_text_or(error, "code", "SNAP-000"));
        error_set_hint(err, "%s", json_text_or(error, "hint", ""));
        return -EBADMSG;
}

static int open_archive(const struct request *request, const char *id, int *out, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_close_ int fd = -1;
        struct stat st;
        int ret = catalog_get_checkpoint(node_catalog(request_node(request)), id, &checkpoint, err);

        if (ret == 0)
                ret = request_needs(request, RIGHT_READ, checkpoint->namespace, err);
        if (ret < 0)
                return ret;
        fd = open(checkpoint->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno(err, errno, "open `%s`", checkpoint->path);
        if (!S_ISREG(st.st_mode))
                return error_set(err, &ERROR_IO, -EIO, "`%s` is no file", checkpoint->path);
        *out = steal_fd(&fd);
        return 0;
}

static int open_inputs(struct request *request, const struct reading_verb *verb, struct inputs *out,
                       struct error *err)
{
        const char *id = request_parameter(request, "id"), *other = request_query(request, "with");
        char both[2 * UNIQUE_ID_SIZE];
        int ret = open_archive(request, id, &out->archive, err);

        if (ret < 0 || !verb->reads_two)
                return ret;
        if (!other)
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL,
                                 "`%s` wants the id of another checkpoint, `with`", verb->name);
        snprintf(both, sizeof(both), "%s %s", id, other);
        request_note(request, both);
        return open_archive(request, other, &out->other, err);
}

static const char *query_of(void *context, const char *name)
{
        return request_query(context, name);
}

static int new_child(const char *verb, struct child **out, struct error *err)
{
        struct child *child;

        if (children++ >= CHILDREN_MOST) {
                children--;
                return error_set(err, &ERROR_AGENT_NOT_READY, -EAGAIN, "%d archives are read already",
                                 CHILDREN_MOST);
        }
        child = calloc(1, sizeof(*child));
        if (!child) {
                children--;
                return error_oom(err);
        }
        child->output = -1;
        child->verb = find_verb(verb);
        *out = child;
        return 0;
}

static int inspection_end(struct request *request, struct error *err)
{
        _cleanup_(arguments_free) struct arguments arguments = {0};
        _cleanup_(child_freep) struct child *child = NULL;
        _cleanup_(inputs_close) struct inputs inputs = {-1, -1};
        struct response_source source = {.read = output_read, .free = child_free};
        const char *verb = request_parameter(request, "verb");
        int ret = inspection_arguments(verb, query_of, request, &arguments, err);

        request_note(request, request_parameter(request, "id"));
        if (ret == 0)
                ret = open_inputs(request, find_verb(verb), &inputs, err);
        if (ret == 0)
                ret = new_child(verb, &child, err);
        if (ret == 0)
                ret = start(request_options(request)->reader, arguments.items, &inputs, child, err);
        if (ret == 0)
                ret = read_head(child, err);
        if (ret == 0 && child->failed)
                ret = refused(child, err);
        if (ret < 0)
                return ret;
        source.context = steal_ptr(child);
        return request_respond_stream(request, 200, "application/json", RESPONSE_SIZE_UNKNOWN, &source, err);
}

const struct handler handle_inspection = {.end = inspection_end};
