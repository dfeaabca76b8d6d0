/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/agent.h"

#include <errno.h>
#include <time.h>
#include "base/file.h"
#include "net/listen.h"
#include "net/self_signed.h"
#include "sidecar/authority.h"
#include "sidecar/log.h"
#include "sidecar/routes.h"
#include "sidecar/traffic.h"
#include "sidecar/transfer.h"

#define RENEW_AGAIN_SECONDS (24 * 3600) /* when it failed; there are thirty days */

struct agent {
        const struct agent_options *options;
        struct node *node;
        struct authority *authority;
        struct traffic *traffic;
        struct transfer *transfer;
        struct shelf *shelf;            /* NULL: none */
        char *certificate, *key;        /* what is shown */
        int64_t renew_s;                /* when that is to be renewed (Unix time); 0: it is not ours */
        struct server *network, *local; /* `network` may be NULL */
};

static struct agent *agent_of(const struct request *request)
{
        return request_context(request);
}

const struct agent_options *request_options(const struct request *request)
{
        return agent_of(request)->options;
}

struct node *request_node(const struct request *request)
{
        return agent_of(request)->node;
}

struct authority *request_authority(const struct request *request)
{
        return agent_of(request)->authority;
}

struct traffic *request_traffic(const struct request *request)
{
        return agent_of(request)->traffic;
}

struct transfer *request_transfer(const struct request *request)
{
        return agent_of(request)->transfer;
}

struct shelf *request_shelf(const struct request *request)
{
        return agent_of(request)->shelf;
}

/* --- what is said when a request fails, and when it is over -----------------------------------------------
 */

static bool is_kubelets(const struct request *request)
{
        const char *pattern = request_pattern(request);

        return pattern && text_starts_with(pattern, "/checkpoint/");
}

/* The API server could not be asked. */
static bool is_of_cluster(const struct error *error)
{
        return error->kind && error->kind->http_status > 500;
}

/* The kubelet's own words. */
static void kubelet_text(const struct request *request, const struct error *error, char *out, size_t size)
{
        const char *user = request_principal(request)->name;

        if (error->kind == &ERROR_HTTP_UNAUTHENTICATED)
                snprintf(out, size, "Unauthorized");
        else if (error->kind == &ERROR_HTTP_FORBIDDEN)
                snprintf(out, size,
                         "Forbidden (user=%s, verb=create, resource=nodes, subresource(s)=[checkpoint])",
                         user);
        else if (is_of_cluster(error))
                snprintf(out, size,
                         "Authorization error (user=%s, verb=create, resource=nodes, subresource=checkpoint)",
                         user);
        else
                snprintf(out, size, "%s", error->text);
}

static int fail(struct request *request, const struct error *error, struct error *err)
{
        unsigned status = error->kind ? (unsigned)error->kind->http_status : 500;
        char text[sizeof(error->text) + 512], plain[sizeof(text)];

        if (status >= 500)
                log_error("request failed", error);
        if (!is_kubelets(request))
                return request_respond_error(request, error, err);
        kubelet_text(request, error, text, sizeof(text));
        return request_respond_bytes(request, is_of_cluster(error) ? 500 : status,
                                     "text/plain; charset=utf-8",
                                     SLICE_TEXT(response_text(text, plain, sizeof(plain))), err);
}

/* Who only looked is not written down, but whoever was refused. */
static bool is_audited(enum right right, unsigned status)
{
        return status == 401 || status == 403 ||
               right & (RIGHT_CREATE | RIGHT_DELETE | RIGHT_UPDATE | RIGHT_RESTORE | RIGHT_READ);
}

static void audit(struct request *request, unsigned status)
{
        _cleanup_buffer_ struct buffer from = {0};
        enum right right = ROUTE_RIGHT(request_tag(request));
        const char *user = request_principal(request)->name, *object = request_noted(request);
        char code[16];

        if (!right || !is_audited(right, status))
                return;
        (void)request_describe_peer(request, &from);
        snprintf(code, sizeof(code), "%u", status);
        log_audit("request", "user", *user ? user : NULL, "from", buffer_text(&from), "right",
                  right_name(right), "method", request_method(request), "path", request_path(request),
                  "object", *object ? object : NULL, "status", status ? code : "broken off", NULL);
}

static void ended(struct request *request, unsigned status)
{
        traffic_count(request_traffic(request), request_method(request), request_pattern(request), status);
        if (request_pattern(request))
                audit(request, status);
}

/* --- from start to stop -----------------------------------------------------------------------------------
 */

static const struct server_header headers[] = {
        {"X-Content-Type-Options", "nosniff"},
        {"Cache-Control", "no-store"},
};

static int serve(struct agent *agent, const char *where, bool has_tls, struct server **out, struct error *err)
{
        const struct server_options options = {
                .listen = where,
                .certificate = has_tls ? agent->certificate : NULL,
                .key = has_tls ? agent->key : NULL,
                .client_ca = has_tls ? agent->options->client_ca : NULL,
                .routes = agent_routes,
                .route_count = agent_route_count,
                .context = agent,
                .headers = headers,
                .header_count = ARRAY_SIZE(headers),
                .authenticate = authority_admit,
                .challenge = "Bearer realm=\"snap\"",
                .fail = fail,
                .ended = ended,
        };
        int ret = server_start(&options, out, err);

        if (ret == 0)
                log_event(LOG_LEVEL_INFO, "listening", "address", server_address(*out), NULL);
        return ret;
}

static int ensure_certificate(struct agent *agent, struct error *err)
{
        struct self_signed own;
        int ret = self_signed_ensure(node_options(agent->node)->name, agent->certificate, agent->key, &own,
                                     err);

        if (ret < 0)
                return ret;
        agent->renew_s = own.renew_s;
        log_event(LOG_LEVEL_INFO, "own certificate", "path", agent->certificate, "sha256", own.fingerprint,
                  NULL);
        return 0;
}

static int make_certificate(struct agent *agent, struct error *err)
{
        const char *directory = node_options(agent->node)->state_directory;

        if (asprintf(&agent->certificate, "%s/agent.crt", directory) < 0 ||
            asprintf(&agent->key, "%s/agent.key", directory) < 0)
                return error_oom(err);
        return ensure_certificate(agent, err);
}

/* The server reads the files again when somebody connects. */
void agent_renew(struct agent *agent)
{
        struct error err = {0};

        if (!agent->renew_s || time(NULL) < agent->renew_s || ensure_certificate(agent, &err) == 0)
                return;
        log_error("the own certificate cannot be renewed", &err);
        agent->renew_s = time(NULL) + RENEW_AGAIN_SECONDS;
}

static int choose_certificate(struct agent *agent, struct error *err)
{
        const struct agent_options *options = agent->options;

        if (!options->certificate != !options->key)
                return error_set(err, &ERROR_USAGE, -EINVAL, "--certificate and --key belong together");
        if (!options->certificate)
                return make_certificate(agent, err);
        agent->certificate = strdup(options->certificate);
        agent->key = strdup(options->key);
        return agent->certificate && agent->key ? 0 : error_oom(err);
}

static int start_network(struct agent *agent, struct error *err)
{
        int ret = choose_certificate(agent, err);

        return ret < 0 ? ret : serve(agent, agent->options->listen, true, &agent->network, err);
}

static int start_local(struct agent *agent, struct error *err)
{
        _cleanup_free_ char *where = NULL, *directory = strdup(agent->options->socket);
        char *slash = directory ? strrchr(directory, '/') : NULL;
        int ret = 0;

        if (!directory || asprintf(&where, "unix:%s", agent->options->socket) < 0)
                return error_oom(err);
        if (slash && slash != directory) {
                *slash = '\0';
                ret = file_mkdir_all(directory, 0700, err);
        }
        return ret < 0 ? ret : serve(agent, where, false, &agent->local, err);
}

int agent_start(const struct agent_options *options, struct node *node, struct agent **out, struct error *err)
{
        _cleanup_agent_ struct agent *agent = calloc(1, sizeof(*agent));
        int ret;

        if (!agent)
                return error_oom(err);
        agent->options = options;
        agent->node = node;
        ret = traffic_new(agent_routes, agent_route_count, &agent->traffic, err);
        if (ret == 0)
                ret = authority_new(options->access, &options->kube, node_options(node)->name,
                                    &agent->authority, err);
        if (ret == 0)
                ret = transfer_new(node, &agent->transfer, err);
        if (ret == 0 && options->registry)
                ret = shelf_open(node, options->registry, &agent->shelf, err);
        if (ret == 0 && *options->listen)
                ret = start_network(agent, err);
        if (ret == 0)
                ret = start_local(agent, err);
        if (ret == 0)
                *out = steal_ptr(agent);
        return ret;
}

const char *agent_address(const struct agent *agent)
{
        return agent->network ? server_address(agent->network) : NULL;
}

void agent_stop(struct agent *agent, unsigned seconds)
{
        if (agent->network)
                server_stop(agent->network, seconds);
        if (agent->local)
                server_stop(agent->local, seconds);
        if (agent->shelf)
                shelf_stop(agent->shelf, seconds);
}

void agent_free(struct agent *agent)
{
        if (!agent)
                return;
        server_free(agent->network);
        server_free(agent->local);
        authority_free(agent->authority);
        traffic_free(agent->traffic);
        transfer_free(agent->transfer);
        shelf_free(agent->shelf);
        free(agent->certificate);
        free(agent->key);
        free(agent);
}
