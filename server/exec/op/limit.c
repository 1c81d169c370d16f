/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/limit.h"

/* LIMIT, OFFSET, WITH TIES over (for ties: sorted) input. */
struct op_limit {
    struct op op;
    struct eval *limit, *offset;
    struct eval **keys; /* WITH TIES */
    struct datum *last; /* keys of the last row within the limit, in ties */
    struct ky_arena ties;
    uint64_t left, skip;
    bool is_started, is_done;
    bool is_in_ties;
    struct batch batch;
};

ky_status
limit_evaluate(struct op *op, struct eval *limit, struct eval *offset, uint64_t *limit_out,
               uint64_t *offset_out, struct ky_error *err)
{
    const struct eval_input input = {NULL, 0, &op->memory};
    struct datum value = datum_null();
    *limit_out = UINT64_MAX;
    *offset_out = 0;
    if (offset != NULL) {
        KY_TRY(eval_datum(offset, &input, 0, &value, err));
        if (!value.is_null && value.word < 0) {
            return ky_error_set(err, KY_INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE,
                                "OFFSET must not be negative");
        }
        *offset_out = value.is_null ? 0 : (uint64_t)value.word;
    }
    if (limit != NULL) {
        KY_TRY(eval_datum(limit, &input, 0, &value, err));
        if (!value.is_null && value.word < 0) {
            return ky_error_set(err, KY_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
                                "LIMIT must not be negative");
        }
        *limit_out = value.is_null ? UINT64_MAX : (uint64_t)value.word;
    }
    return KY_OK;
}

static ky_status
limit_open(struct op *op, struct ky_error *err)
{
    struct op_limit *self = (struct op_limit *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    KY_TRY(op_open_children(op, err));
    if (plan->sort.limit != NULL) {
        KY_TRY(eval_compile(op->exec, plan->sort.limit, &self->limit, err));
    }
    if (plan->sort.offset != NULL) {
        KY_TRY(eval_compile(op->exec, plan->sort.offset, &self->offset, err));
    }
    ky_arena_init(&self->ties);
    if (plan->sort.is_with_ties) {
        self->keys = ky_arena_array(arena, struct eval *, (size_t)plan->sort.key_count + 1);
        self->last = ky_arena_array(arena, struct datum, (size_t)plan->sort.key_count + 1);
        for (uint16_t i = 0; i < plan->sort.key_count; i++) {
            KY_TRY(eval_compile(op->exec, plan->sort.keys[i].expr, &self->keys[i], err));
        }
    }
    return KY_OK;
}

static ky_status
remember_ties(struct op_limit *self, const struct eval_input *input, uint32_t place,
              struct ky_error *err)
{
    for (uint16_t i = 0; i < self->op.plan->sort.key_count; i++) {
        KY_TRY(eval_datum(self->keys[i], input, place, &self->last[i], err));
        self->last[i] = datum_copy(eval_type(self->keys[i]), self->last[i], &self->ties);
    }
    self->is_in_ties = true;
    return KY_OK;
}

static ky_status
is_tie(struct op_limit *self, const struct eval_input *input, uint32_t place, bool *is_tie_out,
       struct ky_error *err)
{
    *is_tie_out = true;
    for (uint16_t i = 0; i < self->op.plan->sort.key_count && *is_tie_out; i++) {
        struct datum value = datum_null();
        KY_TRY(eval_datum(self->keys[i], input, place, &value, err));
        *is_tie_out = datum_same(eval_type(self->keys[i]), value, self->last[i]);
    }
    return KY_OK;
}

/* The rows of the child's batch that count. */
static ky_status
cut(struct op_limit *self, const struct batch *batch, struct ky_error *err)
{
    const uint64_t skipped = KY_MIN(self->skip, (uint64_t)batch->count);
    const uint64_t kept = KY_MIN(self->left, batch->count - skipped);
    uint16_t *places = op_selection(&self->op, batch->count);
    uint32_t count = 0;
    for (uint64_t row = skipped; row < skipped + kept; row++) {
        places[count++] = (uint16_t)batch_place(batch, (uint32_t)row);
    }
    self->skip -= skipped;
    self->left -= self->left == UINT64_MAX ? 0 : kept;
    if (self->left == 0 && self->keys == NULL) {
        self->is_done = true;
    } else if (self->left == 0) {
        const struct eval_input input = op_input(&self->op, batch);
        if (!self->is_in_ties) {
            KY_TRY(remember_ties(self, &input, places[count - 1], err));
        }
        for (uint64_t row = skipped + kept; row < batch->count && !self->is_done; row++) {
            bool is_same = false;
            const uint32_t place = batch_place(batch, (uint32_t)row);
            KY_TRY(is_tie(self, &input, place, &is_same, err));
            if (is_same) {
                places[count++] = (uint16_t)place;
            } else {
                self->is_done = true;
            }
        }
    }
    self->batch = *batch;
    self->batch.count = count;
    self->batch.selection = places;
    return KY_OK;
}

/* Of the child's next batch: no row that is not given out is evaluated or locked. */
static uint64_t
rows_wanted(const struct op_limit *self)
{
    const uint64_t own = self->op.wanted == 0 ? UINT64_MAX : self->op.wanted;
    const uint64_t wanted = KY_MIN(own, self->keys != NULL ? UINT64_MAX : self->left);
    return wanted > UINT64_MAX - self->skip || wanted == UINT64_MAX ? 0 : wanted + self->skip;
}

static enum exec_answer
limit_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_limit *self = (struct op_limit *)(void *)op;
    if (!self->is_started) {
        if (limit_evaluate(op, self->limit, self->offset, &self->left, &self->skip, err) != KY_OK) {
            return EXEC_ERROR;
        }
        self->is_started = true;
        self->is_done = self->left == 0;
    }
    if (self->is_done) {
        return EXEC_END;
    }
    struct batch *batch = NULL;
    op->left->wanted = rows_wanted(self);
    const enum exec_answer answer = op_next(op->left, &batch, err);
    if (answer != EXEC_BATCH) {
        return answer;
    }
    if (self->skip == 0 && self->left >= batch->count && self->keys == NULL) {
        self->left -= self->left == UINT64_MAX ? 0 : batch->count;
        self->is_done = self->left == 0;
        *batch_out = batch;
        return EXEC_BATCH;
    }
    if (cut(self, batch, err) != KY_OK) {
        return EXEC_ERROR;
    }
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

static ky_status
limit_rescan(struct op *op, struct ky_error *err)
{
    struct op_limit *self = (struct op_limit *)(void *)op;
    self->is_started = self->is_done = self->is_in_ties = false;
    return op_rescan(op->left, err);
}

static void
limit_close(struct op *op)
{
    ky_arena_deinit(&((struct op_limit *)(void *)op)->ties);
}

const struct op_class op_limit = {
    .size = sizeof(struct op_limit),
    .open = limit_open,
    .next = limit_next,
    .rescan = limit_rescan,
    .close = limit_close,
};
