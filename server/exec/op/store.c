/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/store.h"

#include "server/base/assert.h"
#include "server/base/map.h"

/* Kept rows and hash tables over them. The first chunk starts small and doubles, so that a
 * handful of rows costs a handful of places. */

enum { STORE_CAPACITY_FIRST = 16, KEY_TABLE_ROOM_FIRST = 64 };

void
store_init(struct store *store, const struct type *const *types, uint32_t column_count,
           struct ky_budget *budget)
{
    *store = (struct store){.budget = budget, .column_count = column_count};
    ky_arena_init(&store->arena);
    if (budget != NULL) {
        ky_arena_set_spill(&store->arena, budget->spill);
    }
    store->types = ky_malloc(((size_t)column_count + 1) * sizeof(*store->types));
    if (column_count > 0) {
        memcpy(store->types, types, column_count * sizeof(*types));
    }
}

void
store_clear(struct store *store)
{
    if (store->types == NULL) {
        return;
    }
    ky_arena_reset(&store->arena);
    store->chunk_count = 0;
    store->last_capacity = 0;
    store->count = 0;
    if (store->budget != NULL) {
        ky_budget_release(store->budget, store->charged);
    }
    store->charged = 0;
}

void
store_deinit(struct store *store)
{
    if (store->types == NULL) {
        return;
    }
    store_clear(store);
    ky_arena_deinit(&store->arena);
    ky_free(store->chunks);
    ky_free(store->types);
    *store = (struct store){.count = 0};
}

static ky_status
charge(struct store *store, struct ky_error *err)
{
    const uint64_t size = store->arena.allocated_size - store->arena.spilled_size +
                          store->chunk_room * sizeof(struct batch);
    if (store->budget != NULL && size > store->charged) {
        KY_TRY(ky_budget_charge(store->budget, size - store->charged, err));
        store->charged = size;
    }
    return ky_budget_check(store->budget, err);
}

static void
add_chunk(struct store *store, uint32_t capacity)
{
    if (store->chunk_count == store->chunk_room) {
        store->chunk_room = store->chunk_room == 0 ? 4 : store->chunk_room * 2;
        store->chunks = ky_realloc(store->chunks, store->chunk_room * sizeof(struct batch));
    }
    struct batch *chunk = &store->chunks[store->chunk_count++];
    batch_init(chunk, store->types, store->column_count, capacity, &store->arena);
    chunk->selection = NULL;
    chunk->count = 0;
    store->last_capacity = capacity;
}

static void
grow_chunk(struct store *store, uint32_t capacity)
{
    struct batch *chunk = &store->chunks[store->chunk_count - 1];
    const struct batch old = *chunk;
    batch_init(chunk, store->types, store->column_count, capacity, &store->arena);
    chunk->selection = NULL;
    chunk->count = old.count;
    for (uint32_t c = 0; c < store->column_count; c++) {
        for (uint32_t i = 0; i < old.count; i++) {
            column_set(&chunk->columns[c], i, column_get(&old.columns[c], i));
        }
    }
    store->last_capacity = capacity;
}

/* Makes room in the last chunk; how many of wanted rows fit. */
static uint32_t
make_room(struct store *store, uint32_t wanted)
{
    if (store->chunk_count == 0) {
        const uint32_t capacity =
            wanted <= STORE_CAPACITY_FIRST ? STORE_CAPACITY_FIRST : (uint32_t)BATCH_SIZE_MAX;
        add_chunk(store, capacity);
    }
    uint32_t used = store->chunks[store->chunk_count - 1].count;
    if (used == BATCH_SIZE_MAX) {
        add_chunk(store, BATCH_SIZE_MAX);
        used = 0;
    }
    uint32_t capacity = store->last_capacity;
    while (capacity < BATCH_SIZE_MAX && capacity < used + wanted) {
        capacity *= 4;
    }
    capacity = KY_MIN(capacity, (uint32_t)BATCH_SIZE_MAX);
    if (capacity > store->last_capacity) {
        grow_chunk(store, capacity);
    }
    return KY_MIN(capacity - used, wanted);
}

static void
copy_column(struct store *store, struct column *to, uint32_t at, const struct column *from,
            const uint16_t *selection, uint32_t start, uint32_t count)
{
    const bool is_bytes = to->type->storage == TYPE_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t place = selection == NULL ? start + i : selection[start + i];
        struct datum value = column_get(from, place);
        if (is_bytes && !value.is_null) {
            value.bytes = ky_slice_dup(&store->arena, value.bytes);
        }
        column_set(to, at + i, value);
    }
}

ky_status
store_append_columns(struct store *store, const struct column *const *columns,
                     const uint16_t *selection, uint32_t count, struct ky_error *err)
{
    uint32_t done = 0;
    while (done < count) {
        const uint32_t part = make_room(store, count - done);
        struct batch *chunk = &store->chunks[store->chunk_count - 1];
        for (uint32_t c = 0; c < store->column_count; c++) {
            copy_column(store, &chunk->columns[c], chunk->count, columns[c], selection, done, part);
        }
        chunk->count += part;
        store->count += part;
        done += part;
    }
    return charge(store, err);
}

ky_status
store_append(struct store *store, const struct batch *batch, struct ky_error *err)
{
    uint32_t done = 0;
    KY_ASSERT(batch->column_count >= store->column_count);
    while (done < batch->count) {
        const uint32_t part = make_room(store, batch->count - done);
        struct batch *chunk = &store->chunks[store->chunk_count - 1];
        for (uint32_t c = 0; c < store->column_count; c++) {
            copy_column(store, &chunk->columns[c], chunk->count, &batch->columns[c],
                        batch->selection, done, part);
        }
        chunk->count += part;
        store->count += part;
        done += part;
    }
    return charge(store, err);
}

ky_status
store_append_row(struct store *store, const struct datum *values, struct ky_error *err)
{
    (void)make_room(store, 1);
    struct batch *chunk = &store->chunks[store->chunk_count - 1];
    for (uint32_t c = 0; c < store->column_count; c++) {
        struct datum value = values[c];
        if (!value.is_null && chunk->columns[c].type->storage == TYPE_BYTES) {
            value.bytes = ky_slice_dup(&store->arena, value.bytes);
        }
        column_set(&chunk->columns[c], chunk->count, value);
    }
    chunk->count++;
    store->count++;
    return charge(store, err);
}

void
key_table_init(struct key_table *table, struct ky_budget *budget)
{
    *table = (struct key_table){.budget = budget};
}

void
key_table_clear(struct key_table *table)
{
    if (table->heads != NULL) {
        memset(table->heads, 0, ((size_t)table->mask + 1) * sizeof(uint32_t));
    }
    table->count = 0;
}

void
key_table_deinit(struct key_table *table)
{
    ky_budget_free(table->budget, table->heads);
    ky_budget_free(table->budget, table->nexts);
    ky_budget_free(table->budget, table->hashes);
    if (table->budget != NULL) {
        ky_budget_release(table->budget, table->charged);
    }
    *table = (struct key_table){.count = 0};
}

static ky_status
key_table_grow(struct key_table *table, struct ky_error *err)
{
    const uint32_t room = table->room == 0 ? (uint32_t)KEY_TABLE_ROOM_FIRST : table->room * 2;
    if (room > UINT32_MAX / 4) {
        return ky_error_set(err, KY_OUT_OF_MEMORY, "hash table is too large");
    }
    const size_t words = (size_t)room * sizeof(uint32_t);
    const size_t old_words = (size_t)table->room * sizeof(uint32_t);
    struct ky_budget *budget = table->budget;
    const uint64_t size = ky_budget_charged_size(budget, 2 * words) +
                          ky_budget_charged_size(budget, words) +
                          ky_budget_charged_size(budget, 2 * words);
    if (budget != NULL && size > table->charged) {
        KY_TRY(ky_budget_charge(budget, size - table->charged, err));
        table->charged = size;
    }
    table->nexts = ky_budget_resize(budget, table->nexts, old_words, words);
    table->hashes = ky_budget_resize(budget, table->hashes, 2 * old_words, 2 * words);
    ky_budget_free(budget, table->heads);
    table->heads = ky_budget_resize(budget, NULL, 0, 2 * words);
    memset(table->heads, 0, 2 * words);
    table->mask = room * 2 - 1;
    table->room = room;
    for (uint32_t row = 0; row < table->count; row++) {
        uint32_t *head = &table->heads[table->hashes[row] & table->mask];
        table->nexts[row] = *head;
        *head = row + 1;
    }
    return ky_budget_check(budget, err);
}

ky_status
key_table_add(struct key_table *table, uint64_t hash, struct ky_error *err)
{
    if (table->count == table->room) {
        KY_TRY(key_table_grow(table, err));
    }
    const uint32_t row = table->count++;
    uint32_t *head = &table->heads[hash & table->mask];
    table->hashes[row] = hash;
    table->nexts[row] = *head;
    *head = row + 1;
    return KY_OK;
}

void
key_table_settle(struct key_table *table)
{
    if (table->heads == NULL) {
        return;
    }
    memset(table->heads, 0, ((size_t)table->mask + 1) * sizeof(uint32_t));
    for (uint32_t row = table->count; row > 0; row--) {
        uint32_t *head = &table->heads[table->hashes[row - 1] & table->mask];
        table->nexts[row - 1] = *head;
        *head = row;
    }
}

static inline uint64_t
hash_value(const struct column *key, uint32_t place)
{
    if (key->is_null[place]) {
        return UINT64_C(0x9ae16a3b2f90404f);
    }
    if (key->type->storage == TYPE_WORD) {
        return ky_hash_u64((uint64_t)key->word[place] + 0x9e3779b97f4a7c15ULL);
    }
    return key->type->hash(key->type, column_get(key, place));
}

void
hash_rows(const struct column *const *keys, uint32_t key_count, const uint16_t *selection,
          uint32_t count, uint64_t *hashes)
{
    for (uint32_t k = 0; k < key_count; k++) {
        for (uint32_t row = 0; row < count; row++) {
            const uint32_t place = selection == NULL ? row : selection[row];
            const uint64_t hash = hash_value(keys[k], place);
            hashes[place] = k == 0 ? hash : ky_hash_u64(hashes[place] ^ hash) + hash;
        }
    }
    if (key_count == 0) {
        for (uint32_t row = 0; row < count; row++) {
            hashes[selection == NULL ? row : selection[row]] = 0;
        }
    }
}
