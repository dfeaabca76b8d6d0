/* SPDX-License-Identifier: Apache-2.0 */
/* The archives in tests/data/malformed, each wrong in the way its name begins with. */
#include "testing.h"

#include <dirent.h>
#include "archive/verify.h"

#define DIRECTORY TEST_DATA "/malformed"

static const struct error_kind *expected_kind(const char *name)
{
        static const struct {
                const char *prefix;
                const struct error_kind *kind;
        } kinds[] = {
                {"truncated-", &ERROR_ARCHIVE_TRUNCATED}, {"corrupt-", &ERROR_ARCHIVE_CORRUPT},
                {"name-", &ERROR_ARCHIVE_NAME},           {"compression-", &ERROR_BAD_COMPRESSION},
                {"other-", &ERROR_ARCHIVE_NOT_ONE},       {"metadata-", &ERROR_ARCHIVE_METADATA},
        };

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
                        return kinds[i].kind;
        return NULL;
}

static bool has_kind(const struct verify_report *report, const struct error_kind *kind)
{
        for (size_t i = 0; i < report->fault_count; i++)
                if (report->faults[i].kind == kind && report->faults[i].reason[0])
                        return true;
        return false;
}

static void check(const char *name, const struct error_kind *kind)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        struct error err = {0};
        char path[512];

        snprintf(path, sizeof(path), "%s/%s", DIRECTORY, name);
        assert_success(archive_verify(path, NULL, &report, &err), &err);
        if (!report.fault_count)
                fail_msg("%s was accepted", name);
        if (!has_kind(&report, kind))
                fail_msg("%s: %s [%s], not [%s]", name, report.faults[0].reason, report.faults[0].kind->code,
                         kind->code);
}

static void test_all_are_refused_for_what_they_are(void **state)
{
        DIR *dir = opendir(DIRECTORY);
        const struct dirent *entry;
        unsigned count = 0;

        assert_non_null(dir);
        while ((entry = readdir(dir))) {
                const struct error_kind *kind = expected_kind(entry->d_name);

                if (!kind)
                        continue;
                check(entry->d_name, kind);
                count++;
        }
        closedir(dir);
        assert_true(count >= 50);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_are_refused_for_what_they_are),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
