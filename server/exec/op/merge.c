/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/modify.h"

/*
 * MERGE. For each batch of the join the WHENs are gone through once: each takes the rows that no
 * earlier one took and that pass its condition, and its new values are evaluated for these alone.
 * Then the rows are changed one after another. A row that others have changed since the snapshot
 * may match something else now: the statement runs again.
 */
struct merge_when {
    const struct merge_plan *plan;
    struct eval *condition;
    struct eval **values;
    struct modify_checks checks;
    struct column *columns; /* new rows, by table column */
    bool is_key_change;
};

enum merge_stage { STAGE_CHECK, STAGE_CHANGE };

struct op_merge {
    struct op_modify modify;
    struct merge_when *whens;
    uint16_t *when_of;   /* by place of the batch: 1 and up; 0: none */
    uint16_t *places[2]; /* rows without, with a match, that are not taken yet */
    uint16_t *taken;
    uint32_t room;
    uint64_t counts[4]; /* by merge_kind */
};

static ky_status
open_when(struct op_merge *self, struct merge_when *when, const struct merge_plan *plan,
          struct ky_error *err)
{
    struct exec *exec = self->modify.op.exec;
    const struct cat_table *table = self->modify.table;
    when->plan = plan;
    when->columns =
        ky_arena_array(exec->context->arena, struct column, (size_t)table->column_count + 1);
    if (plan->condition != NULL) {
        KY_TRY(eval_compile(exec, plan->condition, &when->condition, err));
    }
    KY_TRY(exec_compile_list(exec, plan->values, table->column_count, &when->values, err));
    when->is_key_change = modify_is_key_change(table, plan->is_changed);
    return modify_compile_checks(&self->modify, &when->checks, err);
}

static ky_status
merge_open(struct op *op, struct ky_error *err)
{
    struct op_merge *self = (struct op_merge *)(void *)op;
    const uint16_t count = op->plan->modify.merge_count;
    KY_TRY(modify_open(op, err));
    self->whens = ky_arena_array(op->exec->context->arena, struct merge_when, count);
    for (uint16_t i = 0; i < count; i++) {
        KY_TRY(open_when(self, &self->whens[i], &op->plan->modify.merges[i], err));
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ a batch */

static void
make_room(struct op_merge *self, uint32_t extent)
{
    struct ky_arena *arena = self->modify.op.exec->context->arena;
    if (self->room < extent) {
        self->room = batch_room(extent);
        self->when_of = ky_arena_array(arena, uint16_t, self->room);
        self->places[0] = ky_arena_array(arena, uint16_t, self->room);
        self->places[1] = ky_arena_array(arena, uint16_t, self->room);
        self->taken = ky_arena_array(arena, uint16_t, self->room);
    }
}

/* The new rows of an INSERT or UPDATE. */
static ky_status
compute_rows(struct op_merge *self, struct merge_when *when, const struct eval_input *input,
             uint32_t count, struct ky_error *err)
{
    struct op_modify *modify = &self->modify;
    const struct batch *batch = modify->batch;
    for (uint16_t i = 0; i < modify->table->column_count; i++) {
        const struct column *column = NULL;
        if (when->values[i] != NULL) {
            KY_TRY(eval_column(when->values[i], input, self->taken, count, &column, err));
            when->columns[i] = *column;
        } else if (when->plan->kind == MERGE_UPDATE) {
            when->columns[i] = batch->columns[modify->op.plan->modify.new_columns[i]];
        } else {
            when->columns[i] =
                modify_null_column(modify, modify->table->columns[i].type, batch_extent(batch));
        }
    }
    return modify_compute(modify, &when->checks, when->columns, self->taken, count,
                          &modify->op.memory, err);
}

/* Takes rows that are left, of those with or without a match. */
static ky_status
take_rows(struct op_merge *self, uint16_t number, uint32_t *left, struct ky_error *err)
{
    struct merge_when *when = &self->whens[number];
    uint16_t *places = self->places[when->plan->is_matched];
    const struct eval_input input = op_input(&self->modify.op, self->modify.batch);
    uint32_t count = *left;
    if (count == 0) {
        return KY_OK;
    }
    if (when->condition == NULL) {
        memcpy(self->taken, places, count * sizeof(*places));
    } else {
        KY_TRY(eval_filter(when->condition, &input, places, count, self->taken, &count, err));
    }
    for (uint32_t i = 0; i < count; i++) {
        self->when_of[self->taken[i]] = (uint16_t)(number + 1);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *left; i++) {
        if (self->when_of[places[i]] == 0) {
            places[kept++] = places[i];
        }
    }
    *left = kept;
    const bool makes_rows = when->plan->kind == MERGE_INSERT || when->plan->kind == MERGE_UPDATE;
    return makes_rows && count > 0 ? compute_rows(self, when, &input, count, err) : KY_OK;
}

static ky_status
merge_prepare(struct op_modify *modify, struct ky_error *err)
{
    struct op_merge *self = (struct op_merge *)(void *)modify;
    const struct batch *batch = modify->batch;
    const struct column *row_ids = &batch->columns[modify->op.plan->modify.row_id_column];
    uint32_t left[2] = {0, 0};
    make_room(self, batch_extent(batch));
    for (uint32_t row = 0; row < batch->count; row++) {
        const uint32_t place = batch_place(batch, row);
        const bool is_matched = !row_ids->is_null[place];
        self->places[is_matched][left[is_matched]++] = (uint16_t)place;
        self->when_of[place] = 0;
    }
    for (uint16_t i = 0; i < modify->op.plan->modify.merge_count; i++) {
        KY_TRY(take_rows(self, i, &left[self->whens[i].plan->is_matched], err));
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ a row */

static enum modify_answer
insert_row(struct op_modify *modify, const struct merge_when *when, struct ky_error *err)
{
    struct exec_context *context = modify->op.exec->context;
    enum access_answer answer = ACCESS_DONE;
    row_id_t row_id = ROW_ID_NONE;
    const uint32_t place = modify_load(modify);
    if (modify->stage == STAGE_CHECK) {
        if (modify_validate(modify, &when->checks, modify->values, place, err) != KY_OK) {
            return MODIFY_ERROR;
        }
        modify->stage = STAGE_CHANGE;
    }
    if (access_insert(context->txn, modify->table, modify->values, NULL, context->waiter, &row_id,
                      &answer, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    if (answer != ACCESS_DONE) {
        return modify_answer_of(answer);
    }
    if (KY_UNLIKELY(modify->after != NULL)) {
        after_inserted(modify->after, context->txn, modify->table, modify->values, row_id);
    }
    return modify_changed(modify, modify->values, row_id, false, err) == KY_OK ? MODIFY_NEXT
                                                                               : MODIFY_ERROR;
}

/* New values are checked before the lock is asked for, as in UPDATE. */
static ky_status
judge_new_row(struct op_modify *modify, const struct merge_when *when, struct ky_error *err)
{
    struct access_txn *txn = modify->op.exec->context->txn;
    struct row_ref old;
    const uint32_t place = modify_load(modify);
    KY_TRY(modify_validate(modify, &when->checks, modify->values, place, err));
    modify->lock_mode = ROW_LOCK_CHANGE;
    if (when->is_key_change &&
        storage_get(access_storage_txn(txn), modify->table->rel, modify->row_id, &old)) {
        modify->lock_mode = access_change_mode(txn, modify->table, old.body, modify->values,
                                               when->plan->is_changed);
    }
    return KY_OK;
}

static ky_status
check_second_time(struct op_modify *modify, struct ky_error *err)
{
    struct txn *txn = access_storage_txn(modify->op.exec->context->txn);
    if (!modify_is_touched(modify, modify->row_id) &&
        !storage_is_changed_since(txn, modify->table->rel, modify->row_id)) {
        return KY_OK;
    }
    (void)ky_error_set(err, KY_CARDINALITY_VIOLATION,
                       "MERGE command cannot affect row a second time");
    return ky_error_hint(err,
                         "Ensure that not more than one source row matches any one target row.");
}

/* MODIFY_NEXT: the row in work is locked, and what the snapshot has is its newest version. */
static enum modify_answer
lock_row(struct op_modify *modify, const struct merge_when *when, struct ky_error *err)
{
    struct exec_context *context = modify->op.exec->context;
    const struct column *row_ids = &modify->batch->columns[modify->op.plan->modify.row_id_column];
    enum access_answer answer = ACCESS_DONE;
    modify->row_id = (row_id_t)row_ids->word[batch_place(modify->batch, modify->row)];
    modify->lock_mode = ROW_LOCK_CHANGE_KEY;
    if (check_second_time(modify, err) != KY_OK ||
        (when->plan->kind == MERGE_UPDATE && judge_new_row(modify, when, err) != KY_OK) ||
        access_lock(context->txn, modify->table, modify->row_id, modify->lock_mode,
                    LOCK_POLICY_WAIT, context->waiter, &answer, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    if (answer == ACCESS_DONE) {
        modify->stage = STAGE_CHANGE;
    }
    /* SKIPPED: it is gone, and the source's row has no match any more. */
    return answer == ACCESS_SKIPPED ? MODIFY_RESTART : modify_answer_of(answer);
}

static enum modify_answer
update_locked(struct op_modify *modify, const struct merge_when *when, struct ky_error *err)
{
    struct exec_context *context = modify->op.exec->context;
    enum access_answer answer = ACCESS_DONE;
    struct row_ref old = {0};
    (void)modify_load(modify);
    if (KY_UNLIKELY(modify->after != NULL)) {
        (void)storage_row_state(access_storage_txn(context->txn), modify->table->rel,
                                modify->row_id, &old);
    }
    if (access_update(context->txn, modify->table, modify->row_id, modify->values,
                      when->plan->is_changed, context->waiter, &answer, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    if (answer != ACCESS_DONE) {
        return modify_answer_of(answer);
    }
    if (KY_UNLIKELY(modify->after != NULL)) {
        after_updated(modify->after, context->txn, modify->table, old.body, modify->values,
                      when->plan->is_changed, modify->row_id);
    }
    return MODIFY_NEXT;
}

static enum modify_answer
delete_locked(struct op_modify *modify, struct ky_error *err)
{
    struct exec_context *context = modify->op.exec->context;
    struct row_ref old = {0};
    if (modify->after != NULL) {
        (void)storage_row_state(access_storage_txn(context->txn), modify->table->rel,
                                modify->row_id, &old);
    }
    if (access_delete(context->txn, modify->table, modify->row_id, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    if (KY_UNLIKELY(modify->after != NULL)) {
        after_deleted(modify->after, modify->table, old.body, modify->row_id);
    }
    return MODIFY_NEXT;
}

static enum modify_answer
change_row(struct op_modify *modify, const struct merge_when *when, struct ky_error *err)
{
    enum modify_answer answer = MODIFY_NEXT;
    if (modify->stage == STAGE_CHECK) {
        answer = lock_row(modify, when, err);
    }
    if (answer == MODIFY_NEXT) {
        answer = when->plan->kind == MERGE_UPDATE ? update_locked(modify, when, err)
                                                  : delete_locked(modify, err);
    }
    if (answer != MODIFY_NEXT) {
        return answer;
    }
    return modify_touch(modify, modify->row_id, err) == KY_OK &&
                   modify_changed(modify, modify->values, modify->row_id, false, err) == KY_OK
               ? MODIFY_NEXT
               : MODIFY_ERROR;
}

static enum modify_answer
merge_row(struct op_modify *modify, struct ky_error *err)
{
    struct op_merge *self = (struct op_merge *)(void *)modify;
    const uint16_t number = self->when_of[batch_place(modify->batch, modify->row)];
    enum modify_answer answer = MODIFY_NEXT;
    const struct merge_when *when = number == 0 ? NULL : &self->whens[number - 1];
    const enum merge_kind kind = when == NULL ? MERGE_NOTHING : when->plan->kind;
    if (kind != MERGE_NOTHING) {
        modify->columns = when->columns;
        answer =
            kind == MERGE_INSERT ? insert_row(modify, when, err) : change_row(modify, when, err);
    }
    if (answer == MODIFY_NEXT) {
        self->counts[kind]++;
    }
    return answer;
}

static enum exec_answer
merge_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_merge *self = (struct op_merge *)(void *)op;
    const enum exec_answer answer =
        modify_run(&self->modify, merge_prepare, merge_row, batch_out, err);
    if (op->actual != NULL) {
        op->actual->inserted = self->counts[MERGE_INSERT];
        op->actual->updated = self->counts[MERGE_UPDATE];
        op->actual->deleted = self->counts[MERGE_DELETE];
        op->actual->skipped = self->counts[MERGE_NOTHING];
    }
    return answer;
}

static void
merge_renew(struct op *op)
{
    struct op_merge *self = (struct op_merge *)(void *)op;
    memset(self->counts, 0, sizeof(self->counts));
    modify_renew(op);
}

const struct op_class op_merge = {
    .size = sizeof(struct op_merge),
    .open = merge_open,
    .next = merge_next,
    .rescan = modify_rescan,
    .close = modify_close,
    .renew = merge_renew,
};
