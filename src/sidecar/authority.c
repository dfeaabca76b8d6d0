/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/authority.h"

#include <errno.h>
#include "kube/review.h"
#include "net/authorization.h"
#include "net/errors.h"
#include "sidecar/agent.h"
#include "sidecar/log.h"
#include "sidecar/transfer.h"

static const char *const names[] = {"create",  "list", "get",     "delete", "update",
                                    "restore", "read", "metrics", NULL};

static void complain(const struct error *err)
{
        log_error("access file is wrong, its old lines stay", err);
}

const struct access_format authority_format = {
        .rights = names, .has_kinds = true, .error = &ERROR_AGENT_ACCESS, .complain = complain};

const char *right_name(enum right right)
{
        return names[__builtin_ctz(right)];
}

struct authority {
        struct access_file *access; /* NULL: none */
        struct kube *kube;
        struct reviewer *reviewer; /* NULL: no cluster */
        const char *node;
};

int authority_new(const char *access, const struct kube_options *kube, const char *node,
                  struct authority **out, struct error *err)
{
        struct authority *authority = calloc(1, sizeof(*authority));
        int ret = 0;

        if (!authority)
                return error_oom(err);
        authority->node = node;
        if (access)
                ret = access_file_open(access, &authority_format, &authority->access, err);
        if (ret == 0 && kube_is_there(kube))
                ret = kube_new(kube, &authority->kube, err);
        if (ret == 0 && authority->kube)
                ret = reviewer_new(authority->kube, &authority->reviewer, err);
        if (ret == 0)
                *out = authority;
        else
                authority_free(authority);
        return ret;
}

void authority_free(struct authority *authority)
{
        if (!authority)
                return;
        reviewer_free(authority->reviewer);
        kube_free(authority->kube);
        access_file_free(authority->access);
        free(authority);
}

/* --- what somebody may do: principal.grant ----------------------------------------------------------------
 */

struct grant {
        bool everything;
        bool has_certificate;            /* lines of users and groups hold */
        bool ask_cluster;                /* whoever the cluster can know */
        struct access_table *table;      /* NULL: no access file */
        const struct access_line *token; /* of `table` */
        char noted[2 * UNIQUE_ID_SIZE];
};

static void grant_free(void *context)
{
        struct grant *grant = context;

        if (grant->table)
                access_file_put(grant->table);
        free(grant);
}

static bool lines_allow(const struct grant *grant, enum access_kind kind, const char *name, enum right right,
                        const char *namespace)
{
        const struct access_line *line = NULL;

        while ((line = access_table_next(grant->table, kind, name, line)))
                if (access_line_allows(line, right, namespace))
                        return true;
        return false;
}

static bool certificate_allows(const struct grant *grant, const struct principal *who, enum right right,
                               const char *namespace)
{
        if (!grant->has_certificate || !grant->table)
                return false;
        if (lines_allow(grant, ACCESS_USER, who->name, right, namespace))
                return true;
        for (size_t i = 0; i < who->group_count; i++)
                if (lines_allow(grant, ACCESS_GROUP, who->groups[i], right, namespace))
                        return true;
        return false;
}

static int cluster_allows(struct authority *authority, const struct principal *who, enum right right,
                          bool *allowed, struct error *err)
{
        const bool is_metrics = right == RIGHT_METRICS;
        const struct access_wish wish = {.verb = is_metrics ? "get" : right_name(right),
                                         .subresource = is_metrics ? "metrics" : "checkpoint",
                                         .node = authority->node};

        return reviewer_authorise(authority->reviewer, who, &wish, allowed, err);
}

static int may(struct authority *authority, const struct principal *who, enum right right,
               const char *namespace, bool *allowed, struct error *err)
{
        const struct grant *grant = who->grant;

        *allowed = grant->everything || certificate_allows(grant, who, right, namespace) ||
                   (grant->token && access_line_allows(grant->token, right, namespace));
        if (*allowed || !grant->ask_cluster || !authority->reviewer)
                return 0;
        return cluster_allows(authority, who, right, allowed, err);
}

static int needs(struct authority *authority, const struct principal *who, enum right right,
                 const char *namespace, struct error *err)
{
        bool allowed = false;
        int ret = may(authority, who, right, namespace, &allowed, err);

        if (ret < 0 || allowed)
                return ret;
        if (!namespace || !*namespace)
                return error_set(err, &ERROR_HTTP_FORBIDDEN, -EPERM, "`%s` has no right to %s%s", who->name,
                                 right_name(right), namespace ? " what is in no namespace" : "");
        return error_set(err, &ERROR_HTTP_FORBIDDEN, -EPERM, "`%s` has no right to %s in namespace `%.64s`",
                         who->name, right_name(right), namespace);
}

int request_may(const struct request *request, enum right right, const char *namespace, bool *allowed,
                struct error *err)
{
        return may(request_authority(request), request_principal(request), right, namespace, allowed, err);
}

int request_needs(const struct request *request, enum right right, const char *namespace, struct error *err)
{
        return needs(request_authority(request), request_principal(request), right, namespace, err);
}

void request_note(const struct request *request, const char *object)
{
        struct grant *grant = request_principal(request)->grant;

        if (grant)
                snprintf(grant->noted, sizeof(grant->noted), "%s", object);
}

const char *request_noted(const struct request *request)
{
        const struct grant *grant = request_principal(request)->grant;

        return grant ? grant->noted : "";
}

/* --- who asks ---------------------------------------------------------------------------------------------
 */

static int unknown(const char *why, struct error *err)
{
        return error_set(err, &ERROR_HTTP_UNAUTHENTICATED, -EACCES, "%s", why);
}

static int identify_token(struct authority *authority, const char *header, struct grant *grant,
                          struct principal *out, struct error *err)
{
        _cleanup_authorization_ struct authorization sent = {0};

        if (authorization_parse(header, &sent) < 0 || *sent.user || !*sent.secret)
                return unknown("the header Authorization is not of the form `Bearer TOKEN`", err);
        if (grant->table)
                grant->token = access_table_find(grant->table, sent.secret);
        if (grant->token) {
                snprintf(out->name, sizeof(out->name), "%s", access_line_name(grant->token));
                return 0;
        }
        if (!authority->reviewer)
                return unknown("the token is not known here", err);
        grant->ask_cluster = true;
        return reviewer_authenticate(authority->reviewer, sent.secret, out, err);
}

static int identify(struct request *request, struct principal *out, struct error *err)
{
        struct authority *authority = request_authority(request);
        const char *header = request_header(request, "Authorization");
        struct grant *grant = out->grant;
        uid_t user;

        if (authority->access)
                grant->table = access_file_get(authority->access);
        if (request_peer_user(request, &user)) {
                grant->everything = user == 0;
                snprintf(out->name, sizeof(out->name), "%s", user == 0 ? "root" : "");
                return grant->everything ? 0 : unknown("only root may use this socket", err);
        }
        if (request_client_certificate(request, out)) {
                grant->has_certificate = grant->ask_cluster = true;
                return 0;
        }
        return header ? identify_token(authority, header, grant, out, err)
                      : unknown("a client certificate or a bearer token is needed", err);
}

/* --- where a right is needed ------------------------------------------------------------------------------
 */

static int checkpoint_needs(struct request *request, const struct principal *who, enum right right,
                            struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        struct authority *authority = request_authority(request);
        int ret = needs(authority, who, right, NULL, err);

        /* Who may do that nowhere does not get to know what there is. */
        if (ret == 0)
                ret = catalog_get_checkpoint(node_catalog(request_node(request)),
                                             request_parameter(request, "id"), &checkpoint, err);
        return ret < 0 ? ret : needs(authority, who, right, checkpoint->namespace, err);
}

static int operation_needs(struct request *request, const struct principal *who, enum right right,
                           struct error *err)
{
        _cleanup_operation_ struct operation *operation = NULL;
        struct authority *authority = request_authority(request);
        int ret = needs(authority, who, right, NULL, err);

        if (ret == 0)
                ret = node_operation(request_node(request), request_parameter(request, "id"), &operation,
                                     err);
        return ret < 0 ? ret : needs(authority, who, right, operation->namespace, err);
}

static int authorise(struct request *request, const struct principal *who, struct error *err)
{
        enum right right = ROUTE_RIGHT(request_tag(request));
        struct authority *authority = request_authority(request);
        int ret;

        switch (ROUTE_SCOPE(request_tag(request))) {
        case SCOPE_ANYWHERE:
                return needs(authority, who, right, NULL, err);
        case SCOPE_NAMESPACE:
                return needs(authority, who, right, request_parameter(request, "namespace"), err);
        case SCOPE_CHECKPOINT:
                return checkpoint_needs(request, who, right, err);
        case SCOPE_TICKET:
                ret = transfer_check_ticket(request, who->name, err);
                return ret == 0 ? checkpoint_needs(request, who, right, err) : ret < 0 ? ret : 0;
        case SCOPE_OPERATION:
                return operation_needs(request, who, right, err);
        case SCOPE_NODE:
                return needs(authority, who, right, "", err);
        }
        return error_set(err, &ERROR_INTERNAL, -EINVAL, "the route has no scope");
}

int authority_admit(struct request *request, struct principal *out, struct error *err)
{
        struct grant *grant;
        int ret;

        if (!request_tag(request))
                return 0;
        grant = calloc(1, sizeof(*grant));
        if (!grant)
                return error_oom(err);
        out->grant = grant; /* freed with the request */
        out->grant_free = grant_free;
        ret = identify(request, out, err);
        return ret < 0 ? ret : authorise(request, out, err);
}
