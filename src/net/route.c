/* SPDX-License-Identifier: Apache-2.0 */
#include "net/route.h"

/* The next segment, without its slash, cut off the front. */
static struct slice take_segment(struct slice *path)
{
        struct slice segment, slash;
        const uint8_t *end;

        (void)slice_take(path, 1, &slash);
        end = memchr(path->data, '/', path->size);
        (void)slice_take(path, end ? (size_t)(end - path->data) : path->size, &segment);
        return segment;
}

static size_t count_segments(struct slice path)
{
        size_t count = 0;

        for (size_t i = 0; i < path.size; i++)
                count += path.data[i] == '/';
        return count;
}

static bool is_parameter(struct slice segment)
{
        return segment.size > 2 && segment.data[0] == '{';
}

/* Also takes off "...}" or "}". */
static bool takes_many(struct slice segment, struct slice *name)
{
        bool many = segment.size > 5 && memcmp(segment.data + segment.size - 4, "...}", 4) == 0;

        *name = (struct slice){segment.data + 1, segment.size - (many ? 5 : 2)};
        return many;
}

/* As many segments as the rest of the pattern leaves, at least one, none of them empty. */
static bool take_many(struct slice *path, size_t after, struct slice *value)
{
        size_t count = count_segments(*path);
        struct slice first = *path;

        if (count <= after)
                return false;
        for (count -= after; count; count--)
                if (!take_segment(path).size)
                        return false;
        *value = (struct slice){first.data + 1, (size_t)(path->data - first.data) - 1};
        return true;
}

static bool match_parameter(struct slice segment, struct slice pattern, struct slice *path,
                            struct route_match *out)
{
        struct slice name, value;

        if (out->count == ROUTE_PARAMETERS)
                return false;
        if (takes_many(segment, &name)) {
                if (!take_many(path, count_segments(pattern), &value))
                        return false;
        } else {
                value = take_segment(path);
                if (!value.size)
                        return false;
        }
        out->parameters[out->count].name = name;
        out->parameters[out->count++].value = value;
        return true;
}

static bool match(const char *pattern_text, const char *path_text, struct route_match *out)
{
        struct slice pattern = SLICE_TEXT(pattern_text), path = SLICE_TEXT(path_text);

        out->count = 0;
        if (path_text[0] != '/')
                return false;
        while (pattern.size && path.size) {
                struct slice segment = take_segment(&pattern), other;

                if (is_parameter(segment)) {
                        if (!match_parameter(segment, pattern, &path, out))
                                return false;
                        continue;
                }
                other = take_segment(&path);
                if (other.size != segment.size || memcmp(other.data, segment.data, other.size) != 0)
                        return false;
        }
        return !pattern.size && !path.size;
}

static bool serves(const struct route *route, const char *method)
{
        return strcmp(route->method, method) == 0 ||
               (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

void route_find(const struct route *routes, size_t count, const char *method, const char *path,
                struct route_match *out)
{
        out->route = NULL;
        out->count = 0;
        for (size_t i = 0; i < count; i++) {
                if (!serves(&routes[i], method) || !match(routes[i].pattern, path, out))
                        continue;
                out->route = &routes[i];
                return;
        }
}

int route_methods(const struct route *routes, size_t count, const char *path, struct buffer *out)
{
        struct route_match found;
        int ret = 0;

        for (size_t i = 0; i < count && ret == 0; i++)
                if (match(routes[i].pattern, path, &found))
                        ret = buffer_printf(out, "%s%s%s", out->size ? ", " : "", routes[i].method,
                                            strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
        return ret;
}
