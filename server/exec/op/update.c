/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/modify.h"

/* UPDATE and DELETE: lock the row, then change it. A row that this command changed before (a join
 * may name it twice) is left alone. New values are checked before the lock is asked for, and say
 * which it must be: what was assigned to a key may be what it was. */

enum update_stage { STAGE_LOCK, STAGE_CHANGE };

static ky_status
update_open(struct op *op, struct ky_error *err)
{
    struct op_modify *self = (struct op_modify *)(void *)op;
    KY_TRY(modify_open(op, err));
    for (uint16_t i = 0; i < self->table->column_count; i++) {
        self->is_changed[i] = op->plan->modify.is_changed[i] ||
                              (self->checks.generated != NULL && self->checks.generated[i] != NULL);
    }
    self->lock_mode = ROW_LOCK_CHANGE;
    self->is_key_change = modify_is_key_change(self->table, self->is_changed);
    return KY_OK;
}

static ky_status
prepare(struct op_modify *self, const struct batch *batch, struct modify_checks *checks,
        struct column *columns, struct ky_error *err)
{
    for (uint16_t i = 0; i < self->table->column_count; i++) {
        const uint16_t from = self->op.plan->modify.new_columns[i];
        columns[i] = from != UINT16_MAX ? batch->columns[from]
                                        : modify_null_column(self, self->table->columns[i].type,
                                                             batch_extent(batch));
    }
    return modify_compute(self, checks, columns, batch->selection, batch->count, &self->op.memory,
                          err);
}

static ky_status
update_prepare(struct op_modify *self, struct ky_error *err)
{
    return prepare(self, self->batch, &self->checks, self->columns, err);
}

/* Of an UPDATE's row as the snapshot has it. */
static ky_status
judge_new_row(struct op_modify *self, struct ky_error *err)
{
    struct access_txn *txn = self->op.exec->context->txn;
    struct row_ref old;
    const uint32_t place = modify_load(self);
    KY_TRY(modify_validate(self, &self->checks, self->values, place, err));
    self->lock_mode = ROW_LOCK_CHANGE;
    if (self->is_key_change &&
        storage_get(access_storage_txn(txn), self->table->rel, self->row_id, &old)) {
        self->lock_mode =
            access_change_mode(txn, self->table, old.body, self->values, self->is_changed);
    }
    return KY_OK;
}

/* Locks the row in work. MODIFY_NEXT with stage STAGE_CHANGE: locked; else there is nothing to do.
 */
static enum modify_answer
lock_row(struct op_modify *self, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const uint32_t place = batch_place(self->batch, self->row);
    const struct datum row_id =
        column_get(&self->batch->columns[self->op.plan->modify.row_id_column], place);
    enum access_answer answer = ACCESS_DONE;
    if (row_id.is_null || modify_is_touched(self, (row_id_t)row_id.word)) {
        return MODIFY_NEXT;
    }
    self->row_id = (row_id_t)row_id.word;
    if (self->op.plan->kind == PLAN_UPDATE && judge_new_row(self, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    if (access_lock(context->txn, self->table, self->row_id, self->lock_mode, LOCK_POLICY_WAIT,
                    context->waiter, &answer, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    self->moved = NULL;
    if (answer == ACCESS_RESTART) {
        const enum modify_answer moved = modify_recheck(self, err);
        if (moved == MODIFY_NEXT && self->moved != NULL) {
            self->stage = STAGE_CHANGE;
        }
        return moved;
    }
    if (answer == ACCESS_DONE) {
        self->stage = STAGE_CHANGE;
    }
    return modify_answer_of(answer);
}

static enum modify_answer
change_row(struct op_modify *self, const struct modify_checks *checks, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    enum access_answer access = ACCESS_DONE;
    const uint32_t place = modify_load(self);
    struct row_ref old = {0};
    if (KY_UNLIKELY(self->after != NULL)) {
        (void)storage_row_state(access_storage_txn(context->txn), self->table->rel, self->row_id,
                                &old);
    }
    /* What the child gave was checked before the lock. */
    if ((self->moved != NULL && modify_validate(self, checks, self->values, place, err) != KY_OK) ||
        access_update(context->txn, self->table, self->row_id, self->values, self->is_changed,
                      context->waiter, &access, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    if (access != ACCESS_DONE) {
        return modify_answer_of(access);
    }
    if (KY_UNLIKELY(self->after != NULL)) {
        after_updated(self->after, context->txn, self->table, old.body, self->values,
                      self->is_changed, self->row_id);
    }
    if (modify_touch(self, self->row_id, err) != KY_OK ||
        modify_changed(self, self->values, self->row_id, false, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    return MODIFY_NEXT;
}

/* With the row's newest version in the place of what the child gave. */
static enum modify_answer
change_moved(struct op_modify *self, struct ky_error *err)
{
    struct batch *batch = self->batch;
    struct column *columns = self->columns;
    const uint32_t row = self->row;
    if (prepare(self, self->moved, &self->moved_checks, self->moved_columns, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    self->batch = self->moved;
    self->columns = self->moved_columns;
    self->row = 0;
    const enum modify_answer answer = change_row(self, &self->moved_checks, err);
    self->batch = batch;
    self->columns = columns;
    self->row = row;
    return answer;
}

static enum modify_answer
update_row(struct op_modify *self, struct ky_error *err)
{
    if (self->stage == STAGE_LOCK) {
        const enum modify_answer answer = lock_row(self, err);
        if (answer != MODIFY_NEXT || self->stage != STAGE_CHANGE) {
            return answer;
        }
    }
    return self->moved != NULL ? change_moved(self, err) : change_row(self, &self->checks, err);
}

static enum exec_answer
update_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    return modify_run((struct op_modify *)(void *)op, update_prepare, update_row, batch_out, err);
}

const struct op_class op_update = {
    .size = sizeof(struct op_modify),
    .open = update_open,
    .next = update_next,
    .rescan = modify_rescan,
    .close = modify_close,
    .renew = modify_renew,
};

static ky_status
delete_open(struct op *op, struct ky_error *err)
{
    ((struct op_modify *)(void *)op)->lock_mode = ROW_LOCK_CHANGE_KEY;
    return modify_open(op, err);
}

static ky_status
delete_locked(struct op_modify *self, struct exec_context *context, struct ky_error *err)
{
    struct row_ref old = {0};
    if (self->op.plan->modify.has_returning || self->after != NULL) {
        (void)storage_row_state(access_storage_txn(context->txn), self->table->rel, self->row_id,
                                &old);
    }
    for (uint16_t i = 0; self->op.plan->modify.has_returning && i < self->table->column_count;
         i++) {
        self->values[i] = row_get(&self->table->layout, old.body, i);
    }
    KY_TRY(modify_touch(self, self->row_id, err));
    KY_TRY(access_delete(context->txn, self->table, self->row_id, err));
    KY_TRY(modify_changed(self, self->values, self->row_id, true, err));
    if (KY_UNLIKELY(self->after != NULL)) {
        after_deleted(self->after, self->table, old.body, self->row_id);
    }
    return KY_OK;
}

static enum modify_answer
delete_row(struct op_modify *self, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    if (self->stage == STAGE_LOCK) {
        const enum modify_answer answer = lock_row(self, err);
        if (answer != MODIFY_NEXT || self->stage != STAGE_CHANGE) {
            return answer;
        }
    }
    struct batch *batch = self->batch;
    const uint32_t row = self->row;
    if (self->moved != NULL) {
        self->batch = self->moved;
        self->row = 0;
    }
    const bool is_done = delete_locked(self, context, err) == KY_OK;
    self->batch = batch;
    self->row = row;
    return is_done ? MODIFY_NEXT : MODIFY_ERROR;
}

static enum exec_answer
delete_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    return modify_run((struct op_modify *)(void *)op, NULL, delete_row, batch_out, err);
}

const struct op_class op_delete = {
    .size = sizeof(struct op_modify),
    .open = delete_open,
    .next = delete_next,
    .rescan = modify_rescan,
    .close = modify_close,
    .renew = modify_renew,
};
