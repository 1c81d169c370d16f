/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "server/exec/op/limit.h"
#include "server/exec/op/sorter.h"

/*
 * SORT, and TOP_N: a sort that throws away what cannot be among the first limit + offset rows.
 * Once that many are known, a row that sorts after the last of them is not even copied.
 */
struct op_sort {
    struct op op;
    struct sorter sorter;
    struct eval **keys;
    const struct column **key_columns;
    const struct column **columns;
    struct eval *limit, *offset;
    bool is_top, is_started, is_sorted;
    bool is_pruned; /* entries[keep - 1] bounds what can come in */
    uint32_t keep;
    uint64_t next_row, end_row;
    struct batch batch;
    uint32_t capacity;
};

enum { TOP_N_MAX = 100000 };

static ky_status
sort_open(struct op *op, struct ky_error *err)
{
    struct op_sort *self = (struct op_sort *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    const uint16_t key_count = plan->sort.key_count;
    KY_TRY(op_open_children(op, err));
    struct key_column *columns = ky_arena_array(arena, struct key_column, (size_t)key_count + 1);
    self->keys = ky_arena_array(arena, struct eval *, (size_t)key_count + 1);
    self->key_columns = ky_arena_array(arena, const struct column *, (size_t)key_count + 1);
    for (uint16_t i = 0; i < key_count; i++) {
        const struct sort_key *key = &plan->sort.keys[i];
        KY_TRY(eval_compile(op->exec, key->expr, &self->keys[i], err));
        columns[i] = (struct key_column){key->expr->type, key->is_descending, key->is_nulls_first};
        if (key->expr->type->key == NULL) {
            return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                                "could not identify an ordering operator for type %s",
                                key->expr->type->sql_name);
        }
    }
    const uint16_t width = plan->left->output_count;
    self->columns = ky_arena_array(arena, const struct column *, (size_t)width + 1);
    sorter_init(&self->sorter, plan->left->output, width, columns, key_count,
                op->exec->context->budget);
    self->is_top = plan->kind == PLAN_TOP_N;
    if (self->is_top && plan->sort.limit != NULL) {
        KY_TRY(eval_compile(op->exec, plan->sort.limit, &self->limit, err));
    }
    if (self->is_top && plan->sort.offset != NULL) {
        KY_TRY(eval_compile(op->exec, plan->sort.offset, &self->offset, err));
    }
    return KY_OK;
}

static ky_status
start(struct op_sort *self, struct ky_error *err)
{
    uint64_t limit = UINT64_MAX;
    uint64_t offset = 0;
    if (self->is_top) {
        KY_TRY(limit_evaluate(&self->op, self->limit, self->offset, &limit, &offset, err));
    }
    self->next_row = offset;
    self->end_row = limit > UINT64_MAX - offset ? UINT64_MAX : limit + offset;
    self->keep = 0;
    if (self->end_row <= TOP_N_MAX && !self->op.plan->sort.is_with_ties) {
        self->keep = (uint32_t)self->end_row;
    }
    self->is_started = true;
    self->is_pruned = false;
    return KY_OK;
}

static ky_status
add_batch(struct op_sort *self, const struct batch *batch, struct ky_error *err)
{
    const struct eval_input input = op_input(&self->op, batch);
    const uint16_t *selection = batch->selection;
    uint32_t count = batch->count;
    for (uint16_t i = 0; i < self->op.plan->sort.key_count; i++) {
        KY_TRY(eval_column(self->keys[i], &input, selection, count, &self->key_columns[i], err));
    }
    for (uint32_t i = 0; i < self->op.plan->left->output_count; i++) {
        self->columns[i] = &batch->columns[i];
    }
    if (self->is_pruned) {
        uint16_t *places = op_selection(&self->op, count);
        uint32_t kept = 0;
        for (uint32_t row = 0; row < count; row++) {
            const uint32_t place = batch_place(batch, row);
            const struct sort_entry entry = sorter_encode(&self->sorter, self->key_columns, place);
            places[kept] = (uint16_t)place;
            kept += sort_entry_compare(&entry, &self->sorter.entries[self->keep - 1]) < 0;
        }
        selection = places;
        count = kept;
    }
    if (count > 0) {
        KY_TRY(sorter_add(&self->sorter, self->columns, self->key_columns, NULL, selection, count,
                          err));
    }
    if (self->keep > 0 && self->sorter.count >= 2 * (uint64_t)self->keep + BATCH_SIZE_MAX) {
        sorter_sort(&self->sorter);
        KY_TRY(sorter_keep(&self->sorter, self->keep, err));
        self->is_pruned = true;
    }
    return KY_OK;
}

static enum exec_answer
read_input(struct op_sort *self, struct ky_error *err)
{
    for (;;) {
        struct batch *batch = NULL;
        const enum exec_answer answer = op_next(self->op.left, &batch, err);
        if (answer != EXEC_BATCH) {
            return answer;
        }
        ky_arena_reset(&self->op.memory);
        if (add_batch(self, batch, err) != KY_OK) {
            return EXEC_ERROR;
        }
        if (exec_should_yield(self->op.exec)) {
            return EXEC_PENDING;
        }
    }
}

static void
finish_input(struct op_sort *self)
{
    sorter_sort(&self->sorter);
    uint64_t end = KY_MIN(self->end_row, (uint64_t)self->sorter.count);
    if (self->is_top && self->op.plan->sort.is_with_ties && end > 0 && end > self->next_row) {
        while (end < self->sorter.count &&
               sorter_is_tie(&self->sorter, (uint32_t)end - 1, (uint32_t)end)) {
            end++;
        }
    }
    self->end_row = end;
    self->is_sorted = true;
    if (self->op.actual != NULL) {
        bool is_spilled = false;
        const uint64_t size = sorter_size(&self->sorter, &is_spilled);
        (void)snprintf(self->op.actual->note, sizeof(self->op.actual->note),
                       "Sort Method: %s  %s: %" PRIu64 "kB",
                       self->keep > 0 ? "top-N heapsort"
                       : is_spilled   ? "external sort"
                                      : "quicksort",
                       is_spilled ? "Disk" : "Memory", (size + 1023) / 1024);
    }
}

static enum exec_answer
sort_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_sort *self = (struct op_sort *)(void *)op;
    if (!self->is_started && start(self, err) != KY_OK) {
        return EXEC_ERROR;
    }
    if (!self->is_sorted) {
        if (self->end_row == 0) {
            return EXEC_END;
        }
        const enum exec_answer answer = read_input(self, err);
        if (answer != EXEC_END) {
            return answer;
        }
        finish_input(self);
    }
    if (self->next_row >= self->end_row) {
        return EXEC_END;
    }
    const uint32_t count =
        (uint32_t)KY_MIN(self->end_row - self->next_row, (uint64_t)BATCH_SIZE_MAX);
    const struct plan *child = op->plan->left;
    if (self->capacity < count) {
        self->capacity = batch_room(count);
        batch_init(&self->batch, child->output, child->output_count, self->capacity,
                   op->exec->context->arena);
    }
    for (uint16_t c = 0; c < child->output_count; c++) {
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t row = self->sorter.entries[self->next_row + i].row;
            column_set(&self->batch.columns[c], i, store_get(&self->sorter.rows, row, c));
        }
    }
    self->next_row += count;
    self->batch.count = count;
    self->batch.selection = NULL;
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

static ky_status
sort_rescan(struct op *op, struct ky_error *err)
{
    struct op_sort *self = (struct op_sort *)(void *)op;
    if (self->is_sorted && !self->is_top && op_is_steady(op)) {
        self->next_row = 0;
        return KY_OK;
    }
    sorter_clear(&self->sorter);
    self->is_started = self->is_sorted = false;
    return op_rescan(op->left, err);
}

static void
sort_close(struct op *op)
{
    sorter_deinit(&((struct op_sort *)(void *)op)->sorter);
}

const struct op_class op_sort = {
    .size = sizeof(struct op_sort),
    .open = sort_open,
    .next = sort_next,
    .rescan = sort_rescan,
    .close = sort_close,
};
