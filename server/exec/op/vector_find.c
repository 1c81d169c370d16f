/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/access/relation_stats.h"
#include "server/exec/op/limit.h"
#include "server/exec/op/vector_scan.h"
#include "server/types/vector_value.h"

/*
 * A source that should give few rows is read first; more than GATHER_MAX are left to the graph.
 * Else the graph is tried first: when it would have to test more than TESTS_MAX rows, the source
 * knows the matches better, unless it turns out to have more than GATHER_RETRY_MAX. More hits than
 * SEARCH_K_MAX are streamed.
 *
 * Without a source, a row of a sweep costs a SWEEP_SHARE-th of a test in the graph, with all that
 * is visited on the way to it (20 ns and 2 to 3 us were measured, 384 and 784 dimensions). What the
 * planner knows of a filter may be little, so some of the first rows are asked before a sweep: from
 * SWEEP_PROBE on, until SWEEP_PASSED have passed.
 */
enum {
    GATHER_EXPECTED_MAX = 1000,
    GATHER_MAX = 2000,
    TESTS_MAX = 400,
    GATHER_RETRY_MAX = 8000,
    SEARCH_K_MAX = 1000,
    SWEEP_SHARE = 128,
    SWEEP_PROBE = 512,
    SWEEP_PASSED = 16,
};

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

ky_status
vector_scan_row(struct op_vector_scan *self, const struct row_ref *row, struct datum *out,
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

bool
vector_scan_accept(struct op_vector_scan *self, const struct row_ref *row)
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

void
vector_scan_drop_hits(struct op_vector_scan *self)
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
    vector_scan_drop_hits(self);
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
    struct datum args[2] = {datum_null(), datum_bytes(self->value.data, self->value.size)};
    *out = datum_null();
    KY_TRY(vector_scan_row(self, row, &args[0], err));
    if (args[0].is_null) {
        return KY_OK;
    }
    env->types.arena = &self->op.memory;
    env->arg_types = NULL;
    return func_call(plan->scan.vector_func, env, args, 2, out, err);
}

enum exec_answer
vector_scan_gather(struct op_vector_scan *self, struct ky_error *err)
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
                vector_scan_drop_hits(self);
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

bool
vector_scan_holds(const struct op_vector_scan *self, struct datum vector)
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

ky_status
vector_scan_keep_held(struct op_vector_scan *self, struct access_hit *hits, uint32_t *count,
                      struct ky_error *err)
{
    uint32_t kept = 0;
    if (self->op.exec->context->vector.gives_nulls ||
        self->op.plan->scan.distance != CAT_DISTANCE_COSINE) {
        return KY_OK;
    }
    for (uint32_t i = 0; i < *count; i++) {
        struct datum vector;
        KY_TRY(vector_scan_row(self, &hits[i].row, &vector, err));
        if (vector_scan_holds(self, vector)) {
            hits[kept++] = hits[i];
        }
    }
    *count = kept;
    return KY_OK;
}

/* More tests than this in the graph cost as much as a sweep. */
static double
tests_of_sweep(const struct op_vector_scan *self)
{
    return KY_MAX(self->op.plan->scan.vector_rows / SWEEP_SHARE, (double)TESTS_MAX);
}

static ky_status
sweep_filter(void *arg, const struct row_ref *rows, uint32_t count, bool *passes_out,
             struct ky_error *err)
{
    struct op_vector_scan *self = arg;
    KY_TRY(exec_check_cancel(self->op.exec, err));
    ky_arena_reset(&self->op.memory);
    self->err = err;
    filter_rows(self, rows, count, passes_out);
    return self->filter_status;
}

static ky_status
sweep_measure(void *arg, const struct row_ref *row, struct datum *distance_out,
              struct ky_error *err)
{
    return measure(arg, row, distance_out, err);
}

static ky_status
begin_sweep(struct op_vector_scan *self, struct ky_error *err)
{
    self->phase = VECTOR_SWEEP;
    self->filter_status = KY_OK;
    self->tested = self->passed = 0;
    self->sweep.filter = sweep_filter;
    self->sweep.measure = sweep_measure;
    self->sweep.arg = self;
    sweep_init(&self->sweep, self->op.exec->context->txn, self->scan.table);
    return make_room_for_hits(self, self->left, err);
}

static ky_status
begin_gathering(struct op_vector_scan *self, uint64_t max, struct ky_error *err)
{
    self->phase = VECTOR_GATHER;
    self->gathered = 0;
    self->gather_max = max;
    return make_room_for_hits(self, KY_MIN(self->left, max), err);
}

ky_status
vector_scan_search(struct op_vector_scan *self, uint32_t tests_max, struct ky_error *err)
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
        return self->op.left == NULL ? begin_sweep(self, err)
                                     : begin_gathering(self, GATHER_RETRY_MAX, err);
    }
    KY_TRY(vector_scan_keep_held(self, self->hits.list, &self->hits.count, err));
    self->phase = VECTOR_HITS;
    return KY_OK;
}

/* Is a sweep cheaper than the graph, by the first rows? */
static ky_status
probe(struct op_vector_scan *self, bool *is_cheaper_out, struct ky_error *err)
{
    struct sweep *sweep = &self->sweep;
    bool is_over = false;
    for (double rows = SWEEP_PROBE;
         !is_over && sweep->passed < SWEEP_PASSED && rows < tests_of_sweep(self) + 2 * SWEEP_PROBE;
         rows *= 2) {
        KY_TRY(sweep_run(sweep, (uint64_t)rows, NULL, &is_over, err));
    }
    *is_cheaper_out = (double)self->left * (double)sweep->read >
                      tests_of_sweep(self) * (double)KY_MAX(sweep->passed, 1U);
    return KY_OK;
}

ky_status
vector_scan_sweep(struct op_vector_scan *self, struct ky_error *err)
{
    bool is_over = false;
    KY_TRY(sweep_run(&self->sweep, UINT64_MAX, &self->hits, &is_over, err));
    self->is_gathered = self->is_swept = true;
    self->gathered = self->sweep.passed;
    nearest_sort(&self->hits);
    self->phase = VECTOR_HITS;
    return vector_scan_keep_held(self, self->hits.list, &self->hits.count, err);
}

/* The graph, or a sweep where that looks cheaper. */
static ky_status
choose(struct op_vector_scan *self, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    bool is_cheaper = false;
    if (self->op.filter == NULL || self->radius != NULL || self->left > SEARCH_K_MAX) {
        return vector_scan_search(self, 0, err);
    }
    if ((double)self->left * plan->scan.vector_rows >
        tests_of_sweep(self) * KY_MAX(plan->scan.vector_matches, 1)) {
        KY_TRY(begin_sweep(self, err));
        KY_TRY(probe(self, &is_cheaper, err));
    }
    self->tested = self->passed = 0;
    return is_cheaper ? begin_sweep(self, err)
                      : vector_scan_search(
                            self, (uint32_t)KY_MIN(tests_of_sweep(self), (double)UINT32_MAX), err);
}

ky_status
vector_scan_start(struct op_vector_scan *self, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const struct eval_input input = {NULL, 0, &self->op.memory};
    struct datum query = datum_null();
    KY_TRY(eval_datum(self->query, &input, 0, &query, err));
    KY_TRY(read_count(self, err));
    self->is_gathered = self->is_swept = false;
    self->gathered = 0;
    self->phase = VECTOR_END;
    if (self->left == 0) {
        return KY_OK;
    }
    if (query.is_null) {
        access_count(context->txn, self->scan.table->oid, COUNT_SCANS, 1);
        storage_scan_init(&self->rows, access_storage_txn(context->txn), self->scan.table->rel);
        self->value = (struct ky_slice){NULL, 0};
        self->phase = VECTOR_NULLS;
        return KY_OK;
    }
    self->value = ky_slice_dup(context->arena, query.bytes);
    if (self->op.left == NULL) {
        return choose(self, err);
    }
    if (self->left > SEARCH_K_MAX || self->op.left->plan->rows <= GATHER_EXPECTED_MAX) {
        return begin_gathering(self, GATHER_MAX, err);
    }
    return vector_scan_search(self, TESTS_MAX, err);
}
