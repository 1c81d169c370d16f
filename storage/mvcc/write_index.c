/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/map.h"
#include "storage/storage_private.h"

/*
 * Which of the own writes is a row's newest. Rows that were inserted one after the other and got
 * numbers one after the other, as a COPY's do, are a run: their writes are found by counting. Every
 * other write, and every later one to a row of a run, has an entry in a hash table.
 */

/* ------------------------------------------------------------------ hash table */

static uint32_t
index_start(const struct txn *txn, rel_id_t rel, row_id_t row_id)
{
    return (uint32_t)ky_hash_u64(row_id ^ ((uint64_t)rel << 40)) & (txn->index_capacity - 1);
}

/* The place of a row's entry, or the empty place where the search ended. */
static uint32_t *
index_place(const struct txn *txn, rel_id_t rel, row_id_t row_id)
{
    uint32_t mask = txn->index_capacity - 1;
    for (uint32_t at = index_start(txn, rel, row_id);; at = (at + 1) & mask) {
        uint32_t entry = txn->index[at];
        if (entry == 0) {
            return &txn->index[at];
        }
        if (entry != INDEX_REMOVED && txn->writes[entry - 1].row_id == row_id &&
            txn->writes[entry - 1].rel == rel) {
            return &txn->index[at];
        }
    }
}

static void
index_grow(struct txn *txn)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < txn->index_capacity; i++) {
        live += txn->index[i] != 0 && txn->index[i] != INDEX_REMOVED;
    }
    uint32_t *old = txn->index;
    uint32_t old_capacity = txn->index_capacity;
    uint32_t capacity = 16;
    while (capacity / 4 <= live / 2) {
        capacity *= 2;
    }
    txn->index = ky_calloc(capacity, sizeof(*txn->index));
    txn->index_capacity = capacity;
    txn->index_used = live;
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i] != 0 && old[i] != INDEX_REMOVED) {
            const struct write *write = &txn->writes[old[i] - 1];
            *index_place(txn, write->rel, write->row_id) = old[i];
        }
    }
    ky_free(old);
}

/* ------------------------------------------------------------------ runs */

/* The write that inserted a row of a run, as index + 1; 0: the row is in none. */
static uint32_t
run_find(const struct touched *touched, row_id_t row_id)
{
    uint32_t low = 0;
    uint32_t high = touched->run_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct run *run = &touched->runs[middle];
        if (row_id < run->first) {
            high = middle;
        } else if (row_id - run->first >= run->count) {
            low = middle + 1;
        } else {
            return run->write + (uint32_t)(row_id - run->first) + 1;
        }
    }
    return 0;
}

/* The run whose last row the write at `at` inserted. */
static struct run *
run_ending(const struct touched *touched, uint32_t at)
{
    struct run *run = touched->run_count == 0 ? NULL : &touched->runs[touched->run_count - 1];
    return run != NULL && run->write + run->count == at + 1 ? run : NULL;
}

/* Takes the write at `at`, an insert, into a run when it follows the write before it. */
static bool
run_add(const struct txn *txn, struct touched *touched, uint32_t at)
{
    const struct write *write = &txn->writes[at];
    if (at == 0 || write[-1].type != RECORD_INSERT || write[-1].rel != write->rel ||
        write[-1].row_id + 1 != write->row_id) {
        return false;
    }
    struct run *run = run_ending(touched, at - 1);
    if (run != NULL) {
        run->count++;
        return true;
    }
    if (touched->run_count == touched->run_capacity) {
        touched->run_capacity = KY_MAX(4, touched->run_capacity * 2);
        touched->runs = ky_realloc(touched->runs, touched->run_capacity * sizeof(*touched->runs));
    }
    touched->runs[touched->run_count++] =
        (struct run){.first = write->row_id, .write = at, .count = 1};
    return true;
}

/* ------------------------------------------------------------------ both */

void
write_index_add(struct txn *txn, struct touched *touched, uint32_t at)
{
    struct write *write = &txn->writes[at];
    write->older = 0;
    if (write->type == RECORD_INSERT && run_add(txn, touched, at)) {
        return;
    }
    if (txn->index_used + 1 > txn->index_capacity / 4 * 3) {
        index_grow(txn);
    }
    uint32_t *place = index_place(txn, write->rel, write->row_id);
    write->older = *place != 0 ? *place : run_find(touched, write->row_id);
    txn->index_used += *place == 0;
    *place = at + 1;
}

void
write_index_remove_last(struct txn *txn, struct touched *touched)
{
    const uint32_t at = txn->write_count - 1;
    const struct write *write = &txn->writes[at];
    struct run *run = write->type == RECORD_INSERT ? run_ending(touched, at) : NULL;
    if (run != NULL) {
        run->count--;
        touched->run_count -= run->count == 0;
        return;
    }
    uint32_t *place = index_place(txn, write->rel, write->row_id);
    KY_ASSERT(*place == at + 1);
    bool is_older_in_run = run_find(touched, write->row_id) == write->older;
    *place = write->older == 0 || is_older_in_run ? INDEX_REMOVED : write->older;
}

uint32_t
write_set_find(const struct txn *txn, rel_id_t rel, row_id_t row_id)
{
    uint32_t at = txn->index_capacity == 0 ? 0 : *index_place(txn, rel, row_id);
    if (at != 0) {
        return at;
    }
    const struct touched *touched = write_set_touched(txn, rel);
    return touched == NULL ? 0 : run_find(touched, row_id);
}

uint32_t
write_set_find_at(const struct txn *txn, rel_id_t rel, row_id_t row_id, uint32_t command)
{
    uint32_t at = write_set_find(txn, rel, row_id);
    while (at != 0 && txn->writes[at - 1].command >= command) {
        at = txn->writes[at - 1].older;
    }
    return at;
}

uint32_t
write_set_next_row(const struct txn *txn, rel_id_t rel, uint32_t at)
{
    for (; at < txn->write_count; at++) {
        const struct write *write = &txn->writes[at];
        /* A row's first write stands for it. */
        if (write->rel == rel && write->older == 0) {
            break;
        }
    }
    return at;
}

void
write_index_reset(struct txn *txn)
{
    for (uint32_t i = 0; i < txn->touched_count; i++) {
        ky_free(txn->touched[i].runs);
    }
    if (txn->index_capacity > WRITES_KEEP_MAX) {
        ky_free(txn->index);
        txn->index = NULL;
        txn->index_capacity = 0;
    } else if (txn->index_used > 0) {
        memset(txn->index, 0, txn->index_capacity * sizeof(*txn->index));
    }
    txn->index_used = 0;
}
