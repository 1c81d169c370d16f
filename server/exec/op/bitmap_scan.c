/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/inverted.h"
#include "server/base/clock.h"
#include "server/exec/op/scan.h"

/*
 * Rows that an inverted index names, in the order of the table. All of them are looked up in the
 * index before the first row is read; the filter, which has the conditions in it, decides on each
 * row that the transaction sees.
 *
 * The node below, the index's, is never run: it is there for EXPLAIN, and so are its times.
 */
struct op_bitmap_scan {
    struct op op;
    struct scan_state scan;
    struct access_inverted_scan rows;
    struct eval **values;
    struct inverted_condition *conditions;
    uint32_t wanted;
    bool is_started;
};

enum { BITMAP_FIRST_ROWS = 64 };

static ky_status
bitmap_scan_open(struct op *op, struct ky_error *err)
{
    struct op_bitmap_scan *self = (struct op_bitmap_scan *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    const uint16_t count = plan->scan.search_count;
    scan_init(&self->scan, op, 0);
    self->values = ky_arena_array(arena, struct eval *, count + 1U);
    self->conditions = ky_arena_array(arena, struct inverted_condition, count + 1U);
    for (uint16_t i = 0; i < count; i++) {
        KY_TRY(eval_compile(op->exec, plan->scan.searches[i].value, &self->values[i], err));
    }
    return plan->left == NULL ? KY_OK : op_open(op->exec, plan->left, &op->left, err);
}

static ky_status
load_conditions(struct op_bitmap_scan *self, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    const struct eval_input input = {NULL, 0, &self->op.memory};
    for (uint16_t i = 0; i < plan->scan.search_count; i++) {
        struct inverted_condition *condition = &self->conditions[i];
        condition->key = plan->scan.searches[i].key;
        condition->strategy = plan->scan.searches[i].strategy;
        KY_TRY(eval_datum(self->values[i], &input, 0, &condition->value, err));
    }
    return KY_OK;
}

/* As if the node below had run. */
static void
note_index(struct op_bitmap_scan *self, int64_t start_ns)
{
    struct explain_actual *actual = self->op.left == NULL ? NULL : self->op.left->actual;
    if (actual != NULL) {
        actual->total_ms += (double)(ky_monotonic_ns() - start_ns) / 1e6;
        actual->startup_ms = actual->total_ms;
        actual->rows += access_inverted_scan_count(&self->rows);
        actual->loops++;
    }
}

static ky_status
start_scan(struct op_bitmap_scan *self, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const int64_t start_ns = self->op.actual == NULL ? 0 : ky_monotonic_ns();
    KY_TRY(load_conditions(self, err));
    self->rows = (struct access_inverted_scan){
        .txn = context->txn, .index = self->op.plan->scan.index, .budget = context->budget};
    self->is_started = true;
    self->wanted = BITMAP_FIRST_ROWS;
    KY_TRY(access_inverted_scan_open(&self->rows, context->access, self->conditions,
                                     self->op.plan->scan.search_count, err));
    note_index(self, start_ns);
    return KY_OK;
}

static enum exec_answer
bitmap_scan_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_bitmap_scan *self = (struct op_bitmap_scan *)(void *)op;
    if (!self->is_started && start_scan(self, err) != KY_OK) {
        return EXEC_ERROR;
    }
    scan_make_room(&self->scan, op, self->wanted);
    const uint32_t count = access_inverted_scan_next(&self->rows, self->scan.rows, self->wanted);
    self->wanted = BATCH_SIZE_MAX;
    if (count == 0) {
        return EXEC_END;
    }
    return scan_emit(&self->scan, op, count, batch_out, err) == KY_OK ? EXEC_BATCH : EXEC_ERROR;
}

static void
end_scan(struct op_bitmap_scan *self)
{
    if (self->is_started) {
        access_inverted_scan_close(&self->rows);
        self->is_started = false;
    }
}

static ky_status
bitmap_scan_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    end_scan((struct op_bitmap_scan *)(void *)op);
    return KY_OK;
}

static void
bitmap_scan_close(struct op *op)
{
    end_scan((struct op_bitmap_scan *)(void *)op);
}

static void
bitmap_scan_renew(struct op *op)
{
    (void)op; /* close has left nothing */
}

static row_id_t
bitmap_scan_row_id(const struct op *op, uint16_t index, uint32_t place)
{
    (void)index;
    return ((const struct op_bitmap_scan *)(const void *)op)->scan.rows[place].row_id;
}

const struct op_class op_bitmap_scan = {
    .size = sizeof(struct op_bitmap_scan),
    .open = bitmap_scan_open,
    .next = bitmap_scan_next,
    .rescan = bitmap_scan_rescan,
    .close = bitmap_scan_close,
    .renew = bitmap_scan_renew,
    .is_filtering = true,
    .row_id = bitmap_scan_row_id,
};

/* ------------------------------------------------------------------ the node below */

static ky_status
bitmap_index_open(struct op *op, struct ky_error *err)
{
    (void)op;
    (void)err;
    return KY_OK;
}

static enum exec_answer
bitmap_index_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    (void)op;
    (void)batch_out;
    (void)err;
    return EXEC_END;
}

static ky_status
bitmap_index_rescan(struct op *op, struct ky_error *err)
{
    (void)op;
    (void)err;
    return KY_OK;
}

static void
bitmap_index_renew(struct op *op)
{
    (void)op;
}

const struct op_class op_bitmap_index = {
    .size = sizeof(struct op),
    .open = bitmap_index_open,
    .next = bitmap_index_next,
    .rescan = bitmap_index_rescan,
    .renew = bitmap_index_renew,
};
