/* SPDX-License-Identifier: Apache-2.0 */

/* xoshiro256** by Blackman and Vigna, seeded through splitmix64 as its authors advise. */

#include "server/base/random.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "server/base/assert.h"
#include "server/base/mutex.h"

static struct ky_mutex seeded_lock = {PTHREAD_MUTEX_INITIALIZER};
static struct ky_prng seeded_prng; /* guarded by seeded_lock */
static _Atomic bool is_seeded;     /* acquire/release: a seed set before is seen */

static void
seeded_bytes(uint8_t *out, size_t size)
{
    ky_mutex_lock(&seeded_lock);
    while (size > 0) {
        uint64_t word = ky_prng_next(&seeded_prng);
        size_t part = KY_MIN(size, sizeof(word));
        memcpy(out, &word, part);
        out += part;
        size -= part;
    }
    ky_mutex_unlock(&seeded_lock);
}

void
ky_random_bytes(void *out, size_t size)
{
    uint8_t *place = (uint8_t *)out;
    if (atomic_load_explicit(&is_seeded, memory_order_acquire)) {
        seeded_bytes(place, size);
        return;
    }
    while (size > 0) {
        ssize_t got = getrandom(place, size, 0);
        if (got < 0) {
            KY_ASSERT(errno == EINTR);
            continue;
        }
        place += got;
        size -= (size_t)got;
    }
}

void
ky_random_seed_for_tests(uint64_t seed)
{
    ky_mutex_lock(&seeded_lock);
    ky_prng_init(&seeded_prng, seed);
    ky_mutex_unlock(&seeded_lock);
    atomic_store_explicit(&is_seeded, true, memory_order_release);
}

void
ky_prng_init(struct ky_prng *prng, uint64_t seed)
{
    for (size_t i = 0; i < KY_COUNT_OF(prng->state); i++) {
        seed += 0x9e3779b97f4a7c15ULL;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        prng->state[i] = z ^ (z >> 31);
    }
}

static uint64_t
rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

uint64_t
ky_prng_next(struct ky_prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Multiply and shift; a draw from the uneven rest is thrown away (Lemire 2019). */
uint64_t
ky_prng_below(struct ky_prng *prng, uint64_t bound)
{
    KY_ASSERT(bound > 0);
    uint64_t uneven = -bound % bound;
    for (;;) {
        unsigned __int128 product = (unsigned __int128)ky_prng_next(prng) * bound;
        if ((uint64_t)product >= uneven) {
            return (uint64_t)(product >> 64);
        }
    }
}

double
ky_prng_double(struct ky_prng *prng)
{
    return (double)(ky_prng_next(prng) >> 11) * 0x1.0p-53;
}
