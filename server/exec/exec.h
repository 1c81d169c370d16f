/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/access/access.h"
#include "server/base/budget.h"
#include "server/sql/plan/plan.h"

/*
 * Runs a plan: a pull tree of operators, each a resumable state machine on the heap. next()
 * answers a batch, the end, PENDING (something must happen first; call again after the
 * wake) or an error. Nothing is held across PENDING: no lock, no epoch, no C stack.
 */
struct after_queue;
enum exec_answer { EXEC_BATCH, EXEC_END, EXEC_PENDING, EXEC_RESTART, EXEC_ERROR };

/* How searches of vector indexes are done unless the statement says so itself. */
struct exec_vector_settings {
    uint32_t ef;         /* hnsw.ef_search, or kyro.ef_search */
    bool is_ef_set;      /* by somebody: then it is stronger than target_recall */
    float target_recall; /* kyro.target_recall; 0: off */
    uint32_t probes;     /* ivfflat.probes */
    bool gives_nulls;    /* rows without a vector come last; else they do not come */
};
enum { EXEC_VECTOR_EF_MAX = 1000000, EXEC_VECTOR_PROBES_ALL = 100 };
#define EXEC_VECTOR_RECALL_DEFAULT 0.95F

/* Shared by all operators of one running statement; the session fills it in. */
struct exec_context {
    struct access *access;
    struct access_txn *txn;
    struct func_env env;      /* env.types.arena: replaced by the operator with its batch arena */
    struct ky_arena *arena;   /* of the statement: operator state */
    struct ky_budget *budget; /* work memory: 53200 */
    uint64_t work_mem;        /* bytes before an operator spills */
    const char *temp_dir;
    const struct datum *params; /* $1.. */
    uint16_t param_count;
    /* Rows in place of those of the plan's VALUES, which has one, or of its one row without
     * columns; a COPY's. NULL: none. */
    struct batch *given;
    struct lock_waiter *waiter;
    const _Atomic int *cancel; /* non-zero: 57014, looked at once per batch */
    const struct cat_image *image;
    struct after_queue *after; /* where changes of watched tables are noted; NULL: nowhere */
    void *session;             /* for sysviews and current_row */
    oid_t role;                /* likewise: whose rights count; OID_NONE: nobody's */
    /* WHERE CURRENT OF: the row of a table that a cursor of the session is on, ROW_ID_NONE when the
     * cursor's row has none of that table. 34000, 24000. NULL: there are no cursors. */
    ky_status (*current_row)(void *session, const char *cursor, const struct cat_table *table,
                             row_id_t *row_id_out, struct ky_error *err);
    /* READ COMMITTED: the statement runs again. Rows are locked only if first_view saw them. */
    bool is_again;
    struct txn_view first_view;
    uint32_t wanted; /* rows that are enough from the next exec_next; 0: as many as it likes */
    int64_t quantum_end_ns; /* monotonic; past it PENDING is answered between batches with
                             * is_yield set; 0: never */
    bool is_yield;          /* out: PENDING means "requeue me", nothing else is awaited */
    bool is_instrumented;   /* EXPLAIN ANALYZE */
    struct exec_vector_settings vector;
};

struct exec;
/* Prepares to run; state in context->arena. */
KY_MUST_CHECK ky_status exec_open(struct exec_context *context, const struct statement_plan *plan,
                                  struct exec **exec_out, struct ky_error *err);
/* EXEC_RESTART: READ COMMITTED saw a row that moved on. Roll back to the statement's savepoint
 * keeping locks, take a new snapshot, close, open and run again. Only before the first batch of a
 * modifying plan was given out: modifying plans with RETURNING collect their rows first. The batch
 * is valid until the next call. */
enum exec_answer exec_next(struct exec *exec, struct batch **batch_out, struct ky_error *err);
/* Rows changed (INSERT, UPDATE, DELETE). */
uint64_t exec_rows_changed(const struct exec *exec);
/*
 * Where the rows that are given out come from: the tables that are locked for them, or if none is,
 * those whose scan gives them out as they are, through nothing but conditions, LIMIT and UNION ALL.
 */
struct exec_origin {
    const struct cat_table *table;
    bool is_locked;
    const struct op *op; /* exec's own */
    uint16_t place;      /* likewise */
};
enum { EXEC_ORIGINS_MAX = 64 };
/* Up to EXEC_ORIGINS_MAX of them; the order is the plan's, whenever it is asked. */
uint16_t exec_origins(const struct exec *exec, struct exec_origin *origins_out);
/* It locks what it gives out, known by exec_origins, and may answer EXEC_RESTART later on. */
bool exec_may_restart(const struct exec *exec);
/* The row at a place of the last batch that exec_next gave out; ROW_ID_NONE: it has none there. */
row_id_t exec_origin_row(const struct exec_origin *origin, uint32_t place);
void exec_close(struct exec *exec);
/* In place of exec_close, after EXEC_END: it holds nothing but its arena from now on, and can run
 * again. False: this plan cannot, and nothing was done. */
bool exec_rest(struct exec *exec);
/* As exec_open with the same context, plan and number of parameters, for one that rests. */
void exec_again(struct exec *exec);
const struct statement_plan *exec_plan(const struct exec *exec);
/* An explain_lookup; arg is the struct exec. */
const struct explain_actual *exec_actual(void *arg, const struct plan *node);

/* Evaluates one expression without input: LIMIT, defaults, EXECUTE's arguments, SET. */
KY_MUST_CHECK ky_status exec_eval_once(struct exec_context *context, const struct expr *expr,
                                       struct datum *out, struct ky_error *err);
