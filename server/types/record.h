/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/*
 * A row value (type record) as bytes, little-endian:
 *   u32 field count, its top bit set when fields have names
 *   per field: u32 type oid, i32 size (-1 null), [u8 length of the name, the name],
 *              bytes (words and floats: 8 bytes)
 * Names do not take part in comparing. Records are never stored.
 */
struct record_view {
    uint32_t count;
    bool has_names;
    const uint8_t *next; /* borrowed */
};
struct record_field {
    const struct type *type;
    struct datum value;
    struct ky_slice name; /* empty: it has none, and is called f1, f2 ... */
};
void record_open(struct ky_slice record, struct record_view *view_out);
/* The next of view->count fields. */
struct record_field record_next(struct record_view *view);
/* names may be NULL; those longer than an identifier can be are cut. */
struct ky_slice record_make(struct ky_arena *arena, const struct type *const *types,
                            const char *const *names, const struct datum *values, uint32_t count);
