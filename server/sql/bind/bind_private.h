/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/assert.h"
#include "server/sql/bind/bind.h"
#include "server/sql/bind/walk.h"

/* What the binder's files share. Nobody else includes this. */

/* Where an expression stands: decides what may be in it and how messages call the place. */
enum clause {
    CLAUSE_NONE,
    CLAUSE_TARGET,
    CLAUSE_WHERE,
    CLAUSE_ON,
    CLAUSE_FROM_FUNCTION,
    CLAUSE_GROUP,
    CLAUSE_HAVING,
    CLAUSE_ORDER,
    CLAUSE_DISTINCT_ON,
    CLAUSE_LIMIT,
    CLAUSE_OFFSET,
    CLAUSE_FILTER,
    CLAUSE_WINDOW,
    CLAUSE_FRAME,
    CLAUSE_VALUES,
    CLAUSE_UPDATE,
    CLAUSE_MERGE_WHEN,
    CLAUSE_RETURNING,
    CLAUSE_CHECK,
    CLAUSE_GENERATED,
    CLAUSE_INDEX_EXPRESSION,
    CLAUSE_INDEX_PREDICATE,
    CLAUSE_USING,
    CLAUSE_DEFAULT,
    CLAUSE_EXECUTE,
};

/* One name that a query's expressions can see: a table of the query, or a join that merges columns.
 */
struct ns_column {
    const char *name; /* NULL: dropped */
    struct expr *expr;
};

struct ns_item {
    const char *name;            /* alias or table name; NULL: cannot be named */
    const struct table_ref *ref; /* NULL: a join */
    uint16_t table;
    struct ns_column *columns; /* joins only */
    uint16_t column_count;
    bool is_table_visible;    /* t.a, t.* */
    bool are_columns_visible; /* a, * */
    bool can_lateral;
};

/* A CTE's name while its scope lives. */
struct cte_name {
    struct cte_name *next;
    struct cte *cte;
    const struct ast_list *aliases;
    int location;
    bool is_union;   /* first part UNION second part: may be recursive */
    bool is_pending; /* its non-recursive part is not bound yet */
    bool is_open;    /* its recursive part is being bound: a reference is a recursion */
};

struct named_window {
    const char *name;
    const struct ast_window *ast;
    struct window_spec *spec;
    bool has_frame;
};

/* One level of query. levels_up of an EXPR_COLUMN counts these. */
struct scope {
    struct scope *parent;
    struct query *query; /* NULL for stand-alone expressions */
    struct ns_item *items;
    int item_count;
    int item_capacity;
    int visible_from; /* items before it cannot be seen at this point of the FROM clause */
    enum clause clause;
    uint16_t table_capacity;
    bool has_aggregates;
    bool is_input;          /* columns become EXPR_INPUT: expressions over one row of a table */
    bool are_unknowns_kept; /* literals of the target list stay unknown: set operations, INSERT */
    struct cte_name *ctes;
    const struct ast_with *with; /* being bound: items further on are known by name only */
    struct cte_name *recursive;  /* this query is the body of a recursive CTE */
    struct named_window *windows;
    int window_count;
    struct expr *distance; /* KyroDB's vector form: what the name dist means */
};

struct unknown_param {
    struct unknown_param *next;
    struct expr *expr;
};

/* State of one bind_* call. */
struct binder {
    struct bind_context *context;
    struct ky_arena *arena;
    const struct cat_image *image;
    struct ky_error *err;
    const char *sql;
    size_t sql_size; /* 0: positions mean nothing here (views, defaults) */
    int query_depth;
    int view_depth;
    struct unknown_param *unknown_params;
    const struct type *type_bool;
    const struct type *type_unknown;
};

void binder_init(struct binder *b, struct bind_context *context, struct ky_error *err);
/* Types of parameters that context gave; 42P18 for those nothing said. */
KY_MUST_CHECK ky_status binder_finish(struct binder *b);

/* Raises with the position of a byte offset. */
KY_COLD ky_status bind_error(struct binder *b, int location, enum ky_sqlstate sqlstate,
                             const char *format, ...) KY_PRINTF(4, 5);
#define bind_error(...) ky_error_raised((bind_error)(__VA_ARGS__))
/* Adds the position to an error already there. */
KY_COLD ky_status bind_error_at(struct binder *b, int location);
#define bind_error_at(...) ky_error_raised((bind_error_at)(__VA_ARGS__))

/* ---- make.c: nodes ---- */
struct expr *expr_new(struct binder *b, enum expr_kind kind, const struct type *type, int location);
struct expr *expr_const(struct binder *b, const struct type *type, struct datum value,
                        int location);
struct expr *expr_column(struct binder *b, const struct table_ref *ref, uint16_t table,
                         uint16_t column, uint16_t levels_up, int location);
struct expr *expr_with_args(struct binder *b, enum expr_kind kind, const struct type *type,
                            int location, int arg_count, ...);
struct expr *expr_not(struct binder *b, struct expr *arg);
/* The leftmost place of an expression, as PostgreSQL points at it. */
int expr_location(const struct expr *expr);
int node_location(const struct ast_node *node);
static inline bool
expr_is_unknown(const struct expr *expr)
{
    return expr->type->oid == OID_UNKNOWN;
}

/* Trees that are to be printed: what struct expr_written is for. */
static inline bool
is_written(const struct binder *b)
{
    return b->context->keeps_written;
}
/* Of the expression, to be filled in. */
struct expr_written *expr_written_of(struct binder *b, struct expr *expr);

/* ---- fold.c ---- */
/* The constant an expression over constants comes to, or the expression itself. */
struct expr *fold(struct binder *b, struct expr *expr);

/* ---- coerce.c ---- */
bool can_coerce(oid_t source, oid_t target, enum cast_context context);
/* 42804 is the caller's: *out NULL when there is no cast. */
KY_MUST_CHECK ky_status coerce_or_null(struct binder *b, struct expr *expr,
                                       const struct type *target, int32_t typmod,
                                       enum cast_context context, int location, struct expr **out);
/* 42846 when there is no cast. */
KY_MUST_CHECK ky_status coerce(struct binder *b, struct expr *expr, const struct type *target,
                               int32_t typmod, enum cast_context context, int location,
                               struct expr **out);
KY_MUST_CHECK ky_status coerce_boolean(struct binder *b, struct expr *expr, const char *construct,
                                       struct expr **out);
/* LIMIT and the like: "argument of LIMIT must be type bigint, not type text". */
KY_MUST_CHECK ky_status coerce_specific(struct binder *b, struct expr *expr,
                                        const struct type *target, const char *construct,
                                        struct expr **out);
/* The type UNION, CASE and their kind give to expressions of several types. */
KY_MUST_CHECK ky_status common_type(struct binder *b, struct expr *const *exprs, int count,
                                    const char *construct, const struct type **type_out);
/* NULL instead of an error. */
const struct type *common_type_or_null(struct expr *const *exprs, int count);
KY_MUST_CHECK ky_status coerce_common(struct binder *b, struct expr *expr,
                                      const struct type *target, const char *construct,
                                      struct expr **out);
/* A literal that nothing gave a type becomes text. */
KY_MUST_CHECK ky_status resolve_unknown(struct binder *b, struct expr *expr, struct expr **out);
int32_t common_typmod(struct expr *const *exprs, int count, const struct type *type);

/* ---- resolve.c: chapter 10 of the manual ---- */
struct resolved_call {
    const struct func *func;
    const struct type *result;
    oid_t *args;       /* one per argument: what it is coerced to */
    bool is_variadic;  /* the trailing arguments are to be gathered or passed one by one */
    bool is_type_cast; /* int4(x): cast to result */
};
KY_MUST_CHECK ky_status resolve_function(struct binder *b, const struct ast_list *names,
                                         struct expr **args, int arg_count, bool is_variadic_call,
                                         int location, struct resolved_call *call_out);
/* left NULL: prefix. */
KY_MUST_CHECK ky_status resolve_operator(struct binder *b, const char *schema, const char *name,
                                         oid_t left, oid_t right, int location,
                                         const struct operator** operator_out);
/* Resolves, coerces both sides, folds. */
KY_MUST_CHECK ky_status make_operator(struct binder *b, const char *schema, const char *name,
                                      struct expr *left, struct expr *right, int location,
                                      struct expr **out);
KY_MUST_CHECK ky_status coerce_operands(struct binder *b, const struct operator* op,
                                        struct expr **left, struct expr **right, int location,
                                        const struct type **result_out);
/* Declared and actual types to result; in: declared (polymorphic) types. */
KY_MUST_CHECK ky_status resolve_polymorphic(struct binder *b, oid_t *declared, const oid_t *actual,
                                            int count, oid_t result, int location,
                                            oid_t *result_out);
bool type_is_polymorphic(oid_t oid);

/* ---- scope.c: names ---- */
void scope_init(struct scope *scope, struct scope *parent, struct query *query);
struct ns_item *scope_add_item(struct binder *b, struct scope *scope);
/* Adds a table to the query and its name to the scope. 42712 comes from scope_check_alias. */
uint16_t scope_add_table(struct binder *b, struct scope *scope, struct table_ref *ref);
KY_MUST_CHECK ky_status bind_column_ref(struct binder *b, struct scope *scope,
                                        const struct ast_column_ref *node, struct expr **out);
/* What the program around the query calls so: NULL, or a parameter, or an EXPR_ROW of them. */
KY_MUST_CHECK ky_status bind_variable(struct binder *b, const struct ast_list *names, bool is_only,
                                      int location, struct expr **out);
/* *out stays NULL when no table in sight has the column. */
KY_MUST_CHECK ky_status scope_find_column(struct binder *b, struct scope *scope, const char *name,
                                          int location, struct expr **out);
/* NULL: no such table in sight. */
const struct ns_item *scope_find_item(struct binder *b, struct scope *scope, const char *schema,
                                      const char *name, uint16_t *levels_up_out);
struct expr *item_column(struct binder *b, const struct scope *scope, const struct ns_item *item,
                         uint16_t column, uint16_t levels_up, int location);
/* A copy of a merged column's expression as seen levels_up queries below. */
struct expr *raise_levels(struct binder *b, const struct expr *expr, uint16_t levels_up,
                          int location);
uint16_t item_column_count(const struct ns_item *item);
const char *item_column_name(const struct ns_item *item, uint16_t column);
KY_MUST_CHECK ky_status item_whole_row(struct binder *b, const struct scope *scope,
                                       const struct ns_item *item, uint16_t levels_up, int location,
                                       struct expr **out);
KY_COLD ky_status error_missing_table(struct binder *b, struct scope *scope, const char *name,
                                      int location);

/* ---- expr.c and its parts ---- */
KY_MUST_CHECK ky_status bind_expr(struct binder *b, struct scope *scope,
                                  const struct ast_node *node, struct expr **out);
KY_MUST_CHECK ky_status bind_expr_in(struct binder *b, struct scope *scope, enum clause clause,
                                     const struct ast_node *node, struct expr **out);
KY_MUST_CHECK ky_status bind_condition(struct binder *b, struct scope *scope, enum clause clause,
                                       const char *construct, const struct ast_node *node,
                                       struct expr **out);
KY_MUST_CHECK ky_status bind_in(struct binder *b, struct scope *scope, const struct ast_in *node,
                                struct expr **out);
KY_MUST_CHECK ky_status bind_any_all(struct binder *b, struct scope *scope,
                                     const struct ast_any_all *node, struct expr **out);
KY_MUST_CHECK ky_status bind_between(struct binder *b, struct scope *scope,
                                     const struct ast_between *node, struct expr **out);
KY_MUST_CHECK ky_status bind_like(struct binder *b, struct scope *scope,
                                  const struct ast_like *node, struct expr **out);
KY_MUST_CHECK ky_status bind_distinct_from(struct binder *b, struct scope *scope,
                                           const struct ast_distinct_from *node, struct expr **out);
KY_MUST_CHECK ky_status bind_subquery_expr(struct binder *b, struct scope *scope,
                                           const struct ast_node *node, struct expr **out);
KY_MUST_CHECK ky_status bind_row_operator(struct binder *b, const char *schema, const char *name,
                                          struct expr *const *left, struct expr *const *right,
                                          int count, int location, struct expr **out);
KY_MUST_CHECK ky_status bind_call(struct binder *b, struct scope *scope,
                                  const struct ast_function_call *node, struct expr **out);
/* Finds the query that an aggregate or GROUPING is of, and whether it may stand there. */
KY_MUST_CHECK ky_status check_aggregate(struct binder *b, struct scope *scope, struct expr *call);
KY_MUST_CHECK ky_status bind_grouping(struct binder *b, struct scope *scope,
                                      const struct ast_grouping *node, struct expr **out);
/* A call of pg_catalog's function of this name. */
KY_MUST_CHECK ky_status make_call(struct binder *b, struct scope *scope, const char *name,
                                  struct expr **args, int arg_count, int location,
                                  struct expr **out);
KY_MUST_CHECK ky_status bind_array(struct binder *b, struct scope *scope,
                                   const struct ast_array *node, const struct type *wanted,
                                   struct expr **out);
KY_MUST_CHECK ky_status bind_vector(struct binder *b, struct scope *scope,
                                    const struct ast_vector *node, struct expr **out);
/* Subscripts that stand one after another: those of one array or jsonb. */
struct subscript_run {
    int32_t first;
    int32_t end;
    bool is_slice;
};
struct subscript_run subscript_run_at(const struct ast_list *steps, int32_t first);
/* Integers; of a slice a lower and an upper bound each, NULL where it is open. */
KY_MUST_CHECK ky_status bind_array_subscripts(struct binder *b, struct scope *scope,
                                              const struct ast_list *steps,
                                              const struct subscript_run *run, struct expr **out);
/* Each text or int4. */
KY_MUST_CHECK ky_status bind_jsonb_subscripts(struct binder *b, struct scope *scope,
                                              const struct ast_list *steps,
                                              const struct subscript_run *run, struct expr **out);
KY_MUST_CHECK ky_status bind_indirection(struct binder *b, struct scope *scope,
                                         const struct ast_indirection *node, struct expr **out);
KY_MUST_CHECK ky_status bind_current_value(struct binder *b, struct scope *scope,
                                           const struct ast_current_value *node, struct expr **out);
/* Names and types of a composite's fields; count 0: not known. */
int composite_fields(const struct expr *expr, const char ***names_out,
                     const struct type ***types_out, struct ky_arena *arena);
struct expr *make_field(struct binder *b, struct expr *composite, int index,
                        const struct type *type, int location);
/* What a column of a subquery stands for, through all of them; other expressions are themselves. */
const struct expr *composite_source(const struct scope *scope, const struct expr *expr);
KY_MUST_CHECK ky_status bind_cast(struct binder *b, struct scope *scope,
                                  const struct ast_cast *node, struct expr **out);
KY_MUST_CHECK ky_status bind_type(struct binder *b, const struct ast_type_name *name,
                                  const struct type **type_out, int32_t *typmod_out);
/* With bind_context.writes_names: a literal read as a user's type says so in the syntax tree. */
void write_literal_type(struct binder *b, const struct expr *literal, const struct type *type);
/* "check constraints". */
const char *clause_name(enum clause clause);
/* An expression that is kept with a table: it may hold no query. */
bool clause_is_rule(enum clause clause);
KY_MUST_CHECK ky_status bind_window_spec(struct binder *b, struct scope *scope,
                                         const struct ast_window *node,
                                         struct window_spec **spec_out);
/* Those of WINDOW, used or not, into the query. */
KY_MUST_CHECK ky_status bind_all_windows(struct binder *b, struct scope *scope);
KY_MUST_CHECK ky_status bind_named_windows(struct binder *b, struct scope *scope,
                                           const struct ast_list *windows);

/* ---- watch.c: for context->watch; expr: what a name or a part of a star was found to be ---- */
void watch_column(struct binder *b, const struct scope *scope, const struct ast_column_ref *node,
                  const struct expr *expr);
void watch_star(struct binder *b, const struct scope *scope, const struct expr *expr);
void watch_merge(struct binder *b, const struct scope *scope, const struct expr *expr);
void watch_relation(struct binder *b, const struct ast_range_var *read,
                    const struct cat_table *table);
/* label: what the target was called before it was bound. */
void watch_target(struct binder *b, const struct ast_target *read, const char *label);

/* ---- label.c ---- */
const char *column_label(const struct ast_node *node);

/* ---- query level ---- */
KY_MUST_CHECK ky_status bind_statement(struct binder *b, struct scope *parent,
                                       const struct ast_node *node, struct query **out);
KY_MUST_CHECK ky_status bind_select(struct binder *b, struct scope *parent,
                                    const struct ast_select *node, bool are_unknowns_kept,
                                    struct query **out);
KY_MUST_CHECK ky_status bind_select_body(struct binder *b, struct scope *scope,
                                         const struct ast_select *node);
KY_MUST_CHECK ky_status bind_set_operation(struct binder *b, struct scope *scope,
                                           const struct ast_select *node);
KY_MUST_CHECK ky_status bind_values(struct binder *b, struct scope *scope,
                                    const struct ast_select *node);
KY_MUST_CHECK ky_status bind_with(struct binder *b, struct scope *scope,
                                  const struct ast_with *with);
KY_MUST_CHECK ky_status bind_from(struct binder *b, struct scope *scope,
                                  const struct ast_list *from);
KY_MUST_CHECK ky_status bind_targets(struct binder *b, struct scope *scope,
                                     const struct ast_list *list, enum clause clause,
                                     struct target **targets_out, uint16_t *count_out);
/* The output column that node names (*out NULL: none), or the one whose place it is. */
KY_MUST_CHECK ky_status target_by_name(struct binder *b, const struct query *query,
                                       const struct ast_node *node, const char *construct,
                                       struct expr **out);
KY_MUST_CHECK ky_status target_by_number(struct binder *b, const struct query *query,
                                         const struct ast_node *node, const char *construct,
                                         struct expr **out);
/* The target equal to expr, or expr itself. */
struct expr *target_or_expr(const struct query *query, struct expr *expr);
KY_MUST_CHECK ky_status bind_order_and_limit(struct binder *b, struct scope *scope,
                                             const struct ast_select *node);
KY_MUST_CHECK ky_status bind_limit(struct binder *b, struct scope *scope,
                                   const struct ast_select *node);
KY_MUST_CHECK ky_status bind_group_by(struct binder *b, struct scope *scope,
                                      const struct ast_list *list);
/* ROLLUP and its kind, then what all of GROUP BY comes to. */
KY_MUST_CHECK ky_status bind_grouping_sets(struct binder *b, struct scope *scope,
                                           const struct ast_list *list);
/* Adds an expression to group_by, if it is not there. */
KY_MUST_CHECK ky_status add_group_key(struct binder *b, struct scope *scope,
                                      const struct ast_node *node, uint16_t *key_out);
KY_MUST_CHECK ky_status bind_distinct(struct binder *b, struct scope *scope,
                                      const struct ast_select *node);
KY_MUST_CHECK ky_status bind_locking(struct binder *b, struct scope *scope,
                                     const struct ast_select *node);
KY_MUST_CHECK ky_status check_grouping(struct binder *b, struct scope *scope);
KY_MUST_CHECK ky_status bind_sort_options(struct binder *b, const struct ast_sort *sort,
                                          struct sort_key *key);
KY_MUST_CHECK ky_status bind_sort_key(struct binder *b, struct scope *scope,
                                      const struct ast_sort *sort, struct sort_key *key_out);
KY_MUST_CHECK ky_status bind_vector_form(struct binder *b, struct scope *scope,
                                         const struct ast_select *node,
                                         const struct ast_node **where_out);
/* Can its columns be coerced by changing its targets? Otherwise bind it with bind_wrapped. */
bool is_query_simple(const struct query *query);
/* SELECT * FROM (node): for sources whose order or distinctness depends on their own columns.
 * are_unknowns_kept: literals and parameters without a type are targets themselves, of any type. */
KY_MUST_CHECK ky_status bind_wrapped(struct binder *b, struct scope *parent,
                                     const struct ast_select *node, bool are_unknowns_kept,
                                     struct query **out);
/* Changes one column of a simple query. The callback makes the new expression. */
typedef ky_status (*column_change)(struct binder *b, struct expr *expr, void *self,
                                   struct expr **out);
KY_MUST_CHECK ky_status change_column(struct binder *b, struct query *query, uint16_t column,
                                      column_change change, void *self);
void add_hidden_target(struct binder *b, struct query *query, struct expr *expr);
uint16_t query_width(const struct query *query);
/* The columns of a subquery as others see it: targets that are not hidden, or RETURNING. */
void query_columns(struct binder *b, const struct query *query, const struct ast_list *aliases,
                   struct table_column **columns_out, uint16_t *count_out);

/* ---- dml ---- */
KY_MUST_CHECK ky_status bind_insert(struct binder *b, struct scope *parent,
                                    const struct ast_insert *node, struct query **out);
KY_MUST_CHECK ky_status bind_update(struct binder *b, struct scope *parent,
                                    const struct ast_update *node, struct query **out);
KY_MUST_CHECK ky_status bind_delete(struct binder *b, struct scope *parent,
                                    const struct ast_delete *node, struct query **out);
KY_MUST_CHECK ky_status bind_merge(struct binder *b, struct scope *parent,
                                   const struct ast_merge *node, struct query **out);
/* The columns of a new row: what node says, else defaults. */
KY_MUST_CHECK ky_status bind_merge_insert(struct binder *b, struct scope *scope,
                                          const struct ast_merge_when *node,
                                          struct merge_action *action);
KY_MUST_CHECK ky_status bind_target_table(struct binder *b, struct scope *scope,
                                          const struct ast_range_var *name, const char *verb);
/* The new value of a column of which target's indirection names a part: base, with the part set to
 * value or (value NULL) to what node says. */
KY_MUST_CHECK ky_status bind_part(struct binder *b, struct scope *scope,
                                  const struct ast_target *target, const struct cat_column *column,
                                  struct expr *base, const struct ast_node *node,
                                  struct expr *value, struct expr **out);
KY_MUST_CHECK ky_status bind_assignments(struct binder *b, struct scope *scope,
                                         const struct ast_list *sets);
KY_MUST_CHECK ky_status bind_on_conflict(struct binder *b, struct scope *scope,
                                         const struct ast_on_conflict *node);
KY_MUST_CHECK ky_status bind_returning(struct binder *b, struct scope *scope,
                                       const struct ast_list *list);
KY_MUST_CHECK ky_status bind_row_rules(struct binder *b, struct query *query,
                                       const struct cat_table *table);
KY_MUST_CHECK ky_status bind_column_default(struct binder *b, const struct cat_table *table,
                                            uint16_t column, struct expr **out);
/* domain.c. The value, of the domain's base type, once it is found to be the domain's. */
KY_MUST_CHECK ky_status bind_domain(struct binder *b, const struct cat_type *domain,
                                    struct expr *value, struct expr **out);
/* A condition that is true, or an error: the row's column is one of its domain's. NULL: there is
 * nothing to ask. */
KY_MUST_CHECK ky_status bind_domain_rule(struct binder *b, const struct cat_column *column,
                                         struct expr **out);
KY_MUST_CHECK ky_status coerce_assignment(struct binder *b, const struct cat_column *column,
                                          struct expr *expr, struct expr **out);
/* Names are the columns of one row of the table (NULL: there are none), as EXPR_INPUT. */
void scope_init_row(struct binder *b, struct scope *scope, enum clause clause,
                    const struct cat_table *table);
KY_MUST_CHECK ky_status bind_table_expr(struct binder *b, const struct cat_table *table,
                                        const char *sql, enum clause clause,
                                        const struct type *wanted, int32_t typmod,
                                        struct expr **out);
KY_MUST_CHECK ky_status find_relation(struct binder *b, const struct ast_range_var *name,
                                      bool is_missing_ok, struct cat_table **out);
struct table_ref *make_relation_ref(struct binder *b, struct cat_table *table, const char *alias);
KY_MUST_CHECK ky_status apply_column_aliases(struct binder *b, struct table_ref *ref,
                                             const struct ast_alias *alias);
