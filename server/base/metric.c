/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Registered metrics form one list, sorted by name when they join it, so that printing is one walk
 * and a family's members stand together in the order they registered. Counting takes no lock;
 * the lock guards the list and keeps a collector from being removed while it prints.
 */

#include "server/base/metric.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/mutex.h"

struct collector {
    ky_metric_collector collect;
    void *arg;
    struct collector *next;
};

static struct ky_mutex registry_lock = {PTHREAD_MUTEX_INITIALIZER};
static struct ky_metric *registered; /* guarded by registry_lock; sorted by name */
static struct collector *collectors; /* guarded by registry_lock; owned */

static const struct {
    int64_t limit_ns;
    const char *label; /* seconds */
} histogram_limits[KY_HISTOGRAM_BUCKETS - 1] = {
    {INT64_C(10000), "1e-05"},      {INT64_C(25000), "2.5e-05"},    {INT64_C(50000), "5e-05"},
    {INT64_C(100000), "0.0001"},    {INT64_C(250000), "0.00025"},   {INT64_C(500000), "0.0005"},
    {INT64_C(1000000), "0.001"},    {INT64_C(2500000), "0.0025"},   {INT64_C(5000000), "0.005"},
    {INT64_C(10000000), "0.01"},    {INT64_C(25000000), "0.025"},   {INT64_C(50000000), "0.05"},
    {INT64_C(100000000), "0.1"},    {INT64_C(250000000), "0.25"},   {INT64_C(1000000000), "1.0"},
    {INT64_C(10000000000), "10.0"}, {INT64_C(60000000000), "60.0"},
};

void
ky_metric_register(struct ky_metric *metric)
{
    ky_mutex_lock(&registry_lock);
    struct ky_metric **place = &registered;
    while (*place != NULL && strcmp((*place)->name, metric->name) <= 0) {
        KY_ASSERT(*place != metric);
        place = &(*place)->next;
    }
    metric->next = *place;
    *place = metric;
    ky_mutex_unlock(&registry_lock);
}

void
ky_metric_observe_ns(struct ky_metric *metric, int64_t elapsed_ns)
{
    int64_t observed_ns = KY_MAX(elapsed_ns, 0);
    size_t bucket = 0;
    while (bucket < KY_COUNT_OF(histogram_limits) &&
           observed_ns > histogram_limits[bucket].limit_ns) {
        bucket++;
    }
    atomic_fetch_add_explicit(&metric->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->sum_ns, (uint64_t)observed_ns, memory_order_relaxed);
}

void
ky_metric_add_collector(ky_metric_collector collect, void *arg)
{
    struct collector *collector = (struct collector *)ky_malloc(sizeof(*collector));
    *collector = (struct collector){collect, arg, NULL};
    ky_mutex_lock(&registry_lock);
    struct collector **place = &collectors;
    while (*place != NULL) {
        place = &(*place)->next;
    }
    *place = collector;
    ky_mutex_unlock(&registry_lock);
}

void
ky_metric_remove_collector(ky_metric_collector collect, void *arg)
{
    ky_mutex_lock(&registry_lock);
    struct collector **place = &collectors;
    while (*place != NULL && ((*place)->collect != collect || (*place)->arg != arg)) {
        place = &(*place)->next;
    }
    struct collector *found = *place;
    if (found != NULL) {
        *place = found->next;
    }
    ky_mutex_unlock(&registry_lock);
    ky_free(found);
}

void
ky_metric_write_family(struct ky_buffer *out, const char *name, const char *type, const char *help)
{
    ky_buffer_printf(out, "# HELP %s ", name);
    for (const char *p = help; *p != '\0'; p++) {
        if (*p == '\\') {
            ky_buffer_append_cstr(out, "\\\\");
        } else if (*p == '\n') {
            ky_buffer_append_cstr(out, "\\n");
        } else {
            ky_buffer_append_byte(out, (uint8_t)*p);
        }
    }
    ky_buffer_printf(out, "\n# TYPE %s %s\n", name, type);
}

static void
write_name(struct ky_buffer *out, const char *name, const char *labels)
{
    if (labels != NULL) {
        ky_buffer_printf(out, "%s{%s} ", name, labels);
    } else {
        ky_buffer_printf(out, "%s ", name);
    }
}

/* The shorter of two decimal forms that reads back as the same number. */
static void
write_double(struct ky_buffer *out, double value)
{
    if (isnan(value)) {
        ky_buffer_append_cstr(out, "NaN");
        return;
    }
    if (isinf(value)) {
        ky_buffer_append_cstr(out, value > 0 ? "+Inf" : "-Inf");
        return;
    }
    size_t before = out->size;
    ky_buffer_printf(out, "%.15g", value);
    ky_buffer_append_byte(out, '\0');
    bool is_exact = strtod((const char *)out->data + before, NULL) == value;
    out->size--;
    if (!is_exact) {
        out->size = before;
        ky_buffer_printf(out, "%.17g", value);
    }
}

void
ky_metric_write_sample(struct ky_buffer *out, const char *name, const char *labels, double value)
{
    write_name(out, name, labels);
    write_double(out, value);
    ky_buffer_append_byte(out, '\n');
}

static void
write_histogram(struct ky_buffer *out, const struct ky_metric *metric)
{
    const char *labels = metric->labels == NULL ? "" : metric->labels;
    const char *comma = metric->labels == NULL ? "" : ",";
    uint64_t count = 0;
    for (size_t i = 0; i < KY_HISTOGRAM_BUCKETS; i++) {
        count += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
        const char *limit = i < KY_COUNT_OF(histogram_limits) ? histogram_limits[i].label : "+Inf";
        ky_buffer_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", metric->name, labels, comma,
                         limit, count);
    }
    uint64_t sum_ns = atomic_load_explicit(&metric->sum_ns, memory_order_relaxed);
    ky_buffer_printf(out, "%s_sum", metric->name);
    write_name(out, "", metric->labels);
    write_double(out, (double)sum_ns / 1e9);
    ky_buffer_printf(out, "\n%s_count", metric->name);
    write_name(out, "", metric->labels);
    ky_buffer_printf(out, "%" PRIu64 "\n", count);
}

void
ky_metrics_write(struct ky_buffer *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    ky_mutex_lock(&registry_lock);
    const char *family = "";
    for (const struct ky_metric *metric = registered; metric != NULL; metric = metric->next) {
        if (strcmp(family, metric->name) != 0) {
            family = metric->name;
            ky_metric_write_family(out, family, types[metric->kind], metric->help);
        }
        if (metric->kind == KY_HISTOGRAM) {
            write_histogram(out, metric);
        } else {
            write_name(out, metric->name, metric->labels);
            ky_buffer_printf(out, "%" PRId64 "\n",
                             atomic_load_explicit(&metric->value, memory_order_relaxed));
        }
    }
    for (const struct collector *c = collectors; c != NULL; c = c->next) {
        c->collect(c->arg, out);
    }
    ky_mutex_unlock(&registry_lock);
}
