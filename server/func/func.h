/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/types/batch.h"

/*
 * Built-in functions, operators and aggregates, found by name as in pg_proc and
 * pg_operator, with PostgreSQL's OIDs for what PostgreSQL has.
 */
enum {
    FUNC_ARGS_MAX = 100,
    FUNC_VALUE_SIZE_MAX = 0x3fffffff, /* of a value that a function makes, as in PostgreSQL */
    OID_FUNC_EXPANDARRAY = 13900,
};

/**
 * What a function may know of the session it runs in. func/ knows no catalog: functions that need
 * one are registered by the floor that has it, and find their session through self.
 */
struct func_wait;
struct func_shape;
/* How values of ORDER BY lie, for aggregates that compare with them. */
struct func_order {
    bool is_descending;
    bool is_nulls_first;
};
struct func_env {
    struct type_context types; /* arena: the batch's results */
    struct func_wait *wait;    /* NULL: a call may not wait */
    const _Atomic int *cancel; /* non-zero: 57014; NULL: nobody can */
    size_t size_max;           /* of the result; 0: FUNC_VALUE_SIZE_MAX */
    void *self;
    int64_t transaction_start_us; /* since 2000-01-01 UTC: now() */
    int64_t statement_start_us;
    /* About the call, set by the caller where it can. Functions of polymorphic or "any" arguments
     * (array_append, to_json, concat, array_agg) need arg_types; NULL: as the function declares. */
    const struct type *const *arg_types;
    const struct type *result_type;
    const struct func_shape *shape; /* of set functions without columns of their own */
    bool has_variadic_array; /* called as f(VARIADIC array): the last argument is that array */
    /* The session's generator of random(), two words; both 0: not seeded yet. NULL: each call draws
     * afresh. */
    uint64_t *random;
    const struct func_order *order; /* of an ordered aggregate call, by its keys; NULL: none */
};

/* 57014. Whoever works long over one value asks now and then. */
KY_MUST_CHECK ky_status func_check_cancel(const struct func_env *env, struct ky_error *err);
static inline size_t
func_size_max(const struct func_env *env)
{
    return env->size_max == 0 ? FUNC_VALUE_SIZE_MAX : env->size_max;
}
/* 54000 for a value that is longer than it may be. */
KY_MUST_CHECK ky_status func_check_size(const struct func_env *env, size_t size,
                                        struct ky_error *err);
/* The same for a result. */
static inline ky_status
func_check_result(const struct func_env *env, const struct type *type, const struct datum *value,
                  struct ky_error *err)
{
    return type != NULL && type->storage == TYPE_BYTES && !value->is_null
               ? func_check_size(env, value->bytes.size, err)
               : KY_OK;
}

/**
 * How a scalar function waits without holding a thread. It queues itself with whoever will wake the
 * statement, sets is_pending and returns KY_ERR (err is ignored); after the wake the whole batch is
 * evaluated again. So each call that has an effect counts itself in `calls`; the first `done` ones
 * were made already and only answer.
 */
struct func_wait {
    uint32_t calls;
    uint32_t done;
    bool is_pending;
};

/* Catalog-dependent functions are declared here and implemented by the floor that knows. */
typedef ky_status (*func_scalar)(struct func_env *env, const struct datum *args, int arg_count,
                                 struct datum *out, struct ky_error *err);
/* Whole columns at once: places are 0..count-1 of selection (NULL: all). Nulls of strict functions
 * were handled: lanes with a null argument are already null in out and absent from selection. */
typedef ky_status (*func_kernel)(struct func_env *env, const struct column *args, int arg_count,
                                 const uint16_t *selection, uint32_t count, struct column *out,
                                 struct ky_error *err);

/* The columns that a call's column definition list gives: f() AS x(a int, b text). */
struct func_shape {
    uint16_t count;
    const char *const *names;
    const struct type *const *types;
    const int32_t *typmods;
};

/* Set-returning functions produce rows of one or more columns. One that is no set (is_set is not
 * set) gives one row, for nulls too: it sees them even when it is strict. */
struct func_rows; /* the function's state, in the arena */
struct func_set {
    /* Starts a call; the state goes to *rows_out. */
    ky_status (*open)(struct func_env *env, const struct datum *args, int arg_count,
                      struct func_rows **rows_out, struct ky_error *err);
    /* Next row into values (column_count of them); *has_row_out false at the end. */
    ky_status (*next)(struct func_env *env, struct func_rows *rows, struct datum *values,
                      bool *has_row_out, struct ky_error *err);
    int column_count; /* 1: a plain value; more: OUT columns; 0: env->shape has them */
    const char *const *column_names;
    const oid_t *column_types; /* OID_ANYELEMENT resolves as the result type does */
};

/* Aggregates. A state is state_size zeroed bytes plus what it allocates in the arena given. */
struct func_aggregate {
    size_t state_size;
    ky_status (*add)(struct func_env *env, void *state, const struct datum *args, int arg_count,
                     struct ky_error *err);
    /* Many values for one state; NULL: add() is called for each. */
    ky_status (*add_column)(struct func_env *env, void *state, const struct column *args,
                            int arg_count, const uint16_t *selection, uint32_t count,
                            struct ky_error *err);
    ky_status (*finish)(struct func_env *env, const void *state, struct datum *out,
                        struct ky_error *err);
    /* Adds what other saw (parallel, spilled partitions); NULL: cannot. */
    ky_status (*combine)(struct func_env *env, void *state, const void *other,
                         struct ky_error *err);
    bool skips_nulls;       /* rows with a null argument do not reach add() */
    bool is_memory_growing; /* the state grows with the rows: array_agg, string_agg */
    bool is_ordered_set;    /* called WITHIN GROUP (ORDER BY ...) */
    bool is_hypothetical;   /* and its arguments before are a row of that order */
    uint8_t direct_count;   /* of an ordered set: the arguments before WITHIN GROUP */
};

/* Window functions proper (row_number, rank, lag ...): the executor knows them by this. */
enum func_window {
    WINDOW_NONE,
    WINDOW_ROW_NUMBER,
    WINDOW_RANK,
    WINDOW_DENSE_RANK,
    WINDOW_PERCENT_RANK,
    WINDOW_CUME_DIST,
    WINDOW_NTILE,
    WINDOW_LAG,
    WINDOW_LEAD,
    WINDOW_FIRST_VALUE,
    WINDOW_LAST_VALUE,
    WINDOW_NTH_VALUE,
};

enum func_kind { FUNC_SCALAR = 'f', FUNC_AGGREGATE = 'a', FUNC_WINDOW = 'w' };

struct func {
    oid_t oid;
    const char *name;
    oid_t result; /* may be a pseudo-type: anyelement, anyarray ... */
    uint8_t arg_count;
    /* Trailing arguments that may be left out. Then they are default_word (of by-value types; zero
     * serves floats too), or null when the function is not strict. */
    uint8_t default_count;
    int8_t default_word;
    /* What they are where a word does not say it: "true", "NFC" ..., one for each. NULL: as above.
     */
    const char *const *default_texts;
    const oid_t *args;
    const char *const *arg_names; /* for name => value; NULL: there are none */
    bool is_variadic;             /* the last argument repeats; args has its array type, or "any" */
    oid_t variadic_element;
    bool is_strict;  /* null in, null out */
    bool can_grow;   /* makes much of little, or works long on it: nothing for a loop's thread */
    char volatility; /* i, s, v */
    enum func_kind kind;
    bool is_set;
    bool is_one_row;    /* a set of one record always: PostgreSQL does not call it a set */
    func_scalar scalar; /* one row at a time; always set for scalar functions */
    func_kernel kernel; /* may be NULL */
    const struct func_set *set;
    const struct func_aggregate *aggregate;
    enum func_window window;
};

struct operator
{
    oid_t oid;
    const char *name;
    oid_t left; /* 0: prefix operator */
    oid_t right;
    oid_t result;
    const struct func *function;
    oid_t commutator; /* 0: none */
    oid_t negator;
    char strategy;    /* btree: 1 <, 2 <=, 3 =, 4 >=, 5 >; 0 else */
    bool is_hashable; /* = on types with hash */
};

/* All functions of a name, one after another; count 0 when there is none. Sorted tables. */
const struct func *const *func_candidates(struct ky_slice name, size_t *count_out);
const struct func *func_find(oid_t oid);
const struct func *const *func_all(size_t *count_out);
/* Is this one of those that PostgreSQL has in information_schema? */
static inline bool
func_is_of_information_schema(const struct func *func)
{
    return func->oid == OID_FUNC_EXPANDARRAY;
}
/* The type of a set function's column; first_arg is its first argument's, for polymorphic ones
 * (NULL: it has none). NULL: not known. */
const struct type *func_set_type(const struct func_set *set, int column,
                                 const struct type *first_arg);
const struct operator* const * operator_candidates(struct ky_slice name, size_t *count_out);
const struct operator* operator_find(oid_t oid);
/* The operator of exactly these operand types, or NULL; of an enum those of anyenum. */
const struct operator* operator_exact(struct ky_slice name, oid_t left, oid_t right);
const struct operator* const * operator_all(size_t *count_out);

/* Upper floors add theirs (catalog-dependent functions) at start, before any thread runs. */
void func_register(const struct func *funcs, size_t count);

/* Runs a scalar function on one row, with strictness. */
KY_MUST_CHECK ky_status func_call(const struct func *func, struct func_env *env,
                                  const struct datum *args, int arg_count, struct datum *out,
                                  struct ky_error *err);
