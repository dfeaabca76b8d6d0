/* SPDX-License-Identifier: Apache-2.0 */
/* One table of options per verb drives parsing, --help, the man page and completion. */
#ifndef SNAP_PROGRAM_OPTION_H
#define SNAP_PROGRAM_OPTION_H

#include "base/bytes.h"
#include "base/error.h"

enum option_type {
        OPTION_FLAG,   /* bool *; "--flag=false" is understood */
        OPTION_TEXT,   /* const char ** */
        OPTION_NUMBER, /* uint64_t * */
        OPTION_SIZE,   /* uint64_t *, with K M G T suffixes (1024) */
        OPTION_CHOICE, /* int *, index into `choices` */
        OPTION_LIST    /* struct option_list *: may be given several times */
};

/* Values in the order they were given; borrowed from the command line. */
#define OPTION_LIST_MAX 16
struct option_list {
        const char *items[OPTION_LIST_MAX];
        size_t count;
};

struct option_spec {
        const char *name; /* long name without dashes */
        char letter;      /* short name; 0: none */
        enum option_type type;
        void *value;
        const char *metavar;        /* "FILE"; NULL for flags and choices */
        const char *help;           /* one line, no full stop */
        const char *const *choices; /* NULL-terminated, for OPTION_CHOICE */
};

struct option_table {
        const struct option_spec *specs;
        size_t count;
};
#define OPTION_TABLE(array) ((struct option_table){(array), ARRAY_SIZE(array)})

/*
 * Parses in place; what remains in argv[0..*argc) are arguments. "--" ends options, "-" is an argument.
 * `help` is set when -h or --help stands among the options; nothing after it is looked at.
 */
int option_parse(const struct option_table *tables, size_t table_count, int *argc, char **argv, bool *help,
                 struct error *err);

/* The option as it is typed with its value: "-o, --output FILE", "--tcp refuse|keep|close". Appended. */
int option_append_usage(const struct option_spec *spec, struct buffer *out);

#endif
