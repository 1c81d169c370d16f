/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/vector_scan.h"

#include <stdio.h>

#include "server/access/relation_stats.h"

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
        access_count(context->txn, self->scan.table->oid, COUNT_SCANS, 1);
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
        KY_TRY(vector_scan_keep_held(self, self->found, count_out, err));
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
        access_count(self->op.exec->context->txn, self->scan.table->oid, COUNT_RETURNED, count);
        KY_TRY(exec_check_cancel(self->op.exec, err));
        for (uint32_t i = 0; i < count && *count_out < self->left; i++) {
            struct datum vector = datum_null();
            if (!is_all) {
                KY_TRY(vector_scan_row(self, &rows[i], &vector, err));
            }
            const bool is_wanted = is_query_null ? vector_scan_holds(self, vector) : vector.is_null;
            if ((is_all || is_wanted) && vector_scan_accept(self, &rows[i])) {
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
        int size = snprintf(op->actual->note, sizeof(op->actual->note),
                            "Vector Search: exact over matches  measured=%llu",
                            (unsigned long long)self->gathered);
        if (self->is_swept) {
            (void)snprintf(op->actual->note + size, sizeof(op->actual->note) - (size_t)size,
                           " filter=%llu/%llu", (unsigned long long)self->sweep.passed,
                           (unsigned long long)self->sweep.read);
            op->actual->removed = self->sweep.read - self->sweep.passed;
        }
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
            if (vector_scan_start(self, err) != KY_OK) {
                return EXEC_ERROR;
            }
            continue;
        case VECTOR_GATHER: {
            const enum exec_answer answer = vector_scan_gather(self, err);
            if (answer != EXEC_END) {
                return answer;
            }
            if (self->is_gathered) {
                nearest_sort(&self->hits);
                self->phase = VECTOR_HITS;
            } else if (vector_scan_search(self, 0, err) != KY_OK) {
                return EXEC_ERROR;
            }
            continue;
        }
        case VECTOR_SWEEP:
            if (vector_scan_sweep(self, err) != KY_OK) {
                return EXEC_ERROR;
            }
            continue;
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
    vector_scan_drop_hits(self);
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
