/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/scan.h"

/*
 * The k nearest rows, nearest first. The filter runs inside the search, so that it costs no rows.
 * Without an index all rows are measured and the best k are kept in a heap, farthest on top.
 */
struct op_vector_scan {
    struct op op;
    struct scan_state scan; /* one row at a time for the filter, then what is found */
    struct eval *query, *k;
    struct access_hit *hits; /* heap memory */
    uint32_t hit_count, next_hit;
    uint64_t hits_charged;
    bool is_searched;
    ky_status filter_status; /* of the filter inside the search */
    struct ky_error *err;    /* the caller's, while searching */
};

enum { VECTOR_ROWS_FIRST = 64 };

static ky_status
vector_scan_open(struct op *op, struct ky_error *err)
{
    struct op_vector_scan *self = (struct op_vector_scan *)(void *)op;
    const struct plan *plan = op->plan;
    scan_init(&self->scan, op, 1);
    self->scan.batch.columns[plan->scan.column_count].type = type_get(OID_FLOAT8);
    KY_TRY(eval_compile(op->exec, plan->scan.vector_query, &self->query, err));
    return plan->scan.k == NULL ? KY_OK : eval_compile(op->exec, plan->scan.k, &self->k, err);
}

/* Does the filter want this row? Also called from inside the search of an index. */
static bool
accept(void *arg, const struct row_ref *row)
{
    struct op_vector_scan *self = arg;
    struct op *op = &self->op;
    if (op->filter == NULL) {
        return true;
    }
    if (self->filter_status != KY_OK) {
        return false;
    }
    scan_make_room(&self->scan, op, 1);
    self->scan.rows[0] = *row;
    self->scan.bodies[0] = row->body;
    for (uint16_t i = 0; i < op->plan->scan.column_count; i++) {
        if (self->scan.is_early[i]) {
            scan_decode_column(&self->scan, op, i, 1);
        }
    }
    const struct eval_input input = op_input(op, &self->scan.batch);
    uint16_t place = 0;
    uint32_t count = 0;
    self->filter_status = eval_filter(op->filter, &input, NULL, 1, &place, &count, self->err);
    return self->filter_status == KY_OK && count == 1;
}

static bool
is_farther(const struct access_hit *a, const struct access_hit *b)
{
    return a->distance > b->distance ||
           (a->distance == b->distance && a->row.row_id > b->row.row_id);
}

/* Restores the heap below place. */
static void
sift_down(struct access_hit *hits, uint32_t count, uint32_t place)
{
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= count) {
            return;
        }
        child += child + 1 < count && is_farther(&hits[child + 1], &hits[child]);
        if (!is_farther(&hits[child], &hits[place])) {
            return;
        }
        const struct access_hit hit = hits[place];
        hits[place] = hits[child];
        hits[child] = hit;
        place = child;
    }
}

static void
add_hit(struct op_vector_scan *self, uint32_t k, const struct access_hit *hit)
{
    struct access_hit *hits = self->hits;
    if (self->hit_count < k) {
        uint32_t place = self->hit_count++;
        hits[place] = *hit;
        while (place > 0 && is_farther(&hits[place], &hits[(place - 1) / 2])) {
            const struct access_hit above = hits[(place - 1) / 2];
            hits[(place - 1) / 2] = hits[place];
            hits[place] = above;
            place = (place - 1) / 2;
        }
    } else if (is_farther(&hits[0], hit)) {
        hits[0] = *hit;
        sift_down(hits, self->hit_count, 0);
    }
}

static const struct func *
distance_function(enum vector_metric_code metric)
{
    static const char *const names[] = {"<->", "<#>", "<=>", "<+>"};
    const struct operator* found =
        operator_exact(ky_slice_cstr(names[metric]), OID_VECTOR, OID_VECTOR);
    return found == NULL ? NULL : found->function;
}

/* All rows measured. */
static ky_status
search_all(struct op_vector_scan *self, struct ky_slice query, uint32_t k, struct ky_error *err)
{
    struct op *op = &self->op;
    const struct cat_table *table = self->scan.table;
    const struct func *distance = distance_function(op->plan->scan.metric);
    struct func_env *env = &op->exec->context->env;
    struct storage_scan storage;
    struct row_ref rows[64];
    if (distance == NULL) {
        return ky_error_set(err, KY_UNDEFINED_FUNCTION, "operator does not exist: vector distance");
    }
    storage_scan_init(&storage, access_storage_txn(op->exec->context->txn), table->rel);
    uint32_t count = 0;
    while ((count = storage_scan_next(&storage, rows, KY_COUNT_OF(rows))) > 0) {
        KY_TRY(exec_check_cancel(op->exec, err));
        for (uint32_t i = 0; i < count; i++) {
            struct datum args[2] = {
                row_get(&table->layout, rows[i].body, op->plan->scan.vector_column),
                datum_bytes(query.data, query.size)};
            struct datum measured = datum_word(0);
            if (args[0].is_null || !accept(self, &rows[i])) {
                KY_TRY(self->filter_status);
                continue;
            }
            env->types.arena = &op->memory;
            env->arg_types = NULL;
            KY_TRY(func_call(distance, env, args, 2, &measured, err));
            add_hit(self, k, &(struct access_hit){.row = rows[i], .distance = measured.real});
        }
    }
    for (uint32_t last = self->hit_count; last > 1; last--) {
        const struct access_hit farthest = self->hits[0];
        self->hits[0] = self->hits[last - 1];
        self->hits[last - 1] = farthest;
        sift_down(self->hits, last - 1, 0);
    }
    return KY_OK;
}

/* How many rows are wanted. */
static ky_status
wanted_rows(struct op_vector_scan *self, uint32_t *k_out, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const struct eval_input input = {NULL, 0, &self->op.memory};
    const uint64_t visible = storage_count(access_storage_txn(context->txn), self->scan.table->rel);
    uint64_t k = KY_MIN(visible, (uint64_t)VECTOR_K_MAX);
    if (self->k != NULL) {
        struct datum limit = datum_null();
        KY_TRY(eval_datum(self->k, &input, 0, &limit, err));
        if (!limit.is_null && limit.word < 0) {
            return ky_error_set(err, KY_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
                                "LIMIT must not be negative");
        }
        k = limit.is_null ? k : KY_MIN(k, (uint64_t)limit.word);
    }
    *k_out = (uint32_t)k;
    return KY_OK;
}

static void
drop_hits(struct op_vector_scan *self)
{
    if (self->op.exec->context->budget != NULL) {
        ky_budget_release(self->op.exec->context->budget, self->hits_charged);
    }
    self->hits_charged = 0;
    ky_free(self->hits);
    self->hits = NULL;
    self->hit_count = self->next_hit = 0;
}

static ky_status
search(struct op_vector_scan *self, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const struct plan *plan = self->op.plan;
    const struct eval_input input = {NULL, 0, &self->op.memory};
    struct datum query = datum_null();
    uint32_t k = 0;
    KY_TRY(eval_datum(self->query, &input, 0, &query, err));
    KY_TRY(wanted_rows(self, &k, err));
    drop_hits(self);
    if (query.is_null || k == 0) {
        return KY_OK;
    }
    const uint64_t size = k * sizeof(struct access_hit);
    if (context->budget != NULL) {
        KY_TRY(ky_budget_charge(context->budget, size, err));
        self->hits_charged = size;
    }
    self->hits = ky_malloc(size);
    self->filter_status = KY_OK;
    self->err = err;
    if (plan->scan.index == NULL) {
        return search_all(self, query.bytes, k, err);
    }
    KY_TRY(access_vector_search(context->txn, plan->scan.index, query.bytes, k,
                                self->op.filter == NULL ? NULL : accept, self, context->cancel,
                                self->hits, &self->hit_count, err));
    return self->filter_status;
}

static enum exec_answer
vector_scan_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_vector_scan *self = (struct op_vector_scan *)(void *)op;
    if (!self->is_searched) {
        if (search(self, err) != KY_OK) {
            return EXEC_ERROR;
        }
        self->is_searched = true;
    }
    const uint32_t count = KY_MIN(self->hit_count - self->next_hit, (uint32_t)BATCH_SIZE_MAX);
    if (count == 0) {
        return EXEC_END;
    }
    scan_make_room(&self->scan, op, batch_room(count));
    for (uint32_t i = 0; i < count; i++) {
        self->scan.rows[i] = self->hits[self->next_hit + i].row;
        self->scan.bodies[i] = self->scan.rows[i].body;
    }
    for (uint16_t i = 0; i < op->plan->scan.column_count; i++) {
        scan_decode_column(&self->scan, op, i, count);
    }
    struct column *distance = &self->scan.batch.columns[op->plan->scan.column_count];
    for (uint32_t i = 0; i < count; i++) {
        column_set(distance, i, datum_real(self->hits[self->next_hit + i].distance));
    }
    self->next_hit += count;
    self->scan.batch.count = count;
    self->scan.batch.selection = NULL;
    *batch_out = &self->scan.batch;
    return EXEC_BATCH;
}

static ky_status
vector_scan_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    ((struct op_vector_scan *)(void *)op)->is_searched = false;
    return KY_OK;
}

static void
vector_scan_close(struct op *op)
{
    drop_hits((struct op_vector_scan *)(void *)op);
}

const struct op_class op_vector_scan = {
    .size = sizeof(struct op_vector_scan),
    .open = vector_scan_open,
    .next = vector_scan_next,
    .rescan = vector_scan_rescan,
    .close = vector_scan_close,
    .is_filtering = true,
};
