/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/set_calls.h"

#include "server/types/record.h"

/* Set-returning functions: FUNCTION_SCAN in FROM, PROJECT_SET in target lists. Several run side by
 * side; those that end early give nulls. */

enum { ROWS_PER_CALL = BATCH_SIZE_MAX };

static const struct type *
type_of_column(const struct expr *expr, uint16_t column)
{
    if (expr->shape != NULL) {
        return expr->shape->types[column];
    }
    /* Without a column definition list open() will say that one is missing. */
    const struct type *first_arg = expr->arg_count > 0 ? expr->args[0]->type : NULL;
    return expr->func->set->column_count == 0 ? expr->type
                                              : func_set_type(expr->func->set, column, first_arg);
}

ky_status
set_call_compile(struct exec *exec, const struct expr *expr, struct set_call *call,
                 struct ky_error *err)
{
    struct ky_arena *arena = exec->context->arena;
    call->expr = expr;
    call->width = 1;
    if (expr->kind == EXPR_SET) {
        KY_ASSERT(expr->func != NULL && expr->func->set != NULL);
        call->width = expr->shape != NULL ? expr->shape->count
                                          : (uint16_t)KY_MAX(expr->func->set->column_count, 1);
        KY_TRY(exec_compile_list(exec, expr->args, expr->arg_count, &call->args, err));
        call->types = ky_arena_array(arena, const struct type *, call->width);
        for (uint16_t i = 0; i < call->width; i++) {
            call->types[i] = type_of_column(expr, i);
        }
        call->arg_values = ky_arena_array(arena, struct datum, (size_t)expr->arg_count + 1);
        call->arg_types = ky_arena_array(arena, const struct type *, (size_t)expr->arg_count + 1);
        for (uint16_t i = 0; i < expr->arg_count; i++) {
            call->arg_types[i] = expr->args[i]->type;
        }
    } else {
        KY_TRY(eval_compile(exec, expr, &call->plain, err));
    }
    call->values = ky_arena_array(arena, struct datum, call->width);
    call->is_done = true;
    return KY_OK;
}

static struct func_env *
env_for(struct exec *exec, const struct set_call *call, struct ky_arena *arena)
{
    struct func_env *env = &exec->context->env;
    env->types.arena = arena;
    env->arg_types = call->arg_types;
    env->result_type = call->expr->type;
    env->shape = call->expr->shape;
    env->has_variadic_array = false;
    return env;
}

static void
end_call(struct set_call *call)
{
    call->is_done = true;
    for (uint16_t i = 0; i < call->width; i++) {
        call->values[i] = datum_null();
    }
}

ky_status
set_call_start(struct exec *exec, struct set_call *call, const struct eval_input *input,
               uint32_t place, struct ky_arena *arena, struct ky_error *err)
{
    call->is_done = false;
    call->rows = NULL;
    if (call->plain != NULL) {
        KY_TRY(eval_datum(call->plain, input, place, &call->values[0], err));
        call->values[0] = datum_copy(call->expr->type, call->values[0], arena);
        return KY_OK;
    }
    const struct func *func = call->expr->func;
    for (uint16_t i = 0; i < call->expr->arg_count; i++) {
        KY_TRY(eval_datum(call->args[i], input, place, &call->arg_values[i], err));
        call->arg_values[i] = datum_copy(call->arg_types[i], call->arg_values[i], arena);
        if (call->arg_values[i].is_null && func->is_strict && func->is_set) {
            end_call(call);
            return KY_OK;
        }
    }
    return func->set->open(env_for(exec, call, arena), call->arg_values, call->expr->arg_count,
                           &call->rows, err);
}

ky_status
set_call_next(struct exec *exec, struct set_call *call, struct ky_arena *arena,
              struct ky_error *err)
{
    if (call->is_done) {
        end_call(call);
        return KY_OK;
    }
    if (call->plain != NULL) {
        if (call->rows != NULL) {
            end_call(call);
        }
        call->rows = (struct func_rows *)(void *)call; /* given: only its being set matters */
        return KY_OK;
    }
    bool has_row = false;
    for (uint16_t i = 0; i < call->width; i++) {
        call->values[i].is_null = false;
    }
    KY_TRY(call->expr->func->set->next(env_for(exec, call, arena), call->rows, call->values,
                                       &has_row, err));
    if (!has_row) {
        end_call(call);
    }
    return KY_OK;
}

struct datum
set_call_value(const struct set_call *call, struct ky_arena *arena)
{
    if (call->width == 1 || call->is_done) {
        return call->values[0];
    }
    const struct func_shape *shape = call->expr->shape;
    const char *const *names = shape != NULL ? shape->names : call->expr->func->set->column_names;
    return (struct datum){.bytes =
                              record_make(arena, call->types, names, call->values, call->width)};
}

struct op_function_scan {
    struct op op;
    struct set_call *calls;
    struct ky_arena call_memory; /* states of the calls */
    struct batch batch;
    uint32_t capacity;
    int64_t ordinality;
    bool is_started, is_done;
    const struct type **types;
};

static ky_status
function_scan_open(struct op *op, struct ky_error *err)
{
    struct op_function_scan *self = (struct op_function_scan *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    uint32_t width = 0;
    ky_arena_init(&self->call_memory);
    self->calls = ky_arena_array(arena, struct set_call, (size_t)plan->function.function_count + 1);
    for (uint16_t f = 0; f < plan->function.function_count; f++) {
        KY_TRY(set_call_compile(op->exec, plan->function.functions[f], &self->calls[f], err));
        width += self->calls[f].width;
    }
    width += plan->function.has_ordinality;
    self->types = ky_arena_array(arena, const struct type *, (size_t)width + 1);
    uint32_t at = 0;
    for (uint16_t f = 0; f < plan->function.function_count; f++) {
        const struct expr *expr = self->calls[f].expr;
        for (uint16_t i = 0; i < self->calls[f].width; i++) {
            const struct type *type = expr->kind == EXPR_SET ? self->calls[f].types[i] : expr->type;
            const bool is_open = type == NULL || type->typtype == 'p' ||
                                 (expr->shape == NULL && self->calls[f].width == 1);
            self->types[at++] = is_open ? expr->type : type;
        }
    }
    if (plan->function.has_ordinality) {
        self->types[at++] = type_get(OID_INT8);
    }
    self->batch.column_count = width;
    return KY_OK;
}

static ky_status
start_calls(struct op_function_scan *self, struct ky_error *err)
{
    const struct eval_input input = {NULL, 0, &self->call_memory};
    ky_arena_reset(&self->call_memory);
    for (uint16_t f = 0; f < self->op.plan->function.function_count; f++) {
        KY_TRY(set_call_start(self->op.exec, &self->calls[f], &input, 0, &self->call_memory, err));
    }
    self->ordinality = 0;
    self->is_started = true;
    return KY_OK;
}

/* One row side by side from all calls; false when all have ended. */
static ky_status
next_row(struct op_function_scan *self, bool *has_row_out, struct ky_error *err)
{
    *has_row_out = false;
    for (uint16_t f = 0; f < self->op.plan->function.function_count; f++) {
        struct set_call *call = &self->calls[f];
        KY_TRY(set_call_next(self->op.exec, call, &self->op.memory, err));
        *has_row_out = *has_row_out || !call->is_done;
    }
    return KY_OK;
}

static void
store_row(struct op_function_scan *self, uint32_t place)
{
    uint32_t at = 0;
    for (uint16_t f = 0; f < self->op.plan->function.function_count; f++) {
        const struct set_call *call = &self->calls[f];
        for (uint16_t i = 0; i < call->width; i++) {
            column_set(&self->batch.columns[at++], place, call->values[i]);
        }
    }
    if (self->op.plan->function.has_ordinality) {
        column_set(&self->batch.columns[at], place, datum_word(++self->ordinality));
    }
}

static enum exec_answer
function_scan_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_function_scan *self = (struct op_function_scan *)(void *)op;
    if (!self->is_started && start_calls(self, err) != KY_OK) {
        return EXEC_ERROR;
    }
    if (self->is_done) {
        return EXEC_END;
    }
    if (self->capacity < ROWS_PER_CALL) {
        /* Small at first: many calls give a handful of rows. */
        self->capacity = self->capacity == 0 ? 64 : (uint32_t)ROWS_PER_CALL;
        const uint32_t width = self->batch.column_count;
        batch_init(&self->batch, self->types, width, self->capacity, op->exec->context->arena);
        self->batch.selection = NULL;
    }
    uint32_t count = 0;
    while (count < self->capacity) {
        bool has_row = false;
        if (next_row(self, &has_row, err) != KY_OK) {
            return EXEC_ERROR;
        }
        if (!has_row) {
            self->is_done = true;
            break;
        }
        store_row(self, count++);
    }
    self->batch.count = count;
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

static ky_status
function_scan_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    struct op_function_scan *self = (struct op_function_scan *)(void *)op;
    self->is_started = self->is_done = false;
    return KY_OK;
}

static void
function_scan_close(struct op *op)
{
    ky_arena_deinit(&((struct op_function_scan *)(void *)op)->call_memory);
}

const struct op_class op_function_scan = {
    .size = sizeof(struct op_function_scan),
    .open = function_scan_open,
    .next = function_scan_next,
    .rescan = function_scan_rescan,
    .close = function_scan_close,
};

struct op_project_set {
    struct op op;
    struct set_call *calls; /* by output column; plain ones have no call */
    struct eval **plains;
    const struct column **plain_columns;
    struct ky_arena call_memory;
    struct ky_arena row_memory; /* plain columns of the child's batch */
    struct batch *batch;        /* the child's */
    struct batch rows;          /* given out; op->out may be a part of it */
    uint32_t row;
    bool is_in_row;
    uint32_t capacity;
};

static ky_status
project_set_open(struct op *op, struct ky_error *err)
{
    struct op_project_set *self = (struct op_project_set *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    ky_arena_init(&self->call_memory);
    ky_arena_init(&self->row_memory);
    KY_TRY(op_open_children(op, err));
    self->calls = ky_arena_array(arena, struct set_call, (size_t)plan->output_count + 1);
    self->plains = ky_arena_array(arena, struct eval *, (size_t)plan->output_count + 1);
    self->plain_columns =
        ky_arena_array(arena, const struct column *, (size_t)plan->output_count + 1);
    for (uint16_t i = 0; i < plan->output_count; i++) {
        if (plan->project[i]->kind == EXPR_SET) {
            KY_TRY(set_call_compile(op->exec, plan->project[i], &self->calls[i], err));
        } else {
            KY_TRY(eval_compile(op->exec, plan->project[i], &self->plains[i], err));
        }
    }
    return KY_OK;
}

static enum exec_answer
project_set_fetch(struct op_project_set *self, struct ky_error *err)
{
    struct batch *batch = NULL;
    const enum exec_answer answer = op_next(self->op.left, &batch, err);
    if (answer != EXEC_BATCH) {
        return answer;
    }
    ky_arena_reset(&self->row_memory);
    const struct eval_input input = {batch->columns, batch->column_count, &self->row_memory};
    for (uint16_t i = 0; i < self->op.plan->output_count; i++) {
        if (self->plains[i] != NULL &&
            eval_column(self->plains[i], &input, batch->selection, batch->count,
                        &self->plain_columns[i], err) != KY_OK) {
            return EXEC_ERROR;
        }
    }
    self->batch = batch;
    self->row = 0;
    self->is_in_row = false;
    return EXEC_BATCH;
}

/* The next output row of the current child row into out at place. */
static ky_status
project_set_row(struct op_project_set *self, struct batch *out, uint32_t place, bool *has_row_out,
                struct ky_error *err)
{
    const uint16_t width = self->op.plan->output_count;
    const uint32_t from = batch_place(self->batch, self->row);
    const struct eval_input input = {self->batch->columns, self->batch->column_count,
                                     &self->call_memory};
    if (!self->is_in_row) {
        ky_arena_reset(&self->call_memory);
        for (uint16_t i = 0; i < width; i++) {
            if (self->calls[i].expr != NULL) {
                KY_TRY(set_call_start(self->op.exec, &self->calls[i], &input, from,
                                      &self->call_memory, err));
            }
        }
        self->is_in_row = true;
    }
    *has_row_out = false;
    for (uint16_t i = 0; i < width; i++) {
        struct set_call *call = &self->calls[i];
        if (call->expr != NULL) {
            KY_TRY(set_call_next(self->op.exec, call, &self->op.memory, err));
            *has_row_out = *has_row_out || !call->is_done;
        }
    }
    for (uint16_t i = 0; *has_row_out && i < width; i++) {
        struct datum value;
        if (self->calls[i].expr != NULL) {
            /* It may lie in the call's memory, which the next row of the child takes. */
            value = datum_copy(out->columns[i].type,
                               set_call_value(&self->calls[i], &self->op.memory), &self->op.memory);
        } else {
            value = column_get(self->plain_columns[i], from);
        }
        column_set(&out->columns[i], place, value);
    }
    return KY_OK;
}

static enum exec_answer
project_set_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_project_set *self = (struct op_project_set *)(void *)op;
    struct batch *out = &self->rows;
    if (self->batch == NULL) {
        const enum exec_answer answer = project_set_fetch(self, err);
        if (answer != EXEC_BATCH) {
            return answer;
        }
    }
    if (self->capacity < BATCH_SIZE_MAX) {
        self->capacity = self->capacity == 0 ? 64 : (uint32_t)BATCH_SIZE_MAX;
        batch_init(out, op->plan->output, op->plan->output_count, self->capacity,
                   op->exec->context->arena);
    }
    uint32_t count = 0;
    while (self->row < self->batch->count && count < self->capacity) {
        bool has_row = false;
        if (project_set_row(self, out, count, &has_row, err) != KY_OK) {
            return EXEC_ERROR;
        }
        if (has_row) {
            count++;
        } else {
            self->is_in_row = false;
            self->row++;
        }
    }
    if (self->row == self->batch->count) {
        self->batch = NULL;
    }
    out->count = count;
    out->selection = NULL;
    *batch_out = out;
    return EXEC_BATCH;
}

static ky_status
project_set_rescan(struct op *op, struct ky_error *err)
{
    ((struct op_project_set *)(void *)op)->batch = NULL;
    return op_rescan(op->left, err);
}

static void
project_set_close(struct op *op)
{
    struct op_project_set *self = (struct op_project_set *)(void *)op;
    ky_arena_deinit(&self->call_memory);
    ky_arena_deinit(&self->row_memory);
}

const struct op_class op_project_set = {
    .size = sizeof(struct op_project_set),
    .open = project_set_open,
    .next = project_set_next,
    .rescan = project_set_rescan,
    .close = project_set_close,
    .is_projecting = true,
};
