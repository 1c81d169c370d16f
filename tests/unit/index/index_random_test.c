/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Random operations against a sorted array. Each family of keys aims at one part of the node:
 * fixed nine bytes (heads only), short keys over two letters (prefixes of each other, zero bytes),
 * one key with many rows, long keys that fill a node's heap, and shared beginnings of any size.
 */

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "index/index.h"
#include "server/base/epoch.h"
#include "server/base/random.h"
#include "tests/support/state_buffer.h"

enum { MODEL_MAX = 6000, BATCH = 37, REBUILD_ONE_IN = 150 };

enum family { FIXED, TINY, DUPLICATES, LONG, SHARED, GROWING, FAMILY_COUNT };

struct model_entry {
    uint8_t *key;
    size_t size;
    row_id_t row_id;
};

struct model {
    struct model_entry entries[MODEL_MAX];
    uint32_t count;
    struct index *index;
    struct ky_prng prng;
    enum family family;
    uint64_t serial;
    uint8_t key[INDEX_KEY_SIZE_MAX];
};

static struct ky_slice
random_key(struct model *model)
{
    struct ky_prng *prng = &model->prng;
    uint8_t *key = model->key;
    size_t size = 0;
    switch (model->family) {
    case FIXED:
    case GROWING:
        key[0] = 1;
        ky_store_be64(key + 1, model->family == FIXED
                                   ? ky_prng_below(prng, 5000) << (ky_prng_below(prng, 5) * 10)
                                   : model->serial + ky_prng_below(prng, 20));
        model->serial++;
        return ky_slice(key, 9);
    case TINY:
        size = ky_prng_below(prng, 12);
        for (size_t i = 0; i < size; i++) {
            key[i] = (uint8_t)(ky_prng_below(prng, 2) * 255);
        }
        return ky_slice(key, size);
    case DUPLICATES:
        size = 1 + ky_prng_below(prng, 3) * 10;
        memset(key, 'd', size);
        return ky_slice(key, size);
    case LONG:
        size = ky_prng_below(prng, 4) == 0 ? INDEX_KEY_SIZE_MAX - ky_prng_below(prng, 10)
                                           : ky_prng_below(prng, INDEX_KEY_SIZE_MAX);
        memset(key, 'l', size);
        for (int i = 0; i < 4 && size > 0; i++) {
            key[ky_prng_below(prng, size)] = (uint8_t)ky_prng_next(prng);
        }
        return ky_slice(key, size);
    case SHARED:
        size = ky_prng_below(prng, 200);
        memset(key, 's', size);
        for (size_t i = size - KY_MIN(size, ky_prng_below(prng, 12)); i < size; i++) {
            key[i] = (uint8_t)(ky_prng_below(prng, 3) + 'r');
        }
        return ky_slice(key, size);
    case FAMILY_COUNT:
        break;
    }
    return ky_slice(key, 0);
}

static int
compare(struct ky_slice a, row_id_t a_row, struct ky_slice b, row_id_t b_row)
{
    int order = ky_slice_compare(a, b);
    return order != 0 ? order : (a_row > b_row) - (a_row < b_row);
}

static struct ky_slice
model_key(const struct model *model, uint32_t i)
{
    return ky_slice(model->entries[i].key, model->entries[i].size);
}

static uint32_t
model_lower(const struct model *model, struct ky_slice key, row_id_t row_id)
{
    uint32_t low = 0;
    uint32_t high = model->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (compare(model_key(model, middle), model->entries[middle].row_id, key, row_id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool
model_has(const struct model *model, uint32_t at, struct ky_slice key, row_id_t row_id)
{
    return at < model->count &&
           compare(model_key(model, at), model->entries[at].row_id, key, row_id) == 0;
}

static bool
model_insert(struct model *model, struct ky_slice key, row_id_t row_id)
{
    uint32_t at = model_lower(model, key, row_id);
    if (model_has(model, at, key, row_id)) {
        return false;
    }
    memmove(&model->entries[at + 1], &model->entries[at],
            (model->count - at) * sizeof(model->entries[0]));
    uint8_t *copy = (uint8_t *)malloc(key.size + 1);
    memcpy(copy, key.data, key.size);
    model->entries[at] = (struct model_entry){copy, key.size, row_id};
    model->count++;
    return true;
}

static void
model_remove_at(struct model *model, uint32_t at)
{
    free(model->entries[at].key);
    memmove(&model->entries[at], &model->entries[at + 1],
            (model->count - at - 1) * sizeof(model->entries[0]));
    model->count--;
}

static bool
begins_with(struct ky_slice key, struct ky_slice prefix)
{
    return key.size >= prefix.size && memcmp(key.data, prefix.data, prefix.size) == 0;
}

/* The scan's contract, entry by entry. */
static bool
is_in_range(const struct index_scan *scan, struct ky_slice key)
{
    if (scan->has_lower && (ky_slice_compare(key, scan->lower) < 0 ||
                            (scan->is_lower_exclusive && begins_with(key, scan->lower)))) {
        return false;
    }
    if (!scan->has_upper) {
        return true;
    }
    bool is_prefix = begins_with(key, scan->upper);
    return scan->is_upper_exclusive ? ky_slice_compare(key, scan->upper) < 0
                                    : is_prefix || ky_slice_compare(key, scan->upper) < 0;
}

static void
check_scan(struct model *model, struct index_scan *scan)
{
    struct index_entry entries[BATCH];
    uint32_t given = 0;
    uint32_t at = 0;
    int64_t i = scan->is_backward ? (int64_t)model->count - 1 : 0;
    int64_t step = scan->is_backward ? -1 : 1;
    uint32_t max = 1 + (uint32_t)ky_prng_below(&model->prng, BATCH);
    for (; i >= 0 && i < model->count; i += step) {
        struct ky_slice key = model_key(model, (uint32_t)i);
        if (!is_in_range(scan, key)) {
            continue;
        }
        if (at == given) {
            given = index_scan_next(scan, entries, max);
            at = 0;
            cr_assert_gt(given, 0, "the scan ended early");
        }
        cr_assert_eq(compare(entries[at].key, entries[at].row_id, key, model->entries[i].row_id), 0,
                     "wrong entry at %" PRId64, i);
        at++;
    }
    cr_assert_eq(at, given, "the scan gives too much");
    cr_assert_eq(index_scan_next(scan, entries, max), 0);
    cr_assert_eq(index_scan_next(scan, entries, max), 0);
    index_scan_deinit(scan);
}

static void
check_random_scan(struct model *model)
{
    uint8_t lower[INDEX_KEY_SIZE_MAX];
    uint8_t upper[INDEX_KEY_SIZE_MAX];
    struct index_scan scan = {.index = model->index};
    struct ky_slice key = random_key(model);
    memcpy(lower, key.data, key.size);
    scan.lower = ky_slice(lower, key.size - ky_prng_below(&model->prng, KY_MIN(key.size, 3) + 1));
    key = random_key(model);
    memcpy(upper, key.data, key.size);
    scan.upper = ky_slice(upper, key.size - ky_prng_below(&model->prng, KY_MIN(key.size, 3) + 1));
    uint64_t bits = ky_prng_next(&model->prng);
    scan.has_lower = bits & 1;
    scan.has_upper = bits & 2;
    scan.is_lower_exclusive = bits & 4;
    scan.is_upper_exclusive = bits & 8;
    scan.is_backward = bits & 16;
    check_scan(model, &scan);
}

static void
check_find(struct model *model, struct ky_slice key)
{
    enum { MAX = 50 };
    row_id_t rows[MAX];
    uint32_t found = index_find(model->index, key, rows, MAX);
    uint32_t from = model_lower(model, key, 0);
    uint32_t to = from;
    while (to < model->count && ky_slice_equal(model_key(model, to), key)) {
        if (to - from < MAX) {
            cr_assert_eq(rows[to - from], model->entries[to].row_id);
        }
        to++;
    }
    cr_assert_eq(found, to - from);
}

/* Many keys at once answer as each of them alone. */
static void
check_batch(struct model *model)
{
    enum { KEYS = 70, PER_KEY = 3 };
    static uint8_t bytes[KEYS][INDEX_KEY_SIZE_MAX];
    struct ky_slice keys[KEYS];
    row_id_t rows[KEYS * PER_KEY];
    uint32_t counts[KEYS];
    for (int i = 0; i < KEYS; i++) {
        struct ky_slice key =
            model->count > 0 && i % 2 == 0
                ? model_key(model, (uint32_t)ky_prng_below(&model->prng, model->count))
                : random_key(model);
        memcpy(bytes[i], key.data, key.size);
        keys[i] = ky_slice(bytes[i], key.size);
    }
    index_find_batch(model->index, keys, KEYS, PER_KEY, rows, counts);
    for (int i = 0; i < KEYS; i++) {
        row_id_t expected[PER_KEY];
        uint32_t count = index_find(model->index, keys[i], expected, PER_KEY);
        cr_assert_eq(counts[i], count);
        for (uint32_t j = 0; j < KY_MIN(count, (uint32_t)PER_KEY); j++) {
            cr_assert_eq(rows[i * PER_KEY + (int)j], expected[j]);
        }
    }
}

static void
verify(struct model *model)
{
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(index_verify(model->index, &err), KY_OK, "%s", err.message);
    struct index_stats stats;
    index_stats(model->index, &stats);
    cr_assert_eq(stats.entries, model->count);
}

static void
one_operation(struct model *model, uint64_t insert_weight)
{
    struct ky_error err;
    uint64_t choice = ky_prng_below(&model->prng, 100);
    if (ky_prng_below(&model->prng, REBUILD_ONE_IN) == 0) {
        index_maintain(model->index);
    }
    struct ky_slice key = random_key(model);
    row_id_t row_id = model->family == DUPLICATES ? 1 + ky_prng_below(&model->prng, 3000)
                                                  : 1 + ky_prng_below(&model->prng, 4);
    if (choice < insert_weight && model->count < MODEL_MAX) {
        bool is_new = false;
        cr_assert_eq(index_insert(model->index, key, row_id, &is_new, &err), KY_OK);
        cr_assert_eq(is_new, model_insert(model, key, row_id));
    } else if (choice < 90 && model->count > 0) {
        uint32_t at = (uint32_t)ky_prng_below(&model->prng, model->count);
        struct ky_slice present = model_key(model, at);
        cr_assert(index_remove(model->index, present, model->entries[at].row_id));
        cr_assert(!index_remove(model->index, present, model->entries[at].row_id));
        model_remove_at(model, at);
    } else {
        check_find(model, key);
        cr_assert_eq(index_remove(model->index, key, 77777), false);
    }
}

/* From here on the model's index is what was loaded from the saved one. */
static void
save_and_load(struct model *model)
{
    struct buffer_sink sink;
    struct ky_error err;
    buffer_sink_init(&sink);
    cr_assert_eq(index_save(model->index, NULL, NULL, &sink.sink, &err), KY_OK);
    index_free(model->index);
    cr_assert_eq(index_load(INDEX_UNDER_TEST, buffer_map_new(sink.bytes.data, sink.bytes.size),
                            NULL, NULL, &model->index, &err),
                 KY_OK, "%s", err.message);
    ky_buffer_deinit(&sink.bytes);
    verify(model);
}

static void
run_family(enum family family)
{
    enum { PHASES = 6, OPERATIONS = 4000 };
    static const uint64_t weights[PHASES] = {85, 45, 10, 80, 60, 2};
    struct model *model = (struct model *)calloc(1, sizeof(*model));
    uint64_t seed = (uint64_t)time(NULL) ^ (uint64_t)family << 40;
    const char *given = getenv("KYRO_TEST_SEED");
    if (given != NULL) {
        seed = strtoull(given, NULL, 10);
    }
    printf("index_random family=%d seed=%" PRIu64 "\n", (int)family, seed);
    ky_prng_init(&model->prng, seed);
    model->family = family;
    model->index = index_new(INDEX_UNDER_TEST);
    for (int phase = 0; phase < PHASES; phase++) {
        for (int i = 0; i < OPERATIONS; i++) {
            one_operation(model, weights[phase]);
            if (i % 400 == 0) {
                verify(model);
                check_random_scan(model);
                check_batch(model);
            }
        }
        save_and_load(model);
        for (int i = 0; i < 40; i++) {
            check_random_scan(model);
        }
        for (uint32_t i = 0; i < model->count; i += 7) {
            check_find(model, model_key(model, i));
        }
    }
    while (model->count > 0) {
        uint32_t at = (uint32_t)ky_prng_below(&model->prng, model->count);
        cr_assert(index_remove(model->index, model_key(model, at), model->entries[at].row_id));
        model_remove_at(model, at);
    }
    verify(model);
    struct index_stats stats;
    index_stats(model->index, &stats);
    cr_expect(INDEX_UNDER_TEST != INDEX_KIND_BTREE || stats.nodes == 1, "an empty tree is a leaf");
    index_free(model->index);
    free(model);
    ky_epoch_drain();
}

Test(index_random, nine_byte_keys)
{
    run_family(FIXED);
}

Test(index_random, keys_that_are_prefixes_of_each_other)
{
    run_family(TINY);
}

Test(index_random, one_key_with_many_rows)
{
    run_family(DUPLICATES);
}

Test(index_random, long_keys)
{
    run_family(LONG);
}

Test(index_random, keys_with_a_shared_beginning)
{
    run_family(SHARED);
}

Test(index_random, growing_keys)
{
    run_family(GROWING);
}
