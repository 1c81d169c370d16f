/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/exec_private.h"

/* UNIQUE (DISTINCT by hash, DISTINCT ON over sorted input), APPEND, SET_OPERATION. */

/* Rows known by all their columns. */
struct row_set {
    struct store rows;
    struct key_table table;
    const struct column **columns;
    uint32_t width;
};

static void
row_set_init(struct row_set *set, struct op *op, const struct plan *child)
{
    store_init(&set->rows, child->output, child->output_count, op->exec->context->budget);
    key_table_init(&set->table, op->exec->context->budget);
    set->width = child->output_count;
    set->columns =
        ky_arena_array(op->exec->context->arena, const struct column *, (size_t)set->width + 1);
}

static void
row_set_clear(struct row_set *set)
{
    store_clear(&set->rows);
    key_table_clear(&set->table);
}

static void
row_set_deinit(struct row_set *set)
{
    store_deinit(&set->rows);
    key_table_deinit(&set->table);
}

static void
row_set_hash(struct row_set *set, const struct batch *batch, uint64_t *hashes)
{
    for (uint32_t i = 0; i < set->width; i++) {
        set->columns[i] = &batch->columns[i];
    }
    hash_rows(set->columns, set->width, batch->selection, batch->count, hashes);
}

/* The row's number + 1; 0 when unknown. */
static uint32_t
row_set_find(const struct row_set *set, uint16_t place, uint64_t hash)
{
    uint32_t row = key_table_first(&set->table, hash);
    for (; row != 0; row = key_table_next(&set->table, row)) {
        bool is_same = true;
        for (uint32_t i = 0; is_same && i < set->width; i++) {
            is_same = datum_same(set->columns[i]->type, column_get(set->columns[i], place),
                                 store_get(&set->rows, row - 1, i));
        }
        if (is_same) {
            break;
        }
    }
    return row;
}

static ky_status
row_set_add(struct row_set *set, uint16_t place, uint64_t hash, struct ky_error *err)
{
    KY_TRY(store_append_columns(&set->rows, set->columns, &place, 1, err));
    return key_table_add(&set->table, hash, err);
}

static ky_status
require_hash(const struct plan *child, struct ky_error *err)
{
    for (uint16_t i = 0; i < child->output_count; i++) {
        if (child->output[i]->hash == NULL) {
            return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                                "could not identify an equality operator for type %s",
                                child->output[i]->sql_name);
        }
    }
    return KY_OK;
}

struct op_unique {
    struct op op;
    struct row_set set;
    struct eval **keys; /* DISTINCT ON */
    const struct column **key_columns;
    struct datum *last; /* keys of the row before */
    struct ky_arena last_memory;
    bool has_last;
    struct batch batch;
};

static ky_status
unique_open(struct op *op, struct ky_error *err)
{
    struct op_unique *self = (struct op_unique *)(void *)op;
    const uint16_t key_count = op->plan->unique.key_count;
    struct ky_arena *arena = op->exec->context->arena;
    ky_arena_init(&self->last_memory);
    KY_TRY(op_open_children(op, err));
    if (key_count == 0) {
        KY_TRY(require_hash(op->plan->left, err));
        row_set_init(&self->set, op, op->plan->left);
        return KY_OK;
    }
    self->key_columns = ky_arena_array(arena, const struct column *, key_count);
    self->last = ky_arena_array(arena, struct datum, key_count);
    return exec_compile_list(op->exec, op->plan->unique.keys, key_count, &self->keys, err);
}

static ky_status
keep_first_hashed(struct op_unique *self, const struct batch *batch, uint16_t *places,
                  uint32_t *kept, struct ky_error *err)
{
    uint64_t hashes[BATCH_SIZE_MAX];
    row_set_hash(&self->set, batch, hashes);
    for (uint32_t row = 0; row < batch->count; row++) {
        const uint16_t place = (uint16_t)batch_place(batch, row);
        if (row_set_find(&self->set, place, hashes[place]) == 0) {
            KY_TRY(row_set_add(&self->set, place, hashes[place], err));
            places[(*kept)++] = place;
        }
    }
    return KY_OK;
}

static ky_status
keep_first_sorted(struct op_unique *self, const struct batch *batch, uint16_t *places,
                  uint32_t *kept, struct ky_error *err)
{
    const uint16_t key_count = self->op.plan->unique.key_count;
    const struct eval_input input = op_input(&self->op, batch);
    for (uint16_t k = 0; k < key_count; k++) {
        KY_TRY(eval_column(self->keys[k], &input, batch->selection, batch->count,
                           &self->key_columns[k], err));
    }
    for (uint32_t row = 0; row < batch->count; row++) {
        const uint16_t place = (uint16_t)batch_place(batch, row);
        bool is_same = self->has_last;
        for (uint16_t k = 0; is_same && k < key_count; k++) {
            is_same = datum_same(self->key_columns[k]->type,
                                 column_get(self->key_columns[k], place), self->last[k]);
        }
        if (is_same) {
            continue;
        }
        ky_arena_reset(&self->last_memory);
        for (uint16_t k = 0; k < key_count; k++) {
            self->last[k] = datum_copy(self->key_columns[k]->type,
                                       column_get(self->key_columns[k], place), &self->last_memory);
        }
        self->has_last = true;
        places[(*kept)++] = place;
    }
    return KY_OK;
}

static enum exec_answer
unique_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_unique *self = (struct op_unique *)(void *)op;
    struct batch *batch = NULL;
    const enum exec_answer answer = op_next(op->left, &batch, err);
    if (answer != EXEC_BATCH) {
        return answer;
    }
    uint16_t *places = op_selection(op, batch->count);
    uint32_t kept = 0;
    if ((self->keys == NULL ? keep_first_hashed(self, batch, places, &kept, err)
                            : keep_first_sorted(self, batch, places, &kept, err)) != KY_OK) {
        return EXEC_ERROR;
    }
    self->batch = *batch;
    self->batch.count = kept;
    self->batch.selection = places;
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

static ky_status
unique_rescan(struct op *op, struct ky_error *err)
{
    struct op_unique *self = (struct op_unique *)(void *)op;
    self->has_last = false;
    row_set_clear(&self->set);
    return op_rescan(op->left, err);
}

static void
unique_close(struct op *op)
{
    struct op_unique *self = (struct op_unique *)(void *)op;
    row_set_deinit(&self->set);
    ky_arena_deinit(&self->last_memory);
}

const struct op_class op_unique = {
    .size = sizeof(struct op_unique),
    .open = unique_open,
    .next = unique_next,
    .rescan = unique_rescan,
    .close = unique_close,
};

struct op_append {
    struct op op;
    struct op **children;
    uint16_t current;
};

static ky_status
append_open(struct op *op, struct ky_error *err)
{
    struct op_append *self = (struct op_append *)(void *)op;
    const uint16_t count = op->plan->append.child_count;
    self->children = ky_arena_array(op->exec->context->arena, struct op *, (size_t)count + 1);
    for (uint16_t i = 0; i < count; i++) {
        KY_TRY(op_open(op->exec, op->plan->append.children[i], &self->children[i], err));
    }
    return KY_OK;
}

static enum exec_answer
append_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_append *self = (struct op_append *)(void *)op;
    for (; self->current < op->plan->append.child_count; self->current++) {
        self->children[self->current]->wanted = op->wanted;
        const enum exec_answer answer = op_next(self->children[self->current], batch_out, err);
        if (answer != EXEC_END) {
            return answer;
        }
    }
    return EXEC_END;
}

static ky_status
append_rescan(struct op *op, struct ky_error *err)
{
    struct op_append *self = (struct op_append *)(void *)op;
    self->current = 0;
    for (uint16_t i = 0; i < op->plan->append.child_count; i++) {
        KY_TRY(op_rescan(self->children[i], err));
    }
    return KY_OK;
}

const struct op *
append_current(const struct op *op, struct op *const **children_out)
{
    const struct op_append *self = (const struct op_append *)(const void *)op;
    *children_out = self->children;
    return self->current < op->plan->append.child_count ? self->children[self->current] : NULL;
}

const struct op_class op_append = {
    .size = sizeof(struct op_append),
    .open = append_open,
    .next = append_next,
    .rescan = append_rescan,
};

/*
 * The right side's rows are counted, then left rows pass or not: INTERSECT when counted, EXCEPT
 * when not. ALL takes one off the count each time; without it a row passes once.
 */
struct op_set_operation {
    struct op op;
    struct row_set set;
    int64_t *counts; /* by row of the set, heap: right rows left to match; -1: given out */
    uint32_t count_room;
    uint64_t charged;
    bool is_read;
    struct batch batch;
};

static ky_status
set_operation_open(struct op *op, struct ky_error *err)
{
    struct op_set_operation *self = (struct op_set_operation *)(void *)op;
    KY_TRY(op_open_children(op, err));
    KY_TRY(require_hash(op->plan->left, err));
    row_set_init(&self->set, op, op->plan->left);
    return KY_OK;
}

/* Finds or adds the row; its number. */
static ky_status
count_place(struct op_set_operation *self, uint16_t place, uint64_t hash, uint32_t *row_out,
            struct ky_error *err)
{
    const uint32_t row = row_set_find(&self->set, place, hash);
    if (row != 0) {
        *row_out = row - 1;
        return KY_OK;
    }
    KY_TRY(row_set_add(&self->set, place, hash, err));
    *row_out = (uint32_t)self->set.rows.count - 1;
    if (*row_out >= self->count_room) {
        const uint32_t room = self->count_room == 0 ? 64 : self->count_room * 2;
        if (self->op.exec->context->budget != NULL) {
            const uint64_t extra = (room - self->count_room) * sizeof(int64_t);
            KY_TRY(ky_budget_charge(self->op.exec->context->budget, extra, err));
            self->charged += extra;
        }
        self->count_room = room;
        self->counts = ky_realloc(self->counts, self->count_room * sizeof(int64_t));
    }
    self->counts[*row_out] = 0;
    return KY_OK;
}

static enum exec_answer
read_right(struct op_set_operation *self, struct ky_error *err)
{
    for (;;) {
        struct batch *batch = NULL;
        const enum exec_answer answer = op_next(self->op.right, &batch, err);
        if (answer != EXEC_BATCH) {
            return answer;
        }
        uint64_t hashes[BATCH_SIZE_MAX];
        row_set_hash(&self->set, batch, hashes);
        for (uint32_t row = 0; row < batch->count; row++) {
            const uint16_t place = (uint16_t)batch_place(batch, row);
            uint32_t known = 0;
            if (count_place(self, place, hashes[place], &known, err) != KY_OK) {
                return EXEC_ERROR;
            }
            self->counts[known]++;
        }
        if (exec_should_yield(self->op.exec)) {
            return EXEC_PENDING;
        }
    }
}

static bool
does_pass(struct op_set_operation *self, uint32_t known)
{
    const struct plan *plan = self->op.plan;
    const bool is_intersect = plan->set.operation == SET_INTERSECT;
    int64_t *count = &self->counts[known];
    if (plan->set.is_all) {
        const bool is_counted = *count > 0;
        *count -= is_counted;
        return is_counted == is_intersect;
    }
    const bool is_passing = is_intersect ? *count > 0 : *count == 0;
    if (is_passing) {
        *count = -1;
    }
    return is_passing;
}

static enum exec_answer
set_operation_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_set_operation *self = (struct op_set_operation *)(void *)op;
    if (!self->is_read) {
        const enum exec_answer answer = read_right(self, err);
        if (answer != EXEC_END) {
            return answer;
        }
        self->is_read = true;
    }
    struct batch *batch = NULL;
    const enum exec_answer answer = op_next(op->left, &batch, err);
    if (answer != EXEC_BATCH) {
        return answer;
    }
    uint64_t hashes[BATCH_SIZE_MAX];
    uint16_t *places = op_selection(op, batch->count);
    uint32_t kept = 0;
    row_set_hash(&self->set, batch, hashes);
    for (uint32_t row = 0; row < batch->count; row++) {
        const uint16_t place = (uint16_t)batch_place(batch, row);
        uint32_t known = 0;
        if (count_place(self, place, hashes[place], &known, err) != KY_OK) {
            return EXEC_ERROR;
        }
        if (does_pass(self, known)) {
            places[kept++] = place;
        }
    }
    self->batch = *batch;
    self->batch.count = kept;
    self->batch.selection = places;
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

static ky_status
set_operation_rescan(struct op *op, struct ky_error *err)
{
    struct op_set_operation *self = (struct op_set_operation *)(void *)op;
    row_set_clear(&self->set);
    self->is_read = false;
    KY_TRY(op_rescan(op->right, err));
    return op_rescan(op->left, err);
}

static void
set_operation_close(struct op *op)
{
    struct op_set_operation *self = (struct op_set_operation *)(void *)op;
    row_set_deinit(&self->set);
    if (op->exec->context->budget != NULL) {
        ky_budget_release(op->exec->context->budget, self->charged);
    }
    ky_free(self->counts);
}

const struct op_class op_set_operation = {
    .size = sizeof(struct op_set_operation),
    .open = set_operation_open,
    .next = set_operation_next,
    .rescan = set_operation_rescan,
    .close = set_operation_close,
};
