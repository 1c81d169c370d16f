/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "server/exec/op/limit.h"
#include "server/exec/op/nearest.h"
#include "server/exec/op/scan.h"
#include "server/types/vector_value.h"

/*
 * Rows of a table in order of distance. The filter runs inside the search, so that it costs no
 * rows.
 *
 *   source given, few rows    measure those (gather)
 *   LIMIT known and small     one search for k
 *   else                      a cursor
 *   then, if rows are missing those without a vector, which sort last
 *
 * A query that is null has no distances: the rows come as they are.
 */
struct op_vector_scan {
    struct op op;
    struct scan_state scan; /* rows for the filter, then what is found */
    struct eval *query, *k, *k_offset, *ef, *recall, *radius;
    struct eval *key; /* of an index on an expression: what is measured; else NULL */
    enum {
        VECTOR_START,
        VECTOR_GATHER,
        VECTOR_HITS,
        VECTOR_STREAM,
        VECTOR_NULLS,
        VECTOR_END
    } phase;
    struct ky_slice value; /* the query, in the statement's arena */
    uint64_t left;         /* rows still wanted; UINT64_MAX: all */
    struct nearest hits;   /* what a search or a gathering found */
    uint32_t next_hit;
    uint64_t hits_charged;
    uint64_t gathered, gather_max;
    bool is_gathered; /* the source's rows were few: they are all there is */
    struct access_vector_scan *stream;
    struct vector_search_stats stats;
    struct storage_scan rows; /* for those without a vector */
    struct access_hit *found; /* one batch of a stream */
    uint64_t tested, passed;  /* by the filter */
    ky_status filter_status;  /* of the filter inside the search */
    struct ky_error *err;     /* the caller's, while searching */
};

/*
 * A source that should give few rows is read first; more than GATHER_MAX are left to the graph.
 * Else the graph is tried first: when it would have to test more than TESTS_MAX rows, the source
 * knows the matches better, unless it turns out to have more than GATHER_RETRY_MAX. More hits than
 * SEARCH_K_MAX are streamed.
 */
enum {
    GATHER_EXPECTED_MAX = 1000,
    GATHER_MAX = 2000,
    TESTS_MAX = 400,
    GATHER_RETRY_MAX = 8000,
    SEARCH_K_MAX = 1000,
};

static ky_status
compile(struct op *op, const struct expr *expr, struct eval **eval_out, struct ky_error *err)
{
    return expr == NULL ? KY_OK : eval_compile(op->exec, expr, eval_out, err);
}

static ky_status
vector_scan_open(struct op *op, struct ky_error *err)
{
    struct op_vector_scan *self = (struct op_vector_scan *)(void *)op;
    const struct plan *plan = op->plan;
    KY_TRY(op_open_children(op, err));
    scan_init(&self->scan, op, 1);
    self->scan.batch.columns[plan->scan.column_count].type = type_get(OID_FLOAT8);
    KY_TRY(compile(op, plan->scan.vector_query, &self->query, err));
    KY_TRY(compile(op, plan->scan.vector_expr, &self->key, err));
    if (plan->scan.vector_expr != NULL) {
        eval_mark_inputs(plan->scan.vector_expr, 0, self->scan.is_early);
    }
    KY_TRY(compile(op, plan->scan.k, &self->k, err));
    KY_TRY(compile(op, plan->scan.k_offset, &self->k_offset, err));
    KY_TRY(compile(op, plan->scan.ef, &self->ef, err));
    KY_TRY(compile(op, plan->scan.recall, &self->recall, err));
    return compile(op, plan->scan.radius, &self->radius, err);
}

/* The columns that the filter and the key read. */
static void
load_rows(struct op_vector_scan *self, const struct row_ref *rows, uint32_t count)
{
    struct op *op = &self->op;
    scan_make_room(&self->scan, op, batch_room(count));
    for (uint32_t i = 0; i < count; i++) {
        self->scan.rows[i] = rows[i];
        self->scan.bodies[i] = rows[i].body;
    }
    for (uint16_t i = 0; i < op->plan->scan.column_count; i++) {
        if (self->scan.is_early[i]) {
            scan_decode_column(&self->scan, op, i, count);
        }
    }
}

/* What the index holds of this row. */
static ky_status
row_vector(struct op_vector_scan *self, const struct row_ref *row, struct datum *out,
           struct ky_error *err)
{
    if (self->key == NULL) {
        *out = row_get(&self->scan.table->layout, row->body, self->op.plan->scan.vector_column);
        return KY_OK;
    }
    load_rows(self, row, 1);
    const struct eval_input input = op_input(&self->op, &self->scan.batch);
    return eval_datum(self->key, &input, 0, out, err);
}

/* Which rows does the filter want? Also called from inside the search of an index. */
static void
filter_rows(void *arg, const struct row_ref *rows, uint32_t count, bool *passes_out)
{
    struct op_vector_scan *self = arg;
    struct op *op = &self->op;
    uint16_t places[VECTOR_TEST_MAX];
    uint32_t passed = 0;
    memset(passes_out, op->filter == NULL, count);
    if (op->filter == NULL || self->filter_status != KY_OK) {
        return;
    }
    load_rows(self, rows, count);
    const struct eval_input input = op_input(op, &self->scan.batch);
    self->filter_status = eval_filter(op->filter, &input, NULL, count, places, &passed, self->err);
    if (self->filter_status != KY_OK) {
        return;
    }
    self->tested += count;
    self->passed += passed;
    for (uint32_t i = 0; i < passed; i++) {
        passes_out[places[i]] = true;
    }
}

static bool
accept(struct op_vector_scan *self, const struct row_ref *row)
{
    bool passes = false;
    filter_rows(self, row, 1, &passes);
    return passes;
}

/* ------------------------------------------------------------------ what is wanted */

static ky_status
read_count(struct op_vector_scan *self, struct ky_error *err)
{
    uint64_t limit = UINT64_MAX;
    uint64_t offset = 0;
    self->left = UINT64_MAX;
    if (self->k == NULL) {
        return KY_OK;
    }
    KY_TRY(limit_evaluate(&self->op, self->k, self->k_offset, &limit, &offset, err));
    self->left = limit > UINT64_MAX - offset ? UINT64_MAX : limit + offset;
    return KY_OK;
}

/* EF and RECALL of the statement, else the session's settings; MODE = 'ANN' wants 0.95. */
static ky_status
read_effort(struct op_vector_scan *self, struct vector_search *search, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    const struct exec_vector_settings *settings = &self->op.exec->context->vector;
    const struct eval_input input = {NULL, 0, &self->op.memory};
    struct datum value = datum_null();
    search->mode = plan->scan.vector_mode == 'e'   ? VECTOR_MODE_EXACT
                   : plan->scan.vector_mode == 'a' ? VECTOR_MODE_ANN
                                                   : VECTOR_MODE_AUTO;
    if (self->ef != NULL) {
        KY_TRY(eval_datum(self->ef, &input, 0, &value, err));
        if (!value.is_null && (value.word < 1 || value.word > EXEC_VECTOR_EF_MAX)) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "EF must be between 1 and %d",
                                (int)EXEC_VECTOR_EF_MAX);
        }
        search->ef = value.is_null ? 0 : (uint32_t)value.word;
    }
    value = datum_null();
    if (self->recall != NULL) {
        KY_TRY(eval_datum(self->recall, &input, 0, &value, err));
        if (!value.is_null && !(value.real > 0 && value.real <= 1)) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "RECALL must be above 0 and at most 1");
        }
        search->target_recall = value.is_null ? 0 : (float)value.real;
    }
    if (search->ef != 0 || search->target_recall > 0) {
        if (search->target_recall >= 1) {
            search->mode = VECTOR_MODE_EXACT;
        }
        return KY_OK;
    }
    if (settings->target_recall >= 1 && !settings->is_ef_set) {
        search->mode = VECTOR_MODE_EXACT; /* the whole truth is asked for, by whatever index */
    }
    if (plan->scan.is_vector_form && settings->target_recall <= 0) {
        search->target_recall = EXEC_VECTOR_RECALL_DEFAULT;
    } else if (settings->is_ef_set || settings->target_recall <= 0) {
        search->ef = settings->ef;
    } else {
        search->target_recall = settings->target_recall;
    }
    if (plan->scan.index->method == INDEX_IVFFLAT && !plan->scan.is_vector_form) {
        /* More lists looked at are more candidates; all of them are all rows. */
        if (settings->probes >= EXEC_VECTOR_PROBES_ALL) {
            search->mode = VECTOR_MODE_EXACT;
        }
        search->ef = KY_MIN(search->ef * settings->probes, (uint32_t)EXEC_VECTOR_EF_MAX);
    }
    return KY_OK;
}

static ky_status
read_radius(struct op_vector_scan *self, struct vector_search *search, struct ky_error *err)
{
    const struct eval_input input = {NULL, 0, &self->op.memory};
    struct datum value = datum_null();
    if (self->radius == NULL) {
        return KY_OK;
    }
    KY_TRY(eval_datum(self->radius, &input, 0, &value, err));
    if (!value.is_null && !isnan(value.real)) {
        search->has_radius = true;
        search->radius = value.real;
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ finding */

static void
drop_hits(struct op_vector_scan *self)
{
    if (self->op.exec->context->budget != NULL) {
        ky_budget_release(self->op.exec->context->budget, self->hits_charged);
    }
    self->hits_charged = 0;
    nearest_deinit(&self->hits);
    self->next_hit = 0;
}

static ky_status
make_room_for_hits(struct op_vector_scan *self, uint64_t count, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const uint64_t size = count * sizeof(struct access_hit);
    drop_hits(self);
    if (context->budget != NULL) {
        KY_TRY(ky_budget_charge(context->budget, size, err));
        self->hits_charged = size;
    }
    nearest_init(&self->hits, (uint32_t)count);
    return KY_OK;
}

/* Distance of one row by the SQL function. A null vector has none. */
static ky_status
measure(struct op_vector_scan *self, const struct row_ref *row, struct datum *out,
        struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    struct func_env *env = &self->op.exec->context->env;
    struct datum args[2] = {row_get(&self->scan.table->layout, row->body, plan->scan.vector_column),
                            datum_bytes(self->value.data, self->value.size)};
    *out = datum_null();
    if (args[0].is_null) {
        return KY_OK;
    }
    env->types.arena = &self->op.memory;
    env->arg_types = NULL;
    return func_call(plan->scan.vector_func, env, args, 2, out, err);
}

/*
 * Takes the source's rows until they end or are too many. PENDING keeps what was gathered. The
 * source has applied the filter.
 */
static enum exec_answer
gather(struct op_vector_scan *self, struct ky_error *err)
{
    struct op *op = &self->op;
    struct exec_context *context = op->exec->context;
    for (;;) {
        struct batch *batch = NULL;
        const enum exec_answer answer = op_next(op->left, &batch, err);
        if (answer == EXEC_END) {
            self->is_gathered = true;
            return EXEC_END;
        }
        if (answer != EXEC_BATCH) {
            return answer;
        }
        for (uint32_t i = 0; i < batch->count; i++) {
            struct access_hit hit;
            struct datum distance;
            const row_id_t row_id =
                (row_id_t)column_get(&batch->columns[0], batch_place(batch, i)).word;
            if (++self->gathered > self->gather_max) {
                drop_hits(self);
                return EXEC_END;
            }
            if (!storage_get(access_storage_txn(context->txn), self->scan.table->rel, row_id,
                             &hit.row)) {
                continue;
            }
            if (measure(self, &hit.row, &distance, err) != KY_OK) {
                return EXEC_ERROR;
            }
            if (!distance.is_null) {
                hit.distance = distance.real;
                nearest_add(&self->hits, &hit);
            }
        }
    }
}

/* Would an index of pgvector's hold it? Under cosine a zero vector has no distance and is in none.
 */
static bool
is_held(const struct op_vector_scan *self, struct datum vector)
{
    const bool is_half = self->op.plan->scan.vector_func->args[0] == OID_HALFVEC;
    if (vector.is_null || self->op.plan->scan.distance != CAT_DISTANCE_COSINE) {
        return !vector.is_null;
    }
    const uint32_t count =
        is_half ? halfvec_dimensions(vector.bytes) : vector_dimensions(vector.bytes);
    for (uint32_t i = 0; i < count; i++) {
        if ((is_half ? halfvec_element(vector.bytes, i) : vector_element(vector.bytes, i)) != 0) {
            return true;
        }
    }
    return false;
}

/* Without sequential scans only the index speaks, as pgvector has it. */
static ky_status
keep_held(struct op_vector_scan *self, struct access_hit *hits, uint32_t *count,
          struct ky_error *err)
{
    uint32_t kept = 0;
    if (self->op.exec->context->vector.gives_nulls ||
        self->op.plan->scan.distance != CAT_DISTANCE_COSINE) {
        return KY_OK;
    }
    for (uint32_t i = 0; i < *count; i++) {
        struct datum vector;
        KY_TRY(row_vector(self, &hits[i].row, &vector, err));
        if (is_held(self, vector)) {
            hits[kept++] = hits[i];
        }
    }
    *count = kept;
    return KY_OK;
}

static ky_status
begin_gathering(struct op_vector_scan *self, uint64_t max, struct ky_error *err)
{
    self->phase = VECTOR_GATHER;
    self->gathered = 0;
    self->gather_max = max;
    return make_room_for_hits(self, KY_MIN(self->left, max), err);
}

/* tests_max: see there; 0 when there is no source, or it has had its chance. */
static ky_status
search(struct op_vector_scan *self, uint32_t tests_max, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const struct cat_index *index = self->op.plan->scan.index;
    struct access_vector_query query = {.value = self->value,
                                        .filter = self->op.filter == NULL ? NULL : filter_rows,
                                        .arg = self,
                                        .search = {.is_cancelled = context->cancel}};
    KY_TRY(read_effort(self, &query.search, err));
    KY_TRY(read_radius(self, &query.search, err));
    self->filter_status = KY_OK;
    self->err = err;
    if (self->left > SEARCH_K_MAX) {
        KY_TRY(access_vector_scan_open(context->txn, index, &query, &self->stream, err));
        self->phase = VECTOR_STREAM;
        return KY_OK;
    }
    query.search.k = (uint32_t)self->left;
    query.search.tests_max = tests_max;
    KY_TRY(make_room_for_hits(self, self->left, err));
    KY_TRY(access_vector_search(context->txn, index, &query, self->hits.list, &self->hits.count,
                                &self->stats, err));
    KY_TRY(self->filter_status);
    if (self->stats.is_given_up) {
        return begin_gathering(self, GATHER_RETRY_MAX, err);
    }
    KY_TRY(keep_held(self, self->hits.list, &self->hits.count, err));
    self->phase = VECTOR_HITS;
    return KY_OK;
}

static ky_status
start(struct op_vector_scan *self, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const struct eval_input input = {NULL, 0, &self->op.memory};
    struct datum query = datum_null();
    KY_TRY(eval_datum(self->query, &input, 0, &query, err));
    KY_TRY(read_count(self, err));
    self->is_gathered = false;
    self->gathered = 0;
    self->phase = VECTOR_END;
    if (self->left == 0) {
        return KY_OK;
    }
    if (query.is_null) {
        storage_scan_init(&self->rows, access_storage_txn(context->txn), self->scan.table->rel);
        self->value = (struct ky_slice){NULL, 0};
        self->phase = VECTOR_NULLS;
        return KY_OK;
    }
    self->value = ky_slice_dup(context->arena, query.bytes);
    if (self->op.left == NULL) {
        return search(self, 0, err);
    }
    if (self->left > SEARCH_K_MAX || self->op.left->plan->rows <= GATHER_EXPECTED_MAX) {
        return begin_gathering(self, GATHER_MAX, err);
    }
    return search(self, TESTS_MAX, err);
}

/* ------------------------------------------------------------------ giving out */

static void
emit(struct op_vector_scan *self, const struct access_hit *hits, uint32_t count, bool has_distance,
     struct batch **batch_out)
{
    struct op *op = &self->op;
    const uint16_t column_count = op->plan->scan.column_count;
    scan_make_room(&self->scan, op, batch_room(count));
    for (uint32_t i = 0; i < count; i++) {
        self->scan.rows[i] = hits[i].row;
        self->scan.bodies[i] = hits[i].row.body;
    }
    for (uint16_t i = 0; i < column_count; i++) {
        scan_decode_column(&self->scan, op, i, count);
    }
    struct column *distance = &self->scan.batch.columns[column_count];
    for (uint32_t i = 0; i < count; i++) {
        column_set(distance, i, has_distance ? datum_real(hits[i].distance) : datum_null());
    }
    self->left -= self->left == UINT64_MAX ? 0 : count;
    self->scan.batch.count = count;
    self->scan.batch.selection = NULL;
    *batch_out = &self->scan.batch;
}

/* The found ones are given out and more are wanted: those without a vector come last. Without
 * sequential scans only the index speaks, as pgvector has it. */
static void
begin_nulls(struct op_vector_scan *self)
{
    struct exec_context *context = self->op.exec->context;
    self->phase = VECTOR_END;
    if (self->left > 0 && self->radius == NULL && context->vector.gives_nulls &&
        (self->key != NULL ||
         !self->scan.table->columns[self->op.plan->scan.vector_column].is_not_null)) {
        storage_scan_init(&self->rows, access_storage_txn(context->txn), self->scan.table->rel);
        self->phase = VECTOR_NULLS;
    }
}

static ky_status
next_stream(struct op_vector_scan *self, uint32_t *count_out, struct ky_error *err)
{
    self->err = err;
    if (self->found == NULL) {
        self->found = ky_arena_alloc(self->op.exec->context->arena,
                                     ACCESS_VECTOR_BATCH * sizeof(*self->found));
    }
    for (uint32_t count = 1; count > 0 && *count_out == 0;) {
        KY_TRY(access_vector_scan_next(self->stream, self->found,
                                       (uint32_t)KY_MIN(self->left, (uint64_t)ACCESS_VECTOR_BATCH),
                                       &count, err));
        *count_out = count;
        KY_TRY(keep_held(self, self->found, count_out, err));
    }
    return self->filter_status;
}

/* Rows without a vector that the filter passes. For a query that is null all rows are, or those
 * that an index of pgvector's would hold where only the index speaks. */
static ky_status
next_nulls(struct op_vector_scan *self, uint32_t *count_out, struct ky_error *err)
{
    struct row_ref rows[64];
    const bool is_query_null = self->value.data == NULL;
    const bool is_all = is_query_null && self->op.exec->context->vector.gives_nulls;
    self->err = err;
    self->filter_status = KY_OK;
    if (self->found == NULL) {
        self->found = ky_arena_alloc(self->op.exec->context->arena,
                                     ACCESS_VECTOR_BATCH * sizeof(*self->found));
    }
    *count_out = 0;
    while (*count_out == 0) {
        const uint32_t count = storage_scan_next(&self->rows, rows, KY_COUNT_OF(rows));
        if (count == 0) {
            return KY_OK;
        }
        KY_TRY(exec_check_cancel(self->op.exec, err));
        for (uint32_t i = 0; i < count && *count_out < self->left; i++) {
            struct datum vector = datum_null();
            if (!is_all) {
                KY_TRY(row_vector(self, &rows[i], &vector, err));
            }
            const bool is_wanted = is_query_null ? is_held(self, vector) : vector.is_null;
            if ((is_all || is_wanted) && accept(self, &rows[i])) {
                self->found[(*count_out)++].row = rows[i];
            }
            KY_TRY(self->filter_status);
        }
    }
    return KY_OK;
}

static const char *
codec_name(enum vector_codec codec)
{
    static const char *const names[] = {"none", "values", "byte", "sign"};
    return names[codec];
}

/* What EXPLAIN ANALYZE tells. */
static void
note(struct op_vector_scan *self)
{
    struct op *op = &self->op;
    if (op->actual == NULL) {
        return;
    }
    if (self->is_gathered) {
        (void)snprintf(op->actual->note, sizeof(op->actual->note),
                       "Vector Search: exact over matches  measured=%llu",
                       (unsigned long long)self->gathered);
        return;
    }
    if (self->stream != NULL) {
        access_vector_scan_stats(self->stream, &self->stats);
    }
    const struct vector_search_stats *stats = &self->stats;
    int size =
        snprintf(op->actual->note, sizeof(op->actual->note),
                 "Vector Search: %s%s  codec=%s ef=%u visited=%llu reranked=%llu delta=%llu",
                 stats->is_exact ? "exact" : "graph",
                 stats->is_swept     ? ", then all"
                 : stats->is_widened ? ", widened"
                                     : "",
                 codec_name(stats->codec), stats->ef, (unsigned long long)stats->visited,
                 (unsigned long long)stats->reranked, (unsigned long long)stats->delta_scanned);
    if (stats->threads > 1 && size > 0 && (size_t)size < sizeof(op->actual->note)) {
        size += snprintf(op->actual->note + size, sizeof(op->actual->note) - (size_t)size,
                         " threads=%u", stats->threads);
    }
    if (op->filter != NULL && size > 0 && (size_t)size < sizeof(op->actual->note)) {
        (void)snprintf(op->actual->note + size, sizeof(op->actual->note) - (size_t)size,
                       " filter=%llu/%llu", (unsigned long long)self->passed,
                       (unsigned long long)self->tested);
    }
    op->actual->removed = self->tested - self->passed;
}

static enum exec_answer
vector_scan_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_vector_scan *self = (struct op_vector_scan *)(void *)op;
    for (;;) {
        uint32_t count = 0;
        switch (self->phase) {
        case VECTOR_START:
            if (start(self, err) != KY_OK) {
                return EXEC_ERROR;
            }
            continue;
        case VECTOR_GATHER: {
            const enum exec_answer answer = gather(self, err);
            if (answer != EXEC_END) {
                return answer;
            }
            if (self->is_gathered) {
                nearest_sort(&self->hits);
                self->phase = VECTOR_HITS;
            } else if (search(self, 0, err) != KY_OK) {
                return EXEC_ERROR;
            }
            continue;
        }
        case VECTOR_HITS:
            count = KY_MIN(self->hits.count - self->next_hit, (uint32_t)BATCH_SIZE_MAX);
            if (count == 0) {
                note(self);
                begin_nulls(self);
                continue;
            }
            emit(self, self->hits.list + self->next_hit, count, true, batch_out);
            self->next_hit += count;
            note(self);
            return EXEC_BATCH;
        case VECTOR_STREAM:
            if (self->left > 0 && next_stream(self, &count, err) != KY_OK) {
                return EXEC_ERROR;
            }
            note(self);
            if (count == 0) {
                access_vector_scan_close(self->stream);
                self->stream = NULL;
                begin_nulls(self);
                continue;
            }
            emit(self, self->found, count, true, batch_out);
            return EXEC_BATCH;
        case VECTOR_NULLS:
            if (self->left > 0 && next_nulls(self, &count, err) != KY_OK) {
                return EXEC_ERROR;
            }
            if (count == 0) {
                self->phase = VECTOR_END;
                continue;
            }
            emit(self, self->found, count, false, batch_out);
            return EXEC_BATCH;
        case VECTOR_END:
            return EXEC_END;
        }
    }
}

static void
end_search(struct op_vector_scan *self)
{
    access_vector_scan_close(self->stream);
    self->stream = NULL;
    drop_hits(self);
}

static ky_status
vector_scan_rescan(struct op *op, struct ky_error *err)
{
    struct op_vector_scan *self = (struct op_vector_scan *)(void *)op;
    end_search(self);
    self->phase = VECTOR_START;
    return op->left == NULL ? KY_OK : op_rescan(op->left, err);
}

static void
vector_scan_close(struct op *op)
{
    end_search((struct op_vector_scan *)(void *)op);
}

static row_id_t
vector_scan_row_id(const struct op *op, uint16_t index, uint32_t place)
{
    (void)index;
    return ((const struct op_vector_scan *)(const void *)op)->scan.rows[place].row_id;
}

const struct op_class op_vector_scan = {
    .size = sizeof(struct op_vector_scan),
    .open = vector_scan_open,
    .next = vector_scan_next,
    .rescan = vector_scan_rescan,
    .close = vector_scan_close,
    .is_filtering = true,
    .row_id = vector_scan_row_id,
};
