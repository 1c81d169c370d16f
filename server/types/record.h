/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/*
 * A row value (type record) as bytes, little-endian:
 *   u32 field count | per field: u32 type oid, i32 size (-1 null), bytes (words and floats: 8
 * bytes)
 */
struct record_view {
    uint32_t count;
    const uint8_t *first; /* borrowed */
};
void record_open(struct ky_slice record, struct record_view *view_out);
/* Walks the fields: start with *cursor = view->first. */
struct datum record_next(const uint8_t **cursor, const struct type **type_out);
struct ky_slice record_make(struct ky_arena *arena, const struct type *const *types,
                            const struct datum *values, uint32_t count);
