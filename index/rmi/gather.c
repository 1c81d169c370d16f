/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The first key proposes an exact shape: one marker byte and at most eight more, as integers,
 * dates, times and floats are encoded. Keys that do not fit it are odd. If they turn out to be
 * many, or the first key is longer, all keys are kept whole and the commonest size decides.
 */

#include "index/rmi/gather.h"

#include "server/base/arena.h"
#include "server/base/assert.h"

enum {
    CAPACITY_MIN = 1024,
    ODD_SHARE_MAX = 4,     /* at most a quarter of the keys may be odd */
    REPEAT_SHARE_MAX = 10, /* and a tenth of the inexact codes repeat */
    EXACT_SIZE_MAX = 1 + RMI_CODE_SIZE,
};

void
rmi_gather_init(struct rmi_gather *gather, const struct rmi_shape *shape)
{
    *gather = (struct rmi_gather){0};
    if (shape != NULL) {
        KY_ASSERT(shape->is_exact);
        gather->shape = *shape;
        gather->has_shape = true;
        gather->is_direct = shape->key_size == EXACT_SIZE_MAX && shape->prefix_size == 1;
    }
}

static void
keys_deinit(struct rmi_keys *keys)
{
    ky_buffer_deinit(&keys->bytes);
    ky_free(keys->ends);
    rmi_pages_free(keys->rows, keys->capacity * sizeof(uint64_t));
    *keys = (struct rmi_keys){0};
}

static void
drop_codes(struct rmi_gather *gather)
{
    rmi_pages_free(gather->codes, gather->codes_capacity * sizeof(uint64_t));
    gather->codes = NULL;
    gather->codes_capacity = 0;
}

void
rmi_gather_deinit(struct rmi_gather *gather)
{
    keys_deinit(&gather->all);
    keys_deinit(&gather->odd);
    drop_codes(gather);
}

static uint64_t *
grow(uint64_t *numbers, uint64_t capacity, uint64_t new_capacity)
{
    return (uint64_t *)rmi_pages_grow(numbers, capacity * sizeof(uint64_t),
                                      new_capacity * sizeof(uint64_t));
}

static void
keys_grow(struct rmi_keys *keys, bool has_bytes)
{
    const uint64_t capacity = KY_MAX(keys->capacity * 2, (uint64_t)CAPACITY_MIN);
    keys->rows = grow(keys->rows, keys->capacity, capacity);
    keys->capacity = capacity;
    if (has_bytes) {
        keys->ends = (uint64_t *)ky_realloc(keys->ends, keys->capacity * sizeof(uint64_t));
    }
}

void
rmi_gather_grow(struct rmi_gather *gather)
{
    keys_grow(&gather->all, false);
    gather->codes = grow(gather->codes, gather->codes_capacity, gather->all.capacity);
    gather->codes_capacity = gather->all.capacity;
}

static struct ky_slice
keys_key(const struct rmi_keys *keys, uint64_t i)
{
    const uint64_t start = i == 0 ? 0 : keys->ends[i - 1];
    return ky_slice(keys->bytes.data == NULL ? NULL : keys->bytes.data + start,
                    keys->ends[i] - start);
}

static void
keys_add(struct rmi_keys *keys, struct ky_slice key, row_id_t row_id)
{
    if (keys->count > 0 && keys->rows[keys->count - 1] == row_id &&
        ky_slice_equal(keys_key(keys, keys->count - 1), key)) {
        return;
    }
    if (keys->count == keys->capacity) {
        keys_grow(keys, true);
    }
    if (key.size > 0) {
        ky_buffer_append_slice(&keys->bytes, key);
    }
    keys->ends[keys->count] = keys->bytes.size;
    keys->rows[keys->count++] = row_id;
}

static void
propose_shape(struct rmi_gather *gather, struct ky_slice key)
{
    if (key.size < 2 || key.size > EXACT_SIZE_MAX) {
        return;
    }
    gather->has_shape = true;
    gather->shape = (struct rmi_shape){.key_size = (uint16_t)key.size, .is_exact = true};
    if (key.size == EXACT_SIZE_MAX) {
        gather->shape.prefix_size = 1;
        gather->shape.prefix[0] = *(const uint8_t *)key.data;
        gather->is_direct = true;
    }
}

void
rmi_gather_add_any(struct rmi_gather *gather, struct ky_slice key, row_id_t row_id)
{
    if (KY_UNLIKELY(!gather->has_shape && gather->all.count == 0)) {
        propose_shape(gather, key);
    }
    if (!gather->has_shape) {
        keys_add(&gather->all, key, row_id);
    } else if (KY_LIKELY(rmi_shape_fits(&gather->shape, key))) {
        const uint64_t code = rmi_shape_code(&gather->shape, key);
        const uint64_t count = gather->all.count;
        if (count == 0 || gather->codes[count - 1] != code ||
            gather->all.rows[count - 1] != row_id) {
            rmi_gather_add_code(gather, code, row_id);
        }
    } else {
        keys_add(&gather->odd, key, row_id);
    }
}

/* ---- deciding */

/* Two sorted lists into one; both are emptied. */
static struct rmi_keys
keys_merge(struct rmi_keys *a, struct rmi_keys *b)
{
    struct rmi_keys whole = {0};
    uint64_t j = 0;
    for (uint64_t i = 0; i < a->count; i++) {
        for (; j < b->count && ky_slice_compare(keys_key(b, j), keys_key(a, i)) < 0; j++) {
            keys_add(&whole, keys_key(b, j), b->rows[j]);
        }
        keys_add(&whole, keys_key(a, i), a->rows[i]);
    }
    for (; j < b->count; j++) {
        keys_add(&whole, keys_key(b, j), b->rows[j]);
    }
    keys_deinit(a);
    keys_deinit(b);
    return whole;
}

/* Codes back into keys, and the odd ones among them: no shape any more. */
static void
forget_shape(struct rmi_gather *gather)
{
    struct rmi_keys fitting = {0};
    const struct rmi_shape shape = gather->shape;
    uint8_t key[RMI_PREFIX_MAX + RMI_CODE_SIZE];
    memcpy(key, shape.prefix, shape.prefix_size);
    for (uint64_t i = 0; i < gather->all.count; i++) {
        ky_store_be64(key + shape.prefix_size, gather->codes[i]);
        keys_add(&fitting, ky_slice(key, shape.key_size), gather->all.rows[i]);
    }
    keys_deinit(&gather->all);
    drop_codes(gather);
    gather->has_shape = false;
    gather->is_direct = false;
    gather->all = keys_merge(&fitting, &gather->odd);
}

static uint16_t
commonest_size(const struct rmi_keys *keys)
{
    uint64_t *counts = (uint64_t *)ky_calloc(INDEX_KEY_SIZE_MAX + 1, sizeof(uint64_t));
    uint16_t best = 0;
    for (uint64_t i = 0; i < keys->count; i++) {
        counts[keys_key(keys, i).size]++;
    }
    for (uint16_t size = 1; size <= INDEX_KEY_SIZE_MAX; size++) {
        best = counts[size] > counts[best] ? size : best;
    }
    const bool is_common = best > 0 && counts[best] >= keys->count - keys->count / ODD_SHARE_MAX;
    ky_free(counts);
    return is_common ? best : 0;
}

/* The prefix that the first and the last key of the size share, and so all between them do. */
static void
choose_prefix(struct rmi_gather *gather)
{
    struct rmi_shape *shape = &gather->shape;
    const struct rmi_keys *keys = &gather->all;
    uint64_t first = 0;
    uint64_t last = keys->count - 1;
    while (shape->key_size != 0 && keys_key(keys, first).size != shape->key_size) {
        first++;
    }
    while (shape->key_size != 0 && keys_key(keys, last).size != shape->key_size) {
        last--;
    }
    const uint8_t *a = (const uint8_t *)keys_key(keys, first).data;
    const uint8_t *b = (const uint8_t *)keys_key(keys, last).data;
    size_t limit = KY_MIN(keys_key(keys, first).size, keys_key(keys, last).size);
    if (shape->key_size != 0) {
        /* Never more than gets the code to the end of the key: later keys may differ there. */
        limit = limit > RMI_CODE_SIZE ? limit - RMI_CODE_SIZE : 0;
    }
    limit = KY_MIN(limit, (size_t)RMI_PREFIX_MAX);
    size_t shared = 0;
    while (shared < limit && a[shared] == b[shared]) {
        shared++;
    }
    shape->prefix_size = (uint16_t)shared;
    if (shared > 0) {
        memcpy(shape->prefix, a, shared);
    }
    shape->is_exact =
        shape->key_size != 0 && (size_t)shape->key_size - shared <= (size_t)RMI_CODE_SIZE;
}

/* Room for those of all keys. */
static void
make_codes(struct rmi_gather *gather)
{
    gather->codes_capacity = gather->all.count + 1;
    gather->codes = grow(NULL, 0, gather->codes_capacity);
}

/* Moves what does not fit to the odd ones, and makes codes of the others. */
static void
split_keys(struct rmi_gather *gather)
{
    struct rmi_keys *all = &gather->all;
    struct rmi_keys kept = {0};
    const bool is_fixed = gather->shape.key_size != 0;
    make_codes(gather);
    for (uint64_t i = 0; i < all->count; i++) {
        const struct ky_slice key = keys_key(all, i);
        if (!rmi_shape_fits(&gather->shape, key)) {
            keys_add(&gather->odd, key, all->rows[i]);
            continue;
        }
        if (is_fixed) {
            keys_add(&kept, key, all->rows[i]);
        }
        gather->codes[(is_fixed ? kept.count : i + 1) - 1] = rmi_shape_code(&gather->shape, key);
    }
    if (is_fixed) {
        keys_deinit(all);
        *all = kept;
    }
}

static bool
has_many_repeats(const struct rmi_gather *gather)
{
    uint64_t repeats = 0;
    for (uint64_t i = 1; i < gather->all.count; i++) {
        repeats += gather->codes[i] == gather->codes[i - 1] &&
                   !ky_slice_equal(keys_key(&gather->all, i), keys_key(&gather->all, i - 1));
    }
    return repeats > gather->all.count / REPEAT_SHARE_MAX;
}

static void
refuse(struct rmi_gather *gather, const char *reason)
{
    gather->refusal = reason;
    KY_ASSERT(gather->odd.count == 0);
    gather->odd = gather->all;
    gather->all = (struct rmi_keys){0};
}

void
rmi_gather_finish(struct rmi_gather *gather)
{
    if (gather->has_shape && gather->odd.count <= gather->all.count / ODD_SHARE_MAX) {
        return;
    }
    if (gather->has_shape) {
        forget_shape(gather);
    }
    if (gather->all.count == 0) {
        refuse(gather, "there are no keys");
        return;
    }
    gather->shape = (struct rmi_shape){.key_size = commonest_size(&gather->all)};
    choose_prefix(gather);
    struct rmi_keys *all = &gather->all;
    if (gather->shape.key_size == 0) {
        make_codes(gather);
        for (uint64_t i = 0; i < all->count; i++) {
            gather->codes[i] = rmi_shape_code(&gather->shape, keys_key(all, i));
        }
        if (has_many_repeats(gather)) {
            refuse(gather, "the keys repeat their first eight bytes");
        }
        return;
    }
    split_keys(gather);
    if (!gather->shape.is_exact && has_many_repeats(gather)) {
        gather->all = keys_merge(&gather->all, &gather->odd);
        refuse(gather, "the keys repeat their first eight bytes");
    }
}

struct rmi_input
rmi_gather_input(const struct rmi_gather *gather)
{
    return (struct rmi_input){.count = gather->all.count,
                              .codes = gather->codes,
                              .rows = gather->all.rows,
                              .pages_size = gather->codes_capacity == gather->all.capacity
                                                ? gather->codes_capacity * sizeof(uint64_t)
                                                : 0,
                              .keys = gather->all.bytes.data,
                              .key_ends = gather->all.ends};
}

bool
rmi_gather_next_odd(void *arg, struct index_entry *entry_out)
{
    struct rmi_gather *gather = (struct rmi_gather *)arg;
    if (gather->odd_next == gather->odd.count) {
        return false;
    }
    entry_out->key = keys_key(&gather->odd, gather->odd_next);
    entry_out->row_id = gather->odd.rows[gather->odd_next++];
    return true;
}
