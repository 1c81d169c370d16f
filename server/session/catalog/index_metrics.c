/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/metric.h"
#include "server/session/catalog/index_labels.h"
#include "server/session/session_private.h"

/*
 * What kyro_stat_index shows, for /metrics: each number a family with a sample for every index,
 * labelled with schema, table and index; those of learned indexes for these only.
 */

/* A label's value: backslash, quote and newline are escaped. */
static const char *
escaped(struct ky_arena *arena, const char *name)
{
    char *text = ky_arena_alloc(arena, strlen(name) * 2 + 1);
    char *at = text;
    for (; *name != '\0'; name++) {
        if (*name == '\\' || *name == '"' || *name == '\n') {
            *at++ = '\\';
        }
        *at++ = *name == '\n' ? 'n' : *name;
    }
    *at = '\0';
    return text;
}

const char *
index_labels(struct ky_arena *arena, const struct cat_image *image, const struct cat_index *index)
{
    const struct cat_schema *schema = cat_get_schema(image, index->table->schema);
    return ky_arena_printf(arena, "schema=\"%s\",table=\"%s\",index=\"%s\"",
                           escaped(arena, schema == NULL ? "" : schema->name),
                           escaped(arena, index->table->name), escaped(arena, index->name));
}

struct sample {
    const char *labels;
    bool is_learned;
    struct access_index_stats stats;
};

static double
value_of(const struct access_index_stats *stats, size_t family)
{
    const struct index_stats *tree = &stats->tree;
    const double values[] = {
        (double)stats->entries,        (double)stats->bytes,
        (double)stats->height,         (double)tree->run_entries,
        (double)tree->dead_entries,    (double)tree->delta_entries,
        (double)tree->odd_entries,     (double)tree->leaves,
        (double)tree->model_leaves,    (double)tree->packed_leaves,
        (double)tree->wide_leaves,     (double)tree->error_p50,
        (double)tree->error_p99,       (double)tree->error_max,
        (double)tree->model_bytes,     (double)tree->build_ns / 1e9,
        (double)tree->rebuilds,        (double)tree->fallbacks,
        (double)tree->judged_ns / 1e9, (double)tree->judged_tree_ns / 1e9,
    };
    return values[family];
}

enum { FAMILIES_OF_ALL = 3 };

/* In the order of value_of; the first ones of every index. */
static const struct family {
    const char *name, *type, *help;
} families[] = {
    {"index_entries", "gauge", "Entries of the index."},
    {"index_bytes", "gauge", "Memory of the index."},
    {"index_height", "gauge", "Levels of a B+tree, of a learned index's delta."},
    {"learned_index_run_entries", "gauge", "Entries in the sorted run."},
    {"learned_index_dead_entries", "gauge", "Removed entries among them."},
    {"learned_index_delta_entries", "gauge", "Entries that came since the run was built."},
    {"learned_index_odd_entries", "gauge", "Entries without the shape of the run's keys."},
    {"learned_index_leaves", "gauge", "Leaves of the model."},
    {"learned_index_model_leaves", "gauge", "Leaves that a line predicts."},
    {"learned_index_packed_leaves", "gauge", "Leaves that are searched instead."},
    {"learned_index_wide_leaves", "gauge", "Leaves that the root's model does not find alone."},
    {"learned_index_error_p50_blocks", "gauge", "Median distance of a prediction, in blocks."},
    {"learned_index_error_p99_blocks", "gauge", "Its 99th percentile."},
    {"learned_index_error_max_blocks", "gauge", "Its bound."},
    {"learned_index_model_bytes", "gauge", "Memory of the model."},
    {"learned_index_build_seconds", "gauge", "How long the last build took."},
    {"learned_index_rebuilds_total", "counter", "Builds, the first one among them."},
    {"learned_index_fallbacks_total", "counter", "Builds that found no run worth having."},
    {"learned_index_lookup_seconds", "gauge", "A lookup as the index measured itself; 0: not yet."},
    {"learned_index_btree_lookup_seconds", "gauge", "The same in a B+tree of its keys."},
};

static uint32_t
collect(struct server *server, const struct cat_image *image, struct ky_arena *arena,
        struct sample **samples_out)
{
    uint32_t count = 0;
    for (size_t i = 0; i < image->table_count; i++) {
        count += image->tables[i]->index_count;
    }
    struct sample *samples = ky_arena_array(arena, struct sample, (size_t)count + 1);
    count = 0;
    for (size_t i = 0; i < image->table_count; i++) {
        for (uint16_t j = 0; j < image->tables[i]->index_count; j++) {
            const struct cat_index *index = image->tables[i]->indexes[j];
            struct sample *sample = &samples[count];
            const bool is_vector = index->method == INDEX_HNSW || index->method == INDEX_IVFFLAT;
            if (!is_vector &&
                access_index_stats(server_access(server), index->oid, &sample->stats)) {
                sample->labels = index_labels(arena, image, index);
                sample->is_learned = index->method == INDEX_RMI;
                count++;
            }
        }
    }
    *samples_out = samples;
    return count;
}

static void
write_family(struct ky_buffer *out, size_t family, const struct sample *samples, uint32_t count)
{
    char name[64];
    bool has_head = false;
    (void)snprintf(name, sizeof(name), "kyrodb_%s", families[family].name);
    for (uint32_t i = 0; i < count; i++) {
        if (family >= FAMILIES_OF_ALL && !samples[i].is_learned) {
            continue;
        }
        if (!has_head) {
            ky_metric_write_family(out, name, families[family].type, families[family].help);
            has_head = true;
        }
        ky_metric_write_sample(out, name, samples[i].labels, value_of(&samples[i].stats, family));
    }
}

void
server_write_index_metrics(struct server *server, struct ky_buffer *out)
{
    struct ky_arena arena = {0};
    struct sample *samples;
    struct cat_image *image;
    struct ky_error err;
    ky_error_init(&err);
    if (server_current_image(server, &image, &err) != KY_OK) {
        return; /* of this scrape they are missing */
    }
    const uint32_t count = collect(server, image, &arena, &samples);
    cat_image_release(image);
    for (size_t i = 0; i < KY_COUNT_OF(families); i++) {
        write_family(out, i, samples, count);
    }
    ky_arena_deinit(&arena);
}
