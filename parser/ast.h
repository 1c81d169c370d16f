/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The syntax tree: what was written, nothing looked up. Every node begins with struct ast_node and
 * is cast by its kind. Nodes, lists and strings live in the arena given to the parser and do not
 * point into the source text. Strings end with a zero byte and hold no other; identifiers are
 * already folded to lower case and cut to 63 bytes. NULL means "not written".
 *
 * Where syntax is only another spelling the tree holds the plain form: != is <>,
 * x::t and t 'x' are AST_CAST, extract(f FROM x) is a call of pg_catalog.extract('f', x), x AT TIME
 * ZONE z is pg_catalog.timezone(z, x), int is pg_catalog.int4.
 */

enum ast_kind {
    /* parts */
    AST_STRING = 1, /* ast_string: a name or a text inside a list */
    AST_STAR,       /* ast_node alone: the * of t.*, also in indirection */
    AST_NODE_LIST,  /* ast_node_list: a list as a list's item */
    AST_STATEMENT,  /* ast_statement */

    /* expressions */
    AST_CONST,
    AST_COLUMN_REF,
    AST_PARAM,
    AST_OPERATOR,
    AST_BOOL,
    AST_IS_TEST,
    AST_DISTINCT_FROM,
    AST_BETWEEN,
    AST_IN,
    AST_LIKE,
    AST_ANY_ALL,
    AST_EXISTS,
    AST_SUBQUERY,
    AST_ARRAY,
    AST_ARRAY_QUERY,
    AST_ROW,
    AST_CASE,
    AST_WHEN,
    AST_CAST,
    AST_COLLATE,
    AST_MINMAX,
    AST_NULLIF,
    AST_FUNCTION_CALL,
    AST_NAMED_ARG,
    AST_CURRENT_VALUE,
    AST_DEFAULT, /* ast_node alone: DEFAULT in VALUES and SET */
    AST_VECTOR,
    AST_INDIRECTION,
    AST_SUBSCRIPT,
    AST_GROUPING,
    AST_CURRENT_OF,
    AST_TYPE_NAME,

    /* queries */
    AST_SELECT,
    AST_WITH,
    AST_CTE,
    AST_TARGET,
    AST_MULTI_ASSIGN,
    AST_INTO,
    AST_SORT,
    AST_WINDOW,
    AST_LOCKING,
    AST_GROUPING_SET,
    AST_RANGE_VAR,
    AST_RANGE_SUBQUERY,
    AST_RANGE_FUNCTION,
    AST_FUNCTION_ITEM,
    AST_TABLESAMPLE,
    AST_JOIN,
    AST_ALIAS,

    /* statements, in ast_statement.h */
    AST_INSERT,
    AST_ON_CONFLICT,
    AST_UPDATE,
    AST_DELETE,
    AST_MERGE,
    AST_MERGE_WHEN,
    AST_TRUNCATE,
    AST_COPY,
    AST_OPTION,
    AST_CREATE_TABLE,
    AST_COLUMN_DEF,
    AST_CONSTRAINT,
    AST_TABLE_LIKE,
    AST_PARTITION_BY,
    AST_CREATE_TABLE_AS,
    AST_ALTER_TABLE,
    AST_ALTER_COMMAND,
    AST_RENAME,
    AST_SET_SCHEMA,
    AST_SET_OWNER,
    AST_CREATE_INDEX,
    AST_INDEX_ELEMENT,
    AST_DROP,
    AST_CREATE_VIEW,
    AST_REFRESH,
    AST_CREATE_SEQUENCE,
    AST_ALTER_SEQUENCE,
    AST_CREATE_SCHEMA,
    AST_CREATE_DATABASE,
    AST_ALTER_DATABASE,
    AST_DROP_DATABASE,
    AST_CREATE_ROLE,
    AST_ALTER_ROLE,
    AST_ALTER_SETTING,
    AST_DROP_ROLE,
    AST_ROLE,
    AST_COMMENT,
    AST_CREATE_EXTENSION,
    AST_CREATE_ENUM,
    AST_CREATE_DOMAIN,
    AST_ALTER_DOMAIN,
    AST_ALTER_ENUM,
    AST_GRANT,
    AST_PRIVILEGE,
    AST_GRANT_ROLE,
    AST_DEFAULT_PRIVILEGES,
    AST_OWNED,
    AST_ANALYZE,
    AST_VACUUM_RELATION,
    AST_REINDEX,
    AST_CLUSTER,
    AST_CHECKPOINT, /* ast_node alone */
    AST_CREATE_VECTORS,
    AST_TRANSACTION,
    AST_SET,
    AST_SHOW,
    AST_SET_CONSTRAINTS,
    AST_DISCARD,
    AST_EXPLAIN,
    AST_PREPARE,
    AST_EXECUTE,
    AST_DEALLOCATE,
    AST_DECLARE_CURSOR,
    AST_FETCH,
    AST_CLOSE,
    AST_NOTIFY,
    AST_LOCK_TABLE,
    AST_DO,
    AST_CALL,
    AST_UNSUPPORTED
};

struct ast_node {
    enum ast_kind kind;
    int32_t location; /* byte offset in the source text, -1 unknown */
    int32_t depth;    /* height of the tree below; kept by the parser, at most AST_DEPTH_MAX */
};

/* A growing array. A NULL pointer to a list is an empty list. */
struct ast_list {
    struct ast_node **items;
    int32_t count;
    int32_t capacity;
    int32_t depth; /* of the highest item */
};

static inline int32_t
ast_list_count(const struct ast_list *list)
{
    return list == NULL ? 0 : list->count;
}

static inline struct ast_node *
ast_list_get(const struct ast_list *list, int32_t index)
{
    return list->items[index];
}

struct ast_string {
    struct ast_node node;
    const char *text;
};

/* The text of an item that is an AST_STRING: the parts of dotted names are such lists. */
static inline const char *
ast_list_text(const struct ast_list *list, int32_t index)
{
    return ((const struct ast_string *)(const void *)list->items[index])->text;
}

/* The last part of a dotted name, and the part before it (NULL if there is none). */
static inline const char *
ast_name_last(const struct ast_list *names)
{
    return ast_list_text(names, names->count - 1);
}

static inline const char *
ast_name_schema(const struct ast_list *names)
{
    return names->count < 2 ? NULL : ast_list_text(names, names->count - 2);
}

struct ast_node_list {
    struct ast_node node;
    struct ast_list *list;
};

/* One statement of a text: bytes [offset, offset + size) without the semicolon and outer blanks. */
struct ast_statement {
    struct ast_node node;
    struct ast_node *statement;
    int32_t offset;
    int32_t size;
};

/* ---- expressions ---- */

enum ast_const_type {
    AST_CONST_NULL,
    AST_CONST_BOOL,
    AST_CONST_INTEGER, /* digits that fit int64: integer is set */
    AST_CONST_NUMERIC, /* every other number: text is set, as written */
    AST_CONST_STRING,  /* of type unknown */
    AST_CONST_BIT,     /* text is 0s and 1s */
    AST_CONST_HEX_BIT  /* text is hex digits */
};

struct ast_const {
    struct ast_node node;
    enum ast_const_type type;
    bool boolean;
    int64_t integer;
    const char *text;                 /* strings, numerics, bits */
    struct ast_type_name *shown_type; /* the binder's: what a string is printed with; else NULL */
};

/* a, t.a, s.t.a, t.*; the last item may be an AST_STAR, others are AST_STRING. */
struct ast_column_ref {
    struct ast_node node;
    struct ast_list *names;
};

struct ast_param {
    struct ast_node node;
    int32_t number;
};

/* Binary, or prefix when left is NULL. location is the operator's. */
struct ast_operator {
    struct ast_node node;
    const char *schema; /* from OPERATOR(schema.op), else NULL */
    const char *name;
    struct ast_node *left;
    struct ast_node *right;
};

enum ast_bool_type { AST_AND, AST_OR, AST_NOT };

struct ast_bool {
    struct ast_node node;
    enum ast_bool_type type;
    struct ast_list *args; /* two or more; NOT has one */
};

enum ast_is_test_type { AST_IS_NULL, AST_IS_TRUE, AST_IS_FALSE, AST_IS_UNKNOWN };

struct ast_is_test {
    struct ast_node node;
    enum ast_is_test_type type;
    bool is_negated;
    struct ast_node *arg;
};

struct ast_distinct_from {
    struct ast_node node;
    bool is_negated; /* IS NOT DISTINCT FROM */
    struct ast_node *left;
    struct ast_node *right;
};

struct ast_between {
    struct ast_node node;
    bool is_negated;
    bool is_symmetric;
    struct ast_node *arg;
    struct ast_node *low;
    struct ast_node *high;
};

/* Either list or query is set. */
struct ast_in {
    struct ast_node node;
    bool is_negated;
    struct ast_node *arg;
    struct ast_list *list;
    struct ast_select *query;
};

enum ast_like_type { AST_LIKE_LIKE, AST_LIKE_ILIKE, AST_LIKE_SIMILAR };

struct ast_like {
    struct ast_node node;
    enum ast_like_type type;
    bool is_negated;
    struct ast_node *arg;
    struct ast_node *pattern;
    struct ast_node *escape;
};

/* left op ANY|ALL (array or query). LIKE is ~~, ILIKE ~~*, negated !~~ and !~~*. */
struct ast_any_all {
    struct ast_node node;
    bool is_all;
    const char *schema;
    const char *name;
    struct ast_node *left;
    struct ast_node *array;
    struct ast_select *query;
};

/* AST_EXISTS, AST_SUBQUERY (a scalar) and AST_ARRAY_QUERY. */
struct ast_subquery {
    struct ast_node node;
    struct ast_select *query;
};

/* ARRAY[..]; inner brackets are AST_ARRAY items. */
struct ast_array {
    struct ast_node node;
    struct ast_list *elements;
};

struct ast_row {
    struct ast_node node;
    bool is_explicit; /* ROW(..), not (a, b) */
    struct ast_list *elements;
};

struct ast_case {
    struct ast_node node;
    struct ast_node *arg;
    struct ast_list *whens; /* ast_when */
    struct ast_node *otherwise;
};

struct ast_when {
    struct ast_node node;
    struct ast_node *condition;
    struct ast_node *result;
};

struct ast_cast {
    struct ast_node node;
    struct ast_node *arg;
    struct ast_type_name *type;
};

struct ast_collate {
    struct ast_node node;
    struct ast_node *arg;
    struct ast_list *names;
};

enum ast_minmax_type { AST_COALESCE, AST_GREATEST, AST_LEAST };

/* COALESCE, GREATEST, LEAST. */
struct ast_minmax {
    struct ast_node node;
    enum ast_minmax_type type;
    struct ast_list *args;
};

struct ast_nullif {
    struct ast_node node;
    struct ast_node *left;
    struct ast_node *right;
};

struct ast_function_call {
    struct ast_node node;
    struct ast_list *names;
    struct ast_list *args; /* ast_named_arg among them */
    bool is_star;          /* count(*) */
    bool is_distinct;
    bool is_variadic; /* of the last argument */
    bool is_within_group;
    bool is_sql_syntax;        /* EXTRACT(year FROM x), x AT TIME ZONE y, ... */
    struct ast_list *order_by; /* ast_sort; inside the call or WITHIN GROUP */
    struct ast_node *filter;
    struct ast_window *over;
};

struct ast_named_arg {
    struct ast_node node;
    const char *name;
    struct ast_node *arg;
};

enum ast_current_value_type {
    AST_CURRENT_DATE,
    AST_CURRENT_TIME,
    AST_CURRENT_TIMESTAMP,
    AST_LOCALTIME,
    AST_LOCALTIMESTAMP,
    AST_CURRENT_ROLE,
    AST_CURRENT_USER,
    AST_USER,
    AST_SESSION_USER,
    AST_CURRENT_CATALOG,
    AST_CURRENT_SCHEMA
};

struct ast_current_value {
    struct ast_node node;
    enum ast_current_value_type type;
    int32_t precision; /* -1: not written */
};

/*
 * [1, 2.5, -3e1]. When every element is a number, text is the literal as written, good for the
 * vector type's input function, and elements is NULL; else elements are expressions and text is
 * NULL. [] has text "[]".
 */
struct ast_vector {
    struct ast_node node;
    const char *text;
    int32_t count; /* of elements, in both forms */
    struct ast_list *elements;
};

/* (x).y, x[1].z: steps are AST_STRING (field), AST_SUBSCRIPT, and AST_STAR as the last. */
struct ast_indirection {
    struct ast_node node;
    struct ast_node *arg;
    struct ast_list *steps;
};

/* [upper] or, is_slice, [lower:upper] where both may be NULL. */
struct ast_subscript {
    struct ast_node node;
    bool is_slice;
    struct ast_node *lower;
    struct ast_node *upper;
};

/* GROUPING(a, b) */
struct ast_grouping {
    struct ast_node node;
    struct ast_list *args;
};

struct ast_current_of {
    struct ast_node node;
    const char *cursor;
};

/*
 * SQL's own spellings come as pg_catalog.int4, .varchar, .bpchar, .timestamptz ... with char and
 * bit given their length 1. interval's typmods are PostgreSQL's: the mask of fields (0x7fff for
 * all), then the precision.
 */
struct ast_type_name {
    struct ast_node node;
    struct ast_list *names;
    struct ast_list *typmods;
    int32_t array_dimensions;
    bool is_setof;
};

enum {
    AST_INTERVAL_MONTH = 1 << 1,
    AST_INTERVAL_YEAR = 1 << 2,
    AST_INTERVAL_DAY = 1 << 3,
    AST_INTERVAL_HOUR = 1 << 10,
    AST_INTERVAL_MINUTE = 1 << 11,
    AST_INTERVAL_SECOND = 1 << 12,
    AST_INTERVAL_ALL = 0x7fff
};

/* ---- queries ---- */

enum ast_set_operation { AST_SET_NONE, AST_UNION, AST_INTERSECT, AST_EXCEPT };

/*
 * SELECT, VALUES, TABLE and set operations. operation != NONE: left and right are set, targets and
 * what goes with them are not. values is set for VALUES. ORDER BY, LIMIT, locking and WITH can
 * stand on any. TABLE t is SELECT * FROM t.
 */
struct ast_select {
    struct ast_node node;
    int32_t parenthesis; /* where the one around it opens; of a subquery only */
    enum ast_set_operation operation;
    bool is_all; /* UNION ALL */
    struct ast_select *left;
    struct ast_select *right;

    bool is_distinct;
    struct ast_list *distinct_on; /* expressions; NULL: plain DISTINCT */
    struct ast_list *targets;     /* ast_target; may be NULL */
    struct ast_into *into;
    struct ast_list *from; /* ast_range_*, ast_join, ast_tablesample */
    struct ast_node *where;
    struct ast_list *group_by; /* expressions and ast_grouping_set */
    bool is_group_by_distinct;
    struct ast_node *having;
    struct ast_list *windows; /* ast_window with a name */
    struct ast_list *values;  /* ast_row each */

    struct ast_list *order_by; /* ast_sort */
    struct ast_node *limit;    /* LIMIT ALL is a NULL constant */
    struct ast_node *offset;
    bool is_with_ties;
    struct ast_list *locking; /* ast_locking */
    struct ast_with *with;
};

struct ast_with {
    struct ast_node node;
    bool is_recursive;
    struct ast_list *ctes;
};

enum ast_materialized { AST_MATERIALIZED_DEFAULT, AST_MATERIALIZED, AST_NOT_MATERIALIZED };

struct ast_cte {
    struct ast_node node;
    const char *name;
    struct ast_list *columns; /* AST_STRING */
    enum ast_materialized materialized;
    struct ast_node *query; /* ast_select, insert, update or delete */
};

/*
 * SELECT's output: name is the label or NULL. INSERT's column: name and indirection, no expression.
 * UPDATE's SET name indirection = expression.
 */
struct ast_target {
    struct ast_node node;
    const char *name;
    struct ast_list *indirection;
    struct ast_node *expression;
};

/* SET (a, b) = source, which is an ast_row, a subquery or any expression. */
struct ast_multi_assign {
    struct ast_node node;
    struct ast_list *targets; /* ast_target */
    struct ast_node *source;
};

enum ast_persistence { AST_PERMANENT, AST_TEMPORARY, AST_UNLOGGED };
enum ast_on_commit {
    AST_ON_COMMIT_NONE,
    AST_ON_COMMIT_PRESERVE,
    AST_ON_COMMIT_DELETE,
    AST_ON_COMMIT_DROP
};

/* SELECT INTO's target and CREATE TABLE AS's. */
struct ast_into {
    struct ast_node node;
    struct ast_range_var *relation;
    enum ast_persistence persistence;
    struct ast_list *columns;
    const char *access_method;
    struct ast_list *options;
    enum ast_on_commit on_commit;
    const char *tablespace;
};

enum ast_sort_direction { AST_SORT_DEFAULT, AST_SORT_ASC, AST_SORT_DESC, AST_SORT_USING };
enum ast_sort_nulls { AST_NULLS_DEFAULT, AST_NULLS_FIRST, AST_NULLS_LAST };

struct ast_sort {
    struct ast_node node;
    struct ast_node *expression;
    enum ast_sort_direction direction;
    enum ast_sort_nulls nulls;
    const char *operator_schema;
    const char *operator_name; /* USING */
};

enum ast_frame_mode { AST_FRAME_NONE, AST_FRAME_RANGE, AST_FRAME_ROWS, AST_FRAME_GROUPS };
enum ast_frame_bound {
    AST_UNBOUNDED_PRECEDING,
    AST_PRECEDING,
    AST_CURRENT_ROW,
    AST_FOLLOWING,
    AST_UNBOUNDED_FOLLOWING
};
enum ast_frame_exclusion {
    AST_EXCLUDE_NONE,
    AST_EXCLUDE_CURRENT_ROW,
    AST_EXCLUDE_GROUP,
    AST_EXCLUDE_TIES
};

/*
 * WINDOW name AS (..) and OVER. OVER name: reference is set and is_reference_only.
 * OVER (name ...): reference is the window built upon. start and end are meaningful when
 * frame_mode is not NONE; a missing end is CURRENT ROW.
 */
struct ast_window {
    struct ast_node node;
    const char *name;
    const char *reference;
    bool is_reference_only;
    struct ast_list *partition_by;
    struct ast_list *order_by;
    enum ast_frame_mode frame_mode;
    bool is_between; /* the end was written */
    enum ast_frame_bound start;
    enum ast_frame_bound end;
    enum ast_frame_exclusion exclusion;
    struct ast_node *start_offset;
    struct ast_node *end_offset;
};

enum ast_lock_strength { AST_FOR_KEY_SHARE, AST_FOR_SHARE, AST_FOR_NO_KEY_UPDATE, AST_FOR_UPDATE };
enum ast_lock_wait { AST_LOCK_WAIT, AST_LOCK_SKIP, AST_LOCK_NOWAIT };

struct ast_locking {
    struct ast_node node;
    enum ast_lock_strength strength;
    enum ast_lock_wait wait;
    struct ast_list *relations; /* ast_range_var */
};

enum ast_grouping_set_type {
    AST_GROUPING_EMPTY,
    AST_GROUPING_ROLLUP,
    AST_GROUPING_CUBE,
    AST_GROUPING_SETS
};

struct ast_grouping_set {
    struct ast_node node;
    enum ast_grouping_set_type type;
    struct ast_list *items;
};

struct ast_range_var {
    struct ast_node node;
    const char *catalog;
    const char *schema;
    const char *name;
    bool is_only;
    struct ast_alias *alias;
};

struct ast_range_subquery {
    struct ast_node node;
    bool is_lateral;
    struct ast_select *query;
    struct ast_alias *alias; /* NULL is PostgreSQL 15's error 42601; the binder raises it */
};

struct ast_range_function {
    struct ast_node node;
    bool is_lateral;
    bool is_rows_from;
    bool has_ordinality;
    struct ast_list *functions; /* ast_function_item */
    struct ast_alias *alias;
    struct ast_list *columns; /* ast_column_def: f() AS (a int, b text) */
};

struct ast_function_item {
    struct ast_node node;
    struct ast_node *call; /* a call, or what is spelled like one (CURRENT_USER, COALESCE) */
    struct ast_list *columns;
};

struct ast_tablesample {
    struct ast_node node;
    struct ast_node *relation;
    struct ast_list *method;
    struct ast_list *args;
    struct ast_node *repeatable;
};

enum ast_join_type { AST_JOIN_INNER, AST_JOIN_LEFT, AST_JOIN_RIGHT, AST_JOIN_FULL, AST_JOIN_CROSS };

struct ast_join {
    struct ast_node node;
    enum ast_join_type type;
    bool is_natural;
    struct ast_node *left;
    struct ast_node *right;
    struct ast_list *using_columns; /* AST_STRING */
    struct ast_alias *using_alias;
    struct ast_node *condition;
    struct ast_alias *alias; /* (a JOIN b ..) AS alias */
};

struct ast_alias {
    struct ast_node node;
    const char *name;
    struct ast_list *columns; /* AST_STRING */
};

#include "parser/ast_statement.h"
