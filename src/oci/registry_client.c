/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/registry_client.h"

#include <errno.h>
#include "oci/registry_private.h"

/* What is given comes before what lies there for everybody. */
static int client_new(struct registry *registry, struct error *err)
{
        const struct registry_access *access = registry->access;
        struct registry_certificates *certificates = &registry->certificates;
        struct http_client_options options = {.ca_file = access->ca_file,
                                              .certificate = access->certificate,
                                              .key = access->key,
                                              .progress = access->progress};
        int ret;

        if (access->key && !access->certificate)
                return error_set(err, &ERROR_USAGE, -EINVAL, "a key for a registry needs its certificate");
        ret = registry_certificates_find(registry->host, certificates, err);
        if (ret < 0)
                return ret;
        options.authorities = buffer_slice(&certificates->authorities);
        if (!options.certificate) {
                options.certificate = certificates->certificate;
                options.key = certificates->key;
        }
        return http_client_new(&options, &registry->client, err);
}

int registry_open(const struct registry_reference *reference, const struct registry_access *access,
                  struct registry **out, struct error *err)
{
        static const struct registry_access usual = {0};
        _cleanup_registry_ struct registry *registry = calloc(1, sizeof(*registry));
        int ret;

        if (!registry)
                return error_oom(err);
        pthread_mutex_init(&registry->lock, NULL);
        registry->access = access ? access : &usual;
        registry->host = strdup(reference->host);
        registry->repository = strdup(reference->repository);
        if (!registry->host || !registry->repository ||
            asprintf(&registry->name, "%s/%s", reference->host, reference->repository) < 0) {
                registry->name = NULL;
                return error_oom(err);
        }
        ret = client_new(registry, err);
        if (ret == 0)
                ret = registry_auth_new(&registry->auth, err);
        if (ret < 0)
                return ret;
        *out = steal_ptr(registry);
        return 0;
}

int registry_open_named(const char *text, const struct registry_access *access, struct registry **out,
                        struct error *err)
{
        _cleanup_registry_reference_ struct registry_reference reference = {0};
        int ret = registry_reference_parse(text, &reference, err);

        return ret < 0 ? ret : registry_open(&reference, access, out, err);
}

void registry_free(struct registry *registry)
{
        if (!registry)
                return;
        registry_auth_free(registry->auth);
        http_client_free(registry->client);
        registry_certificates_free(&registry->certificates);
        pthread_mutex_destroy(&registry->lock);
        free(registry->endpoint);
        free(registry->host);
        free(registry->repository);
        free(registry->name);
        free(registry);
}

const char *registry_name(const struct registry *registry)
{
        return registry->name;
}

const char *registry_host(const struct registry *registry)
{
        return registry->host;
}

const char *registry_repository(const struct registry *registry)
{
        return registry->repository;
}
