/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/recheck.h"

/* FOR UPDATE and its kin: every row of the child is locked in each table named. Left out is a row
 * that is gone or skipped (SKIP LOCKED), that the transaction itself has changed since a cursor
 * began, or that came after the statement's first snapshot. */
struct op_lock_rows {
    struct op op;
    struct batch *batch; /* the child's, while its rows are being locked */
    uint32_t row;
    uint16_t table; /* of the row, next to be locked */
    uint16_t *places;
    uint32_t kept;
    struct batch out;
    struct recheck *recheck;
    bool has_tried_recheck;
    bool is_copied; /* the batch is a copy of our own: rows in it are replaced */
    struct batch own;
};

static ky_status
lock_rows_open(struct op *op, struct ky_error *err)
{
    return op_open_children(op, err);
}

/* The statement could not have met the row but for running again. */
static bool
is_newcomer(const struct exec_context *context, rel_id_t rel, row_id_t row_id)
{
    struct txn *txn = access_storage_txn(context->txn);
    struct row_ref row;
    if (KY_LIKELY(!context->is_again)) {
        return false;
    }
    const struct txn_view view = txn_view_set(txn, context->first_view);
    const bool was_there = storage_get(txn, rel, row_id, &row);
    (void)txn_view_set(txn, view);
    return !was_there;
}

/* Locks what is left of the current row. ACCESS_DONE: it stays; ACCESS_SKIPPED: it goes. */
static ky_status
lock_row(struct op_lock_rows *self, enum access_answer *answer_out, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const struct plan *plan = self->op.plan;
    const uint32_t place = batch_place(self->batch, self->row);
    *answer_out = ACCESS_DONE;
    for (; self->table < plan->lock.count; self->table++) {
        const struct datum row_id =
            column_get(&self->batch->columns[plan->lock.row_id_columns[self->table]], place);
        if (row_id.is_null) {
            continue;
        }
        const rel_id_t rel = plan->lock.tables[self->table]->rel;
        if (storage_is_changed_since(access_storage_txn(context->txn), rel,
                                     (row_id_t)row_id.word) ||
            is_newcomer(context, rel, (row_id_t)row_id.word)) {
            *answer_out = ACCESS_SKIPPED;
            return KY_OK;
        }
        KY_TRY(access_lock(context->txn, plan->lock.tables[self->table], (row_id_t)row_id.word,
                           plan->lock.modes[self->table], plan->lock.policies[self->table],
                           context->waiter, answer_out, err));
        if (*answer_out != ACCESS_DONE) {
            return KY_OK;
        }
    }
    return KY_OK;
}

/* The child's batch is somebody else's memory: a copy of the places that its selection names. */
static void
copy_batch(struct op_lock_rows *self)
{
    const struct plan *plan = self->op.plan->left;
    const struct batch from = *self->batch;
    const uint32_t extent = batch_extent(&from);
    struct ky_arena *memory = &self->op.memory;
    self->own = from;
    self->own.column_count = plan->output_count;
    self->own.columns = ky_arena_array(memory, struct column, (size_t)plan->output_count + 1);
    for (uint16_t c = 0; c < plan->output_count; c++) {
        column_init(&self->own.columns[c], plan->output[c], extent, memory);
        self->own.columns[c].has_nulls = false;
        for (uint32_t i = 0; i < from.count; i++) {
            const uint32_t place = batch_place(&from, i);
            column_set(&self->own.columns[c], place, column_get(&from.columns[c], place));
        }
    }
    self->batch = &self->own;
    self->is_copied = true;
}

/* The row moved on; it is locked now. DONE: its newest version took its place in the batch. */
static ky_status
recheck_moved(struct op_lock_rows *self, enum access_answer *answer_out, struct ky_error *err)
{
    struct batch *moved = NULL;
    const uint32_t place = batch_place(self->batch, self->row);
    if (!self->has_tried_recheck) {
        self->has_tried_recheck = true;
        if (self->op.plan->lock.count == 1) {
            KY_TRY(recheck_open(self->op.left, &self->recheck, err));
        }
    }
    if (self->recheck == NULL) {
        *answer_out = ACCESS_RESTART;
        return KY_OK;
    }
    const struct datum row_id =
        column_get(&self->batch->columns[self->op.plan->lock.row_id_columns[0]], place);
    KY_TRY(recheck_row(self->recheck, (row_id_t)row_id.word, &moved, err));
    if (moved == NULL) {
        *answer_out = ACCESS_SKIPPED;
        return KY_OK;
    }
    if (!self->is_copied) {
        copy_batch(self);
    }
    for (uint32_t c = 0; c < self->batch->column_count; c++) {
        column_set(&self->batch->columns[c], place,
                   datum_copy(moved->columns[c].type, column_get(&moved->columns[c], 0),
                              &self->op.memory));
    }
    *answer_out = ACCESS_DONE;
    return KY_OK;
}

static enum exec_answer
lock_rows_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_lock_rows *self = (struct op_lock_rows *)(void *)op;
    if (self->batch == NULL) {
        struct batch *batch = NULL;
        op->left->wanted = op->wanted;
        const enum exec_answer answer = op_next(op->left, &batch, err);
        if (answer != EXEC_BATCH) {
            return answer;
        }
        self->batch = batch;
        self->is_copied = false;
        self->row = self->kept = 0;
        self->table = 0;
        self->places = op_selection(op, batch->count);
    }
    for (; self->row < self->batch->count && (op->wanted == 0 || self->kept < op->wanted);
         self->row++) {
        enum access_answer answer = ACCESS_DONE;
        if (lock_row(self, &answer, err) != KY_OK) {
            return EXEC_ERROR;
        }
        if (answer == ACCESS_PENDING) {
            return EXEC_PENDING;
        }
        if (answer == ACCESS_RESTART && recheck_moved(self, &answer, err) != KY_OK) {
            return EXEC_ERROR;
        }
        if (answer == ACCESS_RESTART) {
            return EXEC_RESTART;
        }
        if (answer == ACCESS_DONE) {
            self->places[self->kept++] = (uint16_t)batch_place(self->batch, self->row);
        }
        self->table = 0;
    }
    self->out = *self->batch;
    self->out.count = self->kept;
    self->out.selection = self->places;
    self->kept = 0;
    op->is_holding = self->row < self->batch->count;
    self->batch = op->is_holding ? self->batch : NULL;
    *batch_out = &self->out;
    return EXEC_BATCH;
}

static ky_status
lock_rows_rescan(struct op *op, struct ky_error *err)
{
    ((struct op_lock_rows *)(void *)op)->batch = NULL;
    op->is_holding = false;
    return op_rescan(op->left, err);
}

static row_id_t
lock_rows_row_id(const struct op *op, uint16_t index, uint32_t place)
{
    const struct op_lock_rows *self = (const struct op_lock_rows *)(const void *)op;
    const struct datum row_id =
        column_get(&self->out.columns[op->plan->lock.row_id_columns[index]], place);
    return row_id.is_null ? ROW_ID_NONE : (row_id_t)row_id.word;
}

const struct op_class op_lock_rows = {
    .size = sizeof(struct op_lock_rows),
    .open = lock_rows_open,
    .next = lock_rows_next,
    .rescan = lock_rows_rescan,
    .row_id = lock_rows_row_id,
};
