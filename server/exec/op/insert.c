/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/modify.h"

/* INSERT, with ON CONFLICT. Defaults are evaluated once per batch, before the first row goes in,
 * so that a row that waits and is tried again keeps its sequence number. */

enum insert_stage {
    STAGE_CHECK,
    STAGE_INSERT,
    STAGE_LOCK,
    STAGE_COMPUTE,
    STAGE_CLAIM, /* lock it once more, as what will be changed */
    STAGE_UPDATE
};

static ky_status
open_conflict(struct op_modify *self, struct ky_error *err)
{
    struct exec *exec = self->op.exec;
    const struct plan *plan = self->op.plan;
    struct ky_arena *arena = exec->context->arena;
    const uint16_t column_count = self->table->column_count;
    KY_TRY(exec_compile_list(exec, plan->modify.conflict_values, column_count,
                             &self->conflict_values, err));
    if (plan->modify.conflict_where != NULL) {
        KY_TRY(eval_compile(exec, plan->modify.conflict_where, &self->conflict_where, err));
    }
    KY_TRY(modify_compile_checks(self, &self->conflict_checks, err));
    self->pair = ky_arena_array(arena, struct column, (size_t)column_count * 2 + 1);
    for (uint16_t i = 0; i < column_count; i++) {
        column_init(&self->pair[i], self->table->columns[i].type, 1, arena);
        column_init(&self->pair[column_count + i], self->table->columns[i].type, 1, arena);
    }
    self->conflict_row = ky_arena_array(arena, struct datum, (size_t)column_count + 1);
    self->conflict_changed = ky_arena_array(arena, bool, (size_t)column_count + 1);
    for (uint16_t i = 0; i < column_count; i++) {
        self->conflict_changed[i] =
            self->conflict_values[i] != NULL ||
            (self->conflict_checks.generated != NULL && self->conflict_checks.generated[i] != NULL);
    }
    const bool is_key = modify_is_key_change(self->table, self->conflict_changed);
    self->conflict_change_mode = is_key ? ROW_LOCK_CHANGE_KEY : ROW_LOCK_CHANGE;
    /* A row that WHERE leaves alone is only locked. */
    self->conflict_lock_mode = self->conflict_where == NULL ? self->conflict_change_mode
                               : is_key                     ? ROW_LOCK_UPDATE
                                                            : ROW_LOCK_NO_KEY_UPDATE;
    return KY_OK;
}

static ky_status
insert_open(struct op *op, struct ky_error *err)
{
    struct op_modify *self = (struct op_modify *)(void *)op;
    const struct plan *plan = op->plan;
    KY_TRY(modify_open(op, err));
    struct ky_arena *arena = op->exec->context->arena;
    self->defaults = ky_arena_array(arena, struct eval *, (size_t)self->table->column_count + 1);
    for (uint16_t i = 0; i < self->table->column_count; i++) {
        if (plan->modify.new_columns[i] == UINT16_MAX && plan->modify.defaults != NULL &&
            plan->modify.defaults[i] != NULL) {
            KY_TRY(eval_compile(op->exec, plan->modify.defaults[i], &self->defaults[i], err));
        }
    }
    return plan->modify.conflict == CONFLICT_UPDATE ? open_conflict(self, err) : KY_OK;
}

static ky_status
insert_prepare(struct op_modify *self, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    const struct batch *batch = self->batch;
    const struct eval_input input = op_input(&self->op, batch);
    for (uint16_t i = 0; i < self->table->column_count; i++) {
        const uint16_t from = plan->modify.new_columns[i];
        if (from != UINT16_MAX) {
            self->columns[i] = batch->columns[from];
        } else if (self->defaults[i] != NULL) {
            const struct column *column = NULL;
            KY_TRY(eval_column(self->defaults[i], &input, batch->selection, batch->count, &column,
                               err));
            self->columns[i] = *column;
        } else {
            self->columns[i] =
                modify_null_column(self, self->table->columns[i].type, batch_extent(batch));
        }
    }
    return modify_compute(self, &self->checks, self->columns, batch->selection, batch->count,
                          &self->op.memory, err);
}

static ky_status
check_second_time(struct op_modify *self, struct ky_error *err)
{
    if (!modify_is_touched(self, self->row_id)) {
        return KY_OK;
    }
    (void)ky_error_set(err, KY_CARDINALITY_VIOLATION,
                       "ON CONFLICT DO UPDATE command cannot affect row a second time");
    return ky_error_hint(err, "Ensure that no rows proposed for insertion within the same command "
                              "have duplicate constrained values.");
}

/* The new values of the row in the way; *is_wanted_out false when WHERE says no. */
static ky_status
compute_update(struct op_modify *self, const struct row_ref *existing, bool *is_wanted_out,
               struct ky_error *err)
{
    const uint16_t column_count = self->table->column_count;
    struct ky_arena *arena = &self->conflict_memory;
    ky_arena_reset(arena);
    for (uint16_t i = 0; i < column_count; i++) {
        self->pair[i].has_nulls = self->pair[column_count + i].has_nulls = false;
        self->conflict_row[i] = row_get(&self->table->layout, existing->body, i);
        column_set(&self->pair[i], 0, self->conflict_row[i]);
        column_set(&self->pair[column_count + i], 0, self->values[i]);
    }
    const struct eval_input input = {self->pair, (uint32_t)column_count * 2, arena};
    struct datum is_wanted = datum_word(1);
    if (self->conflict_where != NULL) {
        KY_TRY(eval_datum(self->conflict_where, &input, 0, &is_wanted, err));
    }
    *is_wanted_out = !is_wanted.is_null && is_wanted.word != 0;
    if (!*is_wanted_out) {
        return KY_OK;
    }
    for (uint16_t i = 0; i < column_count; i++) {
        if (self->conflict_values[i] != NULL) {
            KY_TRY(eval_datum(self->conflict_values[i], &input, 0, &self->conflict_row[i], err));
        }
    }
    struct column *row = ky_arena_array(arena, struct column, (size_t)column_count + 1);
    for (uint16_t i = 0; i < column_count; i++) {
        column_init(&row[i], self->table->columns[i].type, 1, arena);
        column_set(&row[i], 0, self->conflict_row[i]);
    }
    KY_TRY(modify_compute(self, &self->conflict_checks, row, NULL, 1, arena, err));
    for (uint16_t i = 0; i < column_count; i++) {
        self->conflict_row[i] = column_get(&row[i], 0);
    }
    return modify_validate(self, &self->conflict_checks, self->conflict_row, 0, err);
}

/* DO UPDATE of row_id. MODIFY_NEXT with stage STAGE_INSERT: the row is gone, insert again. */
static enum modify_answer
update_conflicting(struct op_modify *self, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    enum access_answer answer = ACCESS_DONE;
    if (self->stage == STAGE_LOCK) {
        if (check_second_time(self, err) != KY_OK ||
            access_lock(context->txn, self->table, self->row_id, self->conflict_lock_mode,
                        LOCK_POLICY_WAIT, context->waiter, &answer, err) != KY_OK) {
            return MODIFY_ERROR;
        }
        if (answer == ACCESS_SKIPPED) {
            self->stage = STAGE_INSERT;
            return MODIFY_NEXT;
        }
        /* RESTART: locked, and not as the snapshot saw it. The newest version is what is updated.
         */
        if (answer != ACCESS_DONE && answer != ACCESS_RESTART) {
            return modify_answer_of(answer);
        }
        self->stage = STAGE_COMPUTE;
    }
    if (self->stage == STAGE_COMPUTE) {
        struct row_ref existing;
        bool is_wanted = false;
        const enum row_state state = storage_row_state(access_storage_txn(context->txn),
                                                       self->table->rel, self->row_id, &existing);
        if (state != ROW_UNCHANGED && state != ROW_CHANGED && state != ROW_OWN) {
            self->stage = STAGE_INSERT;
            return MODIFY_NEXT;
        }
        if (compute_update(self, &existing, &is_wanted, err) != KY_OK) {
            return MODIFY_ERROR;
        }
        if (!is_wanted) {
            return MODIFY_NEXT;
        }
        self->stage = self->conflict_where == NULL ? STAGE_UPDATE : STAGE_CLAIM;
    }
    if (self->stage == STAGE_CLAIM) {
        if (access_lock(context->txn, self->table, self->row_id, self->conflict_change_mode,
                        LOCK_POLICY_WAIT, context->waiter, &answer, err) != KY_OK) {
            return MODIFY_ERROR;
        }
        if (answer == ACCESS_PENDING) {
            return MODIFY_PENDING;
        }
        self->stage = STAGE_UPDATE;
    }
    struct row_ref old = {0};
    if (KY_UNLIKELY(self->after != NULL)) {
        (void)storage_row_state(access_storage_txn(context->txn), self->table->rel, self->row_id,
                                &old);
    }
    if (access_update(context->txn, self->table, self->row_id, self->conflict_row,
                      self->conflict_changed, context->waiter, &answer, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    if (answer != ACCESS_DONE) {
        return modify_answer_of(answer);
    }
    if (KY_UNLIKELY(self->after != NULL)) {
        after_updated(self->after, context->txn, self->table, old.body, self->conflict_row,
                      self->conflict_changed, self->row_id);
    }
    if (modify_touch(self, self->row_id, err) != KY_OK ||
        modify_changed(self, self->conflict_row, self->row_id, true, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    return MODIFY_NEXT;
}

/* Tries to insert; MODIFY_NEXT with stage STAGE_LOCK: a row is in the way. */
static enum modify_answer
insert_values(struct op_modify *self, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const enum conflict_action conflict = self->op.plan->modify.conflict;
    const struct access_conflict wish = {self->op.plan->modify.arbiter,
                                         conflict == CONFLICT_UPDATE};
    enum access_answer answer = ACCESS_DONE;
    row_id_t row_id = ROW_ID_NONE;
    if (access_insert(context->txn, self->table, self->values,
                      conflict == CONFLICT_NONE ? NULL : &wish, context->waiter, &row_id, &answer,
                      err) != KY_OK) {
        return MODIFY_ERROR;
    }
    if (answer == ACCESS_CONFLICT && conflict == CONFLICT_UPDATE) {
        self->row_id = row_id;
        self->stage = STAGE_LOCK;
        return MODIFY_NEXT;
    }
    if (answer != ACCESS_DONE) {
        return modify_answer_of(answer);
    }
    if (KY_UNLIKELY(self->after != NULL)) {
        after_inserted(self->after, context->txn, self->table, self->values, row_id);
    }
    if ((conflict == CONFLICT_UPDATE && modify_touch(self, row_id, err) != KY_OK) ||
        modify_changed(self, self->values, row_id, false, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    return MODIFY_NEXT;
}

static enum modify_answer
insert_row(struct op_modify *self, struct ky_error *err)
{
    const uint32_t place = modify_load(self);
    if (self->stage == STAGE_CHECK) {
        if (modify_validate(self, &self->checks, self->values, place, err) != KY_OK) {
            return MODIFY_ERROR;
        }
        self->stage = STAGE_INSERT;
    }
    for (;;) {
        if (self->stage == STAGE_INSERT) {
            const enum modify_answer answer = insert_values(self, err);
            if (answer != MODIFY_NEXT || self->stage != STAGE_LOCK) {
                return answer;
            }
        }
        const enum modify_answer answer = update_conflicting(self, err);
        if (answer != MODIFY_NEXT || self->stage != STAGE_INSERT) {
            return answer;
        }
    }
}

static enum exec_answer
insert_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    return modify_run((struct op_modify *)(void *)op, insert_prepare, insert_row, batch_out, err);
}

const struct op_class op_insert = {
    .size = sizeof(struct op_modify),
    .open = insert_open,
    .next = insert_next,
    .rescan = modify_rescan,
    .close = modify_close,
    .renew = modify_renew,
};
