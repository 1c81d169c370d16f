/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/mvcc/guard.h"

#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/metric.h"
#include "storage/storage_private.h"

/*
 * SERIALIZABLE by looking back at commit (Kung and Robinson's backward validation, on ranges).
 *
 * A transaction notes what it reads (ranges of index keys, or whole relations) and the keys, old
 * and new, of every row it writes. When its COMMIT frame is about to get its position C, the log
 * writer compares the reads with the writes of every SERIALIZABLE transaction that got a position
 * between the snapshot S and C. If they meet, it is refused. If none meet, all it read at S would
 * read the same at C, so it has the effect of running at once at C, alone; and a transaction that
 * wrote nothing has the effect of running at S. So the order of positions is a serial order of all
 * of them: no write skew, no read-only anomaly, and nothing to check for readers.
 * docs/decisions/0004-serializable.md has the argument in full.
 *
 * A range is kept as [lower, upper) over byte strings: a bound of an index scan that stands for
 * all keys it is a prefix of ends where the next prefix begins.
 *
 * Admission runs on the log writer thread alone and takes no lock. It looks at the commits since
 * the snapshot only, newest first, and does a binary search for every key they wrote.
 */
KY_METRIC(metric_refused, "kyrodb_serialization_failures_total", NULL, KY_COUNTER,
          "Serializable transactions refused at commit because of what others wrote.")
KY_METRIC(metric_ring_size, "kyrodb_serializable_commits_bytes", NULL, KY_GAUGE,
          "Memory of the commits that serializable transactions are compared with.")

enum { TRIM_EVERY = 64 };

bool
txn_is_guarded(const struct txn *txn)
{
    return txn->isolation == ISOLATION_SERIALIZABLE;
}

static struct guard *
guard_of(struct txn *txn)
{
    if (txn->guard == NULL) {
        txn->guard = ky_calloc(1, sizeof(*txn->guard));
    }
    return txn->guard;
}

/* ------------------------------------------------------------------ reads */

static struct guard_relation *
read_relation(struct guard *guard, rel_id_t rel)
{
    for (uint32_t i = guard->read_count; i > 0; i--) {
        if (guard->reads[i - 1].rel == rel) {
            return &guard->reads[i - 1];
        }
    }
    if (guard->read_count == guard->read_capacity) {
        guard->read_capacity = KY_MAX(8, guard->read_capacity * 2);
        guard->reads = ky_realloc(guard->reads, guard->read_capacity * sizeof(*guard->reads));
    }
    struct guard_relation *relation = &guard->reads[guard->read_count++];
    *relation = (struct guard_relation){.rel = rel};
    return relation;
}

static size_t
add_key(struct guard *guard, struct ky_slice key)
{
    size_t place = guard->keys.size;
    ky_buffer_append_slice(&guard->keys, key);
    return place;
}

/* The first byte string after all that begin with key: false when there is none. The bytes at
 * `place` are its copy; *size_in_out shrinks with the trailing 0xff. */
static bool
pass_prefix(struct guard *guard, size_t place, uint32_t *size_in_out)
{
    uint8_t *bytes = guard->keys.data + place;
    while (*size_in_out > 0 && bytes[*size_in_out - 1] == 0xff) {
        (*size_in_out)--;
    }
    if (*size_in_out == 0) {
        return false;
    }
    bytes[*size_in_out - 1]++;
    return true;
}

static struct ky_slice
lower_of(const struct guard *guard, const struct guard_range *range)
{
    return ky_slice(guard->keys.data + range->lower, range->lower_size);
}

static struct ky_slice
upper_of(const struct guard *guard, const struct guard_range *range)
{
    return ky_slice(guard->keys.data + range->upper, range->upper_size);
}

/* Fills in the bounds. False: no key is in the range. */
static bool
set_bounds(struct guard *guard, struct guard_range *range, const struct storage_key_range *read)
{
    if (read->has_lower) {
        range->lower = add_key(guard, read->lower);
        range->lower_size = (uint32_t)read->lower.size;
        if (read->is_lower_exclusive && !pass_prefix(guard, range->lower, &range->lower_size)) {
            return false;
        }
    }
    range->has_upper = read->has_upper;
    if (read->has_upper) {
        range->upper = add_key(guard, read->upper);
        range->upper_size = (uint32_t)read->upper.size;
        if (!read->is_upper_exclusive) {
            range->has_upper = pass_prefix(guard, range->upper, &range->upper_size);
        }
    }
    return !range->has_upper ||
           ky_slice_compare(lower_of(guard, range), upper_of(guard, range)) < 0;
}

static bool
is_same_range(const struct guard *guard, const struct guard_range *a, const struct guard_range *b)
{
    return a->rel == b->rel && a->space == b->space && a->has_upper == b->has_upper &&
           ky_slice_equal(lower_of(guard, a), lower_of(guard, b)) &&
           ky_slice_equal(upper_of(guard, a), upper_of(guard, b));
}

void
txn_note_read(struct txn *txn, rel_id_t rel, uint32_t space, const struct storage_key_range *read)
{
    if (!txn_is_guarded(txn)) {
        return;
    }
    struct guard *guard = guard_of(txn);
    struct guard_relation *relation = read_relation(guard, rel);
    if (relation->is_all) {
        return;
    }
    if (read == NULL || relation->count == GUARD_RANGES_MAX) {
        relation->is_all = true;
        return;
    }
    size_t before = guard->keys.size;
    struct guard_range range = {.rel = rel, .space = space};
    if (!set_bounds(guard, &range, read) ||
        (guard->range_count > 0 &&
         is_same_range(guard, &range, &guard->ranges[guard->range_count - 1]))) {
        guard->keys.size = before;
        return;
    }
    if (guard->range_count == guard->range_capacity) {
        guard->range_capacity = KY_MAX(16, guard->range_capacity * 2);
        guard->ranges = ky_realloc(guard->ranges, guard->range_capacity * sizeof(*guard->ranges));
    }
    guard->ranges[guard->range_count++] = range;
    relation->count++;
}

/* ------------------------------------------------------------------ writes */

static void
note_all_written(struct guard *guard, rel_id_t rel)
{
    for (uint32_t i = 0; i < guard->all_written_count; i++) {
        if (guard->all_written[i] == rel) {
            return;
        }
    }
    if (guard->all_written_count == guard->all_written_capacity) {
        guard->all_written_capacity = KY_MAX(4, guard->all_written_capacity * 2);
        guard->all_written = ky_realloc(guard->all_written,
                                        guard->all_written_capacity * sizeof(*guard->all_written));
    }
    guard->all_written[guard->all_written_count++] = rel;
}

void
txn_note_write(struct txn *txn, rel_id_t rel, uint32_t space, struct ky_slice key)
{
    if (!txn_is_guarded(txn)) {
        return;
    }
    struct guard *guard = guard_of(txn);
    if (guard->writes.size >= GUARD_WRITES_SIZE_MAX) {
        note_all_written(guard, rel);
        return;
    }
    struct guard_key header = {.rel = rel, .space = space, .size = (uint32_t)key.size};
    uint8_t *place = ky_buffer_extend(&guard->writes, ky_align_up(sizeof(header) + key.size, 8));
    memcpy(place, &header, sizeof(header));
    if (key.size > 0) {
        memcpy(place + sizeof(header), key.data, key.size);
    }
}

uint64_t
guard_mark(const struct txn *txn)
{
    return txn->guard == NULL ? 0 : txn->guard->writes.size;
}

void
guard_rewind(struct txn *txn, uint64_t mark)
{
    if (txn->guard != NULL) {
        KY_ASSERT(mark <= txn->guard->writes.size);
        txn->guard->writes.size = mark;
    }
}

/* ------------------------------------------------------------------ at the end */

static int
compare_ranges(const void *left, const void *right, void *arg)
{
    const struct guard_range *a = left;
    const struct guard_range *b = right;
    const struct guard *guard = arg;
    if (a->rel != b->rel) {
        return a->rel < b->rel ? -1 : 1;
    }
    if (a->space != b->space) {
        return a->space < b->space ? -1 : 1;
    }
    return ky_slice_compare(lower_of(guard, a), lower_of(guard, b));
}

/* Sorted, and what overlaps or touches made one. */
static void
merge_ranges(struct guard *guard)
{
    if (guard->range_count < 2) {
        return;
    }
    qsort_r(guard->ranges, guard->range_count, sizeof(*guard->ranges), compare_ranges, guard);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < guard->range_count; i++) {
        struct guard_range *last = &guard->ranges[kept];
        const struct guard_range *next = &guard->ranges[i];
        bool is_apart =
            last->rel != next->rel || last->space != next->space ||
            (last->has_upper && ky_slice_compare(upper_of(guard, last), lower_of(guard, next)) < 0);
        if (is_apart) {
            guard->ranges[++kept] = *next;
        } else if (last->has_upper &&
                   (!next->has_upper ||
                    ky_slice_compare(upper_of(guard, last), upper_of(guard, next)) < 0)) {
            last->has_upper = next->has_upper;
            last->upper = next->upper;
            last->upper_size = next->upper_size;
        }
    }
    guard->range_count = kept + 1;
}

void
guard_prepare(struct txn *txn)
{
    struct guard *guard = guard_of(txn);
    guard->snapshot = txn_snapshot(txn);
    merge_ranges(guard);
    struct guard_commit *commit = ky_calloc(1, sizeof(*commit));
    commit->writes = guard->writes;
    commit->all_written = guard->all_written;
    commit->all_written_count = guard->all_written_count;
    guard->writes = (struct ky_buffer){0};
    guard->all_written = NULL;
    guard->all_written_count = guard->all_written_capacity = 0;
    guard->commit = commit;
}

static void
free_commit(struct guard_commit *commit)
{
    if (commit != NULL) {
        ky_buffer_deinit(&commit->writes);
        ky_free(commit->all_written);
        ky_free(commit);
    }
}

void
guard_reset(struct guard *guard)
{
    if (guard == NULL) {
        return;
    }
    free_commit(guard->commit);
    guard->commit = NULL;
    ky_buffer_clear(&guard->keys);
    ky_buffer_shrink(&guard->keys, GUARD_WRITES_KEEP_MAX);
    ky_buffer_clear(&guard->writes);
    ky_buffer_shrink(&guard->writes, GUARD_WRITES_KEEP_MAX);
    if (guard->range_capacity > GUARD_RANGES_MAX) {
        ky_free(guard->ranges);
        guard->ranges = NULL;
        guard->range_capacity = 0;
    }
    guard->range_count = guard->read_count = guard->all_written_count = 0;
}

void
guard_free(struct guard *guard)
{
    if (guard == NULL) {
        return;
    }
    guard_reset(guard);
    ky_buffer_deinit(&guard->keys);
    ky_buffer_deinit(&guard->writes);
    ky_free(guard->ranges);
    ky_free(guard->reads);
    ky_free(guard->all_written);
    ky_free(guard);
}

/* ------------------------------------------------------------------ admission */

static const struct guard_relation *
find_read(const struct guard *guard, rel_id_t rel)
{
    for (uint32_t i = 0; i < guard->read_count; i++) {
        if (guard->reads[i].rel == rel) {
            return &guard->reads[i];
        }
    }
    return NULL;
}

/* Whether the key lies in a range that was read. */
static bool
has_read_key(const struct guard *guard, const struct guard_key *header, struct ky_slice key)
{
    uint32_t low = 0;
    uint32_t high = guard->range_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct guard_range *range = &guard->ranges[middle];
        bool is_above = range->rel != header->rel ? range->rel > header->rel
                        : range->space != header->space
                            ? range->space > header->space
                            : ky_slice_compare(lower_of(guard, range), key) > 0;
        if (is_above) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (low == 0) {
        return false;
    }
    const struct guard_range *range = &guard->ranges[low - 1];
    return range->rel == header->rel && range->space == header->space &&
           (!range->has_upper || ky_slice_compare(key, upper_of(guard, range)) < 0);
}

static bool
meets(const struct guard *guard, const struct guard_commit *commit)
{
    for (uint32_t i = 0; i < commit->all_written_count; i++) {
        if (find_read(guard, commit->all_written[i]) != NULL) {
            return true;
        }
    }
    const struct guard_relation *relation = NULL;
    struct guard_key header;
    for (size_t at = 0; at < commit->writes.size;
         at += ky_align_up(sizeof(header) + header.size, 8)) {
        memcpy(&header, commit->writes.data + at, sizeof(header));
        if (relation == NULL || relation->rel != header.rel) {
            relation = find_read(guard, header.rel);
        }
        if (relation != NULL &&
            (relation->is_all ||
             has_read_key(guard, &header,
                          ky_slice(commit->writes.data + at + sizeof(header), header.size)))) {
            return true;
        }
    }
    return false;
}

static ky_status
refuse(struct ky_error *err)
{
    ky_metric_add(&metric_refused, 1);
    (void)ky_error_set(
        err, KY_SERIALIZATION_FAILURE,
        "could not serialize access due to read/write dependencies among transactions");
    (void)ky_error_detail(
        err, "Reason code: Canceled on identification as a pivot, during commit attempt.");
    return ky_error_hint(err, "The transaction might succeed if retried.");
}

static uint64_t
commit_size(const struct guard_commit *commit)
{
    return sizeof(*commit) + commit->writes.capacity +
           commit->all_written_count * sizeof(*commit->all_written);
}

static void
forget_oldest(struct guard_ring *ring)
{
    struct guard_commit *oldest = ring->oldest;
    ring->oldest = oldest->newer;
    if (ring->oldest == NULL) {
        ring->newest = NULL;
    } else {
        ring->oldest->older = NULL;
    }
    ring->forgotten = oldest->lsn;
    ring->size -= commit_size(oldest);
    ring->count--;
    free_commit(oldest);
}

/* No running transaction has a snapshot before the horizon: see guard_admit. */
static void
trim(struct storage *storage)
{
    struct guard_ring *ring = &storage->ring;
    if (++ring->since_trim >= TRIM_EVERY || ring->size > GUARD_RING_SIZE_MAX) {
        ring->since_trim = 0;
        lsn_t horizon = storage_horizon(storage);
        while (ring->oldest != NULL && ring->oldest->lsn < horizon) {
            forget_oldest(ring);
        }
    }
    while (ring->size > GUARD_RING_SIZE_MAX) {
        forget_oldest(ring);
    }
    ky_metric_set(&metric_ring_size, (int64_t)ring->size);
}

/*
 * A snapshot S sees the commits below S. What is forgotten lies below the horizon, so below every
 * registered snapshot, and a transaction stays registered until this is over; what is forgotten
 * for lack of room may not, and then an old snapshot is refused.
 */
ky_status
guard_admit(struct txn *txn, lsn_t lsn, struct ky_error *err)
{
    struct guard *guard = txn->guard;
    struct guard_ring *ring = &txn->storage->ring;
    if (guard->read_count > 0) {
        if (ring->forgotten >= guard->snapshot) {
            return refuse(err);
        }
        for (const struct guard_commit *commit = ring->newest;
             commit != NULL && commit->lsn >= guard->snapshot; commit = commit->older) {
            if (meets(guard, commit)) {
                return refuse(err);
            }
        }
    }
    struct guard_commit *commit = guard->commit;
    guard->commit = NULL;
    commit->lsn = lsn;
    commit->newer = NULL;
    commit->older = ring->newest;
    if (ring->newest != NULL) {
        ring->newest->newer = commit;
    } else {
        ring->oldest = commit;
    }
    ring->newest = commit;
    ring->size += commit_size(commit);
    ring->count++;
    trim(txn->storage);
    return KY_OK;
}

void
guard_ring_deinit(struct guard_ring *ring)
{
    while (ring->oldest != NULL) {
        forget_oldest(ring);
    }
}
