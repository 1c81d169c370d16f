/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/exec_private.h"

/* Rows kept and given again: MATERIALIZE, CTE_SCAN, WORK_TABLE_SCAN, RECURSIVE_UNION. */

struct op_materialize {
    struct op op;
    struct store rows;
    bool is_read;        /* the child ended */
    uint32_t next_chunk; /* of a replay */
    bool is_replay;
};

static ky_status
materialize_open(struct op *op, struct ky_error *err)
{
    struct op_materialize *self = (struct op_materialize *)(void *)op;
    KY_TRY(op_open_children(op, err));
    store_init(&self->rows, op->plan->left->output, op->plan->left->output_count,
               op->exec->context->budget);
    return KY_OK;
}

static enum exec_answer
materialize_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_materialize *self = (struct op_materialize *)(void *)op;
    if (self->next_chunk < self->rows.chunk_count && self->is_replay) {
        *batch_out = store_chunk(&self->rows, self->next_chunk++);
        return EXEC_BATCH;
    }
    if (self->is_read) {
        return EXEC_END;
    }
    struct batch *batch = NULL;
    const enum exec_answer answer = op_next(op->left, &batch, err);
    if (answer == EXEC_END) {
        self->is_read = true;
        return EXEC_END;
    }
    if (answer != EXEC_BATCH) {
        return answer;
    }
    if (store_append(&self->rows, batch, err) != KY_OK) {
        return EXEC_ERROR;
    }
    *batch_out = batch;
    return EXEC_BATCH;
}

static ky_status
materialize_rescan(struct op *op, struct ky_error *err)
{
    struct op_materialize *self = (struct op_materialize *)(void *)op;
    self->next_chunk = 0;
    if (op_is_steady(op)) {
        /* Half read: what was read is given again, then the child goes on. */
        self->is_replay = true;
        return KY_OK;
    }
    store_clear(&self->rows);
    self->is_read = self->is_replay = false;
    return op_rescan(op->left, err);
}

static void
materialize_close(struct op *op)
{
    store_deinit(&((struct op_materialize *)(void *)op)->rows);
}

const struct op_class op_materialize = {
    .size = sizeof(struct op_materialize),
    .open = materialize_open,
    .next = materialize_next,
    .rescan = materialize_rescan,
    .close = materialize_close,
};

struct op_cte_scan {
    struct op op;
    uint64_t next_row;
    struct batch batch;
};

static ky_status
cte_scan_open(struct op *op, struct ky_error *err)
{
    struct op_cte_scan *self = (struct op_cte_scan *)(void *)op;
    const struct exec_cte *cte = &op->exec->ctes[op->plan->cte.cte];
    if (!cte->is_ready) {
        return ky_error_set(err, KY_INTERNAL_ERROR, "common table expression is not open");
    }
    self->batch.columns =
        ky_arena_array(op->exec->context->arena, struct column, (size_t)cte->rows.column_count + 1);
    return KY_OK;
}

/* Rows of a store from *next_row to the end of its chunk, as a batch. */
static bool
rows_from(const struct store *rows, uint64_t *next_row, struct batch *out)
{
    if (*next_row >= rows->count) {
        return false;
    }
    const struct batch *chunk = store_chunk(rows, (uint32_t)(*next_row / BATCH_SIZE_MAX));
    const uint32_t skip = (uint32_t)(*next_row % BATCH_SIZE_MAX);
    out->count = chunk->count - skip;
    out->column_count = chunk->column_count;
    out->selection = NULL;
    for (uint32_t i = 0; i < chunk->column_count; i++) {
        struct column *column = &out->columns[i];
        *column = chunk->columns[i];
        column->is_null += skip;
        switch (column->type->storage) {
        case TYPE_WORD:
            column->word += skip;
            break;
        case TYPE_FLOAT:
            column->real += skip;
            break;
        case TYPE_BYTES:
            column->bytes += skip;
            break;
        }
    }
    *next_row += out->count;
    return true;
}

/* Whoever comes to the end of what is known reads on. */
static enum exec_answer
cte_scan_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_cte_scan *self = (struct op_cte_scan *)(void *)op;
    struct exec_cte *cte = &op->exec->ctes[op->plan->cte.cte];
    while (!rows_from(&cte->rows, &self->next_row, &self->batch)) {
        if (cte->is_done) {
            return EXEC_END;
        }
        struct batch *batch = NULL;
        const enum exec_answer answer = op_next(cte->op, &batch, err);
        if (answer == EXEC_END) {
            cte->is_done = true;
        } else if (answer != EXEC_BATCH) {
            return answer;
        } else if (store_append(&cte->rows, batch, err) != KY_OK) {
            return EXEC_ERROR;
        }
    }
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

static ky_status
cte_scan_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    ((struct op_cte_scan *)(void *)op)->next_row = 0;
    return KY_OK;
}

const struct op_class op_cte_scan = {
    .size = sizeof(struct op_cte_scan),
    .open = cte_scan_open,
    .next = cte_scan_next,
    .rescan = cte_scan_rescan,
};

static ky_status
work_table_open(struct op *op, struct ky_error *err)
{
    struct op_cte_scan *self = (struct op_cte_scan *)(void *)op;
    (void)err;
    uses_set(op->uses, uses_work_table(op->exec, op->plan->cte.cte));
    self->batch.columns = ky_arena_array(op->exec->context->arena, struct column, 1601);
    return KY_OK;
}

static enum exec_answer
work_table_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_cte_scan *self = (struct op_cte_scan *)(void *)op;
    const struct store *rows = op->exec->work_tables[op->plan->cte.cte];
    if (rows == NULL) {
        (void)ky_error_set(err, KY_INTERNAL_ERROR, "work table is read outside its recursion");
        return EXEC_ERROR;
    }
    if (!rows_from(rows, &self->next_row, &self->batch)) {
        return EXEC_END;
    }
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

const struct op_class op_work_table_scan = {
    .size = sizeof(struct op_cte_scan),
    .open = work_table_open,
    .next = work_table_next,
    .rescan = cte_scan_rescan,
};

/*
 * Rows of the start, then of each round; a round reads the rows that the round before brought.
 * It ends when a round brings nothing (new).
 */
struct op_recursive_union {
    struct op op;
    struct store tables[2]; /* read by the round; filled by it */
    int current;            /* the one being read */
    struct store seen;      /* UNION: all rows so far */
    struct key_table table;
    const struct column **columns;
    bool is_in_rounds;
    struct batch batch;
};

static ky_status
recursive_open(struct op *op, struct ky_error *err)
{
    struct op_recursive_union *self = (struct op_recursive_union *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_budget *budget = op->exec->context->budget;
    KY_TRY(op_open_children(op, err));
    uses_clear(op->uses, uses_work_table(op->exec, plan->recursive.cte));
    store_init(&self->tables[0], plan->left->output, plan->left->output_count, budget);
    store_init(&self->tables[1], plan->left->output, plan->left->output_count, budget);
    store_init(&self->seen, plan->left->output, plan->left->output_count, budget);
    key_table_init(&self->table, budget);
    self->columns = ky_arena_array(op->exec->context->arena, const struct column *,
                                   (size_t)plan->left->output_count + 1);
    return KY_OK;
}

/* Leaves the rows not seen before in op->selection. */
static ky_status
drop_seen(struct op_recursive_union *self, struct batch *batch, struct ky_error *err)
{
    const uint16_t width = self->op.plan->left->output_count;
    uint64_t hashes[BATCH_SIZE_MAX];
    uint16_t *places = op_selection(&self->op, batch->count);
    uint32_t kept = 0;
    for (uint16_t i = 0; i < width; i++) {
        self->columns[i] = &batch->columns[i];
    }
    hash_rows(self->columns, width, batch->selection, batch->count, hashes);
    for (uint32_t row = 0; row < batch->count; row++) {
        const uint16_t place = (uint16_t)batch_place(batch, row);
        bool is_seen = false;
        for (uint32_t known = key_table_first(&self->table, hashes[place]); known != 0 && !is_seen;
             known = key_table_next(&self->table, known)) {
            is_seen = true;
            for (uint16_t i = 0; is_seen && i < width; i++) {
                is_seen = datum_same(batch->columns[i].type, column_get(&batch->columns[i], place),
                                     store_get(&self->seen, known - 1, i));
            }
        }
        if (!is_seen) {
            KY_TRY(store_append_columns(&self->seen, self->columns, &place, 1, err));
            KY_TRY(key_table_add(&self->table, hashes[place], err));
            places[kept++] = place;
        }
    }
    self->batch = *batch;
    self->batch.count = kept;
    self->batch.selection = places;
    return KY_OK;
}

static enum exec_answer
next_round(struct op_recursive_union *self, struct ky_error *err)
{
    struct store *filled = &self->tables[1 - self->current];
    if (filled->count == 0) {
        return EXEC_END;
    }
    self->current = 1 - self->current;
    store_clear(&self->tables[1 - self->current]);
    self->op.exec->work_tables[self->op.plan->recursive.cte] = &self->tables[self->current];
    if (self->is_in_rounds && op_rescan(self->op.right, err) != KY_OK) {
        return EXEC_ERROR;
    }
    self->is_in_rounds = true;
    return EXEC_BATCH;
}

static enum exec_answer
recursive_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_recursive_union *self = (struct op_recursive_union *)(void *)op;
    for (;;) {
        struct batch *batch = NULL;
        enum exec_answer answer = op_next(self->is_in_rounds ? op->right : op->left, &batch, err);
        if (answer == EXEC_END) {
            answer = next_round(self, err);
            if (answer != EXEC_BATCH) {
                return answer;
            }
            continue;
        }
        if (answer != EXEC_BATCH) {
            return answer;
        }
        self->batch = *batch;
        if (op->plan->recursive.is_distinct && drop_seen(self, batch, err) != KY_OK) {
            return EXEC_ERROR;
        }
        if (store_append(&self->tables[1 - self->current], &self->batch, err) != KY_OK) {
            return EXEC_ERROR;
        }
        *batch_out = &self->batch;
        return EXEC_BATCH;
    }
}

static ky_status
recursive_rescan(struct op *op, struct ky_error *err)
{
    struct op_recursive_union *self = (struct op_recursive_union *)(void *)op;
    store_clear(&self->tables[0]);
    store_clear(&self->tables[1]);
    store_clear(&self->seen);
    key_table_clear(&self->table);
    if (self->is_in_rounds) {
        KY_TRY(op_rescan(op->right, err));
    }
    self->is_in_rounds = false;
    return op_rescan(op->left, err);
}

static void
recursive_close(struct op *op)
{
    struct op_recursive_union *self = (struct op_recursive_union *)(void *)op;
    store_deinit(&self->tables[0]);
    store_deinit(&self->tables[1]);
    store_deinit(&self->seen);
    key_table_deinit(&self->table);
}

const struct op_class op_recursive_union = {
    .size = sizeof(struct op_recursive_union),
    .open = recursive_open,
    .next = recursive_next,
    .rescan = recursive_rescan,
    .close = recursive_close,
};
