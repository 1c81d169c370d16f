/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/access_private.h"
#include "server/base/assert.h"

/* Locks on rows: which one a statement takes, and what it finds when it has waited for it. */

static bool
has_expressions(const struct cat_index *index)
{
    for (uint16_t i = 0; i < index->key_count; i++) {
        if (index->keys[i].column == 0) {
            return true;
        }
    }
    return false;
}

/* Whether foreign keys may refer to the index's key. */
static bool
is_plain_key(const struct cat_index *index)
{
    return index->is_unique && index->predicate_sql == NULL && !has_expressions(index);
}

/* Two versions of a row: what KEY SHARE keeps as it is has not changed. */
bool
access_has_same_keys(struct access_txn *txn, const struct cat_table *table, struct ky_slice a,
                     struct ky_slice b)
{
    struct ky_buffer keys[2] = {{0}, {0}};
    bool is_same = true;
    for (uint16_t i = 0; i < table->index_count && is_same; i++) {
        if (is_plain_key(table->indexes[i])) {
            struct access_index *runtime = access_runtime(txn->access, table->indexes[i]);
            ky_buffer_clear(&keys[0]);
            ky_buffer_clear(&keys[1]);
            (void)runtime_row_key(runtime, table->indexes[i], a, &keys[0]);
            (void)runtime_row_key(runtime, table->indexes[i], b, &keys[1]);
            is_same = ky_slice_equal(ky_buffer_slice(&keys[0]), ky_buffer_slice(&keys[1]));
        }
    }
    ky_buffer_deinit(&keys[0]);
    ky_buffer_deinit(&keys[1]);
    return is_same;
}

static ky_status
answer_changed(const struct access_txn *txn, bool is_gone, enum row_lock_mode mode,
               enum access_answer *answer_out, struct ky_error *err)
{
    if (txn->isolation == ISOLATION_READ_COMMITTED) {
        *answer_out = ACCESS_RESTART;
        return KY_OK;
    }
    return ky_error_set(err, KY_SERIALIZATION_FAILURE,
                        /* FOR UPDATE and its kin name no difference. */
                        is_gone && mode >= ROW_LOCK_CHANGE
                            ? "could not serialize access due to concurrent delete"
                            : "could not serialize access due to concurrent update");
}

ky_status
access_lock(struct access_txn *txn, const struct cat_table *table, row_id_t row_id,
            enum row_lock_mode mode, enum lock_policy policy, struct lock_waiter *waiter,
            enum access_answer *answer_out, struct ky_error *err)
{
    enum lock_answer answer;
    struct row_ref newest;
    struct row_ref seen;
    struct txn_savepoint before;
    enum row_state state = storage_row_state(txn->txn, table->rel, row_id, &newest);
    if (state == ROW_OWN || state == ROW_OWN_GONE) {
        *answer_out = state == ROW_OWN ? ACCESS_DONE : ACCESS_SKIPPED;
        return KY_OK;
    }
    txn_savepoint_set(txn->txn, &before);
    KY_TRY(storage_lock_row(txn->txn, table->rel, row_id, mode, policy, waiter, &answer, err));
    switch (answer) {
    case LOCK_PENDING:
        *answer_out = ACCESS_PENDING;
        return KY_OK;
    case LOCK_BUSY:
        if (policy == LOCK_POLICY_SKIP) {
            *answer_out = ACCESS_SKIPPED;
            return KY_OK;
        }
        return ky_error_set(err, KY_LOCK_NOT_AVAILABLE,
                            "could not obtain lock on row in relation \"%s\"", table->name);
    case LOCK_GRANTED:
        break;
    }
    switch (storage_row_state(txn->txn, table->rel, row_id, &newest)) {
    case ROW_UNCHANGED:
    case ROW_OWN:
        *answer_out = ACCESS_DONE;
        return KY_OK;
    case ROW_CHANGED:
        if (mode == ROW_LOCK_KEY_SHARE && storage_get(txn->txn, table->rel, row_id, &seen) &&
            access_has_same_keys(txn, table, seen.body, newest.body)) {
            *answer_out = ACCESS_DONE; /* what was seen is kept: its keys */
            return KY_OK;
        }
        return answer_changed(txn, false, mode, answer_out, err);
    case ROW_GONE:
    case ROW_IN_PROGRESS:
        txn_release_locks(txn->txn, &before); /* there is nothing that others should wait for */
        return answer_changed(txn, true, mode, answer_out, err);
    case ROW_OWN_GONE:
        *answer_out = ACCESS_SKIPPED;
        return KY_OK;
    }
    KY_UNREACHABLE();
}

bool
access_is_touched(const struct access_txn *txn, const struct cat_index *index,
                  const bool *is_changed)
{
    return runtime_is_touched(access_runtime(txn->access, index), index, is_changed);
}

/* Whether the row gets another key in the index. */
static bool
key_is_changed(struct access_txn *txn, const struct cat_index *index, struct ky_slice old_row,
               const struct datum *values)
{
    struct access_index *runtime = access_runtime(txn->access, index);
    struct key_info info;
    struct ky_error ignored;
    ky_error_init(&ignored);
    ky_buffer_clear(&txn->key);
    ky_buffer_clear(&txn->old_key);
    const bool has_old = runtime_row_key(runtime, index, old_row, &txn->old_key);
    return runtime_values_key(runtime, index, values, &txn->key, &info, &ignored) != KY_OK ||
           has_old != info.has_entry ||
           !ky_slice_equal(ky_buffer_slice(&txn->old_key), ky_buffer_slice(&txn->key));
}

enum row_lock_mode
access_change_mode(struct access_txn *txn, const struct cat_table *table, struct ky_slice old_row,
                   const struct datum *values, const bool *is_changed)
{
    enum row_lock_mode mode = ROW_LOCK_CHANGE;
    for (uint16_t i = 0; i < table->index_count && mode != ROW_LOCK_CHANGE_KEY; i++) {
        const struct cat_index *index = table->indexes[i];
        if (index->is_unique && access_is_touched(txn, index, is_changed) &&
            key_is_changed(txn, index, old_row, values)) {
            mode = is_plain_key(index) ? ROW_LOCK_CHANGE_KEY : ROW_LOCK_CHANGE_ENTRY;
        }
    }
    return mode;
}

/* A changed unique key takes a stronger lock: others' checks of keys must wait for it. */
ky_status
access_lock_key_change(struct access_txn *txn, const struct cat_table *table, row_id_t row_id,
                       const struct datum *values, const bool *is_changed,
                       struct lock_waiter *waiter, enum access_answer *answer_out,
                       struct ky_error *err)
{
    struct row_ref old;
    enum lock_answer answer = LOCK_GRANTED;
    bool is_touched = false;
    for (uint16_t i = 0; i < table->index_count; i++) {
        const struct cat_index *index = table->indexes[i];
        is_touched = is_touched || (index->is_unique && access_is_touched(txn, index, is_changed));
    }
    *answer_out = ACCESS_DONE;
    if (!is_touched) {
        return KY_OK;
    }
    const enum row_state state = storage_row_state(txn->txn, table->rel, row_id, &old);
    KY_ASSERT(state == ROW_UNCHANGED || state == ROW_CHANGED || state == ROW_OWN);
    const enum row_lock_mode mode = access_change_mode(txn, table, old.body, values, is_changed);
    if (mode != ROW_LOCK_CHANGE) {
        KY_TRY(storage_lock_row(txn->txn, table->rel, row_id, mode, LOCK_POLICY_WAIT, waiter,
                                &answer, err));
    }
    *answer_out = answer == LOCK_GRANTED ? ACCESS_DONE : ACCESS_PENDING;
    return KY_OK;
}
