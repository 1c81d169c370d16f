/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_access.h"

#include "server/access/inverted.h"
#include "server/access/relation_stats.h"
#include "server/base/assert.h"

struct fake_access fake;

struct txn *
access_storage_txn(struct access_txn *txn)
{
    return (struct txn *)(void *)txn;
}

struct storage *
access_storage(struct access *access)
{
    return (struct storage *)(void *)access;
}

ky_status
access_insert(struct access_txn *txn, const struct cat_table *table, const struct datum *values,
              const struct access_conflict *conflict, struct lock_waiter *waiter,
              row_id_t *row_id_out, enum access_answer *answer_out, struct ky_error *err)
{
    (void)txn, (void)table, (void)conflict, (void)waiter, (void)err;
    fake.insert_calls++;
    if (fake.pending_inserts > 0) {
        fake.pending_inserts--;
        *answer_out = ACCESS_PENDING;
        return KY_OK;
    }
    fake.inserted[fake.inserted_count++] = values[0].word;
    *row_id_out = ++fake.next_row_id;
    *answer_out = ACCESS_DONE;
    return KY_OK;
}

ky_status
access_lock(struct access_txn *txn, const struct cat_table *table, row_id_t row_id,
            enum row_lock_mode mode, enum lock_policy policy, struct lock_waiter *waiter,
            enum access_answer *answer_out, struct ky_error *err)
{
    (void)txn, (void)table, (void)row_id, (void)mode, (void)policy, (void)waiter, (void)err;
    fake.lock_calls++;
    *answer_out = fake.pending_locks > 0 ? ACCESS_PENDING : ACCESS_DONE;
    fake.pending_locks -= fake.pending_locks > 0;
    return KY_OK;
}

enum row_lock_mode
access_change_mode(struct access_txn *txn, const struct cat_table *table, struct ky_slice old_row,
                   const struct datum *values, const bool *is_changed)
{
    (void)txn, (void)table, (void)old_row, (void)values, (void)is_changed;
    return ROW_LOCK_CHANGE;
}

ky_status
access_update(struct access_txn *txn, const struct cat_table *table, row_id_t row_id,
              const struct datum *values, const bool *is_changed, struct lock_waiter *waiter,
              enum access_answer *answer_out, struct ky_error *err)
{
    (void)txn, (void)table, (void)row_id, (void)values, (void)is_changed, (void)waiter, (void)err;
    fake.update_calls++;
    *answer_out = ACCESS_DONE;
    return KY_OK;
}

ky_status
access_delete(struct access_txn *txn, const struct cat_table *table, row_id_t row_id,
              struct ky_error *err)
{
    (void)txn, (void)table, (void)row_id, (void)err;
    return KY_OK;
}

/* What these tests never reach. */
void
access_encode_key(const struct cat_index *index, const struct datum *values, uint32_t count,
                  struct ky_buffer *out)
{
    (void)index, (void)values, (void)count, (void)out;
    KY_UNREACHABLE();
}

ky_status
access_index_scan_open(struct access_index_scan *scan, struct access *access, struct ky_error *err)
{
    (void)scan, (void)access, (void)err;
    KY_UNREACHABLE();
}

uint32_t
access_index_scan_next(struct access_index_scan *scan, struct row_ref *rows, uint32_t max)
{
    (void)scan, (void)rows, (void)max;
    KY_UNREACHABLE();
}

uint32_t
access_index_scan_keys(struct access_index_scan *scan, const struct ky_slice *keys, uint32_t count,
                       struct row_ref *rows, uint32_t max, uint32_t *key_of, uint32_t *done_out)
{
    (void)scan, (void)keys, (void)count, (void)rows, (void)max, (void)key_of, (void)done_out;
    KY_UNREACHABLE();
}

void
access_index_scan_close(struct access_index_scan *scan)
{
    (void)scan;
    KY_UNREACHABLE();
}

ky_status
access_inverted_scan_open(struct access_inverted_scan *scan, struct access *access,
                          const struct inverted_condition *conditions, uint32_t count,
                          struct ky_error *err)
{
    (void)scan, (void)access, (void)conditions, (void)count, (void)err;
    KY_UNREACHABLE();
}

uint32_t
access_inverted_scan_next(struct access_inverted_scan *scan, struct row_ref *rows, uint32_t max)
{
    (void)scan, (void)rows, (void)max;
    KY_UNREACHABLE();
}

uint64_t
access_inverted_scan_count(const struct access_inverted_scan *scan)
{
    (void)scan;
    KY_UNREACHABLE();
}

void
access_inverted_scan_close(struct access_inverted_scan *scan)
{
    (void)scan;
    KY_UNREACHABLE();
}

ky_status
access_vector_search(struct access_txn *txn, const struct cat_index *index,
                     const struct access_vector_query *query, struct access_hit *hits,
                     uint32_t *count_out, struct vector_search_stats *stats_out,
                     struct ky_error *err)
{
    (void)txn, (void)index, (void)query, (void)hits, (void)count_out, (void)stats_out, (void)err;
    KY_UNREACHABLE();
}

ky_status
access_vector_scan_open(struct access_txn *txn, const struct cat_index *index,
                        const struct access_vector_query *query,
                        struct access_vector_scan **scan_out, struct ky_error *err)
{
    (void)txn, (void)index, (void)query, (void)scan_out, (void)err;
    KY_UNREACHABLE();
}

ky_status
access_vector_scan_next(struct access_vector_scan *scan, struct access_hit *hits, uint32_t max,
                        uint32_t *count_out, struct ky_error *err)
{
    (void)scan, (void)hits, (void)max, (void)count_out, (void)err;
    KY_UNREACHABLE();
}

void
access_vector_scan_stats(const struct access_vector_scan *scan,
                         struct vector_search_stats *stats_out)
{
    (void)scan, (void)stats_out;
    KY_UNREACHABLE();
}

void
access_vector_scan_close(struct access_vector_scan *scan)
{
    (void)scan;
}

void
storage_scan_init(struct storage_scan *scan, struct txn *txn, rel_id_t rel)
{
    (void)scan, (void)txn, (void)rel;
    KY_UNREACHABLE();
}

uint32_t
storage_scan_next(struct storage_scan *scan, struct row_ref *rows, uint32_t max)
{
    (void)scan, (void)rows, (void)max;
    KY_UNREACHABLE();
}

uint64_t
storage_count(struct txn *txn, rel_id_t rel)
{
    (void)txn, (void)rel;
    KY_UNREACHABLE();
}

bool
storage_get(struct txn *txn, rel_id_t rel, row_id_t row_id, struct row_ref *row_out)
{
    (void)txn, (void)rel, (void)row_id, (void)row_out;
    return false;
}

struct txn_view
txn_view_set(struct txn *txn, struct txn_view view)
{
    (void)txn;
    return view;
}

bool
storage_is_changed_since(const struct txn *txn, rel_id_t rel, row_id_t row_id)
{
    (void)txn;
    (void)rel;
    (void)row_id;
    return false;
}

enum row_state
storage_row_state(struct txn *txn, rel_id_t rel, row_id_t row_id, struct row_ref *row_out)
{
    (void)txn, (void)rel, (void)row_id, (void)row_out;
    KY_UNREACHABLE();
}

bool
access_row_key(struct access *access, const struct cat_index *index, struct ky_slice row,
               struct ky_buffer *out)
{
    (void)access, (void)index, (void)row, (void)out;
    KY_UNREACHABLE();
}

bool
storage_row_event(struct txn *txn, rel_id_t rel, row_id_t row_id, event_offset_t *offset_out)
{
    (void)txn, (void)rel, (void)row_id, (void)offset_out;
    return false;
}

txid_t
txn_id(const struct txn *txn)
{
    (void)txn;
    return 1;
}

struct cat_schema *
cat_get_schema(const struct cat_image *image, oid_t oid)
{
    (void)image, (void)oid;
    return NULL;
}

void
access_count(struct access_txn *txn, oid_t relation, enum relation_count which, uint64_t count)
{
    (void)txn, (void)relation, (void)which, (void)count;
}

bool
access_has_twin(struct access_txn *txn, const struct cat_index *index, const struct datum *values)
{
    (void)txn, (void)index, (void)values;
    return false;
}
