/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/exec_private.h"

struct scan_state;
/* The places among the first count rows that op->filter passes, in order. */
typedef ky_status (*scan_filter)(struct scan_state *scan, struct op *op, uint32_t count,
                                 uint16_t *places, uint32_t *count_out, struct ky_error *err);

/* What scans of stored rows share: from rows to columns, the filter's columns first. */
struct scan_state {
    const struct cat_table *table;
    struct row_ref *rows;
    struct ky_slice *bodies;
    struct batch batch;
    uint32_t room;     /* rows that fit */
    uint8_t *is_early; /* by column: the filter reads it */
    bool has_late;
    bool has_tags;
    uint32_t *tags;       /* with has_tags: by row, the operator's; they stay with their rows */
    scan_filter filter;   /* the operator's own way to evaluate its filter; NULL: all at once */
    uint16_t extra_count; /* columns after the scan's own, filled by the operator */
};

/* extra_types: columns after scan.columns. */
void scan_init(struct scan_state *scan, struct op *op, uint16_t extra_count);
/* Room for wanted rows: at most a batch. */
void scan_make_room(struct scan_state *scan, struct op *op, uint32_t wanted);
/* Decodes rows[0..count), applies op->filter; the batch may be empty. */
KY_MUST_CHECK ky_status scan_emit(struct scan_state *scan, struct op *op, uint32_t count,
                                  struct batch **batch_out, struct ky_error *err);
/* Of an index scan: whether a version of a row lies within the scan's bounds. */
KY_MUST_CHECK ky_status index_scan_holds(struct op *op, struct ky_slice body, bool *holds_out,
                                         struct ky_error *err);
/* The row (by table column, dropped ones included) as one value, in the arena. */
struct datum scan_row_record(const struct cat_table *table, const struct datum *row,
                             struct ky_arena *arena);
/* Without a filter, for the first count rows. */
void scan_decode_column(struct scan_state *scan, struct op *op, uint16_t column, uint32_t count);
