/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/relation_stats.h"
#include "server/exec/op/scan.h"

/* All rows of a table. When nobody wants a column, the rows are only counted. */
struct op_seq_scan {
    struct op op;
    struct scan_state scan;
    struct storage_scan storage;
    bool is_started;
    bool is_count_only;
    uint32_t wanted; /* rows to ask for next: grows, so that LIMIT 1 stays cheap */
    uint64_t count_left;
};

enum { SCAN_FIRST_ROWS = 64 };

static ky_status
seq_scan_open(struct op *op, struct ky_error *err)
{
    (void)err;
    struct op_seq_scan *self = (struct op_seq_scan *)(void *)op;
    scan_init(&self->scan, op, 0);
    self->is_count_only = op->plan->scan.is_count_only && op->plan->scan.column_count == 0 &&
                          op->plan->filter == NULL;
    return KY_OK;
}

static enum exec_answer
next_counted(struct op_seq_scan *self, struct batch **batch_out)
{
    const uint64_t part = KY_MIN(self->count_left, (uint64_t)BATCH_SIZE_MAX);
    if (part == 0) {
        return EXEC_END;
    }
    self->count_left -= part;
    self->scan.batch.count = (uint32_t)part;
    *batch_out = &self->scan.batch;
    return EXEC_BATCH;
}

static enum exec_answer
seq_scan_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_seq_scan *self = (struct op_seq_scan *)(void *)op;
    struct txn *txn = access_storage_txn(op->exec->context->txn);
    const rel_id_t rel = self->scan.table->rel;
    if (!self->is_started) {
        self->is_started = true;
        self->wanted = SCAN_FIRST_ROWS;
        access_count(op->exec->context->txn, self->scan.table->oid, COUNT_SCANS, 1);
        if (self->is_count_only) {
            self->count_left = storage_count(txn, rel);
            access_count(op->exec->context->txn, self->scan.table->oid, COUNT_RETURNED,
                         self->count_left);
        } else {
            storage_scan_init(&self->storage, txn, rel);
        }
    }
    if (self->is_count_only) {
        return next_counted(self, batch_out);
    }
    scan_make_room(&self->scan, op, self->wanted);
    const uint32_t count = storage_scan_next(&self->storage, self->scan.rows, self->wanted);
    self->wanted = BATCH_SIZE_MAX;
    if (count == 0) {
        return EXEC_END;
    }
    access_count(op->exec->context->txn, self->scan.table->oid, COUNT_RETURNED, count);
    return scan_emit(&self->scan, op, count, batch_out, err) == KY_OK ? EXEC_BATCH : EXEC_ERROR;
}

static ky_status
seq_scan_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    ((struct op_seq_scan *)(void *)op)->is_started = false;
    return KY_OK;
}

static row_id_t
seq_scan_row_id(const struct op *op, uint16_t index, uint32_t place)
{
    (void)index;
    return ((const struct op_seq_scan *)(const void *)op)->scan.rows[place].row_id;
}

const struct op_class op_seq_scan = {
    .size = sizeof(struct op_seq_scan),
    .open = seq_scan_open,
    .next = seq_scan_next,
    .rescan = seq_scan_rescan,
    .is_filtering = true,
    .row_id = seq_scan_row_id,
};
