/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/parser.h"
#include "server/catalog/catalog.h"
#include "server/sql/expr.h"

/* A bound query: every name resolved, every expression typed. Arena of the statement. */

enum table_kind {
    TABLE_RELATION, /* table; sysviews too (table->sysview) */
    TABLE_SUBQUERY, /* subquery; views and FROM (SELECT ..) */
    TABLE_FUNCTION, /* set-returning or scalar functions */
    TABLE_VALUES,
    TABLE_CTE,      /* cte of this or an outer query */
    TABLE_JOIN,     /* only for naming: USING columns */
    TABLE_EXCLUDED, /* ON CONFLICT's excluded row */
};

struct table_column {
    const char *name;
    const struct type *type;
    int32_t typmod;
    oid_t domain; /* whose base type it is, or OID_NONE */
};

/* TABLESAMPLE: so many percent of a relation's rows, each drawn by itself or by blocks. */
struct table_sample {
    bool is_by_block;        /* system; else bernoulli */
    struct expr *percent;    /* float4 */
    struct expr *repeatable; /* float8; NULL: other rows each time */
};

struct table_ref {
    enum table_kind kind;
    const char *alias;              /* what EXPLAIN and messages call it */
    const struct ast_node *written; /* AST_RANGE_*: for printing; NULL: made up */
    struct table_column *columns;   /* visible columns, in order; for relations index = attnum - 1,
                                       dropped ones included with NULL name */
    uint16_t column_count;
    struct cat_table *table;     /* RELATION */
    struct table_sample *sample; /* RELATION; NULL: all rows */
    struct query *subquery;      /* SUBQUERY */
    struct expr **functions;     /* FUNCTION: calls (EXPR_FUNC or EXPR_SET) */
    uint16_t function_count;
    bool has_ordinality;
    struct expr ***rows; /* VALUES: rows of column_count expressions */
    uint32_t row_count;
    struct cte *cte; /* CTE */
    uint16_t cte_levels_up;
    bool is_lateral;
    /* KyroDB's vector form: WHERE QUERY = [..] AND MODE = ... on this relation; NULL when not used.
     */
    struct vector_query *vector_query;
    enum row_lock_mode lock_mode; /* FOR UPDATE ... */
    enum lock_policy lock_policy;
    bool has_lock;
    bool is_view_locked; /* of a view: what it reads is */
};

struct vector_query {
    struct expr *query;     /* type vector */
    uint16_t vector_column; /* of the relation, 0-based */
    char mode;              /* 'e'xact, 'a'nn, a'u'to */
    struct expr *ef;        /* int4 or NULL */
    struct expr *recall;    /* float8 or NULL */
};

enum join_kind { JOIN_INNER, JOIN_LEFT, JOIN_RIGHT, JOIN_FULL, JOIN_CROSS };
/* The FROM clause as a tree: a table (children NULL) or a join. */
struct from_item {
    int16_t table; /* index in tables; -1 for a join */
    enum join_kind kind;
    struct from_item *left, *right;
    struct expr *on;                      /* NULL: true */
    const struct ast_join *written;       /* of a join: for printing */
    const struct ast_list *using_columns; /* of USING and NATURAL */
};

struct target {
    struct expr *expr;
    const char *name;
    bool is_hidden;     /* only for ORDER BY or GROUP BY: not part of the result */
    oid_t origin_table; /* RowDescription: plain column of this table, else 0 */
    int16_t origin_column;
};

/* A part of GROUP BY as it was written; what it comes to are grouping_sets. */
enum grouping_kind {
    GROUPING_EMPTY,  /* () */
    GROUPING_SIMPLE, /* keys */
    GROUPING_ROLLUP, /* of parts, as the others */
    GROUPING_CUBE,
    GROUPING_SETS
};
struct grouping {
    enum grouping_kind kind;
    uint16_t *keys; /* places in group_by */
    uint16_t key_count;
    struct grouping **parts;
    uint32_t part_count;
};

enum { GROUPING_SETS_MAX = 4096, GROUPING_ARGS_MAX = 31, CUBE_PARTS_MAX = 12 };

/* What the rows are grouped by once: places in group_by, each at most once. */
struct grouping_set {
    uint16_t *keys;
    uint16_t key_count;
};

struct cte {
    const char *name;
    struct query *query;
    struct table_column *columns;
    uint16_t column_count;
    bool is_recursive;
    bool is_materialized; /* MATERIALIZED, or recursive, or modifying */
    bool is_not_materialized;
    uint32_t reference_count;
    const struct ast_cte *written;
};

enum query_kind {
    QUERY_SELECT,
    QUERY_INSERT,
    QUERY_UPDATE,
    QUERY_DELETE,
    QUERY_MERGE,
    QUERY_VALUES,
    QUERY_SET_OPERATION
};
enum set_operation { SET_UNION, SET_INTERSECT, SET_EXCEPT };

enum conflict_action { CONFLICT_NONE, CONFLICT_NOTHING, CONFLICT_UPDATE };

struct assignment {
    uint16_t column;
    bool is_part; /* of the column; others may follow */
    struct expr *expr;
};

/* MERGE: what is done with a row of the source; the first that fits. */
enum merge_kind { MERGE_NOTHING, MERGE_INSERT, MERGE_UPDATE, MERGE_DELETE };
struct merge_action {
    bool is_matched;
    enum merge_kind kind;
    struct expr *condition;         /* NULL: any row */
    struct assignment *assignments; /* INSERT: the columns that are not null */
    uint16_t assignment_count;
};

struct query {
    enum query_kind kind;
    struct cte **ctes;
    uint16_t cte_count;
    const struct ast_with *with; /* NULL: none */
    struct table_ref **tables;
    uint16_t table_count;
    struct from_item **from;
    uint16_t from_count; /* comma list: cross joins */
    struct expr *where;
    struct target *targets;
    uint16_t target_count; /* hidden ones last */
    struct expr **group_by;
    uint16_t group_count;
    struct grouping **groupings; /* GROUP BY with ROLLUP and its kind; none: a plain list */
    uint32_t grouping_count;
    struct grouping_set *grouping_sets; /* that they come to, the smallest first */
    uint32_t grouping_set_count;
    bool is_group_distinct;
    bool has_aggregates; /* in targets, HAVING or ORDER BY; or GROUP BY was given */
    bool has_windows;
    bool has_sets; /* EXPR_SET in targets */
    struct expr *having;
    struct window_spec **windows; /* named ones; only where bind_context.keeps_written */
    uint16_t window_count;
    bool is_distinct;
    struct expr **distinct_on;
    uint16_t distinct_on_count; /* expressions; order_by starts with them */
    struct sort_key *order_by;
    uint16_t order_count; /* expr: over the tables; equal ones share a target's expr pointer */
    struct expr *limit;   /* int8; NULL: all */
    struct expr *offset;
    bool is_with_ties;
    /* SET_OPERATION: left op right; targets name its columns (EXPR_COLUMN table 0 of a virtual row)
     */
    enum set_operation set_operation;
    bool is_all;
    struct query *left, *right;
    /* VALUES: one TABLE_VALUES in tables[0] and targets over it */
    /* INSERT, UPDATE, DELETE */
    const char *current_of; /* UPDATE, DELETE: the cursor whose row is changed, in place of where */
    uint16_t target_table;  /* index in tables of the relation changed */
    struct query *source;   /* INSERT: what is inserted, columns in source_columns order */
    uint16_t *insert_columns; /* 0-based columns of the table for the source's columns */
    uint16_t insert_column_count;
    struct expr **defaults; /* INSERT: per table column, for those not in insert_columns; NULL:
                               null. UPDATE: unused */
    struct assignment *assignments; /* UPDATE, and DO UPDATE */
    uint16_t assignment_count;
    struct merge_action *merge_actions; /* MERGE: from[0] joins the source and the target */
    uint16_t merge_action_count;
    struct expr **checks; /* CHECK constraints over the new row: EXPR_INPUT by column index */
    const char **check_names;
    uint16_t check_count;
    struct expr *
        *generated; /* per table column or NULL: stored generated columns over EXPR_INPUT */
    enum conflict_action conflict;
    struct cat_index *conflict_index; /* arbiter; NULL with DO NOTHING: any unique index */
    struct expr *conflict_where;      /* DO UPDATE ... WHERE; target row is tables[target_table],
                                         excluded is tables[excluded_table] */
    uint16_t excluded_table;
    struct target *returning;
    uint16_t returning_count;
    bool has_returning;
};
