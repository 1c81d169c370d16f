/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/clock.h"
#include "server/exec/exec_private.h"

/* The frame around the operators: opening the tree, running a node (cancel, filter, projection,
 * measurement), common table expressions that change data, closing. */

static const struct op_class *
class_of(const struct plan *plan)
{
    switch (plan->kind) {
    case PLAN_RESULT:
        return &op_result;
    case PLAN_SEQ_SCAN:
        return plan->scan.sample != NULL ? &op_sample_scan : &op_seq_scan;
    case PLAN_INDEX_SCAN:
        return &op_index_scan;
    case PLAN_BITMAP_SCAN:
        return &op_bitmap_scan;
    case PLAN_BITMAP_INDEX:
        return &op_bitmap_index;
    case PLAN_SYSVIEW_SCAN:
        return &op_sysview_scan;
    case PLAN_VECTOR_SCAN:
        return &op_vector_scan;
    case PLAN_CURRENT_OF:
        return &op_current_of;
    case PLAN_FUNCTION_SCAN:
        return &op_function_scan;
    case PLAN_VALUES_SCAN:
        return &op_values_scan;
    case PLAN_CTE_SCAN:
        return &op_cte_scan;
    case PLAN_WORK_TABLE_SCAN:
        return &op_work_table_scan;
    case PLAN_RECURSIVE_UNION:
        return &op_recursive_union;
    case PLAN_NESTED_LOOP:
        /* Rows of the right side without a partner are found by keeping them: a hash join without
         * keys. */
        return plan->join.kind == PLAN_JOIN_RIGHT || plan->join.kind == PLAN_JOIN_FULL
                   ? &op_hash_join
               : lookup_join_serves(plan) ? &op_lookup_join
                                          : &op_nested_loop;
    case PLAN_HASH_JOIN:
        return &op_hash_join;
    case PLAN_MATERIALIZE:
        return &op_materialize;
    case PLAN_SORT:
    case PLAN_TOP_N:
        return &op_sort;
    case PLAN_LIMIT:
        return &op_limit;
    case PLAN_AGGREGATE:
        return &op_aggregate;
    case PLAN_UNIQUE:
        return &op_unique;
    case PLAN_APPEND:
        return &op_append;
    case PLAN_SET_OPERATION:
        return &op_set_operation;
    case PLAN_PROJECT_SET:
        return &op_project_set;
    case PLAN_WINDOW:
        return &op_window;
    case PLAN_LOCK_ROWS:
        return &op_lock_rows;
    case PLAN_INSERT:
        return &op_insert;
    case PLAN_UPDATE:
        return &op_update;
    case PLAN_DELETE:
        return &op_delete;
    case PLAN_MERGE:
        return &op_merge;
    }
    KY_UNREACHABLE();
}

ky_status
exec_compile_list(struct exec *exec, struct expr *const *exprs, uint16_t count, struct eval ***out,
                  struct ky_error *err)
{
    struct eval **evals = ky_arena_array(exec->context->arena, struct eval *, (size_t)count + 1);
    for (uint16_t i = 0; i < count; i++) {
        if (exprs[i] != NULL) {
            KY_TRY(eval_compile(exec, exprs[i], &evals[i], err));
        }
    }
    *out = evals;
    return KY_OK;
}

ky_status
op_open(struct exec *exec, const struct plan *plan, struct op **op_out, struct ky_error *err)
{
    return op_open_as(exec, plan, class_of(plan), op_out, err);
}

ky_status
op_open_as(struct exec *exec, const struct plan *plan, const struct op_class *class,
           struct op **op_out, struct ky_error *err)
{
    struct ky_arena *arena = exec->context->arena;
    struct op *op = ky_arena_calloc(arena, 1, class->size);
    op->class = class;
    op->exec = exec;
    op->plan = plan;
    op->older = exec->ops;
    exec->ops = op;
    ky_arena_init(&op->memory);
    if (exec->uses_words > 0) {
        op->uses = ky_arena_array(arena, uint64_t, exec->uses_words);
    }
    if (exec->context->is_instrumented) {
        op->actual = ky_arena_new(arena, struct explain_actual);
    }
    uint64_t *outer = exec->collect;
    exec->collect = op->uses;
    KY_TRY(class->open(op, err));
    if (plan->filter != NULL) {
        KY_TRY(eval_compile(exec, plan->filter, &op->filter, err));
    }
    if (plan->project != NULL && !class->is_projecting) {
        KY_TRY(exec_compile_list(exec, plan->project, plan->output_count, &op->project, err));
        op->out.columns =
            ky_arena_alloc(arena, ((size_t)plan->output_count + 1) * sizeof(struct column));
    }
    exec->collect = outer;
    for (uint32_t i = 0; outer != NULL && i < exec->uses_words; i++) {
        outer[i] |= op->uses[i];
    }
    *op_out = op;
    return KY_OK;
}

ky_status
op_open_children(struct op *op, struct ky_error *err)
{
    if (op->plan->left != NULL) {
        KY_TRY(op_open(op->exec, op->plan->left, &op->left, err));
    }
    if (op->plan->right != NULL) {
        KY_TRY(op_open(op->exec, op->plan->right, &op->right, err));
    }
    return KY_OK;
}

bool
op_is_steady(const struct op *op)
{
    for (uint32_t i = 0; i < op->exec->uses_words; i++) {
        if (op->uses[i] != 0) {
            return false;
        }
    }
    return true;
}

uint16_t *
op_selection(struct op *op, uint32_t capacity)
{
    if (op->selection_capacity < capacity) {
        op->selection_capacity = batch_room(capacity);
        op->selection =
            ky_arena_alloc(op->exec->context->arena, op->selection_capacity * sizeof(uint16_t));
    }
    return op->selection;
}

struct eval_input
op_input(struct op *op, const struct batch *batch)
{
    return (struct eval_input){batch->columns, batch->column_count, &op->memory};
}

ky_status
exec_check_cancel(struct exec *exec, struct ky_error *err)
{
    const _Atomic int *cancel = exec->context->cancel;
    /* Relaxed: the flag alone matters, nothing is read after it. */
    if (cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed) != 0) {
        return ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to user request");
    }
    return KY_OK;
}

bool
exec_should_yield(struct exec *exec)
{
    struct exec_context *context = exec->context;
    if (context->quantum_end_ns == 0 || exec->nested > 0 ||
        ky_monotonic_ns() < context->quantum_end_ns) {
        return false;
    }
    context->is_yield = true;
    return true;
}

/* Filters and projects a batch of the node's input into op->out. False when nothing is left. */
static ky_status
finish_batch(struct op *op, struct batch *input, bool *has_rows_out, struct ky_error *err)
{
    struct batch *out = &op->out;
    const struct eval_input columns = op_input(op, input);
    out->count = input->count;
    out->selection = input->selection;
    if (op->filter != NULL && !op->class->is_filtering && input->count > 0) {
        uint16_t *places = op_selection(op, input->count);
        KY_TRY(eval_filter(op->filter, &columns, input->selection, input->count, places,
                           &out->count, err));
        if (out->count < input->count) {
            out->selection = places;
        }
        if (op->actual != NULL) {
            op->actual->removed += input->count - out->count;
        }
    }
    *has_rows_out = out->count > 0;
    if (out->count == 0) {
        return KY_OK;
    }
    out->column_count = op->plan->output_count;
    if (op->project == NULL) {
        KY_ASSERT(input->column_count >= out->column_count);
        out->columns = input->columns;
        return KY_OK;
    }
    for (uint16_t i = 0; i < op->plan->output_count; i++) {
        const struct column *column = NULL;
        KY_TRY(eval_column(op->project[i], &columns, out->selection, out->count, &column, err));
        out->columns[i] = *column;
    }
    return KY_OK;
}

/* finish_batch where a function may wait: then the input is kept and evaluated again. Inside a
 * subquery of an expression nothing can wait. */
static ky_status
finish_waiting(struct op *op, struct batch *input, bool *has_rows_out, bool *is_waiting_out,
               struct ky_error *err)
{
    struct exec *exec = op->exec;
    struct func_env *env = &exec->context->env;
    if (op->filter == NULL && op->project == NULL) {
        return finish_batch(op, input, has_rows_out, err);
    }
    struct func_wait *outer = env->wait;
    struct func_wait *wait = exec->nested > 0 ? NULL : &exec->wait;
    if (wait != NULL) {
        wait->calls = 0;
    }
    env->wait = wait;
    const ky_status status = finish_batch(op, input, has_rows_out, err);
    env->wait = outer;
    if (wait == NULL) {
        return status;
    }
    if (status != KY_OK && wait->is_pending) {
        wait->is_pending = false;
        op->is_pending = *is_waiting_out = true;
        op->waiting_input = input;
        ky_error_init(err);
        return KY_OK;
    }
    op->waiting_input = NULL;
    op->is_pending = false;
    wait->done = 0;
    return status;
}

/* As many rows of the batch under way as are wanted now. */
static struct batch *
next_slice(struct op *op)
{
    const struct batch *whole = op->whole;
    const uint32_t left = whole->count - op->whole_next;
    const uint32_t count = op->wanted == 0 ? left : (uint32_t)KY_MIN(op->wanted, (uint64_t)left);
    if (op->slice_room < count) {
        op->slice_room = batch_room(count);
        op->slice_places =
            ky_arena_alloc(op->exec->context->arena, op->slice_room * sizeof(uint16_t));
    }
    for (uint32_t i = 0; i < count; i++) {
        op->slice_places[i] = (uint16_t)batch_place(whole, op->whole_next + i);
    }
    op->slice = *whole;
    op->slice.count = count;
    op->slice.selection = op->slice_places;
    op->whole_next += count;
    op->whole = count == left ? NULL : op->whole;
    return &op->slice;
}

static enum exec_answer
next_input(struct op *op, struct batch **input_out, struct ky_error *err)
{
    if (op->waiting_input != NULL) {
        *input_out = op->waiting_input;
        return EXEC_BATCH;
    }
    if (KY_LIKELY(op->whole == NULL)) {
        if (!op->is_pending && !op->is_holding && op->memory.blocks != NULL) {
            ky_arena_reset(&op->memory);
        }
        const enum exec_answer answer = op->class->next(op, input_out, err);
        op->is_pending = answer == EXEC_PENDING;
        if (answer != EXEC_BATCH || op->wanted == 0 || (*input_out)->count <= op->wanted) {
            return answer;
        }
        op->whole = *input_out;
        op->whole_next = 0;
    }
    *input_out = next_slice(op);
    return EXEC_BATCH;
}

static enum exec_answer
run(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    for (;;) {
        if (KY_UNLIKELY(exec_check_cancel(op->exec, err) != KY_OK)) {
            return EXEC_ERROR;
        }
        struct batch *input = NULL;
        const enum exec_answer answer = next_input(op, &input, err);
        if (answer != EXEC_BATCH) {
            return answer;
        }
        bool has_rows = false;
        bool is_waiting = false;
        if (finish_waiting(op, input, &has_rows, &is_waiting, err) != KY_OK) {
            return EXEC_ERROR;
        }
        if (is_waiting) {
            return EXEC_PENDING;
        }
        if (has_rows) {
            *batch_out = &op->out;
            return EXEC_BATCH;
        }
        if (op->filter != NULL && !op->class->is_filtering && op->wanted < BATCH_SIZE_MAX) {
            op->wanted *= 2; /* a filter that few rows pass is not asked one by one */
        }
    }
}

enum exec_answer
op_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct explain_actual *actual = op->actual;
    if (KY_LIKELY(actual == NULL)) {
        return run(op, batch_out, err);
    }
    const int64_t start = ky_monotonic_ns();
    const enum exec_answer answer = run(op, batch_out, err);
    actual->total_ms += (double)(ky_monotonic_ns() - start) / 1e6;
    if (actual->loops == 0) {
        actual->loops = 1;
    }
    if (answer == EXEC_BATCH) {
        if (actual->rows == 0) {
            actual->startup_ms = actual->total_ms;
        }
        actual->rows += (*batch_out)->count;
    }
    return answer;
}

ky_status
op_rescan(struct op *op, struct ky_error *err)
{
    op->is_pending = false;
    op->waiting_input = NULL;
    op->whole = NULL;
    if (op->actual != NULL && op->actual->loops > 0) {
        op->actual->loops++;
    }
    return op->class->rescan(op, err);
}

static bool
is_modifying(const struct plan *plan)
{
    return plan->kind == PLAN_INSERT || plan->kind == PLAN_UPDATE || plan->kind == PLAN_DELETE ||
           plan->kind == PLAN_MERGE;
}

static void
exec_init(struct exec *exec, struct exec_context *context, const struct statement_plan *plan)
{
    exec->context = context;
    exec->plan = plan;
    if (plan->outer_slot_count > 0) {
        exec->slots = ky_arena_array(context->arena, struct datum, plan->outer_slot_count);
        for (uint32_t i = 0; i < plan->outer_slot_count; i++) {
            exec->slots[i] = datum_null();
        }
    }
    exec->uses_words = (plan->outer_slot_count + plan->cte_count + 63) / 64;
    if (plan->cte_count > 0) {
        exec->ctes = ky_arena_array(context->arena, struct exec_cte, plan->cte_count);
        exec->work_tables = ky_arena_array(context->arena, struct store *, plan->cte_count);
    }
}

static ky_status
open_all(struct exec *exec, struct ky_error *err)
{
    const struct statement_plan *plan = exec->plan;
    for (uint16_t i = 0; i < plan->cte_count; i++) {
        if (plan->ctes[i] == NULL) {
            continue;
        }
        store_init(&exec->ctes[i].rows, plan->ctes[i]->output, plan->ctes[i]->output_count,
                   exec->context->budget);
        exec->ctes[i].is_ready = true;
        KY_TRY(op_open(exec, plan->ctes[i], &exec->ctes[i].op, err));
    }
    return op_open(exec, plan->root, &exec->root, err);
}

ky_status
exec_open(struct exec_context *context, const struct statement_plan *plan, struct exec **exec_out,
          struct ky_error *err)
{
    if (plan->unpopulated != NULL) {
        (void)ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "materialized view \"%s\" has not been populated",
                           plan->unpopulated->name);
        return ky_error_hint(err, "Use the REFRESH MATERIALIZED VIEW command.");
    }
    struct exec *exec = ky_arena_new(context->arena, struct exec);
    exec_init(exec, context, plan);
    if (open_all(exec, err) != KY_OK) {
        exec_close(exec);
        return KY_ERR;
    }
    *exec_out = exec;
    return KY_OK;
}

/* Data-modifying CTEs run to their end whether or not anyone reads them. */
static enum exec_answer
run_modifying_ctes(struct exec *exec, struct ky_error *err)
{
    for (; exec->ctes_run < exec->plan->cte_count; exec->ctes_run++) {
        struct exec_cte *cte = &exec->ctes[exec->ctes_run];
        if (cte->op == NULL || !is_modifying(cte->op->plan)) {
            continue;
        }
        while (!cte->is_done) {
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
    }
    return EXEC_END;
}

enum exec_answer
exec_next(struct exec *exec, struct batch **batch_out, struct ky_error *err)
{
    struct exec_context *context = exec->context;
    const bool was_yield = context->is_yield;
    context->is_yield = false;
    if (!was_yield && exec_should_yield(exec)) {
        return EXEC_PENDING;
    }
    if (exec->ctes_run < exec->plan->cte_count) {
        const enum exec_answer answer = run_modifying_ctes(exec, err);
        if (answer != EXEC_END) {
            return answer;
        }
    }
    exec->root->wanted = context->wanted;
    return op_next(exec->root, batch_out, err);
}

uint64_t
exec_rows_changed(const struct exec *exec)
{
    return exec->rows_changed;
}

static void
close_ops(struct exec *exec)
{
    for (struct op *op = exec->ops; op != NULL; op = op->older) {
        if (op->class->close != NULL) {
            op->class->close(op);
        }
        ky_arena_deinit(&op->memory);
    }
}

bool
exec_rest(struct exec *exec)
{
    if (exec->plan->cte_count > 0 || exec->plan->outer_slot_count > 0 || exec->runs_once ||
        exec->context->is_instrumented) {
        return false;
    }
    for (const struct op *op = exec->ops; op != NULL; op = op->older) {
        if (op->class->renew == NULL) {
            return false;
        }
    }
    close_ops(exec);
    return true;
}

void
exec_again(struct exec *exec)
{
    exec->rows_changed = 0;
    exec->wait = (struct func_wait){0};
    eval_renew_all(exec);
    for (struct op *op = exec->ops; op != NULL; op = op->older) {
        op->is_pending = op->is_holding = false;
        op->waiting_input = op->whole = NULL;
        op->wanted = 0;
        op->class->renew(op);
    }
}

const struct statement_plan *
exec_plan(const struct exec *exec)
{
    return exec->plan;
}

void
exec_close(struct exec *exec)
{
    if (exec == NULL) {
        return;
    }
    close_ops(exec);
    exec->ops = NULL;
    for (uint16_t i = 0; exec->ctes != NULL && i < exec->plan->cte_count; i++) {
        store_deinit(&exec->ctes[i].rows);
    }
}

const struct explain_actual *
exec_actual(void *exec_pointer, const struct plan *node)
{
    const struct exec *exec = exec_pointer;
    for (const struct op *op = exec->ops; op != NULL; op = op->older) {
        if (op->plan == node && op->actual != NULL) {
            return op->actual;
        }
    }
    return NULL;
}

void
exec_init_plain(struct exec *exec, struct exec_context *context)
{
    static const struct statement_plan no_plan = {.root = NULL};
    exec_init(exec, context, &no_plan);
    exec->nested = 1;
}

ky_status
exec_eval_once(struct exec_context *context, const struct expr *expr, struct datum *out,
               struct ky_error *err)
{
    struct exec exec = {0};
    exec_init_plain(&exec, context);
    struct eval *eval = NULL;
    const struct eval_input input = {NULL, 0, context->arena};
    ky_status status = eval_compile(&exec, expr, &eval, err);
    if (status == KY_OK) {
        status = eval_datum(eval, &input, 0, out, err);
    }
    if (status == KY_OK && exec.ops != NULL) {
        *out = datum_copy(expr->type, *out, context->arena);
    }
    exec_close(&exec);
    return status;
}
