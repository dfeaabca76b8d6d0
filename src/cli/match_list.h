/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a search of memory found, as checkpointctl's table or as JSON. A table needs the width of its widest
 * cell before its first row: matches are kept until then, and when they are too many, found again.
 */
#ifndef SNAP_CLI_MATCH_LIST_H
#define SNAP_CLI_MATCH_LIST_H

#include <yyjson.h>
#include "archive/memory_search.h"
#include "cli/answer_stream.h"

/* Runs the search (whose `found`, `restart` and `argument` are set here; see memory_scan_run for `dump` and
 * `absent`) and prints the table to standard output.
 * Returns the number of matches, for none of which nothing is printed, or a negative errno. */
int64_t match_list_print(struct archive *archive, struct criu_dump **dump, const struct memory_search *search,
                         uint64_t *absent, struct error *err);
/* Where matches of several searches are put. The rest is zero at first. */
struct match_json {
        yyjson_mut_doc *doc;
        yyjson_mut_val *list; /* of the search that is run */
        uint64_t count;
        size_t size;   /* of their text */
        bool too_many; /* for memory; the last ones are not in the document */
        /* Of the searches before the one that is run. */
        uint64_t count_before;
        size_t size_before;
        bool too_many_before;
};

/* The same, into an array. */
int match_list_to_json(struct archive *archive, struct criu_dump **dump, const struct memory_search *search,
                       struct match_json *into, uint64_t *absent, struct error *err);
/* Any number of them, right to standard output, as the member "matches". */
int match_list_stream(struct archive *archive, struct criu_dump **dump, const struct memory_search *search,
                      struct answer_stream *stream, uint64_t *absent, struct error *err);

#endif
