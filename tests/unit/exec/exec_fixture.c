/* SPDX-License-Identifier: Apache-2.0 */
#include "exec_fixture.h"

#include <stdlib.h>

void
fixture_init(struct fixture *f)
{
    *f = (struct fixture){.pending_count = 0};
    ky_arena_init(&f->arena);
    ky_budget_init(&f->budget, "work memory", 0, NULL);
    type_context_init(&f->context.env.types, &f->arena);
    f->context.arena = &f->arena;
    f->context.budget = &f->budget;
    ky_error_init(&f->err);
}

void
fixture_deinit(struct fixture *f)
{
    KY_ASSERT(f->budget.used == 0);
    ky_arena_deinit(&f->arena);
}

struct expr *
node(struct fixture *f, enum expr_kind kind, oid_t type, struct expr **args, uint16_t count)
{
    struct expr *expr = ky_arena_new(&f->arena, struct expr);
    expr->kind = kind;
    expr->type = type_get(type);
    expr->typmod = -1;
    expr->args = args;
    expr->arg_count = count;
    return expr;
}

struct expr *
input(struct fixture *f, uint32_t index, oid_t type)
{
    struct expr *expr = node(f, EXPR_INPUT, type, NULL, 0);
    expr->index = index;
    return expr;
}

struct expr *
outer(struct fixture *f, uint32_t slot, oid_t type)
{
    struct expr *expr = node(f, EXPR_OUTER, type, NULL, 0);
    expr->index = slot;
    return expr;
}

struct expr *
int4(struct fixture *f, int64_t value)
{
    struct expr *expr = node(f, EXPR_CONST, OID_INT4, NULL, 0);
    expr->value = datum_word(value);
    return expr;
}

struct expr *
null4(struct fixture *f)
{
    struct expr *expr = node(f, EXPR_CONST, OID_INT4, NULL, 0);
    expr->value = datum_null();
    return expr;
}

struct expr **
exprs(struct fixture *f, int count, ...)
{
    struct expr **list = ky_arena_array(&f->arena, struct expr *, (size_t)count + 1);
    va_list args;
    va_start(args, count);
    for (int i = 0; i < count; i++) {
        list[i] = va_arg(args, struct expr *);
    }
    va_end(args);
    return list;
}

struct expr *
binary(struct fixture *f, const char *name, struct expr *a, struct expr *b)
{
    const struct operator* found = operator_exact(ky_slice_cstr(name), a->type->oid, b->type->oid);
    KY_ASSERT(found != NULL);
    struct expr *expr = node(f, EXPR_FUNC, found->result, exprs(f, 2, a, b), 2);
    expr->func = found->function;
    expr->op = found;
    return expr;
}

const struct func *
function(const char *name, int arg_count, oid_t first)
{
    size_t count = 0;
    const struct func *const *all = func_candidates(ky_slice_cstr(name), &count);
    for (size_t i = 0; i < count; i++) {
        if (all[i]->arg_count == arg_count &&
            (arg_count == 0 || first == OID_NONE || all[i]->args[0] == first)) {
            return all[i];
        }
    }
    KY_UNREACHABLE();
}

struct plan *
plan_new(struct fixture *f, enum plan_kind kind, struct plan *left, struct plan *right,
         uint16_t width)
{
    struct plan *plan = ky_arena_new(&f->arena, struct plan);
    plan->kind = kind;
    plan->left = left;
    plan->right = right;
    plan->output_count = width;
    plan->output = ky_arena_array(&f->arena, const struct type *, width + 1);
    for (uint16_t i = 0; i < width; i++) {
        const uint16_t left_width = left == NULL ? 0 : left->output_count;
        plan->output[i] = i < left_width  ? left->output[i]
                          : right != NULL ? right->output[i - left_width]
                                          : type_get(OID_INT4);
    }
    return plan;
}

void
project(struct fixture *f, struct plan *plan, struct expr **list, uint16_t count)
{
    plan->project = list;
    plan->output_count = count;
    plan->output = ky_arena_array(&f->arena, const struct type *, count + 1);
    for (uint16_t i = 0; i < count; i++) {
        plan->output[i] = list[i]->type;
    }
}

struct plan *
series(struct fixture *f, struct expr *from, struct expr *to)
{
    struct plan *plan = plan_new(f, PLAN_FUNCTION_SCAN, NULL, NULL, 1);
    struct expr *call = node(f, EXPR_SET, OID_INT4, exprs(f, 2, from, to), 2);
    call->func = function("generate_series", 2, OID_INT4);
    plan->function.functions = exprs(f, 1, call);
    plan->function.function_count = 1;
    return plan;
}

struct plan *
values(struct fixture *f, const int64_t *cells, uint32_t rows, uint16_t width)
{
    struct plan *plan = plan_new(f, PLAN_VALUES_SCAN, NULL, NULL, width);
    plan->values.row_count = rows;
    plan->values.rows = ky_arena_array(&f->arena, struct expr **, rows + 1);
    for (uint32_t r = 0; r < rows; r++) {
        plan->values.rows[r] = ky_arena_array(&f->arena, struct expr *, width + 1);
        for (uint16_t c = 0; c < width; c++) {
            const int64_t value = cells[r * width + c];
            plan->values.rows[r][c] = value == INT64_MIN ? null4(f) : int4(f, value);
        }
    }
    return plan;
}

/* The suspending source: an operator's class with another next(). */
enum { SUSPENDED_MAX = 64 };
static struct {
    struct op *op;
    struct op_class class;
    const struct op_class *original;
    bool is_turn;
} suspended[SUSPENDED_MAX];
static int suspended_count;

static enum exec_answer
suspended_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    for (int i = 0; i < suspended_count; i++) {
        if (suspended[i].op == op) {
            suspended[i].is_turn = !suspended[i].is_turn;
            return suspended[i].is_turn ? EXEC_PENDING
                                        : suspended[i].original->next(op, batch_out, err);
        }
    }
    KY_UNREACHABLE();
}

void
suspend_sources(struct exec *exec)
{
    suspended_count = 0;
    for (struct op *op = exec->ops; op != NULL; op = op->older) {
        if (op->plan != NULL &&
            (op->plan->kind == PLAN_FUNCTION_SCAN || op->plan->kind == PLAN_VALUES_SCAN)) {
            KY_ASSERT(suspended_count < SUSPENDED_MAX);
            const int i = suspended_count++;
            suspended[i].op = op;
            suspended[i].original = op->class;
            suspended[i].class = *op->class;
            suspended[i].class.next = suspended_next;
            suspended[i].is_turn = false;
            op->class = &suspended[i].class;
        }
    }
}

static void
print_rows(struct fixture *f, const struct batch *batch, struct ky_buffer *out)
{
    struct ky_arena scratch;
    struct type_context types = f->context.env.types;
    ky_arena_init(&scratch);
    types.arena = &scratch;
    for (uint32_t row = 0; row < batch->count; row++) {
        for (uint32_t c = 0; c < batch->column_count; c++) {
            const struct type *type = batch->columns[c].type;
            const struct datum value = column_get(&batch->columns[c], batch_place(batch, row));
            if (c > 0) {
                ky_buffer_append_byte(out, ' ');
            }
            if (value.is_null) {
                ky_buffer_append_cstr(out, "null");
            } else {
                type->output(type, &types, value, out);
            }
        }
        ky_buffer_append_byte(out, '|');
    }
    ky_arena_deinit(&scratch);
}

const char *
run(struct fixture *f, struct plan *plan)
{
    struct exec *exec = NULL;
    struct ky_buffer text = {0};
    f->statement.root = plan;
    f->pending_count = 0;
    ky_error_init(&f->err);
    enum exec_answer answer = EXEC_ERROR;
    if (exec_open(&f->context, &f->statement, &exec, &f->err) == KY_OK) {
        if (f->is_suspending) {
            suspend_sources(exec);
        }
        struct batch *batch = NULL;
        do {
            answer = exec_next(exec, &batch, &f->err);
            if (answer == EXEC_BATCH) {
                print_rows(f, batch, &text);
            }
            f->pending_count += answer == EXEC_PENDING;
        } while (answer == EXEC_BATCH || answer == EXEC_PENDING);
        exec_close(exec);
    }
    if (answer != EXEC_END) {
        ky_buffer_clear(&text);
        ky_buffer_printf(&text, "ERROR %s", ky_sqlstate_code(f->err.sqlstate));
    }
    const char *out = ky_arena_cstr(&f->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return out;
}

static int
compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *
run_sorted(struct fixture *f, struct plan *plan)
{
    char *text = ky_arena_strdup(&f->arena, run(f, plan));
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at++) {
        count += *at == '|';
    }
    char **lines = ky_arena_array(&f->arena, char *, count + 1);
    size_t filled = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "|", &rest); line != NULL && filled < count;
         line = strtok_r(NULL, "|", &rest)) {
        lines[filled++] = line;
    }
    qsort(lines, filled, sizeof(char *), compare_lines);
    struct ky_buffer out = {0};
    for (size_t i = 0; i < filled; i++) {
        ky_buffer_printf(&out, "%s|", lines[i]);
    }
    const char *sorted = ky_arena_cstr(&f->arena, ky_buffer_slice(&out));
    ky_buffer_deinit(&out);
    return sorted;
}
