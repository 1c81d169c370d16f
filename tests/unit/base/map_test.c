/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/map.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "server/base/random.h"

enum { KEYS = 500, STEPS = 200000 };

Test(map64, agrees_with_an_array_under_random_operations)
{
    struct ky_map64 map = {0};
    struct ky_prng prng;
    ky_prng_init(&prng, 7);
    static uint64_t values[KEYS];
    static bool present[KEYS];
    size_t count = 0;
    for (int i = 0; i < STEPS; i++) {
        uint64_t key = ky_prng_below(&prng, KEYS);
        if (ky_prng_below(&prng, 2) == 0) {
            bool is_new = false;
            uint64_t *value = ky_map64_put(&map, key, &is_new);
            cr_assert_eq(is_new, !present[key]);
            cr_assert_eq(*value, present[key] ? values[key] : 0);
            count += is_new;
            present[key] = true;
            values[key] = *value = ky_prng_next(&prng);
        } else {
            cr_assert_eq(ky_map64_remove(&map, key), present[key]);
            count -= present[key];
            present[key] = false;
        }
        uint64_t probe = ky_prng_below(&prng, KEYS);
        const uint64_t *found = ky_map64_find(&map, probe);
        cr_assert_eq(found != NULL, present[probe]);
        cr_assert(found == NULL || *found == values[probe]);
        cr_assert_eq(map.count, count);
    }
    size_t cursor = 0;
    size_t seen = 0;
    uint64_t key = 0;
    uint64_t value = 0;
    while (ky_map64_next(&map, &cursor, &key, &value)) {
        cr_assert(present[key]);
        cr_assert_eq(value, values[key]);
        seen++;
    }
    cr_assert_eq(seen, count);
    cr_assert_leq(map.capacity, 1024, "removing must not make it grow");
    ky_map64_clear(&map);
    cr_assert_null(ky_map64_find(&map, 1));
    ky_map64_deinit(&map);
}

Test(map64, a_zeroed_map_is_empty_and_every_key_is_legal)
{
    struct ky_map64 map = {0};
    cr_assert_null(ky_map64_find(&map, 0));
    cr_assert_not(ky_map64_remove(&map, 0));
    *ky_map64_put(&map, 0, NULL) = 1;
    *ky_map64_put(&map, UINT64_MAX, NULL) = 2;
    cr_assert_eq(*ky_map64_find(&map, 0), 1);
    cr_assert_eq(*ky_map64_find(&map, UINT64_MAX), 2);
    ky_map64_deinit(&map);
}

Test(smap, agrees_with_an_array_under_random_operations)
{
    struct ky_smap map = {0};
    struct ky_prng prng;
    ky_prng_init(&prng, 9);
    static char marks[STEPS];
    static void *values[KEYS];
    for (int i = 0; i < STEPS; i++) {
        size_t number = ky_prng_below(&prng, KEYS);
        char text[32];
        int size = snprintf(text, sizeof(text), "key%zu", number);
        struct ky_slice key = ky_slice(text, (size_t)size);
        cr_assert_eq(ky_smap_find(&map, key), values[number]);
        if (ky_prng_below(&prng, 2) == 0) {
            cr_assert_eq(ky_smap_put(&map, key, &marks[i]), values[number]);
            values[number] = &marks[i];
        } else {
            cr_assert_eq(ky_smap_remove(&map, key), values[number]);
            values[number] = NULL;
        }
    }
    size_t cursor = 0;
    size_t seen = 0;
    struct ky_slice key;
    void *value = NULL;
    while (ky_smap_next(&map, &cursor, &key, &value)) {
        seen++;
    }
    cr_assert_eq(seen, map.count);
    ky_smap_deinit(&map);
}

Test(smap, the_empty_key_is_a_key_and_keys_are_copied)
{
    struct ky_smap map = {0};
    char text[] = "abc";
    cr_assert_null(ky_smap_put(&map, ky_slice(NULL, 0), text));
    cr_assert_null(ky_smap_put(&map, ky_slice_cstr(text), &map));
    text[0] = 'x';
    cr_assert_eq(ky_smap_find(&map, ky_slice_cstr("abc")), &map);
    cr_assert_eq(ky_smap_find(&map, ky_slice("", 0)), text);
    ky_smap_deinit(&map);
}

Test(hash, parts_of_any_size_have_the_hash_of_the_whole)
{
    static uint8_t bytes[20000];
    struct ky_prng prng;
    ky_prng_init(&prng, 5);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)ky_prng_next(&prng);
    }
    for (uint64_t round = 0; round < 300; round++) {
        const size_t size = (size_t)ky_prng_below(&prng, round % 2 == 0 ? 300 : sizeof(bytes));
        struct ky_hash *hash = ky_hash_new(round);
        for (size_t at = 0; at < size;) {
            const size_t drawn = (size_t)ky_prng_below(&prng, 3000) + 1;
            const size_t part = KY_MIN(drawn, size - at);
            ky_hash_add(hash, bytes + at, part);
            at += part;
        }
        cr_assert_eq(ky_hash_finish(hash), ky_hash_bytes(bytes, size, round));
    }
    /* Sums on disk: the same on every machine, and for ever. */
    memset(bytes, 1, sizeof(bytes));
    cr_expect_eq(ky_hash_bytes(bytes, 100, 7), 0xf222aa1942db700bULL);
    cr_expect_eq(ky_hash_bytes(bytes, 10000, 7), 0xb8271626ce644271ULL);
}
