/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/inverted.h"

#include "server/access/access_private.h"
#include "server/base/assert.h"

/*
 * Keeping inverted indexes in step with rows. A row's keys go through access as one byte string,
 * ascending, eight bytes each; entry logs hold such strings too, so that a row with a million keys
 * is one entry of a log. An update puts in the keys that the old version lacks, and leaves those
 * that the new one lacks to the purger, which takes out what the newest version still lacks by
 * then.
 *
 * stale_count is raised by every update that changes the set of keys, also if it only adds to it:
 * while it is 0, all entries of a row that a snapshot sees are of the version that it sees. Scans
 * do not need that, since they ask the condition of every row; a checkpoint does.
 */

/* ------------------------------------------------------------------ strings of keys */

static struct ky_slice
key_at(struct ky_slice keys, size_t place)
{
    return ky_slice((const uint8_t *)keys.data + place, INVERTED_KEY_SIZE);
}

static int
compare_at(struct ky_slice a, size_t place, struct ky_slice b, size_t other)
{
    return memcmp((const uint8_t *)a.data + place, (const uint8_t *)b.data + other,
                  INVERTED_KEY_SIZE);
}

void
inverted_subtract(struct ky_slice keys, struct ky_slice less, struct ky_buffer *out)
{
    size_t other = 0;
    for (size_t place = 0; place < keys.size; place += INVERTED_KEY_SIZE) {
        while (other < less.size && compare_at(less, other, keys, place) < 0) {
            other += INVERTED_KEY_SIZE;
        }
        if (other == less.size || compare_at(less, other, keys, place) != 0) {
            ky_buffer_append_slice(out, key_at(keys, place));
        }
    }
}

bool
inverted_has(struct ky_slice keys, struct ky_slice key)
{
    size_t low = 0;
    size_t high = keys.size / INVERTED_KEY_SIZE;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare_at(keys, middle * INVERTED_KEY_SIZE, key, 0);
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

void
inverted_row_keys(const struct access_index *runtime, const struct cat_index *index,
                  const struct datum *values, struct ky_buffer *out)
{
    const size_t start = out->size;
    for (uint16_t i = 0; i < index->key_count; i++) {
        if (!values[i].is_null) {
            inverted_add_keys((enum inverted_class)runtime->classes[i], i, values[i], out);
        }
    }
    inverted_seal_keys(out, start);
}

/* ------------------------------------------------------------------ entries */

ky_status
inverted_insert(struct access_index *runtime, struct ky_slice keys, row_id_t row_id,
                struct ky_buffer *new_out, struct ky_error *err)
{
    for (size_t place = 0; place < keys.size; place += INVERTED_KEY_SIZE) {
        bool is_new = false;
        KY_TRY(index_insert(runtime->tree, key_at(keys, place), row_id, &is_new, err));
        if (is_new && new_out != NULL) {
            ky_buffer_append_slice(new_out, key_at(keys, place));
        }
    }
    return KY_OK;
}

void
inverted_remove(struct access_index *runtime, struct ky_slice keys, row_id_t row_id)
{
    for (size_t place = 0; place < keys.size; place += INVERTED_KEY_SIZE) {
        (void)index_remove(runtime->tree, key_at(keys, place), row_id);
    }
}

/* Puts keys in and logs for undo those that were not there. */
static ky_status
insert_logged(struct access_txn *txn, struct access_index *runtime, struct ky_slice keys,
              row_id_t row_id, struct ky_error *err)
{
    ky_buffer_clear(&txn->new_keys);
    ky_status status = inverted_insert(runtime, keys, row_id, &txn->new_keys, err);
    if (txn->new_keys.size > 0) {
        entry_log_add(&txn->undo, runtime->oid, ky_buffer_slice(&txn->new_keys), row_id, false);
    }
    return status;
}

ky_status
inverted_add_row(struct access_txn *txn, struct access_index *runtime, row_id_t row_id,
                 struct ky_error *err)
{
    return insert_logged(txn, runtime, ky_buffer_slice(&txn->key), row_id, err);
}

ky_status
inverted_move_row(struct access_txn *txn, struct access_index *runtime, row_id_t row_id,
                  bool *is_moved_out, struct ky_error *err)
{
    const struct ky_slice old_keys = ky_buffer_slice(&txn->old_key);
    const struct ky_slice new_keys = ky_buffer_slice(&txn->key);
    struct ky_buffer added = {0};
    struct ky_buffer gone = {0};
    ky_status status = KY_OK;
    inverted_subtract(new_keys, old_keys, &added);
    inverted_subtract(old_keys, new_keys, &gone);
    if (added.size > 0 || gone.size > 0) {
        /* Before the new entries can be seen; see stale_count. */
        atomic_fetch_add_explicit(&runtime->stale_count, 1, memory_order_release);
        atomic_fetch_add_explicit(&runtime->stale_raises, 1, memory_order_release);
        entry_log_add(&txn->garbage, runtime->oid, ky_buffer_slice(&gone), row_id, true);
        *is_moved_out = *is_moved_out || added.size > 0;
        status = insert_logged(txn, runtime, ky_buffer_slice(&added), row_id, err);
    }
    ky_buffer_deinit(&added);
    ky_buffer_deinit(&gone);
    return status;
}

void
inverted_purge(struct access_index *runtime, const struct cat_index *index, struct ky_slice row,
               struct ky_slice keys, row_id_t row_id, struct ky_buffer *scratch)
{
    struct ky_buffer gone = {0};
    ky_buffer_clear(scratch);
    (void)runtime_row_key(runtime, index, row, scratch);
    inverted_subtract(keys, ky_buffer_slice(scratch), &gone);
    inverted_remove(runtime, ky_buffer_slice(&gone), row_id);
    ky_buffer_deinit(&gone);
}

/* ------------------------------------------------------------------ building */

struct posting {
    uint64_t key;
    row_id_t row_id;
};

struct postings {
    struct posting *list;
    size_t count, capacity;
    size_t next; /* of the source */
    uint8_t key[INVERTED_KEY_SIZE];
};

static void
postings_add(struct postings *postings, struct ky_slice keys, row_id_t row_id)
{
    const size_t more = keys.size / INVERTED_KEY_SIZE;
    if (postings->count + more > postings->capacity) {
        postings->capacity = KY_MAX(postings->capacity * 2, postings->count + more);
        postings->list = ky_realloc(postings->list, postings->capacity * sizeof(*postings->list));
    }
    for (size_t i = 0; i < more; i++) {
        postings->list[postings->count++] = (struct posting){
            ky_load_be64((const uint8_t *)keys.data + i * INVERTED_KEY_SIZE), row_id};
    }
}

/* By a byte of the key at a time, the lowest first; each pass keeps the order of what is equal, so
 * that row ids of one key stay as they came: ascending. */
static void
postings_sort(struct postings *postings)
{
    enum { BYTE_VALUES = 256 };
    struct posting *from = postings->list;
    struct posting *to = ky_malloc(KY_MAX(postings->count, (size_t)1) * sizeof(*to));
    for (int shift = 0; shift < 64; shift += 8) {
        size_t places[BYTE_VALUES] = {0};
        size_t place = 0;
        for (size_t i = 0; i < postings->count; i++) {
            places[from[i].key >> shift & (BYTE_VALUES - 1)]++;
        }
        for (size_t value = 0; value < BYTE_VALUES; value++) {
            const size_t count = places[value];
            places[value] = place;
            place += count;
        }
        for (size_t i = 0; i < postings->count; i++) {
            to[places[from[i].key >> shift & (BYTE_VALUES - 1)]++] = from[i];
        }
        struct posting *sorted = to;
        to = from;
        from = sorted;
    }
    postings->list = from;
    ky_free(to);
}

static bool
next_posting(void *arg, struct index_entry *entry_out)
{
    struct postings *postings = arg;
    if (postings->next == postings->count) {
        return false;
    }
    const struct posting *posting = &postings->list[postings->next++];
    ky_store_be64(postings->key, posting->key);
    entry_out->key = ky_slice(postings->key, sizeof(postings->key));
    entry_out->row_id = posting->row_id;
    return true;
}

ky_status
inverted_fill(struct access_index *runtime, const struct cat_index *index, struct txn *txn,
              struct ky_error *err)
{
    enum { FILL_BATCH = 256 };
    struct storage_scan scan;
    struct row_ref rows[FILL_BATCH];
    struct postings postings = {0};
    struct ky_buffer keys = {0};
    row_id_t last = 0;
    bool is_sorted = true;
    ky_status status = KY_OK;
    storage_scan_init(&scan, txn, index->table->rel);
    for (uint32_t count;
         status == KY_OK && (count = storage_scan_next(&scan, rows, FILL_BATCH)) > 0;) {
        for (uint32_t i = 0; i < count && status == KY_OK; i++) {
            struct key_info info;
            ky_buffer_clear(&keys);
            status = runtime_try_row_key(runtime, index, rows[i].body, &keys, &info, err);
            if (status == KY_OK && info.has_entry) {
                is_sorted = is_sorted && rows[i].row_id >= last;
                last = rows[i].row_id;
                postings_add(&postings, ky_buffer_slice(&keys), rows[i].row_id);
            }
        }
    }
    if (status == KY_OK) {
        KY_ASSERT(is_sorted);
        postings_sort(&postings);
        status = index_build(runtime->tree, next_posting, &postings, err);
    }
    ky_buffer_deinit(&keys);
    ky_free(postings.list);
    return status;
}
