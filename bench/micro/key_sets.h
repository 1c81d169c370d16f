/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Sets of distinct numbers in ascending order, from easy to hard for a model of their positions.
 *
 *   uniform    64 random bits
 *   dense      consecutive numbers with gaps: ids some of which were deleted or never given
 *   lognormal  exp of a normal distribution: prices, sizes
 *   osm        places on a map as numbers of cells: clusters in clusters, by a space-filling curve
 *   fb         ids given in bursts, with a heavy tail of gaps and a few far outliers
 */
enum key_set { SET_UNIFORM, SET_DENSE, SET_LOGNORMAL, SET_OSM, SET_FB, SET_COUNT };

extern const char *const key_set_names[SET_COUNT];
/* malloced; count of them. */
uint64_t *key_set_new(enum key_set set, uint64_t count, uint64_t seed);
