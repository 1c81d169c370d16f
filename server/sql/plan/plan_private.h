/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/assert.h"
#include "server/sql/bind/walk.h"
#include "server/sql/plan/plan.h"

/*
 * What the planner's files share. A query is planned from the tables up: scans with what can be
 * filtered there, joins in an order chosen by estimated rows, grouping, windows, sorting. Each
 * step keeps, beside its plan node, the bound expressions that the node's output columns hold.
 * Expressions stay bound (EXPR_COLUMN) until the node that evaluates them is made; then
 * fix_expr() turns columns into places of the node's input.
 */

enum { TABLES_WORDS = 16, TABLES_MAX = TABLES_WORDS * 64 };

/* A set of range table entries. */
struct tables {
    uint64_t bits[TABLES_WORDS];
};

/* One conjunct of WHERE, HAVING or ON. */
struct qual {
    struct expr *expr;
    struct tables tables; /* columns of this level that it reads */
    double selectivity;
    bool is_volatile;
};
struct quals {
    struct qual **list;
    uint32_t count, capacity;
};

/* A growing list of bound expressions. */
struct exprs {
    struct expr **list;
    uint32_t count, capacity;
};

/* A value of an outer level, put into a slot before the inner level runs. */
struct slot_ref {
    struct slot_ref *next;
    struct expr *expr; /* bound, as the level outside sees it */
    uint32_t slot;
};

/* Tables to the left of the nested loop being made: what its right side may ask for. */
struct param_frame {
    struct param_frame *outer;
    const struct tables *tables;
    struct slot_ref *refs;
};

/* What is known about one range table entry while its level is planned. */
struct rel {
    struct table_ref *ref;
    uint16_t table;
    struct quals quals; /* that read this table only */
    double table_rows;  /* before quals */
    double rows;
    double pages;
    int width;
    struct tables required;    /* LATERAL: tables whose columns it reads */
    struct plan *sub_plan;     /* SUBQUERY and inlined CTE */
    struct slot_ref *sub_refs; /* of this level's columns */
    uint32_t cte;
    bool is_work_table;
    struct quals index_quals; /* that an index scan turned into bounds */
    struct quals asked_quals; /* the same as an inverted index is asked: column op value */
    uint32_t *marks;          /* per column: the generation in which it was collected last */
};

/* One query of the statement. */
struct level {
    struct planner *planner;
    struct level *parent;
    struct query *query;
    struct slot_ref *outer; /* what this level reads from outside */
    struct rel *rels;
    uint32_t generation;
    struct param_frame *frame;
    struct exprs *extra; /* columns wanted besides those the query reads: row ids to change */
    double limit_rows;   /* of the final LIMIT, 0: none known */
    /* ORDER BY .. LIMIT over joins: the table that is read in order until there are enough rows,
     * and about how many of its rows that takes. NULL: no such table. */
    const struct rel *early_table;
    double early_rows;
};

struct cte_state {
    struct cte_state *next;
    struct cte *cte;
    uint16_t number;
    bool is_open;      /* its recursive part is being planned */
    struct plan *plan; /* reads an outer query: run where it is read, not once; else NULL */
    double rows;
};

struct used_table {
    struct cat_table *table;
    enum table_lock_mode mode;
};

/* One call of plan_query. */
struct planner {
    struct plan_context *context;
    struct ky_arena *arena;
    struct ky_error *err;
    bool is_failed; /* err is set: results are not used */
    bool has_writes;
    uint32_t slot_count;
    uint32_t subquery_count;
    struct cte_state *ctes;
    struct plan **cte_plans;
    const char **cte_names;
    uint16_t cte_count, cte_capacity;
    struct used_table *used;
    uint16_t used_count, used_capacity;
    uint32_t depth;
};

/* ---- tables.c: sets, quals, lists ---- */
static inline bool
tables_has(const struct tables *set, uint32_t table)
{
    return (set->bits[table / 64] >> (table % 64) & 1) != 0;
}
static inline void
tables_add(struct tables *set, uint32_t table)
{
    set->bits[table / 64] |= UINT64_C(1) << (table % 64);
}
bool tables_is_empty(const struct tables *set);
bool tables_is_subset(const struct tables *set, const struct tables *of);
bool tables_overlap(const struct tables *a, const struct tables *b);
void tables_join(struct tables *set, const struct tables *more);
void tables_remove(struct tables *set, const struct tables *less);
uint32_t tables_count(const struct tables *set);
/* The tables of this level that an expression reads, nested queries included. */
void tables_of_expr(struct expr *expr, struct tables *set);

void exprs_add(struct level *level, struct exprs *exprs, struct expr *expr);
void quals_add(struct level *level, struct quals *quals, struct qual *qual);
/* Splits ANDs. */
void quals_split(struct level *level, struct quals *quals, struct expr *expr);
struct qual *qual_new(struct level *level, struct expr *expr);
/* Adds the columns of this level that expr reads, each once per generation. */
void collect_columns(struct level *level, struct exprs *out, struct expr *expr);
void collect_begin(struct level *level);
/* Would the expression's value come out null (or false) when every column of table is null? */
bool expr_is_strict_for(const struct expr *expr, const struct tables *tables);
struct expr *expr_new_column(struct planner *p, uint16_t table, uint16_t column,
                             const struct type *type);
struct expr *expr_new_const(struct planner *p, const struct type *type, struct datum value);
struct expr *expr_new_input(struct planner *p, uint32_t index, const struct type *type);

/* ---- fix.c: bound expressions to plan expressions ---- */
struct input {
    struct level *level;
    struct expr **exprs; /* bound; what the node's input holds */
    uint32_t count;
    uint32_t shift;  /* added to every place */
    bool is_complex; /* some of them are not plain columns */
    bool can_ask;    /* columns that are not there come from the left of a nested loop */
};
struct expr *fix_expr(const struct input *input, struct expr *expr);
struct expr **fix_list(const struct input *input, struct expr **exprs, uint32_t count);
struct sort_key *fix_keys(const struct input *input, const struct sort_key *keys, uint32_t count);
/* AND of the quals, or NULL. */
struct expr *fix_quals(const struct input *input, const struct quals *quals);
struct expr *expr_and(struct planner *p, struct expr *left, struct expr *right);
/* levels_up of everything lowered by `by` (which may be negative). */
struct expr *shift_levels(struct planner *p, struct expr *expr, int by);
/* Passes references that a nested level makes on to the level around it; those to the level itself
 * come back. */
struct slot_ref *adopt_refs(struct level *level, struct slot_ref *refs);
/* Has the nested loop around us that holds expr's column set this slot from it. */
void ask_frame_slot(struct level *level, struct expr *expr, uint32_t slot);
KY_COLD void plan_fail(struct planner *p, enum ky_sqlstate sqlstate, const char *message);

/* ---- plan.c ---- */
/* Plans a nested query. *refs_out: what it reads from outside, as `level` sees it. */
struct plan *plan_nested(struct level *level, struct query *query, struct slot_ref **refs_out);
struct plan *plan_one(struct level *level);
void level_init(struct level *level, struct planner *p, struct level *parent, struct query *query);
struct plan *plan_new(struct planner *p, enum plan_kind kind);
void plan_set_output(struct planner *p, struct plan *plan, struct expr *const *exprs,
                     uint32_t count);
/* Output as the child's. */
void plan_copy_output(struct plan *plan, const struct plan *child);
/* A node above child with its rows, width and costs. */
struct plan *plan_above(struct planner *p, enum plan_kind kind, struct plan *child);
/* Makes plan compute exprs (already fixed to its output). */
struct plan *plan_project(struct planner *p, struct plan *plan, struct expr **exprs,
                          uint32_t count);
void use_table(struct planner *p, struct cat_table *table, enum table_lock_mode mode);
void plan_ctes(struct level *level);

/* ---- estimate_column.c: fractions of a table's rows, 0 to 1 ---- */
/* What ANALYZE found of the column that expr is (under casts that change nothing); NULL: nothing.
 */
const struct cat_statistics *column_statistics(struct level *level, const struct expr *expr);
/* At least 1. */
double statistics_distinct(const struct cat_statistics *statistics, double table_rows);
/* column = value; NULL: a value that is not known before the query runs. */
double statistics_equal(const struct cat_statistics *statistics, double table_rows,
                        const struct datum *value);
/* Strategy 1 <, 2 <=, 4 >=, 5 >. */
double statistics_compare(const struct cat_statistics *statistics, char strategy,
                          struct datum value);
/* The constant that expr is, when its type compares with the column's as it lies; else NULL. */
const struct datum *statistics_constant(const struct cat_statistics *statistics,
                                        const struct expr *expr);
/* column = ANY (array). */
double statistics_in(const struct cat_statistics *statistics, double table_rows,
                     const struct expr *array);

/* ---- estimate.c ---- */
#define RANGE_SELECTIVITY (1.0 / 3.0)
#define BETWEEN_SELECTIVITY 0.005
#define SEQ_PAGE_COST 1.0
#define RANDOM_PAGE_COST 4.0
#define CPU_TUPLE_COST 0.01
#define CPU_INDEX_TUPLE_COST 0.005
#define CPU_OPERATOR_COST 0.0025
#define DISABLE_COST 1.0e10
int type_width(const struct type *type, int32_t typmod);
double clamp_rows(double rows);
void rel_estimate(struct level *level, struct rel *rel);
/* By statistics of the column that expr compares; -1: it is not such a comparison, or there are
 * none. */
double analyzed_selectivity(struct level *level, const struct expr *expr);
double expr_selectivity(struct level *level, struct expr *expr);
double quals_selectivity(struct level *level, const struct quals *quals);
/* How many different values an expression has, of so many rows; never more than rows. */
double distinct_values(struct level *level, const struct expr *expr, double rows);
/* Some column it names was analyzed. */
bool is_analyzed(struct level *level, const struct expr *expr);
/* Operators evaluated per row. */
double quals_cost(const struct quals *quals);
double sort_cost(double rows, int width);
/* Is some unique index covered by these equality columns? */
bool is_unique_column(const struct rel *rel, uint16_t column);

struct cte_state *cte_find(struct planner *p, const struct cte *cte);

/* ---- from.c ---- */
/* Part of the FROM clause, planned: its output is `output`, column by column. */
struct piece {
    struct plan *plan;
    struct exprs output;
    struct tables tables;
    struct rel *rel; /* a single table: it may be planned again with values from the left */
    bool is_sorted;  /* in the query's ORDER BY */
};
/* FROM and WHERE. Outputs every column of this level that the query reads. */
struct piece plan_from(struct level *level);
/* One table with the conditions of pending that it alone can answer, which are taken; outer: tables
 * whose values the scan may ask for (their conditions are taken too), or NULL. all: what is read.
 */
struct piece plan_table(struct level *level, const struct exprs *all, uint16_t table,
                        struct quals *pending, const struct tables *outer);
struct input piece_input(struct level *level, const struct piece *piece);
/* Conditions of pending that can be evaluated with these tables; their places become NULL. */
struct quals take_covered(struct level *level, struct quals *pending, const struct tables *tables);
/* The plan, or one above it, filters. */
struct plan *add_filter(struct level *level, struct plan *plan, const struct quals *quals,
                        const struct input *input);

/* ---- join.c ---- */
/* An equality between the two sides, hashable, of types that hash alike. */
bool join_key_of(const struct qual *qual, const struct tables *left, const struct tables *right,
                 struct expr **left_out, struct expr **right_out);
/* With conditions that both sides together can evaluate. */
struct piece join_pieces(struct level *level, const struct piece *left, const struct piece *right,
                         enum plan_join kind, const struct quals *quals);
/* Nested loop whose right side reads the left one's row: LATERAL, or an index lookup. */
struct piece join_dependent(struct level *level, const struct exprs *all, const struct piece *left,
                            struct from_item *item, enum plan_join kind, struct quals *pending,
                            bool takes_join_quals);

/* ---- early.c ---- */
/* Sets level->early_table where reading it in order pays. pending: the conditions of WHERE. */
void plan_early_stop(struct level *level, const struct quals *pending);

/* ---- join_order.c ---- */
/* A part of inner joins taken apart. */
struct part {
    struct from_item *item; /* NULL: piece is all there is */
    struct tables tables;
    struct tables required; /* LATERAL */
    struct piece piece;     /* planned on its own; not for dependent ones */
    bool is_joined;
    bool lookup_pays;    /* an index lookup for each row on the left */
    struct quals before; /* conditions as they were before it was planned */
};
struct parts {
    struct part *list;
    uint32_t count, capacity;
};
void parts_add(struct level *level, struct parts *parts, const struct part *part);
/* Takes FROM apart; ON conditions of inner joins are added to pending. */
struct parts parts_of_from(struct level *level, struct quals *pending);
struct piece join_parts(struct level *level, const struct exprs *all, struct parts *parts,
                        struct quals *pending);
/* Is the item an inner join, also because of the conditions above it (NULLs among them)? */
bool join_is_inner(const struct from_item *item, const struct quals *above);
struct piece plan_item(struct level *level, const struct exprs *all, struct from_item *item,
                       struct quals *pending);

/* ---- index.c ---- */
/* What finding rows by an index costs, in rows read in order: to get there, and each row. */
#define LOOKUP_COST(rows) (12 + 3 * (rows))
/* The same for whole keys of many outer rows, which a join looks up together: with a million rows
 * inside, one cost 2 (learned index) to 5 (B-tree) rows of a hash join's. */
#define JOIN_LOOKUP_COST(rows) (5 + 3 * (rows))
/* An index's expressions and predicate as the query would say them. */
struct index_exprs {
    struct expr *keys[32]; /* NULL: a column */
    struct expr *predicate;
};
/* Does the index hold all rows that the quals leave? exprs_out: what it says. */
bool plan_index_holds(struct level *level, const struct rel *rel, const struct cat_index *index,
                      const struct quals *quals, struct index_exprs *exprs_out);
/* Turns a scan of rel into an index scan if its quals (those in `used` slots become bounds) allow
 * it; outer: tables whose values may be asked for. Returns NULL when no index helps. */
struct plan *plan_index_scan(struct level *level, struct rel *rel, const struct quals *quals,
                             const struct tables *outer, bool *is_sorted_out);

/* What it costs, in rows read in order, to look one row of the left tables up in the best index of
 * rel; below 0: there is none to look up. pending: conditions that may say so, NULLs among them.
 * rel is estimated. */
double plan_lookup_cost(struct level *level, struct rel *rel, const struct quals *pending,
                        const struct tables *left);

/* Does the index hold all rows that where leaves (its predicate is implied)? *key_out: its first
 * key as an expression of rel, NULL for a column. */
bool plan_index_serves(struct level *level, const struct rel *rel, const struct cat_index *index,
                       struct expr *where, struct expr **key_out);

/* ---- inverted.c ---- */
/* Rows read in order that a scan must cost less than to be worth having; HUGE_VAL: any is. */
struct plan *plan_inverted_scan(struct level *level, struct rel *rel, const struct quals *quals,
                                const struct tables *outer, double rows_max);
/* The scan's conditions are in its filter as well; how it finds rows becomes a node below. */
void plan_inverted_finish(const struct input *input, const struct rel *rel, struct plan *plan);
/* As plan_lookup_cost, by inverted indexes. */
double plan_inverted_lookup_cost(struct level *level, struct rel *rel, const struct quals *quals,
                                 const struct tables *left);

/* ---- vector.c ---- */
/* Turns the scan below an ORDER BY distance into a search of the vector index: its rows come
 * sorted, and the distance, which is answered, is one column more. NULL: it stays as it was.
 * output: what the scan gives out. */
struct expr *plan_vector_order(struct level *level, struct plan *scan, const struct exprs *output);

/* ---- upper.c ---- */
struct plan *plan_select(struct level *level);
struct plan *plan_set_query(struct level *level);
/* Calls of this level in its targets, HAVING and ORDER BY, each once. */
void find_calls(struct level *level, enum expr_kind kind, struct exprs *out);
/* What the node above a plan with this output reads. */
struct input output_input(struct level *level, const struct exprs *output);

/* ---- group.c ---- */
/* Groups the rows of child, then HAVING; output: what they hold, changed. */
struct plan *plan_aggregate(struct level *level, struct plan *child, struct exprs *output);

/* ---- minmax.c ---- */
/* The level's query, or one that computes the same without aggregates: min and max by an index. */
struct query *query_without_minmax(struct level *level);

/* ---- sets.c ---- */
/* Do targets hold set-returning calls that output does not have, some inside of something else? */
bool has_sets(struct level *level, const struct exprs *output, bool *are_nested_out);
/* Computes all set-returning calls of the roots (targets, GROUP BY); output grows by them. */
struct plan *plan_sets(struct level *level, struct plan *plan, struct exprs *output,
                       struct expr **roots, uint16_t root_count);

/* ---- subquery.c ---- */
/* EXISTS or IN in WHERE as a join to be made on top of the others. */
struct semi {
    enum plan_join join;
    struct query *query; /* a copy without the conditions that look outside */
    struct quals on;     /* those; the subquery's columns are those of `table` */
    uint16_t table;      /* a number that no table of the level has */
    bool has_index;      /* the subquery finds its rows by an index of what it is tied to */
    struct expr *exists; /* the condition itself, for when it is no join after all */
};
/* x IN (select ..) that reads nothing of this level, as the table of its distinct rows, where
 * looking x up by them pays. table: the number its columns get; ties_out: the conditions that tie
 * it. */
bool table_from_in(struct level *level, const struct qual *qual, uint16_t table,
                   struct quals *ties_out, struct piece *piece_out);
bool semi_from_qual(struct level *level, const struct qual *qual, uint16_t table,
                    struct semi *semi_out);
/* An expression without subqueries as a query inside of this one, over the same tables, says it. */
struct expr *expr_one_deeper(struct planner *p, struct expr *expr);
/* Moves the quals that can be into a subquery of FROM; the others stay in quals. */
struct query *push_quals(struct level *level, struct query *query, struct quals *quals);
/* Planned where it is used, as a subquery. */
bool cte_is_inlined(const struct cte *cte);

/* ---- modify.c ---- */
struct plan *plan_modify(struct level *level);
