/* SPDX-License-Identifier: Apache-2.0 */
#include "node/metrics.h"

#include <errno.h>
#include <pthread.h>

#define BUCKETS_MOST 12
#define OTHER        "other"

/* Upper bounds of the buckets; the last, of everything, is implied. */
static const double seconds_bounds[] = {0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
static const double bytes_bounds[] = {1 << 16, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28,
                                      1 << 30, 4e9,     1.6e10,  6.4e10,  2.56e11, 1.024e12};

enum family_name {
        OPERATIONS,
        REJECTED,
        PHASE_SECONDS,
        CHECKPOINT_SECONDS,
        FREEZE_SECONDS,
        CHECKPOINT_BYTES,
        LAYER_BYTES,
        FAMILY_MAX_
};

static const struct family {
        const char *name, *help;
        const double *bounds; /* NULL: a counter */
} families[FAMILY_MAX_] = {
        [OPERATIONS] = {"snap_node_operations_total",
                        "Operations that have ended, by how, and in which phase that was decided.", NULL},
        [REJECTED] = {"snap_node_operations_rejected_total", "Requests refused because the queue was full.",
                      NULL},
        [PHASE_SECONDS] = {"snap_node_phase_seconds", "Time that operations spent in each phase.",
                           seconds_bounds},
        [CHECKPOINT_SECONDS] = {"snap_node_checkpoint_seconds", "Time from lock to verified archive.",
                                seconds_bounds},
        [FREEZE_SECONDS] = {"snap_node_freeze_seconds", "Time that containers stood still.", seconds_bounds},
        [CHECKPOINT_BYTES] = {"snap_node_checkpoint_bytes", "Sizes of archives.", bytes_bounds},
        [LAYER_BYTES] = {"snap_node_layer_bytes",
                         "What came of layers of images from other nodes, by how that ended.", bytes_bounds},
};

struct series {
        char *labels;
        uint64_t count;
        double sum;
        uint64_t buckets[BUCKETS_MOST]; /* not cumulative */
};

struct metrics {
        pthread_mutex_t lock;
        struct {
                struct series *items;
                size_t count;
        } series[FAMILY_MAX_];
};

int metrics_new(struct metrics **out, struct error *err)
{
        struct metrics *metrics = calloc(1, sizeof(*metrics));

        if (!metrics)
                return error_oom(err);
        pthread_mutex_init(&metrics->lock, NULL);
        *out = metrics;
        return 0;
}

void metrics_free(struct metrics *metrics)
{
        for (size_t f = 0; f < FAMILY_MAX_; f++) {
                for (size_t i = 0; i < metrics->series[f].count; i++)
                        free(metrics->series[f].items[i].labels);
                free(metrics->series[f].items);
        }
        pthread_mutex_destroy(&metrics->lock);
        free(metrics);
}

int metrics_label(struct buffer *labels, const char *name, const char *value)
{
        int r = buffer_printf(labels, "%s%s=\"", labels->size ? "," : "", name);

        for (; r == 0 && *value; value++) {
                if (*value == '\n')
                        r = buffer_append_text(labels, "\\n");
                else
                        r = buffer_printf(labels, "%s%c", *value == '"' || *value == '\\' ? "\\" : "",
                                          *value);
        }
        return r < 0 ? r : buffer_append_text(labels, "\"");
}

/* NULL when there are too many already, or no memory. */
static struct series *series_find(struct metrics *metrics, enum family_name family, const char *labels,
                                  size_t most)
{
        struct series *items = metrics->series[family].items, *grown;
        size_t count = metrics->series[family].count;
        char *copy;

        for (size_t i = 0; i < count; i++)
                if (strcmp(items[i].labels, labels) == 0)
                        return &items[i];
        if (count >= most)
                return NULL;
        grown = reallocarray(items, count + 1, sizeof(*items));
        copy = strdup(labels);
        if (grown)
                metrics->series[family].items = grown;
        if (!grown || !copy) {
                free(copy);
                return NULL;
        }
        metrics->series[family].count++;
        grown[count] = (struct series){.labels = copy};
        return &grown[count];
}

/* What is not counted for want of memory is not worth failing for. */
static void observe(struct metrics *metrics, enum family_name family, const char *namespace,
                    const char *labels, double value)
{
        _cleanup_buffer_ struct buffer own = {0}, other = {0};
        const double *bounds = families[family].bounds;
        struct series *series;
        size_t bucket = 0;

        if (buffer_append_text(&own, labels) < 0 || buffer_append_text(&other, labels) < 0 ||
            (namespace && (metrics_label(&own, "namespace", namespace) < 0 ||
                           metrics_label(&other, "namespace", OTHER) < 0)))
                return;
        pthread_mutex_lock(&metrics->lock);
        series = series_find(metrics, family, buffer_text(&own), METRICS_SERIES_MOST);
        if (!series)
                series = series_find(metrics, family, buffer_text(&other), 2 * METRICS_SERIES_MOST);
        if (series) {
                series->count++;
                series->sum += value;
                while (bounds && bucket < BUCKETS_MOST && value > bounds[bucket])
                        bucket++;
                if (bounds && bucket < BUCKETS_MOST)
                        series->buckets[bucket]++;
        }
        pthread_mutex_unlock(&metrics->lock);
}

void metrics_count_operation(struct metrics *metrics, const struct operation *operation,
                             enum operation_phase last)
{
        _cleanup_buffer_ struct buffer labels = {0};

        if (metrics_label(&labels, "kind", operation->kind) == 0 &&
            metrics_label(&labels, "result", operation_phase_name(operation->phase)) == 0 &&
            metrics_label(&labels, "phase", operation_phase_name(last)) == 0)
                observe(metrics, OPERATIONS, operation->namespace, buffer_text(&labels), 1);
}

void metrics_count_rejected(struct metrics *metrics)
{
        observe(metrics, REJECTED, NULL, "", 1);
}

void metrics_observe_phase(struct metrics *metrics, const char *kind, enum operation_phase phase, uint64_t us)
{
        _cleanup_buffer_ struct buffer labels = {0};

        if (metrics_label(&labels, "kind", kind) == 0 &&
            metrics_label(&labels, "phase", operation_phase_name(phase)) == 0)
                observe(metrics, PHASE_SECONDS, NULL, buffer_text(&labels), (double)us / 1e6);
}

void metrics_observe_checkpoint(struct metrics *metrics, const struct checkpoint *checkpoint)
{
        observe(metrics, CHECKPOINT_SECONDS, checkpoint->namespace, "",
                (double)checkpoint->duration_us / 1e6);
        if (checkpoint->frozen_us)
                observe(metrics, FREEZE_SECONDS, checkpoint->namespace, "",
                        (double)checkpoint->frozen_us / 1e6);
        observe(metrics, CHECKPOINT_BYTES, checkpoint->namespace, "", (double)checkpoint->size);
}

void metrics_observe_layer(struct metrics *metrics, bool is_whole, uint64_t bytes)
{
        observe(metrics, LAYER_BYTES, NULL, is_whole ? "result=\"done\"" : "result=\"failed\"",
                (double)bytes);
}

int metrics_write_header(struct buffer *out, const char *name, const char *type, const char *help)
{
        return buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

int metrics_write_sample(struct buffer *out, const char *name, const char *labels, double value)
{
        bool any = labels && *labels;

        return buffer_printf(out, "%s%s%s%s %.15g\n", name, any ? "{" : "", any ? labels : "", any ? "}" : "",
                             value);
}

static int write_bucket(struct buffer *out, const char *name, const char *labels, const char *bound,
                        uint64_t count)
{
        return buffer_printf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", name, labels, *labels ? "," : "", bound,
                             (unsigned long long)count);
}

static int write_histogram(struct buffer *out, const struct family *family, const struct series *series)
{
        const char *comma = *series->labels ? "{" : "", *end = *series->labels ? "}" : "";
        uint64_t below = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < BUCKETS_MOST; i++) {
                char bound[32];

                snprintf(bound, sizeof(bound), "%.15g", family->bounds[i]);
                below += series->buckets[i];
                r = write_bucket(out, family->name, series->labels, bound, below);
        }
        if (r == 0)
                r = write_bucket(out, family->name, series->labels, "+Inf", series->count);
        if (r < 0)
                return r;
        return buffer_printf(out, "%s_sum%s%s%s %.15g\n%s_count%s%s%s %llu\n", family->name, comma,
                             series->labels, end, series->sum, family->name, comma, series->labels, end,
                             (unsigned long long)series->count);
}

static int write_family(struct metrics *metrics, enum family_name name, struct buffer *out)
{
        const struct family *family = &families[name];
        int r = metrics_write_header(out, family->name, family->bounds ? "histogram" : "counter",
                                     family->help);

        /* One without labels is there from the beginning. */
        if (r == 0 && name == REJECTED && !metrics->series[name].count)
                r = metrics_write_sample(out, family->name, NULL, 0);
        for (size_t i = 0; r == 0 && i < metrics->series[name].count; i++) {
                const struct series *series = &metrics->series[name].items[i];

                r = family->bounds
                            ? write_histogram(out, family, series)
                            : metrics_write_sample(out, family->name, series->labels, (double)series->count);
        }
        return r;
}

int metrics_write(struct metrics *metrics, struct buffer *out)
{
        int r = 0;

        pthread_mutex_lock(&metrics->lock);
        for (enum family_name f = 0; r == 0 && f < FAMILY_MAX_; f++)
                r = write_family(metrics, f, out);
        pthread_mutex_unlock(&metrics->lock);
        return r;
}
