/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/pairs.h"

/*
 * For each left row, the right side from its start: with the left row's values in its slots when
 * the join has params (an index lookup for each row). Pairs are collected over many left rows,
 * so that looking up one row each still makes full batches.
 */
struct op_nested_loop {
    struct op op;
    struct pairs pairs;
    struct eval *condition;
    struct eval **params;
    struct ky_arena param_memory; /* values of the slots for one left row */
    struct batch *left_batch;     /* NULL: to be fetched */
    struct batch *right_batch;    /* NULL: to be fetched */
    uint32_t left_row, right_row;
    bool is_right_started; /* it ran: rescan before the next run */
    bool is_right_running;
    bool is_left_ended; /* the current left row saw all of the right side */
    bool is_given;      /* pairs were given out: clear before going on */
    bool is_done;
};

static ky_status
nested_loop_open(struct op *op, struct ky_error *err)
{
    struct op_nested_loop *self = (struct op_nested_loop *)(void *)op;
    const struct plan *plan = op->plan;
    KY_TRY(op_open(op->exec, plan->left, &op->left, err));
    KY_TRY(op_open(op->exec, plan->right, &op->right, err));
    for (uint16_t i = 0; i < plan->join.param_count; i++) {
        uses_clear(op->uses, plan->join.params[i].slot);
    }
    self->params =
        ky_arena_array(op->exec->context->arena, struct eval *, (size_t)plan->join.param_count + 1);
    for (uint16_t i = 0; i < plan->join.param_count; i++) {
        KY_TRY(eval_compile(op->exec, plan->join.params[i].expr, &self->params[i], err));
    }
    if (plan->join.condition != NULL) {
        KY_TRY(eval_compile(op->exec, plan->join.condition, &self->condition, err));
    }
    ky_arena_init(&self->param_memory);
    pairs_init(&self->pairs, op, self->condition);
    return KY_OK;
}

static ky_status
start_right(struct op_nested_loop *self, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    const struct batch *left = self->left_batch;
    if (plan->join.param_count > 0) {
        ky_arena_reset(&self->param_memory);
        const struct eval_input input = {left->columns, left->column_count, &self->param_memory};
        for (uint16_t i = 0; i < plan->join.param_count; i++) {
            KY_TRY(eval_datum(self->params[i], &input, batch_place(left, self->left_row),
                              &self->op.exec->slots[plan->join.params[i].slot], err));
        }
    }
    if (self->is_right_started) {
        KY_TRY(op_rescan(self->op.right, err));
    }
    self->is_right_started = true;
    self->is_right_running = true;
    self->right_batch = NULL;
    return KY_OK;
}

static bool
is_existential(const struct op_nested_loop *self)
{
    const enum plan_join kind = self->op.plan->join.kind;
    return kind == PLAN_JOIN_SEMI || kind == PLAN_JOIN_ANTI;
}

/* Pairs of the current left row with what is left of the right batch. */
static void
add_pairs(struct op_nested_loop *self)
{
    struct pairs *pairs = &self->pairs;
    const struct batch *right = self->right_batch;
    const uint32_t place = batch_place(self->left_batch, self->left_row);
    const bool is_copied = !is_existential(self);
    for (; self->right_row < right->count && !pairs_is_full(pairs); self->right_row++) {
        const uint32_t right_place = batch_place(right, self->right_row);
        const uint32_t pair = pairs_add_left(pairs, self->left_batch, place);
        for (uint32_t i = 0; i < pairs->right_width; i++) {
            struct column *column = &pairs->batch.columns[pairs->left_width + i];
            struct datum value = column_get(&right->columns[i], right_place);
            if (is_copied) {
                value = datum_copy(column->type, value, &self->op.memory);
            }
            column_set(column, pair, value);
        }
    }
    if (self->right_row == right->count) {
        self->right_batch = NULL;
    }
}

/* Runs the right side for the current left row until it ends or the pairs are full. EXEC_END: it
 * ended. */
static enum exec_answer
run_right(struct op_nested_loop *self, struct ky_error *err)
{
    struct pairs *pairs = &self->pairs;
    while (self->is_right_running) {
        if (self->right_batch == NULL) {
            struct batch *batch = NULL;
            const enum exec_answer answer = op_next(self->op.right, &batch, err);
            if (answer == EXEC_END) {
                self->is_right_running = false;
                break;
            }
            if (answer != EXEC_BATCH) {
                return answer;
            }
            self->right_batch = batch;
            self->right_row = 0;
            if (pairs->batch.count == 0) {
                pairs_make_room(pairs, batch->count);
            }
        }
        if (pairs_is_full(pairs)) {
            return EXEC_BATCH;
        }
        add_pairs(self);
        if (is_existential(self)) {
            if (pairs_judge(pairs, err) != KY_OK) {
                return EXEC_ERROR;
            }
            const bool is_matched =
                self->pairs.left_matched[batch_place(self->left_batch, self->left_row)] != 0;
            pairs_clear(pairs);
            if (is_matched) {
                self->is_right_running = false;
            }
        }
    }
    return EXEC_END;
}

static enum exec_answer
fetch_left(struct op_nested_loop *self, struct ky_error *err)
{
    const enum exec_answer answer = op_next(self->op.left, &self->left_batch, err);
    if (answer != EXEC_BATCH) {
        self->left_batch = NULL;
        return answer;
    }
    self->left_row = 0;
    self->is_left_ended = false;
    pairs_begin_left(&self->pairs);
    pairs_make_room(&self->pairs, KY_MAX(self->left_batch->count, 1U));
    return EXEC_BATCH;
}

/* EXEC_BATCH: the pairs are full, or the left batch is through. */
static enum exec_answer
fill(struct op_nested_loop *self, struct ky_error *err)
{
    const bool is_left_join = self->op.plan->join.kind == PLAN_JOIN_LEFT;
    while (self->left_row < self->left_batch->count) {
        if (!self->is_left_ended) {
            if (!self->is_right_running && start_right(self, err) != KY_OK) {
                return EXEC_ERROR;
            }
            const enum exec_answer answer = run_right(self, err);
            if (answer != EXEC_END) {
                return answer;
            }
            self->is_left_ended = true;
        }
        const uint32_t place = batch_place(self->left_batch, self->left_row);
        if (is_left_join && !self->pairs.left_matched[place]) {
            if (pairs_is_full(&self->pairs)) {
                return EXEC_BATCH;
            }
            pairs_add_extra(&self->pairs, self->left_batch, place);
        }
        self->left_row++;
        self->is_left_ended = false;
    }
    return EXEC_BATCH;
}

static enum exec_answer
nested_loop_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_nested_loop *self = (struct op_nested_loop *)(void *)op;
    if (self->is_given) {
        pairs_clear(&self->pairs);
        self->is_given = false;
    }
    for (;;) {
        if (self->left_batch == NULL) {
            const enum exec_answer answer = self->is_done ? EXEC_END : fetch_left(self, err);
            self->is_done = answer == EXEC_END;
            if (answer != EXEC_BATCH) {
                return answer;
            }
        }
        const enum exec_answer answer = fill(self, err);
        if (answer != EXEC_BATCH) {
            return answer;
        }
        struct batch *left = self->left_batch;
        if (self->left_row == left->count) {
            self->left_batch = NULL;
        }
        if (is_existential(self)) {
            *batch_out = pairs_survivors(&self->pairs, left, op->plan->join.kind == PLAN_JOIN_SEMI);
            return EXEC_BATCH;
        }
        if (pairs_judge(&self->pairs, err) != KY_OK) {
            return EXEC_ERROR;
        }
        self->is_given = true;
        *batch_out = &self->pairs.batch;
        return EXEC_BATCH;
    }
}

static ky_status
nested_loop_rescan(struct op *op, struct ky_error *err)
{
    struct op_nested_loop *self = (struct op_nested_loop *)(void *)op;
    pairs_clear(&self->pairs);
    self->left_batch = self->right_batch = NULL;
    self->is_right_running = self->is_left_ended = self->is_given = self->is_done = false;
    return op_rescan(op->left, err);
}

static void
nested_loop_close(struct op *op)
{
    ky_arena_deinit(&((struct op_nested_loop *)(void *)op)->param_memory);
}

const struct op_class op_nested_loop = {
    .size = sizeof(struct op_nested_loop),
    .open = nested_loop_open,
    .next = nested_loop_next,
    .rescan = nested_loop_rescan,
    .close = nested_loop_close,
};
