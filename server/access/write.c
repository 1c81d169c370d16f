/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/access_private.h"
#include "server/access/inverted.h"
#include "server/base/assert.h"

/*
 * Writing a row. The row goes into the write set first (its number tells others that it is in
 * the making), then its entries into every index. A unique index checks and inserts in one
 * step; what it meets is judged on the row, not on the entry:
 *   a live row with this key: lock it (LOOK) so that whoever changes or deletes it is waited for,
 *     look again, and only then call it a duplicate; the lock is given back at the end. Who only
 *     locks the row is not waited for;
 *   a row in the making, or one whose running change may give it this key: wait for its owner;
 *   anything else is stale.
 * Whatever interrupts an insert takes everything out again and starts from the beginning.
 */

static bool
is_event_table(const struct cat_table *table)
{
    return (table->oid >= OID_FIRST_USER && table->persistence != 't') ||
           table->schema == OID_SCHEMA_KYRO;
}

/* ------------------------------------------------------------------ serializable */

/* txn->old_key, or all those in it. */
static void
note_keys(struct access_txn *txn, rel_id_t rel, const struct access_index *runtime)
{
    const struct ky_slice key = ky_buffer_slice(&txn->old_key);
    const size_t size = runtime->is_inverted ? (size_t)INVERTED_KEY_SIZE : key.size;
    for (size_t place = 0; place < key.size; place += size) {
        txn_note_write(txn->txn, rel, runtime->oid,
                       ky_slice((const uint8_t *)key.data + place, size));
    }
}

void
access_note_row(struct access_txn *txn, const struct cat_table *table, struct ky_slice row)
{
    if (txn->isolation != ISOLATION_SERIALIZABLE) {
        return;
    }
    bool is_noted = false;
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct access_index *runtime = access_runtime(txn->access, table->indexes[i]);
        ky_buffer_clear(&txn->old_key);
        if (runtime->tree != NULL &&
            runtime_row_key(runtime, table->indexes[i], row, &txn->old_key)) {
            is_noted = true;
            note_keys(txn, table->rel, runtime);
        }
    }
    /* In no index (there may be partial ones only): who read all of the table must still know. */
    if (!is_noted) {
        txn_note_write(txn->txn, table->rel, 0, ky_slice(NULL, 0));
    }
}

/* That a key is taken is something read, where the transaction goes on after hearing so. */
static void
note_taken(struct access_txn *txn, const struct cat_index *index)
{
    struct storage_key_range range = {
        .lower = ky_buffer_slice(&txn->key),
        .upper = ky_buffer_slice(&txn->key),
        .has_lower = true,
        .has_upper = true,
    };
    txn_note_read(txn->txn, index->table->rel, index->oid, &range);
}

/* ------------------------------------------------------------------ entries */

/* Puts txn->key into one index and logs it for undo. */
static ky_status
add_entry(struct access_txn *txn, const struct cat_index *index, struct access_index *runtime,
          struct entry *entry, struct lock_waiter *waiter, struct ky_error *err)
{
    bool is_new = true;
    struct ky_slice key = ky_buffer_slice(&txn->key);
    entry->answer = UNIQUE_INSERTED;
    if (runtime->is_inverted) {
        return inverted_add_row(txn, runtime, entry->row_id, err);
    }
    if (runtime->vectors != NULL) {
        KY_TRY(collection_insert(runtime->vectors, entry->row_id, key.data, &is_new, err));
    } else if (entry->is_unique) {
        KY_TRY(unique_insert(txn, runtime, index, entry, waiter, &is_new, err));
        if (entry->answer != UNIQUE_INSERTED) {
            return KY_OK;
        }
    } else if (index_insert(runtime->tree, key, entry->row_id, &is_new, err) != KY_OK) {
        ky_error_name(err->table_name, index->table->name);
        return KY_ERR;
    }
    if (is_new) {
        entry_log_add(&txn->undo, runtime->oid, key, entry->row_id, false);
    }
    return KY_OK;
}

static bool
is_unique_for(const struct cat_index *index, const struct key_info *info)
{
    return index->is_unique && !index->is_deferrable &&
           (index->is_nulls_not_distinct || !info->has_null);
}

static bool
is_arbiter(const struct access_conflict *conflict, const struct cat_index *index)
{
    return conflict != NULL && index->is_unique &&
           (conflict->arbiter == NULL || conflict->arbiter->oid == index->oid);
}

/* What a unique answer other than INSERTED means to the caller. The row was taken out again. */
static ky_status
answer_unique(struct access_txn *txn, const struct cat_index *index, const struct datum *values,
              const struct access_conflict *conflict, const struct entry *entry,
              enum access_answer *answer_out, struct ky_error *err)
{
    if (entry->answer == UNIQUE_PENDING) {
        *answer_out = ACCESS_PENDING;
        return KY_OK;
    }
    if (is_arbiter(conflict, index)) {
        struct row_ref row;
        if (txn->isolation != ISOLATION_READ_COMMITTED &&
            storage_row_state(txn->txn, index->table->rel, entry->existing, &row) == ROW_CHANGED) {
            return ky_error_set(err, KY_SERIALIZATION_FAILURE,
                                "could not serialize access due to concurrent update");
        }
        *answer_out = ACCESS_CONFLICT;
        return KY_OK;
    }
    return access_duplicate_error(access_runtime(txn->access, index), index, values, false, err);
}

/* The row's entry in one index. */
static ky_status
insert_entry(struct access_txn *txn, const struct cat_index *index, const struct datum *values,
             const struct access_conflict *conflict, struct lock_waiter *waiter,
             struct entry *entry, struct ky_error *err)
{
    struct access_index *runtime = access_runtime(txn->access, index);
    struct key_info info;
    entry->answer = UNIQUE_INSERTED;
    if (index->is_deferrable && is_arbiter(conflict, index)) {
        return access_deferrable_error(index, err);
    }
    ky_buffer_clear(&txn->key);
    KY_TRY(runtime_values_key(runtime, index, values, &txn->key, &info, err));
    if (!info.has_entry) {
        return KY_OK;
    }
    entry->is_unique = is_unique_for(index, &info);
    entry->look =
        is_arbiter(conflict, index) && conflict->is_update ? ROW_LOCK_LOOK_KEY : ROW_LOCK_LOOK;
    return add_entry(txn, index, runtime, entry, waiter, err);
}

/* The arbiter comes first: of a row that is in nobody's way there, others may still be. */
static const struct cat_index *
index_at(const struct cat_table *table, const struct access_conflict *conflict, uint16_t i)
{
    const struct cat_index *first = conflict == NULL ? NULL : conflict->arbiter;
    if (first == NULL) {
        return table->indexes[i];
    }
    for (uint16_t at = 0, place = 1; at < table->index_count; at++) {
        if (table->indexes[at]->oid == first->oid) {
            continue;
        }
        if (place++ == i) {
            return table->indexes[at];
        }
    }
    return first;
}

/* One attempt. *retry_out: whoever was in the way has ended. */
static ky_status
try_insert(struct access_txn *txn, const struct cat_table *table, const struct datum *values,
           const struct access_conflict *conflict, struct lock_waiter *waiter, row_id_t *row_id_out,
           enum access_answer *answer_out, bool *retry_out, struct ky_error *err)
{
    struct access_savepoint before;
    struct entry entry = {.existing = ROW_ID_NONE};
    *retry_out = false;
    access_savepoint_set(txn, &before);
    KY_TRY(storage_insert(txn->txn, table->rel, is_event_table(table), ky_buffer_slice(&txn->row),
                          &entry.row_id, err));
    for (uint16_t i = 0; i < table->index_count; i++) {
        const struct cat_index *index = index_at(table, conflict, i);
        if (insert_entry(txn, index, values, conflict, waiter, &entry, err) != KY_OK) {
            access_savepoint_rollback(txn, &before, true);
            return KY_ERR;
        }
        if (entry.answer != UNIQUE_INSERTED) {
            access_savepoint_rollback(txn, &before, true);
            *row_id_out = entry.existing;
            *retry_out = entry.answer == UNIQUE_RETRY;
            if (entry.answer == UNIQUE_DUPLICATE) {
                note_taken(txn, index);
            }
            return *retry_out
                       ? KY_OK
                       : answer_unique(txn, index, values, conflict, &entry, answer_out, err);
        }
    }
    access_note_row(txn, table, ky_buffer_slice(&txn->row));
    access_count(txn, table->oid, COUNT_INSERTED, 1);
    *row_id_out = entry.row_id;
    *answer_out = ACCESS_DONE;
    return KY_OK;
}

ky_status
access_insert(struct access_txn *txn, const struct cat_table *table, const struct datum *values,
              const struct access_conflict *conflict, struct lock_waiter *waiter,
              row_id_t *row_id_out, enum access_answer *answer_out, struct ky_error *err)
{
    bool is_retry = true;
    struct txn_savepoint before;
    storage_look_end(waiter);
    ky_buffer_clear(&txn->row);
    KY_TRY(row_encode(&table->layout, values, &txn->row, err));
    txn_savepoint_set(txn->txn, &before);
    ky_status status = KY_OK;
    while (status == KY_OK && is_retry) {
        status = try_insert(txn, table, values, conflict, waiter, row_id_out, answer_out, &is_retry,
                            err);
    }
    txn_release_locks(txn->txn, &before);
    return status;
}

/* ------------------------------------------------------------------ update and delete */

/* Moves a row's entry in one index from old_row's key to that of values. */
static ky_status
move_entry(struct access_txn *txn, const struct cat_index *index, row_id_t row_id,
           struct ky_slice old_row, const struct datum *values, struct lock_waiter *waiter,
           enum unique_answer *unique_out, bool *is_moved_out, struct ky_error *err)
{
    struct access_index *runtime = access_runtime(txn->access, index);
    ky_buffer_clear(&txn->key);
    ky_buffer_clear(&txn->old_key);
    bool has_old = runtime_row_key(runtime, index, old_row, &txn->old_key);
    struct key_info info;
    KY_TRY(runtime_values_key(runtime, index, values, &txn->key, &info, err));
    bool has_new = info.has_entry;
    *unique_out = UNIQUE_INSERTED;
    if (runtime->is_inverted) {
        return inverted_move_row(txn, runtime, row_id, is_moved_out, err);
    }
    if (has_old == has_new &&
        ky_slice_equal(ky_buffer_slice(&txn->old_key), ky_buffer_slice(&txn->key))) {
        return KY_OK;
    }
    if (has_old) {
        /* Before the new entry can be seen; see stale_count. */
        atomic_fetch_add_explicit(&runtime->stale_count, 1, memory_order_release);
        atomic_fetch_add_explicit(&runtime->stale_raises, 1, memory_order_release);
        entry_log_add(&txn->garbage, runtime->oid, ky_buffer_slice(&txn->old_key), row_id, true);
    }
    if (has_new) {
        struct entry entry = {.row_id = row_id,
                              .is_unique = is_unique_for(index, &info),
                              .look = ROW_LOCK_LOOK,
                              .existing = ROW_ID_NONE};
        *is_moved_out = true;
        KY_TRY(add_entry(txn, index, runtime, &entry, waiter, err));
        *unique_out = entry.answer;
    }
    return KY_OK;
}

static ky_status
update_locked(struct access_txn *txn, const struct cat_table *table, row_id_t row_id,
              const struct datum *values, const bool *is_changed, struct lock_waiter *waiter,
              enum access_answer *answer_out, struct ky_error *err)
{
    struct access_savepoint before;
    struct row_ref old;
    bool is_moved = false;
    enum row_state state = storage_row_state(txn->txn, table->rel, row_id, &old);
    KY_ASSERT(state == ROW_UNCHANGED || state == ROW_CHANGED || state == ROW_OWN);
    ky_buffer_clear(&txn->row);
    KY_TRY(row_encode(&table->layout, values, &txn->row, err));
    for (;;) {
        bool is_retry = false;
        access_savepoint_set(txn, &before);
        for (uint16_t i = 0; i < table->index_count && !is_retry; i++) {
            const struct cat_index *index = table->indexes[i];
            enum unique_answer unique;
            if (!access_is_touched(txn, index, is_changed)) {
                continue;
            }
            if (move_entry(txn, index, row_id, old.body, values, waiter, &unique, &is_moved, err) !=
                KY_OK) {
                access_savepoint_rollback(txn, &before, true);
                return KY_ERR;
            }
            if (unique == UNIQUE_INSERTED) {
                continue;
            }
            access_savepoint_rollback(txn, &before, true);
            if (unique != UNIQUE_RETRY) {
                const struct entry entry = {.answer = unique};
                return answer_unique(txn, index, values, NULL, &entry, answer_out, err);
            }
            is_retry = true;
        }
        if (!is_retry) {
            break;
        }
    }
    if (storage_update(txn->txn, table->rel, is_event_table(table), row_id,
                       ky_buffer_slice(&txn->row), err) != KY_OK) {
        access_savepoint_rollback(txn, &before, true);
        return KY_ERR;
    }
    access_note_row(txn, table, old.body);
    access_note_row(txn, table, ky_buffer_slice(&txn->row));
    access_count(txn, table->oid, COUNT_UPDATED, 1);
    access_count(txn, table->oid, COUNT_HOT_UPDATED, !is_moved);
    *answer_out = ACCESS_DONE;
    return KY_OK;
}

ky_status
access_update(struct access_txn *txn, const struct cat_table *table, row_id_t row_id,
              const struct datum *values, const bool *is_changed, struct lock_waiter *waiter,
              enum access_answer *answer_out, struct ky_error *err)
{
    struct txn_savepoint before;
    storage_look_end(waiter);
    KY_TRY(access_lock_key_change(txn, table, row_id, values, is_changed, waiter, answer_out, err));
    if (*answer_out != ACCESS_DONE) {
        return KY_OK;
    }
    txn_savepoint_set(txn->txn, &before);
    ky_status status =
        update_locked(txn, table, row_id, values, is_changed, waiter, answer_out, err);
    txn_release_locks(txn->txn, &before);
    return status;
}

/* The row's primary key, other columns null: what readers of the event log get of a deletion.
 * Without a primary key, the whole row. */
static ky_status
encode_identity(struct access_txn *txn, const struct cat_table *table, struct ky_slice row,
                struct ky_error *err)
{
    const struct cat_index *primary = NULL;
    for (uint16_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i]->is_primary) {
            primary = table->indexes[i];
        }
    }
    ky_buffer_clear(&txn->row);
    if (primary == NULL) {
        ky_buffer_append_slice(&txn->row, row);
        return KY_OK;
    }
    struct ky_arena arena;
    ky_arena_init(&arena);
    struct datum *values = ky_arena_array(&arena, struct datum, table->column_count);
    for (uint16_t i = 0; i < table->column_count; i++) {
        values[i] = datum_null();
    }
    for (uint16_t i = 0; i < primary->key_count; i++) {
        uint16_t column = (uint16_t)(primary->keys[i].column - 1);
        values[column] = row_get(&table->layout, row, column);
    }
    ky_status status = row_encode(&table->layout, values, &txn->row, err);
    ky_arena_deinit(&arena);
    return status;
}

ky_status
access_delete(struct access_txn *txn, const struct cat_table *table, row_id_t row_id,
              struct ky_error *err)
{
    struct row_ref old;
    enum row_state state = storage_row_state(txn->txn, table->rel, row_id, &old);
    KY_ASSERT(state == ROW_UNCHANGED || state == ROW_CHANGED || state == ROW_OWN);
    KY_TRY(encode_identity(txn, table, old.body, err));
    size_t garbage_mark = txn->garbage.size;
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct access_index *runtime = access_runtime(txn->access, table->indexes[i]);
        ky_buffer_clear(&txn->old_key);
        if (runtime_row_key(runtime, table->indexes[i], old.body, &txn->old_key)) {
            entry_log_add(&txn->garbage, runtime->oid, ky_buffer_slice(&txn->old_key), row_id,
                          false);
        }
    }
    if (storage_delete(txn->txn, table->rel, is_event_table(table), row_id,
                       ky_buffer_slice(&txn->row), err) != KY_OK) {
        txn->garbage.size = garbage_mark;
        return KY_ERR;
    }
    access_note_row(txn, table, old.body);
    access_count(txn, table->oid, COUNT_DELETED, 1);
    return KY_OK;
}
