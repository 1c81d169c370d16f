/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/modify.h"

#include "server/exec/op/scan.h"

enum { FAILING_VALUE_SIZE_MAX = 64, TOUCHED_COST = 32 };

ky_status
modify_compile_checks(struct op_modify *self, struct modify_checks *checks, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    struct exec *exec = self->op.exec;
    if (plan->modify.generated != NULL) {
        KY_TRY(exec_compile_list(exec, plan->modify.generated, self->table->column_count,
                                 &checks->generated, err));
    }
    KY_TRY(exec_compile_list(exec, plan->modify.checks, plan->modify.check_count, &checks->checks,
                             err));
    checks->check_columns = ky_arena_array(exec->context->arena, const struct column *,
                                           (size_t)plan->modify.check_count + 1);
    return KY_OK;
}

static void
open_returning(struct op_modify *self)
{
    struct exec *exec = self->op.exec;
    struct ky_arena *arena = exec->context->arena;
    const struct plan *child = self->op.plan->left;
    const uint16_t column_count = self->table->column_count;
    const uint16_t system_count = self->op.plan->modify.system_count;
    const uint32_t width = (uint32_t)column_count + 1 + system_count + child->output_count;
    const struct type **types = ky_arena_array(arena, const struct type *, width);
    for (uint16_t i = 0; i < column_count; i++) {
        types[i] = self->table->columns[i].type;
    }
    types[column_count] = type_get(OID_INT8);
    for (uint16_t i = 0; i < system_count; i++) {
        types[column_count + 1 + i] = self->op.plan->modify.system_columns[i].type;
    }
    for (uint16_t i = 0; i < child->output_count; i++) {
        types[column_count + 1 + system_count + i] = child->output[i];
    }
    store_init(&self->returning, types, width, exec->context->budget);
    self->returning_values = ky_arena_array(arena, struct datum, width);
}

ky_status
modify_open(struct op *op, struct ky_error *err)
{
    struct op_modify *self = (struct op_modify *)(void *)op;
    struct ky_arena *arena = op->exec->context->arena;
    self->table = op->plan->modify.table;
    self->after = after_watches(self->table) ? op->exec->context->after : NULL;
    ky_arena_init(&self->conflict_memory);
    ky_arena_init(&self->returning_memory);
    const size_t column_count = (size_t)self->table->column_count + 1;
    KY_TRY(op_open(op->exec, op->plan->left, &op->left, err));
    self->columns = ky_arena_array(arena, struct column, column_count);
    self->values = ky_arena_array(arena, struct datum, column_count);
    self->is_changed = ky_arena_array(arena, bool, column_count);
    KY_TRY(modify_compile_checks(self, &self->checks, err));
    if (op->plan->modify.has_returning) {
        open_returning(self);
    }
    return KY_OK;
}

void
modify_close(struct op *op)
{
    struct op_modify *self = (struct op_modify *)(void *)op;
    store_deinit(&self->returning);
    ky_map64_deinit(&self->touched);
    ky_arena_deinit(&self->conflict_memory);
    ky_arena_deinit(&self->returning_memory);
    if (op->exec->context->budget != NULL) {
        ky_budget_release(op->exec->context->budget, self->touched_charged);
    }
    self->touched_charged = 0;
}

void
modify_renew(struct op *op)
{
    struct op_modify *self = (struct op_modify *)(void *)op;
    self->after = after_watches(self->table) ? op->exec->context->after : NULL;
    self->batch = NULL;
    self->row = self->next_chunk = 0;
    self->stage = 0;
    self->first_touched = ROW_ID_NONE;
    self->is_done = false;
    self->moved = NULL;
    if (op->plan->modify.has_returning) {
        open_returning(self);
    }
}

/* Changes are made once; what a rescan gives again is the RETURNING rows. */
ky_status
modify_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    ((struct op_modify *)(void *)op)->next_chunk = 0;
    return KY_OK;
}

struct column
modify_null_column(struct op_modify *self, const struct type *type, uint32_t extent)
{
    if (self->null_room < extent) {
        struct ky_arena *arena = self->op.exec->context->arena;
        self->null_room = batch_room(extent);
        self->nulls.has_nulls = true;
        self->nulls.is_null = ky_arena_alloc(arena, self->null_room);
        memset(self->nulls.is_null, 1, self->null_room);
        self->nulls.bytes = ky_arena_array(arena, struct ky_slice, self->null_room);
    }
    struct column column = self->nulls;
    column.type = type;
    return column;
}

ky_status
modify_compute(struct op_modify *self, struct modify_checks *checks, struct column *columns,
               const uint16_t *selection, uint32_t count, struct ky_arena *arena,
               struct ky_error *err)
{
    const struct eval_input input = {columns, self->table->column_count, arena};
    for (uint16_t i = 0; checks->generated != NULL && i < self->table->column_count; i++) {
        if (checks->generated[i] != NULL) {
            const struct column *column = NULL;
            KY_TRY(eval_column(checks->generated[i], &input, selection, count, &column, err));
            columns[i] = *column;
        }
    }
    for (uint16_t i = 0; i < self->op.plan->modify.check_count; i++) {
        KY_TRY(eval_column(checks->checks[i], &input, selection, count, &checks->check_columns[i],
                           err));
    }
    return KY_OK;
}

/* Names, and DETAIL: Failing row contains (1, null, ...). */
static ky_status
describe_failure(struct op_modify *self, const struct datum *values, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const struct cat_schema *schema =
        context->image == NULL ? NULL : cat_get_schema(context->image, self->table->schema);
    struct ky_buffer text = {0};
    const char *separator = "";
    for (uint16_t i = 0; i < self->table->column_count; i++) {
        if (self->table->columns[i].is_dropped) {
            continue;
        }
        ky_buffer_append_cstr(&text, separator);
        separator = ", ";
        if (values[i].is_null) {
            ky_buffer_append_cstr(&text, "null");
            continue;
        }
        const size_t start = text.size;
        const struct type *type = self->table->columns[i].type;
        context->env.types.arena = &self->op.memory;
        type->output(type, &context->env.types, values[i], &text);
        if (text.size - start > FAILING_VALUE_SIZE_MAX) {
            size_t end = start + FAILING_VALUE_SIZE_MAX;
            while (end > start && (text.data[end] & 0xc0) == 0x80) {
                end--;
            }
            text.size = end;
            ky_buffer_append_cstr(&text, "...");
        }
    }
    (void)ky_error_detail(err, "Failing row contains (%.*s).", (int)text.size,
                          text.size == 0 ? "" : (const char *)text.data);
    ky_buffer_deinit(&text);
    ky_error_name(err->table_name, self->table->name);
    if (schema != NULL) {
        ky_error_name(err->schema_name, schema->name);
    }
    return KY_ERR;
}

ky_status
modify_validate(struct op_modify *self, const struct modify_checks *checks,
                const struct datum *values, uint32_t place, struct ky_error *err)
{
    const struct cat_table *table = self->table;
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (values[i].is_null && column->is_not_null && !column->is_dropped) {
            (void)ky_error_set(
                err, KY_NOT_NULL_VIOLATION,
                "null value in column \"%s\" of relation \"%s\" violates not-null constraint",
                column->name, table->name);
            (void)describe_failure(self, values, err);
            ky_error_name(err->column_name, column->name);
            return KY_ERR;
        }
    }
    for (uint16_t i = 0; i < self->op.plan->modify.check_count; i++) {
        const struct column *answer = checks->check_columns[i];
        if (!answer->is_null[place] && answer->word[place] == 0) {
            const char *name = self->op.plan->modify.check_names[i];
            (void)ky_error_set(err, KY_CHECK_VIOLATION,
                               "new row for relation \"%s\" violates check constraint \"%s\"",
                               table->name, name);
            (void)describe_failure(self, values, err);
            ky_error_name(err->constraint_name, name);
            return KY_ERR;
        }
    }
    return KY_OK;
}

bool
modify_is_touched(const struct op_modify *self, row_id_t row_id)
{
    return self->first_touched == row_id ||
           (self->touched.count > 0 && ky_map64_find(&self->touched, row_id) != NULL);
}

ky_status
modify_touch(struct op_modify *self, row_id_t row_id, struct ky_error *err)
{
    if (self->first_touched == ROW_ID_NONE) {
        self->first_touched = row_id;
        return KY_OK;
    }
    if (self->op.exec->context->budget != NULL) {
        KY_TRY(ky_budget_charge(self->op.exec->context->budget, TOUCHED_COST, err));
        self->touched_charged += TOUCHED_COST;
    }
    *ky_map64_put(&self->touched, row_id, NULL) = 1;
    return KY_OK;
}

static struct datum
system_value(struct op_modify *self, uint16_t column, const struct datum *values, row_id_t row_id,
             bool is_locked)
{
    struct txn *txn = access_storage_txn(self->op.exec->context->txn);
    const int64_t id = (int64_t)(txn_id(txn) & UINT32_MAX);
    switch (column) {
    case EXPR_SYSTEM_CTID:
        return datum_word((int64_t)row_id);
    case EXPR_SYSTEM_TABLEOID:
        return datum_word(self->table->oid);
    case EXPR_SYSTEM_XMIN:
        return datum_word(id);
    case EXPR_SYSTEM_XMAX:
        return datum_word(is_locked ? id : 0);
    case EXPR_SYSTEM_CMIN:
    case EXPR_SYSTEM_CMAX:
        return datum_word(0);
    case EXPR_SYSTEM_WHOLE_ROW:
        ky_arena_reset(&self->returning_memory);
        return scan_row_record(self->table, values, &self->returning_memory);
    default:
        return datum_null(); /* the event's offset is its commit's to give */
    }
}

ky_status
modify_changed(struct op_modify *self, const struct datum *values, row_id_t row_id, bool is_locked,
               struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    if (self->op.exec->root == &self->op) {
        self->op.exec->rows_changed++;
    }
    if (!plan->modify.has_returning) {
        return KY_OK;
    }
    struct datum *out = self->returning_values;
    memcpy(out, values, self->table->column_count * sizeof(*values));
    out += self->table->column_count;
    *out++ = datum_word((int64_t)row_id);
    for (uint16_t i = 0; i < plan->modify.system_count; i++) {
        *out++ =
            system_value(self, plan->modify.system_columns[i].column, values, row_id, is_locked);
    }
    const uint32_t place = batch_place(self->batch, self->row);
    for (uint16_t i = 0; i < plan->left->output_count; i++) {
        *out++ = column_get(&self->batch->columns[i], place);
    }
    out = self->returning_values;
    return store_append_row(&self->returning, out, err);
}

uint32_t
modify_load(struct op_modify *self)
{
    const uint32_t place = batch_place(self->batch, self->row);
    for (uint16_t i = 0; i < self->table->column_count; i++) {
        self->values[i] = column_get(&self->columns[i], place);
    }
    return place;
}

static bool
is_in_key(const struct cat_index *index, const bool *is_changed)
{
    bool is_in = false;
    for (uint16_t k = 0; k < index->key_count; k++) {
        const int16_t column = index->keys[k].column;
        if (column <= 0) {
            return false;
        }
        is_in = is_in || is_changed[column - 1];
    }
    return is_in;
}

bool
modify_is_key_change(const struct cat_table *table, const bool *is_changed)
{
    for (uint16_t i = 0; i < table->index_count; i++) {
        const struct cat_index *index = table->indexes[i];
        if (index->is_unique && index->predicate_sql == NULL && is_in_key(index, is_changed)) {
            return true;
        }
    }
    return false;
}

/* Made when first needed: most statements never meet such a row. */
static ky_status
open_recheck(struct op_modify *self, struct ky_error *err)
{
    self->has_tried_recheck = self->op.exec->runs_once = true;
    KY_TRY(recheck_open(self->op.left, &self->recheck, err));
    if (self->recheck == NULL) {
        return KY_OK;
    }
    self->moved_columns = ky_arena_array(self->op.exec->context->arena, struct column,
                                         (size_t)self->table->column_count + 1);
    return modify_compile_checks(self, &self->moved_checks, err);
}

enum modify_answer
modify_recheck(struct op_modify *self, struct ky_error *err)
{
    self->moved = NULL;
    if (!self->has_tried_recheck && open_recheck(self, err) != KY_OK) {
        return MODIFY_ERROR;
    }
    if (self->recheck == NULL) {
        return MODIFY_RESTART;
    }
    return recheck_row(self->recheck, self->row_id, &self->moved, err) == KY_OK ? MODIFY_NEXT
                                                                                : MODIFY_ERROR;
}

enum modify_answer
modify_answer_of(enum access_answer answer)
{
    return answer == ACCESS_PENDING   ? MODIFY_PENDING
           : answer == ACCESS_RESTART ? MODIFY_RESTART
                                      : MODIFY_NEXT;
}

static enum exec_answer
change_rows(struct op_modify *self, modify_prepare prepare, modify_row step, struct ky_error *err)
{
    for (;;) {
        if (self->batch == NULL) {
            struct batch *batch = NULL;
            const enum exec_answer answer = op_next(self->op.left, &batch, err);
            if (answer != EXEC_BATCH) {
                return answer;
            }
            ky_arena_reset(&self->op.memory);
            self->batch = batch;
            self->row = 0;
            self->stage = 0;
            if (prepare != NULL && prepare(self, err) != KY_OK) {
                return EXEC_ERROR;
            }
        }
        for (; self->row < self->batch->count; self->row++) {
            switch (step(self, err)) {
            case MODIFY_NEXT:
                self->stage = 0;
                break;
            case MODIFY_PENDING:
                return EXEC_PENDING;
            case MODIFY_RESTART:
                return EXEC_RESTART;
            case MODIFY_ERROR:
                return EXEC_ERROR;
            }
        }
        self->batch = NULL;
        if (exec_should_yield(self->op.exec)) {
            return EXEC_PENDING;
        }
    }
}

enum exec_answer
modify_run(struct op_modify *self, modify_prepare prepare, modify_row step,
           struct batch **batch_out, struct ky_error *err)
{
    if (!self->is_done) {
        const enum exec_answer answer = change_rows(self, prepare, step, err);
        if (answer != EXEC_END) {
            return answer;
        }
        self->is_done = true;
    }
    if (self->next_chunk >= self->returning.chunk_count) {
        return EXEC_END;
    }
    *batch_out = store_chunk(&self->returning, self->next_chunk++);
    return EXEC_BATCH;
}
