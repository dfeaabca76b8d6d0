/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/answer.h"
#include "cli/registry_options.h"
#include "cli/text.h"
#include "cli/verb.h"

static int print_tag(void *context, const char *tag, struct error *err)
{
        text_print_safe(tag, stdout);
        putchar('\n');
        return 0;
}

static int add_tag(void *context, const char *tag, struct error *err)
{
        yyjson_mut_doc *doc = context;

        yyjson_mut_arr_append(yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "tags"),
                              answer_text(doc, tag));
        return 0;
}

static int list_json(struct registry *registry, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);
        int ret;

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "repository", registry_name(registry));
        yyjson_mut_obj_add_arr(doc, root, "tags");
        ret = registry_tags(registry, add_tag, doc, err);
        return ret < 0 ? ret : answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_registry_reference_ struct registry_reference reference = {0};
        _cleanup_registry_ struct registry *registry = NULL;
        int ret = registry_reference_parse(argv[0], &reference, err);

        if (ret == 0)
                ret = registry_open(&reference, &registry_access, &registry, err);
        if (ret < 0)
                return ret;
        return cli->json ? list_json(registry, err) : registry_tags(registry, print_tag, NULL, err);
}

const struct verb verb_tags = {
        .name = "tags",
        .usage = "docker://REGISTRY/REPOSITORY",
        .summary = "list the tags of a repository in a registry",
        .description = "Lists the tags that a repository has, one a line.\n\n" REGISTRY_OPTIONS_TEXT,
        .examples = "checkpointctl tags docker://registry.example/checkpoints/web\tall tags of a repository",
        .arguments_min = 1,
        .arguments_max = 1,
        .reaches_registries = true,
        .run = run,
};
