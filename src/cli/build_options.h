/* SPDX-License-Identifier: Apache-2.0 */
/* How `build` and `push` make an image: the options that they have in common, and what they say of it. */
#ifndef SNAP_CLI_BUILD_OPTIONS_H
#define SNAP_CLI_BUILD_OPTIONS_H

#include "cli/verb.h"
#include "oci/image.h"
#include "oci/recipients.h"

struct build_options {
        uint64_t level;
        struct option_list encryption_keys;
        int engine; /* one of build_engine_choices */
        const char *base, *base_id;
};

extern struct build_options build_options;
extern const char *const build_engine_choices[];

/* To stand in the table of options of a verb. */
#define BUILD_OPTIONS                                                                                        \
        {"level",       0,                                                                                   \
         OPTION_NUMBER, &build_options.level,                                                                \
         "N",           "compression level: gzip 1 to 3, zstd 1 to 6; 0 is the usual one"},                  \
                {"for",                                                                                      \
                 0,                                                                                          \
                 OPTION_CHOICE,                                                                              \
                 &build_options.engine,                                                                      \
                 NULL,                                                                                       \
                 "make it so that this engine restores it, whichever took the checkpoint",                   \
                 build_engine_choices},                                                                      \
                {"base",        0,                                                                           \
                 OPTION_TEXT,   &build_options.base,                                                         \
                 "NAME@DIGEST", "the image that the container was made of, where the archive does not say"}, \
                {"base-id",   0,                                                                             \
                 OPTION_TEXT, &build_options.base_id,                                                        \
                 "ID",        "its ID, which Podman asks for, where it cannot be found"},                    \
                {"encryption-key",                                                                           \
                 0,                                                                                          \
                 OPTION_LIST,                                                                                \
                 &build_options.encryption_keys,                                                             \
                 "jwe:F|pkcs7:F",                                                                            \
                 "encrypt the layers for the public key or the certificate in F; may be repeated"}

/* For the description of such a verb. */
#define BUILD_OPTIONS_TEXT                                                                                   \
        "Without --for, the engine that took the checkpoint restores the image. For another one its "        \
        "metadata are written in the other's words. With --for all there is an image for each engine that "  \
        "can restore it, which share their memory pages; the tags end in -crio, -containerd and -podman. "   \
        "What the engine must be given, and why one cannot restore it, is printed; docs/translate.md has "   \
        "the rules."

/* Puts what was chosen into the options of an image; `recipients` is the caller's to free. */
int build_options_apply(struct image_options *options, struct layer_recipients **recipients,
                        struct error *err);
/* What was made in `us` microseconds, and lies at `to` now; notes go to standard error. */
int build_options_report(const struct cli *cli, const char *to, bool in_registry,
                         const struct image_result *result, uint64_t us, struct error *err);

#endif
