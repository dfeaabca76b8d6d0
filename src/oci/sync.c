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

static int registry_at(const char *host, const char *repository, const struct registry_access *access,
                       struct registry **out, struct error *err)
{
        _cleanup_registry_reference_ struct registry_reference reference = {
                .host = strdup(host), .repository = strdup(repository), .tag = strdup("latest")};

        if (!reference.host || !reference.repository || !reference.tag)
                return error_oom(err);
        return registry_open(&reference, access, out, err);
}

/* The same digest under the same name: there is nothing to do. */
static int is_present(const struct image_reference *from, const struct image_reference *to,
                      const struct copy_options *options, bool *present, struct error *err)
{
        _cleanup_registry_manifest_ struct registry_manifest old = {0}, new = {0};
        _cleanup_registry_ struct registry *source = NULL, *target = NULL;
        struct error absent = {0};
        int ret = registry_open_named(from->path, options->from_access, &source, err);

        *present = false;
        if (ret == 0)
                ret = registry_open_named(to->path, options->to_access, &target, err);
        if (ret == 0)
                ret = registry_manifest_head(source, from->tag, &new, err);
        if (ret < 0)
                return ret;
        ret = registry_manifest_head(target, to->tag, &old, &absent);
        if (ret == -ENOENT)
                return 0;
        if (ret < 0 && err)
                *err = absent;
        *present = ret == 0 && sha256_equal(&old.descriptor.digest, &new.descriptor.digest);
        return ret;
}

static int sync_named(struct sync *sync, const char *from_text, const char *to_text, enum sync_state *state,
                      struct copy_result *copied, struct error *err)
{
        _cleanup_image_reference_ struct image_reference from = {0}, to = {0};
        bool present = false;
        int ret = image_reference_parse(from_text, &from, err);

        if (ret == 0)
                ret = image_reference_parse(to_text, &to, err);
        if (ret == 0)
                ret = is_present(&from, &to, sync->options, &present, err);
        if (ret < 0)
                return ret;
        *state = present ? SYNC_PRESENT : SYNC_COPIED;
        return present ? 0 : image_copy(&from, &to, sync->options, sync->progress, copied, err);
}

static int sync_image(struct sync *sync, const char *repository, const char *tag, struct error *err)
{
        _cleanup_free_ char *from = NULL, *to = NULL;
        enum sync_state state = SYNC_FAILED;
        struct copy_result copied = {0};
        struct error why = {0};
        int ret;

        if (asprintf(&from, TRANSPORT "%s/%s:%s", sync->host, repository, tag) < 0) {
                from = NULL;
                return error_oom(err);
        }
        if (asprintf(&to, TRANSPORT "%s/%s:%s", sync->to, repository, tag) < 0) {
                to = NULL;
                return error_oom(err);
        }
        ret = sync_named(sync, from, to, &state, &copied, &why);
        if (ret == -ECANCELED) {
                if (err)
                        *err = why;
                return ret;
        }
        if (ret < 0) {
                state = SYNC_FAILED;
                sync->failed++;
        }
        return sync->sink(sync->context, from, to, state, &copied, &why, err);
}

static int sync_repository(struct sync *sync, const char *repository, struct error *err)
{
        _cleanup_(names_free) struct names tags = {.pattern = sync->tags};
        _cleanup_registry_ struct registry *registry = NULL;
        int ret = 0;

        if (!is_pattern(sync->tags))
                return sync_image(sync, repository, sync->tags, err);
        ret = registry_at(sync->host, repository, sync->options->from_access, &registry, err);
        if (ret == 0)
                ret = registry_tags(registry, take_name, &tags, err);
        for (size_t i = 0; i < tags.count && ret == 0; i++)
                ret = sync_image(sync, repository, tags.list[i], err);
        return ret;
}

static int sync_all(struct sync *sync, struct error *err)
{
        _cleanup_(names_free) struct names repositories = {.pattern = sync->repositories};
        _cleanup_registry_ struct registry *registry = NULL;
        int ret;

        if (!is_pattern(sync->repositories))
                return sync_repository(sync, sync->repositories, err);
        ret = registry_at(sync->host, "catalog", sync->options->from_access, &registry, err);
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
