/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/recheck.h"

/* Filter and projection are compiled a second time: the results of the scan's own are in use by
 * whoever reads its batch. */
struct recheck {
    struct op op; /* stands in for the scan: memory, filter, selection */
    struct op *scan;
    struct scan_state state;
    struct eval **project;
    struct batch out;
};

static bool
is_plain_sort(const struct plan *plan)
{
    return plan->kind == PLAN_SORT && plan->filter == NULL && plan->project == NULL &&
           plan->output_count <= plan->left->output_count;
}

static void
close_recheck(struct op *op)
{
    (void)op;
}

static const struct op_class recheck_class = {
    .size = sizeof(struct recheck), .close = close_recheck, .is_filtering = true};

struct op *
recheck_scan(struct op *child)
{
    struct op *scan = child;
    while (scan != NULL && is_plain_sort(scan->plan)) {
        scan = scan->left;
    }
    return scan != NULL &&
                   (scan->plan->kind == PLAN_SEQ_SCAN || scan->plan->kind == PLAN_INDEX_SCAN ||
                    scan->plan->kind == PLAN_BITMAP_SCAN)
               ? scan
               : NULL;
}

ky_status
recheck_open(struct op *child, struct recheck **recheck_out, struct ky_error *err)
{
    *recheck_out = NULL;
    struct op *scan = recheck_scan(child);
    if (scan == NULL) {
        return KY_OK;
    }
    struct exec *exec = scan->exec;
    struct recheck *self = ky_arena_new(exec->context->arena, struct recheck);
    const struct plan *plan = scan->plan;
    self->op.class = &recheck_class;
    self->op.exec = exec;
    self->op.plan = plan;
    self->op.older = exec->ops;
    ky_arena_init(&self->op.memory);
    exec->ops = &self->op;
    self->scan = scan;
    uint64_t *collect = exec->collect;
    exec->collect = NULL;
    ky_status status = KY_OK;
    if (plan->filter != NULL) {
        status = eval_compile(exec, plan->filter, &self->op.filter, err);
    }
    if (status == KY_OK && plan->project != NULL) {
        status = exec_compile_list(exec, plan->project, plan->output_count, &self->project, err);
    }
    exec->collect = collect;
    KY_TRY(status);
    scan_init(&self->state, &self->op, 0);
    scan_make_room(&self->state, &self->op, 1);
    self->out.columns =
        ky_arena_array(exec->context->arena, struct column, (size_t)plan->output_count + 1);
    self->out.column_count = plan->output_count;
    *recheck_out = self;
    return KY_OK;
}

ky_status
recheck_row(struct recheck *self, row_id_t row_id, struct batch **batch_out, struct ky_error *err)
{
    struct exec *exec = self->op.exec;
    struct row_ref row;
    *batch_out = NULL;
    ky_arena_reset(&self->op.memory);
    const enum row_state state = storage_row_state(access_storage_txn(exec->context->txn),
                                                   self->state.table->rel, row_id, &row);
    if (state != ROW_CHANGED && state != ROW_UNCHANGED && state != ROW_OWN) {
        return KY_OK;
    }
    bool is_inside = true;
    if (self->op.plan->kind == PLAN_INDEX_SCAN) {
        KY_TRY(index_scan_holds(self->scan, row.body, &is_inside, err));
    }
    if (!is_inside) {
        return KY_OK;
    }
    struct batch *batch = NULL;
    row.row_id = row_id;
    self->state.rows[0] = row;
    KY_TRY(scan_emit(&self->state, &self->op, 1, &batch, err));
    if (batch->count == 0) {
        return KY_OK;
    }
    self->out.count = 1;
    self->out.selection = NULL;
    const struct eval_input input = op_input(&self->op, batch);
    for (uint16_t i = 0; i < self->op.plan->output_count; i++) {
        const struct column *column = &batch->columns[i];
        if (self->project != NULL) {
            KY_TRY(eval_column(self->project[i], &input, NULL, 1, &column, err));
        }
        self->out.columns[i] = *column;
    }
    *batch_out = &self->out;
    return KY_OK;
}
