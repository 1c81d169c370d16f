/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/index_lookup.h"
#include "server/exec/op/pairs.h"

/*
 * A nested loop whose right side is an index scan for whole keys: the left rows are taken in
 * chunks, whose keys are looked up together, so that the misses of the caches overlap. The pairs of
 * one batch of the right side are given out before the next is asked for, so nothing is copied.
 */
struct op_lookup_join {
    struct op op;
    struct pairs pairs;
    struct eval *condition;
    struct eval **params;
    const struct column **values; /* of the params, for the chunk */
    struct ky_arena memory;       /* theirs */
    struct batch *left_batch;     /* NULL: to be fetched */
    uint32_t left_next;           /* its first row after the chunk */
    struct batch chunk;           /* part of the left batch */
    uint16_t places[LOOKUP_ROWS_MAX];
    uint32_t chunk_row; /* whose partners come now */
    uint32_t chunk_size;
    struct batch *right_batch; /* NULL: to be fetched */
    uint32_t right_row;
    bool has_chunk, is_right_ended, is_given, is_done;
};

enum { CHUNK_FIRST_ROWS = 64 };

static void
set_slots(void *arg, uint32_t row)
{
    struct op_lookup_join *self = arg;
    const struct plan *plan = self->op.plan;
    for (uint16_t i = 0; i < plan->join.param_count; i++) {
        self->op.exec->slots[plan->join.params[i].slot] =
            column_get(self->values[i], self->places[row]);
    }
}

bool
lookup_join_serves(const struct plan *join)
{
    const enum plan_join kind = join->join.kind;
    return (kind == PLAN_JOIN_INNER || kind == PLAN_JOIN_LEFT) && join->join.param_count > 0 &&
           index_lookup_serves(join->right);
}

static ky_status
lookup_join_open(struct op *op, struct ky_error *err)
{
    struct op_lookup_join *self = (struct op_lookup_join *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    KY_TRY(op_open(op->exec, plan->left, &op->left, err));
    KY_TRY(op_open_as(op->exec, plan->right, &op_index_lookup, &op->right, err));
    index_lookup_use(op->right, set_slots, self);
    self->params = ky_arena_array(arena, struct eval *, plan->join.param_count);
    self->values = ky_arena_array(arena, const struct column *, plan->join.param_count);
    for (uint16_t i = 0; i < plan->join.param_count; i++) {
        uses_clear(op->uses, plan->join.params[i].slot);
    }
    for (uint16_t i = 0; i < plan->join.param_count; i++) {
        KY_TRY(eval_compile(op->exec, plan->join.params[i].expr, &self->params[i], err));
    }
    if (plan->join.condition != NULL) {
        KY_TRY(eval_compile(op->exec, plan->join.condition, &self->condition, err));
    }
    ky_arena_init(&self->memory);
    pairs_init(&self->pairs, op, self->condition);
    self->chunk_size = CHUNK_FIRST_ROWS;
    return KY_OK;
}

static enum exec_answer
fetch_left(struct op_lookup_join *self, struct ky_error *err)
{
    struct batch *batch = NULL;
    self->op.left->wanted = self->op.wanted == 0 ? 0 : self->chunk_size;
    const enum exec_answer answer = op_next(self->op.left, &batch, err);
    if (answer == EXEC_BATCH) {
        self->left_batch = batch;
        self->left_next = 0;
        pairs_begin_left(&self->pairs);
    }
    return answer;
}

/* The next rows of the left batch, their keys noted. */
static ky_status
begin_chunk(struct op_lookup_join *self, struct ky_error *err)
{
    struct op *right = self->op.right;
    const struct batch *left = self->left_batch;
    const uint32_t count = KY_MIN(self->chunk_size, left->count - self->left_next);
    const struct eval_input input = {left->columns, left->column_count, &self->memory};
    bool is_full = false;
    ky_arena_reset(&self->memory);
    for (uint32_t i = 0; i < count; i++) {
        self->places[i] = (uint16_t)batch_place(left, self->left_next + i);
    }
    for (uint16_t i = 0; i < self->op.plan->join.param_count; i++) {
        KY_TRY(eval_column(self->params[i], &input, self->places, count, &self->values[i], err));
    }
    index_lookup_begin(right);
    uint32_t taken = 0;
    for (; taken < count && !is_full; taken++) {
        set_slots(self, taken);
        KY_TRY(index_lookup_note(right, taken, &is_full, err));
    }
    if (right->actual != NULL) {
        right->actual->loops += taken;
    }
    self->chunk = *left;
    self->chunk.count = taken;
    self->chunk.selection = self->places;
    self->left_next += taken;
    self->chunk_row = 0;
    self->chunk_size = KY_MIN(self->chunk_size * 4, (uint32_t)LOOKUP_ROWS_MAX);
    self->right_batch = NULL;
    self->is_right_ended = false;
    self->has_chunk = true;
    return KY_OK;
}

/* Up to the chunk's row `end`, all have seen their partners. False when the pairs are full. */
static bool
pass_rows(struct op_lookup_join *self, uint32_t end)
{
    struct pairs *pairs = &self->pairs;
    const bool is_filled = self->op.plan->join.kind == PLAN_JOIN_LEFT;
    for (; is_filled && self->chunk_row < end; self->chunk_row++) {
        const uint32_t place = self->places[self->chunk_row];
        if (pairs->left_matched[place]) {
            continue;
        }
        if (pairs_is_full(pairs)) {
            return false;
        }
        pairs_note_extra(pairs, place);
    }
    self->chunk_row = end;
    return true;
}

/* Pairs of the chunk with what is left of the right batch, until they are full. */
static void
fill(struct op_lookup_join *self)
{
    struct pairs *pairs = &self->pairs;
    const struct batch *right = self->right_batch;
    for (; right != NULL && self->right_row < right->count; self->right_row++) {
        const uint32_t right_place = batch_place(right, self->right_row);
        if (!pass_rows(self, index_lookup_outer(self->op.right, right_place)) ||
            pairs_is_full(pairs)) {
            break;
        }
        pairs_note(pairs, self->places[self->chunk_row], right_place);
    }
    if (self->is_right_ended && pass_rows(self, self->chunk.count)) {
        self->has_chunk = false;
    }
    pairs_gather(pairs, &self->chunk, right);
    if (right != NULL && self->right_row == right->count) {
        self->right_batch = NULL;
    }
}

/* EXEC_BATCH: a chunk is there, and its next inner rows or their end. */
static enum exec_answer
advance(struct op_lookup_join *self, struct ky_error *err)
{
    if (!self->has_chunk) {
        if (self->left_batch != NULL && self->left_next == self->left_batch->count) {
            self->left_batch = NULL;
        }
        if (self->left_batch == NULL) {
            const enum exec_answer answer = self->is_done ? EXEC_END : fetch_left(self, err);
            self->is_done = answer == EXEC_END;
            if (answer != EXEC_BATCH) {
                return answer;
            }
        }
        if (begin_chunk(self, err) != KY_OK) {
            return EXEC_ERROR;
        }
    }
    if (self->right_batch == NULL && !self->is_right_ended) {
        struct batch *batch = NULL;
        const enum exec_answer answer = op_next(self->op.right, &batch, err);
        if (answer != EXEC_BATCH && answer != EXEC_END) {
            return answer;
        }
        self->is_right_ended = answer == EXEC_END;
        self->right_batch = batch;
        self->right_row = 0;
        pairs_make_room(&self->pairs,
                        KY_MAX(batch == NULL ? 1U : batch_extent(batch), self->chunk.count));
    }
    return EXEC_BATCH;
}

static enum exec_answer
lookup_join_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_lookup_join *self = (struct op_lookup_join *)(void *)op;
    if (self->is_given) {
        pairs_clear(&self->pairs);
        self->is_given = false;
    }
    if (op->wanted > 0) {
        self->chunk_size = (uint32_t)KY_MIN(op->wanted, (uint64_t)CHUNK_FIRST_ROWS);
    }
    for (;;) {
        const enum exec_answer answer = advance(self, err);
        if (answer != EXEC_BATCH) {
            return answer;
        }
        fill(self);
        if (self->pairs.batch.count == 0) {
            if (exec_check_cancel(op->exec, err) != KY_OK) {
                return EXEC_ERROR;
            }
            if (exec_should_yield(op->exec)) {
                return EXEC_PENDING;
            }
            continue;
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
lookup_join_rescan(struct op *op, struct ky_error *err)
{
    struct op_lookup_join *self = (struct op_lookup_join *)(void *)op;
    pairs_clear(&self->pairs);
    index_lookup_begin(op->right);
    self->left_batch = self->right_batch = NULL;
    self->has_chunk = self->is_right_ended = self->is_given = self->is_done = false;
    self->chunk_size = CHUNK_FIRST_ROWS;
    return op_rescan(op->left, err);
}

static void
lookup_join_close(struct op *op)
{
    ky_arena_deinit(&((struct op_lookup_join *)(void *)op)->memory);
}

const struct op_class op_lookup_join = {
    .size = sizeof(struct op_lookup_join),
    .open = lookup_join_open,
    .next = lookup_join_next,
    .rescan = lookup_join_rescan,
    .close = lookup_join_close,
};
