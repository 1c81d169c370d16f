/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Saving. No node comes and no list changes while it lasts (`writer`); rows come and go, and each
 * is in what is saved or not. The flats are written after the rows of the graph, from the same
 * view: what moves between them waits for us.
 */

#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "vector/state/state.h"
#include "vector/state/stream.h"

enum { RUN = 512 };

struct saver {
    struct stream_writer stream;
    const struct collection *collection;
    vector_keep keep;
    void *arg;
    void *scratch; /* one vector */
};

static bool
is_kept(const struct saver *saver, row_id_t row_id, const void *values)
{
    return row_id != ROW_ID_NONE &&
           (saver->keep == NULL || saver->keep(saver->arg, row_id, values));
}

static struct state_header
header_of(const struct collection *collection, const struct graph *graph, uint32_t free_count)
{
    const struct vector_options *options = &collection->options;
    struct state_header header = {
        .magic = STATE_MAGIC,
        .version = STATE_VERSION,
        .element = options->element,
        .metric = options->metric,
        .dimension = options->dimension,
        .m = options->m,
        .ef_construction = options->ef_construction,
    };
    if (graph != NULL) {
        const struct codec *codec = &graph->codec;
        header.has_graph = 1;
        header.form = codec->form;
        header.is_exact = codec->is_exact;
        header.has_extra = codec->has_extra;
        header.zero = codec->zero;
        header.has_center = codec->center != NULL;
        header.step = codec->step;
        header.norm_squared_max = codec->norm_squared_max;
        header.node_count = graph_node_count(graph);
        header.free_count = free_count;
        header.entry = atomic_load_explicit(&graph->entry, memory_order_acquire);
        header.upper_used = graph->upper_used;
        header.has_calibration =
            atomic_load_explicit(&graph->calibration, memory_order_acquire) != NULL;
    }
    return header;
}

/* Links are read one by one: others may be reading, and nobody writes. */
static ky_status
save_words(struct saver *saver, const _Atomic uint32_t *words, uint64_t count, struct ky_error *err)
{
    uint32_t run[RUN];
    for (uint64_t first = 0; first < count; first += RUN) {
        uint64_t part = KY_MIN(count - first, (uint64_t)RUN);
        for (uint64_t i = 0; i < part; i++) {
            run[i] = atomic_load_explicit(&words[first + i], memory_order_relaxed);
        }
        KY_TRY(stream_put(&saver->stream, run, part * sizeof(run[0]), err));
    }
    return KY_OK;
}

static ky_status
save_free(struct saver *saver, const bool *is_free, uint32_t count, struct ky_error *err)
{
    for (uint32_t node = 0; node < count; node++) {
        if (is_free[node]) {
            KY_TRY(stream_put(&saver->stream, &node, sizeof(node), err));
        }
    }
    return KY_OK;
}

static ky_status
save_calibration(struct saver *saver, const struct graph *graph, bool has_calibration,
                 struct ky_error *err)
{
    if (!has_calibration) {
        return KY_OK;
    }
    /* The maintainer may put another in its place meanwhile: a copy, made inside the epoch. */
    ky_epoch_enter();
    const struct calibration table =
        *atomic_load_explicit(&graph->calibration, memory_order_acquire);
    ky_epoch_leave();
    return stream_put(&saver->stream, &table, sizeof(table), err);
}

static ky_status
save_graph(struct saver *saver, const struct graph *graph, const struct state_header *header,
           const bool *is_free, struct ky_error *err)
{
    struct stream_writer *stream = &saver->stream;
    uint64_t count = header->node_count;
    if (header->has_center != 0) {
        KY_TRY(stream_put(stream, graph->codec.center, header->dimension * sizeof(float), err));
    }
    KY_TRY(stream_put(stream, graph->codes, count * graph->codec.stride, err));
    KY_TRY(stream_put(stream, graph->values, count * graph->values_stride, err));
    if (graph->errors != NULL) {
        KY_TRY(stream_put(stream, graph->errors, count * sizeof(float), err));
    }
    KY_TRY(save_words(saver, graph->links, count * graph->links_max, err));
    KY_TRY(stream_put(stream, graph->levels, count, err));
    KY_TRY(stream_put(stream, graph->upper, count * sizeof(uint32_t), err));
    KY_TRY(save_words(saver, graph->upper_links, header->upper_used, err));
    KY_TRY(save_free(saver, is_free, header->node_count, err));
    return save_calibration(saver, graph, header->has_calibration != 0, err);
}

static ky_status
save_row(struct saver *saver, row_id_t row_id, uint32_t node, struct ky_error *err)
{
    const struct state_row row = {row_id, node, 0};
    return stream_put(&saver->stream, &row, sizeof(row), err);
}

static ky_status
save_node_rows(struct saver *saver, const struct graph *graph, uint32_t node, struct ky_error *err)
{
    struct graph_rows rows;
    ky_status status = KY_OK;
    const void *values = NULL;
    ky_epoch_enter();
    graph_rows_begin(&rows, graph, node);
    for (row_id_t row_id = graph_rows_next(&rows); status == KY_OK && row_id != ROW_ID_NONE;
         row_id = graph_rows_next(&rows)) {
        if (saver->keep != NULL && values == NULL) {
            values = graph_values(graph, node, saver->scratch);
        }
        if (is_kept(saver, row_id, values)) {
            status = save_row(saver, row_id, node, err);
        }
    }
    ky_epoch_leave();
    return status;
}

static ky_status
save_rows(struct saver *saver, const struct graph *graph, struct ky_error *err)
{
    uint32_t count = graph != NULL ? graph_node_count(graph) : 0;
    for (uint32_t node = 0; node < count; node++) {
        KY_TRY(save_node_rows(saver, graph, node, err));
    }
    return save_row(saver, ROW_ID_NONE, 0, err);
}

static ky_status
save_flat(struct saver *saver, const struct flat *flat, struct ky_error *err)
{
    uint64_t count = flat != NULL ? flat_place_count(flat) : 0;
    for (uint64_t place = 0; place < count; place++) {
        ky_epoch_enter();
        row_id_t row_id = flat_row_id(flat, place);
        bool is_saved = row_id != ROW_ID_NONE;
        if (is_saved) {
            memcpy(saver->scratch, flat_values(flat, place), flat->values_size);
            is_saved = is_kept(saver, row_id, saver->scratch);
        }
        ky_epoch_leave();
        if (is_saved) {
            KY_TRY(stream_put(&saver->stream, &row_id, sizeof(row_id), err));
            KY_TRY(stream_put(&saver->stream, saver->scratch, flat->values_size, err));
        }
    }
    return KY_OK;
}

static ky_status
save_view(struct saver *saver, const struct view *view, const bool *is_free, uint32_t free_count,
          struct ky_error *err)
{
    const struct state_header header = header_of(saver->collection, view->graph, free_count);
    const row_id_t end = ROW_ID_NONE;
    KY_TRY(stream_put(&saver->stream, &header, sizeof(header), err));
    if (view->graph != NULL) {
        KY_TRY(save_graph(saver, view->graph, &header, is_free, err));
    }
    KY_TRY(save_rows(saver, view->graph, err));
    KY_TRY(save_flat(saver, view->sealed, err));
    KY_TRY(save_flat(saver, view->active, err));
    KY_TRY(stream_put(&saver->stream, &end, sizeof(end), err));
    return stream_end(&saver->stream, err);
}

/* Which nodes are free, as an array, and how many. */
static bool *
find_free(struct collection *collection, const struct graph *graph, uint32_t *count_out)
{
    uint32_t count = graph_node_count(graph);
    bool *is_free = (bool *)ky_calloc((size_t)count + 1, sizeof(bool));
    ky_mutex_lock(&collection->lock);
    graph_mark_free(graph, is_free);
    ky_mutex_unlock(&collection->lock);
    for (uint32_t node = 0; node < count; node++) {
        *count_out += is_free[node];
    }
    return is_free;
}

static ky_status
save_stream(struct saver *saver, struct state_sink *sink, const struct view *view,
            const bool *is_free, uint32_t free_count, struct ky_error *err)
{
    saver->scratch = ky_malloc(saver->collection->values_size);
    stream_writer_init(&saver->stream, sink);
    ky_status status = save_view(saver, view, is_free, free_count, err);
    stream_writer_deinit(&saver->stream);
    ky_free(saver->scratch);
    return status;
}

/*
 * The sealed flat may have been moved into the graph before we held it, and a new one come: the
 * view is looked at again. While we hold the graph, nothing moves into it.
 */
static ky_status
save_with_graph(struct collection *collection, struct saver *saver, struct state_sink *sink,
                struct graph *graph, struct view *view, struct ky_error *err)
{
    uint32_t free_count = 0;
    ky_mutex_lock(&graph->writer);
    struct view *now = view_acquire(collection);
    bool *is_free = find_free(collection, graph, &free_count);
    ky_status status =
        save_stream(saver, sink, now->graph == graph ? now : view, is_free, free_count, err);
    ky_mutex_unlock(&graph->writer);
    view_release(now);
    ky_free(is_free);
    return status;
}

ky_status
collection_save(struct collection *collection, vector_keep keep, void *arg, struct state_sink *sink,
                struct ky_error *err)
{
    struct saver saver = {.collection = collection, .keep = keep, .arg = arg};
    struct view *view = view_acquire(collection);
    ky_status status = view->graph != NULL
                           ? save_with_graph(collection, &saver, sink, view->graph, view, err)
                           : save_stream(&saver, sink, view, NULL, 0, err);
    view_release(view);
    return status;
}
