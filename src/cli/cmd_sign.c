/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "cli/answer.h"
#include "cli/registry_options.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "oci/image_signature.h"

static const char *signing_key, *identity;

static const struct option_spec options[] = {
        {"signing-key", 0, OPTION_TEXT, &signing_key, "KEY[:file=F]",
         "private key to sign with (PEM), with its passphrase in F"},
        {"sign-identity", 0, OPTION_TEXT, &identity, "NAME",
         "what the image is called in the signature: HOST/REPOSITORY[:TAG]; as a rule where it lies"},
};

static int sign(const char *text, struct sha256 *digest, struct error *err)
{
        _cleanup_image_reference_ struct image_reference image = {0};
        _cleanup_key_ struct key *key = NULL;
        int ret;

        if (!signing_key)
                return error_set(err, &ERROR_USAGE, -EINVAL, "with which key? Give --signing-key");
        ret = image_reference_parse(text, &image, err);
        if (ret == 0)
                ret = key_load_private(signing_key, &key, err);
        return ret < 0 ? ret : image_sign(&image, &registry_access, key, identity, digest, err);
}

static int print_json(const char *image, const char *digest, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "image", image);
        answer_add_text(doc, root, "digest", digest);
        return answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        char text[7 + SHA256_HEX_SIZE] = "sha256:";
        struct sha256 digest;
        int ret = sign(argv[0], &digest, err);

        if (ret < 0)
                return ret;
        sha256_hex(&digest, text + 7);
        if (cli->json)
                return print_json(argv[0], text, err);
        fputs("Signed: ", stdout);
        text_print_safe(argv[0], stdout);
        printf("\n  %s\n", text);
        return 0;
}

const struct verb verb_sign = {
        .name = "sign",
        .usage = "IMAGE",
        .summary = "sign an image, so that others can prove who made it",
        .description =
                "Puts a signature beside the image, as cosign, skopeo and Podman understand it: under the "
                "tag "
                "sha256-DIGEST.sig and as a referrer. Signatures that are there stay. `checkpointctl verify "
                "--public-key` asks for one, and a policy can demand them before a restore.\n\n"
                "IMAGE is oci:DIR[:TAG] or docker://HOST/REPOSITORY[:TAG].\n\n" REGISTRY_OPTIONS_TEXT,
        .examples = "checkpointctl sign docker://registry.example/team/web:monday --signing-key team.key\t"
                    "sign what the tag names now\n"
                    "checkpointctl sign oci:images:web --signing-key team.key:file=passphrase "
                    "--sign-identity registry.example/team/web\tbefore it is copied there",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 1,
        .arguments_max = 1,
        .reaches_registries = true,
        .run = run,
};
