/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linear probing in a table of a power of two, at most three quarters full. Removing closes the
 * gap by moving later entries of the run back (Knuth 6.4, algorithm R), so there are no tombstones
 * and a map that is filled and emptied for ever stays as fast as a new one.
 */

#include "server/base/map.h"

#include <xxhash.h>
#ifdef HAVE_XXH_DISPATCH
#include <xxh_x86dispatch.h> /* the same functions, by the best instructions there are */
#endif

#include "server/base/arena.h"
#include "server/base/assert.h"

enum { MAP_CAPACITY_MIN = 8 };

#ifdef HAVE_XXH_DISPATCH
/* The library looks at the processor when it hashes a long input for the first time, and not in a
 * way that two threads may do at once. */
__attribute__((constructor)) static void
choose_hash(void)
{
    static const uint8_t bytes[1024];
    (void)XXH3_64bits_withSeed(bytes, sizeof(bytes), 0);
}
#endif

uint64_t
ky_hash_bytes(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

struct ky_hash *
ky_hash_new(uint64_t seed)
{
    XXH3_state_t *state = XXH3_createState();
    KY_ASSERT(state != NULL);
    (void)XXH3_64bits_reset_withSeed(state, seed);
    return (struct ky_hash *)(void *)state;
}

void
ky_hash_add(struct ky_hash *hash, const void *data, size_t size)
{
    (void)XXH3_64bits_update((XXH3_state_t *)(void *)hash, data, size);
}

uint64_t
ky_hash_finish(struct ky_hash *hash)
{
    XXH3_state_t *state = (XXH3_state_t *)(void *)hash;
    const uint64_t sum = XXH3_64bits_digest(state);
    (void)XXH3_freeState(state);
    return sum;
}

static bool
is_crowded(size_t count, size_t capacity)
{
    return count + 1 > capacity - capacity / 4;
}

/* May the entry whose home is `home` and that sits at `at` move back into the gap? */
static bool
may_fill(size_t gap, size_t home, size_t at, size_t mask)
{
    return ((at - home) & mask) >= ((at - gap) & mask);
}

struct ky_map64_slot {
    uint64_t key;
    uint64_t value;
};

/* One byte for each slot, behind the slots: 1 when taken. */
static uint8_t *
map64_taken(const struct ky_map64 *map)
{
    return (uint8_t *)(map->slots + map->capacity);
}

static struct ky_map64_slot *
map64_new_slots(size_t capacity)
{
    return (struct ky_map64_slot *)ky_calloc(capacity, sizeof(struct ky_map64_slot) + 1);
}

/* Where the key is, or the free slot where it belongs. capacity > 0. */
static size_t
map64_probe(const struct ky_map64 *map, uint64_t key)
{
    const uint8_t *taken = map64_taken(map);
    size_t mask = map->capacity - 1;
    size_t at = ky_hash_u64(key) & mask;
    while (taken[at] != 0 && map->slots[at].key != key) {
        at = (at + 1) & mask;
    }
    return at;
}

void
ky_map64_deinit(struct ky_map64 *map)
{
    ky_free(map->slots);
    *map = (struct ky_map64){0};
}

void
ky_map64_clear(struct ky_map64 *map)
{
    if (map->count > 0) {
        memset(map64_taken(map), 0, map->capacity);
        map->count = 0;
    }
}

uint64_t *
ky_map64_find(const struct ky_map64 *map, uint64_t key)
{
    if (map->count == 0) {
        return NULL;
    }
    size_t at = map64_probe(map, key);
    return map64_taken(map)[at] != 0 ? &map->slots[at].value : NULL;
}

static void
map64_grow(struct ky_map64 *map)
{
    struct ky_map64 old = *map;
    map->capacity = old.capacity == 0 ? MAP_CAPACITY_MIN : old.capacity * 2;
    map->slots = map64_new_slots(map->capacity);
    size_t cursor = 0;
    uint64_t key = 0;
    uint64_t value = 0;
    while (ky_map64_next(&old, &cursor, &key, &value)) {
        size_t at = map64_probe(map, key);
        map64_taken(map)[at] = 1;
        map->slots[at] = (struct ky_map64_slot){key, value};
    }
    ky_free(old.slots);
}

uint64_t *
ky_map64_put(struct ky_map64 *map, uint64_t key, bool *is_new_out)
{
    uint64_t *value = ky_map64_find(map, key);
    bool is_new = value == NULL;
    if (is_new) {
        if (is_crowded(map->count, map->capacity)) {
            map64_grow(map);
        }
        size_t at = map64_probe(map, key);
        map64_taken(map)[at] = 1;
        map->slots[at] = (struct ky_map64_slot){key, 0};
        map->count++;
        value = &map->slots[at].value;
    }
    if (is_new_out != NULL) {
        *is_new_out = is_new;
    }
    return value;
}

bool
ky_map64_remove(struct ky_map64 *map, uint64_t key)
{
    if (map->count == 0) {
        return false;
    }
    uint8_t *taken = map64_taken(map);
    size_t mask = map->capacity - 1;
    size_t gap = map64_probe(map, key);
    if (taken[gap] == 0) {
        return false;
    }
    for (size_t at = (gap + 1) & mask; taken[at] != 0; at = (at + 1) & mask) {
        if (may_fill(gap, ky_hash_u64(map->slots[at].key) & mask, at, mask)) {
            map->slots[gap] = map->slots[at];
            gap = at;
        }
    }
    taken[gap] = 0;
    map->count--;
    return true;
}

bool
ky_map64_next(const struct ky_map64 *map, size_t *cursor, uint64_t *key_out, uint64_t *value_out)
{
    for (; *cursor < map->capacity; (*cursor)++) {
        if (map64_taken(map)[*cursor] != 0) {
            *key_out = map->slots[*cursor].key;
            *value_out = map->slots[*cursor].value;
            (*cursor)++;
            return true;
        }
    }
    return false;
}

struct ky_smap_slot {
    uint64_t hash;
    char *key; /* owned */
    size_t key_size;
    void *value; /* NULL: the slot is free */
};

static size_t
smap_probe(const struct ky_smap *map, struct ky_slice key, uint64_t hash)
{
    size_t mask = map->capacity - 1;
    size_t at = hash & mask;
    for (;; at = (at + 1) & mask) {
        const struct ky_smap_slot *slot = &map->slots[at];
        if (slot->value == NULL ||
            (slot->hash == hash && ky_slice_equal(ky_slice(slot->key, slot->key_size), key))) {
            return at;
        }
    }
}

static uint64_t
smap_hash(struct ky_slice key)
{
    return ky_hash_bytes(key.data, key.size, 0);
}

void
ky_smap_deinit(struct ky_smap *map)
{
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].value != NULL) {
            ky_free(map->slots[i].key);
        }
    }
    ky_free(map->slots);
    *map = (struct ky_smap){0};
}

void *
ky_smap_find(const struct ky_smap *map, struct ky_slice key)
{
    if (map->count == 0) {
        return NULL;
    }
    return map->slots[smap_probe(map, key, smap_hash(key))].value;
}

static void
smap_grow(struct ky_smap *map)
{
    struct ky_smap old = *map;
    map->capacity = old.capacity == 0 ? MAP_CAPACITY_MIN : old.capacity * 2;
    map->slots = (struct ky_smap_slot *)ky_calloc(map->capacity, sizeof(struct ky_smap_slot));
    for (size_t i = 0; i < old.capacity; i++) {
        const struct ky_smap_slot *slot = &old.slots[i];
        if (slot->value != NULL) {
            struct ky_slice key = ky_slice(slot->key, slot->key_size);
            map->slots[smap_probe(map, key, slot->hash)] = *slot;
        }
    }
    ky_free(old.slots);
}

void *
ky_smap_put(struct ky_smap *map, struct ky_slice key, void *value)
{
    KY_ASSERT(value != NULL);
    uint64_t hash = smap_hash(key);
    if (map->count > 0) {
        struct ky_smap_slot *slot = &map->slots[smap_probe(map, key, hash)];
        if (slot->value != NULL) {
            void *before = slot->value;
            slot->value = value;
            return before;
        }
    }
    if (is_crowded(map->count, map->capacity)) {
        smap_grow(map);
    }
    char *copy = (char *)ky_malloc(key.size);
    if (key.size > 0) {
        memcpy(copy, key.data, key.size);
    }
    size_t at = smap_probe(map, key, hash);
    map->slots[at] = (struct ky_smap_slot){hash, copy, key.size, value};
    map->count++;
    return NULL;
}

void *
ky_smap_remove(struct ky_smap *map, struct ky_slice key)
{
    if (map->count == 0) {
        return NULL;
    }
    size_t mask = map->capacity - 1;
    size_t gap = smap_probe(map, key, smap_hash(key));
    void *value = map->slots[gap].value;
    if (value == NULL) {
        return NULL;
    }
    ky_free(map->slots[gap].key);
    for (size_t at = (gap + 1) & mask; map->slots[at].value != NULL; at = (at + 1) & mask) {
        if (may_fill(gap, map->slots[at].hash & mask, at, mask)) {
            map->slots[gap] = map->slots[at];
            gap = at;
        }
    }
    map->slots[gap] = (struct ky_smap_slot){0};
    map->count--;
    return value;
}

bool
ky_smap_next(const struct ky_smap *map, size_t *cursor, struct ky_slice *key_out, void **value_out)
{
    for (; *cursor < map->capacity; (*cursor)++) {
        const struct ky_smap_slot *slot = &map->slots[*cursor];
        if (slot->value != NULL) {
            *key_out = ky_slice(slot->key, slot->key_size);
            *value_out = slot->value;
            (*cursor)++;
            return true;
        }
    }
    return false;
}
