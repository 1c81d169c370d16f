/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/metric.h"
#include "server/session/catalog/index_labels.h"
#include "server/session/catalog/vector_info.h"
#include "server/session/session_private.h"

/*
 * What kyro_stat_vector_index shows, for /metrics: each number a family with a sample for every
 * vector index, labelled with schema, table and index.
 */
struct sample {
    const char *labels;
    struct vector_info info;
};

struct samples {
    struct ky_arena arena;
    struct sample *list;
    uint32_t count, capacity;
};

static void
add_sample(void *arg, const struct cat_image *image, const struct vector_info *info)
{
    struct samples *samples = arg;
    if (samples->count == samples->capacity) {
        const uint32_t capacity = samples->capacity == 0 ? 16 : samples->capacity * 2;
        struct sample *list = ky_arena_array(&samples->arena, struct sample, capacity);
        if (samples->count > 0) {
            memcpy(list, samples->list, samples->count * sizeof(*list));
        }
        samples->list = list;
        samples->capacity = capacity;
    }
    samples->list[samples->count++] =
        (struct sample){index_labels(&samples->arena, image, info->index), *info};
}

static double
value_of(const struct vector_info *info, int family)
{
    const struct collection_stats *stats = &info->stats;
    const struct access_vector_totals *totals = &info->totals;
    const double values[] = {
        (double)stats->entries,
        (double)stats->nodes,
        (double)stats->dead_nodes,
        (double)stats->delta_entries,
        (double)stats->links,
        (double)stats->bytes,
        stats->has_graph ? 1 : 0,
        stats->is_building ? 1 : 0,
        (double)stats->builds,
        (double)stats->builds_refused,
        (double)stats->unreachable_repaired,
        (double)stats->recall_samples,
        stats->recall_estimate,
        (double)totals->searches,
        (double)totals->exact,
        (double)totals->widened,
        (double)totals->ef,
        (double)totals->visited,
        (double)totals->reranked,
        (double)totals->tested,
        (double)totals->passed,
    };
    return values[family];
}

/* In the order of value_of. */
static const struct family {
    const char *name, *type, *help;
} families[] = {
    {"entries", "gauge", "Vectors of rows in the index."},
    {"nodes", "gauge", "Different vectors in the graph, dead ones included."},
    {"dead_nodes", "gauge", "Vectors in the graph without rows."},
    {"delta_entries", "gauge", "Vectors not in the graph yet: searched exactly."},
    {"links", "gauge", "Links at the lowest level of the graph."},
    {"bytes", "gauge", "Memory of the index."},
    {"has_graph", "gauge", "1 when a graph is built."},
    {"building", "gauge", "1 while a graph is being built."},
    {"builds_total", "counter", "Graphs built."},
    {"builds_refused_total", "counter", "Graphs not built for want of memory."},
    {"unreachable_repaired_total", "counter", "Nodes found unreachable and attached again."},
    {"recall_samples", "gauge", "Searches compared with exact ones."},
    {"recall_estimate", "gauge", "Recall of them, weighted toward the recent; 0 without samples."},
    {"searches_total", "counter", "Searches and cursors."},
    {"exact_searches_total", "counter", "Of these without the graph."},
    {"widened_searches_total", "counter", "Of these on beyond ef to find enough rows."},
    {"ef_total", "counter", "Sum of ef over searches by the graph."},
    {"visited_total", "counter", "Distances computed by code."},
    {"reranked_total", "counter", "Distances computed from the values."},
    {"tested_total", "counter", "Entries whose rows were looked at."},
    {"passed_total", "counter", "Of these visible and passed by the filter."},
};

void
server_write_vector_metrics(struct server *server, struct ky_buffer *out)
{
    struct samples samples = {0};
    struct cat_image *image;
    struct ky_error err;
    char name[64];
    ky_error_init(&err);
    if (server_current_image(server, &image, &err) != KY_OK) {
        return; /* of this scrape they are missing */
    }
    uint64_t used = 0;
    uint64_t limit = 0;
    access_vector_memory(server_access(server), &used, &limit);
    ky_metric_write_family(out, "kyrodb_vector_memory_bytes", "gauge",
                           "Memory of all vector indexes, graphs that are being built among them.");
    ky_metric_write_sample(out, "kyrodb_vector_memory_bytes", NULL, (double)used);
    ky_metric_write_family(out, "kyrodb_vector_memory_limit_bytes", "gauge",
                           "What it may be for a graph to be built; 0: anything.");
    ky_metric_write_sample(out, "kyrodb_vector_memory_limit_bytes", NULL, (double)limit);
    vector_info_each(server, image, add_sample, &samples);
    cat_image_release(image);
    for (size_t i = 0; samples.count > 0 && i < KY_COUNT_OF(families); i++) {
        (void)snprintf(name, sizeof(name), "kyrodb_vector_index_%s", families[i].name);
        ky_metric_write_family(out, name, families[i].type, families[i].help);
        for (uint32_t k = 0; k < samples.count; k++) {
            ky_metric_write_sample(out, name, samples.list[k].labels,
                                   value_of(&samples.list[k].info, (int)i));
        }
    }
    ky_arena_deinit(&samples.arena);
}
