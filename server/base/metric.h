/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/buffer.h"

/*
 * Counters, gauges and histograms for /metrics. A metric is a static object in the
 * module that counts; it registers itself at start by KY_METRIC (a constructor), and
 * ky_metrics_write prints every registered one in Prometheus text format 0.0.4.
 */
enum ky_metric_kind { KY_COUNTER, KY_GAUGE, KY_HISTOGRAM };
enum { KY_HISTOGRAM_BUCKETS = 18 };

struct ky_metric {
    const char *name;   /* "kyrodb_..." with base unit; counters end in _total */
    const char *labels; /* "class=\"23\"" or NULL. Same family: same name, registered in a row */
    const char *help;
    enum ky_metric_kind kind;
    _Atomic int64_t value; /* relaxed: counts are independent of each other */
    /* Histograms: observations in nanoseconds, printed in seconds. */
    _Atomic uint64_t buckets[KY_HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum_ns;
    struct ky_metric *next;
};

void ky_metric_register(struct ky_metric *metric);
#define KY_METRIC(var, metric_name, metric_labels, metric_kind, metric_help) \
    static struct ky_metric var = {.name = (metric_name),                    \
                                   .labels = (metric_labels),                \
                                   .help = (metric_help),                    \
                                   .kind = (metric_kind)};                   \
    __attribute__((constructor)) static void var##_register(void)            \
    {                                                                        \
        ky_metric_register(&var);                                            \
    }

static inline void
ky_metric_add(struct ky_metric *metric, int64_t amount)
{
    atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

static inline void
ky_metric_set(struct ky_metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

/* Buckets 10us, 25us, 50us, 100us ... up to 60s, +Inf. */
void ky_metric_observe_ns(struct ky_metric *metric, int64_t elapsed_ns);

/* A function that prints families computed at scrape time (e.g. storage's positions). */
typedef void (*ky_metric_collector)(void *arg, struct ky_buffer *out);
void ky_metric_add_collector(ky_metric_collector collect, void *arg);
void ky_metric_remove_collector(ky_metric_collector collect, void *arg);

/* One family with HELP and TYPE, for collectors. labels may be NULL. */
void ky_metric_write_family(struct ky_buffer *out, const char *name, const char *type,
                            const char *help);
void ky_metric_write_sample(struct ky_buffer *out, const char *name, const char *labels,
                            double value);

/* Everything, families sorted by name, HELP and TYPE once each. */
void ky_metrics_write(struct ky_buffer *out);
