/* SPDX-License-Identifier: Apache-2.0 */
#include "node/checkpoint_request.h"

#include <errno.h>

#define PRIORITY_MOST 100
#define LEVEL_MOST    22

static int bad(struct error *err, const char *member, const char *wanted)
{
        return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "the member `%s` of the request must be %s", member,
                         wanted);
}

int request_text(yyjson_val *object, const char *member, const char **out, struct error *err)
{
        yyjson_val *value = yyjson_obj_get(object, member);

        *out = json_text(object, member);
        return value && !*out ? bad(err, member, "text") : 0;
}

static int text_or_empty(yyjson_val *object, const char *member, const char **out, struct error *err)
{
        int r = request_text(object, member, out, err);

        if (!*out)
                *out = "";
        return r;
}

int request_flag(yyjson_val *object, const char *member, bool *out, struct error *err)
{
        yyjson_val *value = yyjson_obj_get(object, member);

        *out = yyjson_get_bool(value);
        return value && !yyjson_is_bool(value) ? bad(err, member, "true or false") : 0;
}

/* Of at most `most`; `*out` stays when it is not there. */
static int number(yyjson_val *object, const char *member, unsigned most, unsigned *out, struct error *err)
{
        yyjson_val *value = yyjson_obj_get(object, member);

        if (!value)
                return 0;
        if (!yyjson_is_uint(value) || yyjson_get_uint(value) > most)
                return bad(err, member, "a whole number that is not too large");
        *out = (unsigned)yyjson_get_uint(value);
        return 0;
}

/* One of `names`; the first when it is not there. */
static int choice(yyjson_val *object, const char *member, const char *const *names, size_t count,
                  unsigned *out, struct error *err)
{
        _cleanup_buffer_ struct buffer all = {0};
        const char *text;
        int r = request_text(object, member, &text, err);

        *out = 0;
        for (size_t i = 0; text && i < count; i++) {
                if (strcmp(text, names[i]) == 0) {
                        *out = (unsigned)i;
                        return 0;
                }
                (void)buffer_printf(&all, "%s%s", i == 0 ? "" : ", ", names[i]);
        }
        return text ? error_set(err, &ERROR_BAD_INPUT, -EINVAL,
                                "the member `%s` of the request must be one of: %s", member,
                                buffer_text(&all))
                    : r;
}

int request_tcp(yyjson_val *object, enum tcp_policy *out, struct error *err)
{
        static const char *const names[] = {
                [TCP_REFUSE] = "refuse", [TCP_KEEP] = "keep", [TCP_CLOSE] = "close"};
        unsigned value;
        int r = choice(object, "tcp", names, ARRAY_SIZE(names), &value, err);

        *out = (enum tcp_policy)value;
        return r;
}

static int compression(yyjson_val *object, struct checkpoint_options *out, struct error *err)
{
        static const char *const names[] = {[COMPRESSION_NONE] = "none",
                                            [COMPRESSION_GZIP] = "gzip",
                                            [COMPRESSION_ZSTD] = "zstd",
                                            [COMPRESSION_LZ4] = "lz4"};
        unsigned value, level = 0;
        int r = choice(object, "compression", names, ARRAY_SIZE(names), &value, err);

        if (r == 0)
                r = number(object, "level", LEVEL_MOST, &level, err);
        out->compression = (enum compression)value;
        out->level = (int)level;
        return r;
}

static int options(yyjson_val *object, struct checkpoint_options *out, struct error *err)
{
        int r = compression(object, out, err);

        if (r == 0)
                r = request_tcp(object, &out->tcp, err);
        if (r == 0)
                r = request_flag(object, "stop", &out->stop, err);
        if (r == 0)
                r = request_flag(object, "fileLocks", &out->file_locks, err);
        if (r == 0)
                r = request_flag(object, "force", &out->force, err);
        return r < 0 ? r : number(object, "timeout", INT32_MAX, &out->timeout_s, err);
}

/* Kubernetes' own defaults. */
static int liveness(yyjson_val *object, struct liveness *out, struct error *err)
{
        yyjson_val *value = yyjson_obj_get(object, "liveness");
        int r;

        *out = (struct liveness){yyjson_is_obj(value), 10, 1, 3};
        if (!value)
                return 0;
        if (!out->given)
                return bad(err, "liveness", "an object");
        r = number(value, "periodSeconds", INT32_MAX, &out->period, err);
        if (r == 0)
                r = number(value, "timeoutSeconds", INT32_MAX, &out->timeout, err);
        return r < 0 ? r : number(value, "failureThreshold", INT32_MAX, &out->failures, err);
}

double liveness_allows(const struct liveness *liveness)
{
        double probes = liveness->failures > 1 ? liveness->failures - 1.0 : 0;

        return probes * liveness->period + liveness->timeout;
}

static int priority(yyjson_val *object, int *out, struct error *err)
{
        yyjson_val *value = yyjson_obj_get(object, "priority");

        *out = yyjson_get_int(value);
        if (value && (!yyjson_is_int(value) || *out < -PRIORITY_MOST || *out > PRIORITY_MOST))
                return bad(err, "priority", "a whole number from -100 to 100");
        return 0;
}

int checkpoint_request_parse(yyjson_val *object, struct checkpoint_request *out, struct error *err)
{
        int r;

        *out = (struct checkpoint_request){0};
        r = text_or_empty(object, "namespace", &out->namespace, err);
        if (r == 0)
                r = text_or_empty(object, "pod", &out->pod, err);
        if (r == 0)
                r = text_or_empty(object, "container", &out->container, err);
        if (r == 0)
                r = text_or_empty(object, "containerId", &out->container_id, err);
        if (r == 0)
                r = text_or_empty(object, "engine", &out->engine, err);
        if (r == 0)
                r = priority(object, &out->priority, err);
        if (r == 0)
                r = liveness(object, &out->liveness, err);
        return r < 0 ? r : options(object, &out->options, err);
}
