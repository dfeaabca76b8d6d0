/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/build_options.h"

#include <errno.h>
#include "cli/answer.h"
#include "cli/text.h"
#include "program/units.h"

#define LEVEL_MAX 22 /* of zstd; what would take much memory is lowered */

enum { OWN, CRIO, CONTAINERD, PODMAN, ALL };

struct build_options build_options = {.engine = OWN};

const char *const build_engine_choices[] = {[OWN] = "own",       [CRIO] = "crio", [CONTAINERD] = "containerd",
                                            [PODMAN] = "podman", [ALL] = "all",   NULL};

int build_options_apply(struct image_options *options, struct layer_recipients **recipients,
                        struct error *err)
{
        static const unsigned engines[] = {[OWN] = 0,
                                           [CRIO] = IMAGE_FOR(ENGINE_CRIO),
                                           [CONTAINERD] = IMAGE_FOR(ENGINE_CONTAINERD),
                                           [PODMAN] = IMAGE_FOR(ENGINE_PODMAN),
                                           [ALL] = IMAGE_FOR(ENGINE_CRIO) | IMAGE_FOR(ENGINE_CONTAINERD) |
                                                   IMAGE_FOR(ENGINE_PODMAN)};
        int ret;

        if (build_options.level > LEVEL_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "the compression level is out of range");
        ret = layer_recipients_load(build_options.encryption_keys.items, build_options.encryption_keys.count,
                                    recipients, err);
        options->level = (int)build_options.level;
        options->engines = engines[build_options.engine];
        options->base = build_options.base;
        options->base_id = build_options.base_id;
        options->recipients = *recipients;
        return ret;
}

/* "sha256:…" */
static const char *digest_text(const struct sha256 *digest, char out[7 + SHA256_HEX_SIZE])
{
        memcpy(out, "sha256:", 7);
        sha256_hex(digest, out + 7);
        return out;
}

/* The next line of `rest`, cut off it; its end is at the newline. */
static struct slice next_line(const char **rest)
{
        struct slice line = {(const uint8_t *)*rest, strcspn(*rest, "\n")};

        *rest += line.size + ((*rest)[line.size] == '\n');
        return line;
}

/* The image of each engine; without --for, nothing. */
static void add_images(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct image_result *result)
{
        yyjson_mut_val *images = yyjson_mut_arr(doc), *notes = yyjson_mut_arr(doc);
        char digest[7 + SHA256_HEX_SIZE];

        if (build_options.engine == OWN)
                return;
        for (unsigned i = 0; i < result->made_count; i++) {
                yyjson_mut_val *image = yyjson_mut_arr_add_obj(doc, images);

                answer_add_text(doc, image, "engine", engine_name(result->made[i].engine));
                answer_add_text(doc, image, "tag", result->made[i].tag);
                answer_add_text(doc, image, "digest", digest_text(&result->made[i].manifest, digest));
        }
        for (const char *rest = result->notes ? result->notes : ""; *rest;) {
                struct slice line = next_line(&rest);
                _cleanup_free_ char *text = strndup((const char *)line.data, line.size);

                if (text)
                        yyjson_mut_arr_append(notes, answer_text(doc, text));
        }
        yyjson_mut_obj_add_val(doc, object, "images", images);
        yyjson_mut_obj_add_val(doc, object, "notes", notes);
}

static int print_json(const char *to, bool in_registry, const struct image_result *result, uint64_t us,
                      struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);
        char digest[7 + SHA256_HEX_SIZE];

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "image", to);
        answer_add_text(doc, root, "digest", digest_text(&result->manifest, digest));
        yyjson_mut_obj_add_uint(doc, root, "manifestSize", result->manifest_size);
        yyjson_mut_obj_add_uint(doc, root, "layers", result->layers);
        yyjson_mut_obj_add_uint(doc, root, "layersSize", result->layers_size);
        answer_add_text(doc, root, "compression", compression_name(result->compression));
        if (in_registry)
                yyjson_mut_obj_add_bool(doc, root, "sent", result->sent);
        yyjson_mut_obj_add_uint(doc, root, "timeUs", us);
        add_images(doc, root, result);
        return answer_print(doc, err);
}

static void print_notes(const struct image_result *result)
{
        for (const char *rest = result->notes ? result->notes : ""; *rest;) {
                _cleanup_buffer_ struct buffer safe = {0};

                text_append_safe(&safe, next_line(&rest));
                fprintf(stderr, "Note: %s\n", buffer_text(&safe));
        }
}

static void print_text(const char *to, bool in_registry, const struct image_result *result, uint64_t us)
{
        char size[UNIT_TEXT_SIZE], time[UNIT_TEXT_SIZE], rate[UNIT_TEXT_SIZE], digest[7 + SHA256_HEX_SIZE];

        printf("%s: %s\n  %s\n  %u layers, %s (%s)", in_registry ? "Pushed" : "Built", to,
               digest_text(&result->manifest, digest), result->layers, size_format(result->layers_size, size),
               compression_name(result->compression));
        rate_format(result->layers_size, us, rate);
        if (result->sent)
                printf(" in %s%s%s\n", duration_format(us, time), rate[0] ? ", " : "", rate);
        else
                printf(", all there already, in %s\n", duration_format(us, time));
        for (unsigned i = 0; i < result->made_count && build_options.engine == ALL; i++)
                printf("  %s for %s: %s\n", result->made[i].tag, engine_name(result->made[i].engine),
                       digest_text(&result->made[i].manifest, digest));
}

int build_options_report(const struct cli *cli, const char *to, bool in_registry,
                         const struct image_result *result, uint64_t us, struct error *err)
{
        if (cli->json)
                return print_json(to, in_registry, result, us, err);
        print_text(to, in_registry, result, us);
        print_notes(result);
        return 0;
}
