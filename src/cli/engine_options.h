/* SPDX-License-Identifier: Apache-2.0 */
/* The options by which an image is made for other engines than the one that took the checkpoint. */
#ifndef SNAP_CLI_ENGINE_OPTIONS_H
#define SNAP_CLI_ENGINE_OPTIONS_H

#include "base/json.h"
#include "program/option.h"
#include "oci/image.h"

struct engine_options {
        int engine; /* one of engine_choices */
        const char *base, *base_id;
};

extern struct engine_options engine_options;
extern const char *const engine_choices[];

/* To stand in the table of options of a verb. */
#define ENGINE_OPTIONS                                                                                       \
        {"for",         0,                                                                                   \
         OPTION_CHOICE, &engine_options.engine,                                                              \
         NULL,          "make it so that this engine restores it, whichever took the checkpoint",            \
         engine_choices},                                                                                    \
                {"base",        0,                                                                           \
                 OPTION_TEXT,   &engine_options.base,                                                        \
                 "NAME@DIGEST", "the image that the container was made of, where the archive does not say"}, \
                {"base-id", 0, OPTION_TEXT, &engine_options.base_id, "ID", "its ID, which Podman asks for"}

/* For the description of such a verb. */
#define ENGINE_OPTIONS_TEXT                                                                                  \
        "Without --for, the engine that took the checkpoint restores the image. For another one its "        \
        "metadata are written in the other's words. With --for all there is an image for each engine that "  \
        "can restore it, which share their memory pages; the tags end in -crio, -containerd and -podman. "   \
        "What the engine must be given, and why one cannot restore it, is printed; docs/translate.md has "   \
        "the rules."

/* Puts what was chosen into the options of an image. */
void engine_options_apply(struct image_options *options);
/* What was made, after the verb's own words: an image a line, and notes on standard error. */
void engine_options_print(const struct image_result *result);
/* The same as members "images" and "notes" of `object`; without --for, nothing. */
void engine_options_answer(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct image_result *result);

#endif
