/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/assert.h"
#include "server/exec/eval/eval.h"
#include "server/exec/exec.h"
#include "server/exec/op/store.h"

/*
 * The inside of the executor. An operator is a small state machine on the statement's arena:
 * op_next() runs it until it has a batch of its node's input, then filters and projects.
 * Whatever an operator answers, it can be called again and goes on where it was.
 */
struct op;

/* One kind of operator. */
struct op_class {
    size_t size; /* of the struct that begins with struct op */
    ky_status (*open)(struct op *op, struct ky_error *err);
    /* A batch of the node's input (see plan.h); may be empty. */
    enum exec_answer (*next)(struct op *op, struct batch **batch_out, struct ky_error *err);
    /* Starts over: slots or work tables may have changed. */
    ky_status (*rescan)(struct op *op, struct ky_error *err);
    void (*close)(struct op *op); /* NULL: nothing outside the arena */
    /* After close: back to how open left it, for another run (exec_again). NULL: cannot. */
    void (*renew)(struct op *op);
    /* The stored row at a place of the last batch; `index`: which one, of those that were locked.
     * NULL: its rows are made of others. */
    row_id_t (*row_id)(const struct op *op, uint16_t index, uint32_t place);
    bool is_filtering;  /* plan->filter is applied by next() */
    bool is_projecting; /* plan->project too */
};

struct op {
    const struct op_class *class;
    struct exec *exec;
    const struct plan *plan;
    struct op *left, *right;
    struct op *older;       /* chain of all operators */
    struct ky_arena memory; /* of one batch: emptied before each next() unless that was pending */
    uint64_t *uses;         /* slots and work tables that this subtree depends on, a bit each */
    struct eval *filter;    /* NULL: none */
    struct eval **project;  /* NULL: the input is the output */
    struct batch out;
    uint16_t *selection;
    uint32_t selection_capacity;
    /* Rows that are enough for the next batch; 0: any number. Who calls op_next sets it before, or
     * leaves it at 0. Input beyond them may have been read, but is not evaluated, nor locked. */
    uint64_t wanted;
    struct batch *whole; /* of the input, with rows from whole_next on left; or NULL */
    uint32_t whole_next;
    struct batch slice;
    uint16_t *slice_places;
    uint32_t slice_room;
    bool is_holding;               /* memory is still in use by next() */
    bool is_pending;               /* the last answer of next() */
    struct batch *waiting_input;   /* a function waits in filter or projection of it */
    struct explain_actual *actual; /* NULL unless instrumented */
};

/* A common table expression: filled by whoever reads first, as far as it is read. */
struct exec_cte {
    struct op *op; /* opened by the first reader; NULL before */
    struct store rows;
    bool is_ready;
    bool is_done;
};

struct exec {
    struct exec_context *context;
    const struct statement_plan *plan;
    struct op *root;
    struct op *ops;
    struct eval *evals;  /* chain of all */
    bool runs_once;      /* something in it cannot be renewed */
    struct datum *slots; /* execution parameters; bytes belong to whoever set them */
    uint64_t *collect;   /* where eval_compile notes the slots it sees */
    uint32_t uses_words;
    struct func_wait wait;
    uint32_t nested; /* > 0: inside a subquery of an expression, where nothing may yield */
    struct exec_cte *ctes;
    struct store **work_tables; /* by cte, of recursive unions */
    uint16_t ctes_run;          /* data-modifying ones are run before the root */
    uint64_t rows_changed;
};

/* For expressions without a plan; exec is zeroed. */
void exec_init_plain(struct exec *exec, struct exec_context *context);
KY_MUST_CHECK ky_status op_open(struct exec *exec, const struct plan *plan, struct op **op_out,
                                struct ky_error *err);
/* Run by a class that is not the node kind's own. */
KY_MUST_CHECK ky_status op_open_as(struct exec *exec, const struct plan *plan,
                                   const struct op_class *class, struct op **op_out,
                                   struct ky_error *err);
/* Never answers an empty batch. */
enum exec_answer op_next(struct op *op, struct batch **batch_out, struct ky_error *err);
KY_MUST_CHECK ky_status op_rescan(struct op *op, struct ky_error *err);
/* Is everything below the same on a rescan? */
bool op_is_steady(const struct op *op);
/* Opens plan->left and plan->right. */
KY_MUST_CHECK ky_status op_open_children(struct op *op, struct ky_error *err);
/* Room for capacity places in op->selection. */
uint16_t *op_selection(struct op *op, uint32_t capacity);
/* 57014. */
KY_MUST_CHECK ky_status exec_check_cancel(struct exec *exec, struct ky_error *err);
/* True past the quantum: the operator answers EXEC_PENDING, its place kept. Loops that eat whole
 * inputs ask once per batch. */
bool exec_should_yield(struct exec *exec);
KY_MUST_CHECK ky_status exec_compile_list(struct exec *exec, struct expr *const *exprs,
                                          uint16_t count, struct eval ***out, struct ky_error *err);
struct eval_input op_input(struct op *op, const struct batch *batch);

/* Sets and clears bits of op->uses. */
static inline void
uses_set(uint64_t *uses, uint32_t bit)
{
    uses[bit / 64] |= UINT64_C(1) << (bit % 64);
}
static inline void
uses_clear(uint64_t *uses, uint32_t bit)
{
    uses[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}
/* The bit of a work table, after those of the slots. */
static inline uint32_t
uses_work_table(const struct exec *exec, uint32_t cte)
{
    return exec->plan->outer_slot_count + cte;
}

/* Places of a batch that arrays by place must have room for. */
static inline uint32_t
batch_extent(const struct batch *batch)
{
    if (batch->count == 0 || batch->selection == NULL) {
        return batch->count;
    }
    return (uint32_t)batch->selection[batch->count - 1] + 1;
}

/* Few sizes, so that growing stops soon: one row, some, a full batch. */
static inline uint32_t
batch_room(uint32_t extent)
{
    return extent <= 1 ? 1 : extent <= 64 ? 64 : BATCH_SIZE_MAX;
}

/* Copies bytes into arena; words as they are. */
static inline struct datum
datum_copy(const struct type *type, struct datum value, struct ky_arena *arena)
{
    if (!value.is_null && type->storage == TYPE_BYTES) {
        value.bytes = ky_slice_dup(arena, value.bytes);
    }
    return value;
}

/* Equality as grouping and joins see it: nulls are equal to each other. */
static inline bool
datum_same(const struct type *type, struct datum a, struct datum b)
{
    if (a.is_null || b.is_null) {
        return a.is_null && b.is_null;
    }
    return type->storage == TYPE_WORD ? a.word == b.word : type->compare(type, a, b) == 0;
}

extern const struct op_class op_result, op_seq_scan, op_sample_scan, op_index_scan, op_bitmap_scan,
    op_bitmap_index, op_sysview_scan, op_vector_scan, op_function_scan, op_values_scan, op_cte_scan,
    op_work_table_scan, op_recursive_union, op_nested_loop, op_lookup_join, op_hash_join,
    op_materialize, op_sort, op_limit, op_aggregate, op_unique, op_append, op_set_operation,
    op_project_set, op_window, op_lock_rows, op_insert, op_update, op_delete, op_merge,
    op_current_of;
/* Is this nested loop one of lookups of whole keys? */
bool lookup_join_serves(const struct plan *join);
/* The child of an Append that the last batch came from; children_out: all of them. */
const struct op *append_current(const struct op *op, struct op *const **children_out);
