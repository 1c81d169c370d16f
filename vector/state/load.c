/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Loading. Sums vouch for what was written; what a walk relies on is checked as well: that links
 * lead to nodes, that these have the level, that lists lie where they can.
 */

#include <math.h>

#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "vector/hnsw/walk.h"
#include "vector/state/state.h"
#include "vector/state/stream.h"

enum { CAPACITY_SPARE = 65536, RUN = 512 };

struct loader {
    struct stream_reader stream;
    struct state_header header;
    struct collection *collection; /* being filled */
    struct graph *graph;           /* owned until the collection has it */
    bool *is_free;                 /* owned */
    vector_keep keep;
    void *arg;
    void *values; /* owned; one vector */
};

static ky_status
check_header(const struct state_header *header, const struct vector_options *options,
             size_t file_size, struct ky_error *err)
{
    const bool is_known = header->version == STATE_VERSION || header->version == STATE_VERSION_2;
    if (header->magic != STATE_MAGIC || !is_known) {
        return stream_damaged(err, "it is of another kind or version");
    }
    if (header->element != options->element || header->metric != options->metric ||
        header->dimension != options->dimension || header->m != options->m ||
        header->ef_construction != options->ef_construction) {
        return stream_damaged(err, "it was made with other options");
    }
    if (header->has_graph == 0) {
        return KY_OK;
    }
    /* A node takes more than its links in the file: no more is reserved than was written. */
    if (!options->has_graph || header->node_count > NODE_MAX ||
        header->node_count > file_size / (2 * sizeof(uint32_t) * options->m) ||
        header->upper_used > file_size / sizeof(uint32_t) ||
        header->free_count > header->node_count) {
        return stream_damaged(err, "its size is wrong");
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ graph */

static ky_status
load_codec(struct loader *loader, struct codec *codec, struct ky_error *err)
{
    const struct state_header *header = &loader->header;
    *codec = (struct codec){.options = loader->collection->options,
                            .form = (enum code_form)header->form,
                            .is_exact = header->is_exact != 0,
                            .has_extra = header->has_extra != 0,
                            .zero = (uint8_t)header->zero,
                            .step = header->step,
                            .norm_squared_max = header->norm_squared_max};
    if (!codec_restore(codec, header->has_center != 0)) {
        return stream_damaged(err, "its codec is unknown");
    }
    if (header->has_center != 0) {
        size_t size = header->dimension * sizeof(float);
        codec->center = (float *)ky_malloc(size);
        if (stream_get(&loader->stream, codec->center, size, err) != KY_OK) {
            codec_deinit(codec);
            return KY_ERR;
        }
    }
    return KY_OK;
}

static ky_status
load_words(struct loader *loader, _Atomic uint32_t *words, uint64_t count, struct ky_error *err)
{
    uint32_t run[RUN];
    for (uint64_t first = 0; first < count; first += RUN) {
        uint64_t part = KY_MIN(count - first, (uint64_t)RUN);
        KY_TRY(stream_get(&loader->stream, run, part * sizeof(run[0]), err));
        for (uint64_t i = 0; i < part; i++) {
            atomic_store_explicit(&words[first + i], run[i], memory_order_relaxed);
        }
    }
    return KY_OK;
}

static bool
are_levels_sound(const struct graph *graph)
{
    for (uint32_t node = 0; node < graph_node_count(graph); node++) {
        uint64_t end = (uint64_t)graph->upper[node] + (uint64_t)graph->levels[node] * graph->m;
        if (graph->levels[node] > LEVEL_MAX || end > graph->upper_used) {
            return false;
        }
    }
    return true;
}

static bool
is_list_sound(const struct graph *graph, const bool *is_free, uint32_t node, uint32_t level)
{
    uint32_t links[WALK_LINKS_MAX];
    uint32_t count = graph_read_links(graph, node, level, links);
    for (uint32_t i = 0; i < count; i++) {
        if (links[i] >= graph_node_count(graph) || is_free[links[i]] || links[i] == node ||
            graph->levels[links[i]] < level) {
            return false;
        }
    }
    return true;
}

static bool
are_links_sound(const struct graph *graph, const bool *is_free)
{
    uint64_t entry = atomic_load_explicit(&graph->entry, memory_order_relaxed);
    uint32_t first = (uint32_t)entry;
    if (first != NODE_NONE && (first >= graph_node_count(graph) || is_free[first] ||
                               entry >> 32 != graph->levels[first])) {
        return false;
    }
    for (uint32_t node = 0; node < graph_node_count(graph); node++) {
        for (uint32_t level = 0; level <= graph->levels[node] && !is_free[node]; level++) {
            if (!is_list_sound(graph, is_free, node, level)) {
                return false;
            }
        }
    }
    return true;
}

static ky_status
load_free(struct loader *loader, struct ky_error *err)
{
    uint32_t count = loader->header.free_count;
    uint32_t *nodes = (uint32_t *)ky_malloc(((size_t)count + 1) * sizeof(uint32_t));
    ky_status status = stream_get(&loader->stream, nodes, count * sizeof(uint32_t), err);
    for (uint32_t i = 0; status == KY_OK && i < count; i++) {
        if (nodes[i] >= loader->header.node_count || loader->is_free[nodes[i]]) {
            status = stream_damaged(err, "a free node is wrong");
        } else {
            loader->is_free[nodes[i]] = true;
        }
    }
    if (status == KY_OK) {
        graph_reuse(loader->graph, nodes, count);
    }
    ky_free(nodes);
    return status;
}

static bool
is_calibration_sound(const struct calibration *table)
{
    for (int column = 0; column < CALIBRATION_COLUMNS; column++) {
        for (int i = 0; i < CALIBRATION_STEPS; i++) {
            const uint32_t ef = table->ef[column][i];
            const float recall = table->recall[column][i];
            if (ef == 0 || ef > (uint32_t)INT32_MAX / 4 || !(recall >= 0) || !(recall <= 1)) {
                return false;
            }
        }
    }
    return true;
}

static ky_status
load_calibration(struct loader *loader, struct ky_error *err)
{
    if (loader->header.has_calibration == 0) {
        return KY_OK;
    }
    if (loader->header.version == STATE_VERSION_2) {
        uint8_t old[CALIBRATION_2_SIZE];
        return stream_get(&loader->stream, old, sizeof(old), err);
    }
    struct calibration table;
    KY_TRY(stream_get(&loader->stream, &table, sizeof(table), err));
    if (!is_calibration_sound(&table)) {
        return stream_damaged(err, "its calibration is wrong");
    }
    struct calibration *copy = (struct calibration *)ky_malloc(sizeof(table));
    *copy = table;
    atomic_store_explicit(&loader->graph->calibration, copy, memory_order_release);
    return KY_OK;
}

static ky_status
load_arrays(struct loader *loader, struct ky_error *err)
{
    struct graph *graph = loader->graph;
    struct stream_reader *stream = &loader->stream;
    uint64_t count = loader->header.node_count;
    KY_TRY(stream_get(stream, graph->codes, count * graph->codec.stride, err));
    KY_TRY(stream_get(stream, graph->values, count * graph->values_stride, err));
    if (graph->errors != NULL) {
        KY_TRY(stream_get(stream, graph->errors, count * sizeof(float), err));
    }
    KY_TRY(load_words(loader, graph->links, count * graph->links_max, err));
    KY_TRY(stream_get(stream, graph->levels, count, err));
    KY_TRY(stream_get(stream, graph->upper, count * sizeof(uint32_t), err));
    if (loader->header.upper_used > graph->upper_capacity) {
        return stream_damaged(err, "its levels are wrong");
    }
    KY_TRY(load_words(loader, graph->upper_links, loader->header.upper_used, err));
    graph->upper_used = loader->header.upper_used;
    atomic_store_explicit(&graph->node_count, (uint32_t)count, memory_order_release);
    atomic_store_explicit(&graph->entry, loader->header.entry, memory_order_release);
    return KY_OK;
}

static ky_status
load_graph(struct loader *loader, struct ky_error *err)
{
    const struct vector_options *options = &loader->collection->options;
    uint64_t count = loader->header.node_count;
    uint64_t capacity = KY_MIN(count * 2 + CAPACITY_SPARE, (uint64_t)NODE_MAX);
    struct codec codec;
    KY_TRY(load_codec(loader, &codec, err));
    loader->graph =
        graph_new(&codec, options->m, options->ef_construction, (uint32_t)capacity, err);
    if (loader->graph == NULL) {
        return KY_ERR;
    }
    loader->is_free = (bool *)ky_calloc(count + 1, sizeof(bool));
    KY_TRY(load_arrays(loader, err));
    KY_TRY(load_free(loader, err));
    KY_TRY(load_calibration(loader, err));
    if (!are_levels_sound(loader->graph) || !are_links_sound(loader->graph, loader->is_free)) {
        return stream_damaged(err, "a link leads nowhere");
    }
    loader->graph->built_count = loader->graph->audited_count = loader->header.node_count;
    graph_map_nodes(loader->graph, loader->is_free);
    return KY_OK;
}

/* ------------------------------------------------------------------ entries */

static ky_status
load_rows(struct loader *loader, struct ky_error *err)
{
    struct graph *graph = loader->graph;
    for (;;) {
        struct state_row row;
        KY_TRY(stream_get(&loader->stream, &row, sizeof(row), err));
        if (row.row_id == ROW_ID_NONE) {
            return KY_OK;
        }
        if (row.row_id > ROW_ID_MAX || graph == NULL || row.node >= graph_node_count(graph) ||
            loader->is_free[row.node]) {
            return stream_damaged(err, "a row is wrong");
        }
        if (loader->keep == NULL ||
            loader->keep(loader->arg, row.row_id, graph_values(graph, row.node, loader->values))) {
            graph_add_row(graph, row.node, row.row_id, true);
        }
    }
}

static void
count_dead(struct loader *loader)
{
    uint32_t dead = 0;
    for (uint32_t node = 0; node < graph_node_count(loader->graph); node++) {
        dead += !loader->is_free[node] && !graph_is_live(loader->graph, node);
    }
    atomic_store_explicit(&loader->graph->dead_count, dead, memory_order_relaxed);
}

static ky_status
load_entries(struct loader *loader, struct ky_error *err)
{
    struct collection *collection = loader->collection;
    for (;;) {
        row_id_t row_id = ROW_ID_NONE;
        KY_TRY(stream_get(&loader->stream, &row_id, sizeof(row_id), err));
        if (row_id == ROW_ID_NONE) {
            return stream_get_end(&loader->stream, err);
        }
        if (row_id > ROW_ID_MAX) {
            return stream_damaged(err, "a row is wrong");
        }
        KY_TRY(stream_get(&loader->stream, loader->values, collection->values_size, err));
        if (loader->keep == NULL || loader->keep(loader->arg, row_id, loader->values)) {
            KY_TRY(collection_insert(collection, row_id, loader->values, NULL, err));
        }
    }
}

static void
adopt_graph(struct loader *loader)
{
    struct collection *collection = loader->collection;
    ky_mutex_lock(&collection->lock);
    const struct view *view = collection_view(collection);
    flat_acquire(view->active);
    collection_set_view(collection, view->active, NULL, loader->graph);
    ky_mutex_unlock(&collection->lock);
    loader->graph = NULL;
}

static ky_status
load(struct loader *loader, size_t file_size, struct ky_error *err)
{
    KY_TRY(stream_get(&loader->stream, &loader->header, sizeof(loader->header), err));
    KY_TRY(check_header(&loader->header, &loader->collection->options, file_size, err));
    if (loader->header.has_graph != 0) {
        KY_TRY(load_graph(loader, err));
    }
    ky_epoch_enter();
    ky_status status = load_rows(loader, err);
    ky_epoch_leave();
    KY_TRY(status);
    if (loader->graph != NULL) {
        count_dead(loader);
        adopt_graph(loader);
    }
    return load_entries(loader, err);
}

ky_status
collection_load(const struct vector_options *options, struct state_map *map, vector_keep keep,
                void *arg, struct collection **collection_out, struct ky_error *err)
{
    struct loader loader = {.stream = {.left = map->bytes}, .keep = keep, .arg = arg};
    loader.collection = collection_new(options);
    loader.values = ky_malloc(loader.collection->values_size);
    ky_status status = load(&loader, map->bytes.size, err);
    graph_release(loader.graph);
    ky_free(loader.is_free);
    ky_free(loader.values);
    if (status != KY_OK) {
        collection_free(loader.collection);
        return status;
    }
    map->release(map);
    *collection_out = loader.collection;
    return KY_OK;
}
