/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a dump's pages files, for archives in which nothing can be sought: they are asked for first, then
 * read in one more pass over the archive, then served from memory. What lies at the end of pages, as command
 * lines and environments do, was kept by the first pass, and needs no other.
 */
#ifndef SNAP_CLI_PAGE_CACHE_H
#define SNAP_CLI_PAGE_CACHE_H

#include "archive/archive.h"

struct page_cache;

/* Borrows the archive. At most `limit` bytes may be asked for. */
struct page_cache *page_cache_new(const struct archive *archive, uint64_t limit);
void page_cache_free(struct page_cache *cache);
CLEANUP_DEFINE(struct page_cache *, page_cache_free);
#define _cleanup_page_cache_ _cleanup_(page_cache_freep)

/* Three criu_pages_reader: one that goes to the archive at once; one that notes the range and gives zeros;
 * one that serves it after page_cache_fill. `context` of the first is the archive, of the others the cache.
 */
int pages_read_direct(void *context, const char *name, uint64_t offset, void *data, size_t size,
                      struct error *err);
int page_cache_note(void *context, const char *name, uint64_t offset, void *data, size_t size,
                    struct error *err);
int page_cache_serve(void *context, const char *name, uint64_t offset, void *data, size_t size,
                     struct error *err);
/* Reads everything noted. */
int page_cache_fill(struct page_cache *cache, struct error *err);

#endif
