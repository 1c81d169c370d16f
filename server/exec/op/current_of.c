/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/scan.h"

/* WHERE CURRENT OF: the row that a cursor is on, as this statement sees it: it may have been
 * changed since the cursor met it, or be gone. */
struct op_current_of {
    struct op op;
    struct scan_state scan;
    bool is_done;
};

static ky_status
current_of_open(struct op *op, struct ky_error *err)
{
    (void)err;
    scan_init(&((struct op_current_of *)(void *)op)->scan, op, 0);
    return KY_OK;
}

static enum exec_answer
current_of_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_current_of *self = (struct op_current_of *)(void *)op;
    const struct exec_context *context = op->exec->context;
    const struct cat_table *table = op->plan->scan.table;
    row_id_t row_id = ROW_ID_NONE;
    if (self->is_done) {
        return EXEC_END;
    }
    self->is_done = true;
    if (context->current_row == NULL) {
        (void)ky_error_set(err, KY_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist",
                           op->plan->scan.cursor);
        return EXEC_ERROR;
    }
    if (context->current_row(context->session, op->plan->scan.cursor, table, &row_id, err) !=
        KY_OK) {
        return EXEC_ERROR;
    }
    scan_make_room(&self->scan, op, 1);
    if (row_id == ROW_ID_NONE ||
        !storage_get(access_storage_txn(context->txn), table->rel, row_id, &self->scan.rows[0])) {
        return EXEC_END;
    }
    return scan_emit(&self->scan, op, 1, batch_out, err) == KY_OK ? EXEC_BATCH : EXEC_ERROR;
}

static ky_status
current_of_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    ((struct op_current_of *)(void *)op)->is_done = false;
    return KY_OK;
}

const struct op_class op_current_of = {
    .size = sizeof(struct op_current_of),
    .open = current_of_open,
    .next = current_of_next,
    .rescan = current_of_rescan,
    .is_filtering = true,
};
