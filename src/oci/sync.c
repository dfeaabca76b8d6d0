/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/sync.h"

#include <errno.h>
#include <fnmatch.h>

#define TRANSPORT "docker://"

/* Names that are kept in memory of one list; more than any registry has. */
#define NAMES_MAX 1000000

struct names {
        char **list;
        size_t count;
        const char *pattern;
};

struct sync {
        char *host, *repositories, *tags; /* patterns */
        const char *to;
        const struct copy_options *options;
        const struct progress *progress;
        sync_sink sink;
        void *context;
        unsigned failed;
};

/* A repository at both ends, with one connection and one token each for all of its images. */
struct pair {
        const char *repository;
        struct registry *source, *target; /* the second from its first image on */
};

static void pair_close(struct pair *pair)
{
        registry_free(pair->source);
        registry_free(pair->target);
}

static void names_free(struct names *names)
{
        for (size_t i = 0; i < names->count; i++)
                free(names->list[i]);
        free(names->list);
}

static int take_name(void *context, const char *name, struct error *err)
{
        struct names *names = context;
        char **list;

        if (fnmatch(names->pattern, name, 0) != 0)
                return 0;
        if (names->count == NAMES_MAX)
                return error_set(err, &ERROR_BAD_INPUT, -E2BIG, "the registry lists more than %d names",
                                 NAMES_MAX);
        list = reallocarray(names->list, names->count + 1, sizeof(*list));
        if (!list)
                return error_oom(err);
        names->list = list;
        list[names->count] = strdup(name);
        return list[names->count++] ? 0 : error_oom(err);
}

static bool is_pattern(const char *text)
{
        return strpbrk(text, "*?[");
}

/* A repository of the registry, and below the prefix, that `place` says. */
static int open_at(const char *place, const char *repository, const struct registry_access *access,
                   struct registry **out, struct error *err)
{
        _cleanup_free_ char *name = NULL;

        if (asprintf(&name, TRANSPORT "%s/%s", place, repository) < 0) {
                name = NULL;
                return error_oom(err);
        }
        return registry_open_named(name, access, out, err);
}

/* The same digest under the same name: there is nothing to do. */
static int is_present(const struct pair *pair, const char *tag, bool *present, struct error *err)
{
        _cleanup_registry_manifest_ struct registry_manifest old = {0}, new = {0};
        struct error absent = {0};
        int ret = registry_manifest_head(pair->source, tag, &new, err);

        *present = false;
        if (ret < 0)
                return ret;
        ret = registry_manifest_head(pair->target, tag, &old, &absent);
        if (ret == -ENOENT)
                return 0;
        if (ret < 0 && err)
                *err = absent;
        *present = ret == 0 && sha256_equal(&old.descriptor.digest, &new.descriptor.digest);
        return ret;
}

static int sync_tag(struct sync *sync, struct pair *pair, const char *tag, enum sync_state *state,
                    struct copy_result *copied, struct error *err)
{
        bool present = false;
        int ret = 0;

        if (!pair->target)
                ret = open_at(sync->to, pair->repository, sync->options->to_access, &pair->target, err);
        if (ret == 0)
                ret = is_present(pair, tag, &present, err);
        if (ret < 0)
                return ret;
        *state = present ? SYNC_PRESENT : SYNC_COPIED;
        return present ? 0 : image_copy_tag(pair->source, pair->target, tag, sync->progress, copied, err);
}

static int report(struct sync *sync, const char *repository, const char *tag, enum sync_state state,
                  const struct copy_result *copied, const struct error *why, struct error *err)
{
        _cleanup_free_ char *from = NULL, *to = NULL;

        if (asprintf(&from, TRANSPORT "%s/%s:%s", sync->host, repository, tag) < 0) {
                from = NULL;
                return error_oom(err);
        }
        if (asprintf(&to, TRANSPORT "%s/%s:%s", sync->to, repository, tag) < 0) {
                to = NULL;
                return error_oom(err);
        }
        sync->failed += state == SYNC_FAILED;
        return sync->sink(sync->context, from, to, state, copied, why, err);
}

/* It fails alone, unless it was interrupted. */
static int report_failure(struct sync *sync, const char *repository, const char *tag, int ret,
                          const struct error *why, struct error *err)
{
        const struct copy_result nothing = {0};

        if (ret != -ECANCELED)
                return report(sync, repository, tag, SYNC_FAILED, &nothing, why, err);
        if (err)
                *err = *why;
        return ret;
}

static int sync_image(struct sync *sync, struct pair *pair, const char *tag, struct error *err)
{
        enum sync_state state = SYNC_FAILED;
        struct copy_result copied = {0};
        struct error why = {0};
        int ret = sync_tag(sync, pair, tag, &state, &copied, &why);

        if (ret < 0)
                return report_failure(sync, pair->repository, tag, ret, &why, err);
        return report(sync, pair->repository, tag, state, &copied, &why, err);
}

/* `tags` stays empty when one was named. */
static int open_repository(struct sync *sync, struct pair *pair, struct names *tags, struct error *err)
{
        int ret = open_at(sync->host, pair->repository, sync->options->from_access, &pair->source, err);

        if (ret < 0 || !is_pattern(sync->tags))
                return ret;
        ret = registry_tags(pair->source, take_name, tags, err);
        /* docker-registry lists repositories without tags, and then does not know them. */
        return ret == -ENOENT && is_pattern(sync->repositories) ? 0 : ret;
}

static int sync_repository(struct sync *sync, const char *repository, struct error *err)
{
        _cleanup_(names_free) struct names tags = {.pattern = sync->tags};
        _cleanup_(pair_close) struct pair pair = {.repository = repository};
        bool is_only = !is_pattern(sync->repositories);
        struct error why = {0};
        int ret = open_repository(sync, &pair, &tags, is_only ? err : &why);

        if (ret < 0)
                return is_only ? ret : report_failure(sync, repository, sync->tags, ret, &why, err);
        if (!is_pattern(sync->tags))
                return sync_image(sync, &pair, sync->tags, err);
        for (size_t i = 0; i < tags.count && ret == 0; i++)
                ret = sync_image(sync, &pair, tags.list[i], err);
        return ret;
}

static int sync_all(struct sync *sync, struct error *err)
{
        _cleanup_(names_free) struct names repositories = {.pattern = sync->repositories};
        _cleanup_registry_ struct registry *registry = NULL;
        int ret;

        if (!is_pattern(sync->repositories))
                return sync_repository(sync, sync->repositories, err);
        ret = open_at(sync->host, "catalog", sync->options->from_access, &registry, err);
        if (ret == 0)
                ret = registry_catalog(registry, take_name, &repositories, err);
        for (size_t i = 0; i < repositories.count && ret == 0; i++)
                ret = sync_repository(sync, repositories.list[i], err);
        return ret;
}

/* "HOST/REPOSITORY[:TAG]" into its parts. */
static int parse_patterns(const char *from, struct sync *out, struct error *err)
{
        const char *text = from + strlen(TRANSPORT), *slash = strchr(text, '/'), *colon;

        if (!text_starts_with(from, TRANSPORT) || !slash || slash == text || !slash[1])
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                 "`%s` does not say which repositories of which registry (%sHOST/PATTERN)",
                                 from, TRANSPORT);
        colon = strrchr(slash, ':');
        if (colon && strchr(colon, '/'))
                colon = NULL;
        out->host = strndup(text, (size_t)(slash - text));
        out->repositories = colon ? strndup(slash + 1, (size_t)(colon - slash - 1)) : strdup(slash + 1);
        out->tags = strdup(colon ? colon + 1 : "*");
        return out->host && out->repositories && out->tags ? 0 : error_oom(err);
}

int sync_registries(const char *from, const char *to, const struct copy_options *options,
                    const struct progress *progress, sync_sink sink, void *context, unsigned *failed,
                    struct error *err)
{
        struct sync sync = {.to = to + strlen(TRANSPORT),
                            .options = options,
                            .progress = progress,
                            .sink = sink,
                            .context = context};
        int ret;

        if (!text_starts_with(to, TRANSPORT) || !*sync.to || text_ends_with(to, "/"))
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                 "`%s` is no registry to copy to (%sHOST[/PREFIX])", to, TRANSPORT);
        ret = parse_patterns(from, &sync, err);
        if (ret == 0)
                ret = sync_all(&sync, err);
        free(sync.host);
        free(sync.repositories);
        free(sync.tags);
        *failed = sync.failed;
        return ret;
}
