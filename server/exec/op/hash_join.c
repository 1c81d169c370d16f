/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/pairs.h"

/*
 * The right side is kept under the hash of its keys; each left row looks up its partners. Null
 * keys equal nothing. Without keys every pair is a candidate, which is how RIGHT and FULL joins
 * of a nested loop run. Order is the left side's, then right rows without a partner.
 */
struct op_hash_join {
    struct op op;
    struct pairs pairs;
    struct eval *condition;
    struct eval **left_keys, **right_keys;
    const struct column **left_columns, **right_columns; /* keys of the current batch */
    const struct column **stored;
    struct store rows; /* right columns, then keys */
    struct key_table table;
    struct ky_arena left_memory; /* keys of the left batch */
    uint64_t *hashes;            /* by place of the left batch */
    uint32_t hash_room;
    uint8_t *right_matched; /* by row, heap; RIGHT and FULL */
    uint64_t matched_size;
    struct batch *left_batch;
    uint32_t left_row;
    uint32_t chain; /* next candidate of the left row, row + 1; 0: none left */
    bool is_in_row; /* chain is valid */
    bool is_built, is_done, is_given, is_left_done;
    bool has_null_key; /* on the right */
    uint64_t unmatched_next;
};

static ky_status
hash_join_open(struct op *op, struct ky_error *err)
{
    struct op_hash_join *self = (struct op_hash_join *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    const uint16_t key_count = plan->join.key_count;
    const uint32_t width = plan->right->output_count;
    KY_TRY(op_open_children(op, err));
    KY_TRY(exec_compile_list(op->exec, plan->join.left_keys, key_count, &self->left_keys, err));
    KY_TRY(exec_compile_list(op->exec, plan->join.right_keys, key_count, &self->right_keys, err));
    if (plan->join.condition != NULL) {
        KY_TRY(eval_compile(op->exec, plan->join.condition, &self->condition, err));
    }
    self->left_columns = ky_arena_array(arena, const struct column *, (size_t)key_count + 1);
    self->right_columns = ky_arena_array(arena, const struct column *, (size_t)key_count + 1);
    self->stored = ky_arena_array(arena, const struct column *, (size_t)width + key_count + 1);
    const struct type **types =
        ky_arena_array(arena, const struct type *, (size_t)width + key_count + 1);
    for (uint32_t i = 0; i < width; i++) {
        types[i] = plan->right->output[i];
    }
    for (uint16_t k = 0; k < key_count; k++) {
        types[width + k] = plan->join.right_keys[k]->type;
    }
    store_init(&self->rows, types, width + key_count, op->exec->context->budget);
    key_table_init(&self->table, op->exec->context->budget);
    ky_arena_init(&self->left_memory);
    pairs_init(&self->pairs, op, self->condition);
    return KY_OK;
}

static ky_status
build_batch(struct op_hash_join *self, const struct batch *batch, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    const struct eval_input input = op_input(&self->op, batch);
    const uint32_t width = plan->right->output_count;
    uint64_t hashes[BATCH_SIZE_MAX];
    for (uint32_t i = 0; i < width; i++) {
        self->stored[i] = &batch->columns[i];
    }
    for (uint16_t k = 0; k < plan->join.key_count; k++) {
        KY_TRY(eval_column(self->right_keys[k], &input, batch->selection, batch->count,
                           &self->right_columns[k], err));
        self->stored[width + k] = self->right_columns[k];
    }
    hash_rows(self->right_columns, plan->join.key_count, batch->selection, batch->count, hashes);
    for (uint32_t row = 0; row < batch->count; row++) {
        const uint32_t place = batch_place(batch, row);
        for (uint16_t k = 0; k < plan->join.key_count; k++) {
            self->has_null_key = self->has_null_key || self->right_columns[k]->is_null[place];
        }
        KY_TRY(key_table_add(&self->table, hashes[place], err));
    }
    return store_append_columns(&self->rows, self->stored, batch->selection, batch->count, err);
}

static bool
keeps_right(const struct op_hash_join *self)
{
    const enum plan_join kind = self->op.plan->join.kind;
    return kind == PLAN_JOIN_RIGHT || kind == PLAN_JOIN_FULL;
}

static ky_status
make_marks(struct op_hash_join *self, struct ky_error *err)
{
    struct ky_budget *budget = self->op.exec->context->budget;
    if (!keeps_right(self)) {
        return KY_OK;
    }
    if (self->rows.count > self->matched_size) {
        if (budget != NULL) {
            KY_TRY(ky_budget_charge(budget, self->rows.count - self->matched_size, err));
        }
        self->matched_size = self->rows.count;
        self->right_matched = ky_realloc(self->right_matched, self->matched_size);
    }
    if (self->rows.count > 0) {
        memset(self->right_matched, 0, self->rows.count);
    }
    return KY_OK;
}

static enum exec_answer
build(struct op_hash_join *self, struct ky_error *err)
{
    for (;;) {
        struct batch *batch = NULL;
        const enum exec_answer answer = op_next(self->op.right, &batch, err);
        if (answer == EXEC_END) {
            break;
        }
        if (answer != EXEC_BATCH) {
            return answer;
        }
        ky_arena_reset(&self->op.memory);
        if (build_batch(self, batch, err) != KY_OK) {
            return EXEC_ERROR;
        }
        if (exec_should_yield(self->op.exec)) {
            return EXEC_PENDING;
        }
    }
    key_table_settle(&self->table);
    self->is_built = true;
    return make_marks(self, err) == KY_OK ? EXEC_END : EXEC_ERROR;
}

static enum exec_answer
fetch_left(struct op_hash_join *self, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    struct batch *batch = NULL;
    const enum exec_answer answer = op_next(self->op.left, &batch, err);
    if (answer != EXEC_BATCH) {
        return answer;
    }
    const uint32_t extent = batch_extent(batch);
    if (self->hash_room < extent) {
        self->hash_room = batch_room(extent);
        self->hashes = ky_arena_array(self->op.exec->context->arena, uint64_t, self->hash_room);
    }
    ky_arena_reset(&self->left_memory);
    const struct eval_input input = {batch->columns, batch->column_count, &self->left_memory};
    for (uint16_t k = 0; k < plan->join.key_count; k++) {
        if (eval_column(self->left_keys[k], &input, batch->selection, batch->count,
                        &self->left_columns[k], err) != KY_OK) {
            return EXEC_ERROR;
        }
    }
    hash_rows(self->left_columns, plan->join.key_count, batch->selection, batch->count,
              self->hashes);
    self->left_batch = batch;
    self->left_row = 0;
    self->is_in_row = false;
    pairs_begin_left(&self->pairs);
    pairs_make_room(&self->pairs, KY_MAX(batch->count, 1U));
    return EXEC_BATCH;
}

/* From candidate on, the first row whose keys are equal to the left row's. */
static uint32_t
skip_to_equal(const struct op_hash_join *self, uint32_t place, uint32_t candidate)
{
    const uint16_t key_count = self->op.plan->join.key_count;
    const uint32_t width = self->op.plan->right->output_count;
    while (candidate != 0) {
        bool is_equal = true;
        for (uint16_t k = 0; is_equal && k < key_count; k++) {
            const struct column *key = self->left_columns[k];
            const struct datum left = column_get(key, place);
            is_equal =
                !left.is_null &&
                datum_same(key->type, left, store_get(&self->rows, candidate - 1, width + k));
        }
        if (is_equal) {
            break;
        }
        candidate = key_table_next(&self->table, candidate);
    }
    return candidate;
}

static void
add_pair(struct op_hash_join *self, uint32_t place, uint32_t row)
{
    struct pairs *pairs = &self->pairs;
    const uint32_t pair = pairs_add_left(pairs, self->left_batch, place);
    pairs->right_row[pair] = row;
    for (uint32_t i = 0; i < pairs->right_width; i++) {
        column_set(&pairs->batch.columns[pairs->left_width + i], pair,
                   store_get(&self->rows, row, i));
    }
}

/* NOT IN: does this row fail without looking, because of a null? */
static bool
is_decided_by_null(const struct op_hash_join *self, uint32_t place)
{
    if (!self->op.plan->join.is_null_aware || self->rows.count == 0) {
        return false;
    }
    bool is_null = self->has_null_key;
    for (uint16_t k = 0; k < self->op.plan->join.key_count; k++) {
        is_null = is_null || self->left_columns[k]->is_null[place];
    }
    return is_null;
}

/* Adds candidates until the pairs are full or the left batch is through. */
static void
fill(struct op_hash_join *self)
{
    struct pairs *pairs = &self->pairs;
    const enum plan_join kind = self->op.plan->join.kind;
    const bool is_existential = kind == PLAN_JOIN_SEMI || kind == PLAN_JOIN_ANTI;
    const bool has_extra = kind == PLAN_JOIN_LEFT || kind == PLAN_JOIN_FULL;
    for (; self->left_row < self->left_batch->count; self->left_row++) {
        const uint32_t place = batch_place(self->left_batch, self->left_row);
        if (!self->is_in_row) {
            self->chain =
                skip_to_equal(self, place, key_table_first(&self->table, self->hashes[place]));
            self->is_in_row = true;
            if (is_existential && (is_decided_by_null(self, place) ||
                                   (self->chain != 0 && self->condition == NULL))) {
                pairs->left_matched[place] = 1;
                self->chain = 0;
            }
        }
        for (; self->chain != 0;
             self->chain = skip_to_equal(self, place, key_table_next(&self->table, self->chain))) {
            if (pairs_is_full(pairs)) {
                return;
            }
            add_pair(self, place, self->chain - 1);
        }
        if (has_extra && !pairs->left_matched[place]) {
            if (pairs_is_full(pairs)) {
                return;
            }
            pairs_add_extra(pairs, self->left_batch, place);
        }
        self->is_in_row = false;
    }
}

static void
mark_right(struct op_hash_join *self)
{
    const struct batch *batch = &self->pairs.batch;
    for (uint32_t row = 0; row < batch->count; row++) {
        const uint32_t pair = batch_place(batch, row);
        if (!self->pairs.is_extra[pair]) {
            self->right_matched[self->pairs.right_row[pair]] = 1;
        }
    }
}

/* Right rows without a partner, nulls on the left. */
static enum exec_answer
emit_unmatched(struct op_hash_join *self, struct batch **batch_out)
{
    struct pairs *pairs = &self->pairs;
    pairs_make_room(pairs, BATCH_SIZE_MAX);
    for (; self->unmatched_next < self->rows.count && !pairs_is_full(pairs);
         self->unmatched_next++) {
        if (self->right_matched[self->unmatched_next]) {
            continue;
        }
        const uint32_t pair = pairs->batch.count++;
        for (uint32_t i = 0; i < pairs->left_width; i++) {
            column_set(&pairs->batch.columns[i], pair, datum_null());
        }
        for (uint32_t i = 0; i < pairs->right_width; i++) {
            column_set(&pairs->batch.columns[pairs->left_width + i], pair,
                       store_get(&self->rows, self->unmatched_next, i));
        }
    }
    if (pairs->batch.count == 0) {
        return EXEC_END;
    }
    self->is_given = true;
    *batch_out = &pairs->batch;
    return EXEC_BATCH;
}

static enum exec_answer
next_left(struct op_hash_join *self, struct ky_error *err)
{
    const enum plan_join kind = self->op.plan->join.kind;
    const bool is_empty_handed =
        self->rows.count == 0 &&
        (kind == PLAN_JOIN_INNER || kind == PLAN_JOIN_SEMI || kind == PLAN_JOIN_RIGHT);
    if (self->is_left_done || is_empty_handed) {
        return EXEC_END;
    }
    const enum exec_answer answer = fetch_left(self, err);
    self->is_left_done = answer == EXEC_END;
    return answer;
}

static enum exec_answer
hash_join_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_hash_join *self = (struct op_hash_join *)(void *)op;
    const enum plan_join kind = op->plan->join.kind;
    if (!self->is_built) {
        const enum exec_answer answer = build(self, err);
        if (answer != EXEC_END) {
            return answer;
        }
    }
    if (self->is_given) {
        pairs_clear(&self->pairs);
        self->is_given = false;
    }
    for (;;) {
        if (self->left_batch == NULL) {
            const enum exec_answer answer = next_left(self, err);
            if (answer == EXEC_END && keeps_right(self)) {
                return emit_unmatched(self, batch_out);
            }
            if (answer != EXEC_BATCH) {
                return answer;
            }
        }
        fill(self);
        if (pairs_judge(&self->pairs, err) != KY_OK) {
            return EXEC_ERROR;
        }
        struct batch *left = self->left_batch;
        const bool is_through = self->left_row == left->count;
        if (is_through) {
            self->left_batch = NULL;
        }
        if (kind == PLAN_JOIN_SEMI || kind == PLAN_JOIN_ANTI) {
            pairs_clear(&self->pairs);
            if (is_through) {
                *batch_out = pairs_survivors(&self->pairs, left, kind == PLAN_JOIN_SEMI);
                return EXEC_BATCH;
            }
            continue;
        }
        if (keeps_right(self)) {
            mark_right(self);
        }
        self->is_given = true;
        *batch_out = &self->pairs.batch;
        return EXEC_BATCH;
    }
}

static ky_status
hash_join_rescan(struct op *op, struct ky_error *err)
{
    struct op_hash_join *self = (struct op_hash_join *)(void *)op;
    pairs_clear(&self->pairs);
    self->left_batch = NULL;
    self->is_given = self->is_in_row = self->is_left_done = false;
    self->unmatched_next = 0;
    if (self->is_built && op_is_steady(op->right)) {
        KY_TRY(make_marks(self, err));
    } else {
        store_clear(&self->rows);
        key_table_clear(&self->table);
        self->is_built = self->has_null_key = false;
        KY_TRY(op_rescan(op->right, err));
    }
    return op_rescan(op->left, err);
}

static void
hash_join_close(struct op *op)
{
    struct op_hash_join *self = (struct op_hash_join *)(void *)op;
    store_deinit(&self->rows);
    key_table_deinit(&self->table);
    ky_arena_deinit(&self->left_memory);
    if (op->exec->context->budget != NULL) {
        ky_budget_release(op->exec->context->budget, self->matched_size);
    }
    ky_free(self->right_matched);
}

const struct op_class op_hash_join = {
    .size = sizeof(struct op_hash_join),
    .open = hash_join_open,
    .next = hash_join_next,
    .rescan = hash_join_rescan,
    .close = hash_join_close,
};
