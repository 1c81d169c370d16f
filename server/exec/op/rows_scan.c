/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/catalog_env.h"
#include "server/catalog/sysview.h"
#include "server/exec/exec_private.h"

/* Rows from nowhere: Result, VALUES, system catalogs. */

struct op_result {
    struct op op;
    struct batch batch;
    bool is_done;
};

static ky_status
result_open(struct op *op, struct ky_error *err)
{
    return op_open_children(op, err);
}

/* One row without columns, or the child's rows. */
static enum exec_answer
result_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_result *self = (struct op_result *)(void *)op;
    if (op->left != NULL) {
        op->left->wanted = op->wanted;
        return op_next(op->left, batch_out, err);
    }
    if (self->is_done) {
        return EXEC_END;
    }
    self->is_done = true;
    self->batch.count = 1;
    *batch_out = op->exec->context->given != NULL ? op->exec->context->given : &self->batch;
    return EXEC_BATCH;
}

static ky_status
result_rescan(struct op *op, struct ky_error *err)
{
    ((struct op_result *)(void *)op)->is_done = false;
    return op->left != NULL ? op_rescan(op->left, err) : KY_OK;
}

static void
result_renew(struct op *op)
{
    ((struct op_result *)(void *)op)->is_done = false;
}

const struct op_class op_result = {
    .size = sizeof(struct op_result),
    .open = result_open,
    .next = result_next,
    .rescan = result_rescan,
    .renew = result_renew,
};

struct op_values_scan {
    struct op op;
    struct eval **evals; /* row by row; NULL for constants */
    uint32_t width;
    uint32_t next_row;
    struct batch batch;
    uint32_t capacity;
};

static ky_status
values_open(struct op *op, struct ky_error *err)
{
    struct op_values_scan *self = (struct op_values_scan *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    if (op->exec->context->given != NULL) {
        return KY_OK;
    }
    self->width = plan->project == NULL ? plan->output_count : eval_input_count(plan);
    const struct type **types = ky_arena_array(arena, const struct type *, (size_t)self->width + 1);
    for (uint32_t c = 0; c < self->width; c++) {
        types[c] = plan->project == NULL ? plan->output[c] : plan->values.rows[0][c]->type;
    }
    self->evals =
        ky_arena_array(arena, struct eval *, (size_t)self->width * plan->values.row_count + 1);
    for (uint32_t r = 0; r < plan->values.row_count; r++) {
        for (uint32_t c = 0; c < self->width; c++) {
            const struct expr *expr = plan->values.rows[r][c];
            if (expr->kind != EXPR_CONST) {
                KY_TRY(eval_compile(op->exec, expr, &self->evals[r * self->width + c], err));
            }
        }
    }
    self->capacity = KY_MIN(plan->values.row_count, (uint32_t)BATCH_SIZE_MAX);
    batch_init(&self->batch, types, self->width, KY_MAX(self->capacity, 1U), arena);
    return KY_OK;
}

static enum exec_answer
values_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_values_scan *self = (struct op_values_scan *)(void *)op;
    if (op->exec->context->given != NULL) {
        *batch_out = op->exec->context->given;
        return self->next_row++ == 0 ? EXEC_BATCH : EXEC_END;
    }
    const uint32_t left = op->plan->values.row_count - self->next_row;
    const uint32_t count = KY_MIN(left, self->capacity);
    const struct eval_input input = {NULL, 0, &op->memory};
    if (count == 0) {
        return EXEC_END;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = self->next_row + i;
        for (uint32_t c = 0; c < self->width; c++) {
            struct eval *eval = self->evals[row * self->width + c];
            struct datum value;
            if (eval == NULL) {
                value = op->plan->values.rows[row][c]->value;
            } else if (eval_datum(eval, &input, 0, &value, err) != KY_OK) {
                return EXEC_ERROR;
            }
            column_set(&self->batch.columns[c], i, value);
        }
    }
    self->next_row += count;
    self->batch.count = count;
    self->batch.selection = NULL;
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

static ky_status
values_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    ((struct op_values_scan *)(void *)op)->next_row = 0;
    return KY_OK;
}

const struct op_class op_values_scan = {
    .size = sizeof(struct op_values_scan),
    .open = values_open,
    .next = values_next,
    .rescan = values_rescan,
};

struct op_sysview_scan {
    struct op op;
    struct sysview_rows rows;
    bool is_filled;
    size_t next_row;
    struct batch batch;
    uint32_t capacity;
};

static ky_status
sysview_open(struct op *op, struct ky_error *err)
{
    (void)err;
    struct op_sysview_scan *self = (struct op_sysview_scan *)(void *)op;
    const struct plan *plan = op->plan;
    self->batch.column_count = plan->scan.column_count;
    self->batch.columns = ky_arena_array(op->exec->context->arena, struct column,
                                         (size_t)plan->scan.column_count + 1);
    return KY_OK;
}

static ky_status
sysview_fill(struct op_sysview_scan *self, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const struct plan *plan = self->op.plan;
    const struct sysview *view = plan->scan.table->sysview;
    const struct catalog_env *catalog_env = context->env.self;
    const struct sysview_context about = {
        .image = context->image,
        .path = catalog_env == NULL ? NULL : catalog_env->path,
        .storage = context->access == NULL ? NULL : access_storage(context->access),
        .session = context->session,
        .role = context->role,
    };
    self->rows = (struct sysview_rows){.arena = context->arena, .column_count = view->column_count};
    KY_TRY(view->fill(&about, &self->rows, err));
    self->capacity = batch_room((uint32_t)KY_MIN(self->rows.count, (size_t)BATCH_SIZE_MAX));
    for (uint16_t i = 0; i < plan->scan.column_count; i++) {
        column_init(&self->batch.columns[i], plan->scan.columns[i].type, KY_MAX(self->capacity, 1U),
                    context->arena);
    }
    self->is_filled = true;
    return KY_OK;
}

static struct datum
sysview_value(const struct op_sysview_scan *self, size_t row, uint16_t column)
{
    if (column < EXPR_SYSTEM_FIRST) {
        return self->rows.rows[row][column];
    }
    switch (column) {
    case EXPR_SYSTEM_TABLEOID:
        return datum_word(self->op.plan->scan.table->oid);
    case EXPR_SYSTEM_CTID:
    case EXPR_SYSTEM_ROW_ID:
        return datum_word((int64_t)row + 1);
    case EXPR_SYSTEM_XMIN:
        return datum_word(1);
    case EXPR_SYSTEM_XMAX:
    case EXPR_SYSTEM_CMIN:
    case EXPR_SYSTEM_CMAX:
        return datum_word(0);
    default:
        return datum_null();
    }
}

static enum exec_answer
sysview_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_sysview_scan *self = (struct op_sysview_scan *)(void *)op;
    if (!self->is_filled && sysview_fill(self, err) != KY_OK) {
        return EXEC_ERROR;
    }
    const size_t left = self->rows.count - self->next_row;
    const uint32_t count = (uint32_t)KY_MIN(left, (size_t)self->capacity);
    if (count == 0) {
        return EXEC_END;
    }
    for (uint16_t c = 0; c < op->plan->scan.column_count; c++) {
        const uint16_t column = op->plan->scan.columns[c].column;
        for (uint32_t i = 0; i < count; i++) {
            column_set(&self->batch.columns[c], i, sysview_value(self, self->next_row + i, column));
        }
    }
    self->next_row += count;
    self->batch.count = count;
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

static ky_status
sysview_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    ((struct op_sysview_scan *)(void *)op)->next_row = 0;
    return KY_OK;
}

const struct op_class op_sysview_scan = {
    .size = sizeof(struct op_sysview_scan),
    .open = sysview_open,
    .next = sysview_next,
    .rescan = sysview_rescan,
};
