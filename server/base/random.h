/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/compiler.h"

/* The one seam for chance. Bytes nobody can guess (getrandom), unless a test installed a seed. */
void ky_random_bytes(void *out, size_t size);
/* Makes ky_random_bytes deterministic from now on; for tests. */
void ky_random_seed_for_tests(uint64_t seed);

/* xoshiro256**: fast, seeded, for tests, sampling and random(); not for secrets. */
struct ky_prng {
    uint64_t state[4];
};

void ky_prng_init(struct ky_prng *prng, uint64_t seed);
uint64_t ky_prng_next(struct ky_prng *prng);
/* Uniform below bound; bound > 0. */
uint64_t ky_prng_below(struct ky_prng *prng, uint64_t bound);
/* Uniform in [0, 1) with 53 bits. */
double ky_prng_double(struct ky_prng *prng);
