/* SPDX-License-Identifier: Apache-2.0 */

#include "bench/micro/key_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/random.h"

const char *const key_set_names[SET_COUNT] = {"uniform", "dense", "lognormal", "osm", "fb"};

static double
unit(struct ky_prng *prng)
{
    return ((double)(ky_prng_next(prng) >> 11) + 0.5) / 9007199254740992.0;
}

static double
normal(struct ky_prng *prng)
{
    return sqrt(-2.0 * log(unit(prng))) * cos(6.283185307179586 * unit(prng));
}

/* ---- random draws: sorted afterwards */

static uint64_t
spread_bits(uint32_t value)
{
    uint64_t bits = value;
    bits = (bits | bits << 16) & 0x0000FFFF0000FFFFULL;
    bits = (bits | bits << 8) & 0x00FF00FF00FF00FFULL;
    bits = (bits | bits << 4) & 0x0F0F0F0F0F0F0F0FULL;
    bits = (bits | bits << 2) & 0x3333333333333333ULL;
    return (bits | bits << 1) & 0x5555555555555555ULL;
}

enum { CITIES = 3000, STREETS = 40 };

struct map {
    double x[CITIES], y[CITIES], width[CITIES];
};

/* A place near a street of a city; one in ten anywhere. */
static uint64_t
draw_place(struct ky_prng *prng, const struct map *map)
{
    double x = unit(prng);
    double y = unit(prng);
    if (ky_prng_below(prng, 10) != 0) {
        /* Few cities are large. */
        const double rank = pow(unit(prng), 2.5) * CITIES;
        const uint32_t city = (uint32_t)rank % CITIES;
        struct ky_prng street;
        ky_prng_init(&street, city * 977U + (uint32_t)ky_prng_below(prng, STREETS));
        const double width = map->width[city];
        const double along = normal(prng) * width * 0.2;
        const double angle = unit(&street) * 6.283185307179586;
        x = map->x[city] + normal(&street) * width + along * cos(angle) + normal(prng) * 1e-7;
        y = map->y[city] + normal(&street) * width + along * sin(angle) + normal(prng) * 1e-7;
    }
    x = x - floor(x);
    y = y - floor(y);
    return spread_bits((uint32_t)(x * 4294967295.0)) | spread_bits((uint32_t)(y * 4294967295.0))
                                                           << 1;
}

static uint64_t
draw(enum key_set set, struct ky_prng *prng, const struct map *map)
{
    if (set == SET_OSM) {
        return draw_place(prng, map);
    }
    if (set == SET_LOGNORMAL) {
        const double value = exp(normal(prng) * 2.0) * 1e12;
        return value < 9e18 ? (uint64_t)value : (uint64_t)9e18;
    }
    return ky_prng_next(prng);
}

static int
compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* By bytes, lowest first: 50 million numbers in seconds. */
static void
sort(uint64_t *keys, uint64_t count)
{
    enum { BITS = 16, BUCKETS = 1 << BITS };
    if (count < BUCKETS) {
        qsort(keys, count, sizeof(*keys), compare);
        return;
    }
    uint64_t *other = (uint64_t *)malloc(count * sizeof(*other));
    uint64_t *starts = (uint64_t *)malloc(BUCKETS * sizeof(*starts));
    uint64_t *from = keys;
    uint64_t *to = other;
    for (unsigned shift = 0; shift < 64; shift += BITS) {
        memset(starts, 0, BUCKETS * sizeof(*starts));
        for (uint64_t i = 0; i < count; i++) {
            starts[from[i] >> shift & (BUCKETS - 1)]++;
        }
        uint64_t start = 0;
        for (uint32_t i = 0; i < BUCKETS; i++) {
            const uint64_t size = starts[i];
            starts[i] = start;
            start += size;
        }
        for (uint64_t i = 0; i < count; i++) {
            to[starts[from[i] >> shift & (BUCKETS - 1)]++] = from[i];
        }
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    free(other); /* an even number of passes: the result is in keys */
    free(starts);
}

static void
draw_sorted(enum key_set set, uint64_t *keys, uint64_t count, struct ky_prng *prng)
{
    struct map *map = (struct map *)calloc(1, sizeof(*map));
    for (uint32_t i = 0; i < CITIES; i++) {
        map->x[i] = unit(prng);
        map->y[i] = unit(prng);
        map->width[i] = 0.00005 + 0.003 * pow(unit(prng), 3.0);
    }
    uint64_t have = 0;
    while (have < count) {
        for (uint64_t i = have; i < count; i++) {
            keys[i] = draw(set, prng, map);
        }
        sort(keys, count);
        have = 0;
        for (uint64_t i = 0; i < count; i++) {
            if (have == 0 || keys[i] != keys[have - 1]) {
                keys[have++] = keys[i];
            }
        }
    }
    free(map);
}

/* ---- growing numbers: gaps are drawn */

static void
grow_dense(uint64_t *keys, uint64_t count, struct ky_prng *prng)
{
    uint64_t key = 1000000;
    uint64_t left = 0;
    uint64_t step_chance = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (left == 0) {
            /* Another stretch, with its own share of missing numbers. */
            left = 200 + ky_prng_below(prng, 1500);
            step_chance = ky_prng_below(prng, 60);
            key += 1 + ky_prng_below(prng, 5000);
        }
        left--;
        key++;
        while (ky_prng_below(prng, 100) < step_chance) {
            key++;
        }
        keys[i] = key;
    }
}

static void
grow_fb(uint64_t *keys, uint64_t count, struct ky_prng *prng)
{
    enum { OUTLIERS = 21 };
    uint64_t key = 1ULL << 20;
    uint64_t left = 0;
    double scale = 1.0;
    for (uint64_t i = 0; i < count; i++) {
        if (left == 0) {
            left = 50 + ky_prng_below(prng, 400);
            scale = pow(10.0, unit(prng) * 2.5);
        }
        left--;
        /* Pareto: most gaps are small, some are very large. */
        const double gap = scale * pow(unit(prng), -0.7);
        key += 1 + (uint64_t)(gap < 1e9 ? gap : 1e9);
        keys[i] = key;
    }
    for (uint64_t i = 0; i < OUTLIERS && count > OUTLIERS; i++) {
        keys[count - OUTLIERS + i] = (1ULL << 62) + i * ((1ULL << 62) / OUTLIERS) + 12345;
    }
}

uint64_t *
key_set_new(enum key_set set, uint64_t count, uint64_t seed)
{
    uint64_t *keys = (uint64_t *)malloc((count + 1) * sizeof(*keys));
    struct ky_prng prng;
    ky_prng_init(&prng, seed);
    if (set == SET_DENSE) {
        grow_dense(keys, count, &prng);
    } else if (set == SET_FB) {
        grow_fb(keys, count, &prng);
    } else {
        draw_sorted(set, keys, count, &prng);
    }
    return keys;
}
