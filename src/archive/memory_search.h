/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding text in the memory of a process. Plain text is compared byte by byte. Regular expressions are those
 * of PCRE2 and see memory as checkpointctl shows it: every byte that is no printable ASCII is a '?', so that
 * `[^?]+` ends where a string does and no match ever holds a line end.
 */
#ifndef SNAP_ARCHIVE_MEMORY_SEARCH_H
#define SNAP_ARCHIVE_MEMORY_SEARCH_H

#include "archive/memory_scan.h"

/* Longer matches of a regular expression are cut, longer plain text is refused. */
#define MEMORY_MATCH_MAX   (64 * KIB)
#define MEMORY_CONTEXT_MAX (64 * KIB)

struct memory_pattern;

/* -EINVAL (ERROR_USAGE) when it is empty, too long or no regular expression. */
int memory_pattern_new(const char *text, bool regex, struct memory_pattern **out, struct error *err);
void memory_pattern_free(struct memory_pattern *pattern);
CLEANUP_DEFINE(struct memory_pattern *, memory_pattern_free);
#define _cleanup_memory_pattern_ _cleanup_(memory_pattern_freep)

struct memory_match {
        uint64_t address; /* of the match itself */
        size_t size;
        struct slice shown; /* the match with its context, as printable ASCII; valid during the call */
};

struct memory_search {
        pid_t pid;
        const struct memory_pattern *pattern;
        size_t context; /* bytes to show around a match, at most MEMORY_CONTEXT_MAX */
        /* Called for each match in the order of memory; a result other than 0 ends the search. */
        int (*found)(void *argument, const struct memory_match *match, struct error *err);
        void (*restart)(void *argument); /* all that was found is void. NULL: see memory_scan.h */
        void *argument;
        const struct progress *progress; /* may be NULL */
};

/* Matches do not overlap; empty ones are none. See memory_scan_run for `dump` and `absent`. -E2BIG
 * (ERROR_UNSUPPORTED) when the regular expression tries too much at one place. */
int memory_search_run(struct archive *archive, struct criu_dump **dump, const struct memory_search *search,
                      uint64_t *absent, struct error *err);

#endif
