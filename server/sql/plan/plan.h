/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/opclass.h"
#include "server/sql/bind/query.h"

/*
 * A physical plan: read-only once made, may be cached and run by several sessions. Every node
 * yields rows of `output_count` columns. Inside a node, EXPR_INPUT i is column i of the node's
 * input: a scan's `columns`, a unary node's child's output, for joins the left child's
 * output followed by the right's. A node filters its input, then computes `project` (NULL:
 * the input is the output).
 */
enum plan_kind {
    PLAN_RESULT, /* one row without columns; filter may drop it (one-time filter) */
    PLAN_SEQ_SCAN,
    PLAN_INDEX_SCAN,
    PLAN_BITMAP_SCAN,  /* rows that an inverted index names, in the order of the table */
    PLAN_BITMAP_INDEX, /* below it: how they are found, for EXPLAIN */
    PLAN_SYSVIEW_SCAN,
    PLAN_VECTOR_SCAN,
    PLAN_CURRENT_OF, /* of a table the row that a cursor is on */
    PLAN_FUNCTION_SCAN,
    PLAN_VALUES_SCAN,
    PLAN_CTE_SCAN,
    PLAN_WORK_TABLE_SCAN, /* the rows of the last round of a recursive CTE */
    PLAN_RECURSIVE_UNION, /* left: start; right: round, reads the work table */
    PLAN_NESTED_LOOP,
    PLAN_HASH_JOIN,
    PLAN_MATERIALIZE, /* keeps its child's rows for rescans */
    PLAN_SORT,
    PLAN_TOP_N, /* sort that keeps limit + offset rows, then Limit's work */
    PLAN_LIMIT,
    PLAN_AGGREGATE, /* hashed by group keys; no keys: one row */
    PLAN_UNIQUE,    /* DISTINCT (hash, keeps first); with keys: DISTINCT ON over sorted input */
    PLAN_APPEND,
    PLAN_SET_OPERATION, /* INTERSECT, EXCEPT [ALL], by hash */
    PLAN_PROJECT_SET,   /* target lists with EXPR_SET */
    PLAN_WINDOW,        /* input sorted by partition and order */
    PLAN_LOCK_ROWS,
    PLAN_INSERT,
    PLAN_UPDATE,
    PLAN_DELETE,
    PLAN_MERGE,
};

enum plan_join {
    PLAN_JOIN_INNER,
    PLAN_JOIN_LEFT,
    PLAN_JOIN_RIGHT,
    PLAN_JOIN_FULL,
    PLAN_JOIN_SEMI,
    PLAN_JOIN_ANTI
};

/* A scan column: 0-based table column, or EXPR_SYSTEM_*. */
struct scan_column {
    uint16_t column;
    const struct type *type;
};

/* Bounds on the leading columns of an index; expressions over parameters and outer slots only. A
 * null bound value finds nothing. */
struct index_bounds {
    struct expr **equal; /* one for each of the first equal_count key columns */
    uint16_t equal_count;
    struct expr *any_array; /* = ANY(array) on the key column after them (then no range), or NULL;
                             * of the key's type, or of another integer type */
    struct expr *lower;     /* on the column after the equal ones, or NULL */
    struct expr *upper;
    bool is_lower_exclusive, is_upper_exclusive;
    bool is_not_null; /* the column after the equal ones; a range says so by itself */
};

/* What an inverted index is asked for: its key column, strategy, value. */
struct index_search {
    uint16_t key;
    enum gin_strategy strategy;
    struct expr *value; /* over parameters and outer slots only; null finds nothing */
};

struct agg_call {
    const struct func *func;
    struct expr **args;
    uint16_t arg_count;
    struct expr *filter;
    bool is_distinct, is_star;
    struct sort_key *order;
    uint16_t order_count;
    const struct type *type;
};

/* What rows are grouped by once; the other keys are null. */
struct agg_set {
    uint16_t *keys; /* places in groups */
    uint16_t key_count;
    uint64_t *bits;           /* the same, a bit each */
    uint16_t dependent_count; /* last of them: columns that depend on the others */
    int32_t parent; /* an earlier set that has all its keys; -1: none. Its groups are groups of
                       that one's. */
};
/* GROUPING: the bit of each key, the last lowest, says that the set leaves it out. */
struct agg_grouping {
    uint16_t *keys;
    uint16_t key_count;
};

static inline bool
agg_set_has(const struct agg_set *set, uint16_t key)
{
    return (set->bits[key / 64] >> (key % 64) & 1) != 0;
}

/* MERGE: one WHEN, over the child's output. */
struct merge_plan {
    bool is_matched;
    enum merge_kind kind;
    struct expr *condition; /* NULL: any row */
    struct expr **values;   /* INSERT, UPDATE: per table column; NULL: null, or as it was */
    bool *is_changed;       /* UPDATE */
};

struct window_call {
    const struct func *func; /* window function or aggregate */
    struct expr **args;
    uint16_t arg_count;
    struct expr *filter;
    bool is_star;
    const struct type *type;
};

/* Sets slot from an expression over the left row before each run of the right child. */
struct nest_param {
    uint32_t slot;
    struct expr *expr;
};

struct plan {
    enum plan_kind kind;
    struct plan *left, *right;
    struct expr *filter;        /* boolean over the input; NULL: all */
    struct expr **project;      /* output_count expressions; NULL: input as it is */
    const struct type **output; /* types of the output columns */
    uint16_t output_count;
    double startup_cost, total_cost, rows;
    int width;
    const char *alias;   /* scans: as EXPLAIN names it */
    const char *remark;  /* for EXPLAIN: why a vector index is not used; NULL: nothing */
    bool is_stored_text; /* plan_print_expr: users' types are named with their schemas */

    union {
        struct { /* SEQ, INDEX, BITMAP, SYSVIEW, VECTOR, CURRENT_OF, LOCK_ROWS' table */
            struct cat_table *table;
            struct scan_column *columns;
            uint16_t column_count;
            struct cat_index *index;
            struct index_bounds bounds;
            bool is_backward;
            struct expr *index_condition; /* for EXPLAIN: the bounds as written */
            /* BITMAP: all of them are true of the rows wanted. The filter asks them again, and
             * `rest`, which is for EXPLAIN. */
            struct index_search *searches;
            uint16_t search_count;
            struct expr *rest;
            /* VECTOR: rows in order of distance; filter is applied inside, never costs rows.
             * The distance (float8) is column column_count of the input, i.e. after `columns`.
             * left, if there is one, gives the row ids that the filter passes by another index: to
             * be measured one by one if they are few. */
            struct expr *vector_query;
            uint16_t vector_column;
            struct expr *vector_expr; /* of an index on an expression, over columns; else NULL */
            enum cat_distance distance;
            const struct func *vector_func; /* measures one row */
            char vector_mode;               /* 'e', 'a', 'u' */
            bool is_vector_form;            /* QUERY = [..]: recall and ef of its own */
            struct expr *ef, *recall;
            struct expr *k, *k_offset;          /* LIMIT and OFFSET; NULL: all rows */
            struct expr *radius;                /* the filter drops what is farther; NULL: none */
            double vector_rows, vector_matches; /* of the table; of them the filter's, about */
            /* SEQ: a sample of the rows; over parameters and outer slots only. NULL: all rows */
            struct table_sample *sample;
            bool is_count_only; /* SEQ: no columns wanted: rows need not be touched */
            const char *cursor; /* CURRENT_OF */
        } scan;
        struct {
            struct expr **functions;
            uint16_t function_count;
            bool has_ordinality;
        } function;
        struct {
            struct expr ***rows;
            uint32_t row_count;
        } values;
        struct {
            uint32_t cte;
        } cte; /* CTE_SCAN, WORK_TABLE_SCAN, RECURSIVE_UNION: index in statement ctes */
        struct {
            bool is_distinct;
            uint32_t cte;
        } recursive;
        struct {
            enum plan_join kind;
            struct expr *condition; /* over both sides; HASH_JOIN: what the keys do not cover */
            struct expr **left_keys,
                **right_keys;              /* over each side's own output (EXPR_INPUT from 0) */
            const struct func **key_equal; /* equality of each pair, both sides of one type */
            uint16_t key_count;
            struct nest_param *params;
            uint16_t param_count;
            bool is_null_aware; /* NOT IN: ANTI where a null key decides */
        } join;
        struct {
            struct sort_key *keys;
            uint16_t key_count;
            struct expr *limit, *offset;
            bool is_with_ties;
        } sort; /* SORT, TOP_N, LIMIT */
        struct {
            struct expr **groups;
            uint16_t group_count; /* over the input */
            struct agg_set *sets;
            uint32_t set_count; /* at least 1 */
            bool has_sets;      /* GROUP BY said so: EXPLAIN tells each */
            struct agg_call *calls;
            uint16_t call_count;
            struct agg_grouping *groupings;
            uint16_t grouping_count;
            /* The node's "input" for filter (HAVING) and project is: groups, then calls, then
             * groupings (int4). */
        } aggregate;
        struct {
            struct expr **keys;
            uint16_t key_count;
        } unique; /* 0 keys: whole row */
        struct {
            struct plan **children;
            uint16_t child_count;
        } append;
        struct {
            enum set_operation operation;
            bool is_all;
        } set;
        struct {
            struct expr **partition;
            uint16_t partition_count;
            struct sort_key *order;
            uint16_t order_count;
            struct window_spec *frame;
            struct window_call *calls;
            uint16_t call_count;
            /* Output input for project: child's columns, then calls. */
        } window;
        struct {
            struct cat_table **tables;
            uint16_t *row_id_columns; /* input column (int8) per table; null: skip */
            enum row_lock_mode *modes;
            enum lock_policy *policies;
            uint16_t count;
        } lock;
        struct { /* INSERT, UPDATE, DELETE, MERGE: child rows in, RETURNING rows out (project over
                    the row as below) */
            struct cat_table *table;
            uint16_t row_id_column; /* UPDATE, DELETE: input column with the row id; MERGE: null
                                       where the source has no match */
            /* INSERT: input column for each table column, or UINT16_MAX: then `values`.
             * UPDATE: the input holds, for every table column, its new value in new_columns.
             * MERGE: its old one. */
            uint16_t *new_columns;
            struct expr *
                *defaults;    /* INSERT: per table column, when new_columns says none; NULL: null */
            bool *is_changed; /* UPDATE: per table column */
            struct expr **generated; /* per table column or NULL, over the new row (EXPR_INPUT =
                                        table column) */
            struct expr **checks;
            const char **check_names;
            uint16_t check_count; /* over the new row */
            enum conflict_action conflict;
            struct cat_index *arbiter;
            /* DO UPDATE: expressions over EXPR_INPUT: the existing row's table columns, then the
             * excluded row's. */
            struct expr **conflict_values; /* per table column; NULL: unchanged */
            struct expr *conflict_where;
            /* project is over: the table columns of the new row (DELETE: the old one), then its row
             * id (int8) at table->column_count, then its system_columns, then the child's columns
             * (0 of them for ON CONFLICT). */
            bool has_returning;
            struct merge_plan *merges; /* MERGE: the first whose condition is true */
            uint16_t merge_count;
            struct scan_column *system_columns; /* EXPR_SYSTEM_*, of the new row */
            uint16_t system_count;
        } modify;
    };
};

/* What the executor runs. */
struct statement_plan {
    struct plan *root;
    struct plan **ctes; /* by index; run once, kept (Materialize) */
    const char **cte_names;
    uint16_t cte_count;
    uint32_t outer_slot_count; /* execution parameters */
    struct target *targets;    /* visible result columns, for RowDescription */
    uint16_t target_count;
    enum query_kind kind;
    bool is_read_only;
    bool is_point;     /* primary-key lookup or single-row write: short, may run inline */
    bool may_be_long;  /* has functions that may work long on one value */
    bool may_wait;     /* has functions that may sleep or wait, or goes on after its last row */
    bool has_subplans; /* whose cost is not in the root's */
    lsn_t catalog_lsn;
    struct cat_table **tables; /* every relation used, and how: lock modes */
    enum table_lock_mode *table_modes;
    uint16_t table_used_count;
    const struct cat_table *unpopulated; /* a materialized view to be read, or NULL */
};

struct plan_context {
    struct ky_arena *arena;
    const struct cat_image *image;
    struct storage *storage; /* live counts for estimates; NULL in tests */
    struct func_env *env;
    bool is_seqscan_enabled, is_indexscan_enabled, is_bitmapscan_enabled, is_hashjoin_enabled,
        is_nestloop_enabled, is_sort_enabled;
    /* About how many rows an inverted index names; the value is not null. NULL: nobody knows. */
    double (*match_rows)(void *arg, const struct cat_index *index, uint16_t key,
                         enum gin_strategy strategy, struct datum value);
    void *match_arg;
    const struct datum *params; /* values of parameters for estimates, or NULL */
};

KY_MUST_CHECK ky_status plan_query(struct plan_context *context, struct query *query,
                                   struct statement_plan **plan_out, struct ky_error *err);

struct explain_options {
    bool is_analyze, is_verbose, has_costs, has_buffers, has_timing, has_summary, has_settings;
    char format; /* 't'ext, 'j'son, 'x'ml, 'y'aml */
};
struct explain_times {
    double planning_ms, execution_ms; /* below zero: not told */
};
/* Measured per node when ANALYZE: exec fills an array by plan node pointer. */
struct explain_actual {
    double startup_ms, total_ms;
    uint64_t rows, loops, removed;
    uint64_t inserted, updated, deleted, skipped; /* MERGE */
    char note[160]; /* "Sort Method: quicksort  Memory: 25kB", ... or "" */
};
typedef const struct explain_actual *(*explain_lookup)(void *arg, const struct plan *node);
/* Appends PostgreSQL's text (lines separated by \n) or one of its structured forms. text is empty
 * before; times may be NULL. */
void plan_explain(const struct statement_plan *plan, const struct explain_options *options,
                  explain_lookup lookup, void *arg, const struct explain_times *times,
                  struct ky_buffer *text);
/* An expression as SQL, with column names of the node's input where known; as EXPLAIN shows
 * conditions. */
void plan_print_expr(const struct plan *node, const struct expr *expr, struct ky_buffer *out);
