/* SPDX-License-Identifier: Apache-2.0 */
/* A verb of checkpointctl: what main.c runs and help, man pages and completion describe. */
#ifndef SNAP_CLI_VERB_H
#define SNAP_CLI_VERB_H

#include "program/option.h"

/* What completes an argument. */
enum argument_kind { ARGUMENT_NONE, ARGUMENT_FILE, ARGUMENT_DIRECTORY, ARGUMENT_CONTAINER, ARGUMENT_WORDS };

/* Options that every verb has. */
struct cli {
        bool json;  /* one JSON value on standard output, errors too */
        bool quiet; /* no progress */
};

/* For the description of a verb that opens FILE with location_open(). */
#define VERB_FILE_PLACES                                                                                     \
        "FILE is an archive of CRI-O, containerd, Podman or checkpointctl, plain or compressed; a "          \
        "directory of CRIU images; - for standard input; or an image, oci:DIR[:TAG], "                       \
        "oci-archive:FILE[:TAG] or docker://HOST/REPOSITORY[:TAG]. What is encrypted is read with "          \
        "--decryption-key."

struct verb {
        const char *name;
        const char *usage;       /* of its arguments: "FILE DEST" */
        const char *summary;     /* one line, no full stop */
        const char *description; /* paragraphs, separated by an empty line */
        const char *examples;    /* lines "COMMAND\tWHAT IT DOES" */
        struct option_table options;
        enum argument_kind argument;
        const char *const *words;              /* for ARGUMENT_WORDS, NULL-terminated */
        unsigned arguments_min, arguments_max; /* UINT_MAX: any number */
        bool is_long;                          /* shows progress: has --quiet and catches signals */
        bool opens_checkpoints;  /* FILE may be encrypted: has --decryption-key; or in a registry */
        bool reaches_registries; /* has the options of registries; the above has them too */
        bool reaches_nodes;      /* works where --node says */
        bool is_hidden;          /* not for people: not in help, man pages and completion */
        /* Arguments only, options are stored where their table says. The verb prints its result itself, and
         * returns 0, a negative errno, or a positive exit status when it has said everything there is to say.
         */
        int (*run)(const struct cli *cli, int argc, char **argv, struct error *err);
};

/* The table of main.c, NULL-terminated. */
extern const struct verb *const verbs[];
const struct verb *verb_find(const char *name);
/* Its own options; --json, --quiet and --decryption-key, and those of registries and of nodes, where they
 * apply. */
#define VERB_OPTION_TABLES 4
void verb_option_tables(const struct verb *verb, struct option_table out[VERB_OPTION_TABLES]);

/* One per file cmd_NAME.c. */
extern const struct verb verb_build, verb_completion, verb_copy, verb_create, verb_decrypt, verb_diff,
        verb_doctor, verb_encrypt, verb_errors, verb_explain, verb_extract, verb_help, verb_images,
        verb_insert, verb_inspect, verb_list, verb_man_page, verb_memparse, verb_pin, verb_plugin,
        verb_preflight, verb_pull, verb_push, verb_recover, verb_registry, verb_repair, verb_restore, verb_rm,
        verb_secrets, verb_show, verb_sign, verb_sync, verb_tags, verb_verify;

#endif
