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

/* ------------------------------------------------------------------ unique checks */

struct judgement {
    struct access_txn *txn;
    struct access_index *runtime;
    const struct cat_index *index;
    struct ky_slice key;
    struct ky_buffer scratch;
};

/* Nobody else is changing the row, or a key of it. The lock it takes on the way keeps it so. */
static bool
is_settled(struct access_txn *txn, rel_id_t rel, row_id_t row_id, enum row_lock_mode look)
{
    struct lock_waiter nobody = {0};
    struct ky_error err;
    enum lock_answer answer;
    ky_error_init(&err);
    return storage_lock_row(txn->txn, rel, row_id, look, LOCK_POLICY_NOWAIT, &nobody, &answer,
                            &err) == KY_OK &&
           answer == LOCK_GRANTED;
}

static enum index_verdict
judge_existing(void *arg, row_id_t existing)
{
    struct judgement *judgement = arg;
    bool is_locked = false;
    for (;;) {
        struct row_ref row;
        switch (storage_row_state(judgement->txn->txn, judgement->runtime->rel, existing, &row)) {
        case ROW_GONE:
        case ROW_OWN_GONE:
            return INDEX_IGNORE;
        case ROW_IN_PROGRESS:
            return INDEX_WAIT;
        case ROW_UNCHANGED:
        case ROW_CHANGED:
        case ROW_OWN:
            break;
        }
        ky_buffer_clear(&judgement->scratch);
        (void)runtime_row_key(judgement->runtime, judgement->index, row.body, &judgement->scratch);
        if (ky_slice_equal(ky_buffer_slice(&judgement->scratch), judgement->key)) {
            return INDEX_CONFLICT;
        }
        if (is_locked) {
            return INDEX_IGNORE;
        }
        if (!is_settled(judgement->txn, judgement->runtime->rel, existing, ROW_LOCK_LOOK_KEY)) {
            return INDEX_WAIT;
        }
        is_locked = true; /* whoever was giving it this key may have ended before: look again */
    }
}

enum unique_answer { UNIQUE_INSERTED, UNIQUE_DUPLICATE, UNIQUE_PENDING, UNIQUE_RETRY };

/* After a verdict other than IGNORE: waits for whoever decides. RETRY: decided, look again.
 * look: who is waited for when the row has the key. */
static ky_status
await_existing(struct access_txn *txn, struct access_index *runtime, row_id_t existing,
               enum index_verdict verdict, enum row_lock_mode look, struct lock_waiter *waiter,
               enum unique_answer *answer_out, struct ky_error *err)
{
    enum lock_answer answer = LOCK_GRANTED;
    struct row_ref row;
    enum row_state state = storage_row_state(txn->txn, runtime->rel, existing, &row);
    if (state == ROW_IN_PROGRESS) {
        KY_TRY(storage_wait_inserter(txn->txn, runtime->rel, existing, waiter, &answer, err));
        *answer_out = answer == LOCK_GRANTED ? UNIQUE_RETRY : UNIQUE_PENDING;
        return KY_OK;
    }
    if (state == ROW_OWN) {
        *answer_out = verdict == INDEX_CONFLICT ? UNIQUE_DUPLICATE : UNIQUE_RETRY;
        return KY_OK;
    }
    if (verdict != INDEX_CONFLICT) {
        look = ROW_LOCK_LOOK_KEY;
    }
    if (is_settled(txn, runtime->rel, existing, look)) {
        *answer_out = verdict == INDEX_CONFLICT ? UNIQUE_DUPLICATE : UNIQUE_RETRY;
        return KY_OK;
    }
    KY_TRY(storage_lock_row(txn->txn, runtime->rel, existing, look, LOCK_POLICY_WAIT, waiter,
                            &answer, err));
    *answer_out = answer == LOCK_GRANTED ? UNIQUE_RETRY : UNIQUE_PENDING;
    return KY_OK;
}

/* How an entry goes into a unique index, and what came of it. */
struct entry {
    row_id_t row_id;
    bool is_unique;
    enum row_lock_mode look; /* whom to wait for at a row that has the key */
    row_id_t existing;       /* out: that row */
    enum unique_answer answer;
};

/* Inserts the entry for txn->key into a unique index. */
static ky_status
insert_unique(struct access_txn *txn, struct access_index *runtime, const struct cat_index *index,
              struct entry *entry, struct lock_waiter *waiter, bool *is_new_out,
              struct ky_error *err)
{
    struct judgement judgement = {
        .txn = txn, .runtime = runtime, .index = index, .key = ky_buffer_slice(&txn->key)};
    enum index_verdict verdict;
    ky_status status =
        index_insert_unique(runtime->tree, judgement.key, entry->row_id, judge_existing, &judgement,
                            &verdict, &entry->existing, is_new_out, err);
    ky_buffer_deinit(&judgement.scratch);
    KY_TRY(status);
    if (verdict == INDEX_IGNORE) {
        entry->answer = UNIQUE_INSERTED;
        return KY_OK;
    }
    return await_existing(txn, runtime, entry->existing, verdict, entry->look, waiter,
                          &entry->answer, err);
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
        KY_TRY(insert_unique(txn, runtime, index, entry, waiter, &is_new, err));
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

/* ------------------------------------------------------------------ locking */

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
static bool
has_same_keys(struct access_txn *txn, const struct cat_table *table, struct ky_slice a,
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
            has_same_keys(txn, table, seen.body, newest.body)) {
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

/* ------------------------------------------------------------------ update and delete */

static bool
index_is_touched(const struct access_txn *txn, const struct cat_index *index,
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
        if (index->is_unique && index_is_touched(txn, index, is_changed) &&
            key_is_changed(txn, index, old_row, values)) {
            mode = is_plain_key(index) ? ROW_LOCK_CHANGE_KEY : ROW_LOCK_CHANGE_ENTRY;
        }
    }
    return mode;
}

/* A changed unique key takes a stronger lock: others' checks of keys must wait for it. */
static ky_status
lock_for_key_change(struct access_txn *txn, const struct cat_table *table, row_id_t row_id,
                    const struct datum *values, const bool *is_changed, struct lock_waiter *waiter,
                    enum access_answer *answer_out, struct ky_error *err)
{
    struct row_ref old;
    enum lock_answer answer = LOCK_GRANTED;
    bool is_touched = false;
    for (uint16_t i = 0; i < table->index_count; i++) {
        const struct cat_index *index = table->indexes[i];
        is_touched = is_touched || (index->is_unique && index_is_touched(txn, index, is_changed));
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
            if (!index_is_touched(txn, index, is_changed)) {
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
    KY_TRY(lock_for_key_change(txn, table, row_id, values, is_changed, waiter, answer_out, err));
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

/* ------------------------------------------------------------------ keys looked up later */

enum { KEY_ROWS_FEW = 16 };

/* Rows that have an entry with txn->key. *many_out is what to free; NULL when few was enough. */
static uint32_t
rows_of_key(struct access_txn *txn, struct access_index *runtime, row_id_t few[KEY_ROWS_FEW],
            row_id_t **many_out)
{
    struct ky_slice key = ky_buffer_slice(&txn->key);
    uint32_t room = KEY_ROWS_FEW;
    uint32_t found = index_find(runtime->tree, key, few, room);
    *many_out = NULL;
    while (found > room) {
        room = found * 2;
        *many_out = ky_realloc(*many_out, room * sizeof(row_id_t));
        found = index_find(runtime->tree, key, *many_out, room);
    }
    return found;
}

static bool
has_key(struct access_txn *txn, struct access_index *runtime, const struct cat_index *index,
        struct ky_slice row)
{
    ky_buffer_clear(&txn->old_key);
    return runtime_row_key(runtime, index, row, &txn->old_key) &&
           ky_slice_equal(ky_buffer_slice(&txn->old_key), ky_buffer_slice(&txn->key));
}

/* Is this the row with txn->key? DONE: yes, locked unless it is ours. SKIPPED: no. */
static ky_status
share_row(struct access_txn *txn, struct access_index *runtime, const struct cat_index *index,
          row_id_t row_id, struct lock_waiter *waiter, enum access_answer *answer_out,
          struct ky_error *err)
{
    bool is_locked = false;
    for (;;) {
        struct row_ref row;
        struct row_ref seen;
        enum row_state state = storage_row_state(txn->txn, runtime->rel, row_id, &row);
        *answer_out = ACCESS_SKIPPED;
        if (state == ROW_IN_PROGRESS || state == ROW_OWN_GONE) {
            return KY_OK;
        }
        if (txn->isolation != ISOLATION_READ_COMMITTED &&
            (state == ROW_CHANGED || state == ROW_GONE)) {
            /* What the snapshot sees is not what there is. */
            if (!storage_get(txn->txn, runtime->rel, row_id, &seen) ||
                !has_key(txn, runtime, index, seen.body)) {
                return KY_OK;
            }
            if (state == ROW_GONE || !has_same_keys(txn, index->table, seen.body, row.body)) {
                return ky_error_set(err, KY_SERIALIZATION_FAILURE,
                                    "could not serialize access due to concurrent update");
            }
        }
        if (state == ROW_GONE || !has_key(txn, runtime, index, row.body)) {
            return KY_OK;
        }
        if (is_locked || state == ROW_OWN) {
            *answer_out = ACCESS_DONE;
            return KY_OK;
        }
        enum lock_answer lock;
        KY_TRY(storage_lock_row(txn->txn, runtime->rel, row_id, ROW_LOCK_KEY_SHARE,
                                LOCK_POLICY_WAIT, waiter, &lock, err));
        if (lock != LOCK_GRANTED) {
            *answer_out = ACCESS_PENDING;
            return KY_OK;
        }
        is_locked = true; /* look again: it may have gone while we waited */
    }
}

ky_status
access_share_key(struct access_txn *txn, const struct cat_index *index, const struct datum *keys,
                 row_id_t *awaited, struct lock_waiter *waiter, enum access_answer *answer_out,
                 struct ky_error *err)
{
    struct access_index *runtime = access_runtime(txn->access, index);
    row_id_t few[KEY_ROWS_FEW];
    row_id_t *many;
    ky_buffer_clear(&txn->key);
    access_encode_key(index, keys, index->key_count, &txn->key);
    uint32_t count = rows_of_key(txn, runtime, few, &many);
    ky_status status = KY_OK;
    *answer_out = ACCESS_SKIPPED;
    for (uint32_t i = 0; i < count && status == KY_OK && *answer_out == ACCESS_SKIPPED; i++) {
        const row_id_t row_id = many == NULL ? few[i] : many[i];
        if (*awaited == ROW_ID_NONE || *awaited == row_id) {
            status = share_row(txn, runtime, index, row_id, waiter, answer_out, err);
            *awaited = *answer_out == ACCESS_PENDING ? row_id : *awaited;
        }
    }
    ky_free(many);
    access_count(txn, index->oid, COUNT_SCANS, 1);
    access_count(txn, index->oid, COUNT_RETURNED, count);
    access_count(txn, index->oid, COUNT_FETCHED, *answer_out == ACCESS_SKIPPED ? 0 : 1);
    return status;
}

bool
access_has_twin(struct access_txn *txn, const struct cat_index *index, const struct datum *values)
{
    struct access_index *runtime = access_runtime(txn->access, index);
    row_id_t first;
    ky_buffer_clear(&txn->key);
    struct key_info info;
    struct ky_error ignored;
    ky_error_init(&ignored);
    return runtime_values_key(runtime, index, values, &txn->key, &info, &ignored) == KY_OK &&
           info.has_entry && index_find(runtime->tree, ky_buffer_slice(&txn->key), &first, 1) > 1;
}

/* Is another row in the way of row_id? DONE: it is not. */
static ky_status
recheck_row(struct access_txn *txn, struct judgement *judgement, row_id_t other,
            struct ky_slice row, struct lock_waiter *waiter, enum access_answer *answer_out,
            struct ky_error *err)
{
    for (;;) {
        enum unique_answer unique;
        enum index_verdict verdict = judge_existing(judgement, other);
        *answer_out = ACCESS_DONE;
        if (verdict == INDEX_IGNORE) {
            return KY_OK;
        }
        KY_TRY(await_existing(txn, judgement->runtime, other, verdict, ROW_LOCK_LOOK, waiter,
                              &unique, err));
        if (unique == UNIQUE_PENDING) {
            *answer_out = ACCESS_PENDING;
            return KY_OK;
        }
        if (unique == UNIQUE_DUPLICATE) {
            const struct cat_table *table = judgement->index->table;
            struct ky_arena arena;
            ky_arena_init(&arena);
            struct datum *values = ky_arena_array(&arena, struct datum, table->column_count);
            for (uint16_t i = 0; i < table->column_count; i++) {
                values[i] = row_get(&table->layout, row, i);
            }
            ky_status status =
                access_duplicate_error(judgement->runtime, judgement->index, values, false, err);
            ky_arena_deinit(&arena);
            return status;
        }
    }
}

ky_status
access_recheck_unique(struct access_txn *txn, const struct cat_index *index, row_id_t row_id,
                      struct lock_waiter *waiter, enum access_answer *answer_out,
                      struct ky_error *err)
{
    struct access_index *runtime = access_runtime(txn->access, index);
    struct row_ref row;
    row_id_t few[KEY_ROWS_FEW];
    row_id_t *many;
    *answer_out = ACCESS_DONE;
    storage_look_end(waiter);
    ky_buffer_clear(&txn->key);
    if (storage_row_state(txn->txn, runtime->rel, row_id, &row) != ROW_OWN ||
        !runtime_row_key(runtime, index, row.body, &txn->key)) {
        return KY_OK;
    }
    struct judgement judgement = {
        .txn = txn, .runtime = runtime, .index = index, .key = ky_buffer_slice(&txn->key)};
    uint32_t count = rows_of_key(txn, runtime, few, &many);
    ky_status status = KY_OK;
    for (uint32_t i = 0; i < count && status == KY_OK && *answer_out == ACCESS_DONE; i++) {
        row_id_t other = many == NULL ? few[i] : many[i];
        if (other != row_id) {
            status = recheck_row(txn, &judgement, other, row.body, waiter, answer_out, err);
        }
    }
    ky_free(many);
    ky_buffer_deinit(&judgement.scratch);
    return status;
}
