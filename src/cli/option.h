/* SPDX-License-Identifier: Apache-2.0 */
/* One table of options per verb drives parsing, --help, the man page and completion. */
#ifndef SNAP_CLI_OPTION_H
#define SNAP_CLI_OPTION_H

#include "base/bytes.h"
#include "base/error.h"

enum option_type {
        OPTION_FLAG,   /* bool * */
        OPTION_TEXT,   /* const char ** */
        OPTION_NUMBER, /* uint64_t * */
        OPTION_SIZE,   /* uint64_t *, with K M G T suffixes (1024) */
        OPTION_CHOICE  /* int *, index into `choices` */
};

struct option_spec {
        const char *name;  /* long name without dashes */
        char letter;       /* short name; 0: none */
        enum option_type type;
        void *value;
        const char *metavar;        /* "FILE"; NULL for flags */
        const char *help;           /* one line, no full stop */
        const char *const *choices; /* NULL-terminated, for OPTION_CHOICE */
};

/* What completes an argument. */
enum argument_kind { ARGUMENT_NONE, ARGUMENT_FILE, ARGUMENT_CONTAINER, ARGUMENT_IMAGE };

struct verb {
        const char *name;
        const char *usage;       /* "FILE DEST" */
        const char *summary;     /* one line */
        const char *description; /* paragraphs for --help and the man page */
        const char *examples;    /* lines "COMMAND\tWHAT IT DOES", newline-separated */
        const struct option_spec *(*options)(size_t *count); /* may be NULL */
        enum argument_kind argument;
        unsigned arguments_min, arguments_max; /* max 0: none; UINT_MAX: any number */
        int (*run)(int argc, char **argv, struct error *err); /* arguments only, options are stored */
};

/* Parses in place; what remains in argv[0..*argc) are arguments. "--" ends options. `help` is set when asked. */
int option_parse(const struct option_spec *specs, size_t count, int *argc, char **argv, bool *help,
                 struct error *err);
void option_print_help(const char *program, const struct verb *verb, FILE *out);

#endif
