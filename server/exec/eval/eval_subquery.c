/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/eval/eval_private.h"
#include "server/types/array.h"

/*
 * Subqueries in expressions. One that depends on nothing outside runs once, when first wanted; a
 * correlated one runs for each row with its slots set from the row. ANY and ALL keep the
 * subquery's rows; a plain equality over fixed rows goes through a hash table.
 *
 * any_test sees the subquery's columns first and the node's input after them.
 */
struct eval_subquery {
    struct op *op;
    struct eval **outer_args;
    bool is_correlated;
    bool is_started;    /* op ran before: rescan */
    bool is_done;       /* the answer of an uncorrelated one is known */
    struct datum value; /* SCALAR, EXISTS, ARRAY */
    struct store rows;  /* ANY, ALL */
    struct eval *test;
    uint32_t row_width;      /* the subquery's columns */
    struct column *combined; /* row_width + the input's */
    uint32_t combined_count;
    uint8_t *is_used; /* by column of combined: any_test reads it */
    /* Hashed ANY. */
    bool is_hashed;
    uint16_t key_count;
    uint16_t *key_columns;   /* of the subquery's row */
    struct eval **key_evals; /* the left side's, over combined */
    struct key_table table;
    bool has_null_row;
};

static uint32_t
highest_input(const struct expr *expr)
{
    uint32_t highest = expr->kind == EXPR_INPUT ? expr->index + 1 : 0;
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        if (expr->args[i] != NULL) {
            highest = KY_MAX(highest, highest_input(expr->args[i]));
        }
    }
    for (uint16_t i = 0; i < expr->outer_count; i++) {
        highest = KY_MAX(highest, highest_input(expr->outer_args[i]));
    }
    if (expr->kind == EXPR_SUBQUERY && expr->any_test != NULL) {
        /* Its own row comes first there; the rest is the input we see. */
        const uint32_t inner = highest_input(expr->any_test);
        const uint32_t width = expr->plan->output_count;
        highest = KY_MAX(highest, inner > width ? inner - width : 0);
    }
    return highest;
}

uint32_t
eval_input_count(const struct plan *plan)
{
    uint32_t highest = plan->filter == NULL ? 0 : highest_input(plan->filter);
    for (uint16_t i = 0; plan->project != NULL && i < plan->output_count; i++) {
        highest = KY_MAX(highest, highest_input(plan->project[i]));
    }
    return highest;
}

void
eval_mark_inputs(const struct expr *expr, uint32_t shift, uint8_t *is_used)
{
    if (expr->kind == EXPR_INPUT && expr->index >= shift) {
        is_used[expr->index - shift] = 1;
    }
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        if (expr->args[i] != NULL) {
            eval_mark_inputs(expr->args[i], shift, is_used);
        }
    }
    for (uint16_t i = 0; i < expr->outer_count; i++) {
        eval_mark_inputs(expr->outer_args[i], shift, is_used);
    }
    if (expr->kind == EXPR_SUBQUERY && expr->any_test != NULL) {
        eval_mark_inputs(expr->any_test, shift + expr->plan->output_count, is_used);
    }
}

/* One pair of a plain equality: a column of the subquery's row and something of the outside. */
static bool
hash_pair(struct eval_subquery *sub, const struct expr *expr, const struct expr **left_out)
{
    if (expr->kind != EXPR_FUNC || expr->arg_count != 2 || expr->op == NULL ||
        !expr->op->is_hashable || !types_hash_alike(expr->args[0]->type, expr->args[1]->type) ||
        expr->args[0]->type->hash == NULL) {
        return false;
    }
    for (int side = 0; side < 2; side++) {
        const struct expr *column = expr->args[side];
        const struct expr *other = expr->args[1 - side];
        if (column->kind != EXPR_INPUT || column->index >= sub->row_width) {
            continue;
        }
        bool is_outside = true;
        uint8_t *used = sub->is_used;
        memset(used, 0, sub->combined_count);
        eval_mark_inputs(other, 0, used);
        for (uint32_t i = 0; i < sub->row_width; i++) {
            is_outside = is_outside && !used[i];
        }
        if (is_outside) {
            sub->key_columns[sub->key_count] = (uint16_t)column->index;
            *left_out = other;
            return true;
        }
    }
    return false;
}

static ky_status
compile_hash(struct eval *eval, struct eval_subquery *sub, struct ky_error *err)
{
    const struct expr *test = eval->expr->any_test;
    const struct expr *const single[1] = {test};
    const bool is_row = test->kind == EXPR_AND;
    const uint16_t count = is_row ? test->arg_count : 1;
    struct ky_arena *arena = eval->exec->context->arena;
    sub->key_columns = ky_arena_array(arena, uint16_t, count);
    sub->key_evals = ky_arena_array(arena, struct eval *, count);
    for (uint16_t i = 0; i < count; i++) {
        const struct expr *left = NULL;
        if (!hash_pair(sub, is_row ? test->args[i] : single[0], &left)) {
            return KY_OK;
        }
        KY_TRY(eval_compile(eval->exec, left, &sub->key_evals[sub->key_count++], err));
    }
    sub->is_hashed = true;
    key_table_init(&sub->table, eval->exec->context->budget);
    return KY_OK;
}

/* The store and the table live on the heap: an operator of its own in the chain frees them. */
struct op_holder {
    struct op op;
    struct eval_subquery *sub;
};

static void
close_holder(struct op *op)
{
    struct eval_subquery *sub = ((struct op_holder *)(void *)op)->sub;
    store_deinit(&sub->rows);
    key_table_deinit(&sub->table);
}

static const struct op_class holder_class = {.size = sizeof(struct op_holder),
                                             .close = close_holder};

static void
hold(struct exec *exec, struct eval_subquery *sub)
{
    struct op_holder *holder = ky_arena_new(exec->context->arena, struct op_holder);
    holder->op.class = &holder_class;
    holder->op.exec = exec;
    holder->op.older = exec->ops;
    holder->sub = sub;
    ky_arena_init(&holder->op.memory);
    exec->ops = &holder->op;
}

ky_status
eval_subquery_compile(struct eval *eval, struct ky_error *err)
{
    const struct expr *expr = eval->expr;
    struct exec *exec = eval->exec;
    struct ky_arena *arena = exec->context->arena;
    if (expr->plan == NULL) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "cannot use subquery here");
    }
    struct eval_subquery *sub = ky_arena_new(arena, struct eval_subquery);
    eval->subquery = sub;
    KY_TRY(exec_compile_list(exec, expr->outer_args, expr->outer_count, &sub->outer_args, err));
    uint64_t *outer = exec->collect;
    exec->collect = NULL;
    KY_TRY(op_open(exec, expr->plan, &sub->op, err));
    exec->collect = outer;
    for (uint16_t i = 0; i < expr->outer_count; i++) {
        uses_clear(sub->op->uses, expr->outer_slots[i]);
    }
    sub->is_correlated = expr->outer_count > 0 || !op_is_steady(sub->op);
    for (uint32_t i = 0; outer != NULL && i < exec->uses_words; i++) {
        outer[i] |= sub->op->uses[i];
    }
    for (uint16_t i = 0; i < expr->outer_count; i++) {
        uses_set(sub->op->uses, expr->outer_slots[i]);
    }
    sub->row_width = expr->plan->output_count;
    if (expr->subquery_kind != SUBQUERY_ANY && expr->subquery_kind != SUBQUERY_ALL) {
        return KY_OK;
    }
    store_init(&sub->rows, expr->plan->output, sub->row_width, exec->context->budget);
    hold(exec, sub);
    sub->combined_count = KY_MAX(highest_input(expr->any_test), sub->row_width);
    sub->combined = ky_arena_array(arena, struct column, (size_t)sub->combined_count + 1);
    sub->is_used = ky_arena_array(arena, uint8_t, (size_t)sub->combined_count + 1);
    if (expr->is_hashed && !sub->is_correlated && expr->subquery_kind == SUBQUERY_ANY) {
        KY_TRY(compile_hash(eval, sub, err));
    }
    memset(sub->is_used, 0, sub->combined_count);
    eval_mark_inputs(expr->any_test, 0, sub->is_used);
    return eval_compile(exec, expr->any_test, &sub->test, err);
}

/* Sets the slots from one row and readies the operators. */
static ky_status
start_run(struct eval *eval, const struct eval_input *input, uint32_t place, struct ky_error *err)
{
    struct eval_subquery *sub = eval->subquery;
    for (uint16_t i = 0; i < eval->expr->outer_count; i++) {
        KY_TRY(eval_datum(sub->outer_args[i], input, place,
                          &eval->exec->slots[eval->expr->outer_slots[i]], err));
    }
    if (sub->is_started) {
        KY_TRY(op_rescan(sub->op, err));
    }
    sub->is_started = true;
    return KY_OK;
}

static ky_status
next_batch(struct eval *eval, struct batch **batch_out, struct ky_error *err)
{
    struct exec *exec = eval->exec;
    *batch_out = NULL;
    exec->nested++;
    const enum exec_answer answer = op_next(eval->subquery->op, batch_out, err);
    exec->nested--;
    switch (answer) {
    case EXEC_BATCH:
        return KY_OK;
    case EXEC_END:
        *batch_out = NULL;
        return KY_OK;
    case EXEC_PENDING:
        return ky_error_set(err, KY_LOCK_NOT_AVAILABLE,
                            "could not obtain lock on row inside a subquery expression");
    case EXEC_RESTART:
        return ky_error_set(err, KY_SERIALIZATION_FAILURE,
                            "could not serialize access due to concurrent update");
    case EXEC_ERROR:
        break;
    }
    return KY_ERR;
}

static ky_status
run_scalar(struct eval *eval, struct ky_arena *arena, struct datum *out, struct ky_error *err)
{
    bool has_row = false;
    *out = datum_null();
    for (;;) {
        struct batch *batch = NULL;
        KY_TRY(next_batch(eval, &batch, err));
        if (batch == NULL) {
            return KY_OK;
        }
        if (has_row || batch->count > 1) {
            return ky_error_set(err, KY_CARDINALITY_VIOLATION,
                                "more than one row returned by a subquery used as an expression");
        }
        has_row = true;
        *out = datum_copy(eval->type, column_get(&batch->columns[0], batch_place(batch, 0)), arena);
    }
}

static ky_status
run_array(struct eval *eval, struct ky_arena *arena, struct datum *out, struct ky_error *err)
{
    const struct type *element = type_get(eval->type->element_oid);
    struct store rows;
    store_init(&rows, &element, 1, eval->exec->context->budget);
    ky_status status = KY_OK;
    struct batch *batch = NULL;
    do {
        status = next_batch(eval, &batch, err);
        if (status == KY_OK && batch != NULL) {
            status = store_append(&rows, batch, err);
        }
    } while (status == KY_OK && batch != NULL);
    if (status == KY_OK) {
        struct datum *values = ky_calloc(rows.count + 1, sizeof(*values));
        for (uint64_t i = 0; i < rows.count; i++) {
            values[i] = store_get(&rows, i, 0);
        }
        const struct ky_slice array = array_make(arena, element, values, (uint32_t)rows.count);
        *out = datum_bytes(array.data, array.size);
        ky_free(values);
    }
    store_deinit(&rows);
    return status;
}

static ky_status
run_rows(struct eval *eval, struct ky_error *err)
{
    struct eval_subquery *sub = eval->subquery;
    store_clear(&sub->rows);
    for (;;) {
        struct batch *batch = NULL;
        KY_TRY(next_batch(eval, &batch, err));
        if (batch == NULL) {
            break;
        }
        KY_TRY(store_append(&sub->rows, batch, err));
    }
    for (uint32_t c = 0; sub->is_hashed && c < sub->rows.chunk_count; c++) {
        const struct batch *chunk = store_chunk(&sub->rows, c);
        const struct column *keys[FUNC_ARGS_MAX];
        uint64_t hashes[BATCH_SIZE_MAX];
        for (uint16_t k = 0; k < sub->key_count; k++) {
            keys[k] = &chunk->columns[sub->key_columns[k]];
            sub->has_null_row = sub->has_null_row || keys[k]->has_nulls;
        }
        hash_rows(keys, sub->key_count, NULL, chunk->count, hashes);
        for (uint32_t i = 0; i < chunk->count; i++) {
            KY_TRY(key_table_add(&sub->table, hashes[i], err));
        }
    }
    return KY_OK;
}

/* The test over all kept rows for one row of the input. */
static ky_status
test_rows(struct eval *eval, const struct eval_input *input, uint32_t place, struct datum *out,
          struct ky_error *err)
{
    struct eval_subquery *sub = eval->subquery;
    const bool is_all = eval->expr->subquery_kind == SUBQUERY_ALL;
    bool is_open = false;
    /* The statement's arena also holds the states themselves. */
    const bool can_rewind = input->arena != eval->exec->context->arena;
    const struct ky_arena_mark mark = ky_arena_mark(input->arena);
    for (uint32_t c = 0; c < sub->rows.chunk_count; c++) {
        struct batch *chunk = store_chunk(&sub->rows, c);
        for (uint32_t i = 0; i < sub->combined_count; i++) {
            if (i < sub->row_width) {
                sub->combined[i] = chunk->columns[i];
            } else if (sub->is_used[i]) {
                const struct column *from = &input->columns[i - sub->row_width];
                const struct datum value = column_get(from, place);
                column_init(&sub->combined[i], from->type, chunk->count, input->arena);
                for (uint32_t row = 0; row < chunk->count; row++) {
                    column_set(&sub->combined[i], row, value);
                }
            }
        }
        const struct eval_input combined = {sub->combined, sub->combined_count, input->arena};
        const struct column *answer = NULL;
        KY_TRY(eval_column(sub->test, &combined, NULL, chunk->count, &answer, err));
        for (uint32_t row = 0; row < chunk->count; row++) {
            if (answer->is_null[row]) {
                is_open = true;
            } else if ((answer->word[row] != 0) != is_all) {
                *out = datum_word(!is_all);
                if (can_rewind) {
                    ky_arena_rewind(input->arena, mark);
                }
                return KY_OK;
            }
        }
    }
    if (can_rewind) {
        ky_arena_rewind(input->arena, mark);
    }
    *out = is_open ? datum_null() : datum_word(is_all);
    return KY_OK;
}

static ky_status
probe(struct eval *eval, const struct eval_input *input, const struct column *const *keys,
      uint32_t place, uint64_t hash, struct datum *out, struct ky_error *err)
{
    struct eval_subquery *sub = eval->subquery;
    bool has_null = false;
    for (uint16_t k = 0; k < sub->key_count; k++) {
        has_null = has_null || keys[k]->is_null[place];
    }
    if (sub->key_count > 1 && (has_null || sub->has_null_row)) {
        return test_rows(eval, input, place, out, err);
    }
    if (has_null) {
        *out = datum_null();
        return KY_OK;
    }
    for (uint32_t row = key_table_first(&sub->table, hash); row != 0;
         row = key_table_next(&sub->table, row)) {
        bool is_same = true;
        for (uint16_t k = 0; is_same && k < sub->key_count; k++) {
            is_same = datum_same(keys[k]->type, column_get(keys[k], place),
                                 store_get(&sub->rows, row - 1, sub->key_columns[k]));
        }
        if (is_same) {
            *out = datum_word(true);
            return KY_OK;
        }
    }
    *out = sub->has_null_row ? datum_null() : datum_word(false);
    return KY_OK;
}

static ky_status
run_hashed(struct eval *eval, const struct eval_input *input, const uint16_t *selection,
           uint32_t count, struct column *result, struct ky_error *err)
{
    struct eval_subquery *sub = eval->subquery;
    const struct column *keys[FUNC_ARGS_MAX];
    struct column own[FUNC_ARGS_MAX];
    uint64_t hashes[BATCH_SIZE_MAX];
    for (uint32_t i = sub->row_width; i < sub->combined_count; i++) {
        sub->combined[i] = input->columns[i - sub->row_width];
    }
    const struct eval_input combined = {sub->combined, sub->combined_count, input->arena};
    for (uint16_t k = 0; k < sub->key_count; k++) {
        KY_TRY(eval_column(sub->key_evals[k], &combined, selection, count, &keys[k], err));
        /* A plain input is answered as its place in `combined`, which test_rows fills anew. */
        own[k] = *keys[k];
        keys[k] = &own[k];
    }
    hash_rows(keys, sub->key_count, selection, count, hashes);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        struct datum value = datum_word(0);
        KY_TRY(probe(eval, input, keys, place, hashes[place], &value, err));
        column_set(result, place, value);
    }
    return KY_OK;
}

/* The answer for one row; for an uncorrelated one the answer, or its rows, once and for all. */
static ky_status
run_once(struct eval *eval, const struct eval_input *input, uint32_t place, struct ky_arena *arena,
         struct datum *out, struct ky_error *err)
{
    struct batch *batch = NULL;
    KY_TRY(start_run(eval, input, place, err));
    switch (eval->expr->subquery_kind) {
    case SUBQUERY_SCALAR:
        return run_scalar(eval, arena, out, err);
    case SUBQUERY_EXISTS:
        KY_TRY(next_batch(eval, &batch, err));
        *out = datum_word(batch != NULL);
        return KY_OK;
    case SUBQUERY_ARRAY:
        return run_array(eval, arena, out, err);
    case SUBQUERY_ANY:
    case SUBQUERY_ALL:
        return run_rows(eval, err);
    }
    KY_UNREACHABLE();
}

EVAL_RUN(eval_run_subquery)
{
    struct eval_subquery *sub = eval->subquery;
    const bool has_rows = sub->test != NULL;
    if (!sub->is_correlated && !sub->is_done) {
        KY_TRY(run_once(eval, input, eval_place(selection, 0), eval->exec->context->arena,
                        &sub->value, err));
        sub->is_done = true;
    }
    struct column *result = eval_begin(eval, selection, count);
    *column_out = result;
    if (sub->is_hashed && sub->rows.count > 0) {
        return run_hashed(eval, input, selection, count, result, err);
    }
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        struct datum value = sub->value;
        if (sub->is_correlated) {
            KY_TRY(run_once(eval, input, place, input->arena, &value, err));
        }
        if (has_rows) {
            KY_TRY(test_rows(eval, input, place, &value, err));
        }
        column_set(result, place, value);
    }
    return KY_OK;
}
