/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image_signature.h"

#include <errno.h>
#include "base/base64.h"
#include "oci/layout_index.h"
#include "oci/registry_client.h"
#include "oci/signature.h"
#include "oci/signature_policy.h"
#include "oci/source.h"
#include "oci/target.h"

/* "HOST/REPOSITORY"; NULL of a layout, where an image has no name of its own. To be freed. */
static int repository_of(const struct image_reference *image, char **out, struct error *err)
{
        _cleanup_registry_reference_ struct registry_reference registry = {0};
        int ret;

        *out = NULL;
        if (image->transport != IMAGE_DOCKER)
                return 0;
        ret = registry_reference_parse(image->path, &registry, err);
        if (ret == 0 && asprintf(out, "%s/%s", registry.host, registry.repository) < 0)
                ret = error_oom(err);
        return ret;
}

/* What the policy and signatures call it: "HOST/REPOSITORY:TAG", "oci:DIRECTORY:TAG". To be freed. */
static int name_of(const struct image_reference *image, char **out, struct error *err)
{
        _cleanup_free_ char *repository = NULL;
        const char *separator = text_starts_with(image->tag, "sha256:") ? "@" : ":";
        int ret = repository_of(image, &repository, err);

        if (ret < 0)
                return ret;
        if (asprintf(out, "%s%s%s%s",
                     image->transport == IMAGE_OCI           ? "oci:"
                     : image->transport == IMAGE_OCI_ARCHIVE ? "oci-archive:"
                                                             : "",
                     repository ? repository : image->path, separator, image->tag) < 0)
                return error_oom(err);
        return 0;
}

/* None are there: `signatures` stays empty. */
static int load_signatures(struct source *source, const struct sha256 *image, struct signatures *signatures,
                           struct error *err)
{
        _cleanup_source_manifest_ struct source_manifest manifest = {0};
        char tag[SIGNATURE_TAG_SIZE];
        struct error why = {0};
        int ret = source_tagged(source, signature_tag(image, tag), &manifest, &why);

        if (ret == -ENOENT)
                return 0;
        if (ret < 0) {
                if (err)
                        *err = why;
                return ret;
        }
        return signatures_parse(buffer_slice(&manifest.text), signatures, err);
}

struct demand {
        struct source *source;
        const struct key *const *keys;
        size_t key_count;
        char *repository; /* as which it must be signed; NULL: any */
};

/* The first signature that is good is enough; else the error of the last. */
static int verify_digest(const struct demand *demand, const struct sha256 *digest, struct error *err)
{
        _cleanup_signatures_ struct signatures signatures = {0};
        char hex[SHA256_HEX_SIZE];
        int ret = load_signatures(demand->source, digest, &signatures, err);

        if (ret == 0)
                ret = error_set(err, &ERROR_SIGNATURE_MISSING, -ENOENT,
                                "the image sha256:%s in `%s` is not signed", sha256_hex(digest, hex),
                                source_name(demand->source));
        for (size_t i = 0; i < signatures.count; i++) {
                _cleanup_buffer_ struct buffer payload = {0};

                ret = source_blob(demand->source, &signatures.items[i].payload, SIGNATURE_PAYLOAD_MAX,
                                  &payload, err);
                if (ret == 0)
                        ret = signature_verify(buffer_slice(&payload), signatures.items[i].text, demand->keys,
                                               demand->key_count, digest, demand->repository, err);
                if (ret == 0)
                        return 0;
        }
        return ret;
}

int image_verify_signature(const struct image_reference *image, const struct registry_access *access,
                           const struct key *const *keys, size_t count, struct sha256 *digest,
                           struct error *err)
{
        struct demand demand = {.keys = keys, .key_count = count};
        _cleanup_source_manifest_ struct source_manifest manifest = {0};
        _cleanup_source_ struct source *source = NULL;
        int ret = source_open(image, access, &source, err);

        if (ret == 0)
                ret = source_manifest(source, &manifest, err);
        if (ret == 0)
                ret = repository_of(image, &demand.repository, err);
        if (ret < 0)
                return ret;
        demand.source = source;
        *digest = manifest.descriptor.digest;
        ret = verify_digest(&demand, digest, err);
        free(demand.repository);
        return ret;
}

/* --- signing ------------------------------------------------------------------------------------------- */

/* The signature joins those that are there. */
static int add_signature(struct target *target, const struct source_manifest *image, struct slice payload,
                         const struct key *key, struct signatures *signatures, struct error *err)
{
        _cleanup_buffer_ struct buffer bytes = {0}, text = {0}, config = {0}, manifest = {0};
        struct signature *signature = &signatures->items[signatures->count];
        struct descriptor config_blob, ignored;
        char tag[SIGNATURE_TAG_SIZE];
        int ret;

        if (signatures->count == SIGNATURES_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "the image has %d signatures already",
                                 SIGNATURES_MAX);
        ret = key_sign(key, payload, &bytes, err);
        if (ret == 0)
                ret = target_add(target, payload, &signature->payload, err);
        if (ret < 0)
                return ret;
        if (base64_encode(BASE64, buffer_slice(&bytes), &text) < 0 ||
            !(signature->text = strdup(buffer_text(&text))))
                return error_oom(err);
        signatures->count++;
        ret = signatures_config(signatures, &config, err);
        if (ret == 0)
                ret = target_add(target, buffer_slice(&config), &config_blob, err);
        if (ret == 0)
                ret = signatures_manifest(signatures, &config_blob, &image->descriptor,
                                          image->is_index ? MEDIA_INDEX : MEDIA_MANIFEST, &manifest, err);
        if (ret == 0)
                ret = target_commit(target, signature_tag(&image->descriptor.digest, tag), MEDIA_MANIFEST,
                                    buffer_slice(&manifest), &ignored, err);
        return ret;
}

int image_sign(const struct image_reference *image, const struct registry_access *access,
               const struct key *key, const char *identity, struct sha256 *digest, struct error *err)
{
        _cleanup_source_manifest_ struct source_manifest manifest = {0};
        _cleanup_source_ struct source *source = NULL;
        _cleanup_signatures_ struct signatures signatures = {0};
        _cleanup_target_ struct target *target = NULL;
        _cleanup_buffer_ struct buffer payload = {0};
        _cleanup_free_ char *name = NULL;
        int ret = source_open(image, access, &source, err);

        if (ret == 0)
                ret = source_manifest(source, &manifest, err);
        if (ret == 0)
                ret = name_of(image, &name, err);
        if (ret < 0)
                return ret;
        *digest = manifest.descriptor.digest;
        ret = load_signatures(source, digest, &signatures, err);
        if (ret == 0)
                ret = signature_payload(digest, identity ? identity : name, &payload, err);
        if (ret == 0)
                ret = target_open(image, access, &target, err);
        return ret < 0 ? ret
                       : add_signature(target, &manifest, buffer_slice(&payload), key, &signatures, err);
}

/* --- policy -------------------------------------------------------------------------------------------- */

static int load_keys(const struct policy_rule *rule, struct key **keys, size_t *count, struct error *err)
{
        int ret = 0;

        for (*count = 0; *count < rule->key_count && ret == 0; *count += ret == 0)
                ret = key_load_public(rule->keys[*count], &keys[*count], err);
        return ret;
}

static int check_signed(const struct image_reference *image, struct source *source,
                        const struct policy_rule *rule, const struct sha256 *named,
                        const struct sha256 *chosen, struct error *err)
{
        struct demand demand = {.source = source};
        struct key *keys[POLICY_KEYS_MAX];
        int ret = load_keys(rule, keys, &demand.key_count, err);

        demand.keys = (const struct key *const *)keys;
        if (ret == 0)
                ret = repository_of(image, &demand.repository, err);
        if (ret == 0)
                ret = verify_digest(&demand, named, err);
        if (ret < 0 && !sha256_equal(named, chosen) && verify_digest(&demand, chosen, NULL) == 0)
                ret = 0;
        free(demand.repository);
        while (demand.key_count)
                key_free(keys[--demand.key_count]);
        return ret;
}

int image_admit(const struct image_reference *image, struct source *source, const struct sha256 *named,
                const struct sha256 *chosen, struct error *err)
{
        _cleanup_policy_ struct policy *policy = NULL;
        const struct policy_rule *rule;
        _cleanup_free_ char *name = NULL;
        int ret = policy_load(&policy, err);

        if (ret == 0)
                ret = name_of(image, &name, err);
        if (ret < 0)
                return ret;
        rule = policy_find(policy, name);
        switch (rule->verdict) {
        case POLICY_ACCEPT:
                return 0;
        case POLICY_REJECT:
                return error_set(err, &ERROR_POLICY_REJECTED, -EACCES, "the policy rejects `%s`", name);
        case POLICY_SIGNED:
                break;
        }
        ret = check_signed(image, source, rule, named, chosen, err);
        return ret < 0 ? error_wrap(err, ret, "the policy wants `%s` signed", name) : 0;
}
