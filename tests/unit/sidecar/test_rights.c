/* SPDX-License-Identifier: Apache-2.0 */
/* Every route, asked by every role, over the agent's own server: who is let in, and who is not. */
#include "../node/open_node.h"

#include <sys/stat.h>
#include "net/client.h"
#include "sidecar/agent.h"
#include "sidecar/routes.h"

#define CHECKPOINT "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define OPERATION  "01ARZ3NDEKTSV4RRFFQ69G5FAW"

/* Where a right is needed: on an object in namespace default, anywhere at all, on the whole node, nowhere. */
enum where { DEFAULT, ANYWHERE, NODE, NOWHERE };

/* docs/node.md, "Routes". */
static const struct expected {
        const char *method, *pattern, *path, *right;
        enum where where;
} expected[] = {
        {"POST", "/checkpoint/{namespace}/{pod}/{container}", "/checkpoint/default/p/c", "create", DEFAULT},
        {"GET", "/containers", "/containers", "list", ANYWHERE},
        {"POST", "/checkpoints", "/checkpoints", "create", DEFAULT},
        {"GET", "/checkpoints", "/checkpoints", "list", ANYWHERE},
        {"GET", "/checkpoints/{id}", "/checkpoints/" CHECKPOINT, "get", DEFAULT},
        {"DELETE", "/checkpoints/{id}", "/checkpoints/" CHECKPOINT, "delete", DEFAULT},
        {"PUT", "/checkpoints/{id}/pin", "/checkpoints/" CHECKPOINT "/pin", "update", DEFAULT},
        {"DELETE", "/checkpoints/{id}/pin", "/checkpoints/" CHECKPOINT "/pin", "update", DEFAULT},
        {"POST", "/checkpoints/{id}/verify", "/checkpoints/" CHECKPOINT "/verify", "get", DEFAULT},
        {"POST", "/checkpoints/{id}/restore", "/checkpoints/" CHECKPOINT "/restore", "restore", DEFAULT},
        {"GET", "/checkpoints/{id}/archive", "/checkpoints/" CHECKPOINT "/archive", "read", DEFAULT},
        {"GET", "/checkpoints/{id}/chunks", "/checkpoints/" CHECKPOINT "/chunks", "read", DEFAULT},
        {"GET", "/checkpoints/{id}/layers", "/checkpoints/" CHECKPOINT "/layers", "read", DEFAULT},
        {"POST", "/checkpoints/{id}/ticket", "/checkpoints/" CHECKPOINT "/ticket", "read", DEFAULT},
        {"DELETE", "/checkpoints/{id}/ticket", "/checkpoints/" CHECKPOINT "/ticket", "read", DEFAULT},
        {"GET", "/checkpoints/{id}/{verb}", "/checkpoints/" CHECKPOINT "/show", "read", DEFAULT},
        {"POST", "/images", "/images", "create", NODE},
        {"POST", "/fetches", "/fetches", "create", NODE},
        {"GET", "/operations", "/operations", "list", ANYWHERE},
        {"GET", "/operations/{id}", "/operations/" OPERATION, "get", DEFAULT},
        {"GET", "/operations/{id}/events", "/operations/" OPERATION "/events", "get", DEFAULT},
        {"GET", "/events", "/events", "list", ANYWHERE},
        {"DELETE", "/operations/{id}", "/operations/" OPERATION, "create", DEFAULT},
        {"GET", "/metrics", "/metrics", "metrics", NODE},
        {"GET", "/healthz", "/healthz", NULL, NOWHERE},
        {"GET", "/livez", "/livez", NULL, NOWHERE},
        {"GET", "/readyz", "/readyz", NULL, NOWHERE},
};

static const char *const rights[] = {"create", "list",    "get",  "delete",
                                     "update", "restore", "read", "metrics"};
/* A role is a right in one of these; its token is "RIGHT.NAMESPACE". */
static const char *const namespaces[] = {"default", "*", "other"};

static const struct expected *find_expected(const struct route *route)
{
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                if (strcmp(expected[i].method, route->method) == 0 &&
                    strcmp(expected[i].pattern, route->pattern) == 0)
                        return &expected[i];
        fail_msg("%s %s: nobody said who may do that", route->method, route->pattern);
        return NULL;
}

static bool is_expected(const struct expected *route, const char *right, const char *namespace)
{
        if (route->where == NOWHERE)
                return true;
        if (strcmp(route->right, right) != 0)
                return false;
        switch (route->where) {
        case ANYWHERE:
                return true;
        case DEFAULT:
                return strcmp(namespace, "other") != 0;
        default:
                return strcmp(namespace, "*") == 0;
        }
}

/* --- an agent ---------------------------------------------------------------------------------------------
 */

static struct node *node;
static struct agent *agent;
static struct http_client *client;
static char url[64];

static void write_access(void)
{
        FILE *file = fopen("access", "w");

        assert_non_null(file);
        fputs("token nothing nothing\n", file);
        for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
                for (size_t j = 0; j < ARRAY_SIZE(namespaces); j++)
                        fprintf(file, "token %s.%s name %s %s\n", rights[i], namespaces[j], rights[i],
                                namespaces[j]);
        fclose(file);
        assert_int_equal(chmod("access", 0600), 0);
}

/* What was deleted is there again, and ended. */
static void put_records(void)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_operation_ struct operation *operation = NULL;
        struct error err = {0};

        assert_success(checkpoint_new(&checkpoint, &err), &err);
        assert_success(operation_new(&operation, &err), &err);
        assert_true(container_set_text(&checkpoint->id, CHECKPOINT) &&
                    container_set_text(&checkpoint->state, "completed") &&
                    container_set_text(&checkpoint->namespace, "default") &&
                    container_set_text(&checkpoint->path, "/tmp/none/none.tar") &&
                    container_set_text(&operation->id, OPERATION) &&
                    container_set_text(&operation->kind, "verify") &&
                    container_set_text(&operation->namespace, "default"));
        operation->phase = PHASE_DONE;
        assert_success(catalog_put_checkpoint(node_catalog(node), checkpoint, &err), &err);
        assert_success(catalog_put_operation(node_catalog(node), operation, &err), &err);
}

static int start(void **state)
{
        static struct agent_options options = {.listen = "127.0.0.1:0",
                                               .socket = "socket",
                                               .access = "access",
                                               .checkpoint_seconds = 5,
                                               .reader = "/bin/true"};
        static const struct http_client_options http = {.ca_file = "state/agent.crt"};
        struct error err = {0};

        if (scratch_setup(state) < 0)
                return -1;
        unsetenv("KUBERNETES_SERVICE_HOST");
        write_access();
        node = open_node(1, 1000);
        assert_success(agent_start(&options, node, &agent, &err), &err);
        snprintf(url, sizeof(url), "https://%s", agent_address(agent));
        assert_success(http_client_new(&http, &client, &err), &err);
        return 0;
}

static int stop(void **state)
{
        http_client_free(client);
        agent_free(agent);
        node_free(node);
        return scratch_teardown(state);
}

/* The status is all that is wanted of a stream. */
static int end_stream(void *context, const struct http_response *response, struct slice bytes,
                      struct error *err)
{
        return -ECANCELED;
}

static unsigned ask(const struct expected *route, const char *token)
{
        _cleanup_http_response_ struct http_response response = {0};
        char address[512], authorization[128];
        const char *const headers[] = {token ? authorization : NULL, NULL};
        const struct http_request request = {.method = route->method,
                                             .url = address,
                                             .headers = headers,
                                             .has_body = strcmp(route->method, "POST") == 0,
                                             .body = SLICE_TEXT("{\"namespace\":\"default\",\"pod\":\"p\","
                                                                "\"container\":\"c\"}"),
                                             .sink = end_stream};
        struct error err = {0};

        put_records();
        snprintf(address, sizeof(address), "%s%s", url, route->path);
        snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
        (void)http_client_send(client, &request, &response, &err);
        if (!response.status)
                fail_msg("%s %s: %s", route->method, route->path, err.text);
        return response.status;
}

static void assert_let_in(const struct expected *route, const char *token, bool let_in, unsigned refusal)
{
        unsigned status = ask(route, token);

        if (let_in ? status == 401 || status == 403 : status != refusal)
                fail_msg("%s %s by `%s`: %u", route->method, route->pattern, token ?: "nobody", status);
}

static void test_every_route_by_every_role(void **state)
{
        for (size_t i = 0; i < agent_route_count; i++) {
                const struct expected *route = find_expected(&agent_routes[i]);
                bool is_public = route->where == NOWHERE;

                assert_let_in(route, NULL, is_public, 401);
                assert_let_in(route, "unknown", is_public, 401);
                assert_let_in(route, "nothing", is_public, 403);
                for (size_t j = 0; j < ARRAY_SIZE(rights); j++) {
                        for (size_t k = 0; k < ARRAY_SIZE(namespaces); k++) {
                                char token[64];

                                snprintf(token, sizeof(token), "%s.%s", rights[j], namespaces[k]);
                                assert_let_in(route, token, is_expected(route, rights[j], namespaces[k]),
                                              403);
                        }
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_every_route_by_every_role, start, stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
