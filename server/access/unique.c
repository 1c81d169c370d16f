/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/access_private.h"

/*
 * Unique keys: checked when an entry goes in, looked up for a foreign key, checked again when a
 * deferred constraint is due. What an entry leads to is judged on the row: see write.c.
 */

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

/* Inserts the entry for txn->key into a unique index. */
ky_status
unique_insert(struct access_txn *txn, struct access_index *runtime, const struct cat_index *index,
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
            if (state == ROW_GONE ||
                !access_has_same_keys(txn, index->table, seen.body, row.body)) {
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
