/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/signature_policy.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "base/json.h"
#include "oci/errors.h"

#define POLICY_MAX (256 * KIB)
#define RULES_MAX  1024

struct policy {
        struct policy_rule *rules; /* the first is the default */
        size_t count;
};

static const char *chosen_path;

void policy_free(struct policy *policy)
{
        if (!policy)
                return;
        for (size_t i = 0; i < policy->count; i++) {
                struct policy_rule *rule = &policy->rules[i];

                free(rule->name);
                while (rule->key_count)
                        free(rule->keys[--rule->key_count]);
        }
        free(policy->rules);
        free(policy);
}

static int wrong(const char *what, const char *reason, const char *name, struct error *err)
{
        return error_set(err, &ERROR_POLICY_FILE, -EBADMSG, "`%s`: %s `%s`", what, reason, name);
}

static int parse_keys(yyjson_val *value, const char *what, struct policy_rule *rule, struct error *err)
{
        yyjson_val *keys = yyjson_obj_get(value, "signedBy"), *key;
        const char *name = rule->name;
        yyjson_arr_iter each;

        if (!yyjson_arr_size(keys) || yyjson_arr_size(keys) > POLICY_KEYS_MAX || yyjson_obj_size(value) != 1)
                return wrong(what, "`signedBy`, a list of 1 to 16 files, is all that may stand in", name,
                             err);
        yyjson_arr_iter_init(keys, &each);
        while ((key = yyjson_arr_iter_next(&each))) {
                const char *path = yyjson_get_str(key);

                if (!path || path[0] != '/' || strlen(path) != yyjson_get_len(key))
                        return wrong(what, "keys must be absolute paths in", name, err);
                rule->keys[rule->key_count] = strdup(path);
                if (!rule->keys[rule->key_count])
                        return error_oom(err);
                rule->key_count++;
        }
        rule->verdict = POLICY_SIGNED;
        return 0;
}

static int parse_rule(yyjson_val *value, const char *what, struct policy_rule *rule, struct error *err)
{
        const char *word = yyjson_get_str(value);

        if (word && strcmp(word, "accept") == 0)
                rule->verdict = POLICY_ACCEPT;
        else if (word && strcmp(word, "reject") == 0)
                rule->verdict = POLICY_REJECT;
        else if (yyjson_is_obj(value))
                return parse_keys(value, what, rule, err);
        else
                return wrong(what, "neither \"accept\", \"reject\" nor {\"signedBy\": [...]} stands at",
                             rule->name, err);
        return 0;
}

static int parse_images(yyjson_val *images, const char *what, struct policy *policy, struct error *err)
{
        yyjson_obj_iter each;
        yyjson_val *key;
        int ret = 0;

        yyjson_obj_iter_init(images, &each);
        while (ret == 0 && (key = yyjson_obj_iter_next(&each))) {
                struct policy_rule *rule = &policy->rules[policy->count];
                const char *name = yyjson_get_str(key);

                if (!name || !*name || strlen(name) != yyjson_get_len(key))
                        return wrong(what, "this names no images:", name, err);
                rule->name = strdup(name);
                if (!rule->name)
                        return error_oom(err);
                policy->count++;
                ret = parse_rule(yyjson_obj_iter_get_val(key), what, rule, err);
        }
        return ret;
}

static int check_members(yyjson_val *root, const char *what, struct error *err)
{
        yyjson_obj_iter each;
        yyjson_val *key;

        if (!yyjson_is_obj(root))
                return wrong(what, "a policy is an object, with", "images", err);
        yyjson_obj_iter_init(root, &each);
        while ((key = yyjson_obj_iter_next(&each)))
                if (!yyjson_equals_str(key, "default") && !yyjson_equals_str(key, "images"))
                        return wrong(what, "unknown member", yyjson_get_str(key), err);
        return 0;
}

static int policy_new(size_t rules, struct policy **out, struct error *err)
{
        _cleanup_policy_ struct policy *policy = calloc(1, sizeof(*policy));

        if (!policy || !(policy->rules = calloc(rules + 1, sizeof(*policy->rules))))
                return error_oom(err);
        policy->count = 1;
        *out = steal_ptr(policy);
        return 0;
}

int policy_parse(struct slice text, const char *what, struct policy **out, struct error *err)
{
        _cleanup_policy_ struct policy *policy = NULL;
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *root, *images, *fallback;
        int ret;

        if (json_parse(text, what, &doc, err) < 0)
                return wrong(what, "this is not", "JSON", err);
        root = yyjson_doc_get_root(doc);
        ret = check_members(root, what, err);
        if (ret < 0)
                return ret;
        images = yyjson_obj_get(root, "images");
        fallback = yyjson_obj_get(root, "default");
        if ((images && !yyjson_is_obj(images)) || yyjson_obj_size(images) > RULES_MAX)
                return wrong(what, "an object with at most 1024 names must be", "images", err);
        ret = policy_new(yyjson_obj_size(images), &policy, err);
        if (ret < 0)
                return ret;
        if (fallback) {
                policy->rules[0].name = strdup("default"); /* for messages of the parser */
                if (!policy->rules[0].name)
                        return error_oom(err);
                ret = parse_rule(fallback, what, &policy->rules[0], err);
        }
        if (ret == 0)
                ret = parse_images(images, what, policy, err);
        if (ret == 0)
                *out = steal_ptr(policy);
        return ret;
}

/* A name ends where a part of the image's name does. */
static bool is_beginning(const char *name, const char *image)
{
        size_t length = strlen(name);

        return strncmp(name, image, length) == 0 &&
               (!image[length] || strchr("/:@", image[length]) || name[length - 1] == '/');
}

const struct policy_rule *policy_find(const struct policy *policy, const char *image)
{
        const struct policy_rule *found = &policy->rules[0];
        size_t longest = 0;

        for (size_t i = 1; i < policy->count; i++) {
                const struct policy_rule *rule = &policy->rules[i];

                if (strlen(rule->name) > longest && is_beginning(rule->name, image)) {
                        longest = strlen(rule->name);
                        found = rule;
                }
        }
        return found;
}

void policy_use(const char *path)
{
        chosen_path = path;
}

int policy_load(struct policy **out, struct error *err)
{
        const char *path = chosen_path ? chosen_path : POLICY_PATH;
        _cleanup_buffer_ struct buffer text = {0};
        struct error why = {0};
        int ret = file_read(AT_FDCWD, path, POLICY_MAX, &text, &why);

        if (ret == -ENOENT && !chosen_path)
                return policy_new(0, out, err);
        if (ret < 0) {
                if (err)
                        *err = why;
                return ret;
        }
        return policy_parse(buffer_slice(&text), path, out, err);
}
