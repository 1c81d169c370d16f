/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/scan.h"

#include "server/types/record.h"

/* The columns that the filter reads are decoded for all rows, the others only for the rows that
 * pass; those are moved together first. */

void
scan_init(struct scan_state *scan, struct op *op, uint16_t extra_count)
{
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    const uint16_t column_count = plan->scan.column_count;
    scan->table = plan->scan.table;
    scan->extra_count = extra_count;
    scan->batch.column_count = (uint32_t)column_count + extra_count;
    scan->batch.columns =
        ky_arena_array(arena, struct column, (size_t)scan->batch.column_count + 1);
    scan->is_early = ky_arena_array(arena, uint8_t, (size_t)scan->batch.column_count + 1);
    if (plan->filter != NULL) {
        eval_mark_inputs(plan->filter, 0, scan->is_early);
    }
    for (uint16_t i = 0; i < column_count; i++) {
        scan->batch.columns[i].type = plan->scan.columns[i].type;
        scan->has_late = scan->has_late || !scan->is_early[i];
    }
}

void
scan_make_room(struct scan_state *scan, struct op *op, uint32_t wanted)
{
    if (wanted <= scan->room) {
        return;
    }
    struct ky_arena *arena = op->exec->context->arena;
    scan->room = wanted;
    scan->rows = ky_arena_alloc(arena, wanted * sizeof(*scan->rows));
    scan->bodies = ky_arena_alloc(arena, wanted * sizeof(*scan->bodies));
    if (scan->has_tags) {
        scan->tags = ky_arena_alloc(arena, wanted * sizeof(*scan->tags));
    }
    for (uint32_t i = 0; i < scan->batch.column_count; i++) {
        const struct type *type = scan->batch.columns[i].type;
        column_init(&scan->batch.columns[i], type, wanted, arena);
        scan->batch.columns[i].has_nulls = false;
    }
}

struct datum
scan_row_record(const struct cat_table *table, const struct datum *row, struct ky_arena *arena)
{
    const struct type **types =
        ky_arena_array(arena, const struct type *, (size_t)table->column_count + 1);
    const char **names = ky_arena_array(arena, const char *, (size_t)table->column_count + 1);
    struct datum *values = ky_arena_array(arena, struct datum, (size_t)table->column_count + 1);
    uint32_t count = 0;
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].is_dropped) {
            types[count] = table->columns[i].type;
            names[count] = table->columns[i].name;
            values[count++] = row[i];
        }
    }
    const struct ky_slice record = record_make(arena, types, names, values, count);
    return datum_bytes(record.data, record.size);
}

static struct datum
whole_row(const struct cat_table *table, struct ky_slice body, struct ky_arena *arena)
{
    struct datum *values = ky_arena_array(arena, struct datum, (size_t)table->column_count + 1);
    for (uint16_t i = 0; i < table->column_count; i++) {
        values[i] = row_get(&table->layout, body, i);
    }
    return scan_row_record(table, values, arena);
}

static struct datum
system_value(struct scan_state *scan, struct op *op, uint16_t column, const struct row_ref *row)
{
    struct access_txn *txn = op->exec->context->txn;
    event_offset_t offset = 0;
    switch (column) {
    case EXPR_SYSTEM_CTID:
    case EXPR_SYSTEM_ROW_ID:
        return datum_word((int64_t)row->row_id);
    case EXPR_SYSTEM_XMIN:
        /* A committed version knows its place in the log, not its transaction. */
        return datum_word(
            (int64_t)((row->commit_lsn != 0 ? row->commit_lsn : txn_id(access_storage_txn(txn))) &
                      UINT32_MAX));
    case EXPR_SYSTEM_XMAX:
    case EXPR_SYSTEM_CMIN:
    case EXPR_SYSTEM_CMAX:
        return datum_word(0);
    case EXPR_SYSTEM_TABLEOID:
        return datum_word(scan->table->oid);
    case EXPR_SYSTEM_WHOLE_ROW:
        return whole_row(scan->table, row->body, &op->memory);
    case EXPR_SYSTEM_OFFSET:
        return storage_row_event(access_storage_txn(txn), scan->table->rel, row->row_id, &offset)
                   ? datum_word((int64_t)offset)
                   : datum_null();
    default:
        return datum_null();
    }
}

void
scan_decode_column(struct scan_state *scan, struct op *op, uint16_t column, uint32_t count)
{
    const uint16_t number = op->plan->scan.columns[column].column;
    struct column *out = &scan->batch.columns[column];
    if (out->has_nulls) {
        memset(out->is_null, 0, scan->room);
        out->has_nulls = false;
    }
    if (number < EXPR_SYSTEM_FIRST) {
        row_get_column(&scan->table->layout, scan->bodies, count, number, out);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        column_set(out, i, system_value(scan, op, number, &scan->rows[i]));
    }
}

/* Moves what passed together: rows, bodies, early columns. */
static void
compact(struct scan_state *scan, const uint16_t *places, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        scan->rows[i] = scan->rows[places[i]];
        scan->bodies[i] = scan->bodies[places[i]];
        if (scan->has_tags) {
            scan->tags[i] = scan->tags[places[i]];
        }
    }
    for (uint32_t c = 0; c < scan->batch.column_count; c++) {
        if (scan->is_early[c]) {
            struct column *column = &scan->batch.columns[c];
            for (uint32_t i = 0; i < count; i++) {
                column_set(column, i, column_get(column, places[i]));
            }
        }
    }
}

ky_status
scan_emit(struct scan_state *scan, struct op *op, uint32_t count, struct batch **batch_out,
          struct ky_error *err)
{
    struct batch *batch = &scan->batch;
    const uint16_t own_count = op->plan->scan.column_count;
    for (uint32_t i = 0; i < count; i++) {
        scan->bodies[i] = scan->rows[i].body;
    }
    batch->count = count;
    batch->selection = NULL;
    *batch_out = batch;
    for (uint16_t i = 0; op->filter != NULL && i < own_count; i++) {
        if (scan->is_early[i]) {
            scan_decode_column(scan, op, i, count);
        }
    }
    if (op->filter != NULL) {
        const struct eval_input input = op_input(op, batch);
        uint16_t *places = op_selection(op, count);
        KY_TRY(scan->filter != NULL
                   ? scan->filter(scan, op, count, places, &batch->count, err)
                   : eval_filter(op->filter, &input, NULL, count, places, &batch->count, err));
        if (op->actual != NULL) {
            op->actual->removed += count - batch->count;
        }
        if (batch->count == 0) {
            return KY_OK;
        }
        if (batch->count < count) {
            if (scan->has_late) {
                compact(scan, places, batch->count);
            } else {
                batch->selection = places;
            }
        }
    }
    for (uint16_t i = 0; i < own_count; i++) {
        if (op->filter == NULL || !scan->is_early[i]) {
            scan_decode_column(scan, op, i, batch->count);
        }
    }
    return KY_OK;
}
