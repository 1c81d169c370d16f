/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/func/func.h"
#include "server/types/cast.h"

struct ast_const;
struct query;
struct plan;

/*
 * A typed expression: what the binder makes, the planner rewrites and the executor evaluates.
 * Built in the statement's arena, never changed in place once the plan is made.
 */
enum expr_kind {
    EXPR_CONST,  /* value */
    EXPR_PARAM,  /* $index (1-based): a parameter of the statement */
    EXPR_COLUMN, /* column `column` (0-based) of range table entry `table`; levels_up > 0: of an
                    outer query. Not in plans */
    EXPR_INPUT,  /* plans only: column `index` (0-based) of the node's input (joins: left's, then
                    right's) */
    EXPR_OUTER,  /* plans only: slot `index` of the execution parameters (correlated subqueries) */
    EXPR_FUNC,   /* func(args); operators are functions too */
    EXPR_CAST,   /* cast(args[0]) */
    EXPR_COERCE, /* applies typmod to args[0] of the same type */
    EXPR_DOMAIN, /* args[0], which must be a value of `constraint`: 23502, 23514 */
    EXPR_AND,    /* of args (>= 2) */
    EXPR_OR,
    EXPR_NOT,
    EXPR_IS_NULL,   /* args[0] IS NULL; is_negated: IS NOT NULL */
    EXPR_BOOL_TEST, /* args[0] IS TRUE ('t'), FALSE ('f'), UNKNOWN ('u') in `test`; is_negated */
    EXPR_DISTINCT,  /* args[0] IS DISTINCT FROM args[1] by func (equality); is_negated */
    EXPR_CASE, /* args: when1, then1, when2, then2, ... else (always there; conditions are boolean)
                */
    EXPR_COALESCE,
    EXPR_NULLIF,    /* args[0], args[1], func = equality */
    EXPR_MINMAX,    /* GREATEST, or LEAST if is_negated */
    EXPR_ARRAY_OP,  /* args[0] func ANY (args[1]); is_negated: ALL. args[1] is an array */
    EXPR_ARRAY,     /* ARRAY[args]; element_type; nested arrays when elements are arrays */
    EXPR_SUBSCRIPT, /* args[0][args[1]][args[2]]...; is_slice: pairs lower, upper (NULL arg: open)
                     */
    EXPR_ASSIGN, /* args[0], an array or jsonb, with its part [args[2]][args[3]].. set to args[1];
                    is_slice as in SUBSCRIPT */
    EXPR_ROW,    /* ROW(args), type record */
    EXPR_FIELD,  /* field `index` of the composite args[0] */
    EXPR_ROW_COMPARE, /* (args[0..n)) op (args[n..2n)), lexicographic; op in `test`: < l(<=) > g(>=)
                         = ! ; funcs */
    EXPR_SUBQUERY,    /* subquery */
    EXPR_AGGREGATE,   /* above grouping only: aggregate call; planner turns it into EXPR_INPUT */
    EXPR_GROUPING,    /* GROUPING(args), grouped expressions; likewise */
    EXPR_WINDOW,      /* window call; likewise */
    EXPR_SET,         /* a set-returning call in a target list; planner puts a ProjectSet below */
    EXPR_DEFAULT,     /* DEFAULT in VALUES or SET; gone after binding */
};

enum subquery_kind {
    SUBQUERY_SCALAR, /* one row, one column, else 21000 */
    SUBQUERY_EXISTS,
    SUBQUERY_ANY, /* test op ANY (subquery); IN is = ANY */
    SUBQUERY_ALL,
    SUBQUERY_ARRAY,
};

struct sort_key {
    struct expr *expr;
    bool is_descending;
    bool is_nulls_first;
};

struct ast_window;

struct window_spec {
    const char *name;                 /* of WINDOW name AS; NULL: written at its call */
    const struct ast_window *written; /* base window, bounds left out: for printing */
    struct expr **partition;
    uint16_t partition_count;
    struct sort_key *order;
    uint16_t order_count;
    char mode;                 /* 'r'ows, 'g'roups, range ('a') */
    char start_kind, end_kind; /* 'u' unbounded preceding, 'p' n preceding, 'c' current row, 'f' n
                                  following, 'U' unbounded following */
    struct expr *start_offset, *end_offset;
    char exclude; /* 'n' none, 'c' current row, 'g' group, 't' ties */
};

/*
 * What a tree that runs has no need of and its printed form has. Only where bind_context
 * .keeps_written; such trees are compared and printed, never planned.
 */
struct expr_written {
    const char *word;      /* CURRENT_DATE and its kind, precision included */
    const char *collation; /* COERCE: args[0] COLLATE this */
    const char *name; /* a column that a join has merged or named anew: the expression is what */
    const char *qualifier; /* it stands for; the join's name, or NULL */
    struct expr *case_arg; /* CASE x WHEN y: x; the conditions are x = y */
    bool is_sql_syntax;    /* EXTRACT(year FROM x) and its kind */
    bool is_variadic;      /* VARIADIC before the last argument */
    bool has_names;        /* arguments by name */
    bool is_one_row;       /* (a, b) < (SELECT ..), without ANY */
    bool is_left_out;      /* an argument that was not given: its default */
};

/* What a domain, with those it is over, asks of a value. */
struct expr_domain {
    const char *schema, *name;
    const char *shown; /* with its schema where the search path does not find it */
    bool is_not_null;
    uint16_t check_count;
    struct expr **checks; /* over EXPR_INPUT 0, the value; not of the tree around */
    const char **check_names;
};

struct expr {
    enum expr_kind kind;
    int location; /* byte offset in the statement text; -1 unknown */
    const struct type *type;
    int32_t typmod;
    struct expr **args;
    uint16_t arg_count;
    uint16_t table;     /* COLUMN */
    uint16_t column;    /* COLUMN; for system columns see EXPR_SYSTEM_* */
    uint16_t levels_up; /* COLUMN, AGGREGATE, GROUPING */
    uint32_t index;     /* PARAM, INPUT, OUTER, FIELD */
    const char *shown;  /* OUTER: as EXPLAIN names it; NULL: $index */
    oid_t domain;       /* of the value: columns, DOMAIN; OID_NONE: none. type is its base type */
    const struct expr_domain *constraint; /* DOMAIN */
    bool is_negated;
    bool is_slice; /* SUBSCRIPT, ASSIGN: of bounds; FUNC: the last argument is VARIADIC's array */
    bool is_explicit; /* CAST, COERCE */
    char test;
    struct datum value;             /* CONST */
    const struct ast_const *source; /* CONST without a type yet: as it was written */
    const struct func *func;
    const struct operator*
        op; /* the operator it was written as, or NULL: for EXPLAIN and planning */
    const struct cast *cast;
    const struct func_shape *shape;     /* SET: of a column definition list, else NULL */
    const char *const *field_names;     /* ROW: of a whole row; NULL: f1, f2 ... */
    const struct expr_written *written; /* NULL: nothing to say */
    const struct func **funcs; /* ROW_COMPARE: one per column, the ordering or equality operator */
    /* SUBQUERY */
    enum subquery_kind subquery_kind;
    struct query *subquery; /* bound */
    struct expr
        *any_test;            /* ANY, ALL: boolean expression over EXPR_INPUT (subquery's row first,
                               * columns    0..n-1) with the left side's expressions in it as they are */
    struct plan *plan;        /* after planning */
    uint32_t *outer_slots;    /* after planning: slots set from outer_args before each run */
    struct expr **outer_args; /* outer expressions, evaluated in the node that holds this expr */
    uint16_t outer_count;     /* 0: uncorrelated, run once */
    bool is_hashed;           /* ANY with plain equality, uncorrelated: hash the subquery's rows */
    /* AGGREGATE, WINDOW */
    bool is_distinct;
    bool is_star; /* count(*) */
    struct expr *filter;
    struct sort_key *order;
    uint16_t order_count;
    struct window_spec *window;
};

/* System columns as `column` numbers of EXPR_COLUMN. */
enum {
    EXPR_SYSTEM_FIRST = 60000,
    EXPR_SYSTEM_CTID = 60001, /* tid: (row id >> 16, row id & 0xffff) */
    EXPR_SYSTEM_XMIN = 60002,
    EXPR_SYSTEM_TABLEOID = 60003,
    EXPR_SYSTEM_WHOLE_ROW = 60004,
    EXPR_SYSTEM_ROW_ID = 60005, /* int8; internal: UPDATE and DELETE carry it */
    EXPR_SYSTEM_OFFSET = 60006, /* int8 kyro_offset: the event that wrote the row */
    EXPR_SYSTEM_XMAX = 60007,   /* xid: of RETURNING, who locked or deleted the row; else 0 */
    EXPR_SYSTEM_CMIN = 60008,   /* cid: 0 */
    EXPR_SYSTEM_CMAX = 60009,
    EXPR_SYSTEM_LAST = 60009,
};
