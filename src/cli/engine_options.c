/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/engine_options.h"

#include <stdio.h>
#include "cli/answer.h"
#include "cli/text.h"

enum { OWN, CRIO, CONTAINERD, PODMAN, ALL };

struct engine_options engine_options = {.engine = OWN};

const char *const engine_choices[] = {[OWN] = "own",       [CRIO] = "crio", [CONTAINERD] = "containerd",
                                      [PODMAN] = "podman", [ALL] = "all",   NULL};

void engine_options_apply(struct image_options *options)
{
        static const unsigned engines[] = {[OWN] = 0,
                                           [CRIO] = IMAGE_FOR(ENGINE_CRIO),
                                           [CONTAINERD] = IMAGE_FOR(ENGINE_CONTAINERD),
                                           [PODMAN] = IMAGE_FOR(ENGINE_PODMAN),
                                           [ALL] = IMAGE_FOR(ENGINE_CRIO) | IMAGE_FOR(ENGINE_CONTAINERD) |
                                                   IMAGE_FOR(ENGINE_PODMAN)};

        options->engines = engines[engine_options.engine];
        options->base = engine_options.base;
        options->base_id = engine_options.base_id;
}

/* The next line of `rest`, cut off it; its end is at the newline. */
static struct slice next_line(const char **rest)
{
        struct slice line = {(const uint8_t *)*rest, strcspn(*rest, "\n")};

        *rest += line.size + ((*rest)[line.size] == '\n');
        return line;
}

void engine_options_print(const struct image_result *result)
{
        char hex[SHA256_HEX_SIZE];

        for (unsigned i = 0; i < result->made_count && engine_options.engine == ALL; i++)
                printf("  %s for %s: sha256:%s\n", result->made[i].tag, engine_name(result->made[i].engine),
                       sha256_hex(&result->made[i].manifest, hex));
        for (const char *rest = result->notes ? result->notes : ""; *rest;) {
                _cleanup_buffer_ struct buffer safe = {0};

                text_append_safe(&safe, next_line(&rest));
                fprintf(stderr, "Note: %s\n", buffer_text(&safe));
        }
}

void engine_options_answer(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct image_result *result)
{
        yyjson_mut_val *images = yyjson_mut_arr(doc), *notes = yyjson_mut_arr(doc);
        char digest[7 + SHA256_HEX_SIZE] = "sha256:";

        if (engine_options.engine == OWN)
                return;
        for (unsigned i = 0; i < result->made_count; i++) {
                yyjson_mut_val *image = yyjson_mut_arr_add_obj(doc, images);

                sha256_hex(&result->made[i].manifest, digest + 7);
                answer_add_text(doc, image, "engine", engine_name(result->made[i].engine));
                answer_add_text(doc, image, "tag", result->made[i].tag);
                answer_add_text(doc, image, "digest", digest);
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
