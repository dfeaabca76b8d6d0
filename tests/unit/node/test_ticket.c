/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "node/peer.h"
#include "node/ticket.h"

#define ID    "01KB0000000000000000000001"
#define OTHER "01KB0000000000000000000002"

static struct ticket_office *open_office(void)
{
        struct ticket_office *office = NULL;
        struct error err = {0};

        assert_success(ticket_office_new(&office, &err), &err);
        return office;
}

static void test_reads_one_checkpoint_for_one_holder(void **state)
{
        _cleanup_ticket_office_ struct ticket_office *office = open_office();
        char ticket[TICKET_SIZE], second[TICKET_SIZE];
        struct error err = {0};

        assert_success(ticket_issue(office, ID, TICKET_SECONDS, ticket, &err), &err);
        assert_success(ticket_issue(office, ID, TICKET_SECONDS, second, &err), &err);
        assert_int_equal(strlen(ticket), TICKET_SIZE - 1);
        assert_string_not_equal(ticket, second);
        assert_error(ticket_use(office, ticket, OTHER, "node2", &err), &err, ERROR_TICKET);
        assert_success(ticket_use(office, ticket, ID, "node2", &err), &err);
        assert_success(ticket_use(office, ticket, ID, "node2", &err), &err);
        assert_error(ticket_use(office, ticket, ID, "node3", &err), &err, ERROR_TICKET);
        assert_success(ticket_use(office, second, ID, "node3", &err), &err);
}

static void test_ends(void **state)
{
        _cleanup_ticket_office_ struct ticket_office *office = open_office();
        char ticket[TICKET_SIZE];
        struct error err = {0};

        assert_success(ticket_issue(office, ID, TICKET_SECONDS, ticket, &err), &err);
        ticket_end(office, "what nobody ever gave out");
        assert_success(ticket_use(office, ticket, ID, "", &err), &err);
        ticket_end(office, ticket);
        assert_error(ticket_use(office, ticket, ID, "", &err), &err, ERROR_TICKET);
}

/* Of no length, so that it is over at once. */
static void test_expires(void **state)
{
        _cleanup_ticket_office_ struct ticket_office *office = open_office();
        char ticket[TICKET_SIZE];
        struct error err = {0};

        assert_success(ticket_issue(office, ID, 0, ticket, &err), &err);
        assert_error(ticket_use(office, ticket, ID, "", &err), &err, ERROR_TICKET);
}

static void test_bad_ones(void **state)
{
        static const char *const bad[] = {"", "0",
                                          "0000000000000000000000000000000000000000000000000000000000000000"};
        _cleanup_ticket_office_ struct ticket_office *office = open_office();
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_error(ticket_use(office, bad[i], ID, "", &err), &err, ERROR_TICKET);
}

/* Those that have ended make room; those that have not do not. */
static void test_there_is_a_limit(void **state)
{
        _cleanup_ticket_office_ struct ticket_office *office = open_office();
        char ticket[TICKET_SIZE];
        struct error err = {0};
        int ret, count = 0;

        while ((ret = ticket_issue(office, ID, TICKET_SECONDS, ticket, &err)) == 0 && count < 100000)
                count++;
        assert_int_equal(ret, -EBUSY);
        ticket_end(office, ticket); /* was not given out */
        assert_int_equal(ticket_issue(office, ID, TICKET_SECONDS, ticket, &err), -EBUSY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_one_checkpoint_for_one_holder),
                cmocka_unit_test(test_ends),
                cmocka_unit_test(test_expires),
                cmocka_unit_test(test_bad_ones),
                cmocka_unit_test(test_there_is_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
