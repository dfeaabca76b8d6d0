/* SPDX-License-Identifier: Apache-2.0 */
/* The logs are from real dumps and restores that failed (CRIU 4.2.1, crun 1.28, runc 1.3.6, Linux 6.18). */
#include "testing.h"

#include <fcntl.h>
#include "base/file.h"
#include "criu/cause.h"

static void log_read(const char *name, struct buffer *out)
{
        struct error err = {0};
        char path[512];

        snprintf(path, sizeof(path), TEST_DATA "/criu-logs/%s.log", name);
        assert_success(file_read(AT_FDCWD, path, MIB, out, &err), &err);
}

static const char *explain(struct error *err, enum criu_action action, struct slice log,
                           const char *runtime_errors)
{
        *err = (struct error){0};
        assert_int_equal(criu_cause_explain(err, action, "web", log, SLICE_TEXT(runtime_errors)), -EIO);
        return error_code(err);
}

static void test_real_logs(void **state)
{
        static const struct {
                const char *name;
                enum criu_action action;
                const char *code;
                const char *line; /* is shown */
        } cases[] = {
                {"tcp-established", CRIU_ACTION_DUMP, "SNAP-201",
                 "Error (criu/sk-inet.c:200): inet: Connected TCP"},
                {"tcp-established-runc", CRIU_ACTION_DUMP, "SNAP-201", "inet: Connected TCP socket"},
                {"tcp-in-flight", CRIU_ACTION_DUMP, "SNAP-202", "inet: In-flight connection (l) for"},
                {"mptcp", CRIU_ACTION_DUMP, "SNAP-204", "inet: Unsupported proto 262"},
                {"vsock", CRIU_ACTION_DUMP, "SNAP-205", "Unknown socket collected (family 40)"},
                {"unix-external", CRIU_ACTION_DUMP, "SNAP-207", "unix: External socket is used"},
                {"io-uring", CRIU_ACTION_DUMP, "SNAP-212", "send_fds failed (-22)"},
                {"io-uring-mapping", CRIU_ACTION_DUMP, "SNAP-212", "anon_inode:[io_uring]"},
                {"device", CRIU_ACTION_DUMP, "SNAP-213", "of that type [20666] (chr 10:229)"},
                {"userfaultfd", CRIU_ACTION_DUMP, "SNAP-215", "anon_inode:[userfaultfd]"},
                {"perf-event", CRIU_ACTION_DUMP, "SNAP-217", "anon_inode:[perf_event]"},
                {"secretmem", CRIU_ACTION_DUMP, "SNAP-217", "path=/secretmem"},
                {"inotify-deleted", CRIU_ACTION_DUMP, "SNAP-220", "Can't find suitable path for handle"},
                {"sysv-shared-memory", CRIU_ACTION_DUMP, "SNAP-223", "doesn't live in IPC ns"},
                {"file-lock", CRIU_ACTION_DUMP, "SNAP-224", "Some file locks are hold by dumping tasks"},
                {"ghost-limit", CRIU_ACTION_DUMP, "SNAP-226", "/tmp/ghost of 2097152 size"},
                {"stdio-outside", CRIU_ACTION_DUMP, "SNAP-227", "for fd=1 path=/tmp/outside.txt"},
                {"mount-outside", CRIU_ACTION_DUMP, "SNAP-228", "for fd=3 path=/var/tmp/outside"},
                {"mount-unmounted", CRIU_ACTION_DUMP, "SNAP-228", "for fd=3 path=/f"},
                {"mount-covered", CRIU_ACTION_DUMP, "SNAP-229", "Open files on overmounted mounts"},
                {"nested-namespace", CRIU_ACTION_DUMP, "SNAP-233", "Can't dump nested uts namespace"},
                {"traced", CRIU_ACTION_DUMP, "SNAP-236", "Unable to interrupt task"},
                {"no-iptables", CRIU_ACTION_DUMP, "SNAP-246", "execvp(\"iptables-restore\""},
                {"no-ip-tool", CRIU_ACTION_DUMP, "SNAP-247", "IP tool failed on addr save"},
                {"no-space", CRIU_ACTION_DUMP, "SNAP-274", "No space left on device"},
                {"restore-tcp-in-image", CRIU_ACTION_RESTORE, "SNAP-203", "Connected TCP socket in image"},
                {"restore-bad-magic", CRIU_ACTION_RESTORE, "SNAP-257", "magic doesn't match for pstree.img"},
                {"restore-core-truncated", CRIU_ACTION_RESTORE, "SNAP-259",
                 "Read 8 bytes while 2207 expected"},
                {"restore-files-truncated", CRIU_ACTION_RESTORE, "SNAP-259", "files.img"},
                {"restore-core-missing", CRIU_ACTION_RESTORE, "SNAP-258", "Unexpected EOF on (empty-image)"},
                {"restore-bad-size", CRIU_ACTION_RESTORE, "SNAP-260", "tmp/data has bad size 11 (expect 6)"},
                {"restore-bad-mode", CRIU_ACTION_RESTORE, "SNAP-261", "bin/prog has bad mode"},
                {"restore-file-missing", CRIU_ACTION_RESTORE, "SNAP-262",
                 "Can't open file tmp/data on restore"},
                {"restore-program-missing", CRIU_ACTION_RESTORE, "SNAP-262", "Can't open file bin/prog"},
                {"restore-mount-missing", CRIU_ACTION_RESTORE, "SNAP-263", "mnt: No mapping for 192:(null)"},
                {"restore-address-missing", CRIU_ACTION_RESTORE, "SNAP-264",
                 "Cannot assign requested address"},
                {"restore-port-taken", CRIU_ACTION_RESTORE, "SNAP-265", "Address already in use"},
                {"restore-pid-taken", CRIU_ACTION_RESTORE, "SNAP-267", "Can't fork for 167: File exists"},
                {"restore-pagemap-missing", CRIU_ACTION_RESTORE, "SNAP-200", "Restoring FAILED"},
                {"socket-option-criu-4.1", CRIU_ACTION_DUMP, "SNAP-206",
                 "Can't get 1:16 opt: Operation not supported"},
                {"unix-external-half", CRIU_ACTION_DUMP, "SNAP-207",
                 "Can't dump half of stream unix connection"},
                {"unix-closed", CRIU_ACTION_DUMP, "SNAP-208", "Found a closed in-flight socket"},
                {"unix-control-message", CRIU_ACTION_DUMP, "SNAP-208",
                 "Control messages in queue, not supported"},
                {"socket-outside", CRIU_ACTION_DUMP, "SNAP-209", "Socket state 10 obtained but expected 7"},
                {"bpf-map", CRIU_ACTION_DUMP, "SNAP-216", "anon_inode:bpf-map"},
                {"terminal-outside", CRIU_ACTION_DUMP, "SNAP-227", "for fd=0 path=/dev/pts/0"},
                {"mount-type", CRIU_ACTION_DUMP, "SNAP-230", "FS mnt ./tmp/m dev 0x44 root / unsupported id"},
                {"zombie-with-threads", CRIU_ACTION_DUMP, "SNAP-238",
                 "Zombies with threads are not supported"},
                {"pending-sigtrap", CRIU_ACTION_DUMP, "SNAP-238", "with a pending SIGTRAP"},
                {"vdso-criu-3.17", CRIU_ACTION_DUMP, "SNAP-243", "vdso: Unexpected rt vDSO area bounds"},
                {"restore-killed", CRIU_ACTION_RESTORE, "SNAP-279", "killed by signal 9: Killed"},
                {"restore-newer-image", CRIU_ACTION_RESTORE, "SNAP-280",
                 "net: unix: Failed to write net/ipv4/<sysctls>"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_buffer_ struct buffer log = {0};
                struct error err;

                log_read(cases[i].name, &log);
                if (strcmp(explain(&err, cases[i].action, buffer_slice(&log), ""), cases[i].code) != 0)
                        fail_msg("%s: %s [%s]\n%s", cases[i].name, err.text, error_code(&err), err.log);
                if (!strstr(err.log, cases[i].line))
                        fail_msg("%s: `%s` is not shown:\n%s", cases[i].name, cases[i].line, err.log);
                assert_non_null(strstr(err.text, "of web failed: "));
                assert_non_null(strstr(err.text, err.kind->title));
                assert_null(strstr(err.log, "(00."));
                assert_null(strstr(err.log, "RLIMIT_NOFILE"));
                assert_null(strstr(err.log, "ddress already assigned"));
        }
}

/* What successful dumps and restores print is not taken for a cause. */
static void test_success_has_no_decisive_lines(void **state)
{
        static const char *const names[] = {"success", "restore-success"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_buffer_ struct buffer log = {0}, excerpt = {0};

                log_read(names[i], &log);
                assert_int_equal(criu_log_excerpt(buffer_slice(&log), 10, &excerpt), 0);
                assert_string_equal(buffer_text(&excerpt), "");
        }
}

/* Where CRIU never started there is only what the runtime said. */
static void test_runtime_errors(void **state)
{
        static const struct {
                enum criu_action action;
                const char *code, *text;
        } cases[] = {
                {CRIU_ACTION_DUMP, "SNAP-254", "the container `web` is not running: No such process\n"},
                {CRIU_ACTION_DUMP, "SNAP-254",
                 "time=\"2026-11-23T09:24:46Z\" level=error msg=\"Container cannot be checkpointed in "
                 "stopped state\"\n"},
                {CRIU_ACTION_DUMP, "SNAP-250",
                 "could not load `libcriu.so.2`: `libcriu.so.2: cannot open shared object file: No such file "
                 "or "
                 "directory`\n"},
                {CRIU_ACTION_DUMP, "SNAP-252",
                 "Can't read request: Connection reset by peer\nCan't receive response: Invalid argument\n"
                 "CRIU: failed checking version: Communication error on send\n"},
                {CRIU_ACTION_DUMP, "SNAP-252",
                 "time=\"2026-11-23T09:33:55Z\" level=error msg=\"CRIU version check failed: exec: "
                 "\\\"criu\\\": "
                 "executable file not found in $PATH\"\n"},
                {CRIU_ACTION_DUMP, "SNAP-251",
                 "criu: unrecognized option '--tcp-wrong'\nCan't read request: Connection reset by peer\n"
                 "CRIU: failed checking version: Communication error on send\n"},
                {CRIU_ACTION_DUMP, "SNAP-276",
                 "error saving CRIU descriptors file: open `/tmp/ro/descriptors.json` for writing: Read-only "
                 "file "
                 "system\n"},
                {CRIU_ACTION_RESTORE, "SNAP-269",
                 "open `/var/tmp/i/descriptors.json`: No such file or directory\n"},
                {CRIU_ACTION_RESTORE, "SNAP-263", "stat `/tmp/vol`: No such file or directory\n"},
                {CRIU_ACTION_DUMP, "SNAP-200", "CRIU checkpointing failed: -52: Invalid exchange\n"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err;

                assert_string_equal(explain(&err, cases[i].action, (struct slice){0}, cases[i].text),
                                    cases[i].code);
                assert_string_equal(err.log, cases[i].text);
                assert_int_equal(criu_cause_is_known(cases[i].action, SLICE_TEXT(cases[i].text)),
                                 err.kind != &ERROR_CRIU_UNKNOWN);
        }
}

static void test_nothing_was_said(void **state)
{
        struct error err;

        assert_string_equal(explain(&err, CRIU_ACTION_RESTORE, (struct slice){0}, ""), "SNAP-200");
        assert_non_null(strstr(err.text, "gave a reason"));
        assert_string_equal(err.log, "");
}

/* A cause of restores is none of dumps. */
static void test_action_decides(void **state)
{
        struct slice log = SLICE_TEXT(
                "(00.1)      1: Error (criu/files-reg.c:2175): File a has bad size 1 (expect 2)\n");
        struct error err;

        assert_string_equal(explain(&err, CRIU_ACTION_RESTORE, log, ""), "SNAP-260");
        assert_string_equal(explain(&err, CRIU_ACTION_DUMP, log, ""), "SNAP-200");
}

static void test_excerpt_of_hostile_log(void **state)
{
        _cleanup_buffer_ struct buffer log = {0}, excerpt = {0};

        buffer_append_text(&log, "(00.1) Error (criu/a.c:1): name \x1b[2J\xff ");
        buffer_append(&log, "\0\b", 2);
        for (int i = 0; i < 1000; i++)
                buffer_append_text(&log, "x");
        buffer_append_text(&log, "\n((((\n)\n(00.2\nError (");
        assert_int_equal(criu_log_excerpt(buffer_slice(&log), 10, &excerpt), 0);
        assert_true(text_starts_with(buffer_text(&excerpt), "Error (criu/a.c:1): name ?[2J? ??xxx"));
        assert_true(text_ends_with(buffer_text(&excerpt), "xxx...\n((((\n)\n(00.2\nError (\n"));
        for (size_t i = 0; i < excerpt.size; i++)
                assert_true(excerpt.data[i] == '\n' || (excerpt.data[i] >= ' ' && excerpt.data[i] <= '~'));
}

/* The newest lines are kept, repeated ones once, and a warning only right before an error. */
static void test_excerpt_chooses(void **state)
{
        _cleanup_buffer_ struct buffer log = {0}, excerpt = {0};

        buffer_append_text(&log, "(00.1) Warn  (criu/w.c:1): far away\n");
        for (int i = 0; i < 5; i++)
                buffer_printf(&log, "(00.2) ordinary %d\n", i);
        buffer_append_text(&log, "(00.3) Error (criu/a.c:1): oldest\n");
        for (int i = 0; i < 5; i++)
                buffer_printf(&log, "(00.4%d) Error (criu/b.c:1): again\n", i);
        buffer_append_text(&log,
                           "(00.5) Warn  (criu/w.c:2): near\n(00.6) ordinary\n"
                           "(00.7)      7: Error (criu/c.c:1): newest\nsecond line of it\n(00.8) ordinary\n");
        assert_int_equal(criu_log_excerpt(buffer_slice(&log), 4, &excerpt), 0);
        assert_string_equal(buffer_text(&excerpt), "Error (criu/b.c:1): again\nWarn  (criu/w.c:2): near\n"
                                                   "7: Error (criu/c.c:1): newest\nsecond line of it\n");
        buffer_free(&excerpt);
        assert_int_equal(criu_log_excerpt(buffer_slice(&log), 100, &excerpt), 0);
        assert_true(
                text_starts_with(buffer_text(&excerpt), "Error (criu/a.c:1): oldest\nError (criu/b.c:1)"));
}

/* Only the end of a huge log is read, from the start of a line on. */
static void test_excerpt_of_huge_log(void **state)
{
        _cleanup_buffer_ struct buffer log = {0}, excerpt = {0};

        buffer_append_text(&log, "(00.1) Error (criu/a.c:1): too far back\n");
        for (int i = 0; i < 40000; i++)
                buffer_append_text(&log, "(00.2) ordinary\n");
        buffer_append_text(&log, "(00.3) Error (criu/b.c:1): here\n");
        assert_int_equal(criu_log_excerpt(buffer_slice(&log), 10, &excerpt), 0);
        assert_string_equal(buffer_text(&excerpt), "Error (criu/b.c:1): here\n");
}

static void test_every_kind_is_documented(void **state)
{
        _cleanup_buffer_ struct buffer docs = {0};
        struct error err = {0};
        size_t count = 0;

        assert_success(file_read(AT_FDCWD, TEST_DOCS "/errors.md", MIB, &docs, &err), &err);
        for (; criu_error_kinds[count]; count++) {
                const struct error_kind *kind = criu_error_kinds[count];
                char heading[256];

                snprintf(heading, sizeof(heading), "\n### %s %s\n", kind->code, kind->title);
                if (!strstr(buffer_text(&docs), heading))
                        fail_msg("docs/errors.md has no `%s`", heading + 1);
                assert_true(text_starts_with(kind->code, "SNAP-"));
                assert_true(kind->exit_status > EXIT_USAGE && kind->http_status >= 400);
                assert_true(strlen(kind->hint) > 0 && strlen(kind->hint) < sizeof(err.hint));
                for (size_t j = 0; j < count; j++)
                        assert_string_not_equal(kind->code, criu_error_kinds[j]->code);
        }
        assert_true(count > 25);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_real_logs),
                cmocka_unit_test(test_success_has_no_decisive_lines),
                cmocka_unit_test(test_runtime_errors),
                cmocka_unit_test(test_nothing_was_said),
                cmocka_unit_test(test_action_decides),
                cmocka_unit_test(test_excerpt_of_hostile_log),
                cmocka_unit_test(test_excerpt_chooses),
                cmocka_unit_test(test_excerpt_of_huge_log),
                cmocka_unit_test(test_every_kind_is_documented),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
