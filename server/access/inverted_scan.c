/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "server/access/access_private.h"
#include "server/access/inverted.h"
#include "server/base/assert.h"

/*
 * Rows by their keys. The row ids of one key, its list, come sorted from the tree. Of keys that
 * rows must all have, the lists are read side by side until the shortest one ends; a list that is
 * not much longer is read to its end and only what both have is kept, others are left alone: to ask
 * a few rows is cheaper than to read a long list. Of keys any of which will do, all lists are read.
 *
 * A result that is a large part of the table is given up: then all of the table is read in order,
 * which costs no memory and is faster, too.
 *
 * SERIALIZABLE notes one key of those that rows must all have (a row that comes to fit gets it, one
 * that ceases to fit had it), each of those that will do, and else the whole table.
 */
enum {
    KEYS_READ_MAX = 64, /* of those that rows must all have; the others are left to the rows */
    LONG_KEYS_MAX = 4,  /* the same when each has more rows than LONG_LIST */
    LONG_LIST = 16384,
    LIST_BATCH = 256,
    LIST_FACTOR = 32,    /* a list so much longer than the shortest is not worth reading */
    FEW_ROWS = 128,      /* are asked as they are */
    EVERY_ROW_SHARE = 4, /* of the table: more is all of it */
    EVERY_ROW_MIN = 4096,
    ESTIMATE_ENTRIES = 1024,
};

/* The list of one key, as far as it is read. */
struct list {
    struct index_scan scan;
    struct ky_buffer row_ids;
    bool is_whole;
};

static size_t
count_of(const struct ky_buffer *row_ids)
{
    return row_ids->size / sizeof(row_id_t);
}

static const row_id_t *
ids_of(const struct ky_buffer *row_ids)
{
    return (const row_id_t *)(const void *)row_ids->data;
}

static void
list_init(struct list *list, const struct access_index *runtime, struct ky_slice key)
{
    *list = (struct list){
        .scan = {.index = runtime->tree,
                 .lower = key,
                 .upper = key,
                 .has_lower = true,
                 .has_upper = true},
    };
}

static void
list_deinit(struct list *list)
{
    index_scan_deinit(&list->scan);
    ky_buffer_deinit(&list->row_ids);
}

static void
list_read(struct list *list)
{
    struct index_entry entries[LIST_BATCH];
    const uint32_t count = index_scan_next(&list->scan, entries, LIST_BATCH);
    row_id_t *place =
        (row_id_t *)(void *)ky_buffer_extend(&list->row_ids, count * sizeof(row_id_t));
    for (uint32_t i = 0; i < count; i++) {
        place[i] = entries[i].row_id;
    }
    list->is_whole = count == 0;
}

/* Until it ends or has more than max. */
static void
list_read_up_to(struct list *list, size_t max)
{
    while (!list->is_whole && count_of(&list->row_ids) <= max) {
        list_read(list);
    }
}

/* What both have stays in a. */
static void
keep_shared(struct ky_buffer *a, const struct ky_buffer *b)
{
    row_id_t *kept = (row_id_t *)(void *)a->data;
    const row_id_t *other = ids_of(b);
    const size_t count = count_of(a);
    const size_t other_count = count_of(b);
    size_t kept_count = 0;
    size_t place = 0;
    for (size_t i = 0; i < count; i++) {
        while (place < other_count && other[place] < kept[i]) {
            place++;
        }
        if (place < other_count && other[place] == kept[i]) {
            kept[kept_count++] = kept[i];
        }
    }
    a->size = kept_count * sizeof(row_id_t);
}

static int
compare_row_ids(const void *left, const void *right)
{
    const row_id_t a = *(const row_id_t *)left;
    const row_id_t b = *(const row_id_t *)right;
    return (a > b) - (a < b);
}

static void
sort_distinct(struct ky_buffer *row_ids)
{
    row_id_t *list = (row_id_t *)(void *)row_ids->data;
    const size_t count = count_of(row_ids);
    size_t kept = 0;
    qsort(list, count, sizeof(*list), compare_row_ids);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || list[kept - 1] != list[i]) {
            list[kept++] = list[i];
        }
    }
    row_ids->size = kept * sizeof(row_id_t);
}

/* ------------------------------------------------------------------ lists of a scan */

/* More row ids than these are not gathered. */
static size_t
rows_max(const struct access_index *runtime)
{
    const uint64_t live = storage_live_count(runtime->access->storage, runtime->rel);
    return (size_t)(live / EVERY_ROW_SHARE) + EVERY_ROW_MIN;
}

static struct ky_slice
key_of(const struct ky_buffer *keys, size_t i)
{
    return ky_slice(keys->data + i * INVERTED_KEY_SIZE, INVERTED_KEY_SIZE);
}

static struct list *
shortest_of(struct list *lists, size_t count)
{
    struct list *shortest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (lists[i].is_whole &&
            (shortest == NULL || lists[i].row_ids.size < shortest->row_ids.size)) {
            shortest = &lists[i];
        }
    }
    return shortest;
}

/* Rows that have all keys, about: more than those, never fewer. False: too many. */
static bool
gather_all(struct access_inverted_scan *scan, const struct ky_buffer *keys, struct ky_buffer *out)
{
    const size_t count = KY_MIN(keys->size / INVERTED_KEY_SIZE, (size_t)KEYS_READ_MAX);
    size_t side_by_side = count;
    const size_t max = rows_max(scan->runtime);
    struct list *lists = ky_calloc(count, sizeof(*lists));
    struct list *shortest = NULL;
    for (size_t i = 0; i < count; i++) {
        list_init(&lists[i], scan->runtime, key_of(keys, i));
    }
    for (size_t read = 0; shortest == NULL && read <= max; read += LIST_BATCH) {
        side_by_side = read > LONG_LIST ? KY_MIN(count, (size_t)LONG_KEYS_MAX) : count;
        for (size_t i = 0; i < side_by_side; i++) {
            list_read_up_to(&lists[i], read);
        }
        shortest = shortest_of(lists, side_by_side);
    }
    if (shortest != NULL) {
        *out = shortest->row_ids;
        shortest->row_ids = (struct ky_buffer){0};
        const size_t worth = count_of(out) * LIST_FACTOR;
        for (size_t i = 0; i < count && count_of(out) > FEW_ROWS; i++) {
            if (&lists[i] != shortest) {
                list_read_up_to(&lists[i], worth);
                if (lists[i].is_whole) {
                    keep_shared(out, &lists[i].row_ids);
                }
                list_deinit(&lists[i]);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        list_deinit(&lists[i]);
    }
    ky_free(lists);
    return shortest != NULL;
}

/* Rows that have any of the keys. False: too many. */
static bool
gather_any(struct access_inverted_scan *scan, struct ky_slice keys, struct ky_buffer *out)
{
    const size_t max = rows_max(scan->runtime);
    for (size_t place = 0; place < keys.size && count_of(out) <= max; place += INVERTED_KEY_SIZE) {
        struct list list;
        list_init(&list, scan->runtime,
                  ky_slice((const uint8_t *)keys.data + place, INVERTED_KEY_SIZE));
        list.row_ids = *out;
        list_read_up_to(&list, max);
        *out = list.row_ids;
        list.row_ids = (struct ky_buffer){0};
        list_deinit(&list);
    }
    if (count_of(out) > max) {
        return false;
    }
    if (keys.size > INVERTED_KEY_SIZE) {
        sort_distinct(out);
    }
    return true;
}

/* ------------------------------------------------------------------ a scan */

static void
note_key(const struct access_inverted_scan *scan, struct ky_slice key)
{
    const struct storage_key_range range = {
        .lower = key, .upper = key, .has_lower = true, .has_upper = true};
    txn_note_read(scan->txn->txn, scan->index->table->rel, scan->index->oid, &range);
}

/* What conditions need, gathered. */
struct needs {
    struct ky_buffer all;  /* keys */
    struct ky_buffer any;  /* keys, those of one condition after those of another */
    struct ky_buffer ends; /* size_t: where each condition's end in `any` */
    bool is_impossible;
};

static void
needs_deinit(struct needs *needs)
{
    ky_buffer_deinit(&needs->all);
    ky_buffer_deinit(&needs->any);
    ky_buffer_deinit(&needs->ends);
}

static void
read_needs(const struct access_index *runtime, const struct inverted_condition *conditions,
           uint32_t count, struct needs *needs)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct inverted_condition *condition = &conditions[i];
        struct ky_buffer keys = {0};
        if (condition->value.is_null) {
            needs->is_impossible = true;
            continue;
        }
        const enum inverted_need need =
            inverted_query_keys((enum inverted_class)runtime->classes[condition->key],
                                condition->key, condition->strategy, condition->value, &keys);
        if (need == INVERTED_NEEDS_ALL) {
            ky_buffer_append_slice(&needs->all, ky_buffer_slice(&keys));
        } else if (need == INVERTED_NEEDS_ANY) {
            needs->is_impossible = needs->is_impossible || keys.size == 0;
            ky_buffer_append_slice(&needs->any, ky_buffer_slice(&keys));
            ky_buffer_append(&needs->ends, &needs->any.size, sizeof(size_t));
        }
        ky_buffer_deinit(&keys);
    }
}

static void
note_needs(const struct access_inverted_scan *scan, const struct needs *needs)
{
    if (needs->all.size > 0) {
        note_key(scan, key_of(&needs->all, 0));
        return;
    }
    size_t end = 0;
    if (needs->ends.size > 0) { /* one of the conditions is enough */
        memcpy(&end, needs->ends.data, sizeof(end));
    }
    for (size_t place = 0; place < end; place += INVERTED_KEY_SIZE) {
        note_key(scan, ky_slice(needs->any.data + place, INVERTED_KEY_SIZE));
    }
}

/* False: every row has to be asked. */
static bool
gather(struct access_inverted_scan *scan, const struct needs *needs)
{
    bool has_rows = needs->all.size > 0 && gather_all(scan, &needs->all, &scan->row_ids);
    size_t start = 0;
    for (size_t place = 0; place < needs->ends.size; place += sizeof(size_t)) {
        struct ky_buffer row_ids = {0};
        size_t end;
        memcpy(&end, needs->ends.data + place, sizeof(end));
        if (has_rows && count_of(&scan->row_ids) <= FEW_ROWS) {
            break;
        }
        if (!gather_any(scan, ky_slice(needs->any.data + start, end - start), &row_ids)) {
            ky_buffer_deinit(&row_ids);
        } else if (has_rows) {
            keep_shared(&scan->row_ids, &row_ids);
            ky_buffer_deinit(&row_ids);
        } else {
            scan->row_ids = row_ids;
            has_rows = true;
        }
        start = end;
    }
    return has_rows;
}

ky_status
access_inverted_scan_open(struct access_inverted_scan *scan, struct access *access,
                          const struct inverted_condition *conditions, uint32_t count,
                          struct ky_error *err)
{
    struct needs needs = {0};
    scan->runtime = access_runtime(access, scan->index);
    KY_ASSERT(scan->runtime->is_inverted);
    read_needs(scan->runtime, conditions, count, &needs);
    access_count(scan->txn, scan->index->oid, COUNT_SCANS, 1);
    if (!needs.is_impossible) {
        note_needs(scan, &needs);
        scan->is_every_row = !gather(scan, &needs);
    }
    needs_deinit(&needs);
    if (scan->is_every_row) {
        ky_buffer_deinit(&scan->row_ids);
        storage_scan_init(&scan->rows, scan->txn->txn, scan->runtime->rel);
    } else if (scan->budget != NULL) {
        KY_TRY(ky_budget_charge(scan->budget, scan->row_ids.size, err));
        scan->charged = scan->row_ids.size;
    }
    access_count(scan->txn, scan->index->oid, COUNT_RETURNED, count_of(&scan->row_ids));
    return KY_OK;
}

uint32_t
access_inverted_scan_next(struct access_inverted_scan *scan, struct row_ref *rows, uint32_t max)
{
    if (scan->is_every_row) {
        return storage_scan_next(&scan->rows, rows, max);
    }
    const uint64_t count = count_of(&scan->row_ids);
    const row_id_t *row_ids = ids_of(&scan->row_ids);
    uint32_t found = 0;
    while (scan->next < count && found < max) {
        uint32_t places[STORAGE_GET_MAX];
        const uint32_t now =
            (uint32_t)KY_MIN(count - scan->next, (uint64_t)KY_MIN(max - found, STORAGE_GET_MAX));
        found += storage_get_many(scan->txn->txn, scan->runtime->rel, row_ids + scan->next, now,
                                  rows + found, places);
        scan->next += now;
    }
    access_count(scan->txn, scan->index->oid, COUNT_FETCHED, found);
    return found;
}

uint64_t
access_inverted_scan_count(const struct access_inverted_scan *scan)
{
    return count_of(&scan->row_ids);
}

void
access_inverted_scan_close(struct access_inverted_scan *scan)
{
    if (scan->charged > 0) {
        ky_budget_release(scan->budget, scan->charged);
        scan->charged = 0;
    }
    ky_buffer_deinit(&scan->row_ids);
}

/* ------------------------------------------------------------------ estimates */

/* The rows of a key: its list, or as many more as the row ids beyond those in its beginning are. */
static double
key_rows(const struct access_index *runtime, struct ky_slice key)
{
    struct list list;
    list_init(&list, runtime, key);
    list_read_up_to(&list, ESTIMATE_ENTRIES);
    double rows = (double)count_of(&list.row_ids);
    if (!list.is_whole) {
        const row_id_t last = ids_of(&list.row_ids)[count_of(&list.row_ids) - 1];
        const row_id_t end = storage_row_id_end(runtime->access->storage, runtime->rel);
        rows *= (double)KY_MAX(end, last) / (double)KY_MAX(last, (row_id_t)1);
    }
    list_deinit(&list);
    return rows;
}

static double
condition_rows(const struct access_index *runtime, const struct inverted_condition *condition)
{
    const double all = (double)storage_live_count(runtime->access->storage, runtime->rel);
    struct ky_buffer keys = {0};
    const enum inverted_need need =
        inverted_query_keys((enum inverted_class)runtime->classes[condition->key], condition->key,
                            condition->strategy, condition->value, &keys);
    double rows = need == INVERTED_NEEDS_ANY ? 0 : all;
    const size_t count = KY_MIN(keys.size / INVERTED_KEY_SIZE, (size_t)KEYS_READ_MAX);
    for (size_t i = 0; i < count && (need == INVERTED_NEEDS_ANY ? rows < all : rows > 0); i++) {
        const double one = key_rows(runtime, key_of(&keys, i));
        rows = need == INVERTED_NEEDS_ANY ? rows + one : KY_MIN(rows, one);
    }
    if (need == INVERTED_NEEDS_ANY && count > 0) {
        rows *= (double)(keys.size / INVERTED_KEY_SIZE) / (double)count;
    }
    ky_buffer_deinit(&keys);
    return KY_MIN(rows, all);
}

/* Takes a reference: whoever plans has no lock on the table yet, and the index may be dropped. */
static struct access_index *
hold_inverted(struct access *access, oid_t oid)
{
    ky_mutex_lock(&access->lock);
    uint64_t *found = ky_map64_find(&access->indexes, oid);
    struct access_index *runtime = found == NULL ? NULL : (struct access_index *)(uintptr_t)*found;
    if (runtime != NULL && runtime->is_inverted) {
        runtime_hold(runtime);
    } else {
        runtime = NULL;
    }
    ky_mutex_unlock(&access->lock);
    return runtime;
}

double
access_inverted_rows(struct access *access, const struct cat_index *index,
                     const struct inverted_condition *condition)
{
    struct access_index *runtime = hold_inverted(access, index->oid);
    if (runtime == NULL || condition->value.is_null) {
        runtime_free(runtime);
        return 0;
    }
    const double rows = condition_rows(runtime, condition);
    runtime_free(runtime);
    return rows;
}
