/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of criu_check share. Functions return 0 after faults, negative only when they cannot look.
 */
#ifndef SNAP_CRIU_CHECKER_H
#define SNAP_CRIU_CHECKER_H

#include "criu/check.h"
#include "criu/files.h"
#include "criu/process.h"

/* A set of numbers; walk it with `used`. */
struct checker_numbers {
        uint64_t *items;
        bool *used;
        size_t count, capacity;
};

/* What a pagemap says about a pages file. */
struct checker_pages {
        uint32_t id;
        uint64_t size;
        char pagemap[64];
};

struct checker {
        const struct criu_source *source;
        criu_fault fault;
        void *context;
        struct error *err;
        int faults;
        struct criu_arena arena;
        struct criu_arena scratch; /* for the records of one process */
        Criu__Inventory *inventory;
        struct criu_files files;
        bool has_files;
        bool *referred;                     /* for each of files.files: something refers to it */
        struct checker_numbers descriptors; /* fdinfo numbers that were looked at */
        bool no_descriptors;                /* one of them, the first of which follows, has no file */
        uint32_t first_without;
        struct checker_numbers namespaces; /* that were looked at */
        struct checker_numbers shared;     /* shared memory numbers */
        struct criu_messages pages;        /* struct checker_pages of each pagemap */
};

/* Reports a fault of the file `object`. */
void checker_fault(struct checker *checker, const char *object, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* Turns a failure to read `object` into a fault where the dump is to blame, else passes it on. */
int checker_failed(struct checker *checker, const char *object, int r, const struct error *error);
/* False when it was there already. Negative: out of memory. */
int checker_number_add(struct checker *checker, struct checker_numbers *numbers, uint64_t number);

/* The file object that `object` refers to; a fault when there is none. */
void checker_refer(struct checker *checker, const char *object, const char *what, uint32_t type, uint32_t id);

int checker_check_processes(struct checker *checker);
int checker_check_pagemap(struct checker *checker, const char *name, const Criu__Memory *memory);
int checker_check_shared_memory(struct checker *checker);
int checker_check_pages(struct checker *checker);
int checker_check_descriptors(struct checker *checker, uint32_t number);
int checker_check_files(struct checker *checker);

#endif
