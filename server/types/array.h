/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/*
 * Arrays (and int2vector, oidvector) as bytes, little-endian:
 *   u32 dimension count (0..6) | u32 has nulls | u32 element oid |
 *   per dimension: i32 size, i32 lower bound |
 *   per element, row-major: i32 size (-1 null), bytes (words and floats: 8 bytes)
 * int2vector and oidvector have lower bound 0.
 */
enum { ARRAY_DIMENSIONS_MAX = 6 };
struct array_view {
    const struct type *element;
    int dimension_count;
    int32_t size[ARRAY_DIMENSIONS_MAX];
    int32_t lower[ARRAY_DIMENSIONS_MAX];
    uint32_t count;       /* elements in all */
    const uint8_t *first; /* borrowed */
};
void array_open(struct ky_slice array, struct array_view *view_out);
/* Walks the elements: start with *cursor = view->first. */
struct datum array_next(const struct array_view *view, const uint8_t **cursor);
/* One-dimensional array with lower bound 1. */
struct ky_slice array_make(struct ky_arena *arena, const struct type *element,
                           const struct datum *values, uint32_t count);
/* Any shape. */
struct ky_slice array_make_shaped(struct ky_arena *arena, const struct type *element,
                                  const struct datum *values, int dimension_count,
                                  const int32_t *size, const int32_t *lower);
/* One subscript of an assignment; an element has both, and both the same. */
struct array_bound {
    int32_t lower;
    int32_t upper;
    bool has_lower;
    bool has_upper;
};
/* The array (which may be null) with an element or a slice of it set to value; an array of one
 * dimension grows. 2202E, 54000. */
KY_MUST_CHECK ky_status array_assign(struct ky_arena *arena, const struct type *type,
                                     struct datum array, struct datum value,
                                     const struct array_bound *bounds, int count, bool is_slice,
                                     struct datum *out, struct ky_error *err);
/* Element at 1..n subscripts, null when outside. */
struct datum array_get(struct ky_slice array, const int32_t *subscripts, int count);
