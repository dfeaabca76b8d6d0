/* SPDX-License-Identifier: Apache-2.0 */
/* Paths to handlers. Pure functions over a table. */
#ifndef SNAP_NET_ROUTE_H
#define SNAP_NET_ROUTE_H

#include "base/bytes.h"

struct handler;

/*
 * A pattern is a path whose segments are text or "{name}" (one segment, never empty). One of them may be
 * "{name...}": one or more segments, as many as what follows leaves. Routes are tried in their order.
 */
struct route {
        const char *method; /* "GET", which serves HEAD as well; "PUT", … */
        const char *pattern;
        const struct handler *handler; /* see server.h */
        int tag;                       /* the application's own; request_tag() */
};

#define ROUTE_PARAMETERS 4

struct route_match {
        const struct route *route; /* NULL: no path, or none with this method */
        size_t count;
        struct {
                struct slice name, value; /* as it stands in the path, not decoded */
        } parameters[ROUTE_PARAMETERS];
};

/* Borrows `path`; one that does not begin with a slash has no route. */
void route_find(const struct route *routes, size_t count, const char *method, const char *path,
                struct route_match *out);
/* Appends the methods that `path` knows: "GET, HEAD, PUT"; nothing when there is no such path. */
int route_methods(const struct route *routes, size_t count, const char *path, struct buffer *out);

#endif
