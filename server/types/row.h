/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/batch.h"

/*
 * Row format, little-endian:
 *   u16 column count | null bitmap (bit set: null), ceil(n / 8) bytes |
 *   fixed area: every fixed-size column at its place, null or not |
 *   u32 end offset of each variable column, from the start of the variable area |
 *   variable area
 * A row with fewer columns than its layout was written before ALTER TABLE ADD COLUMN: the rest
 * reads as the layout's defaults.
 */
enum { ROW_COLUMNS_MAX = 1600 };

/* Where each column lies; immutable once made, shared by all readers of a relation. */
struct row_layout {
    uint16_t column_count;
    const struct type **types; /* dropped columns keep their type */
    uint32_t *place;           /* fixed: byte in the fixed area; variable: index among them */
    struct datum *missing;     /* value of a column that an older row lacks */
    uint32_t *fixed_size;      /* fixed area of a row with the first i columns, i <= column_count */
    uint16_t *variable_count;  /* variable columns among the first i */
};

/* Allocates in arena. */
void row_layout_init(struct row_layout *layout, const struct type *const *types,
                     uint16_t column_count, struct ky_arena *arena);
/* Appends the encoding of values. 54000 above 12 MiB. */
KY_MUST_CHECK ky_status row_encode(const struct row_layout *layout, const struct datum *values,
                                   struct ky_buffer *out, struct ky_error *err);
/* One column; bytes point into the row. Rows are trusted here: row_verify checks outside bytes. */
struct datum row_get(const struct row_layout *layout, struct ky_slice row, uint16_t column);
/* Fills out[place] of a column for rows[0..count): the scan's inner loop. */
void row_get_column(const struct row_layout *layout, const struct ky_slice *rows, uint32_t count,
                    uint16_t column, struct column *out);
/* Checks that a row's lengths lie inside it. XX001. */
KY_MUST_CHECK ky_status row_verify(const struct row_layout *layout, struct ky_slice row,
                                   struct ky_error *err);

/*
 * Index keys: for each key column a byte (0x01 value, 0x02 null for NULLS LAST, 0x00 null for
 * NULLS FIRST), then the type's order-preserving bytes; all bits of a DESC column's value
 * inverted. memcmp order of whole keys is the index order.
 */
struct key_column {
    const struct type *type;
    bool is_descending;
    bool is_nulls_first;
};
void key_encode(const struct key_column *columns, uint32_t count, const struct datum *values,
                struct ky_buffer *out);
